/** A robot that is driven, as the page's source needs it: out of the run, its controller and its simulator. */
import { basename } from 'node:path';
import type { LiveFigures, LiveRobot } from '../dashboard/live-source.js';
import type { HistogramWords, Order, RobotWords, Status } from '../dashboard/wire.js';
import { periodNsOf } from '../loop/configuration.js';
import { bucketStartNs, Counter, HISTOGRAM_BUCKETS, type Histogram } from '../loop/statistics.js';
import { INTAKE_REASONS } from '../memory/layout.js';
import type { ParameterValues } from '../parameters/schema.js';
import { INPUT_NAMES, REASON_NAMES } from '../sense/validating-sink.js';
import type { RunUnderWay } from './beside-run.js';
import type { ControllerHost } from './controller-host.js';
import { interventionsByReason } from './episode-tally.js';
import { HostAdministration } from './host-administration.js';

/** Edges of the histogram that the page draws [ns]. */
const LATENESS_EDGES_NS = [1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7];

export interface LiveRobotOptions {
  readonly run: RunUnderWay;
  readonly host: ControllerHost;
  /** Where the flight log goes; empty where there is none. */
  log(): string;
}

/** @param options `run` goes on for as long as the robot is shown */
export function liveRobot({ run, host, log }: LiveRobotOptions): LiveRobot {
  const { taps, clock } = run;
  const orders = new OperatorOfPage(run, host);
  return {
    name: run.robot,
    words: robotWordsOf(host.parameters, {
      name: run.robot,
      scene: run.scenario,
      kind: 'live',
      paced: run.simulator !== null,
      saves: host.checkpointing !== null,
    }),
    firstEpisode: run.firstEpisode,
    onDecision: (listener) => taps.onDecision(listener),
    onReading: (listener) => taps.onReading(listener),
    onExplanation: (listener) => taps.onExplanation(listener),
    explain: (on) => taps.explain(on),
    unixS: (clockNs) => Number(clock.unixNs(clockNs)) / 1e9,
    nowNs: () => clock.nowNs(),
    figures: () => figuresOf(run, host, log()),
    carryOut: (order) => orders.carryOut(order),
  };
}

/**
 * A robot in words, as its page shows it.
 *
 * @param own what parameters do not say
 */
export function robotWordsOf(
  p: ParameterValues,
  own: Pick<RobotWords, 'name' | 'scene' | 'kind' | 'paced' | 'saves'>,
): RobotWords {
  const periodS = periodNsOf(p) / 1e9;
  const [x, y] = [p['robot.length'] / 2, p['robot.width'] / 2];
  return {
    ...own,
    drive: p['robot.drive'],
    footprint: [-x, -y, x, -y, x, y, -x, y],
    maxSpeed: p['robot.max_speed'],
    policy: p.policy,
    periodS,
    deadlineS: p.deadline_fraction * periodS,
    timeoutS: { odometry: p.odometry_timeout_s, ranges: p.ranges_timeout_s, contacts: p.contacts_timeout_s },
  };
}

function figuresOf(run: RunUnderWay, host: ControllerHost, log: string): LiveFigures {
  const { controller, checkpointing } = host;
  const { statistics, memory } = controller;
  const { counters } = statistics;
  const { simulator } = run;
  const recent = Number.isNaN(host.cycleRate) ? statistics : host.window;
  const saved = checkpointing !== null && checkpointing.savedPath !== '';
  return {
    state: stateOf(host),
    warning: controller.fault || host.warning,
    armed: host.armed,
    halted: host.halted,
    frozen: host.frozen,
    paused: simulator?.paused ?? false,
    speed: simulator?.speed ?? 1,
    rateHz: finite(host.cycleRate),
    cycles: counters[Counter.cycles],
    updates: host.updates,
    lateness: quantiles(recent.lateness),
    compute: quantiles(recent.compute),
    latenessHistogram: histogramWords(statistics.lateness),
    misses: { late: counters[Counter.missesWokenLate], long: counters[Counter.missesComputedLong] },
    breakerOpen: counters[Counter.breakerOpen] === 1,
    breakerOpenings: counters[Counter.breakerOpenings],
    interventions: interventionsByReason(statistics.interventions),
    refused: refusedReadings(memory.intake),
    driftAlarms: counters[Counter.driftAlarms],
    lostDecisions: memory.decisions.droppedCount,
    checkpoint: saved
      ? { file: basename(checkpointing.savedPath), ageS: (Date.now() - checkpointing.savedUnixMs) / 1e3 }
      : null,
    log,
  };
}

function stateOf({ controller }: ControllerHost): Status['state'] {
  const { state } = controller;
  return state === 'idle' || state === 'starting' ? 'running' : state;
}

/** Why nobody can be armed. */
const NO_LONGER = { dead: 'has ended', latched: 'has latched its stop', stopped: 'is stopped' } as const;

