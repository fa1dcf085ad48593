/**
 * `rfsn evaluate`: whether learning shows. Trains with the default configuration, then lets the frozen policy, the same
 * policy before its first update, a uniformly random one and the rule alone drive the same worlds, which none of them has
 * seen. With `--policies` it sets several policies against each other instead. Each figure is the one that `rfsn train`
 * and `rfsn sim --frozen --headless` give for the same seeds.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Outcome } from '../../sim/index.js';
import { packageRoot } from '../parameters/presets.js';
import { type LearnedState, stateHash } from './checkpointing.js';
import { EpisodeTally, type RunFigures, runFigures } from './episode-tally.js';
import {
  type BarnFigures,
  DRIVERS,
  type DriverFigures,
  type DriverName,
  type Evaluation,
  learningPage,
  type ScenarioFigures,
  targetsOf,
} from './evaluation-page.js';
import { runHeadless } from './headless-run.js';
import { type CurveEpisode, type CurveReference, learningCurveSvg } from './learning-curve.js';
import { LiveDisplay } from './live-line.js';
import {
  type Candidate,
  type ComparedPart,
  type Comparison,
  comparisonText,
  PROBE_EPISODES,
  type Probe,
  parseCandidates,
  policiesPage,
  probeEpisodes,
  type TrainingFigures,
  trainingFigures,
} from './policy-comparison.js';
import { POLICY_CHOICES, policyOption } from './policy-option.js';
import { type Run, readRun } from './run-options.js';
import { StopRequest } from './stop-request.js';
import {
  addParameterOptions,
  integerArgument,
  type ParameterOptions,
  printJson,
  seedArgument,
  UsageError,
} from './usage.js';
import { VirtualSession } from './virtual-session.js';

const PARTS = ['clutter', 'moving', 'barn'] as const;
/** With `--policies`. */
const COMPARED_PARTS = ['clutter', 'moving', 'caves', 'barn'] as const;
/** What the policy that drives BARN's worlds is trained in. */
const BARN_TRAINING = 'caves';
const DEFAULT_EPISODES = 100;
const DEFAULT_TRAIN_EPISODES = 300;
/** No constant of the controller was chosen by these worlds, nor by those of the seed after it. */
const DEFAULT_SEED = 2026;
/** Where a checkout may have the benchmark's worlds beside it. */
const BARN_BESIDE = join('..', 'shared', 'data', 'barn', 'worlds.jsonl');

interface EvaluateOptions extends ParameterOptions {
  episodes: number;
  trainEpisodes: number;
  seed: number;
  evaluationSeed?: number;
  policy?: string;
  policies?: string;
  trainings?: number;
  barn?: string;
  write?: boolean;
  json?: boolean;
}

export function registerEvaluateCommand(program: Command): void {
  const command = program
    .command('evaluate')
    .description('train, then set the policy against an untrained one, random choice and the rule')
    .argument('[parts...]', `which: ${PARTS.join(', ')}, with --policies also caves; all where none is named`)
    .option(
      '--episodes <n>',
      'frozen episodes of each driver; of BARN at most its worlds',
      episodeCount,
      DEFAULT_EPISODES,
    )
    .option('--train-episodes <n>', 'training episodes before them', episodeCount, DEFAULT_TRAIN_EPISODES)
    .option('--seed <k>', 'seed of the training', seedArgument, DEFAULT_SEED)
    .option('--evaluation-seed <k>', 'seed of the frozen episodes (default: the one after --seed)', seedArgument)
    .option('--barn <file>', `BARN's worlds (default: ${BARN_BESIDE}, where that exists)`);
  addParameterOptions(command)
    .addOption(policyOption())
    .option(
      '--policies <list>',
      'compare policies: names separated by commas, each with @FILE and name=value of its own behind it',
    )
    .option('--trainings <n>', 'with --policies: trainings of each, with a seed of its own (default: 1)', trainingCount)
    .option('--write', 'write docs/learning.md and docs/learning-curve.svg, with --policies docs/policies.md')
    .option('--json', 'end with one line of JSON on standard output; everything else goes to standard error')
    .action(evaluate);
}

