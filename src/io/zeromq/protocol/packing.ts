/**
 * Maps to MessagePack by msgpackr, with nothing on the wire but what the protocol has: no records, no extension types, no
 * `undefined`. Numbers take the form that msgpackr gives them: without a fraction and within 32 bits that of an integer,
 * otherwise that of a 64-bit float. Main thread.
 */
import { addExtension, FLOAT32_OPTIONS, Packr, RESET_BUFFER_MODE } from 'msgpackr';
import { type FieldTable, Kind, type NamedField } from './message-fields.js';

const START_BYTES = 8192;
/** Memory of a large message is not kept. */
const KEPT_BYTES = 1 << 20;

const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  useFloat32: FLOAT32_OPTIONS.NEVER,
  structuredClone: false,
  moreTypes: false,
});

/** To msgpackr -0 is the integer 0. The angle of (-1, -0) is another than that of (-1, 0), so its sign is kept. */
class NegativeZero {}
const NEGATIVE_ZERO = new NegativeZero();

interface Room {
  readonly target: Uint8Array;
  readonly position: number;
}
addExtension({
  Class: NegativeZero,
  // Nothing is written with it, and readers refuse every extension type; msgpackr wants one.
  type: 1,
  // As its own extensions do, which write bytes of any form into the room that they ask for.
  pack: ((_value: NegativeZero, makeRoom: (bytes: number) => Room) => {
    const { target, position } = makeRoom(9);
    target[position] = 0xcb;
    target[position + 1] = 0x80;
    target.fill(0, position + 2, position + 9);
  }) as unknown as (value: NegativeZero) => Buffer,
});

/**
 * @param value made of what `fieldsOf`, `float`, `finite` and `plain` give
 * @returns a fresh buffer; the caller owns it
 * @realtime unsafe allocates
 */
export function pack(value: unknown): Buffer {
  // The memory behind it is written to again by the next message.
  const packed = packr.pack(value, RESET_BUFFER_MODE);
  const message = Buffer.from(packed);
  if (packed.buffer.byteLength > KEPT_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(START_BYTES));
  return message;
}

/**
 * The keys of `fields` that `values` has, in their order, each as it is to be packed.
 *
 * @param m the message's name, where the map is a message
 * @throws TypeError for a value that MessagePack has no plain form for
 * @realtime unsafe allocates
 */
export function fieldsOf(
  fields: FieldTable,
  values: Readonly<Record<string, unknown>>,
  m?: string,
): Record<string, unknown> {
  const map: Record<string, unknown> = m === undefined ? {} : { m };
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const value = values[field.key];
    if (value !== undefined) map[field.key] = value === null ? null : packable(field, value);
  }
  return map;
}

function packable(field: NamedField, value: unknown): unknown {
  switch (field.kind) {
    case Kind.integer:
      return value;
    case Kind.float:
      return field.nullable ? finite(value as number) : float(value as number);
    case Kind.floats: {
      const numbers = value as readonly number[];
      const list: unknown[] = [];
      for (let i = 0; i < numbers.length; i++) list.push(float(numbers[i]));
      return list;
    }
    case Kind.gaps: {
      const numbers = value as readonly (number | null)[];
      const list: unknown[] = [];
      for (let i = 0; i < numbers.length; i++) list.push(finite(numbers[i] ?? Number.NaN));
      return list;
    }
    case Kind.map:
      return fieldsOf(field.fields!, value as Readonly<Record<string, unknown>>);
    default:
      return plain(value);
  }
}

/** A number as it is to be packed. @realtime unsafe */
export function float(value: number): number | NegativeZero {
  return value === 0 && Object.is(value, -0) ? NEGATIVE_ZERO : value;
}

/** The same; null where it is NaN or infinite. @realtime unsafe */
export function finite(value: number): number | NegativeZero | null {
  return Number.isFinite(value) ? float(value) : null;
}

/**
 * A copy of anything plain, as it is to be packed: nil, booleans, numbers, strings, bytes, arrays, and objects without the
 * keys that are undefined. Halves of surrogate pairs become U+FFFD, for there is no UTF-8 of them.
 *
 * @throws TypeError for anything else
 * @realtime unsafe allocates
 */
function plain(value: unknown): unknown {
  if (value === null || typeof value === 'boolean' || value instanceof Uint8Array) return value;
  if (typeof value === 'number') return float(value);
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(plain);
  if (!isPlain(value)) throw new TypeError(`a message cannot carry ${Object.prototype.toString.call(value)}`);
  // A Map: no key of it means anything to msgpackr or to JavaScript.
  const map = new Map<string, unknown>();
  for (const [key, entry] of Object.entries(value)) {
    if (entry !== undefined) map.set(key.toWellFormed(), plain(entry));
  }
  return map;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
