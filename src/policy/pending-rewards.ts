/**
 * Decisions that wait for what they earned: a table of fixed size that joins a reward that comes late to the decision it
 * belongs to, by the decision's id, and teaches the policy.
 *
 * Ids are whole numbers that rise from decision to decision, such as the cycle numbers of decision records. Each entry
 * lies behind the one before in a ring, so that the ring is sorted by id. Where no id is left out a reward finds its
 * decision at the first look; where some are, by bisection between the two places that the gaps allow. An entry stays in
 * its place after it was paid or has expired until the ring comes round, so that a second reward for it is known as a
 * duplicate, and one that comes after its time as late.
 *
 * Thread: the policy's. Memory: one row for each of `capacity` decisions, fixed by the constructor; no call allocates
 * unless it throws.
 */
import {
  checkAction,
  checkContext,
  checkLength,
  checkProbability,
  type Policy,
  PolicyConfigError,
  PolicyInputError,
} from './policy.js';

/** Indexes into the counts of a table. */
export const PendingCount = {
  /** Rewards that found their decision, learned from or not. */
  joined: 0,
  /** Rewards of decisions that are not to be learned from. */
  ignored: 1,
  /** Decisions to be learned from that were given up, for whatever cause. */
  expired: 2,
  /** Of these, how many because the table was full. */
  overwritten: 3,
  /** Rewards of decisions that had been paid. */
  duplicate: 4,
  /** Rewards of decisions that had expired. */
  late: 5,
  /** Rewards of decisions that were never entered, or are long gone. */
  unknown: 6,
  /** Rewards that are not finite, out of the declared range, or out of the policy's own. */
  refused: 7,
} as const;
export const PENDING_COUNTS = 8;

/** What became of a reward. */
export const Join = {
  /** The policy learned from it. */
  learned: 0,
  /** It found its decision while nothing was being learned. */
  reported: 1,
  ignored: 2,
  duplicate: 3,
  late: 4,
  unknown: 5,
  refused: 6,
} as const;
export type JoinCode = (typeof Join)[keyof typeof Join];

/** Indexes into `tally`. */
export const PendingTally = {
  /** Sum and number of the rewards paid, learned from or not, defaults of expired decisions among them. */
  sum: 0,
  count: 1,
  /** Sum and number of those that the policy learned from. */
  learnedSum: 2,
  learnedCount: 3,
  /** The last one paid, and the decision that it was for. */
  reward: 4,
  id: 5,
} as const;
const TALLY_WORDS = 6;

export interface PendingRewardsOptions {
  /** Decisions that are remembered, waiting or paid. */
  capacity: number;
  /** A decision that has waited so long expires [ns]; default: never. */
  timeoutNs?: number;
  /** What the policy learns of a decision that expires: nothing, which is the default, or that it earned `expiredReward`. */
  expired?: 'nothing' | 'default';
  /** Default 0. */
  expiredReward?: number;
  /** The declared range of rewards, both ends within; default: every finite number. */
  rewardMin?: number;
  rewardMax?: number;
  /** Where to count, `PENDING_COUNTS` words, perhaps shared; default: the table's own. */
  counts?: Uint32Array;
}

/** Of a place in the ring. */
const State = { empty: 0, waiting: 1, paid: 2, expired: 3 } as const;
const LEARNABLE = 1;
/** Longest ring. */
const CAPACITY_LIMIT = 1 << 24;

/** Indexes into the times. */
const LAST = 0;
const ELAPSED = 1;

