/**
 * Where robots went, as a picture from above: one world with every trajectory through it, or a sheet of many worlds. Pure
 * functions.
 */
import { isIntervention, isOverride } from '../memory/reason.js';
import { axisTicks, escapeText, number } from './chart.js';
import { type ColourPair, pictureStyle } from './picture.js';

/** `circles`, `boxes` and `movers` as a simulated world has them; of a real robot's place there are points. */
export interface MapWorld {
  /** x, y, radius [m]. */
  readonly circles: ArrayLike<number>;
  /** x, y, half length, half width [m], cosine and sine of its yaw. */
  readonly boxes: ArrayLike<number>;
  /** End a (x, y), end b (x, y), radius [m], and two more. */
  readonly movers: ArrayLike<number>;
  /** x, y [m]: what scans hit. */
  readonly points: ArrayLike<number>;
  /** [m, m]; null where there is none. */
  readonly goal: readonly [number, number] | null;
  readonly goalTolerance: number;
}

export type MapOutcome = 'running' | 'success' | 'collision' | 'timeout';

/** One way through a world; arrays of one length. */
export interface MapTrajectory {
  readonly outcome: MapOutcome;
  /** In the world's frame [m, m, rad]. */
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly yaw: ArrayLike<number>;
  /** Safety's reason code. */
  readonly reason: ArrayLike<number>;
  /** 1 where no line leads to. */
  readonly jumped: ArrayLike<number>;
  /** Another goal than the world's [m, m]; null where it had none. */
  readonly goal: readonly [number, number] | null;
  /** Whose way it is: a place in `MapPicture.names`, which gives it its colour. Absent: its outcome does. */
  readonly series?: number;
}

export interface MapPicture {
  readonly title: string;
  /** Lines under the legend. */
  readonly notes: readonly string[];
  readonly world: MapWorld;
  readonly trajectories: readonly MapTrajectory[];
  /** Of series; empty where there are none. */
  readonly names: readonly string[];
  /** Robot's outline [m]. */
  readonly length: number;
  readonly width: number;
}

export interface SheetCell {
  readonly title: string;
  /** What became of it, in a few words. */
  readonly result: string;
  readonly world: MapWorld;
  readonly trajectory: MapTrajectory;
}

export interface SheetPicture {
  readonly title: string;
  readonly subtitle: string;
  readonly cells: readonly SheetCell[];
}

