import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DiagnosticStatus, Level } from '../../../../src/io/ros2/cdr/write-diagnostics.js';
import { type DiagnosticFigures, Diagnostics, type SimulatedTime } from '../../../../src/io/ros2/diagnostics.js';
import { InputFigures, Refusal } from '../../../../src/io/ros2/input-figures.js';
import { defaultParameters } from '../../../../src/parameters/schema.js';
import { definitionOf } from '../../../../src/telemetry/flight-log/topics.js';
import { RUNNING } from '../../../support/logged-run.js';
import { RecordingScope, STANDING_STAMPS } from '../../../support/recording-scope.js';

const MOTION = '/fleet/cmd_vel';
const quantiles = { quantile: (q: number) => 1000 * q, max: 2000 };

let scope: RecordingScope;
let figures: DiagnosticFigures;
let inputs: InputFigures[];
let nowNs: number;
let motion: { topic: string; mismatch: string; failures: number };
let notices: string[];
let diagnostics: Diagnostics;

function opened(simulated: SimulatedTime | null): Diagnostics {
  return new Diagnostics({
    scope: scope.scope,
    parameters: defaultParameters(),
    stamps: STANDING_STAMPS,
    figures: () => figures,
    inputs: () => inputs,
    nowNs: () => nowNs,
    simulated,
    motion,
    hardwareId: 'robot7',
    notice: (text) => notices.push(text),
  });
}

function input(name: string): InputFigures {
  const made = new InputFigures(name, () => undefined);
  made.addTopic(`/fleet/${name}`);
  return made;
}

function readings(of: InputFigures, count: number, periodNs: number): void {
  for (let i = 0; i < count; i++) {
    nowNs += periodNs;
    of.take(nowNs);
    of.accept(nowNs);
  }
}

/** The status of that name, told now. */
function status(name: string): DiagnosticStatus {
  const found = diagnostics.statuses().find((each) => each.name === `/fleet/rfsn_controller: ${name}`);
  if (found === undefined) throw new Error(`there is no status ${name}`);
  return found;
}

const value = (of: DiagnosticStatus, key: string) => of.values.find(([each]) => each === key)?.[1];

beforeEach(() => {
  vi.useFakeTimers();
  scope = new RecordingScope();
  scope.subscribe(MOTION, 'geometry_msgs/msg/TwistStamped');
  nowNs = 0;
  inputs = [];
  notices = [];
  motion = { topic: MOTION, mismatch: '', failures: 0 };
  figures = {
    lifecycle: 'active',
    state: { ...RUNNING },
    rateHz: 50,
    lateness: quantiles,
    compute: quantiles,
    reason: 'none',
    interventions: { obstacle: 3 },
    feedback: {},
    policy: 'lin-ts',
    checkpoint: { savedUnixMs: Date.now(), failures: 0, failure: '' },
    arenaBytes: 1e6,
    controlHeapBytes: 5e6,
    controlHeapLimitBytes: 50e6,
    gcLongestNs: 250_000,
    logMessagesLost: 0,
  };
  diagnostics = opened(null);
});
afterEach(() => {
  diagnostics.close();
  vi.useRealTimers();
});

describe('diagnostics', () => {
  it('are sent once a second under the node’s full name, as long as they are open', () => {
    vi.advanceTimersByTime(3000);
    diagnostics.close();
    vi.advanceTimersByTime(3000);
    const messages = scope.published.get('/diagnostics') ?? [];
    expect(messages).toHaveLength(3);
    const type = 'diagnostic_msgs/msg/DiagnosticArray';
    const reader = new MessageReader(parse(definitionOf(type), { ros2: true }));
    const { header, status: statuses } = reader.readMessage<{
      header: { stamp: { sec: number } };
      status: { name: string; hardware_id: string; level: number }[];
    }>(messages[0]);
    expect(header.stamp.sec).toBe(5);
    expect(statuses.map(({ name, level }) => [name, level])).toEqual(
      ['cycle', 'safety', 'policy', 'memory', 'cmd_vel'].map((name) => [`/fleet/rfsn_controller: ${name}`, 0]),
    );
    expect(new Set(statuses.map((each) => each.hardware_id))).toEqual(new Set(['robot7']));
  });

  it('go on when they could not be sent, and say so once', () => {
    scope.unsent = new Error('no room');
    vi.advanceTimersByTime(3000);
    expect(notices).toEqual(['diagnostics could not be sent: no room']);
    expect(diagnostics.failures).toBe(3);
  });
});

