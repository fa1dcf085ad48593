import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseGazeboWorld } from '../../../sim/gazebo-world.js';
import { InputTopic, MessageType, OutputTopic } from '../../../src/io/ros2/names.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import { ROOT } from '../../support/languages.js';

type Element = Record<string, unknown>;

const assets = join(ROOT, 'sim/gazebo');
const repeated = new Set(['plugin', 'model', 'link', 'joint', 'collision', 'visual', 'sensor', 'world']);
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  isArray: (name, _path, _leaf, isAttribute) => !isAttribute && repeated.has(name),
});
const list = (parent: Element, name: string) => (parent[name] ?? []) as Element[];
const read = (path: string) => (parser.parse(readFileSync(join(assets, path), 'utf8')) as { sdf: Element }).sdf;
const numbers = (value: unknown) => String(value).trim().split(/\s+/).map(Number);
const dig = (parent: Element, ...path: string[]) =>
  path.reduce((element, name) => element[name] as Element, parent) as unknown as string;

const worldFiles = readdirSync(join(assets, 'worlds')).filter((name) => name.endsWith('.sdf'));
const [robot] = list(read('rfsn_robot/model.sdf'), 'model');
const [base] = list(robot, 'link');
const sensors = list(robot, 'link').flatMap((link) => list(link, 'sensor').map((sensor) => ({ link, sensor })));
const system = (name: string) =>
  list(robot, 'plugin').find((plugin) => plugin['@name'] === `gz::sim::systems::${name}`) as Element;

interface Bridged {
  ros_topic_name: string;
  gz_topic_name: string;
  ros_type_name: string;
  gz_type_name: string;
  direction: 'GZ_TO_ROS' | 'ROS_TO_GZ';
}
const bridge = parse(readFileSync(join(assets, 'bridge.yaml'), 'utf8')) as Bridged[];
const configuration = () => loadParameters([join(ROOT, 'config/gazebo.yaml')]);

/** What Gazebo's part of the bridge takes for a ROS type: ros_gz_bridge's table. */
const gazeboTypes: Record<string, string> = {
  [MessageType.clock]: 'gz.msgs.Clock',
  [MessageType.odometry]: 'gz.msgs.Odometry',
  [MessageType.transforms]: 'gz.msgs.Pose_V',
  [MessageType.scan]: 'gz.msgs.LaserScan',
  [MessageType.gazeboContacts]: 'gz.msgs.Contacts',
  [MessageType.twist]: 'gz.msgs.Twist',
  [MessageType.twistStamped]: 'gz.msgs.Twist',
};

/** Topics of Gazebo that the robot and the server speak on, with what they send; and the one that is listened to. */
const spoken = new Map([
  ['/clock', 'gz.msgs.Clock'],
  [dig(system('OdometryPublisher'), 'odom_topic'), 'gz.msgs.Odometry'],
  [dig(system('OdometryPublisher'), 'tf_topic'), 'gz.msgs.Pose_V'],
  ...sensors.map(({ sensor }): [string, string] =>
    sensor['@type'] === 'contact'
      ? [dig(sensor, 'contact', 'topic'), 'gz.msgs.Contacts']
      : [dig(sensor, 'topic'), 'gz.msgs.LaserScan'],
  ),
]);
const heard = new Map([[dig(system('DiffDrive'), 'topic'), 'gz.msgs.Twist']]);

