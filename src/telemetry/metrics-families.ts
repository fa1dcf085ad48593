/**
 * Every metric there is: its name, what it means, and where its samples come from. docs/metrics.md is made of this table,
 * and the registry too, so that neither can leave one out.
 */
import { Driver, VitalsField } from '../memory/layout.js';
import { isIntervention, REASON_LABELS } from '../memory/reason.js';
import type { BucketedHistogram } from './metrics-buckets.js';
import type { ProcessFigures } from './metrics-process.js';
import { AGED_INPUTS, EPISODE_OUTCOMES, GC_KIND_NAMES, type RobotMetrics } from './metrics-robot.js';
import type { Counts, FlightLogSource, LinkSource, PageSource } from './metrics-source.js';

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary';
export type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly value: number;
  readonly labels: Labels;
  /** `…_bucket`, `…_sum`, `…_count`; the family's own name where absent. */
  readonly metricName?: string;
}

/** All that is scraped at one time. */
export interface Scrape {
  readonly robots: readonly RobotMetrics[];
  readonly process: ProcessFigures;
  readonly version: string;
  readonly link: LinkSource | null;
  readonly page: PageSource | null;
  /** By robot. */
  readonly logs: ReadonlyMap<string, FlightLogSource>;
  /** As `/readyz` has it. */
  ready(robot: RobotMetrics): boolean;
  /** Families whose samples could not be had, so far. */
  readonly failures: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  /** Heading in the reference. */
  readonly group: string;
  readonly help: string;
  readonly labels: readonly string[];
  samples(scrape: Scrape): Sample[];
}

/** Values of one label. */
type Row = readonly [label: string | number, value: number];

/** Headings of the reference, in its order, with what is to be said of all under one. */
export const METRIC_GROUPS: Readonly<Record<string, string>> = {
  Cycle: 'Of the control thread, cycle by cycle.',
  Safety: 'What safety did with the commands, and whether the robot may move.',
  Inputs: 'Readings on their way in.',
  Decisions: 'What was chosen. Made of decision records; those that the ring dropped are missing here.',
  Learning: 'What was earned and learned.',
  Checkpoints: 'Absent where nothing is saved.',
  'Control thread':
    'The thread answers when it is asked, between two cycles; absent on a virtual clock, and before its first answer.',
  Process: 'Of the whole process, and of the main thread in it.',
  'Flight log': 'Absent where no log is written.',
  Page: 'Absent where no page is served.',
  Link: 'The ZeroMQ link; absent where none runs. Those of robots’ frames are absent where no robot drives through it.',
};

/** One number a robot; null: none at this time. */
function perRobot(value: (robot: RobotMetrics) => number | null): (scrape: Scrape) => Sample[] {
  return ({ robots }) =>
    robots.flatMap((robot) => {
      const number = value(robot);
      return number === null ? [] : [{ value: number, labels: { robot: robot.source.robot } }];
    });
}

function perRobotBy(label: string, rows: (robot: RobotMetrics) => readonly Row[]): (scrape: Scrape) => Sample[] {
  return ({ robots }) =>
    robots.flatMap((robot) =>
      rows(robot).map(([name, value]) => ({ value, labels: { robot: robot.source.robot, [label]: name } })),
    );
}

function histogram(name: string, of: (robot: RobotMetrics) => BucketedHistogram): (scrape: Scrape) => Sample[] {
  return ({ robots }) =>
    robots.flatMap((robot) => {
      const { edgesS, cumulative, count, sumS } = of(robot);
      const labels = { robot: robot.source.robot };
      const samples: Sample[] = edgesS.map((le, i) => ({
        value: cumulative[i],
        labels: { ...labels, le },
        metricName: `${name}_bucket`,
      }));
      return [
        ...samples,
        { value: count, labels: { ...labels, le: '+Inf' }, metricName: `${name}_bucket` },
        { value: sumS, labels, metricName: `${name}_sum` },
        { value: count, labels, metricName: `${name}_count` },
      ];
    });
}

function summary(name: string, of: (robot: RobotMetrics) => readonly [sum: number, count: number]) {
  return ({ robots }: Scrape): Sample[] =>
    robots.flatMap((robot) => {
      const [sum, count] = of(robot);
      const labels = { robot: robot.source.robot };
      return [
        { value: sum, labels, metricName: `${name}_sum` },
        { value: count, labels, metricName: `${name}_count` },
      ];
    });
}

