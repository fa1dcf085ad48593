/**
 * A process that holds the whole link and does as its parent says, so that what happens to it happens to nobody else. Told
 * over Node's own channel between processes: anything in, `LinkReport` out, and one at the start.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expectationOf } from '../../src/io/zeromq/session/expectation.js';
import type { Administration } from '../../src/io/zeromq/session/session-controller.js';
import { type LinkTraffic, ZeromqPort } from '../../src/io/zeromq/zeromq-port.js';
import { loadParameters } from '../../src/parameters/loader.js';

export interface LinkReport {
  readonly endpoints: ZeromqPort['endpoints'];
  readonly traffic: LinkTraffic;
  readonly robots: readonly string[];
  readonly senses: number;
  readonly cutOff: number;
  readonly notices: readonly string[];
  /** The most that it has been, sampled every 20 ms [bytes]. */
  readonly peakRss: number;
  readonly rss: number;
}

/** Stands still for so long, as a process that is swapped out [ms]. */
export interface LinkOrder {
  readonly holdMs?: number;
}

const parameters = loadParameters([], {
  'zeromq.drive_endpoint': 'tcp://127.0.0.1:*',
  'zeromq.watch_endpoint': 'tcp://127.0.0.1:*',
  'zeromq.administer_endpoint': 'tcp://127.0.0.1:*',
});
const administration = { robots: () => ['local'], status: () => ({ well: true }) } as unknown as Administration;
const notices: string[] = [];
const port = new ZeromqPort({
  ...{ parameters, administration, expectation: expectationOf(parameters) },
  onNotice: (text) => notices.push(text),
});
const accepted = () => 0 as const;
await port.start(
  {
    ...{ odometry: accepted, ranges: accepted, contacts: accepted, goal: accepted, feedback: accepted },
    ...{ newFrame: () => undefined, cancelGoal: () => undefined },
  },
  { read: () => false },
);

let peakRss = 0;
setInterval(() => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss());
}, 20);

function report(): void {
  const { endpoints, traffic, counters, sessions } = port;
  const rss = process.memoryUsage.rss();
  process.send?.({
    ...{ endpoints, traffic, notices, rss, peakRss: Math.max(peakRss, rss) },
    ...{ robots: sessions.map(({ robot }) => robot), senses: counters.accepted.sense, cutOff: counters.cutOff },
  } satisfies LinkReport);
}

process.on('message', ({ holdMs = 0 }: LinkOrder) => {
  const end = performance.now() + holdMs;
  while (performance.now() < end);
  report();
});
process.on('disconnect', () => void port.stop().then(() => process.exit()));
await sleep(0);
report();
