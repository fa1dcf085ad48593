/** What a machine offers a control loop. Reads, judges and changes nothing; the host is passed in, so that tests can be any machine. */

/** A machine as the checks see it. */
export interface Host {
  platform: NodeJS.Platform;
  /** Without the leading v. */
  nodeVersion: string;
  /** `engines.node` of package.json, of the form `>=a.b.c`. */
  nodeRequired: string;
  /** `uname -r` and `uname -v`. */
  kernelRelease: string;
  kernelVersion: string;
  /** Processors this process may run on, and all there are. */
  usableCores: number;
  cores: number;
  env: Readonly<Record<string, string | undefined>>;
  /** The trimmed content of a small file, or undefined where it cannot be read. */
  read(path: string): string | undefined;
  /** Names in a folder, none where it cannot be read. */
  list(path: string): string[];
  /** Whether a command is on PATH. */
  hasCommand(name: string): boolean;
  rclnodejs(): RclnodejsState;
  zeromq(): ZeromqState;
  sharp(): SharpState;
}

/** Whether the library of the ZeroMQ link loads. */
export interface ZeromqState {
  loads: boolean;
  /** Of the package, and of libzmq in it. */
  version: string;
  libzmq: string;
  curve: boolean;
  /** Why it does not load, in one line. */
  complaint: string;
}

/** Whether the library that draws pictures as PNG loads. */
export interface SharpState {
  loads: boolean;
  /** Empty where it is not installed. */
  version: string;
  /** Why it does not load, in one line. */
  complaint: string;
}

/** Whether rclnodejs is there, and whether it loads (tried only with a sourced ROS, and where it is built for it). */
export interface RclnodejsState {
  installed: boolean;
  version: string;
  /** Undefined where it was not tried. */
  loads: boolean | undefined;
  /** Why it does not load, in one line. */
  complaint: string;
  /** Of this package’s own messages: in no sourced workspace, without their JavaScript or with an old one, or ready. */
  messages: 'unsourced' | 'outdated' | 'ready';
}

/**
 * `bad`: the controller does not run. `warning`: it runs, later or less evenly than it could. `missing`: something
 * optional is not there. `unknown`: this platform does not say.
 */
export type State = 'ok' | 'warning' | 'bad' | 'missing' | 'unknown';

export interface Finding {
  /** Stable, for programs. */
  check: string;
  state: State;
  /** What was found. */
  found: string;
  /** What to do about it; empty where there is nothing to do. */
  advice: string;
}

/** Every check, in the order in which people read them. @realtime unsafe */
export function diagnose(host: Host): Finding[] {
  const findings = [node(host), kernel(host), clockSource(host)];
  findings.push(realtimePriority(host), memoryLock(host), cores(host), isolation(host), cpuQuota(host));
  findings.push(governor(host), timerSlack(host), zeromq(host), sharp(host), ros(host));
  findings.push(...rclnodejs(host));
  return findings;
}

/** What is optional: by which checks it is there. */
const OPTIONAL_PARTS: readonly { readonly part: string; readonly checks: readonly string[] }[] = [
  { part: 'ZeroMQ link', checks: ['zeromq'] },
  { part: 'pictures as PNG', checks: ['sharp'] },
  { part: 'ROS 2', checks: ['ros', 'rclnodejs', 'ros_messages'] },
];

/** Each optional part, and which checks say what is missing of it; none where it is there. @realtime unsafe */
export function optionalParts(findings: readonly Finding[]): { part: string; missing: string[] }[] {
  return OPTIONAL_PARTS.map(({ part, checks }) => ({
    part,
    missing: findings.filter(({ check, state }) => checks.includes(check) && state !== 'ok').map(({ check }) => check),
  }));
}

function finding(check: string, state: State, found: string, advice = ''): Finding {
  return { check, state, found, advice };
}

function node(host: Host): Finding {
  const required = host.nodeRequired.replace(/^>=\s*/, '');
  const found = `${host.nodeVersion} (needs ${host.nodeRequired})`;
  if (isAtLeast(host.nodeVersion, required)) return finding('node', 'ok', found);
  return finding('node', 'bad', found, `Install Node ${required} or newer: https://nodejs.org/en/download`);
}

function isAtLeast(version: string, required: string): boolean {
  const have = version.split('.').map((part) => Number.parseInt(part, 10));
  const need = required.split('.').map((part) => Number.parseInt(part, 10));
  for (let i = 0; i < need.length; i++) {
    if ((have[i] ?? 0) !== need[i]) return (have[i] ?? 0) > need[i];
  }
  return true;
}

function kernel(host: Host): Finding {
  const name = `${host.platform} ${host.kernelRelease}`;
  if (host.platform !== 'linux') {
    return finding('kernel', 'warning', name, 'Fine for the simulator. A robot is better served by Linux.');
  }
  const realtime = host.read('/sys/kernel/realtime') === '1' || /PREEMPT_RT/.test(host.kernelVersion);
  if (realtime) return finding('kernel', 'ok', `${name}, PREEMPT_RT`);
  const model = /PREEMPT_DYNAMIC|PREEMPT/.exec(host.kernelVersion)?.[0];
  return finding(
    'kernel',
    'ok',
    model === undefined ? name : `${name}, ${model}`,
    'A kernel with PREEMPT_RT wakes the control thread more evenly; see the lateness figures of `rfsn bench`.',
  );
}

