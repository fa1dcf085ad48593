import { describe, expect, it } from 'vitest';
import { jackal, noFaults, type Scenario, scenarioOf } from '../../sim/index.js';
import { VirtualSession } from '../../src/cli/virtual-session.js';
import { Counter } from '../../src/loop/statistics.js';
import { ACTION_COUNT, DecisionField, Driver } from '../../src/memory/layout.js';
import { isOverride } from '../../src/memory/reason.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { PendingCount } from '../../src/policy/pending-rewards.js';

const EPISODE = 3;

function sessionOf(scenario: Scenario, set: Record<string, string | number>): Promise<VirtualSession> {
  return VirtualSession.create({
    parameters: loadParameters([], { random_seed: 5, ...set }),
    scenario,
    robot: jackal,
    seed: 3,
    faults: noFaults,
    frozen: false,
  });
}

/** Rewards by the cycle that paid them, in order, each with the decision that it was for. */
type Payments = Map<number, { id: number; reward: number }[]>;

/** Drives an episode that the cycle itself pays, and writes down what it paid. */
async function paidByTheCycle(scenario: Scenario, set: Record<string, string | number>) {
  const session = await sessionOf(scenario, set);
  const payments: Payments = new Map();
  const taught: number[] = [];
  const { policy } = session.loop;
  const update = policy.updateBatch.bind(policy);
  policy.updateBatch = (contexts, actions, rewards, probabilities) => {
    taught.push(rewards[0]);
    update(contexts, actions, rewards, probabilities);
  };
  const waiting: number[] = [];
  const record = new Float64Array(session.memory.decisions.recordDoubles);
  session.startEpisode(EPISODE);
  for (let running = true; running; ) {
    running = session.advance(1);
    while (session.memory.decisions.read(record)) {
      const cycle = record[DecisionField.cycle];
      const paid = taught.splice(0).map((reward) => ({ id: waiting.shift() as number, reward }));
      payments.set(cycle, paid);
      // The record says itself which decision was paid last.
      expect(record[DecisionField.rewardedCycle]).toBe(paid.at(-1)?.id ?? Number.NaN);
      const decided = record[DecisionField.driver] === Driver.policy;
      if (decided && !isOverride(record[DecisionField.reason])) waiting.push(cycle);
    }
  }
  return { session, payments };
}

function stateOf(session: VirtualSession) {
  return {
    policy: session.loop.policy.exportState(),
    scaler: session.loop.exportScaler(),
    world: session.simulator.stateHash(),
  };
}

const counted = (session: VirtualSession, name: keyof typeof PendingCount) =>
  session.loop.statistics.counters[Counter.feedback + PendingCount[name]];

/** Has a model of each direction by its number, which shared directions have not. */
const BANDIT = { policy: 'bandit', arms: 'disjoint' } as const;

