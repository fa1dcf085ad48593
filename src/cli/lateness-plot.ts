/** How late cycles were, as a picture: a histogram on logarithmic axes against the deadline. Pure functions. */
import { escapeText, number } from './chart.js';
import { pictureStyle } from './picture.js';

/** The cycles of one run. */
export interface LatenessPanel {
  readonly title: string;
  /** From the scheduled start to the start, of each cycle [s]. */
  readonly lateness: ArrayLike<number>;
  /** From the scheduled start to the moment before the command went out [s]. */
  readonly command: ArrayLike<number>;
  /** What of the period may pass until then [s]. */
  readonly deadlineS: number;
  readonly missedLate: number;
  readonly missedLong: number;
}

/** Bins of a decade: wide enough that a run of a minute fills them. */
const BINS_PER_DECADE = 10;
/** Below it nothing is told apart: a clock's own reading takes about as long. */
const LEAST_S = 1e-6;
const DECADES_MAX = 8;

const WIDTH = 860;
const HEAD = 40;
const PANEL_HEIGHT = 342;
const PLOT_TOP = 52;
const PLOT_HEIGHT = 218;
const LEFT = 66;
const RIGHT = WIDTH - 24;

/** Counts by bins whose edges are `LEAST_S` times powers of the tenth root of ten. */
export interface LogHistogram {
  /** [s]; one more than there are counts. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/**
 * @param values [s]; what is below the first edge falls into the first bin
 * @param decades from `LEAST_S` on; what is beyond falls into the last bin
 */
export function logHistogram(values: ArrayLike<number>, decades: number): LogHistogram {
  const bins = decades * BINS_PER_DECADE;
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor(Math.log10(Math.max(values[i], LEAST_S) / LEAST_S) * BINS_PER_DECADE + 1e-9);
    counts[Math.min(bins - 1, place)]++;
  }
  const edges = Array.from({ length: bins + 1 }, (_, k) => LEAST_S * 10 ** (k / BINS_PER_DECADE));
  return { edges, counts };
}

/** The value that a share of all is at or below; NaN where there is none. @param share 0 … 1 */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/** A time in the unit that suits it: `312 µs`. @param seconds 0 and above */
export function timeText(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  for (const [unit, scale] of [
    ['s', 1],
    ['ms', 1e-3],
  ] as const) {
    if (seconds >= scale * (1 - 1e-9)) return `${number(Number((seconds / scale).toPrecision(3)))} ${unit}`;
  }
  return `${number(Number((seconds * 1e6).toPrecision(3)))} µs`;
}

/**
 * The picture, a panel for each run, with a background of its own that follows the reader's colour scheme.
 *
 * @param panels at least one, each with at least one cycle
 * @throws RangeError where there is none
 */
export function latenessSvg(panels: readonly LatenessPanel[]): string {
  if (panels.length === 0 || panels.some(({ lateness }) => lateness.length === 0)) {
    throw new RangeError('a histogram needs at least one cycle');
  }
  const height = HEAD + panels.length * PANEL_HEIGHT;
  let most = 0;
  for (const { command, deadlineS } of panels) {
    most = Math.max(most, 2 * deadlineS);
    for (let i = 0; i < command.length; i++) if (command[i] > most) most = command[i];
  }
  const decades = Math.min(DECADES_MAX, Math.max(1, Math.ceil(Math.log10(most / LEAST_S))));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    '<title id="title">How late cycles began and their commands went out, against the deadline</title>',
    pictureStyle(
      [
        '.command{fill:none;stroke-width:2;stroke-linejoin:round}.deadline{stroke-width:2;stroke-dasharray:7 4}',
        '.label{paint-order:stroke;stroke-width:4;stroke-linejoin:round}',
      ],
      {
        '.bar': { fill: ['#54aeff', '#1f6feb'] },
        '.command': { stroke: ['#0a3069', '#a5d6ff'] },
        '.missed': { fill: ['#cf222e', '#ff7b72'] },
        '.deadline': { stroke: ['#bc4c00', '#f0883e'] },
        '.labeld': { fill: ['#bc4c00', '#f0883e'] },
        '.label': { stroke: ['#ffffff', '#0d1117'] },
      },
    ),
    `<rect class="back" width="${WIDTH}" height="${height}" rx="6"/>`,
    `<text class="text" x="${WIDTH / 2}" y="26" text-anchor="middle" font-size="15" font-weight="600">From a cycle’s scheduled start: how late it began, and when its command went out</text>`,
    ...panels.flatMap((panel, k) => panelSvg(panel, HEAD + k * PANEL_HEIGHT, decades)),
    '</svg>',
    '',
  ].join('\n');
}