describe('the cycle', () => {
  it('is fine at its rate, with its times', () => {
    const told = status('cycle');
    expect([told.level, told.message]).toEqual([Level.ok, '50.0 Hz']);
    expect(value(told, 'lateness p50 [us]')).toBe('0.5');
    expect(value(told, 'compute time p99 [us]')).toBe('1.0');
    expect(value(told, 'compute time max [us]')).toBe('2.0');
  });

  it('warns of deadlines missed since the last message, by their cause, and not of older ones', () => {
    figures = { ...figures, state: { ...RUNNING, missesLate: 10, missesLong: 5 } };
    expect(status('cycle').level).toBe(Level.ok);
    figures = { ...figures, state: { ...RUNNING, missesLate: 12, missesLong: 6 } };
    const told = status('cycle');
    expect(told.level).toBe(Level.warn);
    expect(told.message).toBe('deadlines missed in the last second: 2 woken late, 1 computed long');
    expect(status('cycle').level).toBe(Level.ok);
  });

  it('warns where it is slower than it should be, and cannot tell where the rate is not known', () => {
    figures = { ...figures, rateHz: 44 };
    expect(status('cycle')).toMatchObject({ level: Level.warn, message: '44.0 Hz instead of 50' });
    figures = { ...figures, rateHz: Number.NaN };
    const told = status('cycle');
    expect(told.level).toBe(Level.ok);
    expect(value(told, 'rate [Hz]')).toBe('unknown');
  });

  it.each(['stalled', 'latched', 'dead'] as const)('is an error where the control thread is %s', (state) => {
    figures = { ...figures, state: { ...RUNNING, state, fault: 'of this' } };
    expect(status('cycle')).toMatchObject({ level: Level.error, message: `the control thread is ${state}: of this` });
  });

  it('is stale before it runs and after', () => {
    figures = { ...figures, state: { ...RUNNING, state: 'stopped' } };
    expect(status('cycle').level).toBe(Level.stale);
  });
});

describe('an input', () => {
  it('is fine at its rate and age', () => {
    inputs = [input('odometry')];
    readings(inputs[0], 20, 20e6);
    nowNs += 10e6;
    const told = status('input odometry');
    expect([told.level, told.message]).toEqual([Level.ok, '50.0 Hz']);
    expect(value(told, 'age [s]')).toBe('0.010');
    expect(value(told, 'topics')).toBe('/fleet/odometry');
  });

  it('is stale before its first reading, an error when it falls silent, stale again when nobody drives', () => {
    inputs = [input('scan')];
    expect(status('input scan')).toMatchObject({ level: Level.stale, message: 'nothing yet on /fleet/scan' });
    readings(inputs[0], 5, 50e6);
    expect(status('input scan').level).toBe(Level.ok);
    nowNs += 2e9;
    expect(status('input scan')).toMatchObject({ level: Level.error });
    expect(status('input scan').message).toContain('the robot stands');
    figures = { ...figures, lifecycle: 'inactive' };
    expect(status('input scan').level).toBe(Level.stale);
  });

  it('warns of what is refused, with its words, and says when the robot stands by it', () => {
    inputs = [input('odometry')];
    readings(inputs[0], 5, 20e6);
    inputs[0].refuse(Refusal.notFinite, nowNs);
    inputs[0].complain('x is NaN', nowNs);
    const told = status('input odometry');
    expect([told.level, told.message]).toEqual([Level.warn, 'x is NaN']);
    expect(value(told, 'refused: not finite')).toBe('1');
    readings(inputs[0], 1, 20e6);
    inputs[0].refuse(Refusal.malformed, nowNs);
    readings(inputs[0], 1, 20e6);
    expect(status('input odometry')).toMatchObject({
      level: Level.warn,
      message: '1 refused in the last second: x is NaN',
    });
    expect(status('input odometry').level).toBe(Level.ok);
    inputs[0].refuse(Refusal.notFinite, nowNs);
    nowNs += 5e9;
    expect(status('input odometry').level).toBe(Level.error);
  });

  it('that comes when it comes is never silent', () => {
    inputs = [input('goal')];
    expect(status('input goal')).toMatchObject({ level: Level.ok, message: '0 taken' });
    readings(inputs[0], 1, 20e6);
    nowNs += 3600e9;
    expect(status('input goal').level).toBe(Level.ok);
    inputs[0].refuse(Refusal.noTransform, nowNs);
    inputs[0].complain('no transform from map', nowNs);
    expect(status('input goal')).toMatchObject({ level: Level.warn, message: 'no transform from map' });
  });

  it('that is not subscribed is not there', () => {
    inputs = [new InputFigures('contacts', () => undefined)];
    expect(() => status('input contacts')).toThrow();
  });
});

