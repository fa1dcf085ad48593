/** Every policy in the cycle, in the simulator on a virtual clock. */
import { describe, expect, it } from 'vitest';
import { jackal, noFaults, scenarioOf } from '../../sim/index.js';
import { VirtualSession } from '../../src/cli/virtual-session.js';
import { snapshotShapeOf } from '../../src/loop/configuration.js';
import { Counter } from '../../src/loop/statistics.js';
import { DecisionField, Driver } from '../../src/memory/layout.js';
import { loadParameters } from '../../src/parameters/loader.js';
import type { ParameterValue, ParameterValues } from '../../src/parameters/schema.js';
import { POLICY_NAMES } from '../../src/policy/create-policy.js';

interface Learned {
  policy: Uint8Array;
  scaler: Uint8Array;
}

function parametersOf(set: Record<string, ParameterValue>): ParameterValues {
  // Small tables, and a watch for drift that looks at everything, so that its state is one that changes.
  return loadParameters([], {
    controller_frequency: 20,
    bits: 8,
    max_beams: 720,
    drift: 'reset',
    drift_minimum: 20,
    ...set,
  });
}

const sessionOf = (parameters: ParameterValues, learned: Learned | null = null) =>
  VirtualSession.create({
    parameters,
    scenario: scenarioOf('clutter'),
    robot: jackal,
    seed: 5,
    faults: noFaults,
    frozen: false,
    learned,
  });

const learnedBy = (session: VirtualSession): Learned => ({
  policy: session.loop.policy.exportState(),
  scaler: session.loop.exportScaler(),
});

/** Drives so many cycles of an episode, from where the session stands. @returns every decision */
function drive(session: VirtualSession, episode: number, cycles: number): Float64Array[] {
  const records: Float64Array[] = [];
  const record = new Float64Array(session.memory.decisions.recordDoubles);
  session.startEpisode(episode);
  for (let running = true, left = cycles; running && left > 0; left -= 50) {
    running = session.advance(50);
    while (session.memory.decisions.read(record)) records.push(record.slice());
  }
  return records;
}

const cases = POLICY_NAMES.flatMap((policy) =>
  (['disjoint', 'tied', 'hybrid'] as const).map((arms): [string, string] => [policy, arms]),
);

describe('a cycle with any policy', () => {
  it.each(cases)(
    '%s, arms %s: decides with true probabilities, learns, and goes on with the same bits',
    async (policy, arms) => {
      const parameters = parametersOf({ policy, arms });
      const whole = await sessionOf(parameters);
      expect(whole.loop.policy.name).toBe(policy);
      const records = drive(whole, 0, 300);
      let decisions = 0;
      for (const r of records) {
        if (r[DecisionField.driver] !== Driver.policy) continue;
        decisions++;
        const distribution = r.slice(DecisionField.distribution, DecisionField.distribution + 8);
        expect(distribution.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
        expect(r[DecisionField.probability]).toBeGreaterThan(0);
        for (let a = 0; a < 8; a++) {
          if ((r[DecisionField.allowed] & (1 << a)) === 0) expect(distribution[a]).toBe(0);
        }
      }
      // A good one arrives sooner, a bad one is driven out by the rule.
      expect(decisions).toBeGreaterThan(50);
      expect(whole.loop.policy.stats().decisions).toBe(decisions);
      expect(whole.loop.policy.stats().updates).toBe(whole.loop.statistics.counters[Counter.learned]);
      expect(whole.loop.statistics.counters[Counter.learned]).toBeGreaterThan(30);
      const state = learnedBy(whole);
      expect([state.policy.length, state.scaler.length]).toEqual(Object.values(snapshotShapeOf(parameters)));

      // The same again, and from a saved state: the next episode has the same bits all three ways.
      const again = await sessionOf(parameters);
      expect(drive(again, 0, 300)).toEqual(records);
      const resumed = await sessionOf(parameters, state);
      await whole.renew();
      await again.renew();
      const next = drive(whole, 1, 150);
      expect(learnedBy(again)).toEqual(state);
      drive(again, 1, 150);
      const other = drive(resumed, 1, 150);
      expect(learnedBy(again)).toEqual(learnedBy(whole));
      expect(learnedBy(resumed)).toEqual(learnedBy(whole));
      const choices = (rs: Float64Array[]) =>
        rs.map((r) => [r[DecisionField.action], r[DecisionField.probability], r[DecisionField.reward]]);
      expect(choices(other)).toEqual(choices(next));
      for (const session of [whole, again, resumed]) session.close();
    },
  );

  it.each(['tied', 'hybrid'])('sees products of features too, arms %s', async (arms) => {
    const parameters = parametersOf({ policy: 'bandit', arms, interactions: 'quadratic', hash_bits: 6 });
    const session = await sessionOf(parameters);
    drive(session, 0, 200);
    expect(session.loop.policy.contextDim).toBeGreaterThan(8 * 22 + 8 * 32);
    expect(session.loop.policy.stats().updates).toBeGreaterThan(50);
    session.close();
  });

  it.each(['linucb', 'beta-bernoulli'])('takes what is beyond the range of rewards as its end: %s', async (policy) => {
    const session = await sessionOf(parametersOf({ policy, reward_min: -0.1, reward_max: 0.2 }));
    const rewards = drive(session, 0, 200).map((r) => r[DecisionField.reward]);
    const paid = rewards.filter((reward) => !Number.isNaN(reward));
    expect([Math.min(...paid), Math.max(...paid)]).toEqual([-0.1, 0.2]);
    session.close();
  });
});
