/**
 * A classification file as a table: one example a line, values separated by commas or by white space, no header, `?` (or
 * nothing between two commas) for a value that is missing, the class in the first or the last column.
 *
 * Two passes over the text: only the last line tells whether a column is one of numbers, and keeping every value as a
 * string until then would take a hundred times the file.
 */

/** A feature that is a number wherever it is present. */
export interface NumericColumn {
  readonly kind: 'numeric';
  /** Its place in the file, from 1. */
  readonly position: number;
  /** One for each row; NaN where it is missing. */
  readonly values: Float64Array;
  readonly missing: number;
}

/** A feature of which at least one value is not a number. */
export interface CategoricalColumn {
  readonly kind: 'categorical';
  /** Its place in the file, from 1. */
  readonly position: number;
  /** Index into `categories` for each row; -1 where it is missing. */
  readonly codes: Int32Array;
  /** In the order of `compareTexts`. */
  readonly categories: readonly string[];
  readonly missing: number;
}

export type Column = NumericColumn | CategoricalColumn;

export interface Table {
  readonly rows: number;
  readonly columns: readonly Column[];
  /** Index into `classes` for each row. */
  readonly labels: Int32Array;
  /** The distinct texts of the label column, in the order of `compareTexts`. At least two. */
  readonly classes: readonly string[];
  /** What a reader should know of the file, in words; mostly empty. */
  readonly notes: readonly string[];
}

export type LabelPosition = 'first' | 'last';

/** What a file may have at most; beyond it is refused rather than run out of memory on. */
export const TABLE_LIMITS = {
  /** V8 holds no string of twice this. */
  bytes: 256 * 1024 * 1024,
  columns: 4096,
  classes: 256,
  /** Rows × columns: half a gigabyte of doubles. */
  values: 1 << 26,
} as const;

/** Numbers of which a column of text may have so many different ones before it is remarked on. */
const REMARKABLE_NUMBERS = 32;

