import { describe, expect, it } from 'vitest';
import { contest, curveMarks, meanOf, type Runner } from '../../../src/bakeoff/contest.js';
import { BanditProblem } from '../../../src/bakeoff/problem.js';
import { parseTable, type Table } from '../../../src/bakeoff/table.js';
import type { Policy } from '../../../src/policy/policy.js';

/** What a policy without a model does; records what it is shown and told. */
class Scripted {
  readonly contexts: number[][] = [];
  readonly rewards: number[] = [];
  readonly probabilities: number[] = [];
  lastProbability = 0;
  readonly #choose: (context: Float64Array, decision: number) => number;
  constructor(choose: (context: Float64Array, decision: number) => number) {
    this.#choose = choose;
  }
  select(context: Float64Array): number {
    this.contexts.push([...context]);
    this.lastProbability = 0.25 + 0.5 * (this.contexts.length % 2);
    return this.#choose(context, this.contexts.length - 1);
  }
  update(_context: Float64Array, _action: number, reward: number, probability: number): void {
    this.rewards.push(reward);
    this.probabilities.push(probability);
  }
  stats() {
    return { bytes: 123, driftAlarms: 2 };
  }
}

function scripted(choose: (context: Float64Array, decision: number) => number) {
  const made: Scripted[] = [];
  const contestant: Runner = {
    name: 'scripted',
    map: 'linear',
    make: () => {
      const policy = new Scripted(choose);
      made.push(policy);
      return policy as unknown as Policy;
    },
  };
  return { contestant, made };
}

const table: Table = parseTable(
  Array.from({ length: 500 }, (_, i) => `${i % 5},${i % 2 === 0 ? 'a' : 'b'}`).join('\n'),
);
const options = { shuffles: 3, seed: 42, drift: 'none' } as const;

describe('a contest', () => {
  it('counts as wrong what is not the label: always the first class is half wrong', async () => {
    const { contestant, made } = scripted(() => 0);
    const result = await contest(table, contestant, options);
    expect(result).toMatchObject({ policy: 'scripted', errorRate: 0.5, standardError: 0, bytes: 123, driftAlarms: 2 });
    expect(made).toHaveLength(3);
    for (const { rewards } of made) expect(rewards.reduce((sum, reward) => sum + reward, 0)).toBe(250);
  });

  it('learns each decision with the probability it was chosen with', async () => {
    const { contestant, made } = scripted(() => 0);
    await contest(table, contestant, { ...options, shuffles: 1 });
    expect(made[0].probabilities.slice(0, 4)).toEqual([0.75, 0.25, 0.75, 0.25]);
  });

  it('shows every policy the same contexts in the same order, whatever it chooses', async () => {
    const zero = scripted(() => 0);
    const one = scripted(() => 1);
    await contest(table, zero.contestant, options);
    await contest(table, one.contestant, options);
    expect(one.made.map(({ contexts }) => contexts)).toEqual(zero.made.map(({ contexts }) => contexts));
    expect(zero.made[0].contexts).not.toEqual(zero.made[1].contexts);
  });

  it('rewards the rotated label after the half', async () => {
    const problem = new BanditProblem(table, 'rotate', 42, 0);
    const { contestant } = scripted((_, decision) => table.labels[problem.order[decision]]);
    const drifted = await contest(table, contestant, { shuffles: 1, seed: 42, drift: 'rotate' });
    expect(drifted?.errorRate).toBe(0.5);
    // Binomial, where there is one shuffle.
    expect(drifted?.standardError).toBeCloseTo(Math.sqrt(0.25 / 500), 12);
    expect(drifted?.curve.mean[curveMarks(500).indexOf(250)]).toBe(0);
  });

  it('gives mean and standard error over the shuffles', async () => {
    let shuffle = -1;
    const contestant: Runner = {
      name: 'scripted',
      map: 'linear',
      make: () => {
        shuffle++;
        const problem = new BanditProblem(table, 'none', 42, shuffle);
        const wrong = 50 * shuffle;
        return new Scripted((_, decision) => {
          const label = table.labels[problem.order[decision]];
          return decision < wrong ? 1 - label : label;
        }) as unknown as Policy;
      },
    };
    const result = await contest(table, contestant, options);
    // 0, 0.1 and 0.2.
    expect(result?.errorRate).toBeCloseTo(0.1, 12);
    expect(result?.standardError).toBeCloseTo(0.1 / Math.sqrt(3), 12);
    expect(result?.curve.mean.at(-1)).toBeCloseTo(0.1, 12);
    expect(result?.curve.standardError.at(-1)).toBeCloseTo(0.1 / Math.sqrt(3), 12);
    expect(result?.curve.examples.at(-1)).toBe(500);
  });

  it('ends where progress says so, and says how far it was', async () => {
    const { contestant } = scripted(() => 0);
    const seen: number[][] = [];
    const result = await contest(table, contestant, options, (done, total) => {
      seen.push([done, total]);
      return seen.length < 2;
    });
    expect(result).toBeNull();
    expect(seen.at(-1)).toEqual([1000, 1500]);
  });
});

describe('the points of a curve', () => {
  it('end with the last example, and are no more than the examples', () => {
    expect(curveMarks(3)).toEqual([1, 2, 3]);
    const marks = curveMarks(10_007);
    expect(marks.at(-1)).toBe(10_007);
    expect(new Set(marks).size).toBe(marks.length);
  });

  it('have no standard error where there is one value', () => {
    expect(meanOf([0.3])).toEqual({ mean: 0.3, standardError: 0 });
    expect(meanOf([1, 3])).toEqual({ mean: 2, standardError: 1 });
  });
});
