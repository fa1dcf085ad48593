/**
 * Measuring: a timer that allocates nothing, quantiles, and the rounds in which two things are timed by turns, so that
 * what the machine does meanwhile falls on both.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { MonotonicClock } from '../src/core/clock.js';

/** The timer of every benchmark. */
export const timer = new MonotonicClock();

/** What a pair of readings measures when there is nothing between them: the median of many [ns]. */
export function timerOverheadNs(): number {
  const pairs = new Float64Array(20_001);
  for (let i = 0; i < pairs.length; i++) {
    const start = timer.nowNs();
    pairs[i] = timer.nowNs() - start;
  }
  return median(pairs);
}

/** The value below which a share `q` of the sorted values lies; NaN where there is none. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

export function median(values: ArrayLike<number>): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}

/** Times of single runs. */
export interface Spread {
  p50_ns: number;
  p99_ns: number;
  p999_ns: number;
  max_ns: number;
}

/** @param times [ns]; sorted in place */
export function spreadOf(times: Float64Array): Spread {
  times.sort();
  return {
    p50_ns: quantile(times, 0.5),
    p99_ns: quantile(times, 0.99),
    p999_ns: quantile(times, 0.999),
    max_ns: quantile(times, 1),
  };
}

/** Counts the collections of this thread's young generation. */
export class ScavengeCounter {
  count = 0;
  /** Collections of any other kind. */
  others = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // Node's types do not know what its documentation says of these entries.
      const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) this.count++;
      else this.others++;
    }
  });

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Waits for what the observer has not been told yet, and starts anew. */
  async reset(): Promise<void> {
    await turn();
    this.count = 0;
    this.others = 0;
  }

  /** Waits for what the observer has not been told yet. @returns collections since the last `reset` */
  async read(): Promise<number> {
    await turn();
    return this.count;
  }

  close(): void {
    this.#observer.disconnect();
  }
}

/** Lets the event loop deliver what waits. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** Swallows results, so that no compiler finds them unused. */
export const consumed = new Float64Array(1);
