/** The simulated robot's time as an operator paces it, with the real control thread: pause, single steps, speed, goals. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type EpisodeReport, jackal, noFaults, Outcome, type Scenario, SimPort, scenarioOf } from '../../sim/index.js';
import { VirtualSession } from '../../src/cli/virtual-session.js';
import { layoutSizesOf, periodNsOf, scheduleOptionsOf } from '../../src/loop/configuration.js';
import { Controller } from '../../src/loop/controller.js';
import { DECISION_DOUBLES, DecisionField, OrderBit } from '../../src/memory/layout.js';
import { Reason } from '../../src/memory/reason.js';
import { loadParameters } from '../../src/parameters/loader.js';
import type { ParameterValues } from '../../src/parameters/schema.js';
import { handmade } from './recording-sink.js';

const LIVENESS = { timeout: 30_000, interval: 5 };
const BOUND_MS = 20_000;
const SEED = 3;
/** On the controller's clock, whatever cycles are dated by; and times, which are compared by their differences. */
const CLOCK_FIELDS: readonly number[] = [
  DecisionField.scheduledNs,
  DecisionField.latenessNs,
  DecisionField.computeNs,
  DecisionField.periodNs,
  DecisionField.heartbeat,
  DecisionField.startNs,
  DecisionField.timeNs,
  DecisionField.stretch,
];
const OF_DECISIONS = Array.from({ length: DECISION_DOUBLES }, (_, i) => i).filter((i) => !CLOCK_FIELDS.includes(i));

/** A number of a decision, but for what starts cycles, in which they differ. */
const numberOf = (record: Float64Array, field: number): number =>
  field === DecisionField.orders ? record[field] & ~OrderBit.scheduled : record[field];

/** A tenth of a second a cycle, so that no deadline is missed on a machine that is busy. */
const settings = {
  controller_frequency: 10,
  deadline_fraction: 1,
  epsilon: 0.1,
  random_seed: 5,
  watchdog_timeout_s: 5,
  'safety.reaction_time_s': 0.1,
} as const;
const learner = loadParameters([], settings);
/** Whose robot gets where it is sent. */
const rule = loadParameters([], { ...settings, policy: 'fallback' });
const periodNs = periodNsOf(learner);

const running: { port: SimPort; controller: Controller }[] = [];
afterEach(async () => {
  for (const { port, controller } of running.splice(0)) {
    await controller.stop({ boundMs: BOUND_MS });
    await port.stop();
  }
});

interface PacedOptions {
  scenario?: Scenario;
  episodes?: number | null;
  parameters?: ParameterValues;
  /** The controller's time is the simulator's from its first cycle on. */
  fromStart?: boolean;
  before?: (port: SimPort) => void;
}

/** A controller and the simulator, armed. */
async function paced(options: PacedOptions) {
  const { scenario = scenarioOf('clutter'), episodes = null, parameters = learner, fromStart = true, before } = options;
  const controller = new Controller({
    sizes: layoutSizesOf(parameters),
    schedule: scheduleOptionsOf(parameters),
    parameters,
    extras: {},
    watchdogTimeoutNs: parameters.watchdog_timeout_s * 1e9,
    heartbeatTimeoutNs: parameters.heartbeat_timeout_s * 1e9,
    onStall: () => undefined,
  });
  const reports: EpisodeReport[] = [];
  const records: Float64Array[] = [];
  const port = new SimPort({
    scenario,
    robot: jackal,
    seed: SEED,
    faults: noFaults,
    clock: controller.clock,
    stepped: { controller, periodNs },
    episodes,
    onEpisodeEnd: (report) => reports.push(report),
  });
  running.push({ port, controller });
  controller.onDecision((record) => records.push(record.slice()));
  controller.arm();
  // No cycle before the port's first.
  if (fromStart) controller.simulate(controller.clock.nowNs());
  await controller.start();
  before?.(port);
  await port.start(controller.observations, controller.commands);
  const recorded = (count: number) => vi.waitFor(() => expect(records.length).toBeGreaterThanOrEqual(count), LIVENESS);
  return { controller, port, reports, records, recorded };
}

/** What must be the same in two runs, of their first `count` decisions. */
function decisionsOf(records: readonly Float64Array[], count: number): number[][] {
  return records
    .slice(0, count)
    .map((record) => [
      record[DecisionField.timeNs] - records[0][DecisionField.timeNs],
      ...OF_DECISIONS.map((field) => numberOf(record, field)),
    ]);
}

const CYCLES = 150;

