import { linkSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTable } from '../../../src/bakeoff/table.js';
import { csvHeader, csvRow, DecisionCsvReader } from '../../../src/cli/decision-csv.js';
import { run } from '../../../src/cli/program.js';
import { ExitCode } from '../../../src/cli/usage.js';
import { TURNED_DIM } from '../../../src/features/direction-frames.js';
import { CONTEXT_DIM } from '../../../src/memory/layout.js';
import { DecisionText, type LoggedDecision } from '../../../src/vw/decision-text.js';
import { captureOutput, temporaryFolder } from '../../support/command-line.js';

const written = captureOutput();
const at = temporaryFolder();

const read = (name: string) => readFileSync(at(name), 'utf8');

/** Runs `rfsn export` and expects it to succeed. */
async function exported(...args: string[]): Promise<void> {
  expect(await run(['export', ...args]), written.err).toBe(ExitCode.done);
}

/** Decisions of a csv. */
function decisionsOf(text: string): LoggedDecision[] {
  const [header, ...lines] = text.trimEnd().split('\n');
  const reader = new DecisionCsvReader(header);
  return lines.map((line, i) => reader.read(line, i + 2));
}

const EPISODE = ['open', '--episodes', '1', '--seed', '5'];
const DISJOINT = ['--set', 'arms=disjoint'];

describe('rfsn export of a scenario', () => {
  it.each([
    ['each direction’s, by default', [], 8 * TURNED_DIM, ['velocity_along@0', 'velocity_across@0']],
    ['those that all share', DISJOINT, CONTEXT_DIM, ['position_x', 'position_y']],
  ])(
    'writes what was paid, with the probability it was chosen with, by the name of every feature: %s',
    async (_, arms, features, names) => {
      await exported(...EPISODE, '--policy', 'random', ...arms, '--format', 'csv', '-o', at('d.csv'));
      const text = read('d.csv');
      const header = text.slice(0, text.indexOf('\n')).split(',');
      expect(header).toHaveLength(features + 4);
      expect(header.slice(0, 2)).toEqual(names);
      expect(header.slice(-4)).toEqual(['action', 'actions', 'reward', 'probability']);
      const decisions = decisionsOf(text);
      expect(written.err).toBe(`${decisions.length} decisions written to ${at('d.csv')}\n`);
      expect(decisions.length).toBeGreaterThan(50);
      // Chance spreads evenly over what safety allowed.
      for (const { probability, nActions } of decisions) {
        expect(nActions).toBe(8);
        expect(1 / probability).toBeCloseTo(Math.round(1 / probability), 9);
      }
      expect(new Set(decisions.map(({ reward }) => reward)).size).toBeGreaterThan(10);
    },
  );

  it('writes the same bits for the same seed, and others for another', async () => {
    for (const [name, seed] of Object.entries({ a: '5', b: '5', c: '6' })) {
      await exported('open', '--episodes', '1', '--seed', seed, '--format', 'csv', '-o', at(name));
    }
    expect(read('a')).toBe(read('b'));
    expect(read('a')).not.toBe(read('c'));
  });

  it('writes text that rfsn vw reads, of which an even choice costs what the logged probabilities say', async () => {
    await exported(...EPISODE, '--format', 'csv', '-o', at('d.csv'));
    await exported(...EPISODE, '--format', 'vw', '-o', at('d.vw'));
    const decisions = decisionsOf(read('d.csv'));
    written.out = '';
    expect(await run(['vw', at('d.vw'), '--cb_explore_adf', '--epsilon', '1', '--json'])).toBe(ExitCode.done);
    const figures = JSON.parse(written.out) as Record<string, number>;
    expect(figures['number_of_examples']).toBe(decisions.length);
    const costs = decisions.map(({ reward, probability }) => -reward / probability / 8);
    const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
    expect(Math.abs(mean)).toBeGreaterThan(0.01);
    // Vowpal Wabbit keeps costs and probabilities as 32-bit floats.
    expect(figures['average_loss']).toBeCloseTo(mean, 4);
  });

  it('writes features of each action where actions have their own', async () => {
    // As they have by default.
    await exported(...EPISODE, '--format', 'csv', '-o', at('d.csv'));
    const [first] = decisionsOf(read('d.csv'));
    expect(first.context).toHaveLength(0);
    expect(first.actionFeatures).toHaveLength(8 * TURNED_DIM);
    await exported(...EPISODE, '--format', 'vw', '-o', at('d.vw'));
    await exported(at('d.vw'), '--format', 'csv', '-o', at('again.csv'));
    expect(read('again.csv')).toBe(read('d.csv'));
  });

  it.each([
    ['each direction’s features', [], 8 * TURNED_DIM],
    ['those that all share', DISJOINT, CONTEXT_DIM],
  ])('writes a file for rfsn bakeoff: no header, %s, the action as the class', async (_, arms, features) => {
    const random = [...EPISODE, '--policy', 'random', ...arms, '--format', 'csv'];
    await exported(...random, '--bakeoff', '-o', at('b.csv'));
    await exported(...random, '-o', at('d.csv'));
    const table = parseTable(read('b.csv'));
    const decisions = decisionsOf(read('d.csv'));
    expect(table.columns).toHaveLength(features);
    expect(Array.from(table.labels, (label) => Number(table.classes[label]))).toEqual(
      decisions.map(({ action }) => action),
    );
  });
});

