import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MonotonicClock } from '../../../src/core/clock.js';
import {
  CATCH_UP_LIMIT_CYCLES,
  OBSERVATION_PATIENCE_PERIODS,
  PARK_LIMIT_NS,
  PARK_STEP_NS,
  Schedule,
  type ScheduleOptions,
  STEP_PATIENCE_PERIODS,
  Wake,
} from '../../../src/loop/schedule.js';
import { ControlStatistics, Counter, STATISTICS_BYTES } from '../../../src/loop/statistics.js';
import { ASKED_STEPS, ORDER_WORDS, Order, Pace, PROGRESS_WORDS, Progress } from '../../../src/memory/layout.js';
import { VirtualThread } from '../../support/virtual-thread.js';

const PERIOD_NS = 20e6;

function scheduleMemory() {
  return {
    orders: new Int32Array(new SharedArrayBuffer(ORDER_WORDS * 4)),
    progress: new Int32Array(new SharedArrayBuffer(PROGRESS_WORDS * 4)),
    asked: new Float64Array(new SharedArrayBuffer(ASKED_STEPS * 8)),
  };
}

function scheduled(options: Partial<ScheduleOptions> = {}, lookNs?: number) {
  const memory = scheduleMemory();
  const statistics = new ControlStatistics(new SharedArrayBuffer(STATISTICS_BYTES), 0);
  const thread = new VirtualThread(memory, lookNs);
  const schedule = new Schedule(
    thread,
    { periodNs: PERIOD_NS, trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 200e3, ...options },
    memory,
    statistics,
    thread,
  );
  schedule.begin();
  return { schedule, thread, memory, counters: statistics.counters, beginNs: thread.timeNs };
}

