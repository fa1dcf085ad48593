/** What messages begin with, and the parts that several have. */
import type { CdrReader } from './cdr-reader.js';

/** Where a frame's name becomes a number: strings are compared as such, not built for each message. */
export interface FrameNames {
  /** @returns the number of the name that the bytes spell, a leading slash left out; -1: there is no room for it */
  intern(bytes: Uint8Array, start: number, end: number): number;
}

/** The fields of every stamped message, filled anew by each that is read. */
export class Header {
  seconds = 0;
  nanoseconds = 0;
  /** By `FrameNames`. */
  frame = -1;

  /** std_msgs/Header */
  read(reader: CdrReader, names: FrameNames): void {
    this.seconds = reader.int32();
    this.nanoseconds = reader.uint32();
    reader.string();
    this.frame = names.intern(reader.bytes, reader.stringStart, reader.stringEnd);
  }

  /** Nobody set a stamp. */
  get unstamped(): boolean {
    return this.seconds === 0 && this.nanoseconds === 0;
  }
}

/** Passes over a header: its frame is not looked up. */
export function skipHeader(reader: CdrReader): void {
  reader.skip(2, 4);
  reader.string();
}

/**
 * The rotation about z of a quaternion of any length but 0, roll and pitch left out [rad]; NaN where it is none.
 *
 * @realtime safe
 */
export function yawOf(x: number, y: number, z: number, w: number): number {
  const squares = w * w + x * x + y * y + z * z;
  // A quaternion that nobody filled is all zeros, and turns nothing into nothing.
  if (!(squares > 1e-6)) return Number.NaN;
  return Math.atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z);
}
