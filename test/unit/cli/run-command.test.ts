import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { run } from '../../../src/cli/program.js';
import { controlArguments, type RunOptions, readControl } from '../../../src/cli/run-options.js';
import { ExitCode } from '../../../src/cli/usage.js';
import { captureOutput, temporaryFolder } from '../../support/command-line.js';

const written = captureOutput();
const at = temporaryFolder();

describe('rfsn run', () => {
  it.each([
    [[], "required option '--port <name>' not specified"],
    [['--port', 'serial'], 'Allowed choices are zeromq, ros2'],
    [['--port', 'zeromq', '--watch', 'zeromq'], 'the port zeromq has its watchers already'],
    [['--port', 'zeromq', '--set', 'zeromq.max_sessions=0'], 'zeromq.max_sessions: 0 is not allowed'],
    [['--port', 'zeromq', '--set', 'zeromq.command_expiry_s=0.03'], 'zeromq.command_expiry_s'],
  ])('refuses %j, and exits 2', async (args, message) => {
    expect(await run(['run', ...args])).toBe(ExitCode.usage);
    expect(written.err).toContain(message);
    expect(written.out).toBe('');
  });

  it('says that no ROS 2 is sourced where none is, and how one is, and exits 2', async () => {
    vi.stubEnv('ROS_DISTRO', '');
    vi.stubEnv('AMENT_PREFIX_PATH', '');
    const args = ['--watch', 'zeromq', '--frozen', '--ros-args', '-p', 'controller_frequency:=200.0'];
    expect(await run(['run', '--port', 'ros2', '--model', at('model'), ...args])).toBe(ExitCode.usage);
    vi.unstubAllEnvs();
    expect(written.err).toContain('no ROS 2 is sourced in this shell');
    expect(written.out).toBe('');
    expect(existsSync(at('model'))).toBe(false);
  });

  it.each([
    [['run', '--port', 'zeromq', '--ros-args', '-r', 'cmd_vel:=/v'], '--ros-args: they are for --port ros2'],
    [['run', '--port', 'ros2', '--ros-args', '-p'], '-p after --ros-args needs a value'],
    [['run', '--port', 'ros2', '--ros-args', '--frozen'], '--frozen is no argument of ROS'],
    [['run', '--port', 'ros2', '--ros-args', '-r', 'a:=b', '--', '--frosen'], "unknown option '--frosen'"],
    [['train', '--ros-args', '-r', 'a:=b'], '--ros-args: only rfsn run --port ros2'],
    [
      ['run', '--port', 'ros2', '--set', 'controller_frequency=0', '--ros-args'],
      'controller_frequency: 0 is not allowed',
    ],
  ])('refuses %j, and exits 2', async (args, message) => {
    expect(await run(args)).toBe(ExitCode.usage);
    expect(written.err).toContain(message);
  });

  it('refuses to listen where others could drive the robot, with the command that makes keys', async () => {
    const open = ['--set', 'zeromq.drive_endpoint=tcp://0.0.0.0:*', '--model', at('model')];
    expect(await run(['run', '--port', 'zeromq', ...open])).toBe(ExitCode.usage);
    expect(written.err).toContain('zeromq.drive_endpoint: tcp://0.0.0.0:* can be reached from other machines');
    expect(written.err).toContain('rfsn keys init');
    expect(existsSync(at('model'))).toBe(false);
  });

  it.each([
    ['drive_endpoint', 'udp://127.0.0.1:7471'],
    ['watch_endpoint', 'tcp://127.0.0.1'],
    ['administer_endpoint', 'tcp://127.0.0.1:70000'],
    ['keys_dir', '/nowhere/keys'],
  ])('says of a zeromq.%s of %s nothing but why it cannot be, loads nothing, and exits 2', async (name, value) => {
    // Were it loaded, it would complain of this.
    writeFileSync(at('model'), 'no folder');
    const args = ['--set', `zeromq.${name}=${value}`, '--model', at('model')];
    expect(await run(['run', '--port', 'zeromq', ...args])).toBe(ExitCode.usage);
    expect(written.err).toMatch(new RegExp(`^rfsn: zeromq\\.${name}: .*\\n$`));
    expect(written.out).toBe('');
  });

  it('says of an endpoint that is taken only that, saves nothing, and exits 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    try {
      const own = ['watch', 'administer'].flatMap((role) => ['--set', `zeromq.${role}_endpoint=ipc://${at(role)}`]);
      const args = ['--set', `zeromq.drive_endpoint=tcp://127.0.0.1:${port}`, ...own, '--model', at('model'), '--json'];
      expect(await run(['run', '--port', 'zeromq', ...args])).toBe(ExitCode.failed);
      expect(written.err).toMatch(new RegExp(`^rfsn: zeromq\\.drive_endpoint.*127\\.0\\.0\\.1:${port}.*\\n$`));
      expect(written.out).toBe('');
      expect(existsSync(at('model'))).toBe(false);
    } finally {
      taken.close();
    }
  });
});

