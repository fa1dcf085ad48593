import { describe, expect, it } from 'vitest';
import { VwTextError } from '../../../src/vw/text-error.js';
import {
  parseCb,
  parseSimple,
  VW_TEXT_LIMITS,
  type VwCbExample,
  type VwSimpleExample,
  writeCb,
  writeDecision,
  writeSimple,
} from '../../../src/vw/text-format.js';

const features = (text: string) => parseSimple(`|${text}`).namespaces[0].features;

describe('a plain line', () => {
  it('has a label, an importance, a base, a tag and namespaces', () => {
    expect(parseSimple("1.5 2 0.25 'house|f price:.53 sqft:3e2 new |other:0.5 12 k:-1")).toEqual({
      label: { value: 1.5, weight: 2, initial: 0.25 },
      tag: 'house',
      namespaces: [
        {
          name: 'f',
          scale: 1,
          features: [
            { name: 'price', value: 0.53 },
            { name: 'sqft', value: 300 },
            { name: 'new', value: 1 },
          ],
        },
        {
          name: 'other',
          scale: 0.5,
          features: [
            { name: '12', value: 1 },
            { name: 'k', value: -1 },
          ],
        },
      ],
    });
  });

  it('may leave out everything but the bar', () => {
    expect(parseSimple('|')).toEqual({ label: undefined, tag: '', namespaces: [] });
    expect(parseSimple('-1 |').label).toEqual({ value: -1, weight: 1, initial: 0 });
    expect(parseSimple('-1 3 |').label).toEqual({ value: -1, weight: 3, initial: 0 });
  });

  it('has as its tag the last word that touches the bar, or one with an apostrophe', () => {
    expect(parseSimple('0.5 1 PFF/2009|T PFF')).toMatchObject({ label: { value: 0.5, weight: 1 }, tag: 'PFF/2009' });
    expect(parseSimple("0.5 'a |T x")).toMatchObject({ label: { value: 0.5 }, tag: 'a' });
    expect(parseSimple('0.5|T x')).toMatchObject({ label: undefined, tag: '0.5' });
    expect(parseSimple('0.5')).toMatchObject({ label: undefined, tag: '0.5' });
  });

  it('loses what stands before a tab in the label part, as in Vowpal Wabbit', () => {
    expect(parseSimple('id 7\t1 |a x').label?.value).toBe(1);
  });

  it('has features without a name, of a namespace without one, and with a text for a value', () => {
    expect(features(' :2 x :3')).toEqual([
      { name: '', value: 2 },
      { name: 'x', value: 1 },
      { name: '', value: 3 },
    ]);
    expect(features('a colour:dark:red é:1.5')).toEqual([
      { name: 'colour', value: 1, text: 'dark:red' },
      { name: 'é', value: 1.5 },
    ]);
  });

  it('separates features by spaces and tabs, as many as there are, and namespaces by the bar alone', () => {
    expect(
      parseSimple('1 |a  x\ty |b z|c w  ').namespaces.map(({ name, features: all }) => [name, all.length]),
    ).toEqual([
      ['a', 2],
      ['b', 1],
      ['c', 1],
    ]);
  });

  it.each([
    ['x |a b', 'line 7: the label is a number, not "x"'],
    ['nan |a b', 'the label is a number, not "nan"'],
    ['1e39 |a b', 'the label is a number, not "1e39"'],
    ['0x10 |a b', 'the label is a number, not "0x10"'],
    ['1 -1 |a b', 'the importance is at least 0, not -1'],
    ['1 2 y |a b', 'the base is a number, not "y"'],
    ['1 2 3 4 |a b', 'a label has at most label, importance and base, but here is "1 2 3 4"'],
    ['1 |a b:', 'feature "b" has a colon and no value'],
    ['1 |a b: 2', 'feature "b" has a colon and no value'],
    ['1 |a b:nan', 'the value of feature "b" is a number, not "nan"'],
    ['1 |a b:inf', 'the value of feature "b" is a number, not "inf"'],
    ['1 |a b:1x', 'the value of feature "b" is a number, not "1x"'],
    ['1 |a b:1:2', 'the value of feature "b" is a number, not "1:2"'],
    ['1 |a b:-', 'the value of feature "b" is a number, not "-"'],
    ['1 |a b:1e99', 'the value of feature "b" is a number, not "1e99"'],
    ['1 |:2 b', 'a namespace has a name before its scale'],
    ['1 |a:x b', 'the scale of namespace "a" is a number, not "x"'],
    ['1 |a: b', 'the scale of namespace "a" is a number, not ""'],
    ['1 |a b\rc', 'a carriage return within the line'],
    ['1\r |a b', 'a carriage return within the line'],
    ['a\tb\t1 |a b', 'two tabs in the label part'],
  ])('%j is refused, with its number and what is wrong', (text, message) => {
    const parse = () => parseSimple(text, 7);
    expect(parse).toThrow(VwTextError);
    expect(parse).toThrow(message);
    expect(parse).toThrow(/^line 7: /);
  });

  it('has no more features than the limit', () => {
    const text = `|a${' x'.repeat(VW_TEXT_LIMITS.featuresPerLine)}`;
    expect(parseSimple(text).namespaces[0].features).toHaveLength(VW_TEXT_LIMITS.featuresPerLine);
    expect(() => parseSimple(`${text} |b y`, 3)).toThrow('line 3: more than 1048576 features');
  });

  it('shortens what it quotes', () => {
    expect(() => parseSimple(`${'x'.repeat(1000)} |a`)).toThrow(/^.{90,110}$/);
  });
});

