/**
 * The checkpoint format: what a policy needs to go on where it stopped, in one run of bytes. Pure functions, main thread,
 * no input or output.
 *
 * All integers are little-endian. Sections follow one another in the table's order, each at the next multiple of 8 and
 * padded with zeros, so that one content has one encoding and a forged table cannot make two sections overlap.
 *
 *     0    magic            8 bytes   89 'RFSN' 0d 0a 1a: no text file begins so, and a text-mode copy breaks it (as PNG)
 *     8    format version   u32
 *     12   section count    u32
 *     16   file size        u64       bytes, checksum included
 *     24   schema hash      16 bytes  of the section `schema`
 *     40   cycles           u64
 *     48   decisions        u64
 *     56   updates          u64
 *     64   episodes         u64
 *     72   created          u64       ms since 1970-01-01 UTC
 *     80   generator state  4 × u32   xoshiro128**
 *     96   section table    32 bytes each: name (16 bytes of ASCII, padded with zeros), offset u64, size u64
 *          sections
 *          checksum         32 bytes  SHA-256 of all bytes before it
 *
 * SHA-256 and not CRC-32C: Node has it native (CRC-32C would be our own loop in JavaScript, several times slower), and a
 * CRC lets one in four billion damaged files pass, more often when whole blocks of another file were written into this
 * one, which is how disks fail.
 */
import { createHash } from 'node:crypto';
import { PRNG_STATE_WORDS } from '../core/prng.js';
import { CheckpointError } from './checkpoint-error.js';
import {
  type CheckpointSchema,
  canonicalJson,
  describeDifference,
  type JsonObject,
  SCHEMA_HASH_BYTES,
  schemaOfText,
} from './schema.js';

export const CHECKPOINT_FORMAT_VERSION = 1;

/** The largest checkpoint that is written or read: 20 hash bits need less than a tenth of it [bytes]. */
export const MAX_CHECKPOINT_BYTES = 2 ** 30;
export const MAX_SECTIONS = 64;

const MAGIC = Uint8Array.of(0x89, 0x52, 0x46, 0x53, 0x4e, 0x0d, 0x0a, 0x1a);

const VERSION_OFFSET = MAGIC.length;
const SECTION_COUNT_OFFSET = VERSION_OFFSET + 4;
const FILE_SIZE_OFFSET = SECTION_COUNT_OFFSET + 4;
const SCHEMA_HASH_OFFSET = FILE_SIZE_OFFSET + 8;
const CYCLES_OFFSET = SCHEMA_HASH_OFFSET + SCHEMA_HASH_BYTES;
const DECISIONS_OFFSET = CYCLES_OFFSET + 8;
const UPDATES_OFFSET = DECISIONS_OFFSET + 8;
const EPISODES_OFFSET = UPDATES_OFFSET + 8;
const CREATED_OFFSET = EPISODES_OFFSET + 8;
const GENERATOR_OFFSET = CREATED_OFFSET + 8;
const TABLE_OFFSET = GENERATOR_OFFSET + 4 * PRNG_STATE_WORDS;

const NAME_BYTES = 16;
const ENTRY_SECTION_OFFSET = NAME_BYTES;
const ENTRY_SECTION_SIZE = ENTRY_SECTION_OFFSET + 8;
const ENTRY_BYTES = ENTRY_SECTION_SIZE + 8;
const CHECKSUM_BYTES = 32;
const ALIGNMENT_BYTES = 8;

const SECTION_NAME = /^[a-z][a-z0-9_-]{0,15}$/;
const SCHEMA_SECTION = 'schema';
const METADATA_SECTION = 'metadata';

/** How much the policy has lived through. Each an integer from 0 to 2^53 - 1. */
export interface CheckpointCounters {
  readonly cycles: number;
  readonly decisions: number;
  readonly updates: number;
  readonly episodes: number;
}