describe('the plugins of Gazebo’s files', () => {
  const plugins = [
    ...list(robot, 'plugin'),
    ...worldFiles.flatMap((file) => list(list(read(`worlds/${file}`), 'world')[0], 'plugin')),
  ];

  it('have the names of Harmonic, file and class of the same system', () => {
    expect(plugins.length).toBeGreaterThan(8);
    for (const plugin of plugins) {
      const name = /^gz::sim::systems::([A-Za-z]+)$/.exec(String(plugin['@name']))?.[1] ?? '';
      const kebab = name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
      expect(plugin['@filename']).toBe(`gz-sim-${kebab}-system`);
    }
  });

  it.each(worldFiles)('are in %s those that the robot’s sensors need', (file) => {
    const [world] = list(read(`worlds/${file}`), 'world');
    const names = list(world, 'plugin').map((plugin) => String(plugin['@name']).replace('gz::sim::systems::', ''));
    expect(names.sort()).toEqual(['Contact', 'Physics', 'SceneBroadcaster', 'Sensors', 'UserCommands']);
  });

  it('drive joints that the robot has, with the wheels it has', () => {
    const drive = system('DiffDrive');
    const sides = ['left', 'right'].map((side) => {
      const joint = list(robot, 'joint').find((one) => one['@name'] === drive[`${side}_joint`]) as Element;
      const link = list(robot, 'link').find((one) => one['@name'] === joint['child']) as Element;
      expect(joint['parent']).toBe('base_link');
      const tread = list(link, 'collision')[0];
      const radius = Number(dig(tread, 'geometry', 'cylinder', 'radius'));
      expect(radius).toBe(Number(drive['wheel_radius']));
      const [, y, z] = numbers(link['pose']);
      expect(z).toBe(radius);
      return y;
    });
    expect(sides[0] - sides[1]).toBeCloseTo(Number(drive['wheel_separation']), 9);
  });

  it('keep the pose that is counted from the wheels off the topics that are bridged', () => {
    const drive = system('DiffDrive');
    const bridged = bridge.map((entry) => entry.gz_topic_name);
    expect(bridged).not.toContain(drive['odom_topic']);
    expect(bridged).not.toContain(drive['tf_topic']);
    expect(drive['odom_topic']).not.toBe(system('OdometryPublisher')['odom_topic']);
  });
});

describe('the robot’s sensors', () => {
  it('have each a topic of their own, which is bridged', () => {
    expect(sensors.map(({ sensor }) => sensor['@name']).sort()).toEqual([
      'contact_back',
      'contact_front',
      'contact_left',
      'contact_right',
      'laser',
    ]);
    expect(spoken.size).toBe(3 + sensors.length);
    expect([...spoken.keys()].sort()).toEqual(
      bridge
        .filter((entry) => entry.direction === 'GZ_TO_ROS')
        .map((entry) => entry.gz_topic_name)
        .sort(),
    );
  });

  it.each(['front', 'left', 'back', 'right'])('of contact at the %s belong to the bumper on that side', (side) => {
    const { link, sensor } = sensors.find((one) => one.sensor['@name'] === `contact_${side}`) as (typeof sensors)[0];
    const [name] = list(sensor['contact'] as Element, 'collision') as unknown as string[];
    const bumper = list(link, 'collision').find((collision) => collision['@name'] === name) as Element;
    const [x, y] = numbers(bumper['pose']);
    const azimuth = { front: 0, left: Math.PI / 2, back: Math.PI, right: -Math.PI / 2 }[side] as number;
    expect(Math.cos(Math.atan2(y, x) - azimuth)).toBeCloseTo(1, 9);
    expect(dig(sensor, 'contact', 'topic')).toBe(`/model/rfsn_robot/contact/${side}`);
  });

  it('see a full turn in which no two beams coincide, from above the robot', () => {
    const { sensor } = sensors.find((one) => one.sensor['@name'] === 'laser') as (typeof sensors)[0];
    const scan = (sensor['lidar'] as Element)['scan'] as Element;
    const horizontal = scan['horizontal'] as Element;
    const [samples, from, to] = ['samples', 'min_angle', 'max_angle'].map((name) => Number(horizontal[name]));
    expect(to - from + (to - from) / (samples - 1)).toBeCloseTo(2 * Math.PI, 6);
    expect(samples).toBeLessThanOrEqual(configuration().max_beams);
    const height = numbers(sensor['pose'])[2];
    for (const visual of list(base, 'visual')) {
      const [, , z] = numbers(visual['pose']);
      const geometry = visual['geometry'] as Element;
      const box = geometry['box'] as Element | undefined;
      const tall =
        box === undefined
          ? Number(dig(geometry, Object.keys(geometry)[0], 'length') ?? 2 * Number(dig(geometry, 'sphere', 'radius')))
          : numbers(box['size'])[2];
      expect(z + tall / 2).toBeLessThan(height);
    }
  });
});

