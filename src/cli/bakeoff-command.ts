/** `rfsn bakeoff`: policies against each other on classification files, made into bandit problems. */
import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ContestResult, contest, meanOf } from '../bakeoff/contest.js';
import { CONTESTANTS, type Contestant, DEFAULT_CONTESTANT, makeContestant } from '../bakeoff/contestants.js';
import { RowEncoder } from '../bakeoff/encoding.js';
import { BanditProblem, type Drift } from '../bakeoff/problem.js';
import { type LabelPosition, parseTable, TABLE_LIMITS, type Table } from '../bakeoff/table.js';
import { type BakeoffPanel, bakeoffSvg } from './bakeoff-plot.js';
import { LiveDisplay } from './live-line.js';
import { StopRequest } from './stop-request.js';
import { refuseInput } from './text-output.js';
import { integerArgument, printJson, seedArgument, UsageError } from './usage.js';

const DEFAULT_SEED = 42;
const DEFAULT_SHUFFLES = 3;
const DEFAULT_PLOT = 'bakeoff.svg';
/** Between two lines of progress [ms]: on a terminal, where they overwrite each other, and elsewhere. */
const REPAINT_MS = 250;
const REPORT_MS = 10_000;

interface BakeoffOptions {
  policy?: string[];
  label: LabelPosition;
  shuffles: number;
  seed: number;
  drift: Drift;
  /** Undefined where the command line says nothing of it. */
  plot?: string | false;
  json?: boolean;
}

export function registerBakeoffCommand(program: Command): void {
  program
    .command('bakeoff')
    .description('set policies against each other on classification files, made into bandit problems')
    .argument(
      '<files...>',
      'one example a line: values separated by commas or white space, no header, ? for a missing one',
    )
    .option(
      '--policy <name>',
      `which, as often as one likes or separated by commas: ${CONTESTANTS.map(({ name }) => name).join(', ')}, or all (default: ${DEFAULT_CONTESTANT})`,
      policyNames,
    )
    .addOption(
      new Option('--label <column>', 'where the class stands').choices(['first', 'last']).default('last' as const),
    )
    .option('--shuffles <n>', 'orders of the examples, the same for every policy', shuffleCount, DEFAULT_SHUFFLES)
    .option('--seed <k>', 'of the orders and of every random choice', seedArgument, DEFAULT_SEED)
    .addOption(
      new Option('--drift <kind>', 'rotate: from the half-way example on, every label is taken for the next class')
        .choices(['none', 'rotate'])
        .default('none' as const),
    )
    .option('--plot <file>', `where the plot of progressive error goes, as SVG (default: ${DEFAULT_PLOT})`)
    .option('--no-plot', 'draw none')
    .option('--json', 'end with one line of JSON on standard output; everything else goes to standard error')
    .addHelpText(
      'after',
      `
The features of an example are shown, the policy chooses a class, and learns 1 if it was right and 0 if not; the error
is the share of wrong choices from the first example on. A column is one of numbers if every value in it is one.
At most ${TABLE_LIMITS.bytes / 1024 / 1024} MiB, ${TABLE_LIMITS.columns} columns and ${TABLE_LIMITS.classes} classes.`,
    )
    .action(bakeoff);
}

const shuffleCount = integerArgument(1, 1000);

/** Collects `--policy`, given once or more, each with one name or several. */
function policyNames(text: string, names: string[] = []): string[] {
  const known = ['all', ...CONTESTANTS.map(({ name }) => name)];
  for (const name of text.split(',').map((part) => part.trim())) {
    if (!known.includes(name)) throw new InvalidArgumentError(`Allowed: ${known.join(', ')}.`);
    names.push(name);
  }
  return names;
}

async function bakeoff(files: readonly string[], options: BakeoffOptions): Promise<void> {
  const contestants = chosen(options.policy ?? [DEFAULT_CONTESTANT]);
  const display = LiveDisplay.beside(options.json === true);
  // What cannot be written or read must show before minutes of work.
  const plot = plotPath(options.plot, files, display);
  const stop = new StopRequest();
  try {
    const problems = files.map((file) => ({ file, ...readTable(file, options.label) }));
    const panels: BakeoffPanel[] = [];
    const figures: Record<string, unknown>[] = [];
    for (const { file, table, featureCount } of problems) {
      const panel = await compare(file, table, featureCount, contestants, options, display, stop);
      panels.push(panel);
      for (const result of panel.results) {
        figures.push({
          file,
          policy: result.policy,
          default: result.policy === DEFAULT_CONTESTANT,
          error_rate: result.errorRate,
          standard_error: result.standardError,
          per_second: result.perSecond,
        });
      }
    }
    let failure: Error | null = null;
    if (plot !== null) {
      const { shuffles, seed } = options;
      try {
        writeFileSync(plot, bakeoffSvg({ shuffles, seed, panels, emphasised: DEFAULT_CONTESTANT }));
        display.message(`wrote ${plot}`);
      } catch (error) {
        const reason = (error as Error).message;
        if (options.plot === undefined) display.message(`no plot: ${plot} could not be written (${reason})`);
        else failure = new Error(`--plot ${plot}: could not be written (${reason})`);
      }
    }
    if (options.json === true) printJson({ results: figures });
    if (failure !== null) throw failure;
  } finally {
    display.close();
    stop.dispose();
  }
}

