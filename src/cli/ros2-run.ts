/**
 * `rfsn run --port ros2`: the process of the controller's ROS node, from its arguments to its exit code. Messages for people
 * go to ROS's logger, which writes to standard error and /rosout.
 *
 * Exit codes: 0 after SIGINT, SIGTERM, or whatever else asked for the end; 1 where it could not begin, where a node that
 * starts itself could not go on, or where what was learned could not be saved; 2 for arguments and parameters.
 */

import { ManagedNode } from '../io/ros2/managed-node.js';
import { loadRcl, type Rcl, type RclLogger } from '../io/ros2/rcl.js';
import { learns } from '../loop/configuration.js';
import type { ParameterValue, ParameterValues } from '../parameters/schema.js';
import { compileReward } from '../reward/reward-compiler.js';
import { BesideRuns } from './beside-run.js';
import { besidesOf } from './besides.js';
import { FolderClaim } from './folder-claim.js';
import { policyNotes } from './policy-option.js';
import { rosSummary } from './ros2-figures.js';
import { Ros2Session } from './ros2-session.js';
import { type Control, type ControlOptions, readControl } from './run-options.js';
import { StopRequest } from './stop-request.js';
import { ExitCode, printJson } from './usage.js';

/** rcl_interfaces/msg/ParameterType. Whole numbers are taken for doubles. */
const ROS_TYPES = { boolean: 1, number: 3, string: 4 } as const;

export interface Ros2RunOptions extends ControlOptions {
  readonly watch?: 'zeromq';
  readonly frozen?: boolean;
  readonly endWithInput?: boolean;
}

/**
 * @param rosArguments as `splitRosArguments` gives them
 * @throws UsageError, ParameterError: exit 2; what keeps it from beginning, such as a ROS that is not sourced: exit 1
 */
export async function runRos2(options: Ros2RunOptions, rosArguments: readonly string[]): Promise<void> {
  const asked = readControl(options);
  const stop = new StopRequest();
  try {
    // Whoever read what is written has gone: the robot is stopped and what it was taught is saved all the same.
    for (const stream of [process.stdout, process.stderr]) {
      stream.removeAllListeners('error').on('error', () => stop.ask('output closed'));
    }
    if (options.endWithInput === true) process.stdin.on('close', () => stop.ask('input ended')).resume();
    await new Ros2Run(options, asked, stop).drive(rosArguments);
  } finally {
    stop.dispose();
    if (options.endWithInput === true) process.stdin.destroy();
  }
}

class Ros2Run {
  readonly #options: Ros2RunOptions;
  readonly #asked: Control;
  readonly #stop: StopRequest;
  #session: Ros2Session | null = null;
  /** Why it could not go on; empty where it could. */
  #fault = '';

  constructor(options: Ros2RunOptions, asked: Control, stop: StopRequest) {
    this.#options = options;
    this.#asked = asked;
    this.#stop = stop;
  }

  async drive(rosArguments: readonly string[]): Promise<void> {
    const rcl = await loadRcl();
    const managed = await ManagedNode.open({
      rosArguments,
      parameters: this.#asked.parameters,
      onFailure: (where, error) => this.#session?.failed(where, error),
      onSet: (name, value) => this.#session?.set(name, value),
    });
    const onUncaught = (error: unknown) => {
      if (this.#session === null) this.#end(messageOf(error));
      else this.#session.failed('not caught', error);
    };
    // A second signal does not wait for the robot to be braked; a base without a timeout of its own would drive on.
    const onExit = () => this.#session?.stopNow();
    process.on('uncaughtException', onUncaught).on('exit', onExit);
    try {
      await this.#serve(managed, rcl);
    } finally {
      process.off('exit', onExit);
      await managed.close();
      process.off('uncaughtException', onUncaught);
    }
    const session = this.#session as Ros2Session | null;
    if (this.#fault !== '' || session?.saved === false) process.exitCode = ExitCode.failed;
    if (session === null) return;
    const figures = session.totals.figures();
    if (this.#options.json === true) printJson(figures);
    else process.stdout.write(rosSummary(figures));
    // A disk that does not answer must not hold up the end: whoever asked for it was promised seconds.
    if (session.underWay > 0) process.exit(ExitCode.failed);
  }

  /** @throws what keeps it from beginning; nothing was driven then */
  async #serve(managed: ManagedNode, rcl: Rcl): Promise<void> {
    const { logger } = managed;
    const { watch } = this.#options;
    const frozen = this.#options.frozen === true;
    const control = controlOf(managed.values, this.#asked);
    const { parameters } = control;
    for (const note of control.notes) logger.info(`note: ${note}`);
    const tell = (text: string) => logger.info(text);
    const warn = (text: string) => logger.warn(text);
    const besides = await besidesOf({ control, asked: this.#options, watch: watch === 'zeromq', tell, warn });
    // Of them it is told what they fail of.
    const beside = new BesideRuns(besides.list, warn);
    const claim =
      frozen || !learns(parameters)
        ? null
        : new FolderClaim(parameters.model_dir, warn, 'give each its own by the parameter model_dir');
    try {
      await beside.open();
      const session = new Ros2Session({
        ...{ managed, frozen, beside },
        // What is set while the node is not configured counts when it is.
        control: () => ({ ...control, parameters: { ...managed.values } }),
        logMessagesLost: () => besides.logMessagesLost(),
        setParameter: (name, value) => setParameter(rcl, managed, name, value),
        onFault: (detail) => {
          if (parameters.autostart) this.#end(detail);
        },
      });
      this.#session = session;
      managed.manage(session);
      if (parameters.autostart) await this.#start(managed, logger);
      else logger.info('waits to be configured: autostart is false');
      await this.#stop.asked;
      logger.info(`ends: ${this.#stop.reason}`);
      await managed.transition('shutdown');
    } finally {
      // Where the state machine knew of no way there, or failed.
      await this.#session?.shutdown();
      await beside.close();
      claim?.release();
    }
  }

  async #start(managed: ManagedNode, logger: RclLogger): Promise<void> {
    for (const label of ['configure', 'activate'] as const) {
      if (this.#stop.requested) return;
      if (await managed.transition(label)) continue;
      logger.error(`the node could not ${label} itself, and ends`);
      this.#end(`could not ${label}`);
      return;
    }
  }

  /** Ends the process because it cannot go on. */
  #end(fault: string): void {
    if (this.#fault === '') this.#fault = fault;
    this.#stop.ask('fault');
  }
}

/** What makes a controller, of the parameters as ROS has them. @throws ParameterError, RewardExpressionError */
function controlOf(values: ParameterValues, asked: Control): Control {
  const parameters = { ...values };
  const expression = parameters['reward.expression'];
  const changed = Object.entries(parameters).filter(
    ([name, value]) => asked.parameters[name as keyof ParameterValues] !== value,
  );
  const notes = policyNotes(parameters, new Set(changed.map(([name]) => name)));
  return {
    parameters,
    rewardProgram: expression === '' ? null : compileReward(expression),
    notes: [...new Set([...asked.notes, ...notes])],
  };
}

/** @throws Error with the reason why it is refused */
function setParameter(rcl: Rcl, managed: ManagedNode, name: string, value: ParameterValue): void {
  const type = ROS_TYPES[typeof value as keyof typeof ROS_TYPES];
  const { successful, reason } = managed.node.setParameter(new rcl.Parameter(name, type, value));
  if (!successful) throw new Error(reason);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
