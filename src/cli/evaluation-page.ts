/** What an evaluation found, held against what was asked, and the page that shows it: docs/learning.md. Pure functions. */

/** Who drove, in the order of the tables. */
export const DRIVERS = ['policy', 'untrained', 'random', 'fallback'] as const;
export type DriverName = (typeof DRIVERS)[number];

/** Of one driver's frozen episodes; the names are those of `rfsn sim --json`. */
export interface DriverFigures {
  readonly episodes: number;
  readonly success_rate: number;
  readonly collision_rate: number;
  readonly at_fault_collision_rate: number;
  /** A failed episode counts at its time limit. */
  readonly mean_time_to_goal_s: number;
  /** Null outside BARN, and where a world's path length is unknown. */
  readonly barn_score: number | null;
  readonly state_hash: string;
}
export type ScenarioFigures = Readonly<Record<DriverName, DriverFigures>>;

export interface BarnFigures {
  readonly clean: ScenarioFigures;
  readonly faults: ScenarioFigures;
}

export interface Evaluation {
  readonly seed: number;
  readonly evaluationSeed: number;
  readonly trainEpisodes: number;
  /** Of each driver; of BARN at most its worlds. */
  readonly episodes: number;
  /** Null where it was not asked for. */
  readonly clutter: ScenarioFigures | null;
  readonly moving: ScenarioFigures | null;
  readonly barn: BarnFigures | null;
}

export interface LearningTarget {
  readonly figure: string;
  readonly target: string;
  readonly value: string;
  readonly met: boolean;
}

const CLUTTER_SUCCESS = 0.95;
const CLUTTER_TIME_SHARE = 0.7;
const MOVING_SUCCESS = 0.85;
const BARN_SCORE = 0.42;

/** The targets of the parts that were evaluated. */
export function targetsOf(evaluation: Evaluation): LearningTarget[] {
  const { clutter, moving, barn } = evaluation;
  const targets: LearningTarget[] = [];
  const add = (figure: string, target: string, value: string, met: boolean) =>
    targets.push({ figure, target, value, met });
  if (clutter !== null) {
    const { policy, untrained, random } = clutter;
    const share = timeShare(policy, untrained);
    const success = policy.success_rate;
    add('clutter: success', `≥ ${percent(CLUTTER_SUCCESS)}`, percent(success), success >= CLUTTER_SUCCESS);
    add('clutter: collisions', 'none', percent(policy.collision_rate), policy.collision_rate === 0);
    add(
      "clutter: time to goal, as a share of the untrained policy's",
      `≤ ${percent(CLUTTER_TIME_SHARE)}`,
      percent(share),
      share <= CLUTTER_TIME_SHARE,
    );
    add(
      'clutter: success and time to goal, against uniformly random choice',
      `≥ ${percent(random.success_rate)}, < ${seconds(random.mean_time_to_goal_s)}`,
      `${percent(success)}, ${seconds(policy.mean_time_to_goal_s)}`,
      success >= random.success_rate && policy.mean_time_to_goal_s < random.mean_time_to_goal_s,
    );
  }
  if (moving !== null) {
    const { success_rate, at_fault_collision_rate } = moving.policy;
    add('moving: success', `≥ ${percent(MOVING_SUCCESS)}`, percent(success_rate), success_rate >= MOVING_SUCCESS);
    add(
      "moving: collisions at the robot's fault",
      'none',
      percent(at_fault_collision_rate),
      at_fault_collision_rate === 0,
    );
  }
  if (barn !== null) {
    const { policy, fallback } = barn.clean;
    const score = policy.barn_score ?? Number.NaN;
    const rule = fallback.barn_score ?? Number.NaN;
    add('BARN: score', `≥ ${BARN_SCORE}`, scoreText(policy.barn_score), score >= BARN_SCORE);
    add('BARN: collisions', 'none', percent(policy.collision_rate), policy.collision_rate === 0);
    add(
      'BARN: score, against the rule alone',
      `≥ ${scoreText(fallback.barn_score)}`,
      scoreText(policy.barn_score),
      score >= rule,
    );
  }
  return targets;
}

/**
 * The page as Markdown.
 *
 * @param node version of Node: sines and exponentials are V8's, so another one may give other bits
 */
