import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../../../../src/io/zeromq/protocol/codec.js';
import type { Hello } from '../../../../../src/io/zeromq/protocol/protocol.js';
import { Reason } from '../../../../../src/memory/reason.js';
import type { PlayedController } from '../../../../support/played-controller.js';
import { helloOf, type RigRobot, rangesOf, SessionRig, settle } from '../../../../support/session-rig.js';

/** A promise that the test settles. */
function gate(): { wait: Promise<void>; open: () => void } {
  let open = () => {};
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { wait, open };
}

const balanced = ({ table }: SessionRig) => table.counters.settled + table.waiting === table.counters.frames;

describe('a hello', () => {
  it('is answered with a welcome that says what the controller will keep to', async () => {
    const rig = new SessionRig({ random: () => 77 });
    const welcome = await rig.robot('ada').hello();
    const p = rig.parameters;
    expect(welcome).toEqual({
      m: 'welcome',
      v: 1,
      s: 77,
      resumed: false,
      t: 1,
      period: 1 / p.controller_frequency,
      expiry: p['zeromq.command_expiry_s'],
      timeout: p['zeromq.session_timeout_s'],
      heartbeat: p['zeromq.heartbeat_period_s'],
      max: [
        p['robot.max_speed'],
        p['robot.max_yaw_rate'],
        p['robot.max_acceleration'],
        p['robot.max_yaw_acceleration'],
      ],
      policy: 'lin_ts',
      updates: 42,
    });
    expect(rig.changes).toEqual([{ event: 'begun', robot: 'ada', index: 0, reason: '' }]);
  });

  it('leaves nothing of the robot before in the controller', async () => {
    const rig = new SessionRig();
    await rig.robot('ada').hello();
    expect(rig.controller.orders).toEqual(['begin ada', 'disarm', 'lockstep true']);
    expect(rig.controller.observations.names()).toEqual(['newFrame', 'cancelGoal']);
  });

  it('is followed by a heartbeat, so that the robot’s clock is known soon', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    expect(ada.taken('heartbeat')).toEqual([{ m: 'heartbeat', s: ada.session, t: 1 }]);
  });

  it('never gets key 0, nor one that is in use', async () => {
    const keys = [5, 0, 5, 6];
    const rig = new SessionRig({ seats: 2, random: () => keys.shift() ?? 0 });
    expect((await rig.robot('ada').hello())?.s).toBe(5);
    expect((await rig.robot('bob').hello())?.s).toBe(6);
  });

  it('speaks the newest version that both know', async () => {
    const rig = new SessionRig();
    expect((await rig.robot('newer').hello({ v: [3, 2, 1] }))?.v).toBe(1);
  });

  it.each([[[2]], [[4_000_000_000, 7]]])('of versions %j alone is refused, with those that are spoken', async (v) => {
    const rig = new SessionRig();
    const robot = rig.robot('newer');
    expect(await robot.hello({ v })).toBeUndefined();
    expect(robot.refusals()).toMatchObject([{ code: 'version', v: [1], retry: 0 }]);
    expect(rig.table.counters.refused.version).toBe(1);
    expect(rig.controller.orders).toEqual([]);
  });

  it('of another version is refused for that, whatever else it holds', async () => {
    const rig = new SessionRig();
    const robot = rig.robot('newer');
    robot.raw(encodeMessage({ m: 'hello', v: [2], t: 1 } as unknown as Hello));
    expect(robot.refusals()).toMatchObject([{ code: 'version', v: [1] }]);
  });

  it('that lacks something is refused with the key’s name', async () => {
    const rig = new SessionRig();
    const robot = rig.robot('ada');
    const { rate: _, ...rest } = helloOf('ada', 1);
    robot.raw(encodeMessage(rest as Hello));
    const [refused] = robot.refusals();
    expect(refused).toMatchObject({ code: 'hello', retry: 0 });
    expect(refused.reason).toContain('rate');
    expect(rig.table.counters.refused.hello).toBe(1);
    expect(balanced(rig)).toBe(true);
  });

  it('of a robot that is not the one expected is refused, and told to the listeners', async () => {
    const rig = new SessionRig();
    const robot = rig.robot('ada');
    expect(await robot.hello({ drive: 'omnidirectional' })).toBeUndefined();
    expect(robot.refusals()).toMatchObject([{ code: 'drive' }]);
    expect(rig.changes).toMatchObject([{ event: 'refused', robot: 'ada', index: -1 }]);
    expect(rig.table.robotOf(0)).toBeNull();
  });

  it('whose checkpoints cannot be used is refused with the reason, and the seat is free again', async () => {
    const rig = new SessionRig();
    rig.controller.beginError = new Error('ada.rfsn is of another policy');
    const robot = rig.robot('ada');
    expect(await robot.hello()).toBeUndefined();
    expect(robot.refusals()).toMatchObject([{ code: 'checkpoint', reason: 'ada.rfsn is of another policy', retry: 0 }]);
    expect(rig.controller.orders).toEqual(['begin ada']);
    rig.controller.beginError = null;
    expect(await rig.robot('bob').hello()).toBeDefined();
  });

  it('that comes twice while the controller is beginning gets one welcome', async () => {
    const rig = new SessionRig();
    const { wait, open } = gate();
    rig.controller.beginGate = wait;
    const ada = rig.robot('ada');
    await ada.hello();
    await ada.hello();
    expect(ada.take()).toEqual([]);
    expect([rig.table.waiting, rig.table.counters.duplicates]).toEqual([1, 1]);
    open();
    await settle();
    expect(ada.taken('welcome').length).toBe(1);
    expect(rig.controller.orders.filter((order) => order === 'begin ada').length).toBe(1);
    expect(balanced(rig)).toBe(true);
  });

  it('of a second robot by the same name is refused while the first is beginning, driving and saving', async () => {
    const rig = new SessionRig({ seats: 2 });
    const first = rig.robot('ada');
    const second = rig.robot('ada');
    const begun = gate();
    const saved = gate();
    rig.controller.beginGate = begun.wait;
    rig.controller.endGate = saved.wait;
    await first.hello();
    await second.hello();
    begun.open();
    await settle();
    first.session = first.taken('welcome')[0].s;
    await second.hello();
    first.send({ m: 'bye', s: first.session });
    await second.hello();
    expect(second.refusals().map(({ code, retry }) => [code, retry > 0])).toEqual([
      ['busy', true],
      ['busy', true],
      ['busy', true],
    ]);
    saved.open();
    await settle();
    expect(await second.hello()).toBeDefined();
    expect(balanced(rig)).toBe(true);
  });
});

