/**
 * Rows of a table as features: numbers standardised by what was seen so far, categories one-hot.
 *
 * What a column is (of numbers or of categories, which ones, whether any is missing) is taken from the whole table, as a
 * form that is filled in has its boxes beforehand. No value of a row to come is: mean and variance are those of the rows
 * encoded since `reset`, the present one included.
 */
import { murmur3String } from '../core/hash.js';
import type { Table } from './table.js';

/** Categories of a column that have a place of their own; in a column with more, all share so many by a hash. */
export const MAX_CATEGORIES = 64;
/** Features that a row may have. */
export const MAX_FEATURES = 8192;
/** Standardised numbers are clipped to ± this [standard deviations]. */
export const CLIP = 5;
/** Numbers beyond ± this count as this: squares of differences, summed over all rows, stay finite. */
const RAW_LIMIT = 1e140;

/** The table has more features than are encoded. */
export class EncodingError extends Error {
  override readonly name = 'EncodingError';
}

/**
 * Features of a row, in the order of the columns: a number is one feature, and where the column has any missing value a
 * second one that says so (1 missing, 0 present); categories have a place each, 1 for the present one, with one for
 * "missing" where the column has any.
 */
export class RowEncoder {
  /** Features of a row. */
  readonly count: number;
  /** Columns that they come from. */
  readonly columns: number;
  /** One for each feature: `c1` is the number in column 1, `c1?` whether it is missing, `c2=red` a category. */
  readonly names: readonly string[];
  readonly #table: Table;
  /** First place of each column. */
  readonly #place: Int32Array;
  /** For each column of categories, the place of each code; the last entry is that of the missing ones. */
  readonly #places: (Int32Array | null)[];
  // Running mean and variance by column (Welford 1962), each with a count of its own: `RunningScaler` leaves out a whole
  // observation where one number is missing, and its floor under the variance would flatten a column of small numbers.
  readonly #seen: Float64Array;
  readonly #mean: Float64Array;
  readonly #spread: Float64Array;

  /** @throws EncodingError where a row would have more than `MAX_FEATURES` features @realtime unsafe */
  constructor(table: Table) {
    const columns = table.columns.length;
    this.#table = table;
    this.columns = columns;
    this.#place = new Int32Array(columns);
    this.#places = [];
    this.#seen = new Float64Array(columns);
    this.#mean = new Float64Array(columns);
    this.#spread = new Float64Array(columns);
    const names: string[] = [];
    table.columns.forEach((column, c) => {
      const first = names.length;
      const name = `c${column.position}`;
      this.#place[c] = first;
      if (column.kind === 'numeric') {
        names.push(name);
        if (column.missing > 0) names.push(`${name}?`);
        this.#places.push(null);
        return;
      }
      const { categories } = column;
      const hashed = categories.length > MAX_CATEGORIES;
      const places = new Int32Array(categories.length + 1);
      categories.forEach((text, code) => {
        places[code] = first + (hashed ? murmur3String(text, 0) % MAX_CATEGORIES : code);
      });
      const own = hashed ? Array.from({ length: MAX_CATEGORIES }, (_, k) => `#${k}`) : categories.map((t) => `=${t}`);
      for (const suffix of own) names.push(name + suffix);
      places[categories.length] = names.length;
      if (column.missing > 0) names.push(`${name}?`);
      this.#places.push(places);
    });
    if (names.length > MAX_FEATURES) {
      throw new EncodingError(`a row has ${names.length} features, at most ${MAX_FEATURES} are encoded`);
    }
    this.count = names.length;
    this.names = Object.freeze(names);
  }

  /** Forgets mean and variance. */
  reset(): void {
    this.#seen.fill(0);
    this.#mean.fill(0);
    this.#spread.fill(0);
  }

  /**
   * Takes a row's numbers into mean and variance, and writes its features. A number that is missing is the mean, 0; one
   * that never differed from its mean is 0 too.
   *
   * @param row index into the table
   * @param out `count` numbers, the caller's
   * @realtime safe
   */
  encode(row: number, out: Float64Array): void {
    if (out.length !== this.count) throw new RangeError('out has another length than the features');
    out.fill(0);
    const columns = this.#table.columns;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c];
      const place = this.#place[c];
      if (column.kind === 'categorical') {
        const code = column.codes[row];
        const places = this.#places[c] as Int32Array;
        out[places[code < 0 ? places.length - 1 : code]] = 1;
        continue;
      }
      const raw = column.values[row];
      if (Number.isNaN(raw)) {
        out[place + 1] = 1;
        continue;
      }
      const value = raw > RAW_LIMIT ? RAW_LIMIT : raw < -RAW_LIMIT ? -RAW_LIMIT : raw;
      const seen = this.#seen[c] + 1;
      const before = value - this.#mean[c];
      const mean = this.#mean[c] + before / seen;
      const spread = this.#spread[c] + before * (value - mean);
      this.#seen[c] = seen;
      this.#mean[c] = mean;
      this.#spread[c] = spread;
      const deviation = Math.sqrt(spread / seen);
      const scaled = deviation > 0 ? (value - mean) / deviation : 0;
      out[place] = scaled > CLIP ? CLIP : scaled < -CLIP ? -CLIP : scaled;
    }
  }
}
