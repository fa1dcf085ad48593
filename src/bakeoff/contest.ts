/** Runs policies over a table, each over the same orders of its rows, and keeps what they got wrong. */
import { hashSeed } from '../core/hash.js';
import type { Policy } from '../policy/policy.js';
import { ContextMap, type MapKind } from './context-map.js';
import { RowEncoder } from './encoding.js';
import { BanditProblem, type Drift } from './problem.js';
import type { Table } from './table.js';

/** Makes the policy of one shuffle. */
export type MakePolicy = (nActions: number, contextDim: number, seed: number) => Policy;

/** Who runs: a name to report, what is seen, and how the policy is made. */
export interface Runner {
  readonly name: string;
  readonly map: MapKind;
  readonly make: MakePolicy;
}

export interface ContestOptions {
  readonly shuffles: number;
  readonly seed: number;
  readonly drift: Drift;
}

/** What one policy did on one table. */
export interface ContestResult {
  readonly policy: string;
  /** Share of decisions that were wrong, mean over the shuffles. */
  readonly errorRate: number;
  /** Of that mean: over shuffles, or binomial where there is only one. */
  readonly standardError: number;
  /** Decisions with their update, features included [1/s]. */
  readonly perSecond: number;
  /** Memory of the policy. */
  readonly bytes: number;
  /** Length of its contexts. */
  readonly contextDim: number;
  /** Alarms of the watch for drift, mean over the shuffles. */
  readonly driftAlarms: number;
  /** Progressive error over the shuffles. */
  readonly curve: Curve;
}

/** Progressive error (wrong decisions so far / decisions so far), as three arrays of the same length. */
export interface Curve {
  /** Decisions so far. */
  readonly examples: readonly number[];
  /** Mean over the shuffles. */
  readonly mean: readonly number[];
  /** Standard error of the mean; 0 where there is one shuffle. */
  readonly standardError: readonly number[];
}

/** Points of a curve. */
export const CURVE_POINTS = 240;

/** How far a contest is; returns whether to go on. */
export type Progress = (done: number, total: number) => boolean;

/** Between two looks at the clock, and at signals [ms]. */
const SLICE_MS = 100;
/** Decisions between two looks at the clock. */
const SLICE_EXAMPLES = 32;

/**
 * One policy over one table, `shuffles` times from the start. Hands control back a few times a second, so that a signal
 * is heard.
 *
 * @param progress called then; where it returns false the run ends
 * @returns null where it was ended
 * @throws PolicyConfigError where the policy cannot be made for this table
 * @realtime unsafe
 */
export async function contest(
  table: Table,
  runner: Runner,
  options: ContestOptions,
  progress: Progress = () => true,
): Promise<ContestResult | null> {
  const { rows } = table;
  const { shuffles, seed, drift } = options;
  const marks = curveMarks(rows);
  const wrongAt = Array.from({ length: shuffles }, () => new Float64Array(marks.length));
  const errors: number[] = [];
  const encoder = new RowEncoder(table);
  const features = new Float64Array(encoder.count);
  let busyMs = 0;
  let bytes = 0;
  let contextDim = 0;
  let alarms = 0;
  for (let shuffle = 0; shuffle < shuffles; shuffle++) {
    const problem = new BanditProblem(table, drift, seed, shuffle);
    const ownSeed = hashSeed(seed, shuffle);
    const map = new ContextMap(runner.map, encoder.names, encoder.columns, ownSeed);
    const context = new Float64Array(map.outputCount);
    const policy = runner.make(table.classes.length, map.outputCount, ownSeed);
    encoder.reset();
    let wrong = 0;
    let mark = 0;
    let example = 0;
    while (example < rows) {
      const start = performance.now();
      let now = start;
      while (example < rows && now - start < SLICE_MS) {
        const end = Math.min(rows, example + SLICE_EXAMPLES);
        for (; example < end; example++) {
          encoder.encode(problem.order[example], features);
          map.expand(features, context);
          const action = policy.select(context, null);
          const reward = action === problem.labelOf(example) ? 1 : 0;
          policy.update(context, action, reward, policy.lastProbability);
          wrong += 1 - reward;
          if (example + 1 === marks[mark]) wrongAt[shuffle][mark++] = wrong;
        }
        now = performance.now();
      }
      busyMs += now - start;
      if (!progress(shuffle * rows + example, shuffles * rows)) return null;
      await new Promise((resolve) => setImmediate(resolve));
    }
    errors.push(wrong / rows);
    const stats = policy.stats();
    bytes = stats.bytes;
    contextDim = map.outputCount;
    alarms += stats.driftAlarms / shuffles;
  }
  const { mean, standardError } = meanOf(errors);
  return {
    policy: runner.name,
    errorRate: mean,
    standardError: shuffles > 1 ? standardError : Math.sqrt((mean * (1 - mean)) / rows),
    perSecond: (1000 * shuffles * rows) / busyMs,
    bytes,
    contextDim,
    driftAlarms: alarms,
    curve: curveOf(marks, wrongAt),
  };
}

/** Numbers of decisions after which the curve has a point, ascending, the last one `rows`. */
export function curveMarks(rows: number): number[] {
  const count = Math.min(rows, CURVE_POINTS);
  return Array.from({ length: count }, (_, k) => Math.round(((k + 1) * rows) / count));
}

function curveOf(marks: readonly number[], wrongAt: readonly Float64Array[]): Curve {
  const points = marks.map((examples, k) => meanOf(wrongAt.map((wrong) => wrong[k] / examples)));
  return {
    examples: marks,
    mean: points.map(({ mean }) => mean),
    standardError: points.map(({ standardError }) => standardError),
  };
}

/**
 * Mean, and the standard error of it.
 *
 * @param values at least one; of a single one the standard error is given as 0
 * @realtime unsafe
 */
export function meanOf(values: readonly number[]): { mean: number; standardError: number } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, standardError: 0 };
  const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(spread / (count - 1) / count) };
}
