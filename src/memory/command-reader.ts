import type { LatestValueSlot } from './latest-value-slot.js';
import { CommandField } from './layout.js';
import type { CommandSource, MotionCommand } from './observation-sink.js';

/** The reading side of the command slot. A slot has one reader. Allocates nothing after construction. */
export class CommandReader implements CommandSource {
  readonly #slot: LatestValueSlot;

  constructor(slot: LatestValueSlot) {
    this.#slot = slot;
  }

  read(out: MotionCommand): boolean {
    const fresh = this.#slot.take();
    const d = this.#slot.doubles[this.#slot.readIndex];
    out.vx = d[CommandField.vx];
    out.vy = d[CommandField.vy];
    out.yawRate = d[CommandField.yawRate];
    out.cycle = d[CommandField.cycle];
    out.reason = d[CommandField.reason];
    out.stampNs = d[CommandField.stampNs];
    return fresh;
  }
}
