import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MotionOutput } from '../../../../src/io/ros2/motion-output.js';
import type { MotionCommand } from '../../../../src/memory/observation-sink.js';
import { RecordingScope, STANDING_STAMPS } from '../../../support/recording-scope.js';

const TOPIC = '/fleet/cmd_vel';
const TWIST = 'geometry_msgs/msg/Twist';
const STAMPED = 'geometry_msgs/msg/TwistStamped';

/** A controller's commands, announced as the test says. */
class Commands {
  #listener: (() => void) | null = null;
  #next: number | null = null;
  #newest = 0;

  readonly source = {
    read: (out: MotionCommand): boolean => {
      const fresh = this.#next !== null;
      this.#newest = this.#next ?? this.#newest;
      this.#next = null;
      out.vx = this.#newest;
      return fresh;
    },
  };

  readonly onCommand = (listener: () => void) => {
    this.#listener = listener;
    return () => {
      this.#listener = null;
    };
  };

  get listened(): boolean {
    return this.#listener !== null;
  }

  give(vx: number, announced = true): void {
    this.#next = vx;
    if (announced) this.#listener?.();
  }
}

let scope: RecordingScope;
let commands: Commands;
let notices: string[];

function output(stamped = true): MotionOutput {
  return new MotionOutput({
    scope: scope.scope,
    parameters: {
      enable_stamped_cmd_vel: stamped,
      base_frame: 'base_link',
      watchdog_timeout_s: 0.25,
      odometry_timeout_s: 0.4,
      ranges_timeout_s: 0.5,
    },
    commands: commands.source,
    onCommand: commands.onCommand,
    stamps: STANDING_STAMPS,
    notice: (text) => notices.push(text),
  });
}

/** The forward velocities that went out since the last call. */
function sent(): number[] {
  return (scope.published.get(TOPIC) ?? []).splice(0).map((bytes) => bytes.readDoubleLE(bytes.length - 48));
}