export interface CheckpointContent {
  readonly schema: CheckpointSchema;
  readonly counters: CheckpointCounters;
  /** `PRNG_STATE_WORDS` words of the generator that belongs to no section. */
  readonly generatorState: Uint32Array;
  /** When it was taken, by the wall clock [ms since 1970-01-01 UTC]. */
  readonly createdUnixMs: number;
  /** The parameters that a person or a conversion needs to read the sections. */
  readonly metadata: JsonObject;
  /**
   * What the parts of the controller exported, by name: lower-case ASCII, at most 16 characters, neither `schema` nor
   * `metadata`, which the format writes itself.
   */
  readonly sections: ReadonlyMap<string, Uint8Array>;
}

export interface Checkpoint extends CheckpointContent {
  readonly formatVersion: number;
  /** [bytes] */
  readonly fileSize: number;
}

/**
 * The bytes of a checkpoint, in a new array that the caller owns. The sections are copied; they may lie in shared memory
 * as long as nobody writes to them meanwhile.
 *
 * @throws CheckpointError `badContent` for what the format cannot carry, `tooLarge`
 * @realtime unsafe
 */
export function encodeCheckpoint(content: CheckpointContent): Uint8Array {
  const names: string[] = [SCHEMA_SECTION, METADATA_SECTION];
  const bodies: Uint8Array[] = [Buffer.from(content.schema.text, 'utf8'), metadataBytes(content.metadata)];
  for (const [name, body] of content.sections) {
    if (!SECTION_NAME.test(name)) {
      throw new CheckpointError('badContent', `a checkpoint cannot have a section named ${JSON.stringify(name)}`);
    }
    if (names[0] === name || names[1] === name) {
      throw new CheckpointError('badContent', `the format itself writes the section "${name}"`);
    }
    names.push(name);
    bodies.push(body);
  }
  if (names.length > MAX_SECTIONS) {
    throw new CheckpointError('badContent', `${names.length} sections, where a checkpoint has at most ${MAX_SECTIONS}`);
  }
  if (schemaOfText(content.schema.text).hash !== content.schema.hash) {
    throw new CheckpointError('badContent', 'the schema hash does not belong to the schema text');
  }
  if (content.generatorState.length !== PRNG_STATE_WORDS) {
    throw new CheckpointError('badContent', `the generator state has ${content.generatorState.length} words, not 4`);
  }

  let size = TABLE_OFFSET + ENTRY_BYTES * names.length;
  for (const body of bodies) size += aligned(body.byteLength);
  size += CHECKSUM_BYTES;
  if (size > MAX_CHECKPOINT_BYTES) {
    throw new CheckpointError('tooLarge', `a checkpoint of ${size} bytes, where ${MAX_CHECKPOINT_BYTES} is the most`);
  }

  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, 0);
  view.setUint32(VERSION_OFFSET, CHECKPOINT_FORMAT_VERSION, true);
  view.setUint32(SECTION_COUNT_OFFSET, names.length, true);
  writeInteger(view, FILE_SIZE_OFFSET, size, 'the file size');
  bytes.set(Buffer.from(content.schema.hash, 'hex'), SCHEMA_HASH_OFFSET);
  writeInteger(view, CYCLES_OFFSET, content.counters.cycles, 'the cycle counter');
  writeInteger(view, DECISIONS_OFFSET, content.counters.decisions, 'the decision counter');
  writeInteger(view, UPDATES_OFFSET, content.counters.updates, 'the update counter');
  writeInteger(view, EPISODES_OFFSET, content.counters.episodes, 'the episode counter');
  writeInteger(view, CREATED_OFFSET, content.createdUnixMs, 'the creation time');
  for (let i = 0; i < PRNG_STATE_WORDS; i++) {
    view.setUint32(GENERATOR_OFFSET + 4 * i, content.generatorState[i], true);
  }
  let at = TABLE_OFFSET + ENTRY_BYTES * names.length;
  for (let i = 0; i < names.length; i++) {
    const entry = TABLE_OFFSET + ENTRY_BYTES * i;
    bytes.set(Buffer.from(names[i], 'latin1'), entry);
    writeInteger(view, entry + ENTRY_SECTION_OFFSET, at, 'a section offset');
    writeInteger(view, entry + ENTRY_SECTION_SIZE, bodies[i].byteLength, 'a section size');
    bytes.set(bodies[i], at);
    at += aligned(bodies[i].byteLength);
  }
  bytes.set(sha256(bytes.subarray(0, at)), at);
  return bytes;
}

