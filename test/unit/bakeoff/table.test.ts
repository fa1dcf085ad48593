import { describe, expect, it } from 'vitest';
import {
  type CategoricalColumn,
  compareTexts,
  type NumericColumn,
  parseTable,
  TABLE_LIMITS,
  TableError,
} from '../../../src/bakeoff/table.js';

const numbers = (column: unknown) => [...(column as NumericColumn).values];
const texts = (column: unknown) => {
  const { codes, categories } = column as CategoricalColumn;
  return [...codes].map((code) => (code < 0 ? null : categories[code]));
};

describe('reading a table', () => {
  it('takes commas with or without spaces, as in pendigits', () => {
    const table = parseTable(' 47,100, 27, 8\n  0, 89,.5,10\n-1e2,+3, 7., 8\n');
    expect(table.rows).toBe(3);
    expect(table.columns.map(numbers)).toEqual([
      [47, 0, -100],
      [100, 89, 3],
      [27, 0.5, 7],
    ]);
    expect(table.classes).toEqual(['8', '10']);
    expect([...table.labels]).toEqual([0, 1, 0]);
  });

  it('takes white space of any width, tabs too', () => {
    const table = parseTable('80 102\t3\n  76   99 4  \n');
    expect(table.columns.map(numbers)).toEqual([
      [80, 76],
      [102, 99],
    ]);
    expect(table.classes).toEqual(['3', '4']);
  });

  it.each(['\n', '\r\n', '\r'])('takes lines that end with %j, blank ones, and a last one without an end', (end) => {
    const table = parseTable(['', '1,a', '  ', '2,b', '', '3,a'].join(end));
    expect(table.columns.map(numbers)).toEqual([[1, 2, 3]]);
    expect(table.classes).toEqual(['a', 'b']);
  });

  it('takes a first line with some text for data, and says which column became categorical', () => {
    const rows = Array.from({ length: 40 }, (_, i) => `${i},${i * 2},${i % 2}`);
    const table = parseTable(['NA,7,0', ...rows].join('\n'));
    expect(table.rows).toBe(41);
    expect(table.columns.map(({ kind }) => kind)).toEqual(['categorical', 'numeric']);
    expect(table.notes.join()).toContain('column 1 is taken as categorical: "NA" on line 1');
  });

  it('says where two labels are the same number', () => {
    const table = parseTable('1,1\n2,1.0\n3,2\n4,1\n');
    expect(table.classes).toHaveLength(3);
    expect(table.notes).toContain('the labels 1 and 1.0 are the same number, and two classes');
    expect(parseTable('1,1\n2,2\n').notes).toEqual([]);
  });

  it('leaves out a byte order mark', () => {
    expect(parseTable('\uFEFF1,a\n2,b').columns[0].kind).toBe('numeric');
  });

  it('finds the label in the first column where told to', () => {
    const table = parseTable('e x 1\np y 2\n', 'first');
    expect(table.classes).toEqual(['e', 'p']);
    expect(table.columns.map(({ kind, position }) => [kind, position])).toEqual([
      ['categorical', 2],
      ['numeric', 3],
    ]);
  });

  it('tells columns of numbers from columns of categories by all their values', () => {
    const table = parseTable('1,2,x,0x10,1,a\n2,4,y,0x11,1e999,b\n3,5more,x,0x12,2,a\n4,2,z,0x10,3,b\n');
    expect(table.columns.map(({ kind }) => kind)).toEqual([
      'numeric',
      'categorical',
      'categorical',
      'categorical',
      'categorical',
    ]);
    expect((table.columns[1] as CategoricalColumn).categories).toEqual(['2', '4', '5more']);
    expect(texts(table.columns[2])).toEqual(['x', 'y', 'x', 'z']);
  });

  it('takes ? and nothing for a missing value, in both kinds of columns', () => {
    const table = parseTable('1,x,a\n?,?,b\n,,a\n4,y,b');
    expect(numbers(table.columns[0])).toEqual([1, Number.NaN, Number.NaN, 4]);
    expect(texts(table.columns[1])).toEqual(['x', null, null, 'y']);
    expect(table.columns.map(({ missing }) => missing)).toEqual([2, 2]);
  });

  it('takes a column in which everything is missing for one of numbers', () => {
    expect(numbers(parseTable('? a\n? b').columns[0])).toEqual([Number.NaN, Number.NaN]);
  });

  it('takes quotes off, and leaves separators and doubled quotes inside', () => {
    const table = parseTable('"1","x, ""y""",a\n 2 , z ,"b"\n');
    expect(numbers(table.columns[0])).toEqual([1, 2]);
    expect(texts(table.columns[1])).toEqual(['x, "y"', 'z']);
    expect(table.classes).toEqual(['a', 'b']);
    expect(texts(parseTable('"a b" 1\nc 2').columns[0])).toEqual(['a b', 'c']);
  });

  it('sorts classes as numbers where they are, so that rotating them means the same on every machine', () => {
    expect(parseTable('1 10\n1 9\n1 -1\n1 b\n1 a\n1 1.0\n1 1').classes).toEqual([
      '-1',
      '1',
      '1.0',
      '9',
      '10',
      'a',
      'b',
    ]);
    expect(compareTexts('x', 'x')).toBe(0);
  });

  it('remarks on a column of numbers with a stray text in it', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `${i === 40 ? 'NA' : i},${i % 2}`);
    const { columns, notes } = parseTable(lines.join('\n'));
    expect(columns[0].kind).toBe('categorical');
    expect(notes).toEqual([
      'column 1 is taken as categorical: "NA" on line 41 is not a number (a missing one is written ?)',
    ]);
    expect(parseTable('1,2,a\n3,4,b').notes).toEqual([]);
  });
});

