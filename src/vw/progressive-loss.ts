/** What Vowpal Wabbit counts while it learns, and the table it prints. */

/** What comes of a run. */
export interface VwSummary {
  readonly examples: number;
  readonly weightedExamples: number;
  readonly weightedLabels: number;
  /** Each loss before its example was learned, averaged by importance; NaN without a labelled example. */
  readonly averageLoss: number;
  /** The mean label, and its loss where there were no more than two labels; undefined where VW gives none. */
  readonly bestConstant: { readonly value: number; readonly loss: number | undefined } | undefined;
  readonly totalFeatures: number;
}

/** When a row is due. */
export interface Progress {
  /** `-P 2.0` doubles the weight between rows, `-P 100` adds 100. */
  readonly step: number;
  readonly additive: boolean;
}

/** VW's own: at 1, 2, 4, 8, … */
export const DEFAULT_PROGRESS: Progress = { step: 2, additive: false };

/** VW's, without the trailing spaces. */
export const PROGRESS_HEADER = [
  'average  since         example        example        current        current  current',
  'loss     last          counter         weight          label        predict features',
].join('\n');

export class ProgressiveLoss {
  readonly #progress: Progress;
  #examples = 0;
  #labelledWeight = 0;
  #unlabelledWeight = 0;
  #weightedLabels = 0;
  #sum = 0;
  #features = 0;
  #sumSince = 0;
  #weightBefore = 0;
  #nextRow: number;
  readonly #labels: number[] = [];

  constructor(progress: Progress = DEFAULT_PROGRESS) {
    this.#progress = progress;
    this.#nextRow = progress.additive ? progress.step : 1;
  }

  /**
   * @param loss weighted; 0 where the example has no label
   * @param weight importance
   * @realtime safe
   */
  add(loss: number, weight: number, labelled: boolean, features: number): void {
    this.#examples++;
    if (labelled) this.#labelledWeight += weight;
    else this.#unlabelledWeight += weight;
    this.#sum += loss;
    this.#sumSince += loss;
    this.#features += features;
  }

  /** Counts a plain label, for the best constant. */
  addLabel(label: number, weight: number): void {
    this.#weightedLabels += label * weight;
    if (this.#labels.length < 3 && !this.#labels.includes(label)) this.#labels.push(label);
  }

  get isRowDue(): boolean {
    return this.#labelledWeight + this.#unlabelledWeight >= this.#nextRow;
  }

  /** The row that is due, without a line end. @realtime unsafe */
  row(label: string, prediction: string, features: number): string {
    const weight = this.#labelledWeight + this.#unlabelledWeight;
    const weightSince = this.#labelledWeight - this.#weightBefore;
    const average = this.#labelledWeight > 0 ? (this.#sum / this.#labelledWeight).toFixed(6) : 'n.a.';
    const since = weightSince === 0 ? 'n.a.' : (this.#sumSince / weightSince).toFixed(6);
    this.#sumSince = 0;
    this.#weightBefore = this.#labelledWeight;
    const { step, additive } = this.#progress;
    this.#nextRow = Math.fround(additive ? weight + step : weight * step);
    return [
      average.slice(0, 8).padEnd(8),
      since.slice(0, 8).padEnd(8),
      String(this.#examples).padStart(12),
      weight.toFixed(1).padStart(14),
      shortened(label).padStart(14),
      shortened(prediction).padStart(14),
      String(features).padStart(8),
    ].join(' ');
  }

  summary(): VwSummary {
    return {
      examples: this.#examples,
      weightedExamples: this.#labelledWeight + this.#unlabelledWeight,
      weightedLabels: this.#weightedLabels,
      averageLoss: this.#labelledWeight > 0 ? this.#sum / this.#labelledWeight : Number.NaN,
      bestConstant: this.#bestConstant(),
      totalFeatures: this.#features,
    };
  }

  #bestConstant(): VwSummary['bestConstant'] {
    const [first, second = 0, third] = this.#labels;
    // Two different labels are needed; where there was one, VW takes 0 for the other.
    if (first === undefined || first === second || !(this.#labelledWeight > 0)) return undefined;
    const value = this.#weightedLabels / this.#labelledWeight;
    if (third !== undefined) return { value, loss: undefined };
    const share = Math.max(0, Math.min(1, (value - second) / (first - second)));
    return { value, loss: share * (value - first) ** 2 + (1 - share) * (value - second) ** 2 };
  }
}

function shortened(text: string): string {
  return text.length > 14 ? `${text.slice(0, 11)}...` : text;
}

/** VW's closing lines, the last with a line end. @realtime unsafe */
export function summaryText(summary: VwSummary): string {
  const { bestConstant, averageLoss } = summary;
  const lines = [
    'finished run',
    `number of examples = ${summary.examples}`,
    `weighted example sum = ${summary.weightedExamples.toFixed(6)}`,
    `weighted label sum = ${summary.weightedLabels.toFixed(6)}`,
    `average loss = ${Number.isNaN(averageLoss) ? 'n.a.' : averageLoss.toFixed(6)}`,
  ];
  if (bestConstant !== undefined) {
    lines.push(`best constant = ${bestConstant.value.toFixed(6)}`);
    if (bestConstant.loss !== undefined) lines.push(`best constant's loss = ${bestConstant.loss.toFixed(6)}`);
  }
  lines.push(`total feature number = ${summary.totalFeatures}`);
  return `${lines.join('\n')}\n`;
}
