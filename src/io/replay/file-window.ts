import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { RecordingError } from './recording-error.js';

/** Read from the file at once while records are small [bytes]. */
const READ_BYTES = 1024 * 1024;

/**
 * A file seen through one buffer that holds the bytes at the reading position. The buffer grows to what a caller asks
 * for and no further, so callers check a length before they believe it.
 */
export class FileWindow {
  readonly #descriptor: number;
  /** [bytes] as of opening; a recording that is still being written is read up to here. */
  readonly sizeBytes: number;
  #buffer = new Uint8Array(READ_BYTES);
  #bufferOffset = 0;
  #bufferBytes = 0;
  #offset = 0;
  #open = true;

  /** @throws RecordingError `unreadable` where there is no such file, it may not be read, or it is no file */
  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, 'r');
    } catch (error) {
      throw new RecordingError('unreadable', `${path} cannot be opened: ${(error as Error).message}`);
    }
    const stat = fstatSync(this.#descriptor);
    if (!stat.isFile()) {
      this.close();
      throw new RecordingError('unreadable', `${path} is not a file`);
    }
    this.sizeBytes = stat.size;
  }

  /** The reading position [bytes]. */
  get offset(): number {
    return this.#offset;
  }

  get remainingBytes(): number {
    return this.sizeBytes - this.#offset;
  }

  seek(offset: number): void {
    this.#offset = offset;
  }

  skip(bytes: number): void {
    this.#offset += bytes;
  }

  /**
   * The next `bytes` bytes without moving on, or as many as the file has left.
   *
   * @returns a view of the buffer, good until the next call
   * @throws RecordingError `unreadable` where the file cannot be read after all
   */
  peek(bytes: number): Uint8Array {
    const wanted = Math.max(0, Math.min(bytes, this.remainingBytes));
    const start = this.#offset - this.#bufferOffset;
    if (start < 0 || start + wanted > this.#bufferBytes) this.#fill(wanted);
    const at = this.#offset - this.#bufferOffset;
    return this.#buffer.subarray(at, Math.min(at + wanted, this.#bufferBytes));
  }

  close(): void {
    if (this.#open) closeSync(this.#descriptor);
    this.#open = false;
  }

  #fill(wanted: number): void {
    if (wanted > this.#buffer.length) this.#buffer = new Uint8Array(wanted);
    const target = Math.max(wanted, READ_BYTES);
    this.#bufferOffset = this.#offset;
    this.#bufferBytes = 0;
    try {
      while (this.#bufferBytes < target) {
        const position = this.#bufferOffset + this.#bufferBytes;
        const room = Math.min(target - this.#bufferBytes, this.sizeBytes - position);
        const read = room > 0 ? readSync(this.#descriptor, this.#buffer, this.#bufferBytes, room, position) : 0;
        if (read === 0) return;
        this.#bufferBytes += read;
      }
    } catch (error) {
      throw new RecordingError('unreadable', `the recording cannot be read: ${(error as Error).message}`);
    }
  }
}
