/**
 * What a flight log holds: its topics, their types, and the definitions that others read them by. The one place where a
 * topic has its name; a topic's place in `TOPICS` is its channel's id in every log.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ACTION_COUNT, CONTEXT_DIM, DecisionField } from '../../memory/layout.js';
import { packageRoot } from '../../parameters/presets.js';

/** The MCAP profile that says: ROS 2's topics, definitions and CDR. */
export const PROFILE = 'ros2';
export const SCHEMA_ENCODING = 'ros2msg';
export const MESSAGE_ENCODING = 'cdr';
/** Name of the metadata record by which a flight log is recognised. */
export const METADATA_NAME = 'rfsn';
/** Rises with a change that a reader of older logs would misread; `METADATA.format` of each file. */
export const FORMAT_VERSION = 1;
/** Name of the attachment with what the policy had learned at the start. */
export const LEARNED_STATE_NAME = 'learned-state';

/** Keys of the metadata record that the log writes itself; the rest is the run's. */
export const METADATA = {
  /** `FORMAT_VERSION`. */
  format: 'format',
  /** Unix time at the start of the run, and the same for a person [ns; ISO 8601]. */
  startNs: 'start_ns',
  start: 'start',
  /** The same for all parts of a run, and for no other run. */
  run: 'run',
  /** From 1. */
  part: 'part',
  /** The first decision that this part may hold. */
  firstCycle: 'first_cycle',
  policy: 'policy',
  /** The checkpoint that the attachment came from; empty where there is none. */
  learnedFrom: 'learned_from',
} as const;

/** Indexes into `TOPICS`. */
export const Topic = {
  odometry: 0,
  scan: 1,
  contacts: 2,
  goal: 3,
  command: 4,
  tf: 5,
  tfStatic: 6,
  decision: 7,
  explanation: 8,
  reading: 9,
  tuning: 10,
  restore: 11,
  state: 12,
  checkpoint: 13,
  episode: 14,
} as const;
export type TopicIndex = (typeof Topic)[keyof typeof Topic];

export interface LogTopic {
  readonly name: string;
  /** `package/msg/Type`. */
  readonly type: string;
  /** The newest message is repeated at the start of each further part of a run. */
  readonly kept: boolean;
}

export const TOPICS: readonly LogTopic[] = [
  { name: '/odom', type: 'nav_msgs/msg/Odometry', kept: false },
  { name: '/scan', type: 'sensor_msgs/msg/LaserScan', kept: false },
  { name: '/contacts', type: 'rfsn_controller/msg/Contacts', kept: false },
  { name: '/goal_pose', type: 'geometry_msgs/msg/PoseStamped', kept: true },
  { name: '/cmd_vel', type: 'geometry_msgs/msg/TwistStamped', kept: false },
  { name: '/tf', type: 'tf2_msgs/msg/TFMessage', kept: false },
  { name: '/tf_static', type: 'tf2_msgs/msg/TFMessage', kept: true },
  { name: '/rfsn/decision', type: 'rfsn_controller/msg/Decision', kept: false },
  { name: '/rfsn/explanation', type: 'rfsn_controller/msg/Explanation', kept: false },
  { name: '/rfsn/reading', type: 'rfsn_controller/msg/Reading', kept: false },
  { name: '/rfsn/tuning', type: 'rfsn_controller/msg/Tuning', kept: false },
  { name: '/rfsn/restore', type: 'rfsn_controller/msg/Restore', kept: false },
  { name: '/rfsn/state', type: 'rfsn_controller/msg/ControllerState', kept: true },
  { name: '/rfsn/checkpoint', type: 'rfsn_controller/msg/CheckpointReference', kept: false },
  { name: '/rfsn/episode', type: 'rfsn_controller/msg/Episode', kept: false },
];

export const Frame = { odometry: 'odom', base: 'base_link', laser: 'laser' } as const;

/** `Reading.input`; the numbers are those of the sink's inputs. */
export const ReadingInput = { odometry: 0, ranges: 1, contacts: 2, goal: 3, feedback: 4 } as const;