describe('rfsn export of a file', () => {
  it('carries decisions from vw to csv and back, byte by byte', async () => {
    await exported(...EPISODE, '--format', 'vw', '-o', at('d.vw'));
    await exported(at('d.vw'), '--format', 'csv', '-o', at('d.csv'));
    await exported(at('d.csv'), '--format', 'vw', '-o', at('again.vw'));
    expect(read('again.vw')).toBe(read('d.vw'));
  });

  it('writes to standard output where no file is named', async () => {
    writeFileSync(at('d.csv'), 'speed,action,actions,reward,probability\n0.5,1,2,0.25,0.75\n');
    await exported(at('d.csv'), '--format', 'vw');
    expect(written.out).toBe('shared |Context speed:0.5\n|Action action=0\n1:-0.25:0.75 |Action action=1\n\n');
    expect(written.err).toBe('1 decisions written\n');
  });

  it.each([
    ['a value that is no number', 'x,action,actions,reward,probability\nfast,0,2,1,1\n', /line 2: value 1 is "fast"/],
    ['a line that is too short', 'x,action,actions,reward,probability\n1,0,2,1\n', /line 2: 4 values where .* 5/],
    ['a file without our columns', 'x,y\n1,2\n', /line 1: a header that ends with action,actions,reward,probability/],
    ['a probability of nothing', 'x,action,actions,reward,probability\n1,0,2,1,0\n', /probability is above 0/],
    [
      'an action that is none',
      'x,action,actions,reward,probability\n1,2,2,1,1\n',
      /line 2: the action is from 0 to 1, not 2/,
    ],
    [
      'a decision without an outcome',
      'shared |Context x\n|Action action=0\n\n',
      /no action of the decision has a cost/,
    ],
    ['a namespace that is not ours', 'shared |User x\n0:1:1 |Action action=0\n\n', /namespace "User" instead of/],
    ['a file with nothing in it', '', /no decisions in it/],
  ])('refuses %s, and says where', async (_, text, message) => {
    writeFileSync(at('d.txt'), text);
    expect(await run(['export', at('d.txt'), '--format', text.includes('|') ? 'csv' : 'vw'])).toBe(ExitCode.failed);
    expect(written.err).toMatch(message);
    expect(written.err).toContain('d.txt');
  });

  it('refuses what it cannot export, as bad usage', async () => {
    writeFileSync(at('r.mcap'), '');
    for (const [args, message] of [
      [['nowhere', '--format', 'csv'], /neither a file nor a scenario/],
      [[at('r.mcap'), '--format', 'csv'], /carried out its own decisions/],
      [['open', '--format', 'vw', '--bakeoff'], /--bakeoff needs --format csv/],
      [['open', '--format', 'vw', '--set', 'policy=fallback'], /draws nothing/],
      [['open'], /--format/],
    ] as const) {
      written.err = '';
      expect(await run(['export', ...args])).toBe(ExitCode.usage);
      expect(written.err).toMatch(message);
    }
  });
});

