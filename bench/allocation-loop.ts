/**
 * The loop module of the allocation benchmark: the cycle as the control thread has it, with readings played into its
 * slots before each run, since no other thread could hand them over so fast. Nothing here allocates while it counts.
 *
 * The thread's heap is read where counting begins and where it ends, after a full collection each time; what was
 * allocated between is read off the young generation block by block. Afterwards V8's sampling profiler says which
 * functions allocate.
 */
import { Session } from 'node:inspector';
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '../src/core/clock.js';
import type { Cycle } from '../src/loop/worker.js';
import type { ControlMemory } from '../src/memory/layout.js';
import type { ParameterValues } from '../src/parameters/schema.js';
import { type Drive, Situation, type SituationData } from './situation.js';

export interface AllocationOrder {
  situation: SituationData;
  warmCycles: number;
  cycles: number;
  /** Cycles under the profiler; 0 for none. */
  profiledCycles: number;
  /** `AllocationResult`. */
  results: Float64Array;
  /** The profile as JSON, NUL-padded. */
  profile: Uint8Array;
}

/** Indexes into the results. */
export const AllocationResult = {
  done: 0,
  heapBeforeBytes: 1,
  heapAfterBytes: 2,
  scavenges: 3,
  otherCollections: 4,
  /** Allocated in the blocks in which nothing was collected. */
  allocatedBytes: 5,
  allocatedCycles: 6,
} as const;
export const ALLOCATION_RESULTS = 8;

/** Cycles between two looks at the young generation. */
const BLOCK = 1000;

export interface AllocationSite {
  where: string;
  bytesPerCycle: number;
}

export class ControlLoop implements Cycle {
  readonly #order: AllocationOrder;
  readonly #situation: Situation;
  readonly #drive: Drive;
  readonly #collect: () => void;
  readonly #collections: { startTime: number; kind: number }[] = [];
  #session: Session | null = null;
  #next = 0;
  #count = 0;
  #lookBytes = 0;
  #startMs = 0;
  #endMs = 0;

  constructor(memory: ControlMemory, _parameters: ParameterValues, _clock: Clock, order: AllocationOrder) {
    this.#order = order;
    this.#situation = Situation.from(order.situation);
    this.#drive = this.#situation.drive(memory);
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as () => void;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
        this.#collections.push({ startTime: entry.startTime, kind });
      }
    }).observe({ entryTypes: ['gc'] });
  }

  run(_scheduledNs: number): void {
    if (this.#next === this.#situation.cycles) this.#next = 0;
    this.#drive.play(this.#next++);
    this.#drive.run();
    this.#count++;
    if (this.#count % BLOCK === 0) this.#look();
  }

  stop(): void {
    this.#drive.loop.stop();
    // Collections are told by the event loop, which has not turned since the first cycle; this keeps it alive.
    setTimeout(() => this.#report(), 100);
  }

  #look(): void {
    const { warmCycles, cycles, profiledCycles, results } = this.#order;
    const counted = this.#count - warmCycles;
    if (counted === 0) {
      this.#collect();
      results[AllocationResult.heapBeforeBytes] = usedBytes();
      this.#startMs = performance.now();
    } else if (counted > 0 && counted <= cycles) {
      const bytes = youngBytes() - this.#lookBytes;
      if (bytes >= 0) {
        results[AllocationResult.allocatedBytes] += bytes;
        results[AllocationResult.allocatedCycles] += BLOCK;
      }
      if (counted === cycles) {
        this.#endMs = performance.now();
        this.#collect();
        results[AllocationResult.heapAfterBytes] = usedBytes();
        if (profiledCycles === 0) results[AllocationResult.done] = 1;
        else this.#profile();
      }
    } else if (counted === cycles + profiledCycles && this.#session !== null) {
      this.#endProfile();
      results[AllocationResult.done] = 1;
    }
    this.#lookBytes = youngBytes();
    // Looking allocates as well: the same again, and the difference is its own.
    const lookedBytes = youngBytes();
    if (lookedBytes > this.#lookBytes) this.#lookBytes += 2 * (lookedBytes - this.#lookBytes);
  }

  #profile(): void {
    this.#session = new Session();
    this.#session.connect();
    this.#session.post('HeapProfiler.enable');
    this.#session.post('HeapProfiler.startSampling', {
      samplingInterval: 256,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    } as object);
  }

  #endProfile(): void {
    const bytes = new Map<string, number>();
    this.#session?.post('HeapProfiler.stopSampling', (_error, { profile }) => {
      const walk = (node: typeof profile.head): void => {
        const { functionName, url, lineNumber } = node.callFrame;
        const file = /(?:src|sim|bench)\/(?!.*\/(?:src|sim|bench)\/).*/.exec(url)?.[0] ?? url;
        const where = `${functionName || '(anonymous)'} ${file}${url === '' ? '' : `:${lineNumber + 1}`}`;
        bytes.set(where, (bytes.get(where) ?? 0) + node.selfSize);
        for (const child of node.children) walk(child);
      };
      walk(profile.head);
    });
    this.#session?.disconnect();
    this.#session = null;
    const sites: AllocationSite[] = [...bytes]
      .map(([where, total]) => ({ where, bytesPerCycle: total / this.#order.profiledCycles }))
      .filter((site) => site.bytesPerCycle >= 0.5)
      .sort((a, b) => b.bytesPerCycle - a.bytesPerCycle)
      .slice(0, 12);
    const text = new TextEncoder().encode(JSON.stringify(sites));
    if (text.length <= this.#order.profile.length) this.#order.profile.set(text);
  }

  #report(): void {
    const { results } = this.#order;
    for (const { startTime, kind } of this.#collections) {
      if (startTime < this.#startMs || startTime > this.#endMs) continue;
      results[kind === MINOR ? AllocationResult.scavenges : AllocationResult.otherCollections]++;
    }
  }
}

/** `perf_hooks.constants.NODE_PERFORMANCE_GC_MINOR`. */
const MINOR = 1;

function youngBytes(): number {
  let bytes = 0;
  for (const space of getHeapSpaceStatistics()) {
    if (space.space_name === 'new_space' || space.space_name === 'new_large_object_space') {
      bytes += space.space_used_size;
    }
  }
  return bytes;
}

function usedBytes(): number {
  let bytes = 0;
  for (const space of getHeapSpaceStatistics()) bytes += space.space_used_size;
  return bytes;
}
