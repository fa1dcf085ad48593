/**
 * The codec against arbitrary messages, and against bytes that are none. A mutation is made from golden bytes, so that most
 * of the message stays right and the walk gets far into it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import {
  decodeAnswer,
  decodeControllerMessage,
  decodeRequest,
  decodeRobotMessage,
  encodeMessage,
} from '../../src/io/zeromq/protocol/codec.js';
import {
  CONTROLLER_FIELDS,
  type Field,
  type FieldTable,
  Kind,
  REQUEST_FIELDS,
  ROBOT_FIELDS,
} from '../../src/io/zeromq/protocol/message-fields.js';
import type { ControllerMessage, Request, RobotMessage } from '../../src/io/zeromq/protocol/protocol.js';
import { ERROR_CODES } from '../../src/io/zeromq/protocol/protocol.js';
import { ProtocolFault } from '../../src/io/zeromq/protocol/protocol-fault.js';
import { checkStructure, MESSAGE_LIMITS, REPORT_LIMITS } from '../../src/io/zeromq/protocol/structure.js';
import { decodeCheckpoint, decodeDecision, decodeState } from '../../src/io/zeromq/protocol/telemetry-messages.js';

const FOLDER = new URL('../golden/zeromq/', import.meta.url);
const golden = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.bin'))
  .map((file) => readFileSync(new URL(file, FOLDER)));
const DECODERS = [
  decodeRobotMessage,
  decodeControllerMessage,
  decodeRequest,
  decodeAnswer,
  decodeDecision,
  decodeState,
  decodeCheckpoint,
];

function number(least: number, most: number): fc.Arbitrary<number> {
  return fc.double({ min: least, max: most, noNaN: true });
}

function valuesOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case Kind.integer:
      return fc.maxSafeNat().map((value) => field.least + (value % (field.most - field.least + 1)));
    case Kind.float:
      return number(field.least, field.most);
    case Kind.boolean:
      return fc.boolean();
    case Kind.text:
      if (field.pattern !== null) return fc.stringMatching(field.pattern).filter((text) => text.length <= field.most);
      return fc.string({ minLength: field.least, maxLength: Math.min(field.most, 40), unit: 'binary' });
    case Kind.singles:
      return fc
        .array(fc.float({ noDefaultInfinity: false }), { maxLength: 40 })
        .map((values) => Buffer.from(Float32Array.from(values).buffer));
    case Kind.floats:
      return fc.array(number(field.least, field.most), { minLength: field.count, maxLength: field.count });
    case Kind.integers:
      return fc
        .array(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 15 })
        .map((list) => [1, ...list]);
    case Kind.map:
      return mapOf(field.fields!);
    case Kind.identifier:
      return fc.oneof(fc.maxSafeInteger(), fc.string({ maxLength: 64 }));
    case Kind.scalar:
      return fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.string({ maxLength: 60 }));
    default:
      throw new Error(`no message has a field of kind ${field.kind}`);
  }
}

function mapOf(fields: FieldTable): fc.Arbitrary<Record<string, unknown>> {
  const required = fields.filter((field) => field.required).map((field) => field.key);
  const entries = Object.fromEntries(
    fields.map((field) => [field.key, field.nullable ? fc.option(valuesOf(field), { nil: null }) : valuesOf(field)]),
  );
  return fc.record(entries, { requiredKeys: required, noNullPrototype: true });
}

function messages(tables: Readonly<Record<string, FieldTable>>): fc.Arbitrary<Record<string, unknown>> {
  return fc.oneof(...Object.entries(tables).map(([m, fields]) => mapOf(fields).map((message) => ({ m, ...message }))));
}

/** -0 and 0 are one number to the protocol where integers are meant. */
function settled(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message, (_key, value: unknown) => (Object.is(value, -0) ? 0 : value)));
}

/** Xorshift32 (Marsaglia 2003): mutations by the hundred thousand, from a seed. */
class Draws {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }
}

const packr = new Packr({ useRecords: false });

