/**
 * What the keys of each message may hold, in the order in which they are written. Reading, writing and the tables of
 * docs/zeromq-protocol.md are held to it; the compiler holds it to the types of protocol.ts.
 */
import {
  type Answer,
  type Bye,
  type Command,
  type ControllerMessage,
  type Feedback,
  type Go,
  type Heartbeat,
  type Hello,
  type LinkError,
  NAME_PATTERN,
  REQUESTS,
  type Refused,
  type Request,
  type RobotMessage,
  type ScanShape,
  type Sense,
  type SetGoal,
  type Stop,
  type Welcome,
} from './protocol.js';
import type { CheckpointReport, DecisionReport, StateReport } from './telemetry-reports.js';

/** How a value is written, and first asked about when it is read. */
export const Kind = {
  integer: 0,
  float: 1,
  boolean: 2,
  text: 3,
  /** Bytes that are little-endian 32-bit floats. */
  singles: 4,
  bytes: 5,
  floats: 6,
  integers: 7,
  map: 8,
  /** An integer or a string. */
  identifier: 9,
  /** A number, a boolean or a string. */
  scalar: 10,
  /** Any map. */
  record: 11,
  /** Numbers, with nil where there is none. */
  gaps: 12,
} as const;
type KindCode = (typeof Kind)[keyof typeof Kind];

export interface Field {
  readonly kind: KindCode;
  readonly required: boolean;
  /** nil says something else than absence does. */
  readonly nullable: boolean;
  /** The value is allowed from `least` to `most`; for text the characters, for arrays the elements' values. */
  readonly least: number;
  readonly most: number;
  /** Elements of an array of floats; at most, of one of integers. */
  readonly count: number;
  readonly pattern: RegExp | null;
  readonly fields: FieldTable | null;
  /** What is allowed, in words: "must be …". */
  readonly must: string;
}

/** A field as its message has it. */
export interface NamedField extends Field {
  readonly key: string;
}
export type FieldTable = readonly NamedField[];

/** Times lie within 3000 years of their origin, so that they are finite in nanoseconds [s]. */
const TIME_MAX_S = 1e11;
/** Sessions and versions. */
const UINT32_MAX = 2 ** 32 - 1;
/** Anything metric: beyond it a reading is a mistake, and its square is finite still. */
const METRIC_MAX = 1e9;

const base: Field = {
  kind: Kind.integer,
  required: true,
  nullable: false,
  least: 0,
  most: 0,
  count: 0,
  pattern: null,
  fields: null,
  must: '',
};

function inWords(value: number): string {
  if (value === Number.MAX_SAFE_INTEGER) return '2^53 - 1';
  return value === UINT32_MAX ? '2^32 - 1' : String(value);
}
const integer = (least: number, most: number): Field => ({
  ...base,
  least,
  most,
  must: `an integer from ${inWords(least)} to ${inWords(most)}`,
});
const float = (least: number, most: number): Field => ({
  ...base,
  kind: Kind.float,
  least,
  most,
  must: `a number from ${least} to ${most}`,
});
const floats = (count: number, least = -METRIC_MAX, most = METRIC_MAX): Field => ({
  ...base,
  kind: Kind.floats,
  count,
  least,
  most,
  must: `an array of ${count} numbers from ${least} to ${most}`,
});
const integers = (count: number, least: number, most: number): Field => ({
  ...base,
  kind: Kind.integers,
  count,
  least,
  most,
  must: `an array of 1 to ${count} integers from ${inWords(least)} to ${inWords(most)}`,
});
const text = (least: number, most: number): Field => ({
  ...base,
  kind: Kind.text,
  least,
  most,
  must: least === 0 ? `a string of at most ${most} characters` : `a string of ${least} to ${most} characters`,
});
const matching = (pattern: RegExp, must: string): Field => ({
  ...base,
  kind: Kind.text,
  least: 1,
  most: 64,
  pattern,
  must,
});
const oneOf = (...choices: readonly string[]): Field =>
  matching(new RegExp(`^(?:${choices.join('|')})$`), choices.map((choice) => JSON.stringify(choice)).join(' or '));
