import { describe, expect, it } from 'vitest';
import { Schedule } from '../../../src/loop/schedule.js';
import { ControlStatistics, STATISTICS_BYTES } from '../../../src/loop/statistics.js';
import { type Cycle, driveCycles, Phase } from '../../../src/loop/worker.js';
import { CommandField, ControlMemory, Order, Pace, Progress, planControlLayout } from '../../../src/memory/layout.js';
import { Reason } from '../../../src/memory/reason.js';
import { VirtualThread } from '../../support/virtual-thread.js';

const PERIOD_NS = 20e6;

/** Drives faster with every cycle, until `onCycle` interferes. */
class Accelerating implements Cycle {
  readonly starts: number[] = [];
  stops = 0;
  readonly #memory: ControlMemory;
  readonly #onCycle: (cycle: number) => void;

  constructor(memory: ControlMemory, onCycle: (cycle: number) => void) {
    this.#memory = memory;
    this.#onCycle = onCycle;
  }

  run(scheduledNs: number): void {
    this.starts.push(scheduledNs);
    Atomics.add(this.#memory.progress, Progress.cycles, 1);
    const slot = this.#memory.command;
    slot.doubles[slot.writeIndex].fill(this.starts.length);
    this.#onCycle(this.starts.length);
    this.#memory.publishCommand();
  }

  stop(): void {
    this.stops++;
    const slot = this.#memory.command;
    slot.doubles[slot.writeIndex].fill(0);
    this.#memory.publishCommand();
  }
}

function drive(
  onCycle: (cycle: number) => void,
  stopAfterPeriods: number,
  sabotage?: (cycle: Accelerating) => void,
  prepare?: (thread: VirtualThread) => void,
) {
  const layout = planControlLayout({
    maxBeams: 8,
    decisionRecords: 64,
    policyBytes: 0,
    scalerBytes: 0,
    snapshotBytes: 0,
    statisticsBytes: STATISTICS_BYTES,
  });
  const memory = new ControlMemory(layout);
  const thread = new VirtualThread(memory);
  thread.stopAt(stopAfterPeriods * PERIOD_NS);
  const statistics = new ControlStatistics(memory.buffer, layout.statistics);
  const options = { periodNs: PERIOD_NS, trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 0 } as const;
  const schedule = new Schedule(thread, options, memory, statistics, thread);
  const cycle = new Accelerating(memory, onCycle);
  sabotage?.(cycle);
  prepare?.(thread);
  const faults: unknown[] = [];
  driveCycles(memory, schedule, cycle, (error) => {
    // Zero velocity is out before anybody is told.
    expect(memory.command.take()).toBe(true);
    expect(memory.command.doubles[memory.command.readIndex][CommandField.vx]).toBe(0);
    faults.push(error);
  });
  memory.command.take();
  return { memory, cycle, faults, command: memory.command.doubles[memory.command.readIndex] };
}

describe('the control thread', () => {
  it('runs each cycle with its scheduled time, announces its command, and stops the robot when told to', () => {
    const { memory, cycle, faults, command } = drive(() => {}, 5.5);
    expect(cycle.starts).toEqual([1, 2, 3, 4, 5].map((k) => cycle.starts[0] + (k - 1) * PERIOD_NS));
    expect(cycle.stops).toBe(1);
    expect(faults).toEqual([]);
    expect(command[CommandField.vx]).toBe(0);
    // Five commands and the stop.
    expect(memory.progress[Progress.commands]).toBe(6);
    expect(memory.progress[Progress.phase]).toBe(Phase.ended);
    expect(memory.progress[Progress.latched]).toBe(0);
  });

  it('latches after a cycle that threw: zero velocity at every start, no cycle ever again', () => {
    const error = new Error('broken');
    const { memory, cycle, faults, command } = drive((k) => {
      if (k === 3) throw error;
    }, 9.5);
    expect(cycle.starts.length).toBe(3);
    expect(faults).toEqual([error]);
    expect(memory.progress[Progress.latched]).toBe(1);
    // The counter goes on rising, so that the watchdog knows that the thread lives.
    expect(memory.progress[Progress.cycles]).toBe(9);
    expect([...command]).toEqual([0, 0, 0, 9, Reason.fault, Number.NaN]);
    expect(memory.progress[Progress.phase]).toBe(Phase.ended);
    // The broken cycle is not trusted with the stop either.
    expect(cycle.stops).toBe(0);
  });

  it('stops the robot itself when the stopping throws', () => {
    const error = new Error('cannot stop');
    const { memory, faults, command } = drive(
      () => {},
      2.5,
      (cycle) => {
        cycle.stop = () => {
          throw error;
        };
      },
    );
    expect(faults).toEqual([error]);
    expect(command[CommandField.vx]).toBe(0);
    expect(memory.progress[Progress.phase]).toBe(Phase.ended);
  });

  it('answers each step with its cycle, and serves requests where none is due', () => {
    let served = 0;
    const { memory, cycle } = drive(
      () => {},
      1.9,
      (accelerating) => {
        (accelerating as Cycle).serve = () => {
          served++;
          expect(accelerating.starts.length).toBe(2);
        };
      },
      (thread) => {
        thread.at(0, Order.pace, Pace.lockstep);
        thread.stepAt(1e6);
        thread.stepAt(3e6);
        thread.at(10e6, Order.rouse);
        thread.stepAt(30e6);
      },
    );
    expect(cycle.starts).toEqual([1e6, 3e6, 30e6]);
    expect(memory.progress[Progress.stepDone]).toBe(3);
    expect(served).toBe(1);
  });

  it('answers steps with zero velocity once it has latched', () => {
    const { memory, cycle, command } = drive(
      () => {
        throw new Error('broken');
      },
      1.9,
      undefined,
      (thread) => {
        thread.at(0, Order.pace, Pace.lockstep);
        thread.stepAt(1e6);
        thread.stepAt(3e6);
      },
    );
    expect(cycle.starts.length).toBe(1);
    expect(memory.progress[Progress.stepDone]).toBe(2);
    expect([command[CommandField.vx], command[CommandField.reason]]).toEqual([0, Reason.fault]);
  });
});
