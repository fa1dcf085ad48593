import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecisionText, type LoggedDecision } from '../../src/vw/decision-text.js';
import { DEFAULT_PROGRESS } from '../../src/vw/progressive-loss.js';
import { VwRun } from '../../src/vw/run.js';
import { REGRESSOR_DEFAULTS } from '../../src/vw/sparse-regressor.js';
import { VwTextError } from '../../src/vw/text-error.js';
import { parseCb, parseSimple, type VwNamespace, writeCb, writeSimple } from '../../src/vw/text-format.js';
import { LineSplitter } from '../../src/vw/text-reader.js';

const number = fc.double({ min: -1e38, max: 1e38, noNaN: true });
const word = fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => !/[ \t\r\n|:]/.test(text));
const name = word.filter((text) => text !== '');
const plainCategory = word.filter((text) => text !== '' && !/^[\d.+\-eEiInN]/.test(text));
const category = fc.oneof(
  plainCategory,
  fc.tuple(plainCategory, word).map(([text, more]) => `${text}|${more}`),
);
const feature = fc.oneof(
  fc.record({ name: word, value: number }),
  fc.record({ name: word, value: fc.constant(1), text: category }),
);
const namespaces: fc.Arbitrary<VwNamespace[]> = fc.array(
  fc.oneof(
    fc.record({ name, scale: number, features: fc.array(feature, { maxLength: 5 }) }),
    fc.record({
      ...{ name: fc.constant(''), scale: fc.constant(1) },
      features: fc.array(feature, { minLength: 1, maxLength: 5 }),
    }),
  ),
  { maxLength: 4 },
);
const tag = fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => !/[ \t\r\n|]/.test(text));
const probability = fc.double({ min: 1e-9, max: 1, noNaN: true });
const simpleExample = fc.record({
  label: fc.option(
    fc.record({ value: number, weight: fc.double({ min: 0, max: 1e9, noNaN: true }), initial: number }),
    {
      nil: undefined,
    },
  ),
  ...{ tag, namespaces },
});
const action = fc.integer({ min: 0, max: 0xffff_ffff });
const cost = fc.oneof(fc.record({ action }), fc.record({ action, outcome: fc.record({ cost: number, probability }) }));
const cbExample = fc.record({
  label: fc.oneof(
    fc.record({ shared: fc.constant(false), costs: fc.array(cost, { maxLength: 3 }) }),
    fc.record({ shared: fc.constant(true), costs: fc.constant([]) }),
  ),
  ...{ tag, namespaces },
});

/** Lines that are nearly right. */
const pieces = [
  '1',
  '0.5',
  '-',
  ' ',
  '|',
  ':',
  'a',
  'shared',
  "'",
  '\t',
  '\n',
  '\n\n',
  '1:0.5:0.2 ',
  'e',
  'nan',
  '\r',
  'é',
];
const garbage = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 80 }),
);

describe('what is written reads the same', () => {
  it('for any plain example', () => {
    fc.assert(
      fc.property(simpleExample, (example) => {
        expect(parseSimple(writeSimple(example))).toEqual(example);
      }),
    );
  });

  it('for any example of cb or cb_adf', () => {
    fc.assert(
      fc.property(cbExample, (example) => {
        expect(parseCb(writeCb(example))).toEqual(example);
      }),
    );
  });

  it('for any decision of a bandit, whatever its values are called', () => {
    const given = fc.integer({ min: 1, max: 6 }).chain((nActions) =>
      fc.record({
        names: fc.uniqueArray(
          fc.string({ unit: 'binary', minLength: 1, maxLength: 9 }).filter((text) => text.isWellFormed()),
          {
            ...{ minLength: 3, maxLength: 3 },
          },
        ),
        context: fc.array(number, { minLength: 3, maxLength: 3 }).map((values) => Float64Array.from(values)),
        action: fc.integer({ min: 0, max: nActions - 1 }),
        nActions: fc.constant(nActions),
        reward: number.map((value) => value + 0),
        probability,
      }),
    );
    fc.assert(
      fc.property(given, ({ names, ...decision }) => {
        const text = new DecisionText({ context: names });
        const expected: LoggedDecision = decision;
        expect(text.parseCbAdf(text.writeCbAdf(decision))).toEqual([expected]);
        expect(text.parseCb(text.writeCb(decision), decision.nActions)).toEqual([expected]);
      }),
    );
  });
});

describe('no text does worse than a typed error', () => {
  it.each([
    ['plain', undefined],
    ['cb_adf', { cbType: 'dr', exploration: { kind: 'squarecb', gammaScale: 10, gammaExponent: 0.5, epsilon: 0.1 } }],
  ] as const)('%s', (_kind, bandit) => {
    fc.assert(
      fc.property(garbage, (text) => {
        const run = new VwRun({
          regressor: { ...REGRESSOR_DEFAULTS, bits: 4 },
          hashing: { interactions: [{ first: 97, second: 97 }], constant: true },
          ...{ bandit, learning: true, progress: DEFAULT_PROGRESS },
        });
        const splitter = new LineSplitter((line, index) => run.push(line, index));
        try {
          splitter.push(Buffer.from(text));
          splitter.end();
          const summary = run.end();
          expect(summary.examples).toBeGreaterThanOrEqual(0);
          expect(summary.averageLoss).not.toBe(Number.POSITIVE_INFINITY);
        } catch (error) {
          expect(error).toBeInstanceOf(VwTextError);
          expect((error as VwTextError).line).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('of any bytes, in any pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 }), (chunks) => {
        let bytes = 0;
        const splitter = new LineSplitter((line) => {
          bytes += line.length;
        }, 30);
        try {
          for (const chunk of chunks) splitter.push(chunk);
          splitter.end();
        } catch (error) {
          expect(error).toBeInstanceOf(VwTextError);
        }
        expect(bytes).toBeLessThanOrEqual(chunks.reduce((sum, { length }) => sum + length, 0));
      }),
    );
  });
});
