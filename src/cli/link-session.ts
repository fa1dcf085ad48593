/**
 * `rfsn run --port zeromq`: one controller for each robot that may drive at once, all of them laid out and running before
 * the first comes, behind one link. Robots come and go; what they learn is saved as they go, and as time passes.
 *
 * It ends in the order in which every run ends: the robots stop, what was learned is taken, the link lets go, and the
 * checkpoints are written.
 */
import { MonotonicClock } from '../core/clock.js';
import { LOCAL_ROBOT } from '../io/zeromq/protocol/protocol.js';
import type { StateReport } from '../io/zeromq/protocol/telemetry-reports.js';
import { expectationOf } from '../io/zeromq/session/expectation.js';
import type { SessionChange } from '../io/zeromq/session/robot-sessions.js';
import type { SessionStatus } from '../io/zeromq/session/session-status.js';
import { checkLink, ZeromqPort } from '../io/zeromq/zeromq-port.js';
import type { Controller } from '../loop/controller.js';
import { type BesideRun, BesideRuns, type RunUnderWay } from './beside-run.js';
import type { ControllerHost } from './controller-host.js';
import { HostAdministration } from './host-administration.js';
import { HostTelemetry } from './host-telemetry.js';
import { HostedSession, OrdersByRobot } from './hosted-session.js';
import { endpointLines, linkLine } from './link-line.js';
import type { LinkTotals } from './link-summary.js';
import { type LiveDisplay, memoryLine } from './live-line.js';
import type { LinkFigures } from './run-metrics.js';
import type { Control } from './run-options.js';
import { stateReport } from './state-report.js';
import type { StopRequest } from './stop-request.js';

/** How often the live line is painted anew on a terminal, and written elsewhere [ms]. */
const PAINT_MS = 250;
const WRITE_MS = 5000;
/** What robots are told that come too late. */
const ENDING = 'the controller is ending';

export interface LinkSessionOptions {
  control: Control;
  /** No learning, no exploration, nothing saved. */
  frozen: boolean;
  display: LiveDisplay;
  stop: StopRequest;
  /** What goes on beside the run. */
  beside?: readonly BesideRun[];
  /** Told when the link listens. */
  listening?: (link: LinkFigures) => void;
}

export interface LinkResult {
  totals: LinkTotals;
  /** Why the run could not go on; empty where it ended as it was meant to. */
  fault: string;
  /** Whether what was learned is on the disk, where it was to be saved. */
  saved: boolean;
  /** Saves that the end did not wait for. */
  underWay: number;
}

export class LinkSession {
  readonly #options: LinkSessionOptions;
  readonly #sessions: readonly HostedSession[];
  readonly #telemetry: readonly HostTelemetry[];
  readonly #port: ZeromqPort;
  readonly #beside: BesideRuns;
  readonly #timers: NodeJS.Timeout[] = [];
  /** What was told while it loaded: it is of interest once robots can come. */
  readonly #heard: readonly string[];
  #ending = false;
  #idleSaid = false;
  #fault = '';
  #timerFailures = 0;

  /**
   * Loads what is to be driven with; nothing runs yet.
   *
   * @throws ParameterError where the link cannot be opened so; nothing is loaded then. CheckpointError
   */
  static async create(options: LinkSessionOptions): Promise<LinkSession> {
    checkLink(options.control.parameters);
    const count = options.control.parameters['zeromq.max_sessions'];
    const clock = new MonotonicClock();
    const orders = new OrdersByRobot();
    // Before there is a session nothing can fail, and nothing can be saved.
    let link: LinkSession | null = null;
    const sessions: HostedSession[] = [];
    const beside = new BesideRuns(options.beside ?? [], (text) => options.display.message(text));
    const heard = options.control.notes.map((note) => `note: ${note}`);
    try {
      for (let index = 0; index < count; index++) {
        sessions.push(
          await HostedSession.create({
            control: options.control,
            frozen: options.frozen,
            tell: (text) => (link === null ? heard.push(text) : options.display.message(text)),
            onFault: (detail) => link?.end(detail),
            onSaved: () => link?.saved(index),
            clock,
            folderByRobot: count > 1,
            orders,
            ...(beside.any ? { follow: (run: RunUnderWay) => beside.follow(run, true) } : {}),
          }),
        );
      }
    } catch (error) {
      for (const text of heard) options.display.message(text);
      throw error;
    }
    link = new LinkSession(options, sessions, heard, beside);
    return link;
  }

