/**
 * rclnodejs as this project uses it: the part of its interface that is called, and the one place that loads it. It is an
 * optional dependency, native, and built against one ROS 2: without a sourced one it is not even looked at, because
 * importing it there starts a build that deletes the one it has.
 *
 * Main thread only: it aborts in a worker.
 */
import type { EventEmitter } from 'node:events';

/** A ROS logger: what is said goes to the terminal and to /rosout. */
export interface RclLogger {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  fatal(text: string): void;
}

export interface RclPublisher {
  /** @param message plain fields, or a whole message as CDR with its four bytes of encapsulation */
  publish(message: Buffer | object): void;
  readonly topic: string;
}

export interface RclSubscription {
  readonly topic: string;
}

/** Who is at the other end of a topic. */
export interface RclEndpoint {
  readonly node_name: string;
  readonly node_namespace: string;
  /** `geometry_msgs/msg/Twist`. */
  readonly topic_type: string;
}

export interface RclService {
  readonly serviceName: string;
}

export interface RclParameter {
  readonly name: string;
  /** `ParameterType`. */
  readonly type: number;
  readonly value: unknown;
}

export interface SetParametersResult {
  successful: boolean;
  reason: string;
}

export interface RclEntityOptions {
  qos?: unknown;
  isRaw?: boolean;
  enableTypedArray?: boolean;
  qosOverridingOptions?: unknown;
}

/** The part of `rclnodejs.Node` that is used. */
export interface RclNode {
  createPublisher(type: string, topic: string, options?: RclEntityOptions): RclPublisher;
  createSubscription(
    type: string,
    topic: string,
    options: RclEntityOptions,
    callback: (message: never) => void,
  ): RclSubscription;
  createService(
    type: string,
    name: string,
    options: RclEntityOptions,
    callback: (request: never, response: RclResponse) => unknown,
  ): RclService;
  destroyPublisher(publisher: RclPublisher): void;
  destroySubscription(subscription: RclSubscription): void;
  destroyService(service: RclService): void;
  countSubscribers(topic: string): number;
  countPublishers(topic: string): number;
  getSubscriptionsInfoByTopic(topic: string, noDemangle?: boolean): RclEndpoint[];
  getPublishersInfoByTopic(topic: string, noDemangle?: boolean): RclEndpoint[];
  /** Remapped, with its namespace. */
  resolveTopicName(topic: string, onlyExpand?: boolean): string;
  getLogger(): RclLogger;
  name(): string;
  namespace(): string;
  getFullyQualifiedName(): string;
  getParameterOverrides(): RclParameter[];
  hasParameter(name: string): boolean;
  getParameter(name: string): RclParameter;
  declareParameter(parameter: RclParameter, descriptor?: unknown, ignoreOverride?: boolean): RclParameter;
  setParameter(parameter: RclParameter): SetParametersResult;
  addOnSetParametersCallback(callback: (parameters: RclParameter[]) => SetParametersResult): void;
  addPreSetParametersCallback(callback: (parameters: RclParameter[]) => RclParameter[]): void;
  spin(timeoutMs?: number): void;
  stop(): void;
  destroy(): void;
}

/** The answer of a service, which may be given later than the call. */
export interface RclResponse {
  readonly template: Record<string, unknown>;
  send(response: object): void;
}

/** The part of the module that is used. `rclnodejs` 2.2. */
export interface Rcl {
  init(context?: unknown, argv?: readonly string[]): Promise<void>;
  shutdown(context?: unknown): void;
  removeSignalHandlers(): void;
  readonly QoS: {
    new (history?: number, depth?: number, reliability?: number, durability?: number): unknown;
    readonly profileDefault: string;
    readonly profileSensorData: string;
  };
  readonly Parameter: new (name: string, type: number, value: unknown) => RclParameter;
  readonly lifecycle: { readonly LifecycleNode: new (...args: unknown[]) => RclNode & EventEmitter };
  // Loaded by name where the module has more than is listed here.
  readonly [name: string]: unknown;
}

/** ROS, or a part of it, is not there. The message says what is missing and what to do. Commands exit 2 on it. */
export class RosMissingError extends Error {
  override readonly name = 'RosMissingError';
}
