/**
 * MurmurHash3, 32 bit (Austin Appleby, public domain specification), over bytes and over one integer.
 *
 * @returns an unsigned 32-bit integer
 * @realtime unsafe for strings (encodes); `mix32` is safe
 */
export function murmur3(bytes: Uint8Array, seed: number): number {
  const C1 = 0xcc9e2d51;
  const C2 = 0x1b873593;
  const blocks = bytes.length >>> 2;
  let h = seed | 0;
  for (let i = 0; i < blocks; i++) {
    const at = i << 2;
    let k = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    k = Math.imul(k, C1);
    h ^= Math.imul(rotate15(k), C2);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  const tail = blocks << 2;
  let k = 0;
  const rest = bytes.length & 3;
  if (rest === 3) k ^= bytes[tail + 2] << 16;
  if (rest >= 2) k ^= bytes[tail + 1] << 8;
  if (rest >= 1) h ^= Math.imul(rotate15(Math.imul(k ^ bytes[tail], C1)), C2);
  return mix32(h ^ bytes.length);
}

function rotate15(k: number): number {
  return (k << 15) | (k >>> 17);
}

/** MurmurHash3's finaliser: every input bit reaches every output bit. @realtime safe */
export function mix32(value: number): number {
  let h = value | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

const encoder = new TextEncoder();

/** MurmurHash3 of a string's UTF-8 bytes. @realtime unsafe */
export function murmur3String(text: string, seed: number): number {
  return murmur3(encoder.encode(text), seed);
}

/** A seed for stream `index` of `seed`: two seeds share no streams in practice. @realtime safe */
export function hashSeed(seed: number, index: number): number {
  return mix32(mix32(seed ^ 0x9e3779b9) + Math.imul(index + 1, 0x85ebca77));
}
