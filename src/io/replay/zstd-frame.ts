/**
 * Zstandard frames (RFC 8878) through `fzstd`, which trusts a frame's header: it allocates whatever window that asks
 * for, up to 2 GiB, and does not say how much it wrote. So the frames are walked here first, and each is decoded
 * straight into its place when its header gives its size, or block by block within a bounded window when it does not.
 */
import { Decompress, decompress } from 'fzstd';

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** The largest window that is allocated for a frame without a size; what `zstd` itself accepts by default [bytes]. */
const WINDOW_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Decodes frame after frame of `input` into `out`.
 *
 * @param input whole frames, or with `partial` a beginning of them; not kept
 * @param out owned by the caller; what is decoded never exceeds it
 * @param partial a frame that stops early ends the output there instead of throwing
 * @returns bytes written into `out`
 * @throws Error where the input is no Zstandard frame, is damaged, is cut off (unless `partial`) or does not fit
 * @realtime unsafe
 */
export function decodeZstdFrames(input: Uint8Array, out: Uint8Array, partial = false): number {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  let written = 0;
  while (at < input.length) {
    if (at + 8 > input.length) return cutOff(partial, written);
    const magic = view.getUint32(at, true);
    if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4) {
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw new Error('not a Zstandard frame');

    const descriptor = input[at + 4];
    const singleSegment = (descriptor & 0x20) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
    const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6];
    const sizeAt = at + 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
    const blocksAt = sizeAt + sizeBytes;
    if (blocksAt > input.length) return cutOff(partial, written);
    const size = contentSize(view, sizeAt, sizeBytes);
    if (size > out.length - written) throw new Error('Zstandard frame holds more than its chunk says');

    const end = frameEnd(input, blocksAt, (descriptor & 4) !== 0 ? 4 : 0);
    if (end === CUT_OFF && !partial) throw new Error('Zstandard frame is cut off');
    if (end !== CUT_OFF && size !== UNKNOWN_SIZE) {
      decompress(input.subarray(at, end), out.subarray(written, written + size));
      written += size;
    } else {
      const window = singleSegment ? size : windowBytes(input[at + 5]);
      if (window > WINDOW_BYTES_MAX) throw new Error(`Zstandard frame asks for a window of ${window} bytes`);
      const decoder = new Decompress((block) => {
        if (block.length > out.length - written) throw new Error('Zstandard frame holds more than its chunk says');
        out.set(block, written);
        written += block.length;
      });
      decoder.push(end === CUT_OFF ? input.subarray(at) : input.subarray(at, end), end !== CUT_OFF);
      if (end === CUT_OFF) return written;
    }
    at = end;
  }
  return written;
}

function cutOff(partial: boolean, written: number): number {
  if (!partial) throw new Error('Zstandard frame is cut off');
  return written;
}

const UNKNOWN_SIZE = -1;

function contentSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 0) return UNKNOWN_SIZE;
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return Number(view.getBigUint64(at, true));
}

/** RFC 8878, 3.1.1.1.2. */
function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

const CUT_OFF = -1;

/** Walks the block headers from `at`. @returns where the frame ends, or `CUT_OFF` */
function frameEnd(input: Uint8Array, blocksAt: number, checksumBytes: number): number {
  let at = blocksAt;
  for (;;) {
    if (at + 3 > input.length) return CUT_OFF;
    const header = input[at] | (input[at + 1] << 8) | (input[at + 2] << 16);
    const repeatsOneByte = ((header >>> 1) & 3) === 1;
    at += 3 + (repeatsOneByte ? 1 : header >>> 3);
    if ((header & 1) === 1) return at + checksumBytes <= input.length ? at + checksumBytes : CUT_OFF;
  }
}
