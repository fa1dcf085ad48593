/** The whole cycle on a scripted clock: an ideal robot that follows its commands, in a scan that the test draws. */
import type { Clock } from '../../../src/core/clock.js';
import { layoutSizesOf } from '../../../src/loop/configuration.js';
import { ControlLoop, type ControlLoopOptions } from '../../../src/loop/control-loop.js';
import { CommandReader } from '../../../src/memory/command-reader.js';
import {
  ASKED_STEPS,
  ControlMemory,
  DecisionField,
  Order,
  Pace,
  Progress,
  planControlLayout,
  STEP_DATE_DOUBLES,
  StepDateField,
} from '../../../src/memory/layout.js';
import type { MotionCommand, RangeScan } from '../../../src/memory/observation-sink.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import type { ParameterValues } from '../../../src/parameters/schema.js';
import { ValidatingSink } from '../../../src/sense/validating-sink.js';

const BEAMS = 360;

/** What a cycle reads off its clock: its start, and the time of its command. */
class ScriptedClock implements Clock {
  startNs = 0;
  computeNs = 0;
  #reads = 0;

  set(startNs: number, computeNs: number): void {
    this.startNs = startNs;
    this.computeNs = computeNs;
    this.#reads = 0;
  }

  nowNs(): number {
    return this.#reads++ === 0 ? this.startNs : this.startNs + this.computeNs;
  }
}

export interface CycleOptions {
  /** From the schedule to the start [ns]. */
  latenessNs?: number;
  /** From the start to the command [ns]. */
  computeNs?: number;
  /** What the controller's clock shows where it is not the cycle's time [ns]. */
  clockNs?: number;
}

export class LoopRig {
  readonly parameters: ParameterValues;
  readonly memory: ControlMemory;
  readonly sink: ValidatingSink;
  readonly loop: ControlLoop;
  readonly stepNs: number;
  /** Which inputs still arrive. */
  odometry = true;
  ranges = true;
  heartbeat = true;
  /** Force by side [N], or null for a robot without such sensors. */
  contacts: [number, number, number, number] | null = null;
  /** Range of the beam at an angle in `base_link` [rad → m]. */
  rangeAt: (angle: number) => number = () => Number.POSITIVE_INFINITY;
  x = 0;
  y = 0;
  yaw = 0;
  /** The command and the record of the last cycle. */
  readonly command: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: -1, reason: -1, stampNs: -1 };
  readonly record: Float64Array;
  /** Every command so far, after a standstill. */
  readonly trace: { vx: number; vy: number; yawRate: number }[] = [{ vx: 0, vy: 0, yawRate: 0 }];
  readonly #commands: CommandReader;
  readonly #clock = new ScriptedClock();
  readonly #scan: RangeScan = {
    angleMin: -Math.PI,
    angleIncrement: (2 * Math.PI) / BEAMS,
    rangeMin: 0.1,
    rangeMax: 10,
    count: BEAMS,
    ranges: new Float32Array(BEAMS),
    mountX: 0,
    mountY: 0,
    mountYaw: 0,
  };
  nowNs = 1e9;

  constructor(overrides: Parameters<typeof loadParameters>[1] = {}, options: ControlLoopOptions = {}) {
    this.parameters = loadParameters([], {
      bits: 8,
      max_beams: BEAMS,
      decision_ring_records: 64,
      breaker_open_misses: 3,
      breaker_close_cycles: 4,
      'reward.horizon_s': 0.1,
      ...overrides,
    });
    this.stepNs = 1e9 / this.parameters.controller_frequency;
    this.memory = new ControlMemory(planControlLayout(layoutSizesOf(this.parameters)));
    this.sink = new ValidatingSink(this.memory);
    this.#commands = new CommandReader(this.memory.command);
    this.loop = new ControlLoop(this.memory, this.parameters, this.#clock, options);
    this.record = new Float64Array(this.memory.decisions.recordDoubles);
    Atomics.store(this.memory.orders, Order.armed, 1);
  }

  goal(x: number, y: number, tolerance = 0.25): void {
    this.sink.goal(this.nowNs, this.nowNs, x, y, tolerance);
  }

  order(which: keyof typeof Order, value: number): void {
    Atomics.store(this.memory.orders, Order[which], value);
  }

  /** Hands over this cycle's readings. */
  sense(): void {
    const { nowNs, sink, trace } = this;
    const { vx, vy, yawRate } = trace[trace.length - 1];
    if (this.odometry) sink.odometry(nowNs, nowNs, this.x, this.y, this.yaw, vx, vy, yawRate);
    if (this.ranges) {
      const scan = this.#scan;
      for (let i = 0; i < BEAMS; i++) scan.ranges[i] = this.rangeAt(scan.angleMin + i * scan.angleIncrement);
      sink.ranges(nowNs, nowNs, scan);
    }
    if (this.contacts !== null) sink.contacts(nowNs, nowNs, ...this.contacts);
    if (this.heartbeat) Atomics.add(this.memory.orders, Order.heartbeat, 1);
  }

  /** One cycle: readings in, command out, and the way it drives until the next. @returns the decision record */
  cycle({ latenessNs = 0, computeNs = 1e5, clockNs = this.nowNs }: CycleOptions = {}): Float64Array {
    this.sense();
    this.#clock.set(clockNs + latenessNs, computeNs);
    this.loop.run(clockNs);
    this.#commands.read(this.command);
    while (this.memory.decisions.read(this.record));
    const { vx, vy, yawRate } = this.command;
    this.trace.push({ vx, vy, yawRate });
    const seconds = this.stepNs * 1e-9;
    const heading = this.yaw + 0.5 * yawRate * seconds;
    this.x += (vx * Math.cos(heading) - vy * Math.sin(heading)) * seconds;
    this.y += (vx * Math.sin(heading) + vy * Math.cos(heading)) * seconds;
    this.yaw += yawRate * seconds;
    this.nowNs += this.stepNs;
    return this.record;
  }

  /** The next cycle runs on a step that bears the time `nowNs`, as `Controller.step` asks for it. */
  step(clockNs: number, stretch = 1): void {
    const { orders, progress, asked, stepDates } = this.memory;
    const step = orders[Order.step] + 1;
    const place = step & (ASKED_STEPS - 1);
    asked[place] = clockNs;
    stepDates[place * STEP_DATE_DOUBLES + StepDateField.atNs] = this.nowNs;
    stepDates[place * STEP_DATE_DOUBLES + StepDateField.stretch] = stretch;
    orders[Order.pace] = Pace.lockstep;
    orders[Order.stretch] = stretch;
    orders[Order.step] = step;
    progress[Progress.stepTaken] = step;
  }

  cycles(count: number, options: CycleOptions = {}): void {
    for (let i = 0; i < count; i++) this.cycle(options);
  }

  /** Takes the command that went out without a cycle, such as the last one. */
  readCommand(): MotionCommand {
    this.#commands.read(this.command);
    return this.command;
  }

  field(name: keyof typeof DecisionField): number {
    return this.record[DecisionField[name]];
  }

  /** Length of the last command, its turning included. */
  get motion(): number {
    return Math.hypot(this.command.vx, this.command.vy, this.command.yawRate);
  }

  get updates(): number {
    return this.loop.policy.stats().updates;
  }
}