function panelSvg(panel: LatenessPanel, y0: number, decades: number): string[] {
  const { title, lateness, command, deadlineS, missedLate, missedLong } = panel;
  const top = y0 + PLOT_TOP;
  const bottom = top + PLOT_HEIGHT;
  const began = logHistogram(lateness, decades);
  const out = logHistogram(command, decades);
  const mostCount = Math.max(...began.counts, ...out.counts);
  const rows = Math.max(1, Math.ceil(Math.log10(mostCount + 1)));
  const xOf = (seconds: number) => LEFT + ((RIGHT - LEFT) * Math.log10(Math.max(seconds, LEAST_S) / LEAST_S)) / decades;
  // A count of 1 must be seen: it stands a third of a decade above the foot, which is none.
  const foot = 1 / 3;
  const yOf = (count: number) =>
    count === 0 ? bottom : bottom - (PLOT_HEIGHT * (Math.log10(count) + foot)) / (rows + foot);
  const cycles = lateness.length;
  const misses = missedLate + missedLong;
  const share =
    misses === 0 ? 'none missed' : `${misses} missed: ${missedLate} woken late, ${missedLong} computed long`;
  const isMissed = (k: number) => began.edges[k] >= deadlineS * (1 - 1e-9);
  const svg: string[] = [
    `<text class="text" x="${LEFT}" y="${top - 26}" font-weight="600">${escapeText(title)}</text>`,
    `<text class="soft" x="${RIGHT}" y="${top - 26}" text-anchor="end">${cycles} cycles, ${share}</text>`,
    `<text class="soft" x="${RIGHT}" y="${top - 8}" text-anchor="end">began: ${figures(lateness)}; command: ${figures(command)}</text>`,
  ];
  for (let row = 0; row <= rows; row++) {
    const y = yOf(10 ** row).toFixed(1);
    svg.push(`<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${y}" y2="${y}"/>`);
    svg.push(`<text class="soft" x="${LEFT - 8}" y="${y}" dy="4.5" text-anchor="end">${number(10 ** row)}</text>`);
  }
  for (let k = 0; k < began.counts.length; k++) {
    const count = began.counts[k];
    if (count === 0) continue;
    const x = xOf(began.edges[k]);
    const width = Math.max(1, xOf(began.edges[k + 1]) - x - 1);
    const y = yOf(count);
    svg.push(
      `<rect class="${isMissed(k) ? 'missed' : 'bar'}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${(bottom - y).toFixed(1)}"/>`,
    );
  }
  const points: string[] = [];
  for (let k = 0; k < out.counts.length; k++) {
    const y = yOf(out.counts[k]).toFixed(1);
    points.push(`${xOf(out.edges[k]).toFixed(1)},${y}`, `${xOf(out.edges[k + 1]).toFixed(1)},${y}`);
  }
  svg.push(`<polyline class="command" points="${points.join(' ')}"/>`);
  const deadlineX = xOf(deadlineS).toFixed(1);
  svg.push(`<line class="deadline" x1="${deadlineX}" x2="${deadlineX}" y1="${top}" y2="${bottom}"/>`);
  svg.push(
    `<text class="label labeld" x="${deadlineX}" y="${top + 12}" dx="-6" text-anchor="end">deadline ${timeText(deadlineS)}</text>`,
  );
  for (let power = 0; power <= decades; power++) {
    const seconds = LEAST_S * 10 ** power;
    const x = xOf(seconds).toFixed(1);
    svg.push(`<line class="axis" x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 5}"/>`);
    const text = power === 0 ? `≤ ${timeText(seconds)}` : timeText(seconds);
    svg.push(`<text class="soft" x="${x}" y="${bottom + 20}" text-anchor="middle">${text}</text>`);
    for (let factor = 2; factor < 10 && power < decades; factor++) {
      const minor = xOf(factor * seconds).toFixed(1);
      svg.push(`<line class="axis" x1="${minor}" x2="${minor}" y1="${bottom}" y2="${bottom + 3}"/>`);
    }
  }
  svg.push(`<line class="axis" x1="${LEFT}" x2="${RIGHT}" y1="${bottom}" y2="${bottom}"/>`);
  const middle = (top + bottom) / 2;
  svg.push(
    `<text class="text" x="18" y="${middle}" text-anchor="middle" transform="rotate(-90 18 ${middle})">cycles</text>`,
  );
  const key = bottom + 44;
  svg.push(`<rect class="bar" x="${LEFT}" y="${key - 10}" width="18" height="11"/>`);
  svg.push(`<text class="text" x="${LEFT + 25}" y="${key}">began so late</text>`);
  svg.push(`<polyline class="command" points="${LEFT + 140},${key - 4} ${LEFT + 160},${key - 4}"/>`);
  svg.push(`<text class="text" x="${LEFT + 167}" y="${key}">command out, which the deadline judges</text>`);
  if (began.counts.some((count, k) => count > 0 && isMissed(k))) {
    svg.push(`<rect class="missed" x="${LEFT + 460}" y="${key - 10}" width="18" height="11"/>`);
    svg.push(`<text class="text" x="${LEFT + 485}" y="${key}">began past the deadline</text>`);
  }
  return svg;
}

function figures(values: ArrayLike<number>): string {
  const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => timeText(quantile(values, share)));
  return `p50 ${p50}, p99 ${p99}, longest ${worst}`;
}
