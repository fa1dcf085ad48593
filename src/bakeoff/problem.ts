/**
 * A table as a bandit problem: the features of a row are shown, the policy chooses a class, and learns whether it was the
 * right one, never which one was.
 */
import { hashSeed } from '../core/hash.js';
import { Prng } from '../core/prng.js';
import type { Table } from './table.js';

/**
 * What becomes of the labels: nothing, or from the half-way example on each is taken for the next class, so that
 * everything learned is wrong at once.
 */
export type Drift = 'none' | 'rotate';

const ORDER_STREAM = 0x6f726465;

/** One order of a table's rows. */
export class BanditProblem {
  readonly table: Table;
  readonly drift: Drift;
  /** Rows, in the order in which they are shown. */
  readonly order: Int32Array;
  /** First example whose label is rotated; the number of rows where none is. */
  readonly driftAt: number;

  /**
   * @param seed of all orders
   * @param shuffle which of them, from 0
   * @realtime unsafe
   */
  constructor(table: Table, drift: Drift, seed: number, shuffle: number) {
    this.table = table;
    this.drift = drift;
    this.order = shuffled(table.rows, hashSeed(hashSeed(seed, ORDER_STREAM), shuffle));
    this.driftAt = drift === 'rotate' ? Math.floor(table.rows / 2) : table.rows;
  }

  /** The right class of example `index`, counted in the order shown. */
  labelOf(index: number): number {
    const label = this.table.labels[this.order[index]];
    return index < this.driftAt ? label : (label + 1) % this.table.classes.length;
  }

  /** How often each class is right, over all examples. @realtime unsafe */
  classCounts(): Int32Array {
    const counts = new Int32Array(this.table.classes.length);
    for (let index = 0; index < this.table.rows; index++) counts[this.labelOf(index)]++;
    return counts;
  }

  /** Error of the one class that is right most often, known beforehand: what a policy without features can reach. */
  constantError(): number {
    let most = 0;
    for (const count of this.classCounts()) if (count > most) most = count;
    return 1 - most / this.table.rows;
  }
}

/** 0 … count - 1 in random order, each as probable as any other (Fisher & Yates; Durstenfeld 1964). @realtime unsafe */
export function shuffled(count: number, seed: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const prng = Prng.seeded(seed);
  for (let i = count - 1; i > 0; i--) {
    const j = prng.nextBelow(i + 1);
    const row = order[i];
    order[i] = order[j];
    order[j] = row;
  }
  return order;
}
