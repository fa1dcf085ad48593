import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as format from '../../src/dashboard/page/format.js';

describe('numbers on the page', () => {
  it('have a real minus sign and no minus zero', () => {
    expect(format.fixed(-1.25, 1)).toBe('−1.3');
    expect(format.fixed(-0.001, 2)).toBe('0.00');
    expect(format.fixed(Number.POSITIVE_INFINITY, 2)).toBe('∞');
    expect(format.fixed(Number.NaN, 2)).toBe('–');
    expect(format.fixed(null, 2)).toBe('–');
    expect(format.signed(0.004, 2)).toBe('0.00');
    expect(format.signed(0.4, 2)).toBe('+0.40');
  });

  it('give a time the unit that suits it', () => {
    expect([7.4e-7, 1.23e-5, 4.561e-3, 0.9999, 2.13, 400, 9000].map(format.duration)).toEqual([
      '740 ns',
      '12.3 µs',
      '4.56 ms',
      '1.0 s',
      '2.1 s',
      '7 min',
      '2.5 h',
    ]);
    expect(format.duration(0)).toBe('0 s');
    expect(format.duration(null)).toBe('–');
  });

  it('say a time within one part in a hundred of what it is', () => {
    const units: Record<string, number> = { ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 };
    fc.assert(
      fc.property(fc.double({ min: 1e-7, max: 90, noNaN: true }), (seconds) => {
        const [number, unit] = format.duration(seconds).split(' ');
        expect(Math.abs(Number(number) * units[unit] - seconds) / seconds).toBeLessThan(0.06);
        expect(Number(number)).toBeLessThan(1000);
      }),
    );
  });

  it('are grouped by thousands, and shortened from a million on', () => {
    expect(format.count(999)).toBe('999');
    expect(format.count(1_234_567 / 10)).toBe('123\u2009457');
    expect(format.count(12_345_678)).toBe('12.35 M');
    expect(format.count(Number.NaN)).toBe('–');
  });

  it('keep up to four digits of what may be of any size', () => {
    expect([0, 0.12345, 12.345, 123.45, 1234.5, 123_456, -0.00001].map(format.compact)).toEqual([
      '0',
      '0.123',
      '12.35',
      '123.5',
      '1235',
      '1.2e5',
      '−1.0e−5',
    ]);
  });

  it('count time on like a stopwatch, and back like a person', () => {
    expect(format.stopwatch(61.25)).toBe('1:01.2');
    expect(format.stopwatch(3723.4)).toBe('1:02:03.4');
    expect(format.stopwatch(-1)).toBe('0:00.0');
    expect([0.2, 3.9, 200, 9000, Number.POSITIVE_INFINITY].map(format.ago)).toEqual([
      'just now',
      '3 s ago',
      '3 min ago',
      '2 h ago',
      'never',
    ]);
  });

  it('are shares in percent', () => {
    expect([0, 0.034, 0.5, 1].map(format.percent)).toEqual(['0 %', '3.4 %', '50 %', '100 %']);
    expect(format.percent(null)).toBe('–');
  });
});
