/** Controllers as the link's sessions use them, with their control threads: who comes and goes, and who orders what. */
import { existsSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SimPort, scenarioOf } from '../../sim/index.js';
import { RobotFollowers, type RunUnderWay } from '../../src/cli/beside-run.js';
import type { ControllerHost } from '../../src/cli/controller-host.js';
import { HostAdministration } from '../../src/cli/host-administration.js';
import { HostedSession, OrdersByRobot } from '../../src/cli/hosted-session.js';
import { liveRobot } from '../../src/cli/live-robot.js';
import { Counter } from '../../src/loop/statistics.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { temporaryFolder } from '../support/command-line.js';

const at = temporaryFolder();
const hosts: ControllerHost[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const host of hosts.splice(0)) await host.stop();
});

async function hosted({ folderByRobot = true, frozen = false, orders = new OrdersByRobot() } = {}) {
  const told: string[] = [];
  const runs: RunUnderWay[] = [];
  const parameters = loadParameters([], { model_dir: at('model') });
  const session = await HostedSession.create({
    ...{ control: { parameters, rewardProgram: null, notes: [] }, folderByRobot, frozen, orders },
    tell: (text) => told.push(text),
    onFault: (detail) => told.push(detail),
    follow: async (run) => {
      runs.push(run);
      return new RobotFollowers([], new Set(), (text) => told.push(text));
    },
  });
  hosts.push(session.host);
  await session.host.start();
  const administration = new HostAdministration({
    robots: () => ['bot'],
    host: () => session.host,
    status: () => ({}),
    order: (_, order) => session.order(order),
    busy: () => session.busy,
    tell: (text) => told.push(text),
    changed: () => undefined,
  });
  /** Of each robot that came, as its page orders it. */
  const pageOf = (index: number) => liveRobot({ run: runs[index], host: session.host, log: () => '' });
  return { session, host: session.host, orders, administration, told, runs, pageOf };
}

/** As if the policy had learned from so many examples more: where nobody drives the control thread counts none. */
function learn(host: ControllerHost, updates = 1): void {
  host.controller.statistics.counters[Counter.learned] += updates;
}

describe.each([
  ['one controller for all robots', false],
  ['a controller for each robot', true],
])('with %s, an order', (_, folderByRobot) => {
  it('that is given while the session begins holds when the robot is there', async () => {
    const { session, host, administration } = await hosted({ folderByRobot });
    const begun = session.begin('bot');
    expect(administration.stop('bot')).toEqual({ stopped: true, armed: false });
    administration.freeze('bot', true);
    administration.set('bot', 'robot.max_speed', 0.5);
    await begun;
    session.arm();
    expect([host.armed, host.halted, host.frozen, host.parameter('robot.max_speed')]).toEqual([false, true, true, 0.5]);
    expect(administration.go('bot')).toEqual({ stopped: false, armed: true });
  });

  it('that is given while the session ends holds when the robot comes again', async () => {
    const { session, host, administration } = await hosted({ folderByRobot });
    await session.begin('bot');
    session.arm();
    learn(host);
    const ended = session.end();
    expect(administration.stop('bot')).toEqual({ stopped: true, armed: false });
    administration.set('bot', 'robot.max_speed', 0.5);
    await ended;
    expect(host.halted).toBe(false);
    expect((await session.begin('bot')).max).toEqual([0.5, 4, 20, 25]);
    session.arm();
    expect([host.armed, host.parameter('robot.max_speed')]).toEqual([false, 0.5]);
  });

  it('is the robot’s and not the next one’s', async () => {
    const { session, host, administration } = await hosted({ folderByRobot });
    await session.begin('bot');
    administration.stop('bot');
    administration.set('bot', 'robot.max_speed', 0.5);
    await session.end();
    expect((await session.begin('other')).max[0]).toBe(2);
    session.arm();
    expect([host.armed, host.halted]).toEqual([true, false]);
  });

  it('needs a robot', async () => {
    const { administration } = await hosted({ folderByRobot });
    expect(() => administration.stop('bot')).toThrow(/no robot drives here/);
  });
});

