import { describe, expect, it } from 'vitest';
import { DEFAULT_PROGRESS, ProgressiveLoss, summaryText, type VwSummary } from '../../../src/vw/progressive-loss.js';
import { type VwBandit, VwRun, type VwRunOptions, type VwSeparateBandit } from '../../../src/vw/run.js';
import { REGRESSOR_DEFAULTS } from '../../../src/vw/sparse-regressor.js';
import { VwTextError } from '../../../src/vw/text-error.js';

const epsilon: VwBandit = { cbType: 'mtr', exploration: { kind: 'epsilon', epsilon: 0.05 } };

function run(
  text: string,
  change: Partial<VwRunOptions> = {},
): { summary: VwSummary; predictions: string; rows: string } {
  let predictions = '';
  let rows = '';
  const options: VwRunOptions = {
    regressor: { ...REGRESSOR_DEFAULTS, bits: 10 },
    hashing: { interactions: [], constant: true },
    bandit: undefined,
    learning: true,
    progress: DEFAULT_PROGRESS,
    ...change,
  };
  const learner = new VwRun(options, {
    prediction: (line) => {
      predictions += line;
    },
    row: (line) => {
      rows += line;
    },
  });
  for (const [i, line] of text.split('\n').entries()) learner.push(line, i + 1);
  return { summary: learner.end(), predictions, rows };
}

describe('a run over plain labels', () => {
  it('counts blank lines for nothing and lines without a label apart', () => {
    // vw 9.11.9 gives these; only a line of spaces is an example to it.
    const { summary, predictions } = run('0.5 |x a b:2\n\n \n|y c\n1 |12 5\n');
    expect(summary).toMatchObject({ examples: 3, weightedExamples: 3, weightedLabels: 1.5, totalFeatures: 7 });
    expect(summary.averageLoss).toBeCloseTo(0.497229, 6);
    expect(summary.bestConstant).toEqual({ value: 0.75, loss: 0.0625 });
    expect(predictions).toBe('0\n0.137180\n0.137180\n');
  });

  it('weighs losses by importance', () => {
    expect(run("1 3 |a\n2 1 0.5 't|a\n").summary).toMatchObject({ weightedExamples: 4, weightedLabels: 5 });
    expect(run('1 0 |a x\n').summary.averageLoss).toBeNaN();
  });

  it('learns nothing where it is told not to', () => {
    expect(run('1 |a x\n1 |a x\n1 |a x', { learning: false })).toMatchObject({
      summary: { averageLoss: 1 },
      predictions: '0\n0\n0\n',
    });
  });

  it('says which line is wrong, also where there are too many interactions', () => {
    expect(() => run('1 |a x\nx |a x')).toThrow('line 2: the label is a number');
    const wide = `\n1 |a ${Array.from({ length: 3000 }, (_, i) => `f${i}`).join(' ')}`;
    const hashing = { interactions: [{ first: 97, second: 97 }], constant: true };
    expect(() => run(wide, { hashing })).toThrow(VwTextError);
    expect(() => run(wide, { hashing })).toThrow('line 2: more than');
  });
});

describe('a run over decisions', () => {
  const text = "shared 'morning|u x\n|a 1\n0:2:0.5 |a 2\n\n|a 3\n|a 4";

  it('prints each distribution with the tag, and the unknown outcome as such', () => {
    const { summary, predictions, rows } = run(text, { bandit: epsilon });
    expect(summary).toMatchObject({ examples: 2, averageLoss: 2, totalFeatures: 10, bestConstant: undefined });
    expect(predictions.split('\n')[0]).toBe('0:0.5,1:0.5 morning');
    expect(rows.split('\n').map((row) => row.slice(46, 60).trim())).toEqual(['1:2:0.5', 'unknown', '']);
  });

  it('prints costs to two digits', () => {
    const labels = (costs: readonly string[]) =>
      run(costs.map((cost) => `0:${cost}:0.25 |a 1\n\n`).join(''), {
        bandit: epsilon,
        progress: { step: 1, additive: true },
      })
        .rows.split('\n')
        .map((row) => row.slice(46, 60).trim());
    // vw 9.11.9
    expect(labels(['-0.0000123', '123.4', '0.00123', '99', '0'])).toEqual([
      ...['0:-1.2e-05:...', '0:1.2e+02:0.25', '0:0.0012:0.25', '0:99:0.25', '0:0:0.25', ''],
    ]);
  });

  it('prints the cheapest action where nothing explores, and counts the shared line once', () => {
    const { summary, predictions } = run(text, { bandit: { cbType: 'mtr', exploration: { kind: 'none' } } });
    expect(predictions).toBe('0 morning\n\n0\n\n');
    expect(summary.totalFeatures).toBe(10);
  });

  it('ends in an error where the last decision is none', () => {
    expect(() => run('shared |u x', { bandit: epsilon })).toThrow('line 1: a shared line and no action');
  });
});

