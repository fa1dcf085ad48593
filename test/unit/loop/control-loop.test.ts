import { describe, expect, it } from 'vitest';
import { Miss } from '../../../src/loop/deadline.js';
import { Counter } from '../../../src/loop/statistics.js';
import {
  ACTION_COUNT,
  CONTEXT_DIM,
  DecisionField,
  Driver,
  Order,
  Pace,
  Progress,
  RestoreResult,
  TuningField,
} from '../../../src/memory/layout.js';
import { Reason, type ReasonCode } from '../../../src/memory/reason.js';
import { PendingCount } from '../../../src/policy/pending-rewards.js';
import { compileReward } from '../../../src/reward/reward-compiler.js';
import { LoopRig } from './loop-rig.js';

/** A robot under way in the open, its speed up. */
function underWay(...rig: ConstructorParameters<typeof LoopRig>): LoopRig {
  const r = new LoopRig({ epsilon: 0, exploration_strategy: 'epsilon', ...rig[0] }, rig[1]);
  r.goal(100, 0);
  // The rule knows the way: the policy takes over a robot that moves.
  r.cycles(40);
  return r;
}

/** Speed up by a straight command, whatever the policy prefers. */
function driven(...rig: ConstructorParameters<typeof LoopRig>): LoopRig {
  const r = underWay({ policy: 'fallback', ...rig[0] }, rig[1]);
  expect(r.command.vx).toBeGreaterThan(1);
  expect(r.field('reason')).toBe(Reason.none);
  return r;
}

