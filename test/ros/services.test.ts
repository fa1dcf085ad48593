/** What an operator and another controller do to a running node, from a node of another client library. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { describeRos, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';

const TRIGGER = 'std_srvs/srv/Trigger';
const CHECKPOINT = 'rfsn_controller/msg/Checkpoint';
const DECISION = 'rfsn_controller/msg/Decision';

interface Answer {
  readonly success: boolean;
  readonly message: string;
}
interface State {
  readonly armed: boolean;
  readonly halted: boolean;
  readonly frozen: boolean;
  readonly updates: number;
}
interface Checkpoint {
  readonly checksum: string;
  readonly data: number[];
}
type Decision = Readonly<Record<string, unknown>> & {
  readonly header: { readonly stamp: { readonly sec: number; readonly nanosec: number } };
};

/** Transitions of a managed node. */
const Transition = { configure: 1, cleanup: 2, activate: 3, deactivate: 4 } as const;

/**
 * Simulated time in steps that only this test makes, two a second of it: no cycle has its deadline, and no input its
 * timeout, within what a busy machine may hold one up for.
 */
const FREQUENCY_HZ = 2;
const LOCKSTEP = [
  ...['use_sim_time:=true', `controller_frequency:=${FREQUENCY_HZ}.0`, 'deadline_fraction:=1.0'],
  ...['watchdog_timeout_s:=10.0', 'heartbeat_timeout_s:=10.0', 'safety.reaction_time_s:=0.5'],
  ...['odometry_timeout_s:=60.0', 'ranges_timeout_s:=60.0', 'reward.horizon_s:=2.0', 'zeromq.command_expiry_s:=2.0'],
].flatMap((parameter) => ['-p', parameter]);

/** What of a decision is the controller's own time, or counts from its start: all else must be the same to the bit. */
const OWN = [
  ...['cycle', 'rewarded_cycle', 'scheduled_ns', 'start_ns', 'lateness_ns', 'compute_ns', 'period_ns', 'time_ns'],
  ...['silence_ns', 'stretch', 'heartbeat', 'odometry_age_ns', 'ranges_age_ns', 'contacts_age_ns'],
  ...['odometry_stamp_ns', 'ranges_stamp_ns', 'odometry_sequence', 'ranges_sequence', 'contacts_sequence'],
  ...['goal_sequence', 'goal_count', 'restores', 'updates'],
];

function comparable(decision: Decision): Record<string, unknown> {
  return Object.fromEntries(Object.entries(decision).filter(([name]) => !OWN.includes(name)));
}

/** What a robot senses on its way, the same at each reading of the record. */
class Recording {
  readonly #random = Prng.seeded(7);
  readonly odometry: object[] = [];
  readonly scans: object[] = [];