beforeEach(() => {
  vi.useFakeTimers();
  scope = new RecordingScope();
  commands = new Commands();
  notices = [];
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the motion output', () => {
  it('sends nothing until it is started, then zero where there is no command yet', () => {
    const motion = output();
    vi.advanceTimersByTime(1000);
    commands.give(0.5);
    expect(sent()).toEqual([]);
    commands.source.read({} as MotionCommand);
    motion.start();
    expect(sent()).toEqual([0]);
    motion.close();
  });

  it('sends each command the moment it is announced, once', () => {
    const motion = output();
    motion.start();
    sent();
    for (const vx of [0.1, 0.2, 0.3]) {
      commands.give(vx);
      expect(sent()).toEqual([vx]);
      vi.advanceTimersByTime(20);
    }
    expect(sent()).toEqual([]);
    expect(motion.published).toBe(4);
    motion.close();
  });

  it('repeats the newest command ten times a second while none comes, and zero when it is too old', () => {
    const motion = output();
    motion.start();
    commands.give(0.5);
    sent();
    vi.advanceTimersByTime(500);
    expect(sent()).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
    vi.advanceTimersByTime(1000);
    expect(sent()).toEqual(Array.from({ length: 10 }, () => 0));
    expect(motion.repeated).toBe(16);
    motion.close();
  });

  it('is silent for an eighth of a second at most, whenever the last command came', () => {
    const gaps: number[] = [];
    for (let phaseMs = 0; phaseMs < 100; phaseMs++) {
      const motion = output();
      motion.start();
      vi.advanceTimersByTime(phaseMs);
      commands.give(0.5);
      for (let round = 0; round < 2; round++) {
        sent();
        let gapMs = 0;
        for (; sent().length === 0; gapMs++) vi.advanceTimersByTime(1);
        gaps.push(gapMs);
      }
      motion.close();
    }
    expect(Math.max(...gaps)).toBeLessThanOrEqual(125);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(75);
  });

  it('finds a command that nobody announced', () => {
    const motion = output();
    motion.start();
    sent();
    commands.give(0.7, false);
    vi.advanceTimersByTime(100);
    expect(sent()).toEqual([0.7]);
    motion.close();
  });

  it('ends with zeros over a tenth of a second, the first of them at once, and then with silence', async () => {
    const motion = output();
    motion.start();
    commands.give(0.5);
    sent();
    let ended = false;
    const end = motion.stop().then(() => {
      ended = true;
    });
    expect(sent()).toEqual([0]);
    expect(motion.started).toBe(false);
    commands.give(0.5);
    expect(commands.listened).toBe(false);
    await vi.advanceTimersByTimeAsync(99);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await end;
    expect(sent()).toEqual([0, 0, 0, 0]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent()).toEqual([]);
  });

  it('begins anew in the middle of its last zeros, and repeats nothing from before', async () => {
    const motion = output();
    motion.start();
    commands.give(0.5);
    const end = motion.stop();
    vi.advanceTimersByTime(30);
    sent();
    motion.start();
    await end;
    vi.advanceTimersByTime(100);
    expect(sent()).toEqual([0, 0]);
    commands.give(0.25);
    expect(sent()).toEqual([0.25]);
    motion.close();
    expect(sent()).toEqual([0]);
  });

  it('stops at once where it does not run', async () => {
    const motion = output();
    await motion.stop();
    motion.start();
    const end = motion.stop();
    expect(motion.stop()).toBe(end);
    motion.close();
    await end;
    vi.advanceTimersByTime(1000);
    expect(sent()).toEqual([0, 0]);
    await motion.stop();
  });

  it('stamps with ROS time, in the robot’s frame, and not at all where a Twist is wanted', () => {
    output(true).start();
    const [stamped] = scope.published.get(TOPIC) ?? [];
    expect([stamped.readInt32LE(4), stamped.readUInt32LE(8)]).toEqual([5, 250]);
    expect(stamped.subarray(16, 25).toString()).toBe('base_link');
    expect(scope.types.get(TOPIC)).toBe(STAMPED);
    expect(scope.qualities.get(TOPIC)).toBe('reliable');
    output(false).start();
    expect(scope.published.get(TOPIC)?.[0]).toHaveLength(52);
    expect(scope.types.get(TOPIC)).toBe(TWIST);
  });

  it('goes on when the middleware takes nothing, and says so once', () => {
    const motion = output();
    scope.unsent = new Error('out of sockets');
    motion.start();
    vi.advanceTimersByTime(1000);
    expect(notices).toEqual([`${STAMPED} could not be sent: out of sockets`]);
    expect(motion.failures).toBe(11);
    scope.unsent = null;
    commands.give(0.5);
    expect(sent()).toEqual([0.5]);
    motion.close();
  });
});

describe('a subscriber of another type', () => {
  it.each([
    [true, TWIST, 'false'],
    [false, STAMPED, 'true'],
  ])('is named with the parameter to set (stamped: %s)', (stamped, type, value) => {
    scope.subscribe(TOPIC, type, 'diff_drive_base', '/fleet');
    const motion = output(stamped);
    motion.start();
    vi.advanceTimersByTime(5000);
    expect(notices).toEqual([
      `/fleet/diff_drive_base subscribes to ${TOPIC} as ${type}, and ${stamped ? STAMPED : TWIST} is published: ` +
        `it hears nothing. Set enable_stamped_cmd_vel to ${value}`,
    ]);
    expect(motion.mismatch).toBe(notices[0]);
    motion.close();
  });

  it('is found when it comes, beside others that hear, and told anew when it comes again', () => {
    scope.subscribe(TOPIC, STAMPED, 'recorder');
    const motion = output();
    motion.start();
    vi.advanceTimersByTime(3000);
    expect(motion.mismatch).toBe('');
    scope.subscribe(TOPIC, TWIST, 'base');
    vi.advanceTimersByTime(1000);
    expect(motion.mismatch).toContain('/base subscribes');
    scope.subscribers.get(TOPIC)?.pop();
    vi.advanceTimersByTime(1000);
    expect(motion.mismatch).toBe('');
    scope.subscribe(TOPIC, TWIST, 'base');
    vi.advanceTimersByTime(1000);
    expect(notices).toHaveLength(2);
    motion.close();
  });

  it('is told what it is where no parameter would help', () => {
    scope.subscribe(TOPIC, 'std_msgs/msg/String', 'odd');
    const motion = output();
    motion.start();
    vi.advanceTimersByTime(1000);
    expect(notices).toHaveLength(1);
    expect(notices[0]).not.toContain('enable_stamped_cmd_vel');
    motion.close();
  });
});
