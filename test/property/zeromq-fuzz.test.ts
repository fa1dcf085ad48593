/**
 * The table of sessions under a million frames that nobody in his right mind would send: messages made from the
 * protocol's own schema and spoilt, and golden bytes mutated; from a dozen peers at once, which come and go, flood and
 * guess, beside one robot that keeps to the protocol and must not notice.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { decodeControllerMessage, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import { ERROR_CODES, type RobotMessage } from '../../src/io/zeromq/protocol/protocol.js';
import { ROBOT_MESSAGES as MESSAGE_NAMES } from '../../src/io/zeromq/session/link-counters.js';
import { BOTH_WAYS, ROBOT_MESSAGES } from '../golden/zeromq/messages.js';
import { BEAMS, helloOf, type RigRobot, rangesOf, SessionRig, settle } from '../support/session-rig.js';

const SEED_TEXT = process.env['SEED'] ?? '';
const SEED = SEED_TEXT === '' ? Math.floor(Math.random() * 2 ** 31) : Number(SEED_TEXT);
/** Of each kind. */
const FRAMES = 500_000;
/** Between two frames on the virtual clock: twelve peers stay below their rate. [ns] */
const FRAME_NS = 100e3;
const FRAMES_PER_TICK = 200;
const PEERS = 12;
const MAX_PEERS = 64;
const SEATS = 4;
/** The session that the golden messages belong to. */
const GOLDEN_SESSION = 2_864_434_397;
/** After the code is compiled and the tables are full, memory may grow by no more than this, whatever came. [bytes] */
const GROWTH_MAX = 4 * 2 ** 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const packr = new Packr({ useRecords: false, variableMapSize: true });

type Loose = Record<string, unknown>;

class Attack {
  readonly random = Prng.seeded(SEED);
  readonly rig: SessionRig;
  readonly good: RigRobot;
  /** Keys that bad peers were given. */
  readonly stolen: number[] = [GOLDEN_SESSION];
  replies = 0;
  #peers = Array.from({ length: PEERS }, () => this.#newPeer());

  constructor() {
    let key = 1_000_000_007;
    this.rig = new SessionRig({
      seats: SEATS,
      parameters: {
        // The robot of the golden hello fits.
        controller_frequency: 100,
        'robot.max_acceleration': 1,
        'robot.max_yaw_acceleration': 2,
        'zeromq.max_peers': MAX_PEERS,
        'zeromq.max_message_bytes': 8192,
      },
      // The first goes to the good robot.
      random: () => {
        const next = key;
        key = this.below(2) === 0 ? GOLDEN_SESSION : this.random.nextUint32();
        return next;
      },
      send: (peer, bytes) => this.#reply(peer, bytes),
    });
    this.good = this.rig.robot('good', { rate: 100 });
  }

