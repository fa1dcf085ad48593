/**
 * The scene from above. Draws into one canvas whatever `PageState` holds, seen by its camera; allocates nothing per frame
 * but what the canvas itself does.
 */
import { contextOf, fitCanvas, watchSize } from './dom.js';
import { fixed } from './format.js';
import { Camera, reach, roundLength, twistArc } from './geometry.js';
import { Changed, type PageState } from './page-state.js';
import { hatch, type Palette } from './palette.js';
import { DIRECTIONS } from './words.js';

const SECTOR = Math.PI / 4;
/** How far ahead in time the commanded twist is drawn [s]. */
const TWIST_S = 1;
const TWIST_STEPS = 24;
/** What of the world is shown at first, across [m]. */
const FIRST_VIEW = 9;

/** What was driven longer ago is pale [s]. */
export const PATH_S = 60;

export class Scene {
  readonly camera = new Camera();
  readonly canvas: HTMLCanvasElement;
  follow = true;
  robotUp = false;
  /** A goal being chosen [m, `odom`]; null while none is. */
  candidate: { x: number; y: number } | null = null;
  /** Cycle that the picture on the screen shows; NaN before one. */
  drawnCycle = Number.NaN;

  readonly #state: PageState;
  readonly #context: CanvasRenderingContext2D;
  readonly #size: { width: number; height: number };
  readonly #arc = new Float64Array(2 * (TWIST_STEPS + 1));
  #palette: Palette;
  #hatch: CanvasPattern | string;
  #footprintOf: readonly number[] | null = null;
  #reach = 0.3;
  /** Whether the first view has been chosen, by the size of the canvas. */
  #framed = false;

