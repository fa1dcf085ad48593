/** Colours of the canvases, read from style.css once for each theme. */

const NAMES = [
  'scene',
  'grid',
  'axis',
  'ink',
  'muted',
  'line',
  'panel',
  'laser',
  'seen',
  'path',
  'goal',
  'chosen',
  'command',
  'forbidden',
  'sector',
  'robot',
  'bad',
  'plus',
  'minus',
  'accent',
] as const;

export type Palette = Readonly<Record<(typeof NAMES)[number], string>> & { readonly font: string };

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colours = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { ...(colours as Record<(typeof NAMES)[number], string>), font: getComputedStyle(document.body).fontFamily };
}

/** Slanted lines that say "not that way" without a colour. */
export function hatch(context: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  const tile = document.createElement('canvas');
  tile.width = 16;
  tile.height = 16;
  const brush = tile.getContext('2d');
  if (brush === null) return colour;
  brush.strokeStyle = colour;
  brush.lineWidth = 2.5;
  brush.lineCap = 'square';
  for (let i = -1; i <= 1; i++) {
    brush.beginPath();
    brush.moveTo(i * 16, 16);
    brush.lineTo(i * 16 + 16, 0);
    brush.stroke();
  }
  const pattern = context.createPattern(tile, 'repeat');
  if (pattern === null) return colour;
  pattern.setTransform(new DOMMatrix().scale(0.5));
  return pattern;
}
