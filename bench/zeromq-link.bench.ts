/**
 * How long a sense takes until its command is there, over the link in lockstep, against a bare echo of messages of the
 * same sizes in the same runtime: by turns, so that the machine's mood falls on both.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dealer } from 'zeromq';
import { defaultParameters, type ParameterValues } from '../src/parameters/schema.js';
import { atMost, type Benchmark, type BenchmarkOptions, type Figures, type Report, type Target } from './benchmark.js';
import { sleep } from './controlled.js';
import { median, quantile, timer } from './measure.js';
import { Situation } from './situation.js';
import { type Client, cppClient, pythonClient, type RoundTrips } from './zeromq-clients.js';
import type { EchoOptions } from './zeromq-echo.js';
import { Part } from './zeromq-part.js';
import { MeasuringRobot, read } from './zeromq-robot.js';
import { Senses, type SenseWriter } from './zeromq-senses.js';
import type { ServerEndpoints } from './zeromq-server.js';

/** Exchanges before each half of a round, not measured: the side that idled meanwhile warms up. */
const WARM_UP = 100;
/** Between the halves, so that the end of a session does not fall into the other's time [ms]. */
const PAUSE_MS = 50;
/** How often a paced robot sends [Hz]. */
const PACE_HZ = 200;

interface Sizes {
  rounds: number;
  /** Exchanges of each half of a round: back to back, and paced. */
  straight: number;
  paced: number;
  cycles: number;
}

/** How long the client of each language exchanges in each round [s]. */
const CLIENT_SECONDS = { tiny: 0.1, quick: 1, full: 5 };
const CLIENT_ROUNDS = { tiny: 1, quick: 1, full: 5 };

/** One side of the comparison. */
interface Side {
  /** Exchanges to be measured follow. */
  begin(): Promise<void>;
  socket: Dealer;
  next(): Buffer;
  answers(bytes: Uint8Array): boolean;
  end(): Promise<void>;
}

async function run(options: BenchmarkOptions): Promise<Report> {
  const sizes: Sizes = options.tiny
    ? { rounds: 1, straight: 50, paced: 10, cycles: 20 }
    : options.quick
      ? { rounds: 5, straight: 1500, paced: 300, cycles: 256 }
      : { rounds: 15, straight: 4000, paced: 600, cycles: 1024 };
  const folder = await mkdtemp(join(tmpdir(), 'rfsn-bench-'));
  const senses = new Senses(await Situation.record({ cycles: sizes.cycles, seed: options.seed }));
  const echo = new Part('zeromq-echo');
  const figures: Record<string, Figures> = {};
  const targets: Target[] = [];
  let bytes = { sense: 0, command: 0 };
  try {
    let echoes: string[] = [];
    for (const transport of ['tcp', 'ipc'] as const) {
      const server = new Part('zeromq-server');
      try {
        const endpoint = transport === 'tcp' ? 'tcp://127.0.0.1:*' : `ipc://${join(folder, 'drive')}`;
        const parameters: ParameterValues = {
          ...defaultParameters(),
          'zeromq.drive_endpoint': endpoint,
          'zeromq.watch_endpoint': '',
          'zeromq.administer_endpoint': '',
          // Back to back, one robot sends some ten thousand a second.
          'zeromq.peer_rate': 1_000_000,
          model_dir: join(folder, transport),
          random_seed: options.seed,
        };
        const { drive } = await server.call<ServerEndpoints>('start', parameters);
        const ours = new Ours(
          new MeasuringRobot({
            endpoint: drive,
            name: 'robot',
            mode: 'lockstep',
            rate: parameters.controller_frequency,
            senses: senses.copy(),
          }),
        );
        if (echoes.length === 0) {
          const example = await ours.example();
          bytes = { sense: example.sense.length, command: example.command.length };
          const listen: EchoOptions = {
            endpoints: ['tcp://127.0.0.1:*', `ipc://${join(folder, 'echo')}`],
            reply: example.command,
          };
          echoes = await echo.call<string[]>('listen', listen);
        }
        const theirs = new Echo(echoes[transport === 'tcp' ? 0 : 1], senses.copy());
        try {
          for (const [pace, paceHz, count] of [
            ['straight', null, sizes.straight],
            ['paced', PACE_HZ, sizes.paced],
          ] as const) {
            const title = `link_${transport}_${pace}`;
            const measured = await compare(ours, theirs, sizes.rounds, count, paceHz);
            figures[title] = measured;
            const how = `sense → command over ${transport}, ${paceHz === null ? 'back to back' : `${paceHz} a second`}`;
            targets.push(
              atMost(`${how}, p50, to a bare echo`, Number(measured.ratio_p50), 1.5),
              atMost(`${how}, p99, to a bare echo`, Number(measured.ratio_p99), 1.5),
            );
          }
          if (transport === 'tcp')
            figures['link_clients'] = await compareClients(ours, drive, parameters, folder, options);
        } finally {
          ours.close();
          theirs.close();
        }
      } finally {
        await server.end();
      }
    }
  } finally {
    await echo.end();
    await rm(folder, { recursive: true, force: true });
  }
  return {
    figures,
    targets,
    notes: [
      `Senses of ${bytes.sense.toLocaleString('en')} bytes (720 beams of a recorded drive in \`clutter\`, odometry, contacts, ` +
        `goal), commands of ${bytes.command}. The controller as \`rfsn run --port zeromq\` starts it, in a process of its ` +
        'own; a cycle on its control thread makes each command. The echo is a ROUTER that decodes nothing and answers with ' +
        `a command’s bytes, in a process of its own, with the same binding. ${sizes.rounds} rounds of both by turns, a new ` +
        'session in each; medians over the rounds of their quantiles, and of their ratios.',
      'Round trips a second back to back over TCP with each language’s client, by turns: the measuring one in Node sends ' +
        'what it encoded before; those in Python and C++ are the ones of `examples/zeromq`, which encode each sense and ' +
        'check each command.',
    ],
  };
}

