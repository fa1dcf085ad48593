/** Whatever the disk does, every message is in a file once, or counted as lost once. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlightLog } from '../../src/telemetry/flight-log/flight-log.js';
import { TOPICS } from '../../src/telemetry/flight-log/topics.js';
import { FailingDisk } from '../support/failing-disk.js';
import { LoggedRun } from '../support/logged-run.js';
import { mcapContents } from '../support/mcap-contents.js';

const MAX_FILE_BYTES = 150_000;
const KEPT = TOPICS.filter(({ kept }) => kept).map(({ name }) => name);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('drive' as const), n: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('flush' as const), n: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('goal' as const), n: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('break' as const), n: fc.integer({ min: 0, max: 90_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mend' as const), n: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), n: fc.constant(0) }) },
);

let folder = '';
beforeEach(() => {
  // A second between two tries takes no time here; the disk is the real one, and no timer's.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => vi.useRealTimers());

describe('a flight log on a disk that comes and goes', () => {
  it('has each message once, or has counted it as lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        folder = mkdtempSync(join(tmpdir(), 'rfsn-log-'));
        try {
          const run = new LoggedRun(30);
          const disk = new FailingDisk();
          const told: string[] = [];
          const log = await FlightLog.open(folder, {
            what: 'property',
            clock: run.clock,
            library: 'rfsn-controller',
            policy: 'lin-ts',
            metadata: {},
            learned: null,
            maxFileBytes: MAX_FILE_BYTES,
            maxFiles: 1000,
            chunkBytes: 10_000,
            queueBytes: 100_000,
            tell: (text) => told.push(text),
            fs: disk.fs,
          });
          for (const { do: what, n } of steps) {
            if (what === 'drive') run.drive(log, n);
            else if (what === 'flush') await log.flush();
            else if (what === 'goal') run.setGoal(log, n, n, n > 0);
            else if (what === 'mend') disk.broken = null;
            else if (what === 'break') {
              disk.broken = 'ENOSPC';
              disk.room = n;
            } else {
              vi.advanceTimersByTime(1000);
              await log.flush();
            }
          }
          await log.close();

          const { taken, written, lostQueue, lostDisk, lostRemoved, parts } = log.counters;
          expect(written + lostQueue + lostDisk + lostRemoved).toBe(taken);
          expect(log.backlogBytes).toBe(0);
          expect(told.length).toBeLessThanOrEqual(2);
          if (disk.refused === 0 && lostQueue === 0) expect(written).toBe(taken);
          const names = readdirSync(folder)
            .filter((name) => name.startsWith('2'))
            .sort();
          expect(names).toHaveLength(parts);
          const found = new Set<string>();
          const cycles: number[] = [];
          for (const name of names) {
            const path = join(folder, name);
            expect(statSync(path).size).toBeLessThanOrEqual(MAX_FILE_BYTES);
            const { messages, metadata } = mcapContents(readFileSync(path));
            expect(metadata[0].get('part')).toBe(String(Number(name.slice(-8, -5))));
            const ofPart = messages.filter(({ topic }) => topic === '/rfsn/decision').map(({ sequence }) => sequence);
            if (ofPart.length > 0) expect(Number(metadata[0].get('first_cycle'))).toBeLessThanOrEqual(ofPart[0]);
            cycles.push(...ofPart);
            for (const { topic, sequence, data } of messages) {
              const key = `${topic} ${sequence} ${Buffer.from(data).toString('latin1')}`;
              // What was in force is told again in each part.
              if (!KEPT.includes(topic)) expect(found.has(key)).toBe(false);
              found.add(key);
            }
          }
          for (let i = 1; i < cycles.length; i++) expect(cycles[i]).toBeGreaterThan(cycles[i - 1]);
          expect(found.size).toBeGreaterThanOrEqual(written);
          // One that was lost may have been in force when a part began, and be told there.
          expect(found.size).toBeLessThanOrEqual(written + KEPT.length * names.length);
          if (written === taken) expect(found.size).toBe(taken);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }),
      { numRuns: 60 },
    );
  });
});
