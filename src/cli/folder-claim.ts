/**
 * Says when another process of this machine and user saves to the same folder: each would take the other's generations for
 * its own, and what one learns the other passes over. It is a notice and no lock: whoever died has left nothing that must
 * be cleared away, and the folder itself is left alone.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

/** Claims a folder for this process. Never throws: what cannot be noted is not worth a run. */
export class FolderClaim {
  readonly #note: string;

  /**
   * @param folder of checkpoints, whether or not it is there yet
   * @param tell given a sentence where another process has claimed it
   * @param remedy what gives a process a folder of its own, in the words of whoever is told
   * @param notes where claims are noted, for tests
   * @realtime unsafe
   */
  constructor(
    folder: string,
    tell: (text: string) => void,
    remedy = 'give each its own --model',
    notes = notesFolder(),
  ) {
    const path = pathOf(folder);
    this.#note = join(notes, createHash('sha256').update(path).digest('hex').slice(0, 32));
    const other = processIn(this.#note);
    if (other !== null) {
      tell(`note: process ${other} saves to ${path} too: what one learns the other passes over; ${remedy}`);
      return;
    }
    try {
      mkdirSync(notes, { recursive: true, mode: 0o700 });
      writeFileSync(this.#note, String(process.pid), { mode: 0o600 });
    } catch {
      // No place to note it.
    }
  }

  /** The folder is free for others. */
  release(): void {
    try {
      if (readFileSync(this.#note, 'utf8') === String(process.pid)) rmSync(this.#note);
    } catch {
      // It was never noted.
    }
  }
}

function notesFolder(): string {
  return join(tmpdir(), `rfsn-${userInfo().uid}`);
}

function pathOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}

/** @returns the process that the note names, where it is another and lives; else null */
function processIn(note: string): number | null {
  try {
    const pid = Number(readFileSync(note, 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return null;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // It lives, and is somebody else’s.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? Number(readFileSync(note, 'utf8')) : null;
  }
}
