import { describe, expect, it } from 'vitest';
import { median, quantile, ScavengeCounter, spreadOf } from '../../../bench/measure.js';
import { PlainPasses, PlainReduction } from '../../../bench/plain-loops.js';
import { Situation } from '../../../bench/situation.js';
import { jackal } from '../../../sim/index.js';
import { CommandField } from '../../../src/memory/layout.js';

describe('quantiles', () => {
  it('are values that were there', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantile([1, 2, 3, 4], 1)).toBe(4);
    expect(quantile([1, 2, 3, 4], 0)).toBe(1);
    expect(quantile([], 0.5)).toBeNaN();
    expect(median([30, 10, 20])).toBe(20);
  });

  it('of a hundred thousand times are the ones at their places', () => {
    const times = Float64Array.from({ length: 100_000 }, (_, i) => 100_000 - i);
    expect(spreadOf(times)).toEqual({ p50_ns: 50_000, p99_ns: 99_000, p999_ns: 99_900, max_ns: 100_000 });
  });
});

describe('the scavenge counter', () => {
  it('sees the collections that garbage causes, and none where there is no garbage', async () => {
    const counter = new ScavengeCounter();
    await counter.reset();
    let kept: unknown = null;
    for (let i = 0; i < 2_000_000; i++) kept = { i, numbers: [i, i + 1, i + 2, i + 3] };
    expect(kept).not.toBeNull();
    expect(await counter.read()).toBeGreaterThan(0);
    counter.close();
  });
});

describe('the plain loops', () => {
  it('do the work they stand for: the passes learn the value they are given', () => {
    const passes = new PlainPasses();
    let value = 0;
    for (let i = 0; i < 500; i++) value = passes.run();
    expect(value).toBeCloseTo(1, 6);
  });

  it('find the same nearest obstacle ahead as the sectors do', () => {
    const beams = new Float32Array(jackal.laser.beams).fill(30);
    beams[jackal.laser.beams / 2] = 1.25;
    const reduction = new PlainReduction(0.1, 3, 2);
    expect(reduction.sectorMinima(beams)).toBe(1.25 + 30);
    // One point nearby; 1.25 m less the robot's front and margin straight ahead, and nothing in the last heading's way
    // that is not in the first's.
    const front = jackal.length / 2 + 0.1;
    expect(reduction.reduce(beams)).toBeGreaterThan(1 + 1.25 + 2 * (1.25 - front) - 0.02);
    expect(reduction.reduce(beams)).toBeLessThanOrEqual(1 + 1.25 + 2 * (1.25 - front) + 0.02);
  });
});

describe('a situation', () => {
  it('played back drives the cycle to the bits that the recording drive had, and goes on in time', async () => {
    const situation = await Situation.record({ cycles: 120, seed: 3 });
    const elsewhere = Situation.from(structuredClone(situation.data));
    const drives = [situation.drive(), elsewhere.drive()];
    for (let cycle = 0; cycle < 240; cycle++) {
      const twists = drives.map((drive) => {
        drive.play(cycle % 120);
        drive.run();
        drive.memory.command.take();
        const command = drive.memory.command.doubles[drive.memory.command.readIndex];
        return [command[CommandField.vx], command[CommandField.yawRate], drive.clock.timeNs];
      });
      expect(twists[0]).toEqual(twists[1]);
    }
    expect(drives[0].clock.timeNs).toBeGreaterThan(239 * situation.periodNs);
    expect(drives[0].loop.statistics.interventionCount).toBeLessThan(240);
  });

  it('has a scan in every cycle at the laser’s own rate, and in one of five at 10 Hz', async () => {
    const count = async (scanRateHz: number) => {
      const situation = await Situation.record({ cycles: 100, seed: 3, scanRateHz });
      return Array.from({ length: 100 }, (_, i) => situation.hasScan(i)).filter(Boolean).length;
    };
    expect(await count(50)).toBe(100);
    expect(await count(10)).toBe(20);
  });
});
