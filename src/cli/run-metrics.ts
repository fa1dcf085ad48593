/** A run, its link and what else goes on beside it, as metrics see them. Main thread. */

import type { PageServer } from '../dashboard/server.js';
import type { LinkCounters } from '../io/zeromq/session/link-counters.js';
import type { RequestCounters } from '../io/zeromq/socket/request-channel.js';
import type { LinkTraffic } from '../io/zeromq/zeromq-port.js';
import { bucketStartNs, Counter } from '../loop/statistics.js';
import { PendingCount } from '../policy/pending-rewards.js';
import { FAILED_BEAMS, INPUT_NAMES, REASON_NAMES } from '../sense/validating-sink.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { EpisodeOutcome } from '../telemetry/metrics-robot.js';
import type { CheckpointSource, Counts, LinkSource, PageSource, RobotSource } from '../telemetry/metrics-source.js';
import type { RobotFollower, RunUnderWay } from './beside-run.js';
import { OUTCOME_NAMES } from './episode-tally.js';

/** Shows a robot's metrics from now on, until the follower that is returned is ended. @throws as `Metrics.follow` */
export function followWithMetrics(metrics: Metrics, run: RunUnderWay): RobotFollower {
  /** On a virtual clock nobody keeps the saves but who is told of them. */
  let told: CheckpointSource | null = null;
  const robot = metrics.follow(robotSourceOf(run, () => run.host?.checkpointing ?? told));
  const endDecisions = run.taps.onDecision((record) => robot.decision(record));
  return {
    saved: () => {
      told = { failures: 0, savedUnixMs: Date.now() };
      robot.saved();
    },
    episode: ({ outcome, atFault }) => {
      if (outcome > 0) robot.episode(OUTCOME_NAMES[outcome] as EpisodeOutcome, atFault);
    },
    end: async () => {
      endDecisions();
      metrics.leave(robot);
    },
  };
}

function robotSourceOf(run: RunUnderWay, checkpoint: () => CheckpointSource | null): RobotSource {
  const { robot, continued, control, taps, clock, host } = run;
  const { memory, statistics } = taps;
  return {
    ...{ robot, continued, memory, statistics, bucketStartNs, checkpoint },
    parameters: control.parameters,
    counterIndex: Counter,
    inputs: INPUT_NAMES,
    rejections: REASON_NAMES,
    failedBeams: FAILED_BEAMS,
    feedback: Object.keys(PendingCount),
    nowNs: () => clock.nowNs(),
    thread: host === null ? null : { state: () => host.controller.state, vitals: () => host.controller.vitals() },
    updates: () => host?.updates ?? run.updates + statistics.counters[Counter.learned],
  };
}

/** A ZeroMQ link: `ZeromqPort`, or `ZeromqWatch`, which has no robots. */
export interface LinkFigures {
  readonly traffic: LinkTraffic;
  readonly requests: RequestCounters | null;
  readonly counters?: LinkCounters;
}

/** Read anew with each scrape. */
export function linkSourceOf(link: LinkFigures): LinkSource {
  return {
    get counters() {
      const { counters } = link;
      if (counters === undefined) return null;
      const { frames, accepted, rejected, refused, sent } = counters;
      return { frames, accepted, rejected, refused, sent, events: eventsOf(counters) };
    },
    get peers() {
      return link.traffic.peers;
    },
    get failedHandshakes() {
      return link.traffic.failedHandshakes;
    },
    get refusedHandshakes() {
      return link.traffic.refused;
    },
    get unsent() {
      return link.traffic.unsent;
    },
    get failedKeyReadings() {
      return link.traffic.failedKeyReadings;
    },
    get faults() {
      return link.traffic.faults;
    },
    get deaf() {
      return link.traffic.deaf;
    },
    get requests() {
      const { requests } = link;
      return requests === null ? null : { done: requests.done, muted: requests.muted, ...requests.rejected };
    },
  };
}

/** Read anew with each scrape. */
export function pageSourceOf(server: PageServer): PageSource {
  return {
    get clients() {
      return server.clients;
    },
    get framesSent() {
      return server.counts.framesSent;
    },
    get skippedFrames() {
      return server.counts.skippedFrames;
    },
    get refused() {
      const { crowded, evicted, tooMany, garbage, lost } = server.counts;
      return { ...server.access.refused, crowded, evicted, too_many: tooMany, garbage, lost };
    },
  };
}

/** All of the link's own counters that are plain numbers, under the names of their fields in snake case. */
function eventsOf(counters: LinkCounters): Counts {
  const events: Record<string, number> = {};
  for (const [name, value] of Object.entries(counters)) {
    if (typeof value !== 'number' || name === 'frames') continue;
    events[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
  }
  return events;
}