/** A part of the plane [m]. */
export interface Extent {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

const CIRCLE = 3;
const BOX = 6;
const MOVER = 7;
/** Kept free around what is drawn [m]. */
const MARGIN = 0.4;
/** Points of a trajectory closer than this are one [m]. */
const STEP = 0.03;
/** Marks of an intervention stand this far apart [m]. */
const MARK_STEP = 0.12;
/** So many circles alike are drawn as the dots of one line, in a quarter of the bytes. */
const HEAP = 6;

const WIDTH = 860;
const HEAD = 44;
const LEGEND_WIDTH = 218;
const MAP_LEFT = 52;
const MAP_WIDTH_MAX = WIDTH - MAP_LEFT - LEGEND_WIDTH - 20;
const MAP_HEIGHT_MAX = 640;
const LEGEND_LEAST = 300;

const OUTCOMES: readonly MapOutcome[] = ['success', 'collision', 'timeout', 'running'];
const OUTCOME_WORDS: Readonly<Record<MapOutcome, string>> = {
  success: 'reached the goal',
  collision: 'collided',
  timeout: 'out of time',
  running: 'under way',
};

/** Beside a name. */
const SHORT_WORDS: Readonly<Record<MapOutcome, string>> = { ...OUTCOME_WORDS, success: 'arrived' };

const COLOURS: Readonly<Record<string, Readonly<Record<string, ColourPair>>>> = {
  '.ground': { fill: ['#f6f8fa', '#161b22'], stroke: ['#d8dee4', '#2b323b'] },
  '.thing': { fill: ['#8c959f', '#6e7681'] },
  '.heap': { stroke: ['#8c959f', '#6e7681'] },
  '.point': { stroke: ['#57606a', '#9aa4af'] },
  '.track': { stroke: ['#afb8c1', '#484f58'] },
  '.mover': { stroke: ['#8c959f', '#6e7681'] },
  '.success': { stroke: ['#0969da', '#58a6ff'] },
  '.collision': { stroke: ['#cf222e', '#ff7b72'] },
  '.timeout': { stroke: ['#8250df', '#bc8cff'] },
  '.running': { stroke: ['#57606a', '#9aa4af'] },
  '.series0': { stroke: ['#0969da', '#58a6ff'] },
  '.series1': { stroke: ['#8250df', '#bc8cff'] },
  '.series2': { stroke: ['#0f766e', '#39c5cf'] },
  '.series3': { stroke: ['#bf3989', '#f778ba'] },
  '.series4': { stroke: ['#57606a', '#9aa4af'] },
  '.crash': { stroke: ['#cf222e', '#ff7b72'] },
  '.slowed': { fill: ['#d4a72c', '#d29922'] },
  '.overridden': { fill: ['#bc4c00', '#f0883e'] },
  '.goal': { stroke: ['#1a7f37', '#3fb950'] },
  '.robot': { fill: ['#ffffff', '#0d1117'], stroke: ['#24292f', '#e6edf3'] },
  '.halo': { stroke: ['#ffffff', '#0d1117'] },
};
/** More ways than this in one picture are told apart by nobody; the sixth has the first one's colour. */
const SERIES = 5;
const RULES = [
  '.way{fill:none;stroke-width:2.4;stroke-linejoin:round;stroke-linecap:round}',
  '.ground{stroke-width:1}.goal{fill:none;stroke-width:2}.robot{stroke-width:1.4}',
  '.heap{fill:none;stroke-linecap:round}',
  '.point{fill:none;stroke-width:1.6;stroke-linecap:square}',
  '.mover{fill:none;stroke-width:1.4}.track{fill:none;stroke-width:1;stroke-dasharray:3 3}.halo{fill:none;stroke-width:5;stroke-linecap:round;opacity:.75}',
  '.crash{fill:none;stroke-width:3;stroke-linecap:round}',
];

/** What holds everything that is to be seen: things, trajectories and goals. */
export function extentOf(world: MapWorld, trajectories: readonly MapTrajectory[]): Extent {
  let [x0, y0, x1, y1] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -Infinity, -Infinity];
  const take = (x: number, y: number, reach: number) => {
    x0 = Math.min(x0, x - reach);
    y0 = Math.min(y0, y - reach);
    x1 = Math.max(x1, x + reach);
    y1 = Math.max(y1, y + reach);
  };
  const { circles, boxes, movers, points, goal, goalTolerance } = world;
  for (let i = 0; i < circles.length; i += CIRCLE) take(circles[i], circles[i + 1], circles[i + 2]);
  for (let i = 0; i < boxes.length; i += BOX) {
    const [cos, sin] = [Math.abs(boxes[i + 4]), Math.abs(boxes[i + 5])];
    take(boxes[i], boxes[i + 1], 0);
    const reachX = cos * boxes[i + 2] + sin * boxes[i + 3];
    const reachY = sin * boxes[i + 2] + cos * boxes[i + 3];
    take(boxes[i] - reachX, boxes[i + 1] - reachY, 0);
    take(boxes[i] + reachX, boxes[i + 1] + reachY, 0);
  }
  for (let i = 0; i < movers.length; i += MOVER) {
    take(movers[i], movers[i + 1], movers[i + 4]);
    take(movers[i + 2], movers[i + 3], movers[i + 4]);
  }
  for (let i = 0; i < points.length; i += 2) take(points[i], points[i + 1], 0);
  if (goal !== null) take(goal[0], goal[1], goalTolerance);
  for (const trajectory of trajectories) {
    for (let i = 0; i < trajectory.x.length; i++) take(trajectory.x[i], trajectory.y[i], MARGIN);
    if (trajectory.goal !== null) take(trajectory.goal[0], trajectory.goal[1], goalTolerance);
  }
  if (x0 > x1) return { x0: -1, y0: -1, x1: 1, y1: 1 };
  return { x0: x0 - MARGIN / 2, y0: y0 - MARGIN / 2, x1: x1 + MARGIN / 2, y1: y1 + MARGIN / 2 };
}

/** From the world to the page. */
interface Frame {
  readonly extent: Extent;
  /** Page units a metre. */
  readonly scale: number;
  readonly left: number;
  readonly bottom: number;
}

const px = (frame: Frame, x: number) => (frame.left + (x - frame.extent.x0) * frame.scale).toFixed(1);
const py = (frame: Frame, y: number) => (frame.bottom - (y - frame.extent.y0) * frame.scale).toFixed(1);

