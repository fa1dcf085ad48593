/** The writing side of the concurrency tests: writes as fast as it can, every word of a payload the same number. */
import { workerData } from 'node:worker_threads';
import { LatestValueSlot } from '../../src/memory/latest-value-slot.js';
import { RecordRing } from '../../src/memory/record-ring.js';

export interface HammerData {
  target: 'slot' | 'ring';
  buffer: SharedArrayBuffer;
  /** Doubles in a payload or record. */
  doubles: number;
  /** Records in the ring. */
  capacity: number;
  /** Payloads to write. */
  count: number;
  /** Word 0: payloads written; word 1: raised by the reader when it is ready. */
  signals: SharedArrayBuffer;
}

const data = workerData as HammerData;
const signals = new Int32Array(data.signals);
Atomics.wait(signals, 1, 0);
if (data.target === 'slot') {
  const slot = new LatestValueSlot(data.buffer, 0, data.doubles, data.doubles);
  for (let value = 1; value <= data.count; value++) {
    slot.doubles[slot.writeIndex].fill(value);
    slot.singles[slot.writeIndex].fill(value);
    slot.publish();
    Atomics.store(signals, 0, value);
  }
} else {
  const ring = new RecordRing(data.buffer, 0, data.capacity, data.doubles);
  for (let value = 1; value <= data.count; value++) {
    ring.record.fill(value);
    ring.commit();
    Atomics.store(signals, 0, value);
  }
}