  constructor(steps: number) {
    for (let k = 0; k < steps; k++) {
      const angle = k / 20;
      const yaw = angle + Math.PI / 2;
      this.odometry.push({
        header: { frame_id: 'odom', stamp: stampOf(k) },
        child_frame_id: 'base_link',
        pose: {
          pose: {
            position: { x: Math.cos(angle), y: Math.sin(angle) },
            orientation: { z: Math.sin(yaw / 2), w: Math.cos(yaw / 2) },
          },
        },
        twist: { twist: { linear: { x: 0.1 } } },
      });
      this.scans.push({
        header: { frame_id: 'base_link', stamp: stampOf(k) },
        angle_min: -Math.PI,
        angle_max: Math.PI - Math.PI / 18,
        angle_increment: Math.PI / 18,
        range_min: 0.05,
        range_max: 10.0,
        ranges: Array.from({ length: 36 }, () => 1 + 4 * this.#random.nextFloat()),
      });
    }
  }
}

function stampOf(k: number): { sec: number; nanosec: number } {
  const halves = k + 200;
  return { sec: Math.floor(halves / FREQUENCY_HZ), nanosec: (halves % FREQUENCY_HZ) * 500_000_000 };
}

describeRos('a running node', () => {
  let processes: RosProcesses;
  let peer: RosPeer;

  beforeAll(async () => {
    processes = new RosProcesses();
    peer = await processes.peer();
  });
  afterAll(() => processes.close());

  function start(namespace: string, ...args: string[]): RosProcess {
    const model = join(processes.folder, namespace);
    return processes.rfsn(
      'run',
      '--port',
      'ros2',
      '--model',
      model,
      '--ros-args',
      '-r',
      `__ns:=/${namespace}`,
      ...args,
    );
  }
  const trigger = (node: string, name: string) => peer.call<Answer>(`${node}/${name}`, TRIGGER);
  const change = async (node: string, id: number) => {
    const answer = await peer.call<Answer>(`${node}/change_state`, 'lifecycle_msgs/srv/ChangeState', {
      transition: { id },
    });
    expect(answer.success, `transition ${id} of ${node}`).toBe(true);
  };
  /** What is published before it has found the one who listens is lost. */
  async function matched(topic: string, type: string, count: number, quality: 'reliable' | 'sensor' | 'latched') {
    await peer.advertise(topic, type, quality);
    while ((await peer.graph(topic)).subscriptions.length < count) await delay(20);
  }

  it('stands at ~/stop until ~/enable goes from false to true, learns nothing while frozen, saves and forgets when told to', async () => {
    const node = '/operated/rfsn_controller';
    const process = start('operated');
    await process.wrote(/active/);
    await peer.subscribe(`${node}/state`, 'rfsn_controller/msg/ControllerState', 'latched');
    const state = (wanted: (state: State) => boolean) => peer.hears<State>(`${node}/state`, wanted);
    await state(({ armed, halted }) => armed && !halted);

    peer.forget(`${node}/state`);
    const stopped = await trigger(node, 'stop');
    expect(stopped.success).toBe(true);
    await state(({ armed, halted }) => !armed && halted);
    peer.forget(`${node}/state`);
    await matched(`${node}/enable`, 'std_msgs/msg/Bool', 2, 'latched');
    const enable = (data: boolean) => peer.publish(`${node}/enable`, 'std_msgs/msg/Bool', { data }, 'latched');
    // Nothing said is true, so that this orders nothing.
    await enable(true);
    await delay(500);
    expect(process.output).not.toMatch(/\]: enabled/);
    await enable(false);
    await process.wrote(/disabled: the robot stands/);
    await enable(true);
    await process.wrote(/enabled: the robot need no longer stand/);
    await state(({ armed, halted }) => armed && !halted);

    const freeze = (data: boolean) => peer.call<Answer>(`${node}/freeze_learning`, 'std_srvs/srv/SetBool', { data });
    peer.forget(`${node}/state`);
    expect(await freeze(true)).toEqual({ success: true, message: 'nothing is learned or explored' });
    await state(({ frozen }) => frozen);
    peer.forget(`${node}/state`);
    expect(await freeze(false)).toEqual({ success: true, message: 'learns again' });
    await state(({ frozen }) => !frozen);

    const { success, message } = await trigger(node, 'save_checkpoint');
    expect(success, message).toBe(true);
    const [, file] = /saved (\S+),/.exec(message) ?? [];
    expect(existsSync(join(processes.folder, 'operated', file))).toBe(true);
    expect(await trigger(node, 'reset_policy')).toEqual({ success: true, message: 'untrained from here on' });
    process.signal('SIGTERM');
    expect(await process.ended).toBe(0);
  }, 120_000);

  it('says why it does not save where it keeps nothing', async () => {
    const node = '/fixed/rfsn_controller';
    const process = start('fixed', '-p', 'policy:=random');
    await process.wrote(/active/);
    const { success, message } = await trigger(node, 'save_checkpoint');
    expect([success, message]).toEqual([false, expect.stringContaining('learns nothing')]);
    process.signal('SIGTERM');
    expect(await process.ended).toBe(0);
  }, 120_000);

  it('goes on exactly as the controller does whose latched state it restored, for a thousand decisions', async () => {
    const first = '/first/rfsn_controller';
    const second = '/second/rfsn_controller';
    const shared = ['odom', 'scan', 'goal_pose'].flatMap((topic) => ['-r', `${topic}:=/${topic}`]);
    const recording = new Recording(1400);
    const listeners: string[] = [];
    const listen = async (node: string) => {
      await peer.subscribe(`${node}/decision`, DECISION);
      listeners.push(node);
      await matched('/odom', 'nav_msgs/msg/Odometry', listeners.length, 'sensor');
      await matched('/scan', 'sensor_msgs/msg/LaserScan', listeners.length, 'sensor');
      await matched('/clock', 'rosgraph_msgs/msg/Clock', listeners.length, 'reliable');
      await matched('/goal_pose', 'geometry_msgs/msg/PoseStamped', listeners.length, 'reliable');
      // It looks once a second whether anybody listens to its decisions, and none must be missed.
      await delay(1500);
    };
    const decisionOf = (node: string, k: number) => {
      const { sec, nanosec } = stampOf(k);
      const newest = peer.heard<Decision>(`${node}/decision`).at(-1)?.message;
      const { stamp } = newest?.header ?? { stamp: null };
      return stamp?.sec === sec && stamp.nanosec === nanosec ? newest : undefined;
    };
    /** One reading of each, seen to have been taken, then the time for which they are. */
    const step = async (k: number): Promise<Decision[]> => {
      await Promise.all([
        peer.publish('/odom', 'nav_msgs/msg/Odometry', recording.odometry[k] as never, 'sensor'),
        peer.publish('/scan', 'sensor_msgs/msg/LaserScan', recording.scans[k] as never, 'sensor'),
      ]);
      // A node that answers has taken what came before the question.
      await Promise.all(listeners.map((node) => peer.call(`${node}/get_state`, 'lifecycle_msgs/srv/GetState')));
      await peer.publish('/clock', 'rosgraph_msgs/msg/Clock', { clock: stampOf(k) });
      return Promise.all(listeners.map((node) => until(() => decisionOf(node, k), `decision ${k} of ${node}`)));
    };
    const goal = () =>
      peer.publish('/goal_pose', 'geometry_msgs/msg/PoseStamped', {
        header: { frame_id: 'odom' },
        pose: { position: { x: 20.0, y: 5.0 }, orientation: { w: 1.0 } },
      });

    const teacher = start('first', ...LOCKSTEP, ...shared);
    await teacher.wrote(/active/);
    await listen(first);
    await goal();
    for (let k = 0; k < 200; k++) await step(k);
    // It begins anew, with what is on the disk: nothing but what it learned is to be in common.
    await change(first, Transition.deactivate);
    await change(first, Transition.cleanup);
    await change(first, Transition.configure);
    await change(first, Transition.activate);

    const late = await processes.peer('late');
    await late.subscribe(`${first}/checkpoint`, CHECKPOINT, 'latched');
    const checkpoint = await late.hears<Checkpoint>(`${first}/checkpoint`);
    const pupil = start('second', ...LOCKSTEP, ...shared);
    await pupil.wrote(/active/);
    await matched(`${second}/restore`, CHECKPOINT, 1, 'reliable');

    const restore = (message: Checkpoint) => peer.publish(`${second}/restore`, CHECKPOINT, { ...message });
    const damaged = [...checkpoint.data];
    damaged[5000] ^= 1;
    await restore({ ...checkpoint, data: damaged });
    await pupil.wrote(/the state on ~\/restore is refused: its checksum does not match/);
    await restore({ checksum: createHash('sha256').update(Buffer.from(damaged)).digest('hex'), data: damaged });
    await pupil.wrote(/the state on ~\/restore is refused: .*damaged after it was written/);
    await peer.publishRaw(`${second}/restore`, CHECKPOINT, Uint8Array.of(0, 1, 0, 0, 1, 2, 3));
    await pupil.wrote(/the state on ~\/restore is refused: it ends too early/);
    await restore(checkpoint);
    await pupil.wrote(/restored what came as a message, after [1-9]\d* updates/);

    listeners.splice(0);
    await listen(first);
    await listen(second);
    await goal();
    let explored = 0;
    const actions = new Set<unknown>();
    for (let k = 300; k < 1300; k++) {
      const [expected, found] = (await step(k)).map(comparable);
      expect(found, `decision ${k}`).toEqual(expected);
      actions.add(expected['action']);
      if ((expected['probability'] as number) < 1) explored++;
    }
    // They chose, and did not all the same thing.
    expect(actions.size).toBeGreaterThan(3);
    expect(explored).toBeGreaterThan(500);
    await late.kill();
  }, 400_000);

  it('refuses what another policy has learned, with its reason', async () => {
    const other = start('other', '-p', 'policy:=lints');
    await other.wrote(/active/);
    expect(await trigger('/other/rfsn_controller', 'save_checkpoint')).toMatchObject({ success: true });
    await peer.subscribe('/other/rfsn_controller/checkpoint', CHECKPOINT, 'latched');
    const foreign = await peer.hears<Checkpoint>('/other/rfsn_controller/checkpoint');
    const own = start('own');
    await own.wrote(/active/);
    await matched('/own/rfsn_controller/restore', CHECKPOINT, 1, 'reliable');
    await peer.publish('/own/rfsn_controller/restore', CHECKPOINT, { ...foreign });
    await own.wrote(/the state on ~\/restore is refused: it belongs to other features or another policy/);
  }, 120_000);
}, ['rfsn_controller']);