function worldSvg(world: MapWorld, frame: Frame): string[] {
  const { circles, boxes, movers, points } = world;
  const { scale } = frame;
  const out: string[] = [];
  for (const [radius, places] of circlesByRadius(circles)) {
    const r = radius * scale;
    if (places.length >= HEAP) {
      const dots = places.map((i) => `M${px(frame, circles[i])},${py(frame, circles[i + 1])}h0`);
      out.push(`<path class="heap" stroke-width="${(2 * r).toFixed(1)}" d="${dots.join('')}"/>`);
      continue;
    }
    for (const i of places) {
      const [x, y] = [px(frame, circles[i]), py(frame, circles[i + 1])];
      out.push(`<circle class="thing" cx="${x}" cy="${y}" r="${r.toFixed(1)}"/>`);
    }
  }
  for (let i = 0; i < boxes.length; i += BOX) {
    const [x, y, halfLength, halfWidth, cos, sin] = Array.from({ length: BOX }, (_, k) => boxes[i + k]);
    const corner = (a: number, b: number) =>
      `${px(frame, x + cos * a * halfLength - sin * b * halfWidth)},${py(frame, y + sin * a * halfLength + cos * b * halfWidth)}`;
    out.push(`<polygon class="thing" points="${corner(1, 1)} ${corner(-1, 1)} ${corner(-1, -1)} ${corner(1, -1)}"/>`);
  }
  for (let i = 0; i < movers.length; i += MOVER) {
    const [ax, ay, bx, by] = [
      px(frame, movers[i]),
      py(frame, movers[i + 1]),
      px(frame, movers[i + 2]),
      py(frame, movers[i + 3]),
    ];
    const r = (movers[i + 4] * scale).toFixed(1);
    out.push(`<path class="track" d="M${ax},${ay}L${bx},${by}"/>`);
    out.push(
      `<circle class="mover" cx="${ax}" cy="${ay}" r="${r}"/><circle class="mover" cx="${bx}" cy="${by}" r="${r}"/>`,
    );
  }
  if (points.length > 0) {
    const dots: string[] = [];
    for (let i = 0; i < points.length; i += 2) dots.push(`M${px(frame, points[i])},${py(frame, points[i + 1])}h0`);
    out.push(`<path class="point" d="${dots.join('')}"/>`);
  }
  return out;
}

/** Indexes into `circles`, by radius: BARN builds its walls of hundreds that are alike. */
function circlesByRadius(circles: ArrayLike<number>): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (let i = 0; i < circles.length; i += CIRCLE) {
    const group = groups.get(circles[i + 2]);
    if (group === undefined) groups.set(circles[i + 2], [i]);
    else group.push(i);
  }
  return groups;
}

/** The line of a way, thinned to what can be seen. */
export function wayPath(trajectory: MapTrajectory, frame: Pick<Frame, 'extent' | 'scale' | 'left' | 'bottom'>): string {
  const { x, y, jumped } = trajectory;
  let d = '';
  let [lastX, lastY] = [Number.NaN, Number.NaN];
  for (let i = 0; i < x.length; i++) {
    const ends = i === x.length - 1 || jumped[i + 1] === 1;
    const begins = i === 0 || jumped[i] === 1;
    if (!begins && !ends && Math.hypot(x[i] - lastX, y[i] - lastY) < STEP) continue;
    d += `${begins ? 'M' : 'L'}${px(frame, x[i])},${py(frame, y[i])}`;
    [lastX, lastY] = [x[i], y[i]];
  }
  return d;
}

function wayClass({ series, outcome }: MapTrajectory): string {
  return series === undefined ? outcome : `series${series % SERIES}`;
}

/** What became of one series, in words. */
function seriesText(name: string, trajectories: readonly MapTrajectory[]): string {
  if (trajectories.length === 1) return `${name}: ${SHORT_WORDS[trajectories[0].outcome]}`;
  const arrived = trajectories.filter(({ outcome }) => outcome === 'success').length;
  return `${name}: ${arrived} of ${trajectories.length} arrived`;
}