describe('two drivers at once', () => {
  it('the second is refused as busy while every seat is taken, and let in when one is free', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    const bob = rig.robot('bob');
    await ada.hello();
    expect(await bob.hello()).toBeUndefined();
    const [refused] = bob.refusals();
    expect(refused).toMatchObject({ code: 'busy', retry: rig.parameters['zeromq.session_timeout_s'] });
    expect(refused.reason).toContain('ada');
    ada.send({ m: 'bye', s: ada.session });
    await settle();
    expect(await bob.hello()).toBeDefined();
  });

  it('have a controller each where there are two, and neither sees the other’s readings', async () => {
    const rig = new SessionRig({ seats: 2 });
    const ada = rig.robot('ada');
    const bob = rig.robot('bob');
    await ada.hello();
    await bob.hello();
    ada.sense({ odom: [1, 0, 0, 0, 0, 0] });
    bob.sense({ odom: [2, 0, 0, 0, 0, 0] });
    expect(rig.controllers.map(({ observations }) => observations.of('odometry')[0].values[0])).toEqual([1, 2]);
    expect(ada.commands()[0].s).toBe(ada.session);
    expect(bob.commands()[0].s).toBe(bob.session);
    expect(rig.table.sessions.map(({ robot, index }) => [robot, index])).toEqual([
      ['ada', 0],
      ['bob', 1],
    ]);
  });

  it('may share one connection under two names', async () => {
    const rig = new SessionRig({ seats: 2 });
    const ada = rig.robot('ada');
    const bob = rig.robot('bob');
    bob.peer = ada.peer;
    await ada.hello();
    await bob.hello();
    expect(bob.session).not.toBe(ada.session);
    expect(rig.table.sessions.length).toBe(2);
  });
});

