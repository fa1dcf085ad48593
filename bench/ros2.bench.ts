/**
 * The controller as a ROS 2 node beside nodes that only echo, through the real middleware: how long an odometry takes
 * until its command is there, what the processor does for it, and whether the rate holds for ten minutes. Where no ROS 2
 * is sourced nothing is measured, and the report says why.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atMost, type Benchmark, type BenchmarkOptions, type Figures, type Report, type Target } from './benchmark.js';
import { median, quantile, timer } from './measure.js';
import { type LoadRates, RosDriver } from './ros2-driver.js';
import type { HeapAnswer } from './ros2-heap-probe.js';
import {
  controllerNode,
  type NodeOrReason,
  rclcppEcho,
  rclnodejsEcho,
  rclpyEcho,
  type StartNode,
  whyNoRos,
} from './ros2-nodes.js';

/** Odometries a second where each starts a cycle, and the rate that allows it: a cycle starts at the earliest a period after
 * the one before, and by itself after two. */
const ODOMETRY_HZ = 100;
const OBSERVED_HZ = 150;
/** A scan and a goal after so many odometries. */
const SCAN_EVERY = 20;

/** What the processor is measured at, and what the rate is held under. */
const USUAL: LoadRates = { odometryHz: 50, scanHz: 20, contactHz: 0 };
const HELD: LoadRates = { odometryHz: 50, scanHz: 20, contactHz: 10 };
const FULL: LoadRates = { odometryHz: 200, scanHz: 50, contactHz: 10 };
const TITLES = ['ros2_latency', 'ros2_cpu', 'ros2_held_100', 'ros2_held_500', 'ros2_full_load'];
/** Under load before anything is counted. */
const HELD_WARM_UP_S = 3;
/** When memory is first looked at, as a share of the time. */
const FIRST_LOOK = 0.1;

interface Sizes {
  rounds: number;
  exchanges: number;
  /** Exchanges before those that are measured, in each round: in full a minute, until V8 has compiled what runs. */
  warmUp: number;
  /** Measured, and before that [s]. */
  cpu: number;
  cpuWarmUp: number;
  held: number;
}

async function run(options: BenchmarkOptions): Promise<Report> {
  const reason = whyNoRos();
  if (reason !== '') {
    const figures = Object.fromEntries(TITLES.map((title) => [title, { skipped: reason }]));
    return { figures, targets: targetsOf({}, {}, {}), notes: [`Left out: ${reason}.`], skipped: reason };
  }
  const sizes: Sizes = options.tiny
    ? { rounds: 1, exchanges: 10, warmUp: 10, cpu: 1, cpuWarmUp: 1, held: 2 }
    : options.quick
      ? { rounds: 3, exchanges: 300, warmUp: 900, cpu: 10, cpuWarmUp: 10, held: 30 }
      : { rounds: 3, exchanges: 1000, warmUp: 6000, cpu: 20, cpuWarmUp: 60, held: 600 };
  const folder = await mkdtemp(join(tmpdir(), 'rfsn-bench-'));
  const driver = await RosDriver.open();
  try {
    const echoes: Record<string, NodeOrReason> = {
      rclpy: rclpyEcho(),
      // Compiling takes longer than all of it that is as short as can be.
      rclcpp: options.tiny ? { skipped: 'not compiled' } : await rclcppEcho(join(folder, 'rclcpp_echo')),
      rclnodejs: rclnodejsEcho,
    };
    const common = { model_dir: join(folder, 'model'), random_seed: options.seed };
    const latency = await compareLatency(driver, echoes, sizes, common);
    const cpu = await compareCpu(driver, echoes, sizes, common);
    const held = {
      ros2_held_100: await hold(driver, { ...common, controller_frequency: 100 }, HELD, sizes.held),
      ros2_held_500: await hold(driver, { ...common, controller_frequency: 500 }, HELD, sizes.held),
      ros2_full_load: await hold(driver, { ...common, controller_frequency: 500 }, FULL, sizes.held / 10),
    };
    return {
      figures: { ros2_latency: latency, ros2_cpu: cpu, ...held },
      targets: targetsOf(latency, cpu, held),
      notes: notesOf(sizes),
    };
  } finally {
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  }
}

type Settings = Readonly<Record<string, string | number>>;

/** Of one process, from an odometry to its command [ns]. */
interface Round {
  p50: number;
  p99: number;
  /** Of its first exchanges. */
  first_p50: number;
  first_p99: number;
}

