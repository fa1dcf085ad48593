/**
 * The controller's node in ROS: a managed node (lifecycle) whose transitions may take time. rclnodejs carries them out in
 * one go and never answers an invalid request; here one is under way at a time, and every other request is answered at
 * once with `success: false`.
 *
 * Main thread. @realtime unsafe
 */
import { NODE_NAME } from '../../parameters/loader.js';
import { ParameterError } from '../../parameters/parameter-error.js';
import type { ParameterValue, ParameterValues } from '../../parameters/schema.js';
import { readClock } from './cdr/clock.js';
import { EntityScope, type FailureListener } from './entity-scope.js';
import { MessageType, OutputTopic } from './names.js';
import { applyOverrides, declareParameters, type Override, overridesFor, ParameterGate } from './node-parameters.js';
import { filesForOthers, type ParameterFile, readParameterFiles } from './parameter-files.js';
import {
  type ChangeStateRequest,
  loadNative,
  loadRcl,
  pollPhase,
  type Rcl,
  type RclEntityOptions,
  type RclLifecycleNode,
  type RclLogger,
  type RclNative,
  type RclNode,
  type RclParameter,
  type RclPublisher,
  type RclResponse,
  type RclSubscription,
  RosMissingError,
  type SetParametersResult,
  sendAnswer,
} from './rcl.js';

/** What a transition does. Each is awaited before its state is entered. */
export interface ManagedBehaviour {
  /**
   * Everything is allocated.
   *
   * @throws Refusal, ParameterError or RosMissingError: the transition failed, and the node is where it was; whatever
   *   else is thrown is an error, and `error` is called. Likewise of the others
   */
  configure(): Promise<void>;
  activate(): Promise<void>;
  deactivate(): Promise<void>;
  cleanup(): Promise<void>;
  /** From any state; must leave the robot stopped and what was learned on the disk. Never throws. */
  shutdown(): Promise<void>;
  /** After a throw that is not a refusal: let go of everything. @returns whether the node may be configured anew */
  error(): Promise<boolean>;
}

/** A transition that is not made, for a reason that is told: the node stays in the state that it was in. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

export interface ManagedNodeOptions {
  /** As `splitRosArguments` gives them, with their marks. */
  readonly rosArguments: readonly string[];
  /** As the command line has them: the defaults of the declarations. */
  readonly parameters: ParameterValues;
  /** A callback threw: nothing is known of what it left undone. */
  readonly onFailure: FailureListener;
  /** A parameter that may change was changed. @throws ParameterError: refused with its message */
  onSet(name: string, value: ParameterValue): void;
}

export type TransitionLabel = 'configure' | 'activate' | 'deactivate' | 'cleanup' | 'shutdown';

/** lifecycle_msgs/msg/Transition. */
const ReturnLabel = {
  success: 'transition_success',
  failure: 'transition_failure',
  error: 'transition_error',
} as const;

/**
 * How long rcl waits at a time [ms]. Messages wake it; an entity that is made or ended waits for the end, on the main
 * thread: measured 10 ms at 10, 100 ms at 100, and 0.5 % of a processor when nothing comes.
 */
const SPIN_MS = 10;

/** rmw's codes. */
const ClockQuality = { keepLast: 1, bestEffort: 2, volatile: 2 } as const;
/** The node's own clock is set no more often [ms]. */
const CLOCK_PERIOD_MS = 10;
type ClockCallback = (message: { clock: { sec: number; nanosec: number } }) => void;

/** What the node's class calls back. */
interface NodeHooks {
  failed: FailureListener;
  changeState(request: ChangeStateRequest): Promise<boolean>;
  setParameters(
    parameters: RclParameter[],
    keep: (parameters: RclParameter[]) => SetParametersResult,
  ): SetParametersResult;
}

export class ManagedNode {
  readonly node: RclNode;
  readonly logger: RclLogger;
  /** After ROS's overrides; those that may change are kept up to date. */
  readonly values: ParameterValues;
  /** `use_sim_time`. */
  readonly simTime: boolean;
  readonly #rcl: Rcl;
  readonly #native: RclNative;
  readonly #node: RclLifecycleNode;
  readonly #failed: FailureListener;
  readonly #hooks: NodeHooks;
  readonly #scopes = new Set<EntityScope>();
  readonly #listeners = new Set<(state: string) => void>();
  #behaviour: ManagedBehaviour | null = null;
  #states: RclPublisher | null = null;
  /** The transition under way. */
  #underWay: Promise<boolean> | null = null;
  #closing: Promise<void> | null = null;
  #closed = false;

  /**
   * Loads rclnodejs, starts ROS and makes the node; nothing is answered before `manage`.
   *
   * @throws RosMissingError, and ParameterError where ROS overrides a parameter by what is not allowed or cannot read its
   *   arguments or their files
   */
  static async open(options: ManagedNodeOptions): Promise<ManagedNode> {
    const files = readParameterFiles(options.rosArguments);
    const rcl = await loadRcl();
    const native = await loadNative();
    try {
      await rcl.init(undefined, options.rosArguments);
    } catch (error) {
      const message = `ROS 2 does not start: ${firstLine(error)}`;
      if (message.includes("Couldn't parse")) throw new ParameterError('', message);
      throw new Error(message);
    }
    try {
      return new ManagedNode(rcl, native, options, files);
    } catch (error) {
      rcl.shutdown();
      throw error;
    }
  }

