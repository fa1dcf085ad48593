/**
 * A folder of flight logs: what its files are called, which of them may go, and `latest.mcap`.
 *
 * Several runs may log into one folder, in processes and containers that cannot see each other, so that no lock would mean
 * anything. What decides is the file itself: one that ends as an MCAP file does was closed and may go; one that does not
 * is being written, or its writer was killed, and goes only once nothing has been added to it for ten minutes, where a
 * writer adds something each second.
 */
import * as nodeFs from 'node:fs';
import { dirname, join } from 'node:path';
import { MCAP_MAGIC } from '@mcap/core';

/** The part of `node:fs` that a log uses. */
export type LogFileSystem = Pick<
  typeof nodeFs.promises,
  'mkdir' | 'open' | 'readdir' | 'rename' | 'stat' | 'symlink' | 'unlink'
>;
export type LogFile = Pick<nodeFs.promises.FileHandle, 'write' | 'truncate' | 'close' | 'datasync'>;

export const DISK: LogFileSystem = nodeFs.promises;

export const LATEST_NAME = 'latest.mcap';
/** 20261121T180000Z-sim-001.mcap */
export const PART_NAME = /^(\d{8}T\d{6}Z-.+)-(\d{3,9})\.mcap$/;
/** A file without an end that nothing was added to for so long is its writer's no more [ms]. */
const ABANDONED_MS = 600_000;
/** What a file may be called for, beside letters and digits. */
const UNFIT = /[^A-Za-z0-9._-]+/g;
const WHAT_MAX = 80;
/** Runs of one name that may begin in one second. */
const NAMESAKES = 1000;

/** `20261121T180000Z-sim` for a run that begins then. @param startNs Unix time */
export function runNameOf(startNs: bigint, what: string): string {
  const iso = new Date(Number(startNs / 1_000_000n)).toISOString();
  const fit = what.replace(UNFIT, '_').slice(0, WHAT_MAX);
  return `${iso.slice(0, 19).replace(/[-:]/g, '')}Z-${fit === '' ? 'run' : fit}`;
}

export function partNameOf(run: string, part: number): string {
  return `${run}-${String(part).padStart(3, '0')}.mcap`;
}

export interface OpenedPart {
  readonly file: LogFile;
  readonly path: string;
  readonly name: string;
  /** `runName`, or another where a run of that name was there already. */
  readonly run: string;
}

export class PartFolder {
  readonly path: string;
  readonly #fs: LogFileSystem;
  readonly #maxFiles: number;

  /** @param maxFiles that are kept, the one being written among them; of all runs together */
  constructor(path: string, maxFiles: number, fs: LogFileSystem = DISK) {
    this.path = path;
    this.#maxFiles = maxFiles;
    this.#fs = fs;
  }

  /**
   * Makes room for one file more and creates it. A folder that is gone is made again.
   *
   * @param run a part that is not the first never replaces a file; the first takes a name that is free
   * @throws as the file system does
   */
  async create(run: string, part: number): Promise<OpenedPart> {
    await makeFolder(this.path, this.#fs);
    await this.#prune();
    let tried = run;
    for (let namesake = 2; ; namesake++) {
      const name = partNameOf(tried, part);
      const path = join(this.path, name);
      try {
        const file = await this.#fs.open(path, 'wx');
        return { file, path, name, run: tried };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST' || part > 1 || namesake > NAMESAKES) throw error;
        tried = `${run}_${namesake}`;
      }
    }
  }

  /** Takes away a part that has nothing in it. */
  async discard(path: string): Promise<void> {
    await this.#fs.unlink(path).catch(() => {});
  }

  /** Has `latest.mcap` lead to a part. It is there at every moment: made beside it, then put in its place. */
  async pointTo(name: string): Promise<void> {
    const draft = join(this.path, `.${LATEST_NAME}.${name}`);
    try {
      await this.#fs.unlink(draft).catch(() => {});
      await this.#fs.symlink(name, draft);
      await this.#fs.rename(draft, join(this.path, LATEST_NAME));
    } catch {
      // File systems without links, FAT among them: the names say which is the newest.
      await this.#fs.unlink(draft).catch(() => {});
    }
  }

  /** Removes the oldest parts until there is room for one more; what cannot be removed stays. */
  async #prune(): Promise<void> {
    const names = await this.#fs.readdir(this.path);
    const parts: { name: string; run: string; part: number }[] = [];
    for (const name of names) {
      const match = PART_NAME.exec(name);
      if (match !== null) parts.push({ name, run: match[1], part: Number(match[2]) });
    }
    parts.sort((a, b) => (a.run === b.run ? a.part - b.part : a.run < b.run ? -1 : 1));
    let excess = parts.length - (this.#maxFiles - 1);
    for (const { name } of parts) {
      if (excess <= 0) break;
      const path = join(this.path, name);
      try {
        if (!(await this.#mayGo(path))) continue;
        await this.#fs.unlink(path);
        excess--;
      } catch (error) {
        // Another run has removed it in the meantime.
        if (codeOf(error) === 'ENOENT') excess--;
      }
    }
  }

  async #mayGo(path: string): Promise<boolean> {
    const { size, mtimeMs } = await this.#fs.stat(path);
    if (size > 2 * MCAP_MAGIC.length) {
      const file = await this.#fs.open(path, 'r');
      try {
        const end = new Uint8Array(MCAP_MAGIC.length);
        const { bytesRead } = await file.read(end, 0, end.length, size - end.length);
        if (bytesRead === end.length && MCAP_MAGIC.every((byte, i) => end[i] === byte)) return true;
      } finally {
        await file.close();
      }
    }
    return Date.now() - mtimeMs > ABANDONED_MS;
  }
}

/**
 * Makes a folder, and those above it that are not there. Node's own way of doing that never comes back where a folder takes
 * none and says `ENOENT`, as /proc does: it makes the one above, which is there, and tries again.
 *
 * @throws as the file system does
 */
export async function makeFolder(path: string, fs: LogFileSystem = DISK): Promise<void> {
  try {
    await fs.mkdir(path);
  } catch (error) {
    const isThere = async (folder: string) => (await fs.stat(folder).catch(() => null))?.isDirectory() === true;
    if (await isThere(path)) return;
    const above = dirname(path);
    if (codeOf(error) !== 'ENOENT' || above === path || (await isThere(above))) throw error;
    await makeFolder(above, fs);
    await makeFolder(path, fs);
  }
}

export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
