import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ShadowSession } from '../../src/cli/shadow-session.js';
import type { ObservationSink } from '../../src/io/port.js';
import { Rejection } from '../../src/io/port.js';
import { Recording } from '../../src/io/replay/recording.js';
import { ReplayPort } from '../../src/io/replay/replay-port.js';
import { loadParameters } from '../../src/parameters/loader.js';

// Third-party data that lies beside the project and is not part of it.
const LOG = join(import.meta.dirname, '../../../shared/data/robot-logs/intel-lab.mcap');

describe.skipIf(!existsSync(LOG))(`the Intel Research Lab log (skipped where ${LOG} is missing)`, () => {
  it('is read whole, with every irregular stamp counted', async () => {
    const recording = new Recording(LOG);
    const port = new ReplayPort(recording);
    let lastStampNs = Number.NEGATIVE_INFINITY;
    const sink: ObservationSink = {
      odometry: (stampNs) => {
        if (stampNs < lastStampNs) return Rejection.stampBack;
        if (stampNs === lastStampNs) return Rejection.stampStill;
        lastStampNs = stampNs;
        return Rejection.accepted;
      },
      ranges: (_stampNs, _receivedNs, scan) => (scan.count === 180 ? Rejection.accepted : Rejection.wrongLength),
      contacts: () => Rejection.accepted,
      newFrame: () => {},
      goal: () => Rejection.accepted,
      cancelGoal: () => {},
      feedback: () => Rejection.accepted,
    };
    await port.start(sink, { read: () => false });
    let clockNs = port.nextNs;
    const first = clockNs;
    const motion = new Float64Array(3);
    let farthest = 0;
    while (port.next()) {
      expect(port.clockNs).toBeGreaterThanOrEqual(clockNs);
      clockNs = port.clockNs;
      if (port.motionAfter(clockNs, 1e9, motion)) farthest = Math.max(farthest, Math.hypot(motion[0], motion[1]));
    }
    await port.stop();
    expect(recording.end).toEqual({ state: 'complete', detail: '' });
    expect([recording.odometryTopic, recording.scanTopic]).toEqual(['/odom', '/scan']);
    expect(port.odometry).toMatchObject({ messages: 13_631, stampsBack: 629, stampsRepeated: 2459 });
    expect(port.scans).toMatchObject({ messages: 910, accepted: 910, stampsBack: 4, stampsRepeated: 0 });
    const { accepted, rejected } = port.odometry;
    expect(accepted + rejected.stampBack + rejected.stampStill).toBe(13_631);
    // 45 minutes of an indoor robot.
    expect((clockNs - first) / 60e9).toBeCloseTo(44.86, 1);
    expect(farthest).toBeGreaterThan(0.3);
    expect(farthest).toBeLessThan(3);
  });

  it('is driven by the rule much as the robot was driven', async () => {
    const port = new ReplayPort(new Recording(LOG));
    // This log has five poses a second and a scan every three.
    const parameters = loadParameters([], { odometry_timeout_s: 1, ranges_timeout_s: 5, policy: 'fallback' });
    const session = new ShadowSession(port, parameters);
    await session.run();
    await port.stop();
    expect([port.odometry.messages, port.scans.messages]).toEqual([13_631, 910]);
    expect(session.cycles).toBe(134_566);
    const { count, sameSector } = session.comparison;
    expect(count).toBeGreaterThan(50_000);
    // Eight directions by chance would agree in an eighth.
    expect(sameSector / count).toBeGreaterThan(0.8);
  });
});