  below(n: number): number {
    return this.random.nextBelow(n);
  }
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  async run(frames: number, make: () => Uint8Array[]): Promise<void> {
    const { rig, good } = this;
    expect(await good.hello()).toBeDefined();
    rig.table.tick();
    let heapBytes = Number.POSITIVE_INFINITY;
    let flood = 0;
    for (let i = 0; i < frames; i++) {
      if (this.below(2000) === 0) this.#peers[this.below(PEERS)] = this.#newPeer();
      if (i === 10_000 || (flood === 0 && this.below(50_000) === 0)) flood = 3000;
      if (flood > 0) flood--;
      else rig.nowNs += FRAME_NS;
      rig.turnsEnd = i % 4 === 0;
      rig.receive(this.#peers[flood > 0 ? 0 : this.below(PEERS)], make());
      if (i % 50 === 0) this.#drive();
      if (i % FRAMES_PER_TICK === 0) await this.#tick();
      if (i === Math.floor(frames / 4)) {
        collect();
        heapBytes = process.memoryUsage().heapUsed;
      }
    }
    collect();
    expect(process.memoryUsage().heapUsed - heapBytes, this.told).toBeLessThan(GROWTH_MAX);
    const { counters } = rig.table;
    expect(counters.frames, this.told).toBeGreaterThan(frames);
    expect(counters.sent.command, this.told).toBeGreaterThanOrEqual(frames / 50);
    const sent = Object.values(counters.sent).reduce((sum, count) => sum + count, counters.repeated);
    expect(this.replies, this.told).toBe(sent);
    expect(counters.forgotten, this.told).toBeGreaterThan(0);
    await rig.table.close('over');
    expect(counters.settled, this.told).toBe(counters.frames);
    expect(rig.faults, this.told).toEqual([]);
  }

  get told(): string {
    return `SEED=${SEED} replays this`;
  }

  /** The good robot senses, and has its command before anything else happens. */
  #drive(): void {
    const { good } = this;
    good.sense();
    const messages = good.take();
    const commands = messages.filter(({ m }) => m === 'command');
    if (commands.length !== 1 || messages.some(({ m }) => m !== 'command' && m !== 'heartbeat')) {
      throw new Error(`the good robot got ${JSON.stringify(messages)} for sense ${good.q}; ${this.told}`);
    }
    if (!('q' in commands[0]) || commands[0].q !== good.q) throw new Error(`not sense ${good.q}; ${this.told}`);
  }

  async #tick(): Promise<void> {
    const { rig } = this;
    rig.table.tick();
    // Those of the bad robots answer at once, late, by schedule, or never.
    for (let i = 1; i < SEATS; i++) {
      const controller = rig.controllers[i];
      controller.atOnce = this.below(2) === 0;
      if (this.below(2) === 0) controller.finish();
      if (this.below(2) === 0) controller.announce();
      if (this.below(4) === 0) controller.cycle(this.random.nextFloat(), this.below(19));
    }
    await settle();
    const { counters, waiting, peers, sessions } = rig.table;
    if (counters.settled + waiting !== counters.frames) {
      throw new Error(`${counters.frames} frames, of which ${counters.settled} were counted; ${this.told}`);
    }
    if (peers > MAX_PEERS || sessions.length > SEATS) throw new Error(`${peers} peers; ${this.told}`);
  }

  /** Every reply is a message of the protocol. */
  #reply(peer: Buffer, bytes: Uint8Array): void {
    this.replies++;
    if (peer.equals(this.good.peer)) {
      this.rig.inbox(peer).push(bytes);
      return;
    }
    const message = decodeControllerMessage(bytes);
    if (message.m === 'welcome') {
      if (this.stolen.length === 8) this.stolen.splice(1, 1);
      this.stolen.push(message.s);
    }
  }

  #newPeer(): Buffer {
    const id = Buffer.alloc(1 + this.below(20));
    for (let i = 0; i < id.length; i++) id[i] = 128 + this.below(128);
    return id;
  }
}

/** A message from the schema: right, or with a few things wrong. Maps, because an object takes `__proto__` for no key. */
function spoilt(attack: Attack): Uint8Array[] {
  const { random } = attack;
  const message = new Map(Object.entries(sensible(attack)));
  const keys = [...message.keys()];
  for (let wrong = attack.below(3); wrong > 0; wrong--) {
    const key = attack.pick(keys);
    switch (attack.below(5)) {
      case 0:
        message.delete(key);
        break;
      case 1:
        message.set(attack.pick(['x', 'toString', '__proto__', 'constructor', 'q', 'ranges']), junk(attack, 2));
        break;
      case 2:
        message.set(key, spoiltWithin(attack, message.get(key)));
        break;
      default:
        message.set(key, junk(attack, 3));
    }
  }
  const bytes = packr.pack(message);
  const odd = attack.below(400);
  if (odd === 0) return [Buffer.alloc(0), bytes];
  if (odd === 1) return [Buffer.concat([bytes, bytes])];
  if (odd === 2) return [bytes.subarray(0, attack.below(bytes.length))];
  if (odd === 3) return [Buffer.alloc(8193, random.nextUint32() & 255)];
  if (odd === 4) return [];
  return [bytes];
}

