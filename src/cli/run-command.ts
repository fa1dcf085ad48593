import { type Command, Option } from 'commander';
import { learns } from '../loop/configuration.js';
import { addLogOption, addPageOptions } from './beside-options.js';
import { besidesOf } from './besides.js';
import { FolderClaim } from './folder-claim.js';
import { LinkSession } from './link-session.js';
import { linkFigures, linkSummary } from './link-summary.js';
import { LiveDisplay } from './live-line.js';
import { addControlOptions, type ControlOptions, readControl } from './run-options.js';
import { StopRequest } from './stop-request.js';
import { ExitCode, printJson, UsageError } from './usage.js';

interface RunCommandOptions extends ControlOptions {
  port: 'zeromq' | 'ros2';
  watch?: 'zeromq';
  frozen?: boolean;
  endWithInput?: boolean;
}

/**
 * `rfsn run`: the controller drives whatever robot comes to its port.
 *
 * @param rosArguments what of the command line is ROS's, with its marks
 */
export function registerRunCommand(program: Command, rosArguments: readonly string[] = []): void {
  const command = program
    .command('run')
    .description('drive a robot through a port: ZeroMQ or ROS 2')
    .addOption(new Option('--port <name>', 'where the robot is').choices(['zeromq', 'ros2']).makeOptionMandatory())
    .addOption(
      new Option('--watch <name>', 'lets peers of another port watch and administer meanwhile').choices(['zeromq']),
    );
  addPageOptions(addLogOption(addControlOptions(command, 'seed of all that is drawn (default: random_seed)')))
    .option('--frozen', 'no learning, no exploration, nothing saved')
    .addOption(new Option('--end-with-input', 'end when standard input does').hideHelp())
    .addHelpText(
      'after',
      '\nThrough ZeroMQ: where it listens, whom it admits and for how long: `rfsn parameters`, zeromq.*. Keys: `rfsn keys`.' +
        '\nWhat was learned is resumed from model_dir and saved there; with zeromq.max_sessions above 1 each robot has a' +
        '\nfolder of its name in it. Ctrl-C stops the robots, saves and ends; a second one ends at once.' +
        '\nWith --log each robot’s session has a log of its own; with --page each robot is shown while it is there.' +
        '\nThrough ROS 2: a managed node, rfsn_controller, whose parameters are those of `rfsn parameters`; after --ros-args' +
        '\nwhat ROS takes, up to -- or the end: rfsn run --port ros2 --ros-args -p controller_frequency:=200.0 -r cmd_vel:=/v',
    )
    .action((options: RunCommandOptions) => runPort(options, rosArguments));
}

async function runPort(options: RunCommandOptions, rosArguments: readonly string[]): Promise<void> {
  if (options.port === 'ros2') {
    // What is not asked for is not loaded.
    const { runRos2 } = await import('./ros2-run.js');
    return runRos2(options, rosArguments);
  }
  if (rosArguments.length > 0) throw new UsageError('--ros-args: they are for --port ros2, which is not asked for');
  if (options.watch !== undefined) {
    throw new UsageError('--watch zeromq: the port zeromq has its watchers already; leave it out');
  }
  const control = readControl(options);
  const display = LiveDisplay.beside(options.json === true);
  const stop = new StopRequest();
  const frozen = options.frozen === true;
  let claim: FolderClaim | null = null;
  try {
    // Whoever read what is written has gone: the robots are stopped and what they taught is saved all the same.
    for (const stream of [process.stdout, process.stderr]) {
      stream.removeAllListeners('error').on('error', () => stop.ask('output closed'));
    }
    if (options.endWithInput === true) process.stdin.on('close', () => stop.ask('input ended')).resume();
    const { list: beside, listening } = await besidesOf({
      control,
      asked: options,
      tell: (text) => display.message(text),
    });
    if (!frozen && learns(control.parameters)) {
      claim = new FolderClaim(control.parameters.model_dir, (text) => display.message(text));
    }
    const session = await LinkSession.create({ control, frozen, display, stop, beside, listening });
    const { totals, fault, saved, underWay } = await session.drive();
    if (fault !== '') process.stderr.write(`rfsn: ${fault}\n`);
    if (fault !== '' || !saved) process.exitCode = ExitCode.failed;
    const figures = linkFigures(totals);
    if (options.json === true) printJson(figures);
    else process.stdout.write(linkSummary(figures));
    // A disk that does not answer must not hold up the end: whoever asked for it was promised seconds.
    if (underWay > 0) process.exit(ExitCode.failed);
  } finally {
    claim?.release();
    stop.dispose();
    if (options.endWithInput === true) process.stdin.destroy();
  }
}
