import { assert } from '../src/core/assert.js';
import type { Clock } from '../src/core/clock.js';
import {
  type CommandSource,
  type ObservationSink,
  type Port,
  type PortHealth,
  type RangeScan,
  Rejection,
  type RejectionCode,
} from '../src/io/port.js';
import { type EpisodeReport, Outcome, Simulator, type SimulatorOptions, STEP_NS } from './simulator.js';

/**
 * At most this much virtual time is made up in one go [ns]: after a longer stall of the main thread the simulation
 * runs late instead of racing, so that the controller never sees a burst of old readings as the present.
 */
const CATCH_UP_NS = 50e6;
/** An episode that outlives real time by this much is worth a word in `health` [ns]. */
const LAG_NOTICE_NS = 1e9;
/** Simulated seconds a second that an operator may ask for. */
export const SPEED_MIN = 0.1;
export const SPEED_MAX = 10;
/** Where cycles are due sooner than a timer can tell, an answer is waited for so long [ms]; then the event loop turns. */
const ANSWER_BOUND_MS = 1;

export interface SimPortOptions extends Omit<SimulatorOptions, 'sink' | 'commands'> {
  /** The controller's monotonic clock: paces the simulation and dates what arrives. */
  clock: Clock;
  /** Whose time may stand, and how far apart its cycles are in simulated time [ns]. Without it time cannot be paced. */
  stepped?: { readonly controller: SteppedController; readonly periodNs: number };
  /** How many episodes to run from `firstEpisode`; null: until `stop`. */
  episodes: number | null;
  /** Default 0. */
  firstEpisode?: number;
  /** Called on the main thread at each episode's end, before the next one starts. */
  onEpisodeEnd?: (report: EpisodeReport) => void;
  /** Called once after the last episode; the goal is withdrawn by then. */
  onDone?: () => void;
}

/**
 * The controller's side of a robot whose time is not the clock's; `Controller` is one. The port asks for one cycle per
 * period of simulated time, and goes on when its command is there.
 */
export interface SteppedController {
  /** Cycles come with steps alone from now on, on a time that begins at `fromNs`. */
  simulate(fromNs: number): void;
  /** `false`: cycles run by schedule again, on the clock. */
  lockstep(on: boolean): void;
  step(atNs: number): number;
  answered(step: number): boolean;
  awaitAnswer(step: number, boundMs: number): boolean;
}

/** Gives readings the time at which they arrive: the simulator's own clock is the source's, not the controller's. */
class ArrivalSink implements ObservationSink {
  /** What the simulator's time 0 is for the controller [ns]; null where readings arrive in real time. */
  originNs: number | null = null;
  readonly #sink: ObservationSink;
  readonly #clock: Clock;

  constructor(sink: ObservationSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  #arrivalNs(simulatedNs: number): number {
    return this.originNs === null ? this.#clock.nowNs() : this.originNs + simulatedNs;
  }

  odometry(
    stampNs: number,
    receivedNs: number,
    x: number,
    y: number,
    yaw: number,
    vx: number,
    vy: number,
    yawRate: number,
  ): RejectionCode {
    return this.#sink.odometry(stampNs, this.#arrivalNs(receivedNs), x, y, yaw, vx, vy, yawRate);
  }

  ranges(stampNs: number, receivedNs: number, scan: RangeScan): RejectionCode {
    return this.#sink.ranges(stampNs, this.#arrivalNs(receivedNs), scan);
  }

  contacts(
    stampNs: number,
    receivedNs: number,
    front: number,
    left: number,
    back: number,
    right: number,
  ): RejectionCode {
    return this.#sink.contacts(stampNs, this.#arrivalNs(receivedNs), front, left, back, right);
  }

  newFrame(): void {
    this.#sink.newFrame();
  }

  goal(stampNs: number, receivedNs: number, x: number, y: number, tolerance: number): RejectionCode {
    return this.#sink.goal(stampNs, this.#arrivalNs(receivedNs), x, y, tolerance);
  }