/** An array or a map with one of its elements spoilt; junk in place of anything else. */
function spoiltWithin(attack: Attack, value: unknown): unknown {
  if (Array.isArray(value) && value.length > 0) return value.with(attack.below(value.length), junk(attack, 1));
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) {
    return junk(attack, 3);
  }
  const copy = new Map(Object.entries(value));
  return copy.set(attack.pick([...copy.keys()]), junk(attack, 1));
}

/** A message as the protocol has it, by a robot that says anything at any time. */
function sensible(attack: Attack): Loose {
  const { rig, random } = attack;
  const t = rig.nowNs / 1e9 + (attack.below(50) === 0 ? 1000 * random.nextFloat() - 500 : 0);
  const s = attack.below(10) === 0 ? random.nextUint32() : attack.pick(attack.stolen);
  switch (attack.below(9)) {
    case 0: {
      const name = `bad-${attack.below(6)}`;
      const mode = attack.pick(['lockstep', 'free'] as const);
      const hello = helloOf(name, t, { mode, clock: attack.pick(['real', 'simulated'] as const), rate: 100 });
      return { ...hello, max: [2, 4, 1, 2], ...(attack.below(2) === 0 ? { s } : {}) };
    }
    case 1:
      return { m: 'heartbeat', s, t, e: rig.nowNs / 1e9 - random.nextFloat(), d: random.nextFloat() };
    case 2:
      return { m: 'goal', s, t, goal: attack.below(3) === 0 ? null : [1, 2, 0.3] };
    case 3:
      return { m: 'feedback', s, t, n: attack.below(1000), reward: random.nextFloat() };
    case 4:
      return attack.below(8) === 0 ? { m: 'bye', s, reason: 'tired' } : { m: 'go', s };
    case 5:
      return { m: attack.pick(['stop', 'go']), s };
    default: {
      const q = Math.floor(rig.nowNs / 1e3) + attack.below(20) - 3;
      const sense: Loose = { m: 'sense', s, q, t, odom: [0, 0, 0, 0, 0, 0], ranges: rangesOf(5) };
      if (attack.below(4) === 0) sense['goal'] = [attack.below(3), 1, 0.3];
      if (attack.below(4) === 0) sense['contacts'] = [0, 0, 0, attack.below(3)];
      if (attack.below(20) === 0) sense['frame'] = attack.below(3);
      return sense;
    }
  }
}

function junk(attack: Attack, depth: number): unknown {
  const { random } = attack;
  switch (attack.below(depth > 0 ? 14 : 11)) {
    case 0:
      return null;
    case 1:
      return attack.below(2) === 0;
    case 2:
      return attack.pick([0, -0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e308, 2 ** 53, -(2 ** 31), 2 ** 32]);
    case 3:
      return random.nextUint32();
    case 4:
      return BigInt(random.nextUint32()) << 30n;
    case 5:
      return attack.pick(['', 'hello', 'sense', '../../etc/passwd', 'x'.repeat(300), '\0', '🤖', '__proto__']);
    case 6:
      return Buffer.alloc(attack.pick([0, 1, 4, BEAMS * 4, 1000]), random.nextUint32() & 255);
    case 7:
      return new Date(1e12 * random.nextFloat());
    case 8:
      return 1e7 * (random.nextFloat() - 0.5);
    case 9:
      return [random.nextFloat(), random.nextFloat(), random.nextFloat()];
    case 10:
      return attack.pick([-3, 3, 1e12]);
    case 11:
      return Array.from({ length: attack.below(8) }, () => junk(attack, depth - 1));
    case 12:
      return new Map<string, unknown>([
        [String(junk(attack, 0)), junk(attack, depth - 1)],
        ['a', { b: { c: { d: {} } } }],
      ]);
    default:
      return new Array(attack.pick([10, 5000])).fill(0);
  }
}