function perLog(value: (counters: FlightLogSource['counters']) => number): (scrape: Scrape) => Sample[] {
  return ({ logs }) => [...logs].map(([robot, { counters }]) => ({ value: value(counters), labels: { robot } }));
}

function single(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ value, labels: {} }];
}

function by(label: string, counts: Counts | null | undefined): Sample[] {
  return Object.entries(counts ?? {}).map(([name, value]) => ({ value, labels: { [label]: name } }));
}

const INTERVENTIONS = REASON_LABELS.map((label, code) => [label, code] as const).filter(([, code]) =>
  isIntervention(code),
);
const DRIVERS = Object.entries(Driver);
const STATES = ['idle', 'starting', 'running', 'stalled', 'latched', 'dead', 'stopped'];

const CYCLE: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_cycles_total',
    type: 'counter',
    help: 'Cycles that the control thread has run.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('cycles')),
  },
  {
    name: 'rfsn_cycle_lateness_seconds',
    type: 'histogram',
    help: 'From the moment that a cycle was due to its start. Counts at bucket edges are exact.',
    labels: ['robot', 'le'],
    samples: histogram('rfsn_cycle_lateness_seconds', (robot) => robot.lateness),
  },
  {
    name: 'rfsn_cycle_compute_seconds',
    type: 'histogram',
    help: 'From the start of a cycle to its command: the part that the deadline judges. Counts at bucket edges are exact.',
    labels: ['robot', 'le'],
    samples: histogram('rfsn_cycle_compute_seconds', (robot) => robot.compute),
  },
  {
    name: 'rfsn_cycle_period_seconds',
    type: 'histogram',
    help: 'From one start to the next. Edges lie about the configured period; counts at them are exact.',
    labels: ['robot', 'le'],
    samples: histogram('rfsn_cycle_period_seconds', (robot) => robot.period),
  },
  {
    name: 'rfsn_cycle_longest_lateness_seconds',
    type: 'gauge',
    help: 'The largest lateness since the controller started, exact.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.source.statistics.lateness.max / 1e9),
  },
  {
    name: 'rfsn_cycle_longest_compute_seconds',
    type: 'gauge',
    help: 'The longest computing time since the controller started, exact.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.source.statistics.compute.max / 1e9),
  },
  {
    name: 'rfsn_cycle_target_period_seconds',
    type: 'gauge',
    help: 'The period as configured.',
    labels: ['robot'],
    samples: perRobot(({ source }) => 1 / source.parameters.controller_frequency),
  },
  {
    name: 'rfsn_cycle_deadline_seconds',
    type: 'gauge',
    help: 'How long after it was due a cycle’s command may go out.',
    labels: ['robot'],
    samples: perRobot(({ source: { parameters: p } }) => p.deadline_fraction / p.controller_frequency),
  },
  {
    name: 'rfsn_deadline_misses_total',
    type: 'counter',
    help: 'Cycles whose command was not ready in time: woken_late would have made it had they begun on time, computed_long took longer than the deadline by themselves.',
    labels: ['robot', 'cause'],
    samples: perRobotBy('cause', (robot) => [
      ['woken_late', robot.counter('missesWokenLate')],
      ['computed_long', robot.counter('missesComputedLong')],
    ]),
  },
  {
    name: 'rfsn_breaker_open',
    type: 'gauge',
    help: '1 while the breaker is open, after too many missed deadlines in a row: the rule drives, and nothing is learned.',
    labels: ['robot'],
    samples: perRobot((robot) => (robot.breakerOpen ? 1 : 0)),
  },
  {
    name: 'rfsn_breaker_openings_total',
    type: 'counter',
    help: 'Times that the breaker has opened.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('breakerOpenings')),
  },
  {
    name: 'rfsn_skipped_starts_total',
    type: 'counter',
    help: 'Starts of cycles that were left out because their time had passed.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('skips')),
  },
  {
    name: 'rfsn_catch_ups_total',
    type: 'counter',
    help: 'Times that late starts were run back to back (overrun_policy: catch_up).',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('catchUps')),
  },
  {
    name: 'rfsn_early_starts_total',
    type: 'counter',
    help: 'Cycles that an observation started before they were due (trigger: observation).',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('earlyStarts')),
  },
  {
    name: 'rfsn_commands_total',
    type: 'counter',
    help: 'Commands that the control thread has sent out, the zero of its end among them.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.commands),
  },
];

