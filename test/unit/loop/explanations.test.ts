/** Explanations from the cycle: when there are any, of which decisions, and that nobody can tell from the decisions. */
import { describe, expect, it } from 'vitest';
import {
  ACTION_COUNT,
  CONTEXT_DIM,
  DecisionField,
  Driver,
  EXPLAINED,
  ExplanationField,
} from '../../../src/memory/layout.js';
import { LoopRig } from './loop-rig.js';

function rigged(overrides: ConstructorParameters<typeof LoopRig>[0] = {}): LoopRig {
  const rig = new LoopRig({ epsilon: 0.3, ...overrides });
  // A wall to the left, and something in the way.
  rig.rangeAt = (angle) => (Math.abs(angle - 1.5) < 0.6 ? 1.2 : Math.abs(angle) < 0.1 ? 2 : Number.POSITIVE_INFINITY);
  rig.goal(30, 2);
  return rig;
}

function explanationOf(rig: LoopRig): Float64Array | null {
  const out = new Float64Array(rig.memory.explanations.recordDoubles);
  return rig.memory.explanations.read(out) ? out : null;
}

describe('explanations', () => {
  it('are made while they are asked for, of decisions of the policy, and sum up to its values', () => {
    const rig = rigged();
    rig.cycles(30);
    expect(explanationOf(rig)).toBeNull();
    rig.order('explain', 1);
    let said = 0;
    for (let i = 0; i < 60; i++) {
      const record = rig.cycle();
      const explanation = explanationOf(rig);
      if (record[DecisionField.driver] !== Driver.policy) {
        expect(explanation).toBeNull();
        continue;
      }
      expect(explanation?.[ExplanationField.cycle]).toBe(record[DecisionField.cycle]);
      for (let a = 0; a < ACTION_COUNT; a++) {
        let sum = 0;
        for (let f = 0; f < EXPLAINED; f++) {
          const part = explanation?.[ExplanationField.contributions + a * EXPLAINED + f] ?? Number.NaN;
          sum += part;
          if (part !== 0 && f < CONTEXT_DIM) said++;
        }
        expect(Math.abs(sum - record[DecisionField.values + a])).toBeLessThan(1e-9);
      }
    }
    expect(said).toBeGreaterThan(1000);
    rig.order('explain', 0);
    rig.cycles(5);
    expect(explanationOf(rig)).toBeNull();
  });

  it('are none of cycles in which nobody chose', () => {
    const rig = rigged();
    rig.order('explain', 1);
    rig.order('armed', 0);
    rig.cycles(3);
    expect(explanationOf(rig)).toBeNull();
    const rule = rigged({ policy: 'fallback' });
    rule.order('explain', 1);
    rule.cycles(3);
    expect(rule.field('driver')).toBe(Driver.fallback);
    expect(explanationOf(rule)).toBeNull();
  });

  it.each([
    ['bandit', 'disjoint'],
    ['linucb', 'tied'],
    ['lints', 'hybrid'],
    ['bootstrapped-ts', 'disjoint'],
    ['beta-bernoulli', 'disjoint'],
  ])('change no bit of a decision or of what is learned: %s, %s arms', (policy, arms) => {
    const overrides = { policy, arms, interactions: 'quadratic' } as NonNullable<
      ConstructorParameters<typeof LoopRig>[0]
    >;
    const asked = rigged(overrides);
    const twin = rigged(overrides);
    for (let i = 0; i < 150; i++) {
      asked.order('explain', i % 50 < 35 ? 1 : 0);
      const one = asked.cycle();
      const other = twin.cycle();
      expect(Buffer.from(one.buffer).equals(Buffer.from(other.buffer)), `cycle ${i}`).toBe(true);
    }
    expect(asked.updates).toBeGreaterThan(50);
    expect(asked.loop.policy.exportState()).toEqual(twin.loop.policy.exportState());
    expect(asked.loop.exportScaler()).toEqual(twin.loop.exportScaler());
  });
});
