import { describe, expect, it } from 'vitest';
import { MonotonicClock, VirtualClock } from '../../../src/core/clock.js';

describe('the monotonic clock', () => {
  it('lies between two raw readings, to the nanosecond', () => {
    const clock = new MonotonicClock();
    for (let i = 0; i < 1000; i++) {
      const before = process.hrtime.bigint() - clock.originNs;
      const now = BigInt(clock.nowNs());
      const after = process.hrtime.bigint() - clock.originNs;
      expect(now >= before && now <= after).toBe(true);
    }
  });

  it('never goes back, also between two clocks of one origin', () => {
    const first = new MonotonicClock();
    const second = new MonotonicClock(first.originNs);
    let last = first.nowNs();
    for (let i = 0; i < 10_000; i++) {
      const now = (i & 1) === 0 ? second.nowNs() : first.nowNs();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });

  it('counts through the carry from the low word to the high one', () => {
    const now = process.hrtime.bigint();
    // An origin whose low word is all ones: the difference borrows.
    const origin = ((now >> 32n) << 32n) - 1n;
    const clock = new MonotonicClock(origin);
    const before = process.hrtime.bigint() - origin;
    const reading = BigInt(clock.nowNs());
    const after = process.hrtime.bigint() - origin;
    expect(reading >= before && reading <= after).toBe(true);
  });
});

describe('a virtual clock', () => {
  it('stands where it is put', () => {
    const clock = new VirtualClock(5);
    expect(clock.nowNs()).toBe(5);
    clock.timeNs = 7e18;
    expect(clock.nowNs()).toBe(7e18);
    expect(clock.nowNs()).toBe(7e18);
  });
});