const SAFETY: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_interventions_total',
    type: 'counter',
    help: 'Cycles in which safety changed the command or stood the robot, by its reason.',
    labels: ['robot', 'reason'],
    samples: perRobotBy('reason', (robot) => INTERVENTIONS.map(([label, code]) => [label, robot.intervention(code)])),
  },
  {
    name: 'rfsn_stale_cycles_total',
    type: 'counter',
    help: 'Cycles in which the robot stood because an input was too old to drive by.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('staleCycles')),
  },
  {
    name: 'rfsn_heartbeat_losses_total',
    type: 'counter',
    help: 'Cycles in which the robot stood because the main thread showed no life.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('heartbeatLosses')),
  },
  {
    name: 'rfsn_armed',
    type: 'gauge',
    help: '1 while the robot may move.',
    labels: ['robot'],
    samples: perRobot((robot) => (robot.armed ? 1 : 0)),
  },
  {
    name: 'rfsn_frozen',
    type: 'gauge',
    help: '1 while nothing is learned or explored by order.',
    labels: ['robot'],
    samples: perRobot((robot) => (robot.frozen ? 1 : 0)),
  },
  {
    name: 'rfsn_controller_state',
    type: 'gauge',
    help: '1 for the state that the controller is in, 0 for all others. stalled: the control thread’s cycle counter stands still; latched: a cycle failed, and the robot stands until a restart; dead: the thread has ended unasked.',
    labels: ['robot', 'state'],
    samples: perRobotBy('state', (robot) => STATES.map((state) => [state, robot.state === state ? 1 : 0])),
  },
  {
    name: 'rfsn_ready',
    type: 'gauge',
    help: '1 while the robot would drive if it had a goal, as /readyz says it: controller running, inputs fresh, breaker closed, armed.',
    labels: ['robot'],
    samples: (scrape) => perRobot((robot) => (scrape.ready(robot) ? 1 : 0))(scrape),
  },
];

const INPUTS: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_readings_accepted_total',
    type: 'counter',
    help: 'Readings that were taken in, by input; feedback are rewards from outside.',
    labels: ['robot', 'input'],
    samples: perRobotBy('input', (robot) => robot.source.inputs.map((input, row) => [input, robot.reading(row, 0)])),
  },
  {
    name: 'rfsn_readings_refused_total',
    type: 'counter',
    help: 'Readings that were refused, by input and reason: not_finite, out_of_range, wrong_length, stamp_back (older than the one before), stamp_still (as old).',
    labels: ['robot', 'input', 'reason'],
    samples: ({ robots }) =>
      robots.flatMap((robot) =>
        robot.source.inputs.flatMap((input, row) =>
          robot.source.rejections.slice(1).map((reason, i) => ({
            value: robot.reading(row, i + 1),
            labels: { robot: robot.source.robot, input, reason },
          })),
        ),
      ),
  },
  {
    name: 'rfsn_failed_beams_total',
    type: 'counter',
    help: 'Beams of accepted scans that had failed: no number, or nearer than the sensor can measure.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.reading(robot.source.inputs.indexOf('ranges'), robot.source.failedBeams)),
  },
  {
    name: 'rfsn_input_age_seconds',
    type: 'gauge',
    help: 'Age of the newest reading that a cycle used, by input; +Inf before the first odometry and scan. Absent for contacts that have never come.',
    labels: ['robot', 'input'],
    samples: perRobotBy('input', (robot) =>
      AGED_INPUTS.map((input, i) => [input, robot.inputAgeS(i)] as const).filter(
        ([input, age]) => input !== 'contacts' || Number.isFinite(age),
      ),
    ),
  },
  {
    name: 'rfsn_input_timeout_seconds',
    type: 'gauge',
    help: 'After which age an input stops the robot.',
    labels: ['robot', 'input'],
    samples: perRobotBy('input', (robot) => AGED_INPUTS.map((input, i) => [input, robot.inputTimeoutS(i)])),
  },
];