describe('a robot that has to stand', () => {
  const causes: [string, ReasonCode, (r: LoopRig) => void, Parameters<typeof driven>[0]?][] = [
    ['its odometry stops', Reason.staleOdometry, (r) => Object.assign(r, { odometry: false })],
    ['its ranges stop', Reason.staleRanges, (r) => Object.assign(r, { ranges: false })],
    [
      'the contact sensors it must not drive without stop',
      Reason.staleContacts,
      (r) => Object.assign(r, { contacts: null }),
      { contacts_required: true },
    ],
    ['its goal is withdrawn', Reason.noGoal, (r) => r.sink.cancelGoal(r.nowNs, r.nowNs)],
    ['it is disarmed', Reason.disarmed, (r) => r.order('armed', 0)],
    ['the main thread shows no life', Reason.heartbeatLost, (r) => Object.assign(r, { heartbeat: false })],
    ['it has arrived', Reason.arrived, (r) => r.goal(r.x, r.y, 5)],
  ];

  it.each(causes)('comes to rest within its limits when %s, and says so', (_, reason, cause, overrides = {}) => {
    const r = new LoopRig({ policy: 'fallback', ...overrides });
    if (overrides.contacts_required) r.contacts = [0, 0, 0, 0];
    r.goal(100, 0);
    r.cycles(40);
    expect(r.command.vx).toBeGreaterThan(1);
    cause(r);
    let stopping = 0;
    for (let i = 0; i < 100; i++) {
      const before = r.motion;
      r.cycle();
      if (r.command.reason !== reason) {
        // Input grows old in its own time; until then the robot drives on.
        expect(stopping).toBe(0);
        continue;
      }
      stopping++;
      expect(r.motion).toBeLessThanOrEqual(before + 1e-9);
    }
    expect(stopping).toBeGreaterThan(50);
    expect(r.motion).toBeLessThan(1e-9);
    expect([r.field('reason'), r.field('driver'), r.field('action')]).toEqual([reason, Driver.stop, -1]);
    expect([r.field('commandVx'), r.field('allowed')].every(Number.isFinite)).toBe(true);
    const seconds = r.stepNs * 1e-9;
    const { 'robot.max_acceleration': acceleration, 'robot.max_jerk': jerk } = r.parameters;
    for (let i = 2; i < r.trace.length; i++) {
      const now = (r.trace[i].vx - r.trace[i - 1].vx) / seconds;
      const before = (r.trace[i - 1].vx - r.trace[i - 2].vx) / seconds;
      expect(Math.abs(now)).toBeLessThanOrEqual(acceleration * (1 + 1e-9));
      expect(Math.abs(now - before) / seconds).toBeLessThanOrEqual(jerk * (1 + 1e-9));
    }
  });

  it('stands from the start until there is odometry, a scan and a goal', () => {
    const r = new LoopRig();
    Object.assign(r, { odometry: false, ranges: false });
    r.cycle();
    expect(r.command.reason).toBe(Reason.staleOdometry);
    r.odometry = true;
    r.cycle();
    expect(r.command.reason).toBe(Reason.staleRanges);
    r.ranges = true;
    r.cycle();
    expect(r.command.reason).toBe(Reason.noGoal);
    expect(r.trace.every(({ vx, vy, yawRate }) => vx === 0 && vy === 0 && yawRate === 0)).toBe(true);
    r.goal(5, 0);
    r.cycles(5);
    expect(r.motion).toBeGreaterThan(0);
  });

  it('drives on when what was missing comes back', () => {
    const r = driven();
    r.ranges = false;
    r.cycles(60);
    expect(r.motion).toBeLessThan(1e-9);
    r.ranges = true;
    r.cycles(30);
    expect(r.motion).toBeGreaterThan(0);
    expect(r.loop.statistics.counters[Counter.staleCycles]).toBeGreaterThan(10);
  });

  it('says that it is disarmed before anything else, and learns nothing then', () => {
    const r = underWay();
    r.order('armed', 0);
    r.odometry = false;
    r.cycles(50);
    expect(r.command.reason).toBe(Reason.disarmed);
    const updates = r.updates;
    r.cycles(20);
    expect(r.updates).toBe(updates);
  });

  it('has not stalled: the policy drives when it may go on', () => {
    const disarmed = new LoopRig();
    disarmed.order('armed', 0);
    disarmed.goal(50, 0);
    disarmed.cycles(60);
    disarmed.order('armed', 1);
    const blind = new LoopRig();
    blind.goal(50, 0);
    blind.ranges = false;
    blind.cycles(60);
    blind.ranges = true;
    for (const r of [disarmed, blind]) {
      r.cycles(2);
      expect([r.field('driver'), r.command.reason]).toEqual([Driver.policy, Reason.none]);
    }
  });

  it('counts each arrival once', () => {
    const r = new LoopRig({ policy: 'fallback' });
    r.goal(1, 0);
    r.cycles(200);
    expect([r.field('arrived'), r.command.reason]).toEqual([1, Reason.arrived]);
    expect(r.loop.statistics.counters[Counter.arrivals]).toBe(1);
    r.goal(0, 0);
    r.cycles(400);
    expect(r.loop.statistics.counters[Counter.arrivals]).toBe(2);
    expect(r.loop.statistics.counters[Counter.goals]).toBe(2);
  });

  it('sends zero at once when the control thread ends', () => {
    const r = driven();
    r.loop.stop();
    expect(r.readCommand()).toMatchObject({ vx: 0, vy: 0, yawRate: 0, reason: Reason.stopping });
    // And takes that for what was sent last.
    r.order('armed', 0);
    r.cycle();
    expect(r.motion).toBe(0);
  });
});

