import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Refusal } from '../../../../src/io/ros2/input-figures.js';
import { InputTopic, MessageType } from '../../../../src/io/ros2/names.js';
import { interfaceIndex, notInstalled } from '../../../../src/io/ros2/rcl-installation.js';
import { ParameterError } from '../../../../src/parameters/parameter-error.js';
import { InputRig, odometryOf, rolled, scanOf, turned, written } from './input-rig.js';

let rig: InputRig;

beforeEach(() => {
  rig = new InputRig();
  rig.time.now = 10e9;
});
afterEach(() => {
  rig.close();
  vi.unstubAllEnvs();
});

describe('subscriptions', () => {
  it('are made of every input at its topic, with its quality of service', () => {
    expect(Object.fromEntries(rig.qualities)).toEqual({
      '/tf_static': ['static-transforms'],
      '/tf': ['transforms'],
      odom: ['sensor'],
      scan: ['sensor'],
      goal_pose: ['reliable'],
      plan: ['reliable'],
      '~/enable': ['latched-orders', 'stream'],
    });
    expect(rig.inputs.figures.enable.topics).toEqual(['/node/enable']);
  });

  it('are made of four topics of contacts and one, where there are sensors', () => {
    const felt = new InputRig({ contact_type: 'wrench' });
    const topics = ['contact/front', 'contact/left', 'contact/back', 'contact/right', 'contacts'];
    expect(felt.topics.filter((topic) => topic.startsWith('contact'))).toEqual(topics);
    felt.close();
  });

  it.each([
    ['contacts', 'ros_gz_interfaces'],
    ['hazards', 'irobot_create_msgs'],
  ])('fail for contact_type %s with the name of its package, where that is not installed', (type, pack) => {
    const unmade = (of: string) => (of.startsWith(pack) ? notInstalled(of, { ROS_DISTRO: 'jazzy' }) : null);
    const make = () => new InputRig({ contact_type: type }, unmade);
    expect(make).toThrow(ParameterError);
    expect(make).toThrow(`contact_type: '${type}': ${pack} is not installed`);
  });

  it('fail with the name of the package also where its JavaScript is left, and as they do where it is installed', () => {
    const make = () =>
      new InputRig({ contact_type: 'wrench' }, (type) => (/Wrench/.test(type) ? new Error('no .so') : null));
    vi.stubEnv('AMENT_PREFIX_PATH', '');
    expect(make).toThrow(/^contact_type: 'wrench': geometry_msgs is not installed/);
    const prefix = mkdtempSync(join(tmpdir(), 'rfsn-prefix-'));
    mkdirSync(dirname(interfaceIndex(prefix, 'geometry_msgs')), { recursive: true });
    writeFileSync(interfaceIndex(prefix, 'geometry_msgs'), 'msg/WrenchStamped.msg');
    vi.stubEnv('AMENT_PREFIX_PATH', prefix);
    expect(make).toThrow(/^no \.so$/);
    rmSync(prefix, { recursive: true });
  });

  it('hand nothing over once they are closed', () => {
    rig.inputs.close();
    rig.odometry();
    expect(rig.sink.calls).toEqual([]);
    expect(rig.inputs.figures.odometry.received).toBe(0);
  });
});

describe('before simulated time has begun', () => {
  it('readings are refused and counted by each input, none of which says so, and taken from its first moment on', () => {
    const felt = new InputRig({ contact_type: 'wrench' });
    const wrench = { header: { stamp: { sec: 0, nanosec: 0 }, frame_id: '' }, wrench: { force: { x: 3, y: 0, z: 0 } } };
    const readings = () => {
      felt.odometry();
      felt.scan();
      felt.send(InputTopic.contactFront, { ...wrench, wrench: { ...wrench.wrench, torque: { x: 0, y: 0, z: 0 } } });
    };
    felt.time.now = 10e9;
    felt.time.known = false;
    readings();
    felt.time.now = 11e9;
    readings();
    expect(felt.sink.calls).toEqual([]);
    const { odometry, scan, contacts } = felt.inputs.figures;
    for (const figures of [odometry, scan, contacts]) {
      expect(figures.refusals()).toEqual({ 'no /clock yet': 2 });
      expect(figures.complaint).toContain('use_sim_time');
    }
    expect(felt.notices).toEqual([]);
    felt.time.known = true;
    readings();
    expect(felt.sink.calls.map(({ input }) => input)).toEqual(['odometry', 'ranges', 'contacts']);
    felt.close();
  });

  it('that nothing touches is not known either', () => {
    const felt = new InputRig({ contact_type: 'contacts' });
    felt.published.add('/contacts');
    felt.time.known = false;
    felt.pass(1);
    expect(felt.sink.of('contacts')).toEqual([]);
    felt.time.known = true;
    felt.pass(1);
    expect(felt.sink.of('contacts').length).toBeGreaterThan(0);
    felt.close();
  });
});

