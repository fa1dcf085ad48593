/** What watchers are told of a controller five times a second, and administrators when they ask. Main thread. */

import type { StateReport } from '../io/zeromq/protocol/telemetry-reports.js';
import type { LinkCounters } from '../io/zeromq/session/link-counters.js';
import type { SessionStatus } from '../io/zeromq/session/session-status.js';
import type { LinkTraffic } from '../io/zeromq/zeromq-port.js';
import { Counter, Level } from '../loop/statistics.js';
import { INTAKE_REASONS } from '../memory/layout.js';
import { FAILED_BEAMS, INPUT_NAMES, REASON_NAMES } from '../sense/validating-sink.js';
import type { ControllerHost } from './controller-host.js';
import { interventionsByReason } from './episode-tally.js';

/** What the link knows of itself; where robots are driven through it, of that too. */
export interface LinkFigures {
  traffic: LinkTraffic;
  counters?: LinkCounters;
  session?: SessionStatus | undefined;
}

export interface StateOf {
  host: ControllerHost;
  /** Whose topic it goes to. */
  robot: string;
  /** A robot is there, through whatever port. */
  present: boolean;
  ending: boolean;
  link: LinkFigures;
}

/** A fresh report; the caller owns it. @realtime unsafe (walks histograms) */
export function stateReport({ host, robot, present, ending, link }: StateOf): StateReport {
  const { controller } = host;
  const { statistics, memory } = controller;
  const { counters, interventions, levels } = statistics;
  const recent = Number.isNaN(host.cycleRate) ? statistics : host.window;
  const { session, traffic, counters: frames } = link;
  return {
    t: controller.clock.nowNs() / 1e9,
    robot,
    ...(session === undefined ? {} : { session: session.session, mode: session.mode }),
    state: nameOfState({ host, present, ending, session }),
    armed: host.armed,
    frozen: host.frozen,
    why: session?.why ?? host.why,
    rate: finite(host.cycleRate),
    cycles: counters[Counter.cycles],
    misses: { late: counters[Counter.missesWokenLate], long: counters[Counter.missesComputedLong] },
    lateness: quantiles(recent.lateness),
    compute: quantiles(recent.compute),
    age: { odom: finite(host.odometryAgeS), ranges: finite(host.rangesAgeS), contacts: finite(host.contactsAgeS) },
    updates: host.updates,
    reward: counters[Counter.rewards] === 0 ? null : levels[Level.rewardSum] / counters[Counter.rewards],
    interventions: interventionsByReason(interventions),
    breaker: counters[Counter.breakerOpen] === 1,
    drift_alarms: counters[Counter.driftAlarms],
    readings: readingsRefused(memory.intake),
    ...(frames === undefined
      ? {}
      : {
          rejected: nonZero(frames.rejected),
          refused: nonZero(frames.refused),
          released: frames.released,
          cut_off: frames.cutOff,
        }),
    peers: traffic.peers,
    lost_decisions: memory.decisions.droppedCount,
    memory_bytes: residentBytes(),
    policy: host.parameters.policy,
  };
}

let residentRead = 0;

/** Resident memory [bytes], as it could last be read: that opens a file, and the process may have none left to open. */
function residentBytes(): number {
  try {
    residentRead = process.memoryUsage.rss();
  } catch {
    // The run matters more than the figure.
  }
  return residentRead;
}

function nameOfState(of: Omit<StateOf, 'link' | 'robot'> & { session: SessionStatus | undefined }): string {
  if (of.ending) return 'ending';
  if (!of.present) return 'idle';
  if (of.host.halted || of.session?.stopped === true) return 'stopped';
  return of.host.armed ? 'driving' : 'waiting';
}

function quantiles(histogram: { quantile(q: number): number }): [number | null, number | null] {
  return [seconds(histogram.quantile(0.5)), seconds(histogram.quantile(0.99))];
}

function seconds(ns: number): number | null {
  return finite(ns / 1e9);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function nonZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** By input and reason; beams that failed are counted among the reasons of ranges. What is 0 is left out. */
function readingsRefused(intake: Int32Array): Record<string, Record<string, number>> {
  const found: Record<string, Record<string, number>> = {};
  for (let input = 0; input < INPUT_NAMES.length; input++) {
    const at = input * INTAKE_REASONS;
    const reasons: Record<string, number> = {};
    for (let reason = 1; reason < REASON_NAMES.length; reason++) {
      if (intake[at + reason] > 0) reasons[REASON_NAMES[reason]] = intake[at + reason];
    }
    if (intake[at + FAILED_BEAMS] > 0) reasons['failed_beams'] = intake[at + FAILED_BEAMS];
    if (Object.keys(reasons).length > 0) found[INPUT_NAMES[input]] = reasons;
  }
  return found;
}