describe('a deadline', () => {
  const deadlineNs = 1e7;

  it('missed sends the last command, slowed, and says why it was missed', () => {
    for (const [options, cause] of [
      [{ latenessNs: deadlineNs, computeNs: 1e6 }, Miss.wokenLate],
      [{ computeNs: deadlineNs + 1 }, Miss.computedLong],
      [{ latenessNs: 3 * deadlineNs, computeNs: 2 * deadlineNs }, Miss.computedLong],
    ] as const) {
      const r = driven();
      const speeds = [r.command.vx];
      for (let i = 0; i < 2; i++) {
        r.cycle(options);
        speeds.push(r.command.vx);
        expect([r.command.reason, r.field('miss')]).toEqual([Reason.deadlineMissed, cause]);
      }
      expect(speeds[1]).toBeLessThan(speeds[0]);
      expect(speeds[2]).toBeLessThan(speeds[1]);
      // At the deceleration limit and not harder: one step of jerk is 0.16 m/s here, two are 0.48.
      expect(speeds[2]).toBeGreaterThan(speeds[0] - 0.5);
      const counters = r.loop.statistics.counters;
      const counted = { [Miss.wokenLate]: Counter.missesWokenLate, [Miss.computedLong]: Counter.missesComputedLong };
      expect(counters[counted[cause]]).toBe(2);
      expect(r.loop.statistics.misses).toBe(2);
      expect([r.field('latenessNs'), r.field('computeNs')]).toEqual([
        'latenessNs' in options ? options.latenessNs : 0,
        options.computeNs,
      ]);
    }
  });

  it('is kept by a cycle that ends right on it', () => {
    const r = driven();
    r.cycle({ latenessNs: deadlineNs - 1e6, computeNs: 1e6 });
    expect(r.field('miss')).toBe(Miss.none);
    expect(r.command.reason).toBe(Reason.none);
  });

  it('missed leaves nothing to be learned from that cycle', () => {
    const taught = (miss: boolean) => {
      const r = underWay({ breaker_open_misses: 1000 });
      const before = r.updates;
      r.cycles(10, miss ? { computeNs: deadlineNs + 1 } : {});
      // What was decided before is paid meanwhile; then only those ten are left.
      r.order('armed', 0);
      return { during: r.updates - before, reason: r.command.reason };
    };
    expect(taught(false)).toEqual({ during: 10, reason: Reason.none });
    // Five decisions waited.
    expect(taught(true)).toEqual({ during: 5, reason: Reason.deadlineMissed });
  });
});

describe('a control thread that was held', () => {
  // Of one cycle: what an acceleration that has risen for as long as it may adds.
  const first = (r: LoopRig) => r.parameters['robot.max_jerk'] * (r.stepNs * 1e-9) ** 2;

  it('for longer than the watchdog waits begins from rest, because the robot was sent zero meanwhile', () => {
    for (const stands of [false, true]) {
      const r = driven();
      r.nowNs += r.parameters.watchdog_timeout_s * 1e9;
      if (stands) Object.assign(r, { odometry: false, ranges: false });
      r.cycle();
      expect(r.command.vx).toBeLessThanOrEqual(stands ? 0 : first(r) * (1 + 1e-9));
      const { vx } = r.command;
      r.cycles(20);
      if (!stands) expect(r.command.vx).toBeGreaterThan(vx);
    }
  });

  it('for less goes on from what it sent last', () => {
    const r = driven();
    const { vx } = r.command;
    r.nowNs += r.parameters.watchdog_timeout_s * 1e9 - 1.5 * r.stepNs;
    r.cycle();
    expect(Math.abs(r.command.vx - vx)).toBeLessThanOrEqual(r.parameters['robot.max_acceleration'] * r.stepNs * 1e-9);
  });

  it('by a robot that takes its time between steps goes on from what it sent last', () => {
    const r = driven();
    const { vx } = r.command;
    for (const pace of [Pace.lockstep, Pace.lockstep, Pace.configured]) {
      r.order('pace', pace);
      r.nowNs += 2 * r.parameters.watchdog_timeout_s * 1e9;
      r.cycle();
      expect(r.command.vx).toBeGreaterThan(vx / 2);
    }
  });
});

