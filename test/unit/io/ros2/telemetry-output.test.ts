import { createHash } from 'node:crypto';
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Markers, markersOf } from '../../../../src/io/ros2/markers.js';
import { type StateReport, TelemetryOutput } from '../../../../src/io/ros2/telemetry-output.js';
import { DECISION_DOUBLES, DecisionField } from '../../../../src/memory/layout.js';
import { MessageEncoder } from '../../../../src/telemetry/flight-log/messages.js';
import { definitionOf } from '../../../../src/telemetry/flight-log/topics.js';
import { RUNNING } from '../../../support/logged-run.js';
import { RecordingScope, STANDING_STAMPS } from '../../../support/recording-scope.js';

const NODE = '/fleet/rfsn_controller';
const DECISION = 'rfsn_controller/msg/Decision';
const FRAMES = { base_frame: 'base_link', odom_frame: 'map odom', goal_tolerance: 0.25 };

let scope: RecordingScope;
let state: StateReport;
let notices: string[];
let goalIsFinal: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  scope = new RecordingScope();
  state = { ...RUNNING };
  notices = [];
  goalIsFinal = true;
});
afterEach(() => {
  vi.useRealTimers();
});

function output(): TelemetryOutput {
  return new TelemetryOutput({
    scope: scope.scope,
    parameters: FRAMES,
    stamps: STANDING_STAMPS,
    encoder: new MessageEncoder('lin-ts'),
    state: () => state,
    logMessagesLost: () => 7,
    goalIsFinal: () => goalIsFinal,
    notice: (text) => notices.push(text),
  });
}

/** What was published on a topic of the node's since the last call. */
function received(topic: string, type: string): Record<string, unknown>[] {
  const reader = new MessageReader(parse(definitionOf(type), { ros2: true }));
  return (scope.published.get(`${NODE}/${topic}`) ?? [])
    .splice(0)
    .map((bytes) => reader.readMessage<Record<string, unknown>>(bytes));
}

function decision(fields: Partial<Record<keyof typeof DecisionField, number>>): Float64Array {
  const record = new Float64Array(DECISION_DOUBLES);
  for (const [name, value] of Object.entries(fields)) record[DecisionField[name as 'cycle']] = value;
  return record;
}

describe('decisions', () => {
  it('are sent with the time of their cycle from the moment somebody listens, and not made before', () => {
    const telemetry = output();
    telemetry.decision(decision({ cycle: 1 }));
    scope.subscribe(`${NODE}/decision`, DECISION);
    vi.advanceTimersByTime(999);
    telemetry.decision(decision({ cycle: 2 }));
    vi.advanceTimersByTime(1);
    telemetry.decision(decision({ cycle: 3, startNs: 1, timeNs: 3_000_000_001, probability: 0.25 }));
    scope.subscribers.clear();
    vi.advanceTimersByTime(1000);
    telemetry.decision(decision({ cycle: 4 }));
    expect(received('decision', DECISION)).toMatchObject([
      { header: { stamp: { sec: 3, nanosec: 1 } }, policy_id: 'lin-ts', cycle: 3n, probability: 0.25 },
    ]);
    telemetry.close();
  });

  it('look at the graph once a second, however many there are', () => {
    const telemetry = output();
    for (let i = 0; i < 500; i++) {
      telemetry.decision(decision({ cycle: i }));
      vi.advanceTimersByTime(10);
    }
    expect(scope.looks).toBe(5);
    telemetry.close();
  });
});

describe('an arrival', () => {
  it('is told once for each goal, where the goal was', () => {
    const telemetry = output();
    const goals = [
      { goalCount: 1, arrived: 0, goalX: 1, goalY: 2 },
      { goalCount: 1, arrived: 1, goalX: 1, goalY: 2 },
      { goalCount: 1, arrived: 1, goalX: 1, goalY: 2 },
      { goalCount: 2, arrived: 0, goalX: 3, goalY: 4 },
      { goalCount: 2, arrived: 1, goalX: 3, goalY: 4 },
    ];
    for (const goal of goals) telemetry.decision(decision(goal));
    expect(received('goal_reached', 'geometry_msgs/msg/PoseStamped')).toMatchObject([
      { header: { frame_id: 'map odom' }, pose: { position: { x: 1, y: 2 }, orientation: { w: 1 } } },
      { header: { frame_id: 'map odom' }, pose: { position: { x: 3, y: 4 } } },
    ]);
    telemetry.close();
  });
});

describe('a point on the way along a plan', () => {
  it('is nothing to arrive at', () => {
    const telemetry = output();
    goalIsFinal = false;
    telemetry.decision(decision({ goalCount: 1, arrived: 1 }));
    goalIsFinal = true;
    telemetry.decision(decision({ goalCount: 1, arrived: 1 }));
    expect(received('goal_reached', 'geometry_msgs/msg/PoseStamped')).toEqual([]);
    telemetry.decision(decision({ goalCount: 2, arrived: 1 }));
    expect(received('goal_reached', 'geometry_msgs/msg/PoseStamped')).toHaveLength(1);
    telemetry.close();
  });
});

