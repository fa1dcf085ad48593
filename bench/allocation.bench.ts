/** A million cycles in the control thread: what they allocate, and what is collected. */
import { ALLOCATION_RESULTS, type AllocationOrder, AllocationResult, type AllocationSite } from './allocation-loop.js';
import { atMost, type Benchmark, type BenchmarkOptions, type Report } from './benchmark.js';
import { controllerOf, sleep } from './controlled.js';
import { Situation } from './situation.js';

/** Cycles come as fast as this, so that a million take less than a minute; each has a new scan [ns]. */
const PERIOD_NS = 40_000;
const PROFILE_BYTES = 65_536;
const MILLION = 1_000_000;
/** Of V8's young generation by default. */
const YOUNG_HALF_BYTES = 16 * 2 ** 20;
/** A thread that takes so much longer than it should is given up [factor]. */
const PATIENCE = 20;

async function run(options: BenchmarkOptions): Promise<Report> {
  const cycles = options.tiny ? 2000 : options.quick ? 200_000 : 1_000_000;
  const warmCycles = options.tiny ? 1000 : 100_000;
  const profiledCycles = options.tiny ? 1000 : 50_000;
  const situation = await Situation.record({ cycles: options.tiny ? 200 : 2048, seed: options.seed });
  const results = new Float64Array(new SharedArrayBuffer(ALLOCATION_RESULTS * 8));
  const profile = new Uint8Array(new SharedArrayBuffer(PROFILE_BYTES));
  const order: AllocationOrder = {
    situation: situation.data,
    warmCycles,
    cycles,
    profiledCycles,
    results,
    profile,
  };
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const controller = controllerOf({
    parameters: situation.parameters,
    periodNs: PERIOD_NS,
    loopModule: new URL(`./allocation-loop.${extension}`, import.meta.url),
    extras: order,
  });
  await controller.start();
  const limitMs = Date.now() + 20_000 + ((warmCycles + cycles + profiledCycles) * PERIOD_NS * PATIENCE) / 1e6;
  while (results[AllocationResult.done] === 0) {
    if (controller.fault !== '') throw new Error(`allocation: ${controller.fault}`);
    if (Date.now() > limitMs) throw new Error('allocation: the control thread did not get through its cycles');
    await sleep(50);
  }
  await controller.stop({ boundMs: 5000 });

  const text = new TextDecoder().decode(profile.slice(0, Math.max(0, profile.indexOf(0))));
  const sites = text === '' ? [] : (JSON.parse(text) as AllocationSite[]);
  const scavenges = results[AllocationResult.scavenges];
  const perCycle = results[AllocationResult.allocatedBytes] / results[AllocationResult.allocatedCycles];
  // A scavenge comes when the young generation's half is full; a shorter run says what a million would have cost.
  const perMillion = (perCycle * MILLION) / YOUNG_HALF_BYTES;
  const growth = results[AllocationResult.heapAfterBytes] - results[AllocationResult.heapBeforeBytes];
  return {
    figures: {
      allocation: {
        cycles,
        scavenges,
        scavenges_per_million: cycles === MILLION ? scavenges : perMillion,
        other_collections: results[AllocationResult.otherCollections],
        bytes_per_cycle: perCycle,
        heap_before_bytes: results[AllocationResult.heapBeforeBytes],
        heap_after_bytes: results[AllocationResult.heapAfterBytes],
        heap_growth_bytes: growth,
      },
    },
    targets: [
      cycles === MILLION
        ? atMost('scavenges in 1,000,000 cycles of the control thread', scavenges, 0, 0)
        : atMost('scavenges that 1,000,000 cycles of the control thread would have cost', Math.floor(perMillion), 0, 0),
      atMost('growth of the thread’s heap over them, KiB', growth / 1024, 16, 1),
    ],
    notes: [
      `The real control thread on its real schedule, every ${PERIOD_NS / 1000} µs, a new scan in every cycle, learning on. ` +
        `Counted after ${warmCycles.toLocaleString('en')} cycles of warm-up; a full collection before and after. ` +
        `Between the two the young generation grew by ${perCycle.toFixed(2)} bytes a cycle.`,
      sites.length === 0
        ? 'In the cycles after that, under V8’s sampling profiler, no function allocated half a byte a cycle.'
        : [
            'What allocates, by V8’s sampling profiler over the cycles after that:',
            '',
            '| bytes a cycle | function |',
            '|---:|---|',
            ...sites.map((site) => `| ${site.bytesPerCycle.toFixed(1)} | \`${site.where}\` |`),
          ].join('\n'),
    ],
  };
}

export const allocation: Benchmark = {
  name: 'allocation',
  summary: 'what a million cycles of the control thread allocate',
  run,
};
