import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { decodeCheckpoint } from '../../src/checkpoint/format.js';
import { run } from '../../src/cli/program.js';
import { ExitCode } from '../../src/cli/usage.js';
import { captureOutput, temporaryFolder } from '../support/command-line.js';

const written = captureOutput();
const at = temporaryFolder();

/** Runs a command that must succeed. @returns its figures */
async function figures(...args: string[]): Promise<Record<string, unknown>> {
  written.out = '';
  written.err = '';
  expect(await run([...args, '--json']), written.err).toBe(ExitCode.done);
  expect(written.out.match(/\n/g)).toHaveLength(1);
  return JSON.parse(written.out) as Record<string, unknown>;
}

const sim = (model: string, ...args: string[]) => ['sim', '--headless', '--model', at(model), ...args];
const train = (model: string, ...args: string[]) => ['train', '--model', at(model), ...args];
const checkpoints = (model: string) => {
  const names = existsSync(at(model)) ? readdirSync(at(model)) : [];
  return names.filter((name) => name.endsWith('.rfsn')).map((name) => at(model, name));
};
const history = (name: string) =>
  readFileSync(at(name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('rfsn sim --headless', () => {
  it('reports the figures that other tools rely on, the same for the same seed, and others for another', async () => {
    const first = await figures(...sim('a', '--episodes', '2', '--seed', '3'));
    expect(Object.keys(first)).toEqual(
      expect.arrayContaining([
        ...['episodes', 'success_rate', 'collision_rate', 'at_fault_collision_rate', 'timeout_rate', 'mean_reward'],
        ...['mean_time_to_goal_s', 'cycles', 'deadline_misses', 'safety_interventions', 'state_hash'],
      ]),
    );
    expect(first).not.toHaveProperty('barn_score');
    expect(first).toMatchObject({
      episodes: 2,
      deadline_misses: 0,
      state_hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(first['mean_reward']).toEqual(expect.any(Number));
    expect(await figures(...sim('b', '--episodes', '2', '--seed', '3'))).toEqual(first);
    const other = await figures(...sim('c', '--episodes', '2', '--seed', '4'));
    expect(other['state_hash']).not.toBe(first['state_hash']);
  });

  it('resumes a folder whatever the seed, counts its episodes on, and prints a summary for people', async () => {
    await figures(...sim('a', '--episodes', '1', '--seed', '3'));
    expect(await run(sim('a', '--episodes', '1', '--seed', '4'))).toBe(ExitCode.done);
    expect(written.err).not.toContain('rfsn:');
    expect(written.out).toContain('checkpoint-000000001.rfsn: episode 1 is next');
    expect(written.out).toMatch(/^episodes +1$/m);
    expect(written.out).toMatch(/^success +\d+\.\d %$/m);
    const newest = decodeCheckpoint(readFileSync(checkpoints('a')[1]));
    expect(newest.counters.episodes).toBe(2);
    expect(newest.metadata['run']).toMatchObject({ scenario: 'clutter', seed: 4, faults: false });
    expect(newest.metadata['policy']).toMatchObject({
      name: 'squarecb',
      config: { arms: 'tied', regressor: 'ridge', gamma_scale: 100, random_seed: 4 },
    });
    expect(newest.generatorState.some((word) => word !== 0)).toBe(true);
  });

  it('leaves the folder as it is when frozen, starts from episode 0, and warns of worlds seen in training', async () => {
    await figures(...sim('a', '--episodes', '1', '--seed', '3'));
    const before = checkpoints('a').map((path) => readFileSync(path));
    const frozen = await figures(...sim('a', '--episodes', '1', '--seed', '3', '--frozen'));
    expect(written.err).toContain('it was trained with seed 3 too');
    expect(frozen['mean_reward']).toEqual(expect.any(Number));
    expect(await figures(...sim('a', '--episodes', '1', '--seed', '3', '--frozen'))).toEqual(frozen);
    await figures(...sim('a', '--episodes', '1', '--seed', '9', '--frozen'));
    expect(written.err).not.toContain('it was trained with');
    expect(checkpoints('a').map((path) => readFileSync(path))).toEqual(before);
  });

  it.each(['random', 'fallback'])('lets %s drive without touching the folder', async (policy) => {
    const driven = await figures(...sim('a', '--episodes', '1', '--policy', policy, '--frozen', '--scenario', 'open'));
    expect(driven['episodes']).toBe(1);
    expect(checkpoints('a')).toEqual([]);
    expect(await figures(...sim('b', '--episodes', '1', '--policy', policy, '--scenario', 'open'))).toMatchObject({
      episodes: 1,
    });
    expect(existsSync(at('b'))).toBe(false);
  });

  it('drives a holonomic robot with faults, rewarded by a formula', async () => {
    const args = ['--robot', 'omni', '--faults', '--scenario', 'open', '--set', 'reward.expression=2*progress'];
    const clean = args.filter((arg) => arg !== '--faults');
    const faulty = await figures(...sim('a', '--episodes', '1', ...args));
    const other = await figures(...sim('b', '--episodes', '1', ...clean));
    expect(faulty['state_hash']).not.toBe(other['state_hash']);
  });

  it('goes once through a BARN file, with a score only where the path length is known', async () => {
    const path = at('worlds.jsonl');
    const world = { world: 4, radius_m: 0.075, path_length_m: 10, obstacles_xy_m: [[-4, 5]] };
    const lines = [world, { ...world, world: 9 }].map((line) => JSON.stringify(line));
    writeFileSync(path, lines.join('\n'));
    const scored = await figures(...sim('a', '--scenario', `barn:${path}`, '--policy', 'fallback'));
    expect(scored['episodes']).toBe(2);
    expect(scored['barn_score']).toBeGreaterThan(0.3);
    const { path_length_m: _, ...unknown } = world;
    writeFileSync(path, JSON.stringify(unknown));
    const one = await figures(...sim('a', '--scenario', `barn:${path}#4`, '--policy', 'fallback'));
    expect(one).toMatchObject({ episodes: 1, success_rate: 1, barn_score: null });
  });

  it('falls back to an older checkpoint where the newest is damaged, and says so', async () => {
    await figures(...sim('a', '--episodes', '1', '--seed', '3', '--scenario', 'open'));
    const [good] = checkpoints('a');
    const bad = good.replace('001.rfsn', '002.rfsn');
    const bytes = readFileSync(good);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(bad, bytes);
    await figures(...sim('a', '--episodes', '1', '--seed', '3', '--frozen', '--scenario', 'open'));
    expect(written.err).toContain(`refused ${bad}: the checksum does not match`);
    expect(written.err).toContain(`resumed from ${good}`);
  });

  it('exits with 1 where no checkpoint is good, and starts nothing', async () => {
    mkdirSync(at('a'));
    writeFileSync(at('a', 'checkpoint-000000001.rfsn'), 'nonsense');
    expect(await run([...sim('a', '--episodes', '1'), '--json'])).toBe(ExitCode.failed);
    expect(written.err).toContain('can be used:\n  checkpoint-000000001.rfsn: this is not a checkpoint of rfsn');
    expect(written.out).toBe('');
  });

  it('refuses a checkpoint of other features or another table, with what differs', async () => {
    const refused = async (model: string, ...args: string[]) => {
      written.err = '';
      expect(await run(sim(model, '--episodes', '1', ...args))).toBe(ExitCode.failed);
      return written.err;
    };
    const products = ['--set', 'interactions=quadratic'];
    const otherFeatures = 'features.interactions is "none" in the file and "quadratic" here';
    await figures(...sim('a', '--episodes', '1', '--scenario', 'open'));
    expect(await refused('a', ...products)).toContain(otherFeatures);
    expect(await refused('a', '--set', 'regressor=gd')).toContain('policy.regressor is "ridge" in the file and "gd"');
    expect(await refused('a', '--policy', 'bandit')).toContain('policy.name is "squarecb" in the file and "bandit"');

    const bandit = ['--policy', 'bandit', '--set', 'arms=disjoint'];
    await figures(...sim('b', '--episodes', '1', '--scenario', 'open', ...bandit));
    expect(await refused('b', ...bandit, '--set', 'bits=19')).toContain('policy.bits is 18 in the file and 19 here');
    expect(await refused('b', ...bandit, ...products)).toContain(otherFeatures);
  });

  it('takes the policy from the flag, else from the parameters, and says what it does not use', async () => {
    const args = ['--episodes', '1', '--scenario', 'open'];
    const file = at('linucb.yaml');
    writeFileSync(file, '/**:\n  ros__parameters:\n    policy: linucb\n    alpha: 2.0\n');
    await figures(...sim('a', ...args, '--policy', 'lints', '--params', file));
    expect(written.err).toContain('note: the policy lints does not use alpha\n');
    // Of two options of one command line neither is over the other.
    expect(await run(sim('c', ...args, '--policy', 'lints', '--set', 'policy=linucb'))).toBe(ExitCode.usage);
    expect(written.err).toContain('--policy lints and --set policy=linucb: which?');
    written.err = '';
    await figures(...sim('b', ...args, '--set', 'policy=linucb', '--set', 'alpha=2'));
    expect(written.err).not.toContain('does not use');
    const named = ['a', 'b'].map((model) => decodeCheckpoint(readFileSync(checkpoints(model)[0])).metadata['policy']);
    expect(named).toMatchObject([{ name: 'lints' }, { name: 'linucb', config: { alpha: 2 } }]);
  });

  it('refuses a checkpoint of another policy or other arms by name, and goes on with other rates', async () => {
    const args = ['--episodes', '1', '--scenario', 'open', '--policy', 'linucb', '--set', 'arms=tied'];
    await figures(...sim('a', ...args));
    expect(await run(sim('a', ...args, '--policy', 'lints'))).toBe(ExitCode.failed);
    expect(written.err).toContain('policy.name is "linucb" in the file and "lints" here');
    written.err = '';
    expect(await run(sim('a', ...args, '--set', 'arms=hybrid'))).toBe(ExitCode.failed);
    expect(written.err).toContain('policy.arms is "tied" in the file and "hybrid" here');
    await figures(...sim('a', ...args, '--set', 'alpha=0.1'));
    expect(written.err).toContain('resumed from');
  });

  it('ends in order on a signal, with the state after the last whole episode', async () => {
    const model = ['--scenario', 'open', '--set', 'save_frequency=1'];
    const running = run([...sim('a', ...model), '--json']);
    await vi.waitFor(() => expect(checkpoints('a').length).toBeGreaterThan(1), { timeout: 20_000, interval: 5 });
    process.emit('SIGTERM', 'SIGTERM');
    expect(await running).toBe(ExitCode.done);
    const { episodes, state_hash } = JSON.parse(written.out) as { episodes: number; state_hash: string };
    expect(written.err).toContain(`SIGTERM: ended, episodes driven: ${episodes}`);
    const whole = await figures(...sim('b', ...model, '--episodes', String(episodes)));
    expect(whole['state_hash']).toBe(state_hash);
  });
});

describe('rfsn train', () => {
  it('writes a history, moves the rates along their schedules, and counts episodes on', async () => {
    const path = at('history.jsonl');
    const bandit = ['--policy', 'bandit', '--set', 'arms=disjoint'];
    const args = ['--scenario', 'open', '--episodes', '3', '--history', path, '--set', 'epsilon=0.4', ...bandit];
    const schedules = ['--epsilon-schedule', 'linear', '--epsilon-end', '0', '--learning-rate-schedule', 'exponential'];
    const first = await figures(...train('a', ...args, ...schedules));
    expect(first).toMatchObject({ episodes: 3, episodes_total: 3 });
    const lines = history('history.jsonl');
    expect(lines.map(({ episode }) => episode)).toEqual([0, 1, 2]);
    expect(lines.map(({ epsilon }) => epsilon)).toEqual([0.4, 0.2, 0]);
    expect(lines.map((line) => Number(line['learning_rate']).toFixed(6))).toEqual(['0.100000', '0.031623', '0.010000']);
    expect(lines[0]).toMatchObject({ outcome: 'success', at_fault: false, reward: expect.any(Number) });
    expect(lines.reduce((sum, { cycles }) => sum + Number(cycles), 0)).toBe(first['cycles']);

    expect(await figures(...train('a', ...args))).toMatchObject({ episodes: 3, episodes_total: 6 });
    expect(history('history.jsonl').map(({ episode }) => episode)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(history('history.jsonl')[5]['epsilon']).toBe(0.4);
  });

  it('moves ε along its schedule for the default policy too, which has no learning rate', async () => {
    const args = ['--scenario', 'open', '--episodes', '3', '--history', at('h.jsonl'), '--set', 'epsilon=0.4'];
    await figures(...train('a', ...args, '--epsilon-schedule', 'linear', '--epsilon-end', '0'));
    expect(history('h.jsonl').map(({ epsilon }) => epsilon)).toEqual([0.4, 0.2, 0]);
    expect(history('h.jsonl').map((line) => line['learning_rate'])).toEqual([0, 0, 0]);
  });

  it('ends with the same bits in one piece and in two, and for the same seed only', async () => {
    const whole = await figures(...train('whole', '--episodes', '4', '--seed', '8'));
    await figures(...train('parts', '--episodes', '1', '--seed', '8'));
    const parts = await figures(...train('parts', '--episodes', '3', '--seed', '8'));
    expect(parts['state_hash']).toBe(whole['state_hash']);
    const other = await figures(...train('other', '--episodes', '4', '--seed', '9'));
    expect(other['state_hash']).not.toBe(whole['state_hash']);
  });

  it('goes on with what an older checkpoint knows, its history included', async () => {
    const args = ['--scenario', 'open', '--history', at('h.jsonl'), '--set', 'save_frequency=1'];
    const whole = await figures(...train('a', ...args, '--episodes', '3'));
    const lines = history('h.jsonl');
    mkdirSync(at('b'));
    copyFileSync(checkpoints('a')[0], at('b', 'checkpoint-000000001.rfsn'));
    // As a kill leaves it: two episodes more than the checkpoint knows, and half a line.
    writeFileSync(at('h.jsonl'), `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"epi`);
    const resumed = await figures(...train('b', ...args));
    expect(written.err).toContain('goes on with a training of 3 episodes, of which 2 are left');
    expect(resumed).toMatchObject({ episodes: 2, state_hash: whole['state_hash'] });
    expect(history('h.jsonl')).toEqual(lines);
  });

  it('leaves a file alone that is no history', async () => {
    const path = at('notes.txt');
    writeFileSync(path, 'dear diary\n');
    expect(await run(train('a', '--history', path))).toBe(ExitCode.usage);
    expect(readFileSync(path, 'utf8')).toBe('dear diary\n');
    expect(await run(train('a', '--history', at('no', 'such', 'folder')))).toBe(ExitCode.failed);
  });

  it('exits with 1 when what it learned could not be saved, after it has said how it went', async () => {
    const running = run([
      ...train('a', '--scenario', 'open', '--episodes', '3', '--set', 'save_frequency=1'),
      '--json',
    ]);
    await vi.waitFor(() => expect(checkpoints('a').length).toBeGreaterThan(0), { timeout: 20_000, interval: 5 });
    rmSync(at('a'), { recursive: true });
    writeFileSync(at('a'), '');
    expect(await running).toBe(ExitCode.failed);
    expect(written.err.match(/checkpoint failed, will try again/g)).toHaveLength(1);
    expect(JSON.parse(written.out)).toMatchObject({ episodes: 3 });
  });
});

describe('sim and train', () => {
  it.each([
    [
      ['sim', '--scenario', 'nope'],
      '--scenario nope is unknown; allowed: open, clutter, corridor, moving, caves, barn:',
    ],
    [['sim', '--scenario', 'barn:'], 'a file is missing'],
    [['sim', '--robot', 'car'], 'Allowed choices are jackal, omni.'],
    [['sim', '--policy', 'linear'], 'Allowed choices are bandit, linucb,'],
    [['train', '--policy', 'random'], '--policy random learns nothing'],
    [['train', '--set', 'policy=fallback'], '--policy fallback learns nothing'],
    [['train', '--policy', 'lints', '--learning-rate-schedule', 'linear'], 'the policy lints has no such rate'],
    [['train', '--learning-rate-schedule', 'linear'], 'the policy squarecb has no such rate'],
    [['sim', '--preset', 'x'], 'Allowed choices are development, staging, production.'],
    [['sim', '--episodes', '0'], 'Allowed: an integer from 1'],
    [['sim', '--seed', '-1'], 'Allowed: an integer from 0'],
    [['sim', '--set', 'epsilon=2'], 'epsilon: 2 is not allowed; allowed: a number from 0 to 1'],
    [['sim', '--set', 'max_beams=100'], 'max_beams: 100 is not allowed; allowed: at least 720, the beams of jackal'],
    [
      ['sim', '--robot', 'omni', '--set', 'robot.drive=differential'],
      'allowed: omnidirectional, which the robot omni has',
    ],
    [['sim', '--set', 'reward.expression=foo'], 'foo is not a variable'],
    [['train', '--epsilon-end', '0.1'], '--epsilon-end 0.1 needs --epsilon-schedule linear or exponential'],
    [
      ['train', '--epsilon-schedule', 'exponential', '--epsilon-end', '0'],
      'from 0.1 to 0; allowed: two values above 0',
    ],
    [['train', '--epsilon-schedule', 'linear', '--set', 'epsilon_decay_steps=9'], 'give one of them'],
    [['train', '--learning-rate-schedule', 'cosine'], 'Allowed choices are constant, linear, exponential.'],
  ])('exit with 2 on %j', async (args, message) => {
    expect(await run(args)).toBe(ExitCode.usage);
    expect(written.err).toContain(message);
    expect(written.out).toBe('');
  });

  it('exit with 1 where a BARN file cannot be read, and with 2 where it lacks the world asked for', async () => {
    const path = at('worlds.jsonl');
    expect(await run(['sim', '--scenario', `barn:${path}`])).toBe(ExitCode.failed);
    expect(written.err).toContain(`${path}: cannot be read (ENOENT)`);
    writeFileSync(path, JSON.stringify({ world: 4, radius_m: 0.1, obstacles_xy_m: [] }));
    expect(await run(['sim', '--scenario', `barn:${path}#5`])).toBe(ExitCode.usage);
    expect(written.err).toContain('no world #5; the file holds 1: 4');
  });
});
