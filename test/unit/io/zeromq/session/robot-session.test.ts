import { describe, expect, it } from 'vitest';
import type { Hello } from '../../../../../src/io/zeromq/protocol/protocol.js';
import { QUEUE_SENSES } from '../../../../../src/io/zeromq/session/lockstep-queue.js';
import { Reason } from '../../../../../src/memory/reason.js';
import { type RigRobot, SessionRig } from '../../../../support/session-rig.js';

async function joined(changes: Partial<Hello> = {}) {
  const rig = new SessionRig();
  const robot = rig.robot('ada', changes);
  await robot.hello();
  robot.take();
  return { rig, robot, controller: rig.controller, sink: rig.controller.observations };
}

/** An exchange of heartbeats with so long a way each [s]. */
function exchange(rig: SessionRig, robot: RigRobot, wayS = 0.001): void {
  const beats = robot.taken('heartbeat');
  const e = beats.at(-1)?.t ?? rig.nowNs / 1e9;
  rig.nowNs = e * 1e9 + wayS * 1e9;
  const t = robot.t;
  rig.nowNs += wayS * 1e9;
  robot.send({ m: 'heartbeat', s: robot.session, t, e, d: 0 });
}

const balanced = ({ table }: SessionRig) => table.counters.settled + table.waiting === table.counters.frames;

describe('arming', () => {
  it('waits for odometry and ranges, in whatever order they come', async () => {
    const { robot, controller } = await joined();
    robot.sense({ ranges: undefined });
    expect(controller.armed).toBe(false);
    robot.sense({ odom: undefined });
    expect(controller.armed).toBe(true);
  });

  it('ends with stop and comes back with go; a stopped robot still gets its commands', async () => {
    const { robot, controller } = await joined();
    robot.sense();
    robot.send({ m: 'stop', s: robot.session });
    expect(controller.armed).toBe(false);
    robot.take();
    robot.sense();
    expect(robot.commands()).toMatchObject([{ q: 2, twist: [0, 0, 0], why: Reason.disarmed }]);
    robot.send({ m: 'go', s: robot.session });
    robot.sense();
    expect(robot.commands()).toMatchObject([{ q: 3, twist: [0.5, 0, 0], why: Reason.none }]);
  });

  it('is not what go does before any reading has come', async () => {
    const { robot, controller } = await joined();
    robot.send({ m: 'go', s: robot.session });
    expect(controller.armed).toBe(false);
  });
});

describe('readings', () => {
  it('reach the sink with the robot’s stamp, ranges from wherever they lie in the message', async () => {
    const { robot, sink } = await joined();
    const ranges = new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer);
    robot.sense({ t: 12.5, odom: [1, 2, 3, 4, 5, 6], ranges, contacts: [0, 1, 2, 3] });
    expect(sink.of('odometry')).toMatchObject([{ stampNs: 12.5e9, values: [1, 2, 3, 4, 5, 6] }]);
    expect(sink.of('ranges')).toMatchObject([{ stampNs: 12.5e9, values: [1, 2, 3, 4] }]);
    expect(sink.of('contacts')).toMatchObject([{ stampNs: 12.5e9, values: [0, 1, 2, 3] }]);
  });

  it('with another number of beams than the hello said are an error, and no step', async () => {
    const { robot, controller } = await joined();
    robot.sense({ ranges: new Uint8Array(28) });
    const [error] = robot.errors();
    expect(error).toMatchObject({ code: 'field', re: 'sense', q: 1 });
    expect(error.reason).toContain('8 beams');
    expect(controller.steps).toBe(0);
  });

  it('that the sink refuses are an error that names them, and no step; the others stand', async () => {
    const { rig, robot, controller, sink } = await joined();
    robot.sense({ odom: [1e7, 0, 0, 0, 0, 0] });
    expect(robot.errors()).toMatchObject([{ code: 'reading', q: 1, reason: 'odom: out of all bounds' }]);
    expect(controller.steps).toBe(0);
    expect(sink.of('ranges').length).toBe(1);
    expect(rig.table.counters.rejected.reading).toBe(1);
  });

  it('that the sink refuses are the same error again for the same sense', async () => {
    const { robot, rig } = await joined();
    robot.sense({ q: 4, t: 5, odom: [1e7, 0, 0, 0, 0, 0] });
    const [error] = robot.errors();
    robot.sense({ q: 4, t: 5 });
    expect(robot.errors()).toEqual([error]);
    expect(rig.table.counters.duplicates).toBe(1);
  });

  it('of another frame void the place, and the robot is armed again when both have come from there', async () => {
    const { robot, controller, sink } = await joined();
    robot.sense({ frame: 1 });
    expect(sink.of('newFrame').length).toBe(1);
    robot.sense({ frame: 2, ranges: undefined, t: 3 });
    expect(sink.names().slice(-2)).toEqual(['newFrame', 'odometry']);
    expect(controller.armed).toBe(false);
    robot.sense({ frame: 2, t: 4 });
    expect(controller.armed).toBe(true);
    expect(sink.of('newFrame').length).toBe(2);
  });
});

