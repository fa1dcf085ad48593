import { describe, expect, it } from 'vitest';
import { VwTextError } from '../../../src/vw/text-error.js';
import type { VwDecision } from '../../../src/vw/text-format.js';
import { DecisionReader, LineSplitter } from '../../../src/vw/text-reader.js';

function split(chunks: readonly (string | Uint8Array)[], limit?: number): [string, number][] {
  const lines: [string, number][] = [];
  const splitter = new LineSplitter((text, line) => lines.push([text, line]), limit);
  for (const chunk of chunks) splitter.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  splitter.end();
  return lines;
}

function decisions(text: string, limit?: number): [VwDecision, number][] {
  const found: [VwDecision, number][] = [];
  const reader = new DecisionReader((decision, line) => found.push([decision, line]), limit);
  for (const [i, line] of text.split('\n').entries()) reader.push(line, i + 1);
  reader.end();
  return found;
}

describe('a line splitter', () => {
  it('finds the same lines however the bytes come in pieces', () => {
    const bytes = Buffer.from('1 |é x\r\n\n2 |b y\n3 |ü');
    const whole = split([bytes]);
    expect(whole).toEqual([
      ['1 |é x', 1],
      ['', 2],
      ['2 |b y', 3],
      ['3 |ü', 4],
    ]);
    expect(split([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
    expect(split([bytes.subarray(0, 4), bytes.subarray(4)])).toEqual(whole);
  });

  it('drops a byte order mark', () => {
    expect(split(['\ufeff1 |a x'])).toEqual([['1 |a x', 1]]);
  });

  it('refuses a line that is too long, as soon as it is', () => {
    expect(split(['abcd\nefgh'], 4)).toHaveLength(2);
    expect(() => split(['ab\nabcde\n'], 4)).toThrow('line 2: longer than 4 bytes');
    const splitter = new LineSplitter(() => expect.unreachable(), 4);
    splitter.push(Buffer.from('ab'));
    expect(() => splitter.push(Buffer.from('cde'))).toThrow(VwTextError);
  });

  it('refuses what is not UTF-8', () => {
    expect(() => split(['1 |a x\n', Uint8Array.of(0x31, 0xff, 10)])).toThrow('line 2: not UTF-8');
  });

  it('keeps no view of what it was given', () => {
    const chunk = Buffer.from('ab');
    const lines: string[] = [];
    const splitter = new LineSplitter((text) => lines.push(text));
    splitter.push(chunk);
    chunk.fill(0xff);
    splitter.push(Buffer.from('c\n'));
    expect(lines).toEqual(['abc']);
  });
});

describe('a decision reader', () => {
  it('gathers a shared line and an action on each line, up to a blank line or the end', () => {
    const found = decisions('\nshared |u x\n|a 1\n0:1:0.5 |a 2\n\n \n|a 3\n|a 4');
    expect(
      found.map(([{ shared, actions, chosen }, line]) => [shared !== undefined, actions.length, chosen, line]),
    ).toEqual([
      [true, 2, 1, 2],
      [false, 2, -1, 7],
    ]);
  });

  it.each([
    ['|a 1\nshared |u x\n', 'line 2: a shared line is the first of its decision'],
    ['shared |u x\nshared |u x\n', 'line 2: a shared line is the first'],
    ['0:1:0.5 |a 1\n|a 2\n0:1:0.5 |a 3\n', 'line 3: a second action of the decision has a cost'],
    ['0:1:0.5 1:1:0.5 |a 1\n', "line 1: an action's line has at most one cost"],
    ['|a 1\n\nshared |u x\n\n', 'line 3: a shared line and no action'],
    ['shared |u x', 'line 1: a shared line and no action'],
    ['|a\n|b\n|c\n|d\n', 'line 4: more than 3 actions'],
  ])('refuses %j', (text, message) => {
    expect(() => decisions(text, 3)).toThrow(VwTextError);
    expect(() => decisions(text, 3)).toThrow(message);
  });

  it('begins anew after an error', () => {
    const found: VwDecision[] = [];
    const reader = new DecisionReader((decision) => found.push(decision));
    reader.push('shared |u x', 1);
    expect(() => reader.push('shared |u x', 2)).toThrow(VwTextError);
    reader.push('|a 1', 3);
    reader.end();
    expect(found).toMatchObject([{ shared: undefined, chosen: -1 }]);
  });
});
