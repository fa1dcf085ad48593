import { describe, expect, it } from 'vitest';
import { type BesideRun, BesideRuns, type RobotFollower, type RunUnderWay } from '../../../src/cli/beside-run.js';

/** Listeners of a run, and what calls them. */
function rig() {
  const decisions = new Set<(record: Float64Array) => void>();
  const told: string[] = [];
  const heard: string[] = [];
  const taps = {
    onReading: () => () => undefined,
    onDecision: (listener: (record: Float64Array) => void) => {
      decisions.add(listener);
      return () => decisions.delete(listener);
    },
    onExplanation: () => () => undefined,
    onRestore: () => () => undefined,
    explain: () => undefined,
  };
  const run = { taps } as unknown as RunUnderWay;
  const one = (name: string, changes: Partial<BesideRun> & { follower?: Partial<RobotFollower> } = {}): BesideRun => {
    const { follower, ...rest } = changes;
    return {
      name,
      required: false,
      open: async () => void heard.push(`${name} opens`),
      follow: async () => ({ end: async () => void heard.push(`${name} leaves`), ...follower }),
      close: async () => void heard.push(`${name} closes`),
      ...rest,
    };
  };
  const decide = () => {
    for (const listener of decisions) listener(new Float64Array(1));
  };
  return {
    run,
    one,
    told,
    heard,
    decide,
    of: (...list: BesideRun[]) => new BesideRuns(list, (text) => told.push(text)),
  };
}

const fails = async () => {
  throw new Error('it cannot');
};

describe('what goes on beside a run', () => {
  it('is opened, shown a robot, left and closed in its order', async () => {
    const { of, one, run, heard, told } = rig();
    const beside = of(one('log'), one('page'));
    await beside.open();
    const followers = await beside.follow(run);
    await followers.end();
    await followers.end();
    await beside.close();
    expect(heard).toEqual(['log opens', 'page opens', 'log leaves', 'page leaves', 'log closes', 'page closes']);
    expect(told).toEqual([]);
  });

  it('is done without where it cannot begin and was not asked for by name', async () => {
    const { of, one, run, heard, told } = rig();
    const beside = of(one('page', { open: fails }), one('log'));
    await beside.open();
    const followers = await beside.follow(run);
    await followers.end();
    await beside.close();
    expect(told).toEqual(['page: it cannot; the run goes on without it']);
    expect(heard).toEqual(['page closes', 'log opens', 'log leaves', 'log closes']);
  });

  it('keeps the run from beginning where it was, and lets go of the others', async () => {
    const { of, one, run, heard, told } = rig();
    await expect(of(one('log'), one('page', { required: true, open: fails })).open()).rejects.toThrow('it cannot');
    expect(heard).toEqual(['log opens', 'log closes', 'page closes']);
    heard.length = 0;
    const beside = of(one('log'), one('page', { required: true, follow: fails }));
    await expect(beside.follow(run)).rejects.toThrow('it cannot');
    expect(heard).toEqual(['log leaves']);
    // A robot that comes to a run which has begun is driven all the same.
    await (await beside.follow(run, true)).end();
    expect(told).toEqual(['page: it cannot; the run goes on without it']);
  });

  it('may throw at whatever it is told: the run hears of it once, and the others are told', async () => {
    const { of, one, run, decide, told } = rig();
    let decisions = 0;
    const listening = (listener: () => void) => ({
      follow: async ({ taps }: RunUnderWay): Promise<RobotFollower> => {
        const end = taps.onDecision(listener);
        return { end: async () => end(), fault: listener };
      },
    });
    const bad = listening(() => {
      throw new Error('it broke');
    });
    const followers = await of(
      one('bad', bad),
      one(
        'good',
        listening(() => decisions++),
      ),
    ).follow(run);
    decide();
    decide();
    followers.fault('a fault');
    followers.fault('another');
    expect(decisions).toBe(4);
    expect(told).toEqual(['bad: it broke; the run goes on, and this is told once']);
    await followers.end();
    decide();
    expect(decisions).toBe(4);
  });
});