const episodeCount = integerArgument(1, 1_000_000);
const trainingCount = integerArgument(1, 100);
/** From the seed of one training to that of the next. */
const TRAINING_SEED_STEP = 1000;

async function evaluate(names: readonly string[], options: EvaluateOptions): Promise<void> {
  if (options.policies !== undefined) return comparePolicies(names, options, options.policies);
  if (options.trainings !== undefined) throw new UsageError('--trainings needs --policies');
  const parts = chosenParts(names, PARTS);
  const set = Object.keys(options.set ?? {}).length > 0 || options.policy !== undefined;
  const configured = (options.params?.length ?? 0) > 0 || set;
  if (options.write === true && (parts.length < PARTS.length || configured)) {
    throw new UsageError('--write writes the page of all parts with the default parameters; name no part and set none');
  }
  const { seed } = options;
  const evaluationSeed = evaluationSeedOf(options, [seed]);
  const barnFile = parts.includes('barn') ? barnFileOf(options.barn) : null;
  if (names.includes('barn') && barnFile === null) {
    throw new UsageError('barn: where are its worlds? Say so with --barn FILE');
  }
  const stop = new StopRequest();
  try {
    const display = LiveDisplay.beside(options.json === true);
    const evaluator = new Evaluator({ ...options, evaluationSeed }, display, stop);
    // A file that cannot be read must show before minutes of training.
    if (barnFile !== null) evaluator.runOf(`barn:${barnFile}`, evaluationSeed, false);
    const clutter = parts.includes('clutter') ? await evaluator.scenario('clutter') : null;
    const moving = parts.includes('moving') ? await evaluator.scenario('moving') : null;
    const barn = barnFile === null ? null : await evaluator.barn(barnFile);
    const evaluation: Evaluation = {
      seed,
      evaluationSeed,
      trainEpisodes: options.trainEpisodes,
      episodes: options.episodes,
      clutter: clutter?.figures ?? null,
      moving: moving?.figures ?? null,
      barn,
    };
    const targets = targetsOf(evaluation);
    for (const { figure, target, value, met } of targets) {
      display.message(`${met ? 'met    ' : 'MISSED '} ${figure}: ${value} (target ${target})`);
    }
    if (options.write === true && clutter !== null) {
      const docs = join(packageRoot(), 'docs');
      writeFileSync(join(docs, 'learning.md'), learningPage(evaluation, process.version));
      const curve = { scenario: 'clutter', episodes: clutter.training, references: referencesOf(clutter.figures) };
      writeFileSync(join(docs, 'learning-curve.svg'), learningCurveSvg(curve));
      display.message(`wrote ${join(docs, 'learning.md')} and ${join(docs, 'learning-curve.svg')}`);
    }
    if (options.json === true) {
      printJson({
        seed,
        evaluation_seed: evaluationSeed,
        train_episodes: options.trainEpisodes,
        episodes: options.episodes,
        clutter: evaluation.clutter,
        moving: evaluation.moving,
        barn,
        targets,
      });
    }
  } finally {
    stop.dispose();
  }
}

/** @throws UsageError where it is one of the training's */
function evaluationSeedOf({ seed, evaluationSeed = (seed + 1) >>> 0 }: EvaluateOptions, seeds: readonly number[]) {
  if (seeds.includes(evaluationSeed)) {
    throw new UsageError(
      `--evaluation-seed ${evaluationSeed} gives the worlds that were trained in; allowed: any but --seed`,
    );
  }
  return evaluationSeed;
}

function chosenParts<Part extends string>(names: readonly string[], parts: readonly Part[]): readonly Part[] {
  for (const name of names) {
    if (!parts.some((part) => part === name)) throw new UsageError(`${name}: not one of ${parts.join(', ')}`);
  }
  return names.length === 0 ? parts : parts.filter((part) => names.includes(part));
}

