/**
 * A folder of checkpoints: writes generations so that a crash, a full disk or a cut in power costs at most the one being
 * written, and finds the newest that can be used. Main thread only; the control thread never waits for it.
 *
 * A generation is written to a temporary file in the same folder, synced, published under its final name, and the folder
 * is synced. It is published by a hard link and not by renaming, because a link refuses to replace what is there; file
 * systems without links (FAT) get a rename after a look.
 *
 * Two processes on one folder need no lock, because neither can destroy what the other has:
 * - a temporary file carries its writer's identity, and is removed only once that writer is dead;
 * - a generation is never replaced: who finds its number taken takes the next;
 * - a writer prunes what was there when it opened the folder (it has had the chance to resume from that) and what it
 *   wrote itself, never what another has written since. `SavedCheckpoint.foreign` counts those, so that the owner can say
 *   that two programs share a folder, which mixes two policies' generations.
 * A lock was rejected: without flock in Node it is a file with a process number in it, which means nothing to another
 * container on the same volume, and one left behind by a killed process would keep a robot from saving.
 */
import { createHash, randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { CheckpointError, type CheckpointErrorReason, systemCode } from './checkpoint-error.js';
import { type Checkpoint, decodeCheckpoint, MAX_CHECKPOINT_BYTES } from './format.js';
import type { CheckpointSchema } from './schema.js';

export const DEFAULT_GENERATIONS = 5;
export const CHECKPOINT_EXTENSION = '.rfsn';

const GENERATION_NAME = /^checkpoint-(\d{9,15})\.rfsn$/;
const GENERATION_DIGITS = 9;
const LAST_GENERATION = 1e15 - 1;
/** checkpoint.HOST.PID.START.RANDOM.tmp */
const TEMPORARY_NAME = /^checkpoint\.([0-9a-f]{8})\.(\d+)\.(\d+)\.[0-9a-f]{12}\.tmp$/;

/**
 * A temporary file of another machine or container is taken for left over after this: whether its writer lives cannot be
 * seen from here, but no save takes an hour [ms].
 */
const FOREIGN_TEMPORARY_LIFETIME_MS = 3_600_000;

/** Listings tried while another process prunes the files of the one before. */
const LISTING_ATTEMPTS = 10;

/** The part of `node:fs` that the store uses. */
export interface CheckpointFileSystem {
  readonly promises: Pick<
    typeof nodeFs.promises,
    'mkdir' | 'readdir' | 'open' | 'link' | 'rename' | 'unlink' | 'stat' | 'readFile'
  >;
  readonly mkdirSync: typeof nodeFs.mkdirSync;
  readonly readdirSync: typeof nodeFs.readdirSync;
  readonly openSync: typeof nodeFs.openSync;
  readonly writeSync: typeof nodeFs.writeSync;
  readonly fsyncSync: typeof nodeFs.fsyncSync;
  readonly closeSync: typeof nodeFs.closeSync;
  readonly linkSync: typeof nodeFs.linkSync;
  readonly renameSync: typeof nodeFs.renameSync;
  readonly unlinkSync: typeof nodeFs.unlinkSync;
}

export interface CheckpointStoreOptions {
  /** Generations kept, at least 1. */
  readonly generations?: number;
  /** For tests of failing disks. */
  readonly fs?: CheckpointFileSystem;
}

export interface SavedCheckpoint {
  readonly path: string;
  readonly generation: number;
  /** Generations in the folder that another process has written since this store opened it. */
  readonly foreign: number;
}

export interface RefusedCheckpoint {
  readonly path: string;
  readonly reason: CheckpointErrorReason;
  /** A sentence for a person. */
  readonly detail: string;
}

export interface LoadedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly path: string;
  /** 0 for a file without a number, as one copied in by hand. */
  readonly generation: number;
  /** Newer files that could not be used, newest first. They are left where they are, and never pruned. */
  readonly refused: readonly RefusedCheckpoint[];
}

interface Waiting {
  bytes: Uint8Array;
  /** `#syncSaves` when it was last asked for. */
  syncSaves: number;
  readonly promise: Promise<SavedCheckpoint>;
  readonly resolve: (saved: SavedCheckpoint) => void;
  readonly reject: (error: unknown) => void;
}

/** A file that goes by the name of a checkpoint. */
export interface CheckpointFile {
  readonly name: string;
  readonly generation: number;
}

export class CheckpointStore {
  readonly folder: string;
  readonly generations: number;
  readonly #fs: CheckpointFileSystem;

