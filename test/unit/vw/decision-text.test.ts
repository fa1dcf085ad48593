import { describe, expect, it } from 'vitest';
import { DecisionText, escapeName, type LoggedDecision, unescapeName } from '../../../src/vw/decision-text.js';
import { VwTextError } from '../../../src/vw/text-error.js';

const text = new DecisionText({ context: ['speed', 'to the goal', 'clear'] });
const decision: LoggedDecision = {
  ...{ context: Float64Array.of(0.5, -2, 1), action: 1, nActions: 3, reward: 0.25, probability: 0.8 },
};

describe('a decision as text', () => {
  it('is a shared line and a line for each action in cb_adf', () => {
    const written = text.writeCbAdf(decision);
    expect(written).toBe(
      [
        'shared |Context speed:0.5 to%20the%20goal:-2 clear',
        '|Action action=0',
        '1:-0.25:0.8 |Action action=1',
        '|Action action=2',
        '',
        '',
      ].join('\n'),
    );
    expect(text.parseCbAdf(written + written)).toEqual([decision, decision]);
  });

  it('is one line in cb, its actions counted from 1', () => {
    const written = text.writeCb(decision);
    expect(written).toBe('2:-0.25:0.8 |Context speed:0.5 to%20the%20goal:-2 clear\n');
    expect(text.parseCb(written + written, 3)).toEqual([decision, decision]);
  });

  it("carries features of each action's own in cb_adf, and not in cb", () => {
    const tied = new DecisionText({ context: ['a'], action: ['clearance', 'turn'] });
    const full = { ...decision, context: Float64Array.of(0), actionFeatures: Float64Array.of(1, 2, 3, 4, 5, 6) };
    const written = tied.writeCbAdf(full);
    expect(written).toContain(
      'shared |Context a:0\n|Action clearance turn:2\n1:-0.25:0.8 |Action clearance:3 turn:4\n',
    );
    expect(tied.parseCbAdf(written)).toEqual([full]);
    expect(() => tied.writeCb(full)).toThrow('cb cannot carry features of actions');
  });

  it('has no negative zero for a reward of 0', () => {
    expect(text.writeCb({ ...decision, reward: 0 })).toContain('2:0:0.8 ');
    expect(text.parseCb(text.writeCb({ ...decision, reward: 0 }), 3)[0].reward).toBe(0);
  });

  it.each([
    [{ context: [1, 2] }, 'context has 2 values where 3 have names'],
    [{ context: [1, 2, Number.NaN] }, 'a value is a finite number, not NaN'],
    [{ action: 3 }, 'the action is from 0 to 2, not 3'],
    [{ action: 0.5 }, 'the action is from 0 to 2, not 0.5'],
    [{ nActions: 0 }, 'no number of actions: 0'],
    [{ reward: Number.POSITIVE_INFINITY }, 'the reward is a finite number, not Infinity'],
    [{ probability: 0 }, 'the probability is above 0 and at most 1, not 0'],
    [{ probability: 1.1 }, 'the probability is above 0 and at most 1, not 1.1'],
    [{ probability: Number.NaN }, 'the probability is above 0 and at most 1, not NaN'],
    [{ actionFeatures: [1] }, 'actionFeatures has 1 values where 0 have names'],
  ])('is refused with %j', (change, message) => {
    for (const write of [text.writeCbAdf, text.writeCb]) {
      expect(() => write.call(text, { ...decision, ...change })).toThrow(VwTextError);
      expect(() => write.call(text, { ...decision, ...change })).toThrow(message);
    }
  });

  it.each([
    ['shared |Context speed\n|Action action=0\n', 'line 1: no action of the decision has a cost'],
    ['shared |Context wheels\n1:0:1 |Action action=0\n', 'no value is called "wheels"'],
    ['shared |Context speed:fast\n1:0:1 |Action action=0\n', 'no value is called "speed"'],
    ['shared |Other speed\n1:0:1 |Action action=0\n', 'namespace "Other" instead of Context'],
    ['1:0:1 |Action action=1\n', 'action 0 is written |Action action=0'],
    ['1:0:1 |Action action=0 more\n', 'action 0 is written'],
  ])('is not read from the cb_adf text %j', (written, message) => {
    expect(() => text.parseCbAdf(written)).toThrow(VwTextError);
    expect(() => text.parseCbAdf(written)).toThrow(message);
  });

  it.each([
    ['|Context speed\n', 'not one cost'],
    ['1 |Context speed\n', 'not one cost'],
    ['1:0:1 2:0:1 |Context speed\n', 'not one cost'],
    ['4:0:1 |Context speed\n', 'the action is from 1 to 3, not 4'],
    ['0:0:1 |Context speed\n', 'the action is from 1 to 3, not 0'],
  ])('is not read from the cb text %j', (written, message) => {
    expect(() => text.parseCb(`1:0:1 |Context\n${written}`, 3)).toThrow(`line 2: ${message}`);
  });
});

describe('a name', () => {
  it('is escaped where the format has no room for it', () => {
    expect(escapeName('goal distance|x:y 100%\u00a0é\n')).toBe('goal%20distance%7Cx%3Ay%20100%25%C2%A0é%0A');
    expect(unescapeName(escapeName('a b|c:d%e\u0085'))).toBe('a b|c:d%e\u0085');
  });

  it('is neither empty nor given twice nor half a character', () => {
    expect(() => new DecisionText({ context: ['a', ''] })).toThrow('no feature can be called ""');
    expect(() => new DecisionText({ context: ['a b', 'a b'] })).toThrow('two features are called "a b"');
    expect(() => escapeName('\ud800')).toThrow(VwTextError);
    expect(() => unescapeName('%zz')).toThrow(VwTextError);
  });
});
