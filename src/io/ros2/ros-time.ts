/**
 * How ROS's time and the controller's go together. Stamps of messages count from 1970 or from a simulation's start, more
 * nanoseconds than a double holds exactly: here they count from a base, the first that is seen.
 *
 * On the wall's time readings are dated by the controller's clock. With `use_sim_time` the robot's time is that of
 * `/clock`, which may run at any pace, stand and begin anew: each boundary of a period that it passes is a step that bears
 * its date, and everything that the cycle remembers goes by those dates. When `/clock` stands, lockstep's own silence
 * stops the robot.
 *
 * Main thread. @realtime unsafe
 */
import type { Clock } from '../../core/clock.js';
import { readClock } from './cdr/clock.js';
import type { EntityScope } from './entity-scope.js';
import { InputTopic, MessageType } from './names.js';

/** What arrives is dated by it; inputs know no more of time than this. */
export interface ReadingTime {
  /** When something that arrives now was received, on the controller's clock or on that of dated steps [ns]. */
  nowNs(): number;
  /** A message's stamp as the sink takes it: from the base, exact to the nanosecond [ns]. */
  stampNs(seconds: number, nanoseconds: number): number;
  /**
   * When a reading with that stamp (of `stampNs`) counts as received [ns]: at most as long ago as its stamp says, where
   * stamps are of this machine's time, and never in the future; now, where they are not.
   */
  receivedNs(stampNs: number): number;
  /** Whether it is known what time it is: until then no reading can be dated, and none is to be believed. */
  readonly known: boolean;
}

/** For stamps of what is published. */
export interface StampSource {
  /** ROS time now, of `/clock` where that is followed. @param out seconds, nanoseconds */
  rosNowInto(out: Int32Array): void;
  /** The ROS time of a moment on the controller's clock, or on that of dated steps. */
  rosTimeInto(controllerNs: number, out: Int32Array): void;
}

/** What simulated time drives: the part of `Controller` that is needed. */
export interface Stepper {
  lockstep(on: boolean): void;
  step(atNs: number): number;
}

/** The wall's time, since 1970. */
export interface SystemTime {
  /** [ms], of any resolution; may be set while we look. */
  nowMs(): number;
}

export interface RosTimeOptions {
  /** The controller's. */
  readonly clock: Clock;
  /** `use_sim_time`. */
  readonly simulated: boolean;
  /** Of the cycle [ns]. */
  readonly periodNs: number;
  /** Whether the stamps of readings are of the time that is followed here. */
  readonly trustStamps: boolean;
  readonly steps: Stepper;
  /** Told where the robot may stand elsewhere. */
  readonly sink: { newFrame(): void };
  /** One sentence for a person, where time did what it should not. */
  readonly notice: (text: string) => void;
  /** This machine's where absent. */
  readonly system?: SystemTime;
}

const NS_PER_S = 1e9;
const NS_PER_MS = 1e6;
/** A simulated clock that is so far ahead of the last has jumped [ns]; it is one step all the same. */
const JUMP_NS = 1e9;
/** One that is so far ahead may have carried the robot anywhere [ns]: nothing is remembered of a place for longer. */
const LAPSE_NS = 60e9;
/** Nanoseconds are exact so far from the base [s]: 2⁵² of them, with room for what is reckoned of two. */
const EXACT_S = 4_503_599;
/** The wall's clock is looked at so often where it is asked for [ns]. */
const SYSTEM_AGE_NS = 0.1e9;
/** The wall's clock was set, or has drifted so far, when it strays by more from what was reckoned [ns]. */
const SYSTEM_STRAY_NS = 1.5e6;
/** A clock that has not advanced for so long stands [ns], for what is reported of it. */
const STANDING_NS = 1e9;
/** Its pace is reckoned over so long [ns]. */
const PACE_NS = 2e9;

/** Each thing that simulated time did and should not is told so often at most: two that publish it contradict each other each time [ns]. */
const NOTICE_NS = 1e9;

/** Microseconds since 1970, and following when the clock is set. */
const MACHINE: SystemTime = {
  nowMs(): number {
    const fine = performance.timeOrigin + performance.now();
    const coarse = Date.now();
    // The fine one goes by the monotonic clock since the process started: it knows nothing of a clock that was set.
    return Math.abs(fine - coarse) < 2 ? fine : coarse;
  },
};