  constructor(canvas: HTMLCanvasElement, state: PageState, palette: Palette) {
    this.canvas = canvas;
    this.#state = state;
    this.#context = contextOf(canvas);
    this.#palette = palette;
    this.#hatch = hatch(this.#context, palette.forbidden);
    this.#size = watchSize(canvas, () => {
      state.changed |= Changed.view;
    });
  }

  usePalette(palette: Palette): void {
    this.#palette = palette;
    this.#hatch = hatch(this.#context, palette.forbidden);
  }

  /** The whole picture. Called on an animation frame in which something has changed. */
  draw(): void {
    const { camera, canvas } = this;
    const context = this.#context;
    const palette = this.#palette;
    const { record, fields, hello } = this.#state;
    if (this.#size.width === 0) return;
    fitCanvas(canvas, context, this.#size);
    camera.width = this.#size.width;
    camera.height = this.#size.height;
    if (!this.#framed) {
      this.#framed = true;
      camera.scale = Math.min(110, Math.max(40, Math.min(camera.width, camera.height) / FIRST_VIEW));
    }
    if (record !== null && Number.isFinite(record[fields.poseX])) {
      if (this.follow) {
        camera.x = record[fields.poseX];
        camera.y = record[fields.poseY];
      }
      camera.up = this.robotUp ? record[fields.poseYaw] : Math.PI / 2;
    }
    context.fillStyle = palette.scene;
    context.fillRect(0, 0, camera.width, camera.height);
    this.#grid();
    if (hello === null || record === null) return;
    if (hello.robot.footprint !== this.#footprintOf) {
      this.#footprintOf = hello.robot.footprint;
      this.#reach = reach(hello.robot.footprint);
    }
    this.#scan();
    this.#path();
    this.#goal(record);
    this.#around(record);
    this.#robot(record);
    this.#choosing();
    this.#scaleBar();
    this.#compass();
    this.drawnCycle = record[fields.cycle];
  }

  #grid(): void {
    const { camera } = this;
    const context = this.#context;
    const step = roundLength(camera.scale, 90);
    const range = Math.hypot(camera.width, camera.height) / 2 / camera.scale + step;
    const fromX = Math.floor((camera.x - range) / step);
    const toX = Math.ceil((camera.x + range) / step);
    const fromY = Math.floor((camera.y - range) / step);
    const toY = Math.ceil((camera.y + range) / step);
    for (const axis of [false, true]) {
      context.strokeStyle = axis ? this.#palette.axis : this.#palette.grid;
      context.lineWidth = 1;
      context.beginPath();
      for (let i = fromX; i <= toX; i++) {
        if ((i === 0) !== axis) continue;
        this.#segment(i * step, fromY * step, i * step, toY * step);
      }
      for (let i = fromY; i <= toY; i++) {
        if ((i === 0) !== axis) continue;
        this.#segment(fromX * step, i * step, toX * step, i * step);
      }
      context.stroke();
    }
  }

  #segment(x1: number, y1: number, x2: number, y2: number): void {
    const { camera } = this;
    this.#context.moveTo(Math.round(camera.screenX(x1, y1)) + 0.5, Math.round(camera.screenY(x1, y1)) + 0.5);
    this.#context.lineTo(Math.round(camera.screenX(x2, y2)) + 0.5, Math.round(camera.screenY(x2, y2)) + 0.5);
  }

  /** What the laser hit, where the robot was when it did. */
  #scan(): void {
    const { camera } = this;
    const { points, pointCount, scanPose } = this.#state;
    if (pointCount === 0) return;
    const context = this.#context;
    const cos = Math.cos(scanPose[2]);
    const sin = Math.sin(scanPose[2]);
    const size = Math.min(5, Math.max(2, camera.scale * 0.04));
    context.fillStyle = this.#palette.laser;
    for (let i = 0; i < pointCount; i++) {
      const x = scanPose[0] + cos * points[2 * i] - sin * points[2 * i + 1];
      const y = scanPose[1] + sin * points[2 * i] + cos * points[2 * i + 1];
      const sx = camera.screenX(x, y);
      const sy = camera.screenY(x, y);
      if (sx < 0 || sy < 0 || sx > camera.width || sy > camera.height) continue;
      context.fillRect(sx - size / 2, sy - size / 2, size, size);
    }
  }

  #path(): void {
    const { camera } = this;
    const { trail, atS } = this.#state;
    const context = this.#context;
    const { current } = trail;
    const recent = trail.since(atS - PATH_S);
    context.strokeStyle = this.#palette.path;
    context.lineJoin = 'round';
    context.lineCap = 'round';
    for (const [from, to, alpha, width] of [
      [0, current, 0.3, 1.5],
      [current, recent, 0.3, 2],
      [Math.max(current, recent - 1), trail.length, 0.95, 2.5],
    ]) {
      if (to - from < 1) continue;
      context.globalAlpha = alpha;
      context.lineWidth = width;
      context.beginPath();
      for (let i = from; i < to; i++) {
        const sx = camera.screenX(trail.x(i), trail.y(i));
        const sy = camera.screenY(trail.x(i), trail.y(i));
        if (i === from || trail.starts(i)) context.moveTo(sx, sy);
        else context.lineTo(sx, sy);
      }
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  #goal(record: Float64Array): void {
    const { camera } = this;
    const { fields } = this.#state;
    const x = record[fields.goalX];
    const y = record[fields.goalY];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const sx = camera.screenX(x, y);
    const sy = camera.screenY(x, y);
    const context = this.#context;
    const margin = 22;
    const inside = sx > margin && sy > margin && sx < camera.width - margin && sy < camera.height - margin;
    context.strokeStyle = this.#palette.goal;
    context.fillStyle = this.#palette.goal;
    if (inside) {
      this.#target(sx, sy);
      this.#label('goal', sx + 13, sy - 9, this.#palette.goal);
      return;
    }
    // Beyond the edge: an arrow at the edge on the way there, with the distance.
    const dx = sx - camera.width / 2;
    const dy = sy - camera.height / 2;
    const shrink = Math.min((camera.width / 2 - margin) / Math.abs(dx), (camera.height / 2 - margin) / Math.abs(dy));
    const ex = camera.width / 2 + dx * shrink;
    const ey = camera.height / 2 + dy * shrink;
    this.#head(ex, ey, Math.atan2(dy, dx), 13);
    const away = Math.hypot(x - record[fields.poseX], y - record[fields.poseY]);
    const text = `goal ${fixed(away, 1)} m`;
    const wide = context.measureText(text).width;
    const tx = Math.min(camera.width - wide - 8, Math.max(8, ex - wide / 2));
    this.#label(text, tx, ey + (ey > camera.height / 2 ? -20 : 26), this.#palette.goal);
  }

  #target(sx: number, sy: number): void {
    const context = this.#context;
    context.lineWidth = 2.5;
    context.beginPath();
    context.arc(sx, sy, 10, 0, 2 * Math.PI);
    context.stroke();
    context.beginPath();
    context.arc(sx, sy, 3.5, 0, 2 * Math.PI);
    context.fill();
  }

  /** The eight sectors with what is nearest in each, what safety forbids, and which direction was chosen. */
  #around(record: Float64Array): void {
    const { camera } = this;
    const { fields, hello } = this.#state;
    const context = this.#context;
    const x = camera.screenX(record[fields.poseX], record[fields.poseY]);
    const y = camera.screenY(record[fields.poseX], record[fields.poseY]);
    if (!Number.isFinite(x) || hello === null) return;
    // On the screen y points down, so that angles turn the other way.
    const ahead = camera.up - Math.PI / 2 - record[fields.poseYaw];
    const inner = this.#reach * camera.scale + 5;
    const outer = inner + Math.max(20, 0.35 * camera.scale);
    const nearest = fields.obstacle < 0 ? -1 : fields.raw + fields.obstacle;
    const most = Math.hypot(camera.width, camera.height);
    for (let k = 0; k < DIRECTIONS; k++) {
      const middle = ahead - k * SECTOR;
      const from = middle - SECTOR / 2;
      const to = middle + SECTOR / 2;
      context.strokeStyle = this.#palette.sector;
      context.lineWidth = 1;
      context.setLineDash([2, 5]);
      context.beginPath();
      context.moveTo(x + inner * Math.cos(from), y + inner * Math.sin(from));
      const distance = nearest < 0 ? Number.NaN : record[nearest + k] * camera.scale;
      const far = Math.min(most, Number.isFinite(distance) ? Math.max(distance, outer) : outer);
      context.lineTo(x + far * Math.cos(from), y + far * Math.sin(from));
      context.stroke();
      context.setLineDash([]);
      if (distance > 0 && distance < most) {
        context.strokeStyle = this.#palette.accent;
        context.globalAlpha = 0.75;
        context.lineWidth = 2;
        context.beginPath();
        context.arc(x, y, distance, from + 0.02, to - 0.02);
        context.stroke();
        context.globalAlpha = 1;
      }
      if ((record[fields.allowed] & (1 << k)) === 0) {
        context.beginPath();
        context.arc(x, y, outer, from + 0.03, to - 0.03);
        context.arc(x, y, inner, to - 0.03, from + 0.03, true);
        context.closePath();
        context.fillStyle = this.#hatch;
        context.fill();
        context.strokeStyle = this.#palette.forbidden;
        context.lineWidth = 1;
        context.stroke();
      }
      if (record[fields.action] === k) {
        context.beginPath();
        context.arc(x, y, outer, from + 0.03, to - 0.03);
        context.arc(x, y, inner, to - 0.03, from + 0.03, true);
        context.closePath();
        context.fillStyle = this.#palette.chosen;
        context.globalAlpha = 0.28;
        context.fill();
        context.globalAlpha = 1;
        context.strokeStyle = this.#palette.chosen;
        context.lineWidth = 1.5;
        context.stroke();
        const tip = outer + 10;
        context.strokeStyle = this.#palette.chosen;
        context.fillStyle = this.#palette.chosen;
        context.lineWidth = 5;
        context.lineCap = 'butt';
        context.beginPath();
        context.moveTo(x + inner * Math.cos(middle), y + inner * Math.sin(middle));
        context.lineTo(x + tip * Math.cos(middle), y + tip * Math.sin(middle));
        context.stroke();
        this.#head(x + (tip + 10) * Math.cos(middle), y + (tip + 10) * Math.sin(middle), middle, 16);
      }
    }
  }

  #robot(record: Float64Array): void {
    const { camera } = this;
    const { fields, hello } = this.#state;
    if (hello === null) return;
    const context = this.#context;
    const x = record[fields.poseX];
    const y = record[fields.poseY];
    const cos = Math.cos(record[fields.poseYaw]);
    const sin = Math.sin(record[fields.poseYaw]);
    const { footprint } = hello.robot;
    let front = 0;
    context.beginPath();
    for (let i = 0; i + 1 < footprint.length; i += 2) {
      front = Math.max(front, footprint[i]);
      this.#corner(
        i === 0,
        x + cos * footprint[i] - sin * footprint[i + 1],
        y + sin * footprint[i] + cos * footprint[i + 1],
      );
    }
    context.closePath();
    context.fillStyle = this.#palette.robot;
    context.globalAlpha = 0.9;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = this.#palette.ink;
    context.lineWidth = 1.5;
    context.lineJoin = 'round';
    context.stroke();
    // The nose: where it looks.
    context.beginPath();
    this.#corner(true, x + cos * front * 0.8, y + sin * front * 0.8);
    this.#corner(false, x - sin * front * 0.38, y + cos * front * 0.38);
    this.#corner(false, x + sin * front * 0.38, y - cos * front * 0.38);
    context.closePath();
    context.fillStyle = this.#palette.scene;
    context.fill();
    this.#contacts(record, x, y, cos, sin);
    // Where the command would take it.
    const points = twistArc(
      record[fields.commandVx],
      record[fields.commandVy],
      record[fields.commandYawRate],
      TWIST_S,
      TWIST_STEPS,
      this.#arc,
    );
    const last = 2 * (points - 1);
    if (Math.hypot(this.#arc[last], this.#arc[last + 1]) * camera.scale < 4) return;
    const arc = this.#arc;
    context.strokeStyle = this.#palette.scene;
    context.lineCap = 'round';
    for (const [width, colour] of [
      [5, this.#palette.scene],
      [2.5, this.#palette.command],
    ] as const) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.beginPath();
      for (let i = 0; i < points; i++) {
        this.#corner(i === 0, x + cos * arc[2 * i] - sin * arc[2 * i + 1], y + sin * arc[2 * i] + cos * arc[2 * i + 1]);
      }
      context.stroke();
    }
    const endX = x + cos * arc[last] - sin * arc[last + 1];
    const endY = y + sin * arc[last] + cos * arc[last + 1];
    const beforeX = x + cos * arc[last - 2] - sin * arc[last - 1];
    const beforeY = y + sin * arc[last - 2] + cos * arc[last - 1];
    context.fillStyle = this.#palette.command;
    const sx = camera.screenX(endX, endY);
    const sy = camera.screenY(endX, endY);
    const angle = Math.atan2(sy - camera.screenY(beforeX, beforeY), sx - camera.screenX(beforeX, beforeY));
    this.#head(sx + 6 * Math.cos(angle), sy + 6 * Math.sin(angle), angle, 10);
  }

  /** A burst on each side that something touches. */
  #contacts(record: Float64Array, x: number, y: number, cos: number, sin: number): void {
    const { fields } = this.#state;
    const { camera } = this;
    if (fields.contact < 0) return;
    const context = this.#context;
    for (let side = 0; side < 4; side++) {
      if (!(record[fields.raw + fields.contact + side] > 0)) continue;
      const bx = this.#reach * Math.cos((side * Math.PI) / 2);
      const by = this.#reach * Math.sin((side * Math.PI) / 2);
      const sx = camera.screenX(x + cos * bx - sin * by, y + sin * bx + cos * by);
      const sy = camera.screenY(x + cos * bx - sin * by, y + sin * bx + cos * by);
      context.strokeStyle = this.#palette.bad;
      context.lineWidth = 3;
      context.beginPath();
      for (let i = 0; i < 4; i++) {
        const a = (i * Math.PI) / 4;
        context.moveTo(sx - 9 * Math.cos(a), sy - 9 * Math.sin(a));
        context.lineTo(sx + 9 * Math.cos(a), sy + 9 * Math.sin(a));
      }
      context.stroke();
    }
  }

  #choosing(): void {
    if (this.candidate === null) return;
    const { camera, candidate } = this;
    const context = this.#context;
    const sx = camera.screenX(candidate.x, candidate.y);
    const sy = camera.screenY(candidate.x, candidate.y);
    context.strokeStyle = this.#palette.goal;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(sx, 0);
    context.lineTo(sx, camera.height);
    context.moveTo(0, sy);
    context.lineTo(camera.width, sy);
    context.arc(sx, sy, 10, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
    this.#label(`${fixed(candidate.x, 2)}, ${fixed(candidate.y, 2)} m`, sx + 14, sy + 20, this.#palette.goal);
  }

  #scaleBar(): void {
    const { camera } = this;
    const context = this.#context;
    const length = roundLength(camera.scale, Math.min(140, camera.width / 4));
    const wide = length * camera.scale;
    const x = 14.5;
    const y = camera.height - 14.5;
    context.strokeStyle = this.#palette.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x, y - 6);
    context.lineTo(x, y);
    context.lineTo(x + wide, y);
    context.lineTo(x + wide, y - 6);
    context.stroke();
    const text = length >= 1 ? `${length} m` : `${Math.round(length * 100)} cm`;
    this.#label(text, x + wide + 7, y + 1, this.#palette.ink);
  }

  /** Which way north of `odom` lies; while north is up it goes without saying. */
  #compass(): void {
    if (!this.robotUp) return;
    const { camera } = this;
    const context = this.#context;
    const x = 30;
    const y = camera.height - 62;
    const angle = camera.up - Math.PI / 2 - Math.PI / 2;
    context.strokeStyle = this.#palette.muted;
    context.fillStyle = this.#palette.muted;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x - 12 * Math.cos(angle), y - 12 * Math.sin(angle));
    context.lineTo(x + 8 * Math.cos(angle), y + 8 * Math.sin(angle));
    context.stroke();
    this.#head(x + 15 * Math.cos(angle), y + 15 * Math.sin(angle), angle, 9);
    this.#label('N', x + 24 * Math.cos(angle) - 4, y + 24 * Math.sin(angle) + 4, this.#palette.muted);
  }

  #corner(first: boolean, x: number, y: number): void {
    const sx = this.camera.screenX(x, y);
    const sy = this.camera.screenY(x, y);
    if (first) this.#context.moveTo(sx, sy);
    else this.#context.lineTo(sx, sy);
  }

  /** A filled arrow head with its tip at a point of the screen. */
  #head(x: number, y: number, angle: number, size: number): void {
    const context = this.#context;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x - size * Math.cos(angle - 0.45), y - size * Math.sin(angle - 0.45));
    context.lineTo(x - size * 0.72 * Math.cos(angle), y - size * 0.72 * Math.sin(angle));
    context.lineTo(x - size * Math.cos(angle + 0.45), y - size * Math.sin(angle + 0.45));
    context.closePath();
    context.fill();
  }

  /** Text that can be read on whatever lies under it. */
  #label(text: string, x: number, y: number, colour: string): void {
    const context = this.#context;
    context.font = `600 12px ${this.#palette.font}`;
    context.lineJoin = 'round';
    context.lineWidth = 3.5;
    context.strokeStyle = this.#palette.scene;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
}
