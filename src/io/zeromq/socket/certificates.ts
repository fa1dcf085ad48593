/**
 * Keys for CURVE, in files as czmq and pyzmq write and read them: ZPL (RFC 4/ZPL of rfc.zeromq.org), `NAME.key` with the
 * public key, `NAME.key_secret` with both. Keys are Z85 text (RFC 32). They are made by Node's own X25519, which is the
 * curve of CURVE, so that keys can be made where zeromq is not installed.
 *
 * A secret is used only where nobody else could have read or put it there.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Complaint, exposed, readGuarded, tamperable } from '../../../parameters/guarded-file.js';

export const PUBLIC_SUFFIX = '.key';
export const SECRET_SUFFIX = '.key_secret';
/** The server's own certificates in a folder of keys. */
export const SERVER_NAME = 'server';

/** A certificate is a few hundred bytes; whatever is longer is something else. */
const MAX_CERTIFICATE_BYTES = 65_536;
const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const z85Values = new Map([...Z85].map((character, value) => [character, value]));
/** DER of a PKCS #8 X25519 private key, up to its 32 bytes (RFC 8410, 7). */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** Keys of 40 characters of Z85. */
export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** A key file that cannot be used, or a folder of them. The message names it, and what would be right. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/** 32 bytes as 40 characters (RFC 32). @realtime unsafe */
export function encodeZ85(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i + 4 <= bytes.length; i += 4) {
    let value = ((bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3]) >>> 0;
    let group = '';
    for (let k = 0; k < 5; k++) {
      group = Z85[value % 85] + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}

/** @returns the bytes, or null where the text is not Z85 (RFC 32). @realtime unsafe */
export function decodeZ85(text: string): Uint8Array | null {
  if (text.length % 5 !== 0) return null;
  const bytes = new Uint8Array((text.length / 5) * 4);
  for (let i = 0; i < text.length; i += 5) {
    let value = 0;
    for (let k = 0; k < 5; k++) {
      const digit = z85Values.get(text[i + k]);
      if (digit === undefined) return null;
      value = value * 85 + digit;
    }
    if (value > 0xffff_ffff) return null;
    for (let k = 0; k < 4; k++) bytes[(i / 5) * 4 + k] = value >>> (24 - 8 * k);
  }
  return bytes;
}

/** A new pair. @realtime unsafe */
export function makeKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('x25519');
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_X25519.length);
  return { publicKey: publicKeyOf(secret), secretKey: encodeZ85(secret) };
}

function publicKeyOf(secret: Uint8Array): string {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_X25519, secret]), format: 'der', type: 'pkcs8' });
  return encodeZ85(Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x as string, 'base64url'));
}

/** The public certificate's text. @realtime unsafe */
export function publicCertificate(publicKey: string, name: string): string {
  return `#   ZeroMQ CURVE public certificate of ${name}, made by rfsn keys.
#   It is no secret, but whoever can change it can let others in.

metadata
    name = "${name}"
curve
    public-key = "${publicKey}"
`;
}

/** The secret certificate's text. @realtime unsafe */
export function secretCertificate(keys: KeyPair, name: string): string {
  return `#   ZeroMQ CURVE **secret** certificate of ${name}, made by rfsn keys.
#   Whoever has this file is ${name}. Keep it to its owner, mode 0600.

metadata
    name = "${name}"
curve
    public-key = "${keys.publicKey}"
    secret-key = "${keys.secretKey}"
`;
}

/**
 * Reads ZPL. Only the section `curve` matters; what other programs write beside it is left alone.
 *
 * @returns the keys that are in it, checked, and whether they belong to each other
 * @throws CertificateError whose message does not say what the file held
 * @realtime unsafe
 */
export function parseCertificate(text: string, path: string): { publicKey: string; secretKey: string | null } {
  let section = '';
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, indent, name, value] = /^(\s*)([A-Za-z0-9$.@_/&+-]+)\s*(?:=\s*(.*?))?\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    if (value === undefined) {
      if (indent === '') section = name;
      continue;
    }
    const unquoted = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
    // czmq and pyzmq put keys into `curve`; pyzmq reads them wherever they stand.
    if (section === 'curve' || section === '') values.set(name, unquoted);
  }
  const publicKey = values.get('public-key');
  const secretKey = values.get('secret-key') ?? null;
  if (publicKey === undefined) throw new CertificateError(`${path} is no CURVE certificate: it has no public-key`);
  if (decodeZ85(publicKey)?.length !== 32) {
    throw new CertificateError(`${path}: public-key is not a key of 40 characters of Z85`);
  }
  if (secretKey !== null) {
    const secret = decodeZ85(secretKey);
    if (secret?.length !== 32) throw new CertificateError(`${path}: secret-key is not a key of 40 characters of Z85`);
    if (publicKeyOf(secret) !== publicKey) {
      throw new CertificateError(`${path}: secret-key and public-key do not belong to each other`);
    }
  }
  return { publicKey, secretKey };
}

/**
 * Reads a public certificate that nobody but its owner or root can have changed.
 *
 * @throws CertificateError
 * @realtime unsafe
 */
export function readPublicCertificate(path: string): string {
  const text = readChecked(path, (stat) => (stat.isFile() ? tamperable(stat) : 'is no file'));
  return parseCertificate(text, path).publicKey;
}

/**
 * Reads a secret certificate that nobody but its owner can have read.
 *
 * @throws CertificateError with the command that mends it
 * @realtime unsafe
 */
export function readSecretCertificate(path: string): KeyPair {
  requireSafeFolder(dirname(path));
  const text = readChecked(path, exposed);
  const { publicKey, secretKey } = parseCertificate(text, path);
  if (secretKey === null) throw new CertificateError(`${path} has no secret-key: it is the public half`);
  return { publicKey, secretKey };
}

/**
 * A folder into which others can put or rename files is no place for keys.
 *
 * @throws CertificateError
 * @realtime unsafe
 */
export function requireSafeFolder(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new CertificateError(`there is no folder ${path}; \`rfsn keys init DIR\` makes one`);
  if (!stat.isDirectory()) throw new CertificateError(`${path} is no folder`);
  const complaint = tamperable(stat);
  if (complaint !== null) throw new CertificateError(`${path} ${complaint}: chmod 700 ${path}`);
}

/** Checks the open file and reads that same one, so that it cannot be another in between. */
function readChecked(path: string, complaintOf: (stat: Stats, path: string) => Complaint): string {
  try {
    return readGuarded(path, MAX_CERTIFICATE_BYTES, complaintOf);
  } catch (error) {
    // What reading itself fails of is no fault of the certificate's.
    if ((error as NodeJS.ErrnoException).code !== undefined) throw error;
    throw new CertificateError((error as Error).message, { cause: (error as Error).cause });
  }
}

/**
 * Writes a new file in one step: it is there whole or not at all, with its mode from the first byte on.
 *
 * @throws CertificateError where there is one of that name already: a key is never overwritten
 * @realtime unsafe
 */
export function createKeyFile(path: string, text: string, mode: 0o600 | 0o644): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const file = openSync(temporary, 'wx', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    // Unlike a rename, a link never takes the place of anything.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CertificateError(`${path} exists already, and a key is never overwritten`);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Makes a folder that only its owner can enter; leaves one that is there as it is. @realtime unsafe */
export function makeKeyFolder(path: string): void {
  if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 });
  requireSafeFolder(path);
}
