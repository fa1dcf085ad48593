import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RobotFollower } from '../../../src/cli/beside-run.js';
import type { ControllerHost } from '../../../src/cli/controller-host.js';
import { linkSourceOf, pageSourceOf } from '../../../src/cli/run-metrics.js';
import type { PageServer } from '../../../src/dashboard/server.js';
import { LinkCounters } from '../../../src/io/zeromq/session/link-counters.js';
import { RequestCounters } from '../../../src/io/zeromq/socket/request-channel.js';
import { Counter } from '../../../src/loop/statistics.js';
import { DecisionField, Driver, Order } from '../../../src/memory/layout.js';
import { isIntervention, REASON_LABELS } from '../../../src/memory/reason.js';
import { METRIC_FAMILIES } from '../../../src/telemetry/metrics-families.js';
import { MetricsRig, type RunPart } from '../../support/metrics-rig.js';
import { type CycleOptions, LoopRig } from '../loop/loop-rig.js';

const LIVENESS = { timeout: 20_000, interval: 5 };
const open: MetricsRig[] = [];
afterEach(() => {
  for (const { metrics } of open.splice(0)) metrics.close();
});

/** A robot driven by the cycle itself, in this thread and on a scripted clock, with its metrics. */
function robot(overrides: ConstructorParameters<typeof LoopRig>[0] = {}, part: Partial<RunPart> = {}) {
  const rig = new LoopRig({ random_seed: 4, ...overrides });
  const metrics = new MetricsRig();
  open.push(metrics);
  const listeners = new Set<(record: Float64Array) => void>();
  const taps = {
    memory: rig.memory,
    statistics: rig.loop.statistics,
    onDecision: (listener: (record: Float64Array) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const run = {
    taps,
    clock: { nowNs: () => rig.nowNs },
    control: { parameters: rig.parameters },
    ...part,
  } as unknown as RunPart;
  const follower: RobotFollower = metrics.follow(run);
  const cycle = (options: CycleOptions = {}) => {
    const record = rig.cycle(options).slice();
    for (const listener of listeners) listener(record);
    return record;
  };
  return { rig, metrics, follower, run, cycle, scrape: () => metrics.scrape() };
}

describe('the text of the metrics', () => {
  it('is what a strict reader of the format takes, with help, type and unit in every name', async () => {
    const { rig, cycle, scrape } = robot();
    rig.goal(4, 0);
    for (let i = 0; i < 20; i++) cycle();
    const { families } = await scrape();
    expect([...families.keys()]).toEqual(METRIC_FAMILIES.map(({ name }) => name));
    for (const { name, type, help, labels } of METRIC_FAMILIES) {
      expect(name).toMatch(/^rfsn_[a-z][a-z_]*[a-z]$/);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_(total|sum|count|bucket)$/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(name).not.toMatch(/_(ms|ns|us|milliseconds|kb|mb|percent)(_|$)/);
      expect(help).toMatch(/^[A-Z0-9].*[.!]$/);
      expect(families.get(name)).toMatchObject({ type, help });
      for (const sample of families.get(name)?.samples ?? []) {
        const found = Object.keys(sample.labels).filter((label) => label !== 'le');
        expect(found).toEqual(labels.filter((label) => label !== 'le'));
      }
    }
  });

  it('tells robots apart by name, whatever is in it', async () => {
    const { metrics, run } = robot();
    metrics.follow({ ...run, robot: 'a "quoted" \\ robot\nof two lines' });
    const scraped = await metrics.scrape();
    expect(scraped.value('rfsn_cycles_total', { robot: 'a "quoted" \\ robot\nof two lines' })).toBe(0);
    expect(scraped.samples('rfsn_cycles_total')).toBe(2);
    expect(() => metrics.follow(run)).toThrow('metrics of r1 are shown already');
  });

  it('says nothing of a robot that has gone', async () => {
    const { follower, cycle, metrics, run, scrape } = robot();
    cycle();
    await follower.end();
    const scraped = await scrape();
    for (const { labels, name } of METRIC_FAMILIES) if (labels.includes('robot')) expect(scraped.samples(name)).toBe(0);
    // A controller that goes on for the next robot has counted for the last one.
    metrics.follow({ ...run, continued: true });
    expect((await scrape()).robot('rfsn_cycles_total')).toBe(0);
    cycle();
    const later = await scrape();
    expect(later.robot('rfsn_cycles_total')).toBe(1);
    expect(later.robot('rfsn_cycle_lateness_seconds_count')).toBe(1);
    expect(later.robot('rfsn_readings_accepted_total', { input: 'odometry' })).toBe(1);
    expect(later.robot('rfsn_decisions_total', { driver: 'stop' })).toBe(1);
  });

  it('leaves out what cannot be read, counts it, and shows the rest', async () => {
    const { metrics, scrape } = robot();
    metrics.metrics.link = linkSourceOf({
      requests: null,
      get traffic(): never {
        throw new Error('the link is gone');
      },
    });
    expect((await scrape()).robot('rfsn_cycles_total')).toBe(0);
    const scraped = await scrape();
    expect(scraped.value('rfsn_metrics_failures_total')).toBeGreaterThan(0);
    expect(scraped.samples('rfsn_link_peers')).toBe(0);
    expect(scraped.samples('rfsn_breaker_open')).toBe(1);
  });
});

describe('the metrics of the cycle', () => {
  it('count times at the edges of buckets exactly', async () => {
    const { cycle, scrape } = robot();
    const times = [0, 4094, 4095, 4096, 6143, 6144, 1e5, 1048575, 1048576, 5e6];
    for (const ns of times) cycle({ latenessNs: ns, computeNs: 4095 });
    const scraped = await scrape();
    const { samples } = scraped.families.get('rfsn_cycle_lateness_seconds') ?? { samples: [] };
    const buckets = samples.filter(({ labels }) => labels['le'] !== undefined && labels['le'] !== '+Inf');
    expect(buckets.length).toBeGreaterThan(20);
    for (const { labels, value } of buckets) {
      const edgeNs = Math.round(Number(labels['le']) * 1e9);
      expect([edgeNs, value]).toEqual([edgeNs, times.filter((ns) => ns <= edgeNs).length]);
    }
    expect(scraped.robot('rfsn_cycle_lateness_seconds_bucket', { le: '0.000004095' })).toBe(3);
    expect(scraped.robot('rfsn_cycle_lateness_seconds_bucket', { le: '0.001048575' })).toBe(8);
    expect(scraped.robot('rfsn_cycle_lateness_seconds_count')).toBe(times.length);
    expect(scraped.robot('rfsn_cycle_lateness_seconds_sum')).toBeCloseTo(times.reduce((a, b) => a + b) / 1e9, 12);
    expect(scraped.robot('rfsn_cycle_longest_lateness_seconds')).toBe(0.005);
    expect(scraped.robot('rfsn_cycle_compute_seconds_bucket', { le: '0.000004095' })).toBe(times.length);
    expect(scraped.robot('rfsn_cycle_compute_seconds_sum')).toBeCloseTo((times.length * 4095) / 1e9, 12);
    expect(scraped.robot('rfsn_cycle_longest_compute_seconds')).toBe(4095 / 1e9);
    expect(scraped.robot('rfsn_cycles_total')).toBe(times.length);
    expect(scraped.robot('rfsn_commands_total')).toBe(times.length);
  });

  it('have edges on either side of the configured period, near enough to see it stray', async () => {
    const { rig, cycle, scrape } = robot({ controller_frequency: 40 });
    for (let i = 0; i < 10; i++) cycle({ latenessNs: i === 9 ? 3e6 : 0 });
    const scraped = await scrape();
    expect(scraped.robot('rfsn_cycle_target_period_seconds')).toBe(0.025);
    expect(scraped.robot('rfsn_cycle_deadline_seconds')).toBe(0.025 * rig.parameters.deadline_fraction);
    const { samples } = scraped.families.get('rfsn_cycle_period_seconds') ?? { samples: [] };
    const edges = samples.map(({ labels }) => Number(labels['le'])).filter((edge) => Number.isFinite(edge));
    const below = Math.max(...edges.filter((edge) => edge < 0.025));
    const above = Math.min(...edges.filter((edge) => edge > 0.025));
    expect([below > 0.95 * 0.025, above < 1.05 * 0.025]).toEqual([true, true]);
    const upTo = (edge: number) => scraped.robot('rfsn_cycle_period_seconds_bucket', { le: String(edge) });
    // The first cycle has no period; the last one came 3 ms after its time.
    expect([upTo(below), upTo(above), scraped.robot('rfsn_cycle_period_seconds_count')]).toEqual([0, 8, 9]);
    expect(scraped.robot('rfsn_cycle_period_seconds_sum')).toBeCloseTo(9 * 0.025 + 0.003, 12);
  });

  it('count missed deadlines by cause, and what the breaker makes of them', async () => {
    const { rig, cycle, scrape } = robot();
    rig.goal(4, 0);
    for (let i = 0; i < 5; i++) cycle();
    const late = { latenessNs: 15e6, computeNs: 1e5 };
    const long = { latenessNs: 0, computeNs: 15e6 };
    cycle(late);
    cycle(late);
    cycle();
    const before = await scrape();
    expect(before.robot('rfsn_deadline_misses_total', { cause: 'woken_late' })).toBe(2);
    expect(before.robot('rfsn_deadline_misses_total', { cause: 'computed_long' })).toBe(0);
    expect(before.robot('rfsn_breaker_open')).toBe(0);
    for (let i = 0; i < 3; i++) cycle(long);
    const opened = await scrape();
    expect(opened.robot('rfsn_deadline_misses_total', { cause: 'computed_long' })).toBe(3);
    expect(opened.robot('rfsn_breaker_open')).toBe(1);
    expect(opened.robot('rfsn_breaker_openings_total')).toBe(1);
    for (let i = 0; i < 6; i++) cycle();
    const closed = await scrape();
    expect(closed.robot('rfsn_breaker_open')).toBe(0);
    expect(closed.robot('rfsn_breaker_openings_total')).toBe(1);
    expect(closed.robot('rfsn_interventions_total', { reason: 'deadline_missed' })).toBeGreaterThanOrEqual(3);
    expect(closed.robot('rfsn_interventions_total', { reason: 'breaker_open' })).toBeGreaterThan(0);
    expect(closed.robot('rfsn_decisions_total', { driver: 'fallback' })).toBeGreaterThan(0);
  });

  it('rise on where the words that they come from wrap', async () => {
    const { rig, cycle, scrape } = robot();
    const { counters, lateness } = rig.loop.statistics;
    cycle();
    await scrape();
    // As far as a word goes, in two steps: metrics look more often than it takes to count so far.
    for (let half = 0; half < 2; half++) {
      counters[0] += 0x7fffffff;
      lateness.counts[0] += 0x7fffffff;
      await scrape();
    }
    const full = await scrape();
    expect(full.robot('rfsn_cycles_total')).toBe(2 ** 32 - 1);
    cycle();
    cycle();
    cycle();
    expect(counters[0]).toBe(2);
    const wrapped = await scrape();
    expect(wrapped.robot('rfsn_cycles_total')).toBe(2 ** 32 + 2);
    expect(wrapped.robot('rfsn_cycle_lateness_seconds_count')).toBe(2 ** 32 + 2);
  });

  it('show what the schedule counts', async () => {
    const { rig, scrape } = robot();
    const { counters } = rig.loop.statistics;
    counters[Counter.skips] = 3;
    counters[Counter.catchUps] = 4;
    counters[Counter.earlyStarts] = 5;
    const scraped = await scrape();
    expect(scraped.robot('rfsn_skipped_starts_total')).toBe(3);
    expect(scraped.robot('rfsn_catch_ups_total')).toBe(4);
    expect(scraped.robot('rfsn_early_starts_total')).toBe(5);
  });
});

describe('the metrics of safety and inputs', () => {
  it('count interventions by reason as the decisions have them', async () => {
    const { rig, cycle, scrape } = robot();
    rig.goal(4, 0);
    const reasons = new Map<string, number>();
    const count = (record: Float64Array) => {
      const reason = record[DecisionField.reason];
      if (isIntervention(reason)) reasons.set(REASON_LABELS[reason], (reasons.get(REASON_LABELS[reason]) ?? 0) + 1);
    };
    for (let i = 0; i < 30; i++) count(cycle());
    rig.contacts = [30, 0, 0, 0];
    for (let i = 0; i < 10; i++) count(cycle());
    rig.contacts = [0, 0, 0, 0];
    rig.odometry = false;
    for (let i = 0; i < 30; i++) count(cycle());
    expect([...reasons.keys()]).toEqual(expect.arrayContaining(['contact', 'stale_odometry']));
    const scraped = await scrape();
    for (let code = 1; code < REASON_LABELS.length; code++) {
      if (!isIntervention(code)) continue;
      const reason = REASON_LABELS[code];
      const counted = scraped.robot('rfsn_interventions_total', { reason });
      expect([reason, counted]).toEqual([reason, reasons.get(reason) ?? 0]);
    }
    expect(scraped.robot('rfsn_stale_cycles_total')).toBe(reasons.get('stale_odometry'));
  });

  it('count readings by input, and those refused by reason, and beams that failed', async () => {
    const { rig, cycle, scrape } = robot();
    rig.rangeAt = (angle) => (angle > 0 && angle < 0.05 ? Number.NaN : 5);
    for (let i = 0; i < 4; i++) cycle();
    const failed = [...Array(360).keys()].filter((i) => {
      const angle = -Math.PI + (i * 2 * Math.PI) / 360;
      return angle > 0 && angle < 0.05;
    }).length;
    expect(failed).toBeGreaterThan(0);
    const { sink, nowNs } = rig;
    sink.odometry(nowNs, nowNs, Number.NaN, 0, 0, 0, 0, 0);
    sink.odometry(nowNs, nowNs, 1e9, 0, 0, 0, 0, 0);
    sink.odometry(nowNs, nowNs, 1e9, 0, 0, 0, 0, 0);
    sink.odometry(nowNs - 1e9, nowNs, 0, 0, 0, 0, 0, 0);
    sink.contacts(nowNs, nowNs, 0, 0, 0, 0);
    sink.contacts(nowNs, nowNs, 0, 0, 0, 0);
    sink.goal(nowNs, nowNs, 1, 1, -1);
    sink.feedback(-1, 0, nowNs);
    const scraped = await scrape();
    const refused = (input: string, reason: string) => scraped.robot('rfsn_readings_refused_total', { input, reason });
    const accepted = (input: string) => scraped.robot('rfsn_readings_accepted_total', { input });
    expect(['odometry', 'ranges', 'contacts', 'goal', 'feedback'].map(accepted)).toEqual([4, 4, 1, 0, 0]);
    expect(refused('odometry', 'not_finite')).toBe(1);
    expect(refused('odometry', 'out_of_range')).toBe(2);
    expect(refused('odometry', 'stamp_back')).toBe(1);
    expect(refused('contacts', 'stamp_still')).toBe(1);
    expect(refused('goal', 'out_of_range')).toBe(1);
    expect(refused('feedback', 'out_of_range')).toBe(1);
    expect(refused('ranges', 'wrong_length')).toBe(0);
    expect(scraped.robot('rfsn_failed_beams_total')).toBe(4 * failed);
  });

  it('show how old inputs are, and say when one has never come', async () => {
    const { rig, cycle, scrape } = robot();
    const age = async (input: string) => (await scrape()).robot('rfsn_input_age_seconds', { input });
    expect(await age('odometry')).toBe(Number.POSITIVE_INFINITY);
    cycle();
    // One period has passed since the cycle that used them.
    expect(await age('odometry')).toBeCloseTo(0.02, 9);
    await expect(age('contacts')).rejects.toThrow('no rfsn_input_age_seconds');
    rig.contacts = [0, 0, 0, 0];
    cycle();
    rig.odometry = false;
    for (let i = 0; i < 10; i++) cycle();
    expect(await age('odometry')).toBeCloseTo(0.22, 9);
    expect(await age('ranges')).toBeCloseTo(0.02, 9);
    expect(await age('contacts')).toBeCloseTo(0.02, 9);
    // Nothing runs any more: what was read last goes on growing old.
    rig.nowNs += 5e9;
    expect(await age('ranges')).toBeCloseTo(5.02, 9);
    const timeout = (await scrape()).robot('rfsn_input_timeout_seconds', { input: 'ranges' });
    expect(timeout).toBe(rig.parameters.ranges_timeout_s);
  });

  it('show orders as they stand, and a main thread that was silent', async () => {
    const { rig, cycle, scrape } = robot();
    expect((await scrape()).robot('rfsn_armed')).toBe(1);
    rig.order('armed', 0);
    rig.order('freeze', 1);
    const scraped = await scrape();
    expect([scraped.robot('rfsn_armed'), scraped.robot('rfsn_frozen')]).toEqual([0, 1]);
    rig.order('armed', 1);
    cycle();
    rig.heartbeat = false;
    for (let i = 0; i < 100; i++) cycle();
    const counted = (await scrape()).robot('rfsn_heartbeat_losses_total');
    expect(counted).toBeGreaterThan(10);
    expect(counted).toBe(rig.loop.statistics.interventions[REASON_LABELS.indexOf('heartbeat_lost')]);
  });
});

describe('the metrics of decisions and learning', () => {
  it('are those of the records: who drove, where to, and how much was explored', async () => {
    const { rig, cycle, scrape } = robot({ policy: 'epsilon-greedy', epsilon: 0.4 });
    rig.goal(40, 10);
    const drivers = [0, 0, 0, 0];
    const directions = new Array<number>(8).fill(0);
    let exploratory = 0;
    let probability = 0;
    let judged = 0;
    for (let i = 0; i < 300; i++) {
      const record = cycle();
      const action = record[DecisionField.action];
      drivers[record[DecisionField.driver]]++;
      if (action >= 0) directions[action]++;
      if (record[DecisionField.driver] !== Driver.policy) continue;
      judged++;
      const values = [...record.subarray(DecisionField.values, DecisionField.values + 8)];
      const allowed = values.map((_, k) => ((record[DecisionField.allowed] >> k) & 1) === 1);
      const best = Math.max(...values.filter((_, k) => allowed[k]));
      if (values[action] < best) exploratory++;
      probability += values.reduce(
        (sum, value, k) => (allowed[k] && value === best ? sum : sum + record[DecisionField.distribution + k]),
        0,
      );
    }
    const scraped = await scrape();
    expect(exploratory).toBeGreaterThan(20);
    expect(scraped.robot('rfsn_decisions_total', { driver: 'policy' })).toBe(drivers[Driver.policy]);
    expect(scraped.robot('rfsn_decisions_total', { driver: 'fallback' })).toBe(drivers[Driver.fallback]);
    directions.forEach((count, direction) => {
      expect(scraped.robot('rfsn_directions_total', { direction: String(direction) })).toBe(count);
    });
    expect(scraped.robot('rfsn_exploratory_decisions_total')).toBe(exploratory);
    expect(scraped.robot('rfsn_exploration_probability_count')).toBe(judged);
    expect(scraped.robot('rfsn_exploration_probability_sum')).toBeCloseTo(probability, 9);
  });

  it('sum up rewards of either sign by counters that only rise, and errors of the values they were chosen by', async () => {
    const { rig, cycle, scrape } = robot({ 'reward.horizon_s': 0.04 });
    rig.goal(40, 10);
    const values = new Map<number, number>();
    let [count, gained, lost, squares, compared] = [0, 0, 0, 0, 0];
    for (let i = 0; i < 200; i++) {
      if (i === 100) rig.rangeAt = () => 0.9;
      const record = cycle();
      const action = record[DecisionField.action];
      if (record[DecisionField.driver] === Driver.policy) {
        values.set(record[DecisionField.cycle], record[DecisionField.values + action]);
      }
      if (record[DecisionField.rewardCount] === 0) continue;
      const sum = record[DecisionField.rewardSum];
      count += record[DecisionField.rewardCount];
      if (sum > 0) gained += sum;
      else lost -= sum;
      const value = values.get(record[DecisionField.rewardedCycle]);
      if (value === undefined) continue;
      values.delete(record[DecisionField.rewardedCycle]);
      squares += (record[DecisionField.reward] - value) ** 2;
      compared++;
    }
    const scraped = await scrape();
    expect(compared).toBeGreaterThan(50);
    expect(gained).toBeGreaterThan(0);
    expect(lost).toBeGreaterThan(0);
    expect(scraped.robot('rfsn_rewards_total')).toBe(count);
    expect(scraped.robot('rfsn_reward_gained_total')).toBeCloseTo(gained, 9);
    expect(scraped.robot('rfsn_reward_lost_total')).toBeCloseTo(lost, 9);
    expect(scraped.robot('rfsn_value_squared_error_count')).toBe(compared);
    expect(scraped.robot('rfsn_value_squared_error_sum')).toBeCloseTo(squares, 9);
    expect(scraped.robot('rfsn_updates_total')).toBe(rig.updates);
    expect(scraped.robot('rfsn_policy_updates')).toBe(rig.updates);
    const mean = (gained - lost) / count;
    // Two hundred of a thousand: all still weigh nearly the same.
    expect(scraped.robot('rfsn_reward_mean')).toBeGreaterThan(mean - 0.2 * Math.abs(gained / count));
    expect(scraped.robot('rfsn_reward_mean')).toBeLessThan(mean + 0.2 * Math.abs(gained / count));
  });

  it('count goals, arrivals, drift alarms and what became of rewards from outside', async () => {
    const { rig, cycle, scrape } = robot({ 'reward.source': 'feedback', 'feedback.timeout_s': 1 });
    let alarms = 0;
    Object.defineProperty(rig.loop.policy, 'driftAlarms', { get: () => alarms });
    rig.goal(1, 0);
    const first = cycle();
    const ids = [first[DecisionField.cycle]];
    for (let i = 0; i < 5; i++) ids.push(cycle()[DecisionField.cycle]);
    const waiting = (await scrape()).robot('rfsn_waiting_decisions');
    expect(waiting).toBe(rig.loop.statistics.counters[Counter.waiting]);
    expect(waiting).toBeGreaterThan(0);
    rig.sink.feedback(ids[2], 0.5, rig.nowNs);
    cycle();
    rig.sink.feedback(ids[2], 0.5, rig.nowNs);
    rig.sink.feedback(12345, 0.5, rig.nowNs);
    alarms = 2;
    cycle();
    for (let i = 0; i < 400; i++) cycle();
    const scraped = await scrape();
    const became = (outcome: string) => scraped.robot('rfsn_feedback_total', { outcome });
    expect([became('joined'), became('duplicate'), became('unknown'), became('dropped')]).toEqual([1, 1, 1, 0]);
    expect(became('expired')).toBeGreaterThan(0);
    expect(scraped.robot('rfsn_drift_alarms_total')).toBe(2);
    expect(scraped.robot('rfsn_goals_total')).toBe(1);
    expect(scraped.robot('rfsn_arrivals_total')).toBe(1);
    for (let i = 0; i < 2000; i++) rig.sink.feedback(1, 0, rig.nowNs);
    cycle();
    expect((await scrape()).robot('rfsn_feedback_total', { outcome: 'dropped' })).toBe(2000 - 1024);
  });

  it('count the records and explanations that nobody read in time', async () => {
    const { rig, cycle, scrape } = robot();
    rig.goal(40, 0);
    rig.order('explain', 1);
    cycle();
    for (let i = 0; i < 600; i++) {
      rig.sense();
      rig.loop.run(rig.nowNs);
      rig.nowNs += rig.stepNs;
    }
    cycle();
    const explanation = new Float64Array(rig.memory.explanations.recordDoubles);
    while (rig.memory.explanations.read(explanation));
    const scraped = await scrape();
    expect(scraped.robot('rfsn_decisions_dropped_total')).toBe(601 - rig.memory.decisions.capacity);
    expect(rig.memory.explanations.droppedCount).toBeGreaterThan(0);
    expect(scraped.robot('rfsn_explanations_dropped_total')).toBe(rig.memory.explanations.droppedCount);
  });

  it('count episodes by outcome, as they are told of', async () => {
    const { follower, scrape } = robot();
    const ended = (outcome: number, atFault = false) => follower.episode?.({ outcome, atFault } as never);
    ended(1);
    ended(1);
    ended(2, true);
    ended(2, false);
    ended(3);
    const scraped = await scrape();
    const count = (outcome: string) => scraped.robot('rfsn_episodes_total', { outcome });
    expect([count('success'), count('collision'), count('timeout')]).toEqual([2, 2, 1]);
    expect(scraped.robot('rfsn_collisions_at_fault_total')).toBe(1);
  });
});

describe('the metrics of checkpoints', () => {
  it('count saves and failures over the folders of a controller, and know the newest', async () => {
    const host = {
      checkpointing: null as null | { failures: number; savedUnixMs: number },
      updates: 17,
      controller: { state: 'running', vitals: () => Promise.reject(new Error('busy')) },
    };
    const { follower, scrape } = robot({}, { host: host as unknown as ControllerHost });
    expect((await scrape()).samples('rfsn_checkpoints_saved_total')).toBe(0);
    host.checkpointing = { failures: 0, savedUnixMs: Number.NaN };
    expect((await scrape()).samples('rfsn_checkpoint_age_seconds')).toBe(0);
    host.checkpointing.failures = 3;
    host.checkpointing.savedUnixMs = Date.now() - 60_000;
    follower.saved?.({} as never);
    const first = await scrape();
    expect(first.robot('rfsn_checkpoints_saved_total')).toBe(1);
    expect(first.robot('rfsn_checkpoint_failures_total')).toBe(3);
    expect(first.robot('rfsn_checkpoint_age_seconds')).toBeGreaterThanOrEqual(60);
    expect(first.robot('rfsn_policy_updates')).toBe(17);
    // Another folder begins at 0; what was counted stays.
    host.checkpointing = { failures: 2, savedUnixMs: Number.NaN };
    expect((await scrape()).robot('rfsn_checkpoint_failures_total')).toBe(5);
    expect((await scrape()).robot('rfsn_control_unanswered_total')).toBeGreaterThan(2);
  });

  it('take a save on a virtual clock from who tells of it', async () => {
    const { follower, scrape } = robot();
    follower.saved?.({} as never);
    const scraped = await scrape();
    expect(scraped.robot('rfsn_checkpoints_saved_total')).toBe(1);
    expect(scraped.robot('rfsn_checkpoint_age_seconds')).toBeGreaterThanOrEqual(0);
  });
});

describe('the metrics of the process', () => {
  it('show both its memory and the block that the threads share', async () => {
    const { rig, scrape } = robot();
    const scraped = await scrape();
    expect(scraped.robot('rfsn_shared_memory_bytes')).toBe(rig.memory.buffer.byteLength);
    const used = scraped.value('rfsn_main_heap_used_bytes');
    const total = scraped.value('rfsn_main_heap_total_bytes');
    expect(used).toBeGreaterThan(1e6);
    expect(total).toBeGreaterThanOrEqual(used);
    expect(scraped.value('rfsn_process_resident_memory_bytes')).toBeGreaterThan(total);
    expect(scraped.value('rfsn_process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(scraped.value('rfsn_build_info', { version: '1.2.3', node: process.version })).toBe(1);
    expect(scraped.value('rfsn_process_start_time_seconds')).toBeLessThanOrEqual(Date.now() / 1e3);
    expect(scraped.value('rfsn_process_start_time_seconds')).toBeGreaterThan(Date.now() / 1e3 - 86400);
  });

  it('count the pauses of this thread’s collector, and how long they took', async () => {
    const { scrape } = robot();
    const before = await scrape();
    let litter: unknown = null;
    for (let i = 0; i < 3000; i++) litter = Array.from({ length: 3000 }, (_, k) => k + 0.5);
    expect(litter).not.toBeNull();
    // Observers are called when the event loop turns.
    const after = await vi.waitFor(async () => {
      const scraped = await scrape();
      expect(scraped.value('rfsn_main_gc_longest_pause_seconds')).toBeGreaterThan(0);
      expect(scraped.value('rfsn_main_gc_pauses_total', { kind: 'minor' })).toBeGreaterThan(
        before.value('rfsn_main_gc_pauses_total', { kind: 'minor' }),
      );
      return scraped;
    }, LIVENESS);
    const rise = (name: string) => after.value(name, { kind: 'minor' }) - before.value(name, { kind: 'minor' });
    expect(rise('rfsn_main_gc_pause_seconds_total')).toBeGreaterThan(0);
  });
});

describe('the metrics of link, page and log', () => {
  it('are absent where there is none', async () => {
    const { scrape } = robot();
    const scraped = await scrape();
    for (const { name, group } of METRIC_FAMILIES) {
      if (['Link', 'Page', 'Flight log', 'Control thread'].includes(group) && name !== 'rfsn_shared_memory_bytes') {
        expect([name, scraped.samples(name)]).toEqual([name, 0]);
      }
    }
  });

  it('are those of the link’s own tables, its failed readings of keys and its faults among them', async () => {
    const { metrics, scrape } = robot();
    const counters = new LinkCounters();
    counters.frames = 9;
    counters.accepted.sense = 5;
    counters.rejected.malformed = 2;
    counters.sent.command = 4;
    counters.cutOff = 3;
    counters.faults = 1;
    const requests = new RequestCounters();
    requests.done = 6;
    requests.muted = 1;
    const traffic = {
      peers: { drive: 1, watch: 2, administer: 0 },
      refused: { key: 7, peers: 0, mechanism: 0, domain: 0, request: 0 },
      failedHandshakes: { drive: 8, watch: 0, administer: 0 },
      unsent: 10,
      failedKeyReadings: 11,
      faults: 12,
      deaf: ['watch' as const],
    };
    metrics.metrics.link = linkSourceOf({ traffic, counters, requests });
    const scraped = await scrape();
    expect(scraped.value('rfsn_link_frames_total')).toBe(9);
    expect(scraped.value('rfsn_link_accepted_total', { message: 'sense' })).toBe(5);
    expect(scraped.value('rfsn_link_rejected_total', { code: 'malformed' })).toBe(2);
    expect(scraped.value('rfsn_link_sent_total', { message: 'command' })).toBe(4);
    expect(scraped.value('rfsn_link_events_total', { event: 'cut_off' })).toBe(3);
    expect(scraped.value('rfsn_link_events_total', { event: 'faults' })).toBe(1);
    expect(scraped.value('rfsn_link_peers', { socket: 'watch' })).toBe(2);
    expect(scraped.value('rfsn_link_refused_handshakes_total', { reason: 'key' })).toBe(7);
    expect(scraped.value('rfsn_link_failed_handshakes_total', { socket: 'drive' })).toBe(8);
    expect(scraped.value('rfsn_link_unsent_total')).toBe(10);
    expect(scraped.value('rfsn_link_failed_key_readings_total')).toBe(11);
    expect(scraped.value('rfsn_link_faults_total')).toBe(12);
    expect(scraped.value('rfsn_link_deaf_sockets')).toBe(1);
    expect(scraped.value('rfsn_link_requests_total', { outcome: 'done' })).toBe(6);
    expect(scraped.value('rfsn_link_requests_total', { outcome: 'muted' })).toBe(1);
    // Every number of the table is in one of them.
    const numbers = Object.values(counters).filter((value) => typeof value === 'number').length;
    expect(scraped.samples('rfsn_link_events_total')).toBe(numbers - 1);
  });

  it('are those of the page’s server and of each robot’s log', async () => {
    const { metrics, scrape } = robot();
    metrics.metrics.page = pageSourceOf({
      clients: 3,
      counts: {
        ...{ framesSent: 100, skippedFrames: 7, crowded: 1, evicted: 2, tooMany: 3, garbage: 4, lost: 5, encoded: 0 },
      },
      access: { refused: { host: 6, origin: 7, token: 8 } },
    } as unknown as PageServer);
    metrics.metrics.logs.set('r1', {
      counters: { written: 50, lostQueue: 1, lostDisk: 2, lostRemoved: 3, bytes: 4096, parts: 2 },
    });
    const scraped = await scrape();
    expect(scraped.value('rfsn_page_clients')).toBe(3);
    expect(scraped.value('rfsn_page_frames_total')).toBe(100);
    expect(scraped.value('rfsn_page_skipped_frames_total')).toBe(7);
    expect(scraped.value('rfsn_page_refused_total', { reason: 'token' })).toBe(8);
    expect(scraped.value('rfsn_page_refused_total', { reason: 'too_many' })).toBe(3);
    expect(scraped.robot('rfsn_log_bytes_total')).toBe(4096);
    // A file that was removed takes its messages out of those written, which the counter must not show.
    expect(scraped.robot('rfsn_log_messages_total')).toBe(53);
    expect(scraped.robot('rfsn_log_parts_total')).toBe(2);
    expect(scraped.robot('rfsn_log_lost_messages_total', { cause: 'queue' })).toBe(1);
    expect(scraped.robot('rfsn_log_lost_messages_total', { cause: 'disk' })).toBe(2);
    expect(scraped.robot('rfsn_log_lost_messages_total', { cause: 'removed' })).toBe(3);
  });
});

describe('whether a robot is ready', () => {
  it('means that inputs are fresh, the breaker is closed, it is armed and its controller runs', async () => {
    const host = {
      checkpointing: null,
      updates: 0,
      controller: { state: 'running', vitals: async () => new Float64Array(13) },
    };
    const { rig, metrics, cycle, scrape } = robot({}, { host: host as unknown as ControllerHost });
    const ready = () => metrics.metrics.ready();
    expect(ready()).toEqual({ ok: false, detail: 'r1: no odometry yet, no ranges yet' });
    cycle();
    // It has no goal, and is as ready as can be.
    expect(ready()).toEqual({ ok: true, detail: 'ready' });
    expect((await scrape()).robot('rfsn_ready')).toBe(1);

    rig.order('armed', 0);
    expect(ready()).toEqual({ ok: false, detail: 'r1: not armed' });
    expect((await scrape()).robot('rfsn_ready')).toBe(0);
    rig.order('armed', 1);

    rig.ranges = false;
    for (let i = 0; i < 15; i++) cycle();
    expect(ready()).toEqual({ ok: false, detail: 'r1: ranges is 0.32 s old' });
    rig.ranges = true;
    cycle();
    expect(ready().ok).toBe(true);

    rig.contacts = [0, 0, 0, 0];
    cycle();
    rig.contacts = null;
    for (let i = 0; i < 60; i++) cycle();
    expect(ready().detail).toMatch(/^r1: contacts is \d\.\d\d s old$/);
    rig.contacts = [0, 0, 0, 0];
    for (let i = 0; i < 3; i++) cycle({ latenessNs: 15e6 });
    expect(ready()).toEqual({ ok: false, detail: 'r1: the breaker is open' });
    for (let i = 0; i < 6; i++) cycle();
    expect(ready().ok).toBe(true);

    host.controller.state = 'latched';
    expect(ready()).toEqual({ ok: false, detail: 'r1: the controller is latched' });
    expect(metrics.metrics.live().ok).toBe(true);
    expect((await scrape()).robot('rfsn_controller_state', { state: 'latched' })).toBe(1);
    expect((await scrape()).robot('rfsn_controller_state', { state: 'running' })).toBe(0);
  });

  it('is no where there is none, and nobody’s as soon as one of several is not', async () => {
    const { rig, metrics, follower, run, cycle } = robot();
    const memory = rig.memory.orders;
    cycle();
    expect(metrics.metrics.ready().ok).toBe(true);
    metrics.follow({ ...run, robot: 'r2' });
    expect(metrics.metrics.ready()).toEqual({ ok: false, detail: 'r2: no odometry yet, no ranges yet' });
    cycle();
    Atomics.store(memory, Order.armed, 0);
    expect(metrics.metrics.ready()).toEqual({ ok: false, detail: 'r1: not armed\nr2: not armed' });
    await follower.end();
    expect(metrics.metrics.ready()).toEqual({ ok: false, detail: 'r2: not armed' });
  });

  it('is no without any', () => {
    const metrics = new MetricsRig();
    open.push(metrics);
    expect(metrics.metrics.ready()).toEqual({ ok: false, detail: 'no robot is driven' });
    expect(metrics.metrics.live()).toEqual({ ok: true, detail: 'alive' });
  });
});
