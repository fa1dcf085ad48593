/**
 * `rfsn evaluate`: whether learning shows. Trains with the default configuration, then lets the frozen policy, the same
 * policy before its first update, a uniformly random one and the rule alone drive the same worlds, which none of them has
 * seen. Each figure is the one that `rfsn train` and `rfsn sim --frozen --headless` give for the same seeds.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Outcome } from '../../sim/index.js';
import type { PolicyName } from '../loop/control-loop.js';
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
type Part = (typeof PARTS)[number];
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
  barn?: string;
  write?: boolean;
  json?: boolean;
}

export function registerEvaluateCommand(program: Command): void {
  const command = program
    .command('evaluate')
    .description('train, then set the policy against an untrained one, random choice and the rule')
    .argument('[parts...]', `which: ${PARTS.join(', ')}; all where none is named`)
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
    .option('--write', 'write docs/learning.md and docs/learning-curve.svg')
    .option('--json', 'end with one line of JSON on standard output; everything else goes to standard error')
    .action(evaluate);
}

const episodeCount = integerArgument(1, 1_000_000);

async function evaluate(names: readonly string[], options: EvaluateOptions): Promise<void> {
  const parts = chosenParts(names);
  const configured = (options.params?.length ?? 0) > 0 || Object.keys(options.set ?? {}).length > 0;
  if (options.write === true && (parts.length < PARTS.length || configured)) {
    throw new UsageError('--write writes the page of all parts with the default parameters; name no part and set none');
  }
  const { seed } = options;
  const evaluationSeed = options.evaluationSeed ?? (seed + 1) >>> 0;
  if (evaluationSeed === seed) {
    throw new UsageError(`--evaluation-seed ${seed} gives the worlds that were trained in; allowed: any but --seed`);
  }
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

function chosenParts(names: readonly string[]): readonly Part[] {
  for (const name of names) {
    if (!PARTS.some((part) => part === name)) throw new UsageError(`${name}: not one of ${PARTS.join(', ')}`);
  }
  return names.length === 0 ? PARTS : PARTS.filter((part) => names.includes(part));
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

  constructor(options: EvaluateOptions & { evaluationSeed: number }, display: LiveDisplay, stop: StopRequest) {
    this.#options = options;
    this.#display = display;
    this.#stop = stop;
  }

  /** Trains in a scenario and drives new worlds of it. */
  async scenario(name: string): Promise<{ figures: ScenarioFigures; training: CurveEpisode[] }> {
    const training: CurveEpisode[] = [];
    const learned = await this.#train(name, training);
    const run = this.runOf(name, this.#options.evaluationSeed, false);
    const figures = await this.#compare(run, learned, this.#options.episodes);
    return { figures, training };
  }

  /** Trains in caves and drives BARN's worlds, clean and with the faults switched on. */
  async barn(file: string): Promise<BarnFigures> {
    const { episodes, evaluationSeed } = this.#options;
    const learned = await this.#train(BARN_TRAINING, []);
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
    const { params, set } = this.#options;
    return readRun({ scenario, seed, faults, ...(params && { params }), ...(set && { set }) });
  }

  async #train(scenario: string, training: CurveEpisode[]): Promise<LearnedState> {
    const { seed, trainEpisodes } = this.#options;
    this.#display.message(`${scenario}: training, ${trainEpisodes} episodes, seed ${seed}`);
    const run = this.runOf(scenario, seed, false);
    return (await this.#drive(run, 'bandit', null, trainEpisodes, training)).learned;
  }

  async #compare(run: Run, learned: LearnedState, episodes: number): Promise<ScenarioFigures> {
    const drive = async (name: DriverName): Promise<DriverFigures> => {
      const policy = name === 'random' || name === 'fallback' ? name : 'bandit';
      const { figures } = await this.#drive(run, policy, name === 'policy' ? learned : null, episodes, null);
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

  /** @param training takes in how each episode ended, and says that this run learns; null where it is frozen */
  async #drive(
    run: Run,
    policy: PolicyName,
    learned: LearnedState | null,
    episodes: number,
    training: CurveEpisode[] | null,
  ): Promise<Driven> {
    const session = await VirtualSession.create({ ...run, policy, learned, frozen: training === null });
    try {
      const tally = new EpisodeTally();
      const boundary = await runHeadless({
        session,
        tally,
        stop: this.#stop,
        firstEpisode: 0,
        episodes,
        worldHash: 0,
        afterEpisode: async ({ outcome, timeToGoalS }) => {
          training?.push({ success: outcome === Outcome.success, timeS: timeToGoalS });
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
