/** Decision records by the names that the server gave their fields, and the last of them. */
import type { Hello } from '../wire.js';
import { DIRECTIONS } from './words.js';

/** Where things lie in a record; -1 what the server does not know of, which reads as undefined. */
export class RecordFields {
  readonly cycle: number;
  readonly latenessNs: number;
  readonly computeNs: number;
  readonly miss: number;
  readonly action: number;
  readonly probability: number;
  readonly allowed: number;
  readonly reward: number;
  readonly rewardedCycle: number;
  readonly reason: number;
  readonly driver: number;
  readonly goalCount: number;
  readonly poseX: number;
  readonly poseY: number;
  readonly poseYaw: number;
  readonly goalX: number;
  readonly goalY: number;
  readonly commandVx: number;
  readonly commandVy: number;
  readonly commandYawRate: number;
  readonly raw: number;
  readonly scaled: number;
  readonly values: number;
  readonly distribution: number;
  /** Within the features: the first of the eight sectors, the goal's distance, the first contact. */
  readonly obstacle: number;
  readonly goalDistance: number;
  readonly contact: number;

  constructor({ fields, features }: Pick<Hello, 'fields' | 'features'>) {
    const at = (name: string) => fields[name] ?? -1;
    const feature = (name: string) => features.findIndex((known) => known.name === name);
    this.cycle = at('cycle');
    this.latenessNs = at('latenessNs');
    this.computeNs = at('computeNs');
    this.miss = at('miss');
    this.action = at('action');
    this.probability = at('probability');
    this.allowed = at('allowed');
    this.reward = at('reward');
    this.rewardedCycle = at('rewardedCycle');
    this.reason = at('reason');
    this.driver = at('driver');
    this.goalCount = at('goalCount');
    this.poseX = at('poseX');
    this.poseY = at('poseY');
    this.poseYaw = at('poseYaw');
    this.goalX = at('goalX');
    this.goalY = at('goalY');
    this.commandVx = at('commandVx');
    this.commandVy = at('commandVy');
    this.commandYawRate = at('commandYawRate');
    this.raw = at('raw');
    this.scaled = at('scaled');
    this.values = at('values');
    this.distribution = at('distribution');
    this.obstacle = feature('obstacle_0');
    this.goalDistance = feature('goal_distance');
    this.contact = feature('contact_front');
  }

  /** Whether there was anything to choose, so that values and probabilities mean something. */
  chose(record: Float64Array): boolean {
    const action = record[this.action];
    return action >= 0 && action < DIRECTIONS;
  }
}

/** The last decisions, each with the reward that came for it later. */
export class RecentDecisions {
  readonly capacity: number;
  readonly #fields: RecordFields;
  readonly #records: Float64Array[];
  readonly #rewards: Float64Array;
  #next = 0;
  #count = 0;

  constructor(capacity: number, recordDoubles: number, fields: RecordFields) {
    this.capacity = capacity;
    this.#fields = fields;
    this.#records = Array.from({ length: capacity }, () => new Float64Array(recordDoubles));
    this.#rewards = new Float64Array(capacity).fill(Number.NaN);
  }

  get length(): number {
    return this.#count;
  }

  clear(): void {
    this.#next = 0;
    this.#count = 0;
  }

  /** @param record copied */
  add(record: Float64Array): void {
    const slot = this.#next;
    this.#records[slot].set(record);
    this.#rewards[slot] = Number.NaN;
    this.#next = (slot + 1) % this.capacity;
    if (this.#count < this.capacity) this.#count++;
    const rewarded = record[this.#fields.rewardedCycle];
    if (Number.isNaN(rewarded)) return;
    const of = this.#slotOf(rewarded);
    if (of >= 0) this.#rewards[of] = record[this.#fields.reward];
  }

  /** @param age 0 is the newest */
  record(age: number): Float64Array {
    return this.#records[this.#slot(age)];
  }

  /** NaN before it is known. */
  reward(age: number): number {
    return this.#rewards[this.#slot(age)];
  }

  #slot(age: number): number {
    return (this.#next - 1 - age + 2 * this.capacity) % this.capacity;
  }

  #slotOf(cycle: number): number {
    for (let age = 0; age < this.#count; age++) {
      const slot = this.#slot(age);
      const found = this.#records[slot][this.#fields.cycle];
      if (found === cycle) return slot;
      if (found < cycle) return -1;
    }
    return -1;
  }
}

/**
 * Which of the last decisions are worth a row: one where the direction or safety's reason changed, the one that is open,
 * and of each stretch of cycles without such one, the first whose reward came, so that rewards are seen also where only
 * some decisions are shown.
 *
 * @param stretch cycles, from 1
 * @param opened a cycle that has a row if it is known; -1 for none
 * @param out ages, newest first. @returns how many were written
 */
export function worthARow(
  recent: RecentDecisions,
  fields: RecordFields,
  stretch: number,
  opened: number,
  out: Int32Array,
): number {
  const { length } = recent;
  let count = 0;
  for (let from = 0; from < length && count < out.length; ) {
    const place = Math.floor(recent.record(from)[fields.cycle] / stretch);
    let to = from;
    let rewarded = -1;
    let listed = 0;
    for (; to < length; to++) {
      const record = recent.record(to);
      if (Math.floor(record[fields.cycle] / stretch) !== place) break;
      if (!Number.isNaN(recent.reward(to))) rewarded = to;
      const before = to + 1 < length ? recent.record(to + 1) : record;
      const changed =
        record[fields.action] !== before[fields.action] || record[fields.reason] !== before[fields.reason];
      if (!changed && record[fields.cycle] !== opened) continue;
      if (count + listed < out.length) out[count + listed++] = to;
    }
    if (listed === 0) out[count + listed++] = rewarded >= 0 ? rewarded : to - 1;
    count += listed;
    from = to;
  }
  return count;
}