describe('odometry', () => {
  it('is handed on with its stamp, its pose and its velocity', () => {
    rig.send(InputTopic.odometry, odometryOf({ x: 1, y: -2, yaw: 2.5, seconds: 9.98, vx: 0.5, vy: 0.25, yawRate: -1 }));
    const [{ values, stampNs, receivedNs }] = rig.sink.calls;
    expect([stampNs, receivedNs]).toEqual([9.98e9, 9.98e9]);
    expect(values[2]).toBeCloseTo(2.5, 12);
    expect([...values.slice(0, 2), ...values.slice(3)]).toEqual([1, -2, 0.5, 0.25, -1]);
    expect(rig.inputs.figures.odometry.lagNs).toBeCloseTo(0.02e9, 0);
  });

  it('has the yaw of a quaternion of any length', () => {
    const { z, w } = turned(-0.75);
    const rotation = { x: 0, y: 0, z: 3 * z, w: 3 * w };
    rig.send(InputTopic.odometry, odometryOf({ x: 0, y: 0, yaw: 0, seconds: 1, rotation }));
    expect(rig.sink.of('odometry')[0][2]).toBeCloseTo(-0.75, 12);
  });

  it('is refused where its quaternion was never filled', () => {
    const rotation = { x: 0, y: 0, z: 0, w: 0 };
    rig.send(InputTopic.odometry, odometryOf({ x: 0, y: 0, yaw: 0, seconds: 1, rotation }));
    expect(rig.sink.calls).toEqual([]);
    expect(rig.notices).toEqual(['odometry: its orientation is no rotation']);
  });

  it('is refused with its reason and said once, not at its rate', () => {
    for (let i = 0; i < 20; i++) rig.odometry(Number.NaN, 0, 0, 10 + i);
    const figures = rig.inputs.figures.odometry;
    expect(figures.refusals()).toEqual({ 'not finite': 20 });
    expect([figures.received, figures.accepted, figures.refused, figures.refusedInRow]).toEqual([20, 0, 20, 20]);
    expect(rig.notices).toEqual(['odometry: it holds numbers that are not finite']);
    rig.time.now += 61e9;
    rig.odometry(Number.NaN);
    expect(rig.notices).toHaveLength(2);
  });

  it('is refused while its stamp stands, which is what a source does that sets none', () => {
    for (let i = 0; i < 3; i++) rig.odometry(i, 0, 0, 0);
    expect(rig.sink.of('odometry')).toHaveLength(1);
    expect(rig.notices.at(-1)).toBe(
      'odometry: its stamp stands still at 0.000000000 s: does its source set header.stamp?',
    );
  });

  it('is told of where its stamps are too old to drive by', () => {
    rig.odometry(0, 0, 0, 7);
    expect(rig.notices).toEqual([
      'odometry: it comes 3.00 s after its stamp, too old to drive by: set the clocks by one another, or trust_stamps to false',
    ]);
  });

  it('is believed as a new one after five readings of a source that began anew, and goals in its frame are void', () => {
    rig.odometry(5, 0, 0, 10);
    rig.goal(9, 0);
    for (let i = 0; i < 4; i++) rig.odometry(0, 0, 0, 1 + i / 10);
    expect(rig.sink.of('newFrame')).toHaveLength(0);
    rig.odometry(0, 0, 0, 1.4);
    expect(rig.sink.calls.map(({ input }) => input)).toEqual([
      'odometry',
      'goal',
      'newFrame',
      'odometry',
      'cancelGoal',
    ]);
    expect(rig.inputs.goal.source).toBe('none');
    expect(rig.notices).toContain(
      'odometry: its stamps began anew: the source was restarted, is believed as a new one, and goals in its frame are void',
    );
  });

  it('is not taken for restarted by single readings of another clock', () => {
    for (let i = 0; i < 20; i++) {
      rig.odometry(5, 0, 0, 10 + i / 100);
      rig.odometry(5, 0, 0, 1 + i / 100);
    }
    for (let i = 0; i < 20; i++) rig.odometry(5, 0, 0, 2);
    expect(rig.sink.of('newFrame')).toHaveLength(0);
    expect(rig.inputs.figures.odometry.refusedBy(Refusal.stampBack)).toBe(40);
  });

  it('cancels a goal also where somebody else told of the new frame, as simulated time that begins anew does', () => {
    rig.odometry(5, 0, 0, 10);
    rig.goal(9, 0);
    rig.sink.newFrame();
    rig.odometry(0, 0, 0, 0.1);
    expect(rig.inputs.goal.source).toBe('none');
  });

  it('that begins anew makes a goal in the map wait until the map is told anew', () => {
    rig.time.now = 100e9;
    rig.odometry(1);
    rig.transform('odom', 'map', 2, 0, turned(0), false);
    rig.goal(3, 0, 'map');
    expect(rig.sink.of('goal').at(-1)?.slice(0, 2)).toEqual([5, 0]);
    rig.sink.newFrame();
    rig.time.now = 40e9;
    rig.odometry(0);
    expect(rig.sink.of('cancelGoal')).toHaveLength(1);
    expect(rig.inputs.goal).toMatchObject({ source: 'goal', waiting: true });
    rig.transform('odom', 'map', 4, 0, turned(0), false);
    expect(rig.sink.of('goal').at(-1)?.slice(0, 2)).toEqual([7, 0]);
  });

  it('in another frame than odom_frame is used, and said once', () => {
    const message = { x: 0, y: 0, yaw: 0, frame: 'robot1/odom' };
    for (let i = 0; i < 3; i++) rig.send(InputTopic.odometry, odometryOf({ ...message, seconds: 10 + i }));
    expect(rig.sink.of('odometry')).toHaveLength(3);
    expect(rig.notices).toEqual([
      "odometry: it is in the frame 'robot1/odom', and odom_frame is 'odom': goals are reckoned as if these were one",
    ]);
  });

  it('of another child frame is used, and said after fixed transforms have had time to come', () => {
    const send = (seconds: number) => {
      rig.time.now = seconds * 1e9;
      rig.send(InputTopic.odometry, odometryOf({ x: 0, y: 0, yaw: 0, seconds, child: 'wheels' }));
    };
    send(10);
    send(12);
    expect(rig.notices).toEqual([]);
    send(14);
    send(16);
    expect(rig.notices).toEqual([
      "odometry: its child frame is 'wheels', and base_frame is 'base_link': pose and velocity are taken as if these were one",
    ]);
  });

  it('of a child frame just below the robot’s is as good as of the robot', () => {
    rig.send(InputTopic.staticTransforms, {
      transforms: [
        {
          header: { stamp: { sec: 0, nanosec: 0 }, frame_id: '/base_footprint' },
          child_frame_id: '/base_link',
          transform: { translation: { x: 0, y: 0, z: 0.2 }, rotation: turned(0) },
        },
      ],
    });
    for (const seconds of [10, 20]) {
      rig.time.now = seconds * 1e9;
      rig.send(InputTopic.odometry, odometryOf({ x: 0, y: 0, yaw: 0, seconds, child: 'base_footprint' }));
    }
    expect(rig.notices).toEqual([]);
  });
});

