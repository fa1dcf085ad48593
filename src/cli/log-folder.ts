/** Which flight logs a folder means, where a command is given a folder. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LATEST_NAME, PART_NAME } from '../telemetry/flight-log/part-folder.js';
import { UsageError } from './usage.js';

interface LoggedRun {
  /** As in the names of its parts. */
  readonly run: string;
  /** Its last part. */
  readonly path: string;
  /** [Unix ms], to the second. */
  readonly startMs: number;
}

/**
 * The log that a command's argument means: a file is meant itself, a folder for its newest log.
 *
 * @throws UsageError where a folder holds none
 * @realtime unsafe
 */
export function logFileOf(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return path;
  const latest = join(path, LATEST_NAME);
  if (existsSync(latest)) return latest;
  // A file system without links.
  const newest = runsIn(path).at(-1);
  if (newest === undefined) throw new UsageError(`${path}: there is no flight log in this folder`);
  return newest.path;
}

/**
 * The same, where several logs can be shown: with a folder's newest come those of other robots that were written meanwhile.
 *
 * @returns one at least, the newest first
 * @throws UsageError as `logFileOf`
 * @realtime unsafe
 */
export function logFilesOf(path: string): string[] {
  const file = logFileOf(path);
  if (file === path) return [file];
  const run = PART_NAME.exec(basename(realpathSync(file)))?.[1];
  const runs = runsIn(path);
  const newest = runs.find((other) => other.run === run);
  if (newest === undefined) return [file];
  const meanwhile = runs.filter((other) => other !== newest && statSync(other.path).mtimeMs > newest.startMs);
  return [file, ...meanwhile.map((other) => other.path)];
}

/** The oldest first. */
function runsIn(folder: string): LoggedRun[] {
  const runs = new Map<string, LoggedRun>();
  for (const name of readdirSync(folder).sort()) {
    const match = PART_NAME.exec(name);
    if (match === null) continue;
    const [year, month, day, hour, minute, second] = (/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(name) ?? [])
      .slice(1)
      .map(Number);
    const startMs = Date.UTC(year, month - 1, day, hour, minute, second);
    runs.set(match[1], { run: match[1], path: join(folder, name), startMs });
  }
  return [...runs.values()];
}
