/** What operators do to a node by its services, with the same effects as an administrator's and the page's orders. */
import type { Operations } from '../io/ros2/operations.js';
import type { Checkpointing } from './checkpointing.js';
import type { ControllerHost } from './controller-host.js';
import { HostAdministration } from './host-administration.js';
import type { MotionOrders } from './ros2-orders.js';

/** By which a restored state is told of that came as a message: so much of its checksum. */
const SHOWN_DIGITS = 12;

export interface Ros2OperationsOptions {
  readonly robot: string;
  readonly host: ControllerHost;
  readonly orders: MotionOrders;
  /** Knows what fits; null where nothing is learned. Unlike the host's it is there with `--frozen` too. */
  readonly checks: Checkpointing | null;
  /** An operator's order was carried out: told in a sentence. */
  readonly tell: (text: string) => void;
  /** Something that telemetry shows has changed. */
  readonly changed: () => void;
}

export class Ros2Operations implements Operations {
  readonly #options: Ros2OperationsOptions;
  readonly #administration: HostAdministration;

  constructor(options: Ros2OperationsOptions) {
    const { robot, host, orders, tell, changed } = options;
    this.#options = options;
    this.#administration = new HostAdministration({
      robots: () => [robot],
      host: () => host,
      status: () => ({}),
      order: (_, order) => orders.obey(order),
      who: 'ROS',
      tell,
      changed,
    });
  }

  stop(): string {
    const { orders, tell, changed, robot } = this.#options;
    orders.stop();
    tell(`${robot}: told to stand (ROS)`);
    changed();
    return 'the robot stands until ~/enable goes from false to true, or the node is activated anew';
  }

  async save(): Promise<string> {
    const { file, updates } = await this.#administration.save(this.#options.robot);
    return `saved ${file}, after ${updates} updates`;
  }

  async reset(): Promise<string> {
    await this.#administration.reset(this.#options.robot);
    return 'untrained from here on';
  }

  freeze(on: boolean): string {
    this.#administration.freeze(this.#options.robot, on);
    return on ? 'nothing is learned or explored' : 'learns again';
  }

  async restore(data: Uint8Array, checksum: string): Promise<string> {
    const { host, checks } = this.#options;
    const { tenancy } = host;
    if (checks === null) {
      throw new Error(`the policy ${host.parameters.policy} learns nothing: there is nothing to restore`);
    }
    const name = `message ${checksum.slice(0, SHOWN_DIGITS)}`;
    const { learned, updates } = checks.decode(data, name);
    await host.restore(learned, updates, tenancy, name);
    this.#options.changed();
    return `restored what came as a message, after ${updates} updates`;
  }
}
