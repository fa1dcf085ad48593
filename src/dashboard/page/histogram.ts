/** Lateness of all cycles so far, times and counts on logarithmic scales, with the deadline. */
import { contextOf, fitCanvas, setAttribute, watchSize } from './dom.js';
import { count, duration } from './format.js';
import { axisPlace, barHeight, beyond, LEAST, MOST } from './lateness-axis.js';
import { Changed, type PageState } from './page-state.js';
import type { Palette } from './palette.js';

const TICKS: readonly number[] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

export class LatenessHistogram {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #state: PageState;
  readonly #size: { width: number; height: number };
  #palette: Palette;

  constructor(canvas: HTMLCanvasElement, state: PageState, palette: Palette) {
    this.#canvas = canvas;
    this.#context = contextOf(canvas);
    this.#state = state;
    this.#palette = palette;
    this.#size = watchSize(canvas, () => {
      state.changed |= Changed.status;
    });
  }

  usePalette(palette: Palette): void {
    this.#palette = palette;
  }

  draw(): void {
    const { hello, status } = this.#state;
    const { width, height } = this.#size;
    if (width === 0 || hello === null) return;
    const context = this.#context;
    const palette = this.#palette;
    fitCanvas(this.#canvas, context, this.#size);
    context.clearRect(0, 0, width, height);
    const left = 2;
    const right = width - 2;
    const top = 16;
    const bottom = height - 17;
    const x = (seconds: number) => left + axisPlace(seconds) * (right - left);
    context.font = `11px ${palette.font}`;
    context.fillStyle = palette.muted;
    context.textAlign = 'center';
    context.textBaseline = 'alphabetic';
    context.strokeStyle = palette.grid;
    context.lineWidth = 1;
    for (const tick of TICKS) {
      context.beginPath();
      context.moveTo(Math.round(x(tick)) + 0.5, top);
      context.lineTo(Math.round(x(tick)) + 0.5, bottom);
      context.stroke();
      context.fillText(duration(tick).replace(/\.0+ /, ' '), x(tick), height - 4);
    }
    const { deadlineS } = hello.robot;
    const histogram = status?.latenessHistogram;
    if (histogram !== undefined) {
      let most = 1;
      for (const cycles of histogram.counts) most = Math.max(most, cycles);
      for (let i = 0; i < histogram.counts.length; i++) {
        const tall = barHeight(histogram.counts[i], most) * (bottom - top);
        if (tall <= 0) continue;
        const from = x(i === 0 ? LEAST : histogram.uptoS[i - 1]);
        const upto = histogram.uptoS[i];
        const to = x(upto === undefined || !Number.isFinite(upto) ? MOST : upto);
        const lower = i === 0 ? 0 : histogram.uptoS[i - 1];
        context.fillStyle = lower >= deadlineS ? palette.bad : palette.laser;
        context.fillRect(from, bottom - tall, Math.max(1.5, to - from - 1), tall);
      }
      setAttribute(
        this.#canvas,
        'aria-label',
        `Lateness of ${count(status?.cycles)} cycles: ${count(beyond(histogram, deadlineS))} began after the deadline of ${duration(deadlineS)}`,
      );
    }
    context.strokeStyle = palette.line;
    context.beginPath();
    context.moveTo(left, bottom + 0.5);
    context.lineTo(right, bottom + 0.5);
    context.stroke();
    const at = Math.round(x(deadlineS)) + 0.5;
    context.strokeStyle = palette.bad;
    context.lineWidth = 1.5;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(at, top - 3);
    context.lineTo(at, bottom);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = palette.bad;
    context.textAlign = at > width * 0.66 ? 'right' : 'left';
    context.fillText(`deadline ${duration(deadlineS)}`, at + (context.textAlign === 'right' ? -5 : 5), top - 4);
    context.textAlign = 'left';
    context.fillStyle = palette.muted;
    context.fillText('cycles (log)', left, top - 4);
  }
}