describe('goals', () => {
  it('are handed over when they change, and only then', async () => {
    const { robot, sink } = await joined();
    robot.sense({ goal: [1, 2, 0.3] });
    robot.sense({ goal: [1, 2, 0.3] });
    robot.sense();
    robot.sense({ goal: [1, 2, 0.4] });
    expect(sink.of('goal').map(({ values }) => values)).toEqual([
      [1, 2, 0.3],
      [1, 2, 0.4],
    ]);
  });

  it('are new in another frame, where the same coordinates are another place', async () => {
    const { robot, sink } = await joined();
    robot.send({ m: 'goal', s: robot.session, t: robot.t, goal: [1, 2, 0.3] });
    robot.sense({ goal: [1, 2, 0.3] });
    expect(sink.of('goal').length).toBe(1);
    for (const frame of [1, 1, 2]) robot.sense({ goal: [1, 2, 0.3], frame });
    expect(sink.of('goal').length).toBe(3);
  });

  it('end with nil, once', async () => {
    const { robot, sink } = await joined();
    const before = sink.of('cancelGoal').length;
    robot.sense({ goal: null });
    robot.sense({ goal: [1, 2, 0.3] });
    robot.sense({ goal: null });
    robot.sense({ goal: null });
    expect(sink.of('cancelGoal').length).toBe(before + 1);
    robot.sense({ goal: [1, 2, 0.3] });
    expect(sink.of('goal').length).toBe(2);
  });

  it('act at once by a message of their own', async () => {
    const { robot, sink, controller } = await joined();
    controller.atOnce = false;
    robot.sense();
    robot.send({ m: 'goal', s: robot.session, t: robot.t, goal: [5, 5, 1] });
    expect(sink.of('goal').length).toBe(1);
    robot.send({ m: 'goal', s: robot.session, t: robot.t, goal: null });
    expect(sink.names().at(-1)).toBe('cancelGoal');
  });

  it('that cannot be are an error, and the one before stands', async () => {
    const { robot, sink } = await joined();
    robot.send({ m: 'goal', s: robot.session, t: 1, goal: [1, 2, 0] });
    expect(robot.errors()).toMatchObject([{ code: 'reading', re: 'goal' }]);
    robot.sense({ goal: [1, 2, -1] });
    expect(robot.errors()).toMatchObject([{ code: 'reading', re: 'sense', q: 1, reason: 'goal: out of all bounds' }]);
    expect(sink.of('goal').length).toBe(0);
  });
});

describe('feedback', () => {
  it('reaches the sink, and is an error where it is out of bounds', async () => {
    const { robot, sink } = await joined();
    robot.send({ m: 'feedback', s: robot.session, t: 2, n: 17, reward: 0.5 });
    expect(sink.of('feedback')).toMatchObject([{ stampNs: 2e9, values: [17, 0.5] }]);
    robot.send({ m: 'feedback', s: robot.session, t: 2, n: 17, reward: 1e7 });
    expect(robot.errors()).toMatchObject([{ code: 'reading', re: 'feedback' }]);
  });
});

