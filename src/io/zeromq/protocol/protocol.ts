/**
 * The vocabulary of the ZeroMQ link: every message, as the map that MessagePack carries. docs/zeromq-protocol.md is the
 * same for people who write a client; a test holds the two to each other.
 *
 * Keys are short and stay what they are. A key that the reader does not know is ignored, a missing optional key and nil
 * mean the same, so that a newer peer can talk to an older one. SI units, REP-103 axes. Times are seconds as 64-bit
 * floats; each side's clock is its own, monotonic, from any origin.
 */

/** Versions of the protocol that this build speaks, newest first. */
export const PROTOCOL_VERSIONS: readonly number[] = [1];

/** Robots and watchers may be called so: a name becomes a topic and the name of a folder. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** `lockstep`: one command for each sense. `free`: commands at the controller's own rate, from the latest sense. */
export type Mode = 'lockstep' | 'free';
/**
 * `real`: the robot's clock runs as fast as the controller's; the offset is estimated, and readings are dated by their
 * stamps. `simulated`: it runs as it likes; readings are dated by their arrival.
 */
export type ClockKind = 'real' | 'simulated';
export type Drive = 'differential' | 'omnidirectional';

/** [x m, y m, tolerance m] in `odom`. */
export type GoalTuple = readonly [number, number, number];
/** [x m, y m, yaw rad] in `odom`, then [vx m/s, vy m/s, yaw rate rad/s] in `base_link`. */
export type OdometryTuple = readonly [number, number, number, number, number, number];
/** Contact force by side [N]: front, left, back, right. */
export type ContactsTuple = readonly [number, number, number, number];
/** [vx m/s, vy m/s, yaw rate rad/s] in `base_link`. */
export type TwistTuple = readonly [number, number, number];
/** Speed [m/s], yaw rate [rad/s], acceleration [m/s²], yaw acceleration [rad/s²]. */
export type LimitsTuple = readonly [number, number, number, number];

/** The robot's planar range sensor, as sensor_msgs/LaserScan has it. */
export interface ScanShape {
  /** Beams. */
  n: number;
  /** Angle of beam 0 in the sensor frame [rad]. */
  a0: number;
  /** Angle from one beam to the next, may be negative [rad]. */
  da: number;
  /** [m] */
  rmin: number;
  /** [m] */
  rmax: number;
  /** Pose of the sensor in `base_link` [m, m, rad]; 0 where absent. */
  x?: number;
  y?: number;
  yaw?: number;
}

// ───────────────────────────────────────────────────────── robot → controller (DEALER → ROUTER)

export interface Hello {
  m: 'hello';
  /** Versions that the robot speaks. */
  v: readonly number[];
  name: string;
  mode: Mode;
  clock: ClockKind;
  drive: Drive;
  /** Footprint, a rectangle centred on `base_link` [m, m]: along x, along y. */
  size: readonly [number, number];
  /** What the base can do at least. */
  max: LimitsTuple;
  /** How many senses a second it will send [Hz]. */
  rate: number;
  scan: ScanShape;
  /** Whether it has contact sensors and will report them. */
  contacts: boolean;
  /** The session it had, to go on with it. */
  s?: number;
  /** The robot's clock [s]. */
  t: number;
}

export interface Sense {
  m: 'sense';
  s: number;
  /** Rises by at least one from sense to sense, from any start; at most 2^53 - 1. The same again asks for its command again. */
  q: number;
  /** When the readings were taken, on the robot's clock [s]. */
  t: number;
  odom?: OdometryTuple;
  /** `scan.n` little-endian 32-bit floats [m]; NaN is a failed beam, +Infinity or ≥ rmax nothing seen (REP-117). */
  ranges?: Uint8Array;
  contacts?: ContactsTuple;
  /** The goal from here on; nil cancels it, absence leaves it as it is. The same goal again is no new one, but for one in another frame. */
  goal?: GoalTuple | null;
  /** Rises when odometry begins anew, or the robot was put down elsewhere. 0 where absent. */
  frame?: number;
}

/** What a decision earned, where `reward.source` is `feedback`. */
export interface Feedback {
  m: 'feedback';
  s: number;
  t: number;
  /** The decision, as `command.n` named it. */
  n: number;
  reward: number;
}

export interface SetGoal {
  m: 'goal';
  s: number;
  t: number;
  goal: GoalTuple | null;
}

/** Stand still, and learn nothing, until `go`. */
export interface Stop {
  m: 'stop';
  s: number;
  reason?: string;
}
export interface Go {
  m: 'go';
  s: number;
}

// ───────────────────────────────────────────────────────── both ways

export interface Heartbeat {
  m: 'heartbeat';
  s: number;
  /** The sender's clock [s]. */
  t: number;
  /** `t` of the newest heartbeat that the sender has from the other side, as it stood there; absent before the first. */
  e?: number;
  /** How long ago that one arrived, on the sender's clock [s]. */
  d?: number;
}

/** The end of a session, from either side. */
export interface Bye {
  m: 'bye';
  s: number;
  reason?: string;
}

// ───────────────────────────────────────────────────────── controller → robot

