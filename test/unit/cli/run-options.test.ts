import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { defaultFaults, noFaults, omni } from '../../../sim/index.js';
import { addLogOption, addPageOptions } from '../../../src/cli/beside-options.js';
import { RateSchedule } from '../../../src/cli/rate-schedule.js';
import { addRunOptions, controlArguments, type RunOptions, readRun } from '../../../src/cli/run-options.js';
import { StopRequest } from '../../../src/cli/stop-request.js';
import { UsageError } from '../../../src/cli/usage.js';

function read(...args: string[]) {
  const command = addRunOptions(new Command().exitOverride());
  command.parse(args, { from: 'user' });
  return readRun(command.opts<RunOptions>());
}

describe('the options of a run', () => {
  it('are a Jackal in clutter without faults where nothing is asked for', () => {
    const run = read();
    expect(run).toMatchObject({ scenarioName: 'clutter', isBarn: false, seed: 42, rewardProgram: null, notes: [] });
    expect(run.robot.name).toBe('jackal');
    expect(run.faults).toBe(noFaults);
    expect(run.parameters.model_dir).toBe('models');
  });

  it('let a preset come first, then files, then single values, then flags', () => {
    expect(read('--preset', 'production').parameters).toMatchObject({ learning_rate: 0.05, bits: 20 });
    const args = ['--preset', 'production', '--params', 'config/development.yaml', '--set', 'epsilon=0.3'];
    expect(read(...args).parameters).toMatchObject({ bits: 18, epsilon: 0.3 });
    const flags = ['--seed', '7', '--model', 'here', '--set', 'random_seed=8'];
    expect(read(...flags)).toMatchObject({ seed: 7, parameters: { random_seed: 7, model_dir: 'here' } });
    expect(read('--set', 'random_seed=8').seed).toBe(8);
    expect(read('--faults').faults).toBe(defaultFaults);
  });

  it('let the parameters follow the robot, and the robot the parameters', () => {
    const asked = read('--robot', 'omni');
    expect(asked.robot).toBe(omni);
    expect(asked.parameters).toMatchObject({
      'robot.drive': 'omnidirectional',
      'robot.length': omni.length,
      'robot.max_acceleration': omni.maxAcceleration,
    });
    const slower = read('--robot', 'omni', '--set', 'robot.max_speed=0.5');
    expect(slower.parameters['robot.max_speed']).toBe(0.5);
    expect(read('--set', 'robot.drive=omnidirectional').robot).toBe(omni);
    // Its own description is what the parameters say by default.
    expect(read('--robot', 'jackal').parameters).toEqual(read().parameters);
  });

  it('note where safety would reckon with a robot that is not the one simulated', () => {
    expect(read('--set', 'robot.max_acceleration=30').notes[0]).toContain('it stops later than safety reckons');
    const feedback = ['--set', 'reward.source=feedback'];
    expect(read(...feedback).notes).toEqual([
      'reward.source is feedback, and the simulator gives none: nothing is learned',
    ]);
    expect(read(...feedback, '--set', 'feedback.expired=default').notes[0]).toContain('only feedback.expired_reward');
    expect(read('--set', 'robot.width=0.2').notes[0]).toContain('larger than safety knows');
  });
});

describe('the options of what goes on beside a run', () => {
  const asked = (...args: string[]) => {
    const command = addPageOptions(addLogOption(addRunOptions(new Command().exitOverride())));
    command.parse(args, { from: 'user' });
    const options = command.opts<RunOptions>();
    const { parameters } = readRun(options);
    return { log: parameters['log.dir'], listen: parameters['dashboard.listen'], passedOn: controlArguments(options) };
  };

  it('are nothing where nothing is asked for', () => {
    expect(asked()).toEqual({ log: '', listen: '', passedOn: [] });
  });

  it('stand for parameters, over what files and --set say', () => {
    const preset = ['--preset', 'development'];
    expect(asked(...preset).listen).toBe('127.0.0.1:8600');
    expect(asked(...preset, '--no-page')).toMatchObject({ listen: '', passedOn: [...preset, '--no-page'] });
    expect(asked('--log', 'runs', '--set', 'log.dir=elsewhere').log).toBe('runs');
    expect(asked('--page', '127.0.0.1:0')).toMatchObject({
      listen: '127.0.0.1:0',
      passedOn: ['--page', '127.0.0.1:0'],
    });
  });

  it('serve a page where the parameters say, or else where the preset has it, when no address is given', () => {
    expect(asked('--page').listen).toBe('127.0.0.1:8600');
    const set = ['--set', 'dashboard.listen=127.0.0.1:9000'];
    expect(asked(...set, '--page')).toMatchObject({ listen: '127.0.0.1:9000', passedOn: [...set, '--page'] });
  });
});

describe('a schedule', () => {
  it('goes from its start in the first episode to its end in the last', () => {
    const linear = new RateSchedule('--epsilon', 'linear', 0.5, 0);
    expect([0, 1, 2, 3, 4].map((i) => linear.at(i, 5))).toEqual([0.5, 0.375, 0.25, 0.125, 0]);
    const exponential = new RateSchedule('--learning-rate', 'exponential', 1, undefined);
    expect(exponential.at(0, 3)).toBe(1);
    expect(exponential.at(1, 3)).toBeCloseTo(Math.sqrt(0.1), 12);
    expect(exponential.at(2, 3)).toBe(0.1);
    expect(exponential.at(9, 3)).toBe(0.1);
    expect(exponential.at(0, 1)).toBe(1);
    expect(new RateSchedule('--epsilon', 'constant', 0.3, undefined).at(4, 5)).toBe(0.3);
  });

  it('refuses what leads nowhere', () => {
    expect(() => new RateSchedule('--epsilon', 'constant', 0.3, 0.1)).toThrow(UsageError);
    expect(() => new RateSchedule('--epsilon', 'exponential', 0, 0.1)).toThrow('from 0 to 0.1');
  });
});

describe('a stop request', () => {
  it('keeps the first reason and settles once', async () => {
    const before = process.listenerCount('SIGTERM');
    const stop = new StopRequest();
    expect(stop.requested).toBe(false);
    process.emit('SIGTERM', 'SIGTERM');
    stop.ask('done');
    await stop.asked;
    expect(stop.reason).toBe('SIGTERM');
    stop.dispose();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