describe('orders by robot', () => {
  const halted = { halted: true, frozen: false, tuned: new Map() };

  it('take no place where they are as at the start', async () => {
    const { session, administration, orders } = await hosted();
    await session.begin('bot');
    administration.stop('bot');
    administration.set('bot', 'robot.max_speed', 0.5);
    expect(orders.of('bot')).toMatchObject({ halted: true });
    administration.go('bot');
    administration.set('bot', 'robot.max_speed', 2);
    expect(orders.of('bot')).toBeNull();
    for (let i = 0; i < 5000; i++) orders.remember(`passer-by ${i}`, null);
    orders.remember('bot', halted);
    expect(orders.of('bot')).toBe(halted);
  });

  it('are never forgotten for others: those that find no place are refused, and a robot told to stand stands', async () => {
    const { session, host, administration, orders } = await hosted();
    for (let i = 0; i < 1024; i++) orders.remember(`robot ${i}`, halted);
    await session.begin('bot');
    session.arm();
    expect(() => administration.set('bot', 'robot.max_speed', 0.5)).toThrow(/no more can be remembered/);
    expect(host.parameter('robot.max_speed')).toBe(2);
    expect(() => administration.freeze('bot', true)).toThrow(/no more can be remembered/);
    expect([host.frozen, host.armed]).toEqual([false, true]);
    expect(() => administration.stop('bot')).toThrow(/no more can be remembered/);
    expect(host.armed).toBe(false);
    expect(orders.of('robot 0')).toBe(halted);
    orders.remember('robot 0', null);
    expect(administration.stop('bot')).toMatchObject({ stopped: true });
  });
});

describe('what was meant for one robot', () => {
  it('is not done to the next, who came while it was looked up', async () => {
    const { session, host, administration } = await hosted();
    await session.begin('bot');
    learn(host);
    await session.end();
    await session.begin('bot');
    const restored = vi.spyOn(host.controller, 'restore');
    const refused = expect(administration.restore('bot', null)).rejects.toThrow(
      /bot has gone, and nothing was changed/,
    );
    await session.end();
    restored.mockClear();
    const begun = session.begin('other');
    await refused;
    await begun;
    // The other's own, and that alone.
    expect(restored).toHaveBeenCalledTimes(1);
    expect(host.updates).toBe(0);
    await expect(host.restore(host.checkpointing!.untrained(), 7, host.tenancy - 1)).rejects.toThrow(/has gone/);
    expect(host.updates).toBe(0);
  });

  it('cannot be asked for while its checkpoint is loaded, or what it learned is saved, and says so', async () => {
    const { session, host, administration } = await hosted();
    const begun = session.begin('bot');
    await expect(administration.save('bot')).rejects.toThrow(/the session of bot is beginning.*try again/);
    await expect(administration.checkpoints('bot')).rejects.toThrow(/is beginning/);
    await begun;
    expect(session.busy).toBe('');
    learn(host);
    const ended = session.end();
    await expect(administration.reset('bot')).rejects.toThrow(/the session of bot is ending/);
    await ended;
  });
});

describe('what a robot has learned', () => {
  it('leaves no folder where that is nothing, nor a generation where it is on the disk already', async () => {
    const { session, host, told } = await hosted();
    await session.begin('passer-by');
    await session.end();
    expect(existsSync(at('model'))).toBe(false);
    await session.begin('bot');
    learn(host);
    await session.end();
    expect(readdirSync(at('model'))).toEqual(['bot']);
    expect(told).toContainEqual(expect.stringMatching(/^saved .*bot\/checkpoint-000000001/));
    await session.begin('bot');
    expect(session.updates()).toBe(host.updates);
    await session.end();
    expect(readdirSync(at('model', 'bot'))).toHaveLength(1);
  });

  it('is saved at the end where an administrator put it back to nothing', async () => {
    const { session, administration } = await hosted();
    await session.begin('bot');
    await administration.reset('bot');
    await session.end();
    expect(readdirSync(at('model', 'bot'))).toHaveLength(1);
  });

  it('is saved as it is now, also when a save is under way', async () => {
    const { session, host } = await hosted();
    await session.begin('bot');
    const snapshot = vi.spyOn(host.controller, 'snapshot');
    learn(host);
    const first = host.save();
    learn(host);
    const second = host.save();
    const third = host.save();
    expect(second).not.toBe(first);
    expect(third).toBe(second);
    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect(snapshot).toHaveBeenCalledTimes(2);
    expect(host.unsaved).toBe(false);
    learn(host);
    const under = host.save();
    learn(host);
    await session.end();
    await under;
    expect(readdirSync(at('model', 'bot'))).toHaveLength(4);
  });
});

