/**
 * The controller's node in ROS: a managed node (lifecycle) whose transitions may take time. rclnodejs carries them out in
 * one go and never answers an invalid request; here one is under way at a time, and every other request is answered at
 * once with `success: false`.
 *
 * Main thread. @realtime unsafe
 */
import type { ParameterValue, ParameterValues } from '../../parameters/schema.js';
import type { EntityScope, FailureListener } from './entity-scope.js';
import type { RclLogger, RclNode } from './rcl.js';

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

/** The states that a node can stay in. */
export type PrimaryState = 'unconfigured' | 'inactive' | 'active' | 'finalized';

/** What `ManagedNode.open` makes. */
export interface ManagedNodeHandle {
  readonly node: RclNode;
  readonly logger: RclLogger;
  /** After ROS's overrides; `set` ones are kept up to date. */
  readonly values: ParameterValues;
  /** `use_sim_time`. */
  readonly simTime: boolean;
  /** Entities made here end with it, and with the node. */
  scope(): EntityScope;
  /** Services answer from here on. */
  manage(behaviour: ManagedBehaviour): void;
  /** As if it were asked for from outside, but after the one that is under way. @returns whether it succeeded */
  transition(label: TransitionLabel): Promise<boolean>;
  /** One of `PrimaryState`, or on the way: `configuring`, `activating`, …, `errorprocessing`. */
  readonly state: string;
  /** Nothing calls back afterwards. */
  close(): Promise<void>;
}
