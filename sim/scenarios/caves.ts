import type { ScenarioBuilder } from '../scenario.js';
import { length, WorldDraft } from '../world.js';

/** Side of a cell, and twice the radius of the post that stands in a full one [m]; BARN's measure. */
const CELL = 0.15;
const ROWS = 30;
/** Free ground before the field, as in BARN, which leaves 5.1 m from the back wall [m]. */
const FOREGROUND = 5.1;

/**
 * A field of posts between two side walls, grown by a cellular automaton, with free ground before and behind it; the
 * goal lies 10 m ahead of the start. BARN's worlds came about the same way (Perille et al. 2020), so a policy trained
 * here has met their kind, though none of them.
 *
 * The automaton: cells start full with a probability between 0.15 and 0.32; for two to four rounds a cell becomes full
 * where at least five of its eight neighbours are, empty where at most one is, and keeps its state between. The side
 * walls count as full, the ground before and behind as empty.
 */
export const caves: ScenarioBuilder = (random) => {
  const columns = 26 + random.nextBelow(9);
  const fill = random.nextRange(0.15, 0.32);
  const rounds = 2 + random.nextBelow(3);
  let cells = new Uint8Array(columns * ROWS);
  let next = new Uint8Array(columns * ROWS);
  for (let i = 0; i < cells.length; i++) cells[i] = random.nextFloat() < fill ? 1 : 0;
  for (let round = 0; round < rounds; round++) {
    for (let row = 0; row < ROWS; row++) {
      for (let column = 0; column < columns; column++) {
        const around = neighbours(cells, columns, row, column);
        const at = row * columns + column;
        next[at] = around >= 5 ? 1 : around <= 1 ? 0 : cells[at];
      }
    }
    const swap = cells;
    cells = next;
    next = swap;
  }

  const draft = new WorldDraft();
  const half = (columns * CELL) / 2;
  const depth = ROWS * CELL;
  // World frame: x ahead, the back wall at 0, y to the left, the field's middle line at 0.
  draft.block(-CELL, -half - CELL, 0, half + CELL);
  draft.block(-CELL, -half - CELL, FOREGROUND + depth, -half);
  draft.block(-CELL, half, FOREGROUND + depth, half + CELL);
  const startX = random.nextRange(2.2, 3.6);
  const startY = random.nextRange(-0.5, 0.5);
  const goalX = startX + 10;
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < columns; column++) {
      if (cells[row * columns + column] === 0) continue;
      const x = FOREGROUND + (row + 0.5) * CELL;
      const y = (column + 0.5) * CELL - half;
      if (length(goalX - x, startY - y) > 0.8) draft.circle(x, y, CELL / 2);
    }
  }
  return draft.finish({ startX, startY, startYaw: 0, goalX, goalY: startY, goalTolerance: 1, timeLimitS: 100 });
};

function neighbours(cells: Uint8Array, columns: number, row: number, column: number): number {
  let count = 0;
  for (let r = row - 1; r <= row + 1; r++) {
    for (let c = column - 1; c <= column + 1; c++) {
      if (r === row && c === column) continue;
      if (c < 0 || c >= columns) count++;
      else if (r >= 0 && r < ROWS) count += cells[r * columns + c];
    }
  }
  return count;
}