describe('scans', () => {
  it('are handed on with their geometry and their beams', () => {
    rig.scan({ ranges: Float32Array.of(1, Number.POSITIVE_INFINITY, Number.NaN, 4) });
    const [scan] = rig.sink.scans;
    expect([...scan.ranges]).toEqual([1, Number.POSITIVE_INFINITY, Number.NaN, 4]);
    expect([scan.angleMin, scan.angleIncrement, scan.rangeMin, scan.rangeMax, scan.count]).toEqual([
      -1, 0.5, 0.125, 10, 4,
    ]);
    expect([scan.mountX, scan.mountY, scan.mountYaw]).toEqual([0, 0, 0]);
  });

  it('are refused while no way from their frame is known, and taken when one is', () => {
    rig.scan({}, 'laser');
    expect(rig.sink.scans).toEqual([]);
    expect(rig.notices).toEqual(["scan: no way from its frame 'laser' to 'base_link' is known from /tf_static"]);
    rig.transform('base_link', 'mast', 0.25, 0, turned(Math.PI / 2));
    rig.transform('mast', 'laser', 0.5, 0, turned(0.25));
    rig.scan({}, '/laser');
    const [{ mountX, mountY, mountYaw }] = rig.sink.scans;
    expect(mountX).toBeCloseTo(0.25, 12);
    expect(mountY).toBeCloseTo(0.5, 12);
    expect(mountYaw).toBeCloseTo(Math.PI / 2 + 0.25, 12);
  });

  it('follow a laser that is told to be elsewhere', () => {
    rig.transform('base_link', 'laser', 0.1, 0);
    rig.scan({}, 'laser');
    rig.transform('base_link', 'laser', 0.2, 0);
    rig.time.now += 1e9;
    rig.scan({}, 'laser');
    expect(rig.sink.scans.map(({ mountX }) => mountX)).toEqual([0.1, 0.2]);
  });

  it('are refused where the way goes over what moves', () => {
    rig.transform('base_link', 'laser', 0.1, 0, turned(0), false);
    rig.scan({}, 'laser');
    expect(rig.inputs.figures.scan.refusals()).toEqual({ 'no transform': 1 });
  });

  it('go by the fixed transform also where a simulator tells the same among those that move', () => {
    rig.transform('base_link', 'laser', 0.1, 0);
    rig.transform('base_link', 'laser', 0.1, 0, turned(0), false);
    rig.scan({}, 'laser');
    expect(rig.sink.scans).toHaveLength(1);
  });

  it('of a laser that hangs upside down are the mirror image', () => {
    // About its own x axis, on a mast that looks to the left: its first beam, to its own right, is behind the robot's left.
    const { x, w } = rolled(Math.PI);
    const { z: mz, w: mw } = turned(Math.PI / 2);
    rig.transform('base_link', 'laser', 0, 0, { x: mw * x, y: mz * x, z: mz * w, w: mw * w });
    rig.scan({}, 'laser');
    const [scan] = rig.sink.scans;
    expect(scan.mountYaw).toBeCloseTo(Math.PI / 2, 9);
    expect([scan.angleMin, scan.angleIncrement]).toEqual([1, -0.5]);
  });

  it('of a tilted laser are refused, with its tilt', () => {
    rig.transform('base_link', 'laser', 0, 0, rolled(Math.PI / 6));
    rig.scan({}, 'laser');
    expect(rig.notices).toEqual(["scan: its frame 'laser' is tilted by 30° against 'base_link'"]);
    rig.transform('base_link', 'laser', 0, 0, rolled(0.05));
    rig.scan({}, 'laser');
    expect(rig.sink.scans).toHaveLength(1);
  });

  it('with more beams than there is memory for are refused with the name of the parameter', () => {
    rig.scan(scanOf(new Array<number>(65).fill(2)));
    expect(rig.notices).toEqual(['scan: it has 65 beams, and max_beams is 64']);
    expect(rig.inputs.figures.scan.refusals()).toEqual({ 'too many beams': 1 });
  });

  it('without beams, and with none that worked, are refused', () => {
    rig.scan({ ...scanOf([]), header: (scanOf() as { header: object }).header });
    rig.time.now += 1e9;
    rig.scan({ ranges: Float32Array.of(Number.NaN, Number.NaN) });
    expect(rig.inputs.figures.scan.refusals()).toEqual({ 'wrong length': 1, 'not finite': 1 });
  });

  it('of a source that began anew are believed after five', () => {
    rig.scan();
    for (let i = 0; i < 5; i++) {
      rig.time.now = 1e9 + i * 1e8;
      rig.scan();
    }
    expect(rig.sink.calls.map(({ input }) => input)).toEqual(['ranges', 'newFrame', 'ranges']);
  });
});