/** `--policies`: every candidate through the same trainings, and frozen through the same worlds. */
async function comparePolicies(names: readonly string[], options: EvaluateOptions, list: string): Promise<void> {
  const parts = chosenParts(names, COMPARED_PARTS);
  if (options.policy !== undefined) throw new UsageError('--policy and --policies both say who decides; give one');
  const candidates = parseCandidates(list, POLICY_CHOICES);
  const { seed, trainEpisodes, episodes } = options;
  const seeds = Array.from({ length: options.trainings ?? 1 }, (_, i) => (seed + i * TRAINING_SEED_STEP) >>> 0);
  const evaluationSeed = evaluationSeedOf(options, seeds);
  const barnFile = parts.includes('barn') ? barnFileOf(options.barn) : null;
  if (parts.includes('barn') && barnFile === null) {
    throw new UsageError(
      'barn: where are its worlds? Say so with --barn FILE, or name the parts: clutter, moving, caves',
    );
  }
  const stop = new StopRequest();
  try {
    const display = LiveDisplay.beside(options.json === true);
    const evaluators = candidates.map((candidate) =>
      evaluatorOf(candidate, { ...options, evaluationSeed }, display, stop),
    );
    for (const evaluator of evaluators) {
      // What is not allowed must show before minutes of training.
      const run = evaluator.runOf(barnFile === null ? 'clutter' : `barn:${barnFile}`, evaluationSeed, false);
      for (const note of run.notes) display.message(`note: ${note}`);
      (await VirtualSession.create({ ...run, frozen: true })).close();
    }
    const scenarios = parts.filter((part) => part !== 'barn');
    if (barnFile !== null && !scenarios.includes(BARN_TRAINING)) scenarios.push(BARN_TRAINING);
    const results: ComparedPart[] = [];
    for (const scenario of scenarios) {
      for (const [i, evaluator] of evaluators.entries()) {
        const { label } = candidates[i];
        const training: TrainingFigures[] = [];
        const final: DriverFigures[] = [];
        const barn: DriverFigures[] = [];
        for (const trainingSeed of seeds) {
          const trained = await evaluator.compared(scenario, trainingSeed);
          training.push(trained.training);
          if (parts.includes(scenario)) final.push(await evaluator.frozen(scenario, trained.learned));
          if (scenario === BARN_TRAINING && barnFile !== null) {
            barn.push(await evaluator.frozen(`barn:${barnFile}`, trained.learned));
          }
        }
        if (final.length > 0) results.push({ policy: label, part: scenario, training, final });
        if (barn.length > 0) results.push({ policy: label, part: 'barn', training: [], final: barn });
      }
    }
    const comparison: Comparison = { seeds, evaluationSeed, trainEpisodes, episodes, results };
    for (const line of comparisonText(comparison).trimEnd().split('\n')) display.message(line);
    if (options.write === true) {
      const path = join(packageRoot(), 'docs', 'policies.md');
      const command = `rfsn evaluate${names.map((name) => ` ${name}`).join('')} --policies '${list}' --write`;
      writeFileSync(path, policiesPage(comparison, command, process.version));
      display.message(`wrote ${path}`);
    }
    if (options.json === true) {
      printJson({ seeds, evaluation_seed: evaluationSeed, train_episodes: trainEpisodes, episodes, results });
    }
  } finally {
    stop.dispose();
  }
}

function evaluatorOf(
  { label, policy, params, set }: Candidate,
  options: EvaluateOptions & { evaluationSeed: number },
  display: LiveDisplay,
  stop: StopRequest,
): Evaluator {
  const own = {
    ...options,
    policy,
    params: [...(options.params ?? []), ...params],
    set: { ...options.set, ...set },
  };
  return new Evaluator(own, display, stop, `${label}: `);
}

function barnFileOf(asked: string | undefined): string | null {
  if (asked !== undefined) return asked;
  const beside = join(packageRoot(), BARN_BESIDE);
  return existsSync(beside) ? beside : null;
}