/** MessagePack of a message; each number in one of the forms that hold it exactly. */
function inAnyForm(value: unknown, draws: Draws): Buffer {
  if (typeof value === 'number') {
    const float64 = Buffer.alloc(9, 0xcb);
    float64.writeDoubleBE(value, 1);
    const forms: Buffer[] = [float64];
    if (Object.is(Math.fround(value), value)) {
      const float32 = Buffer.alloc(5, 0xca);
      float32.writeFloatBE(value, 1);
      forms.push(float32);
    }
    if (Number.isSafeInteger(value)) {
      const int64 = Buffer.alloc(9, 0xd3);
      int64.writeBigInt64BE(BigInt(value), 1);
      forms.push(int64, packr.pack(value));
      if (value >= 0) forms.push(Buffer.concat([Buffer.of(0xcf), int64.subarray(1)]));
    }
    return forms[draws.below(forms.length)];
  }
  if (Array.isArray(value)) {
    return Buffer.concat([Buffer.of(0x90 | value.length), ...value.map((element) => inAnyForm(element, draws))]);
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return packr.pack(value);
  const entries = Object.entries(value).flatMap(([key, entry]) => [packr.pack(key), inAnyForm(entry, draws)]);
  return Buffer.concat([Buffer.of(0x80 | (entries.length / 2)), ...entries]);
}

const TOKENS = [
  0x80, 0x8f, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xd6, 0xd8, 0xd9,
  0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff,
];

function mutate(bytes: Buffer, other: Buffer, draws: Draws): Buffer {
  let out = Buffer.from(bytes);
  for (let n = 1 + draws.below(3); n > 0; n--) {
    const at = draws.below(out.length + 1);
    switch (draws.below(7)) {
      case 0:
        if (at < out.length) out[at] ^= 1 << draws.below(8);
        break;
      case 1:
        if (at < out.length) out[at] = TOKENS[draws.below(TOKENS.length)];
        break;
      case 2:
        out = out.subarray(0, at);
        break;
      case 3:
        out = Buffer.concat([out.subarray(0, at), out.subarray(Math.min(out.length, at + 1 + draws.below(8)))]);
        break;
      case 4:
        out = Buffer.concat([
          out.subarray(0, at),
          Buffer.of(draws.below(256), TOKENS[draws.below(TOKENS.length)]),
          out.subarray(at),
        ]);
        break;
      case 5:
        out = Buffer.concat([out.subarray(0, at), other.subarray(draws.below(other.length))]);
        break;
      default: {
        const from = draws.below(other.length);
        out = Buffer.concat([out.subarray(0, at), other.subarray(from, from + 1 + draws.below(24)), out.subarray(at)]);
      }
    }
  }
  return out;
}

/** Whether a decoder took it; anything but a ProtocolFault fails the test. */
function accepted(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    decode(bytes);
    return true;
  } catch (error) {
    if (!(error instanceof ProtocolFault)) throw error;
    expect(ERROR_CODES).toContain(error.code);
    expect(error.message.length).toBeGreaterThan(0);
    return false;
  }
}

function prototypes(): readonly string[] {
  return [
    Object.prototype,
    Array.prototype,
    Function.prototype,
    Buffer.prototype,
    Uint8Array.prototype,
    String.prototype,
  ].map((prototype) => Reflect.ownKeys(prototype).map(String).join());
}

describe('messages of the ZeroMQ link', () => {
  it('come back as they were sent, whichever they are', () => {
    fc.assert(
      fc.property(messages(ROBOT_FIELDS), (message) => {
        expect(settled(decodeRobotMessage(encodeMessage(message as unknown as RobotMessage)))).toEqual(
          settled(message),
        );
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(messages(CONTROLLER_FIELDS), (message) => {
        const bytes = encodeMessage(message as unknown as ControllerMessage);
        expect(settled(decodeControllerMessage(bytes))).toEqual(settled(message));
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(messages(REQUEST_FIELDS), (message) => {
        expect(settled(decodeRequest(encodeMessage(message as unknown as Request)))).toEqual(settled(message));
      }),
      { numRuns: 500 },
    );
  });

  it('are read alike, whichever form a writer gives to each number', () => {
    const draws = new Draws(Number(process.env['SEED'] ?? 20_261_121));
    const readBy = (decode: (bytes: Uint8Array) => unknown) => (message: Record<string, unknown>) => {
      expect(settled(decode(inAnyForm(message, draws)))).toEqual(settled(message));
    };
    fc.assert(fc.property(messages(ROBOT_FIELDS), readBy(decodeRobotMessage)), { numRuns: 500 });
    fc.assert(fc.property(messages(CONTROLLER_FIELDS), readBy(decodeControllerMessage)), { numRuns: 500 });
    fc.assert(fc.property(messages(REQUEST_FIELDS), readBy(decodeRequest)), { numRuns: 300 });
  });

  it('bring every float that is allowed to the last bit, the sign of a zero too', () => {
    const floats = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.oneof(floats, fc.constant(-0)), { minLength: 6, maxLength: 6 }), (odom) => {
        const bytes = encodeMessage({ m: 'sense', s: 1, q: 1, t: odom[0], odom } as unknown as RobotMessage);
        // vitest tells -0 from 0.
        expect(decodeRobotMessage(bytes)).toEqual({ m: 'sense', s: 1, q: 1, t: odom[0], odom });
      }),
      { numRuns: 500 },
    );
  });
});

describe('bytes that need be no message', () => {
  it('are refused by a ProtocolFault, or taken', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const decode of DECODERS) accepted(decode, bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('have a structure that is found right wherever msgpackr, by itself, reads plain values', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium', maxDepth: 6 }), (value) => {
        const bytes = packr.pack(value);
        const small = depthOf(value) <= REPORT_LIMITS.depth;
        expect(accepted((message) => checkStructure(message, REPORT_LIMITS), bytes)).toBe(small);
        if (accepted(checkStructure, bytes)) expect(depthOf(value)).toBeLessThanOrEqual(MESSAGE_LIMITS.depth);
      }),
      { numRuns: 500 },
    );
  });

  it('leave every prototype as it was after a hundred thousand mutations, and some of them are taken', () => {
    const before = prototypes();
    const draws = new Draws(Number(process.env['SEED'] ?? 20_260_726));
    let taken = 0;
    for (let i = 0; i < 100_000; i++) {
      const bytes = mutate(golden[draws.below(golden.length)], golden[draws.below(golden.length)], draws);
      if (accepted(DECODERS[i % DECODERS.length], bytes)) taken++;
    }
    expect(prototypes()).toEqual(before);
    expect(Object.keys({})).toEqual([]);
    // Were all refused at the door, nothing behind it would have been tried.
    expect(taken).toBeGreaterThan(500);
    expect(taken).toBeLessThan(50_000);
  });
});

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
