import { noFaults } from '../../sim/faults.js';
import { jackal, type RobotModel } from '../../sim/robots.js';
import type { Scenario } from '../../sim/scenario.js';
import { Simulator, type SimulatorOptions } from '../../sim/simulator.js';
import { type World, WorldDraft } from '../../sim/world.js';
import {
  type CommandSource,
  type MotionCommand,
  type ObservationSink,
  type RangeScan,
  Rejection,
} from '../../src/io/port.js';

interface Stamped {
  stampNs: number;
  receivedNs: number;
}

/** Keeps everything that a port hands over. */
export class RecordingSink implements ObservationSink {
  readonly odometries: (Stamped & { x: number; y: number; yaw: number; vx: number; vy: number; yawRate: number })[] =
    [];
  readonly scans: (Stamped & { ranges: Float32Array })[] = [];
  readonly contactReadings: (Stamped & { front: number; left: number; back: number; right: number })[] = [];
  readonly goals: (Stamped & { x: number; y: number; tolerance: number })[] = [];
  /** What came, in order. */
  readonly calls: string[] = [];
  cancelled = 0;
  frames = 0;

  odometry(
    stampNs: number,
    receivedNs: number,
    x: number,
    y: number,
    yaw: number,
    vx: number,
    vy: number,
    yawRate: number,
  ) {
    this.calls.push('odometry');
    this.odometries.push({ stampNs, receivedNs, x, y, yaw, vx, vy, yawRate });
    return Rejection.accepted;
  }

  ranges(stampNs: number, receivedNs: number, scan: RangeScan) {
    this.calls.push('ranges');
    this.scans.push({ stampNs, receivedNs, ranges: scan.ranges.slice(0, scan.count) });
    return Rejection.accepted;
  }

  contacts(stampNs: number, receivedNs: number, front: number, left: number, back: number, right: number) {
    this.calls.push('contacts');
    this.contactReadings.push({ stampNs, receivedNs, front, left, back, right });
    return Rejection.accepted;
  }

  newFrame() {
    this.calls.push('newFrame');
    this.frames++;
  }

  goal(stampNs: number, receivedNs: number, x: number, y: number, tolerance: number) {
    this.calls.push('goal');
    this.goals.push({ stampNs, receivedNs, x, y, tolerance });
    return Rejection.accepted;
  }

  cancelGoal() {
    this.calls.push('cancelGoal');
    this.cancelled++;
  }

  feedback() {
    this.calls.push('feedback');
    return Rejection.accepted;
  }
}

/** Gives the command that was last `send`-ed: anew at every read while `repeat`, else once. */
export class HandCommands implements CommandSource {
  readonly #command: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: 0 };
  #fresh = false;
  repeat = true;

  send(vx: number, vy = 0, yawRate = 0): void {
    this.#command.vx = vx;
    this.#command.vy = vy;
    this.#command.yawRate = yawRate;
    this.#command.cycle++;
    this.#fresh = true;
  }

  read(out: MotionCommand): boolean {
    Object.assign(out, this.#command);
    const fresh = this.#fresh;
    this.#fresh = this.repeat && fresh;
    return fresh;
  }
}

/** A scenario of one world that the test draws by hand. */
export function handmade(draw: (draft: WorldDraft) => void, task: Partial<World> = {}): Scenario {
  return {
    name: 'handmade',
    worldCount: 1,
    build() {
      const draft = new WorldDraft();
      draw(draft);
      return draft.finish(
        {
          startX: task.startX ?? 0,
          startY: task.startY ?? 0,
          startYaw: task.startYaw ?? 0,
          goalX: task.goalX ?? 50,
          goalY: task.goalY ?? 0,
          goalTolerance: task.goalTolerance ?? 0.3,
          timeLimitS: task.timeLimitS ?? 60,
        },
        task.barn ?? null,
      );
    },
  };
}

export interface Rig {
  simulator: Simulator;
  sink: RecordingSink;
  commands: HandCommands;
  /** Runs for this long [s]. */
  run(seconds: number): void;
}

/** A simulator with a recording sink and a hand on the command slot, its first episode started. */
export async function rig(
  scenario: Scenario,
  options: Partial<Omit<SimulatorOptions, 'scenario' | 'sink' | 'commands' | 'faults'>> & {
    faults?: Partial<SimulatorOptions['faults']>;
    robot?: RobotModel;
  } = {},
): Promise<Rig> {
  const sink = new RecordingSink();
  const commands = new HandCommands();
  const simulator = await Simulator.create({
    robot: jackal,
    ...options,
    faults: { ...noFaults, ...options.faults },
    scenario,
    sink,
    commands,
  });
  simulator.startEpisode(0);
  return {
    simulator,
    sink,
    commands,
    run: (seconds) => simulator.advanceTo(simulator.nowNs + Math.round(seconds * 100) * 1e7),
  };
}
