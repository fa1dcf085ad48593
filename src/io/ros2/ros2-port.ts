/**
 * A ROS 2 robot as a port: sensors come in by topics, commands go out by `cmd_vel`.
 *
 * Main thread.
 */
import type { Clock } from '../../core/clock.js';
import type { ParameterValues } from '../../parameters/schema.js';
import type { CommandSource, MotionCommand, ObservationSink, Port } from '../port.js';
import type { EntityScope } from './entity-scope.js';
import type { RobotInputsView } from './inputs.js';
import type { ReadingTime, StampSource } from './ros-time.js';

export interface Ros2PortOptions {
  /** Of the port's own: `stop` closes it. */
  readonly scope: EntityScope;
  readonly parameters: ParameterValues;
  readonly time: ReadingTime;
  readonly stamps: StampSource;
  /** The controller's. */
  readonly clock: Clock;
  /** Whether commands flow from the start on. Default true; a managed node's wait for `drive(true)`. */
  readonly driving?: boolean;
  /** Told of each new command as it goes out; the object is valid during the call. */
  readonly onCommand?: (command: MotionCommand) => void;
  /** Told, in a sentence, what a person should know. */
  readonly notice: (text: string) => void;
}

/** What `Ros2Port` is to the session and to telemetry. */
export interface Ros2PortApi extends Port {
  readonly name: 'ros2';
  /**
   * Subscribes and advertises.
   *
   * @throws Error that names the package, where the messages of `contact_type` are not installed
   */
  start(sink: ObservationSink, commands: CommandSource): Promise<void>;
  /** Whether commands flow; turned off: zero once, then silence. */
  drive(on: boolean): void;
  /** Null before `start`. */
  readonly inputs: RobotInputsView | null;
  /** The robot is sent nowhere until a new goal or plan comes. */
  cancelGoal(): void;
  /** Called with each message on `~/enable`, also when it says the same again. Before `start`. */
  onEnable(listener: (enabled: boolean) => void): void;
}
