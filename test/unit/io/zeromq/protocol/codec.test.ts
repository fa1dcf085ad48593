import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import {
  decodeAnswer,
  decodeControllerMessage,
  decodeRequest,
  decodeRobotMessage,
  encodeMessage,
} from '../../../../../src/io/zeromq/protocol/codec.js';
import type { Hello, Sense } from '../../../../../src/io/zeromq/protocol/protocol.js';
import { ProtocolFault } from '../../../../../src/io/zeromq/protocol/protocol-fault.js';
import { CONTROLLER_MESSAGES, REQUESTS_TO_CONTROLLER, ROBOT_MESSAGES } from '../../../../golden/zeromq/messages.js';

const packr = new Packr({ useRecords: false });
const hello = ROBOT_MESSAGES['hello'] as Hello;
const sense = ROBOT_MESSAGES['sense'] as Sense;

function fault(decode: (bytes: Uint8Array) => unknown, map: unknown): ProtocolFault {
  try {
    decode(map instanceof Uint8Array ? map : packr.pack(map));
  } catch (error) {
    if (error instanceof ProtocolFault) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('messages that are written', () => {
  it('are no view of memory that the next one is written to', () => {
    const first = encodeMessage({ m: 'go', s: 1 });
    const before = first.toString('hex');
    first.fill(0xff);
    const second = encodeMessage({ m: 'go', s: 1 });
    expect(second.toString('hex')).toBe(before);
    encodeMessage(sense);
    expect(second.toString('hex')).toBe(before);
  });

  it('have numbers as integers where they have no fraction and 32 bits hold them, and as 64-bit floats otherwise', () => {
    const feedback = (n: number, reward: number) =>
      encodeMessage({ m: 'feedback', s: 1, t: 2, n, reward }).toString('hex').split('a174')[1];
    expect(feedback(4_294_967_295, -1)).toBe('02a16eceffffffffa6726577617264ff');
    expect(feedback(4_294_967_296, 0.1)).toBe('02a16ecb41f0000000000000a6726577617264cb3fb999999999999a');
    expect(feedback(2 ** 53 - 1, -(2 ** 31))).toBe('02a16ecb433fffffffffffffa6726577617264d280000000');
  });

  it('keep the sign of a zero, and what is infinite or no number where that is allowed', () => {
    const odom = [-0, 0, -0, 1, -1, 0] as const;
    const read = decodeRobotMessage(
      encodeMessage({ m: 'sense', s: 1, q: 0, t: -0, odom } as unknown as Sense),
    ) as Sense;
    expect(Object.is(read.t, -0)).toBe(true);
    expect(read.odom!.map((value) => Object.is(value, -0))).toEqual([true, false, true, false, false, false]);
    const result = { a: -0, b: [Number.NaN, -0], c: { d: Number.POSITIVE_INFINITY, e: Number.NEGATIVE_INFINITY } };
    expect(decodeAnswer(encodeMessage({ m: 'ok', re: 'status', result }))).toEqual({ m: 'ok', re: 'status', result });
    // Wherever in the writer's memory it falls.
    for (let length = 0; length < 3000; length += 61) {
      const list = ['x'.repeat(length), ...new Array(2000).fill(-0)];
      const answer = decodeAnswer(encodeMessage({ m: 'ok', re: 'status', result: { list } }));
      const zeros = (answer as unknown as { result: { list: unknown[] } }).result.list.slice(1);
      expect(zeros.every((value) => Object.is(value, -0))).toBe(true);
    }
  });

  it('hold a map whatever its keys are called, without those that are undefined, in their order', () => {
    const result = JSON.parse('{"b":1,"__proto__":2,"constructor":3,"toJSON":4,"a":{"length":5}}') as object;
    const bytes = encodeMessage({
      m: 'ok',
      re: 'status',
      result: { ...result, gone: undefined, z: { gone: undefined } },
    });
    const keys = (key: string) => Buffer.from(key).toString('hex');
    expect(bytes.toString('hex')).toContain(
      `86a162${'01'}a9${keys('__proto__')}02ab${keys('constructor')}03a6${keys('toJSON')}04a16181a6${keys('length')}05a17a80`,
    );
  });

  it('are UTF-8 also where a string is not', () => {
    const half = '\ud83d';
    const message = { m: 'error', code: 'message', reason: `a${half}`, re: half, id: half } as const;
    const bytes = encodeMessage(message);
    expect(bytes.includes('eda0bd', 0, 'hex')).toBe(false);
    expect(decodeAnswer(bytes)).toEqual({ ...message, reason: 'a\ufffd', re: '\ufffd', id: '\ufffd' });
  });

  it('leave out what is undefined, and write null as nil', () => {
    const message = { m: 'sense', s: 1, q: 2, t: 3, odom: undefined, goal: null } as unknown as Sense;
    expect(packr.unpack(encodeMessage(message))).toEqual({ m: 'sense', s: 1, q: 2, t: 3, goal: null });
  });

  it('say of a request what a robot’s message of that name would not', () => {
    expect(packr.unpack(encodeMessage({ m: 'stop', id: 1, robot: 'a' }))).toEqual({ m: 'stop', id: 1, robot: 'a' });
    expect(packr.unpack(encodeMessage({ m: 'stop', s: 1, reason: 'x' }))).toEqual({ m: 'stop', s: 1, reason: 'x' });
  });

  it('hold nothing that has no plain form', () => {
    for (const value of [new Date(), /x/, new Map(), () => 1, Symbol('x'), 1n, new Float32Array(2)]) {
      expect(() => encodeMessage({ m: 'ok', re: 'status', result: { value } })).toThrow(TypeError);
    }
  });
});

describe('messages that are read', () => {
  it('are taken from a client that tells integers and floats apart otherwise, or not at all', () => {
    // s and q as 64-bit floats, t and odom as integers.
    const q = 'a171cb3ff0000000000000';
    expect(
      decodeRobotMessage(
        Buffer.from(`85a16da573656e7365a173cb401c000000000000${q}a174cd03e8a46f646f6d96010203040506`, 'hex'),
      ),
    ).toEqual({ m: 'sense', s: 7, q: 1, t: 1000, odom: [1, 2, 3, 4, 5, 6] });
    // q as far as it goes, as a 64-bit float.
    expect(decodeRobotMessage(Buffer.from('84a16da573656e7365a17307a171cb433fffffffffffffa17400', 'hex'))).toEqual({
      m: 'sense',
      s: 7,
      q: 2 ** 53 - 1,
      t: 0,
    });
    // 32-bit floats and 64-bit integers.
    expect(
      decodeRobotMessage(
        Buffer.from('84a16da573656e7365a173cf0000000000000007a171cf001fffffffffffffa174ca447a0000', 'hex'),
      ),
    ).toEqual({ m: 'sense', s: 7, q: 2 ** 53 - 1, t: 1000 });
  });

  it('hold the keys that the message has, and no other', () => {
    const map = { ...sense, colour: 'blue', why: 7, name: 'x', result: {}, constructor: 1, toString: 2 };
    expect(decodeRobotMessage(packr.pack(map))).toEqual({ ...sense, ranges: Buffer.from(sense.ranges!) });
    const scan = { ...hello.scan, model: 'x' };
    expect(decodeRobotMessage(packr.pack({ ...hello, scan }))).toEqual(hello);
  });

  it('take nil for absence, except of a goal', () => {
    const map = { m: 'sense', s: 1, q: 2, t: 3, odom: null, ranges: null, contacts: null, frame: null };
    expect(decodeRobotMessage(packr.pack(map))).toEqual({ m: 'sense', s: 1, q: 2, t: 3 });
    expect(decodeRobotMessage(packr.pack({ ...map, goal: null }))).toEqual({
      m: 'sense',
      s: 1,
      q: 2,
      t: 3,
      goal: null,
    });
    expect(fault(decodeRobotMessage, { m: 'goal', s: 1, t: 2 }).message).toContain('goal is missing');
  });

  it('give ranges as a view of what came', () => {
    const bytes = encodeMessage(sense);
    const { ranges } = decodeRobotMessage(bytes) as Sense;
    expect(ranges!.buffer).toBe(bytes.buffer);
    bytes.fill(0xff);
    expect(ranges!.every((byte) => byte === 0xff)).toBe(true);
  });

  it('may have ranges of any values', () => {
    const ranges = new Uint8Array(new Float32Array([Number.NaN, Number.POSITIVE_INFINITY, -1]).buffer);
    expect((decodeRobotMessage(encodeMessage({ ...sense, ranges })) as Sense).ranges).toEqual(Buffer.from(ranges));
  });

  it('never hold a BigInt', () => {
    // -2^63 and 2^64 - 1 as a frame, a reward, and in a result.
    for (const huge of ['d38000000000000000', 'cfffffffffffffffff']) {
      const reward = Buffer.from(
        `85a16da8${Buffer.from('feedback').toString('hex')}a17301a17402a16e03a6726577617264${huge}`,
        'hex',
      );
      expect(fault(decodeRobotMessage, reward).message).toMatch(/^reward must be a number/);
      const result = Buffer.from(`83a16da26f6ba27265a473617665a6726573756c7481a161${huge}`, 'hex');
      const answer = decodeAnswer(result);
      expect(answer.m === 'ok' && typeof answer.result['a']).toBe('number');
    }
  });

  it('change no prototype, whatever their keys are called', () => {
    const hostile = (key: string) =>
      Buffer.concat([
        Buffer.from('83a16da26f6ba27265a473617665a6726573756c7481', 'hex'),
        Buffer.of(0xa0 | key.length),
        Buffer.from(key),
        Buffer.from('81a8706f6c6c75746564c3', 'hex'),
      ]);
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const answer = decodeAnswer(hostile(key));
      expect(Object.getPrototypeOf(answer)).toBe(Object.prototype);
      if (answer.m === 'ok') expect(Object.getPrototypeOf(answer.result)).toBe(Object.prototype);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    }
    expect(fault(decodeRobotMessage, { m: 'constructor' }).code).toBe('message');
    expect(fault(decodeRobotMessage, { m: '__proto__' }).code).toBe('message');
  });
});

describe('messages that are refused', () => {
  it('say which key is wrong, what came and what is allowed', () => {
    const cases: readonly [Partial<Record<keyof Sense, unknown>>, string][] = [
      [{ s: 0 }, 's must be an integer from 1 to 2^32 - 1, got 0'],
      [{ s: 2 ** 32 }, 's must be an integer from 1 to 2^32 - 1, got 4294967296'],
      [{ s: undefined }, 's is missing: it must be an integer from 1 to 2^32 - 1'],
      [{ q: 1.5 }, 'q must be an integer from 0 to 2^53 - 1, got 1.5'],
      [{ q: -1 }, 'q must be an integer from 0 to 2^53 - 1, got -1'],
      [{ q: 2 ** 53 }, 'q must be an integer from 0 to 2^53 - 1, got 9007199254740992'],
      [{ t: '12' }, 't must be a number from -100000000000 to 100000000000, got "12"'],
      [{ t: Number.NaN }, 't must be a number from -100000000000 to 100000000000, got NaN'],
      [{ odom: [1, 2, 3] }, 'odom must be an array of 6 numbers from -1000000000 to 1000000000, got an array of 3'],
      [
        { odom: [1, 2, 3, Number.POSITIVE_INFINITY, 5, 6] },
        'odom[3] must be a number from -1000000000 to 1000000000, got Infinity',
      ],
      [{ odom: [1, 2, null, 4, 5, 6] }, 'odom[2] must be a number from -1000000000 to 1000000000, got nil'],
      [
        { ranges: [1, 2] },
        'ranges must be bytes (bin) whose number is a multiple of 4: little-endian 32-bit floats, got an array of 2',
      ],
      [
        { ranges: Buffer.alloc(6) },
        'ranges must be bytes (bin) whose number is a multiple of 4: little-endian 32-bit floats, got 6 bytes',
      ],
      [{ goal: {} }, 'goal must be an array of 3 numbers from -1000000000 to 1000000000, or nil, got a map'],
      [{ frame: true }, 'frame must be an integer from 0 to 2^53 - 1, got true'],
    ];
    for (const [change, reason] of cases) {
      const map: Record<string, unknown> = { ...sense, q: 9, ...change };
      for (const key of Object.keys(map)) if (map[key] === undefined) delete map[key];
      const found = fault(decodeRobotMessage, map);
      expect(found.message).toBe(reason);
      expect(found.code).toBe('field');
      expect(found.re).toBe('sense');
      if (!('q' in change)) expect(found.q).toBe(9);
      expect(found.refusal).toBeUndefined();
    }
  });

  it('never have more than 40 characters of what came in the reason', () => {
    const found = fault(decodeRobotMessage, { ...hello, mode: 'x'.repeat(4000) });
    expect(found.message.length).toBeLessThan(120);
    expect(fault(decodeRobotMessage, { m: 'x'.repeat(4000) }).re).toHaveLength(64);
  });

  it('are told apart: no map, no name, no MessagePack', () => {
    expect(fault(decodeRobotMessage, 7).code).toBe('message');
    expect(fault(decodeRobotMessage, [sense]).code).toBe('message');
    expect(fault(decodeRobotMessage, {}).code).toBe('message');
    expect(fault(decodeRobotMessage, { m: 'command', q: 3 })).toMatchObject({ code: 'message', re: 'command', q: 3 });
    for (const s of [0, 2 ** 32, 1.5, '7']) expect(fault(decodeRobotMessage, { ...sense, s, q: -1 }).s).toBeUndefined();
    expect(fault(decodeRobotMessage, { ...sense, s: 2 ** 32 - 1, q: -1 }).s).toBe(2 ** 32 - 1);
    expect(fault(decodeRobotMessage, Buffer.from('{"m":"sense"}')).code).toBe('malformed');
    expect(fault(decodeRobotMessage, new Date()).code).toBe('structure');
    expect(fault(decodeRobotMessage, new Uint8Array(0)).code).toBe('malformed');
  });

  it('are refused with what they can be refused with, where they are a hello', () => {
    expect(fault(decodeRobotMessage, { ...hello, v: [2, 3] })).toMatchObject({ refusal: 'version', re: 'hello' });
    expect(fault(decodeRobotMessage, { m: 'hello', v: [7], something: 'else' }).refusal).toBe('version');
    expect(decodeRobotMessage(packr.pack({ ...hello, v: [9, 1] }))).toMatchObject({ v: [9, 1] });
    expect(fault(decodeRobotMessage, { ...hello, v: 1 }).refusal).toBe('hello');
    expect(fault(decodeRobotMessage, { ...hello, v: [] }).refusal).toBe('hello');
    for (const name of ['', '../x', 'a/b', 'a b', 'ä', '-a', 'x'.repeat(65), 'a\n']) {
      expect(fault(decodeRobotMessage, { ...hello, name }).refusal).toBe('hello');
    }
    const { rmin: _, ...scan } = hello.scan;
    expect(fault(decodeRobotMessage, { ...hello, scan }).message).toMatch(/^scan\.rmin is missing/);
  });

  it('give back the id of a request', () => {
    expect(fault(decodeRequest, { m: 'explode', id: 7 })).toMatchObject({ code: 'message', re: 'explode', id: 7 });
    expect(fault(decodeRequest, { m: 'set', id: 'a', name: 'x' })).toMatchObject({ code: 'field', re: 'set', id: 'a' });
    expect(fault(decodeRequest, { m: 'set', name: 'x', value: [1] }).message).toMatch(/^value must be a finite number/);
    expect(fault(decodeRequest, { m: 'restore', file: 'x'.repeat(256) }).message).toMatch(/^file must be a string/);
    expect(fault(decodeRequest, { m: 'save', robot: '../../etc' }).code).toBe('field');
  });

  it('leave out nothing that a message must have', () => {
    const required: Readonly<Record<string, readonly string[]>> = {
      hello: ['v', 'name', 'mode', 'clock', 'drive', 'size', 'max', 'rate', 'scan', 'contacts', 't'],
      sense: ['s', 'q', 't'],
      feedback: ['s', 't', 'n', 'reward'],
      goal: ['s', 't', 'goal'],
      stop: ['s'],
      go: ['s'],
    };
    for (const [name, keys] of Object.entries(required)) {
      const message: Record<string, unknown> = { ...ROBOT_MESSAGES[name] };
      for (const key of keys) {
        const { [key]: _, ...rest } = message;
        expect(fault(decodeRobotMessage, rest).message).toContain(`${key} is missing`);
      }
    }
    const { twist: _, ...command } = { ...CONTROLLER_MESSAGES['command'] } as Record<string, unknown>;
    expect(fault(decodeControllerMessage, command).message).toContain('twist is missing');
    const { value: __, ...set } = { ...REQUESTS_TO_CONTROLLER['request-set'] } as Record<string, unknown>;
    expect(fault(decodeRequest, set).message).toContain('value is missing');
  });
});
