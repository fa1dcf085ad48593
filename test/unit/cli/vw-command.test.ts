import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../../src/cli/usage.js';
import { registerVwCommand, runOptionsOf, type VwCommandOptions } from '../../../src/cli/vw-command.js';

let folder = '';
let printed = '';
let complaint = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-vw-'));
  printed = '';
  complaint = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

async function vw(...args: string[]): Promise<void> {
  const program = new Command('rfsn').exitOverride();
  program.configureOutput({
    writeErr: (text) => {
      complaint += text;
    },
  });
  registerVwCommand(program);
  for (const command of program.commands) command.copyInheritedSettings(program);
  await program.parseAsync(['vw', ...args], { from: 'user' });
}

function file(text: string | Uint8Array): string {
  const path = join(folder, 'input.vw');
  writeFileSync(path, text);
  return path;
}

const ADF = 'shared |u x\n|a 1\n0:-1:0.5 |a 2\n\nshared |u x\n0:1:0.5 |a 1\n|a 2\n';

describe('rfsn vw', () => {
  it("prints the settings, the table and the closing figures as Vowpal Wabbit's", async () => {
    const path = file('1 |a x\n0 |a y\n1 |a x\n');
    await vw(path, '-q', 'aa', '-b', '10');
    expect(printed.split('\n').map((line) => line.trimEnd())).toEqual([
      'creating quadratic features for pairs: aa',
      `Reading datafile = ${path}`,
      'Num weight bits = 10',
      'learning rate = 0.5',
      'initial_t = 0',
      'power_t = 0.5',
      'average  since         example        example        current        current  current',
      'loss     last          counter         weight          label        predict features',
      expect.stringMatching(/^1\.000000 1\.000000 {12}1 {12}1\.0 {9}1\.0000 {9}0\.0000 {8}3$/),
      expect.stringMatching(/ {12}2 {12}2\.0 /),
      '',
      'finished run',
      'number of examples = 3',
      'weighted example sum = 3.000000',
      'weighted label sum = 2.000000',
      expect.stringMatching(/^average loss = 0\.\d{6}$/),
      'best constant = 0.666667',
      "best constant's loss = 0.222222",
      'total feature number = 9',
      '',
    ]);
  });

  it('prints one object and nothing else with --json', async () => {
    await vw(file(ADF), '--cb_explore_adf', '--json');
    const { average_loss, ...figures } = JSON.parse(printed);
    expect(average_loss).toBeGreaterThan(-1);
    expect(figures).toEqual({
      ...{ number_of_examples: 2, weighted_example_sum: 2, weighted_label_sum: 0, total_feature_number: 12 },
    });
  });

  it('prints null for the average of nothing', async () => {
    await vw(file(''), '--json');
    expect(JSON.parse(printed)).toMatchObject({ number_of_examples: 0, average_loss: null });
  });

  it('writes predictions to a file', async () => {
    const predictions = join(folder, 'predictions');
    await vw(file(ADF), '--cb_explore_adf', '--first', '1', '-p', predictions);
    expect(readFileSync(predictions, 'utf8')).toBe('0:0.5,1:0.5\n\n1:1,0:0\n\n');
  });

  it('names the file and the line of what is wrong, and keeps the predictions made before', async () => {
    const predictions = join(folder, 'predictions');
    const path = file('1 |a x\nx |a\n');
    await expect(vw(path, '-p', predictions)).rejects.toThrow(`${path}, line 2: the label is a number, not "x"`);
    expect(readFileSync(predictions, 'utf8')).toBe('0\n');
    await expect(vw(file(Uint8Array.of(0x31, 0xff)))).rejects.toThrow('line 1: not UTF-8');
    await expect(vw(join(folder, 'none'), '-p', predictions)).rejects.toThrow('ENOENT');
    expect(readFileSync(predictions, 'utf8')).toBe('0\n');
  });

  it('does not write predictions over what it reads', async () => {
    const path = file(ADF);
    for (const predictions of [path, join(folder, '.', 'link')]) {
      if (predictions !== path) symlinkSync(path, predictions);
      const running = vw(path, '--cb_explore_adf', '-p', predictions);
      await expect(running).rejects.toThrow(UsageError);
      await expect(running).rejects.toThrow(`--predictions ${predictions} is the same file as ${path}`);
    }
    expect(readFileSync(path, 'utf8')).toBe(ADF);
    await expect(vw(path, '-p', '')).rejects.toThrow('--predictions needs the name of a file');
  });

  it.each([
    [['--bag', '3'], "unknown option '--bag'"],
    [['--cover', '3'], "unknown option '--cover'"],
    [['--cb', '0'], 'Allowed: an integer from 1 to 65536.'],
    [['--cb_explore', 'x'], 'Allowed: an integer from 1 to 65536.'],
    [['--passes', '2'], 'Allowed: an integer from 1 to 1.'],
    [['-q', 'abc'], 'Two printable characters'],
    [['--cb_type', 'sm'], 'Allowed: mtr, ips, dm, dr.'],
    [['-b', '40'], 'Allowed: an integer from 1 to 28.'],
    [['--epsilon', '2'], 'Allowed: a number from 0 to 1.'],
    [['-P', '0.5'], 'a factor above 1'],
    [['-P', '0'], 'a whole number of at least 1'],
  ])('refuses %j by name', async (args, message) => {
    await expect(vw(file(''), ...args)).rejects.toBeInstanceOf(CommanderError);
    expect(complaint.toLowerCase()).toContain(message.toLowerCase());
  });
});