describe('a robot that is paid by feedback', () => {
  it.each([
    ['the default', {}],
    ['the bandit', BANDIT],
  ])(
    'learns with %s the same bits as one that the cycle pays, from the same rewards after the same time',
    async (_, policy) => {
      // SquareCB measures gaps in the range that rewards are declared to have.
      const ranges = { reward_min: -10, reward_max: 10, 'feedback.reward_min': -10, 'feedback.reward_max': 10 };
      const set = { ...policy, ...ranges };
      const { session: byCycle, payments } = await paidByTheCycle(scenarioOf('clutter'), set);
      const sum = [...payments.values()].reduce((count, paid) => count + paid.length, 0);
      expect(sum).toBeGreaterThan(300);

      const byFeedback = await sessionOf(scenarioOf('clutter'), { ...set, 'reward.source': 'feedback' });
      byFeedback.startEpisode(EPISODE);
      for (let cycle = 0, running = true; running; cycle++) {
        for (const { id, reward } of payments.get(cycle) ?? []) byFeedback.observations.feedback(id, reward, cycle);
        running = byFeedback.advance(1);
      }
      expect(stateOf(byFeedback)).toEqual(stateOf(byCycle));
      expect([counted(byFeedback, 'joined'), counted(byFeedback, 'expired')]).toEqual([sum, 0]);
      expect(byFeedback.loop.statistics.counters[Counter.learned]).toBe(sum);
      byCycle.close();
      byFeedback.close();
    },
  );

  it('learns from rewards that a program makes of the decision records, late and in disorder', async () => {
    const session = await sessionOf(scenarioOf('clutter'), {
      ...BANDIT,
      'reward.source': 'feedback',
      exploration_strategy: 'epsilon',
    });
    const record = new Float64Array(session.memory.decisions.recordDoubles);
    const owed: { id: number; reward: number }[] = [];
    const values = new Float64Array(ACTION_COUNT);
    let decisions = 0;
    for (let episode = 0; episode < 3; episode++) {
      await session.renew();
      session.startEpisode(episode);
      for (let running = true; running; ) {
        running = session.advance(1);
        while (session.memory.decisions.read(record)) {
          if (record[DecisionField.driver] !== Driver.policy) continue;
          decisions++;
          values.set(record.subarray(DecisionField.values, DecisionField.values + ACTION_COUNT));
          const action = record[DecisionField.action];
          // Directions 0 and 4 are worth what they are called; overridden ones are paid as well, to no effect.
          owed.push({ id: record[DecisionField.cycle], reward: action === 0 ? 1 : action === 4 ? -1 : 0 });
        }
        // Twenty at once, the newest first, some of them 0.4 s late.
        if (owed.length >= 20)
          while (owed.length > 0) {
            const { id, reward } = owed.pop() as (typeof owed)[number];
            session.observations.feedback(id, reward, 0);
          }
      }
    }
    expect(counted(session, 'joined') + counted(session, 'ignored')).toBeGreaterThan(0.9 * decisions);
    expect(counted(session, 'joined')).toBe(session.loop.statistics.counters[Counter.learned]);
    expect(counted(session, 'unknown') + counted(session, 'duplicate') + counted(session, 'late')).toBe(0);
    // As the policy saw them in its last decision.
    expect(values[0]).toBeGreaterThan(0.8);
    expect(values[0]).toBe(Math.max(...values));
    session.close();
  });

  it('learns the default of decisions that nobody pays', async () => {
    const session = await sessionOf(scenarioOf('clutter'), {
      'reward.source': 'feedback',
      'feedback.timeout_s': 0.5,
      'feedback.expired': 'default',
      'feedback.expired_reward': -0.5,
    });
    session.startEpisode(0);
    session.advance(200);
    const stats = session.loop.policy.stats();
    expect(stats.updates).toBeGreaterThan(100);
    expect(stats.meanReward).toBeCloseTo(-0.5, 12);
    expect(counted(session, 'expired')).toBe(stats.updates);
    // What is not half a second old waits.
    expect(session.loop.statistics.counters[Counter.waiting]).toBeLessThanOrEqual(25);
    session.close();
  });

  it('drives on, whatever nonsense it is told', async () => {
    const quiet = await sessionOf(scenarioOf('clutter'), { 'reward.source': 'feedback' });
    const pestered = await sessionOf(scenarioOf('clutter'), { 'reward.source': 'feedback' });
    const ids = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 1e300, 2 ** 53, 2 ** 40, 1e15];
    const rewards = [0, Number.NaN, Number.NEGATIVE_INFINITY, 1e300, -0, 1, 101, -101, 1e15];
    for (const session of [quiet, pestered]) session.startEpisode(EPISODE);
    let sent = 0;
    for (let cycle = 0, running = true; running; cycle++) {
      for (let i = 0; i < 30; i++) {
        // No decision that there is, or no reward that there can be.
        const id = ids[(cycle + i) % ids.length];
        const bogus = pestered.observations.feedback(id, rewards[(cycle * 7 + i) % rewards.length], 0);
        const worse = pestered.observations.feedback(Math.max(0, cycle - 5), i % 2 === 0 ? 100.5 : Number.NaN, 0);
        sent += (bogus === 0 ? 1 : 0) + (worse === 0 ? 1 : 0);
      }
      running = pestered.advance(1);
      expect(quiet.advance(1)).toBe(running);
    }
    expect(stateOf(pestered)).toEqual(stateOf(quiet));
    const { counters } = pestered.loop.statistics;
    expect(counted(pestered, 'joined') + counted(pestered, 'ignored')).toBe(0);
    const taken = counted(pestered, 'unknown') + counted(pestered, 'refused');
    expect(taken).toBeGreaterThan(1000);
    // What the last cycles have not read yet is in the ring.
    expect(taken + counters[Counter.feedbackDropped]).toBeGreaterThan(sent - 1024);
    expect(taken + counters[Counter.feedbackDropped]).toBeLessThanOrEqual(sent);
    quiet.close();
    pestered.close();
  });
});
