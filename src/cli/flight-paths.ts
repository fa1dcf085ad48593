/**
 * What the pictures of `rfsn plot` need of a flight log: how cycles kept their time, and where the robot went in each
 * episode. Reads the whole log, and keeps a few numbers of each decision.
 */
import { DecisionField, RangesField } from '../memory/layout.js';
import { DECISION_TOPIC, decisionIn, stampNsOf } from '../telemetry/flight-log/log-decisions.js';
import { FlightLogError } from '../telemetry/flight-log/log-error.js';
import type { FlightLogReader } from '../telemetry/flight-log/log-reader.js';
import { EPISODE_OUTCOMES, ReadingInput, TOPICS, Topic } from '../telemetry/flight-log/topics.js';

/** A robot that is seen farther from where it was a cycle before was put there [m]. */
const JUMP = 0.5;
/** Points of a scan lie on a grid this fine, one for each cell [m]. */
const SCAN_GRID = 0.04;
/** Seconds from one scan that is drawn to the next. */
const SCAN_PERIOD_S = 0.5;
const SCAN_POINTS_MAX = 40_000;

/** Where a robot went, in `odom`; all arrays are of one length. */
export interface FlightPath {
  /** [m] */
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** [rad] */
  readonly yaw: Float64Array;
  /** Safety's reason code. */
  readonly reason: Uint8Array;
  /** 1 where the robot was put elsewhere: no line leads there. */
  readonly jumped: Uint8Array;
}