export class PendingRewards {
  readonly capacity: number;
  /** Index with `PendingCount`. 32 bit, so that they wrap in the long run; only read them. */
  readonly counts: Uint32Array;
  /** Rises with each payment, indexed with `PendingTally`; set it to 0 to begin anew. */
  readonly tally = new Float64Array(TALLY_WORDS);
  /** The time for `enterRow` and `expireDue` [ns], one double. Time that goes back counts as none. */
  readonly now = new Float64Array(1);
  /** Whether the policy learns from what is joined and from defaults; without, they are counted and reported alone. */
  learning = true;
  /** Bytes of the table, fixed. */
  readonly bytes: number;
  readonly #policy: Policy;
  readonly #contextDim: number;
  /** Capacity × context. */
  readonly #contexts: Float64Array;
  readonly #ids: Float64Array;
  /** Of the table's own time [ns]. */
  readonly #deadlines: Float64Array;
  readonly #probabilities: Float64Array;
  readonly #actions: Int32Array;
  readonly #states: Uint8Array;
  readonly #flags: Uint8Array;
  /** A row as the policy takes it: doubles in arrays are not boxed on their way. */
  readonly #context: Float64Array;
  readonly #action = new Int32Array(1);
  readonly #probability = new Float64Array(1);
  /** Of the decision that is being entered, which may teach an older one on the way. */
  readonly #entered = new Float64Array(1);
  readonly #reward = new Float64Array(1);
  /** The id that is looked for. */
  readonly #wanted = new Float64Array(1);
  readonly #expiredReward = new Float64Array(1);
  readonly #learnsDefault: boolean;
  /** Timeout, smallest and largest reward. */
  readonly #limits: Float64Array;
  /** The time seen last, and the time that has passed since the first. */
  readonly #times = new Float64Array(2);
  /** The place after the newest entry. */
  #head = 0;
  /** Entries in the ring, in whatever state. */
  #count = 0;
  #waiting = 0;
  /** The place of the oldest entry that waits, while any does. */
  #first = 0;

  /**
   * @param policy that learns; its `contextDim` is the length of a context
   * @throws PolicyConfigError
   * @realtime unsafe (allocates)
   */
  constructor(policy: Policy, options: PendingRewardsOptions) {
    const { capacity, timeoutNs = Number.POSITIVE_INFINITY, expired = 'nothing', expiredReward = 0 } = options;
    const { rewardMin = Number.NEGATIVE_INFINITY, rewardMax = Number.POSITIVE_INFINITY } = options;
    const allow = (name: string, value: unknown, allowed: boolean, what: string): void => {
      if (!allowed) throw new PolicyConfigError(name, `${name} is ${value}, allowed: ${what}`);
    };
    const whole = Number.isInteger(capacity) && capacity >= 1 && capacity <= CAPACITY_LIMIT;
    allow('capacity', capacity, whole, `a whole number from 1 to ${CAPACITY_LIMIT}`);
    allow('timeoutNs', timeoutNs, timeoutNs > 0, 'more than 0');
    allow('expired', expired, expired === 'nothing' || expired === 'default', 'nothing, default');
    allow('rewardMax', rewardMax, rewardMax >= rewardMin, `a number from rewardMin, ${rewardMin}, on`);
    const inRange = Number.isFinite(expiredReward) && expiredReward >= rewardMin && expiredReward <= rewardMax;
    allow('expiredReward', expiredReward, inRange, `a finite number from ${rewardMin} to ${rewardMax}`);
    const counts = options.counts ?? new Uint32Array(PENDING_COUNTS);
    allow('counts', counts.length, counts.length >= PENDING_COUNTS, `at least ${PENDING_COUNTS} words`);

    this.#policy = policy;
    this.#contextDim = policy.contextDim;
    this.capacity = capacity;
    this.counts = counts;
    this.#contexts = new Float64Array(capacity * policy.contextDim);
    this.#ids = new Float64Array(capacity);
    this.#deadlines = new Float64Array(capacity);
    this.#probabilities = new Float64Array(capacity);
    this.#actions = new Int32Array(capacity);
    this.#states = new Uint8Array(capacity);
    this.#flags = new Uint8Array(capacity);
    this.#context = new Float64Array(policy.contextDim);
    this.#expiredReward[0] = expiredReward;
    this.#learnsDefault = expired === 'default';
    this.#limits = Float64Array.of(timeoutNs, rewardMin, rewardMax);
    this.#times[LAST] = Number.NaN;
    this.bytes = capacity * (8 * policy.contextDim + 3 * 8 + 4 + 2);
  }

  /** Decisions that wait for their reward. @realtime safe */
  get waiting(): number {
    return this.#waiting;
  }

  /** The place of the decision that has waited longest, 0 … `capacity` - 1; -1 where none waits. @realtime safe */
  get oldest(): number {
    return this.#waiting === 0 ? -1 : this.#first;
  }

  /** The place that the next decision gets. @realtime safe */
  get nextPlace(): number {
    return this.#head;
  }

  /** The id entered last; -1 before the first. @realtime safe */
  get newestId(): number {
    return this.#count === 0 ? -1 : this.#ids[this.#place(this.#count - 1)];
  }

  /** Whether the decision in a place is to be learned from. @realtime safe */
  isLearnable(place: number): boolean {
    return this.#flags[place] === LEARNABLE;
  }

