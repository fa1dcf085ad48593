import { hashSeed, murmur3String } from '../core/hash.js';

export interface FeatureTable {
  /** Slot of action a's feature i at a × features + i; slots are numbered as they are first reached. */
  slotOf: Int32Array;
  /** The number each slot has among 2^bits. */
  slotNumbers: Uint32Array;
}

/**
 * Hashes every action's every feature into 2^bits places: murmur3 of the name, seeded by the action. Only the places
 * that are reached become slots, action by action, so that an action's weights lie side by side.
 *
 * @param names of the features; they are told apart by name, not position
 * @realtime unsafe
 */
export function hashFeatures(names: readonly string[], nActions: number, bits: number): FeatureTable {
  const mask = 2 ** bits - 1;
  const slotOf = new Int32Array(nActions * names.length);
  const slots = new Map<number, number>();
  for (let a = 0; a < nActions; a++) {
    const seed = hashSeed(0, a);
    for (let i = 0; i < names.length; i++) {
      const slotNumber = murmur3String(names[i], seed) & mask;
      const slot = slots.get(slotNumber) ?? slots.size;
      slots.set(slotNumber, slot);
      slotOf[a * names.length + i] = slot;
    }
  }
  return { slotOf, slotNumbers: Uint32Array.from(slots.keys()) };
}