describe('the link options of rfsn sim', () => {
  it.each([
    [['--mode', 'free'], '--mode free needs --port zeromq'],
    [['--key', 'robot.key_secret'], '--key needs --port zeromq'],
    [['--port', 'zeromq', '--watch', 'zeromq'], '--watch zeromq: the controller that --port zeromq drives by'],
    [['--watch', 'zeromq', '--headless'], '--watch zeromq needs real time'],
    [['--port', 'zeromq', '--headless', '--mode', 'free'], '--headless is lockstep'],
    [['--port', 'zeromq', '--key', 'robot.key_secret'], '--set zeromq.keys_dir=DIR'],
    [['--port', 'zeromq', '--set', 'zeromq.keys_dir=keys'], 'give --key NAME.key_secret'],
    [['--port', 'serial'], 'Allowed choices are zeromq, ros2'],
  ])('are refused as %j, with exit 2', async (args, message) => {
    expect(await run(['sim', ...args])).toBe(ExitCode.usage);
    expect(written.err).toContain(message);
    expect(written.out).toBe('');
  });
});

describe('rfsn sim --port zeromq', () => {
  it.each(['tcp', 'ipc'])(
    'starts no controller beside something that listens over %s and does not answer',
    async (by) => {
      const connections: Socket[] = [];
      const silent = createServer((socket) => connections.push(socket.on('error', () => undefined)));
      silent.listen(by === 'ipc' ? { path: at('drive') } : { port: 0, host: '127.0.0.1' });
      await once(silent, 'listening');
      const endpoint =
        by === 'ipc' ? `ipc://${at('drive')}` : `tcp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      try {
        const args = [
          '--set',
          `zeromq.drive_endpoint=${endpoint}`,
          '--model',
          at('model'),
          '--episodes',
          '1',
          '--json',
        ];
        expect(await run(['sim', '--port', 'zeromq', ...args])).toBe(ExitCode.failed);
        expect(written.err).toContain(
          `rfsn: something listens at ${endpoint} and does not answer: if it has keys, give --key FILE and --set zeromq.keys_dir=`,
        );
        expect(written.err).not.toContain('is started');
        expect(written.out).toBe('');
      } finally {
        silent.close();
        for (const socket of connections) socket.destroy();
      }
    },
  );
});

describe('the arguments for a controller in another process', () => {
  it('make the controller that the run would have had', () => {
    const options: RunOptions = {
      scenario: 'clutter',
      robot: 'omni',
      preset: 'production',
      params: ['config/omni.yaml'],
      set: { 'robot.max_speed': '0.7', epsilon: '0.2' },
      policy: 'linucb',
      seed: 9,
      model: 'here',
    };
    expect(controlArguments({ scenario: 'clutter' })).toEqual([]);
    const args = controlArguments(options);
    expect(args.slice(0, 4)).toEqual(['--preset', 'production', '--params', 'config/omni.yaml']);
    expect(args.slice(-6)).toEqual(['--policy', 'linucb', '--seed', '9', '--model', 'here']);
    const set = Object.fromEntries(
      args.flatMap((arg, i) => (arg === '--set' ? [args[i + 1].split(/=(.*)/).slice(0, 2)] : [])),
    );
    expect(set).toMatchObject({ 'robot.drive': 'omnidirectional', 'robot.max_speed': '0.7', epsilon: '0.2' });
    const there = readControl({ set, policy: 'linucb', seed: 9, model: 'here' });
    expect(there.parameters).toMatchObject({ policy: 'linucb', random_seed: 9, model_dir: 'here', epsilon: 0.2 });
  });
});
