/** Wheel, drag, pinch and keys on the scene, and the choice of a goal: a mode of its own, so that no stray click drives a robot. */
import { Changed, type PageState } from './page-state.js';
import type { Scene } from './scene.js';

/** A press that moves less than this is a click [px]. */
const CLICK_PX = 6;
const PAN_PX = 40;
const ZOOM = 1.25;
/** How far an arrow key moves a goal that is being chosen, and with Shift [m]. */
const NUDGE = 0.1;
const LONG_NUDGE = 1;

export interface SceneInputListener {
  /** In `odom` [m]. */
  goal(x: number, y: number): void;
  viewChanged(): void;
}

export class SceneInput {
  readonly #scene: Scene;
  readonly #state: PageState;
  readonly #listener: SceneInputListener;
  readonly #pointers = new Map<number, { x: number; y: number }>();
  #choosing = false;
  #movedPx = 0;

  constructor(scene: Scene, state: PageState, listener: SceneInputListener) {
    this.#scene = scene;
    this.#state = state;
    this.#listener = listener;
    const { canvas } = scene;
    canvas.addEventListener('wheel', (event) => this.#onWheel(event), { passive: false });
    canvas.addEventListener('pointerdown', (event) => this.#onDown(event));
    canvas.addEventListener('pointermove', (event) => this.#onMove(event));
    canvas.addEventListener('pointerup', (event) => this.#onUp(event));
    canvas.addEventListener('pointercancel', (event) => this.#pointers.delete(event.pointerId));
    canvas.addEventListener('keydown', (event) => this.#onKey(event));
  }

  get choosing(): boolean {
    return this.#choosing;
  }

  /** Begins or ends the choice of a goal; a keyboard's starts at the robot. */
  choose(on: boolean): void {
    this.#choosing = on;
    this.#scene.candidate = null;
    this.#scene.canvas.classList.toggle('choosing', on);
    this.#changed();
  }

  zoom(closer: boolean): void {
    const { camera } = this.#scene;
    camera.zoom(closer ? ZOOM : 1 / ZOOM, camera.width / 2, camera.height / 2);
    this.#changed();
  }

  follow(on: boolean): void {
    this.#scene.follow = on;
    this.#changed();
  }

  robotUp(on: boolean): void {
    this.#scene.robotUp = on;
    this.#changed();
  }

  #changed(): void {
    this.#state.changed |= Changed.view;
    this.#listener.viewChanged();
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    const { camera, follow } = this.#scene;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const factor = Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) * 0.0016);
    // Following, the robot stays in the middle, whatever the pointer is over.
    if (follow) camera.zoom(factor, camera.width / 2, camera.height / 2);
    else camera.zoom(factor, event.offsetX, event.offsetY);
    this.#changed();
  }

  #onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#scene.canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (this.#pointers.size === 1) this.#movedPx = 0;
    else this.#movedPx = CLICK_PX;
  }

  #onMove(event: PointerEvent): void {
    const { camera } = this.#scene;
    if (this.#choosing && this.#pointers.size === 0) this.#aim(event.offsetX, event.offsetY);
    const pointer = this.#pointers.get(event.pointerId);
    if (pointer === undefined) return;
    const dx = event.offsetX - pointer.x;
    const dy = event.offsetY - pointer.y;
    if (this.#pointers.size === 1) {
      this.#movedPx = Math.max(this.#movedPx, Math.hypot(dx, dy));
      if (this.#movedPx < CLICK_PX) return;
      this.#scene.follow = false;
      camera.pan(dx, dy);
    } else if (this.#pointers.size === 2) {
      const other = [...this.#pointers.entries()].find(([id]) => id !== event.pointerId)?.[1] ?? pointer;
      const before = Math.hypot(pointer.x - other.x, pointer.y - other.y);
      const after = Math.hypot(event.offsetX - other.x, event.offsetY - other.y);
      if (before > 1) camera.zoom(after / before, other.x, other.y);
    }
    pointer.x = event.offsetX;
    pointer.y = event.offsetY;
    this.#changed();
  }

  #onUp(event: PointerEvent): void {
    const held = this.#pointers.delete(event.pointerId);
    if (!held || !this.#choosing || this.#movedPx >= CLICK_PX || this.#pointers.size > 0) return;
    this.#aim(event.offsetX, event.offsetY);
    this.#take();
  }

  #aim(sx: number, sy: number): void {
    const { camera } = this.#scene;
    this.#scene.candidate = { x: camera.worldX(sx, sy), y: camera.worldY(sx, sy) };
    this.#changed();
  }

  #take(): void {
    const { candidate } = this.#scene;
    if (candidate === null) return;
    this.choose(false);
    this.#listener.goal(candidate.x, candidate.y);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const right = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const up = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0;
    if (right !== 0 || up !== 0) {
      event.preventDefault();
      event.stopPropagation();
      if (this.#choosing) this.#nudge(right, up, event.shiftKey ? LONG_NUDGE : NUDGE);
      else {
        this.#scene.follow = false;
        this.#scene.camera.pan(-right * PAN_PX, up * PAN_PX);
        this.#changed();
      }
    } else if (event.key === 'Enter' && this.#choosing) {
      event.preventDefault();
      this.#take();
    }
  }

  #nudge(right: number, up: number, metres: number): void {
    const { camera } = this.#scene;
    const { record, fields } = this.#state;
    const from = this.#scene.candidate ?? {
      x: record === null ? camera.x : record[fields.poseX],
      y: record === null ? camera.y : record[fields.poseY],
    };
    const sin = Math.sin(camera.up);
    const cos = Math.cos(camera.up);
    this.#scene.candidate = {
      x: from.x + metres * (right * sin + up * cos),
      y: from.y + metres * (up * sin - right * cos),
    };
    this.#changed();
  }
}
