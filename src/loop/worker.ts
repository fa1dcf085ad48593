/**
 * The control thread. Builds the cycle on the shared memory, then does nothing but wait and run until it is told to
 * stop. It exchanges no messages with the main thread while it runs, so that its event loop never turns.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { type Clock, MonotonicClock } from '../core/clock.js';
import { CommandField, ControlMemory, type LayoutSizes, Progress, planControlLayout } from '../memory/layout.js';
import { Reason } from '../memory/reason.js';
import { Schedule, type ScheduleOptions, Wake } from './schedule.js';
import { ControlStatistics } from './statistics.js';
import { Vitals } from './vitals.js';

/** What the control thread is given; plain data that a thread can be started with. */
export interface WorkerData {
  readonly role: typeof WORKER_ROLE;
  readonly buffer: SharedArrayBuffer;
  readonly sizes: LayoutSizes;
  /** Of the main thread's clock. */
  readonly originNs: bigint;
  readonly schedule: ScheduleOptions;
  /** URL of the module that exports `ControlLoop`. */
  readonly loopModule: string;
  /** Handed to `ControlLoop` as they are. */
  readonly parameters: unknown;
  readonly extras: unknown;
}
export const WORKER_ROLE = 'rfsn control thread';

/** The messages of a control thread's life, each at most once. */
export type WorkerReport = { kind: 'waiting' } | { kind: 'latched'; message: string; stack: string };

/** `Progress.phase`. */
export const Phase = { starting: 0, waiting: 1, ended: 2 } as const;

/** What the control thread runs. Its state is all in the shared memory. */
export interface Cycle {
  /** One cycle; its command goes out by `ControlMemory.publishCommand`. @realtime safe */
  run(scheduledNs: number): void;
  /** Publishes zero velocity likewise. */
  stop(): void;
  /**
   * Does what the main thread asked to be done between two cycles. `run` does so at its end; this is for when no cycle is
   * due. Absent where there is nothing to ask for.
   */
  serve?(): void;
}

/** The shape of a loop module. */
export interface CycleModule {
  ControlLoop: new (memory: ControlMemory, parameters: never, clock: Clock, extras: never) => Cycle;
}

/**
 * Runs cycles, and serves requests between them, as they come due until a stop is ordered. Should one throw, the robot
 * stands still from then on: zero velocity goes out at once, and again at every start, so that whoever watches sees a
 * living thread that refuses to drive.
 *
 * @param onFault told once, after the first zero went out
 * @realtime safe until something throws
 */
export function driveCycles(
  memory: ControlMemory,
  schedule: Schedule,
  cycle: Cycle,
  onFault: (error: unknown) => void,
): void {
  const progress = memory.progress;
  const vitals = new Vitals(memory);
  schedule.begin();
  Atomics.store(progress, Progress.phase, Phase.waiting);
  try {
    for (let wake = schedule.wait(); wake !== Wake.stop; wake = schedule.wait()) {
      if (wake === Wake.start) cycle.run(schedule.scheduledNs);
      else cycle.serve?.();
      vitals.serve();
    }
    cycle.stop();
  } catch (error) {
    Atomics.store(progress, Progress.latched, 1);
    publishZero(memory);
    onFault(error);
    for (let wake = schedule.wait(); wake !== Wake.stop; wake = schedule.wait()) {
      if (wake !== Wake.start) continue;
      Atomics.add(progress, Progress.cycles, 1);
      publishZero(memory);
    }
  }
  Atomics.store(progress, Progress.phase, Phase.ended);
}

function publishZero(memory: ControlMemory): void {
  const command = memory.command.doubles[memory.command.writeIndex];
  command[CommandField.vx] = 0;
  command[CommandField.vy] = 0;
  command[CommandField.yawRate] = 0;
  command[CommandField.cycle] = Atomics.load(memory.progress, Progress.cycles);
  command[CommandField.reason] = Reason.fault;
  command[CommandField.stampNs] = Number.NaN;
  memory.publishCommand();
}

async function main(data: WorkerData): Promise<void> {
  const memory = new ControlMemory(planControlLayout(data.sizes), data.buffer);
  const clock = new MonotonicClock(data.originNs);
  const statistics = new ControlStatistics(data.buffer, memory.layout.statistics);
  const { ControlLoop } = (await import(data.loopModule)) as CycleModule;
  const cycle = new ControlLoop(memory, data.parameters as never, clock, data.extras as never);
  const schedule = new Schedule(clock, data.schedule, memory, statistics);
  report({ kind: 'waiting' });
  driveCycles(memory, schedule, cycle, (error) => {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    report({ kind: 'latched', message, stack: stack ?? message });
  });
}

function report(message: WorkerReport): void {
  parentPort?.postMessage(message);
}

if (!isMainThread && (workerData as Partial<WorkerData> | null)?.role === WORKER_ROLE) void main(workerData);
