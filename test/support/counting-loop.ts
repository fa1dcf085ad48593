/** A stand-in for the cycle: publishes its number as velocity, answers snapshots, and misbehaves on request. */
import type { Clock } from '../../src/core/clock.js';
import { CommandField, type ControlMemory, DecisionField, Order, Progress } from '../../src/memory/layout.js';
import { Reason } from '../../src/memory/reason.js';
import { Watchdog } from '../../src/safety/watchdog.js';

export interface CountingLoopParameters {
  /** Throw in this cycle. */
  throwAtCycle?: number;
  /** Throw while being built. */
  throwAtStart?: boolean;
  /** Block in this cycle … */
  blockAtCycle?: number;
  /** … for so long, or for good where absent [ms]. */
  blockMs?: number;
  /** End the thread in this cycle. */
  exitAtCycle?: number;
  /** Without a heartbeat for so long, command zero and say so [ns]. */
  heartbeatTimeoutNs?: number;
  /** Leave so much to the collector in each cycle. */
  garbageBytes?: number;
}

export class ControlLoop {
  readonly #memory: ControlMemory;
  readonly #parameters: CountingLoopParameters;
  readonly #clock: Clock;
  readonly #heartbeat: Watchdog;
  #cycle = 0;
  /** The garbage of the newest cycle. */
  litter: unknown = null;

  constructor(memory: ControlMemory, parameters: CountingLoopParameters, clock: Clock) {
    if (parameters.throwAtStart) throw new Error('the loop cannot be built');
    this.#memory = memory;
    this.#parameters = parameters;
    this.#clock = clock;
    this.#heartbeat = new Watchdog(parameters.heartbeatTimeoutNs ?? Number.POSITIVE_INFINITY);
  }

  run(scheduledNs: number): void {
    const { orders, progress, decisions } = this.#memory;
    this.#cycle = Atomics.add(progress, Progress.cycles, 1) + 1;
    if (this.#cycle === this.#parameters.throwAtCycle) throw new Error('the cycle failed');
    if (this.#cycle === this.#parameters.exitAtCycle) process.exit(3);
    if (this.#cycle === this.#parameters.blockAtCycle) {
      // Asleep rather than spinning, so that two cores suffice; to the watching thread it is the same.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, this.#parameters.blockMs);
    }
    const { garbageBytes } = this.#parameters;
    if (garbageBytes !== undefined) this.litter = Array.from({ length: garbageBytes / 8 }, (_, i) => i + 0.5);
    const lost = this.#heartbeat.observe(Atomics.load(orders, Order.heartbeat), this.#clock.nowNs());
    this.#publish(Atomics.load(orders, Order.armed) === 1 && !lost ? this.#cycle : 0);
    decisions.record[DecisionField.reason] = lost ? Reason.heartbeatLost : Reason.none;
    decisions.record[DecisionField.cycle] = this.#cycle;
    decisions.record[DecisionField.scheduledNs] = scheduledNs;
    decisions.commit();
    this.serve();
  }

  serve(): void {
    const { orders, progress, snapshot } = this.#memory;
    const request = Atomics.load(orders, Order.snapshotRequest);
    if (request !== Atomics.load(progress, Progress.snapshotDone)) {
      snapshot.fill(request & 0xff);
      Atomics.store(progress, Progress.snapshotDone, request);
    }
  }

  stop(): void {
    this.#publish(0);
  }

  #publish(vx: number): void {
    const slot = this.#memory.command;
    const command = slot.doubles[slot.writeIndex];
    command[CommandField.vx] = vx;
    command[CommandField.cycle] = this.#cycle;
    command[CommandField.stampNs] = Number.NaN;
    this.#memory.publishCommand();
  }
}