/** Golden bytes with some of them changed, as files hold them and as this build writes them. */
function mutator(attack: Attack): () => Uint8Array[] {
  const folder = new URL('../golden/zeromq/', import.meta.url);
  const golden = Object.keys({ ...ROBOT_MESSAGES, ...BOTH_WAYS }).map((name) =>
    readFileSync(new URL(`${name}.bin`, folder)),
  );
  const scratch = Buffer.alloc(20_000);
  /** A sense that fits the session now, since golden ones are soon in the past. */
  const present = () => {
    const t = attack.rig.nowNs / 1e9;
    const q = Math.floor(attack.rig.nowNs / 1e3);
    // Some are from where no robot is, which the sink refuses.
    const x = attack.below(2) === 0 ? 2e6 : 0;
    const sense: RobotMessage = { m: 'sense', s: GOLDEN_SESSION, q, t, odom: [x, 0, 0, 0, 0, 0] };
    return encodeMessage({ ...sense, ranges: rangesOf(5).subarray(0, 16) });
  };
  return () => {
    const chosen = attack.below(6) === 0 ? present() : attack.pick(golden);
    let length = chosen.copy(scratch);
    for (let changes = attack.below(4); changes > 0; changes--) {
      const at = attack.below(length + 1);
      switch (attack.below(6)) {
        case 0:
          scratch[at] = attack.random.nextUint32() & 255;
          break;
        case 1:
          scratch[at] ^= 1 << attack.below(8);
          break;
        case 2:
          length = at;
          break;
        case 3:
          // Bytes come in or fall out.
          scratch.copyWithin(at + attack.below(9), at, length);
          length += attack.below(9);
          break;
        case 4: {
          const other = attack.pick(golden);
          const from = attack.below(other.length);
          length = at + other.copy(scratch, at, from);
          break;
        }
        default:
          scratch[at] = attack.pick([0xc0, 0xc1, 0xc6, 0xc9, 0xd4, 0xdb, 0xdd, 0xdf, 0xcb, 0x80, 0x90, 0xff]);
      }
    }
    // Bytes of its own, as a socket's are: a sense may wait with its ranges.
    return [Uint8Array.prototype.slice.call(scratch, 0, length)];
  };
}

describe(`a million bad frames (SEED=${SEED})`, () => {
  it('made from the schema cost a good robot nothing, and each is counted', async () => {
    const attack = new Attack();
    await attack.run(FRAMES, () => spoilt(attack));
    const { accepted, rejected, refused, muted, late, duplicates } = attack.rig.table.counters;
    // The attack reached every corner; a generator that only makes garbage would prove little.
    for (const m of MESSAGE_NAMES) expect(accepted[m], `${m}; ${attack.told}`).toBeGreaterThan(0);
    for (const code of ERROR_CODES) expect(rejected[code], `${code}; ${attack.told}`).toBeGreaterThan(0);
    for (const code of ['version', 'busy', 'hello', 'scan'] as const) {
      expect(refused[code], `${code}; ${attack.told}`).toBeGreaterThan(0);
    }
    expect(Math.min(muted, late, duplicates), attack.told).toBeGreaterThan(0);
  }, 120_000);

  it('mutated from golden bytes cost a good robot nothing, and each is counted', async () => {
    const attack = new Attack();
    await attack.run(FRAMES, mutator(attack));
    const { accepted, rejected, refused } = attack.rig.table.counters;
    for (const m of MESSAGE_NAMES) expect(accepted[m], `${m}; ${attack.told}`).toBeGreaterThan(0);
    for (const code of ['malformed', 'structure', 'message', 'field', 'session', 'reading', 'rate'] as const) {
      expect(rejected[code], `${code}; ${attack.told}`).toBeGreaterThan(0);
    }
    expect(refused.drive + refused.hello, attack.told).toBeGreaterThan(0);
  }, 120_000);
});
