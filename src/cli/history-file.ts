/** The history of a training: one line of JSON for each episode. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { UsageError } from './usage.js';

export interface HistoryEntry {
  episode: number;
  outcome: string;
  [name: string]: string | number | boolean | null;
}

export class HistoryFile {
  readonly path: string;

  /**
   * Opens a history for the episodes from `firstEpisode` on. Lines of earlier ones stay; later ones, of a run whose
   * checkpoints did not come so far, are dropped, so that each episode is there once.
   *
   * @throws UsageError where the file holds something else, which is left as it is; an Error where it cannot be written
   */
  constructor(path: string, firstEpisode: number) {
    this.path = path;
    let text = '';
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const kept: string[] = [];
    const lines = text.split('\n');
    for (let i = 0; i < lines.length; i++) {
      if (lines[i] === '') continue;
      const episode = episodeOf(lines[i]);
      // A process that was killed may have left half a line behind, at the end.
      if (episode === null && i === lines.length - 1) continue;
      if (episode === null) {
        throw new UsageError(`--history ${path}: line ${i + 1} is not one of a training; the file is left as it is`);
      }
      if (episode < firstEpisode) kept.push(`${lines[i]}\n`);
    }
    writeFileSync(path, kept.join(''));
  }

  /** @throws an Error where it cannot be written */
  append(entry: HistoryEntry): void {
    appendFileSync(this.path, `${JSON.stringify(entry)}\n`);
  }
}

/**
 * The episodes of a history, in the order of the file.
 *
 * @throws UsageError where the file is none; Error where it cannot be read
 * @realtime unsafe
 */
export function readHistory(path: string): HistoryEntry[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const lines = text.split('\n');
  const entries: HistoryEntry[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (lines[i] === '') continue;
    if (episodeOf(lines[i]) !== null) entries.push(JSON.parse(lines[i]) as HistoryEntry);
    // A process that was killed may have left half a line behind, at the end.
    else if (i < lines.length - 1 || entries.length === 0) {
      throw new UsageError(`${path}: line ${i + 1} is no episode; it is neither a training’s history nor a flight log`);
    }
  }
  return entries;
}

function episodeOf(line: string): number | null {
  try {
    const value = JSON.parse(line) as Partial<HistoryEntry> | null;
    return typeof value?.episode === 'number' && typeof value.outcome === 'string' ? value.episode : null;
  } catch {
    return null;
  }
}