describe('the file that rfsn export writes', () => {
  const HEADER = 'x,action,actions,reward,probability\n';
  const GOOD = `${HEADER}1,0,2,1,0.5\n`;
  const linked = (link: (from: string, to: string) => void, input: string) => {
    link(input, at('link'));
    return at('link');
  };

  it.each([
    ['by its name', (input: string) => input],
    ['by a symbolic link', (input: string) => linked(symlinkSync, input)],
    ['by a hard link', (input: string) => linked(linkSync, input)],
  ])('is never the one that is read, %s', async (_, outputOf) => {
    writeFileSync(at('d.csv'), GOOD);
    const output = outputOf(at('d.csv'));
    expect(await run(['export', at('d.csv'), '--format', 'vw', '-o', output])).toBe(ExitCode.usage);
    expect(written.err).toContain(`--output ${output} is the same file as ${at('d.csv')}, which is read`);
    expect(read('d.csv')).toBe(GOOD);
  });

  it('is neither the worlds nor the parameters of a scenario', async () => {
    for (const [source, ...args] of [[`barn:${at('f')}#0`], [`barn:${at('f')}`], ['open', '--params', at('f')]]) {
      writeFileSync(at('f'), '/**:\n  ros__parameters:\n    random_seed: 7\n');
      const before = read('f');
      expect(await run(['export', source, ...args, '--format', 'csv', '-o', at('f')])).toBe(ExitCode.usage);
      expect(written.err).toContain(`--output ${at('f')} is the same file as ${at('f')}`);
      expect(read('f')).toBe(before);
      written.err = '';
    }
  });

  it('is what it was, and nothing lies beside it, after an error in the middle', async () => {
    // Longer than what is written at once.
    writeFileSync(at('d.csv'), `${HEADER}${'1,0,2,1,0.5\n'.repeat(20_000)}1,0,2,1\n`);
    writeFileSync(at('old'), 'as it was');
    for (const output of ['old', 'new']) {
      expect(await run(['export', at('d.csv'), '--format', 'csv', '-o', at(output)])).toBe(ExitCode.failed);
      expect(written.err).toContain('line 20002: 4 values');
    }
    expect(read('old')).toBe('as it was');
    expect(readdirSync(at()).sort()).toEqual(['d.csv', 'old']);
    writeFileSync(at('d.csv'), GOOD);
    await exported(at('d.csv'), '--format', 'csv', '-o', at('old'));
    expect(read('old')).toBe(GOOD);
    expect(readdirSync(at()).sort()).toEqual(['d.csv', 'old']);
  });

  it.each([
    ['1,-1,2,1,0.5', 'the action is from 0 to 1, not -1'],
    ['1,2,2,1,0.5', 'the action is from 0 to 1, not 2'],
    ['1,0.5,2,1,0.5', 'the action is from 0 to 1, not 0.5'],
    ['1,0,0,1,0.5', 'the number of actions is from 1 to 65536, not 0'],
    ['1,0,1.5,1,0.5', 'the number of actions is from 1 to 65536, not 1.5'],
    ['1,0,1e9,1,0.5', 'the number of actions is from 1 to 65536, not 1000000000'],
    ['1,0,2,1,0', 'the probability is above 0 and at most 1, not 0'],
    ['1,0,2,1,1.5', 'the probability is above 0 and at most 1, not 1.5'],
  ])('is none, in any format, of the outcome %s', async (line, message) => {
    writeFileSync(at('d.csv'), `${GOOD}${line}\n`);
    for (const format of [['vw'], ['csv'], ['csv', '--bakeoff']]) {
      written.err = '';
      expect(await run(['export', at('d.csv'), '-o', at('out'), '--format', ...format])).toBe(ExitCode.failed);
      expect(written.err).toContain(`d.csv, line 3: ${message}`);
    }
    expect(readdirSync(at())).toEqual(['d.csv']);
  });

  it.each([
    ['--episodes', '10'],
    ['--policy', 'random'],
    ['--seed', '1'],
    ['--robot', 'jackal'],
    ['--preset', 'staging'],
    ['--params', 'p.yaml'],
    ['--set', 'arms=tied'],
    ['--faults'],
  ])('does not depend on what only a scenario has: %s is refused', async (...option) => {
    writeFileSync(at('d.csv'), GOOD);
    expect(await run(['export', at('d.csv'), '--format', 'vw', ...option])).toBe(ExitCode.usage);
    expect(written.err).toContain(`${option[0]} is of a scenario: ${at('d.csv')} is a file`);
  });

  it('has a name', async () => {
    writeFileSync(at('d.csv'), GOOD);
    expect(await run(['export', at('d.csv'), '--format', 'vw', '-o', ''])).toBe(ExitCode.usage);
    expect(written.err).toContain('--output needs the name of a file');
  });
});