const DECISIONS: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_decisions_total',
    type: 'counter',
    help: 'Decisions by who drove: the policy, the fallback rule, stop (the robot is to stand), none.',
    labels: ['robot', 'driver'],
    samples: perRobotBy('driver', (robot) => DRIVERS.map(([driver, code]) => [driver, robot.decisions.byDriver[code]])),
  },
  {
    name: 'rfsn_directions_total',
    type: 'counter',
    help: 'Decisions by the direction that was chosen, 0 ahead and on counter-clockwise by 45 degrees, whoever chose.',
    labels: ['robot', 'direction'],
    samples: perRobotBy('direction', (robot) => Array.from(robot.decisions.byDirection, (count, i) => [i, count])),
  },
  {
    name: 'rfsn_exploratory_decisions_total',
    type: 'counter',
    help: 'Decisions of the policy that did not take the best direction allowed, by its own values.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.decisions.exploratory),
  },
  {
    name: 'rfsn_exploration_probability',
    type: 'summary',
    help: 'Probability, in each decision of the policy, not to take the best direction allowed. The sum by the count is the exploration rate.',
    labels: ['robot'],
    samples: summary('rfsn_exploration_probability', ({ decisions }) => [decisions.explorationSum, decisions.judged]),
  },
  {
    name: 'rfsn_decisions_dropped_total',
    type: 'counter',
    help: 'Decision records that were overwritten before the main thread read them: logs, pages and metrics lack them.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.droppedDecisions),
  },
  {
    name: 'rfsn_explanations_dropped_total',
    type: 'counter',
    help: 'Explanations that were overwritten before the main thread read them.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.droppedExplanations),
  },
  {
    name: 'rfsn_goals_total',
    type: 'counter',
    help: 'Goals that were set.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('goals')),
  },
  {
    name: 'rfsn_arrivals_total',
    type: 'counter',
    help: 'Goals that were reached.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('arrivals')),
  },
  {
    name: 'rfsn_episodes_total',
    type: 'counter',
    help: 'Episodes that have ended, by outcome. The simulator’s alone: a robot has none.',
    labels: ['robot', 'outcome'],
    samples: perRobotBy('outcome', (robot) => EPISODE_OUTCOMES.map((outcome) => [outcome, robot.episodes[outcome]])),
  },
  {
    name: 'rfsn_collisions_at_fault_total',
    type: 'counter',
    help: 'Episodes that ended with a collision which the robot’s own motion brought about.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.collisionsAtFault),
  },
];

const LEARNING: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_updates_total',
    type: 'counter',
    help: 'Decisions that the policy has learned from.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('learned')),
  },
  {
    name: 'rfsn_policy_updates',
    type: 'gauge',
    help: 'Decisions that what the policy holds now was learned from, those of earlier runs among them.',
    labels: ['robot'],
    samples: perRobot(({ source }) => source.updates()),
  },
  {
    name: 'rfsn_rewards_total',
    type: 'counter',
    help: 'Rewards that were paid, learned from or not.',
    labels: ['robot'],
    samples: perRobot(({ decisions }) => decisions.rewards),
  },
  {
    name: 'rfsn_reward_gained_total',
    type: 'counter',
    help: 'Sum of rewards over the cycles in which it was above 0. A sum of rewards of either sign would fall, which no counter may.',
    labels: ['robot'],
    samples: perRobot(({ decisions }) => decisions.gained),
  },
  {
    name: 'rfsn_reward_lost_total',
    type: 'counter',
    help: 'Sum of rewards over the cycles in which it was below 0, as a positive number. What was gained less what was lost is the sum of all.',
    labels: ['robot'],
    samples: perRobot(({ decisions }) => decisions.lost),
  },
  {
    name: 'rfsn_reward_mean',
    type: 'gauge',
    help: 'Mean reward of a decision over about the last thousand; absent before the first.',
    labels: ['robot'],
    samples: perRobot(({ decisions }) => (Number.isNaN(decisions.rewardMean) ? null : decisions.rewardMean)),
  },
  {
    name: 'rfsn_value_squared_error',
    type: 'summary',
    help: 'Squared difference between a reward and the value that its decision was chosen by. Of several rewards paid in one cycle the last is compared.',
    labels: ['robot'],
    samples: summary('rfsn_value_squared_error', ({ decisions }) => [decisions.squaredErrorSum, decisions.compared]),
  },
  {
    name: 'rfsn_drift_alarms_total',
    type: 'counter',
    help: 'Alarms of the policy’s watch for drift: its errors have risen.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.counter('driftAlarms')),
  },
  {
    name: 'rfsn_feedback_total',
    type: 'counter',
    help: 'What became of rewards from outside, and of the decisions that waited for them: joined, ignored, expired, overwritten (of those expired, for want of room), duplicate, late, unknown, refused, dropped (overwritten in the ring before a cycle saw them).',
    labels: ['robot', 'outcome'],
    samples: perRobotBy('outcome', (robot) => [
      ...robot.source.feedback.map((outcome, i) => [outcome, robot.counter('feedback', i)] as const),
      ['dropped', robot.counter('feedbackDropped')],
    ]),
  },
  {
    name: 'rfsn_waiting_decisions',
    type: 'gauge',
    help: 'Decisions that wait for their reward.',
    labels: ['robot'],
    samples: perRobot((robot) => robot.level('waiting')),
  },
];

