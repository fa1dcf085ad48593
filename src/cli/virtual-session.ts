/**
 * The controller and the simulator on one virtual clock, in one thread: for training and evaluation, as fast as the
 * machine can. The cycle is the one that the control thread runs.
 */

import {
  type EpisodeReport,
  type FaultSettings,
  Outcome,
  type RobotModel,
  type Scenario,
  Simulator,
  type SimulatorOptions,
} from '../../sim/index.js';
import { VirtualClock } from '../core/clock.js';
import { layoutSizesOf, periodNsOf } from '../loop/configuration.js';
import { ControlLoop, type ControlLoopOptions } from '../loop/control-loop.js';
import { CommandReader } from '../memory/command-reader.js';
import { ControlMemory, Order, planControlLayout } from '../memory/layout.js';
import type { ObservationSink } from '../memory/observation-sink.js';
import type { ParameterValues } from '../parameters/schema.js';
import { ValidatingSink } from '../sense/validating-sink.js';

export interface VirtualSessionOptions extends ControlLoopOptions {
  parameters: ParameterValues;
  scenario: Scenario;
  robot: RobotModel;
  seed: number;
  faults: FaultSettings;
  /** No learning, no exploration. */
  frozen: boolean;
}

export class VirtualSession {
  readonly loop: ControlLoop;
  readonly memory: ControlMemory;
  /** The way in; `observations.feedback` tells what a decision earned, before the next `advance`. */
  readonly observations: ObservationSink;
  readonly #simulatorOptions: SimulatorOptions;
  readonly #clock = new VirtualClock();
  readonly #periodNs: number;
  #simulator: Simulator;
  /** Simulated time of the simulators before this one [ns]. */
  #pastNs = 0;

  static async create(options: VirtualSessionOptions): Promise<VirtualSession> {
    const memory = new ControlMemory(planControlLayout(layoutSizesOf(options.parameters)));
    const simulatorOptions: SimulatorOptions = {
      scenario: options.scenario,
      robot: options.robot,
      seed: options.seed,
      faults: options.faults,
      sink: new ValidatingSink(memory),
      commands: new CommandReader(memory.command),
    };
    return new VirtualSession(options, memory, simulatorOptions, await Simulator.create(simulatorOptions));
  }

  private constructor(
    options: VirtualSessionOptions,
    memory: ControlMemory,
    simulatorOptions: SimulatorOptions,
    simulator: Simulator,
  ) {
    this.memory = memory;
    this.observations = simulatorOptions.sink;
    this.#simulatorOptions = simulatorOptions;
    this.#simulator = simulator;
    this.#periodNs = periodNsOf(options.parameters);
    this.loop = new ControlLoop(memory, options.parameters, this.#clock, options);
    Atomics.store(memory.orders, Order.armed, 1);
    Atomics.store(memory.orders, Order.freeze, options.frozen ? 1 : 0);
  }

  /** The simulator of the current episode; `renew` puts another in its place. */
  get simulator(): Simulator {
    return this.#simulator;
  }

  /** Simulated time since the session began [ns]. */
  get nowNs(): number {
    return this.#pastNs + this.#clock.timeNs;
  }

  /**
   * Begins time and the simulator's hash anew. An episode that follows depends on seed, number and learned state alone,
   * to the bit, and not on when the ones before it ended: where the cycle falls between the simulator's steps, and how
   * large times round, is the same in each. So a training that was interrupted between two episodes goes on as if it had
   * not been.
   */
  async renew(): Promise<void> {
    const simulator = await Simulator.create(this.#simulatorOptions);
    this.#simulator.close();
    this.#simulator = simulator;
    this.#pastNs += this.#clock.timeNs;
    this.#clock.timeNs = 0;
  }

  startEpisode(episode: number): void {
    this.#simulator.startEpisode(episode);
    // The schedule goes on; the world began a step ago.
    this.#clock.timeNs = Math.ceil(this.#simulator.nowNs / this.#periodNs) * this.#periodNs;
  }

  /** Runs so many cycles, fewer where the episode ends. @returns whether it goes on */
  advance(cycles: number): boolean {
    const { memory, loop } = this;
    const simulator = this.#simulator;
    const clock = this.#clock;
    for (let i = 0; i < cycles; i++) {
      simulator.advanceTo(clock.timeNs);
      Atomics.add(memory.orders, Order.heartbeat, 1);
      loop.run(clock.timeNs);
      // The cycle above saw how it ended, and learned from it.
      if (simulator.outcome !== Outcome.running) return false;
      clock.timeNs += this.#periodNs;
    }
    return true;
  }

  /** Drives one episode to its end in one go. */
  runEpisode(episode: number): EpisodeReport {
    this.startEpisode(episode);
    while (this.advance(Number.MAX_SAFE_INTEGER));
    return this.#simulator.report();
  }

  close(): void {
    this.#simulator.close();
  }
}
