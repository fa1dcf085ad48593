/** Time of a recording: the slider with its episodes, play and pause, single cycles, speed. */
import type { EpisodeWords } from '../wire.js';
import type { Connection } from './connection.js';
import { type Controls, chooseSpeed, fillSpeeds } from './controls.js';
import { buttonOf, byId, make, setHidden, setText } from './dom.js';
import { clockTime, stopwatch } from './format.js';
import type { PageState } from './page-state.js';

const SPEEDS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 100];
/** While the slider is dragged, it asks at most so often [ms]. */
const SEEK_MS = 60;
/** The path is asked for when the slider has rested for so long: the server reads a good part of a log for it [ms]. */
const REST_MS = 250;
/** How much of the path before a moment is shown [s]. */
const TRAIL_S = 120;
/** At most so many marks are drawn; of more the later of two that touch. */
const MARKS = 400;

export class Timeline {
  readonly #state: PageState;
  readonly #connection: Connection;
  readonly #controls: Controls;
  readonly #slider = byId('slider', HTMLInputElement);
  readonly #speed = byId('play-speed', HTMLSelectElement);
  #dragging = false;
  #wanted: number | null = null;
  #seeking = false;
  #markedFor: readonly EpisodeWords[] | null = null;
  #marked = 0;

  constructor(state: PageState, connection: Connection, controls: Controls) {
    this.#state = state;
    this.#connection = connection;
    this.#controls = controls;
    fillSpeeds(this.#speed, SPEEDS);
    buttonOf('play').addEventListener('click', () => this.togglePlay());
    buttonOf('back').addEventListener('click', () => this.stepBack());
    buttonOf('forth').addEventListener('click', () => this.#controls.step());
    this.#speed.addEventListener('change', () => {
      void this.#controls.order({ do: 'speed', speed: Number(this.#speed.value) });
    });
    this.#slider.addEventListener('input', () => {
      this.#dragging = true;
      this.seek(this.#start + Number(this.#slider.value));
    });
    this.#slider.addEventListener('change', () => {
      this.#dragging = false;
    });
  }

  get #start(): number {
    return this.#state.hello?.extent?.startS ?? 0;
  }

  togglePlay(): void {
    void this.#controls.order({ do: 'pause', paused: this.#state.status?.paused !== true });
  }

  stepBack(): void {
    if (this.#state.live) return;
    this.seek(this.#state.atS - (this.#state.hello?.robot.periodS ?? 0.02) * 0.999);
  }

  /** So many seconds on or back. */
  jump(seconds: number): void {
    if (!this.#state.live) this.seek(this.#state.atS + seconds);
  }

  /** The newest wish counts: while one is on its way, those in between are forgotten. */
  seek(atS: number): void {
    const extent = this.#state.hello?.extent;
    if (extent === null || extent === undefined) return;
    this.#wanted = Math.min(extent.endS, Math.max(extent.startS, atS));
    if (!this.#seeking) void this.#seekWanted();
  }

  draw(): void {
    const { hello, status, live, atS } = this.#state;
    const extent = hello?.extent ?? null;
    setHidden(byId('timeline', HTMLElement), live || extent === null);
    if (live || extent === null) return;
    const length = extent.endS - extent.startS;
    if (this.#slider.max !== String(length)) this.#slider.max = String(length);
    if (!this.#dragging && Number.isFinite(atS)) this.#slider.value = String(atS - extent.startS);
    const words = `${stopwatch(atS - extent.startS)} / ${stopwatch(length)}`;
    setText(byId('moment', HTMLOutputElement), words);
    this.#slider.setAttribute('aria-valuetext', `${words}, ${clockTime(atS)}`);
    const paused = status?.paused !== false;
    setText(buttonOf('play'), paused ? 'Play' : 'Pause');
    if (status !== null) chooseSpeed(this.#speed, status.speed);
    this.#mark(extent.startS, length);
  }

  async #seekWanted(): Promise<void> {
    this.#seeking = true;
    while (this.#wanted !== null) {
      const atS = this.#wanted;
      this.#wanted = null;
      try {
        await this.#connection.ask({ do: 'seek', atS });
        await sleep(SEEK_MS);
        if (this.#wanted === null) await sleep(REST_MS);
        if (this.#wanted === null) await this.#fetchTrail(atS);
      } catch {
        // The connection says itself that it is gone.
        await sleep(SEEK_MS);
      }
    }
    this.#seeking = false;
  }

  async #fetchTrail(atS: number): Promise<void> {
    const { result } = await this.#connection.ask({ do: 'trail', atS, seconds: TRAIL_S });
    const points = (result as { points?: readonly number[] } | null)?.points;
    if (points !== undefined && this.#wanted === null) this.#state.takeTrail(points, atS);
  }

  /** Where each episode ended, and how. */
  #mark(startS: number, length: number): void {
    const { episodes } = this.#state;
    if (this.#markedFor === episodes && this.#marked === episodes.length) return;
    this.#markedFor = episodes;
    this.#marked = episodes.length;
    const box = byId('marks', HTMLElement);
    box.replaceChildren();
    let last = -1;
    for (const { atS, outcome, episode } of episodes) {
      const place = (atS - startS) / length;
      if (!(place >= 0 && place <= 1) || place - last < 1 / MARKS) continue;
      last = place;
      const mark = make('i', outcome);
      mark.style.left = `${(place * 100).toFixed(3)}%`;
      mark.title = `episode ${episode}: ${outcome}`;
      box.append(mark);
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