describe('a bar that touches a value', () => {
  it('belongs to a text, as Vowpal Wabbit reads it, and ends a number', () => {
    // vw 9.11.9 --audit: a^c=red|b and a^y.
    expect(parseSimple('|a c:red|b y').namespaces).toEqual([
      {
        name: 'a',
        scale: 1,
        features: [
          { name: 'c', value: 1, text: 'red|b' },
          { name: 'y', value: 1 },
        ],
      },
    ]);
    expect(parseSimple('|a c:2|b y').namespaces.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(() => parseSimple('|a c:1x|b y')).toThrow('is a number');
  });
});

describe('a cb line', () => {
  it('has costs with their probabilities, and actions without', () => {
    expect(parseCb("1:-0.5:0.25 3 'tag |a x")).toEqual({
      label: { shared: false, costs: [{ action: 1, outcome: { cost: -0.5, probability: 0.25 } }, { action: 3 }] },
      tag: 'tag',
      namespaces: [{ name: 'a', scale: 1, features: [{ name: 'x', value: 1 }] }],
    });
    expect(parseCb('shared |u x').label).toEqual({ shared: true, costs: [] });
    expect(parseCb('|u x').label).toEqual({ shared: false, costs: [] });
  });

  it.each([
    ['1:2 |a', 'a cost is written action:cost:probability, not "1:2"'],
    ['1:2:0.5:3 |a', 'a cost is written action:cost:probability'],
    ['1:2:0 |a', 'the probability is above 0 and at most 1, not 0'],
    ['1:2:1.5 |a', 'the probability is above 0 and at most 1, not 1.5'],
    ['1:2:-0.5 |a', 'the probability is above 0 and at most 1, not -0.5'],
    ['1:2:nan |a', 'the probability is a number, not "nan"'],
    ['1::0.5 |a', 'the cost is a number, not ""'],
    ['x:1:0.5 |a', 'an action is a whole number, not "x"'],
    ['-1:1:0.5 |a', 'an action is a whole number, not "-1"'],
    ['4294967296 |a', 'an action is a whole number'],
    ['shared:1:1 |a', '"shared" stands alone'],
    ['shared 1:1:1 |a', '"shared" stands alone'],
  ])('%j is refused', (text, message) => {
    expect(() => parseCb(text, 2)).toThrow(VwTextError);
    expect(() => parseCb(text, 2)).toThrow(message);
  });
});

describe('writing', () => {
  const simple = (change: Partial<VwSimpleExample>): VwSimpleExample => {
    return { label: undefined, tag: '', namespaces: [], ...change };
  };
  const named = (name: string) => simple({ namespaces: [{ name: 'a', scale: 1, features: [{ name, value: 1 }] }] });

  it('leaves out what reads the same without it', () => {
    const label = { value: 1, weight: 1, initial: 0 };
    const namespaces = [
      { name: 'a', scale: 1, features: [{ name: 'x', value: 1 }] },
      { name: '', scale: 1, features: [{ name: '', value: 1 }] },
    ];
    expect(writeSimple(simple({ label, namespaces }))).toBe('1 |a x | :1');
    expect(writeSimple(simple({}))).toBe('|');
    expect(writeSimple(simple({ label: { ...label, initial: 2 }, tag: 't' }))).toBe("1 1 2 't|");
  });

  it.each([' ', 'a b', 'a|b', 'a:b', 'a\tb', 'a\nb', 'a\rb', '\ud800'])('refuses the name %j', (name) => {
    expect(() => writeSimple(named(name))).toThrow('no feature can be called');
    const namespaces = [{ name, scale: 1, features: [] }];
    expect(() => writeSimple(simple({ namespaces }))).toThrow('no namespace can be called');
  });

  it('refuses what would read as something else', () => {
    const value = (number: number) =>
      simple({ namespaces: [{ name: 'a', scale: 1, features: [{ name: 'x', value: number }] }] });
    const text = (category: string, number = 1) =>
      simple({ namespaces: [{ name: 'a', scale: 1, features: [{ name: 'x', value: number, text: category }] }] });
    expect(() => writeSimple(value(Number.NaN))).toThrow('a value is a finite number, not NaN');
    expect(() => writeSimple(value(1e39))).toThrow('a value is a finite number, not 1e+39');
    for (const category of ['', '1', '-2x', 'inf', 'nancy', 'a b', '|b', 'e|b', '1|b', '.', 'e5']) {
      expect(() => writeSimple(text(category))).toThrow("no feature's text can be");
    }
    expect(() => writeSimple(text('red', 2))).toThrow('is 1, not 2');
    expect(() => writeSimple(simple({ tag: 'a b' }))).toThrow('no tag can be "a b"');
    expect(() => writeSimple(simple({ namespaces: [{ name: '', scale: 2, features: [] }] }))).toThrow('has no scale');
    expect(() => writeSimple(simple({ label: { value: 1, weight: -1, initial: 0 } }))).toThrow('at least 0');
    const cb = (label: VwCbExample['label']) => () => writeCb({ label, tag: '', namespaces: [] });
    expect(cb({ shared: true, costs: [{ action: 1 }] })).toThrow('a shared line has no cost');
    expect(cb({ shared: false, costs: [{ action: 0.5 }] })).toThrow('a whole number, not 0.5');
    expect(cb({ shared: false, costs: [{ action: 1, outcome: { cost: 1, probability: 0 } }] })).toThrow('above 0');
    expect(cb({ shared: false, costs: [{ action: 1, outcome: { cost: Number.NaN, probability: 1 } }] })).toThrow(
      'cost',
    );
  });

  it('ends a decision with a blank line', () => {
    const [shared, first, second] = ['shared |u x', '|a y', '1:0.5:0.25 |a z'].map((line) => parseCb(line));
    expect(writeDecision({ shared, actions: [first, second], chosen: 1 })).toBe(
      'shared |u x\n|a y\n1:0.5:0.25 |a z\n\n',
    );
    expect(writeDecision({ shared: undefined, actions: [first], chosen: -1 })).toBe('|a y\n\n');
  });
});
