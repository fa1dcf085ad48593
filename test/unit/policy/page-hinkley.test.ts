import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { LEARNING_POLICY_DEFAULTS } from '../../../src/policy/learning-policy.js';
import { LARGEST_LOSS, PAGE_HINKLEY_WORDS, PageHinkley, pageHinkleyFault } from '../../../src/policy/page-hinkley.js';

type Stream = (prng: Prng, step: number) => number;

const { drift_delta: delta, drift_threshold: threshold, drift_minimum: minimum } = LEARNING_POLICY_DEFAULTS;

function detector(words = new Float64Array(PAGE_HINKLEY_WORDS)): (loss: number) => boolean {
  const test = new PageHinkley(words, { delta, threshold, minimum });
  const losses = new Float64Array(2);
  return (loss) => {
    losses[1] = loss;
    return test.observe(losses, 1);
  };
}

/** Alarms over `seeds` streams of `length` losses. */
function alarms(stream: Stream, seeds: number, length: number): number {
  let count = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const prng = Prng.seeded(seed);
    const observe = detector();
    for (let step = 0; step < length; step++) if (observe(stream(prng, step))) count++;
  }
  return count;
}

/** For each seed, losses from the change to the alarm; -1 where it came before the change or not within 3000. */
function delays(before: Stream, after: Stream, seeds: number): number[] {
  return Array.from({ length: seeds }, (_, seed) => {
    const prng = Prng.seeded(seed + 1);
    const observe = detector();
    for (let step = 0; step < 3000; step++) if (observe(before(prng, step))) return -1;
    for (let step = 0; step < 3000; step++) if (observe(after(prng, step))) return step + 1;
    return -1;
  });
}

const coin =
  (probability: number): Stream =>
  (prng) =>
    prng.nextFloat() < probability ? 1 : 0;
const squaredNormal =
  (deviation: number): Stream =>
  (prng) =>
    (deviation * prng.nextNormal()) ** 2;

