import { decodeLz4Frames } from './lz4-frame.js';
import { decodeZstdFrames } from './zstd-frame.js';

/** What MCAP's registry of compressions names; '' is none and needs no decoder. */
const DECODERS: Record<string, (input: Uint8Array, out: Uint8Array, partial?: boolean) => number> = {
  lz4: decodeLz4Frames,
  zstd: decodeZstdFrames,
};

/** Handlers for `McapStreamReader`, each refusing to allocate more than `bytesMax` for a chunk. @realtime unsafe */
export function decompressHandlers(
  bytesMax: number,
): Record<string, (compressed: Uint8Array, uncompressedSize: bigint) => Uint8Array> {
  const handlers: Record<string, (compressed: Uint8Array, uncompressedSize: bigint) => Uint8Array> = {};
  for (const [compression, decode] of Object.entries(DECODERS)) {
    handlers[compression] = (compressed, uncompressedSize) => {
      if (uncompressedSize > BigInt(bytesMax)) {
        throw new Error(`chunk says it holds ${uncompressedSize} bytes, more than the ${bytesMax} this reader takes`);
      }
      const out = new Uint8Array(Number(uncompressedSize));
      const written = decode(compressed, out);
      if (written !== out.length) throw new Error(`chunk holds ${written} bytes and says ${out.length}`);
      return out;
    };
  }
  return handlers;
}

/**
 * As much of a cut-off chunk as can be decoded.
 *
 * @returns the beginning of the chunk's records, a view of `compressed` where nothing was compressed; empty where the
 *   compression is unknown or the beginning is damaged
 * @realtime unsafe
 */
export function decompressBeginning(
  compression: string,
  compressed: Uint8Array,
  uncompressedSize: bigint,
  bytesMax: number,
): Uint8Array {
  if (compression === '') return compressed;
  const decode = DECODERS[compression];
  if (decode === undefined || uncompressedSize > BigInt(bytesMax)) return new Uint8Array(0);
  const out = new Uint8Array(Number(uncompressedSize));
  try {
    return out.subarray(0, decode(compressed, out, true));
  } catch {
    return new Uint8Array(0);
  }
}
