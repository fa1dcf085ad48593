/**
 * Who may connect in one role: the public certificates in a folder, `KEYS/drive/NAME.key`. Read again whenever something
 * in the folder has changed, so that keys come and go without a restart.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeZ85, encodeZ85, PUBLIC_SUFFIX, readPublicCertificate, requireSafeFolder } from './certificates.js';

/** More keys than that are a mistake; reading them would hold up the link. */
const MAX_KEYS = 4096;

export class AllowList {
  readonly #folder: string;
  readonly #onNotice: (text: string) => void;
  /** Public key as hexadecimal → the name of its file. */
  #names = new Map<string, string>();
  /** Name, size, times and owner of every file at the last reading. */
  #signature: string | null = null;
  /** What has been said of a file, so that it is said once. */
  #told = new Map<string, string>();

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

  /**
   * Reads the folder again where anything in it has changed.
   *
   * @returns names of the keys that were allowed and are no longer: whoever holds one must be cut off
   * @realtime unsafe
   */
  reload(): string[] {
    const before = this.#names;
    const complaints = new Map<string, string>();
    let files: string[] = [];
    let signature = '';
    try {
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
      complaints.set('', `nobody is allowed: ${(error as Error).message}`);
      signature = `! ${complaints.get('')}`;
      files = [];
    }
    if (signature === this.#signature) return [];

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
        complaints.set(file, `${(error as Error).message}; it is ignored`);
      }
    }
    this.#signature = signature;
    this.#names = names;
    for (const [file, complaint] of complaints) if (this.#told.get(file) !== complaint) this.#onNotice(complaint);
    this.#told = complaints;
    return [...before].filter(([key]) => !names.has(key)).map(([, name]) => name);
  }

  #fileSignature(name: string): string {
    const stat = statSync(join(this.#folder, name), { throwIfNoEntry: false });
    if (stat === undefined) return `${name} gone`;
    return `${name} ${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.mode} ${stat.uid}`;
  }
}
