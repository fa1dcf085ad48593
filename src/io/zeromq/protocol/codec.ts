/**
 * Messages to bytes and back. Bytes are walked by `checkStructure` first; then msgpackr unpacks them, and the keys that
 * the message has are checked one by one and copied. What a peer sends reaches nobody unchecked, and keys that the
 * message does not have reach nobody at all. Main thread; a sense of 720 beams takes some 2 µs.
 */
import { Unpackr } from 'msgpackr';
import {
  ANSWER_FIELDS,
  CONTROLLER_FIELDS,
  type FieldTable,
  Kind,
  type NamedField,
  REQUEST_FIELDS,
  ROBOT_FIELDS,
} from './message-fields.js';
import { fieldsOf, pack } from './packing.js';
import {
  type Answer,
  type ControllerMessage,
  type LinkError,
  PROTOCOL_VERSIONS,
  type Request,
  type RobotMessage,
} from './protocol.js';
import { type FaultOrigin, ProtocolFault } from './protocol-fault.js';
import { checkStructure, REPORT_LIMITS, type StructureLimits } from './structure.js';

type Unpacked = Readonly<Record<string, unknown>>;

interface Shape {
  readonly name: string;
  readonly fields: FieldTable;
}
type Shapes = ReadonlyMap<string, Shape>;

// Maps become plain objects, 64-bit integers numbers; records and references are off, and msgpackr renames a key
// `__proto__`. Extension types do not come this far.
const unpackr = new Unpackr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'number',
  structuredClone: false,
  moreTypes: false,
});

function shapesOf(tables: Readonly<Record<string, FieldTable>>): Shapes {
  return new Map(Object.entries(tables).map(([name, fields]) => [name, { name, fields }]));
}
const robotShapes = shapesOf(ROBOT_FIELDS);
const controllerShapes = shapesOf(CONTROLLER_FIELDS);
const requestShapes = shapesOf(REQUEST_FIELDS);
const answerShapes = shapesOf(ANSWER_FIELDS);
// `goal`, `stop` and `go` mean a robot's message or a request; no robot's message is without `s`.
const writtenShapes: Shapes = new Map([...answerShapes, ...controllerShapes, ...robotShapes]);

/**
 * Bytes of a message, keys in the order of message-fields.ts, those that are undefined left out.
 *
 * @returns a fresh buffer; the caller owns it
 * @throws TypeError for a value that MessagePack has no plain form for
 * @realtime unsafe allocates
 */
export function encodeMessage(message: RobotMessage | ControllerMessage | Request | Answer): Buffer {
  const shapes = 's' in message || message.m === 'ok' ? writtenShapes : requestShapes;
  const shape = shapes.get(message.m) ?? writtenShapes.get(message.m);
  if (shape === undefined) throw new TypeError(`there is no message ${JSON.stringify(message.m)}`);
  return pack(fieldsOf(shape.fields, message as unknown as Unpacked, shape.name));
}

/**
 * A robot's message. `ranges` is a view into `bytes`: it lives as long as they do, and need not be aligned to 4 bytes.
 * Everything else is a copy.
 *
 * @param bytes only read
 * @throws ProtocolFault; with `refusal` set where a hello is to be refused
 * @realtime unsafe allocates
 */
export function decodeRobotMessage(bytes: Uint8Array): RobotMessage {
  return decode(bytes, robotShapes, undefined) as RobotMessage;
}

/**
 * The controller's message, as a robot reads it. Codes of refusals and errors may be ones that a newer controller knows.
 *
 * @throws ProtocolFault
 * @realtime unsafe allocates
 */
export function decodeControllerMessage(bytes: Uint8Array): ControllerMessage {
  return decode(bytes, controllerShapes, undefined) as ControllerMessage;
}

/** An administrator's request. @throws ProtocolFault, with `id` where that could be read. @realtime unsafe allocates */
export function decodeRequest(bytes: Uint8Array): Request {
  return decode(bytes, requestShapes, undefined) as Request;
}

/** What an administrator gets back; `result` is as it came. @throws ProtocolFault. @realtime unsafe allocates */
export function decodeAnswer(bytes: Uint8Array): Answer | LinkError {
  return decode(bytes, answerShapes, REPORT_LIMITS) as Answer | LinkError;
}

/**
 * One map, unpacked and not yet looked at. @throws ProtocolFault `malformed`, `structure` or `message`
 *
 * @realtime unsafe
 */