describe('safety', () => {
  it('says why the command is as it is, and how often it was so', () => {
    figures = { ...figures, reason: 'unseen_ground' };
    const told = status('safety');
    expect([told.level, told.message]).toEqual([Level.ok, 'unseen ground']);
    expect(value(told, 'cycles: obstacle')).toBe('3');
  });

  it.each(['stale_odometry', 'stale_ranges', 'stale_contacts'])(
    'is an error while the robot stands for %s, and is stale where it is not to drive',
    (reason) => {
      figures = { ...figures, reason };
      const message = `${reason.replace('_', ' ')}: the robot stands`;
      expect(status('safety')).toMatchObject({ level: Level.error, message });
      figures = { ...figures, lifecycle: 'inactive' };
      expect(status('safety')).toMatchObject({ level: Level.stale, message });
      figures = { ...figures, reason: 'disarmed' };
      expect(status('safety').level).toBe(Level.ok);
    },
  );

  it('warns of an open breaker; a fault and a heartbeat that is lost are errors, whatever the node’s state', () => {
    figures = { ...figures, state: { ...RUNNING, breakerOpen: true, breakerOpenings: 2 } };
    expect(status('safety').level).toBe(Level.warn);
    expect(value(status('safety'), 'breaker')).toBe('open');
    for (const reason of ['fault', 'heartbeat_lost']) {
      figures = { ...figures, reason, lifecycle: 'inactive' };
      expect(status('safety').level).toBe(Level.error);
    }
  });
});

describe('rewards from outside', () => {
  it('are counted with the feedback by what became of them in the cycle, and those of no use are told of once', () => {
    inputs = [input('feedback')];
    figures = { ...figures, feedback: { unknown: 9 } };
    // Before the first message.
    expect(status('input feedback').level).toBe(Level.ok);
    figures = { ...figures, feedback: { joined: 5, expired: 4, unknown: 12, refused: 1 } };
    const told = status('input feedback');
    expect([told.level, told.message]).toEqual([
      Level.warn,
      'rewards of no use in the last second: 3 of unknown decisions, 1 out of range',
    ]);
    expect(told.values.filter(([key]) => key.startsWith('rewards: '))).toEqual([
      ['rewards: found their decision', '5'],
      ['rewards: decisions that expired without one', '4'],
      ['rewards: of unknown decisions', '12'],
      ['rewards: out of range', '1'],
    ]);
    expect(status('input feedback').level).toBe(Level.ok);
  });

  it('do not hide what is refused before the cycle', () => {
    inputs = [input('feedback')];
    expect(status('input feedback').level).toBe(Level.ok);
    inputs[0].malformed(3, nowNs);
    figures = { ...figures, feedback: { late: 1 } };
    expect(status('input feedback')).toMatchObject({ level: Level.warn, message: '3 bytes that are no message' });
  });
});