  /** Names that this store may prune: there when it opened the folder, or written by it. Null until it has looked. */
  #prunable: Set<string> | null = null;
  /** Files refused while loading: whatever is wrong with them, somebody may want them back. */
  readonly #refused = new Set<string>();
  #leftOversRemoved = false;
  #lastGeneration = 0;
  #running: Promise<SavedCheckpoint> | null = null;
  #waiting: Waiting | null = null;
  /** The newest synchronous save, and how many there were: what was begun before one is not published after it. */
  #savedSync: SavedCheckpoint | null = null;
  #syncSaves = 0;

  /** Touches no file: a folder that is not there is made by the first save. */
  constructor(folder: string, options: CheckpointStoreOptions = {}) {
    const generations = options.generations ?? DEFAULT_GENERATIONS;
    if (!Number.isSafeInteger(generations) || generations < 1) {
      throw new RangeError(`generations must be an integer of at least 1, not ${generations}`);
    }
    this.folder = resolve(folder);
    this.generations = generations;
    this.#fs = options.fs ?? nodeFs;
  }

  /**
   * Writes the bytes of a checkpoint as the newest generation and prunes older ones. One save runs at a time; of those
   * asked for meanwhile only the last is written, and all of them settle with it. `bytes` must not change until then.
   *
   * @throws CheckpointError (rejects) `noSpace`, `notWritable`, `saveFailed`; the older generations are as they were, and
   *   the next save starts anew
   * @realtime unsafe
   */
  save(bytes: Uint8Array): Promise<SavedCheckpoint> {
    if (this.#waiting !== null) {
      this.#waiting.bytes = bytes;
      this.#waiting.syncSaves = this.#syncSaves;
      return this.#waiting.promise;
    }
    if (this.#running === null) return this.#run(bytes, this.#syncSaves);
    let resolveWaiting!: (saved: SavedCheckpoint) => void;
    let rejectWaiting!: (error: unknown) => void;
    const promise = new Promise<SavedCheckpoint>((resolveIt, rejectIt) => {
      resolveWaiting = resolveIt;
      rejectWaiting = rejectIt;
    });
    this.#waiting = { bytes, syncSaves: this.#syncSaves, promise, resolve: resolveWaiting, reject: rejectWaiting };
    return promise;
  }

  /**
   * The last save of a process that is about to end: blocks until the bytes are on the disk. Saves still under way are
   * older; they are not published after it, and settle with its result. Prunes nothing; the next start does.
   *
   * @throws CheckpointError `noSpace`, `notWritable`, `saveFailed`
   * @realtime unsafe (blocks)
   */
  saveSync(bytes: Uint8Array): SavedCheckpoint {
    const fs = this.#fs;
    const temporary = join(this.folder, temporaryName());
    let temporaryIsThere = false;
    try {
      makeFolderSync(fs, this.folder);
      this.#notice(fs.readdirSync(this.folder));
      const file = fs.openSync(temporary, 'wx');
      temporaryIsThere = true;
      try {
        let offset = 0;
        while (offset < bytes.byteLength) offset += fs.writeSync(file, bytes, offset);
        fs.fsyncSync(file);
      } finally {
        fs.closeSync(file);
      }
      for (;;) {
        const name = generationName(++this.#lastGeneration);
        try {
          fs.linkSync(temporary, join(this.folder, name));
        } catch (error) {
          const code = systemCode(error);
          if (code === 'EEXIST') continue;
          if (!hasNoLinks(code)) throw error;
          if (fs.readdirSync(this.folder).includes(name)) continue;
          fs.renameSync(temporary, join(this.folder, name));
          temporaryIsThere = false;
        }
        this.#prunable?.add(name);
        syncFolderSync(fs, this.folder);
        this.#savedSync = this.#saved(fs.readdirSync(this.folder), name);
        this.#syncSaves++;
        return this.#savedSync;
      }
    } catch (error) {
      throw saveError(this.folder, error);
    } finally {
      if (temporaryIsThere) {
        try {
          fs.unlinkSync(temporary);
        } catch {
          // It stays behind as a left-over, which the next process on this folder removes.
        }
      }
    }
  }

  /** Settles when no save is under way or waiting, whether they succeeded or not. */
  async settled(): Promise<void> {
    while (this.#running !== null) {
      try {
        await this.#running;
      } catch {
        // Whoever asked for that save has been told.
      }
    }
  }

  /**
   * The newest checkpoint that can be used, and the newer ones that cannot; null where there is none at all, neither good
   * nor bad, which means an untrained policy. Reads only. A `.rfsn` file without a number, as one copied in by hand, comes
   * after those with one.
   *
   * @param expected the schema that it must have; any if undefined
   * @throws CheckpointError `noneGood` where there are checkpoints and none can be used, `unreadable`
   * @realtime unsafe
   */
  async loadNewest(expected?: CheckpointSchema): Promise<LoadedCheckpoint | null> {
    for (let attempt = 0; attempt < LISTING_ATTEMPTS; attempt++) {
      const names = await this.#list();
      this.#notice(names);
      const entries = newestFirst(names);
      const refused: RefusedCheckpoint[] = [];
      let vanished = 0;
      for (const { name, generation } of entries) {
        const path = join(this.folder, name);
        try {
          const checkpoint = decodeCheckpoint(await readCheckpointBytes(path, this.#fs), expected);
          return { checkpoint, path, generation, refused };
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
          if (error.code === 'ENOENT') {
            vanished++;
          } else {
            refused.push({ path, reason: error.reason, detail: error.message });
            this.#refused.add(name);
          }
        }
      }
      // What vanished between listing and reading was pruned by another process, which has written newer ones.
      if (vanished > 0) continue;
      if (refused.length === 0) return null;
      const reasons = refused.map(({ path, detail }) => `${basename(path)}: ${detail}`).join('\n  ');
      throw new CheckpointError('noneGood', `no checkpoint in ${this.folder} can be used:\n  ${reasons}`);
    }
    throw new CheckpointError('unreadable', `the files in ${this.folder} vanish while they are being read`);
  }

  /** Names of what lies in the folder, none where it is not there. @throws CheckpointError `unreadable` */
  names(): Promise<string[]> {
    return this.#list();
  }

  #run(bytes: Uint8Array, syncSaves: number): Promise<SavedCheckpoint> {
    const running = this.#write(bytes, syncSaves).finally(() => {
      this.#running = null;
      const next = this.#waiting;
      this.#waiting = null;
      if (next !== null) this.#run(next.bytes, next.syncSaves).then(next.resolve, next.reject);
    });
    this.#running = running;
    return running;
  }

  /** @param syncSaves `#syncSaves` when the save was asked for; once it has risen, something newer is on the disk */
  async #write(bytes: Uint8Array, syncSaves: number): Promise<SavedCheckpoint> {
    if (this.#savedSync !== null && this.#syncSaves > syncSaves) return this.#savedSync;
    const fs = this.#fs.promises;
    const temporary = join(this.folder, temporaryName());
    let temporaryIsThere = false;
    try {
      await makeFolder(fs, this.folder);
      const names = await fs.readdir(this.folder);
      this.#notice(names);
      if (!this.#leftOversRemoved) {
        await this.#removeLeftOvers(names);
        this.#leftOversRemoved = true;
      }
      const file = await fs.open(temporary, 'wx');
      temporaryIsThere = true;
      await fill(file, bytes);
      for (;;) {
        if (this.#savedSync !== null && this.#syncSaves > syncSaves) return this.#savedSync;
        const name = generationName(++this.#lastGeneration);
        try {
          await fs.link(temporary, join(this.folder, name));
        } catch (error) {
          const code = systemCode(error);
          if (code === 'EEXIST') continue;
          if (!hasNoLinks(code)) throw error;
          if ((await fs.readdir(this.folder)).includes(name)) continue;
          await fs.rename(temporary, join(this.folder, name));
          temporaryIsThere = false;
        }
        this.#prunable?.add(name);
        await syncFolder(fs, this.folder);
        const saved = this.#saved(await fs.readdir(this.folder), name);
        await this.#prune();
        return saved;
      }
    } catch (error) {
      throw saveError(this.folder, error);
    } finally {
      if (temporaryIsThere) {
        try {
          await fs.unlink(temporary);
        } catch {
          // It stays behind as a left-over, which the next process on this folder removes.
        }
      }
    }
  }

  async #list(): Promise<string[]> {
    try {
      return await this.#fs.promises.readdir(this.folder);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw new CheckpointError('unreadable', `the folder ${this.folder} cannot be read: ${sentence(error)}`, error);
    }
  }

  /** Takes note of what a listing shows; the first one settles what may be pruned. */
  #notice(names: readonly string[]): void {
    if (this.#prunable === null) this.#prunable = new Set(names.filter((name) => generationOf(name) > 0));
    for (const name of names) this.#lastGeneration = Math.max(this.#lastGeneration, generationOf(name));
  }

  #saved(names: readonly string[], name: string): SavedCheckpoint {
    let foreign = 0;
    for (const other of names) {
      if (generationOf(other) > 0 && !this.#prunable?.has(other)) foreign++;
    }
    return { path: join(this.folder, name), generation: generationOf(name), foreign };
  }

  /** Removes the oldest of its own generations. One that cannot be removed is tried again after the next save. */
  async #prune(): Promise<void> {
    const prunable = this.#prunable ?? new Set<string>();
    const own = newestFirst([...prunable].filter((name) => !this.#refused.has(name)));
    for (let i = this.generations; i < own.length; i++) {
      try {
        await this.#fs.promises.unlink(join(this.folder, own[i].name));
        prunable.delete(own[i].name);
      } catch (error) {
        if (systemCode(error) === 'ENOENT') prunable.delete(own[i].name);
      }
    }
  }

  /** Removes the temporary files of writers that are dead. What cannot be removed harms nobody. */
  async #removeLeftOvers(names: readonly string[]): Promise<void> {
    const fs = this.#fs.promises;
    for (const name of names) {
      const match = TEMPORARY_NAME.exec(name);
      if (match === null) continue;
      const path = join(this.folder, name);
      try {
        const [, host, pid, start] = match;
        const isLeftOver =
          host === identity().host
            ? !isAlive(Number(pid), start)
            : Date.now() - (await fs.stat(path)).mtimeMs > FOREIGN_TEMPORARY_LIFETIME_MS;
        if (isLeftOver) await fs.unlink(path);
      } catch {
        // Another process has just removed it, or it is not ours to remove.
      }
    }
  }
}

/**
 * Writes one checkpoint file outside any numbering, as safely as a generation.
 *
 * @throws CheckpointError `notWritable` where there is a file already, and whatever `CheckpointStore.save` does
 * @realtime unsafe
 */
export async function writeCheckpointFile(path: string, bytes: Uint8Array): Promise<void> {
  const fs = nodeFs.promises;
  const folder = dirname(resolve(path));
  const temporary = join(folder, temporaryName());
  try {
    await makeFolder(fs, folder);
    await fill(await fs.open(temporary, 'wx'), bytes);
    try {
      await fs.link(temporary, path);
    } catch (error) {
      if (!hasNoLinks(systemCode(error)) || nodeFs.existsSync(path)) throw error;
      await fs.rename(temporary, path);
    }
    await syncFolder(fs, folder);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') {
      throw new CheckpointError('notWritable', `${path} exists already and is left as it is`, error);
    }
    throw saveError(folder, error);
  } finally {
    await fs.rm(temporary, { force: true }).catch(() => {
      // Not even its folder is there.
    });
  }
}

async function fill(file: nodeFs.promises.FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The bytes of one file.
 *
 * @throws CheckpointError `unreadable`, `tooLarge`
 * @realtime unsafe
 */
export async function readCheckpointBytes(
  path: string,
  fs: Pick<CheckpointFileSystem, 'promises'> = nodeFs,
): Promise<Uint8Array> {
  try {
    const stat = await fs.promises.stat(path);
    // Reading a pipe would wait for its writer for ever.
    if (!stat.isFile()) throw new CheckpointError('unreadable', `${path} is not a file`);
    if (stat.size > MAX_CHECKPOINT_BYTES) {
      throw new CheckpointError('tooLarge', `${path} has ${stat.size} bytes; ${MAX_CHECKPOINT_BYTES} is the most`);
    }
    return await fs.promises.readFile(path);
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError('unreadable', `${path} cannot be read: ${sentence(error)}`, error);
  }
}

/** Checkpoints by name, newest first; those without a number last, in the order of their names. @realtime unsafe */
export function newestFirst(names: readonly string[]): CheckpointFile[] {
  return names
    .filter((name) => name.endsWith(CHECKPOINT_EXTENSION) && !name.startsWith('.'))
    .map((name) => ({ name, generation: generationOf(name) }))
    .sort((a, b) => b.generation - a.generation || (a.name < b.name ? -1 : 1));
}

/** 0 for a name that is not a numbered checkpoint's. */
function generationOf(name: string): number {
  const match = GENERATION_NAME.exec(name);
  return match === null ? 0 : Number(match[1]);
}

function generationName(generation: number): string {
  if (generation > LAST_GENERATION) {
    throw new CheckpointError('saveFailed', `the folder holds generation ${LAST_GENERATION}, the last number there is`);
  }
  return `checkpoint-${String(generation).padStart(GENERATION_DIGITS, '0')}${CHECKPOINT_EXTENSION}`;
}

interface Identity {
  /** Stands for the machine, its boot and the container: where a process number means the same process. */
  readonly host: string;
  /** When this process started, in the kernel's ticks; tells it from an earlier one with its number. */
  readonly start: string;
}

let ownIdentity: Identity | null = null;

function identity(): Identity {
  if (ownIdentity === null) {
    const place = [hostname()];
    try {
      place.push(nodeFs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
      place.push(nodeFs.readlinkSync('/proc/self/ns/pid'));
    } catch {
      // Not Linux: the host's name has to do.
    }
    const host = createHash('sha256').update(place.join('\n')).digest('hex').slice(0, 8);
    ownIdentity = { host, start: startOf(process.pid) ?? '0' };
  }
  return ownIdentity;
}

function temporaryName(): string {
  const { host, start } = identity();
  return `checkpoint.${host}.${process.pid}.${start}.${randomBytes(6).toString('hex')}.tmp`;
}

/** The start time in /proc/PID/stat (proc_pid_stat(5), field 22); null for a dead process, or without /proc. */
function startOf(pid: number): string | null {
  try {
    const stat = nodeFs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses and may hold anything; the third is the state.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : fields[19];
  } catch {
    return null;
  }
}

function isAlive(pid: number, start: string): boolean {
  if (start !== '0') return startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/**
 * Makes a folder and those above it, and puts each new name on the disk. Not `mkdir(…, { recursive: true })`: where a
 * file system answers that a folder above is missing although it is there, as /proc does, Node tries for ever.
 */
async function makeFolder(fs: CheckpointFileSystem['promises'], folder: string): Promise<void> {
  try {
    try {
      await fs.mkdir(folder);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || folder === dirname(folder)) throw error;
      await makeFolder(fs, dirname(folder));
      await fs.mkdir(folder);
    }
  } catch (error) {
    // It was there, or another has just made it.
    if (systemCode(error) === 'EEXIST') return;
    throw error;
  }
  await syncFolder(fs, dirname(folder));
}

function makeFolderSync(fs: CheckpointFileSystem, folder: string): void {
  try {
    try {
      fs.mkdirSync(folder);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || folder === dirname(folder)) throw error;
      makeFolderSync(fs, dirname(folder));
      fs.mkdirSync(folder);
    }
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    throw error;
  }
  syncFolderSync(fs, dirname(folder));
}

/** Without this a cut in power may forget a name although the file's bytes are safe. */
async function syncFolder(fs: CheckpointFileSystem['promises'], folder: string): Promise<void> {
  try {
    const handle = await fs.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!cannotSyncFolders(systemCode(error))) throw error;
  }
}

function syncFolderSync(fs: CheckpointFileSystem, folder: string): void {
  try {
    const handle = fs.openSync(folder, 'r');
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  } catch (error) {
    if (!cannotSyncFolders(systemCode(error))) throw error;
  }
}

/** Windows and some network file systems do not know the operation; the next save does not depend on it. */
function cannotSyncFolders(code: string | undefined): boolean {
  return code === 'EINVAL' || code === 'ENOTSUP' || code === 'EISDIR' || code === 'EPERM' || code === 'EACCES';
}

function hasNoLinks(code: string | undefined): boolean {
  return code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS';
}

function saveError(folder: string, error: unknown): CheckpointError {
  if (error instanceof CheckpointError) return error;
  const what = `no checkpoint could be saved in ${folder}`;
  switch (systemCode(error)) {
    case 'ENOSPC':
      return new CheckpointError('noSpace', `${what}: the disk is full`, error);
    case 'EDQUOT':
      return new CheckpointError('noSpace', `${what}: the quota is used up`, error);
    case 'EROFS':
      return new CheckpointError('notWritable', `${what}: the file system is read-only`, error);
    case 'EACCES':
    case 'EPERM':
      return new CheckpointError('notWritable', `${what}: permission denied`, error);
    case 'ENOTDIR':
      return new CheckpointError('notWritable', `${what}: there is a file where the folder should be`, error);
    default:
      return new CheckpointError('saveFailed', `${what}: ${sentence(error)}`, error);
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
