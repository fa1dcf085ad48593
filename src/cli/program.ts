/** The command `rfsn`. Each command's module is loaded only when it is called, so that help is quick. */
import { Command, CommanderError } from 'commander';
import { splitRosArguments } from '../io/ros2/ros-arguments.js';
import { packageVersion } from './package-version.js';
import { ExitCode, UsageError } from './usage.js';

type Register = (program: Command) => void;

/** Commands whose arguments may hold some of ROS's. */
const SPEAK_ROS: readonly string[] = ['run', 'sim'];

/** Every command, with the summary that help shows; the module says the same, and a test compares the two. */
export const commands: readonly {
  readonly name: string;
  readonly summary: string;
  /** @param rosArguments what of the command line is ROS's, with its marks: for the commands that speak ROS */
  readonly load: (rosArguments?: readonly string[]) => Promise<Register>;
}[] = [
  {
    name: 'sim',
    summary: 'drive a robot in the embedded simulator, and learn',
    load: async (rosArguments) => {
      const { registerSimCommand } = await import('./sim-command.js');
      return (program) => registerSimCommand(program, rosArguments);
    },
  },
  {
    name: 'run',
    summary: 'drive a robot through a port: ZeroMQ or ROS 2',
    load: async (rosArguments) => {
      const { registerRunCommand } = await import('./run-command.js');
      return (program) => registerRunCommand(program, rosArguments);
    },
  },
  {
    name: 'train',
    summary: 'train the policy in the simulator, as fast as the machine can',
    load: async () => (await import('./train-command.js')).registerTrainCommand,
  },
  {
    name: 'evaluate',
    summary: 'train, then set the policy against an untrained one, random choice and the rule',
    load: async () => (await import('./evaluate-command.js')).registerEvaluateCommand,
  },
  {
    name: 'replay',
    summary: 'repeat a flight log to the bit, or run a recorded ROS 2 log through the controller',
    load: async () => (await import('./replay-command.js')).registerReplayCommand,
  },
  {
    name: 'explain',
    summary: 'print one decision of a flight log, with what each feature added to each value',
    load: async () => (await import('./explain-command.js')).registerExplainCommand,
  },
  {
    name: 'view',
    summary: 'show flight logs on the page, with a time slider',
    load: async () => (await import('./view-command.js')).registerViewCommand,
  },
  {
    name: 'checkpoint',
    summary: 'show what is in a checkpoint, or convert one',
    load: async () => (await import('./checkpoint-command.js')).registerCheckpointCommand,
  },
  {
    name: 'keys',
    summary: 'make and revoke the keys of the ZeroMQ link',
    load: async () => (await import('./keys-command.js')).registerKeysCommand,
  },
  {
    name: 'bakeoff',
    summary: 'set policies against each other on classification files, made into bandit problems',
    load: async () => (await import('./bakeoff-command.js')).registerBakeoffCommand,
  },
  {
    name: 'vw',
    summary: 'learn from a file in Vowpal Wabbit format, and print its progressive loss',
    load: async () => (await import('./vw-command.js')).registerVwCommand,
  },
  {
    name: 'export',
    summary: 'write decisions and what they earned as text for other tools',
    load: async () => (await import('./export-command.js')).registerExportCommand,
  },
  {
    name: 'plot',
    summary: 'draw histories and flight logs as SVG or PNG',
    load: async () => (await import('./plot-command.js')).registerPlotCommand,
  },
  {
    name: 'bench',
    summary: 'measure what the project promises, and set it against its targets',
    load: async () => (await import('./bench-command.js')).registerBenchCommand,
  },
  {
    name: 'parameters',
    summary: 'list the parameters, or show the values that files and --set amount to',
    load: async () => (await import('./parameters-command.js')).registerParametersCommand,
  },
  {
    name: 'doctor',
    summary: 'say what this machine offers a control loop, and what is missing',
    load: async () => (await import('./doctor-command.js')).registerDoctorCommand,
  },
];

/** Errors of usage or configuration, by name: their classes lie in modules that help need not load. */
const usageErrors = new Set([
  'UsageError',
  'ParameterError',
  'PolicyConfigError',
  'RewardExpressionError',
  'RosMissingError',
]);

/**
 * Runs one command line. Errors go to standard error.
 *
 * @param args without node and the script
 * @returns the exit code; a command that set `process.exitCode` keeps it
 * @realtime unsafe
 */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('rfsn')
    .description('An online-learning motion controller for mobile robots.')
    .version(packageVersion())
    .option('--verbose', 'with an error, show where it came from')
    .addHelpText('after', '\nExit codes: 0 done, 1 could not do its work, 2 bad usage or configuration.')
    .showHelpAfterError('(--help lists what there is)')
    .exitOverride();

  try {
    const { own, ros } = argumentsOf(args);
    for (const { name, summary, load } of commands) {
      if (own.includes(name)) (await load(ros))(program);
      else program.command(name).description(summary);
    }
    await program.parseAsync(own, { from: 'user' });
    return Number(process.exitCode ?? ExitCode.done);
  } catch (error) {
    // Commander has printed its own message, and help or version where those were asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
    const verbose = program.opts<{ verbose?: boolean }>().verbose === true || Boolean(process.env['RFSN_DEBUG']);
    process.stderr.write(`rfsn: ${messageOf(error, verbose)}\n`);
    return error instanceof Error && usageErrors.has(error.name) ? ExitCode.usage : ExitCode.failed;
  }
}

/** @throws UsageError where ROS's arguments are not what ROS takes, or are given to a command that knows nothing of it */
function argumentsOf(args: readonly string[]): { own: string[]; ros: string[] } {
  let split: { own: string[]; ros: string[] };
  try {
    split = splitRosArguments(args);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (split.ros.length > 0 && !split.own.some((name) => SPEAK_ROS.includes(name))) {
    throw new UsageError(
      `--ros-args: only ${SPEAK_ROS.map((name) => `rfsn ${name} --port ros2`).join(' and ')} take them`,
    );
  }
  return split;
}

function messageOf(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return String(error);
  const text = verbose && error.stack !== undefined ? error.stack : error.message;
  // Of what a file says of itself nothing may reach the terminal as a control sequence.
  return text.replace(/[^\P{Cc}\n\t]/gu, '?');
}
