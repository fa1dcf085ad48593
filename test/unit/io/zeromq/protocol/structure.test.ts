import { describe, expect, it } from 'vitest';
import { ProtocolFault } from '../../../../../src/io/zeromq/protocol/protocol-fault.js';
import { checkStructure, MESSAGE_LIMITS } from '../../../../../src/io/zeromq/protocol/structure.js';

function bytes(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === 'number' ? Uint8Array.of(part) : typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
    ),
  );
}

function fault(message: Uint8Array): ProtocolFault {
  try {
    checkStructure(message);
  } catch (error) {
    if (error instanceof ProtocolFault) return error;
    throw error;
  }
  throw new Error('was accepted');
}

/** Of every format but extensions, with no more after its header than it needs. */
const FORMATS: Readonly<Record<string, Uint8Array>> = {
  'positive fixint': bytes(0x7f),
  fixmap: bytes(0x81, 0xa1, 'k', 0x01),
  fixarray: bytes(0x92, 0x01, 0x02),
  fixstr: bytes(0xa3, 'abc'),
  nil: bytes(0xc0),
  false: bytes(0xc2),
  true: bytes(0xc3),
  'bin 8': bytes(0xc4, 2, 'ab'),
  'bin 16': bytes(0xc5, 0, 2, 'ab'),
  'bin 32': bytes(0xc6, 0, 0, 0, 2, 'ab'),
  'float 32': bytes(0xca, '1234'),
  'float 64': bytes(0xcb, '12345678'),
  'uint 8': bytes(0xcc, 1),
  'uint 16': bytes(0xcd, 1, 2),
  'uint 32': bytes(0xce, '1234'),
  'uint 64': bytes(0xcf, '12345678'),
  'int 8': bytes(0xd0, 1),
  'int 16': bytes(0xd1, 1, 2),
  'int 32': bytes(0xd2, '1234'),
  'int 64': bytes(0xd3, '12345678'),
  'str 8': bytes(0xd9, 2, 'ab'),
  'str 16': bytes(0xda, 0, 2, 'ab'),
  'str 32': bytes(0xdb, 0, 0, 0, 2, 'ab'),
  'array 16': bytes(0xdc, 0, 2, 1, 2),
  'array 32': bytes(0xdd, 0, 0, 0, 2, 1, 2),
  'map 16': bytes(0xde, 0, 1, 0xa1, 'k', 1),
  'map 32': bytes(0xdf, 0, 0, 0, 1, 0xa1, 'k', 1),
  'negative fixint': bytes(0xe0),
};

describe('the structure of a message', () => {
  it.each(Object.entries(FORMATS))('may hold %s', (_name, message) => {
    checkStructure(message);
    checkStructure(bytes(0x92, message, message));
    checkStructure(bytes(0x82, 0xa1, 'a', message, 0xa1, 'b', message));
  });

  it.each(Object.entries(FORMATS))('must not break off anywhere in %s', (_name, message) => {
    for (let length = 0; length < message.length; length++) {
      expect(fault(message.subarray(0, length)).code).toBe('malformed');
      expect(fault(bytes(0x91, message.subarray(0, length))).code).toBe('malformed');
    }
  });

  it.each(Object.entries(FORMATS))('ends with %s that it consists of', (_name, message) => {
    expect(fault(bytes(message, 0xc0)).code).toBe('malformed');
  });

  it('holds no extension type, timestamps neither', () => {
    for (const token of [0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) {
      expect(fault(bytes(token, '0123456789abcdef0123')).code).toBe('structure');
      expect(fault(bytes(0x81, 0xa1, 'm', token, '0123456789abcdef0123')).code).toBe('structure');
    }
    expect(fault(bytes(0xc1)).code).toBe('malformed');
  });

  it('refuses a length beyond the message before it walks there', () => {
    for (const header of [
      bytes(0xdd, 0xff, 0xff, 0xff, 0xff),
      bytes(0xdc, 0xff, 0xff),
      bytes(0xc6, 0xff, 0xff, 0xff, 0xff),
      bytes(0xdb, 0x00, 0x00, 0x0f, 0xff),
    ]) {
      expect(fault(bytes(header, 0x01)).code).toBe('malformed');
    }
    expect(fault(bytes(0xdf, 0xff, 0xff, 0xff, 0xff, 0x01)).code).toBe('structure');
  });

  it('may be nested four deep, and no deeper', () => {
    checkStructure(bytes(0x91, 0x91, 0x91, 0x91, 0x01));
    checkStructure(bytes(0x81, 0xa1, 'a', 0x81, 0xa1, 'b', 0x91, 0x90));
    expect(fault(bytes(0x91, 0x91, 0x91, 0x91, 0x91, 0x01)).code).toBe('structure');
    expect(fault(bytes(0x91, 0x91, 0x91, 0x91, 0x80)).code).toBe('structure');
    expect(fault(Buffer.alloc(100_000, 0x91)).code).toBe('structure');
  });

  it('comes back up after each nested value', () => {
    checkStructure(bytes(0x93, 0x91, 0x91, 0x91, 0x01, 0x91, 0x91, 0x91, 0x01, 0x91, 0x91, 0x90));
  });

  it('has at most 64 keys a map', () => {
    const map = (keys: number) =>
      bytes(0xde, 0, keys, ...Array.from({ length: keys }, (_, i) => bytes(0xa1, 0x20 + i, 0xc0)));
    checkStructure(map(MESSAGE_LIMITS.keys));
    expect(fault(map(MESSAGE_LIMITS.keys + 1)).code).toBe('structure');
  });

  it('has strings as keys, of at most 32 bytes', () => {
    checkStructure(bytes(0x81, 0xd9, 32, 'x'.repeat(32), 0xc0));
    expect(fault(bytes(0x81, 0xd9, 33, 'x'.repeat(33), 0xc0)).code).toBe('structure');
    for (const key of [0x01, 0xc0, 0xc3, 0x90, 0x80]) expect(fault(bytes(0x81, key, 0xc0)).code).toBe('structure');
    expect(fault(bytes(0x81, 0xc4, 1, 'm', 0xc0)).code).toBe('structure');
    // The second key as well, after a value that is a map.
    expect(fault(bytes(0x82, 0xa1, 'a', 0x81, 0xa1, 'b', 0x01, 0x07, 0xc0)).code).toBe('structure');
  });

  it('has strings of at most 4096 bytes, and bytes of any number', () => {
    checkStructure(bytes(0xda, 0x10, 0x00, 'x'.repeat(4096)));
    expect(fault(bytes(0xda, 0x10, 0x01, 'x'.repeat(4097))).code).toBe('structure');
    checkStructure(bytes(0xc6, 0, 1, 0, 0, Buffer.alloc(65_536)));
  });

  it('has at most 4096 elements, itself counted', () => {
    checkStructure(bytes(0xdc, 0x0f, 0xff, Buffer.alloc(4095)));
    expect(fault(bytes(0xdc, 0x10, 0x00, Buffer.alloc(4096))).code).toBe('structure');
  });
});
