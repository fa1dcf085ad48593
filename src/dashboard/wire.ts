/**
 * What the page and its server say to each other over the WebSocket, the same file on either side: JSON text for what is
 * said now and then, binary frames for what is said many times a second. Runs in Node and in browsers.
 *
 * The server begins with a `Hello`, and again whenever the page is shown another robot or the controller was started anew;
 * then come frames, `Status` about three times a second, and `Episode` and `Notice` as they happen. A page asks with a
 * `Request` and gets one `Answer` with its number. SI units, REP-103; times are seconds of the run (`t`) unless said.
 */

/** Rises with a change that an older page would misread; a page of another version reloads itself. */
export const WIRE_VERSION = 1;
/** The WebSocket's path. */
export const WIRE_PATH = '/live';
/** The subprotocol that a page asks for; a token follows it as a second one, `token.<base64url>`, and never as part of a URL. */
export const WIRE_PROTOCOL = 'rfsn.v1';

/**
 * With what the server closes a WebSocket. A browser tells a page nothing of an
 * upgrade that was refused: so the upgrade is let through, and the socket closed before the first word.
 */
export const WireClose = {
  /** The server ends, and the run with it: the page tries again. */
  goingAway: 1001,
  /** What the page sent is no request, or it sent more of them than a page may; the reason says which. */
  misused: 1008,
  /** There is no robot to show, not yet or not any more: the page tries again. */
  nothing: 1013,
  /** No token came, or one that opens nothing: the page asks for one. */
  refused: 4401,
  /** More pages are open than may be: the page tries again later, and says so. */
  full: 4429,
} as const;

/** What a page may do: see only, or give orders too. */
export type Role = 'watch' | 'control';

export interface FeatureWords {
  readonly name: string;
  readonly unit: string;
}

/** Where frames come from. */
export interface RobotWords {
  readonly name: string;
  readonly drive: 'differential' | 'omnidirectional';
  /** Corners of the outline in `base_link`, counter-clockwise [m]: x, y, x, y … */
  readonly footprint: readonly number[];
  /** [m/s] */
  readonly maxSpeed: number;
  readonly policy: string;
  /** Of a cycle, and what of it may pass until the command goes out [s]. */
  readonly periodS: number;
  readonly deadlineS: number;
  /** After which age an input stops the robot [s]. */
  readonly timeoutS: { readonly odometry: number; readonly ranges: number; readonly contacts: number };
  /** Names of the simulated world or of the recording; empty where there is none. */
  readonly scene: string;
  /** `live`, or a recording that can be scrubbed. */
  readonly kind: 'live' | 'recording';
  /** Whether time can be paused, stepped and sped up: a recording, or a robot in the embedded simulator. */
  readonly paced: boolean;
  /** Whether anything is saved, so that save and restore make sense. */
  readonly saves: boolean;
}

export interface Hello {
  readonly kind: 'hello';
  readonly wire: number;
  readonly version: string;
  /** Changes with each start of the controller's process. */
  readonly run: string;
  readonly role: Role;
  /** All that can be shown, and which one is. */
  readonly robots: readonly string[];
  readonly robot: RobotWords;
  /** In the order of the decision's arrays. */
  readonly features: readonly FeatureWords[];
  /** Names by code. */
  readonly reasons: readonly string[];
  readonly drivers: readonly string[];
  /** By which fields the record of a frame is read: index by name, and its length in doubles. */
  readonly fields: Readonly<Record<string, number>>;
  readonly recordDoubles: number;
  /** Contributions of one direction in an explanation: those of the features, and the rest. */
  readonly explained: number;
  /** Of a recording: its first and last moment, seconds since 1970. */
  readonly extent: { readonly startS: number; readonly endS: number } | null;
  /** Episodes so far, oldest first. */
  readonly episodes: readonly EpisodeWords[];
}