  private constructor(rcl: Rcl, native: RclNative, options: ManagedNodeOptions, files: readonly ParameterFile[]) {
    this.#rcl = rcl;
    this.#native = native;
    this.#failed = options.onFailure;
    this.values = { ...options.parameters };
    const gate = new ParameterGate(rcl, this.values, (name, value) => options.onSet(name, value));
    this.#hooks = {
      failed: options.onFailure,
      changeState: (request) => this.#requested(request),
      setParameters: (parameters, keep) => gate.set(parameters, keep),
    };
    let overrides: ReadonlyMap<string, Override> = new Map();
    const NodeClass = nodeClass(rcl, native, this.#hooks, (found) => {
      overrides = found;
    });
    this.#node = new NodeClass(NODE_NAME);
    this.node = this.#node;
    try {
      this.logger = this.#node.getLogger();
      for (const text of filesForOthers(files, this.#node.getFullyQualifiedName())) this.logger.warn(text);
      applyOverrides(this.values, overrides.values(), (text) => this.logger.warn(text));
      declareParameters(rcl, this.#node, this.values);
      this.simTime = this.#node.getParameter('use_sim_time').value === true;
    } catch (error) {
      this.#node.destroy();
      throw error;
    }
  }

  /** Entities made in it end with it, and with the node. */
  scope(): EntityScope {
    for (const ended of this.#scopes) if (ended.closed) this.#scopes.delete(ended);
    const scope = new EntityScope(this.#rcl, this.#node, this.#failed);
    this.#scopes.add(scope);
    return scope;
  }

  /** Services and topics answer from here on. Called once. */
  manage(behaviour: ManagedBehaviour): void {
    this.#behaviour = behaviour;
    this.#states = this.scope().publisher(MessageType.lifecycle, OutputTopic.lifecycle, 'latched');
    this.#tellState();
    this.#node.spin(SPIN_MS);
  }

  /** `unconfigured`, `inactive`, `active`, `finalized`, or on the way: `configuring`, `activating`, …, `errorprocessing`. */
  get state(): string {
    return this.#closed ? 'finalized' : this.#node.currentState.label;
  }

  /** Calls `listener` with each state that is entered, on the way too. @returns ends the calls */
  onState(listener: (state: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * As if it were asked for from outside, but after the one that is under way.
   *
   * @returns whether it succeeded; false where the state knows no such transition
   */
  async transition(label: TransitionLabel): Promise<boolean> {
    await this.#idle();
    const id = this.#available(label, 0);
    return id === 0 ? false : this.#change(id);
  }

  /**
   * Ends the node and ROS, after the transition that is under way. Whoever wants the robot stopped has `shutdown` done
   * first. Nothing calls back afterwards.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#idle();
    await pollPhase();
    this.#closed = true;
    this.#listeners.clear();
    for (const scope of this.#scopes) {
      try {
        scope.close();
      } catch (error) {
        // It ends with the node, and nobody is left whom it could harm.
        this.logger.warn(`while the node is closed: ${firstLine(error)}`);
      }
    }
    this.#scopes.clear();
    try {
      this.#node.destroy();
    } finally {
      this.#rcl.shutdown();
    }
  }

  /** Waits for the transition under way; what it fails of is told to whoever asked for it. */
  async #idle(): Promise<void> {
    while (this.#underWay !== null) await this.#underWay.catch(() => false);
  }

  /** A request from outside. */
  async #requested({ transition }: ChangeStateRequest): Promise<boolean> {
    if (this.#underWay !== null || this.#closing !== null || this.#behaviour === null) return false;
    const id = this.#available(transition.label, transition.id);
    return id === 0 ? false : this.#change(id);
  }

  /** The id of a transition that the state machine takes now, 0 for none. The label counts where there is one. */
  #available(label: string, id: number): number {
    if (this.#closed) return 0;
    for (const { transition } of this.#node.availableTransitions) {
      if (label === '' ? transition.id === id : transition.label === label) return transition.id;
    }
    return 0;
  }

  #change(id: number): Promise<boolean> {
    const change = this.#carryOut(id).finally(() => {
      this.#underWay = null;
    });
    this.#underWay = change;
    return change;
  }

  async #carryOut(id: number): Promise<boolean> {
    const from = this.state;
    this.#native.triggerLifecycleTransitionById(this.#node._stateMachineHandle, id);
    const way = this.state;
    this.#told(way);
    const result = await this.#perform(way, from);
    this.#trigger(ReturnLabel[result]);
    if (result === 'error') {
      this.#told(this.state);
      let anew = false;
      try {
        anew = await this.#behaviour!.error();
      } catch (error) {
        this.logger.fatal(`after a failed transition: ${firstLine(error)}`);
      }
      this.#trigger(anew ? ReturnLabel.success : ReturnLabel.failure);
    }
    this.#told(this.state);
    return result === 'success';
  }

  #trigger(label: string): void {
    this.#native.triggerLifecycleTransitionByLabel(this.#node._stateMachineHandle, label);
  }

  /** @param way the state on the way */
  async #perform(way: string, from: string): Promise<keyof typeof ReturnLabel> {
    const behaviour = this.#behaviour!;
    try {
      if (way === 'configuring') await behaviour.configure();
      else if (way === 'activating') await behaviour.activate();
      else if (way === 'deactivating') await behaviour.deactivate();
      else if (way === 'cleaningup') await behaviour.cleanup();
      else await behaviour.shutdown();
      return 'success';
    } catch (error) {
      if (error instanceof Refusal || error instanceof ParameterError || error instanceof RosMissingError) {
        this.logger.error(`${way} failed, the node stays ${from}: ${error.message}`);
        return 'failure';
      }
      this.logger.error(`${way} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return 'error';
    }
  }

  /** Latched: `transition_event` tells only those who were there. Nothing that it fails of is worth a transition. */
  #tellState(): void {
    const { id, label } = this.#node.currentState;
    try {
      this.#states?.publish({ id, label });
    } catch (error) {
      this.logger.warn(`${OutputTopic.lifecycle} could not be sent: ${firstLine(error)}`);
    }
  }

  #told(state: string): void {
    this.#tellState();
    for (const listener of this.#listeners) listener(state);
  }
}

/**
 * rclnodejs' class for managed nodes with what it lacks: transitions that take time, requests that are answered whatever
 * they ask, callbacks that cannot end the process, and parameters for a node in a namespace.
 *
 * @param overridden told what ROS overrides, while the node is made
 */
function nodeClass(
  rcl: Rcl,
  native: RclNative,
  hooks: NodeHooks,
  overridden: (overrides: ReadonlyMap<string, Override>) => void,
): new (
  name: string,
) => RclLifecycleNode {
  return class extends rcl.lifecycle.LifecycleNode {
    constructor(name: string) {
      super(name);
      // A request that cannot be read is answered with nothing done; neither it nor who hears no answer may stop the robot.
      for (const service of this._services) {
        const answer = service._callback;
        service._callback = (request, response) => {
          try {
            return answer(request, response);
          } catch (error) {
            const logger = this.getLogger();
            logger.warn(`a request could not be read or answered: ${firstLine(error)}`);
            if (!response.sent) sendAnswer(response, response.template, 'a request', logger);
            return undefined;
          }
        };
      }
    }

    override createSubscription(
      type: string,
      topic: string,
      options: RclEntityOptions | ClockCallback,
      callback?: (message: never) => void,
    ): RclSubscription {
      if (typeof options !== 'function') return super.createSubscription(type, topic, options, callback!);
      // The node's own clock, which asks for reliable messages and would hear nothing from who does not promise them.
      return super.createSubscription(type, topic, clockOptions(rcl), clockReader(options));
    }

    override execute(handles: readonly unknown[]): void {
      try {
        super.execute(handles);
      } catch (error) {
        hooks.failed('a callback', error);
      }
    }

    override setParametersAtomically(parameters: RclParameter[]): SetParametersResult {
      return hooks.setParameters(parameters, (kept) => super.setParametersAtomically(kept));
    }

    override _onChangeState(request: ChangeStateRequest, response: RclResponse): void {
      const result = response.template;
      const answer = (success: boolean) => {
        result['success'] = success;
        sendAnswer(response, result, 'a transition', this.getLogger());
      };
      hooks.changeState(request).then(answer, (error) => {
        hooks.failed('a transition', error);
        answer(false);
      });
    }

    override _getNativeParameterOverrides(): Map<string, RclParameter> {
      const sections = native.getParameterOverrides(this.context.handle) ?? [];
      const overrides = overridesFor(sections, this.getFullyQualifiedName());
      overridden(overrides);
      const parameters = new Map<string, RclParameter>();
      for (const { name, type, value } of overrides.values()) {
        parameters.set(name, new rcl.Parameter(name, type, value));
      }
      return parameters;
    }
  };
}

/** As other clients subscribe to /clock (rclcpp's ClockQoS). */
function clockOptions(rcl: Rcl): RclEntityOptions {
  const { bestEffort, keepLast, volatile } = ClockQuality;
  return { qos: new rcl.QoS(keepLast, 1, bestEffort, volatile), isRaw: true };
}

/**
 * What the node's own clock is told of `/clock`, which may come a thousand times a second: it dates events of parameters
 * and transitions, and nothing that the robot does.
 */
function clockReader(callback: ClockCallback): (bytes: Buffer) => void {
  const told = new Int32Array(2);
  let toldMs = Number.NEGATIVE_INFINITY;
  return (bytes) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < CLOCK_PERIOD_MS || !readClock(bytes, told)) return;
    toldMs = nowMs;
    callback({ clock: { sec: told[0], nanosec: told[1] } });
  };
}

/** rcl's errors go on with the places in its source that they passed. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0].replace(/, at \/.*$/, '');
}