describe('a robot that comes back', () => {
  it('goes on with its session by its key, from another peer, though every seat is taken', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.sense({ goal: [3, 0, 0.3] });
    const goals = rig.controller.observations.of('goal').length;
    ada.reconnect();
    const welcome = await ada.hello({ s: ada.session });
    expect(welcome).toMatchObject({ resumed: true, s: ada.session });
    expect(rig.controller.observations.of('newFrame').length).toBe(1);
    expect(rig.controller.observations.of('cancelGoal').length).toBe(1);
    ada.sense({ goal: [3, 0, 0.3] });
    expect(rig.controller.observations.of('goal').length).toBe(goals);
    expect(ada.commands().length).toBe(1);
    expect(rig.controller.orders.filter((order) => order.startsWith('begin')).length).toBe(1);
    expect(rig.table.counters.resumed).toBe(1);
    expect(rig.changes.map(({ event }) => event)).toEqual(['begun', 'resumed']);
  });

  it('goes on without a hello when only its connection is another', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.sense();
    const old = ada.peer;
    ada.commands();
    ada.reconnect();
    ada.sense();
    expect(ada.commands().length).toBe(1);
    expect(rig.inbox(old).length).toBe(0);
    expect(rig.table.counters.moved).toBe(1);
  });

  it('is not led back to its old connection by a sense that was overtaken', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada', { mode: 'free' });
    await ada.hello();
    ada.sense();
    const old = ada.peer;
    ada.reconnect();
    ada.sense({ q: 10 });
    rig.table.receive(old, [encodeMessage({ m: 'sense', s: ada.session, q: 9, t: ada.t })]);
    rig.controller.cycle(0.4);
    expect(ada.commands().map(({ q }) => q)).toEqual([10]);
    expect(rig.table.counters.late).toBe(1);
  });

  it('gets the same welcome again where the first was lost, so that it still says its goal', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    const { t } = ada;
    const first = await ada.hello({ t });
    rig.nowNs += 1e8;
    expect(await ada.hello({ t })).toMatchObject({ s: first?.s, resumed: false });
    expect(rig.controller.observations.names()).toEqual(['newFrame', 'cancelGoal']);
    expect(rig.table.counters).toMatchObject({ begun: 1, duplicates: 1, resumed: 0 });
    ada.sense();
    const again = ada.t;
    for (let i = 0; i < 2; i++) {
      rig.nowNs += 1e8;
      expect(await ada.hello({ s: ada.session, t: again })).toMatchObject({ s: first?.s, resumed: true });
    }
    expect(rig.table.counters).toMatchObject({ begun: 1, duplicates: 2, resumed: 1 });
  });

  it.each([
    ['says another hello', false, 0.1],
    ['says the same hello after it used its key', true, 0],
    ['says another hello after it used its key', true, 0.1],
  ])(
    'is busy where it %s without its key, by the same connection, and nobody learns the key',
    async (_, used, laterS) => {
      const rig = new SessionRig();
      const ada = rig.robot('ada');
      const { t } = ada;
      await ada.hello({ t });
      if (used) ada.sense({ goal: [3, 0, 0.3] });
      const calls = rig.controller.observations.calls.length;
      const twin = rig.robot('ada');
      twin.peer = ada.peer;
      expect(await twin.hello({ t: t + laterS })).toBeUndefined();
      const retry = rig.parameters['zeromq.session_timeout_s'];
      const reason = expect.stringContaining(`or it was, less than ${retry} s ago: it is released then`);
      expect(twin.refusals()).toMatchObject([{ code: 'busy', retry, reason }]);
      expect(rig.controller.observations.calls.length).toBe(calls);
      ada.sense();
      expect(ada.commands()).toMatchObject([{ s: ada.session }]);
    },
  );

  it('has a new key after its silence, and what the process before still sends is refused, and named as such', async () => {
    const rig = new SessionRig();
    const before = rig.robot('ada');
    await before.hello();
    before.sense();
    await rig.pass(3);
    const after = rig.robot('ada');
    after.peer = before.peer;
    expect(await after.hello()).toMatchObject({ resumed: false });
    after.take();
    const steps = rig.controller.steps;
    before.sense();
    expect(before.errors()).toMatchObject([{ code: 'session', s: before.session, q: 2 }]);
    expect(rig.controller.steps).toBe(steps);
  });

  it('may say another mode, scanner and clock, which hold from then on', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.sense();
    const scan = { n: 4, a0: -3, da: 1.5, rmin: 0.1, rmax: 10 };
    expect(await ada.hello({ s: ada.session, mode: 'free', clock: 'real', scan })).toMatchObject({ resumed: true });
    expect(rig.controller.lockstepOn).toBe(false);
    expect(rig.controller.observations.of('newFrame').length).toBe(2);
    ada.take();
    ada.sense();
    expect(ada.errors()).toMatchObject([{ code: 'field', q: 2 }]);
    ada.sense({ ranges: new Uint8Array(16) });
    expect(rig.table.sessions).toMatchObject([{ mode: 'free', clock: 'real', senses: 2 }]);
  });

  it('has another place where its clock went back', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.sense();
    ada.offsetS -= 50;
    await ada.hello({ s: ada.session });
    expect(rig.controller.observations.of('newFrame').length).toBe(2);
    expect(rig.controller.armed).toBe(false);
    ada.take();
    ada.sense();
    expect(ada.commands().length).toBe(1);
    expect(rig.controller.armed).toBe(true);
  });

  it('may count from anywhere, and still gets the answer to its last sense again', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.sense({ q: 50, t: 200 });
    const [answer] = ada.commands();
    await ada.hello({ s: ada.session });
    ada.sense({ q: 50, t: 200 });
    expect(ada.commands()).toEqual([answer]);
    ada.sense({ q: 3, t: 201 });
    expect(ada.commands()).toMatchObject([{ q: 3 }]);
    expect(rig.controller.steps).toBe(2);
  });

  it.each([
    ['scanner', { scan: { n: 8, a0: -3, da: 0.7, rmin: 0.1, rmax: 30 } }],
    ['size', { size: [0.4, 0.3] }],
    ['set of sensors', { contacts: true }],
  ] as [string, Partial<Hello>][])('has another place where it says another %s', async (_, changes) => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.sense();
    expect(await ada.hello({ s: ada.session, ...changes })).toMatchObject({ resumed: true });
    expect(rig.controller.observations.of('newFrame').length).toBe(2);
    expect(rig.controller.armed).toBe(false);
    ada.sense({ odom: undefined });
    expect(rig.controller.armed).toBe(false);
    ada.sense({ ranges: undefined });
    expect(rig.controller.armed).toBe(true);
  });

  it('gets no answer of the run before where it has counted to the same number and time with other readings', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.sense({ q: 1, t: 0 });
    ada.take();
    await ada.hello({ s: ada.session, t: 0 });
    ada.sense({ q: 1, t: 0, ranges: rangesOf(0.3) });
    expect(ada.commands()).toMatchObject([{ q: 1, n: 2 }]);
    expect(rig.controller.steps).toBe(2);
    expect(rig.controller.observations.of('newFrame').length).toBe(2);
    expect(rig.controller.observations.of('ranges').at(-1)?.values[0]).toBeCloseTo(0.3);
    expect(rig.table.counters.repeated).toBe(0);
  });

  it('gets no answer of a step that still runs either, where its readings are others', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    rig.controller.atOnce = false;
    ada.sense({ q: 1, t: 0 });
    await ada.hello({ s: ada.session, t: 0 });
    ada.sense({ q: 1, t: 0, odom: [1, 0, 0, 0, 0, 0] });
    expect(rig.controller.steps).toBe(2);
    rig.controller.finish();
    rig.controller.announce();
    expect(ada.commands().length).toBe(1);
    expect(rig.table.counters.dropped).toBe(1);
    expect(balanced(rig)).toBe(true);
  });

  it('is told what its policy has learned from by now, and the limits that hold for its controller', async () => {
    const rig = new SessionRig();
    const max = [0.5, 1, 2, 3] as const;
    rig.controller.begun = { policy: 'lin_ts', updates: 42, max };
    const ada = rig.robot('ada');
    expect(await ada.hello()).toMatchObject({ updates: 42, max });
    Object.assign(rig.controller, { updates: () => 77 });
    expect(await ada.hello({ s: ada.session })).toMatchObject({ resumed: true, updates: 77, max });
  });

  it('that is no longer the robot it was is refused, and its session ends', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    await ada.hello({ s: ada.session, size: [3, 3] });
    expect(ada.refusals()).toMatchObject([{ code: 'footprint' }]);
    expect(rig.table.sessions).toEqual([]);
    expect(rig.controller.orders.at(-1)).toBe('end');
  });

  it('cannot take another robot’s session by its key', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    const bob = rig.robot('bob');
    await ada.hello();
    expect(await bob.hello({ s: ada.session })).toBeUndefined();
    expect(bob.refusals()).toMatchObject([{ code: 'busy' }]);
    expect(rig.table.sessions.map(({ robot }) => robot)).toEqual(['ada']);
  });
});

