import { describe, expect, it } from 'vitest';
import {
  TURNED_COUNT,
  TURNED_DIM,
  TURNED_GROUPS,
  TURNED_NAMES,
  Turned,
  turnFeatures,
} from '../../../src/features/direction-frames.js';
import { FEATURES, Feature } from '../../../src/features/extraction.js';
import { CONTEXT_DIM } from '../../../src/memory/layout.js';

function turned(raw: Partial<Record<keyof typeof Feature, number | readonly number[]>>): Float64Array[] {
  const features = new Float64Array(CONTEXT_DIM);
  for (const [name, value] of Object.entries(raw)) {
    features.set(typeof value === 'number' ? [value] : value, Feature[name as keyof typeof Feature]);
  }
  const out = new Float64Array(TURNED_COUNT).fill(Number.NaN);
  turnFeatures(features, out);
  return Array.from({ length: 8 }, (_, k) => out.slice(k * TURNED_DIM, (k + 1) * TURNED_DIM));
}
const of = (frames: Float64Array[], feature: number) => frames.map((frame) => frame[feature]);

describe('the features in a direction’s frame', () => {
  it('have names of their own, and belong to one group each', () => {
    expect(new Set([...TURNED_NAMES, ...FEATURES.map(({ name }) => name)]).size).toBe(TURNED_DIM + CONTEXT_DIM);
    const uses = TURNED_GROUPS.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i));
    expect(uses).toEqual(Array.from({ length: TURNED_DIM }, (_, i) => i));
    expect(TURNED_NAMES[Turned.obstacle + 1]).toBe('obstacle_+1');
    expect(TURNED_NAMES[Turned.contact]).toBe('contact_ahead');
  });

  it('write every one of them, and nothing of the position', () => {
    const zeros = turned({});
    expect(zeros.every((frame) => frame.every((value) => !Number.isNaN(value)))).toBe(true);
    expect(turned({ positionX: 7, positionY: -3 })).toEqual(zeros);
  });

  it('turn velocity and goal against the direction', () => {
    // Driving to the left: all of it along direction 2, none along 0, and backwards along 6.
    const frames = turned({ velocityX: 0, velocityY: 2, goalForward: 3, goalLeft: 0, goalDistance: 3 });
    expect(of(frames, Turned.velocityAlong)[2]).toBe(2);
    expect(of(frames, Turned.velocityAcross)[2]).toBeCloseTo(0, 15);
    expect(of(frames, Turned.velocityAlong)[6]).toBe(-2);
    expect(of(frames, Turned.velocityAlong)[1]).toBeCloseTo(Math.SQRT2, 15);
    // A goal ahead lies to the right of direction 2, and behind direction 4.
    expect(of(frames, Turned.goalAcross)[2]).toBe(-3);
    expect(of(frames, Turned.goalAlong)[4]).toBe(-3);
    expect(of(frames, Turned.goalDistance)).toEqual(Array(8).fill(3));
  });

  it('wrap the bearing to what is more than -π and at most π', () => {
    const ahead = of(turned({ goalBearing: 0 }), Turned.goalBearing);
    expect(ahead[4]).toBe(Math.PI);
    expect(ahead[1]).toBeCloseTo(-Math.PI / 4, 15);
    expect(ahead[7]).toBeCloseTo(Math.PI / 4, 15);
    expect(of(turned({ goalBearing: -Math.PI }), Turned.goalBearing)[0]).toBe(Math.PI);
  });

  it('shift sectors, and previous actions, of which none stays none', () => {
    const frames = turned({ obstacle: [10, 11, 12, 13, 14, 15, 16, 17], previousAction: [3 / 8, 1, 1 / 8, 0] });
    expect(of(frames, Turned.obstacle)).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
    expect(of(frames, Turned.obstacle + 7)).toEqual([17, 10, 11, 12, 13, 14, 15, 16]);
    // Action 2: the same as direction 2, one to the left of direction 1, seven to the left of direction 3.
    expect(of(frames, Turned.previousAction).slice(0, 4)).toEqual([3 / 8, 2 / 8, 1 / 8, 8 / 8]);
    expect(of(frames, Turned.previousAction + 1)[7]).toBe(1 / 8);
    expect(of(frames, Turned.previousAction + 3)).toEqual(Array(8).fill(0));
  });

  it('give a side between two the mean of their forces', () => {
    const frames = turned({ contact: [8, 4, 0, 2] });
    const forces = (k: number) => Array.from(frames[k].slice(Turned.contact, Turned.contact + 4));
    expect(forces(0)).toEqual([8, 4, 0, 2]);
    expect(forces(2)).toEqual([4, 0, 2, 8]);
    expect(forces(6)).toEqual([2, 8, 4, 0]);
    expect(forces(1)).toEqual([6, 2, 1, 5]);
    expect(forces(7)).toEqual([5, 6, 2, 1]);
  });
});