const gaps = (count: number): Field => ({
  ...base,
  kind: Kind.gaps,
  count,
  must: `an array of ${count} numbers, or nil in their place`,
});
const boolean: Field = { ...base, kind: Kind.boolean, must: 'a boolean' };
const singles: Field = {
  ...base,
  kind: Kind.singles,
  must: 'bytes (bin) whose number is a multiple of 4: little-endian 32-bit floats',
};
const identifier: Field = {
  ...base,
  kind: Kind.identifier,
  least: -Number.MAX_SAFE_INTEGER,
  most: Number.MAX_SAFE_INTEGER,
  count: 64,
  must: 'an integer within ±(2^53 - 1), or a string of at most 64 characters',
};
const scalar: Field = {
  ...base,
  kind: Kind.scalar,
  most: 4096,
  must: 'a finite number, a boolean, or a string of at most 4096 characters',
};
const bytes: Field = { ...base, kind: Kind.bytes, must: 'bytes (bin)' };
const record: Field = { ...base, kind: Kind.record, must: 'a map' };

const optional = (field: Field): Field => ({ ...field, required: false });
const nullable = (field: Field): Field => ({ ...field, nullable: true, must: `${field.must}, or nil` });

function table<T>(fields: { readonly [K in keyof Required<Omit<T, 'm'>>]: Field }): FieldTable {
  return Object.entries<Field>(fields).map(([key, field]) => ({ ...field, key }));
}
const mapOf = (fields: FieldTable): Field => ({ ...base, kind: Kind.map, fields, must: 'a map' });

/** Any number that is not NaN; nil where there is none. */
const measured: Field = nullable(float(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY));

const session = integer(1, UINT32_MAX);
const count = integer(0, Number.MAX_SAFE_INTEGER);
const time = float(-TIME_MAX_S, TIME_MAX_S);
const duration = float(0, TIME_MAX_S);
const reason = text(0, 1024);
const robotName = matching(NAME_PATTERN, 'a name: 1 to 64 of A-Z a-z 0-9 _ -, the first a letter or a digit');
/** Codes that are not known yet may come with a newer controller. */
const code = matching(/^[a-z_]{1,32}$/, '1 to 32 of a-z and _');
const goal = floats(3);
const limits = floats(4, 0, METRIC_MAX);
const versions = integers(16, 1, UINT32_MAX);

const scanFields = table<ScanShape>({
  n: integer(1, UINT32_MAX),
  a0: float(-7, 7),
  da: float(-7, 7),
  rmin: float(0, METRIC_MAX),
  rmax: float(0, METRIC_MAX),
  x: optional(float(-1000, 1000)),
  y: optional(float(-1000, 1000)),
  yaw: optional(float(-7, 7)),
});

const heartbeat = table<Heartbeat>({ s: session, t: time, e: optional(time), d: optional(duration) });
const bye = table<Bye>({ s: session, reason: optional(reason) });

type TableOf<M extends { m: string }> = { readonly [K in M['m']]: FieldTable };

export const ROBOT_FIELDS: TableOf<RobotMessage> = {
  hello: table<Hello>({
    v: versions,
    name: robotName,
    mode: oneOf('lockstep', 'free'),
    clock: oneOf('real', 'simulated'),
    drive: oneOf('differential', 'omnidirectional'),
    size: floats(2, 0, 1000),
    max: limits,
    rate: float(0.01, 100_000),
    scan: mapOf(scanFields),
    contacts: boolean,
    s: optional(session),
    t: time,
  }),
  sense: table<Sense>({
    s: session,
    q: count,
    t: time,
    odom: optional(floats(6)),
    ranges: optional(singles),
    contacts: optional(floats(4)),
    goal: optional(nullable(goal)),
    frame: optional(count),
  }),
  feedback: table<Feedback>({ s: session, t: time, n: count, reward: float(-METRIC_MAX, METRIC_MAX) }),
  goal: table<SetGoal>({ s: session, t: time, goal: nullable(goal) }),
  stop: table<Stop>({ s: session, reason: optional(reason) }),
  go: table<Go>({ s: session }),
  heartbeat,
  bye,
};

