import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { axisTicks } from '../../../src/cli/chart.js';
import {
  type DriverFigures,
  type Evaluation,
  learningPage,
  type ScenarioFigures,
  targetsOf,
} from '../../../src/cli/evaluation-page.js';
import { CURVE_WINDOW, learningCurveSvg, movingMean } from '../../../src/cli/learning-curve.js';

const driver = (change: Partial<DriverFigures> = {}): DriverFigures => ({
  episodes: 100,
  success_rate: 1,
  collision_rate: 0,
  at_fault_collision_rate: 0,
  mean_time_to_goal_s: 5,
  barn_score: null,
  state_hash: '0123456789abcdef',
  ...change,
});

const scenario = (change: Partial<ScenarioFigures> = {}): ScenarioFigures => ({
  policy: driver(),
  untrained: driver({ success_rate: 0.9, mean_time_to_goal_s: 20 }),
  random: driver({ success_rate: 0.9, mean_time_to_goal_s: 21 }),
  fallback: driver({ mean_time_to_goal_s: 4 }),
  ...change,
});

const barn = (policy: number | null, fallback: number): ScenarioFigures =>
  scenario({ policy: driver({ barn_score: policy }), fallback: driver({ barn_score: fallback }) });

const evaluation = (change: Partial<Evaluation> = {}): Evaluation => ({
  seed: 1,
  evaluationSeed: 2,
  trainEpisodes: 300,
  episodes: 100,
  clutter: scenario(),
  moving: scenario(),
  barn: { clean: barn(0.46, 0.46), faults: barn(0.4, 0.41) },
  ...change,
});

const missed = (change: Partial<Evaluation>) =>
  targetsOf(evaluation(change))
    .filter(({ met }) => !met)
    .map(({ figure }) => figure);

describe('the targets of learning', () => {
  it('are all met by a policy that does what was asked, the rule equalled and not beaten', () => {
    expect(targetsOf(evaluation())).toHaveLength(9);
    expect(missed({})).toEqual([]);
  });

  it('are asked for only where something was measured', () => {
    expect(targetsOf(evaluation({ clutter: null, moving: null, barn: null }))).toEqual([]);
  });

  it.each([
    ['clutter: success', { policy: driver({ success_rate: 0.949 }) }],
    ['clutter: collisions', { policy: driver({ collision_rate: 0.01 }) }],
    ["clutter: time to goal, as a share of the untrained policy's", { policy: driver({ mean_time_to_goal_s: 14.1 }) }],
    [
      'clutter: success and time to goal, against uniformly random choice',
      { random: driver({ mean_time_to_goal_s: 5 }) },
    ],
    [
      'clutter: success and time to goal, against uniformly random choice',
      { policy: driver({ success_rate: 0.95 }), random: driver({ success_rate: 0.96, mean_time_to_goal_s: 30 }) },
    ],
  ] as const)('miss "%s" alone where only that falls short', (figure, change) => {
    expect(missed({ clutter: scenario(change) })).toEqual([figure]);
  });

  it('count in moving only the collisions that were the robot’s fault', () => {
    expect(missed({ moving: scenario({ policy: driver({ collision_rate: 0.05, success_rate: 0.85 }) }) })).toEqual([]);
    expect(missed({ moving: scenario({ policy: driver({ at_fault_collision_rate: 0.01 }) }) })).toEqual([
      "moving: collisions at the robot's fault",
    ]);
    expect(missed({ moving: scenario({ policy: driver({ success_rate: 0.84 }) }) })).toEqual(['moving: success']);
  });

  it('hold the clean BARN score against a number and against the rule, and one that is unknown meets neither', () => {
    const faults = barn(0, 0);
    expect(missed({ barn: { clean: barn(0.43, 0.44), faults } })).toEqual(['BARN: score, against the rule alone']);
    expect(missed({ barn: { clean: barn(0.41, 0.4), faults } })).toEqual(['BARN: score']);
    expect(missed({ barn: { clean: barn(null, 0.4), faults } })).toHaveLength(2);
  });
});