describe('several robots in lockstep', () => {
  /** Controllers whose commands take their time; turns end when the test says so. */
  async function driven(names: readonly string[]) {
    const rig = new SessionRig({ seats: names.length });
    const robots = names.map((name) => rig.robot(name));
    for (const robot of robots) {
      await robot.hello();
      robot.take();
    }
    for (const controller of rig.controllers) controller.atOnce = false;
    rig.turnsEnd = false;
    return { rig, robots, controllers: rig.controllers };
  }
  const listeners = (rig: SessionRig) => rig.controllers.map((controller) => controller.listeners);

  it('have their commands when the next one’s sense has been taken, and nobody is told of them', async () => {
    const { rig, robots, controllers } = await driven(['ada', 'bob']);
    const [ada, bob] = robots;
    for (let q = 1; q <= 20; q++) {
      ada.sense();
      controllers[0].finish();
      expect(ada.commands()).toEqual([]);
      bob.sense();
      expect(ada.commands()).toMatchObject([{ q }]);
      controllers[1].finish();
      expect(bob.commands()).toEqual([]);
      rig.endTurn();
      expect(bob.commands()).toMatchObject([{ q }]);
      expect(rig.turnAsked).toBe(false);
    }
    expect(listeners(rig)).toEqual([0, 0]);
    expect(balanced(rig)).toBe(true);
  });

  it('have senses that wait answered in their order, however the looks fall', async () => {
    const { rig, robots, controllers } = await driven(['ada', 'bob', 'cid']);
    for (let i = 0; i < 6; i++) for (const robot of robots) robot.sense();
    const answer = (controller: PlayedController) => {
      controller.finish();
      controller.announce();
    };
    for (let i = 0; i < 6; i++) {
      answer(controllers[i % 3]);
      rig.endTurn();
      answer(controllers[(i + 1) % 3]);
      answer(controllers[(i + 2) % 3]);
      rig.endTurn();
    }
    for (const robot of robots) expect(robot.commands().map(({ q }) => q)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rig.turnAsked).toBe(false);
    expect(balanced(rig)).toBe(true);
  });

  it('keep the event loop from sleeping once only where a control thread stalls, and are told then', async () => {
    const { rig, robots, controllers } = await driven(['ada', 'bob']);
    for (const robot of robots) robot.sense();
    rig.endTurn();
    expect(rig.turnAsked).toBe(false);
    expect(listeners(rig)).toEqual([1, 1]);
    await rig.pass(0.5);
    expect(rig.turnAsked).toBe(false);
    for (const [i, robot] of robots.entries()) {
      controllers[i].finish();
      controllers[i].announce();
      expect(robot.commands()).toMatchObject([{ q: 1 }]);
    }
    expect(rig.turnAsked).toBe(false);
    expect(listeners(rig)).toEqual([0, 0]);
  });

  it('get a command that came out while the last turn ended', async () => {
    const { rig, robots, controllers } = await driven(['ada', 'bob']);
    robots[0].sense();
    controllers[0].finish();
    rig.endTurns();
    expect(robots[0].commands()).toMatchObject([{ q: 1 }]);
    robots[0].sense();
    const { onCommand } = controllers[0];
    // Between the last look and the listening: nobody announces it any more.
    controllers[0].onCommand = (listener) => {
      controllers[0].finish();
      return onCommand.call(controllers[0], listener);
    };
    rig.endTurns();
    expect(robots[0].commands()).toMatchObject([{ q: 2 }]);
  });

  it('do not feel the fault of another', async () => {
    const { rig, robots, controllers } = await driven(['ada', 'bob']);
    const [ada, bob] = robots;
    ada.sense();
    const fault = new Error('broken');
    controllers[0].answered = () => {
      throw fault;
    };
    for (let q = 1; q <= 10; q++) {
      bob.sense();
      controllers[1].finish();
      rig.endTurns();
      expect(bob.take()).toMatchObject([{ m: 'command', q }]);
    }
    expect(rig.faults).toEqual([fault]);
    expect(rig.turnAsked).toBe(false);
  });

  it('have nothing more looked for once the session has ended', async () => {
    const { rig, robots, controllers } = await driven(['ada', 'bob']);
    const [ada] = robots;
    ada.sense();
    ada.send({ m: 'bye', s: ada.session });
    ada.take();
    controllers[0].finish();
    rig.endTurns();
    expect(ada.take()).toEqual([]);
    expect(listeners(rig)[0]).toBe(0);
    expect(balanced(rig)).toBe(true);
  });
});