/** The controller's side: a session from `begin` to `end`. */
class Ours implements Side {
  readonly #robot: MeasuringRobot;

  constructor(robot: MeasuringRobot) {
    this.#robot = robot;
  }

  get socket(): Dealer {
    return this.#robot.socket;
  }

  async begin(): Promise<void> {
    await this.#robot.greet();
  }

  next(): Buffer {
    return this.#robot.sense();
  }

  answers(bytes: Uint8Array): boolean {
    return this.#robot.answers(bytes);
  }

  end(): Promise<void> {
    return this.#robot.leave();
  }

  /** A sense and its command. */
  async example(): Promise<{ sense: Buffer; command: Buffer }> {
    await this.begin();
    await exchange(this, WARM_UP, null);
    const sense = this.next();
    await this.socket.send(sense);
    for (;;) {
      const [command] = await this.socket.receive();
      if (!this.answers(command)) continue;
      await this.end();
      return { sense, command };
    }
  }

  close(): void {
    this.#robot.close();
  }
}

/** The echo's side: the same messages, and the same reading of what comes back. */
class Echo implements Side {
  readonly socket = new Dealer({ linger: 0 });
  readonly #senses: SenseWriter;
  #sequence = 0;

  constructor(endpoint: string, senses: SenseWriter) {
    this.#senses = senses;
    this.socket.connect(endpoint);
  }

  async begin(): Promise<void> {}

  next(): Buffer {
    return this.#senses.next(1, ++this.#sequence, this.#sequence);
  }

  answers(bytes: Uint8Array): boolean {
    return read(bytes).m === 'command';
  }

  async end(): Promise<void> {}

  close(): void {
    this.socket.close();
  }
}

