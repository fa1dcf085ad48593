/**
 * A robot in a process of its own, by the project's own link, that can be stopped and continued from outside. It applies
 * what the link reads every few milliseconds. Started with the controller's endpoint; told over Node's own channel between
 * processes: anything in, `RobotReport` out, and one once it has a session.
 */
import type { MotionCommand } from '../../src/io/port.js';
import { RobotLink } from '../../src/io/zeromq/robot/robot-link.js';
import { dealerHello } from '../support/dealer-robot.js';

/** Counted since the start, but for the stops. */
export interface RobotReport {
  /** Commands that came, of those that move it. */
  readonly commanded: number;
  /** Reads that moved it. */
  readonly moved: number;
  /** Of those, with a command whose time had passed before it was read. */
  readonly movedByStale: number;
  /** Velocities at the first read after each time that the process had been stopped [m/s]. */
  readonly afterStops: readonly number[];
}

const STEP_MS = 5;
/** Without a read for so long, the process was stopped [s]. */
const STOPPED_S = 0.3;

const nowS = () => performance.now() / 1e3;
const { m: _m, v: _v, ...robot } = dealerHello;
const ranges = new Float32Array(robot.scan.n).fill(Number.POSITIVE_INFINITY);
const motion: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: 0 };
let commanded = 0;
let moved = 0;
let movedByStale = 0;
const afterStops: number[] = [];

const link = await RobotLink.open({
  ...{ endpoint: process.argv[2], robot, nowS },
  onCommand: ({ twist }) => {
    if (twist[0] !== 0) commanded++;
  },
});
const { expiry } = await link.welcomed();

let steps = 0;
let readS = nowS();
setInterval(() => {
  // Before the read: the link's own look at the clock comes after it.
  const t = nowS();
  link.commands.read(motion);
  if (motion.vx !== 0) {
    moved++;
    if (t >= motion.stampNs / 1e9 + expiry) movedByStale++;
  }
  if (t - readS > STOPPED_S) afterStops.push(motion.vx);
  readS = t;
  if (steps++ % 4 === 0) link.sense({ odom: [0, 0, 0, motion.vx, 0, 0], ranges });
}, STEP_MS);

function report(): void {
  process.send?.({ commanded, moved, movedByStale, afterStops } satisfies RobotReport);
}

process.on('message', report);
process.on('disconnect', () => process.exit());
report();
