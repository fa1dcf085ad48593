import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SimPort, type SimPortOptions } from '../../sim/sim-port.js';
import { type EpisodeReport, Outcome, STEP_NS } from '../../sim/simulator.js';
import { VirtualClock } from '../../src/core/clock.js';
import { HandCommands, handmade, RecordingSink } from './recording-sink.js';

/** A port on a clock that the test turns, and that timers follow. */
async function started(options: Partial<SimPortOptions> = {}) {
  const clock = new VirtualClock(7e12);
  const sink = new RecordingSink();
  const commands = new HandCommands();
  const port = new SimPort({
    scenario: handmade(() => {}, { goalX: 2, timeLimitS: 5 }),
    clock,
    episodes: null,
    ...options,
  });
  await port.start(sink, commands);
  const pass = (milliseconds: number) => {
    for (let i = 0; i < milliseconds; i++) {
      clock.timeNs += 1e6;
      vi.advanceTimersByTime(1);
    }
  };
  return { clock, sink, commands, port, pass };
}

describe('SimPort', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('keeps step with the controller’s clock and dates readings by it', async () => {
    const { sink, port, pass } = await started();
    pass(1000);
    expect(port.simulator!.nowNs).toBeGreaterThanOrEqual(1e9 - STEP_NS);
    expect(port.simulator!.nowNs).toBeLessThanOrEqual(1e9 + 2 * STEP_NS);
    expect(sink.odometries.length).toBeGreaterThanOrEqual(49);
    for (const reading of sink.odometries) {
      expect(reading.receivedNs).toBeGreaterThanOrEqual(7e12);
      expect(reading.receivedNs - 7e12 - reading.stampNs).toBeLessThan(2 * STEP_NS);
    }
    expect(port.health()).toEqual({ ok: true, detail: 'Episode 0 of handmade.' });
    await port.stop();
  });

  it('runs one episode after another and says how each ended', async () => {
    const reports: EpisodeReport[] = [];
    let done = 0;
    const { sink, commands, port, pass } = await started({
      episodes: 3,
      firstEpisode: 10,
      onEpisodeEnd: (report) => {
        reports.push(report);
        if (reports.length === 2) commands.send(0);
      },
      onDone: () => done++,
    });
    commands.send(1);
    pass(12000);
    expect(reports.map((report) => report.episode)).toEqual([10, 11, 12]);
    expect(reports.map((report) => report.outcome)).toEqual([Outcome.success, Outcome.success, Outcome.timeout]);
    expect(done).toBe(1);
    expect(sink.cancelled).toBe(1);
    expect(sink.frames).toBe(3);
    expect(sink.goals).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
    expect(port.health()).toEqual({ ok: true, detail: 'The simulator stopped after 3 episodes.' });
    await port.stop();
  });

  it('runs late after a stall instead of racing through it', async () => {
    const { clock, sink, port, pass } = await started();
    pass(100);
    const before = sink.odometries.length;
    clock.timeNs += 2e9;
    pass(20);
    expect(sink.odometries.length - before).toBeLessThanOrEqual(5);
    expect(port.health().detail).toBe('Episode 0 of handmade, 2.0 s behind real time.');
    pass(1000);
    expect(port.simulator!.nowNs).toBeLessThan(1.3e9);
    await port.stop();
  });

  it('stops for good, also from within its own callback', async () => {
    const stopped = await started();
    await stopped.port.stop();
    const before = stopped.sink.calls.length;
    stopped.pass(200);
    expect(stopped.sink.calls.length).toBe(before);
    expect(vi.getTimerCount()).toBe(0);

    const port: { stop(): Promise<void> }[] = [];
    const inner = await started({ onEpisodeEnd: () => void port[0].stop() });
    port.push(inner.port);
    inner.commands.send(1);
    inner.pass(4000);
    expect(inner.sink.frames).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('reports a world that cannot be built instead of taking the process down', async () => {
    const scenario = handmade(() => {}, { timeLimitS: 0.1 });
    const build = scenario.build;
    scenario.build = (seed, episode, robot) => {
      if (episode > 0) throw new Error('no such world');
      return build(seed, episode, robot);
    };
    const { sink, port, pass } = await started({ scenario });
    pass(300);
    expect(port.health()).toEqual({ ok: false, detail: 'The simulator failed: no such world' });
    expect(sink.cancelled).toBe(1);
    await port.stop();
  });

  it('is not well before it starts', () => {
    const port = new SimPort({ scenario: handmade(() => {}), clock: new VirtualClock(), episodes: null });
    expect(port.health()).toEqual({ ok: false, detail: 'The simulator has not been started.' });
  });
});
