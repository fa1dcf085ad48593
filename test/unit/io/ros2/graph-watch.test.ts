import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EntityScope } from '../../../../src/io/ros2/entity-scope.js';
import { GraphWatch } from '../../../../src/io/ros2/graph-watch.js';
import { InputFigures } from '../../../../src/io/ros2/input-figures.js';
import type { InputFigureTable } from '../../../../src/io/ros2/inputs.js';
import { MessageType } from '../../../../src/io/ros2/names.js';
import type { RclEndpoint } from '../../../../src/io/ros2/rcl.js';

const SELF = '/fleet/rfsn_controller';
/** A killed node's lease is over after this [ms]. */
const LEASE_MS = 20_000;

/** What there is to be seen. */
class Graph {
  readonly publishers = new Map<string, RclEndpoint[]>();
  nodes = [{ name: 'rfsn_controller', namespace: '/fleet' }];
  unreadable = false;

  readonly node = {
    getFullyQualifiedName: () => SELF,
    getPublishersInfoByTopic: (topic: string) => {
      if (this.unreadable) throw new Error('no graph');
      return this.publishers.get(topic) ?? [];
    },
    getNodeNamesAndNamespaces: () => this.nodes,
  };

  publish(topic: string, type: string, name: string, namespace = '/'): void {
    const endpoint = { node_name: name, node_namespace: namespace, topic_type: type };
    this.publishers.set(topic, [...(this.publishers.get(topic) ?? []), endpoint]);
  }
}

let graph: Graph;
let notices: string[];
let figures: InputFigureTable;
let watch: GraphWatch;

beforeEach(() => {
  vi.useFakeTimers();
  graph = new Graph();
  notices = [];
  start('none');
});
afterEach(() => {
  watch.close();
  vi.useRealTimers();
});

function start(contactType: 'none' | 'contacts' | 'wrench' | 'hazards'): void {
  const input = (name: string, ...topics: string[]) => {
    const made = new InputFigures(name, (text) => notices.push(text));
    for (const topic of topics) made.addTopic(topic);
    return made;
  };
  figures = {
    odometry: input('odometry', '/fleet/odom'),
    scan: input('scan', '/fleet/scan'),
    contacts: input('contacts', '/fleet/contacts', '/fleet/contact/front'),
    goal: input('goal', '/fleet/goal_pose'),
    plan: input('plan', '/fleet/plan'),
    transforms: input('transforms', '/tf'),
    enable: input('enable', `${SELF}/enable`),
    feedback: input('feedback'),
  };
  watch = new GraphWatch({
    scope: { node: graph.node } as unknown as EntityScope,
    parameters: { contact_type: contactType },
    figures,
    command: '/fleet/cmd_vel',
    time: { nowNs: () => 7 },
    notice: (text) => notices.push(text),
  });
}

describe('publishers of another type', () => {
  it.each([
    ['odometry', '/fleet/odom', MessageType.odometry],
    ['scan', '/fleet/scan', MessageType.scan],
    ['goal', '/fleet/goal_pose', MessageType.poseStamped],
    ['plan', '/fleet/plan', MessageType.path],
    ['enable', `${SELF}/enable`, MessageType.bool],
  ] as const)('of %s are named once, with both types', (name, topic, type) => {
    graph.publish(topic, type, 'right');
    graph.publish(topic, 'std_msgs/msg/String', 'wrong', '/fleet');
    graph.publish(topic, 'std_msgs/msg/String', 'wrong', '/fleet');
    vi.advanceTimersByTime(60_000);
    const text = `/fleet/wrong publishes ${topic} as std_msgs/msg/String, and ${type} is read: nothing of it is heard`;
    expect(notices).toEqual([`${name}: ${text}`]);
    expect(figures[name].complaint).toBe(text);
    expect(figures[name].complaintNs).toBe(7);
  });

  it('of contacts are told of with the value of contact_type that reads them', () => {
    watch.close();
    start('wrench');
    graph.publish('/fleet/contact/front', MessageType.hazards, 'bumper');
    graph.publish('/fleet/contacts', 'std_msgs/msg/String', 'odd');
    vi.advanceTimersByTime(60_000);
    expect(notices).toHaveLength(2);
    expect(notices[0]).toMatch(/^contacts: \/odd publishes .* is heard$/);
    expect(notices[1]).toMatch(/^contacts: \/bumper publishes .*HazardDetectionVector.*Set contact_type to hazards$/);
  });

  it('of an input that is not subscribed are nobody’s business', () => {
    graph.publish('/fleet/contacts', 'std_msgs/msg/String', 'odd');
    vi.advanceTimersByTime(60_000);
    expect(notices).toEqual([]);
  });

  it('are told of anew when they have gone and come again, and not for one look of a graph that is not whole yet', () => {
    graph.publish('/fleet/odom', 'std_msgs/msg/String', '_NODE_NAME_UNKNOWN_');
    vi.advanceTimersByTime(2000);
    graph.publishers.clear();
    graph.publish('/fleet/odom', 'std_msgs/msg/String', 'wrong');
    vi.advanceTimersByTime(10_000);
    graph.publishers.clear();
    vi.advanceTimersByTime(2000);
    graph.publish('/fleet/odom', 'std_msgs/msg/String', 'wrong');
    vi.advanceTimersByTime(10_000);
    expect(notices).toHaveLength(2);
    expect(notices.every((text) => text.includes('/wrong publishes'))).toBe(true);
  });
});

describe('others that command the robot', () => {
  it('are named, whatever type they publish, and this node is not', () => {
    graph.publish('/fleet/cmd_vel', MessageType.twistStamped, 'rfsn_controller', '/fleet');
    graph.publish('/fleet/cmd_vel', MessageType.twist, 'teleop');
    vi.advanceTimersByTime(60_000);
    expect(notices).toEqual([expect.stringMatching(/^\/teleop publishes \/fleet\/cmd_vel too: /)]);
  });
});

describe('a node of the same name', () => {
  it('is told of once, where it stays longer than one that was killed', () => {
    graph.nodes = [...graph.nodes, ...graph.nodes, { name: 'rfsn_controller', namespace: '/' }];
    vi.advanceTimersByTime(LEASE_MS);
    expect(notices).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(notices).toEqual([expect.stringMatching(/^another node is called \/fleet\/rfsn_controller too: /)]);
  });

  it('is none where another namespace has it, or the killed one’s lease ends', () => {
    const [own] = graph.nodes;
    graph.nodes = [own, { name: 'rfsn_controller', namespace: '/' }, own];
    vi.advanceTimersByTime(LEASE_MS);
    graph.nodes.pop();
    vi.advanceTimersByTime(60_000);
    expect(notices).toEqual([]);
  });
});

describe('a graph that cannot be read', () => {
  it('is read again, and ends nothing', () => {
    graph.publish('/fleet/cmd_vel', MessageType.twist, 'teleop');
    graph.unreadable = true;
    vi.advanceTimersByTime(10_000);
    expect(notices).toEqual([]);
    graph.unreadable = false;
    vi.advanceTimersByTime(10_000);
    expect(notices).toHaveLength(1);
    watch.close();
    graph.publishers.clear();
    vi.advanceTimersByTime(10_000);
    graph.publish('/fleet/cmd_vel', MessageType.twist, 'teleop');
    vi.advanceTimersByTime(10_000);
    expect(notices).toHaveLength(1);
  });
});
