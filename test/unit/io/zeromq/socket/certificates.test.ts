import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { curveKeyPair } from 'zeromq';
import {
  createKeyFile,
  decodeZ85,
  encodeZ85,
  makeKeyFolder,
  makeKeyPair,
  parseCertificate,
  publicCertificate,
  readPublicCertificate,
  readSecretCertificate,
  requireSafeFolder,
  secretCertificate,
} from '../../../../../src/io/zeromq/socket/certificates.js';
import { temporaryFolder } from '../../../../support/command-line.js';

const at = temporaryFolder();
const keys = makeKeyPair();

describe('Z85', () => {
  it('is that of RFC 32', () => {
    expect(encodeZ85(Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b))).toBe('HelloWorld');
    expect(decodeZ85('HelloWorld')).toEqual(Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b));
  });

  it('comes back as it went', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = encodeZ85(bytes);
        expect(text).toHaveLength(40);
        expect(decodeZ85(text)).toEqual(bytes);
      }),
    );
  });

  it.each(['1234', 'Hell"World', '#####', 'HelloWorldé'.slice(1)])('%s is none', (text) => {
    expect(decodeZ85(text)).toBeNull();
  });
});

describe('a pair of keys', () => {
  it('is one for libzmq too', () => {
    // The public half of libzmq’s own pair follows from its secret half, as ours does.
    const theirs = curveKeyPair();
    expect(parseCertificate(secretCertificate(theirs, 'theirs'), '')).toEqual(theirs);
    expect(keys.publicKey).not.toBe(makeKeyPair().publicKey);
    expect(decodeZ85(keys.secretKey)).toHaveLength(32);
  });
});

describe('a certificate', () => {
  it('is read as it was written', () => {
    expect(parseCertificate(publicCertificate(keys.publicKey, 'anna'), '')).toEqual({
      publicKey: keys.publicKey,
      secretKey: null,
    });
    expect(parseCertificate(secretCertificate(keys, 'anna'), '')).toEqual(keys);
  });

  it('of pyzmq is read', () => {
    const text = `#   ****  Generated on 2026-01-01 00:00:00 by pyzmq  ****
#   ZeroMQ CURVE **Secret** Certificate
#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.

metadata
curve
    public-key = "${keys.publicKey}"
    secret-key = "${keys.secretKey}"
`;
    expect(parseCertificate(text, '')).toEqual(keys);
  });

  it('of czmq is read, whatever it says beside its keys', () => {
    const text = `#   ****  Generated on 2026-01-01 00:00:00 by CZMQ  ****\r
#   ZeroMQ CURVE Public Certificate\r
\r
metadata\r
    name = "robot = one # two"\r
    public-key = "not this one"\r
curve\r
    public-key = "${keys.publicKey}"\r
`;
    expect(parseCertificate(text, '')).toEqual({ publicKey: keys.publicKey, secretKey: null });
  });

  it.each([
    ['', 'x.key is no CURVE certificate: it has no public-key'],
    ['curve\n    secret-key = "abc"\n', 'it has no public-key'],
    ['curve\n    public-key = "abc"\n', 'public-key is not a key of 40 characters'],
    [`curve\n    public-key = "${'~'.repeat(40)}"\n`, 'public-key is not a key of 40 characters'],
    [`curve\n    public-key = "${keys.publicKey}"\n    secret-key = "${'"'.repeat(40)}"\n`, 'secret-key is not a key'],
    [secretCertificate({ ...keys, publicKey: makeKeyPair().publicKey }, 'x'), 'do not belong to each other'],
  ])('%j is refused, and what it holds is not told', (text, complaint) => {
    expect(() => parseCertificate(text, 'x.key')).toThrow(complaint);
    try {
      parseCertificate(text, 'x.key');
    } catch (error) {
      expect(String(error)).not.toContain(keys.secretKey);
    }
  });

  it('is refused or read, and nothing else, whatever the file holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        try {
          parseCertificate(text, 'x.key');
        } catch (error) {
          expect((error as Error).name).toBe('CertificateError');
        }
      }),
    );
  });
});

