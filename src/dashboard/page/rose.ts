/**
 * Values and probabilities of the eight directions, as the robot sees them (ahead is up): each petal's area is its
 * probability, the number and the band outside are what it is thought to be worth, hatched petals are forbidden.
 */
import { contextOf, fitCanvas, setText, watchSize } from './dom.js';
import { fixed, percent } from './format.js';
import { Changed, type PageState } from './page-state.js';
import { hatch, type Palette } from './palette.js';
import { byWhom, DIRECTIONS, directionNames, forbiddenNames, listed, reasonSentence } from './words.js';

const SECTOR = Math.PI / 4;
const GAP = 0.045;

export class Rose {
  readonly #state: PageState;
  readonly #context: CanvasRenderingContext2D;
  readonly #canvas: HTMLCanvasElement;
  readonly #words: HTMLElement;
  readonly #size: { width: number; height: number };
  #palette: Palette;
  #hatch: CanvasPattern | string;

  constructor(canvas: HTMLCanvasElement, words: HTMLElement, state: PageState, palette: Palette) {
    this.#canvas = canvas;
    this.#words = words;
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

  draw(): void {
    const { record, fields, hello } = this.#state;
    const { width, height } = this.#size;
    if (width === 0) return;
    const context = this.#context;
    const palette = this.#palette;
    fitCanvas(this.#canvas, context, this.#size);
    context.clearRect(0, 0, width, height);
    const cx = width / 2;
    const cy = height / 2;
    const outer = Math.min(width / 2 - 36, height / 2 - 21);
    const inner = outer * 0.2;
    if (record === null || hello === null) return;
    const chose = fields.chose(record);
    let most = 0;
    for (let k = 0; k < DIRECTIONS; k++) {
      const value = Math.abs(record[fields.values + k]);
      if (Number.isFinite(value)) most = Math.max(most, value);
    }
    for (let k = 0; k < DIRECTIONS; k++) {
      const middle = -Math.PI / 2 - k * SECTOR;
      const from = middle - SECTOR / 2 + GAP;
      const to = middle + SECTOR / 2 - GAP;
      const forbidden = (record[fields.allowed] & (1 << k)) === 0;
      const chosen = chose && record[fields.action] === k;
      this.#wedge(cx, cy, inner, outer, from, to);
      context.fillStyle = palette.grid;
      context.globalAlpha = 0.55;
      context.fill();
      context.globalAlpha = 1;
      if (forbidden) {
        context.fillStyle = this.#hatch;
        context.fill();
        context.strokeStyle = palette.forbidden;
        context.lineWidth = 1;
        context.stroke();
      }
      if (!chose) continue;
      const probability = record[fields.distribution + k];
      if (probability > 0) {
        // Area, not length: a ring sector's grows with the square of its radius.
        const tip = Math.sqrt(inner * inner + probability * (outer * outer - inner * inner));
        this.#wedge(cx, cy, inner, Math.max(tip, inner + 2), from, to);
        context.fillStyle = chosen ? palette.chosen : palette.laser;
        context.globalAlpha = chosen ? 1 : 0.8;
        context.fill();
        context.globalAlpha = 1;
      }
      if (chosen) {
        this.#wedge(cx, cy, inner, outer, from, to);
        context.strokeStyle = palette.chosen;
        context.lineWidth = 2.5;
        context.stroke();
      }
      const value = record[fields.values + k];
      if (Number.isFinite(value) && most > 0) {
        context.strokeStyle = value >= 0 ? palette.plus : palette.minus;
        context.globalAlpha = 0.15 + (0.85 * Math.abs(value)) / most;
        context.lineWidth = 4;
        context.beginPath();
        context.arc(cx, cy, outer + 4, from, to);
        context.stroke();
        context.globalAlpha = 1;
      }
      context.font = `${chosen ? 700 : 500} 11px ${palette.font}`;
      context.fillStyle = chosen ? palette.ink : palette.muted;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      // Words are wider than high: those at the sides stand farther out.
      const out = outer + 13;
      context.fillText(fixed(value, 2), cx + (out + 8) * Math.cos(middle), cy + out * Math.sin(middle));
    }
    // The robot, looking up.
    context.fillStyle = palette.robot;
    context.beginPath();
    context.moveTo(cx, cy - inner * 0.62);
    context.lineTo(cx + inner * 0.46, cy + inner * 0.5);
    context.lineTo(cx, cy + inner * 0.24);
    context.lineTo(cx - inner * 0.46, cy + inner * 0.5);
    context.closePath();
    context.fill();
    this.#say(record);
  }

  #wedge(cx: number, cy: number, inner: number, outer: number, from: number, to: number): void {
    const context = this.#context;
    context.beginPath();
    context.arc(cx, cy, outer, from, to);
    context.arc(cx, cy, inner, to, from, true);
    context.closePath();
  }

  #say(record: Float64Array): void {
    const { fields, hello } = this.#state;
    const reason = reasonSentence(hello?.reasons[record[fields.reason]]);
    const forbidden = forbiddenNames(record[fields.allowed]);
    const blocked =
      forbidden.length === 0
        ? 'nothing is forbidden'
        : forbidden.length === DIRECTIONS
          ? 'every direction is forbidden'
          : `forbidden: ${listed(forbidden)}`;
    const how = byWhom(hello?.drivers[record[fields.driver]], percent(record[fields.probability]));
    const chosen = fields.chose(record) ? `${directionNames[record[fields.action]]}, ${how}` : 'nothing chosen';
    setText(this.#words, `${chosen} · ${reason} · ${blocked}`);
  }
}
