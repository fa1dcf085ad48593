import { hashSeed, murmur3String } from '../../src/core/hash.js';
import type { ContextualBanditConfig } from '../../src/policy/contextual-bandit-config.js';

interface Slot {
  weight: number;
  gradients: number;
  scale: number;
}

/**
 * The bandit as its papers write it, with one object per table slot and no thought for speed. It follows Vowpal
 * Wabbit's order: scale and accumulate each feature, then step; a feature of value 0 is absent.
 */
export class SlowBandit {
  readonly #config: ContextualBanditConfig;
  readonly #table = new Map<number, Slot>();
  #normSum: number;
  #normWeight: number;
  #time = 0;

  constructor(config: ContextualBanditConfig) {
    this.#config = config;
    this.#normSum = config.initial_t;
    this.#normWeight = config.initial_t;
  }

  /** Where each feature of an action lies in the table, the constant last. */
  slotNumbers(action: number): number[] {
    const { feature_names: names, context_dim: count, bits } = this.#config;
    const given = names ?? Array.from({ length: count }, (_, i) => `f${i}`);
    return [...given, 'constant'].map((name) => murmur3String(name, hashSeed(0, action)) % 2 ** bits);
  }

  #slot(action: number, feature: number): Slot {
    const number = this.slotNumbers(action)[feature];
    const slot = this.#table.get(number) ?? { weight: 0, gradients: this.#config.initial_t, scale: 0 };
    this.#table.set(number, slot);
    return slot;
  }

  value(context: Float64Array, action: number): number {
    return [...context, 1].reduce((sum, x, i) => sum + this.#slot(action, i).weight * x, 0);
  }

  update(context: Float64Array, action: number, reward: number, probability: number): void {
    const config = this.#config;
    const h = config.cb_type === 'mtr' ? Math.min(1 / probability, config.importance_cap) : 1;
    const error = reward - this.value(context, action);
    const present = [...context, 1].map((x, i) => ({ x, slot: this.#slot(action, i) })).filter(({ x }) => x !== 0);
    const time = this.#time;
    this.#time += h;
    if (error === 0) return;

    const normPower = config.adaptive ? config.power_t - 1 : -1;
    const rates = present.map(({ x, slot }) => {
      if (config.adaptive) slot.gradients += h * (2 * error * x) ** 2;
      if (config.normalized) {
        if (Math.abs(x) > slot.scale) {
          if (slot.scale > 0) slot.weight *= ((x * x) / (slot.scale * slot.scale)) ** normPower;
          slot.scale = Math.abs(x);
        }
        this.#normSum += h * (x / slot.scale) ** 2;
      }
      return (
        (config.adaptive ? slot.gradients ** -config.power_t : 1) *
        (config.normalized ? slot.scale ** (2 * normPower) : 1)
      );
    });
    let shared = 1;
    if (config.normalized) {
      this.#normWeight += h;
      shared = (this.#normSum / this.#normWeight) ** normPower;
    }
    const slope = present.reduce((sum, { x }, k) => sum + x * x * rates[k] * shared, 0);
    let eta = config.learning_rate;
    const origin = Math.max(config.initial_t, 1);
    if (!config.adaptive) eta *= (origin / (origin + time)) ** config.power_t;
    const change = config.invariant ? (error * (1 - Math.exp(-2 * eta * h * slope))) / slope : 2 * error * eta * h;
    const effective = change / (2 * error);
    present.forEach(({ x, slot }, k) => {
      const stepped =
        (slot.weight + change * shared * rates[k] * x) * Math.max(0, 1 - config.l2_regularization * effective);
      const left = Math.max(0, Math.abs(stepped) - config.l1_regularization * effective);
      slot.weight = Math.sign(stepped) * left;
    });
  }
}

/** The distribution a configuration draws from, given values, as the issue words it. */
export function slowDistribution(
  config: ContextualBanditConfig,
  values: number[],
  allowed: boolean[],
  epsilon: number,
): number[] {
  const count = allowed.filter(Boolean).length;
  const best = Math.max(...values.filter((_, a) => allowed[a]));
  const tau = config.exploration_strategy === 'boltzmann' ? config.boltzmann_tau : 1;
  const mass = values.map((value, a) => {
    if (!allowed[a]) return 0;
    if (config.exploration_strategy === 'epsilon') return value === best ? 1 : 0;
    return Math.exp((value - best) / tau);
  });
  const total = mass.reduce((sum, m) => sum + m, 0);
  return mass.map((m, a) => (allowed[a] ? (1 - epsilon) * (m / total) + epsilon / count : 0));
}
