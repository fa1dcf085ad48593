import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { MonotonicClock } from '../../src/core/clock.js';
import { locateWorker } from '../../src/loop/worker-location.js';
import { LatestValueSlot } from '../../src/memory/latest-value-slot.js';
import { RecordRing } from '../../src/memory/record-ring.js';
import type { HammerData } from '../support/hammer-worker.js';

/** Long payloads, so that a torn one has many places to tear. */
const DOUBLES = 512;
const COUNT = 60_000;
/** A reader that was not given everything by then is stuck; the test runner cannot interrupt a loop. */
const LIVENESS_NS = 30e9;

function hammer(target: HammerData['target'], bytes: number, capacity = 0) {
  const buffer = new SharedArrayBuffer(bytes);
  const signals = new Int32Array(new SharedArrayBuffer(8));
  const data: HammerData = { target, buffer, doubles: DOUBLES, capacity, count: COUNT, signals: signals.buffer };
  const worker = new Worker(new URL('../support/hammer-worker.ts', import.meta.url), {
    ...locateWorker().options,
    workerData: data,
  });
  return {
    buffer,
    ended: once(worker, 'exit'),
    written: () => Atomics.load(signals, 0),
    start: () => {
      Atomics.store(signals, 1, 1);
      Atomics.notify(signals, 1);
    },
  };
}

/** Ends a loop that would never end. */
class Patience {
  readonly #clock = new MonotonicClock();

  check(waitingFor: string): void {
    if (this.#clock.nowNs() > LIVENESS_NS) expect.fail(`gave up waiting for ${waitingFor}`);
  }
}

/** @returns the number that all of them are, or NaN where they differ */
function agreed(values: Float64Array | Float32Array): number {
  const first = values[0];
  for (let i = 1; i < values.length; i++) if (values[i] !== first) return Number.NaN;
  return first;
}

describe('a slot under a writer that never rests', () => {
  it('gives no torn, repeated or older value, and the last one at the end', async () => {
    const writer = hammer('slot', LatestValueSlot.bytes(DOUBLES, DOUBLES));
    const slot = new LatestValueSlot(writer.buffer, 0, DOUBLES, DOUBLES);
    const patience = new Patience();
    writer.start();
    let last = 0;
    let taken = 0;
    while (last < COUNT) {
      patience.check('the last value');
      if (!slot.take()) continue;
      const doubles = agreed(slot.doubles[slot.readIndex]);
      const singles = agreed(slot.singles[slot.readIndex]);
      if (!(doubles > last) || singles !== doubles) expect.fail(`${doubles} and ${singles} after ${last}`);
      last = doubles;
      taken++;
    }
    await writer.ended;
    expect(slot.take()).toBe(false);
    expect(taken).toBeGreaterThan(1);
  });
});

describe('a ring under a writer that never rests', () => {
  it.each([2, 64])('of %i records gives whole records in order and counts every one it dropped', async (capacity) => {
    const writer = hammer('ring', RecordRing.bytes(capacity, DOUBLES), capacity);
    const ring = new RecordRing(writer.buffer, 0, capacity, DOUBLES);
    const out = new Float64Array(DOUBLES);
    const patience = new Patience();
    writer.start();
    // Late on purpose: the reader begins with a ring that has wrapped.
    while (writer.written() < 4 * capacity) patience.check('the writer');
    let last = 0;
    let read = 0;
    while (last < COUNT) {
      patience.check('the last value');
      if (!ring.read(out)) continue;
      const value = agreed(out);
      read++;
      if (!(value > last)) expect.fail(`${value} after ${last}`);
      // Whatever lies between two records read is counted as dropped, no more and no less.
      if (value !== read + ring.droppedCount) expect.fail(`${value} is not ${read} + ${ring.droppedCount}`);
      last = value;
    }
    await writer.ended;
    expect(read + ring.droppedCount).toBe(COUNT);
    expect(ring.droppedCount).toBeGreaterThanOrEqual(3 * capacity);
    expect(ring.read(out)).toBe(false);
  });
});