const clockFolder = '/sys/devices/system/clocksource/clocksource0';
/** Clocks whose reading takes a trip to the chipset, a microsecond or more, several times a cycle. */
const slowClocks = new Set(['hpet', 'acpi_pm', 'jiffies', 'refined-jiffies', 'pit']);

function clockSource(host: Host): Finding {
  const current = host.read(`${clockFolder}/current_clocksource`);
  if (current === undefined) return finding('clock_source', 'unknown', 'not shown by this platform');
  if (!slowClocks.has(current)) return finding('clock_source', 'ok', current);
  const available = host.read(`${clockFolder}/available_clocksource`) ?? current;
  return finding(
    'clock_source',
    'warning',
    `${current} (available: ${available})`,
    'Reading this clock is slow. Boot with clocksource=tsc where the processor has a stable one.',
  );
}

/** Soft and hard limit from /proc/self/limits; `unlimited` is Infinity, undefined where the platform has none. */
function limit(host: Host, name: string): { soft: number; hard: number } | undefined {
  const line = host
    .read('/proc/self/limits')
    ?.split('\n')
    .find((candidate) => candidate.startsWith(name));
  if (line === undefined) return undefined;
  const [soft, hard] = line.slice(name.length).trim().split(/\s+/);
  const parse = (text: string) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  return { soft: parse(soft), hard: parse(hard) };
}

const limitsFile = '/etc/security/limits.d/rfsn.conf';

function realtimePriority(host: Host): Finding {
  const found = limit(host, 'Max realtime priority');
  if (found === undefined) return finding('realtime_priority', 'unknown', 'not shown by this platform');
  if (found.soft > 0) {
    return finding('realtime_priority', 'ok', `up to ${found.soft}`, 'To use it: chrt -f 50 rfsn …');
  }
  return finding(
    'realtime_priority',
    'warning',
    'not allowed (limit 0): ordinary scheduling',
    `For SCHED_FIFO, put "@realtime - rtprio 98" into ${limitsFile}, join that group (groupadd realtime; usermod -aG realtime $USER), log in again, and start with chrt -f 50 rfsn …`,
  );
}

/** What Node with the controller's arenas keeps resident, rounded up [bytes]. */
const RESIDENT_BYTES = 512 * 1024 * 1024;

function memoryLock(host: Host): Finding {
  const found = limit(host, 'Max locked memory');
  if (found === undefined) return finding('memory_lock', 'unknown', 'not shown by this platform');
  // One line of heading, then one for each swap area.
  const swaps = (host.read('/proc/swaps') ?? '').split('\n').length > 1;
  const shown = Number.isFinite(found.soft) ? `${Math.round(found.soft / 1024)} KiB` : 'unlimited';
  if (!swaps) return finding('memory_lock', 'ok', `${shown}; no swap, so that nothing is paged out to it`);
  if (found.soft >= RESIDENT_BYTES) return finding('memory_lock', 'ok', `${shown}; swap is on`);
  return finding(
    'memory_lock',
    'warning',
    `${shown}; swap is on`,
    'A page that was swapped out costs a cycle a trip to the disk, and this limit is too low to lock the controller’s. Turn swap off on the robot (swapoff -a).',
  );
}

function cores(host: Host): Finding {
  const found = host.usableCores === host.cores ? `${host.cores}` : `${host.usableCores} of ${host.cores}`;
  if (host.usableCores >= 2) return finding('cores', 'ok', found);
  return finding(
    'cores',
    'warning',
    found,
    'The control thread shares its core with the main thread. With a second core garbage collection and input/output no longer delay it.',
  );
}

function isolation(host: Host): Finding {
  const isolated = host.read('/sys/devices/system/cpu/isolated');
  if (isolated === undefined) return finding('isolated_cores', 'unknown', 'not shown by this platform');
  if (isolated !== '') {
    return finding('isolated_cores', 'ok', isolated, `To use them: taskset -c ${isolated} rfsn …`);
  }
  return finding(
    'isolated_cores',
    'missing',
    'none',
    'Optional: boot with isolcpus=N nohz_full=N to keep a core free.',
  );
}

function cpuQuota(host: Host): Finding {
  if (host.platform !== 'linux') return finding('cpu_quota', 'unknown', 'not shown by this platform');
  const quota = Math.min(quotaOfVersion2(host), quotaOfVersion1(host));
  if (!Number.isFinite(quota)) return finding('cpu_quota', 'ok', 'none');
  return finding(
    'cpu_quota',
    'warning',
    `${Number(quota.toFixed(2))} cores`,
    'When the quota is used up the whole process stands still for the rest of the scheduler’s period, up to 100 ms. Take the limit off the control group (docker run without --cpus).',
  );
}

