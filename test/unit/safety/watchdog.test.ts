import { describe, expect, it } from 'vitest';
import { Watchdog } from '../../../src/safety/watchdog.js';

describe('the watchdog', () => {
  it('expires when the counter has stood still for longer than the timeout, not sooner', () => {
    const watchdog = new Watchdog(100);
    expect(watchdog.observe(5, 1000)).toBe(false);
    expect(watchdog.observe(5, 1100)).toBe(false);
    expect(watchdog.observe(5, 1101)).toBe(true);
    expect(watchdog.ageNs).toBe(101);
  });

  it('gives the watched thread the whole timeout from the first look on, whatever the counter holds', () => {
    const watchdog = new Watchdog(100);
    expect(watchdog.observe(0, 1e12)).toBe(false);
    expect(watchdog.observe(0, 1e12 + 100)).toBe(false);
    expect(watchdog.observe(0, 1e12 + 101)).toBe(true);
  });

  it('recovers as soon as the counter changes, also when it wraps', () => {
    const watchdog = new Watchdog(100);
    watchdog.observe(0x7fffffff, 0);
    expect(watchdog.observe(0x7fffffff, 500)).toBe(true);
    expect(watchdog.observe(-0x80000000, 501)).toBe(false);
    expect(watchdog.ageNs).toBe(0);
  });

  it('does not count the time before a restart', () => {
    const watchdog = new Watchdog(100);
    watchdog.observe(1, 0);
    watchdog.observe(1, 500);
    watchdog.restart();
    expect(watchdog.expired).toBe(false);
    expect(watchdog.observe(1, 1000)).toBe(false);
    expect(watchdog.observe(1, 1101)).toBe(true);
  });
});
