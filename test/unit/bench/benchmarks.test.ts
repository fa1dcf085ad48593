import { describe, expect, it } from 'vitest';
import { atLeast, atMost, type Figures } from '../../../bench/benchmark.js';
import { benchmarks } from '../../../bench/index.js';
import { parseCyclictest } from '../../../bench/lateness.bench.js';
import { POLICY_NAMES } from '../../../src/policy/create-policy.js';

const exchanged = ['p50_ns', 'p99_ns', 'echo_p50_ns', 'echo_p99_ns', 'ratio_p50', 'ratio_p99', 'exchanges'];
/** Some start several processes from source, or a browser, and the machine may be busy [ms]. */
const TEST_MS = 240_000;

const held = ['lateness_p50_ns', 'misses_per_million', 'cycles', 'commands_per_second', 'contacts_per_second'];
const sought = ['index_ns', 'open_ns', 'seek_p50_ns', 'seek_max_ns'];

/** Figures that each benchmark must have measured, in whatever time. */
const measured: Record<string, Record<string, readonly string[]>> = {
  cycle: {
    cycle: ['p50_ns', 'p99_ns', 'p999_ns', 'max_ns', 'per_second', 'ratio_plain_passes', 'learned_per_cycle'],
    cycle_with_scan: ['p50_ns', 'p99_ns', 'ratio_plain_reduction', 'ratio_sector_minima', 'learned_per_cycle'],
    cycle_default_policy: ['p50_ns', 'p99_ns', 'ratio_plain_passes', 'learned_per_cycle'],
    cycle_with_scan_default_policy: ['p50_ns', 'p99_ns', 'ratio_plain_reduction', 'learned_per_cycle'],
  },
  allocation: { allocation: ['cycles', 'bytes_per_cycle', 'heap_before_bytes', 'heap_after_bytes'] },
  lateness: { lateness: ['p50_ns', 'p99_ns', 'p999_ns', 'max_ns', 'cycles', 'compute_p50_ns'] },
  checkpoint: { checkpoint: ['p50_ns', 'p99_ns', 'without_p99_ns', 'ratio_p99', 'checkpoints', 'snapshot_bytes'] },
  policy: { policy: ['p50_ns', 'p99_ns', 'per_second', 'ratio_plain_passes', 'updates', 'bytes'] },
  policies: Object.fromEntries(
    [...POLICY_NAMES.filter((name) => name !== 'random'), 'default'].map((name) => [
      name,
      ['select_p50_ns', 'select_p99_ns', 'probabilities_p50_ns', 'update_p50_ns', 'ratio_select', 'bytes', 'updates'],
    ]),
  ),
  training: {
    training: ['open', 'clutter', 'corridor', 'moving', 'caves'].map((name) => `${name}_simulated_seconds_per_second`),
  },
  link: {
    link_tcp_straight: [...exchanged, 'per_second', 'echo_per_second'],
    link_tcp_paced: exchanged,
    link_clients: ['node_per_second', 'node_p50_ns', 'node_p99_ns'],
    link_ipc_straight: [...exchanged, 'per_second', 'echo_per_second'],
    link_ipc_paced: exchanged,
  },
  'link-load': {
    load_lockstep: ['sent', 'taken', 'commands', 'lost', 'per_second', 'p50_ns', 'p99_ns', 'due_p99_ns'],
    load_free: ['sent', 'taken', 'commands', 'lost', 'per_second', 'p50_ns', 'p99_ns', 'due_p99_ns'],
  },
  'link-watch': {
    link_watch: ['compute_p99_ns', 'ratio_compute_p99', 'lateness_p99_ns', 'ratio_lateness_p99', 'cycles', 'received'],
  },
  ros2: {
    ros2_latency: [
      ...['p50_ns', 'p99_ns', 'rclnodejs_p50_ns', 'ratio_rclnodejs_p50', 'driver_p50_ns', 'exchanges', 'sent'],
      ...['first_p50_ns', 'first_p99_ns', 'ratio_rclpy_first_p50'],
    ],
    ros2_cpu: ['percent', 'rclpy_percent', 'ratio_rclpy'],
    ros2_held_100: [...held, 'heap_first_bytes', 'heap_last_bytes', 'resident_last_bytes'],
    ros2_held_500: [...held, 'heap_first_bytes', 'heap_last_bytes', 'resident_last_bytes'],
    ros2_full_load: held,
  },
  view: {
    view: [
      'compute_p99_ns',
      'ratio_compute_p99',
      'lateness_p99_ns',
      'ratio_lateness_p99',
      'cycles',
      'frames',
      'scrapes',
    ],
  },
  log: {
    log_cost: ['process_percent', 'explained_process_percent', 'messages_lost'],
    log_hour: [
      ...sought,
      'seconds',
      'bytes',
      'files',
      'bytes_per_minute',
      'explained_bytes_per_minute',
      'write_percent',
    ],
    log_killed: sought,
    log_no_index: sought,
  },
  page: {
    page: ['pictures_per_second', 'frames_per_second', 'script_ns', 'task_ns', 'heap_before_bytes', 'heap_after_bytes'],
    page_hour: ['frames', 'robot_seconds', 'pictures', 'heap_first_bytes', 'heap_half_bytes', 'heap_end_bytes'],
  },
};

