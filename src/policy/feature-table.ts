import { hashSeed, murmur3String } from '../core/hash.js';

export interface FeatureTable {
  /**
   * Slot of action a's feature i at a × features + i, then the slots of the features that actions share weights over;
   * slots are numbered as they are first reached.
   */
  slotOf: Int32Array;
  /** The number each slot has among 2^bits. */
  slotNumbers: Uint32Array;
}

/** From so many features on places are found in a table of all of them. */
const MANY = 1 << 16;

/** Stands for all actions where they share weights; no action has it. */
const ALL_ACTIONS = -1;

/**
 * Hashes every action's every feature into 2^bits places: murmur3 of the name, seeded by the action. Only the places
 * that are reached become slots, action by action, so that an action's weights lie side by side. Features whose weights
 * are the same for all actions are seeded by none of them.
 *
 * @param names of the features; they are told apart by name, not position
 * @param tied names of the features whose weights all actions share
 * @realtime unsafe
 */
export function hashFeatures(
  names: readonly string[],
  nActions: number,
  bits: number,
  tied: readonly string[] = [],
): FeatureTable {
  const mask = 2 ** bits - 1;
  const slotOf = new Int32Array(nActions * names.length + tied.length);
  // The whole table, with 0 where no slot is yet: a Map holds 2^24 places at most, and there may be 2^26.
  const slots = new Int32Array(slotOf.length < MANY ? 0 : mask + 1);
  const few = new Map<number, number>();
  const slotNumbers = new Uint32Array(Math.min(slotOf.length, mask + 1));
  let count = 0;
  const slotFor = (name: string, seed: number): number => {
    const slotNumber = murmur3String(name, seed) & mask;
    const known = slots.length > 0 ? slots[slotNumber] - 1 : (few.get(slotNumber) ?? -1);
    if (known >= 0) return known;
    if (slots.length > 0) slots[slotNumber] = count + 1;
    else few.set(slotNumber, count);
    slotNumbers[count] = slotNumber;
    return count++;
  };
  for (let a = 0; a < nActions; a++) {
    const seed = hashSeed(0, a);
    for (let i = 0; i < names.length; i++) slotOf[a * names.length + i] = slotFor(names[i], seed);
  }
  const seed = hashSeed(0, ALL_ACTIONS);
  for (let i = 0; i < tied.length; i++) slotOf[nActions * names.length + i] = slotFor(tied[i], seed);
  return { slotOf, slotNumbers: slotNumbers.slice(0, count) };
}