describe('a robot that is silent', () => {
  it('is released after its timeout: told to stand, told bye, disarmed and saved', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.sense();
    ada.take();
    await rig.pass(rig.parameters['zeromq.session_timeout_s'] - 0.05);
    expect(rig.table.sessions.length).toBe(1);
    ada.take();
    await rig.pass(0.1);
    const last = ada.take();
    expect(last.map(({ m }) => m)).toEqual(['command', 'bye']);
    expect(last[0]).toMatchObject({ q: 1, twist: [0, 0, 0], why: Reason.stopping });
    expect(rig.controller.orders.slice(-3)).toEqual(['disarm', 'lockstep false', 'end']);
    expect(rig.controller.listeners).toBe(0);
    expect(rig.table.counters.released).toBe(1);
    expect(rig.changes.at(-1)).toMatchObject({ event: 'ended', robot: 'ada', reason: 'silent for 2 s' });
  });

  it('is kept by heartbeats alone', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    for (let i = 0; i < 10; i++) {
      await rig.pass(1);
      ada.send({ m: 'heartbeat', s: ada.session, t: ada.t });
    }
    expect(rig.table.sessions.length).toBe(1);
    expect(rig.table.counters.accepted.heartbeat).toBe(10);
  });

  it('is told that its session is gone when it comes back, and gets a new one', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    const old = ada.session;
    await rig.pass(3);
    ada.take();
    ada.sense();
    expect(ada.errors()).toMatchObject([{ code: 'session', re: 'sense', q: 1 }]);
    expect(await ada.hello({ s: old })).toMatchObject({ resumed: false });
    expect(ada.session).not.toBe(old);
    expect(balanced(rig)).toBe(true);
  });

  it('leaves its seat only when its learning is saved', async () => {
    const rig = new SessionRig();
    const saved = gate();
    rig.controller.endGate = saved.wait;
    const ada = rig.robot('ada');
    await ada.hello();
    await rig.pass(3);
    const bob = rig.robot('bob');
    expect(await bob.hello()).toBeUndefined();
    expect(bob.refusals()).toMatchObject([{ code: 'busy' }]);
    expect(rig.table.robotOf(0)).toBe('ada');
    saved.open();
    await settle();
    expect(await bob.hello()).toBeDefined();
    expect(rig.table.robotOf(0)).toBe('bob');
  });
});

