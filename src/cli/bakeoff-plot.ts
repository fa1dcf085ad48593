/** What `rfsn bakeoff` draws: the progressive error of each policy, a panel for each file. Pure functions. */
import type { ContestResult, Curve } from '../bakeoff/contest.js';
import { axesSvg, escapeText, number } from './chart.js';

export interface BakeoffPanel {
  /** The file's name. */
  readonly title: string;
  readonly rows: number;
  readonly results: readonly ContestResult[];
  /** Error of the best single class. */
  readonly constantError: number;
  /** Example from which the labels are rotated; null where they stay. */
  readonly driftAt: number | null;
}

export interface BakeoffPicture {
  readonly shuffles: number;
  readonly seed: number;
  readonly panels: readonly BakeoffPanel[];
  /** Name of the policy that is drawn thicker. */
  readonly emphasised: string;
}

const WIDTH = 860;
const HEAD = 44;
const PANEL_HEIGHT = 372;
const PLOT_TOP = 38;
const PLOT_HEIGHT = 270;
const PLOT_LEFT = 66;
const PLOT_WIDTH = 540;
const PLOT_RIGHT = PLOT_LEFT + PLOT_WIDTH;
/** Labels stand here, led to by a thin line from where their curve ends. */
const LABEL_LEFT = PLOT_RIGHT + 26;
const LABEL_GAP = 16;
/** A curve begins here: the share of one or two decisions says nothing. */
const FIRST_EXAMPLES = 10;
/** The axis goes no lower, even where nothing was wrong. */
const LEAST_ERROR = 0.001;

/** As many as there are policies, and some more; on white and on black. */
const COLOURS: readonly (readonly [string, string])[] = [
  ['#0969da', '#58a6ff'],
  ['#bc4c00', '#f0883e'],
  ['#1a7f37', '#3fb950'],
  ['#8250df', '#bc8cff'],
  ['#bf3989', '#f778ba'],
  ['#7d5a00', '#d4a72c'],
  ['#0f766e', '#39c5cf'],
  ['#cf222e', '#ff7b72'],
  ['#4a5bb5', '#a5b4fc'],
  ['#5c7a00', '#a3c940'],
  ['#7a4a3a', '#d0a890'],
  ['#6e7781', '#8b949e'],
];

/** Powers of ten, and twice and five times them, from the first at or below `least` to 1; two at least. */
export function errorTicks(least: number): number[] {
  const ticks = [1];
  for (let power = 0.1; ; power /= 10) {
    for (const factor of [5, 2, 1]) {
      if (ticks.length > 1 && ticks[0] <= least) return ticks;
      // By its text, so that a tick is the double nearest to what it says.
      ticks.unshift(Number((factor * power).toPrecision(1)));
    }
  }
}

/**
 * Heights of labels beside the heights they belong to: in their order, `gap` apart, within `top` and `bottom` as long as
 * there is room, and each as near as the others allow.
 *
 * @param heights on the page, downward, in any order
 */
export function spreadLabels(heights: readonly number[], gap: number, top: number, bottom: number): number[] {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b] || a - b);
  const placed = heights.slice();
  order.forEach((i, k) => {
    placed[i] = Math.max(heights[i], k === 0 ? top : placed[order[k - 1]] + gap);
  });
  let below = bottom + gap;
  for (let k = order.length - 1; k >= 0 && placed[order[k]] > below - gap; k--) {
    placed[order[k]] = below - gap;
    below = placed[order[k]];
  }
  return placed;
}

/**
 * The picture, with a background of its own that follows the reader's colour scheme.
 *
 * @param picture at least one panel, each with at least one result
 * @realtime unsafe
 */
export function bakeoffSvg(picture: BakeoffPicture): string {
  const { panels, shuffles, seed } = picture;
  const height = HEAD + panels.length * PANEL_HEIGHT;
  const orders = shuffles === 1 ? 'one order' : `mean of ${shuffles} orders, with its standard error,`;
  const style = (which: 0 | 1) =>
    COLOURS.map((pair, i) => `.c${i}{stroke:${pair[which]}}.f${i}{fill:${pair[which]}}`).join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    '<title id="title">Progressive error of each policy over the examples shown</title>',
    '<style>',
    'svg{color-scheme:light dark;font:13px system-ui,"DejaVu Sans",sans-serif}',
    '.back{fill:#ffffff}.text{fill:#24292f}.soft{fill:#57606a}.grid{stroke:#d8dee4}.axis{stroke:#57606a}',
    '.curve{fill:none;stroke-width:1.6;stroke-linejoin:round}.thick{stroke-width:3}.band{opacity:.18;stroke:none}',
    '.lead{fill:none;stroke-width:.8;opacity:.7}.constant{stroke:#57606a;stroke-width:1.4;stroke-dasharray:7 4}',
    '.drift{stroke:#57606a;stroke-width:1.2;stroke-dasharray:2 3}',
    style(0),
    '@media (prefers-color-scheme:dark){',
    '.back{fill:#0d1117}.text{fill:#e6edf3}.soft{fill:#9aa4af}.grid{stroke:#2b323b}.axis{stroke:#9aa4af}',
    '.constant,.drift{stroke:#9aa4af}',
    `${style(1)}}`,
    '</style>',
    `<rect class="back" width="${WIDTH}" height="${height}" rx="6"/>`,
    `<text class="text" x="${WIDTH / 2}" y="27" text-anchor="middle" font-size="15" font-weight="600">Progressive error: ${orders} from seed ${seed}</text>`,
    ...panels.flatMap((panel, k) => panelSvg(panel, HEAD + k * PANEL_HEIGHT, picture.emphasised)),
    '</svg>',
    '',
  ].join('\n');
}

