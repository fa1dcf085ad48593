/**
 * What a node tells of itself on topics of its own: every decision, how it is, what it has learned, and that it arrived.
 *
 * Main thread. @realtime unsafe
 */
import { createHash } from 'node:crypto';
import { DecisionField } from '../../memory/layout.js';
import type { ParameterValues } from '../../parameters/schema.js';
import { CdrWriter } from './cdr/write-cdr.js';
import { writeCheckpoint, writePose } from './cdr/write-telemetry.js';
import type { EntityScope } from './entity-scope.js';
import { MessageType, OutputTopic } from './names.js';
import type { RclPublisher } from './rcl.js';
import type { StampSource } from './ros-time.js';
import { Subscribers } from './subscribers.js';

/**
 * The state is told so often, and looked at more often for what changes by itself [ms]; `changed` tells an order at once. A
 * report is made for each look: 50 a second were half a percent of a processor, a tenth of all that the node takes.
 */
const STATE_MS = 1000;
const LOOK_MS = 100;
const NS_PER_S = 1_000_000_000n;

/** `ControllerState.msg` says what each means. */
export interface StateReport {
  readonly state: 'idle' | 'starting' | 'running' | 'stalled' | 'latched' | 'dead' | 'stopped';
  /** Empty while it has not failed. */
  readonly fault: string;
  readonly armed: boolean;
  readonly halted: boolean;
  readonly frozen: boolean;
  readonly breakerOpen: boolean;
  readonly breakerOpenings: number;
  readonly cycles: number;
  readonly updates: number;
  readonly missesLate: number;
  readonly missesLong: number;
  readonly interventions: number;
  readonly driftAlarms: number;
  readonly decisionsLost: number;
}

/** Makes messages whose layout the flight log shares: `MessageEncoder` in src/telemetry is one. */
export interface TelemetryEncoder {
  /** A whole Decision as CDR; the view is valid until the next call of either. @param record index with `DecisionField` */
  decision(stampNs: bigint, record: Float64Array): Uint8Array;
  /** A whole ControllerState as CDR. */
  state(stampNs: bigint, state: StateReport, logMessagesLost: number): Uint8Array;
}

/** A checkpoint's file, and what it says. */
export interface CheckpointFile {
  readonly policyId: string;
  readonly formatVersion: number;
  /** Hex digits. */
  readonly schemaHash: string;
  readonly updates: number;
  readonly cycles: number;
  readonly episodes: number;
  readonly data: Uint8Array;
}

export interface TelemetryOutputOptions {
  readonly scope: EntityScope;
  readonly parameters: Pick<ParameterValues, 'base_frame' | 'odom_frame'>;
  readonly stamps: StampSource;
  readonly encoder: TelemetryEncoder;
  /** How the controller is, whenever it is asked. */
  readonly state: () => StateReport;
  /** Messages that the flight log lost; 0 where there is none. */
  readonly logMessagesLost?: () => number;
  /** Whether the robot's goal is where it was sent, and no point on its way along a plan. Always, where absent. */
  readonly goalIsFinal?: () => boolean;
  /** Told, in a sentence, what a person must see. */
  readonly notice: (text: string) => void;
}

export class TelemetryOutput {
  readonly #options: TelemetryOutputOptions;
  readonly #decisions: RclPublisher;
  readonly #states: RclPublisher;
  readonly #checkpoints: RclPublisher;
  readonly #arrivals: RclPublisher;
  readonly #watchers: Subscribers;
  readonly #timer: NodeJS.Timeout;
  readonly #writer = new CdrWriter();
  readonly #stamp = new Int32Array(2);
  #toldMs = Number.NEGATIVE_INFINITY;
  #told = '';
  #reachedGoal = 0;
  #failures = 0;