/** What a page's operator asks for, done as an administrator over a link would have it done. */
class OperatorOfPage {
  readonly #run: RunUnderWay;
  readonly #host: ControllerHost;
  readonly #administration: HostAdministration;

  constructor(run: RunUnderWay, host: ControllerHost) {
    this.#run = run;
    this.#host = host;
    this.#administration = new HostAdministration({
      robots: () => [run.robot],
      host: () => host,
      status: () => ({}),
      order: (_, order) => run.order(order),
      busy: () => run.busy(),
      who: 'page',
      tell: (text) => run.tell(text),
      // Watchers over a link look by themselves.
      changed: () => undefined,
    });
  }

  /** @throws Error with a sentence that says why not */
  async carryOut(order: Order): Promise<{ text: string; result?: unknown }> {
    const { robot } = this.#run;
    const administration = this.#administration;
    switch (order.do) {
      case 'arm':
        return this.#arm();
      case 'stop':
        administration.stop(robot);
        return { text: 'told to stand' };
      case 'freeze':
        administration.freeze(robot, order.frozen);
        return { text: order.frozen ? 'frozen: nothing is learned or explored' : 'learns again' };
      case 'save': {
        const result = await administration.save(robot);
        return { text: `saved ${result['file']}`, result };
      }
      case 'checkpoints':
        return { text: '', result: await administration.checkpoints(robot) };
      case 'restore': {
        const result = await administration.restore(robot, order.file);
        return { text: `restored ${result['file']}, after ${result['updates']} updates`, result };
      }
      case 'goal':
        return this.#goal(order.x, order.y);
      case 'pause':
      case 'step':
      case 'speed':
        return this.#pace(order);
      default:
        throw new Error('a robot at work cannot do that');
    }
  }

  #arm(): { text: string } {
    const { state } = this.#host.controller;
    if (state === 'dead' || state === 'latched' || state === 'stopped') {
      throw new Error(`not armed: the control thread ${NO_LONGER[state]}`);
    }
    const { armed } = this.#administration.go(this.#run.robot);
    if (armed === true) return { text: 'armed: the robot may move' };
    // A simulated run arms its robot itself, once, and disarms it before it ends.
    const linked = this.#run.simulator === null;
    return {
      text: `may go on, ${linked ? 'as soon as its link arms it' : 'but is not armed: the run begins or ends'}`,
    };
  }

  #goal(x: number, y: number): { text: string } {
    const { simulator } = this.#run;
    if (simulator === null) throw new Error('the robot is given its goals through its link');
    simulator.goal(x, y);
    this.#told(`goal at ${x.toFixed(2)}, ${y.toFixed(2)} m`);
    return { text: `goal at ${x.toFixed(2)}, ${y.toFixed(2)} m` };
  }

  async #pace(order: Extract<Order, { do: 'pause' | 'step' | 'speed' }>): Promise<{ text: string }> {
    const { simulator } = this.#run;
    if (simulator === null) throw new Error('time can be held only where the robot is in the embedded simulator');
    if (order.do === 'step') {
      if (!(await simulator.step())) throw new Error('no step: time went on, or the run ends');
      return { text: `one cycle on, at ${this.#host.controller.cycles}` };
    }
    if (order.do === 'speed') simulator.setSpeed(order.speed);
    else if (order.paused) simulator.pause();
    else simulator.resume();
    const text = order.do === 'speed' ? `speed ${order.speed}` : order.paused ? 'time stands still' : 'time goes on';
    this.#told(text);
    return { text };
  }

  #told(text: string): void {
    this.#run.tell(`${this.#run.robot}: ${text} (page)`);
  }
}

function histogramWords(histogram: Histogram): HistogramWords {
  const counts = new Array<number>(LATENESS_EDGES_NS.length + 1).fill(0);
  for (let i = 0, edge = 0; i < HISTOGRAM_BUCKETS; i++) {
    // A bucket belongs where it begins; it is at most 1/32 of its value wide.
    while (edge < LATENESS_EDGES_NS.length && bucketStartNs(i) >= LATENESS_EDGES_NS[edge]) edge++;
    counts[edge] += histogram.counts[i];
  }
  return { uptoS: LATENESS_EDGES_NS.map((ns) => ns / 1e9), counts };
}

function refusedReadings(intake: Int32Array): Record<string, number> {
  const found: Record<string, number> = {};
  for (let input = 0; input < INPUT_NAMES.length; input++) {
    for (let reason = 1; reason < REASON_NAMES.length; reason++) {
      const count = intake[input * INTAKE_REASONS + reason];
      if (count > 0) found[`${INPUT_NAMES[input]} ${REASON_NAMES[reason]}`] = count;
    }
  }
  return found;
}

function quantiles(histogram: { quantile(q: number): number; max: number }): number[] | null {
  const found = [histogram.quantile(0.5), histogram.quantile(0.99), histogram.max].map((ns) => ns / 1e9);
  return found.every(Number.isFinite) ? found : null;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
