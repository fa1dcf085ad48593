import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Packr } from 'msgpackr';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeRobotMessage, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import type { Hello, Sense } from '../../src/io/zeromq/protocol/protocol.js';
import { command, type Fields, type Received, ScriptedController, welcome } from '../support/scripted-controller.js';
import type { Probe } from './probe-process.js';

/** `SEED=<number>` repeats the mutations of a failure, which prints it. */
const SEED = Number(process.env['SEED'] || Math.floor(1e9 * Math.random()));
const GOLDEN = new URL('../golden/zeromq/', import.meta.url);
const ZERO = [0, 0, 0];
const pack = (value: unknown) => new Packr({ useRecords: false, variableMapSize: true }).pack(value);

/** Names of what must never move a robot, each with its frames, made of the command that would. */
const hostile: [name: string, make: (good: Fields) => (Fields | Uint8Array)[]][] = [
  ['no bytes', () => [new Uint8Array(0)]],
  ['noise', () => [Buffer.from('c1ff00d93fa1', 'hex')]],
  ['half a command', (good) => [pack(good).subarray(0, 20)]],
  ['a command with a byte after it', (good) => [Buffer.concat([pack(good), Buffer.of(0xc0)])]],
  ['a command in two frames', (good) => [pack(good), Buffer.of(0xc0)]],
  ['a command inside an array', (good) => [pack([good])]],
  ['an extension type', (good) => [Buffer.concat([Buffer.of(0xd4, 1, 0), pack(good)])]],
  ['an extension within', (good) => [Buffer.concat([Buffer.of(0x81, 0xa1, 0x6d, 0xd4, 1, 0), pack(good)])]],
  ['arrays without end', () => [Buffer.alloc(60_000, 0x91)]],
  ['an array that claims 4 billion elements', () => [Buffer.from('ddffffffff', 'hex')]],
  ['a map that claims 4 billion keys', () => [Buffer.from('dfffffffffa16d', 'hex')]],
  ['a string that is not UTF-8', () => [Buffer.from('81a16da2c328', 'hex')]],
  ['no m', ({ m, ...rest }) => [pack(rest)]],
  ['an m that is a number', (good) => [{ ...good, m: 7 as unknown as string }]],
  ['an m that nobody knows', (good) => [{ ...good, m: 'commandeer' }]],
  ['another session', (good) => [{ ...good, s: 78 }]],
  ['no session', (good) => [{ ...good, s: null }]],
  ['a sense that was never sent', (good) => [{ ...good, q: 1000 }]],
  ['a negative sense', (good) => [{ ...good, q: -1 }]],
  ['a sense that is no number', (good) => [{ ...good, q: '1' }]],
  ['a sense that is true', (good) => [{ ...good, q: true }]],
  ['another stamp than the sense’s', (good) => [{ ...good, t: (good['t'] as number) + 0.001 }]],
  ['an expiry too far away', (good) => [{ ...good, until: (good['t'] as number) + 0.3 }]],
  ['no expiry', (good) => [{ ...good, until: null }]],
  ['an expiry of infinity', (good) => [{ ...good, until: Number.POSITIVE_INFINITY }]],
  ['an expiry of NaN', (good) => [{ ...good, until: Number.NaN }]],
  ['two numbers', (good) => [{ ...good, twist: [1, 0] }]],
  ['four numbers', (good) => [{ ...good, twist: [1, 0, 0, 0] }]],
  ['NaN', (good) => [{ ...good, twist: [Number.NaN, 0, 0] }]],
  ['infinity', (good) => [{ ...good, twist: [0, 0, Number.POSITIVE_INFINITY] }]],
  ['a string', (good) => [{ ...good, twist: ['1', 0, 0] }]],
  ['true', (good) => [{ ...good, twist: [true, 0, 0] }]],
  ['too fast', (good) => [{ ...good, twist: [2.1, 0, 0] }]],
  ['too fast sideways', (good) => [{ ...good, twist: [1.5, -1.5, 0] }]],
  ['too fast a turn', (good) => [{ ...good, twist: [0, 0, -4.1] }]],
  ['no twist', (good) => [{ ...good, twist: null }]],
  ['no decision', (good) => [{ ...good, n: null }]],
  ['no reason', (good) => [{ ...good, why: null }]],
  ['another welcome', () => [welcome(79)]],
  ['a refusal', () => [{ m: 'refused', code: 'busy', reason: 'no', v: [1], retry: 0 }]],
  ['a bye to another session', () => [{ m: 'bye', s: 78 }]],
  ['an error for a sense of long ago', () => [{ m: 'error', code: 'session', reason: 'no', q: 0 }]],
];

