import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import type { Policy } from '../../src/policy/policy.js';

/** A configuration whose decisions and state lie in files, named as its cases are: NAME.json and NAME.state. */
export interface GoldenPolicy {
  /** Written into the file beside the configuration, where there is one. */
  readonly policy?: string;
  readonly config: object;
  make(config: object): Policy;
}

/** What a policy lives through: a hundred decisions, each rewarded. */
export interface GoldenLife {
  /** Features are drawn from ± this. */
  readonly range: number;
  /** @param step of the decision, from 0 */
  reward(context: Float64Array, action: number, step: number): number;
}

interface Golden {
  policy: string | undefined;
  config: object;
  /** Action and its probability, decision by decision; JSON keeps every bit of a double. */
  decisions: [number, number][];
  values: number[];
}

const DECISIONS = 100;

/** A reward that is a difference of features. */
export const rewardOfFeatures = (context: Float64Array, action: number): number => context[action] - 0.5 * context[0];

/** The reward of a world that turns over at half time. */
export const turningOver =
  (reward: GoldenLife['reward']): GoldenLife['reward'] =>
  (context, action, step) =>
    (step < DECISIONS / 2 ? 1 : -1) * reward(context, action, step);

/**
 * Tests that every case is reproduced to the last bit, and that its state is read and gone on from.
 * `REGENERATE_GOLDEN=1 npx vitest run test/golden/policy` writes the files anew.
 *
 * @param folder address of any file in the folder of the golden files
 */
export function describeGoldenPolicies(
  title: string,
  folder: string,
  cases: { readonly [name: string]: GoldenPolicy },
  life: GoldenLife,
): void {
  describe(title, () => {
    for (const [name, one] of Object.entries(cases)) {
      const json = new URL(`${name}.json`, folder);
      const stateFile = new URL(`${name}.state`, folder);

      it(`${name} is reproduced to the last bit`, () => {
        const { golden, policy } = live(one, life);
        const state = policy.exportState();
        if (process.env['REGENERATE_GOLDEN'] === '1') {
          writeFileSync(json, `${JSON.stringify(golden, null, 2)}\n`);
          writeFileSync(stateFile, state);
        }
        expect(golden).toEqual(JSON.parse(readFileSync(json, 'utf8')));
        expect(Buffer.from(state).equals(readFileSync(stateFile))).toBe(true);
      });

      it(`${name} is still read, and goes on as it did`, () => {
        const stored = JSON.parse(readFileSync(json, 'utf8')) as Golden;
        const policy = one.make(stored.config);
        policy.importState(readFileSync(stateFile));
        expect(policy.stats().updates).toBe(DECISIONS);
        expect(policy.lastProbability).toBe(stored.decisions[DECISIONS - 1][1]);
        const { policy: other } = live(one, life);
        const context = new Float64Array(policy.contextDim).fill(0.5);
        for (let i = 0; i < 20; i++) expect(policy.select(context, null)).toBe(other.select(context, null));
      });
    }
  });
}

/** Lives through `life` from the seed of all golden files, with about one of five actions not allowed. */
function live({ policy: name, config, make }: GoldenPolicy, life: GoldenLife): { golden: Golden; policy: Policy } {
  const policy = make(config);
  const prng = Prng.seeded(7);
  const context = new Float64Array(policy.contextDim);
  const allowed = new Uint8Array(policy.nActions);
  const decisions: [number, number][] = [];
  for (let i = 0; i < DECISIONS; i++) {
    for (let k = 0; k < context.length; k++) context[k] = prng.nextRange(-life.range, life.range);
    for (let a = 0; a < allowed.length; a++) allowed[a] = a === i % allowed.length || prng.nextFloat() < 0.8 ? 1 : 0;
    const action = policy.select(context, allowed);
    decisions.push([action, policy.lastProbability]);
    policy.update(context, action, life.reward(context, action, i), policy.lastProbability);
  }
  const values = new Float64Array(policy.nActions);
  policy.values(context, values);
  return { golden: { policy: name, config, decisions, values: [...values] }, policy };
}