describe('a run over cb lines', () => {
  const none: VwBandit = { cbType: 'mtr', exploration: { kind: 'none' }, actions: 4 };
  const text = "1:1:0.5 |U a |O x\n2:0.5:0.5 |U b\n\n3 |U a\n1:0:1 |\n4:-1:0.25 'tt|\n1 2 3:0.5:0.5 |U a\n |U a\n";

  it('counts actions from 1 in the file and from 0 in what it prints', () => {
    // vw 9.11.9 gives these.
    const { summary, predictions, rows } = run(text, { bandit: none, progress: { step: 1, additive: true } });
    expect(summary).toMatchObject({ examples: 7, averageLoss: expect.closeTo(0.6, 6), totalFeatures: 52 });
    expect(predictions).toBe('0\n\n1\n\n2\n\n2\n\n2 tt\n\n3\n\n3\n\n');
    const labels = rows.split('\n').map((row) => row.slice(46, 60).trim());
    expect(labels).toEqual(['0:1:0.5', '1:0.5:0.5', 'unknown', '0:0:1', '3:-1:0.25', '2:0.5:0.5', 'unknown', '']);
  });

  it('prints distributions where it explores', () => {
    const { predictions } = run(text, { bandit: { ...epsilon, actions: 4 } });
    expect(predictions.split('\n\n').slice(0, 2)).toEqual([
      '0:0.25,1:0.25,2:0.25,3:0.25',
      '1:0.329167,2:0.329167,3:0.329167,0:0.0125',
    ]);
  });

  it.each([
    ['5:1:0.5 |a', 'the action is from 1 to 4, not 5'],
    ['0:1:0.5 |a', 'the action is from 1 to 4, not 0'],
    ['7 |a', 'the action is from 1 to 4, not 7'],
    ['1:1:0.5 2:1:0.5 |a', 'a second action of the decision has a cost'],
    ['shared |a', 'cb has no shared line'],
    ['1:1 |a', 'a cost is written action:cost:probability'],
    ['1:1:0 |a', 'the probability is above 0'],
  ])('refuses %j', (line, message) => {
    expect(() => run(`1:1:1 |a\n${line}\n`, { bandit: none })).toThrow(`line 2: ${message}`);
  });

  it('says which line has too many interactions', () => {
    const wide = `\n1:1:1 |a ${Array.from({ length: 3000 }, (_, i) => `f${i}`).join(' ')}`;
    const hashing = { interactions: [{ first: 97, second: 97 }], constant: true };
    expect(() => run(wide, { hashing, bandit: none })).toThrow('line 2: more than');
  });
});

describe('a run over cb lines with weights of each action', () => {
  const first: VwSeparateBandit = {
    ...{ cbType: 'dr', exploration: { kind: 'first', first: 2 }, actions: 3, separate: true },
  };

  it('explores over the first examples, each counted once, and learns nothing of what was certain', () => {
    const { predictions } = run("1:-1:1 'a|x y\n2:-1:0.5 |x y\n1:0:1 |x y\n1:0:1 |x y\n", { bandit: first });
    const evenly = '0.333333 0.333333 0.333333 ';
    const second = '0.000000 1.000000 0.000000 ';
    expect(predictions).toBe(`${evenly} a\n${evenly}\n${second}\n${second}\n`);
  });

  it.each(['ips', 'dm', 'dr'] as const)('chooses among the actions that a line lists, by %s', (cbType) => {
    const bandit: VwSeparateBandit = { ...first, cbType, exploration: { kind: 'none' } };
    // The second action is the cheapest, then the third.
    const learned = '2:-2:0.5 |x y\n3:-1:0.5 |x y\n1:1:0.5 |x y\n'.repeat(3);
    const { predictions } = run(`${learned}|x y\n1 3 |x y\n1 |x y\n3 1 2 |x y\n`, { bandit });
    expect(predictions.trim().split('\n').slice(-4)).toEqual(['2', '3', '1', '2']);
  });

  it('refuses an action that there is not', () => {
    expect(() => run('4:1:0.5 |a\n', { bandit: first })).toThrow('line 1: the action is from 1 to 3, not 4');
  });
});

describe('progressive loss', () => {
  const labelled = (losses: readonly number[], additive: boolean, step: number) => {
    const progress = new ProgressiveLoss({ step, additive });
    const rows: string[] = [];
    for (const loss of losses) {
      progress.add(loss, 1, true, 3);
      if (progress.isRowDue) rows.push(progress.row('label', 'prediction', 3));
    }
    return { progress, rows };
  };

  it('has rows at doubling or at even distances', () => {
    const counters = (rows: readonly string[]) => rows.map((row) => Number(row.slice(17, 30)));
    const losses = new Array(20).fill(1);
    expect(counters(labelled(losses, false, 2).rows)).toEqual([1, 2, 4, 8, 16]);
    expect(counters(labelled(losses, true, 6).rows)).toEqual([6, 12, 18]);
  });

  it('averages over everything, and since the last row', () => {
    expect(labelled([4, 2, 0, 0], true, 2).rows.map((row) => row.slice(0, 17))).toEqual([
      '3.000000 3.000000',
      '1.500000 0.000000',
    ]);
  });

  it('cuts what is too long for its column', () => {
    const progress = new ProgressiveLoss();
    progress.add(-123.456789, 1, true, 3);
    expect(progress.row('1:-0.0000123:0.5', 'p', 3)).toBe(
      '-123.456 -123.456            1            1.0 1:-0.000012...              p        3',
    );
  });

  it('has no average without a label', () => {
    const progress = new ProgressiveLoss();
    progress.add(0, 1, false, 3);
    expect(progress.row('unknown', '0', 3)).toMatch(/^n\.a\. {5}n\.a\. /);
    expect(summaryText(progress.summary())).toContain('average loss = n.a.\ntotal');
  });

  it('gives a best constant for two labels with its loss, for more without, for one with 0', () => {
    const constant = (labels: readonly number[]) => {
      const progress = new ProgressiveLoss();
      for (const label of labels) {
        progress.add(0, 1, true, 1);
        progress.addLabel(label, 1);
      }
      return progress.summary().bestConstant;
    };
    expect(constant([])).toBeUndefined();
    expect(constant([0, 0])).toBeUndefined();
    expect(constant([2, 2])).toEqual({ value: 2, loss: 0 });
    expect(constant([1, 1, 4])).toEqual({ value: 2, loss: 2 });
    expect(constant([1, 2, 3])).toEqual({ value: 2, loss: undefined });
  });
});