/** `ControllerState.state`, in the order of its constants. */
export const STATE_NAMES = ['idle', 'starting', 'running', 'stalled', 'latched', 'dead', 'stopped'] as const;
export type StateName = (typeof STATE_NAMES)[number];
/** `CheckpointReference.event`, in the order of its constants. */
export const CHECKPOINT_EVENTS = ['saved', 'resumed', 'restored'] as const;
export type CheckpointEvent = (typeof CHECKPOINT_EVENTS)[number];
/** `Episode.outcome`, in the order of its constants. */
export const EPISODE_OUTCOMES = ['running', 'success', 'collision', 'timeout'] as const;
export type EpisodeOutcome = (typeof EPISODE_OUTCOMES)[number];

const OWN_PACKAGE = 'rfsn_controller';
const SEPARATOR = '='.repeat(80);
/** Of the ROS 2 whose definitions the log carries; what it uses has been the same in all releases since Humble. */
const DISTRIBUTION = 'ros2jazzy';

const requireFrom = createRequire(import.meta.url);
let commonDefinitions = '';

function fileOf(type: string): string {
  const [pack, , name] = type.split('/');
  if (pack === OWN_PACKAGE) return join(packageRoot(), 'msg', `${name}.msg`);
  if (commonDefinitions === '') {
    const main = requireFrom.resolve('@foxglove/rosmsg-msgs-common');
    commonDefinitions = join(dirname(dirname(main)), 'msgdefs', DISTRIBUTION);
  }
  return join(commonDefinitions, pack, 'msg', `${name}.msg`);
}

/**
 * A type's definition, and behind it those of the types that it is made of, as a `ros2msg` schema has them.
 *
 * @param type `package/msg/Type`, of this package or one of ROS 2's common ones
 * @throws where there is no such file
 * @realtime unsafe
 */
export function definitionOf(type: string): string {
  const text = readFileSync(fileOf(type), 'utf8');
  // ROS's own come with what they need; of ours nothing but the header is nested.
  if (!type.startsWith(`${OWN_PACKAGE}/`)) return text;
  const header = readFileSync(fileOf('std_msgs/msg/Header'), 'utf8');
  return `${text}${SEPARATOR}\nMSG: std_msgs/Header\n${header}`;
}

export type DecisionFieldName = keyof typeof DecisionField;

export interface DecisionMessageField {
  /** In Decision.msg. */
  readonly name: string;
  /** Its first double in a decision's record. */
  readonly index: number;
  /** 1, or how many elements its array has. */
  readonly count: number;
}

const ARRAY_COUNTS: Partial<Record<DecisionFieldName, number>> = {
  raw: CONTEXT_DIM,
  scaled: CONTEXT_DIM,
  values: ACTION_COUNT,
  distribution: ACTION_COUNT,
};

/** Where each of Decision.msg's fields stands in a record: `odometryAgeNs` is `odometry_age_ns`. Every double has one. */
export const DECISION_MESSAGE_FIELDS: readonly DecisionMessageField[] = (
  Object.keys(DecisionField) as DecisionFieldName[]
).map((key) => ({
  name: key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  index: DecisionField[key],
  count: ARRAY_COUNTS[key] ?? 1,
}));

/** What `decisionRecordFrom` reads: a decoded Decision message. */
export type DecisionMessage = Record<string, number | bigint | boolean | ArrayLike<number>>;

/**
 * The record that a Decision message was made of, every double as it was.
 *
 * @param out `DECISION_DOUBLES`
 * @realtime unsafe
 */
export function decisionRecordFrom(message: DecisionMessage, out: Float64Array): void {
  for (const { name, index, count } of DECISION_MESSAGE_FIELDS) {
    const value = message[name];
    if (typeof value === 'object') {
      for (let i = 0; i < count; i++) out[index + i] = value[i];
    } else {
      out[index] = Number(value);
    }
  }
}
