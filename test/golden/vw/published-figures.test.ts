import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VwExploration } from '../../../src/vw/cb-adf.js';
import { parseInteraction } from '../../../src/vw/hashing.js';
import { DEFAULT_PROGRESS, type VwSummary } from '../../../src/vw/progressive-loss.js';
import { type VwBandit, VwRun } from '../../../src/vw/run.js';
import { REGRESSOR_DEFAULTS } from '../../../src/vw/sparse-regressor.js';
import { LineSplitter } from '../../../src/vw/text-reader.js';

// Vowpal Wabbit's own test inputs, which lie beside the project and are not part of it.
const DATA = join(import.meta.dirname, '../../../../shared/data/bandit');

function run(file: string, bandit?: VwBandit, interactions: readonly string[] = []): VwSummary {
  const learner = new VwRun({
    regressor: REGRESSOR_DEFAULTS,
    hashing: { constant: true, interactions: interactions.map((text) => parseInteraction(text)!) },
    bandit,
    learning: true,
    progress: DEFAULT_PROGRESS,
  });
  const splitter = new LineSplitter((text, line) => learner.push(text, line));
  splitter.push(readFileSync(join(DATA, file)));
  splitter.end();
  return learner.end();
}

const mtr = (exploration: VwExploration): VwBandit => ({ cbType: 'mtr', exploration });

describe.skipIf(!existsSync(DATA))(`Vowpal Wabbit's published figures (skipped where ${DATA} is missing)`, () => {
  // To 1e-4: the published figures were made with approximate square roots.
  const near = (figure: number) => expect.closeTo(figure, 4);

  it('are reached on 0002.dat with default options', () => {
    expect(run('0002.dat')).toMatchObject({
      averageLoss: near(0.003499),
      examples: 1000,
      weightedLabels: expect.closeTo(526.517528, 3),
      bestConstant: { value: expect.closeTo(0.526518, 6), loss: undefined },
      totalFeatures: 14_996,
    });
  });

  it('are reached on 0002_25.dat with default options', () => {
    expect(run('0002_25.dat')).toMatchObject({ averageLoss: near(0.056531), examples: 25 });
  });

  it('are reached on cb_load.dat with --cb_explore_adf -q UA --first 130', () => {
    const summary = run('cb_load.dat', mtr({ kind: 'first', first: 130, epsilon: 0 }), ['UA']);
    expect(summary).toMatchObject({ averageLoss: near(-0.12429), examples: 113, totalFeatures: 4746 });
  });

  it('are reached on cb_load.dat with --cb_explore_adf -q UA --squarecb, without the fault in -0.362832', () => {
    const exploration = { kind: 'squarecb', gammaScale: 10, gammaExponent: 0.5, epsilon: 0 } as const;
    const summary = run('cb_load.dat', mtr(exploration), ['UA']);
    expect(summary).toMatchObject({ averageLoss: near(-0.360756), examples: 113 });
  });
});