export interface Welcome {
  m: 'welcome';
  /** The version spoken from here on. */
  v: number;
  /** The session: goes into every message of the robot. 1 … 2^32 - 1. */
  s: number;
  /** The session of before goes on: goal, decisions and what is remembered of the place stand. */
  resumed: boolean;
  /** The controller's clock [s]. */
  t: number;
  /** The controller's period [s]. */
  period: number;
  /** A command is good for so long after the stamp of the sense it answers [s]. */
  expiry: number;
  /** A robot silent for so long is released [s]. */
  timeout: number;
  /** A heartbeat is due so often, both ways [s]. */
  heartbeat: number;
  /** What the controller will keep to. */
  max: LimitsTuple;
  policy: string;
  /** Updates that the policy has learned from. */
  updates: number;
}

export interface Refused {
  m: 'refused';
  code: RefusalCode;
  /** A sentence for a person: what is wrong, and what would be right. */
  reason: string;
  /** Versions that the controller speaks. */
  v: readonly number[];
  /** When it is worth another try [s]; 0: not without a change. */
  retry: number;
}

export interface Command {
  m: 'command';
  s: number;
  /** The newest sense that it rests on. */
  q: number;
  /** That sense's stamp, on the robot's clock [s]. */
  t: number;
  /** The decision: feedback names it so. */
  n: number;
  twist: TwistTuple;
  /** On the robot's clock [s]: from then on the robot stops by itself. A zero twist does not expire. */
  until: number;
  /** Reason code, `REASON_LABELS` in src/memory/reason.ts. */
  why: number;
}

export interface LinkError {
  m: 'error';
  code: ErrorCode;
  reason: string;
  /** `m` of the message that it is about, where that could be read. */
  re?: string;
  /** The session that it is about: one that names a session of before is late, and says nothing of this one. */
  s?: number;
  /** `q` of the sense that it is about. */
  q?: number;
  /** `id` of the request that it is about. */
  id?: number | string;
}

/** Why a hello is answered with `refused`. */
export const REFUSAL_CODES = [
  /** No version in common. */
  'version',
  /** Every session is taken. */
  'busy',
  /** The hello lacks something, or something in it is not allowed. */
  'hello',
  /** The robot is not the one that the parameters describe: its drive, footprint, limits, scanner or rate. */
  'drive',
  'footprint',
  'limits',
  'scan',
  'rate',
  /** Its checkpoints cannot be used. */
  'checkpoint',
  /** The controller is ending, or cannot drive. */
  'unavailable',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Why anything else is answered with `error`; also the names under which frames that were rejected are counted. */
export const ERROR_CODES = [
  /** Not one frame (two for a request). */
  'frames',
  /** Longer than allowed. */
  'size',
  /** Not MessagePack, or MessagePack with something after it. */
  'malformed',
  /** Nested too deep, too many elements, or an extension type. */
  'structure',
  /** No map, or `m` is missing or names nothing. */
  'message',
  /** A key is missing, or its value is not of its kind. */
  'field',
  /** The session is not, or no longer, one of this controller: say hello. */
  'session',
  /** `q` has been passed already. */
  'sequence',
  /** A stamp that cannot be: back, too old, or in the future. */
  'stamp',
  /** A reading out of all bounds. */
  'reading',
  /** Too many messages a second: cut off for a while. */
  'rate',
  /** A request that is known and could not be done. */
  'failed',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export type RobotMessage = Hello | Sense | Feedback | SetGoal | Stop | Go | Heartbeat | Bye;
export type ControllerMessage = Welcome | Refused | Command | LinkError | Heartbeat | Bye;

// ───────────────────────────────────────────────────────── requests (REQ → ROUTER), telemetry (PUB → SUB)

/** Requests of an administrator. `robot` names the session, needed where there are several. `id` comes back with the answer. */
export const REQUESTS = [
  'status',
  'save',
  'checkpoints',
  'restore',
  'reset',
  'freeze',
  'unfreeze',
  'stop',
  'go',
  'parameters',
  'set',
] as const;
type RequestName = (typeof REQUESTS)[number];

export interface Request {
  m: RequestName;
  id?: number | string;
  robot?: string;
  /** restore: a file's name in the checkpoint folder, as `checkpoints` lists them; absent: the newest good one. */
  file?: string;
  /** set: the parameter's dotted name, and its new value. */
  name?: string;
  value?: number | boolean | string;
}

/** The answer to a request that was done; `result` is what it says for that request. Otherwise a `LinkError`. */
export interface Answer {
  m: 'ok';
  re: RequestName;
  id?: number | string;
  result: Readonly<Record<string, unknown>>;
}

/**
 * Topics of the telemetry. A message is two frames: `TOPIC/ROBOT` as text, and a map that begins with `q`, which rises by
 * one from message to message of that topic and robot: a gap is what a slow watcher lost.
 */
export const TOPICS = ['decision', 'state', 'checkpoint'] as const;
export type Topic = (typeof TOPICS)[number];
/** Stands for the robot in a topic where no robot drives through the link. */
export const LOCAL_ROBOT = 'local';
