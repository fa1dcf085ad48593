import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  diagnose,
  type Finding,
  type Host,
  type RclnodejsState,
  type ZeromqState,
} from '../../../src/cli/diagnosis.js';
import {
  diagnosisJson,
  diagnosisText,
  rclnodejsState,
  sharpState,
  thisHost,
  zeromqState,
} from '../../../src/cli/doctor-command.js';
import { packageRoot } from '../../../src/parameters/presets.js';

const limits = (lockedBytes: string, priority: string) =>
  `Limit                     Soft Limit           Hard Limit           Units     
Max locked memory         ${lockedBytes}              ${lockedBytes}              bytes     
Max realtime priority     ${priority}                   ${priority}                    `;

const noRclnodejs: RclnodejsState = {
  installed: false,
  version: '',
  loads: undefined,
  complaint: '',
  messages: 'unsourced',
};
const rclnodejs: RclnodejsState = {
  installed: true,
  version: '2.2.0',
  loads: true,
  complaint: '',
  messages: 'ready',
};

const zeromq: ZeromqState = { loads: true, version: '6.8.0', libzmq: '4.3.5', curve: true, complaint: '' };

interface Machine {
  files?: Record<string, string>;
  folders?: Record<string, string[]>;
  commands?: string[];
  rclnodejs?: RclnodejsState;
}

/** A Linux machine that is as good as it gets, save for what is given. */
function machine(changes: Partial<Omit<Host, 'rclnodejs'>> & Machine = {}): Host {
  const { files, folders = {}, commands = [], rclnodejs = noRclnodejs, ...rest } = changes;
  const present: Record<string, string> = {
    '/sys/kernel/realtime': '1',
    '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc',
    '/proc/self/limits': limits('unlimited', '99'),
    '/proc/swaps': 'Filename Type Size Used Priority',
    '/sys/devices/system/cpu/isolated': '3',
    '/proc/self/cgroup': '0::/user.slice/rfsn',
    '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'performance',
    '/proc/self/timerslack_ns': '50000',
    ...files,
  };
  return {
    platform: 'linux',
    nodeVersion: '22.11.0',
    nodeRequired: '>=20.20.2',
    kernelRelease: '6.8.0',
    kernelVersion: '#1 SMP PREEMPT_RT',
    usableCores: 4,
    cores: 4,
    env: {},
    read: (path) => present[path],
    list: (path) => folders[path] ?? [],
    hasCommand: (name) => commands.includes(name),
    rclnodejs: () => rclnodejs,
    zeromq: () => zeromq,
    sharp: () => ({ loads: true, version: '0.35.5', complaint: '' }),
    ...rest,
  };
}

function check(host: Host, name: string): Finding {
  const found = diagnose(host).find((finding) => finding.check === name);
  if (found === undefined) throw new Error(`no check is called ${name}`);
  return found;
}

