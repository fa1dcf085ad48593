/**
 * A scope whose publishers keep what they are given, and whose subscriptions and services are called by the test: for what
 * outputs do with time and with the graph. What a ROS 2 makes of it is in test/ros.
 */
import type { EntityScope } from '../../src/io/ros2/entity-scope.js';
import type { RclEndpoint } from '../../src/io/ros2/rcl.js';

type Service = (request: unknown) => Promise<{ success: boolean; message: string }>;

export class RecordingScope {
  /** By resolved topic, a copy of each message. */
  readonly published = new Map<string, Buffer[]>();
  readonly types = new Map<string, string>();
  readonly qualities = new Map<string, string>();
  readonly services = new Map<string, Service>();
  readonly subscriptions = new Map<string, (bytes: Buffer) => void>();
  /** By resolved topic. */
  readonly subscribers = new Map<string, RclEndpoint[]>();
  /** Thrown by the next publishers that are made, and by each publication. */
  unmade: Error | null = null;
  unsent: Error | null = null;
  looks = 0;
  closed = false;
  /** How many publish it, by resolved topic. */
  readonly publishers = new Map<string, number>();

  readonly node = {
    getFullyQualifiedName: () => '/fleet/rfsn_controller',
    countSubscribers: (topic: string) => {
      this.looks++;
      return this.subscribers.get(topic)?.length ?? 0;
    },
    countPublishers: (topic: string) => this.publishers.get(topic) ?? 0,
    getSubscriptionsInfoByTopic: (topic: string) => this.subscribers.get(topic) ?? [],
  };

  get scope(): EntityScope {
    return this as unknown as EntityScope;
  }

  publisher(type: string, topic: string, quality: string): { topic: string; publish(message: Buffer): void } {
    if (this.unmade !== null) throw this.unmade;
    const resolved = resolve(topic);
    this.types.set(resolved, type);
    this.qualities.set(resolved, quality);
    const messages: Buffer[] = [];
    this.published.set(resolved, messages);
    return {
      topic: resolved,
      publish: (message) => {
        if (this.unsent !== null) throw this.unsent;
        if (!Buffer.isBuffer(message)) throw new TypeError('rclnodejs takes bytes as a Buffer and nothing else');
        messages.push(Buffer.from(message));
      },
    };
  }

  raw(_type: string, topic: string, _quality: string, callback: (bytes: Buffer) => void): void {
    this.subscriptions.set(resolve(topic), callback);
  }

  service(
    _type: string,
    name: string,
    callback: (request: unknown) => unknown,
    refused: (reason: string) => { success: boolean; message: string },
  ): void {
    this.services.set(resolve(name), async (request) => {
      try {
        return (await callback(request)) as { success: boolean; message: string };
      } catch (error) {
        return refused((error as Error).message);
      }
    });
  }

  subscribe(topic: string, type: string, name = 'base', namespace = '/'): void {
    const endpoints = this.subscribers.get(topic) ?? [];
    endpoints.push({ node_name: name, node_namespace: namespace, topic_type: type });
    this.subscribers.set(topic, endpoints);
  }
}

function resolve(topic: string): string {
  if (topic.startsWith('/')) return topic;
  return `/fleet/${topic.replace('~', 'rfsn_controller')}`;
}

/** ROS time is the controller's, and stands. */
export const STANDING_STAMPS = {
  nowNs: 5_000_000_250,
  rosNowInto(out: Int32Array): void {
    this.rosTimeInto(this.nowNs, out);
  },
  rosTimeInto(controllerNs: number, out: Int32Array): void {
    out[0] = Math.floor(controllerNs / 1e9);
    out[1] = controllerNs % 1e9;
  },
};
