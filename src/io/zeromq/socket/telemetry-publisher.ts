/**
 * Telemetry on its way to the watchers: what nobody subscribed to is not even encoded, and whoever subscribes is told the
 * newest state and checkpoint at once. Main thread.
 *
 * The publisher sends by a function and hears of subscriptions by a method: it knows no socket.
 */
import type { Topic } from '../protocol/protocol.js';
import {
  type CheckpointReport,
  encodeCheckpoint,
  encodeDecision,
  encodeState,
  type StateReport,
  topicName,
} from '../protocol/telemetry-messages.js';

/** What watchers may subscribe to at once, in all. More is a flood, and libzmq keeps a tree of all of it. */
export const MAX_SUBSCRIPTIONS = 10_000;
/** Robots that are remembered; the one that was quiet longest is forgotten first. */
const MAX_ROBOTS = 256;
/** What is published again for who comes later, is so at most so often [ms]: one who comes and goes must not flood all. */
const STATE_AGAIN_MS = 100;
const CHECKPOINT_AGAIN_MS = 1000;
const SUBSCRIBE = 1;
const UNSUBSCRIBE = 0;

/** One topic of one robot. */
interface Channel<Report> {
  /** `TOPIC/ROBOT` */
  readonly name: string;
  /** Of the next message. */
  q: number;
  /** Whether any subscription begins it, as of `version` of the subscriptions. */
  wanted: boolean;
  version: number;
  /** What was given last: published again for whoever comes later. Null for decisions, which pass. */
  newest: Report | null;
  /** Somebody has subscribed since. */
  again: boolean;
  /** When it was last published again [ms]. */
  againMs: number;
}

interface Channels {
  readonly decision: Channel<never>;
  readonly state: Channel<StateReport>;
  readonly checkpoint: Channel<CheckpointReport>;
}

export interface TelemetryCounts {
  /** Messages by topic. */
  readonly published: Record<Topic, number>;
  /** Bytes of their maps. */
  bytes: number;
  /** Messages that the socket would not take, while it was opened anew. */
  unsent: number;
  /** Times that all watchers were cut off, since they had subscribed to more than is allowed. */
  cutOff: number;
}

export interface TelemetryPublisherOptions {
  /** @returns whether it was taken */
  readonly send: (topic: string, bytes: Uint8Array) => boolean;
  /** Too much was subscribed to: the socket is to be opened anew, which forgets it all. */
  readonly onFlood: () => void;
}

export class TelemetryPublisher {
  readonly counts: TelemetryCounts = {
    published: { decision: 0, state: 0, checkpoint: 0 },
    bytes: 0,
    unsent: 0,
    cutOff: 0,
  };
  readonly #options: TelemetryPublisherOptions;
  readonly #subscriptions = new Set<string>();
  /** Rises with each change of the subscriptions. */
  #version = 1;
  readonly #robots = new Map<string, Channels>();

  constructor(options: TelemetryPublisherOptions) {
    this.#options = options;
  }

