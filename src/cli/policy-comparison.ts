/** Several policies through the same trainings and the same worlds afterwards: figures, and docs/policies.md. Pure functions. */
import { type DriverFigures, percent, seconds } from './evaluation-page.js';
import { type CurveEpisode, movingMean } from './learning-curve.js';
import { UsageError } from './usage.js';

/** A policy as it takes part in a comparison. */
export interface Candidate {
  /** As it was asked for; the name in tables. */
  readonly label: string;
  /** As `--policy` names it. */
  readonly policy: string;
  /** Parameter files, after those that all candidates share. */
  readonly params: readonly string[];
  /** Single parameters, after those that all candidates share. */
  readonly set: Readonly<Record<string, string>>;
}

/** What the frozen policy could do after so many episodes of training. */
export interface Probe {
  readonly trained: number;
  readonly success_rate: number;
  /** A failed episode counts at its time limit. */
  readonly mean_time_to_goal_s: number;
}

/** What one training of one candidate in one scenario came to. */
export interface TrainingFigures {
  /** Training episodes that went before success was at 95 % of what it came to, exploration included. */
  readonly episodes_to_success: number;
  /** Over the last third of the training, exploration included. */
  readonly training_success_rate: number;
  readonly training_time_to_goal_s: number;
  /** Training episodes after which the frozen policy was at 95 % of the last probe's success. */
  readonly frozen_episodes_to_success: number;
  /** Training episodes after which the frozen policy was at 95 % of the last probe's speed. */
  readonly frozen_episodes_to_speed: number;
  readonly probes: readonly Probe[];
}

/** One candidate in one part, once for each training. */
export interface ComparedPart {
  readonly policy: string;
  readonly part: string;
  /** Empty for BARN, whose policies were trained in caves. */
  readonly training: readonly TrainingFigures[];
  /** Of the frozen policy, in worlds that it had not seen. */
  readonly final: readonly DriverFigures[];
}

export interface Comparison {
  readonly seeds: readonly number[];
  readonly evaluationSeed: number;
  readonly trainEpisodes: number;
  readonly episodes: number;
  readonly results: readonly ComparedPart[];
}

/** Episodes over which a rate is taken. */
export const REACH_WINDOW = 25;
/** Worlds that the frozen policy is put through at each probe. */
export const PROBE_EPISODES = 20;
/** "There": a success rate is at this share of what it came to, a time within as much of it. */
const REACHED = 0.95;

/**
 * The candidates of a list such as `bandit, lints arms=tied v=0.2, linucb @robot.yaml`: a policy's name, then parameter
 * files behind an `@` and single parameters, separated by spaces; candidates are separated by commas.
 *
 * @param names every name that `--policy` takes
 * @throws UsageError
 * @realtime unsafe
 */
export function parseCandidates(list: string, names: readonly string[]): Candidate[] {
  const candidates = list.split(',').map((entry): Candidate => {
    const [policy = '', ...words] = entry.trim().split(/\s+/);
    if (!names.includes(policy)) {
      throw new UsageError(`--policies: "${policy}" is not a policy; allowed: ${names.join(', ')}`);
    }
    const params: string[] = [];
    const set: Record<string, string> = {};
    for (const word of words) {
      const at = word.indexOf('=');
      if (word.startsWith('@') && word.length > 1) params.push(word.slice(1));
      else if (at > 0) {
        const name = word.slice(0, at);
        if (name === 'policy')
          throw new UsageError(`--policies: the policy is named first, so not "${word}" behind it`);
        if (Object.hasOwn(set, name)) throw new UsageError(`--policies: ${policy} has ${name} twice`);
        set[name] = word.slice(at + 1);
      } else throw new UsageError(`--policies: "${word}" is neither @FILE nor name=value`);
    }
    return { label: [policy, ...words].join(' '), policy, params, set };
  });
  const labels = candidates.map(({ label }) => label);
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) throw new UsageError(`--policies: "${twice}" is there twice`);
  return candidates;
}

/** After how many training episodes the frozen policy is looked at: 0 and all of them among these. */
export function probeEpisodes(trainEpisodes: number): number[] {
  const steps: number[] = [0];
  for (let decade = 1; decade < trainEpisodes; decade *= 10) {
    for (const step of [1, 1.5, 2, 3, 4, 5, 7]) {
      const episodes = decade * step;
      if (Number.isInteger(episodes) && episodes < trainEpisodes) steps.push(episodes);
    }
  }
  return [...steps, trainEpisodes];
}

/**
 * What a training came to and how long it took to get there. In the training itself, what it came to is the mean over its
 * last third, and it is there from the first episode on from which `REACH_WINDOW` episodes together reach 95 % of it. The
 * frozen policy is there with the first probe that reaches 95 % of the last one, if the next does too.
 *
 * @param training its episodes, at least one
 * @param probes in the order of the training, at least one
 */
