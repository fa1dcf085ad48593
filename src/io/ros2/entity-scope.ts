/**
 * Publishers, subscriptions and services that live and end together, with every callback guarded: rclnodejs lets an
 * exception in one end the process without `uncaughtException`, past everything that would stop the robot.
 *
 * Main thread. @realtime unsafe
 */
import { ParameterError } from '../../parameters/parameter-error.js';
import { InputTopic, OutputTopic } from './names.js';
import {
  type Rcl,
  type RclEntityOptions,
  type RclNode,
  type RclPublisher,
  type RclService,
  type RclSubscription,
  sendAnswer,
} from './rcl.js';
import { notInstalled } from './rcl-installation.js';

/** Qualities of service that this node uses. */
export type Quality =
  /** The newest only, lost rather than late: what a sensor measures. rmw_qos_profile_sensor_data, depth 1. */
  | 'sensor'
  /** Reliable, volatile, depth 1: commands, goals, orders. */
  | 'reliable'
  /** Reliable, transient local, depth 1: who comes late is told the newest. */
  | 'latched'
  /** Reliable, transient local, depth 10: orders of which none may be lost because another follows at once. */
  | 'latched-orders'
  /** Reliable, volatile, depth 10: what is watched, and orders likewise. */
  | 'stream'
  /** Reliable, volatile, depth 1000: where none may be lost though many come at once. */
  | 'burst'
  /** Reliable, transient local, depth 100: /tf_static, from several nodes. */
  | 'static-transforms'
  /** Best effort, volatile, depth 100: /tf. */
  | 'transforms';

const KEEP_LAST = 1;
const Reliability = { reliable: 1, bestEffort: 2 } as const;
const Durability = { transientLocal: 1, volatile: 2 } as const;

const QUALITIES: Readonly<Record<Quality, readonly [depth: number, reliability: number, durability: number]>> = {
  sensor: [1, Reliability.bestEffort, Durability.volatile],
  reliable: [1, Reliability.reliable, Durability.volatile],
  latched: [1, Reliability.reliable, Durability.transientLocal],
  'latched-orders': [10, Reliability.reliable, Durability.transientLocal],
  stream: [10, Reliability.reliable, Durability.volatile],
  burst: [1000, Reliability.reliable, Durability.volatile],
  'static-transforms': [100, Reliability.reliable, Durability.transientLocal],
  transforms: [100, Reliability.bestEffort, Durability.volatile],
};

/** Topics whose quality `qos_overrides` may change, at start. */
const OVERRIDABLE: readonly string[] = [
  InputTopic.odometry,
  InputTopic.scan,
  InputTopic.contacts,
  InputTopic.contactFront,
  InputTopic.contactLeft,
  InputTopic.contactBack,
  InputTopic.contactRight,
  OutputTopic.command,
];

/** What a callback did that must not happen: the robot is stopped by whoever is told. */
export type FailureListener = (where: string, error: unknown) => void;

export class EntityScope {
  readonly node: RclNode;
  readonly #rcl: Rcl;
  readonly #failed: FailureListener;
  readonly #publishers: RclPublisher[] = [];
  readonly #subscriptions: RclSubscription[] = [];
  readonly #services: RclService[] = [];
  #open = true;

  constructor(rcl: Rcl, node: RclNode, failed: FailureListener) {
    this.#rcl = rcl;
    this.node = node;
    this.#failed = failed;
  }

  /**
   * @param type `geometry_msgs/msg/Twist`
   * @throws RosMissingError where the type's package is not installed; ParameterError for a quality of service that
   *   `qos_overrides` asks for and that there is not. Likewise of the others
   */
  publisher(type: string, topic: string, quality: Quality): RclPublisher {
    const publisher = make(type, topic, () => this.node.createPublisher(type, topic, this.#options(topic, quality)));
    this.#publishers.push(publisher);
    return publisher;
  }

  /**
   * @param callback is given the whole message as CDR, its four bytes of encapsulation first; the buffer is the
   *   caller's to keep
   */
  raw(type: string, topic: string, quality: Quality, callback: (bytes: Buffer) => void): RclSubscription {
    const options = { ...this.#options(topic, quality), isRaw: true };
    const subscription = make(type, topic, () =>
      this.node.createSubscription(type, topic, options, (bytes: Buffer) => {
        if (this.#open) this.#guarded(topic, () => callback(bytes));
      }),
    );
    this.#subscriptions.push(subscription);
    return subscription;
  }

  /**
   * @param callback what it throws or rejects with is not the node's end: `refused` makes the answer of it. Nor is an answer
   *   that the middleware does not take: what was asked for has been done
   */
  service<Request, Response extends object>(
    type: string,
    name: string,
    callback: (request: Request) => Response | Promise<Response>,
    refused: (reason: string) => Response,
  ): void {
    const answer = async (request: Request): Promise<Response> => {
      try {
        return await callback(request);
      } catch (error) {
        return refused(error instanceof Error ? error.message : String(error));
      }
    };
    const service = make(type, name, () =>
      this.node.createService(type, name, {}, (request, response) => {
        answer(request as Request).then(
          (result) => {
            if (this.#open) sendAnswer(response, result, name, this.node.getLogger());
          },
          (error) => this.#failed(`answer of ${name}`, error),
        );
      }),
    );
    this.#services.push(service);
  }

  get closed(): boolean {
    return !this.#open;
  }

  /** Ends all of them; nothing calls back any more. @throws what the first threw that could not be ended, after the last */
  close(): void {
    this.#open = false;
    const { node } = this;
    const errors = [
      ...destroyAll(this.#subscriptions, (subscription) => node.destroySubscription(subscription)),
      ...destroyAll(this.#services, (service) => node.destroyService(service)),
      ...destroyAll(this.#publishers, (publisher) => node.destroyPublisher(publisher)),
    ];
    if (errors.length > 0) throw errors[0];
  }

  #guarded(where: string, body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#failed(where, error);
    }
  }

  #options(topic: string, quality: Quality): RclEntityOptions {
    const { QoS, QoSOverridingOptions, QoSPolicyKind } = this.#rcl;
    const [depth, reliability, durability] = QUALITIES[quality];
    const qos = new QoS(KEEP_LAST, depth, reliability, durability);
    if (!OVERRIDABLE.includes(topic)) return { qos };
    const { DEPTH, DURABILITY, HISTORY, RELIABILITY } = QoSPolicyKind;
    return { qos, qosOverridingOptions: new QoSOverridingOptions([HISTORY, DEPTH, RELIABILITY, DURABILITY]) };
  }
}

/** Leaves none of them in the list. @returns what was thrown meanwhile */
function destroyAll<Entity>(entities: Entity[], destroy: (entity: Entity) => void): unknown[] {
  const errors: unknown[] = [];
  for (const entity of entities.splice(0)) {
    try {
      destroy(entity);
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}

/** Makes an entity, and says in our words why it cannot be made. */
function make<Entity>(type: string, topic: string, entity: () => Entity): Entity {
  try {
    return entity();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (code === 'MESSAGE_NOT_FOUND') throw notInstalled(type, process.env);
    if (message.startsWith('Unknown QoS policy value')) throw new ParameterError(`qos_overrides of ${topic}`, message);
    throw error;
  }
}
