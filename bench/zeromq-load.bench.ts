/** Sixteen robots at once, each with a controller of its own, at ten thousand senses a second in all: is any lost? */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mode } from '../src/io/zeromq/protocol/protocol.js';
import { defaultParameters, type ParameterValues } from '../src/parameters/schema.js';
import { atLeast, atMost, type Benchmark, type BenchmarkOptions, type Figures, type Report } from './benchmark.js';
import { quantile } from './measure.js';
import { Part } from './zeromq-part.js';
import type { RobotsOptions, Sent } from './zeromq-robots.js';
import type { ServerCounts, ServerEndpoints } from './zeromq-server.js';

const ROBOTS = 16;
const SENSES_PER_SECOND = 10_000;
/** What counts as keeping the rate: the clocks of two processes and the last sense's share. */
const KEPT = 0.999;

interface Load {
  mode: Mode;
  /** Of the controllers [Hz]. */
  controlHz: number;
}

/**
 * In lockstep the parameters must name the robot's rate. In free mode the controllers keep to their default, and take
 * the newest of the senses that came meanwhile.
 */
const LOADS: Readonly<Record<Mode, (rate: number) => Load>> = {
  lockstep: (rate) => ({ mode: 'lockstep', controlHz: rate }),
  free: () => ({ mode: 'free', controlHz: defaultParameters().controller_frequency }),
};

async function run(options: BenchmarkOptions): Promise<Report> {
  const robots = options.tiny ? 2 : ROBOTS;
  const seconds = options.tiny ? 0.5 : options.quick ? 5 : 60;
  const rate = options.tiny ? 50 : SENSES_PER_SECOND / ROBOTS;
  const figures: Record<string, Figures> = {};
  for (const [title, loadOf] of Object.entries(LOADS)) {
    figures[`load_${title}`] = await measure(loadOf(rate), robots, rate, seconds, options);
  }
  const { load_lockstep: lockstep, load_free: free } = figures;
  const all = (robots * rate).toLocaleString('en');
  const least = Math.round(robots * rate * KEPT);
  return {
    figures,
    targets: [
      atLeast(
        `senses a second from ${robots} robots in lockstep, each answered by a command`,
        Number(lockstep.per_second),
        least,
      ),
      atMost('senses in lockstep without a command', Number(lockstep.lost), 0, 0),
      atLeast(`senses a second from ${robots} robots in free mode`, Number(free.per_second), least),
      atMost('senses in free mode that the controllers did not take in', Number(free.lost), 0, 0),
    ],
    notes: [
      `${robots} robots send ${rate} senses a second each (${all} in all, some 3 kB each) for ${seconds} s over loopback TCP ` +
        'from a process of their own to sixteen sessions of one server, each with its own control thread. They send by the ' +
        'clock, whatever the server does; in lockstep at most four senses of a robot wait for their commands, and what was ' +
        'held back counts from when it was due (`due_`), beside the time since it was sent. In free mode a command’s time ' +
        'counts from the newest sense it rests on. `spin_margin_us` is 0: sixteen threads that spin need sixteen cores.',
    ],
  };
}

async function measure(
  load: Load,
  robots: number,
  rate: number,
  seconds: number,
  options: BenchmarkOptions,
): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'rfsn-bench-'));
  const server = new Part('zeromq-server');
  const driven = new Part('zeromq-robots');
  const parameters: ParameterValues = {
    ...defaultParameters(),
    'zeromq.drive_endpoint': 'tcp://127.0.0.1:*',
    'zeromq.watch_endpoint': '',
    'zeromq.administer_endpoint': '',
    'zeromq.max_sessions': robots,
    controller_frequency: load.controlHz,
    spin_margin_us: 0,
    model_dir: folder,
    random_seed: options.seed,
  };
  try {
    const { drive } = await server.call<ServerEndpoints>('start', parameters);
    const given: RobotsOptions = {
      endpoint: drive,
      count: robots,
      mode: load.mode,
      rate,
      cycles: options.tiny ? 20 : 128,
      seed: options.seed,
    };
    await driven.call('greet', given);
    await driven.call('warmUp', { seconds: options.tiny ? 0.1 : options.quick ? 5 : 10 });
    const before = await server.call<ServerCounts>('counts');
    const processorBefore = await server.call<number>('processor');
    const sent = await driven.call<Sent>('drive', { seconds });
    const processor = (await server.call<number>('processor')) - processorBefore;
    const after = await server.call<ServerCounts>('counts');
    await driven.call('leave');
    const taken = after.senses - before.senses;
    const answered = load.mode === 'lockstep' ? Math.min(taken, sent.answered) : taken;
    const ns = (values: Float64Array, q: number) => Math.round(quantile(values, q));
    return {
      sent: sent.sent,
      taken,
      commands: sent.commands,
      lost: sent.sent - answered,
      rejected: after.rejected - before.rejected,
      per_second: Math.round(sent.sent / sent.seconds),
      p50_ns: ns(sent.fromSent, 0.5),
      p99_ns: ns(sent.fromSent, 0.99),
      max_ns: ns(sent.fromSent, 1),
      due_p50_ns: ns(sent.fromDue, 0.5),
      due_p99_ns: ns(sent.fromDue, 0.99),
      due_max_ns: ns(sent.fromDue, 1),
      sent_late_p99_ns: ns(sent.late, 0.99),
      server_processors: processor / sent.seconds,
    };
  } finally {
    await driven.end();
    await server.end();
    await rm(folder, { recursive: true, force: true });
  }
}

export const linkLoad: Benchmark = {
  name: 'link-load',
  summary: 'ten thousand senses a second from sixteen robots over ZeroMQ',
  run,
};