describe('rfsn doctor', () => {
  it('finds nothing to warn of on a machine set up for it', () => {
    const host = machine({
      env: { ROS_DISTRO: 'jazzy' },
      commands: ['ros2'],
      rclnodejs,
    });
    expect(diagnose(host).filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(diagnosisText(diagnose(host))).toContain('Optional: ZeroMQ link yes, pictures as PNG yes, ROS 2 yes.');
  });

  it.each([
    ['20.20.2', 'ok'],
    ['20.20.3', 'ok'],
    ['20.21.0', 'ok'],
    ['21.0.0', 'ok'],
    ['24.1.0', 'ok'],
    ['20.20.1', 'bad'],
    ['20.9.0', 'bad'],
    ['18.99.99', 'bad'],
  ])('judges Node %s as %s against >=20.20.2', (nodeVersion, state) => {
    expect(check(machine({ nodeVersion }), 'node').state).toBe(state);
  });

  it('says in both forms that the controller cannot run with a Node that is too old', () => {
    const findings = diagnose(machine({ nodeVersion: '18.0.0' }));
    expect(diagnosisText(findings)).toContain('BAD      node');
    expect(diagnosisText(findings)).toContain('cannot run here');
    expect(diagnosisJson(findings)).toMatchObject({ ok: false, node: { state: 'bad' } });
  });

  it('tells a real-time kernel from an ordinary one', () => {
    const ordinary = { kernelVersion: '#1 SMP PREEMPT_DYNAMIC', files: { '/sys/kernel/realtime': '0' } };
    expect(check(machine(ordinary), 'kernel').found).toBe('linux 6.8.0, PREEMPT_DYNAMIC');
    expect(check(machine(), 'kernel').found).toBe('linux 6.8.0, PREEMPT_RT');
  });

  it('warns of a clock that is slow to read', () => {
    const folder = '/sys/devices/system/clocksource/clocksource0';
    const slow = machine({
      files: { [`${folder}/current_clocksource`]: 'hpet', [`${folder}/available_clocksource`]: 'hpet acpi_pm' },
    });
    expect(check(slow, 'clock_source')).toMatchObject({ state: 'warning', found: 'hpet (available: hpet acpi_pm)' });
  });

  it('reads the limits on scheduling and on locked memory', () => {
    const ordinary = machine({ files: { '/proc/self/limits': limits('8388608', '0') } });
    expect(check(ordinary, 'realtime_priority')).toMatchObject({ state: 'warning' });
    expect(check(ordinary, 'realtime_priority').advice).toContain('rtprio');
    expect(check(ordinary, 'memory_lock')).toMatchObject({ state: 'ok', found: expect.stringContaining('8192 KiB') });
    expect(check(machine(), 'realtime_priority').found).toBe('up to 99');
  });

  it('warns of a low limit on locked memory only where there is swap', () => {
    const swap = 'Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2';
    const low = machine({ files: { '/proc/self/limits': limits('65536', '0'), '/proc/swaps': swap } });
    expect(check(low, 'memory_lock').state).toBe('warning');
    const high = machine({ files: { '/proc/self/limits': limits('unlimited', '0'), '/proc/swaps': swap } });
    expect(check(high, 'memory_lock').state).toBe('ok');
  });

  it('counts the cores it may use, and warns of a single one', () => {
    expect(check(machine({ usableCores: 2, cores: 8 }), 'cores')).toMatchObject({ state: 'ok', found: '2 of 8' });
    expect(check(machine({ usableCores: 1, cores: 1 }), 'cores')).toMatchObject({ state: 'warning', found: '1' });
  });

  it('says whether a core is kept free', () => {
    expect(check(machine(), 'isolated_cores').advice).toContain('taskset -c 3');
    const none = machine({ files: { '/sys/devices/system/cpu/isolated': '' } });
    expect(check(none, 'isolated_cores').state).toBe('missing');
  });

  it('finds the tightest processor quota of the control groups above it, in both versions', () => {
    const nested = machine({
      files: {
        '/sys/fs/cgroup/user.slice/rfsn/cpu.max': 'max 100000',
        '/sys/fs/cgroup/user.slice/cpu.max': '150000 100000',
      },
    });
    expect(check(nested, 'cpu_quota')).toMatchObject({ state: 'warning', found: '1.5 cores' });
    const container = machine({
      files: { '/proc/self/cgroup': '0::/', '/sys/fs/cgroup/cpu.max': '50000 100000' },
    });
    expect(check(container, 'cpu_quota').found).toBe('0.5 cores');
    const old = machine({
      files: {
        '/proc/self/cgroup': '1:cpu:/',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      },
    });
    expect(check(old, 'cpu_quota').found).toBe('2 cores');
    const free = machine({ files: { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1' } });
    expect(check(free, 'cpu_quota')).toMatchObject({ state: 'ok', found: 'none' });
  });

  it('warns of a governor that slows the processor down', () => {
    const path = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor';
    expect(check(machine({ files: { [path]: 'powersave' } }), 'cpu_governor').state).toBe('warning');
    expect(check(machine(), 'cpu_governor').state).toBe('ok');
  });

  it('says what of ROS is missing and how to get it', () => {
    expect(check(machine(), 'ros').found).toBe('not installed');
    const unsourced = machine({ folders: { '/opt/ros': ['jazzy', 'humble'] } });
    expect(check(unsourced, 'ros').advice).toBe('source /opt/ros/jazzy/setup.bash');
    const halfSourced = machine({ env: { ROS_DISTRO: 'jazzy' } });
    expect(check(halfSourced, 'ros').found).toContain('ros2 is not on PATH');
    expect(check(machine({ env: { ROS_DISTRO: 'jazzy' }, commands: ['ros2'] }), 'ros').state).toBe('ok');
  });

  it.each([
    [noRclnodejs, 'missing', 'not installed'],
    [{ ...rclnodejs, loads: undefined }, 'missing', '2.2.0, not tried without a sourced ROS'],
    [{ ...rclnodejs, loads: false, complaint: 'Error: librcl.so' }, 'warning', '2.2.0 does not load: Error: librcl.so'],
    [rclnodejs, 'ok', '2.2.0'],
  ] as const)('reports rclnodejs in the state %j as %s', (state, judged, found) => {
    const finding = check(machine({ rclnodejs: state }), 'rclnodejs');
    expect(finding).toMatchObject({ state: judged, found });
    expect(finding.advice === '').toBe(judged === 'ok');
  });

  it.each([
    ['unsourced', 'missing', 'rfsn_controller is in no sourced workspace'],
    ['outdated', 'ok', 'rfsn_controller; their JavaScript is made at the next start'],
    ['ready', 'ok', 'rfsn_controller'],
  ] as const)('reports the own messages, %s, as %s', (messages, state, found) => {
    expect(check(machine({ rclnodejs: { ...rclnodejs, messages } }), 'ros_messages')).toMatchObject({ state, found });
  });

  it('names each part that is optional, and where to see what is missing of it', () => {
    const bare = machine({ sharp: () => ({ loads: false, version: '', complaint: '' }) });
    expect(diagnosisText(diagnose(bare))).toContain(
      'Optional: ZeroMQ link yes, pictures as PNG no (see sharp), ROS 2 no (see ros and rclnodejs and ros_messages).',
    );
    const broken = machine({ sharp: () => ({ loads: false, version: '0.35.5', complaint: 'Error: no libvips' }) });
    expect(check(broken, 'sharp')).toMatchObject({
      state: 'warning',
      found: '0.35.5 does not load: Error: no libvips',
    });
    const { version, loads } = sharpState(packageRoot());
    expect(loads).toBe(version !== '');
  });

  it('answers on a Mac, where none of the files is there', () => {
    const mac = machine({
      platform: 'darwin',
      kernelRelease: '24.0.0',
      kernelVersion: 'Darwin Kernel Version 24.0.0',
      read: () => undefined,
    });
    const states = Object.fromEntries(diagnose(mac).map(({ check: name, state }) => [name, state]));
    expect(states).toEqual({
      node: 'ok',
      kernel: 'warning',
      clock_source: 'unknown',
      realtime_priority: 'unknown',
      memory_lock: 'unknown',
      cores: 'ok',
      isolated_cores: 'unknown',
      cpu_quota: 'unknown',
      cpu_governor: 'unknown',
      timer_slack: 'unknown',
      sharp: 'ok',
      zeromq: 'ok',
      ros: 'missing',
      rclnodejs: 'missing',
      ros_messages: 'missing',
    });
  });

  it('reads the machine it runs on', () => {
    const host = thisHost();
    expect(host.nodeVersion).toBe(process.versions.node);
    expect(host.nodeRequired).toBe('>=20.20.2');
    expect(host.usableCores).toBeGreaterThan(0);
    expect(host.read('/no/such/file')).toBeUndefined();
    expect(host.list('/no/such/folder')).toEqual([]);
    expect(host.hasCommand('no-such-command-anywhere')).toBe(false);
    expect(diagnosisJson(diagnose(host))).toMatchObject({ ok: true, node: { state: 'ok' } });
  });
});

describe('the ZeroMQ link', () => {
  it.each([
    [{}, 'ok', '6.8.0, libzmq 4.3.5 with CURVE'],
    [{ curve: false }, 'warning', '6.8.0, libzmq 4.3.5 without CURVE: the link does not start'],
    [{ loads: false, complaint: 'Error: no such file' }, 'warning', '6.8.0 does not load: Error: no such file'],
    [{ loads: false, version: '' }, 'missing', 'not installed'],
  ] as const)('with its library in the state %j is reported as %s', (changes, state, found) => {
    const finding = check(machine({ zeromq: () => ({ ...zeromq, ...changes }) }), 'zeromq');
    expect(finding).toMatchObject({ state, found });
    expect(finding.advice === '').toBe(state === 'ok');
  });

  it('says of this installation that its library loads, and of another that there is none', () => {
    expect(thisHost().zeromq()).toMatchObject({ loads: true, curve: true, complaint: '' });
    const empty = mkdtempSync(join(tmpdir(), 'rfsn-none-'));
    try {
      expect(zeromqState(empty)).toMatchObject({ loads: false, version: '' });
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});

describe('whether rclnodejs loads', () => {
  const root = mkdtempSync(join(tmpdir(), 'rfsn-doctor-'));
  const folder = join(root, 'node_modules', 'rclnodejs');
  const distribution = join(root, 'jazzy');
  const workspace = join(root, 'install');
  const sourced = {
    ...process.env,
    ROS_DISTRO: 'jazzy',
    AMENT_PREFIX_PATH: `${workspace}${delimiter}${distribution}`,
    PATH: join(distribution, 'bin'),
  };
  const { ROS_DISTRO: _none, ...unsourced } = sourced;
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  function write(path: string, text: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  function install(code: string): void {
    write(join(folder, 'package.json'), '{"name": "rclnodejs", "version": "9.8.7", "main": "index.js"}');
    write(join(folder, 'index.js'), code);
    write(join(folder, 'build', 'Release', 'rclnodejs.node'), '');
    write(join(distribution, 'bin', 'ros2'), '');
  }

  it('is not asked where it is not installed', () => {
    writeFileSync(join(root, 'package.json'), '{"name": "robot"}');
    expect(rclnodejsState(root, sourced)).toEqual(noRclnodejs);
  });

  it('is not tried where it is not built: loading it would begin to build it', () => {
    install("require('node:fs').writeFileSync('tried', '');");
    rmSync(join(folder, 'build'), { recursive: true });
    expect(rclnodejsState(root, sourced)).toMatchObject({ installed: true, loads: false });
    expect(rclnodejsState(root, sourced).complaint).toContain('rclnodejs is not built for ROS 2 jazzy');
    expect(existsSync(join(root, 'tried'))).toBe(false);
  });

  it('knows whether the own messages are in a workspace, and their JavaScript is made', () => {
    install('module.exports = {};');
    expect(rclnodejsState(root, sourced).messages).toBe('unsourced');
    const share = join(workspace, 'share');
    write(join(share, 'ament_index/resource_index/rosidl_interfaces/rfsn_controller'), 'msg/Decision.msg\n');
    write(join(share, 'rfsn_controller/msg/Decision.msg'), 'uint8 x\n');
    expect(rclnodejsState(root, sourced).messages).toBe('outdated');
    write(join(folder, 'generated/rfsn_controller/rfsn_controller__msg__Decision.js'), '');
    expect(rclnodejsState(root, sourced).messages).toBe('ready');
    expect(rclnodejsState(root, { ...sourced, AMENT_PREFIX_PATH: distribution }).messages).toBe('unsourced');
  });

  it('is tried only with a sourced ROS', () => {
    install('process.exit(3);');
    expect(rclnodejsState(root, unsourced)).toMatchObject({ installed: true, version: '9.8.7', loads: undefined });
    install('module.exports = {};');
    expect(rclnodejsState(root, sourced)).toMatchObject({ installed: true, version: '9.8.7', loads: true });
  });

  it.each([
    [
      "throw new Error('librcl.so: cannot open shared object file');",
      'Error: librcl.so: cannot open shared object file',
    ],
    ["process.kill(process.pid, 'SIGSEGV');", 'ended with SIGSEGV'],
    ['process.exit(3);', 'ended with 3'],
  ])('is answered with the reason when it runs %s', (code, complaint) => {
    install(code);
    const state = rclnodejsState(root, sourced);
    expect(state.loads).toBe(false);
    expect(state.complaint).toContain(complaint);
  });
});