describe('lockstep', () => {
  it('answers each sense with one command that names it and expires on the robot’s clock', async () => {
    const { rig, robot } = await joined();
    robot.sense({ t: 7 });
    robot.sense({ t: 7.02 });
    const expiry = rig.parameters['zeromq.command_expiry_s'];
    expect(robot.commands()).toEqual([
      { m: 'command', s: robot.session, q: 1, t: 7, n: 1, twist: [0.5, 0, 0], until: 7 + expiry, why: 0 },
      { m: 'command', s: robot.session, q: 2, t: 7.02, n: 2, twist: [0.5, 0, 0], until: 7.02 + expiry, why: 0 },
    ]);
  });

  it('makes a step for a sense without readings as well', async () => {
    const { robot, controller } = await joined();
    robot.sense({ odom: undefined, ranges: undefined });
    expect(robot.commands().length).toBe(1);
    expect(controller.steps).toBe(1);
  });

  it('gives the same command again for the same sense, and makes no step', async () => {
    const { rig, robot, controller } = await joined();
    robot.sense({ q: 9, t: 3 });
    const [command] = robot.commands();
    robot.sense({ q: 9, t: 3 });
    expect(robot.commands()).toEqual([command]);
    expect(controller.steps).toBe(1);
    expect(rig.table.counters.duplicates).toBe(1);
    expect(balanced(rig)).toBe(true);
  });

  it('has passed what is lower', async () => {
    const { robot } = await joined();
    robot.sense({ q: 9 });
    robot.take();
    robot.sense({ q: 8 });
    expect(robot.errors()).toMatchObject([{ code: 'sequence', q: 8 }]);
  });

  it('counts up to 2^53 - 1, with any gaps', async () => {
    const { robot } = await joined();
    for (const q of [0, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) robot.sense({ q });
    expect(robot.commands().map(({ q }) => q)).toEqual([0, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]);
  });

  it('sends the command when the controller has it, where that takes its time', async () => {
    const { robot, controller } = await joined();
    controller.atOnce = false;
    robot.sense();
    expect(robot.take()).toEqual([]);
    controller.finish();
    controller.announce();
    expect(robot.commands()).toMatchObject([{ q: 1 }]);
    controller.announce();
    expect(robot.take()).toEqual([]);
  });

  it.each([-3, 2 ** 31 - 3])('takes any number for a step, from %d on', async (from) => {
    const { robot, controller } = await joined();
    controller.steps = from;
    controller.finish();
    controller.announce();
    controller.atOnce = false;
    for (let i = 1; i <= 5; i++) {
      robot.sense();
      expect(robot.commands()).toEqual([]);
      controller.finish();
      controller.announce();
      expect(robot.commands()).toMatchObject([{ q: i }]);
    }
  });

  it('finds the command by its tick where nobody announced it', async () => {
    const { rig, robot, controller } = await joined();
    controller.atOnce = false;
    robot.sense();
    controller.finish();
    rig.table.tick();
    expect(robot.commands()).toMatchObject([{ q: 1 }]);
  });

  it('takes senses that come meanwhile in their turn, each with its own readings', async () => {
    const { rig, robot, controller, sink } = await joined();
    controller.atOnce = false;
    for (let x = 1; x <= 3; x++) robot.sense({ odom: [x, 0, 0, 0, 0, 0] });
    expect(sink.of('odometry').map(({ values }) => values[0])).toEqual([1]);
    expect(rig.table.waiting).toBe(3);
    for (let i = 0; i < 3; i++) {
      controller.finish();
      controller.announce();
      rig.endTurns();
    }
    expect(sink.of('odometry').map(({ values }) => values[0])).toEqual([1, 2, 3]);
    expect(robot.commands().map(({ q }) => q)).toEqual([1, 2, 3]);
    expect(balanced(rig)).toBe(true);
  });

  it('answers a sense once that comes again while it waits or runs', async () => {
    const { rig, robot, controller } = await joined();
    controller.atOnce = false;
    robot.sense({ q: 1, t: 1 });
    robot.sense({ q: 2, t: 2 });
    robot.sense({ q: 1, t: 1 });
    robot.sense({ q: 2, t: 2 });
    controller.atOnce = true;
    controller.finish();
    controller.announce();
    expect(robot.commands().map(({ q }) => q)).toEqual([1, 2]);
    expect(rig.table.counters.duplicates).toBe(2);
  });

  it('lets a bounded number wait, and says so to what comes on top', async () => {
    const { rig, robot, controller } = await joined();
    controller.atOnce = false;
    for (let i = 0; i < QUEUE_SENSES + 2; i++) robot.sense();
    expect(robot.errors()).toMatchObject([{ code: 'failed', q: QUEUE_SENSES + 2 }]);
    expect(rig.table.counters.overflows).toBe(1);
    expect(rig.table.waiting).toBe(QUEUE_SENSES + 1);
    controller.atOnce = true;
    controller.finish();
    controller.announce();
    expect(robot.commands().length).toBe(QUEUE_SENSES + 1);
    expect(balanced(rig)).toBe(true);
  });

  it('gives a step up whose command never comes, and goes on with the next', async () => {
    const { rig, robot, controller } = await joined();
    controller.atOnce = false;
    robot.sense();
    robot.sense();
    await rig.pass(1.1);
    expect(robot.errors()).toMatchObject([{ code: 'failed', q: 1 }]);
    expect(controller.steps).toBe(2);
    expect(rig.table.counters.unanswered).toBe(1);
    expect(balanced(rig)).toBe(true);
  });

  it('answers with the main thread’s zero where the control thread stands still', async () => {
    const { robot, controller } = await joined();
    controller.atOnce = false;
    robot.sense();
    controller.cycle(0, Reason.fault);
    expect(robot.commands()).toMatchObject([{ q: 1, twist: [0, 0, 0], why: Reason.fault }]);
  });

  it('does not take a command by schedule for that of a step', async () => {
    const { robot, controller } = await joined();
    controller.atOnce = false;
    robot.sense();
    controller.cycle(0.1, Reason.slowed);
    expect(robot.commands()).toEqual([]);
    controller.finish();
    controller.announce();
    expect(robot.commands()).toMatchObject([{ q: 1, n: 2 }]);
  });

  it('sends the stop of a robot that fell silent at once, and then as often as a heartbeat', async () => {
    const { rig, robot, controller } = await joined();
    robot.sense();
    await rig.pass(0.1);
    robot.take();
    for (const vx of [0.3, 0.1, 0, 0, 0]) controller.cycle(vx, Reason.staleRanges);
    expect(robot.commands().map(({ q, twist, why }) => [q, twist[0], why])).toEqual([
      [1, 0.3, Reason.staleRanges],
      [1, 0.1, Reason.staleRanges],
      [1, 0, Reason.staleRanges],
    ]);
    rig.nowNs += rig.parameters['zeromq.heartbeat_period_s'] * 1e9;
    controller.cycle(0, Reason.staleRanges);
    controller.cycle(0, Reason.staleRanges);
    expect(robot.commands().length).toBe(1);
  });

  it('has nobody move without a sense, whatever cycles by schedule decide', async () => {
    const { rig, robot, controller } = await joined();
    robot.sense();
    await rig.pass(0.1);
    robot.take();
    controller.cycle(0.5, Reason.none);
    controller.cycle(0.2, Reason.slowed);
    controller.cycle(0, Reason.arrived);
    expect(robot.take()).toEqual([]);
    controller.cycle(0, Reason.disarmed);
    expect(robot.commands()).toMatchObject([{ q: 1, twist: [0, 0, 0] }]);
  });

  it('is told of no command where it waits for each answer, until the robot falls silent', async () => {
    const { rig, robot, controller } = await joined();
    robot.sense();
    expect(controller.listeners).toBe(0);
    controller.cycle(0, Reason.staleRanges);
    robot.take();
    // The next tick finds it all the same.
    await rig.pass(0.01);
    expect(robot.commands()).toMatchObject([{ q: 1, why: Reason.staleRanges }]);
    await rig.pass(0.1);
    expect(controller.listeners).toBe(1);
    robot.sense();
    expect(controller.listeners).toBe(0);
    controller.atOnce = false;
    robot.sense();
    expect(controller.listeners).toBe(1);
    controller.finish();
    controller.announce();
    expect(robot.commands().map(({ q }) => q)).toEqual([2, 3]);
  });

  it('has its senses dropped and counted when the session ends', async () => {
    const { rig, robot, controller } = await joined();
    controller.atOnce = false;
    robot.sense();
    robot.sense();
    robot.send({ m: 'bye', s: robot.session });
    expect(rig.table.counters.dropped).toBe(2);
    expect(rig.table.waiting).toBe(0);
    expect(balanced(rig)).toBe(true);
    controller.finish();
    controller.announce();
    expect(robot.commands()).toEqual([]);
  });
});

describe('free', () => {
  it('sends commands as they are made, each with the sense whose odometry it rests on', async () => {
    const { rig, robot, controller } = await joined({ mode: 'free' });
    robot.sense({ q: 10, t: 1 });
    robot.sense({ q: 20, t: 2 });
    controller.cycle(0.2, Reason.none, 1e9);
    controller.cycle(0.3, Reason.none, 2e9);
    robot.sense({ q: 30, t: 3, odom: undefined });
    controller.cycle(0.4, Reason.none, 2e9);
    const expiry = rig.parameters['zeromq.command_expiry_s'];
    expect(robot.commands().map(({ q, t, twist, until }) => [q, t, twist[0], until])).toEqual([
      [10, 1, 0.2, 1 + expiry],
      [20, 2, 0.3, 2 + expiry],
      [20, 2, 0.4, 2 + expiry],
    ]);
    expect(controller.lockstepOn).toBe(false);
    expect(controller.steps).toBe(0);
  });

  it('drops and counts what was overtaken, or comes twice', async () => {
    const { rig, robot, sink } = await joined({ mode: 'free' });
    robot.sense({ q: 5 });
    robot.sense({ q: 4 });
    robot.sense({ q: 5 });
    expect(sink.of('odometry').length).toBe(1);
    expect(rig.table.counters.late).toBe(2);
    expect(robot.take()).toEqual([]);
    expect(balanced(rig)).toBe(true);
  });

  it('tells a robot that counts anew without a hello, once a second', async () => {
    const { rig, robot, sink } = await joined({ mode: 'free' });
    robot.sense({ q: 1000 });
    for (let q = 1; q <= 22; q++) {
      rig.nowNs += 0.1e9;
      robot.sense({ q });
    }
    expect(robot.errors()).toMatchObject([{ code: 'sequence' }, { code: 'sequence' }]);
    expect(rig.table.counters.late).toBe(20);
    expect(sink.of('odometry').length).toBe(1);
    expect(balanced(rig)).toBe(true);
  });

  it('sends nothing before the first sense, and nothing but zeros before both inputs have come', async () => {
    const { robot, controller, rig } = await joined({ mode: 'free' });
    controller.cycle(0, Reason.disarmed);
    expect(robot.commands()).toEqual([]);
    robot.sense({ ranges: undefined });
    controller.cycle(0, Reason.staleRanges);
    controller.cycle(0.4);
    expect(robot.commands()).toMatchObject([{ twist: [0, 0, 0] }]);
    expect(rig.table.counters.unnamed).toBe(1);
  });

  it('sends no motion that rests on odometry of no sense of this session, and sends its zero by the newest', async () => {
    const { robot, controller, rig } = await joined({ mode: 'free' });
    robot.sense({ q: 8 });
    controller.cycle(0.4, Reason.none, 123);
    controller.cycle(0, Reason.staleOdometry, 123);
    controller.cycle(0, Reason.staleOdometry, Number.NaN);
    expect(robot.commands()).toMatchObject([
      { q: 8, twist: [0, 0, 0] },
      { q: 8, twist: [0, 0, 0] },
    ]);
    expect(rig.table.counters.unnamed).toBe(1);
  });

  it('says nothing more after its end', async () => {
    const { robot, controller } = await joined({ mode: 'free' });
    robot.sense();
    robot.send({ m: 'bye', s: robot.session });
    robot.take();
    controller.cycle(0.4);
    expect(robot.take()).toEqual([]);
  });
});

describe('heartbeats', () => {
  it('go out on time, and give back the robot’s newest with how long it lay here', async () => {
    const { rig, robot } = await joined();
    robot.send({ m: 'heartbeat', s: robot.session, t: 55 });
    await rig.pass(0.5);
    expect(robot.taken('heartbeat')).toEqual([{ m: 'heartbeat', s: robot.session, t: 1.5, e: 55, d: 0.5 }]);
  });

  it('tell the offset of the robot’s clock', async () => {
    const { rig, robot } = await joined({ clock: 'real' });
    expect(rig.table.sessions).toMatchObject([{ offsetS: Number.NaN, roundTripS: Number.NaN }]);
    exchange(rig, robot);
    expect(rig.table.sessions[0].offsetS).toBeCloseTo(100, 9);
    expect(rig.table.sessions[0].roundTripS).toBeCloseTo(0.002, 9);
  });

  it('tell nothing of a simulated clock', async () => {
    const { rig, robot } = await joined({ clock: 'simulated' });
    exchange(rig, robot);
    expect(rig.table.sessions[0].offsetS).toBeNaN();
  });
});

describe('dates', () => {
  it('are those of arrival while the offset is unknown, and with a simulated clock in free mode', async () => {
    for (const [mode, clock] of [
      ['lockstep', 'real'],
      ['free', 'real'],
      ['free', 'simulated'],
    ] as const) {
      const { rig, robot, sink, controller } = await joined({ mode, clock });
      if (clock === 'simulated') exchange(rig, robot);
      for (const t of [3, 30]) {
        robot.sense({ t });
        expect(sink.of('odometry').at(-1)?.datedNs).toBe(rig.nowNs);
      }
      expect(controller.stepDates).toEqual(mode === 'free' ? [] : [undefined, undefined]);
    }
  });

  it('are the stamps by the controller’s clock once the offset is known', async () => {
    const { rig, robot, sink } = await joined({ clock: 'real' });
    exchange(rig, robot);
    rig.nowNs += 1e9;
    robot.sense({ t: robot.t - 0.08 });
    // A millisecond passes before a sense is sent.
    expect((rig.nowNs - sink.of('odometry')[0].datedNs) / 1e9).toBeCloseTo(0.081, 6);
  });

  it('never lie in the future, and never go back', async () => {
    const { rig, robot, sink } = await joined({ clock: 'real' });
    exchange(rig, robot);
    robot.sense({ t: robot.t + 0.05 });
    expect(sink.of('odometry')[0].datedNs).toBe(rig.nowNs);
    const firstNs = rig.nowNs;
    // Odometry is ahead; a scan taken before it comes after it.
    robot.sense({ t: robot.t - 0.5, odom: undefined, ranges: undefined, contacts: [0, 0, 0, 0] });
    expect(sink.of('contacts')[0].datedNs).toBe(firstNs);
  });

  it('in the future beyond the tolerance are an error, and the reading is not used', async () => {
    const { rig, robot, sink, controller } = await joined({ clock: 'real' });
    exchange(rig, robot);
    robot.sense({ t: robot.t + 0.5 });
    const [error] = robot.errors();
    expect(error).toMatchObject({ code: 'stamp', q: 1 });
    expect(error.reason).toContain('0.499 s in the future');
    expect([sink.of('odometry').length, controller.steps]).toEqual([0, 0]);
  });

  it('that are old are not refused: how old they may be is for safety to say', async () => {
    const { rig, robot, controller } = await joined({ clock: 'real' });
    exchange(rig, robot);
    rig.nowNs += 1e10;
    robot.sense({ t: robot.t - 9 });
    expect(controller.steps).toBe(1);
  });

  it('that stand still or go back are an error that says which reading', async () => {
    const { robot } = await joined();
    robot.sense({ t: 10 });
    robot.take();
    robot.sense({ t: 10 });
    robot.sense({ t: 9 });
    expect(robot.errors().map(({ code, reason }) => [code, reason])).toEqual([
      ['stamp', 'odom: t is that of the last'],
      ['stamp', 'odom: t is before that of the last'],
    ]);
  });

  it('may interleave between inputs, each of which rises', async () => {
    const { robot } = await joined();
    robot.sense({ t: 10, ranges: undefined });
    robot.sense({ t: 9.9, odom: undefined });
    robot.sense({ t: 10.02, ranges: undefined });
    expect(robot.commands().length).toBe(3);
  });
});

describe('the time of a simulation in lockstep', () => {
  /** A robot that has sensed once, at a time of its own; dates count from there [s]. */
  async function simulating(t: number, changes: Partial<Hello> = {}) {
    const all = await joined({ clock: 'simulated', mode: 'lockstep', ...changes });
    const { robot, rig, sink, controller } = all;
    robot.sense({ t });
    const firstNs = rig.nowNs;
    const datesS = () => sink.of('odometry').map(({ datedNs }) => (datedNs - firstNs) / 1e9);
    const stepsS = () => controller.stepDates.map((atNs) => ((atNs ?? Number.NaN) - firstNs) / 1e9);
    return { ...all, datesS, stepsS, firstNs };
  }

  it('dates readings and steps from the first one’s arrival on, at whatever speed they come', async () => {
    for (const realS of [1e-4, 2]) {
      const { robot, rig, datesS, stepsS } = await simulating(1e6);
      for (let i = 1; i <= 3; i++) {
        rig.nowNs += realS * 1e9;
        robot.sense({ t: 1e6 + i / 8 });
      }
      expect(datesS()).toEqual([0, 0.125, 0.25, 0.375]);
      expect(stepsS()).toEqual(datesS());
    }
  });

  it('is whole nanoseconds, so that what lies between two senses is the same whenever they come', async () => {
    const { robot, controller } = await simulating(0.02);
    for (let i = 2; i <= 100; i++) robot.sense({ t: i * 0.02 });
    const dates = controller.stepDates as number[];
    expect(dates.slice(1).every((atNs, i) => atNs - dates[i] === 2e7)).toBe(true);
  });

  it('is not moved by a stamp that is refused, nor by one of another input that lags', async () => {
    const { robot, datesS, stepsS } = await simulating(10);
    robot.sense({ t: 9 });
    robot.sense({ t: 50, odom: [Number.NaN, 0, 0, 0, 0, 0], ranges: undefined });
    robot.sense({ t: 50, odom: [1e7, 0, 0, 0, 0, 0], ranges: undefined });
    robot.sense({ t: 10.25 });
    robot.sense({ t: 9.5, odom: undefined, ranges: undefined, contacts: [0, 0, 0, 0] });
    robot.sense({ t: 10.5 });
    expect(datesS()).toEqual([0, 0.25, 0.5]);
    expect(stepsS()).toEqual([0, 0.25, 0.25, 0.5]);
  });

  it('goes on in another frame, and stands where stamps begin anew there', async () => {
    const { robot, datesS, stepsS } = await simulating(10);
    robot.sense({ t: 10.5, frame: 1 });
    robot.sense({ t: 0.5, frame: 2 });
    robot.sense({ t: 0.75, frame: 2 });
    robot.sense({ t: 5000, frame: 3 });
    robot.sense({ t: 5000.25, frame: 3 });
    expect(datesS()).toEqual([0, 0.5, 0.5, 0.75, 0.75, 1]);
    expect(stepsS()).toEqual(datesS());
  });

  it('passes where senses fail to come, and stands where the robot’s clock was set ahead: the place is void then', async () => {
    const { robot, rig, sink, datesS } = await simulating(10);
    robot.sense({ t: 69 });
    expect(sink.of('newFrame').length).toBe(1);
    robot.sense({ t: 1000 });
    robot.sense({ t: 1000.25 });
    expect(datesS()).toEqual([0, 59, 59, 59.25]);
    expect(sink.of('newFrame').length).toBe(2);
    expect(rig.table.counters.clockSteps).toBe(1);
    // No stamp puts it beyond what a double holds.
    for (const t of [1e300, -1e300, 1e300, 3]) robot.sense({ t });
    robot.sense({ t: 1e300, frame: 1 });
    robot.sense({ t: 4, frame: 2 });
    robot.sense({ t: 4.25, frame: 2 });
    expect(datesS().slice(-2)).toEqual([59.25, 59.5]);
  });

  it('stands when the robot’s clock was set back and is followed', async () => {
    const { robot, rig, datesS, controller } = await simulating(1000);
    for (let i = 0; i < 12; i++) {
      rig.nowNs += 0.1e9;
      robot.sense({ t: 10 + i / 8 });
    }
    robot.sense({ t: 100 });
    expect(rig.table.counters.clockSteps).toBe(2);
    expect(datesS().slice(0, 2)).toEqual([0, 0]);
    expect(datesS().every((at, i) => i === 0 || at >= datesS()[i - 1])).toBe(true);
    expect(controller.armed).toBe(true);
  });

  it('goes on in a session that is resumed, and stands where the robot has begun anew', async () => {
    const { robot, stepsS } = await simulating(10);
    robot.reconnect();
    await robot.hello({ s: robot.session, t: 10.1 });
    robot.sense({ t: 10.25 });
    expect(stepsS()).toEqual([0, 0.25]);
    robot.reconnect();
    await robot.hello({ s: robot.session, t: 0.1 });
    robot.sense({ t: 0.25 });
    robot.sense({ t: 0.5 });
    expect(stepsS()).toEqual([0, 0.25, 0.25, 0.5]);
  });

  it('is the controller’s again with another mode or clock, and nothing of the place stands', async () => {
    for (const changes of [{ mode: 'free' }, { clock: 'real' }] as const) {
      const { robot, rig, sink, controller } = await simulating(10);
      for (let i = 1; i <= 1000; i++) robot.sense({ t: 10 + i * 50 });
      expect(sink.of('odometry').at(-1)?.datedNs).toBeGreaterThan(rig.nowNs + 10_000e9);
      const frames = sink.of('newFrame').length;
      const orders = controller.orders.length;
      await robot.hello({ s: robot.session, t: 60_000, ...changes });
      expect(controller.orders.slice(orders)).toContain(`lockstep ${!('mode' in changes)}`);
      expect(sink.of('newFrame').length).toBe(frames + 1);
      expect(controller.armed).toBe(false);
      robot.sense({ t: 60_000 });
      expect(sink.of('odometry').at(-1)?.datedNs).toBe(rig.nowNs);
      if (!('mode' in changes)) expect(controller.stepDates.at(-1)).toBe(undefined);
      // And back.
      await robot.hello({ s: robot.session, t: 60_001 });
      robot.sense({ t: 60_001 });
      expect(controller.stepDates.at(-1)).toBe(rig.nowNs);
    }
  });

  it('begins anew with each session', async () => {
    const { robot, rig, controller } = await simulating(10);
    for (let i = 1; i <= 100; i++) robot.sense({ t: 10 + i * 50 });
    robot.send({ m: 'bye', s: robot.session, reason: 'test' });
    await rig.pass(0.1);
    expect(controller.orders).toContain('lockstep false');
    const next = rig.robot('bob', { clock: 'simulated', mode: 'lockstep' });
    await next.hello();
    next.sense({ t: 3 });
    expect(controller.stepDates.at(-1)).toBe(rig.nowNs);
  });
});

describe('a robot’s clock that is set', () => {
  it('back is followed after a second of nothing but refused stamps, and the place is void', async () => {
    const { rig, robot, sink, controller } = await joined();
    robot.sense();
    robot.offsetS -= 1000;
    robot.take();
    for (let i = 0; i < 10; i++) {
      rig.nowNs += 0.099e9;
      robot.sense();
    }
    expect(robot.errors().every(({ code }) => code === 'stamp')).toBe(true);
    expect(sink.of('newFrame').length).toBe(1);
    rig.nowNs += 0.1e9;
    robot.sense();
    expect(robot.commands()).toMatchObject([{ q: robot.q }]);
    expect(sink.of('newFrame').length).toBe(2);
    expect(controller.armed).toBe(true);
    expect(rig.table.counters.clockSteps).toBe(1);
    expect(balanced(rig)).toBe(true);
  });

  it('ahead is followed likewise, and the place stands', async () => {
    const { rig, robot, sink } = await joined({ clock: 'real' });
    exchange(rig, robot);
    robot.sense();
    robot.offsetS += 1000;
    robot.take();
    for (let i = 0; i < 12; i++) {
      rig.nowNs += 0.1e9;
      robot.sense();
    }
    expect(sink.of('newFrame').length).toBe(1);
    expect(sink.of('odometry').length).toBeGreaterThan(1);
    expect(rig.table.counters.clockSteps).toBe(1);
    expect(rig.table.sessions[0].offsetS).toBeNaN();
  });

  it('is not what a few bad stamps among good ones mean', async () => {
    const { rig, robot } = await joined();
    robot.sense();
    for (let i = 0; i < 20; i++) {
      rig.nowNs += 0.1e9;
      robot.sense({ t: 1 });
      robot.sense();
    }
    expect(rig.table.counters.clockSteps).toBe(0);
  });

  it('is not followed where it stands still', async () => {
    const { rig, robot } = await joined();
    robot.sense({ t: 5 });
    for (let i = 0; i < 20; i++) {
      rig.nowNs += 0.1e9;
      robot.sense({ t: 5 });
    }
    expect(rig.table.counters.clockSteps).toBe(0);
  });
});
