/**
 * A recording as a port: what the robot sensed goes to the controller, what the controller commands goes nowhere.
 *
 * The clock is the log's. Stamps and log times are handed over as the time since the first message was logged, which a
 * double holds to the nanosecond, where it would round a time since 1970 to 256 ns. Whoever replays pumps: `nextNs` says
 * when the next message was logged, `next` hands it to the sink, and between two messages the caller runs the cycles
 * that fall due. Log times of a real recording also go back; the clock then stands still, and the message arrives late,
 * as it did on the robot.
 *
 * The goal is the pose that the robot reached `GOAL_AHEAD_NS` later, set anew every `GOAL_PERIOD_NS` of the log.
 */
import type { CommandSource, ObservationSink, Port, PortHealth, RangeScan } from '../port.js';
import { Rejection } from '../port.js';
import type { RecordedMessage, RecordedOdometry } from './messages.js';
import type { Recording } from './recording.js';

/** How far ahead of the robot its goal is [ns]. */
export const GOAL_AHEAD_NS = 5e9;
/**
 * How often the goal moves on [ns of the log]. Once a second keeps it 4 to 5 s ahead, and leaves the position features,
 * which begin at zero with each goal, the time to grow.
 */
export const GOAL_PERIOD_NS = 1e9;
/** Distance at which the goal counts as reached [m]. */
const GOAL_TOLERANCE = 0.25;
/** Messages held at most to look ahead: 5 s of a 1 kHz odometry and of ten 100 Hz scanners, twice over. */
const AHEAD_MESSAGES_MAX = 16384;
/** Scans held at most to look ahead, with the intensities that came with them [bytes]. */
const AHEAD_BYTES_MAX = 64 * 1024 * 1024;

export interface ReplayOptions {
  /** Where the scanner is in `base_link` [m, m, rad]; at its origin and looking ahead where nothing is said. */
  mountX?: number;
  mountY?: number;
  mountYaw?: number;
  /** [m] */
  goalTolerance?: number;
}

/** What one input's messages came to. */
export interface InputCounts {
  /** Messages handed to the sink. */
  messages: number;
  accepted: number;
  /** Stamps before that of the message ahead of them on the same topic. */
  stampsBack: number;
  /** Stamps equal to it. */
  stampsRepeated: number;
  /** By the sink's reason. */
  rejected: Record<Exclude<keyof typeof Rejection, 'accepted'>, number>;
}

/** A pose in `odom` at a time of the log. */
interface DatedPose {
  clockNs: number;
  x: number;
  y: number;
  yaw: number;
}

export class ReplayPort implements Port {
  readonly name = 'replay';
  readonly odometry: InputCounts = newCounts();
  readonly scans: InputCounts = newCounts();
  /** Goals set. */
  goals = 0;
  /** Messages, of both topics, that were logged earlier than one before them in the file. */
  logTimesBack = 0;

  readonly #recording: Recording;
  readonly #scan: RangeScan;
  readonly #goalTolerance: number;
  #sink: ObservationSink | null = null;
  #stopped = false;
  #clockNs = Number.NaN;
  #originNs: bigint | null = null;

  /** Messages read and not yet handed on, from `#queueHead`, and the clock at which each falls due. */
  #queue: RecordedMessage[] = [];
  #queueClockNs: number[] = [];
  #queueHead = 0;
  #queueBytes = 0;
  #readClockNs = Number.NEGATIVE_INFINITY;
  #exhausted = false;

  /** Poses of the odometry read, from the one in force on; each later than the one before. */
  #path: DatedPose[] = [];
  #pathHead = 0;
  #goalDueNs = Number.NEGATIVE_INFINITY;
  #lastStampNs: { odometry: bigint | null; scan: bigint | null } = { odometry: null, scan: null };

