/**
 * An hour of the controller as a ROS 2 node: `node scripts/ros2-soak.mjs [minutes] [Hz]`, after `npm run build`, where a
 * ROS 2 is sourced. The simulated robot plays one episode after another for it, in a process of its own. Each minute is a
 * line of JSON: resident memory of both, heap of the controller's main thread after a forced collection. Ends with what the
 * controller says of itself, and with 1 where memory grew, or the rate was not held.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { controllerNode, simulatorNode, whyNoRos } from '../dist/bench/ros2-nodes.js';

/** The first minute is left for everything to be compiled, and to be at its size. */
const FIRST = 1;
/** What heap and resident memory may grow by from then on: a share. */
const HEAP_GROWTH = 1.05;
const RESIDENT_GROWTH = 1.1;
/** How long the controller may take until its first cycle: starting the process is part of the first minute [s]. */
const START_S = 10;
/** Cycles that may be left out, as a share of those that were due from then on. */
const LEFT_OUT = 0.01;
const MB = 2 ** 20;

const [minutes, hz] = [Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 100)];
if (!(minutes > 0) || !(hz > 0)) {
  process.stderr.write('usage: node scripts/ros2-soak.mjs [minutes] [Hz]\n');
  process.exit(2);
}
const missing = whyNoRos();
if (missing !== '') {
  process.stderr.write(`${missing}\n`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'rfsn-soak-'));
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const megabytes = (bytes) => Math.round((bytes / MB) * 10) / 10;

const controller = controllerNode(
  { controller_frequency: hz, model_dir: join(folder, 'model'), contact_type: 'wrench' },
  true,
);
const robot = simulatorNode(['--goals']);
const seen = [];
let own = '';
let theirs = '';
try {
  const startMs = performance.now();
  for (let minute = 1; minute <= Math.max(minutes, FIRST + 1); minute++) {
    await pause(Math.max(0, startMs + (60_000 * minute * minutes) / Math.max(minutes, FIRST + 1) - performance.now()));
    const { heapUsed, rss } = await controller.heap();
    seen.push({ heapUsed, rss });
    tell({
      minute,
      heap_mb: megabytes(heapUsed),
      resident_mb: megabytes(rss),
      robot_resident_mb: megabytes(robot.residentBytes()),
      processor_s: Math.round(controller.cpuSeconds()),
    });
  }
} finally {
  try {
    theirs = await robot.end();
  } finally {
    // Also where the robot failed: this process would wait for it, and it would save into the folder for ever.
    try {
      own = await controller.end();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

const figuresOf = (text) => JSON.parse(text.slice(text.lastIndexOf('\n{') + 1));
const figures = figuresOf(own);
const { episodes, success_rate, collision_rate } = figuresOf(theirs);
const [first, last] = [seen[FIRST - 1], seen[seen.length - 1]];
tell({ episodes, success_rate, collision_rate, ...figures, misses_per_million: perMillion(figures) });

const faults = [];
if (last.heapUsed > HEAP_GROWTH * first.heapUsed) faults.push('the heap grew');
if (last.rss > RESIDENT_GROWTH * first.rss) faults.push('resident memory grew');
if (figures.cycles < (1 - LEFT_OUT) * (60 * minutes - START_S) * hz) faults.push(`only ${figures.cycles} cycles`);
if (!(episodes > 0)) faults.push('no episode was driven');
process.stdout.write(faults.length === 0 ? 'held\n' : `not held: ${faults.join(', ')}\n`);
process.exit(faults.length === 0 ? 0 : 1);

function perMillion({ deadline_misses: misses, cycles }) {
  return Math.round((1e6 * misses) / cycles);
}
