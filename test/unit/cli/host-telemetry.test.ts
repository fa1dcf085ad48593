import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ControllerHost } from '../../../src/cli/controller-host.js';
import { HostTelemetry, type TelemetrySink } from '../../../src/cli/host-telemetry.js';
import { stateReport } from '../../../src/cli/state-report.js';
import type { StateReport } from '../../../src/io/zeromq/protocol/telemetry-reports.js';
import type { LinkTraffic } from '../../../src/io/zeromq/zeromq-port.js';
import { loadParameters } from '../../../src/parameters/loader.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A controller that nobody starts, and the telemetry of it; `name` is whoever it drives. */
function rig() {
  const told: string[] = [];
  const host = new ControllerHost({
    ...{ control: { parameters: loadParameters([], {}), rewardProgram: null, notes: [] }, frozen: false },
    ...{ learned: null, checkpointing: null },
    progress: () => ({ cycles: 0, episodes: 0, worldHash: 0, plan: null }),
    tell: (text) => told.push(text),
    onFault: (detail) => told.push(detail),
  });
  const sink = {
    ...{ watched: () => true, decision: vi.fn(), state: vi.fn(), checkpoint: vi.fn(), forget: vi.fn() },
  } satisfies TelemetrySink;
  const is = { name: 'anna' as string | null };
  const decide: ((record: Float64Array) => void)[] = [];
  vi.spyOn(host.controller, 'onDecision').mockImplementation((listener) => {
    decide.push(listener);
    return () => undefined;
  });
  const report = (robot: string): StateReport =>
    stateReport({ host, robot, present: true, ending: false, link: { traffic: { peers: {} } as LinkTraffic } });
  const telemetry = new HostTelemetry({
    ...{ host, sink, robot: () => is.name, driven: () => true, report },
    tell: (text) => told.push(text),
  });
  return {
    host,
    sink,
    is,
    telemetry,
    told,
    report,
    decide: (record: Float64Array) => {
      for (const to of decide) to(record);
    },
  };
}

describe('telemetry of a controller', () => {
  it('counts what cannot be told, says so once, and goes on', () => {
    const { sink, telemetry, told, decide } = rig();
    sink.state.mockImplementation(() => {
      throw new Error('too many open files');
    });
    sink.decision.mockImplementation(() => {
      throw new Error('too many open files');
    });
    vi.advanceTimersByTime(1000);
    expect(telemetry.failures).toBeGreaterThan(3);
    const before = telemetry.failures;
    decide(new Float64Array(1));
    telemetry.changed();
    expect(telemetry.failures).toBe(before + 2);
    expect(told).toEqual([expect.stringMatching(/^telemetry failed: too many open files/)]);
    sink.state.mockReset();
    telemetry.changed();
    expect(sink.state).toHaveBeenCalledTimes(1);
    telemetry.stop();
  });

  it('keeps nothing of a robot that has gone', () => {
    const { sink, is, telemetry } = rig();
    vi.advanceTimersByTime(100);
    expect(sink.forget).not.toHaveBeenCalled();
    is.name = null;
    vi.advanceTimersByTime(100);
    is.name = 'bert';
    vi.advanceTimersByTime(100);
    expect(sink.forget.mock.calls).toEqual([['anna']]);
    telemetry.stop();
  });
});

describe('a report of the state', () => {
  it('gives the memory as it could last be read where it cannot be', () => {
    const { report } = rig();
    vi.spyOn(process.memoryUsage, 'rss').mockReturnValueOnce(123_456);
    expect(report('anna').memory_bytes).toBe(123_456);
    vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => {
      throw new Error('EMFILE: too many open files');
    });
    expect(report('anna').memory_bytes).toBe(123_456);
  });

  it('says armed only where the control thread was told so', async () => {
    const { host, report } = rig();
    host.arm();
    expect(report('anna')).toMatchObject({ armed: true, state: 'driving' });
    host.halt(true);
    expect(report('anna')).toMatchObject({ armed: false, state: 'stopped' });
    host.halt(false);
    expect(report('anna').armed).toBe(true);
    host.controller.disarm();
    expect(report('anna')).toMatchObject({ armed: false, state: 'waiting' });
  });
});