describe('the breaker', () => {
  const late = { computeNs: 2e7 };

  it('lets the rule drive after misses in a row, with nothing learned, and the policy again after clean cycles', () => {
    const r = underWay();
    expect(r.field('driver')).toBe(Driver.policy);
    r.cycles(2, late);
    r.cycle();
    r.cycles(3, late);
    const updates = r.updates;
    const scaler = r.loop.exportScaler();
    const openings = () => r.loop.statistics.counters[Counter.breakerOpenings];
    expect([openings(), r.loop.statistics.counters[Counter.breakerOpen]]).toEqual([1, 1]);
    for (let i = 0; i < 4; i++) {
      r.cycle();
      expect([r.field('driver'), r.command.reason]).toEqual([Driver.fallback, Reason.breakerOpen]);
      expect(r.field('action')).toBeGreaterThanOrEqual(0);
      expect([r.updates, r.loop.exportScaler()]).toEqual([updates, scaler]);
    }
    expect(r.motion).toBeGreaterThan(0);
    r.cycles(20);
    expect([r.field('driver'), r.loop.statistics.counters[Counter.breakerOpen]]).toEqual([Driver.policy, 0]);
    expect(r.updates).toBeGreaterThan(updates);
    expect(openings()).toBe(1);
  });

  it('leaves nothing for the policy to learn of what the rule did meanwhile', () => {
    const r = underWay({ breaker_close_cycles: 100 });
    r.cycles(3, late);
    r.cycles(100);
    const updates = r.updates;
    // The policy’s own decisions come due a horizon, five cycles, later.
    r.cycles(5);
    expect([r.field('driver'), r.updates]).toEqual([Driver.policy, updates]);
    r.cycles(5);
    expect(r.updates).toBeGreaterThan(updates);
  });

  it('stays open while the misses go on, and the robot stands', () => {
    const r = underWay();
    r.cycles(100, late);
    expect(r.motion).toBeLessThan(1e-9);
    expect(r.command.reason).toBe(Reason.deadlineMissed);
    expect(r.loop.statistics.counters[Counter.breakerOpenings]).toBe(1);
  });
});

describe('learning', () => {
  it('follows the decisions, a horizon later', () => {
    const r = new LoopRig();
    r.goal(50, 0);
    // 0.1 s at 50 Hz: the first pay comes in the sixth cycle.
    r.cycles(5);
    expect([r.updates, r.field('reward')]).toEqual([0, Number.NaN]);
    r.cycle();
    expect([r.updates, r.field('updates'), Number.isFinite(r.field('reward'))]).toEqual([1, 1, true]);
    r.cycles(10);
    expect(r.updates).toBe(11);
  });

  it('leaves out what safety overrode', () => {
    const r = underWay();
    r.contacts = [5, 0, 0, 0];
    r.cycles(6);
    const updates = r.updates;
    r.cycles(30);
    expect([Reason.contact, Reason.contactEscape]).toContain(r.command.reason);
    expect(r.updates).toBe(updates);
  });

  it('stops while it is frozen, and exploration with it', () => {
    const r = underWay({ epsilon: 0.5 });
    r.order('freeze', 1);
    const policy = r.loop.policy.stats().updates;
    const scaler = r.loop.exportScaler();
    for (let i = 0; i < 20; i++) {
      r.cycle();
      if (r.field('driver') === Driver.policy) {
        const values = [...r.record.subarray(DecisionField.values, DecisionField.values + ACTION_COUNT)];
        const allowed = values.filter((_, action) => (r.field('allowed') >> action) & 1);
        expect(values[r.field('action')]).toBe(Math.max(...allowed));
      }
    }
    expect(r.loop.policy.frozen).toBe(true);
    expect([r.updates, r.loop.exportScaler()]).toEqual([policy, scaler]);
    r.order('freeze', 0);
    r.cycles(20);
    expect(r.updates).toBeGreaterThan(policy);
  });

  it('pays a user’s own formula', () => {
    const r = new LoopRig({}, { rewardProgram: compileReward('7 + 0*progress') });
    r.goal(50, 0);
    r.cycles(10);
    expect(r.field('reward')).toBe(7);
  });

  it('goes on where a snapshot left off', () => {
    const r = underWay();
    r.cycles(50);
    const learned = { policy: r.loop.policy.exportState(), scaler: r.loop.exportScaler() };
    const again = new LoopRig({ epsilon: 0, exploration_strategy: 'epsilon' }, { learned });
    expect(again.loop.policy.exportState()).toEqual(learned.policy);
    expect(again.loop.exportScaler()).toEqual(learned.scaler);
    expect(again.updates).toBe(r.updates);
  });
});