describe('a controller that was restarted under a running robot', () => {
  it('says that it knows no such session; the robot’s hello is welcomed, and nothing is resumed', async () => {
    const before = new SessionRig({ random: () => 1000 });
    const ada = before.robot('ada');
    await ada.hello();
    const after = new SessionRig({ random: () => 2000 });
    const robot = after.robot('ada');
    robot.session = ada.session;
    robot.q = 700;
    for (const m of ['stop', 'go'] as const) robot.send({ m, s: robot.session });
    robot.sense();
    expect(robot.errors().map(({ code, re }) => [code, re])).toEqual([
      ['session', 'stop'],
      ['session', 'go'],
      ['session', 'sense'],
    ]);
    expect(await robot.hello({ s: ada.session })).toMatchObject({ s: 2000, resumed: false });
    robot.sense();
    expect(robot.commands()).toMatchObject([{ s: 2000, q: 702 }]);
  });
});

describe('bye', () => {
  it('ends the session without an answer, and its key is worth nothing', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.take();
    ada.send({ m: 'bye', s: ada.session, reason: 'battery' });
    expect(ada.take()).toEqual([]);
    expect(rig.changes.at(-1)).toMatchObject({ event: 'ended', reason: 'the robot said bye: battery' });
    ada.sense();
    expect(ada.errors()).toMatchObject([{ code: 'session' }]);
    expect(rig.controller.armed).toBe(false);
  });
});

describe('refuse', () => {
  it('lets nobody in any more, nor one that comes back, and leaves who drives', async () => {
    const rig = new SessionRig({ seats: 2 });
    const ada = rig.robot('ada');
    await ada.hello();
    rig.table.refuse('the controller is ending');
    const bob = rig.robot('bob');
    expect(await bob.hello()).toBeUndefined();
    expect(bob.refusals()).toMatchObject([{ code: 'unavailable', reason: 'the controller is ending' }]);
    ada.sense();
    expect(ada.commands().length).toBe(1);
    expect(rig.table.sessions.map(({ robot }) => robot)).toEqual(['ada']);
  });

  it('refuses one whose controller was just beginning', async () => {
    const rig = new SessionRig();
    const begun = gate();
    rig.controller.beginGate = begun.wait;
    const ada = rig.robot('ada');
    await ada.hello();
    rig.table.refuse('the controller is ending');
    begun.open();
    await settle();
    expect(ada.refusals()).toMatchObject([{ code: 'unavailable' }]);
    expect(rig.table.sessions).toEqual([]);
    expect(rig.controller.orders).toEqual(['begin ada', 'end']);
  });
});