  cancelGoal(stampNs: number, receivedNs: number): void {
    this.#sink.cancelGoal(stampNs, this.#arrivalNs(receivedNs));
  }

  feedback(decisionId: number, reward: number, stampNs: number): RejectionCode {
    return this.#sink.feedback(decisionId, reward, stampNs);
  }
}

/**
 * The simulator on the main thread: one episode after another until told to stop.
 *
 * It begins in real time, with cycles by the controller's own schedule, and stays there until an operator paces it. Then
 * the robot's time is the simulator's: cycles come one for each period of it, at whatever pace, and where it stands the
 * controller's stands too. The same decisions are made at any pace, with any pauses. A step that is asked for late, or
 * answered late, makes time go slower and nothing else.
 */
export class SimPort implements Port {
  readonly name = 'sim';
  readonly #options: SimPortOptions;
  #simulator: Simulator | null = null;
  #sink: ArrivalSink | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Controller time at virtual time 0, in real time; moves back when the simulation falls behind [ns]. */
  #originNs = 0;
  #lagNs = 0;
  #episodesDone = 0;
  #running = false;
  #failure: Error | null = null;
  #paused = false;
  #speed = 1;
  /** Time is the simulator's; see `paced`. */
  #paced = false;
  /** Back to real time as soon as it goes on. */
  #returning = false;
  /** The next cycle [ns of virtual time]. */
  #nextNs = 0;
  /** The step that is not answered yet. */
  #step: number | null = null;
  /** Single steps asked for, and whether the first is the one under way. */
  readonly #singles: ((done: boolean) => void)[] = [];
  #singleUnderWay = false;
  /** Where pace and time were last set right: on the clock, and in virtual time [ns]. */
  #anchorClockNs = 0;
  #anchorNs = 0;
  readonly #onTimer = (): void => this.#tick();

  constructor(options: SimPortOptions) {
    this.#options = options;
  }

  /** The simulator once started, to show or test; null before. */
  get simulator(): Simulator | null {
    return this.#simulator;
  }