/** Marks of the same colour, in the order in which reasons take them: path data about the middle, for a radius of 1. */
const SHAPES: readonly string[] = [
  '',
  'M-1,-1h2v2h-2z',
  'M0,-1.3l1.25,2.2h-2.5z',
  'M0,-1.4l1.4,1.4l-1.4,1.4l-1.4,-1.4z',
  'M0,1.3l1.25,-2.2h-2.5z',
  'M-0.5,-1.4h1v2.8h-1z',
  'M-1.4,-0.5h2.8v1h-2.8z',
  'M-0.45,-1.3h0.9v0.85h0.85v0.9h-0.85v0.85h-0.9v-0.85h-0.85v-0.9h0.85z',
];

/** Index in `SHAPES` of each reason, so that reasons of one colour differ. @param counts the most frequent first */
function shapesOf(counts: readonly { reason: number }[]): Map<number, number> {
  const shapes = new Map<number, number>();
  const taken = { slowed: 0, overridden: 0 };
  for (const { reason } of counts) shapes.set(reason, taken[kindOf(reason)]++ % SHAPES.length);
  return shapes;
}

function kindOf(reason: number): 'slowed' | 'overridden' {
  return isOverride(reason) ? 'overridden' : 'slowed';
}

function markSvg(reason: number, shape: number, x: string, y: string, radius: number): string {
  const kind = kindOf(reason);
  if (shape === 0) return `<circle class="${kind}" cx="${x}" cy="${y}" r="${radius}"/>`;
  return `<path class="${kind}" transform="translate(${x} ${y}) scale(${radius})" d="${SHAPES[shape]}"/>`;
}

/** Where safety acted, `MARK_STEP` apart. @param shapes null: reasons of one colour look alike */
function marksSvg(
  trajectory: MapTrajectory,
  frame: Frame,
  radius: number,
  shapes: ReadonlyMap<number, number> | null,
): string[] {
  const { x, y, reason } = trajectory;
  const last = new Map<number | string, readonly [number, number]>();
  const out: string[] = [];
  for (let i = 0; i < x.length; i++) {
    if (!isIntervention(reason[i])) continue;
    const mark = shapes === null ? kindOf(reason[i]) : reason[i];
    const before = last.get(mark);
    if (before !== undefined && Math.hypot(x[i] - before[0], y[i] - before[1]) < MARK_STEP) continue;
    last.set(mark, [x[i], y[i]]);
    out.push(markSvg(reason[i], shapes?.get(reason[i]) ?? 0, px(frame, x[i]), py(frame, y[i]), radius));
  }
  // What weighs more lies on top.
  return out.sort((a, b) => Number(a.includes('overridden')) - Number(b.includes('overridden')));
}

function crashSvg(trajectory: MapTrajectory, frame: Frame, size: number): string {
  const i = trajectory.x.length - 1;
  if (trajectory.outcome !== 'collision' || i < 0) return '';
  const [x, y] = [Number(px(frame, trajectory.x[i])), Number(py(frame, trajectory.y[i]))];
  const d = `M${x - size},${y - size}l${2 * size},${2 * size}m0,${-2 * size}l${-2 * size},${2 * size}`;
  return `<path class="halo" d="${d}"/><path class="crash" d="${d}"/>`;
}

function goalSvg(goal: readonly [number, number] | null, tolerance: number, frame: Frame): string[] {
  if (goal === null) return [];
  const [x, y] = [px(frame, goal[0]), py(frame, goal[1])];
  const r = Math.max(3, tolerance * frame.scale);
  return [
    `<circle class="goal" cx="${x}" cy="${y}" r="${r.toFixed(1)}"/>`,
    `<circle class="goal" cx="${x}" cy="${y}" r="1.2"/>`,
  ];
}

function robotSvg(trajectory: MapTrajectory, frame: Frame, length: number, width: number): string {
  if (trajectory.x.length === 0) return '';
  const [x, y, yaw] = [trajectory.x[0], trajectory.y[0], trajectory.yaw[0]];
  const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
  const at = (ahead: number, left: number) =>
    `${px(frame, x + cos * ahead - sin * left)},${py(frame, y + sin * ahead + cos * left)}`;
  const [l, w] = [length / 2, width / 2];
  // A rectangle with a nose.
  return `<polygon class="robot" points="${at(l, 0)} ${at(l * 0.6, w)} ${at(-l, w)} ${at(-l, -w)} ${at(l * 0.6, -w)}"/>`;
}

