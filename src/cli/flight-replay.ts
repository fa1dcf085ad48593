/** `rfsn replay` on a flight log: every decision again, to the bit, and what was found in words and figures. */
import { basename } from 'node:path';
import { SingleBar } from 'cli-progress';
import { learns } from '../loop/configuration.js';
import { FlightLogReader } from '../telemetry/flight-log/log-reader.js';
import { METADATA, TOPICS, Topic } from '../telemetry/flight-log/topics.js';
import { Checkpointing, type LearnedState } from './checkpointing.js';
import { FlightRepeat, parametersOf, type RepeatEnd } from './flight-repeat.js';
import { ExitCode, printJson } from './usage.js';

/** Decisions from one look at the progress bar to the next. */
const PROGRESS_DECISIONS = 2000;

export interface FlightReplayOptions {
  /** A folder of checkpoints to begin with, instead of what the log says. */
  readonly model?: string | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Repeats a flight log and says how it went. Exits with 1 where a decision differs, or where the log lacks what a decision
 * rests on; a log that ends early and is repeated up to its end has been repeated.
 *
 * @throws FlightLogError, CheckpointError
 * @realtime unsafe
 */
export async function replayFlightLog(file: string, options: FlightReplayOptions): Promise<void> {
  const log = new FlightLogReader(file);
  const decisions = log.counts.get(TOPICS[Topic.decision].name) ?? 0;
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: 'replay {bar} {percentage} %', clearOnComplete: true, stream: process.stderr })
    : null;
  try {
    const learned = options.model === undefined ? undefined : await learnedIn(log, options.model);
    const repeat = new FlightRepeat(log, learned === undefined ? {} : { learned });
    bar?.start(Math.max(1, decisions), 0);
    let counted = 0;
    const end = repeat.run(Number.POSITIVE_INFINITY, () => {
      if (++counted % PROGRESS_DECISIONS === 0) bar?.update(counted);
    });
    bar?.stop();
    if (options.json !== true) process.stdout.write(reportText(file, repeat, end, decisions));
    if (end.state !== 'same') process.exitCode = ExitCode.failed;
    if (options.json === true) printJson(figuresOf(file, repeat, end, decisions));
  } finally {
    bar?.stop();
    log.close();
  }
}

async function learnedIn(log: FlightLogReader, folder: string): Promise<LearnedState | null> {
  const parameters = { ...parametersOf(log), model_dir: folder };
  if (!learns(parameters)) return null;
  const checkpoints = new Checkpointing({
    parameters,
    scenario: 'replay',
    seed: parameters.random_seed,
    faults: false,
    tell: (text) => process.stderr.write(`${text}\n`),
  });
  return (await checkpoints.load())?.learned ?? null;
}

function figuresOf(file: string, repeat: FlightRepeat, end: RepeatEnd, decisions: number): Record<string, unknown> {
  const { log, parameters, repeated } = repeat;
  const { difference } = end;
  return {
    log: file,
    parts: log.parts.length,
    notes: log.notes,
    duration_s: durationS(log),
    policy: parameters.policy,
    seed: parameters.random_seed,
    decisions,
    repeated,
    result: end.state,
    detail: end.detail,
    differs_at_cycle: difference?.cycle ?? null,
    differs_in: difference?.field ?? null,
    recorded: difference?.recorded ?? null,
    repeated_as: difference?.repeated ?? null,
  };
}

/** One way of saying how a repetition ended. */
export function endText(end: RepeatEnd, repeated: number): string {
  const { difference, detail } = end;
  const same = `${repeated} decisions repeated bit for bit`;
  if (difference !== null) {
    const { cycle, field, recorded, repeated: again } = difference;
    return `cycle ${cycle} differs in ${field}: ${recorded} was recorded, ${again} is what comes of it; ${same} before it`;
  }
  return detail === '' ? same : `${same}, then it ends: ${detail}`;
}

function reportText(file: string, repeat: FlightRepeat, end: RepeatEnd, decisions: number): string {
  const { log, parameters, learned, repeated } = repeat;
  const lines: string[] = [];
  const row = (name: string, value: string) => lines.push(`${name.padEnd(14)}${value}`);
  const parts = log.parts.length === 1 ? '' : `, ${log.parts.length} parts`;
  row('flight log', `${file}${parts}, ${durationS(log).toFixed(1)} s, ${decisions} decisions`);
  const from = log.metadata.get(METADATA.learnedFrom) ?? '';
  const nothing = learned === null || log.metadata.get('updates') === '0';
  const before = nothing ? 'nothing learned before' : `learned before${from === '' ? '' : `: ${basename(from)}`}`;
  row('policy', `${parameters.policy}, seed ${parameters.random_seed}, ${before}`);
  for (const note of log.notes) row('note', note);
  row('result', endText(end, repeated));
  const version = log.metadata.get('version');
  if (end.state === 'different' && version !== undefined) row('', `the log was written by version ${version}`);
  // What the log says of itself must not reach the terminal as control sequences.
  return `${lines.map((line) => line.replace(/\p{Cc}/gu, '?')).join('\n')}\n`;
}

function durationS(log: FlightLogReader): number {
  return Number(log.endNs - log.startNs) * 1e-9;
}
