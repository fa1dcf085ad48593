import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Hazard } from '../../../../src/io/ros2/cdr/hazards.js';
import { Side, sideAt, sideCalled } from '../../../../src/io/ros2/contacts.js';
import { InputTopic } from '../../../../src/io/ros2/names.js';
import { header, InputRig, resolved, turned } from './input-rig.js';

const DEGREE = Math.PI / 180;
const TOPICS = [InputTopic.contactFront, InputTopic.contactLeft, InputTopic.contactBack, InputTopic.contactRight];

let rig: InputRig;
beforeEach(() => rigOf('none'));
afterEach(() => rig.close());

function rigOf(type: string): void {
  rig = new InputRig({ contact_type: type, contact_force: 20 });
  rig.time.now = 10e9;
}

const last = () => rig.sink.of('contacts').at(-1);
const lastReading = () => rig.sink.calls.filter(({ input }) => input === 'contacts').at(-1);

function wrench(topic: string, x: number, y: number, z: number, frame = 'base_link', seconds = rig.seconds): void {
  rig.send(topic, { header: header(frame, seconds), wrench: { force: { x, y, z }, torque: { x: 9, y: 9, z: 9 } } });
}

function hazards(topic: string, list: readonly (readonly [type: number, frame: string])[]): void {
  const detections = list.map(([type, frame]) => ({ header: header(frame, rig.seconds), type }));
  rig.send(topic, { header: header('base_link', rig.seconds), detections });
}

interface Touch {
  at?: readonly [number, number];
  force?: number;
}

function contacts(topic: string, touches: readonly Touch[], frame = ''): void {
  const body = { header: header(''), body_1_name: { data: 'bumper' }, body_2_name: { data: 'wall' } };
  rig.send(topic, {
    header: header(frame, rig.seconds),
    contacts: touches.map(({ at, force }) => ({
      collision1: { id: 8n, name: 'robot::base_link::bumper', type: 5 },
      collision2: { id: 9n, name: 'wall', type: 5 },
      positions: at === undefined ? [] : [{ x: at[0], y: at[1], z: 0.1 }],
      normals: at === undefined ? [] : [{ x: 1, y: 0, z: 0 }],
      depths: at === undefined ? [] : [0.001],
      wrenches:
        force === undefined
          ? []
          : [{ ...body, body_1_wrench: { force: { x: 0, y: force, z: 0 } }, body_2_wrench: { force: { x: 99 } } }],
    })),
  });
}

describe('sides', () => {
  it.each([
    [0, Side.front],
    [44, Side.front],
    [46, Side.left],
    [134, Side.left],
    [136, Side.back],
    [180, Side.back],
    [-136, Side.back],
    [-134, Side.right],
    [-46, Side.right],
    [-44, Side.front],
    [350, Side.front],
    [270, Side.right],
  ])('at %i° are side %i', (degrees, side) => {
    expect(sideAt(degrees * DEGREE)).toBe(side);
  });

  it.each([
    ['bump_front_left', Side.front],
    ['bump_left', Side.left],
    ['cliff_side_right', Side.right],
    ['rear_bumper', Side.back],
    ['bumper', null],
  ])('called %s are side %s', (name, side) => {
    expect(sideCalled(name)).toBe(side);
  });
});

