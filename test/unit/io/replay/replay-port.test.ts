import { describe, expect, it } from 'vitest';
import type { CommandSource, ObservationSink, RangeScan, RejectionCode } from '../../../../src/io/port.js';
import { Rejection } from '../../../../src/io/port.js';
import { Recording } from '../../../../src/io/replay/recording.js';
import { GOAL_AHEAD_NS, type ReplayOptions, ReplayPort } from '../../../../src/io/replay/replay-port.js';
import { type Entry, fileOf, ODOM, odometryBytes, record, SCAN, scanBytes, straightDrive } from './recorder.js';

/** Writes down what it is told and answers as a sink whose stamps must rise. */
class Notebook implements ObservationSink {
  readonly calls: [string, ...number[]][] = [];
  readonly scans: RangeScan[] = [];
  #lastStampNs = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];

  odometry(...values: number[]): RejectionCode {
    this.calls.push(['odometry', ...values]);
    return this.#judge(0, values);
  }
  ranges(stampNs: number, receivedNs: number, scan: RangeScan): RejectionCode {
    this.calls.push(['ranges', stampNs, receivedNs]);
    this.scans.push({ ...scan });
    return this.#judge(1, [stampNs]);
  }
  contacts(): RejectionCode {
    this.calls.push(['contacts']);
    return Rejection.accepted;
  }
  goal(...values: number[]): RejectionCode {
    this.calls.push(['goal', ...values]);
    return Rejection.accepted;
  }
  newFrame(): void {
    this.calls.push(['newFrame']);
  }
  cancelGoal(): void {
    this.calls.push(['cancelGoal']);
  }
  feedback(...values: number[]): RejectionCode {
    this.calls.push(['feedback', ...values]);
    return Rejection.accepted;
  }

  of(name: string): number[][] {
    return this.calls.filter((call) => call[0] === name).map((call) => call.slice(1) as number[]);
  }

  #judge(input: number, values: number[]): RejectionCode {
    if (!values.every(Number.isFinite)) return Rejection.notFinite;
    const lastNs = this.#lastStampNs[input];
    if (values[0] < lastNs) return Rejection.stampBack;
    if (values[0] === lastNs) return Rejection.stampStill;
    this.#lastStampNs[input] = values[0];
    return Rejection.accepted;
  }
}

const noCommands: CommandSource = {
  read: () => {
    throw new Error('nothing moves in a replay');
  },
};

async function started(entries: Entry[], options: ReplayOptions = {}) {
  const recording = new Recording(fileOf(await record(entries)));
  const port = new ReplayPort(recording, options);
  const sink = new Notebook();
  await port.start(sink, noCommands);
  return { port, sink, recording };
}

const odometryAt = (logTimeNs: number, fields: Parameters<typeof odometryBytes>[0] = {}): Entry => ({
  channel: ODOM,
  logTimeNs,
  data: odometryBytes({ stampNs: logTimeNs, ...fields }),
});