describe('a controller that is being stopped', () => {
  it('is armed neither by its robot, nor by an administrator, nor by who comes next', async () => {
    const { session, host, administration } = await hosted();
    await session.begin('bot');
    session.arm();
    administration.stop('bot');
    session.ending = true;
    const stopped = host.stop();
    session.disarm();
    session.arm();
    expect(administration.go('bot')).toEqual({ stopped: false, armed: false });
    expect(host.armed).toBe(false);
    expect((await stopped).orderly).toBe(true);
  });
});

describe('the answer about parameters', () => {
  it('is made anew only when one has changed', async () => {
    const { session, administration } = await hosted();
    await session.begin('bot');
    const before = administration.parameters('bot');
    expect(administration.parameters('bot')).toBe(before);
    administration.set('bot', 'robot.max_speed', 0.5);
    expect(administration.parameters('bot')['robot.max_speed']).toMatchObject({ value: 0.5 });
    await session.end();
    await session.begin('other');
    expect(administration.parameters('bot')['robot.max_speed']).toMatchObject({ value: 2 });
  });
});

describe('a page', () => {
  it('orders its robot, as an administrator does, and says who did', async () => {
    const { session, host, told, pageOf } = await hosted();
    await session.begin('bot');
    session.arm();
    expect(await pageOf(0).carryOut({ do: 'stop' })).toEqual({ text: 'told to stand' });
    expect([host.armed, host.halted, told.at(-1)]).toEqual([false, true, 'bot: told to stand (page)']);
    expect(await pageOf(0).carryOut({ do: 'arm' })).toEqual({ text: 'armed: the robot may move' });
    expect(host.armed).toBe(true);
  });

  it('does not say that a robot may move which its link has not armed', async () => {
    const { session, host, pageOf } = await hosted();
    await session.begin('bot');
    expect((await pageOf(0).carryOut({ do: 'arm' })).text).toBe('may go on, as soon as its link arms it');
    expect(host.armed).toBe(false);
  });

  it('speaks of no link to who looks at a robot in the simulator', async () => {
    const { session, host, runs } = await hosted();
    await session.begin('bot');
    const simulator = new SimPort({ scenario: scenarioOf('clutter'), clock: host.controller.clock, episodes: 1 });
    const page = liveRobot({ run: { ...runs[0], simulator }, host, log: () => '' });
    expect((await page.carryOut({ do: 'arm' })).text).toBe('may go on, but is not armed: the run begins or ends');
    expect(host.armed).toBe(false);
  });

  it('arms nobody whose control thread cannot drive any more', async () => {
    const { session, host, pageOf } = await hosted();
    await session.begin('bot');
    await host.stop();
    await expect(pageOf(0).carryOut({ do: 'arm' })).rejects.toThrow('not armed: the control thread is stopped');
  });

  it('of a robot that has gone orders nothing of the next one', async () => {
    const { session, host, pageOf } = await hosted({ folderByRobot: false });
    await session.begin('bot');
    await session.end();
    await session.begin('other');
    await pageOf(1).carryOut({ do: 'stop' });
    session.arm();
    for (const order of [
      { do: 'arm' },
      { do: 'freeze', frozen: true },
      { do: 'save' },
      { do: 'restore', file: null },
    ] as const) {
      await expect(pageOf(0).carryOut(order)).rejects.toThrow('bot has gone');
    }
    expect([host.armed, host.halted, host.frozen]).toEqual([false, true, false]);
    await session.end();
    await session.begin('bot');
    expect((await pageOf(0).carryOut({ do: 'stop' })).text).toBe('told to stand');
  });
});