/** The tightest `cpu.max` between our control group and the root, in cores. */
function quotaOfVersion2(host: Host): number {
  const own = host
    .read('/proc/self/cgroup')
    ?.split('\n')
    .find((line) => line.startsWith('0::'));
  if (own === undefined) return Number.POSITIVE_INFINITY;
  let tightest = Number.POSITIVE_INFINITY;
  let path = own.slice('0::'.length).replace(/\/$/, '');
  for (;;) {
    const [quota, period] = (host.read(`/sys/fs/cgroup${path}/cpu.max`) ?? 'max 100000').split(' ');
    if (quota !== 'max') tightest = Math.min(tightest, Number(quota) / Number(period));
    if (path === '') return tightest;
    path = path.slice(0, path.lastIndexOf('/'));
  }
}

function quotaOfVersion1(host: Host): number {
  const quota = Number(host.read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1);
  const period = Number(host.read('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 100_000);
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

function governor(host: Host): Finding {
  const found = host.read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor');
  if (found === undefined) return finding('cpu_governor', 'unknown', 'not shown by this platform');
  if (found !== 'powersave') return finding('cpu_governor', 'ok', found);
  return finding(
    'cpu_governor',
    'warning',
    found,
    'The clock speed drops while the thread sleeps between cycles. cpupower frequency-set -g performance',
  );
}

function timerSlack(host: Host): Finding {
  const found = host.read('/proc/self/timerslack_ns');
  if (found === undefined) return finding('timer_slack', 'unknown', 'not shown by this platform');
  return finding('timer_slack', 'ok', `${Number(found) / 1000} µs (spin_margin_us covers it)`);
}

/** Only the ZeroMQ link needs it. */
function zeromq(host: Host): Finding {
  const { loads, version, libzmq, curve, complaint } = host.zeromq();
  const install = 'Needed by the ZeroMQ link only. npm install zeromq@6';
  if (version === '') return finding('zeromq', 'missing', 'not installed', install);
  if (!loads) return finding('zeromq', 'warning', `${version} does not load: ${complaint}`, 'npm rebuild zeromq');
  const found = `${version}, libzmq ${libzmq}`;
  if (curve) return finding('zeromq', 'ok', `${found} with CURVE`);
  return finding('zeromq', 'warning', `${found} without CURVE: the link does not start`, install);
}

/** Only pictures as PNG need it; SVG is text. */
function sharp(host: Host): Finding {
  const { loads, version, complaint } = host.sharp();
  if (version === '') {
    return finding('sharp', 'missing', 'not installed', 'Needed by `rfsn plot` for PNG only. npm install sharp');
  }
  if (loads) return finding('sharp', 'ok', version);
  return finding('sharp', 'warning', `${version} does not load: ${complaint}`, 'npm rebuild sharp');
}

const rosInstructions = 'https://docs.ros.org/en/jazzy/Installation.html';

/** Only the ROS 2 port needs it; the simulator, training and replay run without. */
function ros(host: Host): Finding {
  const distribution = host.env['ROS_DISTRO'];
  if (distribution !== undefined && distribution !== '' && host.hasCommand('ros2')) {
    return finding('ros', 'ok', `${distribution}, sourced`);
  }
  const installed = host.list('/opt/ros');
  if (installed.length > 0) {
    const newest = installed.sort().at(-1) as string;
    return finding(
      'ros',
      'missing',
      `installed (${installed.join(', ')}) but not sourced`,
      `source /opt/ros/${newest}/setup.bash`,
    );
  }
  if (distribution !== undefined && distribution !== '') {
    return finding(
      'ros',
      'missing',
      `ROS_DISTRO is ${distribution}, but ros2 is not on PATH`,
      `Install: ${rosInstructions}`,
    );
  }
  return finding('ros', 'missing', 'not installed', `Needed on a ROS 2 robot only. Install: ${rosInstructions}`);
}

function rclnodejs(host: Host): Finding[] {
  const state = host.rclnodejs();
  const { installed, version, loads, complaint } = state;
  const install = 'With ROS 2 sourced, run: npm install (npm rebuild rclnodejs where it is already there)';
  if (!installed) {
    const advice = `Needed on a ROS 2 robot only. ${install}`;
    return [finding('rclnodejs', 'missing', 'not installed', advice), rosMessages(state)];
  }
  let found = finding('rclnodejs', 'ok', version);
  if (loads === false) found = finding('rclnodejs', 'warning', `${version} does not load: ${complaint}`, install);
  else if (loads === undefined) {
    // Loaded in such a shell it would throw its own build away, and begin another.
    found = finding('rclnodejs', 'missing', `${version}, not tried without a sourced ROS`, install);
  }
  return [found, rosMessages(state)];
}

/** The interfaces of this package, as ROS has them and as rclnodejs does. */
function rosMessages({ messages }: RclnodejsState): Finding {
  const check = 'ros_messages';
  if (messages === 'ready') return finding(check, 'ok', 'rfsn_controller');
  if (messages === 'outdated') {
    return finding(check, 'ok', 'rfsn_controller; their JavaScript is made at the next start');
  }
  const advice =
    'Needed on a ROS 2 robot only. Build the package in a workspace (colcon build) and source its install/setup.bash';
  return finding(check, 'missing', 'rfsn_controller is in no sourced workspace', advice);
}
