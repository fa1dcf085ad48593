/** Every policy alone, at the robot's 24 features and 8 actions: what its calls take, and its memory. */
import { fork } from 'node:child_process';
import { DEFAULT_POLICY, POLICY_NAMES, type PolicySettings } from '../src/policy/create-policy.js';
import { atMost, type Benchmark, type BenchmarkOptions, type Figures, type Report, type Target } from './benchmark.js';
import { measurePolicy, type PolicyTask } from './one-policy.js';
import type { OnePolicyAnswer } from './one-policy-child.js';

/** Policies whose memory is watched over ten million updates. */
const LONG = ['bandit', 'linucb', 'lints', 'squarecb'];
const LONG_UPDATES = 10_000_000;
const SHORT_UPDATES = 500_000;

/** The title of the library's own choice, where its settings are not those of its policy. */
const CHOICE = 'default';

function tasksOf(options: BenchmarkOptions): Record<string, PolicyTask> {
  const batches = options.tiny ? 20 : options.quick ? 1000 : 3000;
  const divisor = options.tiny ? 10_000 : options.quick ? 20 : 1;
  const taskOf = (policy: string, settings: PolicySettings, updates: number): PolicyTask => ({
    policy,
    settings,
    seed: options.seed,
    batches,
    updates: updates / divisor,
  });
  const tasks: Record<string, PolicyTask> = {};
  for (const name of POLICY_NAMES) {
    if (name !== 'random') tasks[name] = taskOf(name, {}, LONG.includes(name) ? LONG_UPDATES : SHORT_UPDATES);
  }
  tasks[CHOICE] = taskOf(DEFAULT_POLICY.name, DEFAULT_POLICY.settings, SHORT_UPDATES);
  return tasks;
}

async function run(options: BenchmarkOptions): Promise<Report> {
  const figures: Record<string, Figures> = {};
  const targets: Target[] = [];
  for (const [title, task] of Object.entries(tasksOf(options))) {
    // As short as can be, the process it is in will do.
    figures[title] = options.tiny ? measurePolicy(task) : await measureApart(task);
  }
  const { lints } = figures;
  targets.push(
    atMost('LinTS select, p50, to the VW-style select', Number(lints.ratio_select), 6),
    atMost('LinTS select, p99 to its own p50', Number(lints.ratio_select_p99_p50), 3),
  );
  for (const name of LONG) {
    const { updates, growth_bytes: growth, process_growth_bytes: process } = figures[name];
    const count = Number(updates).toLocaleString('en');
    targets.push(
      atMost(`growth of ${name} from the first update to number ${count}, bytes`, Number(growth), 0, 0),
      atMost(`growth of its process over them, after full collections, KiB`, Number(process) / 1024, 256, 0),
    );
  }
  const { name, settings } = DEFAULT_POLICY;
  return {
    figures,
    targets,
    notes: [
      'Each policy with its own defaults in a process of its own, by turns with the VW-style `bandit` in batches of 16 calls; ' +
        '`ratio_` is the median of its batches to those of the bandit, quantiles are of batches, a p99 the median of those of ten stretches of them. `select` draws; ' +
        '`probability` is what reading the probability of the action drawn costs on top, which a decision that is logged ' +
        'pays; `probabilities` is the distribution over all actions; `step` is select, that reading and update; ' +
        '`batch_update` is a row of `updateBatch`.',
      `\`${CHOICE}\` is the library’s choice: ${name}${settingsText(settings)}.`,
    ],
  };
}

function settingsText(settings: PolicySettings): string {
  const parts = Object.entries(settings).map(([name, value]) => `${name} ${String(value)}`);
  return parts.length === 0 ? '' : ` with ${parts.join(', ')}`;
}

function measureApart(task: PolicyTask): Promise<Figures> {
  const child = fork(new URL('./one-policy-child.js', import.meta.url), [JSON.stringify(task)], { execArgv: [] });
  return new Promise((resolve, reject) => {
    let answer: OnePolicyAnswer | null = null;
    child.on('message', (message: OnePolicyAnswer) => {
      answer = message;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (answer === null) reject(new Error(`${task.policy} ended with ${signal ?? code} and no figures`));
      else if ('error' in answer) reject(new Error(`${task.policy}: ${answer.error}`));
      else resolve(answer.figures);
    });
  });
}

export const policies: Benchmark = {
  name: 'policies',
  summary: 'every policy alone: select, update, probabilities, and its memory',
  run,
};
