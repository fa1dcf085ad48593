/** The overlay with keys and signs. */
import { buttonOf, byId, make, setText } from './dom.js';
import { fixed } from './format.js';
import type { FrameTimer } from './frame-timer.js';
import type { PageState } from './page-state.js';

const keys: readonly (readonly [string, string])[] = [
  ['Esc', 'STOP, always; also closes what is open'],
  ['Space', 'STOP, unless Tab has led to a button or a field has the focus; in a recording: play or pause'],
  ['G', 'choose a goal: then click, or arrow keys (Shift: 1 m) and Enter'],
  ['P', 'pause the simulated time, go on'],
  ['.  ,', 'one cycle on; in a recording also back'],
  ['J  L', 'in a recording: five seconds back, on'],
  ['F', 'follow the robot'],
  ['N', 'north up, robot up'],
  ['+  −', 'closer, farther; also the wheel, or two fingers'],
  ['← ↑ → ↓', 'move the view, with the scene in focus; also drag'],
  ['D', 'open or close the newest decision'],
  ['X', 'keep the decision shown, or follow'],
  ['[  ]', 'the decision before, after'],
  ['T', 'light, dark, automatic'],
  ['?', 'this help'],
];

const signs: readonly (readonly [string, string, string])[] = [
  ['footprint', '▰', 'robot, with its real outline; the light wedge is its nose'],
  ['laser', '▪', 'what the laser hit'],
  ['nearest', '◠', 'nearest obstacle of each of the eight sectors'],
  ['forbidden', '▨', 'directions that safety forbids'],
  ['chosen', '➤', 'direction that the policy chose'],
  ['command', '↝', 'where the command leads within a second'],
  ['path', '∿', 'path driven; pale: more than a minute ago, or before the robot was put elsewhere'],
  ['goal', '◎', 'goal'],
  ['contact', '✳', 'something touches the robot'],
  [
    'scaled',
    'Σ',
    'what each feature added to a direction’s value. Where directions share what they learn (tied, hybrid arms), each sees obstacles, goal and speed turned its own way and scaled together, so that 0 in the column “scaled” may still add something',
  ],
];

export class Help {
  readonly #dialog = byId('help', HTMLDialogElement);
  readonly #state: PageState;
  readonly #timer: FrameTimer;

  constructor(state: PageState, timer: FrameTimer) {
    this.#state = state;
    this.#timer = timer;
    const keyList = byId('keys', HTMLDListElement);
    for (const [key, words] of keys) {
      const term = make('dt');
      for (const part of key.split(/\s+/)) term.append(make('kbd', '', part), ' ');
      keyList.append(term, make('dd', '', words));
    }
    const signList = byId('signs', HTMLDListElement);
    for (const [name, sign, words] of signs) signList.append(make('dt', name, sign), make('dd', '', words));
    buttonOf('help-open').addEventListener('click', () => this.toggle());
    buttonOf('help-close').addEventListener('click', () => this.#dialog.close());
  }

  toggle(): void {
    if (this.#dialog.open) {
      this.#dialog.close();
      return;
    }
    const { perSecond, medianMs, p95Ms } = this.#timer.figures();
    const version = this.#state.hello?.version ?? 'unknown';
    setText(
      byId('about', HTMLElement),
      `Controller ${version}. This page draws ${fixed(perSecond, 0)} pictures a second, ${fixed(medianMs, 1)} ms of script each (95 %: ${fixed(p95Ms, 1)} ms).`,
    );
    this.#dialog.showModal();
    // The button that has the focus is at the end; reading begins at the start.
    this.#dialog.scrollTop = 0;
  }
}
