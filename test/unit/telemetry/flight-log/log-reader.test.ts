import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noFaults } from '../../../../sim/index.js';
import { DecisionField } from '../../../../src/memory/layout.js';
import { loadParameters } from '../../../../src/parameters/loader.js';
import {
  decisionAt,
  decisionIn,
  decisionOf,
  explanationOf,
} from '../../../../src/telemetry/flight-log/log-decisions.js';
import { FlightLogError } from '../../../../src/telemetry/flight-log/log-error.js';
import { FlightLogReader, isFlightLog } from '../../../../src/telemetry/flight-log/log-reader.js';
import { LEARNED_STATE_NAME, TOPICS } from '../../../../src/telemetry/flight-log/topics.js';
import { logHeadlessRun } from '../../../support/flight-recorder.js';
import { record, straightDrive } from '../../io/replay/recorder.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-log-reader-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const parameters = loadParameters([], { policy: 'linucb', controller_frequency: 20, max_beams: 800 });
/** One file, and the same run in parts. */
let path = '';
let partPath = '';

beforeAll(async () => {
  const run = { parameters, faults: noFaults, episodes: 2, explain: true, chunkBytes: 40_000 };
  path = await logHeadlessRun(join(folder, 'one'), run);
  partPath = await logHeadlessRun(join(folder, 'parts'), { ...run, maxFileBytes: 600_000 });
});

/** Opens, looks, closes. */
function reading<T>(file: string, look: (log: FlightLogReader) => T): T {
  const log = new FlightLogReader(file);
  try {
    return look(log);
  } finally {
    log.close();
  }
}

const everything = (log: FlightLogReader) =>
  [...log.messages()].map(({ topic, sequence, logTimeNs, data }) => ({
    topic,
    sequence,
    logTimeNs,
    data: Buffer.from(data).toString('base64'),
  }));

/** A whole copy of the log without what follows the given byte. */
function cutAt(bytes: number, name = 'cut'): string {
  const file = join(folder, `${name}.mcap`);
  writeFileSync(file, readFileSync(path).subarray(0, bytes));
  return file;
}

describe('a flight log', () => {
  it('says what it is of, when it was, and what is in it', () => {
    reading(path, (log) => {
      expect(log.whole).toBe(true);
      expect(JSON.parse(log.metadata.get('parameters') ?? '')).toEqual(parameters);
      const all = [...log.messages()];
      expect(log.startNs).toBe(all[0].logTimeNs);
      expect(log.endNs).toBe(all[all.length - 1].logTimeNs);
      for (const { name } of TOPICS) {
        const count = all.filter(({ topic }) => topic === name).length;
        expect([name, log.counts.get(name) ?? 0]).toEqual([name, count]);
      }
      expect(log.attachment(LEARNED_STATE_NAME)).toBeNull();
    });
  });

  it('gives what was attached', async () => {
    const learned = { policy: Uint8Array.of(1, 2, 3), scaler: Uint8Array.of(4) };
    // Nothing can be learned of so little: only the attachment is looked at.
    const file = await attachedLog(learned);
    reading(file, (log) => expect([...(log.attachment(LEARNED_STATE_NAME) ?? [])]).toEqual([1, 2, 3, 4]));
    // And from the front alone, where there is no index.
    const cut = join(folder, 'attached-cut.mcap');
    writeFileSync(cut, readFileSync(file).subarray(0, -50));
    reading(cut, (log) => {
      expect(log.whole).toBe(false);
      expect([...(log.attachment(LEARNED_STATE_NAME) ?? [])]).toEqual([1, 2, 3, 4]);
    });
  });

  it('reads on from a time, and up to one, and only some topics', () => {
    reading(path, (log) => {
      const all = everything(log);
      const middleNs = (log.startNs + log.endNs) / 2n;
      const from = [...log.messages({ fromNs: middleNs })];
      expect(from).toHaveLength(all.filter(({ logTimeNs }) => logTimeNs >= middleNs).length);
      const upTo = [...log.messages({ toNs: middleNs, topics: ['/odom', '/rfsn/decision'] })];
      expect(upTo).toHaveLength(
        all.filter(({ logTimeNs, topic }) => logTimeNs <= middleNs && ['/odom', '/rfsn/decision'].includes(topic))
          .length,
      );
      expect(upTo.length).toBeGreaterThan(10);
    });
  });

  it('finds the newest message of each topic at a time', () => {
    reading(path, (log) => {
      const all = everything(log);
      for (const share of [0n, 1n, 3n, 7n, 10n]) {
        const atNs = log.startNs + ((log.endNs - log.startNs) * share) / 10n;
        const found = log.latestBefore(
          atNs,
          TOPICS.map(({ name }) => name),
        );
        for (const { name } of TOPICS) {
          const before = all.filter(({ topic, logTimeNs }) => topic === name && logTimeNs <= atNs);
          const newest = before[before.length - 1];
          expect([name, found.get(name)?.sequence]).toEqual([name, newest?.sequence]);
        }
      }
    });
  });

  it('finds a decision by its number and by its time, and what was said of it', () => {
    reading(path, (log) => {
      const records = [...log.messages({ topics: ['/rfsn/decision'] })].map(decisionIn);
      for (const [i, { record, beganNs }] of records.entries()) {
        if (i % 9 !== 0 && i > 2 && i < records.length - 2) continue;
        const cycle = record[DecisionField.cycle];
        expect(decisionOf(log, cycle)?.record).toEqual(record);
        expect(decisionAt(log, beganNs)?.record).toEqual(record);
        const explained = explanationOf(log, cycle);
        if (Number.isNaN(record[DecisionField.values])) continue;
        for (let action = 0; action < 8; action++) {
          let sum = 0;
          for (let i = 0; i < 25; i++) sum += explained?.[action * 25 + i] ?? Number.NaN;
          expect(sum).toBeCloseTo(record[DecisionField.values + action], 4);
        }
      }
      expect(decisionOf(log, records.length)).toBeNull();
      expect(decisionAt(log, log.startNs - 1n)?.record[DecisionField.cycle]).toBe(0);
    });
  });
});

