/**
 * A recorded situation: what the simulated Jackal's sensors said in each cycle of some episodes of `clutter`, driven by
 * the cycle that is measured. Played back into the slots, it lets the cycle be timed without the simulator.
 *
 * The readings go through the validating sink into one memory, are copied from its slots, and are played from the copy
 * into the cycle's own memory; so the recording drive and every later one see the same bits, and decide alike.
 */
import { defaultFaults, jackal, noFaults, Outcome, type RobotModel, Simulator, scenarioOf } from '../sim/index.js';
import { type Clock, MonotonicClock } from '../src/core/clock.js';
import { layoutSizesOf } from '../src/loop/configuration.js';
import { ControlLoop } from '../src/loop/control-loop.js';
import { CommandReader } from '../src/memory/command-reader.js';
import type { LatestValueSlot } from '../src/memory/latest-value-slot.js';
import {
  CONTACTS_DOUBLES,
  ControlMemory,
  GOAL_DOUBLES,
  GoalField,
  ODOMETRY_DOUBLES,
  OdometryField,
  Order,
  planControlLayout,
  RANGES_DOUBLES,
} from '../src/memory/layout.js';
import { defaultParameters, type ParameterValues } from '../src/parameters/schema.js';
import { ValidatingSink } from '../src/sense/validating-sink.js';

// Every slot's payload begins with the stamp and the arrival.
const STAMP = 0;
const RECEIVED = 1;

/** Says the time it is told to, and reads the machine's clock all the same: that is part of a cycle's cost. */
export class ScriptedClock implements Clock {
  /** [ns] */
  timeNs = 0;
  /** Keeps the reading, so that it cannot be left out. */
  readingNs = 0;
  readonly #machine = new MonotonicClock();

  nowNs(): number {
    this.readingNs = this.#machine.nowNs();
    return this.timeNs;
  }
}

/** One slot's payloads by cycle. */
class Track {
  readonly doubles: Float64Array[] = [];
  readonly singles: Float32Array[] = [];
  readonly #has: Uint8Array;
  readonly #doubleCount: number;
  readonly #singleCount: number;

  constructor(cycles: number, doubleCount: number, singleCount = 0) {
    this.#has = new Uint8Array(cycles);
    this.#doubleCount = doubleCount;
    this.#singleCount = singleCount;
    const doubles = new Float64Array(cycles * doubleCount);
    const singles = new Float32Array(cycles * singleCount);
    for (let i = 0; i < cycles; i++) {
      this.doubles.push(doubles.subarray(i * doubleCount, (i + 1) * doubleCount));
      this.singles.push(singles.subarray(i * singleCount, (i + 1) * singleCount));
    }
  }

  has(cycle: number): boolean {
    return this.#has[cycle] !== 0;
  }