export class RosTime implements ReadingTime, StampSource {
  readonly simulated: boolean;
  readonly #clock: Clock;
  readonly #periodNs: number;
  readonly #trustStamps: boolean;
  readonly #steps: Stepper;
  readonly #sink: { newFrame(): void };
  readonly #notice: (text: string) => void;
  readonly #system: SystemTime;
  readonly #told = new Int32Array(2);
  /** Whole seconds that stamps are counted from; NaN before the first. Moved only where simulated time is another's. */
  #baseS = Number.NaN;
  /** From ROS time since the base to the controller's clock, or the clock of dated steps [ns]; NaN while unknown. */
  #originNs = Number.NaN;
  /** When the wall's time was last looked at, on the controller's clock [ns]. */
  #lookedNs = Number.NEGATIVE_INFINITY;
  /** The newest of `/clock`, since the base [ns]; NaN before the first. */
  #simNs = Number.NaN;
  /** Its date, on the clock of dated steps [ns]. */
  #datedNs = 0;
  /** When `/clock` last advanced, on the controller's clock [ns]. */
  #advancedNs = 0;
  /** Periods of simulated time that were stepped over. */
  #boundary = 0;
  #running = false;
  #resets = 0;
  /** Where the stretch began of which the pace is reckoned: since the base, and on the controller's clock [ns]. */
  #paceSimNs = 0;
  #paceNs = 0;
  #pace = Number.NaN;
  /** When what was last told of, on the controller's clock [ns]. */
  readonly #noticedNs = {
    anew: Number.NEGATIVE_INFINITY,
    lapse: Number.NEGATIVE_INFINITY,
    jump: Number.NEGATIVE_INFINITY,
  };

  constructor(options: RosTimeOptions) {
    this.simulated = options.simulated;
    this.#clock = options.clock;
    this.#periodNs = options.periodNs;
    this.#trustStamps = options.trustStamps;
    this.#steps = options.steps;
    this.#sink = options.sink;
    this.#notice = options.notice;
    this.#system = options.system ?? MACHINE;
    // A source that stamps nothing must not set it.
    if (!this.simulated) this.#baseS = Math.floor(this.#system.nowMs() / 1e3);
  }

  /** Follows `/clock`, where time is simulated: cycles come by its steps from here on. */
  start(scope: EntityScope): void {
    if (!this.simulated) return;
    this.begin();
    scope.raw(MessageType.clock, InputTopic.clock, 'sensor', (bytes) => {
      if (readClock(bytes, this.#told)) this.clockAt(this.#told[0], this.#told[1]);
    });
  }

  /** Cycles come by steps of `clockAt` from here on, where time is simulated. */
  begin(): void {
    if (!this.simulated || this.#running) return;
    this.#running = true;
    this.#steps.lockstep(true);
  }

  /** Cycles come by the controller's schedule again. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#steps.lockstep(false);
    this.#simNs = Number.NaN;
    this.#originNs = Number.NaN;
  }

  /** Always, on the wall's time; from the first `/clock` on, where time is simulated. */
  get known(): boolean {
    return !(this.simulated && Number.isNaN(this.#simNs));
  }

  /** Whether time is simulated and stands, or has not begun. */
  get standing(): boolean {
    return this.simulated && (!this.known || this.#clock.nowNs() - this.#advancedNs > STANDING_NS);
  }

  /** How often simulated time began anew. */
  get resets(): number {
    return this.#resets;
  }

  /** Simulated seconds for each of the controller's, of late; NaN before it is known. */
  get pace(): number {
    return this.#pace;
  }

  /** A message of `/clock`. */
  clockAt(seconds: number, nanoseconds: number): void {
    if (!this.#running) return;
    if (Math.abs(seconds - this.#baseS) > EXACT_S) this.#rebase(seconds);
    const simNs = this.stampNs(seconds, nanoseconds);
    if (Number.isNaN(this.#simNs)) {
      this.#anchor(simNs);
    } else {
      const passedNs = simNs - this.#simNs;
      if (passedNs === 0) return;
      if (passedNs < 0) {
        this.#beginAnew(passedNs);
        this.#anchor(simNs);
      } else if (passedNs > LAPSE_NS) {
        this.#tell(
          'lapse',
          `simulated time jumped ahead by ${seconds_(passedNs)} s: nothing is remembered of a place for so long`,
        );
        this.#sink.newFrame();
      } else if (passedNs > JUMP_NS) {
        this.#tell('jump', `simulated time jumped ahead by ${seconds_(passedNs)} s: taken as one step`);
      }
    }
    this.#simNs = simNs;
    this.#datedNs = this.#originNs + simNs;
    this.#advancedNs = this.#clock.nowNs();
    this.#reckonPace(simNs);
    const boundary = Math.floor(simNs / this.#periodNs);
    if (boundary === this.#boundary) return;
    this.#boundary = boundary;
    this.#steps.step(this.#datedNs);
  }

  nowNs(): number {
    return this.simulated && this.known ? this.#datedNs : this.#clock.nowNs();
  }

  stampNs(seconds: number, nanoseconds: number): number {
    if (Number.isNaN(this.#baseS)) this.#baseS = seconds;
    return (seconds - this.#baseS) * NS_PER_S + nanoseconds;
  }

  receivedNs(stampNs: number): number {
    const nowNs = this.nowNs();
    if (!this.#trustStamps || !this.known) return nowNs;
    this.#look();
    const datedNs = stampNs + this.#originNs;
    return datedNs < nowNs ? datedNs : nowNs;
  }

  rosNowInto(out: Int32Array): void {
    // Before /clock has told it, simulated time is 0, as it is for every ROS node.
    if (!this.known) out.fill(0, 0, 2);
    else this.rosTimeInto(this.nowNs(), out);
  }

  rosTimeInto(controllerNs: number, out: Int32Array): void {
    if (!this.known) {
      out.fill(0, 0, 2);
      return;
    }
    this.#look();
    const stampNs = Math.round(controllerNs - this.#originNs);
    const seconds = Math.floor(stampNs / NS_PER_S);
    out[0] = this.#baseS + seconds;
    out[1] = stampNs - seconds * NS_PER_S;
  }

  /**
   * Time is so far from the base that it is of another day, as where a simulation that begins at 0 follows a recording:
   * stamps count from here on, so that they stay exact. Those of before are on no common scale with them.
   */
  #rebase(seconds: number): void {
    const passedNs = (seconds - this.#baseS) * NS_PER_S - this.#simNs;
    this.#baseS = seconds;
    if (this.known) this.#beginAnew(passedNs);
    else this.#sink.newFrame();
    this.#simNs = Number.NaN;
  }

  /** What was before is void. The next step begins at the controller's own time. */
  #beginAnew(passedNs: number): void {
    const how = passedNs < 0 ? 'went back' : 'jumped ahead';
    this.#resets++;
    this.#tell(
      'anew',
      `simulated time ${how} by ${seconds_(Math.abs(passedNs))} s: the simulation began anew, and so does what the controller remembers of the place; a goal in the odometry’s frame must be sent again`,
    );
    this.#steps.lockstep(true);
    this.#sink.newFrame();
  }

  #tell(what: 'anew' | 'lapse' | 'jump', text: string): void {
    const nowNs = this.#clock.nowNs();
    if (nowNs - this.#noticedNs[what] < NOTICE_NS) return;
    this.#noticedNs[what] = nowNs;
    this.#notice(text);
  }

  /** Steps are dated from the controller's own time on. */
  #anchor(simNs: number): void {
    this.#originNs = Math.ceil(this.#clock.nowNs()) - simNs;
    this.#boundary = Math.floor(simNs / this.#periodNs);
    // The first step tells the cycle that its time is another; a period later would do, but the robot would stand.
    this.#boundary--;
    this.#paceSimNs = simNs;
    this.#paceNs = this.#clock.nowNs();
    this.#pace = Number.NaN;
  }

  #reckonPace(simNs: number): void {
    const nowNs = this.#advancedNs;
    if (nowNs - this.#paceNs < PACE_NS) return;
    this.#pace = (simNs - this.#paceSimNs) / (nowNs - this.#paceNs);
    this.#paceSimNs = simNs;
    this.#paceNs = nowNs;
  }

  /** Looks at the wall's time, where that is ROS's, and follows it when it was set. */
  #look(): void {
    if (this.simulated) return;
    const nowNs = this.#clock.nowNs();
    if (nowNs - this.#lookedNs < SYSTEM_AGE_NS) return;
    this.#lookedNs = nowNs;
    const systemMs = this.#system.nowMs();
    const wholeS = Math.floor(systemMs / 1e3);
    const sinceBaseNs = this.stampNs(wholeS, Math.round((systemMs - wholeS * 1e3) * NS_PER_MS));
    const originNs = nowNs - sinceBaseNs;
    // What strays less is the resolution of the clock, and reckoned times stay in order.
    if (Math.abs(originNs - this.#originNs) <= SYSTEM_STRAY_NS) return;
    this.#originNs = originNs;
  }
}

function seconds_(ns: number): string {
  return (ns / NS_PER_S).toPrecision(3);
}
