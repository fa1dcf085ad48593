/** The loop module of the checkpoint benchmark: the cycle as it is, timed from outside, snapshot included. */
import { type Clock, MonotonicClock } from '../src/core/clock.js';
import { ControlLoop as MeasuredLoop } from '../src/loop/control-loop.js';
import { Histogram } from '../src/loop/statistics.js';
import type { Cycle } from '../src/loop/worker.js';
import { type ControlMemory, Progress } from '../src/memory/layout.js';
import type { ParameterValues } from '../src/parameters/schema.js';

export interface TimedOrder {
  /** Two histograms: of every cycle, and of those that copied a snapshot. */
  histograms: SharedArrayBuffer;
}

export const TIMED_BYTES = 2 * Math.ceil(Histogram.bytes / 8) * 8;
export const SNAPSHOT_HISTOGRAM_AT = TIMED_BYTES / 2;

export class ControlLoop implements Cycle {
  readonly #loop: MeasuredLoop;
  readonly #progress: Int32Array;
  readonly #clock = new MonotonicClock();
  readonly #all: Histogram;
  readonly #snapshots: Histogram;

  constructor(memory: ControlMemory, parameters: ParameterValues, clock: Clock, order: TimedOrder) {
    this.#loop = new MeasuredLoop(memory, parameters, clock);
    this.#progress = memory.progress;
    this.#all = new Histogram(order.histograms, 0);
    this.#snapshots = new Histogram(order.histograms, SNAPSHOT_HISTOGRAM_AT);
  }

  run(scheduledNs: number): void {
    const done = this.#progress[Progress.snapshotDone];
    const start = this.#clock.nowNs();
    this.#loop.run(scheduledNs);
    const elapsed = this.#clock.nowNs() - start;
    this.#all.record(elapsed);
    if (this.#progress[Progress.snapshotDone] !== done) this.#snapshots.record(elapsed);
  }

  stop(): void {
    this.#loop.stop();
  }
}