describe('a schedule by time', () => {
  it('starts fifty thousand cycles on its grid, without drift, however late each wakes', () => {
    const { schedule, thread, counters, beginNs } = scheduled();
    for (let cycle = 1; cycle <= 50_000; cycle++) {
      thread.wakeLatenessNs = (cycle * 7919) % 300e3;
      schedule.wait();
      if (schedule.scheduledNs !== beginNs + cycle * PERIOD_NS) throw new Error(`cycle ${cycle} left the grid`);
      if (thread.timeNs < schedule.scheduledNs) throw new Error(`cycle ${cycle} started early`);
      thread.spend(1e6);
    }
    expect(counters[Counter.skips] + counters[Counter.catchUps]).toBe(0);
  });

  it('skips the starts that passed while a cycle ran, counts them, and keeps to the grid', () => {
    const { schedule, thread, counters, beginNs } = scheduled();
    schedule.wait();
    thread.spend(3.5 * PERIOD_NS);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(beginNs + 5 * PERIOD_NS);
    expect(thread.timeNs).toBeGreaterThanOrEqual(schedule.scheduledNs);
    expect(counters[Counter.skips]).toBe(3);
    expect(counters[Counter.catchUps]).toBe(0);
  });

  it('catches up by running the passed starts back to back, each on its own time', () => {
    const { schedule, thread, counters, beginNs } = scheduled({ overrunPolicy: 'catch_up' });
    schedule.wait();
    thread.spend(3.5 * PERIOD_NS);
    const beforeNs = thread.timeNs;
    for (let cycle = 2; cycle <= 4; cycle++) {
      schedule.wait();
      expect(schedule.scheduledNs).toBe(beginNs + cycle * PERIOD_NS);
    }
    // Three starts without waiting.
    expect(thread.timeNs - beforeNs).toBeLessThan(10e3);
    expect(counters[Counter.catchUps]).toBe(3);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(beginNs + 5 * PERIOD_NS);
    expect(thread.timeNs).toBeGreaterThanOrEqual(schedule.scheduledNs);
    expect(counters[Counter.catchUps]).toBe(3);
    expect(counters[Counter.skips]).toBe(0);
  });

  it('catches up no more than its limit and skips the rest', () => {
    const { schedule, thread, counters, beginNs } = scheduled({ overrunPolicy: 'catch_up' });
    schedule.wait();
    thread.spend(100.5 * PERIOD_NS);
    schedule.wait();
    expect(counters[Counter.skips]).toBe(100 - CATCH_UP_LIMIT_CYCLES);
    expect(schedule.scheduledNs).toBe(beginNs + (102 - CATCH_UP_LIMIT_CYCLES) * PERIOD_NS);
    for (let i = 1; i < CATCH_UP_LIMIT_CYCLES; i++) schedule.wait();
    expect(counters[Counter.catchUps]).toBe(CATCH_UP_LIMIT_CYCLES);
    expect(schedule.scheduledNs).toBe(beginNs + 101 * PERIOD_NS);
  });

  it('accounts for every place of the grid: it is started or skipped, once', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('skip', 'catch_up'),
        fc.array(fc.double({ min: 0, max: 12, noNaN: true }), { minLength: 1, maxLength: 60, size: 'max' }),
        fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 1, maxLength: 7 }),
        (overrunPolicy, computePeriods, latePeriods) => {
          const { schedule, thread, counters, beginNs } = scheduled({ overrunPolicy });
          let last = 0;
          for (let i = 0; i < computePeriods.length; i++) {
            thread.wakeLatenessNs = latePeriods[i % latePeriods.length] * PERIOD_NS;
            const enteredNs = thread.timeNs;
            schedule.wait();
            const place = (schedule.scheduledNs - beginNs) / PERIOD_NS;
            expect(Number.isInteger(place)).toBe(true);
            expect(place).toBeGreaterThan(last);
            expect(thread.timeNs).toBeGreaterThanOrEqual(schedule.scheduledNs);
            if (overrunPolicy === 'skip') expect(schedule.scheduledNs).toBeGreaterThan(enteredNs);
            else expect(enteredNs - schedule.scheduledNs).toBeLessThan((CATCH_UP_LIMIT_CYCLES + 1) * PERIOD_NS);
            expect(counters[Counter.skips]).toBe(place - (i + 1));
            last = place;
            thread.spend(computePeriods[i] * PERIOD_NS);
          }
        },
      ),
    );
  });

  it('sleeps until the margin before the start, and spins from there', () => {
    const { schedule, thread } = scheduled({ spinMarginNs: 200e3 });
    schedule.wait();
    const spunNs = schedule.scheduledNs - thread.parkEndNs;
    expect(spunNs).toBeGreaterThanOrEqual(200e3);
    expect(spunNs).toBeLessThanOrEqual(200e3 + PARK_STEP_NS);
    expect(thread.timeNs - schedule.scheduledNs).toBeLessThanOrEqual(thread.lookNs);
  });

  it('never spins without a margin', () => {
    const { schedule, thread } = scheduled({ spinMarginNs: 0 });
    thread.looks = 0;
    schedule.wait();
    expect(thread.looks).toBeLessThan(6);
    expect(thread.timeNs - schedule.scheduledNs).toBeLessThanOrEqual(PARK_STEP_NS + thread.lookNs);
  });

  it('takes a long wait in several parks', () => {
    const { schedule, thread } = scheduled({ periodNs: 1e9 });
    schedule.wait();
    expect(thread.parks).toBeGreaterThanOrEqual(1e9 / PARK_LIMIT_NS - 1);
  });

  it('is not disturbed by observations', () => {
    const { schedule, thread, beginNs } = scheduled();
    for (let i = 1; i < 50; i++) thread.observeAt(i * 1e6);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(beginNs + PERIOD_NS);
    expect(thread.parks).toBe(1);
  });

  it('ends the wait at once when a stop is ordered', () => {
    const { schedule, thread } = scheduled();
    thread.stopAt(5e6);
    expect(schedule.wait()).toBe(Wake.stop);
    expect(thread.timeNs).toBeLessThan(5e6 + 1e3);
    expect(schedule.wait()).toBe(Wake.stop);
  });
});