  /**
   * Enters a decision. Where the ring is full the oldest entry makes room, and has expired if it still waited.
   *
   * @param id a whole number from 0 on, larger than all before
   * @param context `contextDim` finite numbers; copied
   * @param probability with which `action` was chosen, in (0, 1]
   * @param nowNs on a clock of the caller's; it dates the decision
   * @param learnable false where the action was not allowed, or was not what happened: its reward is then counted as
   *   ignored and never learned from
   * @throws PolicyInputError, the table unchanged
   * @realtime safe
   */
  enter(id: number, context: Float64Array, action: number, probability: number, nowNs: number, learnable = true): void {
    this.now[0] = nowNs;
    this.#entered[0] = probability;
    this.enterRow(id, context, action, this.#entered, learnable);
  }

  /** `enter` at the time `now`, with the probability in an array of one, which is not boxed. @realtime safe */
  enterRow(id: number, context: Float64Array, action: number, probabilities: Float64Array, learnable: boolean): void {
    const contextDim = this.#contextDim;
    const newest = this.#head === 0 ? this.capacity - 1 : this.#head - 1;
    if (!Number.isSafeInteger(id) || id < 0 || (this.#count > 0 && id <= this.#ids[newest])) this.#refuseId(id);
    checkLength('context_length', 'context', context.length, contextDim);
    checkContext(context, 0, contextDim);
    checkAction(action, this.#policy.nActions);
    if (!(probabilities[0] > 0 && probabilities[0] <= 1)) checkProbability(probabilities[0]);
    this.#advance();

    const place = this.#head;
    if (this.#count < this.capacity) this.#count++;
    else if (this.#states[place] === State.waiting) this.#giveUp(place, true);
    const at = place * contextDim;
    for (let i = 0; i < contextDim; i++) this.#contexts[at + i] = context[i];
    this.#ids[place] = id;
    this.#actions[place] = action;
    this.#probabilities[place] = probabilities[0];
    this.#deadlines[place] = this.#times[ELAPSED] + this.#limits[0];
    this.#states[place] = State.waiting;
    this.#flags[place] = learnable ? LEARNABLE : 0;
    if (this.#waiting === 0) this.#first = place;
    this.#waiting++;
    this.#head = place + 1 === this.capacity ? 0 : place + 1;
  }

  /**
   * Joins a reward to its decision. A reward that is refused leaves its decision waiting for a better one.
   *
   * @returns what became of it, one of `Join`
   * @realtime safe
   */
  join(id: number, reward: number): JoinCode {
    this.#wanted[0] = id;
    this.#reward[0] = reward;
    return this.#join(this.#find());
  }

  /** `join` with the id and the reward as the first two numbers of `row`, which are not boxed. @realtime safe */
  joinRow(row: Float64Array): JoinCode {
    this.#wanted[0] = row[0];
    this.#reward[0] = row[1];
    return this.#join(this.#find());
  }

  /** Joins a reward, an array of one, to the decision that has waited longest, of which there must be one. @realtime safe */
  joinOldest(rewards: Float64Array): JoinCode {
    this.#reward[0] = rewards[0];
    return this.#join(this.#waiting === 0 ? -1 : this.#first);
  }

  /**
   * Gives up what has waited for as long as is allowed, the oldest first.
   *
   * @param nowNs on the clock that dates decisions
   * @returns how many decisions to be learned from have expired
   * @throws PolicyInputError
   * @realtime safe
   */
  expire(nowNs: number): number {
    this.now[0] = nowNs;
    return this.expireDue(this.capacity);
  }

  /** `expire` at the time `now`, at most so many. @realtime safe */
  expireDue(limit: number): number {
    this.#advance();
    let expired = 0;
    for (let n = 0; n < limit && this.#waiting > 0; n++) {
      const place = this.#first;
      if (this.#deadlines[place] > this.#times[ELAPSED]) break;
      if (this.#flags[place] === LEARNABLE) expired++;
      this.#giveUp(place, false);
    }
    return expired;
  }

  /** Forgets the decision that has waited longest; nothing is learned, and a reward for it is unknown. @realtime safe */
  dropOldest(): void {
    if (this.#waiting > 0) this.#settle(this.#first, State.empty);
  }

  /** Forgets all that wait; nothing is learned, and rewards for them are unknown. @realtime safe */
  clear(): void {
    while (this.#waiting > 0) this.#settle(this.#first, State.empty);
  }

  #join(place: number): JoinCode {
    const counts = this.counts;
    const reward = this.#reward;
    const inRange = reward[0] >= this.#limits[1] && reward[0] <= this.#limits[2];
    if (!inRange || reward[0] - reward[0] !== 0) {
      counts[PendingCount.refused]++;
      return Join.refused;
    }
    const state = place < 0 ? State.empty : this.#states[place];
    if (state === State.empty) {
      counts[PendingCount.unknown]++;
      return Join.unknown;
    }
    if (state === State.paid) {
      counts[PendingCount.duplicate]++;
      return Join.duplicate;
    }
    if (state === State.expired) {
      counts[PendingCount.late]++;
      return Join.late;
    }
    if (this.#flags[place] !== LEARNABLE) {
      counts[PendingCount.ignored]++;
      this.#settle(place, State.paid);
      return Join.ignored;
    }
    if (this.learning && !this.#teach(place, reward)) {
      counts[PendingCount.refused]++;
      return Join.refused;
    }
    counts[PendingCount.joined]++;
    this.#account(place, reward);
    this.#settle(place, State.paid);
    return this.learning ? Join.learned : Join.reported;
  }

  /** @returns the place of the id that is wanted, -1 where it has none */
  #find(): number {
    if (this.#count === 0) return -1;
    const ids = this.#ids;
    const id = this.#wanted[0];
    const last = this.#count - 1;
    const newest = ids[this.#place(last)];
    const oldest = ids[this.#place(0)];
    // Also not where it is NaN.
    if (!(id >= oldest && id <= newest) || id !== Math.floor(id)) return -1;
    // Ids rise by at least one from entry to entry.
    let low = Math.max(0, last - (newest - id));
    let high = Math.min(last, id - oldest);
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const place = this.#place(middle);
      if (ids[place] === id) return place;
      if (ids[place] < id) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** The place of the k-th oldest entry. */
  #place(k: number): number {
    const place = this.#head - this.#count + k;
    return place < 0 ? place + this.capacity : place;
  }

  #giveUp(place: number, full: boolean): void {
    const learnable = this.#flags[place] === LEARNABLE;
    this.#settle(place, State.expired);
    if (!learnable) return;
    this.counts[PendingCount.expired]++;
    if (full) this.counts[PendingCount.overwritten]++;
    if (!this.#learnsDefault || !this.learning) return;
    if (this.#teach(place, this.#expiredReward)) this.#account(place, this.#expiredReward);
    else this.counts[PendingCount.refused]++;
  }

  /** Ends the waiting of a decision. */
  #settle(place: number, state: number): void {
    const states = this.#states;
    states[place] = state;
    this.#waiting--;
    if (place !== this.#first) return;
    let first = place;
    while (this.#waiting > 0 && states[first] !== State.waiting) first = first + 1 === this.capacity ? 0 : first + 1;
    this.#first = first;
  }

  #account(place: number, rewards: Float64Array): void {
    const tally = this.tally;
    tally[PendingTally.sum] += rewards[0];
    tally[PendingTally.count]++;
    tally[PendingTally.reward] = rewards[0];
    tally[PendingTally.id] = this.#ids[place];
    if (!this.learning) return;
    tally[PendingTally.learnedSum] += rewards[0];
    tally[PendingTally.learnedCount]++;
  }

  /** @returns false where the policy refuses the reward: what comes from outside must not end the cycle */
  #teach(place: number, rewards: Float64Array): boolean {
    const contextDim = this.#contextDim;
    const at = place * contextDim;
    for (let i = 0; i < contextDim; i++) this.#context[i] = this.#contexts[at + i];
    this.#action[0] = this.#actions[place];
    this.#probability[0] = this.#probabilities[place];
    try {
      this.#policy.updateBatch(this.#context, this.#action, rewards, this.#probability);
    } catch (error) {
      if (error instanceof PolicyInputError && error.code === 'reward_range') return false;
      throw error;
    }
    return true;
  }

  /** Time passes only forward: where a clock begins anew, what waits goes on waiting. */
  #advance(): void {
    const now = this.now[0];
    if (now - now !== 0) throw new PolicyInputError('time', `time is ${now}, expected a finite number`);
    const times = this.#times;
    if (now > times[LAST]) times[ELAPSED] += now - times[LAST];
    times[LAST] = now;
  }

  #refuseId(id: number): never {
    throw new PolicyInputError(
      'decision_id',
      `decision id is ${id}, expected a whole number larger than the last, ${this.newestId}`,
    );
  }
}