describe('decisions as csv', () => {
  const name = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => !/[\r\n@]/.test(text));
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

  it('read back as they were written, whatever the names and the numbers', () => {
    const decision = fc
      .record({
        names: fc.uniqueArray(name, { minLength: 1, maxLength: 5 }),
        shared: fc.nat(5),
        nActions: fc.integer({ min: 1, max: 4 }),
        values: fc.array(finite, { minLength: 20, maxLength: 20 }),
        reward: finite,
        probability: fc.double({ min: 1e-9, max: 1, noNaN: true }),
        action: fc.nat(),
      })
      .filter(({ names }) => !names.some((one) => ['action', 'actions', 'reward', 'probability'].includes(one)));
    fc.assert(
      fc.property(decision, ({ names, shared, nActions, values, reward, probability, action }) => {
        const width = Math.min(shared, names.length);
        const own = names.slice(width);
        const written: LoggedDecision = {
          context: Float64Array.from(values.slice(0, width)),
          action: action % nActions,
          nActions,
          reward,
          probability,
          ...(own.length > 0 && { actionFeatures: Float64Array.from(values.slice(0, own.length * nActions)) }),
        };
        const reader = new DecisionCsvReader(
          csvHeader({ context: names.slice(0, width), action: own }, nActions).slice(0, -1),
        );
        expect(reader.names).toEqual({ context: names.slice(0, width), action: own });
        expect(reader.read(csvRow(written).slice(0, -1), 2)).toEqual(written);
      }),
    );
  });

  it('refuse names that no column can have', () => {
    for (const context of [['reward'], ['a@1'], ['a\nb']]) {
      expect(() => csvHeader({ context }, 2)).toThrow(/no column can be called/);
    }
  });

  it('refuse features of actions that are not in order', () => {
    for (const columns of ['a@0,b@0,a@1', 'a@1,a@0', 'a@0,b', 'a@0,b@1']) {
      expect(() => new DecisionCsvReader(`${columns},action,actions,reward,probability`)).toThrow(/NAME@0/);
    }
  });

  it('refuse more actions than the header has features of, and quotation marks out of place', () => {
    const reader = new DecisionCsvReader('a@0,a@1,action,actions,reward,probability');
    expect(() => reader.read('1,2,0,3,0,1', 2)).toThrow('line 2: 3 actions where the header has features of 2');
    expect(() => reader.read('1,"2"x,0,2,0,1', 3)).toThrow('line 3: a quotation mark stands where none can');
  });

  it('and vw text say the same', () => {
    const names = { context: ['a b', 'c|d'] };
    const decision = { context: Float64Array.of(-0, 1e-300), action: 1, nActions: 2, reward: -0.1, probability: 0.3 };
    const [back] = new DecisionText(names).parseCbAdf(new DecisionText(names).writeCbAdf(decision));
    expect(csvRow(back)).toBe(csvRow(decision));
  });
});
