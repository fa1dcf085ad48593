import { describe, expect, it } from 'vitest';
import { ContextBuilder, type ContextOptions } from '../../../src/features/context.js';
import { TURNED_DIM, TURNED_NAMES } from '../../../src/features/direction-frames.js';
import { FEATURES } from '../../../src/features/extraction.js';
import { QuadraticInteractions } from '../../../src/features/interactions.js';
import { ScalerStateError } from '../../../src/features/scaler.js';
import { RunningScaler } from '../../../src/features/scaling.js';
import { CONTEXT_DIM } from '../../../src/memory/layout.js';

const make = (options: Partial<ContextOptions> = {}) =>
  new ContextBuilder({ arms: 'disjoint', hashBits: null, freezeAfter: 0, ...options });
const names = FEATURES.map(({ name }) => name);

/** Shows a builder the k-th of a row of situations. */
function show(builder: ContextBuilder, k: number): Float64Array {
  for (let i = 0; i < CONTEXT_DIM; i++) builder.raw[i] = Math.sin(1 + i + 3 * k);
  for (let i = 16; i < 20; i++) builder.raw[i] = ((i + k) % 9) / 8;
  builder.build();
  builder.update();
  return builder.context;
}

describe('what a policy sees', () => {
  it('is the 24 scaled features where every action has a model of its own', () => {
    const builder = make();
    const scaler = new RunningScaler(CONTEXT_DIM);
    const expected = new Float64Array(CONTEXT_DIM);
    for (let k = 0; k < 4; k++) {
      const context = show(builder, k);
      scaler.transform(builder.raw, expected);
      expect(context).toEqual(expected);
      scaler.update(builder.raw);
    }
    expect([builder.sharedNames, builder.armNames]).toEqual([names, []]);
    // A state as it was before there was anything to share.
    expect(builder.exportState()).toEqual(scaler.exportState());
  });

  it('is each direction’s 22 where they share one, and both where they share a part', () => {
    const tied = make({ arms: 'tied' });
    const hybrid = make({ arms: 'hybrid' });
    expect([tied.sharedNames, tied.armNames]).toEqual([[], TURNED_NAMES]);
    expect([hybrid.sharedNames, hybrid.armNames]).toEqual([names, TURNED_NAMES]);
    for (let k = 0; k < 4; k++) {
      show(tied, k);
      show(hybrid, k);
    }
    expect(tied.context).toHaveLength(8 * TURNED_DIM);
    expect(hybrid.context.slice(0, CONTEXT_DIM)).toEqual(hybrid.scaled);
    expect(hybrid.context.slice(CONTEXT_DIM)).toEqual(tied.context);
    expect(hybrid.scaled.some((value) => value !== 0)).toBe(true);
  });

  it('holds the products of the shared features or of each action’s, not of both', () => {
    const disjoint = make({ hashBits: 6 });
    expect(disjoint.sharedNames.length).toBeGreaterThan(CONTEXT_DIM);
    for (const arms of ['tied', 'hybrid'] as const) {
      const plain = make({ arms });
      const builder = make({ arms, hashBits: 6 });
      const products = new QuadraticInteractions(TURNED_NAMES, 6);
      expect(builder.sharedNames).toEqual(plain.sharedNames);
      expect(builder.armNames).toEqual(products.names);
      show(plain, 1);
      show(builder, 1);
      show(plain, 2);
      show(builder, 2);
      const first = builder.sharedNames.length;
      const out = new Float64Array(products.outputCount);
      for (let a = 0; a < 8; a++) {
        products.expand(plain.context.slice(first + a * TURNED_DIM, first + (a + 1) * TURNED_DIM), out);
        const at = first + a * out.length;
        expect(builder.context.slice(at, at + out.length)).toEqual(out);
      }
    }
  });

  it.each(['disjoint', 'tied', 'hybrid'] as const)('goes on with the same bits from a state: %s', (arms) => {
    const options = { arms, hashBits: null, freezeAfter: 0 };
    const one = make(options);
    for (let k = 0; k < 5; k++) show(one, k);
    const memory = { buffer: new SharedArrayBuffer(8 + ContextBuilder.bytes(options)), byteOffset: 8 };
    const other = new ContextBuilder(options, memory);
    other.importState(Buffer.from(one.exportState()));
    for (let k = 5; k < 9; k++) expect(show(other, k)).toEqual(show(one, k));
    expect(other.exportState()).toEqual(one.exportState());
  });

  it('stands still while frozen', () => {
    const builder = make({ arms: 'hybrid' });
    show(builder, 1);
    const state = builder.exportState();
    builder.frozen = true;
    show(builder, 2);
    expect([builder.frozen, builder.exportState()]).toEqual([true, state]);
  });

  it('refuses a state of other arms or a damaged part, and stays as it was', () => {
    const builder = make({ arms: 'tied' });
    show(builder, 1);
    const state = builder.exportState();
    expect(() => builder.importState(make().exportState())).toThrow(ScalerStateError);
    expect(() => make().importState(state)).toThrow(ScalerStateError);
    const other = make({ arms: 'tied' });
    show(other, 2);
    const damaged = other.exportState();
    damaged[0] ^= 1;
    expect(() => builder.importState(damaged)).toThrow('not a scaler state');
    const half = other.exportState();
    half[make().stateBytes] ^= 1;
    expect(() => builder.importState(half)).toThrow('not a grouped scaler state');
    expect(builder.exportState()).toEqual(state);
  });
});
