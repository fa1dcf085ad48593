import { describe, expect, it } from 'vitest';
import { StampMemory } from '../../../../../src/io/zeromq/session/stamp-memory.js';

describe('the memory of stamps', () => {
  it('knows the newest 256 senses by stamp, and none of before', () => {
    const memory = new StampMemory();
    for (let i = 0; i < 300; i++) memory.remember(i * 10, i, i / 100);
    for (const i of [299, 100, 44]) {
      expect(memory.find(i * 10)).toBe(true);
      expect([memory.q, memory.t]).toEqual([i, i / 100]);
    }
    expect([430, 0, 295.5, 5000].map((stampNs) => memory.find(stampNs))).toEqual([false, false, false, false]);
  });

  it('finds nothing where nothing is, under no stamp, and after it was cleared', () => {
    const memory = new StampMemory();
    expect(memory.find(0)).toBe(false);
    memory.remember(10, 1, 1);
    expect(memory.find(Number.NaN)).toBe(false);
    memory.clear();
    expect(memory.find(10)).toBe(false);
    memory.remember(5, 2, 2);
    expect(memory.find(5)).toBe(true);
  });
});
