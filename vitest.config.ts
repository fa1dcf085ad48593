import { defineConfig } from 'vitest/config';

// SEED=<number> replays a property or a simulation with the seed that a failure printed.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: tests start control threads of their own and read V8's heap figures.
    pool: 'forks',
    // Two at a time, so that a test that starts a worker is not starved on a small machine.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    setupFiles: ['test/seed.ts'],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts', 'sim/**/*.ts'],
      // The patterns match at any depth; test/sim is not the simulator. The page runs in a browser, where nothing counts.
      exclude: ['test/**', 'dist/**', 'src/dashboard/page/**'],
      reporter: [['text', { maxCols: 100 }], 'json-summary'],
      reportOnFailure: true,
      // Counted in the test processes themselves: what runs only in a worker or a spawned command does not count.
      thresholds: { lines: 85 },
    },
  },
});