export function learningPage(evaluation: Evaluation, node: string): string {
  const { seed, evaluationSeed, trainEpisodes, episodes, clutter, moving, barn } = evaluation;
  const lines = [
    '# Learning',
    '',
    `Written by \`rfsn evaluate --write\`, not by hand, with Node ${node}. The default configuration; seed ${seed} for training,`,
    `seed ${evaluationSeed} for what is measured, whose worlds were never trained in and by which no constant was chosen. Everything`,
    'runs on a virtual clock: the same seeds give the same figures.',
    '',
    `**policy** was trained for ${trainEpisodes} episodes and is frozen: it neither learns nor explores. **untrained** is the same policy`,
    'before its first update. **random** chooses uniformly. **fallback** is the rule alone: the passable heading nearest the',
    'goal. All four drive the same worlds under the same safety stage and the same steering. A failed episode counts at',
    'its time limit. Before its first update a policy values all directions alike, and ties are drawn: it differs from',
    'random choice by the draws alone, or not at all.',
    '',
    '## Targets',
    '',
    '| figure | target | measured | met |',
    '|---|---:|---:|:---:|',
    ...targetsOf(evaluation).map(
      ({ figure, target, value, met }) => `| ${figure} | ${target} | ${value} | ${met ? 'yes' : '**no**'} |`,
    ),
    '',
    '![Success rate and time to goal over the training episodes in clutter](learning-curve.svg)',
  ];
  if (clutter !== null) lines.push('', `## clutter: ${episodes} episodes each`, '', ...scenarioTable(clutter));
  if (moving !== null) lines.push('', `## moving: ${episodes} episodes each`, '', ...scenarioTable(moving));
  lines.push('', '## BARN');
  if (barn === null) lines.push('', 'Not measured: its worlds were not there (`--barn FILE`).');
  else {
    const { episodes: worlds } = barn.clean.policy;
    lines.push(
      '',
      `${worlds} worlds of the [BARN benchmark](https://www.cs.utexas.edu/~xiao/BARN/BARN.html), the policy trained in \`caves\`. The score is the benchmark's,`,
      'success × OT / clip(AT, 2 OT, 8 OT) with OT the optimal time at 2 m/s and AT the time taken; 0.5 is the most. Faults',
      'are those of `--faults`: noise and failed beams of the laser, slip and drift of the odometry, 20 to 40 ms of delay on',
      'the way in and again on the way out, and 1 % of everything lost.',
      '',
      ...barnTable(barn),
    );
  }
  lines.push(
    '',
    '## The same by hand',
    '',
    '```',
    `npx rfsn train --scenario clutter --episodes ${trainEpisodes} --seed ${seed} --model models/clutter`,
    `npx rfsn sim --scenario clutter --episodes ${episodes} --seed ${evaluationSeed} --model models/clutter --frozen --headless`,
    `npx rfsn sim --scenario clutter --episodes ${episodes} --seed ${evaluationSeed} --model models/none --frozen --headless`,
    `npx rfsn sim --scenario clutter --episodes ${episodes} --seed ${evaluationSeed} --policy random --frozen --headless`,
    `npx rfsn sim --scenario clutter --episodes ${episodes} --seed ${evaluationSeed} --policy fallback --frozen --headless`,
    '```',
    '',
    '`models/none` holds no checkpoint, which is the untrained policy.',
  );
  return `${lines.join('\n')}\n`;
}

function scenarioTable(figures: ScenarioFigures): string[] {
  return [
    "| | success | collisions | at the robot's fault | mean time to goal | share of the untrained's |",
    '|---|---:|---:|---:|---:|---:|',
    ...DRIVERS.map((name) => {
      const one = figures[name];
      const cells = [
        percent(one.success_rate),
        percent(one.collision_rate),
        percent(one.at_fault_collision_rate),
        seconds(one.mean_time_to_goal_s),
        percent(timeShare(one, figures.untrained)),
      ];
      return `| ${name} | ${cells.join(' | ')} |`;
    }),
  ];
}

function barnTable({ clean, faults }: BarnFigures): string[] {
  const cells = (one: DriverFigures) => [
    scoreText(one.barn_score),
    percent(one.success_rate),
    percent(one.collision_rate),
  ];
  return [
    '| | score | success | collisions | score, with faults | success, with faults | collisions, with faults |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...DRIVERS.map((name) => `| ${name} | ${[...cells(clean[name]), ...cells(faults[name])].join(' | ')} |`),
  ];
}

function timeShare(one: DriverFigures, untrained: DriverFigures): number {
  return one.mean_time_to_goal_s / untrained.mean_time_to_goal_s;
}

/** At most one digit behind the point, and none where it would be 0. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${Number((100 * share).toFixed(1))} %` : '–';
}

/** With two digits behind the point. */
export function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}

function scoreText(score: number | null): string {
  return score === null ? '–' : score.toFixed(4);
}
