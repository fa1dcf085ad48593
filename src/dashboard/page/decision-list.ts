/**
 * The last seconds' decisions, thinned, newest first; any of them can be opened. Renewed a few times a second, so that it
 * can be read.
 */
import { worthARow } from './decisions.js';
import { byId, make, setAttribute, setText } from './dom.js';
import { count, fixed, percent } from './format.js';
import type { PageState } from './page-state.js';
import { directionArrows, directionNames, plain } from './words.js';

const ROWS = 48;
const RENEW_MS = 250;
/** Of decisions that are all the same, one within so long is listed [s]; of a robot that is sped up, within so long here. */
const STRETCH_S = 0.2;

export class DecisionList {
  readonly #state: PageState;
  readonly #rows: { row: HTMLTableRowElement; open: HTMLButtonElement; cells: HTMLElement[]; cycle: number }[] = [];
  readonly #ages = new Int32Array(ROWS);
  #drawnMs = 0;
  /** What was open when the rows were renewed: a decision has its row as soon as it is open. */
  #opened = -1;

  constructor(state: PageState, open: (cycle: number) => void) {
    this.#state = state;
    const body = byId('decisions', HTMLTableElement).tBodies[0];
    for (let i = 0; i < ROWS; i++) {
      const row = make('tr');
      const button = make('button', 'link');
      button.type = 'button';
      const head = make('td');
      head.append(button);
      const cells = [0, 1, 2, 3].map(() => make('td'));
      row.append(head, ...cells);
      row.hidden = true;
      body.append(row);
      const entry = { row, open: button, cells, cycle: -1 };
      this.#rows.push(entry);
      row.addEventListener('click', () => open(entry.cycle));
    }
    // Rows that somebody is about to press must not move away from under the pointer.
    body.addEventListener('pointerenter', () => {
      this.#held = true;
    });
    body.addEventListener('pointerleave', () => {
      this.#held = false;
    });
  }

  #held = false;

  draw(nowMs: number, opened: number): void {
    const { recent, fields, hello, status } = this.#state;
    for (const { row, cycle } of this.#rows) setAttribute(row, 'aria-selected', String(cycle === opened && cycle >= 0));
    const held = this.#held && this.#rows[ROWS - 1].cycle >= 0;
    const soon = opened === this.#opened && nowMs > this.#drawnMs && nowMs - this.#drawnMs < RENEW_MS;
    if (held || soon) return;
    this.#opened = opened;
    this.#drawnMs = nowMs;
    const cycles = (STRETCH_S * Math.max(1, status?.speed ?? 1)) / (hello?.robot.periodS ?? STRETCH_S);
    const listed = worthARow(recent, fields, Math.max(1, Math.round(cycles)), opened, this.#ages);
    for (let i = 0; i < ROWS; i++) {
      const entry = this.#rows[i];
      entry.row.hidden = i >= listed;
      entry.cycle = -1;
      if (i >= listed) continue;
      const age = this.#ages[i];
      const record = recent.record(age);
      const action = record[fields.action];
      entry.cycle = record[fields.cycle];
      setAttribute(entry.row, 'aria-selected', String(entry.cycle === opened));
      setText(entry.open, count(entry.cycle));
      setAttribute(entry.open, 'aria-label', `Open decision ${entry.cycle}`);
      setText(entry.cells[0], fields.chose(record) ? `${directionArrows[action]} ${directionNames[action]}` : '–');
      const how = hello?.drivers[record[fields.driver]] === 'fallback' ? 'rule' : percent(record[fields.probability]);
      setText(entry.cells[1], fields.chose(record) ? how : '–');
      setText(entry.cells[2], fixed(recent.reward(age), 2));
      const reason = record[fields.reason];
      setText(entry.cells[3], reason === 0 ? '' : plain(hello?.reasons[reason]));
    }
  }
}
