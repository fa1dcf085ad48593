/** What every benchmark looks like to `rfsn bench`. */

export interface BenchmarkOptions {
  seed: number;
  /** Shorter: for a first look. */
  quick: boolean;
  /** As short as can be: whether it still works. The figures mean nothing. */
  tiny: boolean;
}

/** Figures by name: nanoseconds end in `_ns`, ratios begin with `ratio_`; null where there is none. */
export type Figures = Record<string, number | string | null>;

/** A figure and what it should be. */
export interface Target {
  readonly figure: string;
  readonly target: string;
  readonly value: string;
  /** null where nothing was measured. */
  readonly met: boolean | null;
}

export interface Report {
  /** By the name under which `--json` shows them. */
  readonly figures: Readonly<Record<string, Figures>>;
  readonly targets: readonly Target[];
  /** Markdown: what was measured and how, what to know beside the figures, tables. */
  readonly notes: readonly string[];
  /** What is missing, where nothing at all could be measured: the page keeps what an earlier run has measured. */
  readonly skipped?: string;
}

export interface Benchmark {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  run(options: BenchmarkOptions): Promise<Report>;
}

/** A target that is a most or a least. @param value not a number where it was not measured */
export function atMost(figure: string, value: number, limit: number, digits = 2): Target {
  return target(figure, `≤ ${limit}`, value, value <= limit, digits);
}

export function atLeast(figure: string, value: number, limit: number, digits = 0): Target {
  return target(figure, `≥ ${limit.toLocaleString('en')}`, value, value >= limit, digits);
}

function target(figure: string, text: string, value: number, met: boolean, digits: number): Target {
  if (!Number.isFinite(value)) return { figure, target: text, value: 'not measured', met: null };
  const shown = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return { figure, target: text, value: shown, met };
}