export interface EpisodeWords {
  /** When it ended, seconds since 1970. */
  readonly atS: number;
  readonly episode: number;
  readonly outcome: 'success' | 'collision' | 'timeout';
  /** [s] */
  readonly timeS: number;
  /** Mean of its decisions; null where none was paid. */
  readonly reward: number | null;
  /** Mean squared error of the values that its decisions were chosen by; null where none was paid. */
  readonly loss: number | null;
  /** Mean probability of its decisions not to take the best one; null where the policy made none. */
  readonly exploration: number | null;
  readonly driftAlarms: number;
  readonly interventions: number;
}

export interface Episode {
  readonly kind: 'episode';
  readonly episode: EpisodeWords;
}

/** Buckets of the lateness histogram: upper ends [s], and how many cycles since the start fell in each; the last is open. */
export interface HistogramWords {
  readonly uptoS: readonly number[];
  readonly counts: readonly number[];
}

export interface Status {
  readonly kind: 'status';
  /** Seconds since 1970. */
  readonly atS: number;
  readonly state: 'running' | 'stalled' | 'latched' | 'dead' | 'stopped' | 'recording';
  /** In words, where something must be seen; else empty. */
  readonly warning: string;
  readonly armed: boolean;
  /** Told to stand by an operator. */
  readonly halted: boolean;
  readonly frozen: boolean;
  readonly paused: boolean;
  /** Simulated seconds a second. */
  readonly speed: number;
  /** Of the last seconds [Hz]; null before there is one. */
  readonly rateHz: number | null;
  readonly cycles: number;
  readonly updates: number;
  /** p50, p99 and the longest of the last seconds [s]; null before there is one. */
  readonly lateness: readonly number[] | null;
  readonly compute: readonly number[] | null;
  readonly latenessHistogram: HistogramWords;
  readonly misses: { readonly late: number; readonly long: number };
  readonly breakerOpen: boolean;
  readonly breakerOpenings: number;
  /** [s]; null where nothing has come. */
  readonly ageS: { readonly odometry: number | null; readonly ranges: number | null; readonly contacts: number | null };
  readonly interventions: Readonly<Record<string, number>>;
  /** Refused readings by input and reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly driftAlarms: number;
  /** Lost on the way out of the cycle. */
  readonly lostDecisions: number;
  /** Of this page: frames that were left out because it did not take them in time. */
  readonly skippedFrames: number;
  readonly checkpoint: { readonly file: string; readonly ageS: number } | null;
  /** Where the flight log goes; empty where there is none. */
  readonly log: string;
  readonly success: number | null;
  readonly episode: number;
}

/** Something worth a line: an order carried out, a drift alarm, a controller that is back. */
export interface Notice {
  readonly kind: 'notice';
  readonly atS: number;
  readonly level: 'info' | 'warning';
  readonly text: string;
}

export interface Answer {
  readonly kind: 'answer';
  readonly re: number;
  readonly ok: boolean;
  /** What was done, or why not: one sentence. */
  readonly text: string;
  readonly result: unknown;
}

export type ServerMessage = Hello | Episode | Status | Notice | Answer;

/** What a page may ask. Those below the line need the role `control`. */
export type Order =
  | { readonly do: 'show'; readonly robot: string }
  | { readonly do: 'explain'; readonly cycle: number }
  /** Path driven up to a moment of a recording. */
  | { readonly do: 'trail'; readonly atS: number; readonly seconds: number }
  /** Recordings, for this page alone: seconds since 1970. */
  | { readonly do: 'seek'; readonly atS: number }
  /** A recording's, for this page alone; the simulator's needs `control`. */
  | { readonly do: 'pause'; readonly paused: boolean }
  | { readonly do: 'step' }
  | { readonly do: 'speed'; readonly speed: number }
  // ————
  /** In `odom` [m]. */
  | { readonly do: 'goal'; readonly x: number; readonly y: number }
  | { readonly do: 'arm' }
  | { readonly do: 'stop' }
  | { readonly do: 'freeze'; readonly frozen: boolean }
  | { readonly do: 'save' }
  | { readonly do: 'checkpoints' }
  | { readonly do: 'restore'; readonly file: string | null };

