import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { packageRoot } from '../../../src/parameters/presets.js';
import { type Arms, Work } from '../../../src/policy/learning-policy.js';
import {
  type PackedWorkspace,
  PlainWorkspace,
  packedDoubles,
  vectorDoubles,
  workspaceFor,
} from '../../../src/policy/packed-kernels.js';
import { RIDGE_DEFAULTS, type RidgeConfig, RidgeRegression } from '../../../src/policy/ridge-regression.js';

/** A matrix, row by row, from its packing. */
function unpacked(words: Float64Array, at: number, size: number): number[][] {
  const rows = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  const even = size + (size % 2);
  for (let i = 0; i < even; i++) {
    for (let j = i - (i % 2); j < even; j++, at++) {
      if (j < i || j >= size || i >= size) expect(words[at]).toBe(0);
      else rows[i][j] = rows[j][i] = words[at];
    }
  }
  return rows;
}

/** Fills a packed matrix in; what fills up stays 0. */
function pack(words: Float64Array, at: number, size: number, element: (i: number, j: number) => number): void {
  const even = size + (size % 2);
  for (let i = 0; i < even; i++) {
    for (let j = i - (i % 2); j < even; j++, at++) {
      words[at] = j < i || j >= size || i >= size ? 0 : element(i, j);
    }
  }
}

const bytes = ({ buffer, byteOffset, byteLength }: Float64Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);

function expectSameBits(one: Float64Array, other: Float64Array): void {
  expect(bytes(one).equals(bytes(other))).toBe(true);
}

describe('packed kernels', () => {
  it('are what the source compiles to', () => {
    const script = join(packageRoot(), 'scripts', 'build-kernels.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('run with SIMD on this machine, or nothing below compares anything', () => {
    expect(workspaceFor(1)).not.toBeInstanceOf(PlainWorkspace);
  });

  it('multiply, sum and downdate to the same bits with SIMD and without, as matrices do', () => {
    const prng = Prng.seeded(5);
    let bounded = 0;
    for (let size = 1; size <= 60; size++) {
      const pairs = Math.ceil(size / 2);
      const matrix = packedDoubles(size);
      const vector = vectorDoubles(size);
      const count = 1 + (size % 11);
      let end = 0;
      const take = (doubles: number): number => {
        end += doubles;
        return end - doubles;
      };
      const at = {
        x: take(vector),
        product: take(vector),
        scales: take(vector),
        variances: take(vector),
        products: take(matrix),
        forms: take(vectorDoubles(count)),
        matrices: take(count * matrix),
      };
      const first = new Float64Array(end);
      const gain = prng.nextFloat();
      for (let i = 0; i < size; i++) {
        first[at.x + i] = prng.nextNormal();
        // Some variances so small that covariances have to be bounded.
        first[at.variances + i] = prng.nextFloat() < 0.1 ? 0.01 : 4;
      }
      for (let r = 0; r < count; r++) {
        pack(first, at.matrices + r * matrix, size, (i, j) => prng.nextNormal() + (i === j ? 3 : 0));
      }
      const before = Array.from({ length: count }, (_, r) => unpacked(first, at.matrices + r * matrix, size));
      const ran: Float64Array[] = [];
      let plainRough = -1;
      for (const workspace of [new PlainWorkspace(), workspaceFor(end)]) {
        workspace.owner = 0;
        expect(workspace.reserve(end)).toBe(true);
        const { kernels, words } = workspace;
        words.set(first);
        kernels.products(at.x, pairs, at.products);
        kernels.dots(at.matrices, count, matrix, matrix, at.products, at.forms);
        kernels.times(at.matrices, pairs, at.x, at.product);
        for (let i = 0; i < size; i++) words[at.scales + i] = gain * words[at.product + i];
        const rough = kernels.downdate(at.matrices, pairs, at.scales, at.product, at.variances);
        if (plainRough === -1) plainRough = rough;
        expect(rough).toBe(plainRough);
        ran.push(words.slice(0, end));
      }
      bounded += plainRough;
      const [plain, simd] = ran;
      expectSameBits(simd, plain);

      const x = [...plain.subarray(at.x, at.x + size)];
      const times = (rows: number[][]): number[] =>
        rows.map((row) => row.reduce((sum, value, j) => sum + value * x[j], 0));
      for (let r = 0; r < count; r++) {
        const form = times(before[r]).reduce((sum, value, i) => sum + value * x[i], 0);
        expect(plain[at.forms + r]).toBeCloseTo(form, 9);
      }
      const product = times(before[0]);
      for (let i = 0; i < size; i++) expect(plain[at.product + i]).toBeCloseTo(product[i], 9);
      const after = unpacked(plain, at.matrices, size);
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          const [v, w] = [plain[at.variances + i], plain[at.variances + j]];
          if (i === j) {
            expect(after[i][j]).toBe(v);
            continue;
          }
          const most = Math.sqrt(v * w);
          const free = before[0][i][j] - gain * product[i] * product[j];
          expect(Math.abs(after[i][j] - Math.min(Math.max(free, -most), most))).toBeLessThan(1e-7);
        }
      }
    }
    expect(bounded).toBeGreaterThan(0);
  });
});

