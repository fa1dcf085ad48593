import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../src/core/clock.js';
import { RosTime, type RosTimeOptions } from '../../../../src/io/ros2/ros-time.js';

const PERIOD_NS = 20e6;
/** In November 2026, with nanoseconds that a double since 1970 could not hold. */
const NOW_S = 1_795_000_000;

class Rig {
  readonly clock = new VirtualClock(5e9);
  readonly system = { nowMs: () => this.wallMs };
  wallMs = NOW_S * 1e3;
  readonly told: (string | number)[] = [];
  readonly notices: string[] = [];
  readonly time: RosTime;
  readonly #out = new Int32Array(2);

  constructor(options: Partial<RosTimeOptions> = {}) {
    this.time = new RosTime({
      clock: this.clock,
      simulated: true,
      periodNs: PERIOD_NS,
      trustStamps: true,
      steps: {
        lockstep: (on) => this.told.push(`lockstep ${on}`),
        step: (atNs) => this.told.push(atNs),
      },
      sink: { newFrame: () => this.told.push('new frame') },
      notice: (text) => this.notices.push(text),
      system: this.system,
      ...options,
    });
  }
  get steps(): number[] {
    return this.told.filter((entry) => typeof entry === 'number');
  }
  /** Both clocks go on. */
  pass(ms: number): void {
    this.clock.timeNs += ms * 1e6;
    this.wallMs += ms;
  }
  /** `/clock`, at this many milliseconds. */
  at(ms: number): void {
    this.time.clockAt(Math.floor(ms / 1e3), Math.round((ms % 1e3) * 1e6));
  }
  get rosNow(): number[] {
    this.time.rosNowInto(this.#out);
    return [...this.#out];
  }
  rosTime(ns: number): number[] {
    this.time.rosTimeInto(ns, this.#out);
    return [...this.#out];
  }
}

describe('stamps', () => {
  it('count from a base, exact to the nanosecond', () => {
    const { time } = new Rig({ simulated: false });
    const first = time.stampNs(NOW_S, 123_456_789);
    expect(first).toBe(123_456_789);
    expect(time.stampNs(NOW_S + 40 * 86_400, 123_456_790) - first).toBe(40 * 86_400e9 + 1);
    expect(time.stampNs(NOW_S - 1, 999_999_999) - first).toBe(-123_456_790);
  });
});

describe('on the wall’s time', () => {
  it('readings arrive at the controller’s time, whatever starts', () => {
    const rig = new Rig({ simulated: false });
    rig.time.begin();
    rig.time.clockAt(1, 0);
    expect(rig.time.nowNs()).toBe(5e9);
    expect(rig.told).toEqual([]);
    expect(rig.time.known).toBe(true);
    expect(rig.time.standing).toBe(false);
  });

  it('readings are as old as their stamp says, and never in the future', () => {
    const rig = new Rig({ simulated: false });
    rig.pass(100);
    const age = (ms: number) => rig.clock.timeNs - rig.time.receivedNs(rig.time.stampNs(NOW_S, (100 - ms) * 1e6));
    expect(age(30)).toBeCloseTo(30e6, -2);
    expect(age(0)).toBeCloseTo(0, -2);
    expect(age(-50)).toBe(0);
  });

  it('readings are as old as their arrival, where stamps are not trusted', () => {
    const rig = new Rig({ simulated: false, trustStamps: false });
    expect(rig.time.receivedNs(rig.time.stampNs(17, 0))).toBe(5e9);
  });

  it('what is published bears the wall’s time of a moment of the controller’s', () => {
    const rig = new Rig({ simulated: false });
    rig.wallMs += 250;
    expect(rig.rosNow).toEqual([NOW_S, 250_000_000]);
    expect(rig.rosTime(5e9 - 0.5e9)).toEqual([NOW_S - 1, 750_000_000]);
    expect(rig.rosTime(5e9 + 1e9)).toEqual([NOW_S + 1, 250_000_000]);
  });

  it('follows a wall clock that is set, and not the resolution of one that is read', () => {
    const rig = new Rig({ simulated: false });
    expect(rig.rosNow).toEqual([NOW_S, 0]);
    rig.pass(200);
    rig.wallMs += 0.9;
    expect(rig.rosNow).toEqual([NOW_S, 200_000_000]);
    rig.pass(200);
    rig.wallMs += 3600e3;
    const [seconds] = rig.rosNow;
    expect(seconds).toBe(NOW_S + 3600);
    expect(rig.clock.timeNs - rig.time.receivedNs(rig.time.stampNs(NOW_S + 3600, 300e6))).toBeCloseTo(
      100e6 + 0.9e6,
      -3,
    );
  });
});

describe('simulated time', () => {
  it('is 0, and readings arrive at the controller’s time, before /clock tells it', () => {
    const rig = new Rig();
    rig.time.begin();
    expect(rig.told).toEqual(['lockstep true']);
    expect(rig.rosNow).toEqual([0, 0]);
    expect(rig.time.nowNs()).toBe(5e9);
    expect(rig.time.receivedNs(rig.time.stampNs(3, 0))).toBe(5e9);
    expect(rig.time.known).toBe(false);
    expect(rig.time.standing).toBe(true);
  });

  it('begins at the controller’s, with a step', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.clock.timeNs = 7e9;
    rig.at(123_456);
    expect(rig.steps).toEqual([7e9]);
    expect(rig.time.nowNs()).toBe(7e9);
    expect(rig.rosNow).toEqual([123, 456_000_000]);
    expect(rig.time.known).toBe(true);
  });

  it('makes a step of each period that it passes, dated by it, at any pace', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.at(1000);
    // A tick of 4 ms of a simulation that runs at a quarter of the wall's pace.
    for (let ms = 1004; ms <= 1100; ms += 4) {
      rig.pass(16);
      rig.at(ms);
    }
    expect(rig.steps).toEqual([5e9, ...[20, 40, 60, 80, 100].map((ms) => 5e9 + ms * 1e6)]);
    expect(rig.notices).toEqual([]);
  });

  it('makes one step of several periods that it passes at once', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.at(1000);
    rig.at(1130);
    rig.at(1139);
    rig.at(1141);
    expect(rig.steps).toEqual([5e9, 5.13e9, 5.141e9]);
  });

  it('dates readings by their stamps, on the clock of the steps', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.at(1000);
    rig.at(1100);
    rig.pass(5000);
    expect(rig.time.nowNs()).toBe(5.1e9);
    expect(rig.time.receivedNs(rig.time.stampNs(1, 70e6))).toBe(5.07e9);
    expect(rig.time.receivedNs(rig.time.stampNs(1, 170e6))).toBe(5.1e9);
    expect(rig.rosTime(5.07e9)).toEqual([1, 70_000_000]);
  });

  it('stands without a step, and says so', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.at(1000);
    expect(rig.time.standing).toBe(false);
    rig.pass(2000);
    rig.at(1000);
    expect(rig.time.standing).toBe(true);
    expect(rig.steps).toHaveLength(1);
    rig.at(1020);
    expect(rig.time.standing).toBe(false);
    expect(rig.steps).toEqual([5e9, 5.02e9]);
  });

