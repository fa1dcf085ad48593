import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { jackal, noFaults, type Scenario, type SimPort } from '../../sim/index.js';
import { decodeCheckpoint } from '../../src/checkpoint/format.js';
import type { BesideRun } from '../../src/cli/beside-run.js';
import { Checkpointing, NO_PROGRESS, stateHash } from '../../src/cli/checkpointing.js';
import { EpisodeTally, runFigures } from '../../src/cli/episode-tally.js';
import { LiveDisplay } from '../../src/cli/live-line.js';
import { LiveSession, type LiveSessionOptions } from '../../src/cli/live-session.js';
import type { Run } from '../../src/cli/run-options.js';
import { StopRequest } from '../../src/cli/stop-request.js';
import { ContextBuilder } from '../../src/features/context.js';
import { contextOptionsOf, robotPolicy } from '../../src/loop/configuration.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { handmade } from './recording-sink.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-loop-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Something to look at on the way to a goal that is near. */
const nearby = handmade((draft) => draft.circle(1, 1.5, 0.2), { goalX: 0.6, goalTolerance: 0.3, timeLimitS: 20 });

/** A stream that is no terminal and keeps what it is given. */
class Page {
  text = '';
  write(chunk: string): boolean {
    this.text += chunk;
    return true;
  }
}

function session(
  overrides: Partial<LiveSessionOptions> = {},
  set: Record<string, string> = {},
  scenario: Scenario = nearby,
) {
  const parameters = loadParameters([], { model_dir: join(folder, 'model'), deadline_fraction: 1, ...set });
  const run: Run = {
    parameters,
    scenario,
    scenarioName: 'handmade',
    isBarn: false,
    robot: jackal,
    faults: noFaults,
    seed: 1,
    rewardProgram: null,
    notes: [],
  };
  const page = new Page();
  const display = new LiveDisplay(page as unknown as NodeJS.WriteStream);
  const stop = new StopRequest();
  const tally = new EpisodeTally();
  const checkpointing = Checkpointing.of(run, (text) => display.message(text));
  const options: LiveSessionOptions = {
    ...{ run, frozen: false, learned: null, progress: NO_PROGRESS, firstEpisode: 0, episodes: null },
    ...{ tally, display, stop, checkpointing },
    ...overrides,
  };
  return { live: new LiveSession(options), page, stop, tally, checkpointing };
}

describe('a live session', () => {
  it('drives its episodes in real time, learns, saves, and can be resumed', async () => {
    const first = session({ episodes: 2, firstEpisode: 5, progress: { ...NO_PROGRESS, cycles: 100, episodes: 5 } });
    const result = await first.live.drive();
    first.stop.dispose();
    expect(result).toMatchObject({ fault: '', saved: true });
    expect(first.page.text).toMatch(/episode 5: success after .*\n(.*\n)*episode 6: success after/);
    expect(first.page.text).toMatch(/robot stopped\nsaved /);
    const figures = runFigures(first.tally, first.live.controller.statistics, '', false);
    expect(figures).toMatchObject({ episodes: 2, success_rate: 1, mean_reward: expect.any(Number) });

    const checkpoint = decodeCheckpoint(readFileSync(first.checkpointing.savedPath));
    expect(checkpoint.counters.episodes).toBe(7);
    expect(checkpoint.counters.cycles).toBeGreaterThan(100);
    expect(checkpoint.counters.updates).toBeGreaterThan(10);
    const second = session({}, { random_seed: '9' });
    const resumed = await second.checkpointing.load();
    second.stop.dispose();
    expect(resumed?.learned.policy).toEqual(result.learned?.policy);
    expect(resumed?.learned.scaler).toEqual(result.learned?.scaler);
    expect(resumed?.progress).toMatchObject({ episodes: 7, worldHash: result.worldHash });
    expect(stateHash(result.worldHash, result.learned!)).toMatch(/^[0-9a-f]{16}$/);
  });

  it('ends in order where time was paused while the robot drove', async () => {
    const far = handmade((draft) => draft.circle(1, 1.5, 0.2), { goalX: 100, timeLimitS: 200 });
    let port: SimPort | null = null;
    const beside: BesideRun = {
      ...{ name: 'an operator', required: true, open: async () => {}, close: async () => {} },
      async follow(run) {
        port = run.simulator;
        return { end: async () => {} };
      },
    };
    const { live, stop, page } = session({ beside: [beside] }, { policy: 'fallback' }, far);
    const driven = live.drive();
    await vi.waitFor(() => expect(port?.simulator?.vx).toBeGreaterThan(0.8), { timeout: 20_000, interval: 5 });
    port!.pause();
    await new Promise((resolve) => setTimeout(resolve, 700));
    const { simulator } = port!;
    expect(simulator!.vx).toBeGreaterThan(0.8);
    // As SIGINT does.
    stop.ask('signal');
    expect(await driven).toMatchObject({ fault: '', saved: true });
    stop.dispose();
    expect(page.text).toMatch(/robot stopped\nsaved /);
    expect(simulator!.vx).toBeCloseTo(0, 6);
    expect(live.controller.state).toBe('stopped');
  });

  it('learns nothing when frozen, and saves nothing where nothing is to be saved', async () => {
    const { live, stop, page } = session({ frozen: true, checkpointing: null, episodes: 1 });
    const { learned, saved } = await live.drive();
    stop.dispose();
    expect(saved).toBe(true);
    expect(page.text).not.toContain('saved');
    // The scaler's state counts what it took in.
    const parameters = loadParameters();
    const untouched = new ContextBuilder(contextOptionsOf(parameters));
    expect(learned?.scaler).toEqual(untouched.exportState());
    const policy = robotPolicy(parameters, untouched);
    const { nonZeroWeights } = policy.stats();
    policy.importState(learned!.policy);
    expect(policy.stats()).toMatchObject({ updates: 0, nonZeroWeights });
    const values = new Float64Array(policy.nActions);
    policy.values(new Float64Array(policy.contextDim).fill(1), values);
    expect(values).toEqual(new Float64Array(policy.nActions));
  });

  it('ends with a fault where a world cannot be built, and leaves no thread behind', async () => {
    const scenario: Scenario = {
      ...nearby,
      build() {
        throw new Error('no such world');
      },
    };
    const { live, stop } = session({}, {}, scenario);
    const { fault } = await live.drive();
    stop.dispose();
    expect(fault).toBe('no such world');
    expect(live.controller.state).toBe('stopped');
  });

  it('ends with a fault where the simulator fails on the way, and saves what was learned', async () => {
    let built = 0;
    const scenario: Scenario = {
      ...nearby,
      build(seed, episode, robot) {
        if (built++ > 0) throw new Error('no second world');
        return nearby.build(seed, episode, robot);
      },
    };
    const { live, stop, page } = session({}, {}, scenario);
    const { fault, saved } = await live.drive();
    stop.dispose();
    expect(fault).toBe('The simulator failed: no second world');
    expect(saved).toBe(true);
    expect(page.text).toMatch(/robot stopped\nsaved /);
  });
});