export const CONTROLLER_FIELDS: TableOf<ControllerMessage> = {
  welcome: table<Welcome>({
    v: integer(1, UINT32_MAX),
    s: session,
    resumed: boolean,
    t: time,
    period: duration,
    expiry: duration,
    timeout: duration,
    heartbeat: duration,
    max: limits,
    policy: text(0, 256),
    updates: count,
  }),
  refused: table<Refused>({ code, reason, v: versions, retry: duration }),
  command: table<Command>({
    s: session,
    q: count,
    t: time,
    n: count,
    twist: floats(3),
    until: time,
    why: integer(0, 255),
  }),
  error: table<LinkError>({
    code,
    reason,
    re: optional(text(0, 64)),
    s: optional(session),
    q: optional(count),
    id: optional(identifier),
  }),
  heartbeat,
  bye,
};

/** Of every request; `name` and `value` are required of `set` alone. */
const requestFields = table<Request>({
  id: optional(identifier),
  robot: optional(robotName),
  file: optional(text(1, 255)),
  name: optional(text(1, 128)),
  value: optional(scalar),
});
const setFields: FieldTable = requestFields.map((field) =>
  field.key === 'name' || field.key === 'value' ? { ...field, required: true } : field,
);
export const REQUEST_FIELDS = Object.fromEntries(
  REQUESTS.map((name) => [name, name === 'set' ? setFields : requestFields]),
) as TableOf<Request>;

export const ANSWER_FIELDS: { readonly ok: FieldTable; readonly error: FieldTable } = {
  ok: table<Answer>({ re: oneOf(...REQUESTS), id: optional(identifier), result: record }),
  error: CONTROLLER_FIELDS.error,
};

/** Of a telemetry message on the wire: its number among those of its topic and robot, then the report. */
type Numbered<T> = { q: number } & T;

export const DECISION_FIELDS: FieldTable = table<Numbered<DecisionReport>>({
  q: count,
  robot: robotName,
  n: count,
  t: time,
  late: measured,
  compute: measured,
  period: measured,
  miss: integer(0, 2),
  action: nullable(integer(0, 7)),
  p: measured,
  allowed: integer(0, 255),
  why: integer(0, 255),
  driver: integer(0, 255),
  twist: gaps(3),
  pose: gaps(3),
  goal: nullable(gaps(2)),
  goals: count,
  arrived: boolean,
  reward: measured,
  rewarded: nullable(count),
  reward_sum: measured,
  reward_count: count,
  updates: count,
  drift_alarms: count,
  odom_age: measured,
  ranges_age: measured,
  odom_t: measured,
  ranges_t: measured,
  values: nullable(gaps(8)),
  dist: nullable(gaps(8)),
  raw: gaps(24),
  scaled: gaps(24),
});

export const STATE_FIELDS: FieldTable = table<Numbered<StateReport>>({
  q: count,
  t: time,
  robot: robotName,
  session: optional(session),
  mode: optional(oneOf('lockstep', 'free')),
  state: matching(/^[a-z_]{1,32}$/, '1 to 32 of a-z and _'),
  armed: boolean,
  frozen: boolean,
  why: integer(0, 255),
  rate: measured,
  cycles: count,
  misses: mapOf(table<StateReport['misses']>({ late: count, long: count })),
  lateness: gaps(2),
  compute: gaps(2),
  age: mapOf(table<StateReport['age']>({ odom: measured, ranges: measured, contacts: measured })),
  updates: count,
  reward: measured,
  interventions: record,
  breaker: boolean,
  drift_alarms: count,
  readings: record,
  rejected: optional(record),
  refused: optional(record),
  released: optional(count),
  cut_off: optional(count),
  peers: optional(mapOf(table<NonNullable<StateReport['peers']>>({ drive: count, watch: count, administer: count }))),
  lost_decisions: count,
  memory_bytes: count,
  policy: text(0, 256),
});

export const CHECKPOINT_FIELDS: FieldTable = table<Numbered<CheckpointReport>>({
  q: count,
  t: time,
  robot: robotName,
  file: text(1, 255),
  cycles: count,
  updates: count,
  episodes: optional(count),
  bytes: count,
  sha256: matching(/^[0-9a-f]{64}$/, '64 hexadecimal digits, lower case'),
  data: bytes,
});