const CHECKPOINTS: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_checkpoints_saved_total',
    type: 'counter',
    help: 'Checkpoints that were written.',
    labels: ['robot'],
    samples: perRobot((robot) => (robot.source.checkpoint() === null ? null : robot.saves.done)),
  },
  {
    name: 'rfsn_checkpoint_failures_total',
    type: 'counter',
    help: 'Checkpoints that could not be written. Each is tried again.',
    labels: ['robot'],
    samples: perRobot((robot) => (robot.source.checkpoint() === null ? null : robot.saveFailures)),
  },
  {
    name: 'rfsn_checkpoint_age_seconds',
    type: 'gauge',
    help: 'Time since the newest checkpoint was taken; absent where there is none.',
    labels: ['robot'],
    samples: perRobot(({ source }) => {
      const checkpoint = source.checkpoint();
      if (checkpoint === null || Number.isNaN(checkpoint.savedUnixMs)) return null;
      return Math.max(0, Date.now() - checkpoint.savedUnixMs) / 1e3;
    }),
  },
];

function vital(field: number): (scrape: Scrape) => Sample[] {
  return perRobot(({ vitals }) => (vitals === null ? null : vitals[field]));
}

const CONTROL_THREAD: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_control_heap_used_bytes',
    type: 'gauge',
    help: 'Of the control thread’s own heap, what is in use.',
    labels: ['robot'],
    samples: vital(VitalsField.heapUsedBytes),
  },
  {
    name: 'rfsn_control_heap_total_bytes',
    type: 'gauge',
    help: 'Of the control thread’s own heap, what V8 has reserved.',
    labels: ['robot'],
    samples: vital(VitalsField.heapTotalBytes),
  },
  {
    name: 'rfsn_control_gc_pauses_total',
    type: 'counter',
    help: 'Pauses of the control thread for V8’s collector since it was first asked, by kind.',
    labels: ['robot', 'kind'],
    samples: perRobotBy('kind', (robot) =>
      robot.vitals === null ? [] : GC_KIND_NAMES.map((name, kind) => [name, robot.gcCount(kind)]),
    ),
  },
  {
    name: 'rfsn_control_gc_pause_seconds_total',
    type: 'counter',
    help: 'Time that the control thread has stood still for V8’s collector since it was first asked, by kind.',
    labels: ['robot', 'kind'],
    samples: perRobotBy('kind', (robot) =>
      robot.vitals === null ? [] : GC_KIND_NAMES.map((name, kind) => [name, robot.gcPauseS(kind)]),
    ),
  },
  {
    name: 'rfsn_control_gc_longest_pause_seconds',
    type: 'gauge',
    help: 'The longest single pause of the control thread since it was first asked.',
    labels: ['robot'],
    samples: perRobot(({ vitals }) => (vitals === null ? null : vitals[VitalsField.gcLongestNs] / 1e9)),
  },
  {
    name: 'rfsn_control_unanswered_total',
    type: 'counter',
    help: 'Requests for the figures above that the control thread did not answer in time.',
    labels: ['robot'],
    samples: perRobot((robot) => (robot.source.thread === null ? null : robot.vitalsFailures)),
  },
  {
    name: 'rfsn_shared_memory_bytes',
    type: 'gauge',
    help: 'Size of the block that the two threads share, fixed before the first cycle.',
    labels: ['robot'],
    samples: perRobot(({ source }) => source.memory.layout.totalBytes),
  },
];

