import { accessSync, constants, createReadStream } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { CB_TYPES, type CbType, type VwExploration } from '../vw/cb-adf.js';
import { CB_SEPARATE_TYPES } from '../vw/cb-separate.js';
import { type Interaction, parseInteraction } from '../vw/hashing.js';
import {
  DEFAULT_PROGRESS,
  PROGRESS_HEADER,
  type Progress,
  summaryText,
  type VwSummary,
} from '../vw/progressive-loss.js';
import { type VwBandit, VwRun, type VwRunOptions, type VwSeparateBandit } from '../vw/run.js';
import { REGRESSOR_DEFAULTS } from '../vw/sparse-regressor.js';
import { VwTextError } from '../vw/text-error.js';
import { VW_TEXT_LIMITS } from '../vw/text-format.js';
import { LineSplitter } from '../vw/text-reader.js';
import { isBrokenPipe, refuseInput, standardOutputDrained, TextOutput } from './text-output.js';
import { integerArgument, numberArgument, printJson, UsageError } from './usage.js';

/** The command's options, under VW's own names. */
export interface VwCommandOptions {
  bit_precision?: number;
  learning_rate?: number;
  power_t?: number;
  initial_t?: number;
  l1?: number;
  l2?: number;
  quadratic?: Interaction[];
  noconstant?: boolean;
  passes?: number;
  testonly?: boolean;
  cb?: number;
  cb_explore?: number;
  cb_adf?: boolean;
  cb_explore_adf?: boolean;
  cb_force_legacy?: boolean;
  cb_type?: CbType;
  first?: number;
  epsilon?: number;
  softmax?: boolean;
  lambda?: number;
  squarecb?: boolean;
  gamma_scale?: number;
  gamma_exponent?: number;
  predictions?: string;
  progress?: Progress;
  json?: boolean;
}

/** 2^28 weights take 4 GiB. */
const MAX_BITS = 28;
const actionsArgument = integerArgument(1, VW_TEXT_LIMITS.actionsPerDecision);

/** `rfsn vw`: Vowpal Wabbit's learners, with its options and defaults, over a file in its text format. */
export function registerVwCommand(program: Command): void {
  const most = Number.MAX_SAFE_INTEGER;
  program
    .command('vw')
    .description('learn from a file in Vowpal Wabbit format, and print its progressive loss')
    .argument('<file>', 'in VW text format, plain, cb or cb_adf; - reads standard input')
    .option('-b, --bit_precision <bits>', 'weights: 2^bits (18)', integerArgument(1, MAX_BITS))
    .option('-l, --learning_rate <rate>', 'learning rate (0.5)', numberArgument(0, 1e6))
    .option('--power_t <exponent>', 'how the rates fall (0.5)', numberArgument(0, 1))
    .option('--initial_t <t>', 'examples taken as seen before the first (0)', numberArgument(0, 1e9))
    .option('--l1 <lambda>', 'L1 regularization (0)', numberArgument(0, 1e6))
    .option('--l2 <lambda>', 'L2 regularization (0)', numberArgument(0, 1e6))
    .option('-q, --quadratic <pair>', 'multiply two namespaces, each its first character or : for any', addInteraction)
    .option('--noconstant', 'no constant feature')
    .option('--passes <n>', 'only 1', integerArgument(1, 1))
    .option('-t, --testonly', 'predict and do not learn')
    .option('--cb <actions>', 'contextual bandit over that many actions: learn from logged costs', actionsArgument)
    .option('--cb_explore <actions>', 'the same, and explore, as --cb_explore_adf does', actionsArgument)
    .option('--cb_adf', 'contextual bandit with features per action: learn from logged costs')
    .option('--cb_explore_adf', 'the same, and explore: --epsilon, --first, --softmax or --squarecb')
    .option('--cb_force_legacy', "with --cb or --cb_explore: weights of each action's own, as before VW 8.11")
    .option('--cb_type <type>', `${CB_TYPES.join(', ')} (mtr, with --cb_force_legacy dr)`, cbTypeArgument)
    .option('--first <n>', 'choose evenly for n decisions, then the best', integerArgument(1, most))
    .option('--epsilon <share>', 'probability spread evenly (0.05, with another exploration 0)', numberArgument(0, 1))
    .option('--softmax', 'explore by softmax of the costs')
    .option('--lambda <lambda>', 'sharpness of softmax (1)', numberArgument(-1e6, 1e6))
    .option('--squarecb', 'explore by inverse-gap weighting')
    .option('--gamma_scale <scale>', "SquareCB's greediness is scale · t^exponent (10)", numberArgument(0, 1e9))
    .option('--gamma_exponent <exponent>', 'see --gamma_scale (0.5)', numberArgument(0, 10))
    .option('-p, --predictions <file>', 'write predictions there')
    .option(
      '-P, --progress <step>',
      'rows of the table: 2.0 doubles their distance, 100 keeps it (2.0)',
      progressArgument,
    )
    .option('--json', 'print the figures as one JSON object instead')
    .addHelpText(
      'after',
      "\nOptions, defaults and figures are Vowpal Wabbit's; options of it that are not here are refused.",
    )
    .action((file: string, options: VwCommandOptions) => vw(file, options));
}