describe('a run in several parts', () => {
  it('is read as one, whichever part is asked for', () => {
    const whole = reading(partPath, (log) => {
      expect(log.parts.length).toBeGreaterThan(2);
      expect(log.notes).toEqual([]);
      expect(log.metadata.get('part')).toBe('1');
      return everything(log);
    });
    const link = join(dirname(partPath), 'a-link.mcap');
    symlinkSync(basename(partPath), link);
    expect(reading(link, everything)).toEqual(whole);
    const cycles = whole.filter(({ topic }) => topic === '/rfsn/decision').map(({ sequence }) => sequence);
    expect(cycles).toEqual(cycles.map((_, i) => i));
    reading(path, (log) => expect(cycles).toHaveLength(log.counts.get('/rfsn/decision') ?? 0));
  });

  it('says which parts are not there', () => {
    const few = join(folder, 'few');
    mkdirSync(few);
    const names = reading(partPath, (log) => log.parts.map((part) => part.path));
    for (const [i, name] of names.entries()) if (i !== 0 && i !== 2) copyFileSync(name, join(few, basename(name)));
    // A part of another run and a file that is none are not taken for one.
    writeFileSync(join(few, basename(names[0])), 'nothing');
    reading(join(few, basename(names[1])), (log) => {
      expect(log.parts).toHaveLength(names.length - 2);
      expect(log.notes).toEqual([
        expect.stringContaining('is not an MCAP file'),
        'it begins with part 2: what came before has been removed',
        '1 part after part 2 are not there',
      ]);
    });
  });
});

describe('a log that is not whole', () => {
  it('is read up to its last whole chunk, as the index would have it', () => {
    reading(path, (log) => {
      const [{ chunks }] = log.parts;
      const all = everything(log);
      const [last] = chunks.slice(-1);
      const file = cutAt(last.offset + last.lengthBytes - 1);
      const read = reading(file, (cut) => {
        expect(cut.whole).toBe(false);
        expect(cut.notes).toEqual([
          expect.stringContaining(`cut off in the record that begins at byte ${last.offset}`),
        ]);
        expect([...cut.counts.values()].reduce((sum, count) => sum + count, 0)).toBe(everything(cut).length);
        return everything(cut);
      });
      expect(read).toEqual(all.slice(0, read.length));
      // What the last chunk held is all that is missing.
      expect(all.length - read.length).toBeLessThan(all.length / chunks.length + 200);
      expect(read.length).toBeGreaterThan(100);
    });
  });

  it('costs a damaged chunk and no other, and tells of it', () => {
    const bytes = Uint8Array.from(readFileSync(path));
    const [all, chunk] = reading(path, (log) => [everything(log), log.parts[0].chunks[3]] as const);
    bytes[chunk.offset + 300] ^= 0xff;
    const file = join(folder, 'damaged.mcap');
    writeFileSync(file, bytes);
    reading(file, (log) => {
      const read = everything(log);
      expect(read.length).toBeLessThan(all.length);
      expect(read.length).toBeGreaterThan(all.length / 2);
      expect(log.notes).toEqual([expect.stringContaining('1 damaged and left out, the first the chunk at byte')]);
    });
  });

  it.each([
    ['nothing', '', 'is empty'],
    ['text', 'rfsn', 'is not an MCAP file'],
  ])('says what is wrong with %s', (name, text, words) => {
    const file = join(folder, `${name}.mcap`);
    writeFileSync(file, text);
    expect(() => new FlightLogReader(file)).toThrow(words);
    expect(() => new FlightLogReader(file)).toThrow(FlightLogError);
    expect(isFlightLog(file)).toBe(false);
  });

  it('says so where there is no such file, or it is a folder', () => {
    expect(() => new FlightLogReader(join(folder, 'absent.mcap'))).toThrow('cannot be opened');
    expect(() => new FlightLogReader(folder)).toThrow(FlightLogError);
  });
});

describe('a recording of another robot', () => {
  it('is no flight log', async () => {
    const file = join(folder, 'foreign.mcap');
    writeFileSync(file, await record(straightDrive(2)));
    expect(isFlightLog(file)).toBe(false);
    expect(() => new FlightLogReader(file)).toThrow('is not a flight log');
    expect(isFlightLog(path)).toBe(true);
    expect(isFlightLog(cutAt(60_000))).toBe(true);
  });
});

async function attachedLog(learned: { policy: Uint8Array; scaler: Uint8Array }): Promise<string> {
  const { FlightLog } = await import('../../../../src/telemetry/flight-log/flight-log.js');
  const log = await FlightLog.open(join(folder, 'attached'), {
    what: 'test',
    clock: { nowNs: () => 0, unixNs: () => 1n },
    library: 'test',
    policy: 'linucb',
    metadata: {},
    learned: { data: Buffer.concat([learned.policy, learned.scaler]), file: 'a file' },
    tell: () => undefined,
  });
  const { file } = log;
  await log.close();
  return file;
}