const PROCESS: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_build_info',
    type: 'gauge',
    help: 'Always 1; versions of rfsn-controller and of Node.',
    labels: ['version', 'node'],
    samples: ({ version }) => [{ value: 1, labels: { version, node: process.version } }],
  },
  {
    name: 'rfsn_metrics_failures_total',
    type: 'counter',
    help: 'Metrics that a scrape had to leave out because what they measure could not be read; should stay 0.',
    labels: [],
    samples: ({ failures }) => single(failures),
  },
  {
    name: 'rfsn_process_start_time_seconds',
    type: 'gauge',
    help: 'When the process started, since 1970.',
    labels: [],
    samples: (scrape) => single(scrape.process.startedS),
  },
  {
    name: 'rfsn_process_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time of all threads, user and system.',
    labels: [],
    samples: (scrape) => single(scrape.process.cpuS),
  },
  {
    name: 'rfsn_process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of the process, both threads and all that they share.',
    labels: [],
    samples: (scrape) => single(scrape.process.residentBytes),
  },
  {
    name: 'rfsn_main_heap_used_bytes',
    type: 'gauge',
    help: 'Of the main thread’s heap, what is in use.',
    labels: [],
    samples: (scrape) => single(scrape.process.heapUsedBytes),
  },
  {
    name: 'rfsn_main_heap_total_bytes',
    type: 'gauge',
    help: 'Of the main thread’s heap, what V8 has reserved.',
    labels: [],
    samples: (scrape) => single(scrape.process.heapTotalBytes),
  },
  {
    name: 'rfsn_main_external_bytes',
    type: 'gauge',
    help: 'Memory outside the main thread’s heap that objects in it hold, such as buffers.',
    labels: [],
    samples: (scrape) => single(scrape.process.externalBytes),
  },
  {
    name: 'rfsn_main_gc_pauses_total',
    type: 'counter',
    help: 'Pauses of the main thread for V8’s collector, by kind.',
    labels: ['kind'],
    samples: ({ process }) => GC_KIND_NAMES.map((kind, i) => ({ value: process.gcCount[i], labels: { kind } })),
  },
  {
    name: 'rfsn_main_gc_pause_seconds_total',
    type: 'counter',
    help: 'Time that the main thread has stood still for V8’s collector, by kind.',
    labels: ['kind'],
    samples: ({ process }) => GC_KIND_NAMES.map((kind, i) => ({ value: process.gcPauseS[i], labels: { kind } })),
  },
  {
    name: 'rfsn_main_gc_longest_pause_seconds',
    type: 'gauge',
    help: 'The longest single pause of the main thread.',
    labels: [],
    samples: (scrape) => single(scrape.process.gcLongestS),
  },
];

const FLIGHT_LOG: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_log_bytes_total',
    type: 'counter',
    help: 'Bytes of flight log that were written.',
    labels: ['robot'],
    samples: perLog(({ bytes }) => bytes),
  },
  {
    name: 'rfsn_log_messages_total',
    type: 'counter',
    help: 'Messages of flight log that were written, those to files that somebody removed meanwhile among them.',
    labels: ['robot'],
    // Those removed are no longer among those written, and a counter must not fall.
    samples: perLog(({ written, lostRemoved }) => written + lostRemoved),
  },
  {
    name: 'rfsn_log_lost_messages_total',
    type: 'counter',
    help: 'Messages that were not written, by cause: queue (too much waited for the disk), disk (it took nothing until the end), removed (somebody removed the file meanwhile).',
    labels: ['robot', 'cause'],
    samples: ({ logs }) =>
      [...logs].flatMap(([robot, { counters }]) => [
        { value: counters.lostQueue, labels: { robot, cause: 'queue' } },
        { value: counters.lostDisk, labels: { robot, cause: 'disk' } },
        { value: counters.lostRemoved, labels: { robot, cause: 'removed' } },
      ]),
  },
  {
    name: 'rfsn_log_parts_total',
    type: 'counter',
    help: 'Files of flight log that were begun.',
    labels: ['robot'],
    samples: perLog(({ parts }) => parts),
  },
];

const PAGE: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_page_clients',
    type: 'gauge',
    help: 'Pages that are connected.',
    labels: [],
    samples: ({ page }) => single(page?.clients),
  },
  {
    name: 'rfsn_page_frames_total',
    type: 'counter',
    help: 'Frames that were sent to pages.',
    labels: [],
    samples: ({ page }) => single(page?.framesSent),
  },
  {
    name: 'rfsn_page_skipped_frames_total',
    type: 'counter',
    help: 'Frames that were left out because a page did not take them in time.',
    labels: [],
    samples: ({ page }) => single(page?.skippedFrames),
  },
  {
    name: 'rfsn_page_refused_total',
    type: 'counter',
    help: 'Pages and requests that were refused or let go, by reason: host, origin, token (wrong ones), crowded (as many were open as are allowed), evicted, too_many (messages), garbage, lost (took nothing or answered nothing any more).',
    labels: ['reason'],
    samples: ({ page }) => by('reason', page?.refused),
  },
];

