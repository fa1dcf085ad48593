/**
 * Decoder of LZ4 frames (LZ4 Frame Format 1.6.x and LZ4 Block Format, github.com/lz4/lz4/tree/dev/doc).
 *
 * Why not the WebAssembly build (`@foxglove/wasm-lz4`): it keeps one decompression context for the whole process, and
 * that context never recovers from a bad frame. Measured: after one damaged chunk every sound chunk of every later
 * recording was refused too. This one holds no state, and it gives back the part of a cut-off frame that is there.
 *
 * Checksums of header, blocks and content are not verified: MCAP has a CRC over each chunk.
 */

const FRAME_MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_STORED = 0x80000000;
/** A match is at least this long [bytes]. */
const MATCH_BYTES_MIN = 4;

/**
 * Decodes frame after frame of `input` into `out`.
 *
 * @param input whole frames, or with `partial` a beginning of them; not kept
 * @param out owned by the caller; what is decoded never exceeds it
 * @param partial a frame that stops early ends the output there instead of throwing
 * @returns bytes written into `out`
 * @throws Error where the input is no LZ4 frame, is damaged, is cut off (unless `partial`) or does not fit
 * @realtime unsafe
 */
export function decodeLz4Frames(input: Uint8Array, out: Uint8Array, partial = false): number {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  let written = 0;
  while (at < input.length) {
    if (at + 7 > input.length) return cutOff(partial, written);
    const magic = view.getUint32(at, true);
    if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4) {
      at += 8 + (at + 8 <= input.length ? view.getUint32(at + 4, true) : 0);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw new Error('not an LZ4 frame');
    const flags = input[at + 4];
    if (flags >>> 6 !== 1) throw new Error(`LZ4 frame version ${flags >>> 6} is unknown`);
    if ((flags & 1) !== 0) throw new Error('LZ4 frame needs a dictionary');
    const blockChecksumBytes = (flags & 0x10) !== 0 ? 4 : 0;
    const contentChecksumBytes = (flags & 0x04) !== 0 ? 4 : 0;
    at += 7 + ((flags & 0x08) !== 0 ? 8 : 0);
    const frameStart = written;
    for (;;) {
      if (at + 4 > input.length) return cutOff(partial, written);
      const word = view.getUint32(at, true);
      at += 4;
      if (word === 0) break;
      const size = word & ~BLOCK_STORED;
      const end = Math.min(at + size, input.length);
      if (end < at + size && !partial) throw new Error('LZ4 frame is cut off');
      if (word >>> 31 === 1) {
        if (written + end - at > out.length) throw new Error('LZ4 frame holds more than its chunk says');
        out.set(input.subarray(at, end), written);
        written += end - at;
      } else {
        written = decodeBlock(input, at, end, out, written, frameStart, end < at + size);
      }
      if (end < at + size) return written;
      at += size + blockChecksumBytes;
    }
    at += contentChecksumBytes;
  }
  return written;
}

function cutOff(partial: boolean, written: number): number {
  if (!partial) throw new Error('LZ4 frame is cut off');
  return written;
}

/** One compressed block, `input[at, end)`, to `out` from `written` on. @returns where the output ends now */
function decodeBlock(
  input: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  outStart: number,
  frameStart: number,
  partial: boolean,
): number {
  let at = start;
  let written = outStart;
  while (at < end) {
    const token = input[at++];
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && at < end) {
        more = input[at++];
        literals += more;
      }
    }
    if (at + literals > end) return cutOff(partial, written);
    if (written + literals > out.length) throw new Error('LZ4 frame holds more than its chunk says');
    out.set(input.subarray(at, at + literals), written);
    at += literals;
    written += literals;
    // The last sequence of a block is literals only.
    if (at === end) return written;
    if (at + 2 > end) return cutOff(partial, written);
    const offset = input[at] | (input[at + 1] << 8);
    at += 2;
    if (offset === 0 || offset > written - frameStart) throw new Error('LZ4 match reaches back before its frame');
    let length = token & 15;
    if (length === 15) {
      let more = 255;
      while (more === 255) {
        if (at >= end) return cutOff(partial, written);
        more = input[at++];
        length += more;
      }
    }
    length += MATCH_BYTES_MIN;
    if (written + length > out.length) throw new Error('LZ4 frame holds more than its chunk says');
    // A match may overlap what it writes, so that bytes go one by one.
    for (let i = 0; i < length; i++) out[written + i] = out[written + i - offset];
    written += length;
  }
  if (!partial) throw new Error('LZ4 block ends in a match');
  return written;
}