async function compare(
  ours: Side,
  theirs: Side,
  rounds: number,
  count: number,
  paceHz: number | null,
): Promise<Figures> {
  const quantiles = { ours: [] as Quantiles[], theirs: [] as Quantiles[] };
  for (let round = 0; round < rounds; round++) {
    // Each is first as often as the other.
    for (const side of round % 2 === 0 ? (['theirs', 'ours'] as const) : (['ours', 'theirs'] as const)) {
      const one = side === 'ours' ? ours : theirs;
      await one.begin();
      await exchange(one, WARM_UP, null);
      quantiles[side].push(await exchange(one, count, paceHz));
      await one.end();
      await sleep(PAUSE_MS);
    }
  }
  const middle = (list: readonly Quantiles[], key: keyof Quantiles) => median(list.map((one) => one[key]));
  const ratio = (key: keyof Quantiles) => median(quantiles.ours.map((one, i) => one[key] / quantiles.theirs[i][key]));
  return {
    p50_ns: Math.round(middle(quantiles.ours, 'p50')),
    p99_ns: Math.round(middle(quantiles.ours, 'p99')),
    max_ns: Math.round(Math.max(...quantiles.ours.map((one) => one.max))),
    echo_p50_ns: Math.round(middle(quantiles.theirs, 'p50')),
    echo_p99_ns: Math.round(middle(quantiles.theirs, 'p99')),
    echo_max_ns: Math.round(Math.max(...quantiles.theirs.map((one) => one.max))),
    ratio_p50: ratio('p50'),
    ratio_p99: ratio('p99'),
    exchanges: rounds * count,
    per_second: paceHz === null ? Math.round(middle(quantiles.ours, 'perSecond')) : null,
    echo_per_second: paceHz === null ? Math.round(middle(quantiles.theirs, 'perSecond')) : null,
  };
}

/** Round trips a second with the clients of each language, by turns. */
async function compareClients(
  node: Ours,
  endpoint: string,
  parameters: ParameterValues,
  folder: string,
  options: BenchmarkOptions,
): Promise<Figures> {
  const size = options.tiny ? 'tiny' : options.quick ? 'quick' : 'full';
  const rate = parameters.controller_frequency;
  const clients: Record<string, Client> = {
    node: async (_endpoint, _rate, seconds) => {
      await node.begin();
      await exchange(node, WARM_UP, null);
      const count = Math.round((seconds * (await exchange(node, WARM_UP, null)).perSecond) / 2);
      const { p50, p99, perSecond } = await exchange(node, count, null);
      await node.end();
      return { round_trips: count, seconds: count / perSecond, p50_ns: p50, p99_ns: p99 };
    },
    python: pythonClient(),
    cpp: await cppClient(folder),
  };
  const results: Record<string, RoundTrips[]> = { node: [], python: [], cpp: [] };
  for (let round = 0; round < CLIENT_ROUNDS[size]; round++) {
    for (const [name, client] of Object.entries(clients)) {
      if ('skipped' in client) continue;
      results[name].push(await client(endpoint, rate, CLIENT_SECONDS[size]));
      await sleep(PAUSE_MS);
    }
  }
  const figures: Figures = {};
  for (const [name, client] of Object.entries(clients)) {
    const list = results[name];
    const skipped = 'skipped' in client ? client.skipped : null;
    const middle = (of: (one: RoundTrips) => number) => (skipped === null ? Math.round(median(list.map(of))) : null);
    figures[`${name}_per_second`] = middle((one) => one.round_trips / one.seconds);
    figures[`${name}_p50_ns`] = middle((one) => one.p50_ns);
    figures[`${name}_p99_ns`] = middle((one) => one.p99_ns);
    figures[`${name}_skipped`] = skipped;
  }
  return figures;
}

interface Quantiles {
  p50: number;
  p99: number;
  max: number;
  perSecond: number;
}

/** One after another, each when the one before is answered, or when it is due. */
async function exchange(side: Side, count: number, paceHz: number | null): Promise<Quantiles> {
  const times = new Float64Array(count);
  const startNs = timer.nowNs();
  for (let i = 0; i < count; i++) {
    if (paceHz !== null) {
      const waitNs = startNs + (i * 1e9) / paceHz - timer.nowNs();
      if (waitNs > 0) await sleep(waitNs / 1e6);
    }
    const bytes = side.next();
    const sentNs = timer.nowNs();
    await side.socket.send(bytes);
    for (;;) {
      const [answer] = await side.socket.receive();
      const nowNs = timer.nowNs();
      if (!side.answers(answer)) continue;
      times[i] = nowNs - sentNs;
      break;
    }
  }
  const seconds = (timer.nowNs() - startNs) / 1e9;
  times.sort();
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1), perSecond: count / seconds };
}

export const link: Benchmark = {
  name: 'link',
  summary: 'from a sense to its command over ZeroMQ in lockstep, beside a bare echo',
  run,
};
