import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { CONTESTANTS, DEFAULT_CONTESTANT } from '../../../src/bakeoff/contestants.js';
import { run } from '../../../src/cli/program.js';
import { ExitCode } from '../../../src/cli/usage.js';
import { Prng } from '../../../src/core/prng.js';
import { captureOutput, temporaryFolder } from '../../support/command-line.js';

const written = captureOutput();
const at = temporaryFolder();

interface Result {
  file: string;
  policy: string;
  default: boolean;
  error_rate: number;
  standard_error: number;
  per_second: number;
}

const results = () => written.lastJson<{ results: Result[] }>().results;
const timeless = () => results().map(({ per_second: _, ...rest }) => rest);

/** Two classes that a line tells apart, with a colour that says nothing; the label first. */
function writeTwoClasses(name: string, rows: number): string {
  const prng = Prng.seeded(5);
  const lines = Array.from({ length: rows }, () => {
    const x = prng.nextNormal();
    const y = prng.nextNormal();
    return [x + y > 0 ? 'up' : 'down', x.toFixed(3), ['red', 'blue', '?'][prng.nextBelow(3)], y.toFixed(3)].join(', ');
  });
  writeFileSync(at(name), `${lines.join('\n')}\n`);
  return at(name);
}

describe('rfsn bakeoff', () => {
  it('runs the default alone, and ends with one object of the agreed shape', async () => {
    const file = writeTwoClasses('two.data', 300);
    expect(await run(['bakeoff', file, '--label', 'first', '--plot', at('p.svg'), '--json'])).toBe(ExitCode.done);
    expect(written.out.trimEnd().split('\n')).toHaveLength(1);
    expect(Object.keys(JSON.parse(written.out) as object)).toEqual(['results']);
    expect(results()).toEqual([
      {
        file,
        policy: DEFAULT_CONTESTANT,
        default: true,
        error_rate: expect.any(Number),
        standard_error: expect.any(Number),
        per_second: expect.any(Number),
      },
    ]);
    const [{ error_rate: error, standard_error: spread, per_second: rate }] = results();
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.25);
    expect(spread).toBeLessThan(0.05);
    expect(rate).toBeGreaterThan(0);
    expect(written.err).toContain(
      'two.data: 300 examples, 2 classes, 2 numeric and 1 categorical columns as 5 features, ',
    );
  });

  it('gives the same figures for the same seed, and others for another', async () => {
    const file = writeTwoClasses('two.data', 200);
    const figures = async (seed: string) => {
      written.out = '';
      await run(['bakeoff', file, '--label', 'first', '--no-plot', '--json', '--seed', seed, '--policy', 'all']);
      return timeless();
    };
    const first = await figures('42');
    expect(await figures('42')).toEqual(first);
    expect(await figures('43')).not.toEqual(first);
    written.out = '';
    await run(['bakeoff', file, '--label', 'first', '--no-plot', '--json', '--policy', 'all']);
    expect(timeless()).toEqual(first);
  });

  it('gives a policy the same figures alone as among others', async () => {
    const file = writeTwoClasses('two.data', 200);
    const args = ['bakeoff', file, '--label', 'first', '--no-plot', '--json'];
    await run([...args, '--policy', 'all']);
    const all = timeless();
    expect(all.map(({ policy }) => policy)).toEqual(CONTESTANTS.map(({ name }) => name));
    expect(all.filter((one) => one.default).map(({ policy }) => policy)).toEqual([DEFAULT_CONTESTANT]);
    written.out = '';
    await run([...args, '--policy', 'random,bandit']);
    expect(timeless()).toEqual(all.filter(({ policy }) => policy === 'random' || policy === 'bandit'));
    written.out = '';
    await run([...args, '--policy', 'random', '--policy', 'bandit']);
    expect(timeless()).toEqual(all.filter(({ policy }) => policy === 'random' || policy === 'bandit'));
  });

  it('takes several files, and draws a panel for each', async () => {
    const files = [writeTwoClasses('one.data', 100), writeTwoClasses('other.data', 150)];
    const args = ['--label', 'first', '--policy', 'random', '--drift', 'rotate', '--plot', at('p.svg'), '--json'];
    expect(await run(['bakeoff', ...files, ...args])).toBe(ExitCode.done);
    expect(results().map(({ file }) => file)).toEqual(files);
    const svg = readFileSync(at('p.svg'), 'utf8');
    expect(svg).toContain('>one.data</text>');
    expect(svg).toContain('>other.data</text>');
    expect(svg.match(/labels rotate/g)).toHaveLength(2);
  });

  it('prints a table for people, without --json on standard output', async () => {
    const file = writeTwoClasses('two.data', 100);
    expect(await run(['bakeoff', file, '--label', 'first', '--policy', 'all', '--no-plot', '--shuffles', '1'])).toBe(0);
    const lines = written.out.trimEnd().split('\n');
    expect(lines[0]).toContain('best single class');
    expect(lines[1]).toMatch(/^ {2}policy +error +standard error +decisions\/s +features +memory$/);
    expect(lines.slice(2).map((line) => line.trim().split(/ {2,}/)[0].replace(' (default)', ''))).toEqual(
      CONTESTANTS.map(({ name }) => name),
    );
    expect(new Set(lines.slice(1).map(({ length }) => length)).size).toBe(1);
    expect(written.err).toBe('');
  });

  it('counts alarms where labels drift', async () => {
    const file = writeTwoClasses('two.data', 100);
    await run(['bakeoff', file, '--label', 'first', '--drift', 'rotate', '--no-plot', '--policy', 'random']);
    expect(written.out).toMatch(/memory +drift alarms\n/);
  });

  it('draws into the current folder where it is not told where', async () => {
    const file = writeTwoClasses('two.data', 60);
    const before = process.cwd();
    process.chdir(at());
    try {
      await run(['bakeoff', file, '--label', 'first', '--policy', 'random']);
      expect(existsSync(at('bakeoff.svg'))).toBe(true);
    } finally {
      process.chdir(before);
    }
    expect(written.out).toContain('wrote bakeoff.svg\n');
  });

  it('runs on where nobody asked for the plot that the folder does not take', async () => {
    const file = writeTwoClasses('two.data', 60);
    mkdirSync(at('bakeoff.svg'));
    const before = process.cwd();
    process.chdir(at());
    try {
      expect(await run(['bakeoff', file, '--label', 'first', '--policy', 'random', '--json'])).toBe(ExitCode.done);
    } finally {
      process.chdir(before);
    }
    expect(written.err).toContain('no plot: bakeoff.svg cannot be written (it is a folder)');
    expect(results()).toHaveLength(1);
  });

  it('never draws over a file that it reads', async () => {
    const file = writeTwoClasses('two.data', 60);
    const before = readFileSync(file, 'utf8');
    symlinkSync(file, at('link.svg'));
    for (const plot of [file, at('link.svg')]) {
      expect(await run(['bakeoff', file, '--label', 'first', '--plot', plot])).toBe(ExitCode.usage);
      expect(written.err).toContain(`--plot ${plot} is the same file as ${file}, which is read`);
    }
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it.each([
    ['the one asked for, after which it exits 1', ['--plot', 'bakeoff.svg'], ExitCode.failed],
    ['the one nobody asked for, which is a note', [], ExitCode.done],
  ])('prints the figures where the plot cannot be written in the end: %s', async (_, plot, code) => {
    const file = writeTwoClasses('two.data', 60);
    const before = process.cwd();
    process.chdir(at());
    // In the way as soon as the path was found good.
    vi.mocked(process.stderr.write).mockImplementation((chunk) => {
      written.err += String(chunk);
      if (String(chunk).includes('60 examples')) mkdirSync(at('bakeoff.svg'));
      return true;
    });
    try {
      expect(await run(['bakeoff', file, '--label', 'first', '--policy', 'random', '--json', ...plot])).toBe(code);
    } finally {
      process.chdir(before);
    }
    expect(written.err).toMatch(/bakeoff\.svg:? could not be written \(EISDIR/);
    expect(results()).toHaveLength(1);
  });

  it('names a file of too many features before any is run', async () => {
    const good = writeTwoClasses('two.data', 20);
    // 64 places for each of 129 columns, of which any two rows differ in all.
    const lines = Array.from({ length: 65 }, (_, row) => [...Array<string>(129).fill(`v${row}`), 'ab'[row % 2]].join());
    writeFileSync(at('wide.data'), `${lines.join('\n')}\n`);
    expect(await run(['bakeoff', good, at('wide.data'), '--no-plot', '--policy', 'random'])).toBe(ExitCode.failed);
    expect(written.err).toContain(`${at('wide.data')}: a row has 8256 features, at most 8192 are encoded`);
    expect(written.out).toBe('');
  });

  it.each([
    [['--policy', 'linucd'], 'Allowed: all, '],
    [['--label', 'middle'], 'Allowed choices are first, last'],
    [['--drift', 'slow'], 'Allowed choices are none, rotate'],
    [['--shuffles', '0'], 'Allowed: an integer from 1'],
    [['--seed', '-1'], 'Allowed: an integer from 0'],
    [['--plot', ''], '--plot needs the name of a file'],
    [['--plot', '/nowhere/p.svg'], '--plot /nowhere/p.svg: cannot be written'],
  ])('exits 2 on %j and says why', async (args, message) => {
    const file = writeTwoClasses('two.data', 20);
    expect(await run(['bakeoff', file, ...args])).toBe(ExitCode.usage);
    expect(written.err).toContain(message);
  });

  it('exits 2 where no file is named', async () => {
    expect(await run(['bakeoff'])).toBe(ExitCode.usage);
    expect(written.err).toContain("missing required argument 'files'");
  });

  it('exits 1 on a file that is not there, or not a table, naming it, before any is run', async () => {
    const good = writeTwoClasses('two.data', 20);
    expect(await run(['bakeoff', good, at('none.data'), '--no-plot'])).toBe(ExitCode.failed);
    expect(written.err).toContain(`${at('none.data')}: ENOENT`);
    writeFileSync(at('bad.data'), '1,2,a\n1,b\n');
    expect(await run(['bakeoff', good, at('bad.data'), '--no-plot'])).toBe(ExitCode.failed);
    expect(written.err).toContain(`${at('bad.data')}: line 2: 2 values, where line 1 has 3`);
    expect(written.out).toBe('');
  });

  it('ends at a signal, and writes nothing', async () => {
    const file = writeTwoClasses('two.data', 2000);
    const before = process.listenerCount('SIGINT');
    const running = run(['bakeoff', file, '--label', 'first', '--shuffles', '1000', '--plot', at('p.svg')]);
    await vi.waitFor(() => expect(process.listenerCount('SIGINT')).toBeGreaterThan(before));
    process.emit('SIGINT', 'SIGINT');
    expect(await running).toBe(ExitCode.failed);
    expect(written.err).toContain('SIGINT: interrupted, nothing was written');
    expect(existsSync(at('p.svg'))).toBe(false);
  });
});