/** Sides by turns, each round with processes of its own. */
async function compareLatency(
  driver: RosDriver,
  echoes: Readonly<Record<string, NodeOrReason>>,
  sizes: Sizes,
  common: Settings,
): Promise<Figures> {
  const figures: Figures = {};
  const settings = { ...common, trigger: 'observation', controller_frequency: OBSERVED_HZ };
  const sides = sidesOf(() => controllerNode(settings), echoes, figures);
  const rounds: Record<string, Round[]> = {};
  const exchange = (count: number) => driver.exchange(count, ODOMETRY_HZ, SCAN_EVERY);
  let unanswered = 0;
  let sent = 0;
  for (let round = 0; round < sizes.rounds; round++) {
    for (const [name, start] of sides) {
      const node = start();
      try {
        await driver.awaitNode(true);
        const first = await exchange(Math.min(sizes.exchanges, sizes.warmUp));
        const between = await exchange(Math.max(0, sizes.warmUp - sizes.exchanges));
        const warm = await exchange(sizes.exchanges);
        const sorted = warm.times.sort();
        const sortedFirst = first.times.sort();
        rounds[name] ??= [];
        rounds[name].push({
          p50: quantile(sorted, 0.5),
          p99: quantile(sorted, 0.99),
          first_p50: quantile(sortedFirst, 0.5),
          first_p99: quantile(sortedFirst, 0.99),
        });
        if (name !== 'ours') continue;
        for (const { times, unanswered: lost } of [first, between, warm]) {
          unanswered += lost;
          sent += times.length + lost;
        }
      } finally {
        await node.end();
      }
      await driver.awaitNode(false);
    }
  }
  for (const quantileName of ['p50', 'p99', 'first_p50', 'first_p99'] as const) {
    const ours = rounds['ours'].map((one) => one[quantileName]);
    figures[`${quantileName}_ns`] = Math.round(median(ours));
    for (const [name] of sides) {
      if (name === 'ours') continue;
      const theirs = rounds[name].map((one) => one[quantileName]);
      figures[`${name}_${quantileName}_ns`] = Math.round(median(theirs));
      figures[`ratio_${name}_${quantileName}`] = median(ours.map((one, i) => one / theirs[i]));
    }
  }
  figures['driver_p50_ns'] = Math.round(median(await driver.loopback(sizes.exchanges, ODOMETRY_HZ)));
  figures['exchanges'] = sizes.rounds * sizes.exchanges;
  figures['sent'] = sent;
  figures['unanswered'] = unanswered;
  return figures;
}

async function compareCpu(
  driver: RosDriver,
  echoes: Readonly<Record<string, NodeOrReason>>,
  sizes: Sizes,
  common: Settings,
): Promise<Figures> {
  const figures: Figures = {};
  const settings = { ...common, controller_frequency: 100 };
  const shares: Record<string, number[]> = {};
  // The other echoes are there for what the way through the middleware takes.
  const sides = sidesOf(() => controllerNode(settings), { rclpy: echoes['rclpy'] }, {});
  for (let round = 0; round < sizes.rounds; round++) {
    for (const [name, start] of sides) {
      const node = start();
      try {
        await driver.awaitNode(true);
        // Until what is compiled while it runs has been.
        await driver.load(USUAL, sizes.cpuWarmUp);
        const beforeS = node.cpuSeconds();
        const beforeNs = timer.nowNs();
        await driver.load(USUAL, sizes.cpu);
        const seconds = (timer.nowNs() - beforeNs) / 1e9;
        shares[name] ??= [];
        shares[name].push((node.cpuSeconds() - beforeS) / seconds);
      } finally {
        await node.end();
      }
      await driver.awaitNode(false);
    }
  }
  for (const [name] of sides) {
    const prefix = name === 'ours' ? '' : `${name}_`;
    figures[`${prefix}percent`] = 100 * median(shares[name]);
    if (name !== 'ours') figures[`ratio_${name}`] = median(shares['ours'].map((one, i) => one / shares[name][i]));
  }
  return figures;
}

/** One controller for long, with what it misses, how late it is and what it keeps in memory. */
async function hold(driver: RosDriver, settings: Settings, rates: LoadRates, seconds: number): Promise<Figures> {
  const node = controllerNode({ ...settings, contact_type: 'wrench' }, true);
  const lateness: number[] = [];
  let first: HeapAnswer;
  let last: HeapAnswer;
  let commands = 0;
  let elapsedS = 0;
  let contacts = 0;
  let text = '';
  let forget = (): void => undefined;
  try {
    await driver.awaitNode(true);
    forget = driver.followLateness((latenessNs) => lateness.push(latenessNs));
    await driver.load(rates, HELD_WARM_UP_S);
    lateness.length = 0;
    const before = driver.commands;
    const startNs = timer.nowNs();
    contacts += (await driver.load(rates, seconds * FIRST_LOOK)).contacts;
    first = await node.heap();
    contacts += (await driver.load(rates, seconds * (1 - FIRST_LOOK))).contacts;
    commands = driver.commands - before;
    elapsedS = (timer.nowNs() - startNs) / 1e9;
    last = await node.heap();
  } finally {
    forget();
    text = await node.end();
  }
  await driver.awaitNode(false);
  const own = JSON.parse(text.slice(text.lastIndexOf('\n{') + 1)) as {
    cycles: number;
    deadline_misses: number;
    messages: Record<string, number>;
  };
  const sorted = Float64Array.from(lateness).sort();
  const warmUp = HELD_WARM_UP_S * rates.contactHz;
  return {
    lateness_p50_ns: Math.round(quantile(sorted, 0.5)),
    lateness_p99_ns: Math.round(quantile(sorted, 0.99)),
    lateness_p999_ns: Math.round(quantile(sorted, 0.999)),
    misses_per_million: Math.round((1e6 * own.deadline_misses) / own.cycles),
    cycles: own.cycles,
    decisions_received: lateness.length,
    seconds: Math.round(elapsedS),
    commands_per_second: commands / elapsedS,
    contacts_per_second: ((own.messages['contacts'] ?? 0) - warmUp) / elapsedS,
    contacts_sent_per_second: contacts / elapsedS,
    heap_first_bytes: first.heapUsed,
    heap_last_bytes: last.heapUsed,
    ratio_heap: last.heapUsed / first.heapUsed,
    resident_first_bytes: first.rss,
    resident_last_bytes: last.rss,
  };
}