describe('the operator’s switch', () => {
  it('is on where nobody touched it, and is told each time', () => {
    expect(rig.inputs.enabled).toBe(true);
    rig.send(InputTopic.enable, { data: false });
    expect(rig.inputs.enabled).toBe(false);
    rig.send(InputTopic.enable, { data: true });
    // By two readers each: see `RobotInputs`.
    expect(rig.enabled).toEqual([false, false, true, true]);
  });

  const by = (reader: number, data: boolean) => rig.sendBy(reader, InputTopic.enable, { data });
  const LATCHED = 0;
  const LIVE = 1;

  it.each([
    [LATCHED, LIVE],
    [LIVE, LATCHED],
  ])('is not switched on by a copy that comes late by reader %i', (late, first) => {
    by(first, false);
    by(late, true);
    rig.pass(0.5);
    by(late, false);
    rig.pass(2);
    expect(rig.enabled).toEqual([false, false]);
  });

  it('is switched on by a true that no false follows, by whichever reader', () => {
    by(LIVE, false);
    by(LATCHED, true);
    expect(rig.inputs.enabled).toBe(false);
    rig.pass(1.1);
    expect(rig.enabled).toEqual([false, true]);
    by(LATCHED, false);
    rig.pass(2);
    by(LIVE, true);
    expect(rig.enabled).toEqual([false, true, false, true]);
    rig.pass(2);
    expect(rig.enabled).toHaveLength(4);
  });

  it('stays where it is on bytes that are no message', () => {
    rig.send(InputTopic.enable, { data: false });
    rig.raw(InputTopic.enable, Buffer.from([0, 1, 0, 0]));
    expect(rig.inputs.enabled).toBe(false);
    expect(rig.inputs.figures.enable.refusals()).toEqual({ malformed: 2 });
  });
});

