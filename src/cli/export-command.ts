/** `rfsn export`: decisions as text for other tools. */
import { createReadStream, existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { builders, robots } from '../../sim/index.js';
import { ContextBuilder } from '../features/context.js';
import { contextOptionsOf } from '../loop/configuration.js';
import { type PresetName, presetNames } from '../parameters/presets.js';
import type { Policy } from '../policy/policy.js';
import {
  ACTION_NAMESPACE,
  CONTEXT_NAMESPACE,
  type DecisionNames,
  DecisionText,
  type LoggedDecision,
  unescapeName,
} from '../vw/decision-text.js';
import { VwTextError } from '../vw/text-error.js';
import type { VwDecision } from '../vw/text-format.js';
import { DecisionReader, LineSplitter } from '../vw/text-reader.js';
import { csvHeader, csvRow, DecisionCsvError, DecisionCsvReader, numberText } from './decision-csv.js';
import { EpisodeTally } from './episode-tally.js';
import { runHeadless } from './headless-run.js';
import { POLICY_CHOICES, policyOption } from './policy-option.js';
import { type RunOptions, readRun } from './run-options.js';
import { StopRequest } from './stop-request.js';
import { isBrokenPipe, refuseInput, TextOutput } from './text-output.js';
import { addParameterOptions, integerArgument, type ParameterOptions, seedArgument, UsageError } from './usage.js';
import { VirtualSession } from './virtual-session.js';

interface ExportOptions extends ParameterOptions {
  format: 'vw' | 'csv';
  output?: string;
  bakeoff?: boolean;
  episodes?: number;
  seed?: number;
  policy?: string;
  robot?: string;
  preset?: PresetName;
  faults?: boolean;
}

const DEFAULT_EPISODES = 10;
/** Options that say something of a scenario, and nothing of a file. */
const SCENARIO_OPTIONS = ['episodes', 'seed', 'policy', 'robot', 'preset', 'params', 'set', 'faults'] as const;

export function registerExportCommand(program: Command): void {
  const scenarios = [...builders.keys(), 'barn:FILE', 'barn:FILE#INDEX'].join(', ');
  const command = program
    .command('export')
    .description('write decisions and what they earned as text for other tools')
    .argument('<source>', `episodes in a scenario (${scenarios}), or a file of decisions, as vw or csv, to convert`)
    .addOption(
      new Option('--format <format>', 'vw: Vowpal Wabbit’s cb_adf text; csv: with a header')
        .choices(['vw', 'csv'])
        .makeOptionMandatory(),
    )
    .option('-o, --output <file>', 'where to (default: standard output)')
    .option('--bakeoff', 'csv without a header, the action taken as its last column: a file for `rfsn bakeoff`')
    .option('--episodes <n>', `episodes of a scenario (default: ${DEFAULT_EPISODES})`, integerArgument(1, 1_000_000))
    .option('--seed <k>', 'seed of the worlds and of all that is drawn (default: random_seed)', seedArgument)
    .addOption(policyOption(POLICY_CHOICES.filter((name) => name !== 'fallback')))
    .addOption(new Option('--robot <name>', 'simulated robot (default: by robot.drive)').choices([...robots.keys()]))
    .addOption(new Option('--preset <name>', 'parameters to begin with, before --params').choices(presetNames))
    .option('--faults', 'switch on noise, slip, delays and losses');
  addParameterOptions(command)
    .addHelpText(
      'after',
      `
A decision is written when it has been paid and learned from: what it saw, scaled as the policy sees it, the action, its
reward, and the probability with which it was chosen among the actions that safety allowed. What safety overrode, and
what was never paid, is left out. A scenario's policy begins untrained and learns on the way, as in \`rfsn train\`.

csv: one column for each feature, by name; NAME@K for a feature that action K has of its own; then action (from 0),
actions (how many there are), reward, probability. vw: \`shared |Context …\`, then \`|Action …\` for each action, the
outcome on the one taken, its cost the reward with the opposite sign; \`rfsn vw FILE --cb_explore_adf\` and
\`vw -d FILE --cb_explore_adf\` learn from it, with -q CA where arms is not tied: that lets what all actions share tell
them apart. --bakeoff writes what was done as a classification problem: which policy learns soonest to choose as this one
chose.`,
    )
    .action(exportDecisions);
}

/** Where decisions go: told the names before the first. */
interface DecisionSink {
  begin(names: DecisionNames): void;
  take(decision: LoggedDecision): void;
  /** Settles when what was taken has gone out far enough that more can be. */
  drained(): Promise<void>;
}

/** Reads a source to its end. @returns why it ended before, as the message to fail with; empty where it did not */
type Producer = (sink: DecisionSink) => Promise<string>;

async function exportDecisions(source: string, options: ExportOptions): Promise<void> {
  if (options.bakeoff === true && options.format !== 'csv') throw new UsageError('--bakeoff needs --format csv');
  refuseInput('--output', options.output, [fileOf(source), ...(options.params ?? [])]);
  const produce = producerOf(source, options);
  const output = new TextOutput(options.output, { whole: true });
  const sink = new DecisionWriter(options, output);
  let interruption = '';
  try {
    interruption = await produce(sink);
  } catch (error) {
    output.discard();
    if (isBrokenPipe(error)) return;
    throw error;
  }
  try {
    output.finish();
  } catch (error) {
    if (isBrokenPipe(error)) return;
    throw error;
  }
  process.stderr.write(
    `${sink.count} decisions written${options.output === undefined ? '' : ` to ${options.output}`}\n`,
  );
  if (interruption !== '') throw new Error(interruption);
}

/** The file that a source is read from; one that is a scenario's name is hardly there. */
function fileOf(source: string): string {
  return source.startsWith('barn:') ? source.slice('barn:'.length).replace(/#[^#]*$/, '') : source;
}

/** What reads the source, everything checked that can be before it starts. @throws UsageError */
function producerOf(source: string, options: ExportOptions): Producer {
  if (builders.has(source) || source.startsWith('barn:')) return simulated(source, options);
  if (!existsSync(source)) {
    throw new UsageError(`${source} is neither a file nor a scenario; scenarios: ${[...builders.keys()].join(', ')}`);
  }
  if (source.endsWith('.mcap')) {
    throw new UsageError(
      `${source} is a recording: the robot in it carried out its own decisions, so that ours earned nothing; \`rfsn replay\` sets the two beside each other`,
    );
  }
  const meaningless = SCENARIO_OPTIONS.find((name) => options[name] !== undefined);
  if (meaningless !== undefined) throw new UsageError(`--${meaningless} is of a scenario: ${source} is a file`);
  return (sink) => converted(source, sink);
}

/** Episodes of a scenario, as `rfsn train` drives them. */
function simulated(scenario: string, options: ExportOptions): Producer {
  const { format: _, output, bakeoff, episodes = DEFAULT_EPISODES, ...asked } = options;
  const run = readRun({ ...asked, scenario } satisfies RunOptions);
  if (run.parameters.policy === 'fallback') throw new UsageError('--policy fallback is a rule: it draws nothing');
  const { sharedNames, armNames } = new ContextBuilder(contextOptionsOf(run.parameters));
  return async (sink) => {
    for (const note of run.notes) process.stderr.write(`note: ${note}\n`);
    const session = await VirtualSession.create({ ...run, learned: null, frozen: false });
    const stop = new StopRequest();
    try {
      sink.begin({ context: sharedNames, action: armNames });
      listen(session.loop.policy, sharedNames.length, sink);
      const run = { session, stop, firstEpisode: 0, episodes, worldHash: 0 };
      await runHeadless({ ...run, tally: new EpisodeTally(), afterEpisode: () => sink.drained() });
    } finally {
      stop.dispose();
      session.close();
    }
    return stop.requested ? `${stop.reason}: interrupted, what was decided until then is written` : '';
  };
}

/**
 * Hands on what a policy is given to learn, which is what was paid: the decision records of the loop hold only the last
 * of the rewards that an arrival pays at once.
 */
function listen(policy: Policy, shared: number, sink: DecisionSink): void {
  const { nActions, contextDim } = policy;
  const learn = policy.updateBatch.bind(policy);
  policy.updateBatch = (contexts, actions, rewards, probabilities) => {
    learn(contexts, actions, rewards, probabilities);
    for (let row = 0; row < actions.length; row++) {
      const start = row * contextDim;
      sink.take({
        context: contexts.slice(start, start + shared),
        action: actions[row],
        nActions,
        reward: rewards[row],
        probability: probabilities?.[row] ?? 1,
        ...(contextDim > shared && { actionFeatures: contexts.slice(start + shared, start + contextDim) }),
      });
    }
  };
}

/** A file of decisions, vw or csv, which its first line tells apart. */
async function converted(file: string, sink: DecisionSink): Promise<string> {
  // A signal must not leave a temporary file behind.
  const stop = new StopRequest();
  const afterChunk = async (): Promise<void> => {
    await sink.drained();
    if (stop.requested) throw new Error(`${stop.reason}: interrupted, nothing more is written`);
  };
  try {
    const kind = await kindOf(file, afterChunk);
    if (kind === 'csv') await readCsv(file, sink, afterChunk);
    else await readVw(file, sink, afterChunk);
    return '';
  } catch (error) {
    if (error instanceof VwTextError) throw new VwTextError(0, `${file}, ${error.message}`);
    if (error instanceof DecisionCsvError) throw new DecisionCsvError(0, `${file}, ${error.message}`);
    throw error;
  } finally {
    stop.dispose();
  }
}

/** Awaited after each piece of a file: lets the output keep up, and ends the reading by throwing. */
type AfterChunk = () => Promise<void>;

async function kindOf(file: string, afterChunk: AfterChunk): Promise<'vw' | 'csv'> {
  let first = '';
  await eachLine(file, afterChunk, (text) => {
    if (first === '') first = text;
  });
  if (first === '') throw new Error(`${file}: no decisions in it`);
  return first.includes('|') ? 'vw' : 'csv';
}

async function readCsv(file: string, sink: DecisionSink, afterChunk: AfterChunk): Promise<void> {
  let reader: DecisionCsvReader | null = null;
  await eachLine(file, afterChunk, (text, line) => {
    if (text === '') return;
    if (reader === null) {
      reader = new DecisionCsvReader(text);
      sink.begin(reader.names);
    } else {
      sink.take(reader.read(text, line));
    }
  });
}

/** Twice: which features there are is known at the end. */
async function readVw(file: string, sink: DecisionSink, afterChunk: AfterChunk): Promise<void> {
  const context = new Set<string>();
  const action = new Set<string>();
  await eachVwDecision(file, afterChunk, ({ shared, actions }) => {
    for (const { namespaces } of [...(shared === undefined ? [] : [shared]), ...actions]) {
      for (const { name, features } of namespaces) {
        for (const feature of features) {
          if (name === CONTEXT_NAMESPACE) context.add(feature.name);
          else if (name === ACTION_NAMESPACE && !/^action=\d+$/.test(feature.name)) action.add(feature.name);
        }
      }
    }
  });
  const names = { context: [...context].map(unescapeName), action: [...action].map(unescapeName) };
  const text = new DecisionText(names);
  sink.begin(names);
  await eachVwDecision(file, afterChunk, (decision, line) => sink.take(text.readCbAdf(decision, line)));
}

async function eachVwDecision(
  file: string,
  afterChunk: AfterChunk,
  take: (decision: VwDecision, line: number) => void,
): Promise<void> {
  const reader = new DecisionReader(take);
  await eachLine(file, afterChunk, (text, line) => reader.push(text, line));
  reader.end();
}

async function eachLine(
  file: string,
  afterChunk: AfterChunk,
  take: (text: string, line: number) => void,
): Promise<void> {
  const splitter = new LineSplitter(take);
  for await (const chunk of createReadStream(file) as AsyncIterable<Uint8Array>) {
    splitter.push(chunk);
    await afterChunk();
  }
  splitter.end();
}

class DecisionWriter implements DecisionSink {
  count = 0;
  readonly #format: 'vw' | 'csv';
  readonly #bakeoff: boolean;
  readonly #output: TextOutput;
  #names: DecisionNames = { context: [] };
  #text: DecisionText | null = null;
  /** Of the first decision, which the header is of. */
  #nActions = 0;

  constructor(options: ExportOptions, output: TextOutput) {
    this.#format = options.format;
    this.#bakeoff = options.bakeoff === true;
    this.#output = output;
  }

  begin(names: DecisionNames): void {
    this.#names = names;
    if (this.#format === 'vw') this.#text = new DecisionText(names);
  }

  take(decision: LoggedDecision): void {
    if (this.#text !== null) this.#output.write(this.#text.writeCbAdf(decision));
    else if (this.#bakeoff) this.#output.write(bakeoffRow(decision));
    else {
      if (this.count === 0) this.#output.write(csvHeader(this.#names, decision.nActions));
      if (this.#hasArms && this.count > 0 && decision.nActions !== this.#nActions) {
        throw new Error(
          `decisions have ${this.#nActions} and ${decision.nActions} actions: csv has one header for all`,
        );
      }
      this.#output.write(csvRow(decision));
    }
    this.#nActions = decision.nActions;
    this.count++;
  }

  drained(): Promise<void> {
    return this.#output.drained();
  }

  get #hasArms(): boolean {
    return (this.#names.action?.length ?? 0) > 0;
  }
}

/** Features, and the action as the class: the last column. */
function bakeoffRow({ context, actionFeatures, action }: LoggedDecision): string {
  return `${[...Array.from(context), ...Array.from(actionFeatures ?? []), action].map(numberText).join(',')}\n`;
}
