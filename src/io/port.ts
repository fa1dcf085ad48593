/**
 * What joins the controller to a robot. A port lives on the main thread: it hands what it senses to the sink, takes
 * commands from the source, and knows nothing of the cycle. ROS 2, ZeroMQ, the simulator and replay are ports.
 */

import type { CommandSource, ObservationSink } from '../memory/observation-sink.js';

export type {
  CommandSource,
  MotionCommand,
  ObservationSink,
  RangeScan,
  RejectionCode,
} from '../memory/observation-sink.js';
export { Rejection } from '../memory/observation-sink.js';

export interface PortHealth {
  ok: boolean;
  /** One sentence for a person. */
  detail: string;
}

/** A link to a robot. `start` and `stop` are called once each, on the main thread. */
export interface Port {
  readonly name: string;
  start(sink: ObservationSink, commands: CommandSource): Promise<void>;
  /** Sends zero velocity, then lets go of everything. */
  stop(): Promise<void>;
  health(): PortHealth;
}
