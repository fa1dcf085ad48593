/** Asks for a token where the server wants one. */
import { byId, setText } from './dom.js';

export class TokenDialog {
  readonly #dialog = byId('token-dialog', HTMLDialogElement);
  readonly #input = byId('token', HTMLInputElement);

  /** @param use called with what was entered */
  constructor(use: (token: string) => void) {
    byId('token-form', HTMLFormElement).addEventListener('submit', () => {
      const token = this.#input.value.trim();
      this.#input.value = '';
      if (token !== '') use(token);
    });
    // Without a token there is nothing to see behind it.
    this.#dialog.addEventListener('cancel', (event) => event.preventDefault());
  }

  /** @param wrong a token was given, and opens nothing */
  ask(wrong: boolean): void {
    setText(
      byId('token-words', HTMLElement),
      wrong
        ? 'That token opens nothing here. Check it, or ask whoever runs the controller.'
        : 'Ask whoever runs the controller for one. It stays in this tab, and is forgotten when the tab is closed.',
    );
    this.#dialog.classList.toggle('wrong', wrong);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#input.focus();
  }

  close(): void {
    if (this.#dialog.open) this.#dialog.close();
  }
}
