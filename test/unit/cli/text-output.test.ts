import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { isBrokenPipe, standardOutputDrained, TextOutput } from '../../../src/cli/text-output.js';
import { captureOutput, temporaryFolder } from '../../support/command-line.js';

const written = captureOutput();
const at = temporaryFolder();

const LONG = 'zwölf Wörter — '.repeat(20_000);

function failing(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe('text output', () => {
  it.each([true, false])('writes on where a write took only a part, or nothing for now (whole: %s)', (whole) => {
    let calls = 0;
    const output = new TextOutput(at('f'), {
      whole,
      writeSync: (file, bytes, offset) => {
        if (calls++ % 3 === 2) throw failing('EAGAIN');
        return writeSync(file, bytes, offset, Math.min(10_007, bytes.length - offset));
      },
    });
    for (let from = 0; from < LONG.length; from += 7001) output.write(LONG.slice(from, from + 7001));
    output.finish();
    expect(calls).toBeGreaterThan(10);
    expect(readFileSync(at('f'), 'utf8')).toBe(LONG);
    expect(readdirSync(at())).toEqual(['f']);
  });

  it('shows a whole file only at its end, under the old one’s mode', () => {
    writeFileSync(at('f'), 'old');
    chmodSync(at('f'), 0o640);
    const output = new TextOutput(at('f'), { whole: true });
    output.write(LONG);
    expect(readFileSync(at('f'), 'utf8')).toBe('old');
    output.finish();
    expect(readFileSync(at('f'), 'utf8')).toBe(LONG);
    expect(statSync(at('f')).mode & 0o777).toBe(0o640);
  });

  it('leaves nothing of a whole file that is discarded, or that the disk does not take', () => {
    writeFileSync(at('f'), 'old');
    const discarded = new TextOutput(at('f'), { whole: true });
    discarded.write(LONG);
    discarded.discard();
    const full = new TextOutput(at('f'), {
      whole: true,
      writeSync: () => {
        throw failing('ENOSPC');
      },
    });
    full.write('new');
    expect(() => full.finish()).toThrow('ENOSPC');
    expect(readFileSync(at('f'), 'utf8')).toBe('old');
    expect(readdirSync(at())).toEqual(['f']);
  });

  it('writes through a symbolic link, also to a file that is not there yet', () => {
    mkdirSync(at('folder'));
    symlinkSync('folder/f', at('link'));
    for (const text of ['one', 'two']) {
      const output = new TextOutput(at('link'), { whole: true });
      output.write(text);
      output.finish();
      expect(readFileSync(at('folder', 'f'), 'utf8')).toBe(text);
    }
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
  });

  it('tells a reader that went away from what is wrong', () => {
    const output = new TextOutput(at('f'), {
      writeSync: () => {
        throw failing('EPIPE');
      },
    });
    let caught: unknown;
    try {
      output.write(LONG);
    } catch (error) {
      caught = error;
    }
    output.discard();
    expect(isBrokenPipe(caught)).toBe(true);
    expect(isBrokenPipe(failing('ENOSPC'))).toBe(false);
  });

  it('waits for a reader of standard output that is slower', async () => {
    const output = new TextOutput(undefined);
    output.write(LONG);
    await output.drained();
    expect(LONG.startsWith(written.out) && written.out.length > 0).toBe(true);
    const full = vi.spyOn(process.stdout, 'writableNeedDrain', 'get').mockReturnValue(true);
    let drained = false;
    const waiting = standardOutputDrained().then(() => {
      drained = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(drained).toBe(false);
    full.mockReturnValue(false);
    process.stdout.emit('drain');
    await waiting;
    expect(drained).toBe(true);
  });
});
