/** Feeds watchers with what one controller decides, how it does, and what it saves. Main thread. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Topic } from '../io/zeromq/protocol/protocol.js';
import type { CheckpointReport, StateReport } from '../io/zeromq/protocol/telemetry-reports.js';
import type { ControllerHost } from './controller-host.js';

/** The state is told so often, and looked at more often for changes that watchers are told of at once [ms]. */
const STATE_MS = 200;
const LOOK_MS = 20;

/** Where telemetry goes: `ZeromqPort.telemetry`, `ZeromqWatch.telemetry`. */
export interface TelemetrySink {
  /** Whether anybody would get it. */
  watched(topic: Topic, robot: string): boolean;
  decision(robot: string, record: Float64Array): void;
  state(robot: string, state: StateReport): void;
  checkpoint(robot: string, checkpoint: CheckpointReport): void;
  /** The robot has gone: what only those who come later would be told need not be kept. */
  forget(robot: string): void;
}

export interface HostTelemetryOptions {
  host: ControllerHost;
  sink: TelemetrySink;
  /** Whose topics it goes to; null: nobody's, for now. */
  robot: () => string | null;
  /** Whether its decisions are anybody's. */
  driven: () => boolean;
  report: (robot: string) => StateReport;
  tell: (text: string) => void;
}

/** Nothing here is worth a run: what throws is counted, told once, and tried again with the next. */
export class HostTelemetry {
  readonly #options: HostTelemetryOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #endDecisions: () => void;
  #toldMs = Number.NEGATIVE_INFINITY;
  /** What is told of at once when it changes. */
  #told = '';
  #driven = false;
  #robot: string | null = null;
  #failures = 0;

  constructor(options: HostTelemetryOptions) {
    this.#options = options;
    this.#endDecisions = options.host.controller.onDecision((record) => {
      this.#guarded(() => {
        const robot = options.robot();
        if (robot !== null && this.#driven) options.sink.decision(robot, record);
      });
    });
    this.#timer = setInterval(() => this.#guarded(() => this.#look()), LOOK_MS);
  }

  /** Messages that could not be made. */
  get failures(): number {
    return this.#failures;
  }

  /** Tells the state now, whether or not it has changed. */
  changed(): void {
    this.#toldMs = Number.NEGATIVE_INFINITY;
    this.#guarded(() => this.#look());
  }

  /** Tells of the newest checkpoint, file and all. */
  async saved(): Promise<void> {
    const { host, sink, robot } = this.#options;
    const { checkpointing } = host;
    const name = robot();
    if (checkpointing === null || name === null) return;
    const { savedPath, savedProgress } = checkpointing;
    try {
      const data = await readFile(savedPath);
      sink.checkpoint(name, {
        t: host.controller.clock.nowNs() / 1e9,
        robot: name,
        file: basename(savedPath),
        ...savedProgress,
        bytes: data.length,
        sha256: createHash('sha256').update(data).digest('hex'),
        data,
      });
      if (robot() !== name) sink.forget(name);
    } catch (error) {
      this.#failed(`watchers were not told of ${savedPath}`, error);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#endDecisions();
  }

  #look(): void {
    const { host, sink, robot, driven, report } = this.#options;
    this.#driven = driven();
    const name = robot();
    if (this.#robot !== null && this.#robot !== name) sink.forget(this.#robot);
    this.#robot = name;
    if (name === null) return;
    const nowMs = performance.now();
    const told = `${name} ${this.#driven} ${host.why} ${host.armed} ${host.frozen}`;
    // Nobody hears of a change where nobody watches: whoever comes is told the state as it was a moment ago.
    const changed = told !== this.#told && sink.watched('state', name);
    if (!changed && nowMs - this.#toldMs < STATE_MS) return;
    this.#told = told;
    this.#toldMs = nowMs;
    sink.state(name, report(name));
  }

  #guarded(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#failed('telemetry failed', error);
    }
  }

  #failed(what: string, error: unknown): void {
    if (this.#failures++ > 0) return;
    this.#options.tell(
      `${what}: ${error instanceof Error ? error.message : error}; it is tried again, and not told again`,
    );
  }
}