interface Label {
  readonly text: string;
  /** Height of the end of its line. */
  readonly y: number;
  /** Of its colour; null for that of the constant class. */
  readonly colour: number | null;
  readonly bold: boolean;
}

function panelSvg(panel: BakeoffPanel, y0: number, emphasised: string): string[] {
  const { title, rows, results, constantError, driftAt } = panel;
  const top = y0 + PLOT_TOP;
  const bottom = top + PLOT_HEIGHT;
  const ticks = errorTicks(leastError(panel));
  const range = Math.log(ticks[0]);
  const xOf = (examples: number) => PLOT_LEFT + (PLOT_WIDTH * examples) / rows;
  const yOf = (error: number) => top + (PLOT_HEIGHT * Math.log(Math.min(1, Math.max(error, ticks[0])))) / range;
  const out: string[] = [
    `<text class="text" x="${PLOT_LEFT}" y="${top - 14}" font-weight="600">${escapeText(title)}</text>`,
    ...axesSvg({
      ...{ left: PLOT_LEFT, right: PLOT_RIGHT, top, bottom, most: rows, title: 'examples shown' },
      ...{ levels: ticks, yOf, levelText: (error) => number(100 * error) },
      ...{ levelTitle: 'progressive error [%]', levelTitleGap: 46 },
    }),
  ];
  if (driftAt !== null) {
    const x = xOf(driftAt).toFixed(1);
    out.push(`<line class="drift" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>`);
    out.push(`<text class="soft" x="${x}" y="${top - 4}" text-anchor="middle" font-size="12">labels rotate</text>`);
  }
  const constantY = yOf(constantError);
  out.push(
    `<line class="constant" x1="${PLOT_LEFT}" x2="${PLOT_RIGHT}" y1="${constantY.toFixed(1)}" y2="${constantY.toFixed(1)}"/>`,
  );
  const emphasis = (result: ContestResult) => (result.policy === emphasised ? 1 : 0);
  const labels: Label[] = [
    { text: `best single class ${percent(constantError)}`, y: constantY, colour: null, bold: false },
  ];
  // The emphasised one last, on top of the others.
  const order = results.map((_, i) => i).sort((a, b) => emphasis(results[a]) - emphasis(results[b]) || a - b);
  for (const i of order) {
    const result = results[i];
    const colour = i % COLOURS.length;
    const bold = result.policy === emphasised;
    const points = pointsFrom(result.curve);
    const at = (k: number, error: number) => `${xOf(result.curve.examples[k]).toFixed(1)},${yOf(error).toFixed(1)}`;
    const upper = points.map((k) => at(k, result.curve.mean[k] + result.curve.standardError[k]));
    const lower = points.map((k) => at(k, result.curve.mean[k] - result.curve.standardError[k])).reverse();
    out.push(`<polygon class="band f${colour}" points="${[...upper, ...lower].join(' ')}"/>`);
    out.push(
      `<polyline class="curve c${colour}${bold ? ' thick' : ''}" points="${points.map((k) => at(k, result.curve.mean[k])).join(' ')}"/>`,
    );
    labels.push({
      text: `${result.policy} ${percent(result.errorRate)}`,
      y: yOf(result.errorRate),
      colour,
      bold,
    });
  }
  const heights = spreadLabels(
    labels.map(({ y }) => y),
    LABEL_GAP,
    top + 4,
    bottom,
  );
  labels.forEach(({ text, y, colour, bold }, i) => {
    const to = heights[i];
    const line = colour === null ? 'axis' : `c${colour}`;
    out.push(
      `<polyline class="lead ${line}" points="${PLOT_RIGHT + 2},${y.toFixed(1)} ${PLOT_RIGHT + 9},${y.toFixed(1)} ${LABEL_LEFT - 11},${to.toFixed(1)} ${LABEL_LEFT - 4},${to.toFixed(1)}"/>`,
    );
    out.push(
      `<text class="${colour === null ? 'soft' : `f${colour}`}" x="${LABEL_LEFT}" y="${to.toFixed(1)}" dy="4.5"${bold ? ' font-weight="600"' : ''}>${escapeText(text)}</text>`,
    );
  });
  return out;
}

/** Indexes of the points that are drawn: all from `FIRST_EXAMPLES` on, or all there are. */
function pointsFrom({ examples }: Curve): number[] {
  const all = examples.map((_, k) => k);
  const later = all.filter((k) => examples[k] >= FIRST_EXAMPLES);
  return later.length > 1 ? later : all;
}

/** The lowest that a line of the panel goes, band left out. */
function leastError({ results, constantError }: BakeoffPanel): number {
  let least = constantError;
  for (const { curve } of results) {
    for (const k of pointsFrom(curve)) if (curve.mean[k] < least) least = curve.mean[k];
  }
  return Math.min(1, Math.max(least, LEAST_ERROR));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
