import { BOX_STRIDE, boxDistance, CIRCLE_STRIDE, type World } from './world.js';

/** Side of a search cell [m]: well below any robot's radius, so that a free row of cells is a free corridor. */
const CELL = 0.1;
/** The search may leave the hull of start, goal and obstacles by this much [m]. */
const BORDER = 1;

/**
 * Whether a disc of `radius` [m] can go from the world's start to its goal past its fixed obstacles: breadth-first
 * search over a grid of 0.1 m cells, four neighbours each. Movers do not count.
 *
 * @realtime unsafe
 */
export function passageExists(world: World, radius: number): boolean {
  const { circles, boxes } = world;
  let x0 = Math.min(world.startX, world.goalX);
  let x1 = Math.max(world.startX, world.goalX);
  let y0 = Math.min(world.startY, world.goalY);
  let y1 = Math.max(world.startY, world.goalY);
  for (let i = 0; i < circles.length; i += CIRCLE_STRIDE) {
    x0 = Math.min(x0, circles[i]);
    x1 = Math.max(x1, circles[i]);
    y0 = Math.min(y0, circles[i + 1]);
    y1 = Math.max(y1, circles[i + 1]);
  }
  for (let i = 0; i < boxes.length; i += BOX_STRIDE) {
    x0 = Math.min(x0, boxes[i]);
    x1 = Math.max(x1, boxes[i]);
    y0 = Math.min(y0, boxes[i + 1]);
    y1 = Math.max(y1, boxes[i + 1]);
  }
  x0 -= BORDER;
  y0 -= BORDER;
  const columns = Math.ceil((x1 + BORDER - x0) / CELL) + 1;
  const rows = Math.ceil((y1 + BORDER - y0) / CELL) + 1;
  const blocked = new Uint8Array(columns * rows);

  for (let i = 0; i < circles.length; i += CIRCLE_STRIDE) {
    const x = circles[i];
    const y = circles[i + 1];
    const reach = circles[i + 2] + radius;
    const rowLast = Math.min(rows - 1, Math.floor((y + reach - y0) / CELL));
    const columnLast = Math.min(columns - 1, Math.floor((x + reach - x0) / CELL));
    for (let row = Math.max(0, Math.ceil((y - reach - y0) / CELL)); row <= rowLast; row++) {
      for (let column = Math.max(0, Math.ceil((x - reach - x0) / CELL)); column <= columnLast; column++) {
        const dx = x0 + column * CELL - x;
        const dy = y0 + row * CELL - y;
        if (dx * dx + dy * dy < reach * reach) blocked[row * columns + column] = 1;
      }
    }
  }
  for (let i = 0; i < boxes.length; i += BOX_STRIDE) {
    const extent = boxes[i + 2] + boxes[i + 3] + radius;
    const rowLast = Math.min(rows - 1, Math.floor((boxes[i + 1] + extent - y0) / CELL));
    const columnLast = Math.min(columns - 1, Math.floor((boxes[i] + extent - x0) / CELL));
    for (let row = Math.max(0, Math.ceil((boxes[i + 1] - extent - y0) / CELL)); row <= rowLast; row++) {
      for (let column = Math.max(0, Math.ceil((boxes[i] - extent - x0) / CELL)); column <= columnLast; column++) {
        if (boxDistance(boxes, i, x0 + column * CELL, y0 + row * CELL) < radius) blocked[row * columns + column] = 1;
      }
    }
  }

  const cellOf = (x: number, y: number) =>
    Math.round((y - y0) / CELL) * columns + Math.min(columns - 1, Math.round((x - x0) / CELL));
  const start = cellOf(world.startX, world.startY);
  const goal = cellOf(world.goalX, world.goalY);
  if (blocked[start] === 1 || blocked[goal] === 1) return false;
  const queue = new Int32Array(columns * rows);
  let tail = 1;
  queue[0] = start;
  blocked[start] = 1;
  for (let head = 0; head < tail; head++) {
    const cell = queue[head];
    if (cell === goal) return true;
    const column = cell % columns;
    if (column > 0 && blocked[cell - 1] === 0) {
      blocked[cell - 1] = 1;
      queue[tail++] = cell - 1;
    }
    if (column < columns - 1 && blocked[cell + 1] === 0) {
      blocked[cell + 1] = 1;
      queue[tail++] = cell + 1;
    }
    if (cell >= columns && blocked[cell - columns] === 0) {
      blocked[cell - columns] = 1;
      queue[tail++] = cell - columns;
    }
    if (cell + columns < blocked.length && blocked[cell + columns] === 0) {
      blocked[cell + columns] = 1;
      queue[tail++] = cell + columns;
    }
  }
  return false;
}