  it('knows its pace over the last seconds, and none of the stretch before it went back', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.at(1000);
    expect(rig.time.pace).toBeNaN();
    const go = (pace: number) => {
      const from = rig.rosNow[0] * 1e3 + rig.rosNow[1] / 1e6;
      for (let i = 1; i <= 40; i++) {
        rig.pass(100);
        rig.at(from + i * 100 * pace);
      }
    };
    go(0.25);
    expect(rig.time.pace).toBeCloseTo(0.25, 6);
    go(3);
    expect(rig.time.pace).toBeCloseTo(3, 6);
    rig.at(0);
    expect(rig.time.pace).toBeNaN();
  });

  it('that goes back begins a stretch and a frame anew, and says so', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.at(100_000);
    rig.at(100_020);
    rig.pass(10);
    rig.told.length = 0;
    rig.at(0);
    expect(rig.told).toEqual(['lockstep true', 'new frame', 5.01e9]);
    expect(rig.time.resets).toBe(1);
    expect(rig.notices).toHaveLength(1);
    expect(rig.notices[0]).toContain('went back by 100 s');
    rig.at(20);
    expect(rig.steps).toEqual([5.01e9, 5.03e9]);
    expect(rig.rosNow).toEqual([0, 20_000_000]);
    // Stamps of before are past, and those of the new stretch are not.
    expect(rig.time.receivedNs(rig.time.stampNs(0, 15e6))).toBe(5.025e9);
  });

  it('of another day, back or ahead, begins anew, and stays exact to the nanosecond', () => {
    const rig = new Rig();
    // A reading without a stamp, before any time is known.
    rig.time.stampNs(0, 0);
    rig.time.begin();
    rig.time.clockAt(NOW_S, 0);
    expect(rig.notices).toEqual([]);
    rig.told.length = 0;
    for (let i = 1; i <= 100; i++) rig.time.clockAt(NOW_S, i * PERIOD_NS - 1);
    rig.time.clockAt(NOW_S + 2, 7);
    expect(rig.steps).toHaveLength(100);
    expect(rig.rosNow).toEqual([NOW_S + 2, 7]);
    rig.told.length = 0;
    rig.pass(10);
    rig.time.clockAt(0, 10_000_001);
    expect(rig.told).toEqual(['lockstep true', 'new frame', 5.01e9]);
    expect(rig.rosNow).toEqual([0, 10_000_001]);
    expect(rig.notices.at(-1)).toContain(`went back by ${NOW_S.toPrecision(3)} s`);
    rig.told.length = 0;
    rig.pass(1000);
    rig.time.clockAt(NOW_S, 10_000_001);
    expect(rig.told).toEqual(['lockstep true', 'new frame', 6.01e9]);
    expect(rig.rosNow).toEqual([NOW_S, 10_000_001]);
    expect(rig.notices.at(-1)).toContain('jumped ahead by ');
    expect(rig.time.resets).toBe(2);
  });

  it('that jumps ahead is one step, told of; far ahead, the place is another too', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.at(0);
    rig.told.length = 0;
    rig.at(3000);
    expect(rig.told).toEqual([8e9]);
    expect(rig.notices).toHaveLength(1);
    rig.pass(1000);
    rig.at(103_000);
    expect(rig.told).toEqual([8e9, 'new frame', 108e9]);
    expect(rig.notices).toHaveLength(2);
  });

  it('tells of a jump that follows closely on a beginning anew', () => {
    const rig = new Rig();
    rig.time.begin();
    for (const ms of [1000, 0, 5000]) {
      rig.pass(1);
      rig.at(ms);
    }
    expect(rig.notices.map((text) => /went back|one step/.exec(text)?.[0])).toEqual(['went back', 'one step']);
  });

  it('told by two who contradict each other begins anew each time, and says each thing once a second', () => {
    const rig = new Rig();
    rig.time.begin();
    for (let ms = 0; ms < 3000; ms++) {
      rig.pass(1);
      rig.at(ms % 2 === 0 ? ms : 100_000 + ms);
    }
    expect(rig.time.resets).toBe(1499);
    for (const thing of ['went back', 'jumped ahead']) {
      expect(rig.notices.filter((text) => text.includes(thing))).toHaveLength(3);
    }
  });

  it('ends with the schedule as it was, and begins anew after', () => {
    const rig = new Rig();
    rig.time.begin();
    rig.at(1000);
    rig.time.stop();
    rig.at(1020);
    rig.time.stop();
    expect(rig.told).toEqual(['lockstep true', 5e9, 'lockstep false']);
    rig.told.length = 0;
    rig.clock.timeNs = 9e9;
    rig.time.begin();
    rig.at(1040);
    expect(rig.told).toEqual(['lockstep true', 9e9]);
    expect(rig.notices).toEqual([]);
  });

  it('passes as many nanoseconds between steps as on /clock, and dates never fall', () => {
    const ticks = fc.array(fc.integer({ min: 0, max: 200e6 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 100 }), ticks, (startS, deltas) => {
        const rig = new Rig();
        rig.time.begin();
        let ns = 0n;
        const begun = rig.clock.timeNs;
        const dates: number[] = [];
        for (const delta of [0, ...deltas]) {
          ns += BigInt(delta);
          const before = rig.steps.length;
          rig.time.clockAt(startS + Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n));
          expect(rig.time.nowNs()).toBe(begun + Number(ns));
          if (rig.steps.length > before) dates.push(rig.steps.at(-1) as number);
          expect(rig.steps.length - before).toBeLessThanOrEqual(1);
        }
        expect(dates).toEqual([...dates].sort((a, b) => a - b));
        // Each period that has ended since the first tick has had its step, or shared one.
        expect(begun + Number(ns) - dates[dates.length - 1]).toBeLessThan(PERIOD_NS);
      }),
    );
  });
});
