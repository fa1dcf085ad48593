/**
 * A ROS 2 robot as a port: what it senses comes in by topics, commands go out by `cmd_vel`.
 *
 * Main thread.
 */
import type { ParameterValues } from '../../parameters/schema.js';
import type { CommandSource, ObservationSink, Port, PortHealth } from '../port.js';
import type { EntityScope } from './entity-scope.js';
import { GraphWatch } from './graph-watch.js';
import type { InputFigures } from './input-figures.js';
import { RobotInputs, type RobotInputsView } from './inputs.js';
import { MotionOutput } from './motion-output.js';
import type { ReadingTime, StampSource } from './ros-time.js';

/** A port whose robot has been silent for so long is not well [s]; whether it may drive is the cycle's to judge. */
const SILENT_S = 2;

export interface Ros2PortOptions {
  /** Of the port's own: `stop` closes it. */
  readonly scope: EntityScope;
  readonly parameters: ParameterValues;
  readonly time: ReadingTime;
  readonly stamps: StampSource;
  /** Calls `listener` as soon as there is a new command: `Controller.onCommand`. @returns ends the calls */
  readonly onCommand: (listener: () => void) => () => void;
  /** Whether commands flow from the start on. Default true; a managed node's wait for `drive(true)`. */
  readonly driving?: boolean;
  /** Told, in a sentence, what a person should know. */
  readonly notice: (text: string) => void;
}

export class Ros2Port implements Port {
  readonly name = 'ros2';
  readonly #options: Ros2PortOptions;
  readonly #enableListeners: ((enabled: boolean) => void)[] = [];
  #inputs: RobotInputs | null = null;
  #motion: MotionOutput | null = null;
  #watch: GraphWatch | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: Ros2PortOptions) {
    this.#options = options;
  }

  /** Null before `start`. */
  get inputs(): RobotInputsView | null {
    return this.#inputs;
  }

  /** Null before `start`. */
  get motion(): MotionOutput | null {
    return this.#motion;
  }

  /** Called with each message on `~/enable`, also when it says the same again. Before `start`. */
  onEnable(listener: (enabled: boolean) => void): void {
    this.#enableListeners.push(listener);
  }

  /**
   * Subscribes and advertises.
   *
   * @throws ParameterError that names the package, where the messages of `contact_type` are not installed; what was made
   *   by then is let go of with `stop`
   */
  async start(sink: ObservationSink, commands: CommandSource): Promise<void> {
    const { scope, parameters, time, stamps, onCommand, notice, driving = true } = this.#options;
    this.#motion = new MotionOutput({ scope, parameters, commands, onCommand, stamps, notice });
    this.#inputs = new RobotInputs({
      ...{ scope, parameters, sink, time, notice },
      onEnable: (enabled) => {
        for (const listener of this.#enableListeners) listener(enabled);
      },
    });
    const { figures } = this.#inputs;
    this.#watch = new GraphWatch({ scope, parameters, figures, command: this.#motion.topic, time, notice });
    if (driving) this.#motion.start();
  }

  /**
   * Whether commands flow. Turned off, zero velocity goes out before this returns, and a few times more before what it
   * returns is fulfilled; then nothing.
   */
  async drive(on: boolean): Promise<void> {
    if (on && this.#stopping === null) this.#motion?.start();
    else await this.#motion?.stop();
  }

  /** The robot is sent nowhere until a new goal or plan comes. */
  cancelGoal(): void {
    this.#inputs?.cancelGoal();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  health(): PortHealth {
    if (this.#stopping !== null) return { ok: false, detail: 'the ROS 2 port is stopped' };
    if (this.#inputs === null) return { ok: false, detail: 'the ROS 2 port has not been started' };
    const { odometry, scan } = this.#inputs.figures;
    const nowNs = this.#options.time.nowNs();
    const ok = odometry.age(nowNs) < SILENT_S && scan.age(nowNs) < SILENT_S;
    return { ok, detail: `${heard(odometry, nowNs)}, ${heard(scan, nowNs)}` };
  }

  async #end(): Promise<void> {
    this.#watch?.close();
    this.#inputs?.close();
    await this.#motion?.stop();
    this.#motion?.close();
    this.#options.scope.close();
  }
}

/** What a person is told of an input in a few words. */
function heard(figures: InputFigures, nowNs: number): string {
  const { name, topics, received, accepted, refused, complaint } = figures;
  if (received === 0) return `no ${name} on ${topics.join(', ')}`;
  if (accepted === 0) return `${refused} of ${name} refused (${complaint})`;
  return `${name} at ${figures.rate(nowNs).toFixed(1)} Hz, ${figures.age(nowNs).toFixed(2)} s old`;
}