/** The same run where nothing but the simulator has a clock. */
async function headless(): Promise<number[][]> {
  const session = await VirtualSession.create({
    ...{
      parameters: learner,
      scenario: scenarioOf('clutter'),
      robot: jackal,
      seed: SEED,
      faults: noFaults,
      frozen: false,
    },
  });
  session.startEpisode(0);
  const ring = session.memory.decisions;
  const record = new Float64Array(ring.recordDoubles);
  const records: Float64Array[] = [];
  while (records.length < CYCLES && session.advance(1)) {
    while (ring.read(record)) records.push(record.slice());
  }
  session.close();
  return decisionsOf(records, CYCLES);
}

describe('the simulated robot’s time', () => {
  it('stands for the controller too while it is paused: at any speed, with any pauses and steps, the same decisions', async () => {
    const expected = await headless();
    // The episode is long enough to be interrupted, and something is learned in it.
    expect(expected.length).toBeGreaterThan(60);
    const count = expected.length;

    const quick = await paced({ before: (port) => port.setSpeed(10) });
    await quick.recorded(count);
    quick.port.pause();
    expect(decisionsOf(quick.records, count)).toEqual(expected);

    const broken = await paced({ before: (port) => port.pause() });
    const { port, controller, records } = broken;
    for (let i = 1; i <= 3; i++) {
      expect(await port.step()).toBe(true);
      expect(controller.cycles).toBe(i);
    }
    port.setSpeed(10);
    port.resume();
    await broken.recorded(30);
    port.pause();
    const standsNs = () => port.simulator!.nowNs;
    // A step that was under way has been answered by then; what follows is longer than readings stay fresh.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const [pausedNs, pausedCycles] = [standsNs(), controller.cycles];
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([standsNs(), controller.cycles]).toEqual([pausedNs, pausedCycles]);
    expect(controller.state).toBe('running');
    port.setSpeed(4);
    port.resume();
    await broken.recorded(count);
    port.pause();
    expect(decisionsOf(records, count)).toEqual(expected);
  }, 60_000);

  it('makes a single step one cycle, one period on, however often it is asked for at once', async () => {
    const { port, controller, records, recorded } = await paced({ before: (port) => port.pause() });
    const cycles = controller.cycles;
    const steps = await Promise.all(Array.from({ length: 7 }, () => port.step()));
    expect(steps).toEqual(new Array(7).fill(true));
    expect(controller.cycles - cycles).toBe(7);
    await recorded(7);
    const times = records.map((record) => record[DecisionField.timeNs]);
    for (let i = 1; i < times.length; i++) expect(times[i] - times[i - 1]).toBe(periodNs);
  });

  it('pauses a run in real time where it is, and steps it from there', async () => {
    const { port, controller, records, recorded } = await paced({ fromStart: false });
    await recorded(15);
    expect(port.paced).toBe(false);
    port.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const [cycles, simulatedNs] = [controller.cycles, port.simulator!.nowNs];
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect([controller.cycles, port.simulator!.nowNs]).toEqual([cycles, simulatedNs]);
    await port.step();
    await port.step();
    expect(controller.cycles).toBe(cycles + 2);
    await recorded(cycles + 2);
    const [before, first] = records.slice(-3);
    // Time went on by no more than a period, and nothing has grown old meanwhile.
    expect(first[DecisionField.timeNs] - before[DecisionField.timeNs]).toBeLessThanOrEqual(2 * periodNs);
    expect(first[DecisionField.timeNs]).toBeGreaterThan(before[DecisionField.timeNs]);
    expect(first[DecisionField.odometryAgeNs]).toBeLessThan(0.1e9);
    expect(first[DecisionField.reason]).not.toBe(Reason.staleOdometry);
  }, 30_000);

  it('is real time again at speed 1, on the clock and by schedule, and after a pause only if asked for', async () => {
    const { port, controller, records, recorded } = await paced({ fromStart: false });
    port.setSpeed(5);
    await recorded(20);
    port.pause();
    port.resume();
    expect(port.paced).toBe(true);
    port.pause();
    port.setSpeed(1);
    expect(port.paced).toBe(true);
    port.resume();
    expect(port.paced).toBe(false);
    const before = records.length;
    const startNs = controller.clock.nowNs();
    await recorded(before + 20);
    const last = records[records.length - 1];
    expect(last[DecisionField.stretch]).toBe(0);
    // Its time is the clock's.
    expect(last[DecisionField.timeNs]).toBeGreaterThan(startNs);
    expect(last[DecisionField.timeNs]).toBe(last[DecisionField.scheduledNs] + last[DecisionField.latenessNs]);
    expect(last[DecisionField.odometryAgeNs]).toBeLessThan(0.2e9);
  }, 30_000);

  it('runs one episode after another, each seen to its end by a cycle', async () => {
    const near = handmade(() => {}, { goalX: 1, goalTolerance: 0.3, timeLimitS: 30 });
    const { port, reports, records } = await paced({
      scenario: near,
      episodes: 3,
      before: (port) => port.setSpeed(10),
    });
    await vi.waitFor(() => expect(port.health().detail).toMatch(/stopped after 3 episodes/), LIVENESS);
    expect(reports.map(({ outcome }) => outcome)).toEqual([Outcome.success, Outcome.success, Outcome.success]);
    // They are read a tick later.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const arrivals = new Set(
      records.filter((record) => record[DecisionField.arrived] === 1).map((record) => record[DecisionField.goalCount]),
    );
    expect([...arrivals]).toEqual(expect.arrayContaining([1, 2, 3]));
  }, 30_000);

  it('takes the robot to another goal with its whole time, which ends the episode, and says so', async () => {
    const far = { startX: 4, startY: 1, startYaw: 2, goalX: 400, goalTolerance: 0.3, timeLimitS: 15 };
    const { port, reports, records, recorded } = await paced({
      scenario: handmade(() => {}, far),
      parameters: rule,
      before: (port) => port.setSpeed(10),
    });
    const ends: number[][] = [];
    await recorded(100);
    const { poseX, poseY } = DecisionField;
    const pose = records[records.length - 1];
    const [x, y] = [pose[poseX] - 8, pose[poseY] + 8];
    port.goal(x, y);
    // In `odom`, whose origin is the start.
    const world = [4 + Math.cos(2) * x - Math.sin(2) * y, 1 + Math.sin(2) * x + Math.cos(2) * y];
    while (reports.length === 0) {
      const { x, y } = port.simulator!;
      ends.push([x, y]);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(reports[0]).toMatchObject({ outcome: Outcome.success, redirected: true });
    expect(reports[0].episodeTimeS).toBeGreaterThan(15);
    const [endX, endY] = ends[ends.length - 1];
    // As it was seen a moment before its end, two decimetres a cycle.
    expect(Math.hypot(endX - world[0], endY - world[1])).toBeLessThan(0.3 + 0.5);
    await vi.waitFor(() => expect(reports).toHaveLength(2), LIVENESS);
    // The next is the world's own task again.
    expect(reports[1]).toMatchObject({ outcome: Outcome.timeout, redirected: false });
  }, 30_000);

  it('refuses a goal that is none, a speed beyond its bounds, and any pace without a controller to hold', async () => {
    const { port } = await paced({ before: (port) => port.pause() });
    expect(() => port.goal(Number.NaN, 0)).toThrow('no goal: (NaN, 0) is no place that a robot could be at');
    expect(port.simulator!.redirected).toBe(false);
    expect(() => port.setSpeed(11)).toThrow('a speed of 11; allowed: 0.1 to 10 simulated seconds a second');
    expect(() => port.setSpeed(Number.NaN)).toThrow(RangeError);
    expect(port.speed).toBe(1);
    const { controller } = running[running.length - 1];
    const alone = new SimPort({ scenario: scenarioOf('clutter'), clock: controller.clock, episodes: 1 });
    expect(() => alone.pause()).toThrow('time cannot be paced: the controller keeps its own');
    expect(() => alone.goal(1, 1)).toThrow('no goal: the simulator does not run');
    expect(port.health().detail).toBe('Episode 0 of clutter, paused.');
  });

  it('answers steps with no when the port is stopped', async () => {
    const { port } = await paced({ before: (port) => port.pause() });
    await port.stop();
    expect(await port.step()).toBe(false);
  });

  it('does not keep a robot going whose main thread is lost', async () => {
    const { port, controller, records, recorded } = await paced({ before: (port) => port.setSpeed(10) });
    await recorded(40);
    port.pause();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const cycles = controller.cycles;
    const command = { vx: 1, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: 0 };
    // This thread shows no life while it sleeps.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
    expect(controller.cycles).toBeGreaterThan(cycles);
    controller.commands.read(command);
    expect(command).toMatchObject({ vx: 0, vy: 0, yawRate: 0 });
    expect([Reason.staleOdometry, Reason.staleRanges, Reason.heartbeatLost]).toContain(command.reason);
    // The robot's time has stood, and goes on where it was.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = records[cycles - 1][DecisionField.timeNs];
    expect(records[records.length - 1][DecisionField.timeNs]).toBe(before);
    const silent = controller.cycles;
    await port.step();
    await recorded(silent + 1);
    expect(controller.cycles).toBe(silent + 1);
    expect(records[silent][DecisionField.timeNs]).toBe(before + periodNs);
    expect(records[silent][DecisionField.silenceNs]).toBe(0);
  }, 30_000);
});
