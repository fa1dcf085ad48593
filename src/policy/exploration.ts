import type { Prng } from '../core/prng.js';
import type { ExplorationStrategy } from './contextual-bandit-config.js';

/** The strategies as small integers, for the cycle. */
export const Exploration = { epsilon: 0, softmax: 1, boltzmann: 2 } as const;
export type ExplorationCode = (typeof Exploration)[keyof typeof Exploration];

export function explorationCode(strategy: ExplorationStrategy): ExplorationCode {
  return Exploration[strategy];
}

/**
 * Where `distribute` and `distributeByGap` find their two numbers: doubles passed as arguments are boxed where a call is
 * not inlined.
 */
export const ExplorationField = {
  /** Temperature τ > 0, in units of reward; of `distribute`. */
  tau: 0,
  /** Weight γ ≥ 0 of a gap, per unit of reward; of `distributeByGap`, in the place of the temperature it has not. */
  gamma: 0,
  /** Share ε of uniform exploration. */
  epsilon: 1,
} as const;
export const EXPLORATION_FIELDS = 2;

/**
 * Writes the distribution that an action is drawn from: a share ε of it uniform over the allowed actions, the rest on
 * the best of them, ties alike (`epsilon`), or in proportion to exp(value / τ) (`softmax`, `boltzmann`).
 *
 * @param values of all actions, finite; only those of allowed actions count
 * @param allowed 0 = not to be chosen; null allows all
 * @param fields see `ExplorationField`
 * @param out as many numbers as `values`; 0 for what is not allowed
 * @returns how many actions can be drawn; 0 where none is allowed
 * @realtime safe
 */
export function distribute(
  values: Float64Array,
  allowed: Uint8Array | null,
  strategy: ExplorationCode,
  fields: Float64Array,
  out: Float64Array,
): number {
  const epsilon = fields[ExplorationField.epsilon];
  const nActions = values.length;
  let count = 0;
  let best = -Infinity;
  let ties = 0;
  for (let a = 0; a < nActions; a++) {
    out[a] = 0;
    if (allowed !== null && allowed[a] === 0) continue;
    count++;
    const value = values[a];
    if (value > best) {
      best = value;
      ties = 1;
    } else if (value === best) {
      ties++;
    }
  }
  if (count === 0) return 0;

  const uniform = epsilon / count;
  if (strategy === Exploration.epsilon) {
    const share = (1 - epsilon) / ties;
    for (let a = 0; a < nActions; a++) {
      if (allowed !== null && allowed[a] === 0) continue;
      out[a] = values[a] === best ? uniform + share : uniform;
    }
    return epsilon > 0 ? count : ties;
  }
  const tau = fields[ExplorationField.tau];
  let sum = 0;
  for (let a = 0; a < nActions; a++) {
    if (allowed !== null && allowed[a] === 0) continue;
    // Relative to the best, so that no exponential overflows.
    const mass = Math.exp((values[a] - best) / tau);
    out[a] = mass;
    sum += mass;
  }
  const scale = (1 - epsilon) / sum;
  for (let a = 0; a < nActions; a++) {
    if (allowed !== null && allowed[a] === 0) continue;
    out[a] = uniform + out[a] * scale;
  }
  return count;
}

/**
 * Writes the distribution of inverse gap weighting (Abe & Long 1999; SquareCB of Foster & Rakhlin 2020): among the K
 * allowed actions one whose value is d below the best has the share 1 / (K + γ d), and the best has what they leave,
 * which is 1 / K or more. A share ε of the whole is uniform, as in `distribute`.
 *
 * Several that are best share alike, which is the same as making one of them at random the best. The best takes the
 * rest whatever its place in the order, so that the shares sum to 1: normalising 1 / (K + γ d) instead, or leaving the
 * last action its own weight, is another law, whose regret nobody has bounded.
 *
 * @param values of all actions, finite; only those of allowed actions count
 * @param allowed 0 = not to be chosen; null allows all
 * @param fields see `ExplorationField`
 * @param out as many numbers as `values`; 0 for what is not allowed
 * @returns how many actions can be drawn; 0 where none is allowed
 * @realtime safe
 */
export function distributeByGap(
  values: Float64Array,
  allowed: Uint8Array | null,
  fields: Float64Array,
  out: Float64Array,
): number {
  const gamma = fields[ExplorationField.gamma];
  const epsilon = fields[ExplorationField.epsilon];
  const nActions = values.length;
  let count = 0;
  let best = -Infinity;
  let ties = 0;
  for (let a = 0; a < nActions; a++) {
    out[a] = 0;
    if (allowed !== null && allowed[a] === 0) continue;
    count++;
    const value = values[a];
    if (value > best) {
      best = value;
      ties = 1;
    } else if (value === best) {
      ties++;
    }
  }
  if (count === 0) return 0;

  let sum = 0;
  for (let a = 0; a < nActions; a++) {
    if ((allowed !== null && allowed[a] === 0) || values[a] === best) continue;
    const share = 1 / (count + gamma * (best - values[a]));
    out[a] = share;
    sum += share;
  }
  const rest = (1 - sum) / ties;
  const uniform = epsilon / count;
  const kept = 1 - epsilon;
  for (let a = 0; a < nActions; a++) {
    if (allowed !== null && allowed[a] === 0) continue;
    out[a] = uniform + kept * (values[a] === best ? rest : out[a]);
  }
  return count;
}

/**
 * Draws from a distribution. Rounding may leave its shares a little short of 1: a draw beyond them falls to the last
 * action that has a share.
 *
 * @param count of actions that can be drawn, as `distribute` returns it; with one there is nothing to draw, and the
 *   generator is left alone
 * @returns an action with a share; -1 where none has one
 * @realtime safe
 */
export function drawAction(shares: Float64Array, count: number, prng: Prng): number {
  let rest = count === 1 ? 0 : prng.nextFloat();
  let action = -1;
  for (let a = 0; a < shares.length; a++) {
    const share = shares[a];
    if (share > 0) {
      action = a;
      if (rest < share) break;
      rest -= share;
    }
  }
  return action;
}