  /** Different subscriptions that are held. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Whether anybody would get it: of one robot, or of any that has been heard of or may come. @realtime unsafe */
  watched(topic: Topic, robot?: string): boolean {
    if (this.#subscriptions.size === 0) return false;
    if (robot !== undefined) return this.#wanted(this.#channels(robot)[topic]);
    const prefix = `${topic}/`;
    for (const subscription of this.#subscriptions) {
      if (prefix.startsWith(subscription) || subscription.startsWith(prefix)) return true;
    }
    return false;
  }

  /** @param record one row of the decision ring, read before the call returns. @realtime unsafe */
  decision(robot: string, record: Float64Array): void {
    if (this.#subscriptions.size === 0) return;
    const channel = this.#channels(robot).decision;
    if (!this.#wanted(channel)) return;
    this.#publish('decision', channel, encodeDecision(record, robot, channel.q));
  }

  /** @param state kept until the next; not to be changed. @realtime unsafe */
  state(robot: string, state: StateReport): void {
    const channel = this.#renewed(robot).state;
    channel.newest = state;
    this.#publishState(channel);
  }

  /** @param checkpoint kept until the next; not to be changed. @realtime unsafe */
  checkpoint(robot: string, checkpoint: CheckpointReport): void {
    const channel = this.#renewed(robot).checkpoint;
    channel.newest = checkpoint;
    this.#publishCheckpoint(channel);
  }

  /** The robot has gone: its checkpoint, the largest thing that is kept here, is kept no longer. */
  forget(robot: string): void {
    const channels = this.#robots.get(robot);
    if (channels !== undefined) channels.checkpoint.newest = null;
  }

  /** What the socket received: subscriptions, and whatever else a peer may send, which is ignored. @realtime unsafe */
  receive(frames: readonly Uint8Array[]): void {
    const frame = frames[0];
    if (frames.length !== 1 || frame.length === 0) return;
    const prefix = Buffer.from(frame.buffer, frame.byteOffset + 1, frame.byteLength - 1).toString('latin1');
    if (frame[0] === UNSUBSCRIBE) {
      if (this.#subscriptions.delete(prefix)) this.#version++;
      return;
    }
    if (frame[0] !== SUBSCRIBE) return;
    if (!this.#subscriptions.has(prefix)) {
      if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
        this.counts.cutOff++;
        this.forgetSubscriptions();
        this.#options.onFlood();
        return;
      }
      this.#subscriptions.add(prefix);
      this.#version++;
    }
    for (const channels of this.#robots.values()) {
      if (channels.state.name.startsWith(prefix)) channels.state.again = true;
      if (channels.checkpoint.name.startsWith(prefix)) channels.checkpoint.again = true;
    }
  }

  /** The socket was opened anew: watchers subscribe again by themselves. */
  forgetSubscriptions(): void {
    this.#subscriptions.clear();
    this.#version++;
  }

  /**
   * Publishes again what somebody has subscribed to since, so that many who come at once cost one message.
   *
   * @param nowMs any monotonic clock
   */
  tick(nowMs: number): void {
    for (const { state, checkpoint } of this.#robots.values()) {
      if (isDue(state, nowMs, STATE_AGAIN_MS)) this.#publishState(state);
      if (isDue(checkpoint, nowMs, CHECKPOINT_AGAIN_MS)) this.#publishCheckpoint(checkpoint);
    }
  }

  #publishState(channel: Channel<StateReport>): void {
    channel.again = false;
    if (channel.newest === null || !this.#wanted(channel)) return;
    this.#publish('state', channel, encodeState(channel.newest, channel.q));
  }

  #publishCheckpoint(channel: Channel<CheckpointReport>): void {
    channel.again = false;
    if (channel.newest === null || !this.#wanted(channel)) return;
    this.#publish('checkpoint', channel, encodeCheckpoint(channel.newest, channel.q));
  }

  #publish(topic: Topic, channel: Channel<unknown>, bytes: Uint8Array): void {
    channel.q++;
    if (!this.#options.send(channel.name, bytes)) {
      this.counts.unsent++;
      return;
    }
    this.counts.published[topic]++;
    this.counts.bytes += bytes.byteLength;
  }

  #wanted(channel: Channel<unknown>): boolean {
    if (channel.version !== this.#version) {
      channel.version = this.#version;
      channel.wanted = false;
      for (const subscription of this.#subscriptions) {
        if (!channel.name.startsWith(subscription)) continue;
        channel.wanted = true;
        break;
      }
    }
    return channel.wanted;
  }

  /** A robot that something is told of: the last to be forgotten. */
  #renewed(robot: string): Channels {
    const channels = this.#channels(robot);
    this.#robots.delete(robot);
    this.#robots.set(robot, channels);
    return channels;
  }

  #channels(robot: string): Channels {
    const known = this.#robots.get(robot);
    if (known !== undefined) return known;
    if (this.#robots.size >= MAX_ROBOTS) {
      for (const quietest of this.#robots.keys()) {
        this.#robots.delete(quietest);
        break;
      }
    }
    const channels = {
      decision: newChannel<never>('decision', robot),
      state: newChannel<StateReport>('state', robot),
      checkpoint: newChannel<CheckpointReport>('checkpoint', robot),
    };
    this.#robots.set(robot, channels);
    return channels;
  }
}

function isDue(channel: Channel<unknown>, nowMs: number, periodMs: number): boolean {
  if (!channel.again || nowMs - channel.againMs < periodMs) return false;
  channel.againMs = nowMs;
  return true;
}

function newChannel<Report>(topic: Topic, robot: string): Channel<Report> {
  return {
    ...{ name: topicName(topic, robot), q: 0, wanted: false, version: 0, newest: null },
    ...{ again: false, againMs: Number.NEGATIVE_INFINITY },
  };
}