function addInteraction(text: string, before: Interaction[] = []): Interaction[] {
  const interaction = parseInteraction(text);
  if (interaction === undefined) throw new InvalidArgumentError('Two printable characters, such as UA or ::.');
  return [...before, interaction];
}

function cbTypeArgument(text: string): CbType {
  const type = CB_TYPES.find((candidate) => candidate === text);
  if (type === undefined) throw new InvalidArgumentError(`Allowed: ${CB_TYPES.join(', ')}.`);
  return type;
}

/** As VW: a whole number is added, one with a point multiplies. */
function progressArgument(text: string): Progress {
  if (/^\d+$/.test(text) && Number(text) >= 1) return { step: Number(text), additive: true };
  if (/^\d*\.\d+$/.test(text) && Number(text) > 1) return { step: Number(text), additive: false };
  throw new InvalidArgumentError('A whole number of at least 1, or a factor above 1 with a decimal point.');
}

/**
 * What the command line asks for, VW's defaults filled in.
 *
 * @throws UsageError where options do not go together
 * @realtime unsafe
 */
export function runOptionsOf(options: VwCommandOptions): VwRunOptions {
  return {
    regressor: {
      bits: options.bit_precision ?? REGRESSOR_DEFAULTS.bits,
      learningRate: options.learning_rate ?? REGRESSOR_DEFAULTS.learningRate,
      powerT: options.power_t ?? REGRESSOR_DEFAULTS.powerT,
      initialT: options.initial_t ?? REGRESSOR_DEFAULTS.initialT,
      l1: options.l1 ?? REGRESSOR_DEFAULTS.l1,
      l2: options.l2 ?? REGRESSOR_DEFAULTS.l2,
    },
    hashing: { interactions: options.quadratic ?? [], constant: options.noconstant !== true },
    bandit: banditOf(options),
    learning: options.testonly !== true,
    progress: options.progress ?? DEFAULT_PROGRESS,
  };
}

/** What a line is, and whether the learner explores: at most one of them is given. */
const TASKS = ['cb', 'cb_adf', 'cb_explore', 'cb_explore_adf'] as const;

function banditOf(options: VwCommandOptions): VwBandit | VwSeparateBandit | undefined {
  const [task, another] = TASKS.filter((name) => options[name] !== undefined);
  if (another !== undefined) throw new UsageError(`--${task} and --${another} are two tasks: give one.`);
  const explores = task === 'cb_explore' || task === 'cb_explore_adf';
  const bandit = task !== undefined;
  requires(options, ['cb_type'], bandit, '--cb, --cb_adf, --cb_explore or --cb_explore_adf');
  requires(options, ['first', 'epsilon', 'softmax', 'squarecb'], explores, '--cb_explore or --cb_explore_adf');
  requires(options, ['lambda'], options.softmax === true, '--softmax');
  requires(options, ['gamma_scale', 'gamma_exponent'], options.squarecb === true, '--squarecb');
  const actions = options.cb ?? options.cb_explore;
  requires(options, ['cb_force_legacy'], actions !== undefined, '--cb or --cb_explore');
  if (!bandit) return undefined;
  if (options.cb_force_legacy === true && actions !== undefined) return separateBanditOf(options, actions);
  const kinds = (['first', 'softmax', 'squarecb'] as const).filter((name) => options[name] !== undefined);
  if (kinds.length > 1) throw new UsageError(`--${kinds[0]} and --${kinds[1]} are two explorations: give one.`);
  const cbType = options.cb_type ?? 'mtr';
  if (options.squarecb === true && cbType !== 'mtr') throw new UsageError('--squarecb learns by --cb_type mtr only.');
  return {
    cbType,
    exploration: explores ? explorationOf(options) : { kind: 'none' },
    actions,
  };
}