  /** @param recording open and unread; the port reads it to its end, and `stop` closes it */
  constructor(recording: Recording, options: ReplayOptions = {}) {
    this.#recording = recording;
    this.#goalTolerance = options.goalTolerance ?? GOAL_TOLERANCE;
    this.#scan = {
      angleMin: 0,
      angleIncrement: 0,
      rangeMin: 0,
      rangeMax: 0,
      count: 0,
      ranges: new Float32Array(0),
      mountX: options.mountX ?? 0,
      mountY: options.mountY ?? 0,
      mountYaw: options.mountYaw ?? 0,
    };
  }

  /** Reads the first seconds; nothing reaches the sink before `next`. The commands are not read: nothing moves. */
  async start(sink: ObservationSink, _commands: CommandSource): Promise<void> {
    this.#sink = sink;
    this.#readAhead();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#recording.close();
  }

  health(): PortHealth {
    const end = this.#recording.end;
    if (end.state === 'reading') {
      return { ok: true, detail: `${Math.floor(100 * this.#recording.progress)} % of ${this.#recording.path} read` };
    }
    return { ok: end.state === 'complete', detail: end.detail === '' ? 'the recording is at its end' : end.detail };
  }

  /** The log time that is 0 on the port's clock [ns since 1970, or since whenever the recorder's clock began]. */
  get originNs(): bigint {
    return this.#originNs ?? 0n;
  }

  /** The log's clock: the latest log time handed on so far [ns since `originNs`]; NaN before the first. */
  get clockNs(): number {
    return this.#clockNs;
  }

  /** When the next message falls due on that clock, never before `clockNs` [ns]; NaN where there is none. */
  get nextNs(): number {
    return this.#queueHead < this.#queue.length ? this.#queueClockNs[this.#queueHead] : Number.NaN;
  }

  /**
   * Moves the clock on to the next message and hands that to the sink, with a new goal where one is due.
   *
   * @returns whether there was one
   * @throws RecordingError `unreadable`
   * @realtime unsafe
   */
  next(): boolean {
    if (this.#sink === null || this.#stopped || this.#queueHead >= this.#queue.length) return false;
    const message = this.#queue[this.#queueHead];
    this.#clockNs = this.#queueClockNs[this.#queueHead];
    this.#queueHead++;
    this.#queueBytes -= bytesOf(message);
    if (this.#queueHead >= 1024) {
      this.#queue = this.#queue.slice(this.#queueHead);
      this.#queueClockNs = this.#queueClockNs.slice(this.#queueHead);
      this.#queueHead = 0;
    }
    this.#readAhead();
    this.#forgetPath();
    if (message.kind === 'odometry') this.#handOdometry(this.#sink, message);
    else this.#handScan(this.#sink, message);
    return true;
  }

  /**
   * How the robot moved from `fromNs` to `spanNs` later, in its own frame at `fromNs`, by interpolation between the
   * odometry's poses. Known from the clock's time to `GOAL_AHEAD_NS` after it.
   *
   * @param out receives forward and left [m] and the turn [rad]; untouched where false is returned
   * @returns whether the recording covers that time
   * @realtime unsafe
   */
  motionAfter(fromNs: number, spanNs: number, out: Float64Array): boolean {
    const from = this.#poseAt(fromNs);
    const to = this.#poseAt(fromNs + spanNs);
    if (from === null || to === null) return false;
    const dx = to.x - from.x;
    const dy = to.y - from.y;
    const cos = Math.cos(from.yaw);
    const sin = Math.sin(from.yaw);
    out[0] = cos * dx + sin * dy;
    out[1] = cos * dy - sin * dx;
    out[2] = turn(from.yaw, to.yaw);
    return true;
  }

  /** Reads until the odometry covers what the goal looks ahead to, or the recording ends. */
  #readAhead(): void {
    while (!this.#exhausted) {
      const queued = this.#queue.length - this.#queueHead;
      if (queued >= AHEAD_MESSAGES_MAX || (queued > 0 && this.#queueBytes > AHEAD_BYTES_MAX)) return;
      const clockNs = Number.isNaN(this.#clockNs) ? this.nextNs : this.#clockNs;
      const lastPose = this.#path[this.#path.length - 1];
      if (lastPose !== undefined && lastPose.clockNs > clockNs + GOAL_AHEAD_NS) return;
      const message = this.#recording.next();
      if (message === null) {
        this.#exhausted = true;
        return;
      }
      this.#enqueue(message);
    }
  }

  #enqueue(message: RecordedMessage): void {
    this.#originNs ??= message.logTimeNs;
    const loggedNs = Number(message.logTimeNs - this.#originNs);
    if (loggedNs < this.#readClockNs) this.logTimesBack++;
    this.#readClockNs = Math.max(this.#readClockNs, loggedNs);
    this.#queue.push(message);
    this.#queueBytes += bytesOf(message);
    this.#queueClockNs.push(this.#readClockNs);
    if (message.kind !== 'odometry' || !Number.isFinite(message.x + message.y + message.yaw)) return;
    const last = this.#path[this.#path.length - 1];
    if (last !== undefined && loggedNs <= last.clockNs) return;
    this.#path.push({ clockNs: loggedNs, x: message.x, y: message.y, yaw: message.yaw });
  }

  /** Drops the poses that lie before the one in force at the clock's time. */
  #forgetPath(): void {
    while (this.#pathHead + 1 < this.#path.length && this.#path[this.#pathHead + 1].clockNs <= this.#clockNs) {
      this.#pathHead++;
    }
    if (this.#pathHead >= 1024) {
      this.#path = this.#path.slice(this.#pathHead);
      this.#pathHead = 0;
    }
  }

  #handOdometry(sink: ObservationSink, message: RecordedOdometry): void {
    this.#countStamp(this.odometry, 'odometry', message.stampNs);
    const code = sink.odometry(
      Number(message.stampNs - this.originNs),
      this.#clockNs,
      message.x,
      message.y,
      message.yaw,
      message.vx,
      message.vy,
      message.yawRate,
    );
    countCode(this.odometry, code);
    if (this.#clockNs >= this.#goalDueNs) this.#setGoal(sink);
  }

  #setGoal(sink: ObservationSink): void {
    if (this.#pathHead >= this.#path.length) return;
    const atNs = this.#clockNs + GOAL_AHEAD_NS;
    // The first pose that late, or the last of all.
    let index = this.#pathHead;
    while (index + 1 < this.#path.length && this.#path[index].clockNs < atNs) index++;
    const pose = this.#path[index];
    sink.goal(this.#clockNs, this.#clockNs, pose.x, pose.y, this.#goalTolerance);
    this.goals++;
    this.#goalDueNs = this.#clockNs + GOAL_PERIOD_NS;
  }

  #handScan(sink: ObservationSink, message: RecordedMessage & { kind: 'scan' }): void {
    this.#countStamp(this.scans, 'scan', message.stampNs);
    const scan = this.#scan;
    scan.angleMin = message.angleMin;
    scan.angleIncrement = message.angleIncrement;
    scan.rangeMin = message.rangeMin;
    scan.rangeMax = message.rangeMax;
    scan.count = message.ranges.length;
    scan.ranges = message.ranges;
    countCode(this.scans, sink.ranges(Number(message.stampNs - this.originNs), this.#clockNs, scan));
  }

  #countStamp(counts: InputCounts, input: 'odometry' | 'scan', stampNs: bigint): void {
    const last = this.#lastStampNs[input];
    counts.messages++;
    if (last !== null && stampNs < last) counts.stampsBack++;
    if (last !== null && stampNs === last) counts.stampsRepeated++;
    this.#lastStampNs[input] = stampNs;
  }

  #poseAt(atNs: number): DatedPose | null {
    let index = this.#pathHead;
    if (index >= this.#path.length || !(atNs >= this.#path[index].clockNs)) return null;
    while (index + 1 < this.#path.length && this.#path[index + 1].clockNs <= atNs) index++;
    const before = this.#path[index];
    if (before.clockNs === atNs) return before;
    if (index + 1 >= this.#path.length) return null;
    const after = this.#path[index + 1];
    const share = (atNs - before.clockNs) / (after.clockNs - before.clockNs);
    return {
      clockNs: atNs,
      x: before.x + share * (after.x - before.x),
      y: before.y + share * (after.y - before.y),
      yaw: before.yaw + share * turn(before.yaw, after.yaw),
    };
  }
}

/** A scan's ranges keep the bytes of its whole message. */
function bytesOf(message: RecordedMessage): number {
  return message.kind === 'scan' ? message.ranges.buffer.byteLength : 0;
}

function turn(from: number, to: number): number {
  return Math.atan2(Math.sin(to - from), Math.cos(to - from));
}

function newCounts(): InputCounts {
  return {
    messages: 0,
    accepted: 0,
    stampsBack: 0,
    stampsRepeated: 0,
    rejected: { notFinite: 0, outOfRange: 0, wrongLength: 0, stampBack: 0, stampStill: 0 },
  };
}

function countCode(counts: InputCounts, code: number): void {
  if (code === Rejection.accepted) counts.accepted++;
  for (const reason of Object.keys(counts.rejected) as (keyof InputCounts['rejected'])[]) {
    if (Rejection[reason] === code) counts.rejected[reason]++;
  }
}