describe('a schedule by observation', () => {
  const options = { trigger: 'observation' } as const;

  it('starts when an observation lands', () => {
    const { schedule, thread, counters } = scheduled(options);
    for (const landedNs of [25e6, 50e6, 75e6]) {
      thread.observeAt(landedNs);
      schedule.wait();
      expect(schedule.scheduledNs - landedNs).toBeGreaterThanOrEqual(0);
      expect(schedule.scheduledNs - landedNs).toBeLessThanOrEqual(2 * thread.lookNs);
      thread.spend(1e6);
    }
    expect(counters[Counter.earlyStarts]).toBe(3);
  });

  it('starts at most at the configured rate, however many observations land', () => {
    const { schedule, thread, beginNs } = scheduled(options);
    for (let i = 1; i < 1000; i++) thread.observeAt(i * 1e6);
    for (let cycle = 1; cycle <= 40; cycle++) {
      schedule.wait();
      expect(schedule.scheduledNs).toBe(beginNs + cycle * PERIOD_NS);
      expect(thread.timeNs).toBeGreaterThanOrEqual(schedule.scheduledNs);
      thread.spend(0.2e6);
    }
  });

  it('starts on schedule when nothing lands', () => {
    const { schedule, thread, counters, beginNs } = scheduled(options);
    for (let cycle = 1; cycle <= 5; cycle++) {
      schedule.wait();
      expect(schedule.scheduledNs).toBe(beginNs + cycle * OBSERVATION_PATIENCE_PERIODS * PERIOD_NS);
      expect(thread.timeNs).toBeGreaterThanOrEqual(schedule.scheduledNs);
      thread.spend(1e6);
    }
    expect(counters[Counter.earlyStarts]).toBe(0);
  });

  it('does not lose an observation that lands while a cycle runs', () => {
    const { schedule, thread, beginNs } = scheduled(options);
    thread.observeAt(25e6);
    schedule.wait();
    const firstNs = schedule.scheduledNs;
    thread.observeAt(firstNs + 1e6);
    thread.spend(2e6);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(firstNs + PERIOD_NS);
    expect(firstNs).toBeGreaterThan(beginNs + PERIOD_NS);
  });

  it('runs one cycle for observations that landed together', () => {
    const { schedule, thread } = scheduled(options);
    for (const ns of [25e6, 25e6, 25e6]) thread.observeAt(ns);
    schedule.wait();
    const firstNs = schedule.scheduledNs;
    schedule.wait();
    expect(schedule.scheduledNs).toBe(firstNs + OBSERVATION_PATIENCE_PERIODS * PERIOD_NS);
  });

  it('keeps starts a period apart and observations waiting no longer than that, whatever lands when', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 80, size: 'max' }),
        fc.array(fc.double({ min: 0, max: 0.9, noNaN: true }), { minLength: 1, maxLength: 5 }),
        (gapsMs, computePeriods) => {
          const { schedule, thread, beginNs } = scheduled(options, 1000);
          const landed: number[] = [];
          let timeNs = beginNs;
          for (const gapMs of gapsMs) {
            timeNs += gapMs * 1e6;
            landed.push(timeNs);
            thread.observeAt(timeNs);
          }
          let lastNs = beginNs;
          let next = 0;
          for (let i = 0; next < landed.length; i++) {
            schedule.wait();
            const startNs = schedule.scheduledNs;
            expect(startNs - lastNs).toBeGreaterThanOrEqual(PERIOD_NS);
            expect(startNs - lastNs).toBeLessThanOrEqual(OBSERVATION_PATIENCE_PERIODS * PERIOD_NS);
            for (; next < landed.length && landed[next] <= thread.timeNs; next++) {
              expect(thread.timeNs - landed[next]).toBeLessThanOrEqual(PERIOD_NS + 5 * thread.lookNs);
            }
            lastNs = startNs;
            thread.spend(computePeriods[i % computePeriods.length] * PERIOD_NS);
          }
        },
      ),
    );
  });

  it('skips what passed while a cycle ran, also where it was to catch up', () => {
    const { schedule, thread, counters, beginNs } = scheduled({ ...options, overrunPolicy: 'catch_up' });
    schedule.wait();
    thread.spend(10.5 * PERIOD_NS);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(beginNs + 12 * PERIOD_NS);
    expect(counters[Counter.skips]).toBe(8);
    expect(counters[Counter.catchUps]).toBe(0);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(beginNs + 14 * PERIOD_NS);
  });

  it('ends the wait at once when a stop is ordered', () => {
    const { schedule, thread } = scheduled(options);
    thread.stopAt(5e6);
    expect(schedule.wait()).toBe(Wake.stop);
    expect(thread.timeNs).toBeLessThan(5e6 + 1e3);
  });
});