function modelOf(config: RidgeConfig, workspace?: PackedWorkspace): { model: RidgeRegression; state: Float64Array } {
  const state = new Float64Array(RidgeRegression.stateDoubles(config));
  const scratch = new Float64Array(RidgeRegression.scratchDoubles(config));
  const model = new RidgeRegression(config, state, scratch, workspace);
  model.clear();
  return { model, state };
}

function configOf(arms: Arms, size: number, more: Partial<RidgeConfig> = {}): RidgeConfig {
  return {
    ...RIDGE_DEFAULTS,
    n_actions: 3,
    arms,
    context_dim: arms === 'tied' ? 0 : size,
    arm_dim: arms === 'disjoint' ? 0 : arms === 'tied' ? size : 1 + (size % 7),
    ...more,
  };
}

/** Contexts of which one in five has features of magnitudes so different that rounding breaks bounds. */
function fill(prng: Prng, x: Float64Array): void {
  const wild = prng.nextFloat() < 0.2;
  for (let i = 0; i < x.length; i++) {
    x[i] = prng.nextFloat() < 0.1 ? 0 : prng.nextNormal() * (wild ? 10 ** prng.nextRange(-14, 14) : 1);
  }
}

describe('ridge regression', () => {
  it('has the same bits with SIMD and without', () => {
    let bounded = 0;
    fc.assert(
      fc.property(
        fc.constantFrom<Arms>('disjoint', 'tied', 'hybrid'),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1, 0.9),
        fc.boolean(),
        fc.constantFrom('mean' as const, 'evidence' as const),
        fc.nat(),
        (arms, size, n_actions, discount, constant, drift_keeps, seed) => {
          const config = configOf(arms, size, { n_actions, discount, constant, drift_keeps, trace_limit: 10 });
          const both = [modelOf(config), modelOf(config, new PlainWorkspace())];
          const prng = Prng.seeded(seed);
          const x = new Float64Array(config.context_dim + n_actions * config.arm_dim);
          const work = new Float64Array(24);
          const judged = both.map(() => new Float64Array(2 * n_actions));
          for (let i = 0; i < 12; i++) {
            fill(prng, x);
            const action = prng.nextBelow(n_actions);
            const reward = prng.nextNormal();
            both.forEach(({ model }, k) => {
              work[Work.reward] = reward;
              work[Work.weight] = 1;
              work[Work.floor] = 0.2;
              model.predict(x, action, work);
              if (i === 7) model.forget(work);
              model.learn(x, action, work);
              model.evaluateWithVariance(x, judged[k].subarray(0, n_actions), judged[k].subarray(n_actions));
            });
            expectSameBits(judged[0], judged[1]);
            expectSameBits(both[0].state, both[1].state);
          }
          bounded += both[0].model.conditioned;
        },
      ),
      { numRuns: 150 },
    );
    // Bounds were among what was compared.
    expect(bounded).toBeGreaterThan(0);
  });

  it('has the same bits whoever computed before, and however large the others are', () => {
    for (const plain of [false, true]) {
      const common = plain ? new PlainWorkspace() : undefined;
      const shapes: [Arms, number][] = [
        ['disjoint', 3],
        ['hybrid', 5],
        ['tied', 4],
        ['disjoint', 90],
      ];
      const alone = shapes.map(([arms, size]) => modelOf(configOf(arms, size), new PlainWorkspace()));
      const byTurns: { model: RidgeRegression; state: Float64Array }[] = [];
      const prngs = shapes.map((_, k) => Prng.seeded(k));
      const orders = Prng.seeded(9);
      const work = new Float64Array(24);
      const means = new Float64Array(3);
      const variances = new Float64Array(3);
      const expected = new Float64Array(3);
      for (let i = 0; i < 400; i++) {
        // The workspace grows while models are at work.
        if (i % 50 === 0 && byTurns.length < shapes.length) {
          const [arms, size] = shapes[byTurns.length];
          byTurns.push(modelOf(configOf(arms, size), common));
        }
        const k = orders.nextBelow(byTurns.length);
        const [arms, size] = shapes[k];
        const config = configOf(arms, size);
        const x = new Float64Array(config.context_dim + 3 * config.arm_dim);
        fill(prngs[k], x);
        const action = prngs[k].nextBelow(3);
        const kind = orders.nextBelow(10);
        for (const { model } of [byTurns[k], alone[k]]) {
          work[Work.reward] = x[0];
          work[Work.weight] = 1;
          work[Work.floor] = 0.5;
          if (kind === 0) model.forget(work);
          else if (kind === 1) model.evaluate(x, means);
          else if (kind < 5) model.evaluateWithVariance(x, means, variances);
          else model.learn(x, action, work);
          if (model === byTurns[k].model) expected.set(kind === 0 ? [] : means);
        }
        if (kind > 0) expectSameBits(means, expected);
        expectSameBits(byTurns[k].state, alone[k].state);
      }
    }
  });

  it('goes by its words after they were replaced', () => {
    for (const arms of ['disjoint', 'tied', 'hybrid'] as const) {
      const config = configOf(arms, 6);
      const one = modelOf(config);
      const x = new Float64Array(config.context_dim + 3 * config.arm_dim).fill(0.5);
      const work = new Float64Array(24);
      work[Work.weight] = 1;
      work[Work.reward] = 2;
      one.model.learn(x, 1, work);
      const before = one.state.slice();
      const [first, second] = [new Float64Array(6), new Float64Array(6)];
      one.model.evaluateWithVariance(x, first.subarray(0, 3), first.subarray(3));
      for (let i = 0; i < 5; i++) one.model.learn(x, i % 3, work);
      expect(bytes(one.state).equals(bytes(before))).toBe(false);
      one.model.check(before);
      one.state.set(before);
      one.model.restored();
      one.model.evaluateWithVariance(x, second.subarray(0, 3), second.subarray(3));
      expectSameBits(second, first);
    }
  });

  it('refuses words that fill up and are not 0', () => {
    const config = configOf('disjoint', 5, { constant: false });
    const { model, state } = modelOf(config);
    const matrix = packedDoubles(5);
    // Below the diagonal, at the end of a row, in the last row, after the estimate.
    for (const at of [6, 5, matrix - 1, matrix - 2, matrix + 5, matrix + 7]) {
      const broken = state.slice();
      expect(broken[at]).toBe(0);
      broken[at] = 1e-200;
      expect(() => model.check(broken)).toThrow('damaged');
    }
  });

  it('learns the same in shared memory', () => {
    const config = configOf('disjoint', 9);
    const doubles = RidgeRegression.stateDoubles(config);
    const shared = new Float64Array(new SharedArrayBuffer(8 * doubles));
    const model = new RidgeRegression(config, shared, new Float64Array(RidgeRegression.scratchDoubles(config)));
    model.clear();
    const other = modelOf(config, new PlainWorkspace());
    const prng = Prng.seeded(2);
    const x = new Float64Array(9);
    const work = new Float64Array(24);
    work[Work.weight] = 1;
    for (let i = 0; i < 50; i++) {
      fill(prng, x);
      work[Work.reward] = prng.nextNormal();
      model.learn(x, i % 3, work);
      other.model.learn(x, i % 3, work);
    }
    expectSameBits(shared, other.state);
  });
});
