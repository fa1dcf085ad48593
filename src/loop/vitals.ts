/**
 * What the control thread tells of its own heap and of the pauses that V8's collector made in it. Only the thread itself
 * can look: its event loop never turns, so that no observer is ever called, and the figures of the main thread are those
 * of another heap.
 *
 * Control thread, between two cycles, only when asked: without a request it is one atomic load a cycle. The first request
 * starts V8's profiler of collections, which costs nothing between collections; pauses before it are not counted. Each
 * further one ends the profile and begins the next. Measured on Node 20: 5 µs, and 40 µs more for each collection since
 * the last. Whoever wants to know should ask every few seconds, for the profile grows until somebody does.
 */
import { GCProfiler, getHeapStatistics } from 'node:v8';
import { type ControlMemory, GcKind, Order, Progress, VitalsField } from '../memory/layout.js';

/** By the names that V8's profiler gives them; what is not here is counted as minor. */
const KINDS: Readonly<Record<string, number>> = {
  Scavenge: GcKind.minor,
  MarkSweepCompact: GcKind.major,
  MarkCompact: GcKind.major,
  IncrementalMarking: GcKind.incremental,
  ProcessWeakCallbacks: GcKind.weakCallbacks,
};
const NS_PER_US = 1000;

export class Vitals {
  readonly #orders: Int32Array;
  readonly #progress: Int32Array;
  readonly #vitals: Float64Array;
  #profiler: GCProfiler | null = null;

  constructor(memory: Pick<ControlMemory, 'orders' | 'progress' | 'vitals'>) {
    this.#orders = memory.orders;
    this.#progress = memory.progress;
    this.#vitals = memory.vitals;
  }

  /** Answers a request where there is one. @realtime safe without one; an answer allocates */
  serve(): void {
    if (Atomics.load(this.#orders, Order.vitalsRequest) !== this.#progress[Progress.vitalsDone]) this.#answer();
  }

  #answer(): void {
    const request = Atomics.load(this.#orders, Order.vitalsRequest);
    try {
      this.#look();
    } catch {
      // Figures of the heap are not worth a robot's stop: the sums stay as they were.
    }
    Atomics.store(this.#progress, Progress.vitalsDone, request);
  }

  #look(): void {
    const out = this.#vitals;
    // The profiler's own leavings then count for the next time.
    const profile = this.#profiler?.stop();
    this.#profiler = new GCProfiler();
    this.#profiler.start();
    for (const { gcType, cost } of profile?.statistics ?? []) {
      const kind = KINDS[gcType] ?? GcKind.minor;
      const pauseNs = cost * NS_PER_US;
      out[VitalsField.gcCount + kind]++;
      out[VitalsField.gcPauseNs + kind] += pauseNs;
      if (pauseNs > out[VitalsField.gcLongestNs]) out[VitalsField.gcLongestNs] = pauseNs;
    }
    const heap = getHeapStatistics();
    out[VitalsField.heapUsedBytes] = heap.used_heap_size;
    out[VitalsField.heapTotalBytes] = heap.total_heap_size;
    out[VitalsField.heapLimitBytes] = heap.heap_size_limit;
    out[VitalsField.externalBytes] = heap.external_memory;
  }
}
