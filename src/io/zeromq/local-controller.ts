/**
 * A sink and a source of commands as a session's controller: what the port makes of them where it was given nothing else.
 * Nothing is loaded, saved or paced here; commands come when the source has them, and each answers the steps before it.
 */
import type { CommandSource, MotionCommand, ObservationSink, RangeScan } from '../port.js';
import type { SessionController } from './session/session-controller.js';

/** Hands everything on, and keeps the stamp of the newest odometry. */
class StampingSink implements ObservationSink {
  odometryStampNs = Number.NaN;
  readonly #sink: ObservationSink;

  constructor(sink: ObservationSink) {
    this.#sink = sink;
  }

  odometry(stampNs: number, receivedNs: number, x: number, y: number, yaw: number, vx: number, vy: number, w: number) {
    this.odometryStampNs = stampNs;
    return this.#sink.odometry(stampNs, receivedNs, x, y, yaw, vx, vy, w);
  }
  ranges(stampNs: number, receivedNs: number, scan: RangeScan) {
    return this.#sink.ranges(stampNs, receivedNs, scan);
  }
  contacts(stampNs: number, receivedNs: number, front: number, left: number, back: number, right: number) {
    return this.#sink.contacts(stampNs, receivedNs, front, left, back, right);
  }
  newFrame() {
    this.#sink.newFrame();
  }
  goal(stampNs: number, receivedNs: number, x: number, y: number, tolerance: number) {
    return this.#sink.goal(stampNs, receivedNs, x, y, tolerance);
  }
  cancelGoal(stampNs: number, receivedNs: number) {
    this.#sink.cancelGoal(stampNs, receivedNs);
  }
  feedback(decisionId: number, reward: number, stampNs: number) {
    return this.#sink.feedback(decisionId, reward, stampNs);
  }
}

export class LocalController implements SessionController {
  readonly observations: StampingSink;
  /** The newest command that `poll` has taken from the source. */
  readonly commands: CommandSource;
  readonly #source: CommandSource;
  readonly #newest: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: Number.NaN };
  readonly #listeners = new Set<() => void>();
  #fresh = false;
  #asked = 0;
  #answered = 0;

  constructor(observations: ObservationSink, source: CommandSource) {
    this.observations = new StampingSink(observations);
    this.#source = source;
    this.commands = {
      read: (out) => {
        Object.assign(out, this.#newest);
        const fresh = this.#fresh;
        this.#fresh = false;
        return fresh;
      },
    };
  }

  /** Looks for a newer command. Called at every tick, since a source does not tell of one. */
  poll(): void {
    const newest = this.#newest;
    newest.stampNs = Number.NaN;
    if (!this.#source.read(newest)) return;
    // A source that does not say what its command rests on: on the newest there was.
    if (!(newest.stampNs > 0)) newest.stampNs = this.observations.odometryStampNs;
    this.#fresh = true;
    this.#answered = this.#asked;
    for (const listener of this.#listeners) listener();
  }

  nowNs(): number {
    return Number(process.hrtime.bigint());
  }

  async begin(): Promise<{ policy: string; updates: number }> {
    return { policy: 'none', updates: 0 };
  }

  async end(): Promise<void> {}
  arm(): void {}
  disarm(): void {}
  lockstep(): void {}

  step(): number {
    return ++this.#asked;
  }

  answered(step: number): boolean {
    return step <= this.#answered;
  }

  awaitAnswer(step: number): boolean {
    this.poll();
    return this.answered(step);
  }

  onCommand(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