export function unpackMap(bytes: Uint8Array, limits: StructureLimits | undefined): Unpacked {
  checkStructure(bytes, limits);
  let value: unknown;
  try {
    value = unpackr.unpack(bytes);
  } catch (error) {
    throw new ProtocolFault('malformed', `not MessagePack: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isMap(value)) throw new ProtocolFault('message', `a message must be a map, got ${inWords(value)}`);
  return value;
}

function decode(bytes: Uint8Array, shapes: Shapes, limits: StructureLimits | undefined): unknown {
  const map = unpackMap(bytes, limits);
  const m = map['m'];
  const origin: FaultOrigin = {};
  const id = map['id'];
  if (Number.isSafeInteger(id) || (typeof id === 'string' && id.length <= 64)) origin.id = id as number | string;
  const s = map['s'];
  if (Number.isInteger(s) && (s as number) >= 1 && (s as number) < 2 ** 32) origin.s = s as number;
  const q = map['q'];
  if (Number.isSafeInteger(q) && (q as number) >= 0) origin.q = q as number;
  if (typeof m !== 'string') {
    throw new ProtocolFault('message', `m must be one of ${[...shapes.keys()].join(', ')}, got ${inWords(m)}`, origin);
  }
  origin.re = m.slice(0, 64);
  const shape = shapes.get(m);
  if (shape === undefined) {
    throw new ProtocolFault('message', `m must be one of ${[...shapes.keys()].join(', ')}, got ${inWords(m)}`, origin);
  }
  if (shape === helloShape) checkVersions(map, origin);
  const message: Record<string, unknown> = { m };
  readFields(map, shape.fields, '', origin, message);
  return message;
}

const helloShape = robotShapes.get('hello')!;
const versionsField = helloShape.fields.find((field) => field.key === 'v')!;

/** Before anything else is asked of a hello: that of another version may hold other keys. */
function checkVersions(map: Unpacked, origin: FaultOrigin): void {
  origin.refusal = 'hello';
  const versions = map['v'];
  if (versions === undefined || versions === null) throw missing(versionsField, 'v', origin);
  const offered = check(versions, versionsField, 'v', origin) as readonly number[];
  if (offered.some((version) => PROTOCOL_VERSIONS.includes(version))) return;
  origin.refusal = 'version';
  throw new ProtocolFault(
    'field',
    `v names no version that is spoken here: ${PROTOCOL_VERSIONS.join(', ')} would be, got ${offered.join(', ')}`,
    origin,
  );
}

/**
 * Checks the keys of `fields` and copies them `into`.
 *
 * @param path before each key in a reason: empty, or ends in a dot
 * @throws ProtocolFault `field`
 * @realtime unsafe
 */
export function readFields(
  map: Unpacked,
  fields: FieldTable,
  path: string,
  origin: FaultOrigin,
  into: Record<string, unknown>,
): void {
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const key = field.key;
    const value = map[key];
    if (value === null && field.nullable) into[key] = null;
    else if (value === undefined || value === null) {
      if (field.required) throw missing(field, path + key, origin);
    } else into[key] = check(value, field, path === '' ? key : path + key, origin);
  }
}

function check(value: unknown, field: NamedField, path: string, origin: FaultOrigin): unknown {
  switch (field.kind) {
    case Kind.integer:
      if (isInteger(value, field.least, field.most)) return value === 0 ? 0 : value;
      break;
    case Kind.float:
      if (typeof value === 'number' && value >= field.least && value <= field.most) return value;
      break;
    case Kind.boolean:
      if (typeof value === 'boolean') return value;
      break;
    case Kind.text:
      if (
        typeof value === 'string' &&
        value.length >= field.least &&
        value.length <= field.most &&
        (field.pattern === null || field.pattern.test(value))
      ) {
        return value;
      }
      break;
    case Kind.singles:
      if (value instanceof Uint8Array && value.length % 4 === 0) return value;
      break;
    case Kind.bytes:
      if (value instanceof Uint8Array) return value;
      break;
    case Kind.floats:
      if (Array.isArray(value) && value.length === field.count) {
        for (let i = 0; i < value.length; i++) {
          const element: unknown = value[i];
          if (!(typeof element === 'number' && element >= field.least && element <= field.most)) {
            throw unfit(element, `must be a number from ${field.least} to ${field.most}`, `${path}[${i}]`, origin);
          }
        }
        return value;
      }
      break;
    case Kind.gaps:
      if (
        Array.isArray(value) &&
        value.length === field.count &&
        value.every((element) => element === null || typeof element === 'number')
      ) {
        return value;
      }
      break;
    case Kind.integers:
      if (Array.isArray(value) && value.length >= 1 && value.length <= field.count) {
        for (let i = 0; i < value.length; i++) {
          if (!isInteger(value[i], field.least, field.most)) {
            throw unfit(value[i], `must be an integer from ${field.least} to ${field.most}`, `${path}[${i}]`, origin);
          }
        }
        return value;
      }
      break;
    case Kind.map:
      if (isMap(value)) {
        const copy: Record<string, unknown> = {};
        readFields(value, field.fields!, `${path}.`, origin, copy);
        return copy;
      }
      break;
    case Kind.identifier:
      if (isInteger(value, field.least, field.most)) return value;
      if (typeof value === 'string' && value.length <= field.count) return value;
      break;
    case Kind.scalar:
      if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
      if (typeof value === 'string' && value.length <= field.most) return value;
      break;
    case Kind.record:
      if (isMap(value)) return value;
      break;
  }
  throw unfit(value, `must be ${field.must}`, path, origin);
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isMap(value: unknown): value is Unpacked {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function missing(field: NamedField, path: string, origin: FaultOrigin): ProtocolFault {
  return new ProtocolFault('field', `${path} is missing: it must be ${field.must}`, origin);
}

function unfit(value: unknown, must: string, path: string, origin: FaultOrigin): ProtocolFault {
  return new ProtocolFault('field', `${path} ${must}, got ${inWords(value)}`, origin);
}

/** What came, short enough for a reason. */
function inWords(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nil';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === 'object' ? 'a map' : String(value);
}