describe('a secret', () => {
  const write = (mode: number) => {
    writeFileSync(at('a.key_secret'), secretCertificate(keys, 'a'), { mode: 0o600 });
    chmodSync(at('a.key_secret'), mode);
  };

  it.each([
    ['0600', 0o600],
    ['0400', 0o400],
  ])('is read with mode %s', (_, mode) => {
    write(mode);
    expect(readSecretCertificate(at('a.key_secret'))).toEqual(keys);
  });

  it.each([
    ['0644', 0o644],
    ['0640', 0o640],
    ['0604', 0o604],
    ['0620', 0o620],
    ['0601', 0o601],
  ])('is refused with mode %s, with what to do', (text, mode) => {
    write(mode);
    expect(() => readSecretCertificate(at('a.key_secret'))).toThrow(
      `can be read or changed by others (mode ${text}): whoever read it may be anywhere by now`,
    );
  });

  it('is refused through a link to one that others can read', () => {
    write(0o644);
    symlinkSync(at('a.key_secret'), at('b.key_secret'));
    expect(() => readSecretCertificate(at('b.key_secret'))).toThrow('mode 0644');
  });

  it('is refused in a folder that others can write to, and where it is absent, or no secret', () => {
    expect(() => readSecretCertificate(at('a.key_secret'))).toThrow('cannot be read: ENOENT');
    writeFileSync(at('a.key_secret'), publicCertificate(keys.publicKey, 'a'), { mode: 0o600 });
    expect(() => readSecretCertificate(at('a.key_secret'))).toThrow('it is the public half');
    write(0o600);
    chmodSync(at(), 0o720);
    expect(() => readSecretCertificate(at('a.key_secret'))).toThrow('can be changed by others (mode 0720): chmod 700');
    chmodSync(at(), 0o700);
    expect(readSecretCertificate(at('a.key_secret'))).toEqual(keys);
  });

  // Only root can give a file away.
  it.skipIf(process.getuid?.() !== 0)('of another user is refused (only root can try)', () => {
    write(0o600);
    chownSync(at('a.key_secret'), 12345, 12345);
    expect(() => readSecretCertificate(at('a.key_secret'))).toThrow('belongs to another user (12345)');
  });
});

describe('a public certificate', () => {
  it('may be read by everybody, and changed by its owner alone', () => {
    writeFileSync(at('a.key'), publicCertificate(keys.publicKey, 'a'), { mode: 0o644 });
    expect(readPublicCertificate(at('a.key'))).toBe(keys.publicKey);
    chmodSync(at('a.key'), 0o664);
    expect(() => readPublicCertificate(at('a.key'))).toThrow('can be changed by others (mode 0664)');
  });

  it('is no folder, and has an end', () => {
    mkdirSync(at('a.key'));
    expect(() => readPublicCertificate(at('a.key'))).toThrow('is no file');
    writeFileSync(at('b.key'), '#'.repeat(100_000));
    expect(() => readPublicCertificate(at('b.key'))).toThrow('is too long');
  });
});

describe('a new key file', () => {
  it('has its mode whatever the umask, takes the place of nothing, and leaves nothing beside it', () => {
    const mask = process.umask(0);
    try {
      createKeyFile(at('a.key_secret'), 'first', 0o600);
      expect(statSync(at('a.key_secret')).mode & 0o777).toBe(0o600);
      expect(() => createKeyFile(at('a.key_secret'), 'second', 0o600)).toThrow('a key is never overwritten');
      symlinkSync(at('elsewhere'), at('b.key_secret'));
      expect(() => createKeyFile(at('b.key_secret'), 'third', 0o600)).toThrow('a key is never overwritten');
    } finally {
      process.umask(mask);
    }
    expect(readFileSync(at('a.key_secret'), 'utf8')).toBe('first');
    expect(readdirSync(at()).sort()).toEqual(['a.key_secret', 'b.key_secret']);
  });

  it('lies in a folder that is made for its owner alone, or was safe before', () => {
    makeKeyFolder(at('new', 'deep'));
    expect(statSync(at('new', 'deep')).mode & 0o777).toBe(0o700);
    chmodSync(at('new', 'deep'), 0o755);
    makeKeyFolder(at('new', 'deep'));
    chmodSync(at('new', 'deep'), 0o757);
    expect(() => makeKeyFolder(at('new', 'deep'))).toThrow('can be changed by others (mode 0757)');
    writeFileSync(at('file'), '');
    expect(() => requireSafeFolder(at('file'))).toThrow('is no folder');
    expect(() => requireSafeFolder(at('absent'))).toThrow('there is no folder');
  });
});
