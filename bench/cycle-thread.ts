/**
 * The thread in which `cycle.bench.ts` measures. A thread of its own because the simulator's physics, once stepped, leaves
 * the processor in a state in which the thread's floating-point work takes 1.4 times as long; the control thread on a robot
 * never steps physics.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { safetyOptionsOf } from '../src/loop/configuration.js';
import { tuneEngine } from '../src/loop/engine.js';
import { Counter } from '../src/loop/statistics.js';
import { circumscribedRadius } from '../src/safety/footprint.js';
import { StoppingSweep } from '../src/safety/stopping-sweep.js';
import { atMost, type BenchmarkOptions, type Report } from './benchmark.js';
import { consumed, median, ScavengeCounter, type Spread, spreadOf, timer, timerOverheadNs } from './measure.js';
import { PlainPasses, PlainReduction } from './plain-loops.js';
import { type Drive, Situation, type SituationData } from './situation.js';

/** Cycles with a scan, or plain loops, in one timed batch. */
const BATCH = 16;
/** One thing to be timed: `round` leaves what a single one cost, at the median of its batches [ns]. */
interface Contestant {
  round(): number;
}

class Plain implements Contestant {
  readonly #work: () => number;
  readonly #batches: Float64Array;
  readonly #overheadNs: number;

  constructor(batches: number, overheadNs: number, work: () => number) {
    this.#work = work;
    this.#batches = new Float64Array(batches);
    this.#overheadNs = overheadNs;
  }

  round(): number {
    for (let b = 0; b < this.#batches.length; b++) {
      const start = timer.nowNs();
      let sum = 0;
      for (let i = 0; i < BATCH; i++) sum += this.#work();
      this.#batches[b] = (timer.nowNs() - start - this.#overheadNs) / BATCH;
      consumed[0] += sum;
    }
    return median(this.#batches);
  }
}

/**
 * Cycles of a situation in batches: as many as come in a row with a scan each, or without one. Handing the readings
 * over is the port's work and is not counted: it is timed alone, into a memory that nobody reads, and subtracted.
 */
class Cycles implements Contestant {
  readonly drive: Drive;
  readonly singles: Float64Array;
  singleCount = 0;
  readonly #situation: Situation;
  readonly #feed: Drive;
  readonly #withScan: boolean;
  readonly #batches: Float64Array;
  readonly #feedBatches: Float64Array;
  readonly #overheadNs: number;
  #next = 0;

  constructor(situation: Situation, withScan: boolean, batches: number, singles: number, overheadNs: number) {
    this.#situation = situation;
    this.#withScan = withScan;
    this.drive = situation.drive();
    this.#feed = situation.drive();
    this.#batches = new Float64Array(batches);
    this.#feedBatches = new Float64Array(batches);
    this.singles = new Float64Array(singles);
    this.#overheadNs = overheadNs;
  }

