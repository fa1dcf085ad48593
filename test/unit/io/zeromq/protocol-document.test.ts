/** docs/zeromq-protocol.md says what the source does. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
// @ts-expect-error: a script, which has no types.
import { withExamples } from '../../../../scripts/zeromq-protocol.mjs';
import {
  ANSWER_FIELDS,
  CHECKPOINT_FIELDS,
  CONTROLLER_FIELDS,
  DECISION_FIELDS,
  type Field,
  type FieldTable,
  Kind,
  REQUEST_FIELDS,
  ROBOT_FIELDS,
  STATE_FIELDS,
} from '../../../../src/io/zeromq/protocol/message-fields.js';
import {
  ERROR_CODES,
  PROTOCOL_VERSIONS,
  REFUSAL_CODES,
  REQUESTS,
} from '../../../../src/io/zeromq/protocol/protocol.js';
import { MESSAGE_LIMITS } from '../../../../src/io/zeromq/protocol/structure.js';
import { REASON_LABELS } from '../../../../src/memory/reason.js';
import { defaultParameters, findParameter } from '../../../../src/parameters/schema.js';

const text = readFileSync(new URL('../../../../docs/zeromq-protocol.md', import.meta.url), 'utf8');

/** Cells of the first table after a heading; its first two lines are left out. */
function tableAfter(heading: string): string[][] {
  const start = text.indexOf(`\n${heading}\n`);
  expect(start, heading).toBeGreaterThan(0);
  const [, table] = /\n(\|[\s\S]*?)\n(?!\|)/.exec(text.slice(start))!;
  return table
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function typeOf(field: Field): string {
  const plain = (): string => {
    switch (field.kind) {
      case Kind.integer:
        return '`int`';
      case Kind.float:
        return '`float`';
      case Kind.boolean:
        return '`bool`';
      case Kind.text:
        return '`str`';
      case Kind.singles:
      case Kind.bytes:
        return '`bin`';
      case Kind.floats:
      case Kind.gaps:
        return `\`float[${field.count}]\``;
      case Kind.integers:
        return '`int[]`';
      case Kind.identifier:
        return '`int` or `str`';
      case Kind.scalar:
        return '`scalar`';
      default:
        return '`map`';
    }
  };
  return field.nullable ? `${plain()} or nil` : plain();
}

const scan = ROBOT_FIELDS.hello.find((field) => field.key === 'scan')!.fields!;
const TABLES: Readonly<Record<string, FieldTable>> = {
  ...Object.fromEntries(
    Object.entries({ ...ROBOT_FIELDS, ...CONTROLLER_FIELDS }).map(([name, fields]) => [`### \`${name}\``, fields]),
  ),
  '#### `scan`': scan,
  '### `decision`': DECISION_FIELDS,
  '### `state`': STATE_FIELDS,
  '### `checkpoint`': CHECKPOINT_FIELDS,
  '### Request': REQUEST_FIELDS.status,
  '### `ok`': ANSWER_FIELDS.ok,
};

describe('the document of the protocol', () => {
  it.each(Object.keys(TABLES))('lists every key with its type under %s', (heading) => {
    const rows = tableAfter(heading).map(([key, type, required]) => [key, type, required]);
    expect(rows).toEqual(
      TABLES[heading].map((field) => [`\`${field.key}\``, typeOf(field), field.required ? 'yes' : 'no']),
    );
  });

  it('shows every golden message, as the files have it', () => {
    expect(withExamples(text) === text, 'run `node scripts/zeromq-protocol.mjs`').toBe(true);
    const files = readdirSync(new URL('../../../golden/zeromq/', import.meta.url));
    for (const file of files.filter((name) => name.endsWith('.bin'))) {
      expect(text).toContain(`<!-- example ${file.slice(0, -4)} -->`);
    }
  });

  it('lists every code', () => {
    expect(tableAfter('## Reason codes').map(([code, label]) => [code, label])).toEqual(
      REASON_LABELS.map((label, code) => [String(code), `\`${label}\``]),
    );
    expect(tableAfter('## Refusal codes').map(([code]) => code)).toEqual(REFUSAL_CODES.map((code) => `\`${code}\``));
    expect(tableAfter('## Error codes').map(([code]) => code)).toEqual(ERROR_CODES.map((code) => `\`${code}\``));
    const requests = text.slice(text.indexOf("`m` is the request's name"));
    for (const name of REQUESTS) expect(requests).toContain(`| \`${name}\` |`);
  });

  it('gives the defaults that the parameters have', () => {
    const defaults = defaultParameters() as Readonly<Record<string, unknown>>;
    for (const heading of ['## Times', '## Limits']) {
      for (const [, value, parameter] of tableAfter(heading)) {
        const name = parameter.replaceAll('`', '');
        expect(findParameter(name), name).toBeDefined();
        expect(value, name).toBe(String(defaults[name]));
      }
    }
    for (const [, , , endpoint, parameter] of tableAfter('## Sockets')) {
      expect(endpoint).toBe(`\`${defaults[parameter.replaceAll('`', '')]}\``);
    }
    for (const [name] of text.matchAll(/`(?:zeromq|robot|reward)\.[a-z_]+`/g)) {
      expect(findParameter(name.replaceAll('`', '')), name).toBeDefined();
    }
    for (const name of ['max_beams', 'odometry_timeout_s', 'ranges_timeout_s']) {
      expect(text).toContain(`\`${name}\``);
      expect(findParameter(name), name).toBeDefined();
    }
  });

  it('states the version and the limits of a message', () => {
    expect(text).toContain(`Version ${Math.max(...PROTOCOL_VERSIONS)}.`);
    const limits = text
      .slice(text.indexOf('**Limits of a message'), text.indexOf('## A session'))
      .replaceAll(/\s+/g, ' ');
    expect(limits).toContain(`(default ${defaultParameters()['zeromq.max_message_bytes']})`);
    expect(limits).toContain(`at most ${MESSAGE_LIMITS.depth} deep`);
    expect(limits).toContain(`at most ${MESSAGE_LIMITS.keys} keys a map`);
    expect(limits).toContain(`keys of at most ${MESSAGE_LIMITS.keyBytes} bytes`);
    expect(limits).toContain(`strings of at most ${MESSAGE_LIMITS.stringBytes} bytes`);
    expect(limits).toContain(`at most ${MESSAGE_LIMITS.elements} values in all`);
  });
});
