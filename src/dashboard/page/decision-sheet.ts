/**
 * One decision laid open: every feature with its unit, as sensed and as scaled, and what it added to each direction's
 * value. The last row is the sum of the column, and is the value that the policy chose by.
 */
import type { ExplanationWords } from '../wire.js';
import type { Connection } from './connection.js';
import { buttonOf, byId, make, setAttribute, setHidden, setPressed, setText } from './dom.js';
import { compact, count, fixed, percent, signed } from './format.js';
import { Changed, type PageState } from './page-state.js';
import type { Palette } from './palette.js';
import {
  byWhom,
  DIRECTIONS,
  directionArrows,
  directionNames,
  driverName,
  featureName,
  reasonSentence,
} from './words.js';

/** While it follows, it asks for the newest so often [ms]. */
const ASK_MS = 300;
/** An answer that takes longer is said to be waited for [ms]. */
const WAIT_MS = 200;

interface FeatureRow {
  readonly unit: string;
  readonly raw: HTMLElement;
  readonly scaled: HTMLElement;
  readonly cells: HTMLElement[];
}

export class DecisionSheet {
  readonly #state: PageState;
  readonly #connection: Connection;
  readonly #sheet = byId('sheet', HTMLElement);
  readonly #table = byId('contributions', HTMLTableElement);
  #palette: Palette;
  #rows: FeatureRow[] = [];
  #sums: HTMLElement[] = [];
  #heads: HTMLElement[] = [];
  #builtFor: unknown = null;
  #explanation: ExplanationWords | null = null;
  #pinned = false;
  /** Of the decision that was asked for last; another's answer is too late. */
  #asked = -1;
  #asking = false;
  #wait = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #note = '';