describe('the watch for drift', () => {
  // 20 streams of 20,000 losses each: one alarm or none in 400,000.
  const stationary: { [name: string]: Stream } = {
    'fair coins': coin(0.5),
    'one loss in ten': coin(0.1),
    'one loss in a hundred': coin(0.01),
    'one loss in a thousand': coin(0.001),
    'exponential losses': (prng) => -Math.log(1 - prng.nextFloat()),
    'squared normal errors': squaredNormal(1),
    'log-normal losses': (prng) => Math.exp(1.5 * prng.nextNormal()),
    'squares of Student’s t with 3 degrees of freedom': (prng) => {
      const normal = prng.nextNormal();
      const chi = prng.nextNormal() ** 2 + prng.nextNormal() ** 2 + prng.nextNormal() ** 2;
      return (3 * normal * normal) / chi;
    },
    'losses that fall while a policy learns': (prng, step) =>
      prng.nextFloat() < 0.15 + 0.7 / Math.sqrt(1 + step / 20) ? 1 : 0,
    'errors that vanish, with a flicker now and then': (prng, step) =>
      Math.exp(-step / 100) * prng.nextNormal() ** 2 + (prng.nextFloat() < 0.01 ? 1e-6 : 0),
    'losses that are all the same': () => 0.25,
    'losses of any size': (prng) => 1e300 * prng.nextFloat(),
  };
  for (const [name, stream] of Object.entries(stationary)) {
    it(`is silent on ${name}`, () => expect(alarms(stream, 20, 20_000)).toBeLessThanOrEqual(1));
  }

  const changes: { [name: string]: [before: Stream, after: Stream, within: number] } = {
    'error rates from 0.2 to 0.8': [coin(0.2), coin(0.8), 60],
    'error rates from 0.2 to 0.4': [coin(0.2), coin(0.4), 600],
    'squared errors four times as large': [squaredNormal(1), squaredNormal(2), 80],
    'losses that had sunk to nothing': [(_, step) => (step < 300 ? step % 2 : 0), coin(1), 10],
    'a change after learning, where the first losses were the largest': [
      (prng, step) => ((0.3 + 2 * Math.exp(-step / 200)) * prng.nextNormal()) ** 2,
      squaredNormal(1.2),
      200,
    ],
  };
  for (const [name, [before, after, within]] of Object.entries(changes)) {
    it(`finds ${name} within ${within} losses`, () => {
      for (const delay of delays(before, after, 40)) {
        expect(delay).toBeGreaterThan(0);
        expect(delay).toBeLessThanOrEqual(within);
      }
    });
  }

  it('does not fire when losses fall', () => {
    expect(delays(coin(0.8), coin(0.1), 20)).toEqual(new Array(20).fill(-1));
  });

  it('fires at the loss that carries the evidence over the threshold, computed by hand', () => {
    const words = new Float64Array(PAGE_HINKLEY_WORDS);
    const test = new PageHinkley(words, { delta: 0.5, threshold: 4, minimum: 4 });
    // Mean 2, variance 1.
    for (const loss of [1, 3, 1, 3]) expect(test.observe(Float64Array.of(loss), 0)).toBe(false);
    // (4 - 2) / 1 - 0.5 = 1.5; then mean 2.4 and variance 1.44, (7.2 - 2.4) / 1.2 - 0.5 = 3.5: 5 in all.
    expect(test.observe(Float64Array.of(4), 0)).toBe(false);
    expect(test.observe(Float64Array.of(7.2), 0)).toBe(true);
    expect(test.alarms).toBe(1);
  });

  it('starts afresh after an alarm, and remembers that there was one', () => {
    const words = new Float64Array(PAGE_HINKLEY_WORDS);
    const observe = detector(words);
    const prng = Prng.seeded(9);
    const fired: number[] = [];
    for (let step = 0; step < 4000; step++) if (observe(coin(step < 2000 ? 0.1 : 0.9)(prng, step))) fired.push(step);
    expect(fired).toHaveLength(1);
    expect(new PageHinkley(words, { delta, threshold, minimum }).alarms).toBe(1);
  });

  it('never fires within its minimum', () => {
    const observe = detector();
    for (let step = 0; step < minimum; step++) expect(observe(step < 100 ? step % 2 : 1e6)).toBe(false);
  });

  it('stays within what it takes back, from any words that it takes and under any finite losses', () => {
    const square = LARGEST_LOSS * LARGEST_LOSS;
    const mean = fc.constantFrom(0, 5e-324, 1, 4e30, LARGEST_LOSS * (1 - 2 ** -53), LARGEST_LOSS);
    const variance = fc.constantFrom(0, 5e-324, 1, 1e61, square * (1 - 2 ** -53), square);
    const loss = fc.oneof(
      fc.constantFrom(0, 5e-324, 1, 4e30, LARGEST_LOSS, Number.MAX_VALUE),
      fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 199, 200, 1000, 2 ** 53, Number.MAX_VALUE),
        mean,
        variance,
        variance,
        fc.constantFrom(0, 39, 1e9),
        fc.array(loss, { maxLength: 100 }),
        (count, ...[m, v, largest, evidence, losses]) => {
          const words = Float64Array.of(count, m, v, largest, evidence, 0);
          expect(pageHinkleyFault(words, 1e9)).toBeNull();
          const observe = detector(words);
          for (const number of losses) {
            observe(number);
            expect(pageHinkleyFault(words, 1e9)).toBeNull();
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('says what is wrong with words that no losses lead to', () => {
    const words = Float64Array.of(300, 0.5, 0.25, 0.25, 3, 1);
    expect(pageHinkleyFault(words, 40)).toBeNull();
    const faults: [number, number, RegExp][] = [
      [0, -1, /word 0 .* -1/],
      [5, Infinity, /word 5 .* Infinity/],
      [1, 1e300, /mean loss is 1e\+300/],
      [2, 1e301, /^variance of the loss is 1e\+301/],
      [3, 1e301, /^largest variance of the loss is 1e\+301/],
      [4, 40.5, /evidence of drift is 40.5/],
    ];
    for (const [word, value, message] of faults) {
      const damaged = words.slice();
      damaged[word] = value;
      expect(pageHinkleyFault(damaged, 40)).toMatch(message);
    }
  });

  it('goes on from saved words with the same bits', () => {
    const words = new Float64Array(PAGE_HINKLEY_WORDS);
    const observe = detector(words);
    const prng = Prng.seeded(4);
    for (let step = 0; step < 500; step++) observe(prng.nextFloat());
    const copy = words.slice();
    const other = detector(copy);
    for (let step = 0; step < 500; step++) {
      const loss = prng.nextFloat() * (step > 250 ? 9 : 1);
      expect(other(loss)).toBe(observe(loss));
    }
    expect(copy).toEqual(words);
  });
});