  /** Makes the publishers, and tells the state from now on. */
  constructor(options: TelemetryOutputOptions) {
    const { scope } = options;
    this.#options = options;
    this.#decisions = scope.publisher(MessageType.decision, OutputTopic.decision, 'stream');
    this.#states = scope.publisher(MessageType.state, OutputTopic.state, 'latched');
    this.#checkpoints = scope.publisher(MessageType.checkpoint, OutputTopic.checkpoint, 'latched');
    this.#arrivals = scope.publisher(MessageType.poseStamped, OutputTopic.goalReached, 'reliable');
    this.#watchers = new Subscribers(scope, this.#decisions);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  /** Messages that could not be sent. */
  get failures(): number {
    return this.#failures;
  }

  /** Takes in a decision: to be called with each. Nothing is made of it while nobody listens. @param record not kept */
  decision(record: Float64Array): void {
    if (record[DecisionField.arrived] === 1) this.#arrived(record);
    this.#guarded(OutputTopic.decision, () => {
      if (!this.#watchers.any) return;
      const { encoder } = this.#options;
      this.#decisions.publish(bufferOf(encoder.decision(this.#stampOf(record[DecisionField.timeNs]), record)));
    });
  }

  /** Tells the state now, whether or not it has changed. */
  changed(): void {
    this.#toldMs = Number.NEGATIVE_INFINITY;
    this.#look();
  }

  /** What is learned is on the disk; who comes later is told the newest. */
  checkpoint(file: CheckpointFile): void {
    this.#guarded(OutputTopic.checkpoint, () => {
      const checksum = createHash('sha256').update(file.data).digest('hex');
      this.#options.stamps.rosNowInto(this.#stamp);
      const { base_frame: frame } = this.#options.parameters;
      this.#checkpoints.publish(writeCheckpoint(this.#writer, this.#stamp, frame, file, checksum));
    });
  }

  /** Tells the state a last time, and nothing more; the scope destroys the publishers. */
  close(): void {
    this.changed();
    clearInterval(this.#timer);
  }

  #arrived(record: Float64Array): void {
    const goal = record[DecisionField.goalCount];
    if (goal === this.#reachedGoal) return;
    this.#reachedGoal = goal;
    if (this.#options.goalIsFinal?.() === false) return;
    this.#guarded(OutputTopic.goalReached, () => {
      this.#options.stamps.rosTimeInto(record[DecisionField.timeNs], this.#stamp);
      const { odom_frame: frame } = this.#options.parameters;
      const x = record[DecisionField.goalX];
      const y = record[DecisionField.goalY];
      this.#arrivals.publish(writePose(this.#writer, this.#stamp, frame, x, y));
    });
  }

  #look(): void {
    this.#guarded(OutputTopic.state, () => {
      const { encoder, logMessagesLost } = this.#options;
      const state = this.#options.state();
      const told = `${state.state} ${state.armed} ${state.halted} ${state.frozen} ${state.breakerOpen} ${state.fault}`;
      const nowMs = performance.now();
      if (told === this.#told && nowMs - this.#toldMs < STATE_MS) return;
      this.#told = told;
      this.#toldMs = nowMs;
      this.#options.stamps.rosNowInto(this.#stamp);
      this.#states.publish(bufferOf(encoder.state(nsOf(this.#stamp), state, logMessagesLost?.() ?? 0)));
    });
  }

  #stampOf(controllerNs: number): bigint {
    this.#options.stamps.rosTimeInto(controllerNs, this.#stamp);
    return nsOf(this.#stamp);
  }

  /** Nothing here is worth a run: what throws is counted, told once, and tried again with the next. */
  #guarded(topic: string, body: () => void): void {
    try {
      body();
    } catch (error) {
      if (this.#failures++ > 0) return;
      this.#options.notice(`${topic} could not be sent: ${error instanceof Error ? error.message : error}`);
    }
  }
}

function nsOf(stamp: Int32Array): bigint {
  return BigInt(stamp[0]) * NS_PER_S + BigInt(stamp[1]);
}

/** The same bytes as rclnodejs takes them, not copied. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
