/**
 * What `rfsn plot` makes a file of: an SVG as it is, or a PNG by sharp, which is an optional dependency and loaded only
 * for that.
 */
import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { UsageError } from './usage.js';

/** `auto` follows the reader's colour scheme. */
export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** What a PNG has of pixels for each unit of the SVG, so that it is sharp on screens of today. */
export const PNG_SCALE = 2;
/** Pixels to the inch at which sharp takes an SVG's units for pixels. */
const UNIT_DENSITY = 72;
const DARK_RULES = '@media (prefers-color-scheme:dark){';

/** A colour on white and on black. */
export type ColourPair = readonly [light: string, dark: string];

/**
 * The style of a picture: what all of them share, and its own rules.
 *
 * @param rules without colours
 * @param colours by selector and property: `{ '.path': { stroke: ['#0969da', '#58a6ff'] } }`
 * @returns the `style` element, of several lines
 */
export function pictureStyle(
  rules: readonly string[],
  colours: Readonly<Record<string, Readonly<Record<string, ColourPair>>>>,
): string {
  const all = { ...SHARED_COLOURS, ...colours };
  const coloured = (which: 0 | 1) =>
    Object.entries(all).map(([selector, properties]) => {
      const list = Object.entries(properties).map(([property, pair]) => `${property}:${pair[which]}`);
      return `${selector}{${list.join(';')}}`;
    });
  return [
    '<style>',
    'svg{color-scheme:light dark;font:13px system-ui,"DejaVu Sans",sans-serif}',
    ...rules,
    coloured(0).join(''),
    `${DARK_RULES}${coloured(1).join('')}}`,
    '</style>',
  ].join('\n');
}

const SHARED_COLOURS = {
  '.back': { fill: ['#ffffff', '#0d1117'] },
  '.text': { fill: ['#24292f', '#e6edf3'] },
  '.soft': { fill: ['#57606a', '#9aa4af'] },
  '.grid': { stroke: ['#d8dee4', '#2b323b'] },
  '.axis': { stroke: ['#57606a', '#9aa4af'] },
} as const satisfies Record<string, Record<string, ColourPair>>;

/**
 * A picture in one colour scheme, for what has none: paper, and PNG.
 *
 * @param svg with its dark colours in one media block, as all pictures here have them
 */
export function inTheme(svg: string, theme: Theme): string {
  const start = svg.indexOf(DARK_RULES);
  if (theme === 'auto' || start < 0) return svg;
  const from = start + DARK_RULES.length;
  let depth = 1;
  let end = from;
  for (; end < svg.length && depth > 0; end++) {
    if (svg[end] === '{') depth++;
    else if (svg[end] === '}') depth--;
  }
  const dark = svg.slice(from, end - 1);
  return svg.slice(0, start) + (theme === 'dark' ? dark : '') + svg.slice(end);
}

/** The formats that a file's name may ask for. @throws UsageError for another */
export function pictureFormat(path: string): 'svg' | 'png' {
  const extension = extname(path).toLowerCase();
  if (extension === '.svg') return 'svg';
  if (extension === '.png') return 'png';
  throw new UsageError(`-o ${path}: a picture is written as .svg or .png`);
}

/**
 * Writes a picture in the format of the file's name. A PNG has one colour scheme: the light one where `theme` is `auto`.
 *
 * @throws UsageError where the format is neither, or sharp is not there; Error where the file cannot be written
 * @realtime unsafe
 */
export async function writePicture(path: string, svg: string, theme: Theme): Promise<void> {
  const bytes = pictureFormat(path) === 'svg' ? inTheme(svg, theme) : await pngOf(svg, theme);
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw new Error(`${path} could not be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function pngOf(svg: string, theme: Theme): Promise<Uint8Array> {
  let sharp: typeof import('sharp').default;
  try {
    sharp = (await import('sharp')).default;
  } catch {
    throw new UsageError('a PNG needs sharp, which is not installed here: npm install sharp, or ask for an .svg');
  }
  const fixed = inTheme(svg, theme === 'auto' ? 'light' : theme);
  const options = { density: UNIT_DENSITY * PNG_SCALE };
  return await sharp(Buffer.from(withSize(fixed)), options)
    .png({ palette: true, colours: 256, dither: 0 })
    .toBuffer();
}

/** With its size said, which a browser takes from the page and sharp from nowhere else. */
function withSize(svg: string): string {
  const box = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg);
  return box === null ? svg : svg.replace('<svg ', `<svg width="${box[1]}" height="${box[2]}" `);
}