/** In the order of the list, whatever that of the command line. */
function chosen(names: readonly string[]): readonly Contestant[] {
  return names.includes('all') ? CONTESTANTS : CONTESTANTS.filter(({ name }) => names.includes(name));
}

/**
 * Where the plot goes; null for nowhere, as asked or because nothing was asked and the folder does not take it: figures are
 * not lost for want of a picture.
 *
 * @throws UsageError where a path that was asked for cannot be written, or is one of the files
 */
function plotPath(asked: string | false | undefined, files: readonly string[], display: LiveDisplay): string | null {
  if (asked === false) return null;
  const path = asked ?? DEFAULT_PLOT;
  try {
    refuseInput('--plot', path, files);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) throw new Error('it is a folder');
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
    return path;
  } catch (error) {
    const reason = (error as Error).message;
    if (asked !== undefined && error instanceof UsageError) throw error;
    if (asked !== undefined) throw new UsageError(`--plot ${path}: cannot be written (${reason})`);
    display.message(`no plot: ${path} cannot be written (${reason})`);
    return null;
  }
}

/** A file's table, and the features that each of its rows has. @throws Error naming the file, with the reason */
function readTable(file: string, label: LabelPosition): { table: Table; featureCount: number } {
  try {
    const { size } = statSync(file);
    if (size > TABLE_LIMITS.bytes) throw new Error(`${size} bytes, at most ${TABLE_LIMITS.bytes} are read`);
    const table = parseTable(readFileSync(file, 'utf8'), label);
    // What cannot be encoded must show before another file has been run for minutes.
    return { table, featureCount: new RowEncoder(table).count };
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}

async function compare(
  file: string,
  table: Table,
  featureCount: number,
  contestants: readonly Contestant[],
  options: BakeoffOptions,
  display: LiveDisplay,
  stop: StopRequest,
): Promise<BakeoffPanel> {
  const { shuffles, seed, drift } = options;
  const title = basename(file);
  const problems = Array.from({ length: shuffles }, (_, shuffle) => new BanditProblem(table, drift, seed, shuffle));
  const constantError = meanOf(problems.map((problem) => problem.constantError())).mean;
  display.message(`${title}: ${tableText(table, featureCount)}; best single class ${percent(constantError)} wrong`);
  for (const note of table.notes) display.message(`  note: ${note}`);
  const results: ContestResult[] = [];
  const live = new LiveDisplay(process.stderr);
  for (const contestant of contestants) {
    let paintedMs = performance.now();
    const runner = {
      name: contestant.name,
      map: contestant.map,
      make: (nActions: number, contextDim: number, own: number) =>
        makeContestant(contestant, nActions, contextDim, own),
    };
    const result = await contest(table, runner, { shuffles, seed, drift }, (done, total) => {
      const nowMs = performance.now();
      if (nowMs - paintedMs > (live.isTerminal ? REPAINT_MS : REPORT_MS)) {
        paintedMs = nowMs;
        live.paint(`  ${contestant.name}: ${Math.floor((100 * done) / total)} % of ${total} decisions`);
      }
      return !stop.requested;
    });
    // The row is free again for what stays.
    if (live.isTerminal) live.paint('');
    if (result === null) throw new Error(`${stop.reason}: interrupted, nothing was written`);
    results.push(result);
  }
  for (const line of resultTable(results, drift)) display.message(`  ${line}`);
  const driftAt = drift === 'rotate' ? problems[0].driftAt : null;
  return { title, rows: table.rows, results, constantError, driftAt };
}

function tableText(table: Table, featureCount: number): string {
  const numeric = table.columns.filter(({ kind }) => kind === 'numeric').length;
  const categorical = table.columns.length - numeric;
  const missing = table.columns.reduce((sum, column) => sum + column.missing, 0);
  const parts = [
    `${table.rows} examples`,
    `${table.classes.length} classes`,
    `${numeric} numeric and ${categorical} categorical columns as ${featureCount} features`,
  ];
  if (missing > 0) parts.push(`${missing} values missing`);
  return parts.join(', ');
}

/** Rows of the table that people read, the header first; the columns stand under each other. */
export function resultTable(results: readonly ContestResult[], drift: Drift): string[] {
  const header = ['policy', 'error', 'standard error', 'decisions/s', 'features', 'memory'];
  const rows = results.map((result) => [
    result.policy + (result.policy === DEFAULT_CONTESTANT ? ' (default)' : ''),
    percent(result.errorRate),
    percent(result.standardError, 2),
    Math.round(result.perSecond).toLocaleString('en-US'),
    String(result.contextDim),
    `${Math.ceil(result.bytes / 1000).toLocaleString('en-US')} kB`,
  ]);
  if (drift !== 'none') {
    header.push('drift alarms');
    results.forEach((result, i) => {
      rows[i].push(result.driftAlarms.toFixed(1));
    });
  }
  const all = [header, ...rows];
  const widths = header.map((_, c) => Math.max(...all.map((row) => row[c].length)));
  return all.map((row) =>
    row
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join('  ')
      .trimEnd(),
  );
}

function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}
