import { assert } from '../src/core/assert.js';
import type { Clock } from '../src/core/clock.js';
import type { CommandSource, ObservationSink, Port, PortHealth, RangeScan, RejectionCode } from '../src/io/port.js';
import { type EpisodeReport, Outcome, Simulator, type SimulatorOptions, STEP_NS } from './simulator.js';

/**
 * At most this much virtual time is made up in one go [ns]: after a longer stall of the main thread the simulation
 * runs late instead of racing, so that the controller never sees a burst of old readings as the present.
 */
const CATCH_UP_NS = 50e6;
/** An episode that outlives real time by this much is worth a word in `health` [ns]. */
const LAG_NOTICE_NS = 1e9;

export interface SimPortOptions extends Omit<SimulatorOptions, 'sink' | 'commands'> {
  /** The controller's monotonic clock: paces the simulation and dates what arrives. */
  clock: Clock;
  /** How many episodes to run from `firstEpisode`; null: until `stop`. */
  episodes: number | null;
  /** Default 0. */
  firstEpisode?: number;
  /** Called on the main thread at each episode's end, before the next one starts. */
  onEpisodeEnd?: (report: EpisodeReport) => void;
  /** Called once after the last episode; the goal is withdrawn by then. */
  onDone?: () => void;
}

/** Gives readings the time at which they arrive: the simulator's own clock is the source's, not the controller's. */
class ArrivalSink implements ObservationSink {
  readonly #sink: ObservationSink;
  readonly #clock: Clock;

  constructor(sink: ObservationSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  odometry(
    stampNs: number,
    _receivedNs: number,
    x: number,
    y: number,
    yaw: number,
    vx: number,
    vy: number,
    yawRate: number,
  ): RejectionCode {
    return this.#sink.odometry(stampNs, this.#clock.nowNs(), x, y, yaw, vx, vy, yawRate);
  }

  ranges(stampNs: number, _receivedNs: number, scan: RangeScan): RejectionCode {
    return this.#sink.ranges(stampNs, this.#clock.nowNs(), scan);
  }

  contacts(
    stampNs: number,
    _receivedNs: number,
    front: number,
    left: number,
    back: number,
    right: number,
  ): RejectionCode {
    return this.#sink.contacts(stampNs, this.#clock.nowNs(), front, left, back, right);
  }

  newFrame(): void {
    this.#sink.newFrame();
  }

  goal(stampNs: number, _receivedNs: number, x: number, y: number, tolerance: number): RejectionCode {
    return this.#sink.goal(stampNs, this.#clock.nowNs(), x, y, tolerance);
  }

  cancelGoal(stampNs: number, _receivedNs: number): void {
    this.#sink.cancelGoal(stampNs, this.#clock.nowNs());
  }

  feedback(decisionId: number, reward: number, stampNs: number): RejectionCode {
    return this.#sink.feedback(decisionId, reward, stampNs);
  }
}

/** The simulator in real time, on the main thread: one episode after another until told to stop. */
export class SimPort implements Port {
  readonly name = 'sim';
  readonly #options: SimPortOptions;
  #simulator: Simulator | null = null;
  #sink: ObservationSink | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Controller time at virtual time 0; moves back when the simulation falls behind [ns]. */
  #originNs = 0;
  #lagNs = 0;
  #episodesDone = 0;
  #running = false;
  #failure: Error | null = null;
  readonly #onTimer = (): void => this.#tick();

  constructor(options: SimPortOptions) {
    this.#options = options;
  }

  /** The simulator once started, to show or test; null before. */
  get simulator(): Simulator | null {
    return this.#simulator;
  }

  /** The controller's clock when virtual time was 0 [ns]; rises when the simulation falls behind. 0 before `start`. */
  get originNs(): number {
    return this.#originNs;
  }

  /** @throws an Error where the first world cannot be built or a setting is bad */
  async start(sink: ObservationSink, commands: CommandSource): Promise<void> {
    assert(this.#simulator === null, 'sim port: is started once');
    this.#sink = new ArrivalSink(sink, this.#options.clock);
    this.#simulator = await Simulator.create({ ...this.#options, sink: this.#sink, commands });
    this.#simulator.startEpisode(this.#options.firstEpisode ?? 0);
    this.#originNs = this.#options.clock.nowNs() - this.#simulator.nowNs;
    this.#running = true;
    this.#arm();
  }

  /** The base stops with the world it drives in, so zero velocity needs no command here. */
  async stop(): Promise<void> {
    this.#running = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#simulator?.close();
  }

  health(): PortHealth {
    if (this.#failure !== null) return { ok: false, detail: `The simulator failed: ${this.#failure.message}` };
    if (this.#simulator === null) return { ok: false, detail: 'The simulator has not been started.' };
    if (!this.#running) return { ok: true, detail: `The simulator stopped after ${this.#episodesDone} episodes.` };
    const late = this.#lagNs >= LAG_NOTICE_NS ? `, ${(this.#lagNs / 1e9).toFixed(1)} s behind real time` : '';
    return { ok: true, detail: `Episode ${this.#simulator.episode} of ${this.#options.scenario.name}${late}.` };
  }

  #arm(): void {
    const waitNs = this.#originNs + this.#simulator!.nowNs + STEP_NS - this.#options.clock.nowNs();
    // setTimeout counts in whole milliseconds; early by a fraction costs one more turn of the event loop.
    this.#timer = setTimeout(this.#onTimer, Math.max(1, Math.ceil(waitNs / 1e6)));
  }

  #tick(): void {
    if (!this.#running) return;
    try {
      this.#advance();
    } catch (error) {
      this.#failure = error as Error;
      this.#finish();
      return;
    }
    if (this.#running) this.#arm();
  }

  #advance(): void {
    const simulator = this.#simulator!;
    let targetNs = this.#options.clock.nowNs() - this.#originNs;
    const behindNs = targetNs - simulator.nowNs - CATCH_UP_NS;
    if (behindNs > 0) {
      this.#originNs += behindNs;
      this.#lagNs += behindNs;
      targetNs -= behindNs;
    }
    simulator.advanceTo(targetNs);
    if (simulator.outcome === Outcome.running) return;
    this.#episodesDone++;
    this.#options.onEpisodeEnd?.(simulator.report());
    // The callback may have stopped the port.
    if (!this.#running) return;
    const { episodes } = this.#options;
    if (episodes !== null && this.#episodesDone >= episodes) this.#finish();
    else simulator.startEpisode((this.#options.firstEpisode ?? 0) + this.#episodesDone);
  }

  #finish(): void {
    this.#running = false;
    const nowNs = this.#simulator!.nowNs;
    this.#sink!.cancelGoal(nowNs, nowNs);
    this.#options.onDone?.();
  }
}
