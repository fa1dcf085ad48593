import { describe, expect, it } from 'vitest';
import { checkFaults, DelayLine, defaultFaults, type FaultSettings, noFaults } from '../../sim/faults.js';
import { jackal } from '../../sim/robots.js';
import { scenarioOf } from '../../sim/scenarios/index.js';
import { Outcome } from '../../sim/simulator.js';
import { handmade, type Rig, rig } from './recording-sink.js';

const room = handmade((draft) => draft.room(-6, -6, 6, 6));
const empty = handmade(() => {});

/** The room seen with and without faults, standing still. */
async function beside(faults: Partial<FaultSettings>, scenario = room, drive = 0): Promise<[Rig, Rig]> {
  const clean = await rig(scenario);
  const faulty = await rig(scenario, { faults });
  for (const one of [clean, faulty]) {
    one.commands.send(drive);
    one.run(2);
  }
  return [clean, faulty];
}

const deviation = (values: number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

describe('faults', () => {
  it('are all off by default, and the preset switches every one on', () => {
    expect(Object.values(noFaults).every((value) => value === 0)).toBe(true);
    expect(Object.values(defaultFaults).every((value) => value > 0)).toBe(true);
    expect(Object.keys(defaultFaults)).toEqual(Object.keys(noFaults));
    checkFaults(defaultFaults);
  });

  it('out of range are refused by name', () => {
    const refused: [Partial<FaultSettings>, string][] = [
      [{ laserNoise: -1 }, 'fault laserNoise: -1 is not a number from 0 up'],
      [{ odometryDrift: Number.NaN }, 'fault odometryDrift: NaN is not a number from 0 up'],
      [{ packetLoss: 1.5 }, 'fault packetLoss: 1.5 is not from 0 to 1'],
      [{ sensorLatencyMinS: 1, sensorLatencyMaxS: 0.5 }, 'fault sensorLatencyMaxS: 0.5 is not from 1'],
      [{ commandLatencyMaxS: 3 }, 'fault commandLatencyMaxS: 3 is not from 0 (its minimum) to 2'],
    ];
    for (const [settings, message] of refused) {
      expect(() => checkFaults({ ...noFaults, ...settings })).toThrow(message);
    }
  });

  it('laser noise has the stated deviation and no bias', async () => {
    const [clean, noisy] = await beside({ laserNoise: 0.02 });
    const errors: number[] = [];
    for (let i = 0; i < 20; i++) {
      for (let beam = 0; beam < 720; beam++) {
        errors.push(noisy.sink.scans[i].ranges[beam] - clean.sink.scans[i].ranges[beam]);
      }
    }
    expect(deviation(errors)).toBeCloseTo(0.02, 3);
    expect(errors.reduce((sum, v) => sum + v, 0) / errors.length).toBeCloseTo(0, 3);
  });

  it('laser dropout turns its share of beams into NaN and leaves the others', async () => {
    const [clean, faulty] = await beside({ laserDropout: 0.01 });
    let failed = 0;
    let changed = 0;
    for (let i = 0; i < 100; i++) {
      for (let beam = 0; beam < 720; beam++) {
        const range = faulty.sink.scans[i].ranges[beam];
        if (Number.isNaN(range)) failed++;
        else if (range !== clean.sink.scans[i].ranges[beam]) changed++;
      }
    }
    expect(failed / 72000).toBeCloseTo(0.01, 2);
    expect(failed).toBeGreaterThan(500);
    expect(changed).toBe(0);
  });

  it('odometry slip bends its scale by at most its share, another way each episode', async () => {
    const scales = new Set<number>();
    const { simulator, sink, commands, run } = await rig(empty, { faults: { odometrySlip: 0.03 } });
    for (let episode = 1; episode < 12; episode++) {
      commands.send(1);
      run(2);
      const scale = sink.odometries[sink.odometries.length - 1].x / simulator.x;
      expect(Math.abs(scale - 1)).toBeLessThanOrEqual(0.03);
      scales.add(scale);
      simulator.startEpisode(episode);
    }
    expect(scales.size).toBe(11);
    expect(Math.max(...scales) - Math.min(...scales)).toBeGreaterThan(0.015);
  });

  it('odometry drift turns a robot that stands still', async () => {
    const [clean, drifting] = await beside({ odometryDrift: 0.05 });
    const yaw = drifting.sink.odometries[drifting.sink.odometries.length - 1].yaw;
    expect(clean.sink.odometries[clean.sink.odometries.length - 1].yaw).toBe(0);
    expect(Math.abs(yaw)).toBeGreaterThan(0);
    expect(Math.abs(yaw)).toBeLessThanOrEqual(0.1);
    expect(drifting.sink.odometries[100].yaw).toBeCloseTo(yaw, 9);
  });

  it('odometry noise shakes the speed and not the pose', async () => {
    const [clean, noisy] = await beside({ odometryNoise: 0.02 }, empty, 1);
    const errors = noisy.sink.odometries.slice(10).map((reading) => reading.vx - 1);
    expect(deviation(errors)).toBeGreaterThan(0.012);
    expect(deviation(errors)).toBeLessThan(0.028);
    expect(noisy.sink.odometries.map((reading) => reading.x)).toEqual(
      clean.sink.odometries.map((reading) => reading.x),
    );
  });

  it('sensor latency dates readings by when they were taken and hands them over in order, late', async () => {
    const [clean, late] = await beside({ sensorLatencyMinS: 0.02, sensorLatencyMaxS: 0.04 }, empty, 1);
    for (const name of ['odometries', 'scans', 'contactReadings'] as const) {
      const readings = late.sink[name];
      // The first goes out at once: the robot was sensed before it set out.
      expect(readings[0].receivedNs).toBe(readings[0].stampNs);
      for (let i = 1; i < readings.length; i++) {
        const age = (readings[i].receivedNs - readings[i].stampNs) / 1e9;
        expect(age).toBeGreaterThanOrEqual(0.02);
        // Delivery happens at steps of 10 ms, so up to one of them later than it is due.
        expect(age).toBeLessThanOrEqual(0.0501);
        expect(readings[i].stampNs).toBeGreaterThan(readings[i - 1].stampNs);
        expect(readings[i].receivedNs).toBeGreaterThanOrEqual(readings[i - 1].receivedNs);
      }
      expect(readings.length).toBeGreaterThan(95);
    }
    // The same readings, only later.
    for (let i = 0; i < late.sink.odometries.length; i++) {
      expect(late.sink.odometries[i]).toEqual({
        ...clean.sink.odometries[i],
        receivedNs: late.sink.odometries[i].receivedNs,
      });
      expect(late.sink.scans[Math.min(i, late.sink.scans.length - 1)].ranges).toEqual(clean.sink.scans[0].ranges);
    }
  });

  it('sensor latency keeps nothing back at an episode’s end and lets nothing through to the next', async () => {
    const scenario = handmade(() => {}, { goalX: 1 });
    const { simulator, sink, commands, run } = await rig(scenario, {
      faults: { sensorLatencyMinS: 0.1, sensorLatencyMaxS: 0.2 },
    });
    commands.send(1);
    run(3);
    expect(simulator.outcome).toBe(Outcome.success);
    const last = sink.odometries[sink.odometries.length - 1];
    expect(last.receivedNs).toBe(last.stampNs);
    expect(last.x).toBeCloseTo(simulator.x, 6);
    const before = sink.odometries.length;
    simulator.startEpisode(1);
    commands.send(0);
    run(0.5);
    expect(sink.odometries.slice(before).every((reading) => reading.x === 0)).toBe(true);
  });

  it('command latency delays the start and the stop alike', async () => {
    const { simulator, commands, run } = await rig(empty, {
      faults: { commandLatencyMinS: 0.1, commandLatencyMaxS: 0.1 },
    });
    commands.send(1);
    run(0.1);
    expect(simulator.vx).toBe(0);
    run(0.1);
    expect(simulator.vx).toBeCloseTo(1, 4);
    commands.send(0);
    run(0.1);
    expect(simulator.vx).toBeCloseTo(1, 4);
    run(0.1);
    expect(simulator.vx).toBeCloseTo(0, 6);
  });

  it('packet loss takes its share of readings and commands', async () => {
    const { simulator, sink, run } = await rig(empty, { faults: { packetLoss: 0.2 } });
    run(20);
    for (const readings of [sink.odometries, sink.scans, sink.contactReadings]) {
      expect(readings.length).toBeGreaterThan(1001 * 0.75);
      expect(readings.length).toBeLessThan(1001 * 0.85);
    }
    expect(simulator.vx).toBe(0);
    const deaf = await rig(empty, { faults: { packetLoss: 1 } });
    deaf.commands.send(1);
    deaf.run(1);
    expect(deaf.simulator.vx).toBe(0);
    expect(deaf.sink.calls).toEqual(['newFrame', 'odometry', 'contacts', 'ranges', 'goal']);
  });

  it('draw the same twice for a seed and leave the world and each other’s draws alone', async () => {
    const scenario = scenarioOf('clutter');
    const runs = await Promise.all(
      [defaultFaults, defaultFaults, { ...defaultFaults, laserNoise: 0, odometrySlip: 0 }].map(async (faults) => {
        const one = await rig(scenario, { faults, robot: { ...jackal, laser: { ...jackal.laser, beams: 90 } } });
        one.run(1);
        return one;
      }),
    );
    const [first, second, third] = runs.map((one) => one.sink);
    expect(second.odometries).toEqual(first.odometries);
    expect(second.scans).toEqual(first.scans);
    expect(third.scans.map((scan) => scan.receivedNs)).toEqual(first.scans.map((scan) => scan.receivedNs));
    const failed = (sink: typeof first) => sink.scans.map((scan) => [...scan.ranges].map(Number.isNaN));
    expect(failed(third)).toEqual(failed(first));
  });
});

describe('DelayLine', () => {
  it('keeps order even where a later row was due earlier', () => {
    const line = new DelayLine(4, 1);
    line.payload[line.push(0, 50)] = 1;
    line.payload[line.push(10, 30)] = 2;
    expect(line.pop(49)).toBe(-1);
    expect(line.payload[line.pop(50)]).toBe(1);
    const row = line.pop(50);
    expect(line.payload[row]).toBe(2);
    expect(line.stampNs(row)).toBe(10);
    expect(line.pop(1e9)).toBe(-1);
  });

  it('loses its oldest row when full, and all of them when cleared', () => {
    const line = new DelayLine(2, 1);
    for (let i = 0; i < 3; i++) line.payload[line.push(i, i)] = i;
    expect(line.payload[line.pop(9)]).toBe(1);
    line.clear();
    expect(line.pop(9)).toBe(-1);
  });
});