  constructor(state: PageState, connection: Connection, palette: Palette) {
    this.#state = state;
    this.#connection = connection;
    this.#palette = palette;
    buttonOf('sheet-close').addEventListener('click', () => this.close());
    buttonOf('pin').addEventListener('click', () => this.pin(!this.#pinned));
    buttonOf('sheet-before').addEventListener('click', () => this.go(-1));
    buttonOf('sheet-after').addEventListener('click', () => this.go(1));
  }

  get isOpen(): boolean {
    return !this.#sheet.hidden;
  }

  get pinned(): boolean {
    return this.#pinned;
  }

  /** Of the decision that its title names; -1 while it shows none. */
  get cycle(): number {
    if (!this.isOpen) return -1;
    return this.#pinned ? this.#asked : (this.#explanation?.cycle ?? -1);
  }

  get explanation(): ExplanationWords | null {
    return this.#explanation;
  }

  usePalette(palette: Palette): void {
    this.#palette = palette;
    this.#show();
  }

  /** @param cycle kept in view; the newest, followed, where there is none */
  open(cycle?: number): void {
    this.#setOpen(true);
    this.#pinned = cycle !== undefined;
    setPressed(buttonOf('pin'), this.#pinned);
    if (cycle === undefined) {
      this.#forget();
      this.#askedMs = Number.NEGATIVE_INFINITY;
    } else void this.#ask(cycle);
    this.#state.changed |= Changed.frame;
  }

  close(): void {
    this.#setOpen(false);
    this.#forget();
    this.#clear();
    this.#note = '';
    setText(byId('sheet-title', HTMLElement), 'Decision');
    buttonOf('sheet-open').focus({ preventScroll: true });
  }

  pin(on: boolean): void {
    if (!this.isOpen) return;
    this.#pinned = on;
    // What is on its way meanwhile is another one.
    if (on && this.#explanation !== null) {
      this.#forget();
      this.#asked = this.#explanation.cycle;
    }
    setPressed(buttonOf('pin'), on);
  }

  /** The decision so many cycles away, and stays with it. */
  go(cycles: number): void {
    const { cycle } = this;
    if (!this.isOpen || cycle < 0) return;
    this.pin(true);
    void this.#ask(Math.max(0, cycle + cycles));
  }

  /** Called when a frame came: asks for its explanation, if nobody wants to keep the one shown. */
  draw(nowMs: number): void {
    const { record, fields } = this.#state;
    if (!this.isOpen || this.#pinned || this.#asking || record === null) return;
    if (nowMs - this.#askedMs < ASK_MS || record[fields.cycle] === this.#explanation?.cycle) return;
    this.#askedMs = nowMs;
    void this.#ask(record[fields.cycle]);
  }

  /** What is on its way comes too late. */
  #forget(): void {
    this.#asked = -1;
    this.#asking = false;
    clearTimeout(this.#wait);
  }

  #setOpen(open: boolean): void {
    setHidden(this.#sheet, !open);
    byId('layout', HTMLElement).classList.toggle('with-sheet', open);
    setAttribute(buttonOf('sheet-open'), 'aria-expanded', String(open));
  }

  async #ask(cycle: number): Promise<void> {
    this.#asked = cycle;
    this.#asking = true;
    if (this.#pinned) setText(byId('sheet-title', HTMLElement), `Decision ${count(cycle)}`);
    clearTimeout(this.#wait);
    this.#wait = setTimeout(() => this.#saysItWaits(), WAIT_MS);
    let explanation: ExplanationWords | null = null;
    let note = '';
    try {
      explanation = (await this.#connection.ask({ do: 'explain', cycle })).result as ExplanationWords;
    } catch (error) {
      note = `Decision ${count(cycle)}: ${(error as Error).message}`;
    }
    if (this.#asked !== cycle) return;
    clearTimeout(this.#wait);
    this.#asking = false;
    if (!this.isOpen) return;
    this.#note = note;
    if (explanation !== null) this.#explanation = explanation;
    else if (this.#pinned) this.#clear();
    this.#show();
    this.#state.changed |= Changed.frame;
  }

  /** What was shown before it goes: it is another decision's. */
  #saysItWaits(): void {
    if (!this.#asking || !this.isOpen) return;
    if (this.#pinned) this.#clear();
    const words = this.#state.live ? 'Waiting for the answer…' : 'Repeating the log…';
    setText(byId('sheet-note', HTMLElement), words);
  }

  /** No decision's numbers. */
  #clear(): void {
    this.#explanation = null;
    setText(byId('sheet-words', HTMLElement), '');
    for (const { raw, scaled, cells } of this.#rows) {
      for (const cell of [raw, scaled]) setText(cell, '');
      for (const cell of cells) this.#heat(cell, undefined, 0, false);
    }
    for (const cell of this.#sums) {
      this.#heat(cell, undefined, 0, false);
      cell.title = '';
    }
    for (const head of this.#heads) head.classList.remove('chosen', 'forbidden');
  }

  #build(): void {
    const { hello } = this.#state;
    if (hello === null || this.#builtFor === hello.features) return;
    this.#builtFor = hello.features;
    const head = make('tr');
    for (const title of ['feature', 'sensed', 'scaled']) {
      const cell = make('th', '', title);
      cell.scope = 'col';
      head.append(cell);
    }
    this.#heads = directionArrows.map((arrow, k) => {
      const cell = make('th', 'direction');
      cell.scope = 'col';
      const sign = make('span', '', arrow);
      sign.ariaHidden = 'true';
      cell.append(sign, make('span', 'unseen', directionNames[k]));
      cell.title = directionNames[k];
      head.append(cell);
      return cell;
    });
    const body = make('tbody');
    const labels = hello.features.map(({ name, unit }) => ({ name: featureName(name), unit }));
    while (labels.length < hello.explained) labels.push({ name: 'the rest', unit: '' });
    this.#rows = labels.map(({ name, unit }) => {
      const row = make('tr');
      const title = make('th', '', name);
      title.scope = 'row';
      const raw = make('td');
      const scaled = make('td');
      const cells = directionNames.map(() => make('td', 'heat'));
      row.append(title, raw, scaled, ...cells);
      body.append(row);
      return { unit, raw, scaled, cells };
    });
    const foot = make('tfoot');
    const sum = make('tr');
    const title = make('th', '', 'sum = value');
    title.scope = 'row';
    this.#sums = directionNames.map(() => make('td', 'heat'));
    const filler = make('td');
    filler.colSpan = 2;
    sum.append(title, filler, ...this.#sums);
    // Rows fade out beneath the sum; the last one is to be clear of that.
    foot.append(make('tr', 'gap'), sum);
    const top = make('thead');
    top.append(head);
    this.#table.replaceChildren(top, body, foot);
  }

  #show(): void {
    this.#build();
    const { fields, hello } = this.#state;
    const explanation = this.#explanation;
    if (explanation === null || hello === null) {
      setText(byId('sheet-note', HTMLElement), this.#note);
      return;
    }
    const { record, contributions, cycle } = explanation;
    const action = record[fields.action] ?? -1;
    const chose = action >= 0 && action < DIRECTIONS;
    setText(byId('sheet-title', HTMLElement), `Decision ${count(cycle)}`);
    const driver = hello.drivers[record[fields.driver] ?? -1];
    const how = byWhom(driver, `taken with a probability of ${percent(record[fields.probability])}`);
    const what = chose ? `${directionArrows[action]} ${directionNames[action]}, ${how}` : 'nothing to choose';
    const reason = reasonSentence(hello.reasons[record[fields.reason] ?? -1]);
    setText(byId('sheet-words', HTMLElement), `${what}. Driver: ${driverName(driver)}. Safety: ${reason}.`);
    const allowed = record[fields.allowed] ?? 0;
    this.#heads.forEach((head, k) => {
      const forbidden = (allowed & (1 << k)) === 0;
      head.classList.toggle('chosen', chose && k === action);
      head.classList.toggle('forbidden', forbidden);
      head.title = `${directionNames[k]}${chose && k === action ? ', chosen' : ''}${forbidden ? ', forbidden' : ''}`;
    });
    let most = 0;
    for (const share of contributions ?? []) most = Math.max(most, Math.abs(share));
    this.#rows.forEach(({ unit, raw, scaled, cells }, i) => {
      const isFeature = i < hello.features.length;
      setText(raw, isFeature ? `${sensed(record[fields.raw + i])} ${unit}` : '');
      setText(scaled, isFeature ? signed(record[fields.scaled + i], 2) : '');
      cells.forEach((cell, k) => {
        this.#heat(cell, contributions?.[k * hello.explained + i], most, chose && k === action);
      });
    });
    let mostValue = 0;
    for (let k = 0; k < DIRECTIONS; k++) mostValue = Math.max(mostValue, Math.abs(record[fields.values + k] ?? 0));
    let off = 0;
    this.#sums.forEach((cell, k) => {
      const value = record[fields.values + k];
      let sum = 0;
      for (let i = 0; i < hello.explained; i++) sum += contributions?.[k * hello.explained + i] ?? 0;
      if (contributions !== null && value !== null) off = Math.max(off, Math.abs(sum - value));
      this.#heat(cell, contributions === null ? (value ?? undefined) : sum, mostValue, chose && k === action);
      cell.title = `value ${fixed(value, 6)}`;
    });
    setText(byId('sheet-note', HTMLElement), this.#note !== '' ? this.#note : this.#noteOn(explanation, off));
  }

  #noteOn({ contributions, record }: ExplanationWords, off: number): string {
    if (contributions !== null) {
      return off < 1e-6
        ? 'Each column adds up to the value that the policy chose by.'
        : `The columns are off the values by up to ${compact(off)}.`;
    }
    const value = record[this.#state.fields.values] ?? null;
    if (value === null) return 'Nothing was chosen in this cycle: there are no values to explain.';
    return this.#state.live
      ? 'No contributions were taken for this decision: they are made only while somebody looks. The last row is its values.'
      : 'The log has no contributions for this decision, and cannot be repeated up to it. The last row is its values.';
  }

  #heat(cell: HTMLElement, share: number | undefined, most: number, chosen: boolean): void {
    setText(cell, share === undefined ? '' : tiny(share));
    const strength = share === undefined || most === 0 ? 0 : Math.min(1, Math.abs(share) / most);
    const colour = (share ?? 0) >= 0 ? this.#palette.plus : this.#palette.minus;
    const background = `color-mix(in srgb, ${colour} ${(strength * 62).toFixed(0)}%, ${this.#palette.panel})`;
    if (cell.dataset['heat'] !== background) {
      cell.dataset['heat'] = background;
      cell.style.backgroundColor = background;
    }
    cell.classList.toggle('chosen', chosen);
  }
}

/** A feature in its unit: below half a millimetre, or whatever it is of, there is nothing. */
function sensed(value: number | null): string {
  return value !== null && Math.abs(value) < 0.0005 ? '0' : compact(value);
}

/** A contribution in a narrow cell: what does not show in two digits is a dot. */
function tiny(share: number): string {
  return Math.abs(share) < 0.005 ? '·' : signed(share, 2);
}