/** @param skipped is told why a side is missing */
function sidesOf(
  ours: StartNode,
  echoes: Readonly<Record<string, NodeOrReason>>,
  skipped: Figures,
): [name: string, start: StartNode][] {
  const sides: [string, StartNode][] = [['ours', ours]];
  for (const [name, echo] of Object.entries(echoes)) {
    if (typeof echo === 'function') sides.push([name, echo]);
    else skipped[`${name}_skipped`] = echo.skipped;
  }
  return sides;
}

function targetsOf(latency: Figures, cpu: Figures, held: Readonly<Record<string, Figures>>): Target[] {
  const figure = (figures: Figures | undefined, name: string): number => Number(figures?.[name] ?? Number.NaN);
  const full = held['ros2_full_load'];
  return [
    atMost('odometry → command, warm, p50, to an echo with rclpy', figure(latency, 'ratio_rclpy_p50'), 0.4),
    atMost('odometry → command, warm, p50, to an echo with rclcpp', figure(latency, 'ratio_rclcpp_p50'), 1.5),
    atMost('odometry → command, warm, p99, to an echo with rclpy', figure(latency, 'ratio_rclpy_p99'), 1),
    atMost('processor time at 100 Hz, warm, to an echo with rclpy', figure(cpu, 'ratio_rclpy'), 1),
    atMost('heap at the end to heap after a tenth, 100 Hz', figure(held['ros2_held_100'], 'ratio_heap'), 1.02),
    atMost('heap at the end to heap after a tenth, 500 Hz', figure(held['ros2_held_500'], 'ratio_heap'), 1.02),
    atMost(
      'what is lost of a 10 Hz topic under full load, %',
      100 * (1 - figure(full, 'contacts_per_second') / figure(full, 'contacts_sent_per_second')),
      2,
    ),
  ];
}

function notesOf({ rounds, exchanges, warmUp, cpu, cpuWarmUp, held }: Sizes): string[] {
  return [
    `Real processes on \`${process.env['ROS_DISTRO']}\` with ${process.env['RMW_IMPLEMENTATION'] ?? 'its default middleware'}, ` +
      'by turns, each round with new ones. One driver for all publishes and listens, with rclnodejs and serialized ' +
      'messages; its own share, of about `driver_p50_ns`, is in every figure. The controller is `rfsn run --port ros2`; the echoes answer an odometry ' +
      'with its velocity as a TwistStamped and do nothing else, and the one on rclnodejs does not even decode it.',
    `Latency: ${exchanges} odometries in each of ${rounds} rounds after ${warmUp}, in which Node compiles what runs; the first ` +
      `${Math.min(exchanges, warmUp)} of those are \`first_\`. Node is done with that after a minute, for which \`--quick\` does not ` +
      `wait. ${ODOMETRY_HZ} a second, each starting a cycle (\`trigger: observation\`), with a goal and scans of 720 ` +
      'beams; the two odometries after a scan are not counted, since it is the ' +
      'scan that starts a cycle then. Medians of rounds and of the ratios of rounds.',
    `Processor: user and system time of the process over ${cpu} s, after ${cpuWarmUp} s of the same, percent of one ` +
      'processor; controller at 100 Hz, 50 odometries and 20 scans a second. The controller sends a hundred commands a second, ' +
      'an echo fifty.',
    `Held: ${held} s each (full load a tenth of it) with contacts at 10 Hz, lateness as \`~/decision\` has it, which the ` +
      'driver subscribes to; misses are those of the whole run. Heap of the main thread after a forced collection, when a ' +
      'tenth of the time has passed and at the end. Full load is 500 Hz with 200 odometries and 50 scans a second.',
  ];
}

export const ros2: Benchmark = {
  name: 'ros2',
  summary: 'the controller as a ROS 2 node beside nodes that only echo; its rate and memory over ten minutes',
  run,
};
