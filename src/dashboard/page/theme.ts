/** Light, dark, or as the system has it. */
import { buttonOf, setText } from './dom.js';

const KEY = 'rfsn.theme';
const CHOICES = ['auto', 'light', 'dark'] as const;
type Choice = (typeof CHOICES)[number];

export class Theme {
  #choice: Choice;
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    const kept = localStorage.getItem(KEY);
    this.#choice = CHOICES.find((choice) => choice === kept) ?? 'auto';
    this.#apply();
    buttonOf('theme').addEventListener('click', () => this.next());
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#onChange());
  }

  next(): void {
    this.#choice = CHOICES[(CHOICES.indexOf(this.#choice) + 1) % CHOICES.length];
    localStorage.setItem(KEY, this.#choice);
    this.#apply();
    this.#onChange();
  }

  #apply(): void {
    document.documentElement.dataset['theme'] = this.#choice;
    const button = buttonOf('theme');
    setText(button, this.#choice === 'auto' ? 'Auto' : this.#choice === 'light' ? 'Light' : 'Dark');
    button.setAttribute('aria-label', `Theme: ${this.#choice}`);
  }
}