describe('ReplayPort', () => {
  it('hands over one message at a time, dated by its stamp and by the log', async () => {
    const { port, sink } = await started([
      odometryAt(2e9, { stampNs: 1.5e9, x: 1, y: 2, vx: 3, vy: 4, yawRate: 5 }),
      { channel: SCAN, logTimeNs: 2.5e9, data: scanBytes({ stampNs: 2.25e9, ranges: [1, 2, 3, 4] }) },
    ]);
    expect([port.clockNs, port.nextNs, port.originNs]).toEqual([Number.NaN, 0, 2_000_000_000n]);
    expect(sink.calls).toEqual([]);
    expect(port.next()).toBe(true);
    expect([port.clockNs, port.nextNs]).toEqual([0, 0.5e9]);
    expect(sink.of('odometry')).toEqual([[-0.5e9, 0, 1, 2, 0, 3, 4, 5]]);
    expect(port.next()).toBe(true);
    expect([port.clockNs, port.nextNs]).toEqual([0.5e9, Number.NaN]);
    expect(sink.of('ranges')).toEqual([[0.25e9, 0.5e9]]);
    expect(sink.scans[0]).toMatchObject({ count: 4, rangeMax: 10, mountX: 0, mountY: 0, mountYaw: 0 });
    expect(port.next()).toBe(false);
    expect(sink.calls).toHaveLength(3);
  });

  it('keeps nanoseconds apart that a double would not tell since 1970', async () => {
    const startNs = 1_700_000_000_000_000_000n;
    const { port, sink } = await started(
      [1n, 2n, 3n].map((ns) => ({ channel: ODOM, logTimeNs: startNs, data: odometryBytes({ stampNs: startNs + ns }) })),
    );
    while (port.next());
    expect(sink.of('odometry').map(([stampNs]) => stampNs)).toEqual([1, 2, 3]);
    expect(port.odometry.accepted).toBe(3);
  });

  it('puts the scanner where it is told to', async () => {
    const { port, sink } = await started(straightDrive(1), { mountX: 0.12, mountY: -0.1, mountYaw: 3 });
    while (port.next());
    expect(sink.scans).toHaveLength(3);
    expect(sink.scans[2]).toMatchObject({ mountX: 0.12, mountY: -0.1, mountYaw: 3 });
  });

  it('sets the pose of five seconds later as the goal, once a second, and the last pose at the end', async () => {
    const { port, sink } = await started(straightDrive(12), { goalTolerance: 0.4 });
    while (port.next());
    const goals = sink.of('goal');
    // 1 m/s from x = 0 at 1 s on: a goal at 0, 1, 2 … 12 s of the port's clock.
    expect(goals.map(([stampNs]) => stampNs)).toEqual(Array.from({ length: 13 }, (_, k) => k * 1e9));
    expect(goals.map(([, , x]) => x)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 12, 12, 12, 12, 12]);
    for (const [stampNs, receivedNs, , y, tolerance] of goals) {
      expect([receivedNs, y, tolerance]).toEqual([stampNs, 0, 0.4]);
    }
    expect(port.goals).toBe(13);
    // The first reading comes before the first goal, which is meaningless without a pose.
    expect(sink.calls.slice(0, 2).map(([name]) => name)).toEqual(['odometry', 'goal']);
  });

  it('holds its clock where log times go back, and counts that', async () => {
    const times = [3e9, 2e9, 2.5e9, 3e9, 4e9];
    const { port, sink } = await started(times.map((time) => odometryAt(time)));
    const clocks = [];
    while (port.next()) clocks.push(port.clockNs);
    expect(clocks).toEqual([0, 0, 0, 0, 1e9]);
    expect(sink.of('odometry').map(([, receivedNs]) => receivedNs)).toEqual(clocks);
    expect(port.logTimesBack).toBe(2);
  });

  it('counts stamps that go back and repeat by input, and what the sink refused by reason', async () => {
    const stamps = [5, 6, 6, 4, 5, 5, 7];
    const entries = stamps.map((stampNs, index) => odometryAt(1e9 + index, { stampNs }));
    entries.push(odometryAt(2e9, { stampNs: 8, x: Number.NaN }));
    entries.push({ channel: SCAN, logTimeNs: 2e9, data: scanBytes({ stampNs: 3 }) });
    const { port, sink } = await started(entries);
    while (port.next());
    expect(sink.of('odometry')).toHaveLength(8);
    expect(port.odometry).toEqual({
      messages: 8,
      accepted: 3,
      stampsBack: 1,
      stampsRepeated: 2,
      rejected: { notFinite: 1, outOfRange: 0, wrongLength: 0, stampBack: 3, stampStill: 1 },
    });
    expect(port.scans).toMatchObject({ messages: 1, accepted: 1, stampsBack: 0, stampsRepeated: 0 });
  });

  it('knows how the robot moves next, in its own frame', async () => {
    // Facing +y: 2 m/s ahead, 1 m/s to the left, turning through ±π.
    const entries = [0, 1, 2].map((k) => odometryAt(k * 1e9, { x: -k, y: 2 * k, yaw: Math.PI / 2 }));
    entries.push(
      odometryAt(3e9, { x: -3, y: 6, yaw: Math.PI - 0.1 }),
      odometryAt(4e9, { x: -3, y: 6, yaw: 0.1 - Math.PI }),
    );
    const { port } = await started(entries);
    const out = new Float64Array(3).fill(9);
    expect(port.motionAfter(-1, 1e9, out)).toBe(false);
    port.next();
    expect(port.motionAfter(0.25e9, 1e9, out)).toBe(true);
    expect([...out]).toEqual([expect.closeTo(2, 9), expect.closeTo(1, 9), expect.closeTo(0, 9)]);
    expect(port.motionAfter(3e9, 0.5e9, out)).toBe(true);
    expect(out[2]).toBeCloseTo(0.1, 9);
    out.fill(9);
    expect(port.motionAfter(3.5e9, 1e9, out)).toBe(false);
    expect([...out]).toEqual([9, 9, 9]);
    expect(port.motionAfter(3e9, 1e9, out)).toBe(true);
  });

  it('reads no farther ahead than the goal needs, even over thousands of messages', async () => {
    const { port, recording } = await started(straightDrive(400));
    expect(recording.counts.odometry).toBeLessThan(60);
    let handed = 0;
    while (port.next()) {
      handed++;
      expect(recording.counts.odometry + recording.counts.scans - handed).toBeLessThan(65);
    }
    expect([port.odometry.messages, port.scans.messages]).toEqual([4001, 801]);
    expect(recording.end.state).toBe('complete');
  });

  it('holds a bounded number of messages where the log time stands still', async () => {
    const { port, recording } = await started(Array.from({ length: 20_000 }, () => odometryAt(1e9)));
    expect(recording.counts.odometry).toBe(16_384);
    while (port.next());
    expect(port.odometry).toMatchObject({ messages: 20_000, stampsRepeated: 19_999 });
  });

  it('looks over a pause longer than it looks ahead', async () => {
    const entries = [odometryAt(0), odometryAt(1e9), odometryAt(100e9, { x: 7 }), odometryAt(101e9, { x: 8 })];
    const { port, sink } = await started(entries);
    while (port.next());
    expect(sink.of('goal').map(([stampNs, , x]) => [stampNs, x])).toEqual([
      [0, 7],
      [1e9, 7],
      [100e9, 8],
      [101e9, 8],
    ]);
    expect(GOAL_AHEAD_NS).toBe(5e9);
  });

  it('never sets a pose that is no number as the goal', async () => {
    const { port, sink } = await started([
      odometryAt(0),
      odometryAt(5e9, { x: Number.NaN }),
      odometryAt(6e9, { x: 6 }),
    ]);
    while (port.next());
    expect(sink.of('goal').map(([, , x]) => x)).toEqual([6, 6, 6]);
  });

  it('says how far it is, how the recording ended, and hands over nothing once stopped', async () => {
    const bytes = await record(straightDrive(60));
    const port = new ReplayPort(new Recording(fileOf(bytes.subarray(0, bytes.length - 5000))));
    expect(port.name).toBe('replay');
    const sink = new Notebook();
    await port.start(sink, noCommands);
    expect(port.health()).toMatchObject({ ok: true, detail: expect.stringMatching(/^\d+ % of /) });
    while (port.next());
    expect(port.health()).toMatchObject({ ok: false, detail: expect.stringContaining('cut off') });

    const { port: other, sink: otherSink } = await started(straightDrive(1));
    other.next();
    await other.stop();
    expect(other.next()).toBe(false);
    expect(otherSink.of('odometry')).toHaveLength(1);
    const { port: third } = await started(straightDrive(1));
    while (third.next());
    expect(third.health()).toEqual({ ok: true, detail: 'the recording is at its end' });
  });
});
