/**
 * What a robot's computer does to a node: bytes that are no messages on every topic, floods, watchers that do not listen,
 * services all at once, and the process itself held for a while. It never ends, it counts, and the robot is safe.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { InputTopic, MessageType, OutputTopic } from '../../src/io/ros2/names.js';
import { odometryOf, scanOf, written } from '../unit/io/ros2/input-rig.js';
import { describeRos, type Quality, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';
import { type Command, ODOMETRY, PATIENT, stands } from './sensed-robot.js';

// Several processes are started, which take their time on a machine that is busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const START_MS = 120_000;
const NODE = '/rfsn_controller';
const STATE = `${NODE}/state`;
const DECISION = `${NODE}/decision`;
const ENABLE = `${NODE}/enable`;
const RESTORE = `${NODE}/restore`;
const TRIGGER = 'std_srvs/srv/Trigger';
const PERIOD_NS = 10e6;
/** `SEED=` tries others. */
const SEED = Number(process.env['SEED'] ?? 1);
/** Spoilt messages on each topic. */
const SPOILT = 60;

const SCAN = {
  header: { frame_id: 'base_link' },
  angle_min: -Math.PI,
  angle_increment: Math.PI / 36,
  range_min: 0.05,
  range_max: 10,
  ranges: new Array(72).fill(6),
};
const UNTOUCHED = { header: { frame_id: 'base_link' } };

interface State {
  readonly state: number;
  readonly fault: string;
  readonly frozen: boolean;
  readonly cycles: number;
}
interface Diagnostics {
  readonly status: {
    readonly name: string;
    readonly message: string;
    readonly values: { readonly key: string; readonly value: string }[];
  }[];
}
interface Decision {
  readonly cycle: number;
  readonly scheduled_ns: number;
}
interface Answer {
  readonly success: boolean;
  readonly message: string;
}

/** ControllerState.RUNNING. */
const RUNNING = 2;
const drives = ({ twist: { linear } }: Command) => linear.x > 0.05;

/** Every topic that the node listens to, by the input that counts it; empty where it has no figures. */
const INPUTS: readonly [input: string, topic: string, type: string, quality: Quality][] = [
  ['odometry', InputTopic.odometry, MessageType.odometry, 'sensor'],
  ['scan', InputTopic.scan, MessageType.scan, 'sensor'],
  ['contacts', InputTopic.contactFront, MessageType.wrench, 'sensor'],
  ['contacts', InputTopic.contacts, MessageType.wrench, 'sensor'],
  ['goal', InputTopic.goal, MessageType.poseStamped, 'reliable'],
  ['plan', InputTopic.plan, MessageType.path, 'reliable'],
  ['transforms', InputTopic.transforms, MessageType.transforms, 'reliable'],
  ['transforms', InputTopic.staticTransforms, MessageType.transforms, 'latched'],
  ['enable', ENABLE, MessageType.bool, 'latched'],
  ['', RESTORE, MessageType.checkpoint, 'reliable'],
];

