/** The learning curve as a picture: success rate and time to goal over the episodes of a training. Pure functions. */
import { axesSvg, axisTicks, escapeText, number } from './chart.js';

/** How one training episode ended. */
export interface CurveEpisode {
  readonly success: boolean;
  /** The time limit where the goal was not reached [s]. */
  readonly timeS: number;
}

/** A level to hold the curve against: a policy that does not learn, or no longer. At most three have a colour. */
export interface CurveReference {
  readonly name: string;
  /** 0 … 1. */
  readonly successRate: number;
  /** [s] */
  readonly meanTimeS: number;
}

export interface LearningCurve {
  /** What was trained in; part of the title. */
  readonly scenario: string;
  /** In place of `Learning in …`. */
  readonly heading?: string;
  readonly episodes: readonly CurveEpisode[];
  readonly references: readonly CurveReference[];
}

/** Episodes that a point of the curve looks back on. */
export const CURVE_WINDOW = 25;
/** The curve begins where the mean is one of so many: fewer say nothing. */
const CURVE_FIRST = 5;

const WIDTH = 860;
const HEIGHT = 346;
const PANEL_TOP = 72;
const PANEL_HEIGHT = 216;
const PANEL_WIDTH = 345;
const PANEL_LEFTS = [62, 496] as const;
/** Labels closer than this run into each other. */
const LABEL_GAP = 15;
const TEXT_HEIGHT = 12;
/** From a line up to the foot of its label. */
const ABOVE_LINE = 5;

/**
 * Mean of each value and those before it, at most `window` together.
 *
 * @returns as many numbers, the caller's own
 */
export function movingMean(values: readonly number[], window: number): number[] {
  const means: number[] = [];
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    if (i >= window) sum -= values[i - window];
    means.push(sum / Math.min(i + 1, window));
  }
  return means;
}

/**
 * The picture, with a background of its own that follows the reader's colour scheme, so that it can be read on any page.
 *
 * @param curve at least one episode
 * @throws RangeError where there is none
 */
export function learningCurveSvg(curve: LearningCurve): string {
  const { episodes, references, scenario, heading = `Learning in ${scenario}` } = curve;
  if (episodes.length === 0) throw new RangeError('a learning curve needs at least one episode');
  const successes = episodes.map(({ success }) => (success ? 100 : 0));
  const times = episodes.map(({ timeS }) => timeS);
  const slowest = Math.max(...times, ...references.map(({ meanTimeS }) => meanTimeS));
  const caption = `mean of the last ${CURVE_WINDOW} training episodes, exploration included; dots: single ones`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">`,
    `<title id="title">Learning curve${scenario === '' ? '' : ` in ${escapeText(scenario)}`}: success rate and time to goal over training episodes</title>`,
    '<style>',
    'svg{color-scheme:light dark;font:13px system-ui,"DejaVu Sans",sans-serif}',
    '.label{paint-order:stroke;stroke:#ffffff;stroke-width:4;stroke-linejoin:round}',
    '.back{fill:#ffffff}.text{fill:#24292f}.soft{fill:#57606a}.grid{stroke:#d8dee4}.axis{stroke:#57606a}',
    '.curve{fill:none;stroke:#0969da;stroke-width:2.5;stroke-linejoin:round}.dot{fill:#0969da;opacity:.28}',
    '.level{stroke-width:1.6;stroke-dasharray:7 4}.level0{stroke:#bc4c00}.label0{fill:#bc4c00}',
    '.level1{stroke:#6639ba;stroke-dasharray:2 3}.label1{fill:#6639ba}',
    '.level2{stroke:#1a7f37;stroke-dasharray:none}.label2{fill:#1a7f37}',
    '@media (prefers-color-scheme:dark){.label{stroke:#0d1117}',
    '.back{fill:#0d1117}.text{fill:#e6edf3}.soft{fill:#9aa4af}.grid{stroke:#2b323b}.axis{stroke:#9aa4af}',
    '.curve{stroke:#58a6ff}.dot{fill:#58a6ff;opacity:.5}.level0{stroke:#f0883e}.label0{fill:#f0883e}',
    '.level1{stroke:#bc8cff}.label1{fill:#bc8cff}.level2{stroke:#3fb950}.label2{fill:#3fb950}}',
    '</style>',
    `<rect class="back" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="text" x="${WIDTH / 2}" y="24" text-anchor="middle" font-size="14" font-weight="600">${escapeText(heading)}: ${caption}</text>`,
    ...panel({
      left: PANEL_LEFTS[0],
      title: 'success rate [%]',
      values: successes,
      dots: false,
      ticks: [0, 20, 40, 60, 80, 100],
      levels: references.map(({ name, successRate }) => ({ name, value: 100 * successRate, digits: 0, unit: ' %' })),
    }),
    ...panel({
      left: PANEL_LEFTS[1],
      title: 'time to goal [s]',
      values: times,
      dots: true,
      ticks: axisTicks(slowest, 6),
      levels: references.map(({ name, meanTimeS }) => ({ name, value: meanTimeS, digits: 1, unit: ' s' })),
    }),
    '</svg>',
    '',
  ].join('\n');
}

