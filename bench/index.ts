/** The benchmarks by name, in the order in which they run. A new one is a file beside this one and a line here. */
import { allocation } from './allocation.bench.js';
import type { Benchmark } from './benchmark.js';
import { checkpoint } from './checkpoint.bench.js';
import { cycle } from './cycle.bench.js';
import { lateness } from './lateness.bench.js';
import { policies } from './policies.bench.js';
import { policy } from './policy.bench.js';
import { ros2 } from './ros2.bench.js';
import { training } from './training.bench.js';
import { view } from './view.bench.js';
import { flightLog } from './view-log.bench.js';
import { page } from './view-page.bench.js';
import { link } from './zeromq-link.bench.js';
import { linkLoad } from './zeromq-load.bench.js';
import { linkWatch } from './zeromq-watch.bench.js';

export const benchmarks: readonly Benchmark[] = [
  cycle,
  allocation,
  lateness,
  checkpoint,
  policy,
  policies,
  training,
  link,
  linkLoad,
  linkWatch,
  ros2,
  view,
  flightLog,
  page,
];
