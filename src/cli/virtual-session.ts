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
import type { ControlStatistics } from '../loop/statistics.js';
import { CommandReader } from '../memory/command-reader.js';
import { ControlMemory, Order, planControlLayout } from '../memory/layout.js';
import type { ObservationSink } from '../memory/observation-sink.js';
import type { ParameterValues } from '../parameters/schema.js';
import { type ReadingTap, ValidatingSink } from '../sense/validating-sink.js';
import type { RunClock, RunTaps } from './beside-run.js';

export interface VirtualSessionOptions extends ControlLoopOptions {
  parameters: ParameterValues;
  scenario: Scenario;
  robot: RobotModel;
  seed: number;
  faults: FaultSettings;
  /** No learning, no exploration. */
  frozen: boolean;
}

/** Cycles between two looks at what they decided; the rings of decisions and explanations hold more. */
const CYCLES_PER_DRAIN = 200;

export class VirtualSession implements RunTaps {
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
  readonly #startUnixNs = BigInt(Date.now()) * 1_000_000n;
  readonly #readingListeners: Set<ReadingTap>;
  readonly #decisionListeners = new Set<(record: Float64Array) => void>();
  readonly #explanationListeners = new Set<(record: Float64Array) => void>();
  readonly #record: Float64Array;
  readonly #explanation: Float64Array;
  #explaining = 0;

  static async create(options: VirtualSessionOptions): Promise<VirtualSession> {
    const memory = new ControlMemory(planControlLayout(layoutSizesOf(options.parameters)));
    const readingListeners = new Set<ReadingTap>();
    const simulatorOptions: SimulatorOptions = {
      scenario: options.scenario,
      robot: options.robot,
      seed: options.seed,
      faults: options.faults,
      sink: new ValidatingSink(memory, (input, doubles, beams) => {
        for (const listener of readingListeners) listener(input, doubles, beams);
      }),
      commands: new CommandReader(memory.command),
    };
    const simulator = await Simulator.create(simulatorOptions);
    return new VirtualSession(options, memory, simulatorOptions, simulator, readingListeners);
  }

  private constructor(
    options: VirtualSessionOptions,
    memory: ControlMemory,
    simulatorOptions: SimulatorOptions,
    simulator: Simulator,
    readingListeners: Set<ReadingTap>,
  ) {
    this.memory = memory;
    this.#readingListeners = readingListeners;
    this.#record = new Float64Array(memory.decisions.recordDoubles);
    this.#explanation = new Float64Array(memory.explanations.recordDoubles);
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

  get statistics(): ControlStatistics {
    return this.loop.statistics;
  }

  /** Simulated time, as readings and decisions of the episode under way are dated; goes on over episodes by the calendar. */
  get clock(): RunClock {
    return {
      nowNs: () => this.#clock.timeNs,
      unixNs: (clockNs) => this.#startUnixNs + BigInt(Math.round(this.#pastNs + clockNs)),
    };
  }

  onReading(listener: ReadingTap): () => void {
    this.#readingListeners.add(listener);
    return () => this.#readingListeners.delete(listener);
  }

  onDecision(listener: (record: Float64Array) => void): () => void {
    this.#decisionListeners.add(listener);
    return () => this.#decisionListeners.delete(listener);
  }

  onExplanation(listener: (record: Float64Array) => void): () => void {
    this.#explanationListeners.add(listener);
    return () => this.#explanationListeners.delete(listener);
  }

  /** Nothing is taken over on a virtual clock. */
  onRestore(): () => void {
    return () => undefined;
  }

  explain(on: boolean): void {
    this.#explaining = Math.max(0, this.#explaining + (on ? 1 : -1));
    Atomics.store(this.memory.orders, Order.explain, this.#explaining > 0 ? 1 : 0);
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

  /** Runs so many cycles, fewer where the episode ends, and tells of them. @returns whether it goes on */
  advance(cycles: number): boolean {
    for (let left = cycles; left > 0; left -= CYCLES_PER_DRAIN) {
      const running = this.#advance(Math.min(left, CYCLES_PER_DRAIN));
      this.#drain();
      if (!running) return false;
    }
    return true;
  }

  #advance(cycles: number): boolean {
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

  #drain(): void {
    const { decisions, explanations } = this.memory;
    // Who reads the ring by itself finds its records there.
    if (this.#decisionListeners.size > 0) {
      while (decisions.read(this.#record)) for (const listener of this.#decisionListeners) listener(this.#record);
    }
    while (explanations.read(this.#explanation)) {
      for (const listener of this.#explanationListeners) listener(this.#explanation);
    }
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