describeRos('a node under what must not happen', () => {
  let processes: RosProcesses;
  let robot: RosPeer;
  let operator: RosPeer;
  let controller: RosProcess;

  const odometry = (rate: number, message: Record<string, unknown> = ODOMETRY) =>
    robot.repeat(InputTopic.odometry, MessageType.odometry, message, rate, 'sensor');
  const scan = (rate: number) => robot.repeat(InputTopic.scan, MessageType.scan, SCAN, rate, 'sensor');
  const goTo = (x: number) =>
    operator.publish(InputTopic.goal, MessageType.poseStamped, {
      header: { frame_id: 'odom' },
      pose: { position: { x }, orientation: { w: 1 } },
    });
  const enable = (data: boolean) => operator.publish(ENABLE, MessageType.bool, { data }, 'latched');
  /** What comes next, and is wanted. */
  async function next<T>(topic: string, wanted: (message: T) => boolean = () => true): Promise<T> {
    operator.forget(topic);
    return await operator.hears<T>(topic, wanted, 60_000);
  }
  const commands = (wanted: (command: Command) => boolean) => next<Command>(OutputTopic.command, wanted);
  async function standsStill(): Promise<void> {
    operator.forget(OutputTopic.command);
    await until(() => {
      const last = operator.heard<Command>(OutputTopic.command).slice(-10);
      return last.length === 10 && last.every(({ message }) => stands(message));
    }, 'ten zeros in a row');
  }
  /** It drives, whatever was done to goals, switches and frames before. */
  async function drivesOn(): Promise<void> {
    await enable(true);
    await goTo(5);
    await commands(drives).catch(async (error: Error) => {
      const { status } = await next<Diagnostics>('/diagnostics');
      const told = status.map(
        ({ name, message, values }) =>
          `${name}: ${message} ${values.map(({ key, value }) => `${key} ${value}`).join(', ')}`,
      );
      throw new Error(`${error.message}\n${told.join('\n')}\n${controller.output.slice(-3000)}`);
    });
    expect(controller.over).toBe(false);
    expect(await next<State>(STATE)).toMatchObject({ state: RUNNING, fault: '' });
  }
  /** As diagnostics tell it now. */
  async function count(input: string, key: 'refused' | 'received'): Promise<number> {
    const { status } = await next<Diagnostics>('/diagnostics');
    const { values } = status.find(({ name }) => name === `${NODE}: input ${input}`)!;
    return Number(values.find((entry) => entry.key === key)!.value);
  }

  beforeAll(async () => {
    processes = new RosProcesses();
    robot = await processes.peer('robot');
    operator = await processes.peer('operator');
    await operator.subscribe(OutputTopic.command, MessageType.twistStamped);
    await operator.subscribe(STATE, MessageType.state, 'latched');
    await operator.subscribe('/diagnostics', MessageType.diagnostics);
    await odometry(50);
    await scan(20);
    // Whoever has been heard once must not fall silent.
    for (const topic of [InputTopic.contactFront, InputTopic.contacts]) {
      await robot.repeat(topic, MessageType.wrench, UNTOUCHED, 20, 'sensor');
    }
    const set = [...PATIENT, '--set', `controller_frequency=${1e9 / PERIOD_NS}`];
    const ros = ['--ros-args', '-p', 'contact_type:=wrench'];
    controller = processes.rfsn('run', '--port', 'ros2', '--model', join(processes.folder, 'model'), ...set, ...ros);
    await controller.wrote(/active: the robot drives/, START_MS);
    await operator.advertise(InputTopic.goal, MessageType.poseStamped);
    while ((await operator.graph(InputTopic.goal)).subscriptions.length === 0) await delay(20);
  });
  afterAll(() => processes?.close());

  it('is not ended by bytes that are no messages, on whichever topic, and counts them', async () => {
    await drivesOn();
    const random = Prng.seeded(SEED);
    const nonsense = (): Uint8Array => {
      // Either byte order, and encapsulations that there are not.
      const bytes = [0, random.nextBelow(4), 0, 0];
      const length = random.nextBelow(300);
      const fill = random.nextBelow(3);
      for (let i = 0; i < length; i++) bytes.push(fill === 0 ? 0xff : fill === 1 ? 0 : random.nextBelow(256));
      return Uint8Array.from(bytes);
    };
    for (const [, topic, type, quality] of INPUTS) {
      await operator.advertise(topic, type, quality);
      while ((await operator.graph(topic)).subscriptions.length === 0) await delay(20);
    }
    for (let i = 0; i < SPOILT; i++) {
      for (const [, topic, type, quality] of INPUTS) await operator.publishRaw(topic, type, nonsense(), quality);
    }
    for (const input of new Set(INPUTS.map(([name]) => name).filter((name) => name !== ''))) {
      await until(async () => (await count(input, 'refused')) > 0, `${input} that were refused`);
    }
    await controller.wrote(/the state on ~\/restore is refused/);
    await drivesOn();
  });

  it('is not ended by messages in which any bit is wrong', async () => {
    const random = Prng.seeded(SEED);
    const spoilt = (bytes: Uint8Array): Uint8Array => {
      const copy = bytes.slice(0, 8 + random.nextBelow(bytes.length - 7));
      for (let i = random.nextBelow(4); i >= 0; i--)
        copy[4 + random.nextBelow(copy.length - 4)] ^= 1 << random.nextBelow(8);
      return copy;
    };
    const seconds = Math.floor(Date.now() / 1e3);
    for (let i = 0; i < SPOILT; i++) {
      const pose = written(MessageType.odometry, odometryOf({ x: 0, y: 0, yaw: 0, seconds }));
      await operator.publishRaw(InputTopic.odometry, MessageType.odometry, spoilt(pose), 'sensor');
      const beams = { ...scanOf(new Array<number>(90).fill(4)) };
      await operator.publishRaw(InputTopic.scan, MessageType.scan, spoilt(written(MessageType.scan, beams)), 'sensor');
    }
    await drivesOn();
  });

  it('stands while odometry is nothing but not a number, however often, and drives when it is one again', async () => {
    await drivesOn();
    const before = await count('odometry', 'refused');
    await odometry(500, { ...ODOMETRY, pose: { pose: { position: { x: 'nan' }, orientation: { w: 1 } } } });
    await standsStill();
    await until(async () => (await count('odometry', 'refused')) > before + 100, 'a hundred that were refused');
    await odometry(50);
    await drivesOn();
  });

  it('drives on where somebody fills the room for frames with names that nobody knows', async () => {
    const before = await count('scan', 'received');
    for (let i = 0; i < 300; i++) {
      const header = { frame_id: `frame_${i}` };
      await operator.publish(InputTopic.scan, MessageType.scan, { ...SCAN, header }, 'sensor');
      await operator.publish(InputTopic.goal, MessageType.poseStamped, { header });
    }
    await until(async () => (await count('scan', 'received')) > before + 100, 'scans in strange frames');
    await drivesOn();
  });

  it('keeps to its schedule under a flood of readings', async () => {
    await operator.subscribe(DECISION, MessageType.decision);
    const before = await count('odometry', 'received');
    await odometry(1000);
    await scan(100);
    await goTo(5);
    await until(async () => (await count('odometry', 'received')) > before + 1000, 'a thousand readings', 60_000);
    await drivesOn();
    operator.forget(DECISION);
    await until(() => operator.heard(DECISION).length >= 100, 'a hundred cycles');
    const cycles = operator.heard<Decision>(DECISION).map(({ message }) => message);
    for (let i = 1; i < cycles.length; i++) {
      const periods = (cycles[i].scheduled_ns - cycles[i - 1].scheduled_ns) / PERIOD_NS;
      // However often readings come, which start cycles, one is not due before a period has passed since the last.
      expect(periods).toBeGreaterThan(cycles[i].cycle - cycles[i - 1].cycle - 1e-3);
    }
    await odometry(50);
    await scan(20);
    await operator.unsubscribe(DECISION);
  });

  it('answers every service, many of them at once', async () => {
    await drivesOn();
    const other = await processes.peer('other');
    const calls: Promise<unknown>[] = [];
    // A service's queue is ten deep (rmw_qos_profile_services_default): ROS itself loses what is more.
    for (let i = 0; i < 4; i++) {
      for (const peer of [operator, other]) {
        calls.push(peer.call<Answer>(`${NODE}/save_checkpoint`, TRIGGER));
        calls.push(peer.call<Answer>(`${NODE}/freeze_learning`, 'std_srvs/srv/SetBool', { data: i % 2 === 0 }));
        calls.push(peer.call(`${NODE}/get_state`, 'lifecycle_msgs/srv/GetState'));
        calls.push(peer.call(`${NODE}/list_parameters`, 'rcl_interfaces/srv/ListParameters'));
        const value = { type: 3, double_value: 0.5 + 0.01 * i };
        const parameters = [{ name: 'robot.max_speed', value }];
        calls.push(peer.call(`${NODE}/set_parameters`, 'rcl_interfaces/srv/SetParameters', { parameters }));
      }
      calls.push(other.call<Answer>(`${NODE}/reset_policy`, TRIGGER));
    }
    const answers = (await Promise.all(calls)) as Partial<Answer>[];
    for (const { success, message } of answers) {
      // Who is refused is told why.
      if (success === false) expect(message).not.toBe('');
    }
    const freeze = await operator.call<Answer>(`${NODE}/freeze_learning`, 'std_srvs/srv/SetBool', { data: false });
    expect(freeze.success).toBe(true);
    await other.kill();
    await drivesOn();
    expect(await next<State>(STATE)).toMatchObject({ frozen: false });
  });

  it('commands the robot while a watcher takes nothing, and tells it the newest when it does again', async () => {
    const watcher = await processes.peer('watcher');
    const watched = [
      [OutputTopic.command, MessageType.twistStamped],
      [DECISION, MessageType.decision],
      [STATE, MessageType.state],
      ['/diagnostics', MessageType.diagnostics],
    ] as const;
    for (const [topic, type] of watched) await watcher.subscribe(topic, type);
    await drivesOn();
    for (const [topic] of watched) await watcher.hears(topic);
    watcher.signal('SIGSTOP');
    const before = await next<State>(STATE);
    operator.forget(OutputTopic.command);
    await until(() => operator.heard(OutputTopic.command).length >= 500, 'five hundred commands', 60_000);
    await drivesOn();
    const { cycles } = await next<State>(STATE);
    expect(cycles).toBeGreaterThan(before.cycles);
    watcher.signal('SIGCONT');
    await watcher.hears<State>(STATE, (state) => state.cycles >= cycles);
    await watcher.kill();
    await drivesOn();
  });

  it('goes on after it was held for a while, itself, and is at no fault', async () => {
    await drivesOn();
    controller.signal('SIGSTOP');
    // Nothing can be heard of it: that time passes is all there is.
    await delay(2000);
    operator.forget(OutputTopic.command);
    operator.forget(STATE);
    controller.signal('SIGCONT');
    await operator.hears(OutputTopic.command);
    await drivesOn();
  });

  it('ends in order after all of it', async () => {
    controller.signal('SIGTERM');
    expect(await controller.ended).toBe(0);
    await until(() => stands(operator.heard<Command>(OutputTopic.command).at(-1)!.message), 'zero as the last command');
  });
}, ['rfsn_controller']);
