/** The controller on `use_sim_time`, with rclpy as the simulation: whatever becomes of `/clock`, cycles go by it. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { MessageType, OutputTopic } from '../../src/io/ros2/names.js';
import { describeRos, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';
import { ODOMETRY, PATIENT, type Command as RobotCommand, stands } from './sensed-robot.js';

// Several processes are started, which take their time on a machine that is busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const START_MS = 120_000;
const NODE = '/rfsn_controller';
const DECISION = `${NODE}/decision`;
const STATE = `${NODE}/state`;
const PERIOD_NS = 10_000_000;

interface Stamp {
  readonly sec: number;
  readonly nanosec: number;
}
interface Stamped {
  readonly header: { readonly stamp: Stamp };
}
type Command = Stamped & RobotCommand;
interface Decision extends Stamped {
  readonly time_ns: number;
  readonly silence_ns: number;
}
interface State {
  readonly state: number;
  readonly fault: string;
  readonly armed: boolean;
  readonly cycles: number;
  readonly updates: number;
}

interface Diagnosis {
  readonly status: { readonly name: string; readonly level: string; readonly message: string }[];
}

/** ControllerState.RUNNING. */
const RUNNING = 2;
/** @param since so that what is since 1970 is exact [s] */
const nsOf = ({ sec, nanosec }: Stamp, since = 0): number => (sec - since) * 1e9 + nanosec;
const stampOf = (ns: number, since = 0): Stamp => ({ sec: since + Math.floor(ns / 1e9), nanosec: ns % 1e9 });
const SCAN = {
  header: { frame_id: 'base_link' },
  ...{ angle_min: -Math.PI, angle_increment: Math.PI / 45, range_min: 0.05, range_max: 10 },
  ranges: Array.from({ length: 90 }, () => 8),
};
const moves = ({ twist: { linear, angular } }: Command) => Math.abs(linear.x) + Math.abs(angular.z) > 0.02;

