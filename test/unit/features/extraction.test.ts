import { describe, expect, it } from 'vitest';
import { ACTION_MEMORY, FEATURES, FeatureExtractor } from '../../../src/features/extraction.js';
import { CONTEXT_DIM } from '../../../src/memory/layout.js';
import { Observation } from '../../../src/memory/observation.js';

/** An observation in which every number is another. */
function telling(): Observation {
  const o = new Observation(4);
  Object.assign(o, { x: 11, y: 22, goalOriginX: 1, goalOriginY: 2, vx: 0.3, vy: 0.4 });
  Object.assign(o, { goalForward: 3, goalLeft: -4, goalDistance: 5, goalBearing: -0.9 });
  o.sectorRange.set([1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8]);
  o.contact.set([6, 7, 8, 9]);
  return o;
}

describe('the 24 features', () => {
  it('lie where the table says', () => {
    const extractor = new FeatureExtractor();
    for (const action of [0, 3, 7, 5, 1]) extractor.remember(action);
    const out = new Float64Array(CONTEXT_DIM);
    extractor.extract(telling(), out);
    const table = {
      position: [10, 20],
      velocity: [0.3, 0.4],
      obstacles: [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8],
      goal: [3, -4, 5, -0.9],
      // Newest first, (action + 1) / 8.
      actions: [2 / 8, 6 / 8, 8 / 8, 4 / 8],
      contact: [6, 7, 8, 9],
    };
    expect([...out]).toEqual(Object.values(table).flat());
  });

  it('have a name and a unit each, all names different', () => {
    expect(FEATURES).toHaveLength(CONTEXT_DIM);
    expect(new Set(FEATURES.map((feature) => feature.name)).size).toBe(CONTEXT_DIM);
    expect(FEATURES.map((feature) => feature.unit)).toEqual([
      ...['m', 'm', 'm/s', 'm/s'],
      ...new Array(8).fill('m'),
      ...['m', 'm', 'm', 'rad'],
      ...['', '', '', ''],
      ...['N', 'N', 'N', 'N'],
    ]);
    expect(FEATURES[4].name).toBe('obstacle_0');
    expect(FEATURES[14].name).toBe('goal_distance');
    expect(FEATURES[16].name).toBe('action_1_ago');
    expect(FEATURES[23].name).toBe('contact_right');
  });

  it('hold 0 where there was no action, and none after they are cleared', () => {
    const extractor = new FeatureExtractor();
    const out = new Float64Array(CONTEXT_DIM);
    const actions = () => {
      extractor.extract(telling(), out);
      return [...out.subarray(16, 16 + ACTION_MEMORY)];
    };
    expect(actions()).toEqual([0, 0, 0, 0]);
    extractor.remember(7);
    extractor.remember(-1);
    expect(actions()).toEqual([0, 1, 0, 0]);
    extractor.clear();
    expect(actions()).toEqual([0, 0, 0, 0]);
  });

  it('do not change what is remembered by being read', () => {
    const extractor = new FeatureExtractor();
    extractor.remember(2);
    const first = new Float64Array(CONTEXT_DIM).fill(255);
    const second = new Float64Array(CONTEXT_DIM).fill(-255);
    extractor.extract(telling(), first);
    extractor.extract(telling(), second);
    expect(second).toEqual(first);
  });
});