/** mulberry32 (Tommy Ettinger): one sequence of mutations for a seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A value as the probes write it: numbers by the bits of their double, text and bytes in hexadecimal. */
function canonical(value: unknown): string {
  if (value === null) return 'n';
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (typeof value === 'number') {
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(value);
    return `d${bits.toString('hex')}`;
  }
  if (typeof value === 'string') return `s${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value as object);
  if (entries.length === 1 && entries[0][0] === 'hex') return `b${entries[0][1]}`;
  return `{${entries.map(([key, item]) => `${canonical(key)}=${canonical(item)}`).join(',')}}`;
}

/** Runs the golden messages through the client's own MessagePack. */
function describeGolden({ language, keepsForms, start }: ClientLanguage): void {
  describe(`the golden messages in ${language}`, () => {
    const names = readdirSync(GOLDEN).filter((name) => name.endsWith('.bin'));

    it(`read as what stands beside them${keepsForms ? ', and are written again byte for byte' : ''}`, async () => {
      expect(names.length).toBeGreaterThan(30);
      const probe = start();
      try {
        for (const name of names) {
          const bytes = readFileSync(new URL(name, GOLDEN));
          const json = JSON.parse(readFileSync(new URL(name.replace('.bin', '.json'), GOLDEN), 'utf8'));
          const [read, written] = (await probe.do(`decode ${bytes.toString('hex')}`)).split(' ');
          expect(read, name).toBe(canonical(json));
          if (keepsForms) expect(written, name).toBe(bytes.toString('hex'));
          else expect((await probe.do(`decode ${written}`)).split(' ')[0], name).toBe(read);
        }
      } finally {
        probe.end();
      }
    });
  });
}

export interface ClientLanguage {
  language: string;
  /**
   * Whether its MessagePack keeps the form of a number: one that is whole may be an integer or a float, which is the same
   * to every reader. Python's does; msgpack-c 4 writes integers, as the codec does.
   */
  keepsForms: boolean;
  start(): Probe;
}

/** What every client library must do, whatever its language, against a controller that does as the test says. */
export function describeClient({ language, keepsForms, start }: ClientLanguage): void {
  describeGolden({ language, keepsForms, start });
  describe(`a robot in ${language}`, () => {
    let controller: ScriptedController;
    let probe: Probe;

    beforeEach(async () => {
      controller = await ScriptedController.listen();
      probe = start();
    });
    afterEach(async () => {
      probe.end();
      await controller.close();
    });

    /** Lets the robot read until `done`. */
    async function until(done: () => boolean | Promise<boolean>): Promise<void> {
      await vi.waitFor(
        async () => {
          await probe.do('poll 0.01');
          if (!(await done())) throw new Error(`the probe is at ${JSON.stringify(await probe.state())}`);
        },
        { timeout: 20_000, interval: 1 },
      );
    }

    /** Opens the link and takes the session. @returns the hello */
    async function begin(mode: string, clock: string, session = 77, fields = {}): Promise<Received> {
      await probe.do(`open ${controller.endpoint} ${mode} ${clock}`);
      return answerHello(session, fields);
    }
    async function answerHello(session: number, fields = {}): Promise<Received> {
      const greeted = controller.next('hello');
      await until(() => Promise.race([greeted.then(() => true), sleep(1, false)]));
      const hello = await greeted;
      const { sessions } = await probe.state();
      await controller.send(hello.peer, welcome(session, fields));
      await until(async () => (await probe.state()).sessions > sessions);
      return hello;
    }
    async function sense(): Promise<Received> {
      const sent = controller.next('sense');
      await probe.do('sense');
      return sent;
    }
    /** Sends frames and then a heartbeat, and lets the robot read until it has both. */
    async function deliver(peer: Buffer, ...frames: (Fields | Uint8Array)[]): Promise<void> {
      const seen = await count();
      await controller.send(peer, ...frames);
      await until(async () => (await count()) > seen);
    }
    async function count(): Promise<number> {
      let total = (await probe.state()).answers;
      for (const value of (await probe.ignored()).values()) total += value;
      return total;
    }

    it('says hello with everything that the protocol asks for', async () => {
      const { bytes } = await begin('free', 'simulated');
      const hello = decodeRobotMessage(bytes) as Hello;
      expect(hello).toMatchObject({ v: [1], name: 'probe', mode: 'free', clock: 'simulated', drive: 'differential' });
      expect(hello).toMatchObject({ size: [0.5, 0.4], max: [2, 4, 20, 25], rate: 50, contacts: true, t: 0 });
      expect(hello.scan).toMatchObject({ n: 8, a0: -Math.PI, da: Math.PI / 4, rmin: 0.05, rmax: 10 });
      expect('s' in hello).toBe(false);
    });

    it(`sends readings, goals, feedback, stop, go and bye${!keepsForms ? ', byte for byte as the codec writes them' : ''}`, async () => {
      await begin('free', 'simulated');
      await probe.do('clock 12.5');
      const { bytes } = await sense();
      const message = decodeRobotMessage(bytes) as Sense;
      expect(message).toMatchObject({ s: 77, q: 1, t: 12.5, odom: [1, 2, 3, 0.5, 0, -0.25] });
      expect(message).toMatchObject({ contacts: [0, 0, 0, 1.5], goal: [3, 4, 0.25], frame: 2 });
      const ranges = message.ranges as Uint8Array;
      const view = new DataView(ranges.buffer, ranges.byteOffset, ranges.byteLength);
      const values = Array.from({ length: ranges.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
      expect(values).toEqual([1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, 0.125, 4, 5, 6]);
      if (!keepsForms) expect(encodeMessage(message).toString('hex')).toBe(bytes.toString('hex'));

      const rest: [line: string, fields: Fields][] = [
        ['goal 1 2 0.5', { m: 'goal', s: 77, t: 12.5, goal: [1, 2, 0.5] }],
        ['goal', { m: 'goal', s: 77, t: 12.5, goal: null }],
        ['feedback 9 -1.5', { m: 'feedback', s: 77, t: 12.5, n: 9, reward: -1.5 }],
        ['stop', { m: 'stop', s: 77, reason: 'test' }],
        ['go', { m: 'go', s: 77 }],
        ['close', { m: 'bye', s: 77, reason: 'done' }],
      ];
      for (const [line, fields] of rest) {
        const sent = controller.next(fields.m);
        await probe.do(line);
        const received = await sent;
        expect(decodeRobotMessage(received.bytes)).toEqual(fields);
        if (keepsForms) continue;
        expect(encodeMessage(decodeRobotMessage(received.bytes)).toString('hex')).toBe(received.bytes.toString('hex'));
      }
    });

    it('echoes the controller’s heartbeat with how long ago it came', async () => {
      const { peer } = await begin('free', 'simulated', 77, { heartbeat: 0.05 });
      await probe.do('clock 5');
      await controller.send(peer, { m: 'heartbeat', s: 77, t: 1000.5 });
      await until(() => controller.received.some(({ message }) => message['e'] !== undefined));
      await probe.do('clock 5.5');
      const mark = controller.received.length;
      await until(() => controller.received.length > mark);
      expect(decodeRobotMessage(controller.received.at(-1)?.bytes as Buffer)).toEqual({
        m: 'heartbeat',
        s: 77,
        t: 5.5,
        e: 1000.5,
        d: 0.5,
      });
    });

    it('drives by a command until it expires on the robot’s own clock, and not where that went back', async () => {
      const { peer } = await begin('free', 'simulated');
      expect((await probe.state()).twist).toEqual(ZERO);
      await probe.do('clock 100');
      const { message } = await sense();
      expect(await probe.state()).toMatchObject({ twist: ZERO, goodFor: 0 });
      await deliver(peer, command(message, 1.5));
      expect(await probe.state()).toMatchObject({ twist: [1.5, 0, 0], goodFor: 0.25 });
      await probe.do('clock 100.24');
      expect((await probe.state()).twist).toEqual([1.5, 0, 0]);
      await probe.do('clock 100.25');
      expect(await probe.state()).toMatchObject({ twist: ZERO, goodFor: 0 });
      await probe.do('clock 99');
      expect((await probe.state()).twist).toEqual(ZERO);
    });

    it('keeps standing for as long as zero is commanded', async () => {
      const { peer } = await begin('free', 'simulated');
      await deliver(peer, command((await sense()).message, 0));
      await probe.do('clock 1000');
      expect(await probe.state()).toMatchObject({ twist: ZERO, goodFor: Number.POSITIVE_INFINITY });
    });

    it('ignores keys that it does not know', async () => {
      const { peer } = await begin('free', 'simulated', 77, { mood: { sunny: [1, 'two', null] } });
      await deliver(peer, command((await sense()).message, 1, { hue: 'green', deep: [[[1]]] }));
      expect((await probe.state()).twist).toEqual([1, 0, 0]);
    });

    it.each(hostile)('is neither moved nor stopped by %s', async (_, make) => {
      const { peer } = await begin('free', 'simulated');
      await probe.do('clock 100');
      const first = await sense();
      await deliver(peer, ...make(command(first.message, 1)));
      expect((await probe.state()).twist).toEqual(ZERO);
      await deliver(peer, command(first.message, 0.5, { n: 4 }));
      expect((await probe.state()).twist).toEqual([0.5, 0, 0]);
      const second = await sense();
      await deliver(peer, ...make(command(second.message, 1, { n: 5 })));
      expect(await probe.state()).toMatchObject({ twist: [0.5, 0, 0], goodFor: 0.25, connected: true, sessions: 1 });
    });

    it('stays within limits and expiry whatever bits of a command are turned', async () => {
      const { peer } = await begin('free', 'simulated');
      await probe.do('clock 100');
      const { message } = await sense();
      const random = mulberry32(SEED);
      for (let i = 0; i < 400; i++) {
        const bytes = Buffer.from(pack(command(message, 1, { n: i, twist: [1.25, 0.5, -0.75] })));
        for (let k = 1 + Math.floor(3 * random()); k > 0; k--) {
          bytes[Math.floor(bytes.length * random())] ^= 1 << Math.floor(8 * random());
        }
        await controller.send(peer, bytes);
        if (i % 20 < 19) continue;
        await probe.do('poll 0.005');
        const { twist, goodFor } = await probe.state();
        expect(Math.hypot(twist[0], twist[1]), `SEED=${SEED}`).toBeLessThanOrEqual(2.00001);
        expect(Math.abs(twist[2]), `SEED=${SEED}`).toBeLessThanOrEqual(4.00001);
        if (twist.some((value) => value !== 0)) expect(goodFor, `SEED=${SEED}`).toBeLessThanOrEqual(0.25001);
      }
      expect((await probe.ignored()).size, 'nothing that was turned was noticed').toBeGreaterThan(0);
    });

    it('reads numbers in any form: whole ones as floats, and floats as integers', async () => {
      const { peer } = await begin('free', 'simulated');
      await probe.do('clock 100');
      const { message } = await sense();
      const float = (value: number) => {
        const bytes = Buffer.alloc(9, 0xcb);
        bytes.writeDoubleBE(value, 1);
        return bytes;
      };
      const keys: [key: string, value: Buffer][] = [
        ['m', pack('command')],
        ['s', float(77)],
        ['q', float(1)],
        ['t', pack(message['t'])],
        ['n', float(2 ** 40)],
        ['twist', Buffer.concat([Buffer.of(0x93), float(1), float(0), Buffer.of(0xd0, 0xff)])],
        ['until', float(100.25)],
        ['why', float(1)],
      ];
      const bytes = Buffer.concat([
        Buffer.of(0x80 | keys.length),
        ...keys.flatMap(([key, value]) => [pack(key), value]),
      ]);
      await deliver(peer, bytes);
      expect((await probe.state()).twist).toEqual([1, 0, -1]);
      await deliver(peer, command(message, 1, { n: 2 ** 40 + 1, s: 77.5 }));
      expect((await probe.state()).twist).toEqual([1, 0, -1]);
    });

    it('takes no command for an older sense, and none of an older decision', async () => {
      const { peer } = await begin('free', 'simulated');
      const first = await sense();
      const second = await sense();
      await deliver(peer, command(second.message, 0.5, { n: 8 }));
      await deliver(peer, command(first.message, 1, { n: 9 }));
      await deliver(peer, command(second.message, 1, { n: 7 }));
      expect((await probe.state()).twist).toEqual([0.5, 0, 0]);
      expect((await probe.ignored()).get('older command')).toBe(2);
      await deliver(peer, command(second.message, 0.75, { n: 9 }));
      expect((await probe.state()).twist).toEqual([0.75, 0, 0]);
    });

    it('stops at an unknown session, and says hello with the old one', async () => {
      const { peer } = await begin('free', 'simulated');
      const { message } = await sense();
      await deliver(peer, command(message, 1));
      await deliver(peer, { m: 'error', code: 'session', reason: 'unknown', re: 'sense', q: message['q'] });
      expect(await probe.state()).toMatchObject({ twist: ZERO, connected: false });
      const hello = await answerHello(78);
      expect(hello.message['s']).toBe(77);
      await deliver(peer, command(message, 1, { s: 78 }));
      expect((await probe.state()).twist, 'a command of the session before').toEqual([1, 0, 0]);
    });

    it('stops when the controller says bye, and asks for a new session', async () => {
      const { peer } = await begin('free', 'simulated');
      await deliver(peer, command((await sense()).message, 1));
      await controller.send(peer, { m: 'bye', s: 77, reason: 'ending' });
      await until(async () => !(await probe.state()).connected);
      expect((await probe.state()).twist).toEqual(ZERO);
      expect('s' in (await answerHello(80)).message).toBe(false);
    });

    it('stops when nothing comes any more, and says hello with its session', async () => {
      const { peer } = await begin('free', 'simulated', 77, { timeout: 0.3 });
      await controller.send(peer, command((await sense()).message, 1));
      await until(async () => !(await probe.state()).connected);
      expect(await probe.state()).toMatchObject({ twist: ZERO, goodFor: 0 });
      expect((await answerHello(77, { resumed: true })).message['s']).toBe(77);
    });

    it('stands from stop to go, through a new session too, and takes up no old command', async () => {
      const { peer } = await begin('free', 'simulated');
      await deliver(peer, command((await sense()).message, 1));
      const stopped = controller.next('stop');
      await probe.do('stop');
      expect(await probe.state()).toMatchObject({ twist: ZERO, goodFor: 0 });
      await stopped;
      await deliver(peer, { m: 'error', code: 'session', reason: 'unknown' });
      const again = controller.next('hello');
      await until(() => Promise.race([again.then(() => true), sleep(1, false)]));
      const told = controller.next('stop');
      await controller.send(peer, welcome(81));
      await until(() => Promise.race([told.then(() => true), sleep(1, false)]));
      expect((await told).message['s']).toBe(81);
      await deliver(peer, command((await sense()).message, 1));
      expect((await probe.state()).twist).toEqual(ZERO);
      await probe.do('go');
      expect((await probe.state()).twist).toEqual(ZERO);
      await deliver(peer, command((await sense()).message, 1));
      expect((await probe.state()).twist).toEqual([1, 0, 0]);
    });

    it('says why it cannot be served, where asking again would change nothing', async () => {
      await probe.do(`open ${controller.endpoint} free simulated`);
      controller.onMessage = ({ peer }) =>
        controller.send(peer, { m: 'refused', code: 'version', reason: 'speaks 99 alone', v: [99], retry: 0 });
      let answer = 'ok';
      for (let i = 0; i < 2000 && answer === 'ok'; i++) answer = await probe.do('poll 0.01');
      expect(answer).toBe('refused version');
      expect(await probe.state()).toMatchObject({ twist: ZERO, connected: false });
    });

    it('refuses a controller that goes on in a version it was not offered', async () => {
      await probe.do(`open ${controller.endpoint} free simulated`);
      controller.onMessage = ({ peer, message }) =>
        message.m === 'hello' && controller.send(peer, welcome(77, { v: 99 }));
      let answer = 'ok';
      for (let i = 0; i < 2000 && answer === 'ok'; i++) answer = await probe.do('poll 0.01');
      expect(answer).toBe('refused version');
      expect((await probe.state()).connected).toBe(false);
    });

    it('asks again where it is told that it may', async () => {
      await probe.do(`open ${controller.endpoint} free simulated`);
      const first = controller.next('hello');
      await until(() => Promise.race([first.then(() => true), sleep(1, false)]));
      await controller.send((await first).peer, { m: 'refused', code: 'busy', reason: 'taken', v: [1], retry: 0.05 });
      await answerHello(77);
      expect((await probe.state()).connected).toBe(true);
    });

    it.each([
      ['no session', { s: 0 }],
      ['an endless expiry', { expiry: Number.POSITIVE_INFINITY }],
      ['no expiry', { expiry: null }],
      ['a heartbeat of no length', { heartbeat: 0 }],
      ['three limits', { max: [2, 4, 20] }],
      ['a negative limit', { max: [-2, 4, 20, 25] }],
    ])('takes no welcome with %s', async (_, fields) => {
      await probe.do(`open ${controller.endpoint} free simulated`);
      const hello = controller.next('hello');
      await until(() => Promise.race([hello.then(() => true), sleep(1, false)]));
      await deliver((await hello).peer, welcome(77, fields));
      expect(await probe.state()).toMatchObject({ connected: false, sessions: 0 });
      await answerHello(78);
    });

    it('asks in lockstep for an answer that was lost, and drives by it', async () => {
      const { peer } = await begin('lockstep', 'simulated');
      const seen: unknown[] = [];
      controller.onMessage = ({ message }) => {
        if (message.m !== 'sense') return;
        seen.push(message['q']);
        if (seen.length === 3) void controller.send(peer, command(message, 1));
      };
      expect(await probe.do('exchange 20')).toBe('1 0 0');
      expect(seen).toEqual([1, 1, 1]);
      expect((await probe.state()).resent).toBe(2);
    });

    it('stands in lockstep where no answer comes, though the last command would be good still', async () => {
      const { peer } = await begin('lockstep', 'simulated');
      controller.onMessage = ({ message }) =>
        message.m === 'sense' && message['q'] === 1 && controller.send(peer, command(message, 1));
      expect(await probe.do('exchange 20')).toBe('1 0 0');
      expect(await probe.do('exchange 0.25')).toBe('0 0 0');
    });

    it('stands in lockstep for a sense that the controller cannot use, and goes on with the next', async () => {
      const { peer } = await begin('lockstep', 'simulated');
      controller.onMessage = ({ message }) => {
        if (message.m !== 'sense') return;
        const bad = { m: 'error', code: 'reading', reason: 'no', re: 'sense', q: message['q'] };
        void controller.send(peer, message['q'] === 1 ? bad : command(message, 1));
      };
      expect(await probe.do('exchange 20')).toBe('0 0 0');
      expect(await probe.do('exchange 20')).toBe('1 0 0');
    });

    it('goes on in lockstep with the sense it waited for, where the session is a new one', async () => {
      const { peer } = await begin('lockstep', 'simulated');
      controller.onMessage = ({ message }) => {
        if (message.m === 'hello') void controller.send(peer, welcome(90));
        if (message.m !== 'sense') return;
        const lost = { m: 'error', code: 'session', reason: 'unknown', re: 'sense', q: message['q'] };
        void controller.send(peer, message['s'] === 77 ? lost : command(message, 1));
      };
      expect(await probe.do('exchange 20')).toBe('1 0 0');
      expect(await probe.state()).toMatchObject({ sessions: 2, connected: true });
    });

    it('stands after its process was stopped and continued, whatever waits to be read', async () => {
      const { peer } = await begin('free', 'real');
      const { message } = await sense();
      await deliver(peer, command(message, 1, { n: 1 }));
      probe.signal('SIGSTOP');
      for (let n = 2; n < 60; n++) await controller.send(peer, command(message, 1, { n }));
      await sleep(400);
      probe.signal('SIGCONT');
      expect(await probe.state()).toMatchObject({ twist: ZERO, goodFor: 0 });
      await probe.do('poll 0.05');
      expect(await probe.state()).toMatchObject({ twist: ZERO, goodFor: 0 });
      await until(async () => {
        const next = await sense();
        await controller.send(peer, command(next.message, 1, { n: 100 }));
        await probe.do('poll 0.02');
        return (await probe.state()).twist[0] === 1;
      });
    });
  });
}