function separateBanditOf(options: VwCommandOptions, actions: number): VwSeparateBandit {
  const cbType = CB_SEPARATE_TYPES.find((type) => type === (options.cb_type ?? 'dr'));
  if (cbType === undefined) throw new UsageError(`--cb_force_legacy has no --cb_type ${options.cb_type}.`);
  const other = (['softmax', 'squarecb'] as const).find((name) => options[name] !== undefined);
  if (other !== undefined) throw new UsageError(`--cb_force_legacy has no --${other}.`);
  const { first, epsilon } = options;
  if (first !== undefined && epsilon !== undefined) {
    throw new UsageError('With --cb_force_legacy, --first and --epsilon are two explorations: give one.');
  }
  const bandit = { cbType, actions, separate: true } as const;
  if (options.cb_explore === undefined) return { ...bandit, exploration: { kind: 'none' } };
  if (first !== undefined) return { ...bandit, exploration: { kind: 'first', first } };
  return { ...bandit, exploration: { kind: 'epsilon', epsilon: epsilon ?? 0.05 } };
}

function explorationOf(options: VwCommandOptions): VwExploration {
  const epsilon = options.epsilon ?? 0;
  if (options.first !== undefined) return { kind: 'first', first: options.first, epsilon };
  // VW too takes a negative λ for its magnitude: these are costs.
  if (options.softmax === true) return { kind: 'softmax', lambda: Math.abs(options.lambda ?? 1), epsilon };
  if (options.squarecb === true) {
    const { gamma_scale: gammaScale = 10, gamma_exponent: gammaExponent = 0.5 } = options;
    return { kind: 'squarecb', gammaScale, gammaExponent, epsilon };
  }
  return { kind: 'epsilon', epsilon: options.epsilon ?? 0.05 };
}

function requires(
  options: VwCommandOptions,
  names: readonly (keyof VwCommandOptions)[],
  met: boolean,
  what: string,
): void {
  const name = met ? undefined : names.find((candidate) => options[candidate] !== undefined);
  if (name !== undefined) throw new UsageError(`--${name} needs ${what}.`);
}

async function vw(file: string, options: VwCommandOptions): Promise<void> {
  const runOptions = runOptionsOf(options);
  const table = options.json !== true;
  refuseInput('standard output', undefined, [file]);
  if (options.predictions !== undefined) refuseInput('--predictions', options.predictions, [file]);
  // Before the file of predictions is emptied.
  if (file !== '-') accessSync(file, constants.R_OK);
  try {
    await learn(file, runOptions, table, options.predictions);
  } catch (error) {
    if (!isBrokenPipe(error)) throw error;
  }
}

/** @param path of the predictions @throws Error: the predictions made before it are written */
async function learn(file: string, runOptions: VwRunOptions, table: boolean, path: string | undefined): Promise<void> {
  const predictions = path === undefined ? undefined : new TextOutput(path);
  try {
    if (table) process.stdout.write(headerText(file, runOptions));
    const run = new VwRun(runOptions, {
      ...(table && { row: (text: string) => void process.stdout.write(text) }),
      ...(predictions !== undefined && { prediction: (text: string) => predictions.write(text) }),
    });
    const summary = await read(file, run);
    if (table) process.stdout.write(`\n${summaryText(summary)}`);
    else printJson(figuresOf(summary));
  } finally {
    predictions?.finish();
  }
}

async function read(file: string, run: VwRun): Promise<VwSummary> {
  const name = file === '-' ? 'standard input' : file;
  const splitter = new LineSplitter((text, line) => run.push(text, line));
  const stream: AsyncIterable<Uint8Array> = file === '-' ? process.stdin : createReadStream(file);
  try {
    for await (const chunk of stream) {
      splitter.push(chunk);
      await standardOutputDrained();
    }
    splitter.end();
    return run.end();
  } catch (error) {
    if (error instanceof VwTextError) throw new VwTextError(0, `${name}, ${error.message}`);
    throw error;
  }
}

function headerText(file: string, { regressor, hashing, bandit, learning }: VwRunOptions): string {
  const pairs = hashing.interactions.map(({ first, second }) => String.fromCharCode(first, second));
  return [
    ...(pairs.length > 0 ? [`creating quadratic features for pairs: ${pairs.join(' ')}`] : []),
    ...(learning ? [] : ['only testing']),
    `Reading datafile = ${file === '-' ? 'stdin' : file}`,
    `Num weight bits = ${regressor.bits}`,
    `learning rate = ${regressor.learningRate}`,
    `initial_t = ${regressor.initialT}`,
    `power_t = ${regressor.powerT}`,
    ...(bandit === undefined ? [] : [`cb_type = ${bandit.cbType}`]),
    PROGRESS_HEADER,
    '',
  ].join('\n');
}

/** The summary under the names that VW prints. */
export function figuresOf(summary: VwSummary): Record<string, unknown> {
  return {
    number_of_examples: summary.examples,
    weighted_example_sum: summary.weightedExamples,
    weighted_label_sum: summary.weightedLabels,
    average_loss: summary.averageLoss,
    ...(summary.bestConstant !== undefined && { best_constant: summary.bestConstant.value }),
    total_feature_number: summary.totalFeatures,
  };
}
