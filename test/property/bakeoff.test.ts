import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIP, RowEncoder } from '../../src/bakeoff/encoding.js';
import { shuffled } from '../../src/bakeoff/problem.js';
import { parseTable, TableError } from '../../src/bakeoff/table.js';

/** A value as a file may have it, and what it is. */
const cell = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value)),
  fc.integer().map((value) => String(value)),
  fc.constantFrom('?', 'red', 'green', 'a-b', 'x1'),
);
const rows = fc.integer({ min: 1, max: 6 }).chain((width) =>
  fc.array(fc.tuple(fc.array(cell, { minLength: width, maxLength: width }), fc.constantFrom('a', 'b', '3')), {
    minLength: 2,
    maxLength: 40,
  }),
);

describe('a table that was written', () => {
  it('is read again value by value, whatever separates them', () => {
    fc.assert(
      fc.property(
        rows,
        fc.constantFrom(',', ', ', ' , ', ' ', '\t', '   '),
        fc.boolean(),
        (examples, separator, first) => {
          const text = examples
            .map(([cells, label]) => (first ? [label, ...cells] : [...cells, label]).join(separator))
            .join('\n');
          const classes = new Set(examples.map(([, label]) => label));
          let table: ReturnType<typeof parseTable>;
          try {
            table = parseTable(text, first ? 'first' : 'last');
          } catch (error) {
            // A single class, or a first line that looks like a header.
            expect(error).toBeInstanceOf(TableError);
            expect(classes.size === 1 || (error as Error).message.includes('looks like a header')).toBe(true);
            return;
          }
          expect(new Set(table.classes)).toEqual(classes);
          examples.forEach(([cells, label], row) => {
            expect(table.classes[table.labels[row]]).toBe(label);
            cells.forEach((value, c) => {
              const column = table.columns[c];
              if (column.kind === 'numeric') {
                const number = column.values[row];
                if (value === '?') expect(number).toBeNaN();
                // -0 is written as 0.
                else expect(number).toBe(Number(value));
              } else {
                const code = column.codes[row];
                expect(code < 0 ? '?' : column.categories[code]).toBe(value);
              }
            });
          });
        },
      ),
    );
  });

  it('is encoded as finite numbers within the clip, and the same ones whatever comes later', () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value)),
      fc.constantFrom('?', '1', '1.5', '2'),
    );
    const examples = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(examples, examples, (early, late) => {
        // What a column is, is known beforehand: both tables say of each that values may be missing.
        const line = ([a, b]: readonly [string, string], k: number) => `${a},${b},${k % 2}`;
        const shared = [['?', '?'] as const, ...early];
        const encoded = (all: readonly (readonly [string, string])[]) => {
          const encoder = new RowEncoder(parseTable([...all, ['0', '0'] as const].map(line).join('\n')));
          const out = new Float64Array(encoder.count);
          return all.map((_, row) => {
            encoder.encode(row, out);
            for (const value of out) expect(Math.abs(value)).toBeLessThanOrEqual(CLIP);
            return [...out];
          });
        };
        expect(encoded([...shared, ...late]).slice(0, shared.length)).toEqual(encoded(shared));
      }),
    );
  });
});

describe('an order', () => {
  it('has every row once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 0xffffffff }), (count, seed) => {
        expect([...shuffled(count, seed)].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
    );
  });
});