export function trainingFigures(training: readonly CurveEpisode[], probes: readonly Probe[]): TrainingFigures {
  const window = Math.min(REACH_WINDOW, training.length);
  const last = training.slice(-Math.max(window, Math.floor(training.length / 3)));
  const successes = training.map(({ success }) => (success ? 1 : 0));
  const success = mean(last.map((episode) => (episode.success ? 1 : 0)));
  const means = movingMean(successes, window).slice(window - 1);
  const final = probes[probes.length - 1];
  return {
    // Somewhere in the last third there is a window as good as the mean of it, or nearly.
    episodes_to_success: firstIndex(means, (rate) => rate >= REACHED * success - 1e-12),
    training_success_rate: success,
    training_time_to_goal_s: mean(last.map(({ timeS }) => timeS)),
    frozen_episodes_to_success: firstProbe(probes, (probe) => probe.success_rate >= REACHED * final.success_rate),
    frozen_episodes_to_speed: firstProbe(
      probes,
      (probe) => probe.mean_time_to_goal_s <= final.mean_time_to_goal_s / REACHED,
    ),
    probes,
  };
}

function firstProbe(probes: readonly Probe[], good: (probe: Probe) => boolean): number {
  const found = probes.findIndex((probe, i) => good(probe) && (i + 1 === probes.length || good(probes[i + 1])));
  return probes[found].trained;
}

function firstIndex(values: readonly number[], good: (value: number) => boolean): number {
  const found = values.findIndex(good);
  return found < 0 ? values.length - 1 : found;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

type Show = (value: number) => string;

/** Mean, and with several trainings the standard error of it. */
function spread(values: readonly number[], show: Show): string {
  if (values.length === 0) return '–';
  const centre = mean(values);
  if (values.length === 1) return show(centre);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return `${show(centre)} ± ${show(Math.sqrt(squares / (values.length - 1) / values.length))}`;
}

const count = (value: number) => String(Number(value.toFixed(1)));

const COLUMNS = [
  'policy',
  'episodes to 95 % of success, training',
  'of success, frozen',
  'of speed, frozen',
  'success',
  'collisions',
  "at the robot's fault",
  'time to goal',
  'BARN score',
];

function cellsOf({ policy, training, final }: ComparedPart): string[] {
  const of = <Key extends string>(rows: readonly Readonly<Record<Key, number>>[], key: Key, show: Show) =>
    spread(
      rows.map((row) => row[key]),
      show,
    );
  const scores = final.map(({ barn_score }) => barn_score).filter((score) => score !== null);
  return [
    policy,
    of(training, 'episodes_to_success', count),
    of(training, 'frozen_episodes_to_success', count),
    of(training, 'frozen_episodes_to_speed', count),
    of(final, 'success_rate', percent),
    of(final, 'collision_rate', percent),
    of(final, 'at_fault_collision_rate', percent),
    of(final, 'mean_time_to_goal_s', seconds),
    spread(scores, (score) => score.toFixed(4)),
  ];
}

/** The same table for a terminal: one part after the other. */
export function comparisonText({ results }: Comparison): string {
  const lines: string[] = [];
  for (const part of new Set(results.map((result) => result.part))) {
    const rows = [COLUMNS, ...results.filter((result) => result.part === part).map(cellsOf)];
    const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
    lines.push(part, ...rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`.trimEnd()));
  }
  return `${lines.join('\n')}\n`;
}

/** docs/policies.md. @param node version of Node, whose sines and exponentials are V8's own */
export function policiesPage(comparison: Comparison, command: string, node: string): string {
  const { seeds, evaluationSeed, trainEpisodes, episodes, results } = comparison;
  const lines = [
    '# Policies on the robot',
    '',
    `Written by \`${command}\`, not by hand, with Node ${node}.`,
    '',
    `Each policy was trained for ${trainEpisodes} episodes with ${seeds.length === 1 ? 'the seed' : 'each of the seeds'} ${seeds.join(', ')}, then frozen, and driven through ${episodes} worlds of seed`,
    `${evaluationSeed} that it had not seen; of BARN through at most as many as there are, trained in \`caves\`. A failed episode counts at its time`,
    'limit. All policies drive under the same safety stage, see the same worlds, and everything runs on a virtual clock: the',
    'same seeds give the same figures.',
    '',
    `**Episodes to 95 %** of what a training came to: in the **training** itself, which explores, those before the first ${REACH_WINDOW}`,
    'that together reach it; **frozen**, those after which the policy, if it stopped learning and exploring there, would',
    `reach it on ${PROBE_EPISODES} worlds of its own. Speed is 1 / time to goal. 0 means that no training was needed: the safety stage lets`,
    'an untrained policy arrive too, late. After ± stands the standard error over the trainings.',
  ];
  for (const part of new Set(results.map((result) => result.part))) {
    lines.push('', `## ${part}`, '', `| ${COLUMNS.join(' | ')} |`, `|---|${'---:|'.repeat(COLUMNS.length - 1)}`);
    for (const result of results) if (result.part === part) lines.push(`| ${cellsOf(result).join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}
