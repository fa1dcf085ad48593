import { afterEach, describe, expect, it, vi } from 'vitest';
import { BesideRuns } from '../../../src/cli/beside-run.js';
import { Ros2Controller } from '../../../src/cli/ros2-controller.js';
import { Ros2Session } from '../../../src/cli/ros2-session.js';
import type { ManagedNode } from '../../../src/io/ros2/managed-node.js';
import { ParameterError } from '../../../src/parameters/parameter-error.js';
import { defaultParameters, type ParameterValue } from '../../../src/parameters/schema.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a session', () => {
  it('hands a controller what was set while it was being made', async () => {
    const values = defaultParameters();
    const warn = vi.fn();
    const managed = { node: { getFullyQualifiedName: () => '/rfsn_controller' }, logger: { warn } };
    const session = new Ros2Session({
      managed: managed as unknown as ManagedNode,
      control: () => ({ parameters: { ...values }, rewardProgram: null, notes: [] }),
      frozen: false,
      beside: new BesideRuns([], () => undefined),
      logMessagesLost: () => 0,
      setParameter: () => undefined,
      onFault: () => undefined,
    });
    const tune = vi.fn((name: string, value: ParameterValue) => {
      if (name === 'robot.max_speed') throw new ParameterError(name, `${value} is not allowed`);
    });
    vi.spyOn(Ros2Controller, 'configure').mockImplementation(async () => {
      // As the gate does: it keeps the value, and tells the session.
      session.set('epsilon', 0.3);
      values.epsilon = 0.3;
      session.set('robot.max_speed', 4);
      values['robot.max_speed'] = 4;
      return { tune } as unknown as Ros2Controller;
    });
    await session.configure();
    expect(tune.mock.calls).toEqual(
      expect.arrayContaining([
        ['epsilon', 0.3],
        ['robot.max_speed', 4],
      ]),
    );
    expect(tune).toHaveBeenCalledTimes(2);
    expect(warn.mock.calls.flat()).toEqual([expect.stringMatching(/4 is not allowed; it counts when/)]);
    session.set('epsilon', 0.2);
    expect(tune.mock.calls.at(-1)).toEqual(['epsilon', 0.2]);
  });
});
