/** An hour's flight log in moments: a recorded drive played into the log that `rfsn sim --log` writes, on the drive's clock. */
import { closeSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { BesideRuns, type RunClock } from '../src/cli/beside-run.js';
import { packageVersion } from '../src/cli/package-version.js';
import { RunLog } from '../src/cli/run-log.js';
import { geometryOf } from '../src/cli/run-options.js';
import { LOCAL_ROBOT } from '../src/io/zeromq/protocol/protocol.js';
import type { ReadingTap } from '../src/sense/validating-sink.js';
import type { FlightLog } from '../src/telemetry/flight-log/flight-log.js';
import { LATEST_NAME } from '../src/telemetry/flight-log/part-folder.js';
import { timer } from './measure.js';
import type { RecordedDrive } from './view-drive.js';

/** Between two looks at what waits for the disk: about a megabyte. */
const EVENTS_AT_ONCE = 1000;

type RecordListener = (record: Float64Array) => void;

export interface HourOptions {
  folder: string;
  /** Of robot time [s]; whole passes of the drive. */
  seconds: number;
  maxFileBytes: number;
  explanations: boolean;
}

export interface Hour {
  /** Leads to the newest part. */
  path: string;
  parts: string[];
  bytes: number;
  messages: number;
  /** Of robot time [s]. */
  seconds: number;
  /** That it took to write, and processor time of it, the thread pool's included [s]. */
  wall: number;
  processor: number;
}

/** @throws where the log lost anything */
export async function writeHour(
  drive: RecordedDrive,
  { folder, seconds, maxFileBytes, explanations }: HourOptions,
): Promise<Hour> {
  const startNs = BigInt(Date.now()) * 1_000_000n;
  const clock: RunClock = {
    nowNs: () => drive.nowNs,
    unixNs: (clockNs) => startNs + BigInt(Math.round(clockNs)),
  };
  const { memory, statistics } = drive;
  const nothing = () => undefined;
  const heard: { reading?: ReadingTap; decision?: RecordListener; explanation?: RecordListener } = {};
  const told: string[] = [];
  const opened: FlightLog[] = [];
  const parameters = { ...drive.parameters, 'log.dir': folder, 'log.max_file_bytes': maxFileBytes };
  const runLog = new RunLog({ parameters, shown: (_, log) => log !== null && opened.push(log) });
  const beside = new BesideRuns([runLog], (text) => told.push(text));
  drive.nowNs = 0;
  await beside.open();
  const followers = await beside.follow({
    command: 'sim',
    robot: LOCAL_ROBOT,
    geometry: geometryOf(parameters, 'jackal'),
    scenario: 'clutter',
    seed: parameters.random_seed,
    version: packageVersion(),
    control: { parameters, rewardProgram: null, notes: [] },
    frozen: false,
    learned: null,
    checkpoint: '',
    updates: 0,
    continued: false,
    waited: false,
    clock,
    taps: {
      memory,
      statistics,
      onReading: (listener) => {
        heard.reading = listener;
        return nothing;
      },
      onDecision: (listener) => {
        heard.decision = listener;
        return nothing;
      },
      onExplanation: (listener) => {
        heard.explanation = listener;
        return nothing;
      },
      onRestore: () => nothing,
      explain: nothing,
    },
    host: null,
    order: nothing,
    busy: () => '',
    simulator: null,
    firstEpisode: 0,
    tell: (text) => told.push(text),
  });
  const log = opened.at(-1);
  const { reading, decision, explanation } = heard;
  if (log === undefined || reading === undefined || decision === undefined || explanation === undefined)
    throw new Error(told.join('\n'));
  const passes = Math.max(1, Math.round((seconds * 1e9) / drive.lengthNs));
  const began = { ns: timer.nowNs(), processor: processor() };
  let events = 0;
  for (let pass = 0; pass < passes; pass++) {
    for (const event of drive.events(pass)) {
      if (++events % EVENTS_AT_ONCE === 0) await followers.caughtUp();
      if (event.kind === 'reading') reading(event.input, event.doubles, event.beams);
      else if (event.kind === 'decision') decision(event.record);
      else if (event.kind === 'episode') followers.episode(event.report);
      else if (explanations) explanation(event.record);
    }
  }
  await followers.end();
  const { written, bytes } = log.counters;
  if (log.lost > 0) throw new Error(`the log lost ${log.lost} messages:\n${told.join('\n')}`);
  await beside.close();
  return {
    path: join(folder, 'latest.mcap'),
    parts: readdirSync(folder)
      .filter((name) => name !== LATEST_NAME)
      .sort()
      .map((name) => join(folder, name)),
    bytes,
    messages: written,
    seconds: (passes * drive.lengthNs) / 1e9,
    wall: (timer.nowNs() - began.ns) / 1e9,
    processor: processor() - began.processor,
  };
}

/** At a file's end: the footer, whose header of 9 bytes is followed by the offset of the index, and 8 bytes of magic. */
const FOOTER_BYTES = 9 + 20 + 8;
/** Of what is before the index: an end, and some of what tells the last chunk's messages. */
const TORN_BYTES = 1000;

/** Makes of a file that was ended in order what `kill -9` leaves: the index is missing, and what came last is torn. */
export function cutIndex(path: string): void {
  const file = openSync(path, 'r+');
  try {
    const footer = Buffer.alloc(FOOTER_BYTES);
    readSync(file, footer, 0, FOOTER_BYTES, fstatSync(file).size - FOOTER_BYTES);
    ftruncateSync(file, Number(footer.readBigUInt64LE(9)) - TORN_BYTES);
  } finally {
    closeSync(file);
  }
}

function processor(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
