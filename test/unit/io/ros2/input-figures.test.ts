import { describe, expect, it } from 'vitest';
import { InputFigures, Refusal } from '../../../../src/io/ros2/input-figures.js';

const MS = 1e6;

function fed(periodMs: number, count: number): { figures: InputFigures; nowNs: number } {
  const figures = new InputFigures('odometry', () => undefined);
  let nowNs = 0;
  for (let i = 0; i < count; i++) {
    nowNs += periodMs * MS;
    figures.take(nowNs);
    figures.accept(nowNs);
  }
  return { figures, nowNs };
}

describe('figures of an input', () => {
  it.each([2, 5, 32, 33, 500])('have the rate of %i arrivals', (count) => {
    const { figures, nowNs } = fed(20, count);
    expect(figures.rate(nowNs)).toBeCloseTo(50, 9);
  });

  it('have no rate before the second arrival', () => {
    const { figures, nowNs } = fed(20, 1);
    expect(figures.rate(nowNs)).toBe(0);
  });

  it('have a rate that falls while nothing comes', () => {
    const { figures, nowNs } = fed(20, 100);
    const rates = [30, 100, 1000, 10_000].map((ms) => figures.rate(nowNs + ms * MS));
    expect(rates[0]).toBeCloseTo(50, 9);
    expect(rates[1]).toBeLessThan(50);
    expect(rates[2]).toBeLessThan(rates[1]);
    expect(rates[3]).toBeLessThan(4);
  });

  it('have the age of what was last accepted, and none before', () => {
    const { figures, nowNs } = fed(20, 3);
    figures.take(nowNs + 500 * MS);
    figures.refuse(Refusal.malformed, nowNs + 500 * MS);
    expect(figures.age(nowNs + 500 * MS)).toBeCloseTo(0.5, 9);
    expect(new InputFigures('scan', () => undefined).age(nowNs)).toBe(Number.POSITIVE_INFINITY);
  });

  it('say each reason once a minute, whichever way time goes', () => {
    const { figures } = fed(20, 1);
    const said = [0, 1e9, 59e9, 60e9, 61e9, 0].map((ns) => figures.refuse(Refusal.noTransform, ns));
    expect(said).toEqual([true, false, false, true, false, true]);
    expect(figures.refuse(Refusal.malformed, 0)).toBe(true);
    expect(figures.refusals()).toEqual({ malformed: 1, 'no transform': 6 });
  });
});
