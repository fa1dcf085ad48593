import { mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logFileOf, logFilesOf } from '../../../src/cli/log-folder.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-logs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);

/** @param writtenAt time of day of its last write */
function log(name: string, writtenAt: string): void {
  writeFileSync(at(name), '');
  const time = new Date(`2026-11-21T${writtenAt}Z`);
  utimesSync(at(name), time, time);
}

describe('the log that is meant', () => {
  it('is a file itself, also one that is not there', () => {
    log('20261121T180000Z-sim-001.mcap', '18:10:00');
    for (const name of ['20261121T180000Z-sim-001.mcap', 'none.mcap']) {
      expect(logFileOf(at(name))).toBe(at(name));
      expect(logFilesOf(at(name))).toEqual([at(name)]);
    }
  });

  it('is a folder’s latest.mcap, or the newest by name where no link is', () => {
    log('20261121T180000Z-sim-001.mcap', '18:10:00');
    log('20261121T190000Z-sim-001.mcap', '19:10:00');
    log('20261121T190000Z-sim-002.mcap', '19:20:00');
    expect(logFileOf(folder)).toBe(at('20261121T190000Z-sim-002.mcap'));
    symlinkSync('20261121T190000Z-sim-002.mcap', at('latest.mcap'));
    expect(logFileOf(folder)).toBe(at('latest.mcap'));
    expect(logFilesOf(folder)).toEqual([at('latest.mcap')]);
  });

  it('is refused with a sentence where a folder holds none', () => {
    writeFileSync(at('notes.txt'), '');
    expect(() => logFileOf(folder)).toThrow('there is no flight log in this folder');
  });

  it('comes with those of other robots that were written meanwhile, by their last parts', () => {
    log('20261121T170000Z-run-old-001.mcap', '17:30:00');
    log('20261121T180000Z-run-ada-001.mcap', '18:10:00');
    log('20261121T180000Z-run-ada-002.mcap', '18:20:00');
    log('20261121T180500Z-run-bob-001.mcap', '18:20:00');
    symlinkSync('20261121T180500Z-run-bob-001.mcap', at('latest.mcap'));
    expect(logFilesOf(folder)).toEqual([at('latest.mcap'), at('20261121T180000Z-run-ada-002.mcap')]);
  });
});