/**
 * Numbered by the page. `to`: whom an order below the line is for, by name; absent, who is shown. A page that gives orders
 * says so, since who is shown may have changed while the order was on its way.
 */
export type Request = Order & { readonly id: number; readonly to?: string };

/** Result of `explain`. */
export interface ExplanationWords {
  readonly cycle: number;
  readonly atS: number;
  /** The decision's record, as in a frame; `null` stands for NaN and infinities. */
  readonly record: readonly (number | null)[];
  /** Direction after direction, `explained` numbers each, which sum to the direction's value; null where none was taken. */
  readonly contributions: readonly number[] | null;
}

/** Result of `trail`: x, y [m, `odom`], oldest first. */
export interface TrailWords {
  readonly points: readonly number[];
}

/** A scan as the page draws it. */
export interface FrameScan {
  readonly angleMin: number;
  readonly angleIncrement: number;
  readonly rangeMax: number;
  /** Pose of the scanner in `base_link` [m, m, rad]. */
  readonly mountX: number;
  readonly mountY: number;
  readonly mountYaw: number;
  /** [m]; NaN where a beam failed. */
  readonly ranges: Float32Array;
}

/** One decision, and the scan it rests on if the page has not had that one. */
export interface Frame {
  /** When the cycle began, seconds since 1970. */
  readonly atS: number;
  /** Index with the names in `Hello.fields`. */
  readonly record: Float64Array;
  readonly scan: FrameScan | null;
}

/** Little-endian: `head` doubles, then the record's, then the scan's ranges as singles. */
const HEAD = { atS: 0, recordDoubles: 1, beams: 2, angleMin: 3, angleIncrement: 4, rangeMax: 5, mountX: 6 } as const;
const HEAD_DOUBLES = 9;

/** @param record of the frame, copied. @returns bytes of the caller's own */
export function encodeFrame({ atS, record, scan }: Frame): Uint8Array<ArrayBuffer> {
  const beams = scan?.ranges.length ?? 0;
  const bytes = new ArrayBuffer((HEAD_DOUBLES + record.length) * 8 + beams * 4);
  const head = new Float64Array(bytes, 0, HEAD_DOUBLES);
  head[HEAD.atS] = atS;
  head[HEAD.recordDoubles] = record.length;
  head[HEAD.beams] = scan === null ? -1 : beams;
  if (scan !== null) {
    head.set([scan.angleMin, scan.angleIncrement, scan.rangeMax], HEAD.angleMin);
    head.set([scan.mountX, scan.mountY, scan.mountYaw], HEAD.mountX);
    new Float32Array(bytes, (HEAD_DOUBLES + record.length) * 8).set(scan.ranges);
  }
  new Float64Array(bytes, HEAD_DOUBLES * 8, record.length).set(record);
  return new Uint8Array(bytes);
}

/** @param bytes as `encodeFrame` makes them; the arrays are views on it. @throws RangeError where it is another length */
export function decodeFrame(bytes: ArrayBuffer): Frame {
  const head = new Float64Array(bytes, 0, HEAD_DOUBLES);
  const count = head[HEAD.recordDoubles];
  const beams = head[HEAD.beams];
  const expected = (HEAD_DOUBLES + count) * 8 + Math.max(0, beams) * 4;
  if (bytes.byteLength !== expected) throw new RangeError(`a frame of ${bytes.byteLength} bytes, not ${expected}`);
  const record = new Float64Array(bytes, HEAD_DOUBLES * 8, count);
  if (beams < 0) return { atS: head[HEAD.atS], record, scan: null };
  return {
    atS: head[HEAD.atS],
    record,
    scan: {
      angleMin: head[HEAD.angleMin],
      angleIncrement: head[HEAD.angleIncrement],
      rangeMax: head[HEAD.rangeMax],
      mountX: head[HEAD.mountX],
      mountY: head[HEAD.mountX + 1],
      mountYaw: head[HEAD.mountX + 2],
      ranges: new Float32Array(bytes, (HEAD_DOUBLES + count) * 8, beams),
    },
  };
}
