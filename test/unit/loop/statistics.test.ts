import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Miss } from '../../../src/loop/deadline.js';
import {
  ControlStatistics,
  Counter,
  HISTOGRAM_RELATIVE_ERROR,
  Histogram,
  HistogramWindow,
  Level,
  memoryReport,
  STATISTICS_BYTES,
  StatisticsWindow,
} from '../../../src/loop/statistics.js';
import { planControlLayout } from '../../../src/memory/layout.js';
import { Reason } from '../../../src/memory/reason.js';

function histogram(): Histogram {
  return new Histogram(new SharedArrayBuffer(Histogram.bytes), 0);
}

function statistics(): ControlStatistics {
  return new ControlStatistics(new SharedArrayBuffer(STATISTICS_BYTES), 0);
}

/** Times over all magnitudes, not only large ones. */
const timeNs = fc.oneof(
  fc.nat(100),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  fc.double({ min: 0, max: 39.9, noNaN: true }).map((exponent) => Math.floor(2 ** exponent)),
);

describe('a histogram', () => {
  it('gives every quantile of sorted times within its error, and the longest exactly', () => {
    fc.assert(
      fc.property(
        fc.array(timeNs, { minLength: 1, maxLength: 300, size: 'max' }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (times, q) => {
          const recorded = histogram();
          for (const time of times) recorded.record(time);
          const sorted = [...times].sort((a, b) => a - b);
          const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1];
          expect(Math.abs(recorded.quantile(q) - exact)).toBeLessThanOrEqual(exact * HISTOGRAM_RELATIVE_ERROR);
          expect(recorded.max).toBe(sorted[sorted.length - 1]);
          expect(recorded.count).toBe(times.length);
        },
      ),
    );
  });

  it('puts every power of two and its neighbours within its error', () => {
    for (let exponent = 0; exponent < 40; exponent++) {
      for (const time of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1]) {
        const recorded = histogram();
        recorded.record(time);
        // Something longer, so that the maximum does not cap the estimate.
        recorded.record(2 ** 50);
        expect(Math.abs(recorded.quantile(0.5) - time)).toBeLessThanOrEqual(time * HISTOGRAM_RELATIVE_ERROR);
      }
    }
  });

  it('takes what is negative, no number or beyond its range without losing count', () => {
    const recorded = histogram();
    for (const time of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) recorded.record(time);
    expect(recorded.count).toBe(4);
    expect(recorded.counts[0]).toBe(2);
    expect(recorded.counts[recorded.counts.length - 1]).toBe(2);
  });

  it('has no quantile before the first time', () => {
    expect(histogram().quantile(0.5)).toBeNaN();
    expect(histogram().mean).toBeNaN();
  });

  it('averages what it recorded', () => {
    const recorded = histogram();
    for (const time of [10, 20, 60]) recorded.record(time);
    expect(recorded.mean).toBe(30);
  });
});

describe("a histogram's window", () => {
  it('holds the times between two readings and nothing older', () => {
    const recorded = histogram();
    recorded.record(1e9);
    const window = new HistogramWindow(recorded);
    expect(window.count).toBe(0);
    for (let i = 0; i < 100; i++) recorded.record(20);
    window.advance();
    expect(window.count).toBe(100);
    expect(window.quantile(0.99)).toBe(20);
    expect(window.max).toBe(20);
    window.advance();
    expect(window.count).toBe(0);
    expect(window.quantile(0.5)).toBeNaN();
  });

  it('counts on when a bucket wraps', () => {
    const recorded = histogram();
    recorded.counts[7] = 0xffffffff;
    const window = new HistogramWindow(recorded);
    recorded.record(7);
    recorded.record(7);
    window.advance();
    expect(window.count).toBe(2);
    expect(window.quantile(1)).toBe(7);
  });
});

describe('the statistics', () => {
  it('account a cycle by its times, its miss and its reason', () => {
    const counted = statistics();
    counted.recordCycle(100, 2000, 0, Miss.none, Reason.none);
    counted.recordCycle(300, 3000, 20e6, Miss.wokenLate, Reason.deadlineMissed);
    counted.recordCycle(200, 30e6, 21e6, Miss.computedLong, Reason.noGoal);
    expect(counted.counters[Counter.cycles]).toBe(3);
    expect(counted.counters[Counter.missesWokenLate]).toBe(1);
    expect(counted.counters[Counter.missesComputedLong]).toBe(1);
    expect(counted.misses).toBe(2);
    expect(counted.lateness.max).toBe(300);
    expect(counted.compute.max).toBe(30e6);
    expect(counted.period.count).toBe(2);
    expect(counted.interventions[Reason.deadlineMissed]).toBe(1);
    expect(counted.interventions[Reason.noGoal]).toBe(1);
    // Having no goal is a state.
    expect(counted.interventionCount).toBe(1);
  });

  it('are seen by every view of their memory and overlap nothing in it', () => {
    const buffer = new SharedArrayBuffer(STATISTICS_BYTES);
    const writer = new ControlStatistics(buffer, 0);
    const reader = new ControlStatistics(buffer, 0);
    writer.counters.fill(1);
    writer.interventions.fill(2);
    writer.levels.fill(3);
    writer.lateness.record(4);
    writer.compute.record(5);
    writer.period.record(6);
    expect(reader.counters.every((value) => value === 1)).toBe(true);
    expect(reader.interventions.every((value) => value === 2)).toBe(true);
    expect(reader.levels.every((value) => value === 3)).toBe(true);
    expect([reader.lateness.max, reader.compute.max, reader.period.max]).toEqual([4, 5, 6]);
    expect([reader.lateness.count, reader.compute.count, reader.period.count]).toEqual([1, 1, 1]);
  });

  it('give the live line what happened since it was last written', () => {
    const counted = statistics();
    counted.recordReward(-1);
    const window = new StatisticsWindow(counted);
    counted.recordReward(2);
    counted.recordReward(4);
    counted.recordCycle(100, 2000, 20e6, Miss.wokenLate, Reason.contact);
    counted.counters[Counter.breakerOpen] = 1;
    window.advance();
    expect(window.meanReward).toBe(3);
    expect(window.counters[Counter.cycles]).toBe(1);
    expect(window.counters[Counter.learned]).toBe(2);
    expect(window.interventions[Reason.contact]).toBe(1);
    expect(window.lateness.quantile(0.99)).toBe(100);
    window.advance();
    expect(window.meanReward).toBeNaN();
    expect(window.counters[Counter.cycles]).toBe(0);
    expect(window.lateness.count).toBe(0);
    // A level, not a count.
    expect(window.counters[Counter.breakerOpen]).toBe(1);
    expect(counted.levels[Level.rewardSum]).toBe(5);
  });
});

describe('the memory report', () => {
  it('names every region with its writer and size, and the whole', () => {
    const layout = planControlLayout({
      maxBeams: 720,
      decisionRecords: 64,
      policyBytes: 1000,
      scalerBytes: 100,
      snapshotBytes: 2000,
      statisticsBytes: STATISTICS_BYTES,
    });
    const report = memoryReport(layout);
    expect(report.regions).toContainEqual({ name: 'policy', writer: 'control', bytes: 1000 });
    expect(report.regions).toContainEqual({ name: 'statistics', writer: 'control', bytes: STATISTICS_BYTES });
    const used = report.regions.reduce((sum, region) => sum + region.bytes, 0);
    expect(report.totalBytes).toBeGreaterThanOrEqual(used);
    expect(report.totalBytes).toBe(layout.totalBytes);
  });
});
