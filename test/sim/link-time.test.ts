/** A simulation at any speed behind the link's sessions, on a controller whose clock the test holds: no socket, no thread. */
import { describe, expect, it } from 'vitest';
import { jackal, noFaults, Outcome, Simulator, scenarioOf } from '../../sim/index.js';
import { chainWorldHash } from '../../src/cli/checkpointing.js';
import { describeRobot, SensingSink } from '../../src/cli/remote-sensing.js';
import { VirtualSession } from '../../src/cli/virtual-session.js';
import { RobotDialogue } from '../../src/io/zeromq/robot/robot-dialogue.js';
import type { RobotLink } from '../../src/io/zeromq/robot/robot-link.js';
import type { SessionController } from '../../src/io/zeromq/session/session-controller.js';
import { periodNsOf } from '../../src/loop/configuration.js';
import { Counter } from '../../src/loop/statistics.js';
import { DECISION_DOUBLES, DecisionField, OrderBit } from '../../src/memory/layout.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { loopedController } from '../support/looped-controller.js';
import { SessionRig, settle } from '../support/session-rig.js';

const EPISODES = 4;
const SEED = 1;
const robot = jackal;
const parameters = loadParameters([], { random_seed: SEED });
const scenario = scenarioOf('clutter');

/** Fields that are the same whenever cycles run, and whatever clock dates them. */
const CLOCK_FIELDS: readonly number[] = [
  DecisionField.cycle,
  DecisionField.scheduledNs,
  DecisionField.latenessNs,
  DecisionField.computeNs,
  DecisionField.periodNs,
  DecisionField.rewardedCycle,
  DecisionField.odometryAgeNs,
  DecisionField.rangesAgeNs,
  DecisionField.odometryStampNs,
  DecisionField.rangesStampNs,
  DecisionField.contactsAgeNs,
  DecisionField.timeNs,
  DecisionField.silenceNs,
  DecisionField.stretch,
  DecisionField.startNs,
  // Beginning with the run, not with the episodes that are compared.
  DecisionField.odometrySequence,
  DecisionField.rangesSequence,
  DecisionField.contactsSequence,
  DecisionField.goalSequence,
  DecisionField.heartbeat,
];
const KEPT = Array.from({ length: DECISION_DOUBLES }, (_, i) => i).filter((i) => !CLOCK_FIELDS.includes(i));

/** A number of a decision, but for what starts cycles, in which they differ. */
const numberOf = (record: Float64Array, field: number): number =>
  field === DecisionField.orders ? record[field] & ~OrderBit.scheduled : record[field];

interface Result {
  successes: number;
  collisions: number;
  seconds: number;
  updates: number;
  worldHash: number;
  decisions: number[][];
  /** Decisions by episode. */
  lengths: number[];
}

function noResult(): Result {
  return { successes: 0, collisions: 0, seconds: 0, updates: 0, worldHash: 0, decisions: [], lengths: [] };
}

/** Over the link, with so much of the controller's time from sense to sense [ns]. */
async function remote(stepNs: number): Promise<Result> {
  let made: ReturnType<typeof loopedController> | null = null;
  const rig: SessionRig<SessionController> = new SessionRig<SessionController>({
    parameters,
    make: (nowNs) => {
      made = loopedController(parameters, nowNs);
      return made.controller;
    },
    // As over a socket: no answer comes before the question has been asked.
    send: (_peer, bytes) => queueMicrotask(() => dialogue.receive(bytes)),
  });
  const { loop, host } = made as unknown as ReturnType<typeof loopedController>;
  let originNs = 0;
  let simulator: Simulator | null = null;
  const peer = Buffer.from([0, 1, 2, 3, 4]);
  const dialogue: RobotDialogue = new RobotDialogue({
    robot: describeRobot(robot, 'lockstep', 'simulated', parameters.controller_frequency),
    nowS: () => (originNs + (simulator?.nowNs ?? 0)) / 1e9,
    wallS: () => rig.nowNs / 1e9,
    send: (bytes) => {
      rig.table.receive(peer, [bytes]);
      return true;
    },
  });
  dialogue.connected();
  dialogue.tick();
  await settle();
  expect(dialogue.state).toBe('driving');
  const sink = new SensingSink(dialogue as unknown as RobotLink, () => originNs, null);
  const periodNs = periodNsOf(parameters);
  const record = new Float64Array(host.memory.decisions.recordDoubles);
  const result = noResult();
  for (let episode = 0; episode < EPISODES; episode++) {
    const next = await Simulator.create({
      scenario,
      robot,
      seed: SEED,
      faults: noFaults,
      sink,
      commands: dialogue.commands,
    });
    originNs += simulator === null ? 0 : (simulator as Simulator).nowNs;
    simulator = next;
    next.startEpisode(episode);
    for (let timeNs = Math.ceil(next.nowNs / periodNs) * periodNs; ; timeNs += periodNs) {
      next.advanceTo(timeNs);
      rig.nowNs += stepNs;
      await dialogue.exchange(sink.take());
      while (host.memory.decisions.read(record)) result.decisions.push(KEPT.map((field) => numberOf(record, field)));
      if (next.outcome !== Outcome.running) break;
    }
    note(result, next);
    next.close();
  }
  expect(rig.faults).toEqual([]);
  result.updates = loop.statistics.counters[Counter.learned];
  return result;
}

/** Without a link, on the virtual clock. */
async function direct(): Promise<Result> {
  const session = await VirtualSession.create({
    parameters,
    scenario,
    robot,
    seed: SEED,
    faults: noFaults,
    frozen: false,
  });
  const record = new Float64Array(session.memory.decisions.recordDoubles);
  const result = noResult();
  for (let episode = 0; episode < EPISODES; episode++) {
    await session.renew();
    session.startEpisode(episode);
    for (let running = true; running; ) {
      running = session.advance(1);
      while (session.memory.decisions.read(record)) result.decisions.push(KEPT.map((field) => numberOf(record, field)));
    }
    note(result, session.simulator);
  }
  result.updates = session.loop.statistics.counters[Counter.learned];
  session.close();
  return result;
}

function note(result: Result, simulator: Simulator): void {
  const report = simulator.report();
  result.lengths.push(result.decisions.length - result.lengths.reduce((sum, length) => sum + length, 0));
  if (report.outcome === Outcome.success) {
    result.successes++;
    result.seconds += report.episodeTimeS;
  }
  if (report.touched) result.collisions++;
  result.worldHash = chainWorldHash(result.worldHash, simulator);
}

describe('a simulation in lockstep over the link', () => {
  it('is driven, and teaches, the same to the bit however fast it runs, and as well as without a link', async () => {
    const expected = await direct();
    expect(expected.successes).toBe(EPISODES);
    expect(expected.updates).toBeGreaterThan(500);
    // A thousandth of its own time, its own, and fifteen times as slow: still within what a controller waits.
    const [fast, ...others] = [await remote(2e4), await remote(2e7), await remote(3e8)];
    for (const other of others) expect(other).toEqual(fast);
    expect([fast.successes, fast.collisions]).toEqual([expected.successes, expected.collisions]);
    // An episode that ends between two cycles ends for the link when its last reading was taken, and without a link at
    // the next cycle: its last rewards, and all that follows from them, may differ by that. Until then nothing does.
    const untilReward = expected.lengths[0] - 1;
    expect(fast.decisions.slice(0, untilReward)).toEqual(expected.decisions.slice(0, untilReward));
    expect(Math.abs(fast.seconds / expected.seconds - 1)).toBeLessThan(0.3);
    expect(Math.abs(fast.updates / expected.updates - 1)).toBeLessThan(0.3);
  });
});
