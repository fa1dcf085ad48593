import { afterAll, beforeAll, vi } from 'vitest';
import { noFaults } from '../../sim/faults.js';
import { jackal } from '../../sim/robots.js';
import { SimPort } from '../../sim/sim-port.js';
import { VirtualClock } from '../../src/core/clock.js';
import { Recording } from '../../src/io/replay/recording.js';
import { ReplayPort } from '../../src/io/replay/replay-port.js';
import { handmade } from '../sim/recording-sink.js';
import { fileOf, record, straightDrive } from '../unit/io/replay/recorder.js';
import { describePort } from './port-contract.js';

beforeAll(() => {
  vi.useFakeTimers();
});
afterAll(() => {
  vi.useRealTimers();
});

describePort({
  name: 'sim',
  async make() {
    const clock = new VirtualClock(7e12);
    const port = new SimPort({
      scenario: handmade(() => {}, { goalX: 40 }),
      robot: jackal,
      seed: 1,
      faults: noFaults,
      clock,
      episodes: null,
    });
    let last = [0, 0];
    let seconds = 0;
    let speed = 0;
    return {
      port,
      pass(span) {
        for (let i = 0; i < span * 1000; i++) {
          clock.timeNs += 1e6;
          vi.advanceTimersByTime(1);
          seconds += 1e-3;
          const simulator = port.simulator;
          if (simulator === null || i % 100 !== 99) continue;
          speed = Math.hypot(simulator.x - last[0], simulator.y - last[1]) / seconds;
          last = [simulator.x, simulator.y];
          seconds = 0;
        }
      },
      nowNs: () => clock.timeNs,
      speed: () => speed,
    };
  },
});

describePort({
  name: 'replay',
  movesNothing: 'a recording is shadowed, its robot moved long ago',
  ownClock: 'the log’s clock is the controller’s',
  async make() {
    const recording = new Recording(fileOf(await record(straightDrive(20))));
    const port = new ReplayPort(recording);
    let untilNs = 0;
    return {
      port,
      pass(seconds) {
        untilNs += seconds * 1e9;
        while (port.nextNs <= untilNs && port.next());
      },
      nowNs: () => port.clockNs,
      speed: () => null,
    };
  },
});