  round(): number {
    for (let b = 0; b < this.#batches.length; b++) {
      const first = this.#skip();
      let end = first + 1;
      while (end < this.#situation.cycles && end - first < BATCH && this.#counts(end)) end++;
      const feedStart = timer.nowNs();
      for (let i = first; i < end; i++) this.#feed.play(i);
      const start = timer.nowNs();
      for (let i = first; i < end; i++) {
        this.drive.play(i);
        this.drive.run();
      }
      const stop = timer.nowNs();
      this.#feedBatches[b] = (start - feedStart - this.#overheadNs) / (end - first);
      this.#batches[b] = (stop - start - this.#overheadNs) / (end - first);
      this.#next = end;
    }
    return median(this.#batches) - median(this.#feedBatches);
  }

  /** Times cycles one by one, for what a batch hides: the tail. */
  single(count: number): void {
    for (let n = 0; n < count && this.singleCount < this.singles.length; n++) {
      const at = this.#skip();
      this.drive.play(at);
      const start = timer.nowNs();
      this.drive.run();
      this.singles[this.singleCount++] = timer.nowNs() - start - this.#overheadNs;
      this.#next = at + 1;
    }
  }

  /** Runs the cycles up to the next that counts. */
  #skip(): number {
    for (;;) {
      if (this.#next >= this.#situation.cycles) this.#next = 0;
      if (this.#counts(this.#next)) return this.#next;
      this.drive.play(this.#next);
      this.drive.run();
      this.#next++;
    }
  }

  #counts(cycle: number): boolean {
    return this.#situation.hasScan(cycle) === this.#withScan;
  }
}

/** What the thread is given. */
export interface CycleOrder {
  role: typeof CYCLE_ROLE;
  /** Who decides in the cycle, for the targets' names. */
  label: string;
  options: BenchmarkOptions;
  fast: SituationData;
  slow: SituationData;
  slowScanHz: number;
  practice: number;
}
export const CYCLE_ROLE = 'rfsn bench cycle';

async function measure(order: CycleOrder): Promise<Report> {
  const { options, practice } = order;
  const rounds = options.tiny ? 3 : options.quick ? 21 : 101;
  const batches = options.tiny ? 4 : 128;
  const singles = options.tiny ? 64 : options.quick ? 50_000 : 400_000;
  tuneEngine();
  const fast = Situation.from(order.fast);
  const slow = Situation.from(order.slow);
  const overheadNs = timerOverheadNs();

  const safety = safetyOptionsOf(fast.parameters);
  const stopping = new StoppingSweep(safety.footprint, safety.limits, safety.margin, safety.stepS, safety.reactionS);
  const maxSpeed = safety.limits.maxSpeed;
  // Two of each, by turns: were there one, V8 would take its arrays for constants and fold their addresses and lengths
  // into the code, as it never can in the cycle. What that makes of the passes is reported beside.
  const newReduction = () =>
    new PlainReduction(
      safety.margin + safety.planningMargin,
      safety.lookahead,
      circumscribedRadius(safety.footprint) +
        safety.margin +
        maxSpeed * safety.rangesTimeoutNs * 1e-9 +
        stopping.stoppingDistance(maxSpeed),
    );
  const reductions = [newReduction(), newReduction()];
  const scans: Float32Array[] = [];
  for (let i = 0; i < fast.cycles; i++) if (fast.hasScan(i)) scans.push(fast.beams(i));
  const passes = [new PlainPasses(), new PlainPasses()];
  const folded = new PlainPasses();
  let side = 0;
  let scan = 0;
  const nextScan = (): Float32Array => {
    scan = scan + 1 < scans.length ? scan + 1 : 0;
    return scans[scan];
  };

  const other = (): number => {
    side = 1 - side;
    return side;
  };

  const plainPasses = new Plain(batches, overheadNs, () => passes[other()].run());
  const plainReduction = new Plain(batches, overheadNs, () => reductions[other()].reduce(nextScan()));
  const plainMinima = new Plain(batches, overheadNs, () => reductions[other()].sectorMinima(nextScan()));
  const foldedPasses = new Plain(batches, overheadNs, () => folded.run());
  const without = new Cycles(slow, false, batches, singles, overheadNs);
  const withScan = new Cycles(fast, true, batches, singles, overheadNs);
  const contestants = [plainPasses, without, plainReduction, withScan, plainMinima, foldedPasses] as const;

  // Warm-up: V8 has compiled and recompiled everything long before it ends.
  for (let round = 0; round < (options.tiny ? 1 : 15); round++) for (const c of contestants) c.round();

  const scavenges = new ScavengeCounter();
  await scavenges.reset();
  const times = contestants.map(() => new Float64Array(rounds));
  const perRound = Math.ceil(singles / rounds);
  for (let round = 0; round < rounds; round++) {
    for (let c = 0; c < contestants.length; c++) times[c][round] = contestants[c].round();
    without.single(perRound);
    withScan.single(perRound);
  }
  const collected = await scavenges.read();
  scavenges.close();

  const ratio = (a: number, b: number) => median(times[a].map((time, round) => time / times[b][round]));
  const [passesNs, withoutNs, reductionNs, withScanNs, minimaNs, foldedNs] = times.map(median);
  const toPasses = ratio(1, 0);
  const toReduction = ratio(3, 2);
  const toMinima = ratio(3, 4);
  const withoutSpread = spreadOf(without.singles.subarray(0, without.singleCount));
  const withSpread = spreadOf(withScan.singles.subarray(0, withScan.singleCount));
  const figures = (p50: number, spread: Spread) => ({ ...spread, p50_ns: p50, per_second: 1e9 / p50 });
  return {
    figures: {
      cycle: {
        ...figures(withoutNs, withoutSpread),
        scavenges: collected,
        plain_passes_ns: passesNs,
        folded_passes_ns: foldedNs,
        ratio_plain_passes: toPasses,
        ratio_folded_passes: ratio(1, 5),
        learned_per_cycle: learnedShare(without.drive),
        timer_ns: overheadNs,
      },
      cycle_with_scan: {
        ...figures(withScanNs, withSpread),
        scavenges: collected,
        plain_reduction_ns: reductionNs,
        sector_minima_ns: minimaNs,
        ratio_plain_reduction: toReduction,
        ratio_sector_minima: toMinima,
        learned_per_cycle: learnedShare(withScan.drive),
        timer_ns: overheadNs,
      },
    },
    targets: [
      atMost(`cycle without a new scan, ${order.label}, p50, to two 24 × 8 passes as a plain loop`, toPasses, 8),
      atMost(
        `cycle with a new scan, ${order.label}, p50, to the same reduction of 720 beams as a plain loop`,
        toReduction,
        3,
      ),
    ],
    notes: [
      `A situation of ${fast.cycles.toLocaleString('en')} cycles recorded from the simulated Jackal in \`clutter\` (720 beams with ` +
        `noise and dropouts, ${practice} episodes of practice before it), played back into the slots; every cycle learns from ` +
        'an earlier decision, reads the machine’s clock twice and writes its command, its decision record and its statistics. ' +
        'p50 is the median of batches of up to 16 cycles, less the time of handing the readings over, which is the port’s; ' +
        'the other quantiles are of single cycles. All of it with warm caches.',
      `Without a new scan: the laser turns at ${order.slowScanHz} Hz, and the cycles between two scans are timed. The two passes are ` +
        'predicting 8 values from 24 features and moving all 192 weights, as a function of three arrays that are not known when it ' +
        `is compiled. Where V8 knows the arrays as constants, the same loops take ${foldedNs.toFixed(0)} ns and the cycle is ` +
        `${ratio(1, 5).toFixed(1)} times that.`,
      'With a new scan in every cycle: the plain loop computes the points, the nearest obstacle of each sector, the points ' +
        `near the robot and the free way along 72 headings. Against the nearest of each sector alone, ${minimaNs.toFixed(0)} ns, ` +
        `the cycle takes ${toMinima.toFixed(1)} times as long.`,
    ],
  };
}

function learnedShare(drive: Drive): number {
  const { counters } = drive.loop.statistics;
  return counters[Counter.learned] / counters[Counter.cycles];
}

if (!isMainThread && (workerData as Partial<CycleOrder> | null)?.role === CYCLE_ROLE) {
  parentPort?.postMessage(await measure(workerData as CycleOrder));
}
