import { type Command, InvalidArgumentError } from 'commander';
import { DecisionField } from '../memory/layout.js';
import { decisionAt, decisionOf, explanationOf, type LoggedDecision } from '../telemetry/flight-log/log-decisions.js';
import { FlightLogReader } from '../telemetry/flight-log/log-reader.js';
import { explanationFigures, explanationText } from './decision-explanation.js';
import { FlightRepeat, parametersOf } from './flight-repeat.js';
import { endText } from './flight-replay.js';
import { logFileOf } from './log-folder.js';
import { printJson, printNotes, UsageError } from './usage.js';

const DEFAULT_COLUMNS = 80;

/** A place in a log: a cycle, seconds since its start, or Unix time [ms]. */
export type LogPlace = { readonly cycle: number } | { readonly seconds: number } | { readonly unixMs: number };

interface ExplainCommandOptions {
  at: LogPlace;
  json?: boolean;
}

/** `rfsn explain LOG --at TIME`: one decision, and what each feature had to do with it. */
export function registerExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('print one decision of a flight log, with what each feature added to each value')
    .argument('<log>', 'a flight log, as --log writes it, of several parts any one; or a folder, for its newest')
    .requiredOption('--at <time>', 'seconds into the log, a time as 2026-11-21T17:00:00Z, or #CYCLE', placeArgument)
    .option('--json', 'end with one line of JSON')
    .addHelpText(
      'after',
      '\nContributions are read from the log; one that was written without them (log.explanations) is repeated up to the' +
        '\ndecision, which takes a moment for a long one.',
    )
    .action(explain);
}

/** For commander's option parsers. @realtime unsafe */
export function placeArgument(text: string): LogPlace {
  const cycle = /^#(\d{1,15})$/.exec(text);
  if (cycle !== null) return { cycle: Number(cycle[1]) };
  if (/^\d{1,12}(\.\d*)?$/.test(text)) return { seconds: Number(text) };
  const unixMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(unixMs)) return { unixMs };
  throw new InvalidArgumentError('Allowed: seconds into the log, 2026-11-21T17:00:00Z, or #CYCLE.');
}

async function explain(file: string, options: ExplainCommandOptions): Promise<void> {
  const log = new FlightLogReader(logFileOf(file));
  try {
    const decision = findDecision(log, options.at);
    const cycle = decision.record[DecisionField.cycle];
    const { contributions, source } = contributionsOf(log, cycle, decision);
    const explained = {
      decision,
      atS: Number(decision.beganNs - log.startNs) * 1e-9,
      parameters: parametersOf(log),
      contributions,
      source,
    };
    printNotes(log.notes);
    if (options.json === true) printJson(explanationFigures(explained));
    else process.stdout.write(explanationText(explained, columns()));
  } finally {
    log.close();
  }
}

/** Of the terminal; in a pipe as the shell says, or 80. */
function columns(): number {
  return process.stdout.columns ?? (Number(process.env['COLUMNS']) || DEFAULT_COLUMNS);
}

/** @throws UsageError where the log has no such place */
function findDecision(log: FlightLogReader, at: LogPlace): LoggedDecision {
  if ('cycle' in at) {
    const decision = decisionOf(log, at.cycle);
    if (decision === null) throw new UsageError(`--at #${at.cycle}: the log has no such decision; ${extentText(log)}`);
    return decision;
  }
  const timeNs =
    'seconds' in at ? log.startNs + BigInt(Math.round(at.seconds * 1e9)) : BigInt(Math.round(at.unixMs)) * 1_000_000n;
  if (timeNs < log.startNs || timeNs > log.endNs) {
    throw new UsageError(`--at: the log has nothing of that time; ${extentText(log)}`);
  }
  const decision = decisionAt(log, timeNs);
  if (decision === null) throw new UsageError('the log has no decision');
  return decision;
}

function extentText(log: FlightLogReader): string {
  const seconds = Number(log.endNs - log.startNs) * 1e-9;
  const [start, end] = [log.startNs, log.endNs].map((ns) => new Date(Number(ns / 1_000_000n)).toISOString());
  return `it has ${seconds.toFixed(3)} s, from ${start} to ${end}`;
}

/** Of a decision: as the log has them, or from repeating it up to there. */
export function contributionsOf(
  log: FlightLogReader,
  cycle: number,
  decision: LoggedDecision,
): { contributions: Float64Array | null; source: string } {
  if (Number.isNaN(decision.record[DecisionField.values])) {
    return { contributions: null, source: 'the policy did not choose in this cycle' };
  }
  const logged = explanationOf(log, cycle);
  if (logged !== null) return { contributions: logged, source: 'as the log has it' };
  const repeat = new FlightRepeat(log);
  if (cycle > 0) {
    const end = repeat.run(cycle - 1);
    if (end.state !== 'asked') return { contributions: null, source: notRepeated(end, repeat.repeated) };
  }
  repeat.explain();
  const end = repeat.run(cycle);
  const explained = end.state === 'asked' ? repeat.explanation() : null;
  if (explained === null) return { contributions: null, source: notRepeated(end, repeat.repeated) };
  return { contributions: explained.slice(1), source: 'as repeating the log gives it' };
}

function notRepeated(end: ReturnType<FlightRepeat['run']>, repeated: number): string {
  return `the log has none, and cannot be repeated so far: ${endText(end, repeated)}`;
}
