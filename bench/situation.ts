/**
 * A recorded situation: what the simulated Jackal's sensors said in each cycle of some episodes of `clutter`, driven by
 * the cycle that is measured. Played back into the slots, it lets the cycle be timed without the simulator.
 *
 * The readings go through the validating sink into one memory, are copied from its slots, and are played from the copy
 * into the cycle's own memory; so the recording drive and every later one see the same bits, and decide alike.
 */
import { defaultFaults, jackal, noFaults, Outcome, type RobotModel, Simulator, scenarioOf } from '../sim/index.js';
import type { Clock } from '../src/core/clock.js';
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
  readonly reading = new BigInt64Array(1);

  nowNs(): number {
    this.reading[0] = process.hrtime.bigint();
    return this.timeNs;
  }
}

/** One slot's payloads by cycle, as another thread can take them over. */
interface TrackData {
  has: Uint8Array;
  doubles: Float64Array;
  singles: Float32Array;
}

/** One slot's payloads by cycle. */
class Track {
  readonly data: TrackData;
  readonly doubles: Float64Array[] = [];
  readonly singles: Float32Array[] = [];
  readonly #has: Uint8Array;
  readonly #doubleCount: number;
  readonly #singleCount: number;

  constructor(cycles: number, doubleCount: number, singleCount = 0, data?: TrackData) {
    this.data = data ?? {
      has: new Uint8Array(new SharedArrayBuffer(cycles)),
      doubles: new Float64Array(new SharedArrayBuffer(cycles * doubleCount * 8)),
      singles: new Float32Array(new SharedArrayBuffer(cycles * singleCount * 4)),
    };
    this.#has = this.data.has;
    this.#doubleCount = doubleCount;
    this.#singleCount = singleCount;
    const { doubles, singles } = this.data;
    for (let i = 0; i < cycles; i++) {
      this.doubles.push(doubles.subarray(i * doubleCount, (i + 1) * doubleCount));
      this.singles.push(singles.subarray(i * singleCount, (i + 1) * singleCount));
    }
  }

  has(cycle: number): boolean {
    return this.#has[cycle] !== 0;
  }