describe('a schedule in lockstep', () => {
  function lockstep(options: Partial<ScheduleOptions> = {}, lookNs?: number) {
    const scheduling = scheduled({ patienceNs: 250e6, spinMarginNs: 0, ...options }, lookNs);
    scheduling.memory.orders[Order.pace] = Pace.lockstep;
    return scheduling;
  }

  it.each(['time', 'observation'] as const)(
    'starts a cycle for each step, due when it was asked (trigger: %s)',
    (trigger) => {
      const { schedule, thread, memory } = lockstep({ trigger });
      // Sooner than a period after one another, and later.
      for (const [i, askedNs] of [3e6, 4e6, 60e6, 61.5e6, 300e6].entries()) {
        thread.stepAt(askedNs);
        expect(schedule.wait()).toBe(Wake.start);
        expect(schedule.scheduledNs).toBe(askedNs);
        expect(thread.timeNs - askedNs).toBeLessThanOrEqual(2 * thread.lookNs);
        expect(memory.progress[Progress.stepTaken]).toBe(i + 1);
        thread.spend(0.5e6);
      }
    },
  );

  it('measures lateness from the asking where the thread was busy then', () => {
    const { schedule, thread } = lockstep();
    thread.stepAt(3e6);
    schedule.wait();
    thread.stepAt(5e6);
    thread.spend(4e6);
    expect(schedule.wait()).toBe(Wake.start);
    expect(schedule.scheduledNs).toBe(5e6);
  });

  it('is not disturbed by observations', () => {
    const { schedule, thread } = lockstep();
    for (let i = 1; i < 200; i++) thread.observeAt(i * 1e5);
    thread.stepAt(19.95e6);
    expect(schedule.wait()).toBe(Wake.start);
    expect(schedule.scheduledNs).toBe(19.95e6);
    expect(thread.parks).toBe(1);
  });

  it('answers the newest of several steps with one cycle', () => {
    const { schedule, thread, memory } = lockstep();
    thread.stepAt(3e6);
    schedule.wait();
    for (const ns of [4e6, 5e6, 6e6]) thread.stepAt(ns);
    thread.spend(10e6);
    expect(schedule.wait()).toBe(Wake.start);
    expect(schedule.scheduledNs).toBe(6e6);
    expect(memory.progress[Progress.stepTaken]).toBe(4);
    thread.stepAt(100e6);
    expect(schedule.wait()).toBe(Wake.start);
    expect(schedule.scheduledNs).toBe(100e6);
  });

  it('counts steps across the wrap of their number', () => {
    const { schedule, thread, memory } = lockstep();
    memory.orders[Order.step] = 0x7fffffff;
    memory.asked[0x7fffffff & (ASKED_STEPS - 1)] = 1e3;
    expect(schedule.wait()).toBe(Wake.start);
    thread.stepAt(7e6);
    expect(schedule.wait()).toBe(Wake.start);
    expect(memory.progress[Progress.stepTaken]).toBe(-0x80000000);
    expect(schedule.scheduledNs).toBe(7e6);
  });

  it('runs by schedule after its patience, at once for the next step, and then is patient again', () => {
    const { schedule, thread, memory, counters } = lockstep();
    thread.stepAt(10e6);
    schedule.wait();
    for (let i = 0; i < 5; i++) {
      expect(schedule.wait()).toBe(Wake.start);
      expect(schedule.scheduledNs).toBe(260e6 + i * PERIOD_NS);
      expect(thread.timeNs).toBeGreaterThanOrEqual(schedule.scheduledNs);
      // Nobody asked for them.
      expect(memory.progress[Progress.stepTaken]).toBe(1);
      thread.spend(1e6);
    }
    thread.stepAt(345e6);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(345e6);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(345e6 + 250e6);
    expect(counters[Counter.skips]).toBe(0);
  });

  it('is patient for two periods at the least', () => {
    const { schedule, thread } = lockstep({ patienceNs: 1 });
    thread.stepAt(10e6);
    schedule.wait();
    schedule.wait();
    expect(schedule.scheduledNs).toBe(10e6 + STEP_PATIENCE_PERIODS * PERIOD_NS);
  });

  it('skips, and counts, what passed of the schedule while a cycle ran', () => {
    const { schedule, thread, counters } = lockstep();
    thread.stepAt(10e6);
    schedule.wait();
    thread.spend(250e6 + 3.5 * PERIOD_NS);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(260e6 + 3 * PERIOD_NS);
    expect(counters[Counter.skips]).toBe(3);
  });

  it('shows life while it waits, though it runs no cycle', () => {
    const { schedule, thread, memory } = lockstep({ patienceNs: 10e9 });
    thread.stepAt(1e9);
    schedule.wait();
    expect(memory.progress[Progress.idle]).toBeGreaterThanOrEqual(1e9 / PARK_LIMIT_NS - 1);
  });

  it('wakes for a request without a cycle, once', () => {
    const { schedule, thread } = lockstep();
    thread.at(5e6, Order.rouse);
    expect(schedule.wait()).toBe(Wake.request);
    expect(thread.timeNs).toBeLessThan(5e6 + 1e3);
    thread.stepAt(9e6);
    expect(schedule.wait()).toBe(Wake.start);
    expect(schedule.scheduledNs).toBe(9e6);
  });

  it('never spins for a step, however regularly they come', () => {
    const { schedule, thread } = lockstep({ spinMarginNs: 200e3 });
    const gapNs = 300e3;
    for (let i = 1; i <= 3; i++) {
      thread.stepAt(i * gapNs);
      schedule.wait();
    }
    thread.looks = 0;
    thread.parks = 0;
    thread.stepAt(4 * gapNs + 50e3);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(4 * gapNs + 50e3);
    expect(thread.parks).toBe(1);
    expect(thread.looks).toBeLessThan(8);
  });

  it.each(['time', 'observation'] as const)(
    'takes a change of pace either way within one wait (trigger: %s)',
    (trigger) => {
      const { schedule, thread, beginNs, counters } = scheduled({ trigger, patienceNs: 250e6 });
      thread.paceAt(5e6, Pace.lockstep);
      thread.stepAt(7e6);
      expect(schedule.wait()).toBe(Wake.request);
      expect(schedule.wait()).toBe(Wake.start);
      expect(schedule.scheduledNs).toBe(7e6);
      thread.paceAt(100e6, Pace.configured);
      expect(schedule.wait()).toBe(Wake.start);
      // The last start was long ago: the next is due at once, on a new grid.
      expect(schedule.scheduledNs).toBeGreaterThanOrEqual(100e6);
      expect(schedule.scheduledNs).toBeLessThanOrEqual(100e6 + (trigger === 'time' ? 0 : PERIOD_NS) + 2 * PARK_STEP_NS);
      const gridNs = schedule.scheduledNs;
      schedule.wait();
      expect(schedule.scheduledNs - gridNs).toBe(PERIOD_NS * (trigger === 'time' ? 1 : OBSERVATION_PATIENCE_PERIODS));
      expect(counters[Counter.skips]).toBe(0);
      expect(beginNs).toBeLessThan(1e3);
    },
  );

  it('answers a step that is asked for while cycles run as configured with the next of them', () => {
    const { schedule, thread, memory, beginNs } = scheduled();
    thread.stepAt(5e6);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(beginNs + PERIOD_NS);
    expect(memory.progress[Progress.stepTaken]).toBe(1);
  });

  it('loses no step and puts no cycle off for ever, whatever is asked and however the pace changes', () => {
    const event = fc.record({
      gapUs: fc.integer({ min: 1, max: 60_000 }),
      kind: fc.constantFrom('step', 'lockstep', 'configured', 'observation', 'request'),
    });
    fc.assert(
      fc.property(
        fc.constantFrom<ScheduleOptions['trigger']>('time', 'observation'),
        fc.array(event, { minLength: 1, maxLength: 120, size: 'max' }),
        fc.array(fc.double({ min: 0, max: 1.5, noNaN: true }), { minLength: 1, maxLength: 5 }),
        (trigger, events, computePeriods) => {
          const patienceNs = 3 * PERIOD_NS;
          const { schedule, thread, memory, beginNs } = scheduled({ trigger, patienceNs }, 1000);
          let timeNs = beginNs;
          let steps = 0;
          for (const { gapUs, kind } of events) {
            timeNs += gapUs * 1e3;
            if (kind === 'step') {
              thread.stepAt(timeNs);
              steps++;
            } else if (kind === 'observation') thread.observeAt(timeNs);
            else if (kind === 'request') thread.at(timeNs, Order.rouse);
            else thread.paceAt(timeNs, kind === 'lockstep' ? Pace.lockstep : Pace.configured);
          }
          let lastNs = beginNs;
          let endedNs = thread.timeNs;
          for (let i = 0; thread.timeNs < timeNs + 2 * patienceNs; i++) {
            if (schedule.wait() === Wake.request) continue;
            expect(schedule.scheduledNs).toBeGreaterThanOrEqual(lastNs);
            expect(thread.timeNs).toBeGreaterThanOrEqual(schedule.scheduledNs);
            // No wait is longer than the patience, by more than what is seen late.
            expect(thread.timeNs - endedNs).toBeLessThanOrEqual(patienceNs + PERIOD_NS);
            expect(memory.progress[Progress.stepTaken]).toBe(memory.orders[Order.step]);
            lastNs = schedule.scheduledNs;
            thread.spend(computePeriods[i % computePeriods.length] * PERIOD_NS);
            endedNs = thread.timeNs;
          }
          expect(memory.progress[Progress.stepTaken]).toBe(steps);
        },
      ),
    );
  });

  it('ends the wait at once when a stop is ordered', () => {
    const { schedule, thread } = lockstep();
    thread.stopAt(5e6);
    expect(schedule.wait()).toBe(Wake.stop);
    expect(thread.timeNs).toBeLessThan(5e6 + 1e3);
  });
});

