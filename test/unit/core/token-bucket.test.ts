import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../../src/core/token-bucket.js';

const S = 1e9;

describe('a bucket of tokens', () => {
  it('is full at first, fills at its rate, and never holds more than its size', () => {
    const bucket = new TokenBucket(10, 5);
    const taken = (nowNs: number) => Array.from({ length: 20 }, () => bucket.take(nowNs)).filter(Boolean).length;
    expect([taken(0), taken(0), taken(0.2 * S), taken(9 * S), taken(8 * S)]).toEqual([5, 0, 2, 5, 0]);
  });
});