describeRos('a controller on simulated time', () => {
  let processes: RosProcesses;
  let operator: RosPeer;
  let controller: RosProcess;
  let simulation: RosProcess;
  /** How much of the controller's output earlier tests have read. */
  let read = 0;

  beforeAll(async () => {
    processes = new RosProcesses();
    operator = await processes.peer('operator');
    await operator.subscribe(OutputTopic.command, MessageType.twistStamped);
    await operator.subscribe(DECISION, MessageType.decision);
    await operator.subscribe(STATE, MessageType.state, 'latched');
    const model = ['--model', join(processes.folder, 'model')];
    const set = [...PATIENT, '--set', `controller_frequency=${1e9 / PERIOD_NS}`];
    controller = processes.rfsn('run', '--port', 'ros2', ...model, ...set, '--ros-args', '-p', 'use_sim_time:=true');
    await controller.wrote(/active: the robot drives/, START_MS);
  });
  afterAll(() => processes?.close());

  const goTo = (x: number, y: number) =>
    operator.publish('goal_pose', MessageType.poseStamped, {
      header: { frame_id: 'odom' },
      pose: { position: { x, y }, orientation: { w: 1 } },
    });
  /** What comes next, and is wanted. */
  async function next<T>(topic: string, wanted: (message: T) => boolean = () => true, boundMs = 60_000): Promise<T> {
    operator.forget(topic);
    return await operator.hears<T>(topic, wanted, boundMs);
  }
  const drives = (boundMs?: number) => next<Command>(OutputTopic.command, moves, boundMs);
  /** In a run that has begun: until its odometry is known, a goal would be one of the run before. */
  const drivesAnew = () =>
    until(
      async () => {
        await goTo(1000, 0);
        return await drives(1000).then(
          () => true,
          () => false,
        );
      },
      'a robot that drives',
      60_000,
    );
  /** Commands go on coming, and all of them are zero. */
  async function standsStill(): Promise<void> {
    operator.forget(OutputTopic.command);
    await until(() => {
      const last = operator.heard<Command>(OutputTopic.command).slice(-10);
      return last.length === 10 && last.every(({ message }) => stands(message));
    }, 'ten zeros in a row');
  }
  const says = (text: string) => until(() => controller.output.slice(read).includes(text), text);
  /** @returns simulated time when it was done [s] */
  async function tell(order: Record<string, unknown>): Promise<number> {
    const told = simulation.output.length;
    simulation.stdin.write(`${JSON.stringify(order)}\n`);
    const line = await until(() => /\{"done".*"at": ([\d.e+-]+)\}/.exec(simulation.output.slice(told)), 'an answer');
    return Number(line[1]);
  }
  /** Decisions that a step asked for: a clock that stands or is slow leaves the others to the silence's own schedule. */
  const steps = (): Decision[] =>
    operator
      .heard<Decision>(DECISION)
      .map(({ message }) => message)
      .filter(({ silence_ns: silence }) => silence === 0);

  it('stands, and says so with zeros, before /clock has told any time', async () => {
    expect(stands(await next<Command>(OutputTopic.command))).toBe(true);
    const { header } = await next<Command>(OutputTopic.command);
    expect(nsOf(header.stamp)).toBe(0);
    expect(await next<State>(STATE)).toMatchObject({ state: RUNNING, fault: '', armed: true });
  });

  it('refuses the readings of a robot whose time nobody tells, stands and says why, and drives when /clock begins', async () => {
    const diagnosed = (name: string, level: string, words: string) =>
      operator.hears<Diagnosis>('/diagnostics', ({ status }) =>
        status.some((each) => {
          return each.name === `${NODE}: ${name}` && each.level === level && each.message.includes(words);
        }),
      );
    await operator.subscribe('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray');
    await operator.repeat('odom', MessageType.odometry, ODOMETRY, 50, 'sensor');
    await operator.repeat('scan', MessageType.scan, SCAN, 20, 'sensor');
    await goTo(1000, 0);
    await says('use_sim_time is true, and nothing has come on /clock, which nobody publishes');
    await diagnosed('clock', '\u0002', 'nothing has come yet on /clock, which nobody publishes');
    await diagnosed('safety', '\u0002', 'stale odometry');
    await diagnosed('input odometry', '\u0002', 'nothing has come on /clock yet');
    const decided = await next<Decision>(DECISION);
    await next<Decision>(DECISION, ({ time_ns: at }) => at > decided.time_ns + 1e9);
    // All that was sent in the meantime.
    expect(operator.heard<Command>(OutputTopic.command).every(({ message }) => stands(message))).toBe(true);
    expect(await next<State>(STATE)).toMatchObject({ updates: 0 });
    for (const topic of ['odom', 'scan']) await operator.withdraw(topic);

    simulation = processes.python('simulation.py');
    await tell({ pace: 1 });
    await says('/clock has come');
    await drivesAnew();
    await diagnosed('clock', '\u0000', 'goes on at a pace of ');
    await simulation.kill();
    await standsStill();
    await diagnosed('clock', '\u0001', 'simulated time stands at ');
    expect(controller.output.match(/nothing has come on \/clock/g)).toHaveLength(1);
  });

  it('runs one cycle for each period that /clock passes, one for several passed at once, and none between', async () => {
    // Somewhere in a recording of another day.
    const since = 1_700_000_000;
    const clock = (ns: number) => operator.publish('/clock', MessageType.clock, { clock: stampOf(ns, since) });
    const odometry = (ns: number) =>
      operator.publish('odom', MessageType.odometry, {
        header: { frame_id: 'odom', stamp: stampOf(ns, since) },
        child_frame_id: 'base_link',
        pose: { pose: { orientation: { w: 1 } } },
      });
    const dates = () => steps().map(({ header }) => nsOf(header.stamp, since));
    /** Until it is decided: /clock may lose messages, and one that is told twice is none. */
    async function passes(ns: number): Promise<void> {
      for (let tries = 0; !dates().includes(ns); tries++) {
        if (tries > 40) throw new Error(`nothing was decided at ${ns}, but at ${dates().slice(-5)}`);
        await clock(ns);
        await until(() => dates().includes(ns), 'the decision', 500).catch(() => undefined);
      }
    }
    let now = 5 * PERIOD_NS;
    await passes(now);
    operator.forget(DECISION);
    const expected: number[] = [];
    for (let i = 0; i < 60; i++) {
      // In each round half a period twice, a whole one, two and a half at once, and a half.
      const length = [0.5, 0.5, 1, 2.5, 0.5][i % 5];
      const before = Math.floor(now / PERIOD_NS);
      now += length * PERIOD_NS;
      await odometry(now);
      if (Math.floor(now / PERIOD_NS) === before) await clock(now);
      else {
        await passes(now);
        expected.push(now);
      }
    }
    expect(dates()).toEqual(expected);
    const [first] = steps();
    // The cycle's own time goes by /clock to the nanosecond.
    expect(steps().map(({ time_ns: at }) => at - first.time_ns)).toEqual(expected.map((at) => at - expected[0]));
    await operator.withdraw('/clock');
    await operator.withdraw('odom');
  });

  it('takes a simulation that begins at 0 for a new one, and drives in it', async () => {
    simulation = processes.python('simulation.py');
    await tell({ pace: 1 });
    await says('simulated time went back by ');
    await drivesAnew();
    const { header } = await next<Command>(OutputTopic.command);
    expect(header.stamp.sec).toBeLessThan(1e6);
  });

  it.each([0.3, 1, 3])('drives by simulated periods at a pace of %s', async (pace) => {
    await tell({ pace });
    await drives();
    operator.forget(DECISION);
    await until(() => steps().length >= 100, 'a hundred cycles');
    const dated = steps().map(({ header }) => nsOf(header.stamp));
    for (let i = 1; i < dated.length; i++) {
      const passed = dated[i] - dated[i - 1];
      expect(passed).toBeGreaterThan(0);
      expect(passed % PERIOD_NS).toBe(0);
    }
  });

  it.each([
    ['falls silent', false],
    ['goes on saying the same', true],
  ])('stands and learns nothing while time stands and /clock %s, is not at fault, and goes on', async (_, clock) => {
    await drives();
    const { updates: learned } = await next<State>(STATE, ({ updates }) => updates > 0);
    expect(learned).toBeGreaterThan(0);
    await tell({ pause: true, clock });
    await standsStill();
    const before = await next<State>(STATE);
    await next<State>(STATE);
    const after = await next<State>(STATE, ({ cycles }) => cycles > before.cycles);
    expect(after).toMatchObject({ state: RUNNING, fault: '', armed: true, updates: before.updates });
    // Whoever looks at it finds all of it at the time at which it stands.
    const [one, other] = [await next<Command>(OutputTopic.command), await next<Command>(OutputTopic.command)];
    expect(other.header.stamp).toEqual(one.header.stamp);
    await tell({ resume: true });
    await drives();
    await next<State>(STATE, ({ updates }) => updates > before.updates);
  });

  it('goes through its transitions while time stands', async () => {
    const change = async (label: string) =>
      (
        await operator.call<{ success: boolean }>(`${NODE}/change_state`, 'lifecycle_msgs/srv/ChangeState', {
          transition: { label },
        })
      ).success;
    await drives();
    await tell({ pause: true });
    expect(await change('deactivate')).toBe(true);
    await until(() => stands(operator.heard<Command>(OutputTopic.command).at(-1)!.message), 'zero as the last command');
    expect(await change('activate')).toBe(true);
    await tell({ resume: true });
    await goTo(1000, 0);
    await drives();
  });

  it('begins anew where the simulation is reset: the old goal is void, and it drives to the next', async () => {
    await drives();
    read = controller.output.length;
    await tell({ reset: true });
    await says('simulated time went back by ');
    // The goal was a place in an odometry that is no more.
    await standsStill();
    await goTo(1000, 0);
    await drives();
    const { header } = await next<Decision>(DECISION, ({ silence_ns: silence }) => silence === 0);
    expect(nsOf(header.stamp)).toBeLessThanOrEqual((await tell({ resume: true })) * 1e9);
    const { updates } = await next<State>(STATE);
    expect(await next<State>(STATE, (state) => state.updates > updates)).toMatchObject({ state: RUNNING, fault: '' });
  });

  it('is reset while time stands, and drives on when it goes on', async () => {
    await tell({ pause: true, clock: true });
    await standsStill();
    read = controller.output.length;
    await tell({ reset: true });
    await says('simulated time went back by ');
    await tell({ resume: true });
    await next<Decision>(DECISION, ({ silence_ns: silence }) => silence === 0);
    await drivesAnew();
  });

  it.each([
    [5, 'taken as one step'],
    [100, 'nothing is remembered of a place for so long'],
  ])('drives on after time has jumped ahead by %s s', async (jump, words) => {
    await drives();
    read = controller.output.length;
    operator.forget(DECISION);
    const to = await tell({ jump });
    await says(words);
    await drives();
    const dates = () => steps().map(({ header }) => nsOf(header.stamp) / 1e9);
    await until(() => dates().some((at) => at > to), 'a cycle behind the jump');
    // The time between is nobody's: no cycle bears it.
    expect(dates().filter((at) => at > to - jump + 1 && at <= to)).toEqual([]);
  });

  it('arrives, and ends in order while time stands', async () => {
    await tell({ reset: true });
    await operator.subscribe(`${NODE}/goal_reached`, MessageType.poseStamped);
    await tell({ pace: 2 });
    await goTo(1, 0.2);
    await operator.hears(`${NODE}/goal_reached`);
    await goTo(1000, 0);
    await drives();
    await tell({ pause: true });
    controller.signal('SIGINT');
    expect(await controller.ended).toBe(0);
    await until(() => stands(operator.heard<Command>(OutputTopic.command).at(-1)!.message), 'zero as the last command');
  });
}, ['rfsn_controller']);
