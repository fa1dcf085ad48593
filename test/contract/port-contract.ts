import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MotionCommand, ObservationSink, Port, RangeScan, RejectionCode } from '../../src/io/port.js';
import { Rejection } from '../../src/io/port.js';

/** What a port handed over, in order, with the stamps and times of arrival that it gave. */
export class ContractSink implements ObservationSink {
  readonly calls: { name: string; stampNs: number; receivedNs: number; values: number[] }[] = [];
  readonly scans: RangeScan[] = [];

  odometry(stampNs: number, receivedNs: number, ...values: number[]): RejectionCode {
    return this.#note('odometry', stampNs, receivedNs, values);
  }
  ranges(stampNs: number, receivedNs: number, scan: RangeScan): RejectionCode {
    this.scans.push({ ...scan, ranges: scan.ranges.slice(0, scan.count) });
    return this.#note('ranges', stampNs, receivedNs, []);
  }
  contacts(stampNs: number, receivedNs: number, ...values: number[]): RejectionCode {
    return this.#note('contacts', stampNs, receivedNs, values);
  }
  goal(stampNs: number, receivedNs: number, ...values: number[]): RejectionCode {
    return this.#note('goal', stampNs, receivedNs, values);
  }
  newFrame(): void {
    this.#note('newFrame', Number.NaN, Number.NaN, []);
  }
  cancelGoal(stampNs: number, receivedNs: number): void {
    this.#note('cancelGoal', stampNs, receivedNs, []);
  }
  feedback(decisionId: number, reward: number, stampNs: number): RejectionCode {
    return this.#note('feedback', stampNs, Number.NaN, [decisionId, reward]);
  }

  of(name: string) {
    return this.calls.filter((call) => call.name === name);
  }

  #note(name: string, stampNs: number, receivedNs: number, values: number[]): RejectionCode {
    this.calls.push({ name, stampNs, receivedNs, values });
    return Rejection.accepted;
  }
}

/** A command slot that a test fills; counts how often a port looked. */
export class ContractCommands {
  reads = 0;
  readonly #command: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: 0 };

  send(vx: number): void {
    this.#command.vx = vx;
    this.#command.cycle++;
  }

