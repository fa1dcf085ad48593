import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketStartNs, Histogram } from '../../src/loop/statistics.js';
import { BucketedHistogram, delayEdgesNs, periodEdgesNs } from '../../src/telemetry/metrics-buckets.js';
import { RisingFigure, RisingWords } from '../../src/telemetry/metrics-counting.js';
import { parseExposition } from '../support/exposition.js';

const ns = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.maxSafeNat(), fc.integer({ min: 1e3, max: 1e10 }));

describe('a histogram as Prometheus has it', () => {
  it('counts the times up to each edge as a plain count of them does, whichever edges are wished for', () => {
    const edges = fc
      .uniqueArray(fc.integer({ min: 1, max: 2 ** 40 }), { minLength: 1, maxLength: 20 })
      .map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(fc.array(ns, { maxLength: 200 }), fc.array(ns, { maxLength: 50 }), edges, (times, before, wished) => {
        const histogram = new Histogram(new ArrayBuffer(Histogram.bytes), 0);
        for (const time of before) histogram.record(time);
        const shown = new BucketedHistogram(histogram, wished, bucketStartNs, true);
        for (const time of times) histogram.record(time);
        shown.advance();
        expect(shown.edgesS).toEqual([...shown.edgesS].sort((a, b) => a - b));
        shown.edgesS.forEach((edgeS, i) => {
          const edgeNs = Math.round(edgeS * 1e9);
          expect([edgeNs, shown.cumulative[i]]).toEqual([edgeNs, times.filter((time) => time <= edgeNs).length]);
        });
        expect(shown.count).toBe(times.length);
      }),
    );
  });

  it('moves an edge that is wished for by no more than half of a log-linear bucket', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e5, max: 1e9, noNaN: true }), (periodNs) => {
        const histogram = new Histogram(new ArrayBuffer(Histogram.bytes), 0);
        const wished = [...periodEdgesNs(periodNs), ...delayEdgesNs()].sort((a, b) => a - b);
        const { edgesS } = new BucketedHistogram(histogram, wished, bucketStartNs, false);
        for (const edge of wished) {
          const nearest = Math.min(...edgesS.map((edgeS) => Math.abs(edgeS * 1e9 + 1 - edge)));
          expect(nearest).toBeLessThanOrEqual(edge / 64 + 1e-3);
        }
      }),
    );
  });
});

describe('words that wrap', () => {
  it('add up to all that was counted, in whatever steps they are looked at', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), steps, fc.boolean(), (start, rises, signed) => {
        const words = signed ? new Int32Array([start]) : new Uint32Array([start]);
        const rising = new RisingWords(words, true);
        let total = 0;
        for (const rise of rises) {
          words[0] += rise;
          total += rise;
          rising.advance();
          expect(rising.totals[0]).toBe(total);
        }
      }),
    );
  });

  it('never fall, not even where their writer begins anew', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 })), (values) => {
        const words = new Uint32Array(1);
        const rising = new RisingWords(words, false);
        let before = 0;
        for (const value of values) {
          words[0] = value;
          rising.advance();
          expect(rising.totals[0]).toBeGreaterThanOrEqual(before);
          before = rising.totals[0];
        }
      }),
    );
  });

  it('of several owners add up to what each has counted', () => {
    const counted = fc.array(fc.array(fc.nat({ max: 1000 }), { minLength: 1 }), { minLength: 1 });
    fc.assert(
      fc.property(counted, (owners) => {
        const figure = new RisingFigure(null, 0);
        let total = 0;
        for (const rises of owners) {
          const owner = {};
          let value = 0;
          for (const rise of rises) {
            value += rise;
            total += rise;
            figure.advance(owner, value);
            expect(figure.total).toBe(total);
          }
        }
      }),
    );
  });
});

describe('the reader of the text format', () => {
  const head = '# HELP a_total Help.\n# TYPE a_total counter\n';
  const histogram = '# HELP h Help.\n# TYPE h histogram\n';

  it('takes what the format allows', () => {
    const text = `${head}a_total 1\na_total{x="1",y="a\\"b\\\\c\\n"} 2.5e-7\n\n# HELP g G.\n# TYPE g gauge\ng +Inf\ng{a=""} NaN\n`;
    const families = parseExposition(text);
    expect(families.get('a_total')?.samples[1]).toEqual({
      name: 'a_total',
      labels: { x: '1', y: 'a"b\\c\n' },
      value: 2.5e-7,
    });
    expect(families.get('g')?.samples.map(({ value }) => value)).toEqual([Number.POSITIVE_INFINITY, Number.NaN]);
  });

  it.each([
    ['a_total 1\n', 'before any type'],
    [`${head}a_total 1`, 'no end'],
    [`${head}a_total one\n`, 'not a number'],
    [`${head}a_total Nan\n`, 'not a number'],
    [`${head}a_total -1\n`, 'below 0'],
    [`${head}a_total 1\na_total 1\n`, 'twice'],
    [`${head}a_total{x="1",x="2"} 1\n`, 'twice'],
    [`${head}a_total{x=1} 1\n`, 'without quotes'],
    [`${head}a_total{x="\\t"} 1\n`, 'an escape'],
    [`${head}a_total{1x="1"} 1\n`, 'the name of a label'],
    [`${head}a_total{x="1"}  1\n`, 'not a number'],
    [`${head}b_total 1\n`, 'no sample of a_total'],
    [`${head}${head}`, 'a family twice'],
    ['# TYPE a_total counter\na_total 1\n', 'no help'],
    [`${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`, 'no open bucket'],
    [`${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`, 'counts that fall'],
    [`${histogram}h_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`, 'do not rise'],
    [`${histogram}h_bucket{le="+Inf"} 2\nh_sum 1\nh_count 1\n`, 'not that of all'],
    [`${histogram}h_bucket{le="+Inf"} 1\nh_count 1\n`, 'no sum'],
  ])('refuses %j', (text, why) => {
    expect(() => parseExposition(text)).toThrow(why);
  });
});
