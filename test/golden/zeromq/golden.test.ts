/**
 * Bytes of every message beside what they mean, for clients in other languages too. In the JSON, bytes are
 * `{"hex": "…"}`. A change of a file is a change of the protocol, which old peers must survive.
 * `REGENERATE_GOLDEN=1 npx vitest run test/golden/zeromq` writes them anew; then `npm run fix:format` lays them out, and
 * `npm run docs:protocol` puts them into the document.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeAnswer,
  decodeControllerMessage,
  decodeRequest,
  decodeRobotMessage,
  encodeMessage,
} from '../../../src/io/zeromq/protocol/codec.js';
import { CONTROLLER_FIELDS, ROBOT_FIELDS } from '../../../src/io/zeromq/protocol/message-fields.js';
import { REQUESTS, TOPICS } from '../../../src/io/zeromq/protocol/protocol.js';
import {
  decodeCheckpoint,
  decodeDecision,
  decodeState,
  encodeCheckpoint,
  encodeDecision,
  encodeState,
} from '../../../src/io/zeromq/protocol/telemetry-messages.js';
import {
  ANSWERS,
  BOTH_WAYS,
  CHECKPOINT,
  CONTROLLER_MESSAGES,
  decisionRecord,
  REQUESTS_TO_CONTROLLER,
  ROBOT_MESSAGES,
  STATES,
} from './messages.js';

const FOLDER = new URL('./', import.meta.url);

interface Golden {
  encode(): Buffer;
  /** What a reader makes of the bytes; each must be the same. */
  readonly decode: readonly ((bytes: Uint8Array) => unknown)[];
}

const golden = new Map<string, Golden>();
for (const [name, message] of Object.entries(ROBOT_MESSAGES)) {
  golden.set(name, { encode: () => encodeMessage(message), decode: [decodeRobotMessage] });
}
for (const [name, message] of Object.entries(BOTH_WAYS)) {
  golden.set(name, { encode: () => encodeMessage(message), decode: [decodeRobotMessage, decodeControllerMessage] });
}
for (const [name, message] of Object.entries(CONTROLLER_MESSAGES)) {
  golden.set(name, { encode: () => encodeMessage(message), decode: [decodeControllerMessage] });
}
for (const [name, message] of Object.entries(REQUESTS_TO_CONTROLLER)) {
  golden.set(name, { encode: () => encodeMessage(message), decode: [decodeRequest] });
}
for (const [name, message] of Object.entries(ANSWERS)) {
  golden.set(name, { encode: () => encodeMessage(message), decode: [decodeAnswer] });
}
golden.set('decision', { encode: () => encodeDecision(decisionRecord(true), 'bot-1', 812), decode: [decodeDecision] });
golden.set('decision-standing', {
  encode: () => encodeDecision(decisionRecord(false), 'bot-1', 813),
  decode: [decodeDecision],
});
for (const [name, state] of Object.entries(STATES)) {
  golden.set(name, { encode: () => encodeState(state, 17), decode: [decodeState] });
}
golden.set('checkpoint', { encode: () => encodeCheckpoint(CHECKPOINT, 0), decode: [decodeCheckpoint] });

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, entry: unknown) => {
      // Buffers have been through their toJSON by now.
      if (entry instanceof Uint8Array) return { hex: Buffer.from(entry).toString('hex') };
      const buffer = entry as { type?: unknown; data?: unknown } | null;
      if (buffer?.type === 'Buffer' && Array.isArray(buffer.data)) {
        return { hex: Buffer.from(buffer.data as number[]).toString('hex') };
      }
      return entry;
    }),
  );
}

if (process.env['REGENERATE_GOLDEN'] === '1') {
  for (const [name, { encode, decode }] of golden) {
    writeFileSync(new URL(`${name}.bin`, FOLDER), encode());
    writeFileSync(new URL(`${name}.json`, FOLDER), `${JSON.stringify(plain(decode[0](encode())), null, 2)}\n`);
  }
}

describe('golden messages of the ZeroMQ link', () => {
  it.each([...golden.keys()])('%s is still written with the same bytes', (name) => {
    const bytes = readFileSync(new URL(`${name}.bin`, FOLDER));
    expect(golden.get(name)!.encode().toString('hex')).toBe(bytes.toString('hex'));
  });

  it.each([...golden.keys()])('%s still means what it meant, to every reader', (name) => {
    const bytes = readFileSync(new URL(`${name}.bin`, FOLDER));
    const json: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));
    for (const decode of golden.get(name)!.decode) expect(plain(decode(bytes))).toEqual(json);
  });

  it('shows every message and every key at least once', () => {
    const shown = new Map<string, Set<string>>();
    for (const message of [
      ...Object.values(ROBOT_MESSAGES),
      ...Object.values(CONTROLLER_MESSAGES),
      ...Object.values(BOTH_WAYS),
    ]) {
      const keys = shown.get(message.m) ?? new Set();
      for (const key of Object.keys(message)) keys.add(key);
      shown.set(message.m, keys);
    }
    for (const [name, fields] of Object.entries({ ...CONTROLLER_FIELDS, ...ROBOT_FIELDS })) {
      const missing = fields.filter((field) => !shown.get(name)?.has(field.key)).map((field) => field.key);
      // Of a request, not of a robot's message.
      expect(
        missing.filter((key) => !(name === 'error' && key === 'id')),
        name,
      ).toEqual([]);
    }
    expect(new Set(Object.values(REQUESTS_TO_CONTROLLER).map((request) => request.m))).toEqual(new Set(REQUESTS));
    for (const topic of TOPICS) expect(golden.has(topic)).toBe(true);
  });

  it('has no file that nothing writes', () => {
    const files = readdirSync(FOLDER).filter((file) => /\.(bin|json)$/.test(file));
    expect(new Set(files.map((file) => file.replace(/\.\w+$/, '')))).toEqual(new Set(golden.keys()));
  });
});