describe('the footprint in config/gazebo.yaml', () => {
  it('is what the robot’s collisions cover, the bumpers being the outermost on their sides', () => {
    const reach = { front: 0, left: 0, back: 0, right: 0 };
    const inner = { x: 0, y: 0 };
    for (const collision of list(base, 'collision')) {
      const size = (collision['geometry'] as { box?: Element }).box?.['size'];
      if (size === undefined) continue;
      const [length, width] = numbers(size);
      const [x, y] = numbers(collision['pose']);
      reach.front = Math.max(reach.front, x + length / 2);
      reach.back = Math.max(reach.back, -x + length / 2);
      reach.left = Math.max(reach.left, y + width / 2);
      reach.right = Math.max(reach.right, -y + width / 2);
      if (collision['@name'] === 'chassis') Object.assign(inner, { x: length / 2, y: width / 2 });
    }
    const values = configuration();
    expect(reach.front + reach.back).toBeCloseTo(values['robot.length'], 9);
    expect(reach.left + reach.right).toBeCloseTo(values['robot.width'], 9);
    expect(reach.front).toBeCloseTo(reach.back, 9);
    expect(reach.left).toBeCloseTo(reach.right, 9);
    expect(inner.x).toBeLessThan(reach.front - 0.01);
    expect(inner.y).toBeLessThan(reach.left - 0.01);
  });
});

describe('the bridge', () => {
  it('carries types that belong together, to and from topics that the robot has', () => {
    for (const entry of bridge) {
      expect(entry.gz_type_name).toBe(gazeboTypes[entry.ros_type_name]);
      const topics = entry.direction === 'GZ_TO_ROS' ? spoken : heard;
      expect(topics.get(entry.gz_topic_name)).toBe(entry.gz_type_name);
    }
  });

  it('carries all that the node takes of a robot with four contact sensors, and its command, in its names and types', () => {
    const values = configuration();
    expect(values.contact_type).toBe('contacts');
    expect(values.contact_force).toBeGreaterThan(values['safety.contact_threshold']);
    const command = values.enable_stamped_cmd_vel ? MessageType.twistStamped : MessageType.twist;
    const needed: [string, string, Bridged['direction']][] = [
      [InputTopic.clock, MessageType.clock, 'GZ_TO_ROS'],
      [InputTopic.odometry, MessageType.odometry, 'GZ_TO_ROS'],
      [InputTopic.transforms, MessageType.transforms, 'GZ_TO_ROS'],
      [InputTopic.scan, MessageType.scan, 'GZ_TO_ROS'],
      [InputTopic.contactFront, MessageType.gazeboContacts, 'GZ_TO_ROS'],
      [InputTopic.contactLeft, MessageType.gazeboContacts, 'GZ_TO_ROS'],
      [InputTopic.contactBack, MessageType.gazeboContacts, 'GZ_TO_ROS'],
      [InputTopic.contactRight, MessageType.gazeboContacts, 'GZ_TO_ROS'],
      [OutputTopic.command, command, 'ROS_TO_GZ'],
    ];
    expect(bridge.map((entry) => [entry.ros_topic_name, entry.ros_type_name, entry.direction])).toEqual(needed);
  });

  it('speaks of the frames that the node expects', () => {
    const values = configuration();
    const odometry = system('OdometryPublisher');
    expect(odometry['odom_frame']).toBe(values.odom_frame);
    expect(odometry['robot_base_frame']).toBe(values.base_frame);
  });
});

describe('the goals of the course', () => {
  const goals = readFileSync(join(assets, 'worlds/course.goals'), 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map(numbers);

  it('are twenty, each with room for the robot to turn', () => {
    const values = configuration();
    const { circles, boxes } = parseGazeboWorld(readFileSync(join(assets, 'worlds/course.sdf'), 'utf8'));
    const room = Math.hypot(values['robot.length'], values['robot.width']) / 2 + values['safety.margin'];
    expect(goals).toHaveLength(20);
    expect(circles.length / 3 + boxes.length / 5).toBeGreaterThan(20);
    for (const [x, y] of [[0, 0], ...goals]) {
      for (let i = 0; i < circles.length; i += 3) {
        expect(Math.hypot(x - circles[i], y - circles[i + 1]) - circles[i + 2]).toBeGreaterThan(room);
      }
      for (let i = 0; i < boxes.length; i += 5) {
        const [bx, by, halfLength, halfWidth, yaw] = boxes.slice(i, i + 5);
        const along = Math.cos(yaw) * (x - bx) + Math.sin(yaw) * (y - by);
        const across = Math.cos(yaw) * (y - by) - Math.sin(yaw) * (x - bx);
        const distance = Math.hypot(
          Math.max(Math.abs(along) - halfLength, 0),
          Math.max(Math.abs(across) - halfWidth, 0),
        );
        expect(distance).toBeGreaterThan(room);
      }
    }
  });
});
