import { describe, expect, it } from 'vitest';
import type { ControllerHost } from '../../../src/cli/controller-host.js';
import { RosTotals, rosSummary } from '../../../src/cli/ros2-figures.js';
import { robotNameOf } from '../../../src/cli/ros2-session.js';
import type { InputFigures } from '../../../src/io/ros2/input-figures.js';
import { Counter } from '../../../src/loop/statistics.js';
import { REASON_COUNT, Reason } from '../../../src/memory/reason.js';
import { PendingCount } from '../../../src/policy/pending-rewards.js';

function host(cycles: number, learned: number, obstacles: number, unknown = 0): ControllerHost {
  const counters = new Float64Array(64);
  counters[Counter.cycles] = cycles;
  counters[Counter.learned] = learned;
  counters[Counter.feedback + PendingCount.unknown] = unknown;
  const interventions = new Uint32Array(REASON_COUNT);
  interventions[Reason.obstacle] = obstacles;
  const controller = { statistics: { counters, interventions, misses: 2 }, memory: { decisions: { droppedCount: 1 } } };
  return { controller } as unknown as ControllerHost;
}
const input = (name: string, received: number, refused: number) => ({ name, received, refused }) as InputFigures;

describe('what a ROS run amounts to', () => {
  it('is summed over all that was configured', () => {
    const totals = new RosTotals();
    totals.activated();
    totals.goalReached();
    totals.goalReached();
    totals.add(host(100, 7, 3), 90, [input('odometry', 50, 0), input('scan', 20, 4), input('plan', 0, 0)]);
    totals.add(host(10, 1, 2), 9, [input('odometry', 5, 0)]);
    expect(totals.figures()).toEqual({
      configured: 2,
      activated: 1,
      goals_reached: 2,
      messages: { odometry: 55, scan: 20 },
      messages_refused: { scan: 4 },
      commands: 99,
      cycles: 110,
      deadline_misses: 4,
      safety_interventions: 5,
      interventions_by_reason: { obstacle: 5 },
      updates: 8,
      lost_decisions: 2,
    });
  });

  it('is told to a person in a few lines, also where nothing came', () => {
    const totals = new RosTotals();
    expect(rosSummary(totals.figures())).toContain('messages        none; 0 commands\n');
    totals.add(host(100, 7, 3), 90, [input('odometry', 50, 0), input('scan', 20, 4)]);
    const text = rosSummary(totals.figures());
    expect(text).toContain('messages        odometry 50, scan 20; 90 commands\n');
    expect(text).toContain('refused         scan 4\n');
    expect(text).toContain('safety acted    3 cycles: obstacle 3\n');
  });
});

describe('rewards from outside', () => {
  it('are told by what became of them in the cycle, summed over all that was configured', () => {
    const totals = new RosTotals();
    totals.add(host(10, 0, 0), 0, []);
    expect(totals.figures()).not.toHaveProperty('feedback');
    expect(rosSummary(totals.figures())).not.toContain('feedback');
    totals.add(host(10, 0, 0, 3), 0, []);
    totals.add(host(10, 0, 0, 4), 0, []);
    expect(totals.figures()['feedback']).toEqual({ unknown: 7 });
    expect(rosSummary(totals.figures())).toContain('feedback        unknown 7\n');
  });
});

describe('the name of a ROS robot on pages and links', () => {
  it.each([
    ['/rfsn_controller', 'rfsn_controller'],
    ['/robot1/rfsn_controller', 'robot1-rfsn_controller'],
    ['/fleet/robot_2/left', 'fleet-robot_2-left'],
    ['/_hidden', 'hidden'],
    [`/${'n'.repeat(80)}/left`, `${'n'.repeat(59)}-left`],
  ])('is, of %s, %s, which they take', (qualified, name) => {
    expect(robotNameOf(qualified)).toBe(name);
    expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);
  });
});
