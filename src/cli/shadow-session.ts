/**
 * The controller in the shadow of a recorded robot: the cycle runs on the log's clock, sees what the robot saw, and what
 * it decides is set beside what the robot did. Nothing moves, and nothing is learned: an action that nobody carried out
 * earned nothing, as one that safety overrode did not.
 */
import { VirtualClock } from '../core/clock.js';
import { FEATURES } from '../features/extraction.js';
import type { ReplayPort } from '../io/replay/replay-port.js';
import { layoutSizesOf, periodNsOf } from '../loop/configuration.js';
import { ControlLoop, type ControlLoopOptions } from '../loop/control-loop.js';
import { Counter } from '../loop/statistics.js';
import { CommandReader } from '../memory/command-reader.js';
import {
  ACTION_COUNT,
  CONTEXT_DIM,
  ControlMemory,
  DECISION_DOUBLES,
  DecisionField,
  Driver,
  Order,
  planControlLayout,
} from '../memory/layout.js';
import { isIntervention, REASON_COUNT } from '../memory/reason.js';
import type { ParameterValues } from '../parameters/schema.js';
import { ValidatingSink } from '../sense/validating-sink.js';

/** A pause in the log longer than this is stepped over: the robot would stand all through it [ns]. */
const PAUSE_NS = 60e9;
/** What the robot does is judged by how it moves in this time after a decision [ns]. */
const COMPARED_NS = 1e9;
/** A robot that moves less than this in that time goes in no direction [m]. */
const COMPARED_DISTANCE_MIN = 0.1;

/** The range of one feature over the cycles in which it had been measured. */
export interface FeatureRange {
  name: string;
  unit: string;
  min: number;
  max: number;
}

/** What the controller would have done, beside what the robot did. */
export interface Comparison {
  /** Decisions after which the robot moved on. */
  count: number;
  /** Of those, into the sector that was decided. */
  sameSector: number;
  /** Of those, into that sector or the one beside it. */
  adjacentSector: number;
  /** Sums over them, for means [m/s]. */
  robotSpeedSum: number;
  commandSpeedSum: number;
}

export class ShadowSession {
  readonly loop: ControlLoop;
  readonly memory: ControlMemory;
  readonly port: ReplayPort;
  /** Decisions of the policy, by action. */
  readonly actions = new Uint32Array(ACTION_COUNT);
  /** Cycles by the reason that their command went out with, indexed with `Reason`. */
  readonly reasons = new Uint32Array(REASON_COUNT);
  /** Cycles by who drove, indexed with `Driver`. */
  readonly drivers = new Uint32Array(4);
  readonly features: readonly FeatureRange[];
  readonly comparison: Comparison = {
    count: 0,
    sameSector: 0,
    adjacentSector: 0,
    robotSpeedSum: 0,
    commandSpeedSum: 0,
  };
  /** Pauses of the log that were stepped over. */
  pauses = 0;
  readonly #clock = new VirtualClock();
  readonly #periodNs: number;
  readonly #record = new Float64Array(DECISION_DOUBLES);
  readonly #motion = new Float64Array(3);

  /** @param port not started yet; `run` starts it */
  constructor(port: ReplayPort, parameters: ParameterValues, options: ControlLoopOptions = {}) {
    this.port = port;
    this.memory = new ControlMemory(planControlLayout(layoutSizesOf(parameters)));
    this.loop = new ControlLoop(this.memory, parameters, this.#clock, options);
    this.#periodNs = periodNsOf(parameters);
    this.features = FEATURES.map(({ name, unit }) => ({
      name,
      unit,
      min: Number.POSITIVE_INFINITY,
      max: Number.NEGATIVE_INFINITY,
    }));
    Atomics.store(this.memory.orders, Order.armed, 1);
    Atomics.store(this.memory.orders, Order.freeze, 1);
  }

  /** The log's time of the last cycle [ns]. */
  get nowNs(): number {
    return this.#clock.timeNs;
  }

  get cycles(): number {
    return this.loop.statistics.counters[Counter.cycles];
  }

  get deadlineMisses(): number {
    const counters = this.loop.statistics.counters;
    return counters[Counter.missesWokenLate] + counters[Counter.missesComputedLong];
  }

  /** Cycles in which safety would have stepped in. */
  get interventions(): number {
    let sum = 0;
    for (let reason = 0; reason < REASON_COUNT; reason++) {
      if (isIntervention(reason)) sum += this.reasons[reason];
    }
    return sum;
  }

  /**
   * Runs the recording to its end. A message is handed over before the cycle that falls due at the same time.
   *
   * @param onCycle called after every cycle
   * @throws RecordingError `unreadable`
   * @realtime unsafe
   */
  async run(onCycle?: () => void): Promise<void> {
    const { port, memory } = this;
    const clock = this.#clock;
    await port.start(new ValidatingSink(memory), new CommandReader(memory.command));
    while (!Number.isNaN(port.nextNs)) {
      if (port.nextNs - clock.timeNs > PAUSE_NS) {
        clock.timeNs = Math.ceil(port.nextNs / this.#periodNs) * this.#periodNs;
        this.pauses++;
      }
      while (port.nextNs <= clock.timeNs) port.next();
      Atomics.add(memory.orders, Order.heartbeat, 1);
      this.loop.run(clock.timeNs);
      this.#note();
      onCycle?.();
      clock.timeNs += this.#periodNs;
    }
  }

  #note(): void {
    const r = this.#record;
    while (this.memory.decisions.read(r)) {
      this.drivers[r[DecisionField.driver]]++;
      this.reasons[r[DecisionField.reason]]++;
      this.#noteFeatures(r);
      if (r[DecisionField.action] < 0) continue;
      if (r[DecisionField.driver] === Driver.policy) this.actions[r[DecisionField.action]]++;
      this.#compare(r);
    }
  }

  /** A feature counts from the first reading of what it is made of, and not with the zeros before that. */
  #noteFeatures(r: Float64Array): void {
    if (r[DecisionField.odometryAgeNs] === Number.POSITIVE_INFINITY) return;
    const seen = r[DecisionField.rangesAgeNs] !== Number.POSITIVE_INFINITY;
    for (let i = 0; i < CONTEXT_DIM; i++) {
      const feature = this.features[i];
      const value = r[DecisionField.raw + i];
      if (!seen && feature.name.startsWith('obstacle')) continue;
      if (value < feature.min) feature.min = value;
      if (value > feature.max) feature.max = value;
    }
  }

  #compare(r: Float64Array): void {
    const motion = this.#motion;
    if (!this.port.motionAfter(r[DecisionField.scheduledNs], COMPARED_NS, motion)) return;
    const distance = Math.hypot(motion[0], motion[1]);
    if (distance < COMPARED_DISTANCE_MIN) return;
    const turns = Math.atan2(motion[1], motion[0]) / (2 * Math.PI);
    const sector = (Math.round(turns * ACTION_COUNT) + ACTION_COUNT) % ACTION_COUNT;
    const apart = Math.abs(sector - r[DecisionField.action]);
    const comparison = this.comparison;
    comparison.count++;
    if (apart === 0) comparison.sameSector++;
    if (Math.min(apart, ACTION_COUNT - apart) <= 1) comparison.adjacentSector++;
    comparison.robotSpeedSum += distance / (COMPARED_NS * 1e-9);
    comparison.commandSpeedSum += Math.hypot(r[DecisionField.commandVx], r[DecisionField.commandVy]);
  }
}