/** Cycles by reason of safety, all trajectories together; the most frequent first. */
export function interventionCounts(trajectories: readonly MapTrajectory[]): { reason: number; cycles: number }[] {
  const cycles = new Map<number, number>();
  for (const { reason } of trajectories) {
    for (let i = 0; i < reason.length; i++) {
      if (isIntervention(reason[i])) cycles.set(reason[i], (cycles.get(reason[i]) ?? 0) + 1);
    }
  }
  return [...cycles].map(([reason, count]) => ({ reason, cycles: count })).sort((a, b) => b.cycles - a.cycles);
}

/**
 * One world, with a background of its own that follows the reader's colour scheme.
 *
 * @param labels of safety's reasons, by code
 */
export function mapSvg(picture: MapPicture, labels: readonly string[]): string {
  const { title, notes, world, trajectories, length, width } = picture;
  const extent = extentOf(world, trajectories);
  const [spanX, spanY] = [extent.x1 - extent.x0, extent.y1 - extent.y0];
  const scale = Math.min(MAP_WIDTH_MAX / spanX, MAP_HEIGHT_MAX / spanY);
  const counts = interventionCounts(trajectories);
  const shapes = shapesOf(counts);
  const legendHeight = LEGEND_LEAST + 18 * (Math.min(8, counts.length) + notes.length - 6);
  const mapHeight = spanY * scale;
  const mapWidth = spanX * scale;
  // Narrow worlds stand in the middle of their place.
  const left = MAP_LEFT + (MAP_WIDTH_MAX - mapWidth) / 2;
  const bodyHeight = Math.max(mapHeight, legendHeight);
  const frame: Frame = { extent, scale, left, bottom: HEAD + 8 + bodyHeight / 2 + mapHeight / 2 };
  const height = Math.ceil(HEAD + 8 + bodyHeight + 50);
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${escapeText(title)}: where the robot went, seen from above</title>`,
    pictureStyle(RULES, COLOURS),
    `<rect class="back" width="${WIDTH}" height="${height}" rx="6"/>`,
    `<text class="text" x="${WIDTH / 2}" y="27" text-anchor="middle" font-size="15" font-weight="600">${escapeText(title)}</text>`,
    `<rect class="ground" x="${left.toFixed(1)}" y="${(frame.bottom - mapHeight).toFixed(1)}" width="${mapWidth.toFixed(1)}" height="${mapHeight.toFixed(1)}"/>`,
    ...rulers(frame, mapWidth, mapHeight),
    ...worldSvg(world, frame),
    ...goalSvg(world.goal, world.goalTolerance, frame),
  ];
  for (const { goal } of trajectories) out.push(...goalSvg(goal, world.goalTolerance, frame));
  for (const trajectory of trajectories) {
    const d = wayPath(trajectory, frame);
    if (d !== '') out.push(`<path class="halo" d="${d}"/>`, `<path class="way ${wayClass(trajectory)}" d="${d}"/>`);
  }
  for (const trajectory of trajectories) out.push(robotSvg(trajectory, frame, length, width));
  for (const trajectory of trajectories) out.push(...marksSvg(trajectory, frame, 2.6, shapes));
  for (const trajectory of trajectories) out.push(crashSvg(trajectory, frame, 6));
  out.push(...legendSvg(picture, counts, labels), '</svg>', '');
  return out.filter((line, i) => line !== '' || i === out.length - 1).join('\n');
}

/** Metres along the lower and the left edge. */
function rulers(frame: Frame, mapWidth: number, mapHeight: number): string[] {
  const { extent, left, bottom } = frame;
  const out: string[] = [];
  const step = axisTicks(Math.max(extent.x1 - extent.x0, extent.y1 - extent.y0), 8)[1];
  const first = (least: number) => Math.ceil(least / step - 1e-9);
  for (let k = first(extent.x0); k * step <= extent.x1; k++) {
    const x = px(frame, k * step);
    out.push(
      `<line class="grid" x1="${x}" x2="${x}" y1="${(bottom - mapHeight).toFixed(1)}" y2="${bottom.toFixed(1)}"/>`,
    );
    out.push(
      `<text class="soft" x="${x}" y="${(bottom + 18).toFixed(1)}" text-anchor="middle">${number(k * step)}</text>`,
    );
  }
  for (let k = first(extent.y0); k * step <= extent.y1; k++) {
    const y = py(frame, k * step);
    out.push(`<line class="grid" x1="${left.toFixed(1)}" x2="${(left + mapWidth).toFixed(1)}" y1="${y}" y2="${y}"/>`);
    out.push(
      `<text class="soft" x="${(left - 7).toFixed(1)}" y="${y}" dy="4.5" text-anchor="end">${number(k * step)}</text>`,
    );
  }
  const middleX = (left + mapWidth / 2).toFixed(1);
  const [sideX, middleY] = [(left - 36).toFixed(1), (bottom - mapHeight / 2).toFixed(1)];
  out.push(`<text class="text" x="${middleX}" y="${(bottom + 38).toFixed(1)}" text-anchor="middle">x [m]</text>`);
  out.push(
    `<text class="text" x="${sideX}" y="${middleY}" text-anchor="middle" transform="rotate(-90 ${sideX} ${middleY})">y [m]</text>`,
  );
  return out;
}

function legendSvg(
  { notes, trajectories, world, names }: MapPicture,
  counts: readonly { reason: number; cycles: number }[],
  labels: readonly string[],
): string[] {
  const left = WIDTH - LEGEND_WIDTH;
  const out: string[] = [];
  let y = HEAD + 22;
  const line = (mark: string, text: string, soft = false) => {
    out.push(mark, `<text class="${soft ? 'soft' : 'text'}" x="${left + 30}" y="${y}">${escapeText(text)}</text>`);
    y += 21;
  };
  names.forEach((name, series) => {
    const own = trajectories.filter((trajectory) => trajectory.series === series);
    if (own.length === 0) return;
    line(`<path class="way ${wayClass(own[0])}" d="M${left},${y - 4}h22"/>`, seriesText(name, own));
  });
  for (const outcome of OUTCOMES) {
    const count = trajectories.filter(
      (trajectory) => trajectory.series === undefined && trajectory.outcome === outcome,
    ).length;
    if (count === 0) continue;
    const share = trajectories.length === 1 ? '' : `${count} `;
    line(`<path class="way ${outcome}" d="M${left},${y - 4}h22"/>`, `${share}${OUTCOME_WORDS[outcome]}`);
  }
  if (trajectories.some(({ outcome }) => outcome === 'collision')) {
    line(`<path class="crash" d="M${left + 6},${y - 9}l10,10m0,-10l-10,10"/>`, 'collision');
  }
  line(
    `<polygon class="robot" points="${left + 20},${y - 4} ${left + 14},${y - 10} ${left + 2},${y - 10} ${left + 2},${y + 2} ${left + 14},${y + 2}"/>`,
    'start',
  );
  if (world.goal !== null || trajectories.some(({ goal }) => goal !== null)) {
    line(`<circle class="goal" cx="${left + 11}" cy="${y - 4}" r="6"/>`, 'goal');
  }
  if (world.movers.length > 0) line(`<circle class="mover" cx="${left + 11}" cy="${y - 4}" r="6"/>`, 'goes to and fro');
  if (counts.length > 0) {
    y += 10;
    out.push(`<text class="text" x="${left}" y="${y}" font-weight="600">Safety acted</text>`);
    y += 21;
    const shapes = shapesOf(counts);
    for (const { reason, cycles } of counts.slice(0, 8)) {
      const name = (labels[reason] ?? String(reason)).replaceAll('_', ' ');
      line(
        markSvg(reason, shapes.get(reason) ?? 0, String(left + 11), String(y - 4), 4),
        `${name}: ${cycles} ${cycles === 1 ? 'cycle' : 'cycles'}`,
      );
    }
  }
  y += 6;
  for (const note of notes) {
    out.push(`<text class="soft" x="${left}" y="${y}">${escapeText(note)}</text>`);
    y += 18;
  }
  return out;
}

const CELL_GAP = 14;
const CELL_TEXT = 36;
/** Area that a cell's map takes at most [page units²], so that tall worlds and wide ones are as large. */
const CELL_AREA = 110 * 130;
/** A cell's two lines of text need so much. */
const CELL_WIDTH_LEAST = 66;
/** Few cells may be larger, by so much. */
const CELL_GROWTH = 1.7;

/**
 * Many worlds, small, all on one scale.
 *
 * @param sheet at least one cell
 * @throws RangeError where there is none
 */
export function sheetSvg(sheet: SheetPicture): string {
  const { title, subtitle, cells } = sheet;
  if (cells.length === 0) throw new RangeError('a sheet needs at least one world');
  const extents = cells.map(({ world, trajectory }) => extentOf(world, [trajectory]));
  const spanX = Math.max(...extents.map(({ x0, x1 }) => x1 - x0));
  const spanY = Math.max(...extents.map(({ y0, y1 }) => y1 - y0));
  const room = WIDTH - 2 * 20 + CELL_GAP;
  const wish = Math.sqrt(CELL_AREA / (spanX * spanY));
  const columns = Math.max(
    1,
    Math.min(cells.length, Math.floor(room / (Math.max(CELL_WIDTH_LEAST, spanX * wish) + CELL_GAP))),
  );
  const cellWidth = room / columns - CELL_GAP;
  const scale = Math.min(cellWidth / spanX, 320 / spanY, CELL_GROWTH * wish);
  const cellHeight = spanY * scale;
  const rows = Math.ceil(cells.length / columns);
  const top = 66;
  const height = Math.ceil(top + rows * (cellHeight + CELL_TEXT + CELL_GAP) + 34);
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${escapeText(title)}: ${cells.length} worlds, each with the robot’s way through it</title>`,
    pictureStyle(
      [
        ...RULES,
        '.way{stroke-width:1.8}.halo{stroke-width:4}.robot{stroke-width:1}.goal{stroke-width:1.4}.crash{stroke-width:2.4}',
      ],
      {
        ...COLOURS,
        '.r-success': { fill: ['#0969da', '#58a6ff'] },
        '.r-collision': { fill: ['#cf222e', '#ff7b72'] },
        '.r-timeout': { fill: ['#8250df', '#bc8cff'] },
        '.r-running': { fill: ['#57606a', '#9aa4af'] },
      },
    ),
    `<rect class="back" width="${WIDTH}" height="${height}" rx="6"/>`,
    `<text class="text" x="${WIDTH / 2}" y="27" text-anchor="middle" font-size="15" font-weight="600">${escapeText(title)}</text>`,
    `<text class="soft" x="${WIDTH / 2}" y="48" text-anchor="middle">${escapeText(subtitle)}</text>`,
  ];
  cells.forEach(({ title: cellTitle, result, world, trajectory }, i) => {
    const x = 20 + (i % columns) * (cellWidth + CELL_GAP);
    const y = top + Math.floor(i / columns) * (cellHeight + CELL_TEXT + CELL_GAP);
    const own = extents[i];
    const [ownWidth, ownHeight] = [(own.x1 - own.x0) * scale, (own.y1 - own.y0) * scale];
    const left = x + (cellWidth - ownWidth) / 2;
    const frame: Frame = { extent: own, scale, left, bottom: y + CELL_TEXT + ownHeight };
    const middle = (x + cellWidth / 2).toFixed(1);
    out.push(
      `<text class="text" x="${middle}" y="${(y + 13).toFixed(1)}" text-anchor="middle" font-size="12">${escapeText(cellTitle)}</text>`,
      `<text class="r-${trajectory.outcome}" x="${middle}" y="${(y + 29).toFixed(1)}" text-anchor="middle" font-size="12">${escapeText(result)}</text>`,
      `<rect class="ground" x="${left.toFixed(1)}" y="${(frame.bottom - ownHeight).toFixed(1)}" width="${ownWidth.toFixed(1)}" height="${ownHeight.toFixed(1)}"/>`,
      ...worldSvg(world, frame),
      ...goalSvg(trajectory.goal ?? world.goal, world.goalTolerance, frame),
    );
    const d = wayPath(trajectory, frame);
    if (d !== '') out.push(`<path class="way ${trajectory.outcome}" d="${d}"/>`);
    out.push(...marksSvg(trajectory, frame, 1.7, null), crashSvg(trajectory, frame, 4));
  });
  const key = height - 16;
  let x = 20;
  const say = (mark: string, text: string) => {
    out.push(mark, `<text class="soft" x="${x + 26}" y="${key}" font-size="12">${text}</text>`);
    x += 40 + 6.6 * text.length;
  };
  for (const outcome of OUTCOMES) {
    if (!cells.some(({ trajectory }) => trajectory.outcome === outcome)) continue;
    say(`<path class="way ${outcome}" d="M${x},${key - 4}h20"/>`, OUTCOME_WORDS[outcome]);
  }
  say(`<circle class="slowed" cx="${x + 12}" cy="${key - 4}" r="3.4"/>`, 'slowed by safety');
  say(`<circle class="overridden" cx="${x + 12}" cy="${key - 4}" r="3.4"/>`, 'stopped or led by safety');
  out.push('</svg>', '');
  return out.filter((line, i) => line !== '' || i === out.length - 1).join('\n');
}
