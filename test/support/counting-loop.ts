/** A stand-in for the cycle: publishes its number as velocity, answers snapshots, and misbehaves on request. */
import { CommandField, type ControlMemory, DecisionField, Order, Progress } from '../../src/memory/layout.js';

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
}

export class ControlLoop {
  readonly #memory: ControlMemory;
  readonly #parameters: CountingLoopParameters;
  #cycle = 0;

  constructor(memory: ControlMemory, parameters: CountingLoopParameters) {
    if (parameters.throwAtStart) throw new Error('the loop cannot be built');
    this.#memory = memory;
    this.#parameters = parameters;
  }

  run(scheduledNs: number): void {
    const { orders, progress, decisions, snapshot } = this.#memory;
    this.#cycle = Atomics.add(progress, Progress.cycles, 1) + 1;
    if (this.#cycle === this.#parameters.throwAtCycle) throw new Error('the cycle failed');
    if (this.#cycle === this.#parameters.exitAtCycle) process.exit(3);
    if (this.#cycle === this.#parameters.blockAtCycle) {
      // Asleep rather than spinning, so that two cores suffice; to the watching thread it is the same.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, this.#parameters.blockMs);
    }
    this.#publish(Atomics.load(orders, Order.armed) === 1 ? this.#cycle : 0);
    decisions.record[DecisionField.cycle] = this.#cycle;
    decisions.record[DecisionField.scheduledNs] = scheduledNs;
    decisions.commit();
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
    slot.publish();
  }
}
