/**
 * What a robot would send: the `sense` messages of a recorded drive, encoded beforehand, so that what is measured is the
 * link and not the measuring robot's encoder. What differs from one sending to the next (session, sequence, stamp, frame)
 * has a fixed width and is written in place.
 */
import { jackal } from '../sim/index.js';
import type { Sense } from '../src/io/zeromq/protocol/protocol.js';
import {
  CONTACTS_DOUBLES,
  ContactsField,
  GOAL_DOUBLES,
  GoalField,
  ODOMETRY_DOUBLES,
  OdometryField,
} from '../src/memory/layout.js';
import type { Situation } from './situation.js';

/** More than any message here needs. */
const MESSAGE_BYTES = 16 * 1024;

/** Where in a message its changing fields lie. */
interface Offsets {
  session: number;
  sequence: number;
  stamp: number;
  frame: number;
}

/** The keys of a `sense` that are always written. */
type Written = Required<Sense>;

export class Senses {
  readonly #messages: Buffer[] = [];
  readonly #offsets: Offsets[] = [];
  readonly #frames: number[] = [];
  readonly #lastFrame: number = 0;

  /** @param situation recorded with a scan in every cycle */
  constructor(situation: Situation) {
    const { odometry, contacts, goal } = situation.data;
    for (let i = 0; i < situation.cycles; i++) {
      // Until a slot is written anew, what it said last holds.
      const o = lastWritten(odometry, i, ODOMETRY_DOUBLES);
      const g = lastWritten(goal, i, GOAL_DOUBLES);
      const c = lastWritten(contacts, i, CONTACTS_DOUBLES);
      if (o === null || g === null || !situation.hasScan(i)) continue;
      const beams = situation.beams(i).slice(0, jackal.laser.beams);
      const frame = o[OdometryField.frame];
      const message = new Message();
      message.map(9);
      message.text('m').text('sense');
      const session = message.text('s').uint32(0);
      const sequence = message.text('q').uint64(0);
      const stamp = message.text('t').double(0);
      message.text('odom').doubles(o, OdometryField.x, 6);
      message.text('ranges').bytes(new Uint8Array(beams.buffer));
      message.text('contacts').doubles(c ?? new Float64Array(CONTACTS_DOUBLES), ContactsField.front, 4);
      message.text('goal').doubles(g, GoalField.x, 3);
      const frameAt = message.text('frame').uint32(frame);
      this.#messages.push(message.finished());
      this.#offsets.push({ session, sequence, stamp, frame: frameAt });
      this.#frames.push(frame);
      this.#lastFrame = Math.max(this.#lastFrame, frame);
    }
    if (this.#messages.length === 0) throw new Error('the situation has no cycle with odometry, ranges and a goal');
  }

  /** A robot's own messages: nothing in them is another's. */
  copy(): SenseWriter {
    return new SenseWriter(
      this.#messages.map((one) => Buffer.from(one)),
      this.#offsets,
      this.#frames,
      this.#lastFrame,
    );
  }
}

/** The messages of one robot, over and over. */
export class SenseWriter {
  readonly #messages: readonly Buffer[];
  readonly #offsets: readonly Offsets[];
  readonly #frames: readonly number[];
  readonly #lastFrame: number;
  #count = 0;

  constructor(messages: readonly Buffer[], offsets: readonly Offsets[], frames: readonly number[], lastFrame: number) {
    this.#messages = messages;
    this.#offsets = offsets;
    this.#frames = frames;
    this.#lastFrame = lastFrame;
  }

  /** How many there are before the first one's bytes are used again. */
  get size(): number {
    return this.#messages.length;
  }

  /** @param stampS [s] @returns bytes that stay the writer's: they are used again after `size` more */
  next(session: number, sequence: number, stampS: number): Buffer {
    const i = this.#count % this.#messages.length;
    const pass = Math.floor(this.#count++ / this.#messages.length);
    const message = this.#messages[i];
    const at = this.#offsets[i];
    message.writeUInt32BE(session, at.session);
    message.writeUInt32BE(Math.floor(sequence / 2 ** 32), at.sequence);
    message.writeUInt32BE(sequence >>> 0, at.sequence + 4);
    message.writeDoubleBE(stampS, at.stamp);
    message.writeUInt32BE(this.#frames[i] + pass * this.#lastFrame, at.frame);
    return message;
  }
}

/** A MessagePack map in the making. The methods that write what changes return where it lies. */
class Message {
  readonly #bytes = Buffer.alloc(MESSAGE_BYTES);
  #length = 0;

  map(keys: number): void {
    this.#byte(0x80 | keys);
  }

  /** A key of the protocol, or a short text. */
  text(text: keyof Written | 'sense'): this {
    this.#byte(0xa0 | text.length);
    this.#length += this.#bytes.write(text, this.#length, 'latin1');
    return this;
  }

  uint32(value: number): number {
    this.#byte(0xce);
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
    return this.#length - 4;
  }

  uint64(value: number): number {
    this.#byte(0xcf);
    this.#length = this.#bytes.writeBigUInt64BE(BigInt(value), this.#length);
    return this.#length - 8;
  }

  double(value: number): number {
    this.#byte(0xcb);
    this.#length = this.#bytes.writeDoubleBE(value, this.#length);
    return this.#length - 8;
  }

  doubles(values: ArrayLike<number>, from: number, count: number): void {
    this.#byte(0x90 | count);
    for (let i = from; i < from + count; i++) this.double(values[i]);
  }

  bytes(bytes: Uint8Array): void {
    this.#byte(0xc5);
    this.#length = this.#bytes.writeUInt16BE(bytes.length, this.#length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  finished(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #byte(value: number): void {
    this.#length = this.#bytes.writeUInt8(value, this.#length);
  }
}

function lastWritten(
  track: { has: Uint8Array; doubles: Float64Array },
  cycle: number,
  count: number,
): Float64Array | null {
  for (let i = cycle; i >= 0; i--) if (track.has[i] !== 0) return track.doubles.subarray(i * count, (i + 1) * count);
  return null;
}
