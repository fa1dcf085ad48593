import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { runApart } from '../../../bench/apart.js';
import { atMost, type BenchmarkOptions, type Report } from '../../../bench/benchmark.js';
import { benchmarks } from '../../../bench/index.js';
import { machineLine, NOT_ASKED, resultsPage, shown } from '../../../bench/results.js';
import { registerBenchCommand } from '../../../src/cli/bench-command.js';
import { run } from '../../../src/cli/program.js';
import { ExitCode } from '../../../src/cli/usage.js';
import { captureOutput } from '../../support/command-line.js';

const written = captureOutput();

const report: Report = {
  figures: { cycle: { p50_ns: 1234.5, ratio_plain: 7.125, skipped: null } },
  targets: [atMost('cycle to its arithmetic', 7.125, 8), atMost('another', 9, 8), atMost('a third', Number.NaN, 8)],
  notes: ['What is to be known.'],
};

describe('rfsn bench', () => {
  it('runs every benchmark with the seed given, and with --json prints one line of JSON and nothing else', async () => {
    const calls: [string, BenchmarkOptions][] = [];
    const program = new Command();
    registerBenchCommand(program, async (name, options) => {
      calls.push([name, options]);
      return { ...report, figures: { [name]: { p50_ns: 5 } } };
    });
    await program.parseAsync(['bench', '--seed', '9', '--quick', '--json'], { from: 'user' });
    expect(calls.map(([name]) => name)).toEqual(benchmarks.map(({ name }) => name));
    expect(calls[0][1]).toEqual({ seed: 9, quick: true, tiny: false });
    const last = written.lastJson();
    expect(last).toEqual(Object.fromEntries(benchmarks.map(({ name }) => [name, { p50_ns: 5 }])));
    expect(written.out.trim().split('\n')).toHaveLength(1);
    expect(written.err).toContain('met     cycle to its arithmetic: 7.13 (target ≤ 8)');
  });

  it('runs only those named, and says what was met, missed and skipped', async () => {
    const names: string[] = [];
    const program = new Command();
    registerBenchCommand(program, async (name) => {
      names.push(name);
      return report;
    });
    await program.parseAsync(['bench', 'policy', 'cycle'], { from: 'user' });
    expect(names).toEqual(['cycle', 'policy']);
    expect(written.out).toContain('met     cycle to its arithmetic: 7.13 (target ≤ 8)');
    expect(written.out).toContain('MISSED  another: 9.00 (target ≤ 8)');
    expect(written.out).toContain('skipped a third: not measured (target ≤ 8)');
    expect(written.out).toContain('cycle: p50_ns 1,235 · ratio_plain 7.13\n');
  });

  it('goes on after one that fails, and fails with its reason at the end', async () => {
    const program = new Command();
    registerBenchCommand(program, async (name) => {
      if (name === 'cycle') throw new Error('this machine is too busy');
      return report;
    });
    const run = program.parseAsync(['bench', 'cycle', 'policy', '--json'], { from: 'user' });
    await expect(run).rejects.toThrow('not measured: cycle: this machine is too busy');
    expect(written.err).toContain('FAILED  this machine is too busy');
    expect(written.lastJson()).toEqual(report.figures);
  });

  it.each([
    [['bench', 'cicle'], 'benchmark cicle: not one of cycle, allocation'],
    [['bench', '--seed', 'x'], 'Allowed: an integer from 0'],
  ])('exits 2 on %j and says why', async (args, message) => {
    expect(await run(args)).toBe(ExitCode.usage);
    expect(written.err).toContain(message);
  });
});

