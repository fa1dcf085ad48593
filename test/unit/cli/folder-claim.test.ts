import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { FolderClaim } from '../../../src/cli/folder-claim.js';
import { temporaryFolder } from '../../support/command-line.js';

const at = temporaryFolder();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function claim(folder: string, remedy?: string): { told: string[]; held: FolderClaim } {
  const told: string[] = [];
  return { told, held: new FolderClaim(folder, (text) => told.push(text), remedy, at('notes')) };
}

/** Another process, whose note it is from now on. */
function another(): number {
  const child = spawn('sleep', ['60']);
  children.push(child);
  const [note] = readdirSync(at('notes'));
  writeFileSync(at('notes', note), String(child.pid));
  return child.pid as number;
}

describe('a folder that is saved to', () => {
  it('is this process\u2019s quietly, and free again once released', () => {
    const { told, held } = claim(at('model'));
    expect(told).toEqual([]);
    expect(readdirSync(at('notes'))).toHaveLength(1);
    held.release();
    expect(readdirSync(at('notes'))).toEqual([]);
  });

  it('is told of where another process has it, whatever it is called, and left to that one', () => {
    mkdirSync(at('model'));
    symlinkSync(at('model'), at('link'));
    claim(at('model'));
    const pid = another();
    const { told, held } = claim(at('link'));
    expect(told).toEqual([expect.stringMatching(new RegExp(`^note: process ${pid} saves to .*/model too: `))]);
    held.release();
    expect(readdirSync(at('notes'))).toHaveLength(1);
    expect(claim(at('other')).told).toEqual([]);
    expect(told[0]).toMatch(/; give each its own --model$/);
    expect(claim(at('model'), 'move one of them').told[0]).toMatch(/; move one of them$/);
  });

  it('is taken over from a process that has died, and from a note that is none', async () => {
    claim(at('model'));
    another();
    const [child] = children;
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(claim(at('model')).told).toEqual([]);
    writeFileSync(at('notes', readdirSync(at('notes'))[0]), 'nonsense');
    expect(claim(at('model')).told).toEqual([]);
  });
});