describe('close', () => {
  it('stops every robot, says bye with the reason, and waits until all is saved', async () => {
    const rig = new SessionRig({ seats: 2 });
    const ada = rig.robot('ada');
    const bob = rig.robot('bob');
    await ada.hello();
    await bob.hello();
    ada.sense();
    ada.take();
    bob.take();
    const saved = gate();
    rig.controllers[1].endGate = saved.wait;
    let closed = false;
    const closing = rig.table.close('the controller is ending').then(() => {
      closed = true;
    });
    await settle();
    expect(ada.take().map(({ m }) => m)).toEqual(['command', 'bye']);
    // Never commanded, so there is nothing to take back.
    expect(bob.take()).toEqual([{ m: 'bye', s: bob.session, reason: 'the controller is ending' }]);
    expect(closed).toBe(false);
    saved.open();
    await closing;
    expect(rig.controllers.map(({ orders }) => orders.at(-1))).toEqual(['end', 'end']);
    expect(await ada.hello()).toBeUndefined();
    expect(ada.refusals()).toMatchObject([{ code: 'unavailable', reason: 'the controller is ending' }]);
  });

  it('ends a session that was just beginning, and refuses its robot', async () => {
    const rig = new SessionRig();
    const begun = gate();
    rig.controller.beginGate = begun.wait;
    const ada = rig.robot('ada');
    await ada.hello();
    const closing = rig.table.close('the controller is ending');
    begun.open();
    await closing;
    expect(ada.take()).toMatchObject([{ m: 'refused', code: 'unavailable' }]);
    expect(rig.controller.orders).toEqual(['begin ada', 'end']);
    expect(balanced(rig)).toBe(true);
  });

  it('may be asked for twice, and with nobody there', async () => {
    const rig = new SessionRig();
    await rig.table.close('a');
    await expect(rig.table.close('b')).resolves.toBeUndefined();
  });
});

describe('robots that come and go', () => {
  const visits = async (count: number, visitor: (i: number) => RigRobot) => {
    let begun = 0;
    for (let i = 0; i < count; i++) {
      const robot = visitor(i);
      if ((await robot.hello()) === undefined) continue;
      begun++;
      robot.send({ m: 'bye', s: robot.session });
      await settle();
    }
    return begun;
  };

  it('take a seat about once a second from one peer, beyond the first few', async () => {
    const rig = new SessionRig();
    const { peer } = rig.robot('gateway');
    const visitor = (i: number) => Object.assign(rig.robot(`name-${i}`), { peer });
    expect(await visits(20, visitor)).toBe(5);
    expect(rig.table.counters.refused.busy).toBe(15);
    rig.nowNs += 3e9;
    expect(await visits(20, visitor)).toBe(3);
    expect(rig.controller.orders.filter((order) => order.startsWith('begin')).length).toBe(8);
    expect(balanced(rig)).toBe(true);
  });

  it('take a seat about ten times a second in all, and the refusal says when to come again', async () => {
    const rig = new SessionRig();
    expect(await visits(20, (i) => rig.robot(`name-${i}`))).toBe(5);
    rig.nowNs += 1e9;
    expect(await visits(20, (i) => rig.robot(`name-${i}`))).toBe(5);
    const late = rig.robot('late');
    await late.hello();
    expect(late.refusals()).toMatchObject([{ code: 'busy', retry: 1 }]);
    rig.nowNs += 1e9;
    expect(await late.hello()).toBeDefined();
  });
});

