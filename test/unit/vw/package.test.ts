import { describe, expect, it } from 'vitest';
import { DecisionText, parseVwExample, writeVwExample } from '../../../src/index.js';

describe('the text of Vowpal Wabbit, as the package gives it', () => {
  it('writes an example that reads back as it was', () => {
    const example = parseVwExample("1.5 2 'tag|a x:0.25 y |b z");
    expect(parseVwExample(writeVwExample(example))).toEqual(example);
  });

  it('writes a decision that reads back as it was made', () => {
    const text = new DecisionText({ context: ['near', 'far'] });
    const decision = { context: Float64Array.of(0.5, -2), action: 1, nActions: 3, reward: 0.75, probability: 0.25 };
    expect(text.parseCbAdf(text.writeCbAdf(decision))).toMatchObject([decision]);
  });
});
