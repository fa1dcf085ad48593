/** The controller's side, as `rfsn run --port zeromq` composes it, in a process of its own. */
import { Writable } from 'node:stream';
import { LinkSession } from '../src/cli/link-session.js';
import { LiveDisplay } from '../src/cli/live-line.js';
import { StopRequest } from '../src/cli/stop-request.js';
import { StatisticsWindow } from '../src/loop/statistics.js';
import type { ParameterValues } from '../src/parameters/schema.js';
import { sleep } from './controlled.js';
import { answerCalls } from './zeromq-part.js';

export interface ServerEndpoints {
  drive: string;
  watch: string;
}

/** Quantiles of the first controller's cycles since the window began [ns]. */
export interface CycleTimes {
  computeP50Ns: number;
  computeP99Ns: number;
  latenessP50Ns: number;
  latenessP99Ns: number;
  cycles: number;
}

/** What the link counted since its start. */
export interface ServerCounts {
  /** Senses taken in. */
  senses: number;
  /** Frames refused, for whatever reason. */
  rejected: number;
}

const stop = new StopRequest();
let session: LinkSession | null = null;
let ended: Promise<unknown> = Promise.resolve();
let window: StatisticsWindow | null = null;

/** @param parameters all of them, checked already */
async function start(parameters: ParameterValues): Promise<ServerEndpoints> {
  const told: string[] = [];
  const nowhere = new Writable({
    write(chunk, _encoding, done) {
      told.push(String(chunk));
      done();
    },
  });
  session = await LinkSession.create({
    control: { parameters, rewardProgram: null, notes: [] },
    frozen: false,
    display: new LiveDisplay(nowhere as NodeJS.WriteStream),
    stop,
  });
  let over = false;
  ended = session.drive().finally(() => {
    over = true;
  });
  // One socket after the other; one that is not wanted stays without an endpoint.
  const watched = parameters['zeromq.watch_endpoint'] !== '';
  while (session.endpoints.drive === '' || (watched && session.endpoints.watch === '')) {
    if (over) throw new Error(`the link did not come up:\n${told.join('')}`);
    await sleep(5);
  }
  window = new StatisticsWindow(session.controllers[0].statistics);
  return session.endpoints;
}

/** Cycles count from now on. */
function beginWindow(): void {
  window?.advance();
}

function cycleTimes(): CycleTimes {
  if (window === null) throw new Error('no controller runs');
  window.advance();
  const { compute, lateness } = window;
  return {
    computeP50Ns: compute.quantile(0.5),
    computeP99Ns: compute.quantile(0.99),
    latenessP50Ns: lateness.quantile(0.5),
    latenessP99Ns: lateness.quantile(0.99),
    cycles: lateness.count,
  };
}

function counts(): ServerCounts {
  if (session === null) throw new Error('no link runs');
  const { accepted, rejected } = session.counters;
  return { senses: accepted.sense, rejected: Object.values(rejected).reduce((sum, one) => sum + one, 0) };
}

/** Time that all threads of this process have had [s]. */
function processor(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

answerCalls({ start, beginWindow, cycleTimes, counts, processor }, async () => {
  stop.ask('measured');
  await ended;
});