describe('a schedule on the machine’s clock', () => {
  it.each(['time', 'observation'] as const)('never starts a cycle before its time (trigger: %s)', (trigger) => {
    const memory = scheduleMemory();
    const clock = new MonotonicClock();
    const statistics = new ControlStatistics(new SharedArrayBuffer(STATISTICS_BYTES), 0);
    const options = { periodNs: 2e6, trigger, overrunPolicy: 'skip', spinMarginNs: 200e3 } as const;
    const schedule = new Schedule(clock, options, memory, statistics);
    schedule.begin();
    let lastNs = schedule.scheduledNs;
    for (let i = 0; i < 25; i++) {
      Atomics.add(memory.orders, Order.wake, 1);
      expect(schedule.wait()).toBe(Wake.start);
      expect(clock.nowNs()).toBeGreaterThanOrEqual(schedule.scheduledNs);
      expect(schedule.scheduledNs).toBeGreaterThanOrEqual(lastNs + options.periodNs);
      lastNs = schedule.scheduledNs;
    }
  });
});

describe('a schedule with a simulated robot', () => {
  const TIMEOUT_NS = 500e6;

  function simulated(options: Partial<ScheduleOptions> = {}) {
    const scheduling = scheduled({ patienceNs: 50e6, heartbeatTimeoutNs: TIMEOUT_NS, spinMarginNs: 0, ...options });
    scheduling.memory.orders[Order.pace] = Pace.simulated;
    return scheduling;
  }

  it.each(['time', 'observation'] as const)('starts a cycle for each step and no other (trigger: %s)', (trigger) => {
    const { schedule, thread, memory } = simulated({ trigger });
    for (let i = 1; i <= 200; i++) thread.at(i * 0.1e9, Order.heartbeat);
    // A tenth of a second apart, and ten.
    for (const [i, askedNs] of [3e6, 0.1e9, 10.1e9, 10.2e9].entries()) {
      thread.stepAt(askedNs);
      expect(schedule.wait()).toBe(Wake.start);
      expect(schedule.scheduledNs).toBe(askedNs);
      expect(memory.progress[Progress.stepTaken]).toBe(i + 1);
      thread.spend(0.5e6);
    }
    expect(memory.progress[Progress.idle]).toBeGreaterThan(10e9 / PARK_LIMIT_NS - 2);
  });

  it('runs by schedule while there is no heartbeat, and stands again when there is one', () => {
    const { schedule, thread, counters } = simulated();
    for (let i = 1; i <= 20; i++) thread.at(i * 0.1e9, Order.heartbeat);
    thread.stepAt(10e6);
    schedule.wait();
    for (let i = 0; i < 5; i++) {
      expect(schedule.wait()).toBe(Wake.start);
      const lateNs = schedule.scheduledNs - (2e9 + TIMEOUT_NS + i * PERIOD_NS);
      // A heartbeat that nobody notifies of is seen at the end of a park.
      expect(lateNs).toBeGreaterThanOrEqual(0);
      expect(lateNs).toBeLessThanOrEqual(PARK_LIMIT_NS + thread.lookNs * 10);
      thread.spend(1e6);
    }
    const lostNs = thread.timeNs;
    thread.at(lostNs + 1e6, Order.heartbeat);
    thread.at(lostNs + 0.4e9, Order.heartbeat);
    thread.stepAt(lostNs + 0.8e9);
    schedule.wait();
    expect(schedule.scheduledNs).toBe(lostNs + 0.8e9);
    expect(counters[Counter.skips]).toBe(0);
  });

  it('serves requests while time stands', () => {
    const { schedule, thread } = simulated();
    thread.at(5e6, Order.rouse);
    expect(schedule.wait()).toBe(Wake.request);
    expect(thread.timeNs).toBeLessThan(5e6 + 1e3);
  });

  it('goes over to the clock and back within one wait', () => {
    const { schedule, thread } = simulated();
    thread.paceAt(30e6, Pace.configured);
    schedule.wait();
    schedule.wait();
    expect(schedule.scheduledNs - 30e6).toBeLessThanOrEqual(2 * PERIOD_NS);
    const nowNs = thread.timeNs;
    thread.paceAt(nowNs + 1e6, Pace.simulated);
    thread.stepAt(nowNs + 0.3e9);
    schedule.wait();
    schedule.wait();
    expect(schedule.scheduledNs).toBe(nowNs + 0.3e9);
  });
});
