import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/program.js';
import { ExitCode } from '../../../src/cli/usage.js';
import { captureOutput, temporaryFolder } from '../../support/command-line.js';

const written = captureOutput();
const at = temporaryFolder();

type Json = Record<string, unknown>;

async function figures(...args: string[]): Promise<Json> {
  written.out = '';
  expect(await run([...args, '--json']), written.err).toBe(ExitCode.done);
  return written.lastJson();
}

/** Two worlds of BARN's kind: a post beside the way, and nothing. */
function barnFile(): string {
  const path = at('worlds.jsonl');
  const world = (index: number, posts: number[][]) =>
    JSON.stringify({ world: index, radius_m: 0.075, path_length_m: 10, obstacles_xy_m: posts });
  writeFileSync(path, `${world(0, [[-2, 8]])}\n${world(1, [])}\n`);
  return path;
}

const tiny = ['--episodes', '2', '--train-episodes', '3', '--seed', '5', '--evaluation-seed', '9'];

describe('rfsn evaluate', () => {
  it('gives what train and then sim --frozen give for the same seeds', async () => {
    const evaluated = await figures('evaluate', 'clutter', ...tiny);
    const model = ['--model', at('model')];
    await figures('train', '--scenario', 'clutter', '--episodes', '3', '--seed', '5', ...model);
    const frozen = (...args: string[]) =>
      figures('sim', '--headless', '--frozen', '--episodes', '2', '--seed', '9', '--scenario', 'clutter', ...args);
    const drivers = evaluated['clutter'] as Record<string, Json>;
    const { barn_score, ...policy } = drivers['policy'];
    expect(barn_score).toBeNull();
    expect(await frozen(...model)).toMatchObject(policy);
    const none = ['--model', at('none')];
    for (const [name, args] of [
      ['untrained', none],
      ['random', [...none, '--policy', 'random']],
      ['fallback', [...none, '--policy', 'fallback']],
    ] as const) {
      expect((await frozen(...args))['state_hash'], name).toBe(drivers[name]['state_hash']);
    }
    expect(evaluated).toMatchObject({ seed: 5, evaluation_seed: 9, moving: null, barn: null });
    expect(evaluated['targets']).toHaveLength(4);
  });

  it('drives at most the worlds that BARN has, clean and with faults', async () => {
    const { barn, targets } = await figures('evaluate', 'barn', '--barn', barnFile(), ...tiny, '--episodes', '7');
    const { clean, faults } = barn as Record<string, Record<string, Json>>;
    for (const drivers of [clean, faults]) {
      expect(Object.keys(drivers)).toEqual(['policy', 'untrained', 'random', 'fallback']);
      for (const one of Object.values(drivers)) expect(one['episodes']).toBe(2);
    }
    expect(clean['fallback']).toMatchObject({ success_rate: 1, barn_score: 0.5 });
    expect(faults['fallback']['state_hash']).not.toBe(clean['fallback']['state_hash']);
    expect(targets).toHaveLength(3);
  });

  it('says in words how each driver did and which targets were met', async () => {
    expect(await run(['evaluate', 'moving', ...tiny])).toBe(ExitCode.done);
    for (const name of ['policy', 'untrained', 'random', 'fallback']) {
      expect(written.out).toMatch(new RegExp(`^moving: ${name}: success \\d+\\.\\d %, collisions`, 'm'));
    }
    expect(written.out).toMatch(/^(met {4}|MISSED ) moving: success: \d+(\.\d)? % \(target ≥ 85 %\)$/m);
    expect(written.err).toBe('');
  });

  it.each([
    [['cluter'], 'not one of clutter, moving, barn'],
    [['--seed', '3', '--evaluation-seed', '3'], 'the worlds that were trained in'],
    [['clutter', '--write'], 'name no part'],
    [['--write', '--set', 'epsilon=0.2'], 'name no part and set none'],
    [['clutter', '--set', 'epsilon=2'], 'epsilon'],
    [['--episodes', '0'], 'Allowed'],
    [['--write', '--policy', 'linucb'], 'name no part and set none'],
    [['--trainings', '2'], '--trainings needs --policies'],
    [['clutter', '--policies', 'linear'], '"linear" is not a policy'],
    [['clutter', '--policies', 'bandit', '--policy', 'lints'], 'give one'],
    [['clutter', '--policies', 'lints alpha=-1'], 'alpha: -1 is not allowed'],
    [['clutter', '--policies', 'bandit', '--seed', '3', '--evaluation-seed', '3'], 'the worlds that were trained in'],
  ])('refuses %j as a mistake in its usage', async (args, text) => {
    expect(await run(['evaluate', ...args])).toBe(ExitCode.usage);
    expect(written.err).toContain(text);
  });

  it('sets policies against each other, each with parameters of its own, the same twice', async () => {
    const list = 'bandit, linucb arms=tied alpha=0.5, fallback';
    const args = ['evaluate', 'caves', 'barn', '--barn', barnFile(), '--policies', list, '--trainings', '2', ...tiny];
    const { results, seeds } = await figures(...args);
    expect(seeds).toEqual([5, 1005]);
    const compared = results as { policy: string; part: string; training: Json[]; final: Json[] }[];
    expect(compared.map(({ policy, part }) => [policy, part])).toEqual(
      ['bandit', 'linucb arms=tied alpha=0.5', 'fallback'].flatMap((policy) => [
        [policy, 'caves'],
        [policy, 'barn'],
      ]),
    );
    for (const { part, training, final } of compared) {
      expect(final).toHaveLength(2);
      expect(training).toHaveLength(part === 'barn' ? 0 : 2);
      for (const { probes } of training) expect((probes as Json[]).map(({ trained }) => trained)).toEqual([0, 1, 2, 3]);
      for (const one of final) expect(one['barn_score'] === null).toBe(part === 'caves');
    }
    expect(compared[4].training[0]).toMatchObject({ frozen_episodes_to_speed: 0 });
    expect((await figures(...args))['results']).toEqual(results);
  });

  it('gives in a comparison what train and then sim --frozen give with the same parameters', async () => {
    const args = ['clutter', '--policies', 'lints arms=hybrid', ...tiny];
    const { results } = await figures('evaluate', ...args);
    const model = ['--model', at('model'), '--policy', 'lints', '--set', 'arms=hybrid'];
    await figures('train', '--scenario', 'clutter', '--episodes', '3', '--seed', '5', ...model);
    const frozen = ['sim', '--headless', '--frozen', '--episodes', '2', '--seed', '9', '--scenario', 'clutter'];
    const { state_hash, mean_time_to_goal_s } = await figures(...frozen, ...model);
    expect(results).toMatchObject([{ final: [{ state_hash, mean_time_to_goal_s }] }]);
  });

  it('evaluates the policy that is asked for', async () => {
    const bandit = await figures('evaluate', 'clutter', ...tiny);
    const asked = await figures('evaluate', 'clutter', '--policy', 'linucb', ...tiny);
    const hashes = (json: Json) =>
      Object.values(json['clutter'] as Record<string, Json>).map((one) => one['state_hash']);
    const [policy, , random, fallback] = hashes(asked);
    expect(hashes(bandit)[0]).not.toBe(policy);
    expect(hashes(bandit).slice(2)).toEqual([random, fallback]);
  });

  it('finds out that a file cannot be read before it trains', async () => {
    expect(await run(['evaluate', '--barn', at('absent.jsonl'), ...tiny])).toBe(ExitCode.failed);
    expect(written.err).toContain('absent.jsonl: cannot be read (ENOENT)');
    expect(written.out).toBe('');
  });
});

describe('docs/learning.md', () => {
  it('is a page that the command wrote, with the picture beside it', () => {
    const docs = new URL('../../../docs/', import.meta.url);
    expect(readFileSync(new URL('learning.md', docs), 'utf8')).toMatch(
      /^# Learning\n\nWritten by `rfsn evaluate --write`/,
    );
    expect(readFileSync(new URL('learning-curve.svg', docs), 'utf8')).toContain('<svg ');
  });
});
