/** Elements of index.html by id, and changes that cost nothing where nothing changes. */

/** @throws Error where index.html has no such element: a mistake in the program */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

export const buttonOf = (id: string) => byId(id, HTMLButtonElement);

export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function setPressed(button: HTMLButtonElement, pressed: boolean): void {
  setAttribute(button, 'aria-pressed', String(pressed));
}

/** A new element with a class and a text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  text = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== '') element.textContent = text;
  return element;
}

/**
 * Gives a canvas as many device pixels as it covers, and its context the scale of CSS pixels.
 *
 * @returns its size [CSS px]; zero while it is not shown
 */
export function fitCanvas(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, size: CanvasSize): void {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const width = Math.round(size.width * ratio);
  const height = Math.round(size.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

export interface CanvasSize {
  width: number;
  height: number;
}

/** Keeps a canvas's size at hand, so that drawing never asks the browser to lay out the page. */
export function watchSize(canvas: HTMLCanvasElement, onChange: () => void): CanvasSize {
  const size = { width: canvas.clientWidth, height: canvas.clientHeight };
  new ResizeObserver(() => {
    size.width = canvas.clientWidth;
    size.height = canvas.clientHeight;
    onChange();
  }).observe(canvas);
  return size;
}

/** @throws Error where the browser has no canvas */
export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws no canvas');
  return context;
}