function referencesOf(figures: ScenarioFigures): CurveReference[] {
  const level = (name: string, one: DriverFigures) => ({
    name,
    successRate: one.success_rate,
    meanTimeS: one.mean_time_to_goal_s,
  });
  const { untrained, random, policy } = figures;
  return [level('untrained', untrained), level('random', random), level('afterwards, frozen', policy)];
}

interface Driven {
  readonly figures: RunFigures;
  readonly learned: LearnedState;
}

/** Drives one combination after the other. */
class Evaluator {
  readonly #options: EvaluateOptions & { evaluationSeed: number };
  readonly #display: LiveDisplay;
  readonly #stop: StopRequest;
  /** Before what is said of a run. */
  readonly #prefix: string;

  constructor(
    options: EvaluateOptions & { evaluationSeed: number },
    display: LiveDisplay,
    stop: StopRequest,
    prefix = '',
  ) {
    this.#options = options;
    this.#display = display;
    this.#stop = stop;
    this.#prefix = prefix;
  }

  /** Trains in a scenario, for a comparison. */
  async compared(scenario: string, seed: number): Promise<{ training: TrainingFigures; learned: LearnedState | null }> {
    const episodes: CurveEpisode[] = [];
    const snapshots = new Map<number, LearnedState | null>([[0, null]]);
    for (const trained of probeEpisodes(this.#options.trainEpisodes)) snapshots.set(trained, null);
    const learned = await this.#train(scenario, seed, episodes, snapshots);
    // Worlds of another seed than those of the training and those of the final figures.
    const run = this.runOf(scenario, (this.#options.evaluationSeed + 1) >>> 0, false);
    const worlds = Math.min(PROBE_EPISODES, this.#options.episodes);
    const probes: Probe[] = [];
    for (const [trained, state] of snapshots) {
      const figures = driverFigures((await this.#drive(run, state, worlds, null)).figures);
      const { success_rate, mean_time_to_goal_s } = figures;
      probes.push({ trained, success_rate, mean_time_to_goal_s });
    }
    const training = trainingFigures(episodes, probes);
    this.#display.message(
      `${this.#prefix}${scenario}: at 95 % of success after ${training.frozen_episodes_to_success} episodes, ` +
        `of speed after ${training.frozen_episodes_to_speed}`,
    );
    return { training, learned };
  }

  /** Drives worlds of a scenario that were not trained in, frozen. */
  async frozen(scenario: string, learned: LearnedState | null): Promise<DriverFigures> {
    const { episodes, evaluationSeed } = this.#options;
    const run = this.runOf(scenario, evaluationSeed, false);
    const worlds = Math.min(episodes, run.scenario.worldCount ?? episodes);
    const figures = driverFigures((await this.#drive(run, learned, worlds, null)).figures);
    this.#display.message(`${this.#prefix}${run.isBarn ? 'barn' : scenario}: ${inWords(figures)}`);
    return figures;
  }

  /** Trains in a scenario and drives new worlds of it. */
  async scenario(name: string): Promise<{ figures: ScenarioFigures; training: CurveEpisode[] }> {
    const training: CurveEpisode[] = [];
    const learned = await this.#train(name, this.#options.seed, training);
    const run = this.runOf(name, this.#options.evaluationSeed, false);
    const figures = await this.#compare(run, learned, this.#options.episodes);
    return { figures, training };
  }

  /** Trains in caves and drives BARN's worlds, clean and with the faults switched on. */
  async barn(file: string): Promise<BarnFigures> {
    const { episodes, evaluationSeed } = this.#options;
    const learned = await this.#train(BARN_TRAINING, this.#options.seed, []);
    const clean = this.runOf(`barn:${file}`, evaluationSeed, false);
    const faults = this.runOf(`barn:${file}`, evaluationSeed, true);
    const worlds = Math.min(episodes, clean.scenario.worldCount ?? episodes);
    return {
      clean: await this.#compare(clean, learned, worlds),
      faults: await this.#compare(faults, learned, worlds),
    };
  }

  /** @throws as `readRun` */
  runOf(scenario: string, seed: number, faults: boolean): Run {
    const { params, set, policy } = this.#options;
    return readRun({
      scenario,
      seed,
      faults,
      ...(params && { params }),
      ...(set && { set }),
      ...(policy && { policy }),
    });
  }

  async #train(
    scenario: string,
    seed: number,
    training: CurveEpisode[],
    snapshots: Map<number, LearnedState | null> = new Map(),
  ): Promise<LearnedState> {
    const { trainEpisodes } = this.#options;
    this.#display.message(`${this.#prefix}${scenario}: training, ${trainEpisodes} episodes, seed ${seed}`);
    const run = this.runOf(scenario, seed, false);
    return (await this.#drive(run, null, trainEpisodes, training, snapshots)).learned;
  }

  async #compare(run: Run, learned: LearnedState, episodes: number): Promise<ScenarioFigures> {
    const drive = async (name: DriverName): Promise<DriverFigures> => {
      const driven =
        name === 'random' || name === 'fallback'
          ? { ...run, parameters: { ...run.parameters, policy: name } as const }
          : run;
      const { figures } = await this.#drive(driven, name === 'policy' ? learned : null, episodes, null);
      return driverFigures(figures);
    };
    const found: Partial<Record<DriverName, DriverFigures>> = {};
    for (const name of DRIVERS) {
      const figures = await drive(name);
      found[name] = figures;
      this.#display.message(`${run.isBarn ? 'barn' : run.scenarioName}: ${name}: ${inWords(figures)}`);
    }
    return found as ScenarioFigures;
  }

  /**
   * @param training takes in how each episode ended, and says that this run learns; null where it is frozen
   * @param snapshots by how many episodes went before: takes in what was learned then
   */
  async #drive(
    run: Run,
    learned: LearnedState | null,
    episodes: number,
    training: CurveEpisode[] | null,
    snapshots: Map<number, LearnedState | null> = new Map(),
  ): Promise<Driven> {
    const session = await VirtualSession.create({ ...run, learned, frozen: training === null });
    try {
      const tally = new EpisodeTally();
      const boundary = await runHeadless({
        session,
        tally,
        stop: this.#stop,
        firstEpisode: 0,
        episodes,
        worldHash: 0,
        afterEpisode: async ({ outcome, timeToGoalS }, now) => {
          training?.push({ success: outcome === Outcome.success, timeS: timeToGoalS });
          if (snapshots.has(now.episode)) snapshots.set(now.episode, now.learned);
        },
      });
      if (this.#stop.requested) throw new Error(`${this.#stop.reason}: interrupted, nothing was written`);
      const hash = stateHash(boundary.worldHash, boundary.learned);
      return { figures: runFigures(tally, session.loop.statistics, hash, run.isBarn), learned: boundary.learned };
    } finally {
      session.close();
    }
  }
}

/** What is reported of a driver, out of what `sim` reports. */
function driverFigures(figures: RunFigures): DriverFigures {
  return {
    episodes: figures['episodes'] as number,
    success_rate: figures['success_rate'] as number,
    collision_rate: figures['collision_rate'] as number,
    at_fault_collision_rate: figures['at_fault_collision_rate'] as number,
    mean_time_to_goal_s: figures['mean_time_to_goal_s'] as number,
    barn_score: (figures['barn_score'] ?? null) as number | null,
    state_hash: figures['state_hash'] as string,
  };
}

function inWords(figures: DriverFigures): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const score = figures.barn_score === null ? '' : `, score ${figures.barn_score.toFixed(4)}`;
  return (
    `success ${percent(figures.success_rate)}, collisions ${percent(figures.collision_rate)}, ` +
    `${figures.mean_time_to_goal_s.toFixed(2)} s to the goal${score}`
  );
}