interface Panel {
  left: number;
  title: string;
  /** One for each episode. */
  values: readonly number[];
  /** Whether each episode is a dot too. */
  dots: boolean;
  /** Ascending, from the foot of the axis to its top. */
  ticks: readonly number[];
  levels: readonly { name: string; value: number; digits: number; unit: string }[];
}

function panel({ left, title, values, dots, ticks, levels }: Panel): string[] {
  const top = ticks[ticks.length - 1];
  const bottom = PANEL_TOP + PANEL_HEIGHT;
  const right = left + PANEL_WIDTH;
  const count = values.length;
  const xOf = (episode: number) => left + (PANEL_WIDTH * episode) / count;
  const yOf = (value: number) => bottom - (PANEL_HEIGHT * value) / top;
  const out = axesSvg({
    ...{ left, right, top: PANEL_TOP, bottom, most: count, title: 'training episodes' },
    ...{ levels: ticks, yOf, levelText: number, levelTitle: title, levelTitleGap: 44 },
  });
  if (dots) {
    values.forEach((value, i) => {
      out.push(`<circle class="dot" cx="${xOf(i + 1).toFixed(1)}" cy="${yOf(value).toFixed(1)}" r="1.8"/>`);
    });
  }
  levels.forEach(({ value }, i) => {
    const y = yOf(value).toFixed(1);
    out.push(`<line class="level level${i}" x1="${left}" x2="${right}" y1="${y}" y2="${y}"/>`);
  });
  if (count < CURVE_FIRST) {
    const text = `${count} ${count === 1 ? 'episode' : 'episodes'}: the curve begins with ${CURVE_FIRST}`;
    const x = (left + right) / 2;
    const y = (PANEL_TOP + bottom) / 2;
    out.push(`<text class="soft label" x="${x}" y="${y}" text-anchor="middle">${text}</text>`);
  }
  const points = movingMean(values, CURVE_WINDOW)
    .map((value, i) => `${xOf(i + 1).toFixed(1)},${yOf(value).toFixed(1)}`)
    .slice(CURVE_FIRST - 1);
  if (points.length > 0) out.push(`<polyline class="curve" points="${points.join(' ')}"/>`);
  const texts = levels.map(({ value, digits, unit }) => `${value.toFixed(digits)}${unit}`);
  // Levels that read alike share a label: two texts in one place say less.
  const owners = texts.map((text) => texts.indexOf(text));
  const heights = labelHeights(
    levels.map(({ value }) => yOf(value)),
    owners,
  );
  levels.forEach((_, i) => {
    if (owners[i] !== i) return;
    const names = levels.filter((__, k) => owners[k] === i).map(({ name }) => escapeText(name));
    const label = `${names.join(' = ')} ${texts[i]}`;
    out.push(
      `<text class="label label${i}" x="${right - 4}" y="${heights[i].toFixed(1)}" text-anchor="end">${label}</text>`,
    );
  });
  return out;
}

/**
 * Where the labels of lines go: above each line, or below it where another line or label is in the way.
 *
 * @param lines heights on the page, downward
 * @param owners index of the line whose label a line shares; only owners have one
 */
function labelHeights(lines: readonly number[], owners: readonly number[]): number[] {
  const heights = lines.slice();
  const order = owners.filter((owner, i) => owner === i).sort((a, b) => lines[a] - lines[b]);
  let lastLine = Number.NEGATIVE_INFINITY;
  let lastLabel = Number.NEGATIVE_INFINITY;
  for (const i of order) {
    const above = lines[i] - ABOVE_LINE;
    const free = above - TEXT_HEIGHT > lastLine && above >= lastLabel + LABEL_GAP;
    heights[i] = free ? above : Math.max(lines[i] + TEXT_HEIGHT + 2, lastLabel + LABEL_GAP);
    lastLine = lines[i];
    lastLabel = heights[i];
  }
  return heights;
}
