/** Success, reward, loss and exploration over the episodes, and where the policy's watch for drift raised an alarm. */
import uPlot from 'uplot';
import type { EpisodeWords } from '../wire.js';
import { byId, make, setHidden } from './dom.js';
import { compact, percent } from './format.js';
import { movingSuccess, SUCCESS_OVER } from './moving-success.js';
import type { PageState } from './page-state.js';
import type { Palette } from './palette.js';

const CHART_HEIGHT = 104;

interface ChartKind {
  readonly title: string;
  readonly of: (episodes: readonly EpisodeWords[]) => (number | null)[];
  readonly range?: [number, number];
  readonly words: (value: number | null) => string;
  readonly dots?: boolean;
}

const kinds: readonly ChartKind[] = [
  { title: `success, of ${SUCCESS_OVER}`, of: (all) => movingSuccess(all), range: [0, 1], words: percent },
  { title: 'reward', of: (all) => all.map((e) => e.reward), words: compact, dots: true },
  { title: 'loss', of: (all) => all.map((e) => e.loss), words: compact, dots: true },
  { title: 'exploration', of: (all) => all.map((e) => e.exploration), words: percent, dots: true },
];

export class LearningPanel {
  readonly #state: PageState;
  readonly #box = byId('charts', HTMLDivElement);
  #palette: Palette;
  #charts: uPlot[] = [];
  #values: HTMLElement[] = [];
  #alarms: number[] = [];
  #width = 0;

  constructor(state: PageState, palette: Palette) {
    this.#state = state;
    this.#palette = palette;
    new ResizeObserver(() => this.#resize()).observe(this.#box);
  }

  /** Charts keep the colours that they were made with, and are made anew. */
  usePalette(palette: Palette): void {
    this.#palette = palette;
    for (const chart of this.#charts) chart.destroy();
    this.#charts = [];
    this.#box.replaceChildren();
    this.draw();
  }

  draw(): void {
    const { episodes } = this.#state;
    setHidden(byId('charts-empty', HTMLElement), episodes.length > 0);
    setHidden(this.#box, episodes.length === 0);
    if (episodes.length === 0) return;
    if (this.#charts.length === 0) this.#build();
    if (this.#charts.length === 0) return;
    const x = episodes.map((episode) => episode.episode);
    this.#alarms = x.filter((_, i) => episodes[i].driftAlarms > 0);
    kinds.forEach((kind, i) => {
      const y = kind.of(episodes);
      this.#charts[i].setData([x, y]);
      this.#values[i].textContent = kind.words(y[y.length - 1]);
    });
  }

  #chartWidth(): number {
    const columns = this.#box.clientWidth >= 700 ? 4 : this.#box.clientWidth >= 330 ? 2 : 1;
    return Math.floor((this.#box.clientWidth - (columns - 1) * 12) / columns);
  }

  #build(): void {
    this.#width = this.#chartWidth();
    if (this.#width < 60) return;
    this.#values = [];
    this.#charts = kinds.map((kind) => {
      const figure = make('figure', 'chart');
      const caption = make('figcaption', '', kind.title);
      const value = make('b');
      caption.append(value);
      this.#values.push(value);
      figure.append(caption);
      this.#box.append(figure);
      return new uPlot(this.#options(kind, value), [[], []], figure);
    });
  }

  #options(kind: ChartKind, value: HTMLElement): uPlot.Options {
    const palette = this.#palette;
    const axis = {
      stroke: palette.muted,
      font: `10px ${palette.font}`,
      grid: { stroke: palette.grid, width: 1 },
      ticks: { show: false },
      gap: 2,
    };
    return {
      width: this.#width,
      height: CHART_HEIGHT,
      padding: [6, 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, sync: { key: 'episodes' } },
      scales: { x: { time: false }, y: kind.range === undefined ? {} : { range: kind.range } },
      axes: [
        { ...axis, size: 18, space: 50 },
        { ...axis, size: 38, space: 28, values: (_, splits) => splits.map((split) => kind.words(split)) },
      ],
      series: [
        {},
        {
          stroke: palette.accent,
          width: 1.75,
          points: { show: kind.dots === true, size: 3.5, fill: palette.accent, width: 0 },
        },
      ],
      hooks: {
        draw: [(chart) => this.#drawAlarms(chart)],
        setCursor: [
          (chart) => {
            const at = chart.cursor.idx ?? chart.data[0].length - 1;
            value.textContent = kind.words((chart.data[1]?.[at] as number | null | undefined) ?? null);
          },
        ],
      },
    };
  }

  /** A dashed line and a mark above it at each episode with an alarm. */
  #drawAlarms(chart: uPlot): void {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.strokeStyle = this.#palette.bad;
    ctx.fillStyle = this.#palette.bad;
    ctx.lineWidth = window.devicePixelRatio;
    ctx.setLineDash([4, 4]);
    for (const episode of this.#alarms) {
      const x = Math.round(chart.valToPos(episode, 'x', true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x - 5, bbox.top - 5);
      ctx.lineTo(x + 5, bbox.top - 5);
      ctx.lineTo(x, bbox.top + 4);
      ctx.fill();
    }
    ctx.restore();
  }

  #resize(): void {
    if (this.#charts.length === 0) {
      if (this.#state.episodes.length > 0) this.draw();
      return;
    }
    const width = this.#chartWidth();
    if (width === this.#width || width < 60) return;
    this.#width = width;
    for (const chart of this.#charts) chart.setSize({ width, height: CHART_HEIGHT });
  }
}