describe('what comes in', () => {
  it('is one frame, and who sends by REQ is told so', async () => {
    const rig = new SessionRig();
    const robot = rig.robot('ada');
    robot.raw(Buffer.alloc(0), encodeMessage(helloOf('ada', 1)));
    robot.raw();
    const [hint, none] = robot.errors();
    expect(hint).toMatchObject({ code: 'frames' });
    expect(hint.reason).toContain('DEALER');
    expect(none.reason).toBe('a message is one frame, got 0');
    expect(rig.table.counters.rejected.frames).toBe(2);
  });

  it('is no longer than allowed', async () => {
    const rig = new SessionRig({ parameters: { 'zeromq.max_message_bytes': 1024 } });
    const robot = rig.robot('ada');
    robot.raw(Buffer.alloc(1025));
    robot.raw(Buffer.alloc(1024));
    expect(robot.errors().map(({ code }) => code)).toEqual(['size', 'malformed']);
  });

  it('names what is wrong with a message, and which sense it was', async () => {
    const rig = new SessionRig();
    const ada = rig.robot('ada');
    await ada.hello();
    ada.take();
    ada.sense({ odom: [0, 0, 0] as unknown as [0, 0, 0, 0, 0, 0] });
    expect(ada.errors()).toMatchObject([{ code: 'field', re: 'sense', q: 1 }]);
    expect(rig.controller.steps).toBe(0);
  });

  it('is answered ten times a second at most where it is garbage, and counted always', async () => {
    const rig = new SessionRig();
    const robot = rig.robot('ada');
    for (let i = 0; i < 100; i++) robot.raw(Buffer.from([0xc1]));
    expect(robot.errors().length).toBe(10);
    expect(rig.table.counters).toMatchObject({ frames: 100, withheld: 90 });
    expect(rig.table.counters.rejected.malformed).toBe(100);
    rig.nowNs += 1e9;
    robot.raw(Buffer.from([0xc1]));
    expect(robot.errors().length).toBe(1);
  });

  it('beyond its peer’s rate ends the peer’s session; the peer is told once, and not listened to for ten seconds', async () => {
    const rig = new SessionRig({ seats: 2, parameters: { 'zeromq.peer_rate': 100 } });
    const ada = rig.robot('ada');
    const bob = rig.robot('bob');
    await ada.hello();
    await bob.hello();
    bob.sense();
    ada.sense();
    bob.take();
    ada.take();
    for (let i = 0; i < 200; i++) ada.send({ m: 'heartbeat', s: ada.session, t: ada.t });
    expect(ada.take().map(({ m }) => m)).toEqual(['command', 'bye', 'error']);
    expect(rig.table.counters).toMatchObject({ cutOff: 1, muted: 101 });
    expect(rig.table.counters.rejected.rate).toBe(1);
    expect(rig.table.sessions.map(({ robot }) => robot)).toEqual(['bob']);
    bob.sense();
    expect(bob.commands().length).toBe(1);
    rig.nowNs += 9.9e9;
    expect(await ada.hello()).toBeUndefined();
    rig.nowNs += 0.2e9;
    expect(await ada.hello()).toBeDefined();
    expect(balanced(rig)).toBe(true);
  });

  it('from more peers than are remembered leaves the table as large as it may be', () => {
    const rig = new SessionRig({ parameters: { 'zeromq.max_peers': 16 } });
    for (let i = 0; i < 1000; i++) rig.table.receive(Buffer.from(`peer ${i}`), [Buffer.from([0xc1])]);
    expect(rig.table.peers).toBe(16);
    expect(rig.table.counters.forgotten).toBe(984);
  });

  it('from a crowd of strangers takes nothing from who drives, by whatever connection', async () => {
    const rig = new SessionRig({ parameters: { 'zeromq.peer_rate': 100 } });
    const ada = rig.robot('ada');
    await ada.hello();
    ada.reconnect();
    ada.sense();
    for (let i = 0; i < 50; i++) {
      const stranger = rig.robot('stranger');
      for (let k = 0; k < 10; k++) stranger.raw(Buffer.from([0xc1]));
    }
    expect(rig.table.counters.crowdedOut).toBeGreaterThan(350);
    ada.take();
    ada.sense();
    expect(ada.commands().length).toBe(1);
    ada.send({ m: 'bye', s: ada.session });
    await settle();
    expect(await ada.hello()).toBeUndefined();
    rig.nowNs += 1e9;
    expect(await ada.hello()).toBeDefined();
    expect(balanced(rig)).toBe(true);
  });

  it('throws nothing where the controller does: it is counted, answered and told, and the others go on', async () => {
    const rig = new SessionRig({ seats: 2 });
    const ada = rig.robot('ada');
    const bob = rig.robot('bob');
    await ada.hello();
    await bob.hello();
    ada.take();
    rig.controllers[0].step = () => {
      throw new Error('broken');
    };
    ada.sense();
    expect(ada.errors()).toMatchObject([{ code: 'failed' }]);
    expect(rig.faults).toMatchObject([{ message: 'broken' }]);
    expect(rig.table.counters.rejected.failed).toBe(1);
    expect(balanced(rig)).toBe(true);
    bob.sense();
    expect(bob.commands().length).toBe(1);
  });

  it('throws nothing where sending does', async () => {
    const rig = new SessionRig({
      send: () => {
        throw new Error('no socket');
      },
    });
    const robot = rig.robot('ada');
    robot.raw(Buffer.from([0xc1]));
    robot.send(helloOf('ada', 1));
    await settle();
    rig.table.tick();
    expect(rig.faults.length).toBeGreaterThan(0);
    expect(balanced(rig)).toBe(true);
    await rig.table.close('over');
  });
});