  read(out: MotionCommand): boolean {
    this.reads++;
    Object.assign(out, this.#command);
    return true;
  }
}

export interface RunningPort {
  port: Port;
  /** Lets so much time of the port's own pass, with everything that falls due in it [s]. */
  pass(seconds: number): void | Promise<void>;
  /** The controller's clock: what readings are dated by [ns]. */
  nowNs(): number;
  /** The robot's true speed over ground [m/s]; null where there is no robot to move. */
  speed(): number | null;
  /** Lets go of what the test itself holds. */
  dispose?(): void;
}

export interface PortCase {
  name: string;
  /** A port that was not started yet, on a robot with a clear way ahead of at least 5 m. */
  make(): Promise<RunningPort>;
  /** Why the port reads no commands and moves nothing; absent where it does. */
  movesNothing?: string;
  /** Why the port has a clock of its own, which is not the controller's; absent where it dates by the controller's. */
  ownClock?: string;
}

/** What every port promises; run against each of them. */
export function describePort({ name, make, movesNothing, ownClock }: PortCase): void {
  describe(`${name} keeps the port contract`, () => {
    let running: RunningPort;
    let sink: ContractSink;
    let commands: ContractCommands;

    beforeEach(async () => {
      running = await make();
      sink = new ContractSink();
      commands = new ContractCommands();
    });
    afterEach(async () => {
      await running.port.stop();
      running.dispose?.();
    });

    const start = () => running.port.start(sink, commands);
    const clause = (title: string, skip: string | undefined, body: () => Promise<void>) =>
      it.skipIf(skip !== undefined)(skip === undefined ? title : `${title} (not here: ${skip})`, body);

    it('has a name and touches nothing before it is started', async () => {
      expect(running.port.name).toMatch(/^[a-z0-9]+$/);
      await running.pass(0.2);
      expect([sink.calls.length, commands.reads]).toEqual([0, 0]);
    });

    it('hands over odometry and ranges once started, and a goal', async () => {
      await start();
      await running.pass(2);
      expect(sink.of('odometry').length).toBeGreaterThanOrEqual(10);
      expect(sink.of('ranges').length).toBeGreaterThanOrEqual(3);
      expect(sink.of('goal').length).toBeGreaterThanOrEqual(1);
    });

    it('hands over nothing but numbers that make sense', async () => {
      await start();
      await running.pass(2);
      for (const { name: input, values } of sink.calls) {
        expect(values.every(Number.isFinite), input).toBe(true);
      }
      for (const scan of sink.scans) {
        expect(scan.count).toBe(scan.ranges.length);
        expect(scan.count).toBeGreaterThan(0);
        expect(scan.rangeMin).toBeLessThan(scan.rangeMax);
        expect(scan.angleIncrement).not.toBe(0);
        expect([scan.mountX, scan.mountY, scan.mountYaw, scan.angleMin].every(Number.isFinite)).toBe(true);
      }
      for (const { values } of sink.of('goal')) expect(values[2]).toBeGreaterThan(0);
    });

    it('stamps each input by a clock that rises', async () => {
      await start();
      await running.pass(2);
      for (const input of ['odometry', 'ranges', 'contacts']) {
        const stamps = sink.of(input).map(({ stampNs }) => stampNs);
        for (let i = 1; i < stamps.length; i++) expect(stamps[i]).toBeGreaterThan(stamps[i - 1]);
      }
    });

    it('dates arrivals in the order in which they come', async () => {
      await start();
      await running.pass(2);
      const arrivals = sink.calls.map(({ receivedNs }) => receivedNs).filter((ns) => !Number.isNaN(ns));
      for (let i = 1; i < arrivals.length; i++) expect(arrivals[i]).toBeGreaterThanOrEqual(arrivals[i - 1]);
    });

    clause('dates arrivals by the controller’s clock', ownClock, async () => {
      const beforeNs = running.nowNs();
      await start();
      await running.pass(1);
      for (const { receivedNs } of sink.of('odometry')) {
        expect(receivedNs).toBeGreaterThanOrEqual(beforeNs);
        expect(receivedNs).toBeLessThanOrEqual(running.nowNs());
      }
    });

    clause('moves the robot as the newest command says', movesNothing, async () => {
      await start();
      await running.pass(0.3);
      expect(running.speed()).toBeLessThan(0.01);
      commands.send(0.5);
      await running.pass(1);
      expect(running.speed()).toBeCloseTo(0.5, 1);
      commands.send(0);
      await running.pass(1);
      expect(running.speed()).toBeLessThan(0.01);
    });

    clause('stops the robot when it is stopped', movesNothing, async () => {
      await start();
      commands.send(0.5);
      await running.pass(1);
      await running.port.stop();
      await running.pass(1);
      expect(running.speed() ?? 0).toBeLessThan(0.01);
    });

    it('hands over nothing and reads nothing once it is stopped', async () => {
      await start();
      await running.pass(1);
      await running.port.stop();
      const handed = sink.calls.length;
      const reads = commands.reads;
      await running.pass(1);
      expect(sink.calls.length).toBe(handed);
      expect(commands.reads).toBe(reads);
      expect(handed).toBeGreaterThan(0);
    });

    it('may be stopped twice', async () => {
      await start();
      await running.port.stop();
      await expect(running.port.stop()).resolves.toBeUndefined();
    });

    it('says in a sentence how it is', async () => {
      await start();
      await running.pass(0.5);
      const health = running.port.health();
      expect(health.ok).toBe(true);
      expect(health.detail.length).toBeGreaterThan(5);
      await running.port.stop();
      expect(running.port.health().detail.length).toBeGreaterThan(5);
    });
  });
}
