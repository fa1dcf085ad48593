/** `rfsn run --port ros2`, whole, with a simulated robot and an operator in processes of their own. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Request } from 'zeromq';
import { decodeAnswer, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import type { Request as Asked } from '../../src/io/zeromq/protocol/protocol.js';
import { describeRos, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';
import { PATIENT } from './sensed-robot.js';

// Each starts three or four processes, which take their time on a machine that is busy.
vi.setConfig({ testTimeout: 240_000 });

/** So long a start may take there [ms]. */
const START_MS = 120_000;

const NODE = '/rfsn_controller';
const BOOL = 'std_msgs/msg/Bool';

interface Motion {
  twist: { linear: { x: number; y: number }; angular: { z: number } };
}
interface State {
  armed: boolean;
  halted: boolean;
  frozen: boolean;
  fault: string;
  updates: number;
}
interface Odometry {
  twist: Motion;
}
interface Answer {
  success: boolean;
  message: string;
}

const moves = ({ linear, angular }: Motion['twist']): boolean =>
  Math.abs(linear.x) + Math.abs(linear.y) + Math.abs(angular.z) > 0.02;
const stands = ({ linear, angular }: Motion['twist']): boolean => linear.x === 0 && linear.y === 0 && angular.z === 0;

describeRos('rfsn run --port ros2', () => {
  let processes: RosProcesses;
  let operator: RosPeer;

  beforeEach(() => {
    processes = new RosProcesses();
  });
  afterEach(() => processes.close());

  const at = (name: string): string => join(processes.folder, name);
  const ofRos = (...args: string[]): string[] => ['--ros-args', '-p', 'contact_type:=wrench', ...args];

  function robot(...args: string[]): RosProcess {
    return processes.rfsn('sim', '--port', 'ros2', '--scenario', 'open', ...args);
  }

  function controllerArguments(own: readonly string[], ros: readonly string[]): string[] {
    return ['run', '--port', 'ros2', '--model', at('model'), '--json', ...PATIENT, ...own, ...ofRos(...ros)];
  }
  function controller(own: readonly string[] = [], ros: readonly string[] = []): RosProcess {
    return processes.rfsn(...controllerArguments(own, ros));
  }

  /** An operator who hears the commands, the odometry and the controller's state. */
  async function operate(): Promise<void> {
    operator = await processes.peer('operator');
    await operator.subscribe('cmd_vel', 'geometry_msgs/msg/TwistStamped');
    await operator.subscribe('odom', 'nav_msgs/msg/Odometry', 'sensor');
    await operator.subscribe(`${NODE}/state`, 'rfsn_controller/msg/ControllerState', 'latched');
  }

  const command = () => operator.heard<Motion>('cmd_vel').at(-1)?.message.twist;
  const drives = () => until(() => command() !== undefined && moves(command()!), 'a command that moves the robot');
  /** Commands go on coming, and all of them are zero. */
  async function commandsStand(): Promise<void> {
    operator.forget('cmd_vel');
    await until(
      () =>
        operator
          .heard<Motion>('cmd_vel')
          .slice(-5)
          .filter(({ message }) => stands(message.twist)).length === 5,
      'five zeros in a row',
    );
  }
  const state = (wanted: (state: State) => boolean) =>
    until(() => {
      const last = operator.heard<State>(`${NODE}/state`).at(-1)?.message;
      return last !== undefined && wanted(last) ? last : null;
    }, 'a state');
  const goTo = (x: number, y: number) =>
    operator.publish('goal_pose', 'geometry_msgs/msg/PoseStamped', {
      header: { frame_id: 'odom' },
      pose: { position: { x, y }, orientation: { w: 1 } },
    });
  const enable = (data: boolean) => operator.publish(`${NODE}/enable`, BOOL, { data }, 'latched');
  const trigger = (name: string) => operator.call<Answer>(`${NODE}/${name}`, 'std_srvs/srv/Trigger');
  const figures = ({ output }: RosProcess): Record<string, number> =>
    JSON.parse(output.split('\n').find((line) => line.startsWith('{')) ?? '{}');

  /** A robot on its way to a goal that it will not reach so soon. */
  async function underWay(own: readonly string[] = [], ros: readonly string[] = []): Promise<RosProcess> {
    await operate();
    const simulated = robot();
    const driver = controller(own, ros);
    await driver.wrote(/active: the robot drives/, START_MS);
    await simulated.wrote(/world 0/);
    await operator.hears('odom');
    await goTo(8, 0);
    await drives();
    return driver;
  }

  it('drives to a goal that is published, says so, and on SIGINT stops the robot, saves, and ends with 0', async () => {
    await operate();
    await operator.subscribe(`${NODE}/goal_reached`, 'geometry_msgs/msg/PoseStamped');
    robot();
    const driver = controller();
    await operator.hears('odom');
    await driver.wrote(/active: the robot drives/, START_MS);
    await goTo(1, 0.2);
    const reached = await operator.hears<{
      header: { frame_id: string };
      pose: { position: { x: number; y: number } };
    }>(`${NODE}/goal_reached`);
    expect(reached.header.frame_id).toBe('odom');
    expect(reached.pose.position.x).toBeCloseTo(1, 9);
    expect(reached.pose.position.y).toBeCloseTo(0.2, 9);
    await driver.wrote(/arrived at 1\.00, 0\.20 m/);
    await goTo(8, 0);
    await until(() => command() !== undefined && moves(command()!), 'the way to the second goal');
    driver.signal('SIGINT');
    expect(await driver.ended).toBe(0);
    expect(driver.output).toContain('ends: SIGINT');
    await until(() => command() !== undefined && stands(command()!), 'zero as the last command');
    expect(readdirSync(at('model'))).toEqual(['checkpoint-000000001.rfsn']);
    const { configured, activated, goals_reached, updates } = figures(driver);
    expect({ configured, activated, goals_reached }).toEqual({ configured: 1, activated: 1, goals_reached: 1 });
    expect(updates).toBeGreaterThan(0);
  });

  it('is killed while the robot moves: the robot stops by itself, and a fresh start resumes and drives on', async () => {
    const first = await underWay();
    await state(({ updates }) => updates > 0);
    const { success, message } = await trigger('save_checkpoint');
    expect(success).toBe(true);
    const learned = Number(/^saved checkpoint-000000001\.rfsn, after (\d+) updates$/.exec(message)?.[1]);
    expect(learned).toBeGreaterThan(0);
    first.signal('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    await until(() => {
      const last = operator.heard<Odometry>('odom').at(-1)?.message.twist.twist;
      return last !== undefined && !moves(last);
    }, 'a robot that stands');
    operator.forget('cmd_vel');
    operator.forget(`${NODE}/state`);
    const second = controller();
    await second.wrote(/resumed from .*checkpoint-000000001\.rfsn/);
    await second.wrote(/active: the robot drives/, START_MS);
    const { updates } = await state(() => true);
    expect(updates).toBeGreaterThanOrEqual(learned);
    await goTo(8, 0);
    await drives();
    await state((now) => now.updates > updates);
    second.signal('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(readdirSync(at('model')).length).toBe(2);
  });

  it('ends at once, with 1, at a second signal, and zero velocity is its last word', async () => {
    const driver = await underWay();
    driver.signal('SIGINT');
    driver.signal('SIGTERM');
    expect(await driver.ended).toBe(1);
    await until(() => stands(command()!), 'a zero');
  });

  it('stands while it is disabled or told to stand, learns nothing meanwhile, and goes on when it is enabled', async () => {
    await underWay();
    await enable(false);
    await state(({ armed }) => !armed);
    await commandsStand();
    operator.forget(`${NODE}/state`);
    const { updates } = await state(() => true);
    operator.forget(`${NODE}/state`);
    expect((await state(() => true)).updates).toBe(updates);
    expect((await trigger('stop')).success).toBe(true);
    await state(({ halted }) => halted);
    operator.forget('cmd_vel');
    await enable(true);
    await state(({ armed, halted }) => armed && !halted);
    await drives();
    expect((await trigger('stop')).message).toContain('stands until');
    await state(({ armed, halted }) => !armed && halted);
    await commandsStand();
  });

  it('waits for its manager where autostart is false, and obeys ros2 lifecycle through every state', async () => {
    await operate();
    robot();
    const driver = controller([], ['-p', 'autostart:=false']);
    await driver.wrote(/waits to be configured/);
    const lifecycle = async (...args: string[]) => (await processes.ros2('lifecycle', ...args)).output;
    expect(await lifecycle('get', NODE)).toContain('unconfigured');
    expect(await lifecycle('set', NODE, 'configure')).toContain('successful');
    await operator.hears(`${NODE}/state`);
    expect(operator.heard('cmd_vel').length).toBe(0);
    expect(await lifecycle('set', NODE, 'activate')).toContain('successful');
    await goTo(8, 0);
    await drives();
    expect(await lifecycle('set', NODE, 'deactivate')).toContain('successful');
    expect(stands(command()!)).toBe(true);
    operator.forget('cmd_vel');
    operator.forget('odom');
    await until(() => operator.heard('odom').length > 25, 'half a second of odometry');
    // Who does not drive says nothing.
    expect(operator.heard('cmd_vel').length).toBe(0);
    expect(await lifecycle('set', NODE, 'activate')).toContain('successful');
    // Where it was sent before is forgotten.
    await commandsStand();
    expect(operator.heard<Motion>('cmd_vel').filter(({ message }) => moves(message.twist))).toEqual([]);
    await goTo(8, 0);
    await drives();
    expect(await lifecycle('set', NODE, 'shutdown')).toContain('successful');
    expect(await lifecycle('get', NODE)).toContain('finalized');
    expect(stands(command()!)).toBe(true);
    driver.signal('SIGTERM');
    expect(await driver.ended).toBe(0);
    expect(readdirSync(at('model')).length).toBe(1);
  });

  it('is configured and cleaned up twenty times, and nothing of it is left over', async () => {
    operator = await processes.peer('operator');
    const driver = controller([], ['-p', 'autostart:=false']);
    await driver.wrote(/waits to be configured/);
    const change = async (label: string): Promise<void> => {
      const { success } = await operator.call<Answer>(`${NODE}/change_state`, 'lifecycle_msgs/srv/ChangeState', {
        transition: { label },
      });
      if (!success) throw new Error(`${label} failed:\n${driver.output}`);
    };
    const round = async (): Promise<void> => {
      for (const label of ['configure', 'activate', 'deactivate', 'cleanup']) await change(label);
    };
    const threads = () => readdirSync(`/proc/${driver.pid}/task`).length;
    const files = () => readdirSync(`/proc/${driver.pid}/fd`).length;
    const residentMb = () =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${driver.pid}/status`, 'utf8'))?.[1]) / 1024;
    for (let i = 0; i < 5; i++) await round();
    const before = { threads: threads(), files: files(), residentMb: residentMb() };
    for (let i = 0; i < 20; i++) await round();
    expect(threads()).toBeLessThanOrEqual(before.threads + 1);
    expect(files()).toBeLessThanOrEqual(before.files + 1);
    // One controller's memory and thread take some 20 MB: were they kept, it would be 400.
    expect(residentMb()).toBeLessThan(before.residentMb + 100);
    const { services, topics } = await operator.names();
    expect(Object.keys(services).some((name) => name === `${NODE}/stop`)).toBe(false);
    expect(Object.keys(topics)).not.toContain('/cmd_vel');
    driver.signal('SIGINT');
    expect(await driver.ended).toBe(0);
    expect(figures(driver)['configured']).toBe(25);
  });

  it('is seen and administered over ZeroMQ and on a page meanwhile, and all orders go together', async () => {
    const endpoint = (role: string) => `zeromq.${role}_endpoint=ipc://${at(role)}`;
    const watch = ['--watch', 'zeromq', '--set', endpoint('watch'), '--set', endpoint('administer')];
    const driver = await underWay(['--page', '127.0.0.1:0', ...watch]);
    const [, url] = await driver.wrote(/page at (http:\S+)/);
    const metrics = async () => (await fetch(new URL('/metrics', url))).text();
    expect(await metrics()).toContain('rfsn_armed{robot="rfsn_controller"} 1');
    const ask = async (request: Omit<Asked, 'v' | 'id'>) => {
      const socket = new Request({ linger: 0 });
      try {
        socket.connect(`ipc://${at('administer')}`);
        await socket.send(encodeMessage({ id: 1, ...request } as Asked));
        return decodeAnswer((await socket.receive())[0]) as unknown as { result?: Record<string, unknown> };
      } finally {
        socket.close();
      }
    };
    expect((await ask({ m: 'stop', robot: 'rfsn_controller' } as never)).result).toMatchObject({ stopped: true });
    await state(({ armed, halted }) => !armed && halted);
    await commandsStand();
    expect(await metrics()).toContain('rfsn_armed{robot="rfsn_controller"} 0');
    // Who says go over the link does not overrule the operator at the robot.
    await enable(false);
    await driver.wrote(/disabled: the robot stands/);
    expect((await ask({ m: 'go', robot: 'rfsn_controller' } as never)).result).toMatchObject({ armed: false });
    await state(({ armed, halted }) => !armed && !halted);
    await enable(true);
    await drives();
    // A parameter that is changed over the link is changed for ROS.
    const set = await ask({ m: 'set', robot: 'rfsn_controller', name: 'robot.max_speed', value: 0.3 } as never);
    expect(set.result).toMatchObject({ value: 0.3 });
    const { values } = await operator.call<{ values: { double_value: number }[] }>(
      `${NODE}/get_parameters`,
      'rcl_interfaces/srv/GetParameters',
      { names: ['robot.max_speed'] },
    );
    expect(values[0].double_value).toBe(0.3);
    const refused = await ask({ m: 'set', robot: 'rfsn_controller', name: 'robot.max_speed', value: 99 } as never);
    expect(refused).toMatchObject({
      m: 'error',
      reason: expect.stringContaining('robot.max_speed: 99 is not allowed'),
    });
    driver.signal('SIGTERM');
    expect(await driver.ended).toBe(0);
  });

  it.each([
    ['on the wall’s time', [], []],
    ['on simulated time', ['--clock', '--speed', '2'], ['-p', 'use_sim_time:=true']],
  ])('writes a flight log that repeats, bit for bit, %s', async (_, simulated, ros) => {
    await operate();
    const driver = controller(['--log', at('log')], ros);
    await driver.wrote(/active: the robot drives/, START_MS);
    robot(...simulated);
    await operator.hears('odom');
    await goTo(2, 0.5);
    await driver.wrote(/arrived at/);
    driver.signal('SIGINT');
    expect(await driver.ended).toBe(0);
    const replay = processes.rfsn('replay', at('log/latest.mcap'), '--json');
    expect(await replay.ended).toBe(0);
    expect(replay.output).toContain('"result":"same"');
  });

  it.each([
    ['callback', 'this callback is broken'],
    ['latch', 'a cycle failed and the robot stands'],
    ['die', 'the control thread ended with code 1'],
    ['uncaught', 'this timer is broken'],
  ])('stops the robot, goes through error processing and ends with 1 when something fails: %s', async (how, words) => {
    await operate();
    await operator.subscribe(`${NODE}/transition_event`, 'lifecycle_msgs/msg/TransitionEvent');
    const simulated = robot();
    const driver = processes.module('test/ros/failing-controller.ts', how, ...controllerArguments([], []));
    await driver.wrote(/active: the robot drives/, START_MS);
    await simulated.wrote(/world 0/);
    await operator.hears('odom');
    await goTo(8, 0);
    // So that there is something to save.
    await state(({ updates }) => updates > 10);
    await drives();
    if (how === 'callback') await enable(true);
    else driver.stdin.write('now\n');
    expect(await driver.ended).toBe(1);
    expect(driver.output).toContain(words);
    await until(() => stands(command()!), 'zero as the last command');
    const states = operator
      .heard<{ goal_state: { label: string } }>(`${NODE}/transition_event`)
      .map(({ message }) => message.goal_state.label);
    expect(states).toContain('errorprocessing');
    // A control thread that has gone takes what it learned since the last save with it.
    const keeps = how === 'callback' || how === 'uncaught';
    expect(driver.output).toContain(keeps ? '/checkpoint-000000001.rfsn' : 'nothing was saved');
  });

  it('fails of something, and can be configured anew by the manager that it has', async () => {
    await operate();
    const driver = processes.module(
      'test/ros/failing-controller.ts',
      ...['die', ...controllerArguments([], ['-p', 'autostart:=false'])],
    );
    await driver.wrote(/waits to be configured/);
    const change = async (label: string) =>
      (
        await operator.call<Answer>(`${NODE}/change_state`, 'lifecycle_msgs/srv/ChangeState', {
          transition: { label },
        })
      ).success;
    const label = async () =>
      (await operator.call<{ current_state: { label: string } }>(`${NODE}/get_state`, 'lifecycle_msgs/srv/GetState'))
        .current_state.label;
    expect(await change('configure')).toBe(true);
    expect(await change('activate')).toBe(true);
    driver.stdin.write('now\n');
    let now = '';
    while (now !== 'unconfigured') now = await label();
    expect(await change('configure')).toBe(true);
    expect(await change('activate')).toBe(true);
    await state(({ armed, fault }) => armed && fault === '');
    driver.signal('SIGINT');
    expect(await driver.ended).toBe(0);
  });

  it('cannot be configured of checkpoints that are damaged: it says so, starts nothing anew, and ends with 1', async () => {
    mkdirSync(at('model'));
    writeFileSync(at('model/checkpoint-000000001.rfsn'), 'no checkpoint');
    const driver = controller();
    expect(await driver.ended).toBe(1);
    expect(driver.output).toMatch(/configuring failed, the node stays unconfigured: .*checkpoint/);
    expect(driver.output).toContain('could not configure itself');
    expect(readdirSync(at('model'))).toEqual(['checkpoint-000000001.rfsn']);
  });

  it('refuses a parameter of ROS’s as one of its own, and ends with 2', async () => {
    const driver = controller([], ['-p', 'controller_frequency:=0.0']);
    expect(await driver.ended).toBe(2);
    expect(driver.output).toContain('controller_frequency: 0 is not allowed');
  });
}, ['rfsn_controller']);