describe('who drives', () => {
  it('is the rule alone where that is asked for, without an intervention and without learning', () => {
    const r = driven();
    expect([r.field('driver'), r.command.reason]).toEqual([Driver.fallback, Reason.none]);
    expect([r.updates, r.loop.statistics.interventionCount]).toEqual([0, 0]);
    expect(r.y).toBeCloseTo(0, 1);
  });

  it('can be a uniform draw from what is allowed', () => {
    const r = new LoopRig({ policy: 'random' });
    r.goal(50, 0);
    r.cycles(4);
    expect(r.field('driver')).toBe(Driver.policy);
    const count = r.field('allowed').toString(2).replaceAll('0', '').length;
    expect(r.field('probability')).toBeCloseTo(1 / count, 12);
  });

  it('is the rule when every direction is blocked: it turns and looks for a way out', () => {
    const r = new LoopRig();
    // Just beyond what the robot needs to turn.
    r.rangeAt = () => 0.45;
    r.goal(50, 0);
    r.cycles(10);
    expect([r.field('driver'), r.field('action'), r.field('allowed')]).toEqual([Driver.fallback, -1, 0]);
    expect(r.command.reason).toBe(Reason.enclosed);
    expect(Math.abs(r.command.yawRate)).toBeGreaterThan(0.1);
    expect(Math.hypot(r.command.vx, r.command.vy)).toBeLessThan(1e-6);
  });
});

describe('the record of a decision', () => {
  it('holds what was seen, what was decided and what was sent', () => {
    const r = new LoopRig();
    r.rangeAt = (angle) => (Math.abs(angle) < 0.3 ? 4 : Number.POSITIVE_INFINITY);
    Object.assign(r, { x: 2, y: 3, yaw: 0.5 });
    r.goal(6, 6, 0.3);
    r.cycle();
    const nowNs = r.nowNs;
    r.cycle({ latenessNs: 2e5, computeNs: 3e5 });
    const record = r.record;
    const expected = {
      cycle: 1,
      scheduledNs: nowNs,
      latenessNs: 2e5,
      computeNs: 3e5,
      periodNs: r.stepNs + 2e5,
      miss: 0,
      goalCount: 1,
      goalX: 6,
      goalY: 6,
      commandVx: r.command.vx,
      commandVy: r.command.vy,
      commandYawRate: r.command.yawRate,
      odometryAgeNs: 2e5,
      rangesAgeNs: 2e5,
      odometryStampNs: nowNs,
      rangesStampNs: nowNs,
      reason: r.command.reason,
      driver: Driver.policy,
      arrived: 0,
    };
    for (const [name, value] of Object.entries(expected)) {
      expect(record[DecisionField[name as keyof typeof DecisionField]], name).toBe(value);
    }
    const raw = record.subarray(DecisionField.raw, DecisionField.raw + CONTEXT_DIM);
    expect(raw[4]).toBeCloseTo(4, 6);
    expect(raw[8]).toBe(10);
    expect(raw[14]).toBeCloseTo(Math.hypot(6 - record[DecisionField.poseX], 6 - record[DecisionField.poseY]), 9);
    const distribution = record.subarray(DecisionField.distribution, DecisionField.distribution + ACTION_COUNT);
    expect(distribution.reduce((sum, p) => sum + p)).toBeCloseTo(1, 9);
    expect(record[DecisionField.probability]).toBe(distribution[r.field('action')]);
    for (let action = 0; action < ACTION_COUNT; action++) {
      if (((r.field('allowed') >> action) & 1) === 0) expect(distribution[action]).toBe(0);
    }
    expect((r.field('allowed') >> r.field('action')) & 1).toBe(1);
    expect(r.command.cycle).toBe(1);
    expect(r.memory.progress[Progress.cycles]).toBe(2);
  });

  it('has no probability and no values where nothing was chosen', () => {
    const r = new LoopRig();
    r.cycle();
    expect([r.field('action'), r.field('probability')]).toEqual([-1, 0]);
    expect(r.record[DecisionField.values]).toBeNaN();
    expect(r.record[DecisionField.distribution]).toBe(0);
  });

  it('is the same to the bit from the same readings', () => {
    const run = () => {
      const r = new LoopRig({ epsilon: 0.3, interactions: 'quadratic', hash_bits: 6 });
      r.goal(8, 2);
      r.rangeAt = (angle) => 2 + Math.sin(3 * angle);
      const records: string[] = [];
      for (let i = 0; i < 120; i++) records.push(Buffer.from(r.cycle().slice().buffer).toString('base64'));
      return { records, state: r.loop.policy.exportState() };
    };
    expect(run()).toEqual(run());
  });
});