describe('feedback', () => {
  it('is not listened for where the cycle pays rewards itself', () => {
    expect(rig.topics).not.toContain(InputTopic.feedback);
  });

  it('is handed on by the decision that it names, and refused where it is none', () => {
    rig.close();
    rig = new InputRig({ 'reward.source': 'feedback' });
    rig.time.now = 10e9;
    expect(rig.qualities.get(InputTopic.feedback)).toEqual(['burst']);
    const send = (cycle: bigint, reward: number) =>
      rig.send(InputTopic.feedback, { header: { stamp: { sec: 3, nanosec: 0 }, frame_id: 'map' }, cycle, reward });
    send(7n, -0.25);
    send(2n ** 40n + 1n, 1.5);
    send(8n, Number.NaN);
    send(2n ** 63n, 1);
    rig.raw(InputTopic.feedback, Buffer.from([0, 1, 0, 0, 1]));
    expect(rig.sink.of('feedback')).toEqual([
      [7, -0.25],
      [2 ** 40 + 1, 1.5],
    ]);
    expect(rig.inputs.figures.feedback.refusals()).toEqual({ 'not finite': 1, malformed: 2 });
    expect(rig.notices).toEqual([
      'feedback: a reward of NaN for decision 8 is none',
      expect.stringMatching(/^feedback: \d+ bytes that are no message$/),
    ]);
  });
});

describe('bytes that are no message', () => {
  it.each([
    ['odometry', InputTopic.odometry],
    ['scan', InputTopic.scan],
    ['goal', InputTopic.goal],
    ['plan', InputTopic.plan],
    ['transforms', InputTopic.transforms],
  ] as const)('are refused as %s, counted and said once', (name, topic) => {
    for (let i = 0; i < 3; i++) rig.raw(topic, Buffer.from('not a message'));
    expect(rig.inputs.figures[name].refusals()).toEqual({ malformed: 3 });
    expect(rig.notices).toEqual([`${name}: 13 bytes that are no message`]);
    expect(rig.sink.calls).toEqual([]);
  });

  it('are refused as transforms that no frame could have', () => {
    rig.transform('base_link', 'laser', Number.NaN, 0);
    rig.transform('base_link', 'laser', 0, 0, { x: 0, y: 0, z: 0, w: 0 });
    rig.transform('base_link', 'base_link', 0, 0);
    expect(rig.inputs.figures.transforms.refusals()).toEqual({ 'not finite': 3 });
  });
});

describe('big-endian messages', () => {
  it('are read as well', () => {
    const little = written(MessageType.bool, { data: true });
    const big = Buffer.from(little);
    big[1] = 0;
    rig.raw(InputTopic.enable, big);
    expect(rig.inputs.enabled).toBe(true);
    expect(rig.inputs.figures.enable.accepted).toBe(2);
  });
});