describe('the options', () => {
  it("have Vowpal Wabbit's defaults", () => {
    expect(runOptionsOf({})).toEqual({
      regressor: { bits: 18, learningRate: 0.5, powerT: 0.5, initialT: 0, l1: 0, l2: 0 },
      hashing: { interactions: [], constant: true },
      bandit: undefined,
      learning: true,
      progress: { step: 2, additive: false },
    });
  });

  it.each<[VwCommandOptions, unknown]>([
    [{ cb_adf: true }, { kind: 'none' }],
    [{ cb_explore_adf: true }, { kind: 'epsilon', epsilon: 0.05 }],
    [
      { cb_explore_adf: true, first: 130 },
      { kind: 'first', first: 130, epsilon: 0 },
    ],
    [
      { cb_explore_adf: true, softmax: true, lambda: -2 },
      { kind: 'softmax', lambda: 2, epsilon: 0 },
    ],
    [
      { cb_explore_adf: true, squarecb: true },
      { kind: 'squarecb', gammaScale: 10, gammaExponent: 0.5, epsilon: 0 },
    ],
    [
      { cb_explore_adf: true, squarecb: true, gamma_scale: 1, gamma_exponent: 1, epsilon: 0.1 },
      { kind: 'squarecb', gammaScale: 1, gammaExponent: 1, epsilon: 0.1 },
    ],
  ])('%j explore by %j', (options, exploration) => {
    expect(runOptionsOf(options).bandit).toEqual({ cbType: 'mtr', exploration });
  });

  it('of cb carry the number of actions', () => {
    expect(runOptionsOf({ cb: 4, cb_type: 'dr' }).bandit).toEqual({
      ...{ cbType: 'dr', exploration: { kind: 'none' }, actions: 4 },
    });
    expect(runOptionsOf({ cb_explore: 3 }).bandit).toEqual({
      ...{ cbType: 'mtr', exploration: { kind: 'epsilon', epsilon: 0.05 }, actions: 3 },
    });
  });

  it.each<[VwCommandOptions, unknown]>([
    [{ cb: 4 }, { cbType: 'dr', exploration: { kind: 'none' }, actions: 4 }],
    [{ cb_explore: 3 }, { cbType: 'dr', exploration: { kind: 'epsilon', epsilon: 0.05 }, actions: 3 }],
    [
      { cb_explore: 3, cb_type: 'ips', first: 9 },
      { cbType: 'ips', exploration: { kind: 'first', first: 9 }, actions: 3 },
    ],
  ])('%j with --cb_force_legacy is %j', (options, bandit) => {
    expect(runOptionsOf({ ...options, cb_force_legacy: true }).bandit).toEqual({
      ...(bandit as object),
      separate: true,
    });
  });

  it.each<[VwCommandOptions, string]>([
    [{ cb_force_legacy: true, cb_adf: true }, '--cb_force_legacy needs --cb or --cb_explore.'],
    [{ cb_force_legacy: true, cb: 3, cb_type: 'mtr' }, '--cb_force_legacy has no --cb_type mtr.'],
    [{ cb_force_legacy: true, cb_explore: 3, softmax: true }, '--cb_force_legacy has no --softmax.'],
    [{ cb_force_legacy: true, cb_explore: 3, first: 3, epsilon: 0.1 }, '--first and --epsilon are two explorations'],
    [{ cb_type: 'dr' }, '--cb_type needs --cb, --cb_adf, --cb_explore or --cb_explore_adf.'],
    [{ first: 3 }, '--first needs --cb_explore or --cb_explore_adf.'],
    [{ cb_adf: true, epsilon: 0.1 }, '--epsilon needs --cb_explore or --cb_explore_adf.'],
    [{ cb: 3, softmax: true }, '--softmax needs --cb_explore or --cb_explore_adf.'],
    [{ cb: 3, cb_adf: true }, '--cb and --cb_adf are two tasks: give one.'],
    [{ cb_explore: 3, cb_explore_adf: true }, '--cb_explore and --cb_explore_adf are two tasks: give one.'],
    [{ cb_explore_adf: true, lambda: 1 }, '--lambda needs --softmax.'],
    [{ cb_explore_adf: true, gamma_scale: 1 }, '--gamma_scale needs --squarecb.'],
    [{ cb_explore_adf: true, softmax: true, squarecb: true }, '--softmax and --squarecb are two explorations'],
    [{ cb_explore_adf: true, squarecb: true, cb_type: 'dr' }, '--squarecb learns by --cb_type mtr only.'],
  ])('%j do not go together', (options, message) => {
    expect(() => runOptionsOf(options)).toThrow(UsageError);
    expect(() => runOptionsOf(options)).toThrow(message);
  });
});
