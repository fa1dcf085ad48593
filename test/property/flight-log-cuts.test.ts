import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noFaults } from '../../sim/index.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { FlightLogError } from '../../src/telemetry/flight-log/log-error.js';
import { FlightLogReader } from '../../src/telemetry/flight-log/log-reader.js';
import { TOPICS } from '../../src/telemetry/flight-log/topics.js';
import '../seed.js';
import { logHeadlessRun } from '../support/flight-recorder.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-log-cuts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let bytes = new Uint8Array(0);
/** Where each chunk ends, and how many messages there are up to there. */
const ends: { readonly offset: number; readonly messages: number }[] = [];
/** Of every message, in order. */
const names: string[] = [];

const nameOf = (message: { topic: string; sequence: number }) => `${message.topic} ${message.sequence}`;

beforeAll(async () => {
  const parameters = loadParameters([], { policy: 'random', controller_frequency: 20 });
  const path = await logHeadlessRun(folder, { parameters, faults: noFaults, episodes: 1, chunkBytes: 20_000 });
  bytes = Uint8Array.from(readFileSync(path));
  const log = new FlightLogReader(path);
  for (const message of log.messages()) names.push(nameOf(message));
  let messages = 0;
  for (const chunk of log.parts[0].chunks) {
    messages += log.parts[0].open(chunk).count;
    ends.push({ offset: chunk.offset + chunk.lengthBytes, messages });
  }
  log.close();
});

/** All that can be got out of such a file; null where it is refused with a sentence. */
function readOf(content: Uint8Array): { names: string[]; log: FlightLogReader } | null {
  const file = join(folder, 'changed.mcap');
  writeFileSync(file, content);
  let log: FlightLogReader;
  try {
    log = new FlightLogReader(file);
  } catch (error) {
    expect(error).toBeInstanceOf(FlightLogError);
    expect((error as Error).message.length).toBeGreaterThan(10);
    return null;
  }
  try {
    const read: string[] = [];
    for (const message of log.messages()) {
      read.push(nameOf(message));
      if (read.length % 50 !== 0) continue;
      try {
        message.decode();
      } catch (error) {
        expect(error).toBeInstanceOf(FlightLogError);
      }
    }
    log.latestBefore(log.endNs, ['/rfsn/state', '/scan']);
    log.firstFrom('/rfsn/decision', ({ sequence }) => sequence >= 40);
    return { names: read, log };
  } finally {
    log.close();
  }
}

describe('a flight log cut anywhere', () => {
  it('gives every whole chunk and nothing else', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (cut) => {
        const whole = ends.filter(({ offset }) => offset <= cut);
        const messages = whole[whole.length - 1]?.messages ?? 0;
        const read = readOf(bytes.subarray(0, cut));
        if (read === null) expect(messages).toBe(0);
        else {
          expect(read.names).toEqual(names.slice(0, messages));
          expect(read.log.whole).toBe(false);
          const counted = [...read.log.counts.values()].reduce((sum, count) => sum + count, 0);
          expect(counted).toBe(messages);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('gives them at the end of every chunk, and a byte before and after', () => {
    expect(ends.length).toBeGreaterThan(10);
    for (const { offset, messages } of ends.slice(0, 12)) {
      const before = ends.filter((end) => end.offset < offset).pop()?.messages ?? 0;
      expect(readOf(bytes.subarray(0, offset - 1))?.names.length ?? 0).toBe(before);
      expect(readOf(bytes.subarray(0, offset))?.names.length).toBe(messages);
      expect(readOf(bytes.subarray(0, offset + 1))?.names.length).toBe(messages);
    }
  });
});

describe('a flight log with bytes that are not its own', () => {
  it('is refused with a sentence or gives messages that it had', () => {
    const known = new Set(names);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (changes, cut) => {
          const content = cut ? bytes.slice(0, -20) : bytes.slice();
          for (const [at, value] of changes) if (at < content.length) content[at] = value;
          const read = readOf(content);
          // What a chunk holds its checksum stands for; topics stand outside chunks, and may be others now.
          if (read === null) return;
          expect(read.names.length).toBeLessThanOrEqual(names.length);
          const own = new Set([...read.log.counts.keys()].filter((topic) => TOPICS.some(({ name }) => name === topic)));
          expect(read.names.filter((name) => own.has(name.split(' ')[0]) && !known.has(name))).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  });

  it.each([
    ['a length', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['zeros', [0, 0, 0, 0, 0, 0, 0, 0]],
  ])('is read or refused with %s in the place of what stands at its beginning and its end', (_name, pattern) => {
    const [first] = ends;
    const last = bytes.length - 1;
    for (const place of [8, 9, 17, 20, 40, first.offset, first.offset + 1, last - 8, last - 16, last - 30, last - 36]) {
      const content = bytes.slice();
      content.set(pattern, Math.min(place, bytes.length - 8));
      readOf(content);
    }
  });
});