  record(cycle: number, slot: LatestValueSlot): void {
    this.#has[cycle] = 0;
    if (!slot.take()) return;
    this.#has[cycle] = 1;
    this.doubles[cycle].set(slot.doubles[slot.readIndex].subarray(0, this.#doubleCount));
    if (this.#singleCount > 0) this.singles[cycle].set(slot.singles[slot.readIndex].subarray(0, this.#singleCount));
  }

  /** Writes the payload into the slot, `shiftNs[0]` later, without publishing it. @returns where */
  write(cycle: number, slot: LatestValueSlot, shiftNs: Float64Array): Float64Array {
    const out = slot.doubles[slot.writeIndex];
    out.set(this.doubles[cycle]);
    out[STAMP] += shiftNs[0];
    out[RECEIVED] += shiftNs[0];
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
  /** Episodes driven and learned from before the recording begins. */
  practice?: number;
  /** In which the controller differs from its defaults. */
  parameters?: Partial<ParameterValues>;
}

/** A situation as plain data over shared memory, for another thread. */
export interface SituationData {
  cycles: number;
  parameters: ParameterValues;
  startNs: Float64Array;
  lengthNs: number;
  goals: number;
  frames: number;
  odometry: TrackData;
  ranges: TrackData;
  contacts: TrackData;
  goal: TrackData;
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
  /** How much later than recorded readings are published [ns]; in an array, since a number passed on is allocated. */
  readonly #shiftNs = new Float64Array(1);
  #lengthNs = 0;
  #goals = 0;
  #frames = 0;

  /** Drives with learning on, from an untrained policy and some practice, until enough cycles are recorded. */
  static async record(options: SituationOptions): Promise<Situation> {
    const parameters = { ...defaultParameters(), ...options.parameters, random_seed: options.seed };
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
    const practice = options.practice ?? 0;
    let timeNs = 0;
    let cycle = 0;
    for (let episode = 0; cycle < options.cycles; episode++) {
      simulator.startEpisode(episode);
      timeNs = Math.ceil(simulator.nowNs / situation.periodNs) * situation.periodNs;
      for (; cycle < options.cycles; timeNs += situation.periodNs) {
        simulator.advanceTo(timeNs);
        // What is driven for practice is recorded over.
        const at = episode < practice ? 0 : cycle++;
        situation.#record(at, timeNs, sensed);
        situation.play(drive.memory, at, 0, drive.clock);
        drive.run();
        if (simulator.outcome !== Outcome.running) break;
      }
    }
    simulator.close();
    situation.#lengthNs = timeNs + situation.periodNs;
    return situation;
  }

  /** The same situation in another thread. */
  static from(data: SituationData): Situation {
    const situation = new Situation(data.cycles, data.parameters, data);
    situation.#lengthNs = data.lengthNs;
    situation.#goals = data.goals;
    situation.#frames = data.frames;
    return situation;
  }

  private constructor(cycles: number, parameters: ParameterValues, data?: SituationData) {
    this.cycles = cycles;
    this.parameters = parameters;
    this.periodNs = 1e9 / parameters.controller_frequency;
    this.#startNs = data?.startNs ?? new Float64Array(new SharedArrayBuffer(cycles * 8));
    this.#odometry = new Track(cycles, ODOMETRY_DOUBLES, 0, data?.odometry);
    this.#ranges = new Track(cycles, RANGES_DOUBLES, jackal.laser.beams, data?.ranges);
    this.#contacts = new Track(cycles, CONTACTS_DOUBLES, 0, data?.contacts);
    this.#goal = new Track(cycles, GOAL_DOUBLES, 0, data?.goal);
  }

  get data(): SituationData {
    return {
      cycles: this.cycles,
      parameters: this.parameters,
      startNs: this.#startNs,
      lengthNs: this.#lengthNs,
      goals: this.#goals,
      frames: this.#frames,
      odometry: this.#odometry.data,
      ranges: this.#ranges.data,
      contacts: this.#contacts.data,
      goal: this.#goal.data,
    };
  }

  /** A cycle of its own, at the situation's beginning. @param memory zero-filled; its own where absent */
  drive(memory?: ControlMemory): Drive {
    return new Drive(this, memory);
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
   * Publishes a cycle's readings. Allocates nothing.
   *
   * @param pass how often the situation was played before: time goes on
   * @param clock is set to when the cycle is due
   */
  play(memory: ControlMemory, cycle: number, pass: number, clock: ScriptedClock): void {
    this.#shiftNs[0] = pass * this.#lengthNs;
    this.#publish(memory, cycle, pass);
    clock.timeNs = this.#startNs[cycle] + this.#shiftNs[0];
  }

  /** The same for a cycle that runs by the machine's clock: the readings are stamped `nowNs`. */
  playNow(memory: ControlMemory, cycle: number, pass: number, nowNs: number): void {
    this.#shiftNs[0] = nowNs - this.#startNs[cycle];
    this.#publish(memory, cycle, pass);
  }

  #publish(memory: ControlMemory, cycle: number, pass: number): void {
    const shiftNs = this.#shiftNs;
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
  }
}

/** The cycle that lives through a situation. */
export class Drive {
  readonly memory: ControlMemory;
  readonly loop: ControlLoop;
  readonly clock = new ScriptedClock();
  readonly #situation: Situation;
  #pass = 0;

  constructor(situation: Situation, memory?: ControlMemory) {
    this.#situation = situation;
    this.memory = memory ?? this.newMemory();
    this.loop = new ControlLoop(this.memory, situation.parameters, this.clock);
    Atomics.store(this.memory.orders, Order.armed, 1);
  }

  newMemory(): ControlMemory {
    return new ControlMemory(planControlLayout(layoutSizesOf(this.#situation.parameters)));
  }

  /** Publishes a cycle's readings and sets the clock; after the last cycle comes the first, at a later time. */
  play(cycle: number): void {
    if (cycle === 0 && this.clock.timeNs > 0) this.#pass++;
    this.#situation.play(this.memory, cycle, this.#pass, this.clock);
  }

  /** Runs the cycle that is due. */
  run(): void {
    this.loop.run(this.clock.timeNs);
  }
}