describe('a robot that is put down elsewhere', () => {
  it('stands still, and forgets its previous actions and what still waits for pay', () => {
    const r = underWay();
    const updates = r.updates;
    expect(r.record[DecisionField.raw + 16]).toBeGreaterThan(0);
    r.sink.newFrame();
    Object.assign(r, { x: -40, y: 7, yaw: 1 });
    r.trace.push({ vx: 0, vy: 0, yawRate: 0 });
    r.goal(-30, 7);
    r.cycle();
    expect([...r.record.subarray(DecisionField.raw + 16, DecisionField.raw + 20)]).toEqual([0, 0, 0, 0]);
    expect([r.record[DecisionField.raw], r.record[DecisionField.raw + 1]]).toEqual([0, 0]);
    // The first step from a standstill: at 400 m/s³, 0.16 m/s.
    expect(Math.abs(r.command.vx)).toBeLessThanOrEqual(0.16 + 1e-9);
    r.cycles(4);
    expect(r.updates).toBe(updates);
  });
});

describe('a robot that is put down where it has not looked yet', () => {
  it('does not drive before a scan of the place lands', () => {
    const r = driven();
    r.ranges = false;
    r.sink.newFrame();
    Object.assign(r, { x: -40, y: 7, yaw: 1 });
    r.goal(-30, 7);
    let before = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 15; i++) {
      r.cycle();
      expect(r.command.reason).toBe(Reason.staleRanges);
      expect(r.motion).toBeLessThanOrEqual(before);
      before = r.motion;
    }
    expect(r.motion).toBe(0);
    r.ranges = true;
    r.cycles(5);
    expect(r.motion).toBeGreaterThan(0);
  });
});

describe('a snapshot', () => {
  it('is copied after the cycle in which it is asked for: policy, then scaler, of one moment', () => {
    const r = underWay();
    r.order('snapshotRequest', 7);
    expect(r.memory.progress[Progress.snapshotDone]).toBe(0);
    r.cycle();
    expect(r.memory.progress[Progress.snapshotDone]).toBe(7);
    const policy = r.loop.policy.exportState();
    const scaler = r.loop.exportScaler();
    const copied = r.memory.snapshot.slice();
    expect(copied.subarray(0, policy.length)).toEqual(policy);
    expect(copied.subarray(policy.length, policy.length + scaler.length)).toEqual(scaler);
    // It stands still while learning goes on.
    r.cycles(20);
    expect(r.memory.snapshot.slice()).toEqual(copied);
    expect(r.loop.policy.exportState()).not.toEqual(policy);
    r.order('snapshotRequest', 8);
    r.cycle();
    expect(r.memory.snapshot.slice(0, policy.length)).toEqual(r.loop.policy.exportState());
  });
});

