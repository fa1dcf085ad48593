import { describe, expect, it } from 'vitest';
import { ClockOffset } from '../../../../../src/io/zeromq/protocol/clock-offset.js';

/** Heartbeats between two clocks, on a time of their own; nothing waits. */
class Exchange {
  readonly offset = new ClockOffset();
  /** True time [s]; our clock. */
  now = 100;
  /** Their clock minus ours. */
  ahead: number;
  drift = 0;
  readonly #zero = 100;

  constructor(ahead: number) {
    this.ahead = ahead;
  }

  theirs(ours: number): number {
    return ours + this.ahead + this.drift * (ours - this.#zero);
  }

  get trueOffset(): number {
    return this.theirs(this.now) - this.now;
  }

  /** Ours goes there in `out`, is held, and theirs comes back in `back` [s]. */
  run(out: number, held: number, back: number): boolean {
    const sent = this.now;
    const received = sent + out;
    const answered = received + held;
    this.now = answered + back;
    return this.offset.exchange(sent, this.theirs(answered) - this.theirs(received), this.theirs(answered), this.now);
  }
}

describe('the offset between two clocks', () => {
  it('is unknown before the first exchange', () => {
    const offset = new ClockOffset();
    expect(offset.known).toBe(false);
    expect(offset.roundTripS).toBe(Number.POSITIVE_INFINITY);
  });

  it('is theirs minus ours, exactly so where both ways take as long', () => {
    const exchange = new Exchange(899.5);
    exchange.run(0.02, 0.3, 0.02);
    expect(exchange.offset.known).toBe(true);
    expect(exchange.offset.offsetS).toBeCloseTo(899.5, 9);
    expect(exchange.offset.roundTripS).toBeCloseTo(0.04, 9);
    expect(exchange.offset.toOurs(1000)).toBeCloseTo(100.5, 9);
  });

  it('is wrong by half the round trip at most, however one-sided the delay', () => {
    for (const [out, back] of [
      [0.1, 0],
      [0, 0.1],
      [0.07, 0.03],
    ]) {
      const exchange = new Exchange(-12);
      exchange.run(out, 0.1, back);
      expect(Math.abs(exchange.offset.offsetS + 12)).toBeLessThanOrEqual(0.05 + 1e-9);
      expect(exchange.offset.errorS).toBeGreaterThanOrEqual(0.05);
    }
  });

  it('comes from the exchange that was delayed least', () => {
    const exchange = new Exchange(5);
    exchange.run(0.2, 0.1, 0.01);
    exchange.run(0.001, 0.1, 0.001);
    exchange.run(0.01, 0.1, 0.3);
    expect(exchange.offset.roundTripS).toBeCloseTo(0.002, 9);
    expect(exchange.offset.offsetS).toBeCloseTo(5, 9);
  });

  it('forgets what is more than eight exchanges ago', () => {
    const exchange = new Exchange(5);
    exchange.run(0.001, 0.1, 0.001);
    for (let i = 0; i < 8; i++) exchange.run(0.02, 0.1, 0.02);
    expect(exchange.offset.roundTripS).toBeCloseTo(0.04, 9);
  });

  it('follows a drift of 100 ppm either way, within the error that it states', () => {
    for (const drift of [100e-6, -100e-6]) {
      const exchange = new Exchange(0.5);
      exchange.drift = drift;
      for (let i = 0; i < 2000; i++) {
        // One exchange in five is quick; the others are late on one way.
        const slow = i % 5 === 0 ? 0 : 0.03;
        expect(exchange.run(0.0005 + (i % 2) * slow, 0.5, 0.0005 + ((i + 1) % 2) * slow)).toBe(true);
        expect(Math.abs(exchange.offset.offsetS - exchange.trueOffset)).toBeLessThanOrEqual(exchange.offset.errorS);
        if (i >= 5) expect(exchange.offset.errorS).toBeLessThan(0.002);
      }
      // After 1000 s the clocks are 100 ms further apart than at first.
      expect(Math.abs(exchange.trueOffset - 0.5)).toBeGreaterThan(0.09);
    }
  });

  it('follows a clock that was set, at the next exchange', () => {
    for (const step of [0.5, -3600, 1e9]) {
      const exchange = new Exchange(2);
      for (let i = 0; i < 8; i++) exchange.run(0.001, 0.4, 0.001);
      exchange.ahead += step;
      exchange.run(0.01, 0.4, 0.002);
      expect(Math.abs(exchange.offset.offsetS - exchange.trueOffset)).toBeLessThanOrEqual(0.0061);
    }
  });

  it('takes no step of the clock for granted that the delay explains', () => {
    const exchange = new Exchange(2);
    for (let i = 0; i < 4; i++) exchange.run(0.001, 0.4, 0.001);
    exchange.run(0, 0.4, 1);
    expect(exchange.offset.offsetS).toBeCloseTo(2, 6);
    expect(exchange.offset.roundTripS).toBeCloseTo(0.002, 9);
  });

  it('ignores what cannot be', () => {
    const offset = new ClockOffset();
    expect(offset.exchange(10, 0.5, 1000, 10.4)).toBe(false);
    expect(offset.exchange(10, -0.5, 1000, 10.4)).toBe(false);
    expect(offset.exchange(10, 0, 1000, 9)).toBe(false);
    expect(offset.exchange(10, 0, 1000, 1e6)).toBe(false);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(offset.exchange(bad, 0, 1000, 10)).toBe(false);
      expect(offset.exchange(10, bad, 1000, 11)).toBe(false);
      expect(offset.exchange(10, 0, bad, 11)).toBe(false);
      expect(offset.exchange(10, 0, 1000, bad)).toBe(false);
    }
    expect(offset.known).toBe(false);
    expect(offset.exchange(10, 0, 1000, 11)).toBe(true);
    // Our own clock does not go back.
    expect(offset.exchange(10, 0, 1000, 10.9)).toBe(false);
  });

  it('begins anew when told to', () => {
    const exchange = new Exchange(2);
    exchange.run(0.001, 0.4, 0.001);
    exchange.offset.reset();
    expect(exchange.offset.known).toBe(false);
    exchange.ahead = -7;
    exchange.run(0.1, 0.4, 0.1);
    expect(exchange.offset.offsetS).toBeCloseTo(-7, 9);
  });
});
