/** Keys of the whole page. A stop comes first, whatever has the focus. */

export interface ShortcutTarget {
  readonly recording: boolean;
  stop(): void;
  /** Closes what is open: a dialog, the sheet, the choice of a goal. */
  closeOpen(): void;
  press(key: string): boolean;
}

/** Elements that take Space themselves. */
const INTERACTIVE = 'button, input, select, textarea, summary, a[href]';
const TYPING = 'input:not([type="range"]), textarea, select';

export function listenForKeys(target: ShortcutTarget): void {
  // In the capture phase on the window: nothing on the page is asked before.
  window.addEventListener(
    'keydown',
    (event) => {
      const at = event.target instanceof Element ? event.target : document.body;
      if (event.key === 'Escape') {
        if (!target.recording) target.stop();
        target.closeOpen();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || at.matches(TYPING)) return;
      if (event.key === ' ') {
        if (at.matches(INTERACTIVE) && !(target.recording && at.matches('input'))) return;
        event.preventDefault();
        if (event.repeat) return;
        if (target.recording) target.press(' ');
        else target.stop();
        return;
      }
      if (target.press(event.key.length === 1 ? event.key.toLowerCase() : event.key)) event.preventDefault();
    },
    { capture: true },
  );
  // What was clicked with a pointer keeps no focus: else Space would press it again, and not stop.
  window.addEventListener('click', ({ detail, target: at }) => {
    if (detail > 0 && at instanceof Element) at.closest<HTMLElement>('button')?.blur();
  });
}
