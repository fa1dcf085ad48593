/**
 * Who may connect in one role: the public certificates in a folder, `KEYS/drive/NAME.key`. Read again whenever something
 * in the folder has changed, so that keys come and go without a restart.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  CertificateError,
  decodeZ85,
  encodeZ85,
  PUBLIC_SUFFIX,
  readPublicCertificate,
  requireSafeFolder,
} from './certificates.js';

/** More keys than that are a mistake; reading them would hold up the link. */
const MAX_KEYS = 4096;
/** What the machine is short of, or a disk that fails for a moment: such an error says nothing about the file. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EINTR', 'EAGAIN', 'EBUSY', 'ETIMEDOUT']);
/** A folder that changed so shortly before it was read may have changed once more within one step of its time stamp [ms]. */
const STAMP_STEP_MS = 50;

export class AllowList {
  /** Readings that failed, so that the list stayed as it was. */
  failedReadings = 0;
  readonly #folder: string;
  readonly #onNotice: (text: string) => void;
  /** Public key as hexadecimal → the name of its file. */
  #names = new Map<string, string>();
  /** Name, size, times and owner of every file at the last reading. */
  #signature: string | null = null;
  /** What has been said of a file, so that it is said once. */
  #told = new Map<string, string>();
  /** Why the last reading failed; empty where it did not. */
  #failure = '';
  /** When the folder had last changed, as it was read; NaN: it changed too shortly before to tell. */
  #changedMs = Number.NaN;

  /**
   * @param folder need not exist: nobody is allowed then
   * @param onNotice told of each file that cannot be used, once
   */
  constructor(folder: string, onNotice: (text: string) => void) {
    this.#folder = folder;
    this.#onNotice = onNotice;
    this.reload();
  }

  /** Those allowed, by name. */
  get allowed(): { name: string; publicKey: string }[] {
    return [...this.#names]
      .map(([key, name]) => ({ name, publicKey: encodeZ85(Buffer.from(key, 'hex')) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @param key the 32 bytes that ZAP brings. @returns the name, or null where it is not allowed. @realtime unsafe */
  nameOf(key: Uint8Array): string | null {
    return this.#names.get(Buffer.from(key).toString('hex')) ?? null;
  }

  /** Whether the last reading failed: who is allowed now is not known then, only who was. */
  get stale(): boolean {
    return this.#failure !== '';
  }

  /**
   * Whether a file may have come or gone since the last reading: one system call, where a reading takes one for each key. A
   * file that was written over in place does not show here.
   *
   * @realtime unsafe
   */
  get folderChanged(): boolean {
    return this.stale || this.#folderTimeMs() !== this.#changedMs;
  }

  /**
   * Reads the folder again where anything in it has changed. Where it is there and cannot be read, as in a process that has
   * no file descriptor left, the list stays as it is: a shortage must not cut off everybody. A folder that is gone, or that
   * others can change, allows nobody.
   *
   * @returns names of the keys that were allowed and are no longer: whoever holds one must be cut off
   * @realtime unsafe
   */
  reload(): string[] {
    const before = this.#names;
    const complaints = new Map<string, string>();
    // Taken before the reading, so that what changes meanwhile is a change still to come.
    let changedMs = Number.NaN;
    let files: string[] = [];
    let signature = '';
    try {
      changedMs = this.#folderTimeMs();
      requireSafeFolder(this.#folder);
      files = readdirSync(this.#folder)
        .filter((name) => name.endsWith(PUBLIC_SUFFIX) && !name.startsWith('.'))
        .sort();
      if (files.length > MAX_KEYS) {
        complaints.set('', `${this.#folder} holds ${files.length} keys; only ${MAX_KEYS} are used`);
        files.length = MAX_KEYS;
      }
      signature = files.map((name) => this.#fileSignature(name)).join('\n');
    } catch (error) {
      if (!(error instanceof CertificateError) && codeOf(error) !== 'ENOENT') return this.#keep(error);
      complaints.set('', `nobody is allowed: ${(error as Error).message}`);
      signature = `! ${complaints.get('')}`;
      files = [];
    }
    if (signature === this.#signature) {
      this.#failure = '';
      this.#changedMs = changedMs;
      return [];
    }

    const names = new Map<string, string>();
    for (const file of files) {
      const path = join(this.#folder, file);
      try {
        const key = Buffer.from(decodeZ85(readPublicCertificate(path)) as Uint8Array).toString('hex');
        const name = file.slice(0, -PUBLIC_SUFFIX.length);
        const other = names.get(key);
        if (other === undefined) names.set(key, name);
        else complaints.set(file, `${path} is the key of ${other} once more; it is ignored`);
      } catch (error) {
        if (PASSING.has(codeOf(error))) return this.#keep(error);
        complaints.set(file, `${(error as Error).message}; it is ignored`);
      }
    }
    this.#failure = '';
    this.#changedMs = changedMs;
    this.#signature = signature;
    this.#names = names;
    for (const [file, complaint] of complaints) if (this.#told.get(file) !== complaint) this.#onNotice(complaint);
    this.#told = complaints;
    return [...before].filter(([key]) => !names.has(key)).map(([, name]) => name);
  }

  /** The reading failed: nothing changes, and the next one reads everything. Told once for each failure. */
  #keep(error: unknown): string[] {
    const failure = (error as Error).message;
    this.failedReadings++;
    if (this.#failure !== failure) {
      this.#onNotice(`${this.#folder} cannot be read now; the ${this.#names.size} keys known stay allowed: ${failure}`);
    }
    this.#failure = failure;
    return [];
  }

  /** When a file last came or went; -1 without a folder; NaN, which equals nothing, where that was only just now. */
  #folderTimeMs(): number {
    const stat = statSync(this.#folder, { throwIfNoEntry: false });
    if (stat === undefined) return -1;
    // The clock of files is the calendar's, so the one that it is held against must be too.
    return Math.abs(Date.now() - stat.mtimeMs) < STAMP_STEP_MS ? Number.NaN : stat.mtimeMs;
  }

  #fileSignature(name: string): string {
    try {
      const stat = statSync(join(this.#folder, name), { throwIfNoEntry: false });
      if (stat === undefined) return `${name} gone`;
      return `${name} ${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.mode} ${stat.uid}`;
    } catch (error) {
      // One bad link must not keep the others from being read: it is ignored when it is opened.
      if (PASSING.has(codeOf(error))) throw error;
      return `${name} ${codeOf(error)}`;
    }
  }
}

/** The system's name of an error, or of the one that brought it about. */
function codeOf(error: unknown): string {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code ?? (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
}