/**
 * What the bytes of a checkpoint say. The sections are views of `bytes`, which must stay unchanged while they are in
 * use. Whatever the bytes are, the outcome is a checkpoint or a `CheckpointError`, and no length found in them is
 * believed before it was held against their true number: beyond the views, what is allocated is proportional to the
 * schema and metadata sections that are there.
 *
 * Checked in this order, so that the reason given is the nearest to the cause: magic, version (a later one may have its
 * checksum elsewhere), size, checksum, content, schema.
 *
 * @param expected the schema that the checkpoint must have; any if undefined
 * @throws CheckpointError
 * @realtime unsafe
 */
export function decodeCheckpoint(bytes: Uint8Array, expected?: CheckpointSchema): Checkpoint {
  const size = bytes.byteLength;
  for (let i = 0; i < MAGIC.length && i < size; i++) {
    if (bytes[i] !== MAGIC[i]) throw new CheckpointError('notACheckpoint', 'this is not a checkpoint of rfsn');
  }
  const least = TABLE_OFFSET + CHECKSUM_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  if (size >= VERSION_OFFSET + 4) {
    const version = view.getUint32(VERSION_OFFSET, true);
    if (version > CHECKPOINT_FORMAT_VERSION) {
      throw new CheckpointError(
        'futureVersion',
        `format version ${version} was written by a newer rfsn; this one reads up to ${CHECKPOINT_FORMAT_VERSION}`,
      );
    }
    if (version < 1) throw new CheckpointError('malformed', 'format version 0 was never written by any rfsn');
  }
  if (size < least) {
    throw new CheckpointError('truncated', `the file ends after ${size} bytes, within its header`);
  }
  if (size > MAX_CHECKPOINT_BYTES) {
    throw new CheckpointError('tooLarge', `a file of ${size} bytes, where ${MAX_CHECKPOINT_BYTES} is the most`);
  }
  const declaredSize = view.getBigUint64(FILE_SIZE_OFFSET, true);
  if (declaredSize > BigInt(size)) {
    throw new CheckpointError('truncated', `the file ends after ${size} of its ${declaredSize} bytes`);
  }
  if (declaredSize < BigInt(size)) {
    throw new CheckpointError('trailingBytes', `the file has ${size} bytes, where its header says ${declaredSize}`);
  }
  const checksumOffset = size - CHECKSUM_BYTES;
  const checksum = sha256(bytes.subarray(0, checksumOffset));
  for (let i = 0; i < CHECKSUM_BYTES; i++) {
    if (checksum[i] !== bytes[checksumOffset + i]) {
      throw new CheckpointError('checksum', 'the checksum does not match: the file was damaged after it was written');
    }
  }

  const sections = readSections(bytes, view, checksumOffset);
  const schemaText = readText(takeSection(sections, SCHEMA_SECTION), SCHEMA_SECTION);
  readJsonObject(schemaText, SCHEMA_SECTION);
  const metadata = readJsonObject(
    readText(takeSection(sections, METADATA_SECTION), METADATA_SECTION),
    METADATA_SECTION,
  );
  const schema = schemaOfText(schemaText);
  const hash = Buffer.from(bytes.subarray(SCHEMA_HASH_OFFSET, SCHEMA_HASH_OFFSET + SCHEMA_HASH_BYTES)).toString('hex');
  if (hash !== schema.hash) {
    throw new CheckpointError('malformed', 'the schema hash in the header does not belong to the schema');
  }
  const generatorState = new Uint32Array(PRNG_STATE_WORDS);
  for (let i = 0; i < PRNG_STATE_WORDS; i++) generatorState[i] = view.getUint32(GENERATOR_OFFSET + 4 * i, true);
  const checkpoint: Checkpoint = {
    formatVersion: view.getUint32(VERSION_OFFSET, true),
    fileSize: size,
    schema,
    counters: {
      cycles: readInteger(view, CYCLES_OFFSET, 'the cycle counter'),
      decisions: readInteger(view, DECISIONS_OFFSET, 'the decision counter'),
      updates: readInteger(view, UPDATES_OFFSET, 'the update counter'),
      episodes: readInteger(view, EPISODES_OFFSET, 'the episode counter'),
    },
    generatorState,
    createdUnixMs: readInteger(view, CREATED_OFFSET, 'the creation time'),
    metadata,
    sections,
  };
  if (expected !== undefined && expected.hash !== schema.hash) {
    throw new CheckpointError(
      'schemaMismatch',
      `it belongs to other features or another policy: ${describeDifference(schema.text, expected.text)}`,
    );
  }
  return checkpoint;
}