describe('the state', () => {
  const states = () => received('state', 'rfsn_controller/msg/ControllerState');

  it('is told at the start, once a second, and at the end', () => {
    const telemetry = output();
    expect(states()).toMatchObject([{ state: 2, armed: true, log_messages_lost: 7n }]);
    state = { ...state, cycles: 100 };
    vi.advanceTimersByTime(3000);
    expect(states()).toMatchObject([{ cycles: 100n }, { cycles: 100n }, { cycles: 100n }]);
    state = { ...state, armed: false, state: 'stopped' };
    telemetry.close();
    expect(states()).toMatchObject([{ state: 6, armed: false }]);
    vi.advanceTimersByTime(5000);
    expect(states()).toEqual([]);
    expect(scope.qualities.get(`${NODE}/state`)).toBe('latched');
  });

  it.each([
    { armed: false },
    { halted: true },
    { frozen: true },
    { breakerOpen: true },
    { fault: 'it broke' },
    { state: 'stalled' as const },
  ])('is told soon where it has changed by itself: %j', (change) => {
    const telemetry = output();
    states();
    vi.advanceTimersByTime(500);
    state = { ...state, ...change };
    vi.advanceTimersByTime(100);
    expect(states()).toHaveLength(1);
    vi.advanceTimersByTime(900);
    expect(states()).toHaveLength(0);
    telemetry.close();
  });

  it('goes on when it could not be made, and says so once', () => {
    const telemetry = output();
    states();
    scope.unsent = new Error('no room');
    vi.advanceTimersByTime(5000);
    expect(notices).toEqual(['~/state could not be sent: no room']);
    expect(telemetry.failures).toBeGreaterThan(1);
    scope.unsent = null;
    vi.advanceTimersByTime(1000);
    expect(states()).not.toEqual([]);
    telemetry.close();
  });
});

describe('a checkpoint', () => {
  it('is latched, with its bytes and their checksum', () => {
    const telemetry = output();
    const data = Uint8Array.from({ length: 5000 }, (_, i) => i % 253);
    const what = { policyId: 'lin-ts', formatVersion: 1, schemaHash: 'ab', updates: 10, cycles: 20, episodes: 3 };
    telemetry.checkpoint({ ...what, data });
    const [message] = received('checkpoint', 'rfsn_controller/msg/Checkpoint');
    expect(message).toMatchObject({ policy_id: 'lin-ts', update_count: 10n, cycles: 20n, episodes: 3 });
    expect(message['checksum']).toBe(createHash('sha256').update(data).digest('hex'));
    expect(Buffer.from(message['data'] as Uint8Array).equals(data)).toBe(true);
    expect(scope.qualities.get(`${NODE}/checkpoint`)).toBe('latched');
    telemetry.close();
  });
});

describe('markers', () => {
  const MARKERS = 'visualization_msgs/msg/MarkerArray';
  const markers = () =>
    new Markers({
      scope: scope.scope,
      parameters: FRAMES,
      stamps: STANDING_STAMPS,
      notice: (text) => notices.push(text),
    });

  it('are sent ten times a second at most, while somebody looks', () => {
    const output = markers();
    const run = () => {
      for (let i = 0; i < 100; i++) {
        output.decision(decision({ startNs: performance.now() * 1e6 }));
        vi.advanceTimersByTime(20);
      }
      return received('markers', MARKERS).length;
    };
    expect(run()).toBe(0);
    scope.subscribe(`${NODE}/markers`, MARKERS);
    expect(run()).toBeGreaterThan(0);
    expect(run()).toBe(20);
  });

  it('are left out, with a sentence, where their messages are not installed', () => {
    scope.unmade = new Error('no visualization_msgs');
    const output = markers();
    scope.unmade = null;
    output.decision(decision({ startNs: 1e9 }));
    expect(notices).toEqual(['~/markers is left out: no visualization_msgs']);
  });

  it('show the chosen direction, each value, and the goal in its own frame', () => {
    const record = decision({ action: 2, goalCount: 1, goalX: 3, goalY: 4, allowed: 0xff });
    for (let k = 0; k < 8; k++) record[DecisionField.values + k] = k / 4;
    const shown = markersOf(record, FRAMES);
    expect(shown.filter((marker) => marker.namespace === 'values').map((marker) => marker.text)).toEqual([
      '0.00',
      '0.25',
      '0.50',
      '0.75',
      '1.00',
      '1.25',
      '1.50',
      '1.75',
    ]);
    expect(shown.find((marker) => marker.namespace === 'direction')?.yaw).toBeCloseTo(Math.PI / 2, 12);
    expect(shown.find((marker) => marker.namespace === 'goal')).toMatchObject({ frame: 'map odom', x: 3, y: 4 });
    expect(new Set(shown.map(({ namespace, id }) => `${namespace} ${id}`)).size).toBe(shown.length);
  });

  it('show neither where there is none', () => {
    const namespaces = markersOf(decision({ action: -1 }), FRAMES).map((marker) => marker.namespace);
    expect(namespaces).not.toContain('direction');
    expect(namespaces).not.toContain('goal');
  });

  it('draw a sector as far as it is free, around its direction, grey where it is blocked', () => {
    const record = decision({ allowed: 0xff & ~(1 << 3) });
    for (let k = 0; k < 8; k++) record[DecisionField.raw + 4 + k] = 0.5 + k / 4;
    record[DecisionField.values + 5] = 1;
    const [sectors] = markersOf(record, FRAMES);
    const { triangles = new Float64Array(0), colours = [] } = sectors;
    const corner = (k: number, slice: number, at: number) => {
      const i = (k * 4 + slice) * 6 + 2 + 2 * at;
      return [Math.hypot(triangles[i], triangles[i + 1]), Math.atan2(triangles[i + 1], triangles[i])];
    };
    expect(triangles).toHaveLength(8 * 4 * 6);
    expect(corner(1, 0, 0)[0]).toBeCloseTo(0.75, 12);
    expect(corner(1, 0, 0)[1]).toBeCloseTo(Math.PI / 8, 12);
    expect(corner(1, 3, 1)[1]).toBeCloseTo((3 * Math.PI) / 8, 12);
    const [r, g, b] = colours[3 * 4];
    expect([r, g, b]).toEqual([g, b, r]);
    expect(colours[5 * 4]).toEqual([0.99, 0.91, 0.14, 0.5]);
    expect(colours[0]).toEqual([0.27, 0.0, 0.33, 0.5]);
  });
});
