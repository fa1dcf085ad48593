import { describe, expect, it } from 'vitest';
import type { DriverFigures } from '../../../src/cli/evaluation-page.js';
import {
  type ComparedPart,
  type Comparison,
  comparisonText,
  type Probe,
  parseCandidates,
  policiesPage,
  probeEpisodes,
  REACH_WINDOW,
  trainingFigures,
} from '../../../src/cli/policy-comparison.js';
import { UsageError } from '../../../src/cli/usage.js';

const names = ['bandit', 'lints', 'random'];

describe('a list of policies', () => {
  it('gives each files and parameters of its own', () => {
    expect(parseCandidates('bandit, lints arms=tied  v=0.2,lints @a.yaml @b.yaml epsilon=0', names)).toEqual([
      { label: 'bandit', policy: 'bandit', params: [], set: {} },
      { label: 'lints arms=tied v=0.2', policy: 'lints', params: [], set: { arms: 'tied', v: '0.2' } },
      {
        label: 'lints @a.yaml @b.yaml epsilon=0',
        policy: 'lints',
        params: ['a.yaml', 'b.yaml'],
        set: { epsilon: '0' },
      },
    ]);
  });

  it.each([
    ['lints policy=bandit', 'the policy is named first'],
    ['lints v=1 v=2', 'lints has v twice'],
    ['linear', '"linear" is not a policy; allowed: bandit, lints, random'],
    ['bandit,', '"" is not a policy'],
    ['bandit fast', '"fast" is neither'],
    ['bandit @', '"@" is neither'],
    ['bandit =1', '"=1" is neither'],
    ['bandit,lints, bandit', '"bandit" is there twice'],
  ])('is refused where it says %j', (list, text) => {
    expect(() => parseCandidates(list, names)).toThrow(UsageError);
    expect(() => parseCandidates(list, names)).toThrow(text);
  });
});

describe('how long a training took', () => {
  const training = (count: number, success: (i: number) => boolean) =>
    Array.from({ length: count }, (_, i) => ({ success: success(i), timeS: 10 }));
  const probe = (trained: number, success_rate: number, mean_time_to_goal_s = 10): Probe => ({
    trained,
    success_rate,
    mean_time_to_goal_s,
  });

  it('is counted, in the training, to the first window that is at 95 % of the last third', () => {
    const figures = trainingFigures(
      training(120, (i) => i >= 50),
      [probe(0, 1)],
    );
    expect(figures).toMatchObject({ training_success_rate: 1, training_time_to_goal_s: 10 });
    // 24 of 25 are enough for 95 %.
    expect(figures.episodes_to_success).toBe(50 - Math.floor(REACH_WINDOW * 0.05));
  });

  it('is counted, of the frozen policy, to the first of two probes that are at 95 % of the last', () => {
    const probes = [probe(0, 0.5, 30), probe(1, 1, 12), probe(2, 0.9, 10.6), probe(5, 0.95, 10.5), probe(9, 1, 10)];
    expect(trainingFigures(training(9, Boolean), probes)).toMatchObject({
      frozen_episodes_to_success: 5,
      frozen_episodes_to_speed: 5,
      probes,
    });
    const last = [probe(0, 0.5), probe(1, 0.5), probe(2, 1)];
    expect(trainingFigures(training(2, Boolean), last).frozen_episodes_to_success).toBe(2);
  });

  it('is nothing where nothing was to be learned, also in trainings shorter than a window', () => {
    for (const successful of [true, false]) {
      const figures = trainingFigures(
        training(3, () => successful),
        [probe(0, successful ? 1 : 0), probe(3, successful ? 1 : 0)],
      );
      expect(figures).toMatchObject({
        episodes_to_success: 0,
        frozen_episodes_to_success: 0,
        frozen_episodes_to_speed: 0,
        training_success_rate: successful ? 1 : 0,
      });
    }
  });

  it('is looked at more often where the training is young', () => {
    expect(probeEpisodes(1)).toEqual([0, 1]);
    expect(probeEpisodes(8)).toEqual([0, 1, 2, 3, 4, 5, 7, 8]);
    expect(probeEpisodes(120)).toEqual([0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 120]);
  });
});

describe('a comparison', () => {
  const final = (change: Partial<DriverFigures> = {}): DriverFigures => ({
    episodes: 100,
    success_rate: 0.9,
    collision_rate: 0.05,
    at_fault_collision_rate: 0,
    mean_time_to_goal_s: 6,
    barn_score: null,
    state_hash: '0123456789abcdef',
    ...change,
  });
  const training = {
    episodes_to_success: 10,
    training_success_rate: 1,
    training_time_to_goal_s: 5,
    frozen_episodes_to_success: 3,
    frozen_episodes_to_speed: 7,
    probes: [],
  };
  const results: ComparedPart[] = [
    { policy: 'bandit', part: 'clutter', training: [training], final: [final()] },
    {
      policy: 'lints arms=tied',
      part: 'clutter',
      training: [training, { ...training, episodes_to_success: 20 }],
      final: [final({ success_rate: 1 }), final({ success_rate: 0.9 })],
    },
    { policy: 'bandit', part: 'barn', training: [], final: [final({ barn_score: 0.4881 })] },
  ];
  const comparison: Comparison = { seeds: [1, 1001], evaluationSeed: 2, trainEpisodes: 300, episodes: 100, results };

  it('is a table for each part, with the standard error where there were several trainings', () => {
    const page = policiesPage(comparison, 'rfsn evaluate', 'v20.0.0');
    expect(page).toContain('## clutter');
    expect(page).toContain('| bandit | 10 | 3 | 7 | 90 % | 5 % | 0 % | 6.00 s | – |');
    expect(page).toContain('| lints arms=tied | 15 ± 5 | 3 ± 0 | 7 ± 0 | 95 % ± 5 % |');
    expect(page).toContain('| bandit | – | – | – | 90 % | 5 % | 0 % | 6.00 s | 0.4881 |');
    const widths = page.split('\n').filter((line) => line.startsWith('|'));
    expect(new Set(widths.map((line) => line.split('|').length)).size).toBe(1);
  });

  it('is the same table in a terminal, its columns aligned', () => {
    const lines = comparisonText(comparison).split('\n');
    expect(lines[0]).toBe('clutter');
    const at = lines[1].indexOf('success', lines[1].indexOf('speed'));
    expect(lines[2].slice(at)).toMatch(/^90 %/);
    expect(lines[3].slice(at)).toMatch(/^95 % ± 5 %/);
    expect(lines).toContain('barn');
  });
});