  record(cycle: number, slot: LatestValueSlot): void {
    if (!slot.take()) return;
    this.#has[cycle] = 1;
    this.doubles[cycle].set(slot.doubles[slot.readIndex].subarray(0, this.#doubleCount));
    if (this.#singleCount > 0) this.singles[cycle].set(slot.singles[slot.readIndex].subarray(0, this.#singleCount));
  }

  /** Writes the payload into the slot, without publishing it. @returns where */
  write(cycle: number, slot: LatestValueSlot, shiftNs: number): Float64Array {
    const out = slot.doubles[slot.writeIndex];
    out.set(this.doubles[cycle]);
    out[STAMP] += shiftNs;
    out[RECEIVED] += shiftNs;
    if (this.#singleCount > 0) slot.singles[slot.writeIndex].set(this.singles[cycle]);
    return out;
  }
}

export interface SituationOptions {
  cycles: number;
  seed: number;
  /** [Hz] */
  scanRateHz?: number;
  scenario?: string;
}

export class Situation {
  readonly cycles: number;
  readonly parameters: ParameterValues;
  readonly periodNs: number;
  readonly #startNs: Float64Array;
  readonly #odometry: Track;
  readonly #ranges: Track;
  readonly #contacts: Track;
  readonly #goal: Track;
  #lengthNs = 0;
  #goals = 0;
  #frames = 0;

  /** Drives with learning on, from an untrained policy, until enough cycles are recorded. */
  static async record(options: SituationOptions): Promise<Situation> {
    const parameters = defaultParameters();
    parameters.random_seed = options.seed;
    const situation = new Situation(options.cycles, parameters);
    const robot: RobotModel = {
      ...jackal,
      laser: { ...jackal.laser, rateHz: options.scanRateHz ?? jackal.laser.rateHz },
    };
    const drive = situation.drive();
    const sensed = drive.newMemory();
    const simulator = await Simulator.create({
      scenario: scenarioOf(options.scenario ?? 'clutter'),
      robot,
      seed: options.seed,
      // Noise and dropouts as a laser has them; no latency or loss, which would leave cycles without a scan.
      faults: { ...noFaults, laserNoise: defaultFaults.laserNoise, laserDropout: defaultFaults.laserDropout },
      sink: new ValidatingSink(sensed),
      commands: new CommandReader(drive.memory.command),
    });
    let timeNs = 0;
    let cycle = 0;
    for (let episode = 0; cycle < options.cycles; episode++) {
      simulator.startEpisode(episode);
      timeNs = Math.ceil(simulator.nowNs / situation.periodNs) * situation.periodNs;
      for (; cycle < options.cycles; timeNs += situation.periodNs) {
        simulator.advanceTo(timeNs);
        situation.#record(cycle, timeNs, sensed);
        drive.play(cycle);
        drive.run();
        cycle++;
        if (simulator.outcome !== Outcome.running) break;
      }
    }
    simulator.close();
    situation.#lengthNs = timeNs + situation.periodNs;
    return situation;
  }

  private constructor(cycles: number, parameters: ParameterValues) {
    this.cycles = cycles;
    this.parameters = parameters;
    this.periodNs = 1e9 / parameters.controller_frequency;
    this.#startNs = new Float64Array(cycles);
    this.#odometry = new Track(cycles, ODOMETRY_DOUBLES);
    this.#ranges = new Track(cycles, RANGES_DOUBLES, jackal.laser.beams);
    this.#contacts = new Track(cycles, CONTACTS_DOUBLES);
    this.#goal = new Track(cycles, GOAL_DOUBLES);
  }

  /** A cycle of its own, at the situation's beginning. */
  drive(memory?: ControlMemory, loop?: (memory: ControlMemory, clock: ScriptedClock) => ControlLoop): Drive {
    return new Drive(this, memory, loop);
  }

  /** Whether a scan lands in this cycle. */
  hasScan(cycle: number): boolean {
    return this.#ranges.has(cycle);
  }

  /** The beams of a cycle with a scan [m]. */
  beams(cycle: number): Float32Array {
    return this.#ranges.singles[cycle];
  }

  #record(cycle: number, timeNs: number, sensed: ControlMemory): void {
    this.#startNs[cycle] = timeNs;
    this.#odometry.record(cycle, sensed.odometry);
    this.#ranges.record(cycle, sensed.ranges);
    this.#contacts.record(cycle, sensed.contacts);
    this.#goal.record(cycle, sensed.goal);
    if (this.#odometry.has(cycle)) {
      this.#frames = Math.max(this.#frames, this.#odometry.doubles[cycle][OdometryField.frame]);
    }
    if (this.#goal.has(cycle)) this.#goals = Math.max(this.#goals, this.#goal.doubles[cycle][GoalField.count]);
  }

  /**
   * Publishes a cycle's readings. @param pass how often the situation was played before: time goes on. Allocates
   * nothing. @returns when the cycle is due [ns]
   */
  play(memory: ControlMemory, cycle: number, pass: number): number {
    const shiftNs = pass * this.#lengthNs;
    if (this.#odometry.has(cycle)) {
      const d = this.#odometry.write(cycle, memory.odometry, shiftNs);
      d[OdometryField.frame] += pass * this.#frames;
      memory.odometry.publish();
    }
    if (this.#ranges.has(cycle)) {
      this.#ranges.write(cycle, memory.ranges, shiftNs);
      memory.ranges.publish();
    }
    if (this.#contacts.has(cycle)) {
      this.#contacts.write(cycle, memory.contacts, shiftNs);
      memory.contacts.publish();
    }
    if (this.#goal.has(cycle)) {
      const d = this.#goal.write(cycle, memory.goal, shiftNs);
      d[GoalField.count] += pass * this.#goals;
      memory.goal.publish();
    }
    Atomics.add(memory.orders, Order.heartbeat, 1);
    return this.#startNs[cycle] + shiftNs;
  }
}

/** The cycle that lives through a situation. */
export class Drive {
  readonly memory: ControlMemory;
  readonly loop: ControlLoop;
  readonly clock = new ScriptedClock();
  readonly #situation: Situation;
  #pass = 0;

  constructor(
    situation: Situation,
    memory?: ControlMemory,
    loop?: (memory: ControlMemory, clock: ScriptedClock) => ControlLoop,
  ) {
    this.#situation = situation;
    this.memory = memory ?? this.newMemory();
    this.loop = loop?.(this.memory, this.clock) ?? new ControlLoop(this.memory, situation.parameters, this.clock);
    Atomics.store(this.memory.orders, Order.armed, 1);
  }

  newMemory(): ControlMemory {
    return new ControlMemory(planControlLayout(layoutSizesOf(this.#situation.parameters)));
  }

  /** Publishes a cycle's readings and sets the clock; after the last cycle comes the first, at a later time. */
  play(cycle: number): void {
    if (cycle === 0 && this.clock.timeNs > 0) this.#pass++;
    this.clock.timeNs = this.#situation.play(this.memory, cycle, this.#pass);
  }

  /** Runs the cycle that is due. */
  run(): void {
    this.loop.run(this.clock.timeNs);
  }
}