/** A file that is not a table, with the line where one is to blame. */
export class TableError extends Error {
  override readonly name = 'TableError';
  /** From 1; 0 where no single line is to blame. */
  readonly line: number;
  constructor(line: number, message: string) {
    super(line > 0 ? `line ${line}: ${message}` : message);
    this.line = line;
  }
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The number that a value is; NaN where it is none, or none that a double holds. */
function numberOf(text: string): number {
  if (!NUMBER.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** Numbers first, by value, then texts by their code units: the same order on every machine. */
export function compareTexts(a: string, b: string): number {
  const first = numberOf(a);
  const second = numberOf(b);
  if (Number.isNaN(first) !== Number.isNaN(second)) return Number.isNaN(first) ? 1 : -1;
  if (first < second) return -1;
  if (first > second) return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

const isMissing = (text: string): boolean => text === '?' || text === '';

/** What the first pass learns of one column. */
class ColumnScout {
  /** Lines at which a present value is a number. */
  numbers = 0;
  /** Lines at which it is not. */
  texts = 0;
  missing = 0;
  /** Where the first text is, and what it says. */
  firstTextLine = 0;
  firstText = '';
  /** Distinct values of a column that has shown a text; also numbers seen before, until they are too many to matter. */
  readonly distinctNumbers = new Set<string>();

  take(text: string, line: number): void {
    if (isMissing(text)) {
      this.missing++;
    } else if (Number.isNaN(numberOf(text))) {
      if (this.texts++ === 0) {
        this.firstTextLine = line;
        this.firstText = text;
      }
    } else {
      this.numbers++;
      if (this.distinctNumbers.size <= REMARKABLE_NUMBERS) this.distinctNumbers.add(text);
    }
  }
}

/**
 * Reads a table.
 *
 * @param text of the whole file; line ends of any system, blank lines anywhere
 * @throws TableError that names the line: ragged rows, a header, a label that is missing, fewer than two rows or classes,
 * more of anything than `TABLE_LIMITS`
 * @realtime unsafe
 */
export function parseTable(text: string, label: LabelPosition = 'last'): Table {
  const source = new Lines(text);
  const scouts: ColumnScout[] = [];
  let rows = 0;
  let firstLine = 0;
  while (source.next()) {
    const { fields, line } = source;
    if (rows === 0) {
      firstLine = line;
      checkWidth(fields, line, source.line1HasSemicolon);
      for (let c = 0; c < fields.length; c++) scouts.push(new ColumnScout());
    } else if (fields.length !== scouts.length) {
      throw new TableError(line, `${counted(fields.length, 'value')}, where line ${firstLine} has ${scouts.length}`);
    }
    rows++;
    if (rows * scouts.length > TABLE_LIMITS.values) {
      throw new TableError(line, `more than ${TABLE_LIMITS.values} values, the most that is read`);
    }
    for (let c = 0; c < scouts.length; c++) scouts[c].take(fields[c], line);
  }
  if (rows < 2) throw new TableError(0, `${counted(rows, 'row')}, at least 2 are needed`);
  const labelColumn = label === 'first' ? 0 : scouts.length - 1;
  refuseHeader(scouts, firstLine);

  const numeric = scouts.map((scout) => scout.texts === 0);
  const numbers = scouts.map((_, c) => (numeric[c] && c !== labelColumn ? new Float64Array(rows) : null));
  const codes = scouts.map((_, c) => (numeric[c] && c !== labelColumn ? null : new Int32Array(rows)));
  const dictionaries = scouts.map(() => new Map<string, number>());
  source.rewind();
  for (let row = 0; source.next(); row++) {
    const { fields, line } = source;
    if (isMissing(fields[labelColumn])) {
      throw new TableError(line, `its label, the ${label} value, is missing; an example without one shows nothing`);
    }
    for (let c = 0; c < fields.length; c++) {
      const column = numbers[c];
      if (column !== null) column[row] = isMissing(fields[c]) ? Number.NaN : numberOf(fields[c]);
      else (codes[c] as Int32Array)[row] = codeOf(fields[c], dictionaries[c]);
    }
    if (dictionaries[labelColumn].size > TABLE_LIMITS.classes) {
      const other = label === 'first' ? 'last' : 'first';
      throw new TableError(
        line,
        `more than ${TABLE_LIMITS.classes} different labels in the ${label} column; is the label ${other}?`,
      );
    }
  }
  const columns: Column[] = [];
  scouts.forEach(({ missing }, c) => {
    if (c === labelColumn) return;
    const values = numbers[c];
    if (values !== null) columns.push({ kind: 'numeric', position: c + 1, values, missing });
    else {
      const sorted = sortCodes(codes[c] as Int32Array, dictionaries[c]);
      columns.push({ kind: 'categorical', position: c + 1, codes: sorted.codes, categories: sorted.texts, missing });
    }
  });
  const labels = sortCodes(codes[labelColumn] as Int32Array, dictionaries[labelColumn]);
  if (labels.texts.length < 2) {
    throw new TableError(0, `every label is ${labels.texts[0]}; at least 2 classes are needed`);
  }
  return {
    rows,
    columns,
    labels: labels.codes,
    classes: labels.texts,
    notes: [...remarks(scouts, labelColumn), ...equalLabels(labels.texts)],
  };
}

function checkWidth(fields: readonly string[], line: number, hasSemicolon: boolean): void {
  if (fields.length === 1) {
    const hint = hasSemicolon ? '; semicolons do not separate' : '';
    throw new TableError(line, `a single value, where features and a label are expected${hint}`);
  }
  if (fields.length > TABLE_LIMITS.columns) {
    throw new TableError(line, `${fields.length} values, at most ${TABLE_LIMITS.columns} are read`);
  }
}

/** The first line is a header where a column that is one of numbers has a text there and only there. */
/** A first line of nothing but text over columns of numbers. Text in one of them may as well be a value. */
function refuseHeader(scouts: readonly ColumnScout[], firstLine: number): void {
  if (!scouts.every(({ firstTextLine }) => firstTextLine === firstLine)) return;
  const c = scouts.findIndex(({ texts, numbers }) => texts === 1 && numbers >= 2);
  if (c < 0) return;
  throw new TableError(
    firstLine,
    `looks like a header: column ${c + 1} is ${JSON.stringify(scouts[c].firstText)} here and a number everywhere else; remove it`,
  );
}

/** Labels that are different texts for the same number. */
function equalLabels(classes: readonly string[]): string[] {
  const notes: string[] = [];
  const first = new Map<number, string>();
  for (const text of classes) {
    const number = numberOf(text);
    if (Number.isNaN(number)) continue;
    const other = first.get(number);
    if (other === undefined) first.set(number, text);
    else notes.push(`the labels ${other} and ${text} are the same number, and two classes`);
  }
  return notes;
}

function remarks(scouts: readonly ColumnScout[], labelColumn: number): string[] {
  const notes: string[] = [];
  scouts.forEach(({ texts, numbers, firstText, firstTextLine, distinctNumbers }, c) => {
    if (c === labelColumn || texts === 0 || numbers < texts || distinctNumbers.size <= REMARKABLE_NUMBERS) return;
    notes.push(
      `column ${c + 1} is taken as categorical: ${JSON.stringify(firstText)} on line ${firstTextLine} is not a number (a missing one is written ?)`,
    );
  });
  return notes;
}

/** A category's number, in the order of appearance; -1 for a missing one. */
function codeOf(text: string, dictionary: Map<string, number>): number {
  if (isMissing(text)) return -1;
  let code = dictionary.get(text);
  if (code === undefined) {
    code = dictionary.size;
    dictionary.set(text, code);
  }
  return code;
}

/** Renumbers codes by the order of their texts, in place. */
function sortCodes(codes: Int32Array, dictionary: Map<string, number>): { codes: Int32Array; texts: string[] } {
  const texts = [...dictionary.keys()].sort(compareTexts);
  const renumbered = new Int32Array(texts.length);
  texts.forEach((text, k) => {
    renumbered[dictionary.get(text) as number] = k;
  });
  for (let i = 0; i < codes.length; i++) if (codes[i] >= 0) codes[i] = renumbered[codes[i]];
  return { codes, texts };
}

/** `1 row`, `2 rows`. */
function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** The lines of a text that have something on them, one after another, as values. */
class Lines {
  /** Values of the line under way, white space around them and quotes removed. */
  fields: string[] = [];
  /** Its number, from 1. */
  line = 0;
  line1HasSemicolon = false;
  readonly #text: string;
  #at = 0;
  /** Found by the first line that is not blank. */
  #separator: 'comma' | 'space' | null = null;

  constructor(text: string) {
    if (text.includes('\0')) throw new TableError(0, 'not a text file: it has bytes of value 0');
    const marked = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    this.#text = marked.includes('\r') ? marked.replace(/\r\n?/g, '\n') : marked;
  }

  rewind(): void {
    this.#at = 0;
    this.line = 0;
  }

  /** @returns false at the end */
  next(): boolean {
    const text = this.#text;
    while (this.#at < text.length) {
      let end = text.indexOf('\n', this.#at);
      if (end < 0) end = text.length;
      const content = text.slice(this.#at, end).trim();
      this.#at = end + 1;
      this.line++;
      if (content === '') continue;
      if (this.#separator === null) {
        this.#separator = content.replace(/"(?:[^"]|"")*"/g, '').includes(',') ? 'comma' : 'space';
        this.line1HasSemicolon = content.includes(';');
      }
      this.fields = content.includes('"') ? this.#quoted(content) : this.#plain(content);
      return true;
    }
    return false;
  }

  #plain(content: string): string[] {
    if (this.#separator === 'space') return content.split(/\s+/);
    const fields = content.split(',');
    for (let i = 0; i < fields.length; i++) fields[i] = fields[i].trim();
    return fields;
  }

  /** A value may stand in double quotes, with separators in it and "" for a quote. */
  #quoted(content: string): string[] {
    const fields: string[] = [];
    const comma = this.#separator === 'comma';
    const value = comma ? /\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(,|$)/y : /(?:"((?:[^"]|"")*)"|([^\s"]\S*))(\s+|$)/y;
    for (;;) {
      const match = value.exec(content);
      if (match === null || (match[2] ?? '').startsWith('"')) {
        throw new TableError(this.line, 'a quote is not closed, or something follows it before the separator');
      }
      fields.push(match[1] === undefined ? match[2].trim() : match[1].replaceAll('""', '"').trim());
      if (match[3] === '') return fields;
    }
  }
}
