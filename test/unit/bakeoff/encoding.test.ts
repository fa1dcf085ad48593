import { describe, expect, it } from 'vitest';
import { CLIP, EncodingError, MAX_CATEGORIES, RowEncoder } from '../../../src/bakeoff/encoding.js';
import { parseTable } from '../../../src/bakeoff/table.js';

function encodeAll(text: string): { names: readonly string[]; rows: number[][] } {
  const table = parseTable(text);
  const encoder = new RowEncoder(table);
  const out = new Float64Array(encoder.count);
  const rows = Array.from({ length: table.rows }, (_, row) => {
    out.fill(Number.NaN);
    encoder.encode(row, out);
    return [...out];
  });
  return { names: encoder.names, rows };
}

describe('rows as features', () => {
  it('numbers are standardised by what was seen so far, the present row included', () => {
    const { names, rows } = encodeAll('10,a\n20,b\n60,a\n');
    expect(names).toEqual(['c1']);
    expect(rows[0]).toEqual([0]);
    expect(rows[1][0]).toBeCloseTo(1, 12);
    // Mean 30, population variance (400 + 100 + 900) / 3.
    expect(rows[2][0]).toBeCloseTo(30 / Math.sqrt(1400 / 3), 12);
  });

  it('no row to come changes an earlier one', () => {
    const first = encodeAll('1,x,a\n5,y,b\n2,x,a\n1000,y,b').rows.slice(0, 3);
    const other = encodeAll('1,x,a\n5,y,b\n2,x,a\n-7,y,b').rows.slice(0, 3);
    expect(first).toEqual(other);
  });

  it('a missing number is the mean, with a place that says so', () => {
    const { names, rows } = encodeAll('1,5,a\n3,5,b\n?,5,a\n');
    expect(names).toEqual(['c1', 'c1?', 'c2']);
    expect(rows.map((row) => row.slice(0, 2))).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
    ]);
  });

  it('a missing number leaves mean and variance of the others alone', () => {
    expect(encodeAll('1,a\n?,b\n3,a\n').rows[2][0]).toBeCloseTo(1, 12);
  });

  it('a column that does not vary is 0, however large or small', () => {
    expect(encodeAll('0.1,1e300,a\n0.1,1e300,b\n0.1,1e300,a\n').rows).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('columns of any scale come out alike, and finite', () => {
    const tiny = encodeAll('1e-9,a\n2e-9,b\n4e-9,a').rows;
    const plain = encodeAll('1,a\n2,b\n4,a').rows;
    for (let i = 0; i < 3; i++) expect(tiny[i][0]).toBeCloseTo(plain[i][0], 9);
    for (const row of encodeAll('1e308,a\n-1e308,b\n0,a').rows) expect(Number.isFinite(row[0])).toBe(true);
  });

  it('what is far out is clipped', () => {
    const lines = Array.from({ length: 200 }, (_, i) => `${i % 2},${i % 2}`);
    expect(encodeAll([...lines, '1e6,1', '-1e9,0'].join('\n')).rows.slice(-2)).toEqual([[CLIP], [-CLIP]]);
  });

  it('categories have a place each, and missing is one of them', () => {
    const { names, rows } = encodeAll('red,a\nblue,b\n?,a\nred,b\n');
    expect(names).toEqual(['c1=blue', 'c1=red', 'c1?']);
    expect(rows).toEqual([
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 1],
      [0, 1, 0],
    ]);
  });

  it('a column of very many categories is hashed into a fixed number of places', () => {
    const lines = Array.from({ length: 300 }, (_, i) => `id-${i},${i % 2}`);
    const { names, rows } = encodeAll(lines.join('\n'));
    expect(names).toHaveLength(MAX_CATEGORIES);
    for (const row of rows) expect(row.reduce((sum, value) => sum + value, 0)).toBe(1);
    expect(new Set(rows.map((row) => row.indexOf(1))).size).toBeGreaterThan(MAX_CATEGORIES * 0.9);
  });

  it('refuses a table that would have too many features', () => {
    const row = (id: number) => Array.from({ length: 200 }, (_, c) => `v${(id * 7 + c) % 50}`).join(',');
    const text = Array.from({ length: 50 }, (_, i) => `${row(i)},${i % 2}`).join('\n');
    expect(() => new RowEncoder(parseTable(text))).toThrow(EncodingError);
    expect(() => new RowEncoder(parseTable(text))).toThrow('10000 features, at most 8192');
  });

  it('starts anew after a reset', () => {
    const encoder = new RowEncoder(parseTable('1,a\n9,b'));
    const out = new Float64Array(1);
    encoder.encode(0, out);
    encoder.encode(1, out);
    encoder.reset();
    encoder.encode(1, out);
    expect(out[0]).toBe(0);
    expect(() => encoder.encode(0, new Float64Array(2))).toThrow(RangeError);
  });
});