  /**
   * The controller's clock when virtual time was 0 [ns]; rises when the simulation falls behind, and while it is paced. 0
   * before `start`.
   */
  get originNs(): number {
    return this.#originNs;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Simulated seconds a second, when not paused. */
  get speed(): number {
    return this.#speed;
  }

  /** Whether time is the simulator's: since it was first paused, stepped or given another speed. */
  get paced(): boolean {
    return this.#paced;
  }

  /** @throws an Error where the first world cannot be built or a setting is bad */
  async start(sink: ObservationSink, commands: CommandSource): Promise<void> {
    assert(this.#simulator === null, 'sim port: is started once');
    this.#sink = new ArrivalSink(sink, this.#options.clock);
    this.#simulator = await Simulator.create({ ...this.#options, sink: this.#sink, commands });
    if (this.#paused || this.#speed !== 1) this.#pace();
    this.#simulator.startEpisode(this.#options.firstEpisode ?? 0);
    this.#originNs = this.#options.clock.nowNs() - this.#simulator.nowNs;
    this.#alignNext();
    this.#running = true;
    this.#anchor();
    this.#arm();
  }

  /** The base stops with the world it drives in, so zero velocity needs no command here. */
  async stop(): Promise<void> {
    this.#running = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#unpace();
    this.#simulator?.close();
  }

  /**
   * Holds time still, the controller's with the world's; before `start`, from the first moment on. What goes on is this
   * thread: readings do not age, and the robot does not brake.
   *
   * @throws Error where the port was given no controller to hold, as in the methods below
   */
  pause(): void {
    this.#checkPaceable();
    if (this.#paused) return;
    this.#paused = true;
    if (this.#running) this.#pace();
  }

  /** Lets time go on at the speed that was set. After a pause it stays the simulator's until `speed(1)`. */
  resume(): void {
    this.#paused = false;
    if (!this.#running) return;
    if (this.#returning) this.#unpace();
    this.#anchor();
    this.#arm();
  }

  /** One cycle, and the world up to it; pauses first where it is not paused. @returns when its command is out: whether it is */
  step(): Promise<boolean> {
    this.pause();
    if (!this.#running) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#singles.push(resolve);
      this.#arm();
    });
  }

  /**
   * Simulated seconds a second. 1 is real time: cycles run by their schedule again, and what the controller remembers of
   * the place is void, since its time falls back to the clock's.
   *
   * @param speed `SPEED_MIN` … `SPEED_MAX`
   * @throws RangeError where it is another
   */
  setSpeed(speed: number): void {
    this.#checkPaceable();
    if (!(speed >= SPEED_MIN && speed <= SPEED_MAX)) {
      throw new RangeError(`a speed of ${speed}; allowed: ${SPEED_MIN} to ${SPEED_MAX} simulated seconds a second`);
    }
    this.#speed = speed;
    this.#returning = this.#paced && speed === 1;
    if (!this.#running) return;
    if (speed !== 1) this.#pace();
    else if (!this.#paused) this.#unpace();
    this.#anchor();
    this.#arm();
  }

  /** Goes on in real time at once, whatever was asked for: the robot is to be braked, and nobody asks for the cycles. */
  toRealTime(): void {
    this.#paused = false;
    this.#speed = 1;
    this.#unpace();
    if (this.#running) this.#arm();
  }

  /**
   * Sends the robot elsewhere: see `Simulator.redirect`.
   *
   * @param x in `odom` [m]
   * @throws Error with a sentence that says why not
   */
  goal(x: number, y: number): void {
    const simulator = this.#simulator;
    if (!this.#running || simulator === null) throw new Error('no goal: the simulator does not run');
    if (simulator.outcome !== Outcome.running) throw new Error('no goal: the episode has just ended');
    const code = simulator.redirect(x, y);
    if (code !== Rejection.accepted) throw new Error(`no goal: (${x}, ${y}) is no place that a robot could be at`);
  }

  health(): PortHealth {
    if (this.#failure !== null) return { ok: false, detail: `The simulator failed: ${this.#failure.message}` };
    if (this.#simulator === null) return { ok: false, detail: 'The simulator has not been started.' };
    if (!this.#running) return { ok: true, detail: `The simulator stopped after ${this.#episodesDone} episodes.` };
    const pace = this.#paused ? ', paused' : this.#speed === 1 ? '' : `, at ${this.#speed} times real time`;
    const late = this.#lagNs >= LAG_NOTICE_NS ? `, ${(this.#lagNs / 1e9).toFixed(1)} s behind real time` : '';
    const detail = `Episode ${this.#simulator.episode} of ${this.#options.scenario.name}${pace}${late}.`;
    return { ok: true, detail };
  }

  #checkPaceable(): void {
    if (this.#options.stepped === undefined) throw new Error('time cannot be paced: the controller keeps its own');
  }

  /** From now on time is the simulator's. It goes on from the moment at which the world is seen to be now. */
  #pace(): void {
    this.#returning = false;
    if (this.#paced) return;
    const { clock, stepped } = this.#options;
    const simulatedNs = this.#simulator!.nowNs;
    const nowNs = clock.nowNs();
    this.#paced = true;
    this.#sink!.originNs = nowNs - simulatedNs;
    stepped!.controller.simulate(nowNs);
    this.#nextNs = simulatedNs + 1;
    this.#alignNext();
    this.#anchor();
  }

  #unpace(): void {
    this.#returning = false;
    for (const done of this.#singles.splice(0)) done(false);
    this.#singleUnderWay = false;
    if (!this.#paced) return;
    this.#paced = false;
    // A step that is under way is answered by the cycle that runs, or by the next.
    this.#step = null;
    this.#sink!.originNs = null;
    this.#originNs = this.#options.clock.nowNs() - this.#simulator!.nowNs;
    this.#options.stepped!.controller.lockstep(false);
  }

  /** Cycles lie on a grid of virtual time; the next is not before what is seen in it. */
  #alignNext(): void {
    const { stepped } = this.#options;
    if (stepped === undefined) return;
    const { periodNs } = stepped;
    this.#nextNs = Math.ceil(Math.max(this.#nextNs, this.#simulator!.nowNs) / periodNs) * periodNs;
  }

  /** Time goes on from here, at the pace that is set. */
  #anchor(): void {
    this.#anchorClockNs = this.#options.clock.nowNs();
    this.#anchorNs = this.#simulator!.nowNs;
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const waitNs = this.#waitNs();
    if (waitNs === Number.POSITIVE_INFINITY) return;
    // setTimeout counts in whole milliseconds; early by a fraction costs one more turn of the event loop.
    this.#timer = setTimeout(this.#onTimer, Math.max(1, Math.ceil(waitNs / 1e6)));
  }

  /** Until there is something to do; for ever while time stands [ns]. */
  #waitNs(): number {
    const nowNs = this.#options.clock.nowNs();
    if (!this.#paced) return this.#originNs + this.#simulator!.nowNs + STEP_NS - nowNs;
    if (this.#step !== null || this.#singles.length > 0) return 0;
    if (this.#paused) return Number.POSITIVE_INFINITY;
    return this.#anchorClockNs + (this.#nextNs - this.#anchorNs) / this.#speed - nowNs;
  }

  #tick(): void {
    this.#timer = null;
    if (!this.#running) return;
    try {
      if (this.#paced) this.#advancePaced();
      else this.#advance();
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
    if (simulator.outcome !== Outcome.running) this.#endEpisode();
  }

  /** As many cycles as are due, each when the one before has been answered. */
  #advancePaced(): void {
    const { controller, periodNs } = this.#options.stepped!;
    while (this.#running && this.#paced) {
      if (this.#step !== null) {
        if (!controller.answered(this.#step)) {
          // Only where the next is due already is it worth this thread's time.
          if (this.#waitForNextNs() > 0 || !controller.awaitAnswer(this.#step, ANSWER_BOUND_MS)) return;
        }
        this.#onAnswer();
        continue;
      }
      const single = this.#singles.length > 0;
      if (!single && (this.#paused || this.#waitForNextNs() > 0)) return;
      this.#singleUnderWay = single;
      const simulator = this.#simulator!;
      simulator.advanceTo(this.#nextNs);
      this.#step = controller.step(this.#sink!.originNs! + this.#nextNs);
      this.#nextNs += periodNs;
      if (this.#paused) return;
    }
  }

  /** Until the next cycle by the clock; a delay that cannot be made up for soon is not made up for [ns]. */
  #waitForNextNs(): number {
    const nowNs = this.#options.clock.nowNs();
    const waitNs = this.#anchorClockNs + (this.#nextNs - this.#anchorNs) / this.#speed - nowNs;
    if (waitNs < -CATCH_UP_NS) {
      this.#anchorClockNs -= waitNs + CATCH_UP_NS;
      if (!this.#paused) this.#lagNs -= waitNs + CATCH_UP_NS;
    }
    return waitNs;
  }

  /** The command of the step is out, and the cycle has seen how the episode stands. */
  #onAnswer(): void {
    this.#step = null;
    if (this.#singleUnderWay) this.#singles.shift()?.(true);
    this.#singleUnderWay = false;
    if (this.#simulator!.outcome !== Outcome.running) this.#endEpisode();
  }

  #endEpisode(): void {
    const simulator = this.#simulator!;
    this.#episodesDone++;
    this.#options.onEpisodeEnd?.(simulator.report());
    // The callback may have stopped the port.
    if (!this.#running) return;
    const { episodes } = this.#options;
    if (episodes !== null && this.#episodesDone >= episodes) {
      this.#finish();
      return;
    }
    simulator.startEpisode((this.#options.firstEpisode ?? 0) + this.#episodesDone);
    this.#alignNext();
  }

  #finish(): void {
    this.#running = false;
    this.#unpace();
    const nowNs = this.#simulator!.nowNs;
    this.#sink!.cancelGoal(nowNs, nowNs);
    this.#options.onDone?.();
  }
}
