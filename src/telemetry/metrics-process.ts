/** The process that everything runs in, and the main thread of it: memory, processor time, and pauses of its collector. */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { GC_KINDS, GcKind } from '../memory/layout.js';

/** By the numbers that Node gives them; what is not here is counted as minor. */
const KINDS: Readonly<Record<number, number>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: GcKind.major,
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: GcKind.incremental,
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: GcKind.weakCallbacks,
};
const MS_PER_S = 1e3;

export class ProcessFigures {
  /** Pauses of the main thread's collector by `GcKind`, and their sums [s]. */
  readonly gcCount = new Float64Array(GC_KINDS.length);
  readonly gcPauseS = new Float64Array(GC_KINDS.length);
  /** [s] */
  gcLongestS = 0;
  /** [bytes] */
  residentBytes = 0;
  heapUsedBytes = 0;
  heapTotalBytes = 0;
  heapLimitBytes = 0;
  externalBytes = 0;
  /** User and system [s]. */
  cpuS = 0;
  /** Since 1970 [s]. */
  readonly startedS = performance.timeOrigin / MS_PER_S;
  readonly #observer: PerformanceObserver;

  constructor() {
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { duration, detail } = entry as typeof entry & { readonly detail: { readonly kind: number } };
        const kind = KINDS[detail.kind] ?? GcKind.minor;
        const seconds = duration / MS_PER_S;
        this.gcCount[kind]++;
        this.gcPauseS[kind] += seconds;
        this.gcLongestS = Math.max(this.gcLongestS, seconds);
      }
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  advance(): void {
    const heap = getHeapStatistics();
    this.residentBytes = process.memoryUsage.rss();
    this.heapUsedBytes = heap.used_heap_size;
    this.heapTotalBytes = heap.total_heap_size;
    this.heapLimitBytes = heap.heap_size_limit;
    this.externalBytes = heap.external_memory;
    const { user, system } = process.cpuUsage();
    this.cpuS = (user + system) / 1e6;
  }

  close(): void {
    this.#observer.disconnect();
  }
}