/** What is no part of this project's own dependencies, and how its lack is told. */
const mayLack: Record<string, RegExp> = { page: /chromium|npm/, ros2: /ROS|rclnodejs/ };

/** What must be there and is not, in words, where a benchmark measured nothing; else null. */
function whyNothing(figures: Figures): string | null {
  return typeof figures.skipped === 'string' ? figures.skipped : null;
}

/** A client that cannot be run says what is missing. */
function expectOtherLanguages(clients: Figures): void {
  for (const language of ['python', 'cpp']) {
    const skipped = clients[`${language}_skipped`];
    if (skipped === null) expect(clients[`${language}_per_second`]).toBeGreaterThan(0);
    else expect(skipped).toMatch(/Debian|installation/);
  }
}

describe('the benchmarks', () => {
  it('are all known here', () => {
    expect(benchmarks.map(({ name }) => name)).toEqual(Object.keys(measured));
  });

  it.each(benchmarks.map((benchmark) => [benchmark.name, benchmark] as const))(
    'measure, as short as can be: %s',
    async (name, benchmark) => {
      const report = await benchmark.run({ seed: 7, quick: true, tiny: true });
      expect(Object.keys(report.figures)).toEqual(Object.keys(measured[name]));
      const lacking = mayLack[name] === undefined ? null : whyNothing(report.figures[Object.keys(measured[name])[0]]);
      if (lacking !== null) expect(lacking).toMatch(mayLack[name]);
      for (const [title, keys] of lacking === null ? Object.entries(measured[name]) : []) {
        const figures = report.figures[title];
        for (const key of keys) {
          expect(figures[key], `${title}.${key}`).toEqual(expect.any(Number));
          expect(Number.isFinite(figures[key]), `${title}.${key}`).toBe(true);
        }
      }
      if (name === 'link') expectOtherLanguages(report.figures['link_clients']);
      expect(report.targets.length).toBeGreaterThan(0);
      for (const { target } of report.targets) expect(target).toMatch(/^[≤≥] [\d.,]+$/);
    },
    TEST_MS,
  );

  it('time a cycle that learns: nearly every one is followed by an update', async () => {
    const cycle = benchmarks.find(({ name }) => name === 'cycle');
    const report = await cycle?.run({ seed: 7, quick: true, tiny: true });
    expect(report?.figures['cycle'].learned_per_cycle).toBeGreaterThan(0.8);
    expect(report?.figures['cycle_with_scan'].learned_per_cycle).toBeGreaterThan(0.8);
  });

  it('find the memory of the policy unchanged', async () => {
    const policy = benchmarks.find(({ name }) => name === 'policy');
    const report = await policy?.run({ seed: 7, quick: true, tiny: true });
    expect(report?.figures['policy'].growth_bytes).toBe(0);
  });
});

describe('a target', () => {
  it('is met from one side only, the limit included', () => {
    expect(atMost('x', 8, 8)).toEqual({ figure: 'x', target: '≤ 8', value: '8.00', met: true });
    expect(atMost('x', 8.001, 8).met).toBe(false);
    expect(atLeast('x', 300_000, 300_000)).toEqual({ figure: 'x', target: '≥ 300,000', value: '300,000', met: true });
    expect(atLeast('x', 299_999, 300_000).met).toBe(false);
  });

  it('that was not measured is neither met nor missed', () => {
    expect(atMost('x', Number.NaN, 8)).toMatchObject({ value: 'not measured', met: null });
  });
});

describe('the output of cyclictest', () => {
  const output = [
    '# Histogram',
    '000000 000000',
    '000050 000980',
    '000051 000010',
    '000100 000008',
    '000200 000001',
    '# Total: 000000999',
    '# Min Latencies: 00050',
    '# Avg Latencies: 00050',
    '# Max Latencies: 23456',
    '# Histogram Overflows: 00001',
    '# Histogram Overflow at cycle number:',
    '# Thread 0: 00042',
    '',
  ].join('\n');

  it('is read by quantile, what overflowed the histogram included', () => {
    expect(parseCyclictest(output)).toEqual({ p50: 50_500, p99: 51_500, p999: 200_500, max: 23_456_000 });
  });

  it('without a single latency is an error', () => {
    expect(() => parseCyclictest('# Histogram\n000000 000000\n')).toThrow('told no latencies');
  });
});
