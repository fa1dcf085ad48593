import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { runApart } from '../../bench/apart.js';
import type { BenchmarkOptions, Figures, Report } from '../../bench/benchmark.js';
import { benchmarks } from '../../bench/index.js';
import { machineLine, NOT_ASKED, type ResultsPage, resultsPage, shown } from '../../bench/results.js';
import { packageRoot } from '../parameters/presets.js';
import { printJson, seedArgument, UsageError } from './usage.js';

const DEFAULT_SEED = 42;

interface BenchCommandOptions {
  seed: number;
  quick?: boolean;
  write?: boolean;
  json?: boolean;
}

/** How a benchmark is run; a test puts its own in place of a process. */
export type RunBenchmark = (name: string, options: BenchmarkOptions) => Promise<Report>;

/** `rfsn bench`: the figures that the project promises, measured here. */
export function registerBenchCommand(program: Command, runBenchmark: RunBenchmark = runApart): void {
  program
    .command('bench')
    .description('measure what the project promises, and set it against its targets')
    .argument(
      '[names...]',
      `which benchmarks: ${benchmarks.map(({ name }) => name).join(', ')}; all where none is named`,
    )
    .option('--seed <number>', 'of every random choice', seedArgument, DEFAULT_SEED)
    .option('--quick', 'shorter, for a first look')
    .option('--write', 'write bench/RESULTS.md; what is not named stays as it is there')
    .option('--json', 'end with the figures as one JSON object; everything else goes to standard error')
    .action((names: string[], options: BenchCommandOptions) => bench(names, options, runBenchmark));
}

async function bench(
  names: readonly string[],
  options: BenchCommandOptions,
  runBenchmark: RunBenchmark,
): Promise<void> {
  for (const name of names) {
    if (!benchmarks.some((one) => one.name === name)) {
      throw new UsageError(`benchmark ${name}: not one of ${benchmarks.map((one) => one.name).join(', ')}`);
    }
  }
  const chosen = names.length === 0 ? benchmarks : benchmarks.filter(({ name }) => names.includes(name));
  const machine = machineLine();
  const people = options.json === true ? process.stderr : process.stdout;
  people.write(`${machine}\n`);
  const reports: { name: string; summary: string; report: Report }[] = [];
  const figures: Record<string, Figures> = {};
  const failures: string[] = [];
  for (const { name, summary } of benchmarks) {
    if (!chosen.some((one) => one.name === name)) {
      reports.push({ name, summary, report: NOT_ASKED });
      continue;
    }
    people.write(`\n${name}: ${summary} …\n`);
    let report: Report;
    try {
      report = await runBenchmark(name, { seed: options.seed, quick: options.quick === true, tiny: false });
    } catch (error) {
      // What the others have measured is not lost with it.
      const reason = error instanceof Error ? error.message : String(error);
      failures.push(`${name}: ${reason}`);
      people.write(`  FAILED  ${reason}\n`);
      reports.push({
        name,
        summary,
        report: { figures: {}, targets: [], notes: [`Failed: ${reason}.`], skipped: reason },
      });
      continue;
    }
    reports.push({ name, summary, report });
    Object.assign(figures, report.figures);
    people.write(reportText(report));
  }
  if (options.write === true) {
    const page: ResultsPage = {
      machine,
      date: new Date().toISOString().slice(0, 10),
      seed: options.seed,
      quick: options.quick === true,
      reports,
    };
    const path = join(packageRoot(), 'bench', 'RESULTS.md');
    writeFileSync(path, resultsPage(page, existsSync(path) ? readFileSync(path, 'utf8') : ''));
    people.write(`\nwrote ${path}\n`);
  }
  if (options.json === true) printJson(figures);
  if (failures.length > 0) throw new Error(`not measured: ${failures.join('; ')}`);
}

function reportText(report: Report): string {
  const lines: string[] = [];
  for (const { figure, target, value, met } of report.targets) {
    lines.push(`  ${met === null ? 'skipped' : met ? 'met    ' : 'MISSED '} ${figure}: ${value} (target ${target})`);
  }
  for (const [title, figures] of Object.entries(report.figures)) {
    const shownFigures = Object.entries(figures)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => `${name} ${shown(name, value)}`);
    lines.push(`  ${title}: ${shownFigures.join(' · ')}`);
  }
  return `${lines.join('\n')}\n`;
}