describe('a learned state that is taken over', () => {
  /** Puts a state where the main thread does, asks for it, and runs a cycle. @returns the result */
  function restore(r: LoopRig, policy: Uint8Array, scaler: Uint8Array): number {
    r.memory.restore.set(policy);
    r.memory.restore.set(scaler, policy.length);
    r.order('restoreRequest', r.memory.orders[Order.restoreRequest] + 1);
    r.cycle();
    expect(r.memory.progress[Progress.restoreDone]).toBe(r.memory.orders[Order.restoreRequest]);
    return r.memory.progress[Progress.restoreResult];
  }

  /** A robot put down at the start, with all that it remembers of the place gone. */
  function putDown(r: LoopRig): void {
    r.order('armed', 0);
    r.cycles(40);
    r.x = 0;
    r.y = 0;
    r.yaw = 0;
    r.trace.push({ vx: 0, vy: 0, yawRate: 0 });
    r.sink.newFrame();
    r.cycles(5);
    r.order('armed', 1);
    r.goal(4, 1.5);
  }

  it.each([
    ['squarecb', 'cycle'],
    ['bandit', 'cycle'],
    ['lints', 'cycle'],
    ['squarecb', 'feedback'],
  ] as const)(
    'decides from then on with the same bits as a loop that started with it (%s, paid by %s)',
    (policy, source) => {
      const overrides = { policy, 'reward.source': source };
      const teacher = new LoopRig(overrides);
      teacher.goal(5, 0);
      teacher.cycles(120);
      const learned = { policy: teacher.loop.policy.exportState(), scaler: teacher.loop.exportScaler() };

      const started = new LoopRig(overrides, { learned });
      const restored = new LoopRig(overrides);
      restored.goal(0, -6);
      restored.cycles(90);
      // Every one of them has decisions that wait.
      expect(restore(restored, learned.policy, learned.scaler)).toBe(RestoreResult.restored);
      expect(restored.loop.policy.exportState()).toEqual(learned.policy);
      putDown(started);
      putDown(restored);
      let moved = 0;
      for (let i = 0; i < 150; i++) {
        const a = started.cycle().slice();
        const b = restored.cycle();
        for (const field of [
          DecisionField.action,
          DecisionField.probability,
          DecisionField.allowed,
          DecisionField.reward,
          DecisionField.reason,
          DecisionField.driver,
          DecisionField.commandVx,
          DecisionField.commandVy,
          DecisionField.commandYawRate,
        ]) {
          expect(b[field], `field ${field} of cycle ${i}`).toBe(a[field]);
        }
        for (let k = DecisionField.raw; k < DecisionField.rewardSum; k++) {
          expect(b[k], `double ${k} of cycle ${i}`).toBe(a[k]);
        }
        moved += started.motion;
      }
      expect(moved).toBeGreaterThan(10);
      expect(restored.loop.policy.exportState()).toEqual(started.loop.policy.exportState());
      expect(restored.loop.exportScaler()).toEqual(started.loop.exportScaler());
    },
  );

  it('leaves the command of its cycle as it is, and pays nothing that was decided before it', () => {
    const overrides = { policy: 'squarecb', 'reward.source': 'feedback' } as const;
    const [plain, restored] = [new LoopRig(overrides), new LoopRig(overrides)];
    for (const r of [plain, restored]) {
      r.goal(5, 0);
      r.cycles(30);
    }
    const decision = restored.record[DecisionField.cycle];
    const policy = plain.loop.policy.exportState();
    const scaler = plain.loop.exportScaler();
    plain.cycle();
    restore(restored, policy, scaler);
    expect(restored.command).toEqual(plain.command);
    const counters = restored.loop.statistics.counters;
    expect(counters[Counter.waiting]).toBeGreaterThan(20);
    restored.sink.feedback(decision, 1, 1e9);
    restored.cycle();
    expect(counters[Counter.feedback + PendingCount.unknown]).toBe(1);
    expect(counters[Counter.feedback + PendingCount.joined]).toBe(0);
    // The decision of the cycle with the feedback alone.
    expect(counters[Counter.waiting]).toBe(1);
  });

  it('is all of it or nothing', () => {
    const r = underWay();
    const other = new LoopRig();
    other.goal(0, 5);
    other.cycles(60);
    const policy = other.loop.policy.exportState();
    const scaler = other.loop.exportScaler();
    // Nothing is learned meanwhile that would be a change of its own.
    r.order('freeze', 1);
    r.cycle();
    const scales = r.loop.exportScaler();
    const learned = () => {
      const { updates, meanReward, meanSquaredError, nonZeroWeights } = r.loop.policy.stats();
      return { updates, meanReward, meanSquaredError, nonZeroWeights };
    };
    const before = learned();
    expect(restore(r, policy, scaler.slice().fill(0xff))).toBe(RestoreResult.scalesRefused);
    expect(restore(r, policy.slice().fill(0xff), scaler)).toBe(RestoreResult.policyRefused);
    expect(r.loop.exportScaler()).toEqual(scales);
    expect(learned()).toEqual(before);
    expect(r.updates).not.toBe(other.updates);
    expect(restore(r, policy, scaler)).toBe(RestoreResult.restored);
    expect(r.updates).toBe(other.updates);
    expect(r.loop.exportScaler()).toEqual(scaler);
  });
});