describe('a file that is not a table', () => {
  it.each<[string, string, number, string]>([
    ['nothing', '', 0, '0 rows, at least 2 are needed'],
    ['blank lines', '\n \n', 0, '0 rows, at least 2 are needed'],
    ['one row', '1,2,a\n', 0, '1 row, at least 2 are needed'],
    ['one class', '1,a\n2,a\n', 0, 'every label is a; at least 2 classes are needed'],
    ['a ragged row', '1,2,a\n\n1,2,b\n1,b\n', 4, '2 values, where line 1 has 3'],
    ['a row with another separator', '1,2,a\n1 2 b\n', 2, '1 value, where line 1 has 3'],
    ['one column', 'a\nb\n', 1, 'a single value, where features and a label are expected'],
    ['semicolons', '1;2;a\n1;2;b\n', 1, 'semicolons do not separate'],
    ['a header', 'width,class\n1,a\n2,b\n', 1, 'looks like a header: column 1 is "width" here'],
    ['a header over the label', 'shape,class\nx,1\ny,2\nx,1\n', 1, 'looks like a header: column 2 is "class" here'],
    ['a label that is missing', '1,a\n2,?\n3,b\n', 2, 'its label, the last value, is missing'],
    ['a comma at the end of lines', '1,a,\n2,b,\n', 1, 'its label, the last value, is missing'],
    ['a quote left open', '1,a\n"2,b\n', 2, 'a quote is not closed'],
    ['text after a quote', '1,a\n"2"x,b\n', 2, 'a quote is not closed, or something follows it'],
    ['bytes', '1,a\0\n', 0, 'not a text file'],
  ])('%s: is refused with its line', (_name, text, line, message) => {
    const refused = () => parseTable(text);
    expect(refused).toThrow(TableError);
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ line }));
  });

  it('with too many labels is refused with a guess', () => {
    const text = Array.from({ length: TABLE_LIMITS.classes + 1 }, (_, i) => `a,${i}`).join('\n');
    expect(() => parseTable(text)).toThrow(
      'line 257: more than 256 different labels in the last column; is the label first?',
    );
  });

  it('with too many columns is refused', () => {
    const row = `${'1 '.repeat(TABLE_LIMITS.columns)}a`;
    expect(() => parseTable(`${row}\n${row}`)).toThrow('4097 values, at most 4096 are read');
  });
});