export interface FlightEpisode {
  /** Its number; null where the log was not told. */
  readonly episode: number | null;
  readonly outcome: (typeof EPISODE_OUTCOMES)[number];
  readonly atFault: boolean;
  /** An operator gave it another goal. */
  readonly redirected: boolean;
  /** [s] */
  readonly durationS: number;
  /** BARN's; null where there is none. */
  readonly score: number | null;
  /** In `odom`, the last one given [m]; null where there was none. */
  readonly goal: readonly [number, number] | null;
  readonly path: FlightPath;
  /** When its first and its last cycle began [Unix ns]. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** Columns of what is kept of each decision. */
interface Columns {
  readonly beganNs: bigint[];
  readonly values: Float64Array[];
}

type Travelled = Pick<FlightEpisode, 'goal' | 'path' | 'fromNs' | 'toNs'>;

const X = 0;
const Y = 1;
const YAW = 2;
const REASON = 3;
const GOAL_X = 4;
const GOAL_Y = 5;
const GOAL_COUNT = 6;

/**
 * The episodes of a log, in order, the one that the log ends in included; a log without episodes is one.
 *
 * @throws FlightLogError
 * @realtime unsafe
 */
export function flightEpisodes(log: FlightLogReader): FlightEpisode[] {
  const columns: Columns = { beganNs: [], values: [] };
  const ends: { atNs: bigint; told: Omit<FlightEpisode, keyof Travelled> }[] = [];
  const episodeTopic = TOPICS[Topic.episode].name;
  for (const message of log.messages({ topics: [DECISION_TOPIC, episodeTopic] })) {
    if (message.topic === episodeTopic) {
      const decoded = message.decode();
      ends.push({
        atNs: stampNsOf(decoded),
        told: {
          episode: Number(decoded['episode']),
          outcome: EPISODE_OUTCOMES[Number(decoded['outcome'])] ?? 'running',
          atFault: decoded['at_fault'] === true,
          redirected: decoded['redirected'] === true,
          durationS: Number(decoded['duration']),
          score: Number.isNaN(Number(decoded['barn_score'])) ? null : Number(decoded['barn_score']),
        },
      });
      continue;
    }
    const { beganNs, record } = decisionIn(message);
    // Before the first odometry it is nowhere.
    if (record[DecisionField.odometrySequence] === 0) continue;
    columns.beganNs.push(beganNs);
    columns.values.push(
      Float64Array.of(
        record[DecisionField.poseX],
        record[DecisionField.poseY],
        record[DecisionField.poseYaw],
        record[DecisionField.reason],
        record[DecisionField.goalX],
        record[DecisionField.goalY],
        record[DecisionField.goalCount],
      ),
    );
  }
  ends.sort((a, b) => (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0));
  const episodes: FlightEpisode[] = [];
  let from = 0;
  for (const { atNs, told } of ends) {
    let to = from;
    while (to < columns.beganNs.length && columns.beganNs[to] <= atNs) to++;
    episodes.push({ ...told, ...travelled(columns, from, to) });
    from = to;
  }
  const rest = travelled(columns, from, columns.beganNs.length);
  // What is left where a run ended may be a cycle or two of a robot that was braked.
  if (ends.length === 0 || rest.path.x.length > 1) {
    const before = Number(log.metadata.get('first_episode') ?? Number.NaN) - 1;
    const last = ends.at(-1)?.told.episode ?? (Number.isNaN(before) ? null : before);
    const seconds =
      from < columns.beganNs.length ? Number((columns.beganNs.at(-1) ?? 0n) - columns.beganNs[from]) / 1e9 : 0;
    episodes.push({
      ...{
        episode: last === null ? null : last + 1,
        outcome: 'running',
        ...{ atFault: false, redirected: false },
        durationS: seconds,
        score: null,
      },
      ...rest,
    });
  }
  return episodes;
}

/** Leaves out what the first cycles of an episode still know of the one before. */
function travelled({ beganNs, values }: Columns, from: number, to: number): Travelled {
  // The first goal of an episode came with its world: what is before has a lower count, and another pose.
  const goals = to > from ? values[to - 1][GOAL_COUNT] : 0;
  let start = from;
  for (let i = from + 1; i < to; i++) {
    const jumped = Math.hypot(values[i][X] - values[i - 1][X], values[i][Y] - values[i - 1][Y]) > JUMP;
    if (jumped && i - from < STALE_CYCLES) start = i;
  }
  const count = to - start;
  const path = {
    ...{ x: new Float64Array(count), y: new Float64Array(count), yaw: new Float64Array(count) },
    ...{ reason: new Uint8Array(count), jumped: new Uint8Array(count) },
  };
  for (let i = 0; i < count; i++) {
    const row = values[start + i];
    path.x[i] = row[X];
    path.y[i] = row[Y];
    path.yaw[i] = row[YAW];
    path.reason[i] = row[REASON];
    path.jumped[i] = i > 0 && Math.hypot(row[X] - path.x[i - 1], row[Y] - path.y[i - 1]) > JUMP ? 1 : 0;
  }
  const last = to > from ? values[to - 1] : null;
  const [fromNs, toNs] = to > start ? [beganNs[start], beganNs[to - 1]] : [0n, 0n];
  return { goal: last === null || goals === 0 ? null : [last[GOAL_X], last[GOAL_Y]], path, fromNs, toNs };
}

/** A cycle that ran while the next world was set up is one of the old place. */
const STALE_CYCLES = 4;

/** How cycles kept their time; arrays of one length. */
export interface FlightTiming {
  /** From the scheduled start to the start, and to the moment before the command went out [s]. */
  readonly lateness: Float64Array;
  readonly command: Float64Array;
  readonly missedLate: number;
  readonly missedLong: number;
}

/** @throws FlightLogError @realtime unsafe */
export function flightTiming(log: FlightLogReader): FlightTiming {
  const lateness: number[] = [];
  const command: number[] = [];
  const misses = [0, 0, 0];
  for (const message of log.messages({ topics: [DECISION_TOPIC] })) {
    const { record } = decisionIn(message);
    const lateNs = record[DecisionField.latenessNs];
    lateness.push(lateNs / 1e9);
    command.push((lateNs + record[DecisionField.computeNs]) / 1e9);
    misses[record[DecisionField.miss]]++;
  }
  if (lateness.length === 0) throw new FlightLogError(`${log.path} holds no decision`);
  return {
    ...{ lateness: Float64Array.from(lateness), command: Float64Array.from(command) },
    ...{ missedLate: misses[1], missedLong: misses[2] },
  };
}

/**
 * What a robot's scans hit, in `odom`, on a grid: a map of sorts, as good as its odometry.
 *
 * @param within only scans of that time [Unix ns]; absent: all
 * @returns x, y [m] in turn
 * @throws FlightLogError
 * @realtime unsafe
 */
export function flightPoints(log: FlightLogReader, within: { fromNs?: bigint; toNs?: bigint } = {}): Float64Array {
  const [scanTopic, odometryTopic, readingTopic] = [Topic.scan, Topic.odometry, Topic.reading].map(
    (k) => TOPICS[k].name,
  );
  const cells = new Set<string>();
  const points: number[] = [];
  let pose: readonly [number, number, number] | null = null;
  let mount: readonly [number, number, number] = [0, 0, 0];
  let nextNs = 0n;
  for (const message of log.messages({ ...within, topics: [scanTopic, odometryTopic, readingTopic] })) {
    if (message.topic === odometryTopic) {
      pose = poseIn(message.decode());
    } else if (message.topic === readingTopic) {
      if (mount[0] === 0 && mount[1] === 0 && mount[2] === 0) mount = mountIn(message.decode()) ?? mount;
    } else if (pose !== null && message.logTimeNs >= nextNs && points.length < 2 * SCAN_POINTS_MAX) {
      nextNs = message.logTimeNs + BigInt(SCAN_PERIOD_S * 1e9);
      addScan(message.decode(), pose, mount, cells, points);
    }
  }
  return Float64Array.from(points);
}

type Decoded = Readonly<Record<string, unknown>>;

function addScan(
  scan: Decoded,
  [x, y, yaw]: readonly [number, number, number],
  [mountX, mountY, mountYaw]: readonly [number, number, number],
  cells: Set<string>,
  points: number[],
): void {
  const ranges = scan['ranges'];
  if (!(ranges instanceof Float32Array)) return;
  const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
  const [least, most] = [Number(scan['range_min']), Number(scan['range_max'])];
  for (let i = 0; i < ranges.length; i++) {
    const range = ranges[i];
    if (!(range >= least && range < most)) continue;
    const angle = mountYaw + Number(scan['angle_min']) + i * Number(scan['angle_increment']);
    const ahead = mountX + range * Math.cos(angle);
    const left = mountY + range * Math.sin(angle);
    const column = Math.round((x + cos * ahead - sin * left) / SCAN_GRID);
    const row = Math.round((y + sin * ahead + cos * left) / SCAN_GRID);
    const cell = `${column} ${row}`;
    if (cells.has(cell)) continue;
    cells.add(cell);
    points.push(column * SCAN_GRID, row * SCAN_GRID);
  }
}

function poseIn(odometry: Decoded): readonly [number, number, number] | null {
  const pose = (odometry['pose'] as Decoded | undefined)?.['pose'] as Decoded | undefined;
  const position = pose?.['position'] as Decoded | undefined;
  const orientation = pose?.['orientation'] as Decoded | undefined;
  if (position === undefined || orientation === undefined) return null;
  return [
    Number(position['x']),
    Number(position['y']),
    2 * Math.atan2(Number(orientation['z']), Number(orientation['w'])),
  ];
}

/** Of a scan's exact reading; null where it is another's. */
function mountIn(reading: Decoded): readonly [number, number, number] | null {
  const values = reading['values'];
  if (reading['input'] !== ReadingInput.ranges || !(values instanceof Float64Array)) return null;
  return [values[RangesField.mountX], values[RangesField.mountY], values[RangesField.mountYaw]];
}