describe('the page of results', () => {
  it('sets each target beside its figure, with machine, date and seed', () => {
    const page = resultsPage({
      machine: 'a machine',
      date: '2026-01-02',
      seed: 42,
      quick: false,
      reports: [{ name: 'cycle', summary: 'the cycle', report }],
    });
    expect(page).toContain('> a machine');
    expect(page).toContain('Measured 2026-01-02 with seed 42');
    expect(page).toContain('| cycle | cycle to its arithmetic | ≤ 8 | 7.13 | yes |');
    expect(page).toContain('| cycle | another | ≤ 8 | 9.00 | **no** |');
    expect(page).toContain('| cycle | a third | ≤ 8 | not measured | – |');
    expect(page).toContain('What is to be known.');
    expect(page).not.toContain('skipped');
  });

  it('keeps what an earlier run has measured of a benchmark that could not be measured now', () => {
    const of = (reports: { name: string; summary: string; report: Report }[], before = '') =>
      resultsPage({ machine: 'a machine', date: '2026-01-02', seed: 42, quick: false, reports }, before);
    const target = (value: number) => [atMost('to an echo', value, 8)];
    const ros2: Report = { figures: { latency: { p50_ns: 777 } }, targets: target(7), notes: ['With ROS.'] };
    const none: Report = {
      figures: { latency: { skipped: 'no ROS' } },
      targets: target(Number.NaN),
      notes: ['Left out.'],
      skipped: 'no ROS',
    };
    const others = { name: 'cycle', summary: 'the cycle', report };
    const first = of([{ name: 'ros2', summary: 'the node', report: ros2 }, others]);
    const second = of([{ name: 'ros2', summary: 'the node', report: none }, others], first);
    expect(second).toContain('| ros2 | to an echo | ≤ 8 | 7.00 | yes |');
    expect(second).toContain('| p50_ns | 777 |');
    expect(second).toContain('\nNot measured in this run, but 2026-01-02 on a machine.\n');
    expect(second).not.toContain('Left out.');
    expect(of([{ name: 'ros2', summary: 'the node', report: none }, others], second)).toBe(second);
    const notAsked = of(
      [
        { name: 'ros2', summary: 'the node', report: ros2 },
        { ...others, report: NOT_ASKED },
      ],
      first,
    );
    expect(notAsked).toContain('| cycle | cycle to its arithmetic | ≤ 8 | 7.13 | yes |');
    expect(notAsked.match(/Not measured in this run, but 2026-01-02/g)).toHaveLength(1);
    expect(
      of([
        { name: 'ros2', summary: 'the node', report: ros2 },
        { ...others, report: NOT_ASKED },
      ]),
    ).not.toContain('cycle');
    // Kept twice, it is still of its own day.
    const later = resultsPage(
      {
        ...{ machine: 'another', date: '2026-05-06', seed: 42, quick: true },
        reports: [
          { name: 'ros2', summary: 'the node', report: none },
          { ...others, report: NOT_ASKED },
        ],
      },
      second,
    );
    expect(later).toContain('Measured 2026-05-06');
    expect(later.match(/Not measured in this run, but 2026-01-02 on a machine\./g)).toHaveLength(2);
    const never = of([{ name: 'ros2', summary: 'the node', report: none }, others]);
    expect(never).toContain('| ros2 | to an echo | ≤ 8 | not measured | – |');
    expect(of([{ name: 'ros2', summary: 'the node', report: none }, others], never)).toBe(never);
  });

  it('names processors, Node and kernel', () => {
    expect(machineLine()).toMatch(/^\d+ × .+ GiB · Node v\d+\..* \(V8 .+\) · \w+ \S+ \S+ · load average \d/);
  });

  it('shows no more digits than mean anything', () => {
    expect(shown('ratio_x', 123.456)).toBe('123.46');
    expect(shown('p50_ns', 1234.56)).toBe('1,235');
    expect(shown('p50_ns', 12.345)).toBe('12.3');
    expect(shown('p50_ns', Number.NaN)).toBe('–');
    expect(shown('skipped', 'no reason')).toBe('no reason');
  });
});

const compiled = new URL('../../../dist/bench/child.js', import.meta.url);

describe('a benchmark in a process of its own', () => {
  // `npm test` builds before it tests.
  it.skipIf(!existsSync(compiled))('answers with its report, or with what went wrong', async () => {
    const apart = (await import(new URL('../../../dist/bench/apart.js', import.meta.url).href)) as {
      runApart: typeof runApart;
    };
    const options = { seed: 7, quick: true, tiny: true };
    const answer = await apart.runApart('policy', options);
    expect(answer.figures['policy'].updates).toBeGreaterThan(5000);
    await expect(apart.runApart('nonsense', options)).rejects.toThrow('there is no benchmark nonsense');
  });
});