describe('limits that are changed under way', () => {
  function tune(r: LoopRig, maxSpeed: number, maxYawRate: number, epsilon = r.parameters.epsilon): void {
    const { tuning } = r.memory;
    tuning[TuningField.maxSpeed] = maxSpeed;
    tuning[TuningField.maxYawRate] = maxYawRate;
    tuning[TuningField.epsilon] = epsilon;
    r.order('tuneRequest', r.memory.orders[Order.tuneRequest] + 1);
  }

  it.each(['differential', 'omnidirectional'] as const)(
    'brake the robot to them as its acceleration allows (%s)',
    (drive) => {
      const r = new LoopRig({ policy: 'fallback', 'robot.drive': drive });
      r.goal(60, 20);
      r.cycles(60);
      expect(Math.hypot(r.command.vx, r.command.vy)).toBeGreaterThan(1.9);
      tune(r, 0.5, 0.8);
      r.cycle();
      expect(r.memory.progress[Progress.tuneDone]).toBe(1);
      const stepS = r.stepNs * 1e-9;
      const limit = r.parameters['robot.max_acceleration'] * stepS * (1 + 1e-9);
      let before = { ...r.command };
      for (let i = 0; i < 60; i++) {
        r.cycle();
        const { vx, vy, yawRate } = r.command;
        expect(Math.hypot(vx - before.vx, vy - before.vy)).toBeLessThanOrEqual(limit);
        if (i > 15) {
          expect(Math.hypot(vx, vy)).toBeLessThanOrEqual(0.5 + 1e-9);
          expect(Math.abs(yawRate)).toBeLessThanOrEqual(0.8 + 1e-9);
        }
        before = { ...r.command };
      }
      // It is slower, and not stopped.
      expect(Math.hypot(before.vx, before.vy)).toBeGreaterThan(0.4);
      tune(r, 2, 4);
      r.cycles(60);
      expect(Math.hypot(r.command.vx, r.command.vy)).toBeGreaterThan(1.9);
    },
  );

  it('set the share of exploration, which a restored state does not change', () => {
    const r = underWay();
    tune(r, 2, 4, 0.75);
    r.cycle();
    expect(r.loop.policy.stats().epsilon).toBe(0.75);
    r.memory.restore.set(r.loop.policy.exportState());
    r.memory.restore.set(r.loop.exportScaler(), r.loop.policy.stateBytes);
    r.order('restoreRequest', 1);
    r.cycle();
    expect(r.memory.progress[Progress.restoreResult]).toBe(RestoreResult.restored);
    expect(r.loop.policy.stats().epsilon).toBe(0.75);
  });

  it('are never above what safety was built for', () => {
    const r = underWay();
    tune(r, 2.1, 4);
    expect(() => r.cycle()).toThrow('the highest speed is not raised above what safety looks for');
  });
});

describe('the stamp of a command', () => {
  it('is that of the odometry it rests on, and none before any came', () => {
    const r = new LoopRig();
    r.odometry = false;
    r.cycle();
    expect(r.command.stampNs).toBeNaN();
    r.odometry = true;
    r.cycle();
    const stampNs = r.field('odometryStampNs');
    expect(r.command.stampNs).toBe(stampNs);
    r.odometry = false;
    r.cycles(3);
    expect(r.command.stampNs).toBe(stampNs);
    r.loop.stop();
    expect(r.readCommand().stampNs).toBe(stampNs);
  });
});