function readSections(bytes: Uint8Array, view: DataView, checksumOffset: number): Map<string, Uint8Array> {
  const count = view.getUint32(SECTION_COUNT_OFFSET, true);
  if (count > MAX_SECTIONS || TABLE_OFFSET + ENTRY_BYTES * count > checksumOffset) {
    throw new CheckpointError('malformed', `the file cannot hold the ${count} sections that it names`);
  }
  const sections = new Map<string, Uint8Array>();
  let at = TABLE_OFFSET + ENTRY_BYTES * count;
  for (let i = 0; i < count; i++) {
    const entry = TABLE_OFFSET + ENTRY_BYTES * i;
    const name = Buffer.from(bytes.subarray(entry, entry + NAME_BYTES))
      .toString('latin1')
      .replace(/\0+$/, '');
    if (!SECTION_NAME.test(name) || sections.has(name)) {
      throw new CheckpointError('malformed', `section ${i} has the unusable name ${JSON.stringify(name)}`);
    }
    const offset = readInteger(view, entry + ENTRY_SECTION_OFFSET, `the offset of section "${name}"`);
    const size = readInteger(view, entry + ENTRY_SECTION_SIZE, `the size of section "${name}"`);
    if (offset !== at || size > checksumOffset - at || aligned(size) > checksumOffset - at) {
      throw new CheckpointError('malformed', `section "${name}" does not lie where it must`);
    }
    // Not subarray: of a Buffer that is a Buffer, whose slice, unlike that of other arrays, does not copy.
    sections.set(name, new Uint8Array(bytes.buffer, bytes.byteOffset + offset, size));
    at += aligned(size);
  }
  if (at !== checksumOffset) throw new CheckpointError('malformed', 'there are bytes that belong to no section');
  return sections;
}

function takeSection(sections: Map<string, Uint8Array>, name: string): Uint8Array {
  const body = sections.get(name);
  if (body === undefined) throw new CheckpointError('malformed', `the section "${name}" is missing`);
  sections.delete(name);
  return body;
}

function readText(body: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch (error) {
    throw new CheckpointError('malformed', `the section "${name}" is not UTF-8`, error);
  }
}

function readJsonObject(text: string, name: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError('malformed', `the section "${name}" is not JSON`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CheckpointError('malformed', `the section "${name}" is not a JSON object`);
  }
  return value as JsonObject;
}

function metadataBytes(metadata: JsonObject): Uint8Array {
  try {
    return Buffer.from(canonicalJson(metadata), 'utf8');
  } catch (error) {
    throw new CheckpointError('badContent', `the metadata cannot be written: ${(error as Error).message}`, error);
  }
}

function writeInteger(view: DataView, offset: number, value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new CheckpointError('badContent', `${what} must be an integer from 0 to 2^53 - 1, not ${value}`);
  }
  view.setBigUint64(offset, BigInt(value), true);
}

function readInteger(view: DataView, offset: number, what: string): number {
  const value = view.getBigUint64(offset, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new CheckpointError('malformed', `${what} is ${value}, beyond what can have been written`);
  }
  return Number(value);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
