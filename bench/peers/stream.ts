/** The examples that both sides of a comparison see: seeded, and in one file, so that they are the same bits. */
import { readFileSync, writeFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { Prng } from '../../src/core/prng.js';

const HEADER_DOUBLES = 4;
/** Weight of the noise in a reward. */
const NOISE = 0.1;

/** Examples, row by row. */
export interface Stream {
  readonly rows: number;
  readonly features: number;
  readonly actions: number;
  /** rows × features. */
  readonly contexts: Float64Array;
  /** rows × actions: what every action earns, a linear taste and noise. */
  readonly rewards: Float64Array;
  /** rows: an action that somebody took, each as likely as any. */
  readonly logged: Float64Array;
}

export function makeStream(seed: number, rows: number, features: number, actions: number): Stream {
  const random = Prng.seeded(seed);
  const contexts = Float64Array.from({ length: rows * features }, () => random.nextNormal());
  const taste = Float64Array.from({ length: actions * features }, () => random.nextRange(-0.2, 0.2));
  const rewards = new Float64Array(rows * actions);
  for (let row = 0; row < rows; row++) {
    for (let a = 0; a < actions; a++) {
      let reward = NOISE * random.nextNormal();
      for (let i = 0; i < features; i++) reward += taste[a * features + i] * contexts[row * features + i];
      rewards[row * actions + a] = reward;
    }
  }
  const logged = Float64Array.from({ length: rows }, () => random.nextBelow(actions));
  return { rows, features, actions, contexts, rewards, logged };
}

/** As `bench/peers/peer.py` describes it. */
export function writeStream(path: string, stream: Stream): void {
  const { rows, features, actions, contexts, rewards, logged } = stream;
  const numbers = new Float64Array(HEADER_DOUBLES + contexts.length + rewards.length + rows);
  numbers.set([rows, features, actions]);
  let at = HEADER_DOUBLES;
  for (const part of [contexts, rewards, logged]) {
    numbers.set(part, at);
    at += part.length;
  }
  writeFileSync(path, littleEndian(numbers));
}

export function readStream(path: string): Stream {
  const numbers = readDoubles(path);
  const [rows, features, actions] = numbers;
  let at = HEADER_DOUBLES;
  const take = (count: number): Float64Array => {
    at += count;
    return numbers.slice(at - count, at);
  };
  const contexts = take(rows * features);
  const rewards = take(rows * actions);
  return { rows, features, actions, contexts, rewards, logged: take(rows) };
}

/** Little-endian doubles of a file, in memory of their own. */
export function readDoubles(path: string): Float64Array {
  const bytes = new Uint8Array(readFileSync(path));
  return new Float64Array(littleEndian(new Float64Array(bytes.buffer)).buffer);
}

/** The bytes of numbers in little-endian order, whatever the machine's; the same function reads them. */
function littleEndian(numbers: Float64Array): Uint8Array {
  const bytes = Buffer.from(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  return new Uint8Array(endianness() === 'LE' ? bytes : bytes.swap64());
}
