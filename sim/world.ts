/** Numbers of one disc in `World.circles`: x, y, radius [m]. */
export const CIRCLE_STRIDE = 3;
/** Numbers of one box in `World.boxes`: x, y, half length, half width [m], cosine and sine of its yaw. */
export const BOX_STRIDE = 6;
/** Numbers of one mover: end a (x, y), end b (x, y), radius [m], speed [m/s], way done at time 0 [m]. */
export const MOVER_STRIDE = 7;

/** One episode's surroundings in the world frame. Plain numbers, so that two worlds can be compared byte for byte. */
export interface World {
  /** Fixed discs, `CIRCLE_STRIDE` numbers each. */
  circles: Float64Array;
  /** Fixed boxes, `BOX_STRIDE` numbers each. */
  boxes: Float64Array;
  /** Discs that go to and fro between two points for ever, `MOVER_STRIDE` numbers each. */
  movers: Float64Array;
  /** [m, m, rad] */
  startX: number;
  startY: number;
  startYaw: number;
  /** [m, m] */
  goalX: number;
  goalY: number;
  /** The episode succeeds when `base_link` is this near to the goal [m]. */
  goalTolerance: number;
  timeLimitS: number;
  /** BARN's figures where it is one of its worlds; `pathLength` [m] is null where the file does not state it. */
  barn: { world: number; pathLength: number | null } | null;
}

/** Start, goal and ending rule of a world under construction. */
export interface Task {
  startX: number;
  startY: number;
  startYaw: number;
  goalX: number;
  goalY: number;
  goalTolerance: number;
  timeLimitS: number;
}

/** Collects obstacles and makes a `World` of them. */
export class WorldDraft {
  readonly #circles: number[] = [];
  readonly #boxes: number[] = [];
  readonly #movers: number[] = [];

  /** [m] */
  circle(x: number, y: number, radius: number): void {
    this.#circles.push(x, y, radius);
  }

  /** [m, m, m, m, rad] */
  box(x: number, y: number, halfLength: number, halfWidth: number, yaw = 0): void {
    const cos = yaw === 0 ? 1 : Math.cos(yaw);
    const sin = yaw === 0 ? 0 : Math.sin(yaw);
    this.#boxes.push(x, y, halfLength, halfWidth, cos, sin);
  }

  /** An upright box between two corners [m]. */
  block(x0: number, y0: number, x1: number, y1: number): void {
    this.box((x0 + x1) / 2, (y0 + y1) / 2, Math.abs(x1 - x0) / 2, Math.abs(y1 - y0) / 2);
  }

  /** Four walls around the rectangle from (x0, y0) to (x1, y1), which stays free [m]. */
  room(x0: number, y0: number, x1: number, y1: number, thickness = 0.2): void {
    this.block(x0 - thickness, y0 - thickness, x0, y1 + thickness);
    this.block(x1, y0 - thickness, x1 + thickness, y1 + thickness);
    this.block(x0, y0 - thickness, x1, y0);
    this.block(x0, y1, x1, y1 + thickness);
  }

  /** A disc that goes to and fro between a and b [m, m/s]; `done` is the way it has behind it at time 0 [m]. */
  mover(ax: number, ay: number, bx: number, by: number, radius: number, speed: number, done: number): void {
    this.#movers.push(ax, ay, bx, by, radius, speed, done);
  }

  /** Distance from a point to the nearest fixed obstacle or, for movers, to where they ever come [m]. */
  clearance(x: number, y: number): number {
    let nearest = Number.POSITIVE_INFINITY;
    const circles = this.#circles;
    for (let i = 0; i < circles.length; i += CIRCLE_STRIDE) {
      nearest = Math.min(nearest, length(x - circles[i], y - circles[i + 1]) - circles[i + 2]);
    }
    const boxes = this.#boxes;
    for (let i = 0; i < boxes.length; i += BOX_STRIDE) nearest = Math.min(nearest, boxDistance(boxes, i, x, y));
    return nearest;
  }

  finish(task: Task, barn: World['barn'] = null): World {
    return {
      circles: Float64Array.from(this.#circles),
      boxes: Float64Array.from(this.#boxes),
      movers: Float64Array.from(this.#movers),
      ...task,
      barn,
    };
  }
}

/** Euclidean length without Math.hypot, whose last bits the language leaves open. */
export function length(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

/** Distance from a point to the box at `offset`; 0 inside [m]. */
export function boxDistance(boxes: ArrayLike<number>, offset: number, x: number, y: number): number {
  const dx = x - boxes[offset];
  const dy = y - boxes[offset + 1];
  const cos = boxes[offset + 4];
  const sin = boxes[offset + 5];
  const outX = Math.max(0, Math.abs(cos * dx + sin * dy) - boxes[offset + 2]);
  const outY = Math.max(0, Math.abs(cos * dy - sin * dx) - boxes[offset + 3]);
  return length(outX, outY);
}

/**
 * Where mover `offset` is at `timeS`, into `out[0..1]` [m]. A closed form and not a sum over steps, so that no rounding
 * piles up. @realtime safe
 */
export function moverPosition(movers: Float64Array, offset: number, timeS: number, out: Float64Array): void {
  const ax = movers[offset];
  const ay = movers[offset + 1];
  const dx = movers[offset + 2] - ax;
  const dy = movers[offset + 3] - ay;
  const way = Math.sqrt(dx * dx + dy * dy);
  let done = (movers[offset + 6] + movers[offset + 5] * timeS) % (2 * way);
  if (done > way) done = 2 * way - done;
  const share = way > 0 ? done / way : 0;
  out[0] = ax + dx * share;
  out[1] = ay + dy * share;
}
