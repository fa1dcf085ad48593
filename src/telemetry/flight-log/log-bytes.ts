/**
 * One file of a flight log as bytes at an offset. Every length is compared with the file before anything is allocated for
 * it. Main thread.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { FlightLogError } from './log-error.js';

export class LogBytes {
  readonly path: string;
  /** As of opening; what is appended later is not looked at [bytes]. */
  readonly sizeBytes: number;
  readonly #descriptor: number;
  #open = true;

  /** @throws FlightLogError where there is no such file or it may not be read */
  constructor(path: string) {
    this.path = path;
    try {
      this.#descriptor = openSync(path, 'r');
    } catch (error) {
      throw new FlightLogError(`${path} cannot be opened: ${(error as Error).message}`);
    }
    const stat = fstatSync(this.#descriptor);
    this.sizeBytes = stat.size;
    if (stat.isFile()) return;
    this.close();
    throw new FlightLogError(`${path} is not a file`);
  }

  /**
   * Reads into the caller's array, as much as the file has.
   *
   * @returns bytes read
   * @throws FlightLogError where the file cannot be read after all
   * @realtime unsafe
   */
  readInto(out: Uint8Array, offset: number): number {
    let filled = 0;
    try {
      while (filled < out.length) {
        const read = readSync(this.#descriptor, out, filled, out.length - filled, offset + filled);
        if (read === 0) break;
        filled += read;
      }
    } catch (error) {
      throw new FlightLogError(`${this.path} cannot be read: ${(error as Error).message}`);
    }
    return filled;
  }

  /**
   * @param bytes at most what lies behind `offset`: compare it with `sizeBytes` first
   * @returns a new array of exactly so many bytes
   * @throws FlightLogError where the file has become shorter, or cannot be read
   * @realtime unsafe
   */
  read(offset: number, bytes: number): Uint8Array {
    if (bytes < 0 || offset < 0 || bytes > this.sizeBytes - offset) {
      throw new FlightLogError(`${this.path} has no ${bytes} bytes at byte ${offset}`);
    }
    const out = new Uint8Array(bytes);
    if (this.readInto(out, offset) < bytes) {
      throw new FlightLogError(`${this.path} has become shorter than it was`);
    }
    return out;
  }

  close(): void {
    if (this.#open) closeSync(this.#descriptor);
    this.#open = false;
  }
}