describe('the clock', () => {
  let time: { known: boolean; standing: boolean; pace: number; resets: number };

  beforeEach(() => {
    diagnostics.close();
    time = { known: true, standing: false, pace: 0.5, resets: 2 };
    diagnostics = opened(time);
  });

  it('is not there on the wall’s time', () => {
    diagnostics.close();
    diagnostics = opened(null);
    expect(() => status('clock')).toThrow();
  });

  it('is fine while it goes on, with its pace', () => {
    scope.publishers.set('/clock', 1);
    const told = status('clock');
    expect([told.level, told.message]).toEqual([Level.ok, 'goes on at a pace of 0.50']);
    expect(value(told, 'publishers')).toBe('1');
    expect(value(told, 'began anew')).toBe('2');
    time.pace = Number.NaN;
    expect(status('clock')).toMatchObject({ level: Level.ok, message: 'goes on' });
  });

  it('warns where it stands', () => {
    time.standing = true;
    const told = status('clock');
    expect(told.level).toBe(Level.warn);
    expect(told.message).toMatch(/^simulated time stands at 5\.\d{9} s, and so does the robot$/);
    expect(value(told, 'pace')).toBe('0.00');
  });

  it('is an error where it was never heard and the robot is to drive, with whether anybody publishes it', () => {
    time = Object.assign(time, { known: false, standing: true });
    const told = status('clock');
    const words = 'use_sim_time is true, and nothing has come yet on /clock';
    expect([told.level, told.message]).toEqual([Level.error, `${words}, which nobody publishes: the robot stands`]);
    expect(value(told, 'time [s]')).toBe('unknown');
    figures = { ...figures, lifecycle: 'inactive' };
    scope.publishers.set('/clock', 1);
    expect(status('clock')).toMatchObject({ level: Level.warn, message: `${words}: the robot stands` });
  });
});

describe('the policy', () => {
  it('warns of saves that fail, of old checkpoints and of new drift', () => {
    expect(status('policy').level).toBe(Level.ok);
    figures = { ...figures, checkpoint: { savedUnixMs: Date.now() - 1e7, failures: 0, failure: '' } };
    expect(status('policy').message).toBe('the newest checkpoint is 10000 s old');
    figures = { ...figures, checkpoint: { savedUnixMs: Date.now(), failures: 1, failure: 'the disk is full' } };
    expect(status('policy')).toMatchObject({
      level: Level.warn,
      message: 'what is learned cannot be saved: the disk is full',
    });
    figures = { ...figures, checkpoint: null, state: { ...RUNNING, driftAlarms: 1 } };
    expect(status('policy').level).toBe(Level.warn);
    expect(status('policy').level).toBe(Level.ok);
  });

  it('is fine where there is no checkpoint yet', () => {
    figures = { ...figures, checkpoint: { savedUnixMs: Number.NaN, failures: 0, failure: '' } };
    const told = status('policy');
    expect([told.level, value(told, 'age of the newest checkpoint [s]')]).toEqual([Level.ok, 'unknown']);
  });
});

describe('memory', () => {
  it('warns of a full heap, and of what telemetry and the log have lost since', () => {
    expect(status('memory').level).toBe(Level.ok);
    figures = { ...figures, state: { ...RUNNING, decisionsLost: 4 }, logMessagesLost: 2 };
    expect(status('memory').message).toContain('4 decisions were lost');
    figures = { ...figures, logMessagesLost: 5 };
    expect(status('memory').message).toBe('the flight log lost 3 messages in the last second');
    expect(status('memory').level).toBe(Level.ok);
    figures = { ...figures, controlHeapBytes: 49e6 };
    expect(status('memory').level).toBe(Level.warn);
    figures = { ...figures, controlHeapBytes: Number.NaN };
    expect(value(status('memory'), 'heap of the control thread')).toBe('unknown');
  });
});

describe('cmd_vel', () => {
  it('is an error where somebody hears nothing, a warning where nobody is there to hear an active node', () => {
    expect(status('cmd_vel')).toMatchObject({ level: Level.ok, message: '1 subscriber' });
    motion.mismatch = 'the base hears nothing';
    expect(status('cmd_vel')).toMatchObject({ level: Level.error, message: 'the base hears nothing' });
    motion.mismatch = '';
    scope.subscribers.clear();
    expect(status('cmd_vel').level).toBe(Level.warn);
    figures = { ...figures, lifecycle: 'inactive' };
    expect(status('cmd_vel').level).toBe(Level.stale);
    motion.failures = 3;
    expect(status('cmd_vel').level).toBe(Level.warn);
  });
});