describe('wrenches', () => {
  it.each([0, 1, 2, 3])('on the topic of side %i are the size of the force there, in whatever frame', (side) => {
    rigOf('wrench');
    wrench(TOPICS[side], 2, -3, 6, 'a frame nobody knows');
    const expected = [0, 0, 0, 0];
    expected[side] = 7;
    expect(last()).toEqual(expected);
  });

  it('on the one topic are on the side that the force points away from', () => {
    rigOf('wrench');
    wrench(InputTopic.contacts, -30, 5, 100);
    expect(last()?.[Side.front]).toBeCloseTo(Math.hypot(30, 5), 9);
    wrench(InputTopic.contacts, 0, -10, 0);
    expect(last()).toEqual([0, 10, 0, 0]);
    wrench(InputTopic.contacts, 10, 0, 0);
    expect(last()).toEqual([0, 0, 10, 0]);
    wrench(InputTopic.contacts, 0, 10, 0);
    expect(last()).toEqual([0, 0, 0, 10]);
  });

  it('on the one topic are turned from the frame of their sensor', () => {
    rigOf('wrench');
    wrench(InputTopic.contacts, -8, 0, 0, 'bumper');
    expect(rig.notices).toEqual(["contacts: no way from its frame 'bumper' to 'base_link' is known from /tf_static"]);
    rig.transform('base_link', 'bumper', -0.3, 0, turned(Math.PI));
    wrench(InputTopic.contacts, -8, 0, 0, 'bumper');
    expect(last()?.[Side.back]).toBeCloseTo(8, 9);
  });

  it('are refused where the force is not finite', () => {
    rigOf('wrench');
    wrench(InputTopic.contactFront, Number.POSITIVE_INFINITY, 0, 0);
    expect(rig.sink.calls).toEqual([]);
    expect(rig.notices).toEqual(['contacts: a force on contact/front is not finite']);
  });

  it('that are too strong for any contact leave the others as they are', () => {
    rigOf('wrench');
    wrench(InputTopic.contactFront, 5, 0, 0);
    wrench(InputTopic.contactFront, 1e200, 1e200, 0);
    wrench(InputTopic.contactLeft, 6, 0, 0);
    expect(last()).toEqual([5, 6, 0, 0]);
    expect(rig.notices).toEqual(['contacts: a force on contact/front that no contact has']);
  });

  it('of several topics are joined, and are as old as the oldest of them', () => {
    rigOf('wrench');
    wrench(InputTopic.contactFront, 5, 0, 0);
    rig.time.now = 10.1e9;
    wrench(InputTopic.contactLeft, 6, 0, 0);
    expect(last()).toEqual([5, 6, 0, 0]);
    expect(lastReading()?.receivedNs).toBe(10e9);
    rig.time.now = 10.2e9;
    wrench(InputTopic.contactFront, 0, 0, 0);
    expect(last()).toEqual([0, 6, 0, 0]);
    expect(lastReading()?.receivedNs).toBe(10.1e9);
  });

  it('of a sensor that fell silent are said to be old, with its topic', () => {
    rigOf('wrench');
    wrench(InputTopic.contactLeft, 5, 0, 0);
    rig.time.now = 12e9;
    wrench(InputTopic.contactFront, 5, 0, 0);
    expect(rig.notices).toEqual(['contacts: what contact/left told last is 2.00 s old, and so are all of them']);
  });

  it('without a stamp are as old as their arrival', () => {
    rigOf('wrench');
    wrench(InputTopic.contactFront, 1, 0, 0, '', 0);
    expect(lastReading()?.receivedNs).toBe(10e9);
  });

  it('have stamps that rise also while time stands', () => {
    rigOf('wrench');
    for (let i = 0; i < 3; i++) wrench(InputTopic.contactFront, i, 0, 0);
    expect(rig.sink.of('contacts').map(([front]) => front)).toEqual([0, 1, 2]);
  });

  it('that nobody sends any more grow old: the inputs do not make any up', () => {
    rigOf('wrench');
    rig.published.add(resolved(InputTopic.contactFront));
    wrench(InputTopic.contactFront, 5, 0, 0);
    rig.pass(2);
    expect(rig.sink.of('contacts')).toHaveLength(1);
  });
});

describe('hazards', () => {
  it('are where /tf_static places their sensor, or their name does', () => {
    rigOf('hazards');
    rig.transform('base_link', 'bump_front_left', 0.1, 0.15);
    hazards(InputTopic.contacts, [[Hazard.bump, 'bump_front_left']]);
    expect(last()).toEqual([0, 20, 0, 0]);
    hazards(InputTopic.contacts, [
      [Hazard.bump, 'bump_front_center'],
      [Hazard.cliff, 'cliff_side_right'],
    ]);
    expect(last()).toEqual([20, 0, 0, 20]);
  });

  it('are everywhere where nothing tells where, and where wheels stall or drop', () => {
    rigOf('hazards');
    for (const hazard of [
      [Hazard.bump, 'bumper'],
      [Hazard.stall, 'wheel_left'],
      [Hazard.wheelDrop, 'wheel_right'],
    ] as const) {
      hazards(InputTopic.contacts, []);
      expect(last()).toEqual([0, 0, 0, 0]);
      hazards(InputTopic.contacts, [hazard]);
      expect(last()).toEqual([20, 20, 20, 20]);
    }
  });

  it('that are only near, or the robot’s own limit, are none', () => {
    rigOf('hazards');
    hazards(InputTopic.contacts, [
      [Hazard.objectProximity, 'bump_front_center'],
      [Hazard.backupLimit, 'base_link'],
    ]);
    expect(last()).toEqual([0, 0, 0, 0]);
  });

  it('on a side’s topic are on that side', () => {
    rigOf('hazards');
    hazards(InputTopic.contactBack, [[Hazard.bump, 'bump_front_center']]);
    expect(last()).toEqual([0, 0, 20, 0]);
  });
});

