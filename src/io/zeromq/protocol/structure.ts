/**
 * Walks MessagePack without building anything, so that what is built afterwards is known to be small and plain. The
 * decoder that follows reserves arrays by the length that a header claims, and knows extension types by which a sender
 * could have it make regular expressions, errors and dates.
 *
 * Follows the MessagePack specification (github.com/msgpack/msgpack, spec.md). Time rises with the length of the message
 * and no faster; nothing is allocated.
 */
import { ProtocolFault } from './protocol-fault.js';

/** What a message may be made of. */
export interface StructureLimits {
  /** Maps and arrays within one another; a message that is a map has depth 1. */
  depth: number;
  /** Keys of one map. */
  keys: number;
  /** Bytes of a key. */
  keyBytes: number;
  /** Bytes of a string. */
  stringBytes: number;
  /** Values of every kind, keys, maps and arrays too. */
  elements: number;
}

/** Of what the controller reads. */
export const MESSAGE_LIMITS: StructureLimits = {
  depth: 4,
  keys: 64,
  keyBytes: 32,
  stringBytes: 4096,
  elements: 4096,
};

/** Of what administrators and watchers read: an answer lists every parameter. */
export const REPORT_LIMITS: StructureLimits = {
  depth: 8,
  keys: 4096,
  keyBytes: 256,
  stringBytes: 65_536,
  elements: 65_536,
};

/** What is still to come of the maps and arrays around, and which of them are maps. No depth may be beyond them. */
const remaining = new Float64Array(16);
const maps = new Uint8Array(16);

/**
 * Refuses bytes that are not exactly one MessagePack value within the limits: strings alone as keys, no extension type
 * (a timestamp is one), every length within the message.
 *
 * @param bytes only read
 * @throws ProtocolFault `malformed` or `structure`
 * @realtime unsafe throws
 */
export function checkStructure(bytes: Uint8Array, limits: StructureLimits = MESSAGE_LIMITS): void {
  const end = bytes.length;
  let at = 0;
  let depth = 0;
  let elements = 0;
  do {
    if (at >= end) throw truncated(end);
    if (++elements > limits.elements) throw new ProtocolFault('structure', `more than ${limits.elements} elements`);
    // What is left of a map counts keys and values, so that an even number means that a key comes next.
    const isKey = depth > 0 && maps[depth] === 1 && remaining[depth] % 2 === 0;
    if (depth > 0) remaining[depth]--;
    const token = bytes[at++];
    let content = 0;
    let opens = -1;
    let isMap = 0;
    let isString = false;
    if (token < 0x80 || token >= 0xe0) {
      // A small integer, whole in its first byte.
    } else if (token < 0x90) {
      opens = token & 0x0f;
      isMap = 1;
    } else if (token < 0xa0) {
      opens = token & 0x0f;
    } else if (token < 0xc0) {
      content = token & 0x1f;
      isString = true;
    } else {
      switch (token) {
        case 0xc0: // nil
        case 0xc2: // false
        case 0xc3: // true
          break;
        case 0xcc: // uint 8
        case 0xd0: // int 8
          content = 1;
          break;
        case 0xcd: // uint 16
        case 0xd1: // int 16
          content = 2;
          break;
        case 0xca: // float 32
        case 0xce: // uint 32
        case 0xd2: // int 32
          content = 4;
          break;
        case 0xcb: // float 64
        case 0xcf: // uint 64
        case 0xd3: // int 64
          content = 8;
          break;
        case 0xc4: // bin 8
        case 0xc5: // bin 16
        case 0xc6: {
          // bin 32
          const lengthBytes = 1 << (token - 0xc4);
          content = lengthAt(bytes, at, lengthBytes);
          at += lengthBytes;
          break;
        }
        case 0xd9: // str 8
        case 0xda: // str 16
        case 0xdb: {
          // str 32
          const lengthBytes = 1 << (token - 0xd9);
          content = lengthAt(bytes, at, lengthBytes);
          at += lengthBytes;
          isString = true;
          break;
        }
        case 0xdc: // array 16
        case 0xdd: {
          // array 32
          const lengthBytes = 2 << (token - 0xdc);
          opens = lengthAt(bytes, at, lengthBytes);
          at += lengthBytes;
          break;
        }
        case 0xde: // map 16
        case 0xdf: {
          // map 32
          const lengthBytes = 2 << (token - 0xde);
          opens = lengthAt(bytes, at, lengthBytes);
          at += lengthBytes;
          isMap = 1;
          break;
        }
        case 0xc1:
          throw new ProtocolFault('malformed', `byte ${at - 1} is 0xc1, which MessagePack never uses`);
        default:
          throw new ProtocolFault('structure', `an extension type at byte ${at - 1}; none is allowed`);
      }
    }
    if (isKey) {
      if (!isString) throw new ProtocolFault('structure', `a key at byte ${at - 1} is no string`);
      if (content > limits.keyBytes) {
        throw new ProtocolFault('structure', `a key of ${content} bytes; at most ${limits.keyBytes} are allowed`);
      }
    }
    if (isString && content > limits.stringBytes) {
      throw new ProtocolFault('structure', `a string of ${content} bytes; at most ${limits.stringBytes} are allowed`);
    }
    if (content > end - at) throw truncated(end);
    at += content;
    if (opens >= 0) {
      if (depth >= limits.depth) throw new ProtocolFault('structure', `nested deeper than ${limits.depth}`);
      if (isMap === 1 && opens > limits.keys) {
        throw new ProtocolFault('structure', `a map of ${opens} keys; at most ${limits.keys} are allowed`);
      }
      // One byte each at least: a claim beyond that need not be walked to be refused.
      const claimed = isMap === 1 ? 2 * opens : opens;
      if (claimed > end - at) throw truncated(end);
      depth++;
      remaining[depth] = claimed;
      maps[depth] = isMap;
    }
    while (depth > 0 && remaining[depth] === 0) depth--;
  } while (depth > 0);
  if (at !== end) {
    throw new ProtocolFault('malformed', `the message ends at byte ${at}, and ${end - at} bytes follow`);
  }
}

function lengthAt(bytes: Uint8Array, at: number, lengthBytes: number): number {
  if (lengthBytes > bytes.length - at) throw truncated(bytes.length);
  let length = 0;
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[at + i];
  return length;
}

function truncated(end: number): ProtocolFault {
  return new ProtocolFault('malformed', `the message breaks off: ${end} bytes hold less than it says`);
}