const LINK: Omit<MetricFamily, 'group'>[] = [
  {
    name: 'rfsn_link_frames_total',
    type: 'counter',
    help: 'Frames that reached the drive socket.',
    labels: [],
    samples: ({ link }) => single(link?.counters?.frames),
  },
  {
    name: 'rfsn_link_accepted_total',
    type: 'counter',
    help: 'Messages of robots that were acted on, by type.',
    labels: ['message'],
    samples: ({ link }) => by('message', link?.counters?.accepted),
  },
  {
    name: 'rfsn_link_rejected_total',
    type: 'counter',
    help: 'Frames and messages of robots that were not, by code of the error.',
    labels: ['code'],
    samples: ({ link }) => by('code', link?.counters?.rejected),
  },
  {
    name: 'rfsn_link_refused_total',
    type: 'counter',
    help: 'Hellos of robots that were refused, by code.',
    labels: ['code'],
    samples: ({ link }) => by('code', link?.counters?.refused),
  },
  {
    name: 'rfsn_link_sent_total',
    type: 'counter',
    help: 'Messages that were sent to robots, by type.',
    labels: ['message'],
    samples: ({ link }) => by('message', link?.counters?.sent),
  },
  {
    name: 'rfsn_link_events_total',
    type: 'counter',
    help: 'What else became of robots’ frames and sessions, by name, such as late, dropped, begun, resumed, released, cut_off, unanswered; faults are exceptions that nobody expected.',
    labels: ['event'],
    samples: ({ link }) => by('event', link?.counters?.events),
  },
  {
    name: 'rfsn_link_peers',
    type: 'gauge',
    help: 'Peers that have shaken hands, by socket.',
    labels: ['socket'],
    samples: ({ link }) => by('socket', link?.peers),
  },
  {
    name: 'rfsn_link_failed_handshakes_total',
    type: 'counter',
    help: 'Handshakes that failed, whatever the reason, by socket.',
    labels: ['socket'],
    samples: ({ link }) => by('socket', link?.failedHandshakes),
  },
  {
    name: 'rfsn_link_refused_handshakes_total',
    type: 'counter',
    help: 'Handshakes that were refused, by reason: key, peers (too many), mechanism, domain, request.',
    labels: ['reason'],
    samples: ({ link }) => by('reason', link?.refusedHandshakes),
  },
  {
    name: 'rfsn_link_unsent_total',
    type: 'counter',
    help: 'Messages that libzmq would not take.',
    labels: [],
    samples: ({ link }) => single(link?.unsent),
  },
  {
    name: 'rfsn_link_failed_key_readings_total',
    type: 'counter',
    help: 'Times that a folder of keys could not be read, and its list stayed as it was.',
    labels: [],
    samples: ({ link }) => single(link?.failedKeyReadings),
  },
  {
    name: 'rfsn_link_faults_total',
    type: 'counter',
    help: 'Times that something of the link’s own failed that runs by a timer.',
    labels: [],
    samples: ({ link }) => single(link?.faults),
  },
  {
    name: 'rfsn_link_deaf_sockets',
    type: 'gauge',
    help: 'Sockets that were opened and listen no more.',
    labels: [],
    samples: ({ link }) => single(link?.deaf.length),
  },
  {
    name: 'rfsn_link_requests_total',
    type: 'counter',
    help: 'Requests of administrators by outcome: done, muted (not looked at), or the code of the error.',
    labels: ['outcome'],
    samples: ({ link }) => by('outcome', link?.requests),
  },
];

const BY_GROUP: Readonly<Record<string, readonly Omit<MetricFamily, 'group'>[]>> = {
  Cycle: CYCLE,
  Safety: SAFETY,
  Inputs: INPUTS,
  Decisions: DECISIONS,
  Learning: LEARNING,
  Checkpoints: CHECKPOINTS,
  'Control thread': CONTROL_THREAD,
  Process: PROCESS,
  'Flight log': FLIGHT_LOG,
  Page: PAGE,
  Link: LINK,
};

/** All of them, in the reference's order. */
export const METRIC_FAMILIES: readonly MetricFamily[] = Object.entries(BY_GROUP).flatMap(([group, families]) =>
  families.map((family) => ({ group, ...family })),
);
