/** Timing, inputs, safety, and what is on record: all that `Status` says. */
import { byId, make, setAttribute, setText } from './dom.js';
import { ago, clockTime, count, DASH, duration, fixed, percent } from './format.js';
import type { LatenessHistogram } from './histogram.js';
import type { PageState } from './page-state.js';
import { plain, reasonSentence } from './words.js';

interface Row {
  readonly element: HTMLElement;
  readonly fill: HTMLElement;
  readonly value: HTMLElement;
}

const INPUTS = ['odometry', 'ranges', 'contacts'] as const;

export class HealthPanel {
  readonly #state: PageState;
  readonly #histogram: LatenessHistogram;
  readonly #ages = new Map<string, Row>();
  readonly #interventions = new Map<string, Row>();
  readonly #quantiles: { lateness: HTMLElement[]; compute: HTMLElement[] };
  readonly #pairs = new Map<string, HTMLElement>();

  constructor(state: PageState, histogram: LatenessHistogram) {
    this.#state = state;
    this.#histogram = histogram;
    for (const input of INPUTS) this.#ages.set(input, addRow(byId('ages', HTMLDivElement), input));
    const body = byId('quantiles', HTMLTableSectionElement);
    this.#quantiles = { lateness: addQuantiles(body, 'lateness'), compute: addQuantiles(body, 'compute time') };
  }

  draw(): void {
    const { status, hello } = this.#state;
    this.#histogram.draw();
    if (status === null || hello === null) return;
    figure('rate', status.rateHz === null ? DASH : fixed(status.rateHz, 1), 'plain');
    setText(byId('rate-of', HTMLElement), `Hz of ${fixed(1 / hello.robot.periodS, 0)}`);
    figure('late', count(status.misses.late), status.misses.late > 0 ? 'warn' : 'plain');
    figure('long', count(status.misses.long), status.misses.long > 0 ? 'warn' : 'plain');
    figure('breaker', status.breakerOpen ? 'OPEN' : 'closed', status.breakerOpen ? 'bad' : 'plain');
    const openings = status.breakerOpenings;
    setText(byId('breaker-of', HTMLElement), openings === 0 ? 'breaker' : `breaker, opened ${count(openings)}×`);
    for (const [cells, values] of [
      [this.#quantiles.lateness, status.lateness],
      [this.#quantiles.compute, status.compute],
    ] as const) {
      cells.forEach((cell, i) => {
        setText(cell, duration(values?.[i]));
      });
    }
    for (const input of INPUTS) this.#age(input, status.ageS[input], hello.robot.timeoutS[input]);
    const refused = Object.entries(status.refused).filter(([, n]) => n > 0);
    setText(
      byId('refused', HTMLElement),
      refused.length === 0
        ? 'No reading was refused.'
        : `Refused: ${refused.map(([why, n]) => `${plain(why)} ${count(n)}`).join(', ')}.`,
    );
    this.#drawInterventions(status.interventions);
    this.#pair('cycles', count(status.cycles));
    this.#pair('flight log', status.log === '' ? 'none' : status.log);
    const { checkpoint } = status;
    this.#pair('checkpoint', checkpoint === null ? 'none' : `${checkpoint.file}, ${ago(checkpoint.ageS)}`);
    this.#pair('policy', hello.robot.policy);
    this.#pair('decisions lost', count(status.lostDecisions));
    this.#pair('frames left out', count(status.skippedFrames));
  }

  drawLearning(): void {
    const { status } = this.#state;
    if (status === null) return;
    figure('episode', count(status.episode), 'plain');
    figure('success', percent(status.success), 'plain');
    figure('updates', count(status.updates), 'plain');
    figure('drift', count(status.driftAlarms), status.driftAlarms > 0 ? 'warn' : 'plain');
  }

  drawNotices(): void {
    const list = byId('notices', HTMLOListElement);
    list.replaceChildren(
      ...this.#state.notices.map(({ atS, level, text }) => {
        const item = make('li', level);
        item.append(make('time', '', clockTime(atS)), ` ${level === 'warning' ? '⚠ ' : ''}${text}`);
        return item;
      }),
    );
  }

  #age(input: string, age: number | null, timeout: number): void {
    const row = this.#ages.get(input);
    if (row === undefined) return;
    const share = age === null || !(timeout > 0) ? 0 : Math.min(1, age / timeout);
    const stale = age !== null && age > timeout;
    setText(
      row.value,
      age === null ? 'never came' : `${duration(age)} of ${duration(timeout)}${stale ? ' — stale' : ''}`,
    );
    row.fill.style.width = `${(share * 100).toFixed(1)}%`;
    setAttribute(row.element, 'data-level', stale || age === null ? 'bad' : share > 0.6 ? 'warn' : 'good');
  }

  #drawInterventions(interventions: Readonly<Record<string, number>>): void {
    const box = byId('interventions', HTMLDivElement);
    let most = 1;
    for (const n of Object.values(interventions)) most = Math.max(most, n);
    const entries = Object.entries(interventions).filter(([, n]) => n > 0);
    for (const [reason, row] of this.#interventions) {
      if (entries.some(([name]) => name === reason)) continue;
      row.element.remove();
      this.#interventions.delete(reason);
    }
    for (const [reason, n] of entries) {
      let row = this.#interventions.get(reason);
      if (row === undefined) {
        row = addRow(box, plain(reason));
        row.element.title = reasonSentence(reason);
        this.#interventions.set(reason, row);
      }
      setText(row.value, count(n));
      row.fill.style.width = `${((100 * n) / most).toFixed(1)}%`;
    }
    const none = box.querySelector('.note');
    if (entries.length === 0 && none === null) box.append(make('p', 'note', 'None so far.'));
    else if (entries.length > 0) none?.remove();
  }

  #pair(name: string, value: string): void {
    let cell = this.#pairs.get(name);
    if (cell === undefined) {
      cell = make('dd');
      byId('record', HTMLDListElement).append(make('dt', '', name), cell);
      this.#pairs.set(name, cell);
    }
    setText(cell, value);
  }
}

function figure(id: string, text: string, level: 'plain' | 'warn' | 'bad'): void {
  const element = byId(id, HTMLElement);
  setText(element, text);
  setAttribute(element, 'data-level', level);
}

function addRow(box: HTMLElement, name: string): Row {
  const element = make('div', 'row');
  const track = make('span', 'track');
  const fill = make('span', 'fill');
  const value = make('span', 'value', DASH);
  track.append(fill);
  element.append(make('span', 'name', name), track, value);
  box.append(element);
  return { element, fill, value };
}

function addQuantiles(body: HTMLTableSectionElement, name: string): HTMLElement[] {
  const row = make('tr');
  const head = make('th', '', name);
  head.scope = 'row';
  const cells = [0, 1, 2].map(() => make('td', '', DASH));
  row.append(head, ...cells);
  body.append(row);
  return cells;
}