  private constructor(
    options: LinkSessionOptions,
    sessions: readonly HostedSession[],
    heard: readonly string[],
    beside: BesideRuns,
  ) {
    const { parameters } = options.control;
    const tell = (text: string) => options.display.message(text);
    this.#options = options;
    this.#sessions = sessions;
    this.#heard = heard;
    this.#beside = beside;
    this.#port = new ZeromqPort({
      parameters,
      controllers: sessions,
      expectation: expectationOf(parameters),
      administration: new HostAdministration({
        robots: () => sessions.map((_, index) => this.#nameOf(index)).filter((name) => name !== null),
        host: (robot) => sessions[this.#indexOf(robot)].host,
        status: (robot) => this.#status(robot),
        order: (robot, order) => sessions[this.#indexOf(robot)].order(order),
        busy: (robot) => sessions[this.#indexOf(robot)].busy,
        tell,
        // It may be gone by the time that something was done for it.
        changed: (robot) => this.#telemetry[this.#find(robot)]?.changed(),
      }),
      onNotice: tell,
    });
    this.#port.onChange((change) => this.#onChange(change));
    this.#telemetry = sessions.map(
      ({ host }, index) =>
        new HostTelemetry({
          host,
          sink: this.#port.telemetry,
          robot: () => this.#nameOf(index),
          driven: () => this.#port.robotOf(index) !== null,
          report: (robot) => this.#report(index, robot),
          tell,
        }),
    );
  }

  /**
   * Serves robots until a stop is asked for, then stops, saves and lets go of everything.
   *
   * @throws what kept it from listening, such as an endpoint that is taken; nothing was driven, and nothing is saved then
   */
  async drive(): Promise<LinkResult> {
    const { display, stop, control } = this.#options;
    const onUncaught = (error: unknown) => this.end(error instanceof Error ? error.message : String(error));
    process.on('uncaughtException', onUncaught);
    try {
      await this.#listen();
    } catch (error) {
      process.off('uncaughtException', onUncaught);
      throw error;
    }
    try {
      for (const text of this.#heard) display.message(text);
      const each = this.#sessions.length > 1 ? `${this.#sessions.length} controllers, each: ` : '';
      display.message(`${each}${memoryLine(this.#sessions[0].host.controller.memory.layout, display.isTerminal)}`);
      for (const line of endpointLines(this.#port.endpoints, control.parameters)) display.message(line);
      this.#every(display.isTerminal ? PAINT_MS : WRITE_MS, () => this.#paint());
      this.#every(PAINT_MS, () => {
        // Where nobody drives nothing is learned, and the generations there are stay.
        for (const { index } of this.#port.sessions) {
          const { host } = this.#sessions[index];
          if (host.unsaved) host.keepSaved();
        }
      });
      if (display.isTerminal) this.#paint();
      await stop.asked;
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
    try {
      return await this.#shutDown();
    } finally {
      process.off('uncaughtException', onUncaught);
    }
  }

  /** Where it listens, as really bound; empty before it does. */
  get endpoints(): ZeromqPort['endpoints'] {
    return this.#port.endpoints;
  }

  get counters(): ZeromqPort['counters'] {
    return this.#port.counters;
  }

  /** One for each robot that may drive at once. */
  get controllers(): readonly Controller[] {
    return this.#sessions.map(({ host }) => host.controller);
  }

  /** Ends the run because it cannot go on. */
  end(fault: string): void {
    if (this.#fault === '') this.#fault = fault;
    this.#options.stop.ask('fault');
  }

  /** A checkpoint of that controller's is on the disk. */
  saved(index: number): void {
    void this.#telemetry[index].saved();
  }

  /** @throws what kept it from listening; everything has been let go of then */
  async #listen(): Promise<void> {
    const [first] = this.#sessions;
    try {
      await this.#beside.open();
      for (const { host } of this.#sessions) {
        await host.start();
        host.begin();
      }
      await this.#port.start(first.observations, first.commands);
      this.#options.listening?.(this.#port);
    } catch (error) {
      for (const session of this.#sessions) session.ending = true;
      await Promise.all(this.#sessions.map(({ host }) => host.stop()));
      await this.#port.stop();
      for (const telemetry of this.#telemetry) telemetry.stop();
      await this.#beside.close();
      this.#options.display.close();
      throw error;
    }
  }

  async #shutDown(): Promise<LinkResult> {
    const { display } = this.#options;
    for (const timer of this.#timers) clearInterval(timer);
    this.#ending = true;
    for (const session of this.#sessions) session.ending = true;
    for (const telemetry of this.#telemetry) telemetry.changed();
    // Who came now would be welcomed by a controller that nothing arms any more.
    this.#port.refuse(ENDING);
    // The robots first: disarmed, they brake, and zero velocity is the last that they are sent.
    const stopped = await Promise.all(this.#sessions.map(({ host }) => host.stop()));
    const robots = this.#port.sessions.length;
    this.#paint();
    await this.#port.stop();
    for (const telemetry of this.#telemetry) telemetry.stop();
    display.close();
    if (stopped.some(({ orderly }) => !orderly)) {
      display.message('a control thread was ended by force; the robots are stopped');
    } else {
      display.message(robots === 0 ? 'stopped' : `${robots === 1 ? 'robot' : `${robots} robots`} stopped`);
    }
    // A name that was only called leaves no folder, and what is on the disk already takes the place of no generation.
    const saves = this.#sessions.map(async (session, index) => {
      const { host } = session;
      if (!host.unsaved) return true;
      const done = await host.saveLast(host.learnedOf(stopped[index]), session.progress);
      if (done) session.tellSaved();
      return done;
    });
    const saved = (await Promise.all(saves)).every((done) => done);
    for (const session of this.#sessions) await session.leaveFollowers();
    await this.#beside.close();
    return { totals: this.#totals(), fault: this.#fault, saved, underWay: this.#underWay };
  }

  get #underWay(): number {
    let saves = 0;
    for (const { host } of this.#sessions) saves += host.checkpointing?.underWay ?? 0;
    return saves;
  }

  #totals(): LinkTotals {
    const { counters, traffic } = this.#port;
    return { counters, traffic, hosts: this.#sessions.map(({ host }) => host) };
  }

  /** The robot that this controller drives; one that waits is asked about, and told of, by a name of its own. */
  #nameOf(index: number): string | null {
    return this.#port.robotOf(index) ?? (this.#sessions.length === 1 ? LOCAL_ROBOT : null);
  }

  #find(robot: string): number {
    return this.#sessions.findIndex((_, index) => this.#nameOf(index) === robot);
  }

  #indexOf(robot: string): number {
    const index = this.#find(robot);
    if (index < 0) throw new Error(`no robot ${robot} is driven here`);
    return index;
  }

  #statusOf(index: number): SessionStatus | undefined {
    return this.#port.sessions.find((session) => session.index === index);
  }

  #report(index: number, robot: string): StateReport {
    const { counters, traffic } = this.#port;
    return stateReport({
      host: this.#sessions[index].host,
      robot,
      present: this.#port.robotOf(index) !== null,
      ending: this.#ending,
      link: { traffic, counters, session: this.#statusOf(index) },
    });
  }

  #status(robot: string): Readonly<Record<string, unknown>> {
    const index = this.#indexOf(robot);
    const { host } = this.#sessions[index];
    const session = this.#statusOf(index);
    return {
      ...this.#report(index, robot),
      ...(session === undefined
        ? {}
        : {
            senses: session.senses,
            commands: session.commands,
            offset: Number.isFinite(session.offsetS) ? session.offsetS : null,
            round_trip: Number.isFinite(session.roundTripS) ? session.roundTripS : null,
          }),
      ...checkpointStatus(host),
    };
  }

  #onChange({ event, robot, index, reason }: SessionChange): void {
    const { display } = this.#options;
    if (event === 'refused') {
      display.message(`${robot} was refused: ${reason}`);
      return;
    }
    if (event === 'ended') {
      display.message(`${robot} has ended: ${reason}`);
      return;
    }
    const session = this.#statusOf(index);
    const how = session === undefined ? '' : ` (${session.mode})`;
    const { updates } = this.#sessions[index].host;
    display.message(event === 'resumed' ? `${robot} is back${how}` : `${robot} drives${how}, after ${updates} updates`);
    this.#telemetry[index].changed();
  }

  #every(milliseconds: number, call: () => void): void {
    this.#timers.push(
      setInterval(() => {
        try {
          call();
        } catch (error) {
          // Nothing that is done beside the driving is worth its end.
          if (this.#timerFailures++ === 0) this.#options.display.message(`a timer failed: ${error}; told once`);
        }
      }, milliseconds),
    );
  }

  #paint(): void {
    const { display } = this.#options;
    const { counters, traffic, sessions, endpoints } = this.#port;
    for (const { host } of this.#sessions) host.advanceWindow();
    // Where lines stay it is said once that nobody drives, and again when the last one has gone.
    const idle =
      sessions.length === 0 && this.#sessions.every(({ between, host }) => between === '' && host.warning === '');
    const said = this.#idleSaid;
    this.#idleSaid = idle;
    if (idle && said && !display.isTerminal) return;
    const robots = this.#sessions.map(({ host, between }, index) => ({
      ...{ host, between },
      name: this.#port.robotOf(index),
      session: sessions.find((session) => session.index === index),
    }));
    display.paint(linkLine({ robots, counters, traffic, drive: endpoints.drive }, display.columns));
  }
}

/** Of what is saved, for an administrator. */
export function checkpointStatus({ checkpointing }: ControllerHost): Record<string, unknown> {
  if (checkpointing === null) return { checkpoint: null };
  const { savedPath, savedUnixMs, failures, failure } = checkpointing;
  const age = Number.isNaN(savedUnixMs) ? null : (Date.now() - savedUnixMs) / 1e3;
  return { checkpoint: { newest: savedPath === '' ? null : savedPath, age, failures, failure } };
}