describe('contacts of Gazebo', () => {
  it('count for contact_force without a force, and for their force with one', () => {
    rigOf('contacts');
    contacts(InputTopic.contactLeft, [{}]);
    expect(last()).toEqual([0, 20, 0, 0]);
    contacts(InputTopic.contactLeft, [{ force: 3 }]);
    expect(last()).toEqual([0, 3, 0, 0]);
  });

  it('end at once where a message says so, and after a moment where none comes', () => {
    rigOf('contacts');
    contacts(InputTopic.contactLeft, [{}]);
    contacts(InputTopic.contactLeft, []);
    expect(last()).toEqual([0, 0, 0, 0]);
    rig.published.add(resolved(InputTopic.contactLeft));
    contacts(InputTopic.contactLeft, [{}]);
    rig.pass(0.05);
    expect(last()).toEqual([0, 20, 0, 0]);
    rig.pass(0.1);
    expect(last()).toEqual([0, 0, 0, 0]);
  });

  it('end with the place that they were in, also where simulated time falls back behind them', () => {
    rigOf('contacts');
    rig.published.add(resolved(InputTopic.contactLeft));
    rig.pass(90);
    rig.odometry();
    contacts(InputTopic.contactLeft, [{}]);
    expect(last()).toEqual([0, 20, 0, 0]);
    rig.time.now = 40e9;
    rig.sink.newFrame();
    rig.odometry();
    rig.pass(0.1);
    expect(last()).toEqual([0, 0, 0, 0]);
  });

  it('are told to be none, afresh, while somebody publishes them, and not when nobody does', () => {
    rigOf('contacts');
    rig.pass(1);
    expect(rig.sink.of('contacts')).toEqual([]);
    rig.published.add(resolved(InputTopic.contactFront));
    rig.pass(1);
    const told = rig.sink.of('contacts').length;
    expect(told).toBeGreaterThanOrEqual(10);
    expect(rig.time.now - (lastReading()?.receivedNs ?? 0)).toBeLessThanOrEqual(0.1e9);
    rig.published.clear();
    rig.pass(0.5);
    const then = rig.sink.of('contacts').length;
    rig.pass(2);
    expect(rig.sink.of('contacts').length).toBe(then);
  });

  it('are not told to be none while it cannot be asked who publishes them', () => {
    rigOf('contacts');
    rig.published.add(resolved(InputTopic.contactFront));
    rig.pass(1);
    const asked = vi.spyOn(rig.published, 'has').mockImplementation(() => {
      throw new Error('no graph');
    });
    rig.pass(0.5);
    const then = rig.sink.of('contacts').length;
    rig.pass(2);
    expect(rig.sink.of('contacts').length).toBe(then);
    asked.mockRestore();
    rig.pass(1);
    expect(rig.sink.of('contacts').length).toBeGreaterThan(then);
  });

  it('on the one topic are where the robot’s pose puts their place in odom', () => {
    rigOf('contacts');
    rig.odometry(10, 5, Math.PI / 2);
    contacts(InputTopic.contacts, [{ at: [10, 5.3] }, { at: [10.3, 5] }], 'world');
    expect(last()).toEqual([20, 0, 0, 20]);
  });

  it('on the one topic are in their own frame where that is fixed to the robot', () => {
    rigOf('contacts');
    rig.odometry(10, 5, 1);
    rig.transform('base_link', 'bumper', 0, 0.2);
    contacts(InputTopic.contacts, [{ at: [0, 0.05] }], 'bumper');
    expect(last()).toEqual([0, 20, 0, 0]);
  });

  it.each<[string, Touch]>([
    ['without a place', {}],
    ['far from the robot', { at: [50, 50] }],
    ['at its very centre', { at: [10, 5] }],
  ])('on the one topic are everywhere %s', (_, touch) => {
    rigOf('contacts');
    rig.odometry(10, 5, 0);
    contacts(InputTopic.contacts, [touch]);
    expect(last()).toEqual([20, 20, 20, 20]);
  });

  it('on the one topic are everywhere before there is odometry', () => {
    rigOf('contacts');
    contacts(InputTopic.contacts, [{ at: [0.3, 0] }]);
    expect(last()).toEqual([20, 20, 20, 20]);
  });
});