describe('the page of learning', () => {
  it('shows each target beside its figure, every driver in every table, and the commands with their seeds', () => {
    const page = learningPage(evaluation(), 'v20.20.2');
    expect(page).toContain('| clutter: success | ≥ 95 % | 100 % | yes |');
    expect(page).toContain('| untrained | 90 % | 0 % | 0 % | 20.00 s | 100 % |');
    expect(page).toContain('| policy | 100 % | 0 % | 0 % | 5.00 s | 25 % |');
    expect(page).toContain('| policy | 0.4600 | 100 % | 0 % | 0.4000 | 100 % | 0 % |');
    expect(page).toContain('--scenario clutter --episodes 300 --seed 1 ');
    expect(page).toContain('--scenario clutter --episodes 100 --seed 2 ');
    expect(page).not.toContain('**no**');
    for (const row of page.split('\n').filter((line) => line.startsWith('|'))) expect(row).not.toMatch(/NaN|undefined/);
  });

  it('marks what was missed, and says so where BARN was not there', () => {
    const page = learningPage(
      evaluation({ clutter: scenario({ policy: driver({ collision_rate: 0.02 }) }), barn: null }),
      'v20.20.2',
    );
    expect(page).toContain('| clutter: collisions | none | 2 % | **no** |');
    expect(page).toContain('Not measured');
  });
});

describe('the learning curve', () => {
  const references = [
    { name: 'untrained', successRate: 0.8, meanTimeS: 30 },
    { name: 'random', successRate: 0.5, meanTimeS: 40 },
  ];
  const episodes = Array.from({ length: 60 }, (_, i) => ({ success: i >= 20, timeS: i < 20 ? 60 : 6 }));

  it('averages what it looks back on, and no more', () => {
    expect(movingMean([4, 2, 6, 8], 2)).toEqual([4, 3, 4, 7]);
    expect(movingMean([], 3)).toEqual([]);
  });

  it('puts round numbers on its axes, up to the largest value or beyond', () => {
    expect(axisTicks(60, 6)).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect(axisTicks(43, 6)).toEqual([0, 10, 20, 30, 40, 50]);
    expect(axisTicks(1.1, 5)).toHaveLength(4);
  });

  it('is a well-formed picture with units on its axes, a curve in each panel and a label for each level', () => {
    const svg = learningCurveSvg({ scenario: 'a<b', episodes, references });
    expect(XMLValidator.validate(svg)).toBe(true);
    for (const text of [
      'success rate [%]',
      'time to goal [s]',
      'training episodes',
      'untrained 30.0 s',
      'random 50 %',
    ]) {
      expect(svg).toContain(text);
    }
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg).not.toMatch(/NaN|undefined/);
    const curves = [...svg.matchAll(/<polyline class="curve" points="([^"]+)"/g)].map(([, points]) =>
      points.split(' ').map((point) => point.split(',').map(Number)),
    );
    expect(curves).toHaveLength(2);
    const [success, time] = curves;
    // Upward on the page is downward in numbers: success rises to the top, time falls.
    expect(success[0][1]).toBeGreaterThan(success[success.length - 1][1]);
    expect(time[0][1]).toBeLessThan(time[time.length - 1][1]);
    expect(time[time.length - 1][0]).toBe(success[success.length - 1][0] + 434);
    expect(new XMLParser().parse(svg)).toHaveProperty('svg.title');
  });

  it('gives levels that read alike one label, and keeps others apart', () => {
    const alike = [
      references[0],
      { ...references[0], name: 'random' },
      { ...references[0], name: 'x', meanTimeS: 30.5 },
    ];
    const svg = learningCurveSvg({ scenario: 'clutter', episodes, references: alike });
    expect(svg).toContain('>untrained = random = x 80 %<');
    expect(svg).toContain('>untrained = random 30.0 s<');
    const heights = [...svg.matchAll(/class="label label\d" x="837" y="([\d.]+)"/g)].map(([, y]) => Number(y));
    expect(heights).toHaveLength(2);
    expect(Math.abs(heights[0] - heights[1])).toBeGreaterThanOrEqual(15);
  });

  it('draws a training shorter than its window, and refuses none at all', () => {
    expect(CURVE_WINDOW).toBeGreaterThan(3);
    const svg = learningCurveSvg({ scenario: 'clutter', episodes: episodes.slice(0, 3), references: [] });
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg.match(/>3 episodes: the curve begins with 5</g)).toHaveLength(2);
    // Episodes are counted in whole numbers.
    expect([...svg.matchAll(/y="307" text-anchor="middle">([^<]+)</g)].map(([, text]) => text)).toEqual([
      ...['0', '1', '2', '3'],
      ...['0', '1', '2', '3'],
    ]);
    expect(() => learningCurveSvg({ scenario: 'clutter', episodes: [], references })).toThrow(RangeError);
  });
});
