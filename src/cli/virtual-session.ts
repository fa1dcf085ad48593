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
} from '../../sim/index.js';
import { VirtualClock } from '../core/clock.js';
import { layoutSizesOf } from '../loop/configuration.js';
import { ControlLoop, type ControlLoopOptions } from '../loop/control-loop.js';
import { CommandReader } from '../memory/command-reader.js';
import { ControlMemory, Order, planControlLayout } from '../memory/layout.js';
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
  readonly simulator: Simulator;
  readonly #clock = new VirtualClock();
  readonly #periodNs: number;

  static async create(options: VirtualSessionOptions): Promise<VirtualSession> {
    const memory = new ControlMemory(planControlLayout(layoutSizesOf(options.parameters)));
    const simulator = await Simulator.create({
      scenario: options.scenario,
      robot: options.robot,
      seed: options.seed,
      faults: options.faults,
      sink: new ValidatingSink(memory),
      commands: new CommandReader(memory.command),
    });
    return new VirtualSession(options, memory, simulator);
  }

  private constructor(options: VirtualSessionOptions, memory: ControlMemory, simulator: Simulator) {
    this.memory = memory;
    this.simulator = simulator;
    this.#periodNs = 1e9 / options.parameters.controller_frequency;
    this.loop = new ControlLoop(memory, options.parameters, this.#clock, options);
    Atomics.store(memory.orders, Order.armed, 1);
    Atomics.store(memory.orders, Order.freeze, options.frozen ? 1 : 0);
  }

  /** Simulated time since the session began [ns]. */
  get nowNs(): number {
    return this.#clock.timeNs;
  }

  /** Drives one episode to its end. */
  runEpisode(episode: number): EpisodeReport {
    const { simulator, memory, loop } = this;
    const clock = this.#clock;
    simulator.startEpisode(episode);
    // The schedule goes on; the world began a step ago.
    clock.timeNs = Math.ceil(simulator.nowNs / this.#periodNs) * this.#periodNs;
    for (;;) {
      simulator.advanceTo(clock.timeNs);
      Atomics.add(memory.orders, Order.heartbeat, 1);
      loop.run(clock.timeNs);
      // One cycle more sees how it ended, and learns from it.
      if (simulator.outcome !== Outcome.running) break;
      clock.timeNs += this.#periodNs;
    }
    return simulator.report();
  }

  close(): void {
    this.simulator.close();
  }
}
