import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/parameters/presets.js';
import { mcapContents } from '../support/mcap-contents.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a process that is killed while it logs', () => {
  it('leaves what it had counted as written, in order and without a gap', async () => {
    const root = packageRoot();
    const hooks = pathToFileURL(join(root, 'test/support/typescript-hooks.mjs')).href;
    const child = fork(join(root, 'test/concurrency/flight-log-process.ts'), [folder], {
      execArgv: ['--import', hooks],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit');
    let last = { cycle: 0, written: 0 };
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('it ended by itself')));
      child.on('message', (report: typeof last) => {
        last = report;
        if (report.written > 3000) resolve();
      });
    });
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);

    const names = readdirSync(folder)
      .filter((name) => name.startsWith('2'))
      .sort();
    expect(names.length).toBeGreaterThan(1);
    const parts = names.map((name) => mcapContents(readFileSync(join(folder, name))));
    expect(parts.map(({ whole }) => whole)).toEqual(names.map((_, i) => i < names.length - 1));
    const cycles = parts.flatMap(({ messages }) =>
      messages.filter(({ topic }) => topic === '/rfsn/decision').map(({ sequence }) => sequence),
    );
    expect(cycles).toEqual(cycles.map((_, i) => i));
    // Later parts repeat three messages each: scanner, state, and no goal here.
    const messages = parts.reduce((sum, part) => sum + part.messages.length, 0);
    expect(messages).toBeGreaterThanOrEqual(last.written);
    expect(cycles.length).toBeLessThanOrEqual(last.cycle + 2);
    expect(readFileSync(join(folder, 'latest.mcap')).length).toBeGreaterThan(0);
  });
});
