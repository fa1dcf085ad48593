/** What the pictures of the commands have in common: ticks, axes and text of an SVG. Pure functions. */

/** Where a chart stands on its page, and what is written along its axes. */
export interface Axes {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Each a line across the chart, at the height `yOf` gives. */
  readonly levels: readonly number[];
  yOf(level: number): number;
  levelText(level: number): string;
  readonly levelTitle: string;
  /** From the left edge to the line that `levelTitle` is written along. */
  readonly levelTitleGap: number;
  /** What the right edge stands for, in the units of the lower axis, which counts things; the left one stands for 0. */
  readonly most: number;
  readonly title: string;
}

/** Multiples of 1, 2 or 5 times a power of ten from 0 to the first at or above `most`. @param most above 0 */
export function axisTicks(most: number, count: number): number[] {
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? 10 * power;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

/** Lines and text around a chart, of the classes `grid`, `axis`, `soft` and `text`. @returns elements, one a line */
export function axesSvg(axes: Axes): string[] {
  const { left, right, top, bottom, levels, levelTitle, most, title } = axes;
  const out: string[] = [];
  for (const level of levels) {
    const y = axes.yOf(level).toFixed(1);
    out.push(`<line class="grid" x1="${left}" x2="${right}" y1="${y}" y2="${y}"/>`);
    out.push(`<text class="soft" x="${left - 8}" y="${y}" dy="4.5" text-anchor="end">${axes.levelText(level)}</text>`);
  }
  for (const tick of axisTicks(most, 6)) {
    // The lower axis counts things.
    if (tick > most || !Number.isInteger(tick)) continue;
    const x = (left + ((right - left) * tick) / most).toFixed(1);
    out.push(`<line class="axis" x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 4}"/>`);
    out.push(`<text class="soft" x="${x}" y="${bottom + 19}" text-anchor="middle">${number(tick)}</text>`);
  }
  out.push(`<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`);
  out.push(`<text class="text" x="${(left + right) / 2}" y="${bottom + 42}" text-anchor="middle">${title}</text>`);
  const x = left - axes.levelTitleGap;
  const y = (top + bottom) / 2;
  out.push(
    `<text class="text" x="${x}" y="${y}" text-anchor="middle" transform="rotate(-90 ${x} ${y})">${levelTitle}</text>`,
  );
  return out;
}

/** A tick's label. */
export function number(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Text for the inside of an SVG element. */
export function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
