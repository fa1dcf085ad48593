/**
 * rclnodejs as this project uses it: the part of its interface that is called, and the one place that loads it. It is an
 * optional dependency, native, and built against one ROS 2: without a sourced one it is not even looked at, because
 * importing it there starts a build that deletes the one it has. Where its binary does not load, its import starts such a
 * build too, silently and for minutes: the binary is loaded here first.
 *
 * Main thread only: it aborts in a worker.
 */
import { stat } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { prepareMessages } from './generated-messages.js';
import { findRclnodejs, RosMissingError } from './rcl-installation.js';

export { RosMissingError } from './rcl-installation.js';

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
  /** One entry for each node, so that two of one name are there twice. */
  getNodeNamesAndNamespaces(): { readonly name: string; readonly namespace: string }[];
  getLogger(): RclLogger;
  getFullyQualifiedName(): string;
  getParameter(name: string): RclParameter;
  setParameter(parameter: RclParameter): SetParametersResult;
  spin(timeoutMs?: number): void;
  destroy(): void;
}

/** The part of `rclnodejs.lifecycle.LifecycleNode` that is used, and overridden. */
export interface RclLifecycleNode extends RclNode {
  readonly currentState: { readonly id: number; readonly label: string };
  /** Those that the state machine takes in its state. */
  readonly availableTransitions: readonly { readonly transition: { readonly id: number; readonly label: string } }[];
  readonly _stateMachineHandle: unknown;
  readonly context: { readonly handle: unknown };
  /** Called with what is ready; whatever is called back runs within. */
  execute(handles: readonly unknown[]): void;
  _onChangeState(request: ChangeStateRequest, response: RclResponse): void;
  declareParameters(
    parameters: readonly RclParameter[],
    descriptors: readonly RclParameterDescriptor[],
    ignoreOverrides: boolean,
  ): RclParameter[];
  setParametersAtomically(parameters: RclParameter[]): SetParametersResult;
  /** While it is constructed. */
  _getNativeParameterOverrides(): Map<string, RclParameter>;
  readonly _services: readonly RclOwnService[];
}

/** A service that rclnodejs offers by itself: parameters, lifecycle. */
export interface RclOwnService {
  _callback: (request: never, response: RclResponse) => unknown;
}

/** lifecycle_msgs/srv/ChangeState. */
export interface ChangeStateRequest {
  readonly transition: { readonly id: number; readonly label: string };
}

export interface RclParameterDescriptor {
  readonly name: string;
  additionalConstraints: string;
  /** @throws Error where the value does not fit */
  validateParameter(parameter: RclParameter): void;
  /** rcl_interfaces/msg/ParameterDescriptor. */
  toMessage(): Record<string, unknown>;
}

/** The native part, where the module keeps more to itself than is needed here. */
export interface RclNative {
  triggerLifecycleTransitionById(stateMachine: unknown, id: number): unknown;
  triggerLifecycleTransitionByLabel(stateMachine: unknown, label: string): unknown;
  /** By the name of a node, or a pattern of names, as files and command lines have them; undefined where there are none. */
  getParameterOverrides(context: unknown): readonly ParameterSection[] | undefined;
}

/** What one section of a parameter file sets, or the command line for one name of a node. */
export interface ParameterSection {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly type: number; readonly value: unknown }[];
}

/** The answer of a service, which may be given later than the call. */
export interface RclResponse {
  readonly template: Record<string, unknown>;
  readonly sent: boolean;
  send(response: object): void;
}

/** The part of the module that is used. `rclnodejs` 2.2. */
export interface Rcl {
  init(context?: unknown, argv?: readonly string[]): Promise<void>;
  shutdown(context?: unknown): void;
  removeSignalHandlers(): void;
  readonly QoS: {
    new (history?: number, depth?: number, reliability?: number, durability?: number): unknown;
  };
  readonly Parameter: new (name: string, type: number, value: unknown) => RclParameter;
  readonly ParameterDescriptor: new (
    name: string,
    type: number,
    description: string,
    readOnly: boolean,
  ) => RclParameterDescriptor;
  readonly QoSPolicyKind: Readonly<Record<'HISTORY' | 'DEPTH' | 'RELIABILITY' | 'DURABILITY', number>>;
  readonly QoSOverridingOptions: new (kinds: readonly number[]) => unknown;
  readonly lifecycle: { readonly LifecycleNode: new (name: string) => RclLifecycleNode };
  // Loaded by name where the module has more than is listed here.
  readonly [name: string]: unknown;
}

/** What was loaded, with the folder it was loaded from. */
interface Loaded {
  readonly rcl: Rcl;
  readonly native: RclNative;
}

let loading: Promise<Loaded> | null = null;

/**
 * Loads rclnodejs, once in a process, and takes its handler of SIGINT away: it would shut ROS down before the robot is
 * told to stop. The JavaScript of ROS's messages is made where it is missing, which is said.
 *
 * @param say where something takes long, one sentence of what it is
 * @throws RosMissingError
 */
export async function loadRcl(
  env: NodeJS.ProcessEnv = process.env,
  say: (text: string) => void = toStderr,
): Promise<Rcl> {
  return (await load(env, say)).rcl;
}

/** The native part of the rclnodejs that `loadRcl` has loaded. */
export async function loadNative(): Promise<RclNative> {
  if (loading === null) throw new Error('rclnodejs is loaded first');
  return (await loading).native;
}

async function load(env: NodeJS.ProcessEnv, say: (text: string) => void): Promise<Loaded> {
  // A refusal may be mended and tried again.
  loading ??= loadOnce(env, say).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function loadOnce(env: NodeJS.ProcessEnv, say: (text: string) => void): Promise<Loaded> {
  const found = findRclnodejs(env);
  const load = createRequire(pathToFileURL(`${found.folder}/package.json`));
  const native = loadBinary(load, found.binaries, found.rebuild);
  await prepareMessages(found.folder, env, say);
  // Not a literal: the package is optional, and so are its types.
  const name: string = 'rclnodejs';
  const { default: rcl } = (await import(name)) as { default: Rcl };
  rcl.removeSignalHandlers();
  return { rcl, native };
}

/** The first that loads, in rclnodejs' own order: its import finds the same one loaded. */
function loadBinary(load: NodeJS.Require, binaries: readonly string[], rebuild: string): RclNative {
  let complaint = '';
  for (const path of binaries) {
    try {
      return load(path) as RclNative;
    } catch (error) {
      complaint = (error as Error).message;
    }
  }
  throw new RosMissingError(`rclnodejs is built, and does not load: ${complaint}; ${rebuild}`);
}

/**
 * Answers a request. A client that does not hear answers, as one of another quality of service or one that is found too slowly, is
 * waited for 100 ms by the middleware, which throws then: that is told, as rclcpp and rclpy do, and stops no robot.
 */
export function sendAnswer(response: RclResponse, answer: object, service: string, logger: RclLogger): void {
  try {
    response.send(answer);
  } catch (error) {
    logger.warn(`the answer of ${service} could not be sent: ${(error as Error).message.split('\n', 1)[0]}`);
  }
}

function toStderr(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Comes back in the event loop's poll phase. A node that stops spinning turns the loop within the call (`uv_run`): from one of
 * rclnodejs' own callbacks it would wait for itself, and from an immediate or a timer Node would go through the list of them
 * that it is in the midst of a second time, and never come to its end.
 */
export function pollPhase(): Promise<void> {
  return new Promise((resolve) => stat('/', () => resolve()));
}
