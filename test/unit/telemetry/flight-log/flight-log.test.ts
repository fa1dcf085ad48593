import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MCAP_MAGIC } from '@mcap/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  FlightLog,
  type FlightLogCounters,
  type FlightLogOptions,
} from '../../../../src/telemetry/flight-log/flight-log.js';
import { DISK, type LogFileSystem } from '../../../../src/telemetry/flight-log/part-folder.js';
import { TOPICS } from '../../../../src/telemetry/flight-log/topics.js';
import { FailingDisk } from '../../../support/failing-disk.js';
import { LoggedRun, PERIOD_NS, RUNNING, START_UNIX_NS } from '../../../support/logged-run.js';
import { type McapContents, mcapContents } from '../../../support/mcap-contents.js';

/** Opens no file until it is told to. */
class SlowDisk {
  opened = 0;
  /** Files that it refuses to open, from then on. */
  refuses = 0;
  answer = () => {};
  readonly fs: LogFileSystem;

  constructor() {
    const answered = new Promise<void>((resolve) => {
      this.answer = resolve;
    });
    this.fs = {
      ...DISK,
      open: async (path, flags, mode) => {
        await answered;
        if (this.refuses-- > 0) throw new Error('refused');
        const file = await DISK.open(path, flags, mode);
        this.opened++;
        return file;
      },
    };
  }
}

let folder = '';
let told: string[] = [];
const opened: FlightLog[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-log-'));
  told = [];
});
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openLog(run: LoggedRun, options: Partial<FlightLogOptions> = {}, where = folder): Promise<FlightLog> {
  const log = await FlightLog.open(where, {
    what: 'sim',
    clock: run.clock,
    library: 'rfsn-controller 0.1.0',
    policy: 'lin-ts',
    metadata: { seed: '7', version: '0.1.0' },
    learned: null,
    tell: (text) => told.push(text),
    ...options,
  });
  opened.push(log);
  return log;
}

const partsIn = (where: string) =>
  readdirSync(where)
    .filter((name) => name.endsWith('.mcap') && name !== 'latest.mcap')
    .sort();
const contentsOf = (name: string) => mcapContents(readFileSync(join(folder, name)));
const cyclesOf = (contents: McapContents) =>
  contents.messages.filter(({ topic }) => topic === '/rfsn/decision').map(({ sequence }) => sequence);
const count = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('a flight log', () => {
  it('holds every message, by topic, in one file that is complete once closed', async () => {
    const run = new LoggedRun();
    const log = await openLog(run);
    run.setGoal(log, 3, 4);
    run.drive(log, 250);
    log.episode({
      episode: 1,
      outcome: 'success',
      atFault: false,
      redirected: false,
      timeS: 2.5,
      reward: 0.5,
      loss: 0.1,
      exploration: 0.2,
      driftAlarms: 0,
      interventions: 1,
      barnScore: Number.NaN,
    });
    log.checkpoint({ event: 'saved', file: 'm/é.rfsn', formatVersion: 1, updates: 3, cycles: 4, episodes: 1 });
    log.tuning(1, Float64Array.of(1, 2, 0.1));
    log.restore(1, 'm.rfsn', { policy: Uint8Array.of(1, 2), scaler: Uint8Array.of(3) });
    await log.close();

    const [name] = partsIn(folder);
    expect(name).toBe('20261121T170000Z-sim-001.mcap');
    const contents = contentsOf(name);
    expect(contents.whole).toBe(true);
    const counts = Object.fromEntries(TOPICS.map((topic) => [topic.name, contents.countOf(topic.name)]));
    expect(counts).toEqual({
      '/odom': 250,
      '/tf': 250,
      '/scan': 50,
      '/tf_static': 1,
      '/contacts': 50,
      '/goal_pose': 1,
      '/cmd_vel': 250,
      '/rfsn/decision': 250,
      '/rfsn/explanation': 250,
      '/rfsn/reading': 351,
      '/rfsn/tuning': 1,
      '/rfsn/restore': 1,
      '/rfsn/state': 3,
      '/rfsn/checkpoint': 1,
      '/rfsn/episode': 1,
    });
    expect(contents.statistics?.messageCount).toBe(BigInt(contents.messages.length));
    expect(log.counters).toMatchObject({
      taken: contents.messages.length,
      written: contents.messages.length,
      lostQueue: 0,
      lostDisk: 0,
      lostRemoved: 0,
      parts: 1,
      bytes: statSync(join(folder, name)).size,
    });
    expect(contents.of('/rfsn/checkpoint')[0]).toMatchObject({ file: 'm/é.rfsn', update_count: 3n });
    expect(told).toEqual([]);
  });

  it('says what run it is of, and carries what the policy began with', async () => {
    const run = new LoggedRun();
    const learned = { data: Uint8Array.from({ length: 5000 }, (_, i) => i), file: 'models/checkpoint-000000003.rfsn' };
    const log = await openLog(run, { learned, what: 'run robot/1' });
    await log.close();
    const [name] = partsIn(folder);
    expect(name).toBe('20261121T170000Z-run_robot_1-001.mcap');
    const { metadata, attachments, whole } = contentsOf(name);
    expect(whole).toBe(true);
    expect(Object.fromEntries(metadata[0])).toMatchObject({
      seed: '7',
      version: '0.1.0',
      format: '1',
      part: '1',
      first_cycle: '0',
      policy: 'lin-ts',
      learned_from: 'models/checkpoint-000000003.rfsn',
      start_ns: String(START_UNIX_NS),
      start: '2026-11-21T17:00:00.000Z',
    });
    expect(attachments.map(({ name, data }) => [name, [...data]])).toEqual([['learned-state', [...learned.data]]]);
  });

  it('dates messages by the wall clock at the start and the time since, never back, and decisions by their start', async () => {
    const run = new LoggedRun();
    const log = await openLog(run);
    run.drive(log, 20);
    // A clock that goes back must not take the log with it.
    const last = run.nowNs;
    run.nowNs = 5;
    log.state(RUNNING);
    await log.close();
    const { messages, of } = contentsOf(partsIn(folder)[0]);
    for (let i = 1; i < messages.length; i++) expect(messages[i].logNs >= messages[i - 1].logNs).toBe(true);
    expect(messages.at(-1)?.logNs).toBe(START_UNIX_NS + BigInt(last));
    const decisions = messages.filter(({ topic }) => topic === '/rfsn/decision');
    decisions.forEach(({ publishNs, logNs }, cycle) => {
      expect(publishNs).toBe(START_UNIX_NS + BigInt(cycle * PERIOD_NS + 1234));
      expect(logNs).toBe(START_UNIX_NS + BigInt(cycle * PERIOD_NS + 2000));
    });
    const { sec, nsec, nanosec } = of('/rfsn/decision')[3].header.stamp;
    expect(BigInt(sec) * 1_000_000_000n + BigInt(nsec ?? nanosec)).toBe(decisions[3].publishNs);
  });

  it('links readings of every form by their sequence', async () => {
    const run = new LoggedRun();
    const log = await openLog(run);
    run.drive(log, 30);
    await log.close();
    const { messages, of } = contentsOf(partsIn(folder)[0]);
    const scans = messages.filter(({ topic }) => topic === '/scan').map(({ sequence }) => sequence);
    const readings = of('/rfsn/reading').filter(({ input }) => input === 1);
    expect(readings.map(({ sequence }) => sequence)).toEqual(scans);
    expect([...readings[5].values]).toEqual([...run.ranges]);
    expect(of('/scan')[5].ranges).toEqual(run.beams);
  });

  it('repeats no goal that was withdrawn, and shows a scanner that was moved', async () => {
    const run = new LoggedRun();
    const log = await openLog(run, { maxFileBytes: 200_000, chunkBytes: 20_000 });
    run.setGoal(log, 1, 2);
    run.setGoal(log, 0, 0, false);
    run.drive(log, 10);
    run.mountX = 0.3;
    run.drive(log, 90);
    await log.close();
    const parts = partsIn(folder).map(contentsOf);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.map(({ countOf }) => countOf('/goal_pose'))).toEqual(parts.map((_, i) => (i === 0 ? 1 : 0)));
    const mounts = parts.map(({ of }) =>
      of('/tf_static').map(({ transforms }) => transforms[0].transform.translation.x),
    );
    expect(mounts).toEqual(parts.map((_, i) => (i === 0 ? [0.2, 0.3] : [0.3])));
  });

  it('is on the disk within a second, without an end', async () => {
    const run = new LoggedRun();
    const log = await openLog(run);
    run.drive(log, 100);
    await vi.waitUntil(() => log.counters.written === log.counters.taken, { timeout: 10_000 });
    const contents = contentsOf(partsIn(folder)[0]);
    expect(contents.whole).toBe(false);
    expect(cyclesOf(contents)).toEqual(count(0, 100));
  });

  it('does nothing more once it is closed', async () => {
    const run = new LoggedRun();
    const log = await openLog(run);
    run.drive(log, 10);
    await log.close();
    const size = statSync(join(folder, partsIn(folder)[0])).size;
    run.drive(log, 10);
    log.state(RUNNING);
    await log.flush();
    await log.close();
    expect(statSync(join(folder, partsIn(folder)[0])).size).toBe(size);
  });
});

describe('parts of a flight log', () => {
  const small = { maxFileBytes: 200_000, chunkBytes: 20_000, maxFiles: 100 };

  it('are no larger than asked, stand alone, and are the run when put together', async () => {
    const run = new LoggedRun();
    const log = await openLog(run, small);
    run.setGoal(log, 3, 4);
    for (let i = 0; i < 10; i++) {
      run.drive(log, 100);
      await log.flush();
    }
    await log.close();
    const names = partsIn(folder);
    expect(names.length).toBeGreaterThan(5);
    const runs = new Set<string | undefined>();
    const cycles: number[] = [];
    names.forEach((name, i) => {
      expect(name).toBe(`20261121T170000Z-sim-${String(i + 1).padStart(3, '0')}.mcap`);
      expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(small.maxFileBytes);
      const contents = contentsOf(name);
      expect(contents.whole).toBe(true);
      const metadata = contents.metadata[0];
      expect(metadata.get('part')).toBe(String(i + 1));
      runs.add(metadata.get('run'));
      const found = cyclesOf(contents);
      expect(Number(metadata.get('first_cycle'))).toBe(found[0]);
      cycles.push(...found);
      // What was told once is there in each.
      expect(contents.of('/goal_pose')[0].pose.position).toMatchObject({ x: 3, y: 4 });
      expect(contents.of('/tf_static')[0].transforms[0].child_frame_id).toBe('laser');
      expect(contents.countOf('/rfsn/state')).toBeGreaterThan(0);
    });
    expect(runs.size).toBe(1);
    expect(cycles).toEqual(count(0, 1000));
  });

  it('repeat what was in force when they began, and not what came later', async () => {
    const run = new LoggedRun();
    const log = await openLog(run, small);
    run.setGoal(log, 1, 1);
    run.drive(log, 10);
    run.setGoal(log, 2, 2);
    run.drive(log, 400);
    run.setGoal(log, 9, 9);
    run.drive(log, 30);
    await log.close();
    const names = partsIn(folder);
    expect(names.length).toBeGreaterThan(2);
    const goals = names.map((name) =>
      contentsOf(name)
        .of('/goal_pose')
        .map(({ pose }) => pose.position.x),
    );
    expect(goals[0]).toEqual([1, 2]);
    for (const goal of goals.slice(1, -1)) expect(goal).toEqual([2]);
    expect(goals.at(-1)?.[0]).toBe(2);
    expect(goals.flat()).toContain(9);
  });

  it('are so many at most, the oldest gone', async () => {
    const run = new LoggedRun();
    const log = await openLog(run, { ...small, maxFiles: 3 });
    for (let i = 0; i < 10; i++) {
      run.drive(log, 100);
      await log.flush();
      expect(partsIn(folder).length).toBeLessThanOrEqual(3);
    }
    await log.close();
    const names = partsIn(folder);
    expect(names).toHaveLength(3);
    expect(names.at(-1)).toBe(`20261121T170000Z-sim-${String(log.counters.parts).padStart(3, '0')}.mcap`);
    expect(log.counters.parts).toBeGreaterThan(5);
  });

  it('latest.mcap leads to the newest, whatever stood there', async () => {
    writeFileSync(join(folder, 'latest.mcap'), 'something');
    const run = new LoggedRun();
    const log = await openLog(run, small);
    expect(readlinkSync(join(folder, 'latest.mcap'))).toBe(partsIn(folder)[0]);
    run.drive(log, 500);
    await log.close();
    expect(realpathSync(join(folder, 'latest.mcap'))).toBe(realpathSync(join(folder, partsIn(folder).at(-1) ?? '')));
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('of two runs that begin in one second have names of their own', async () => {
    const first = new LoggedRun();
    const second = new LoggedRun();
    const a = await openLog(first);
    const b = await openLog(second);
    first.drive(a, 30);
    second.drive(b, 20);
    await a.close();
    await b.close();
    const names = partsIn(folder);
    expect(names).toEqual(['20261121T170000Z-sim-001.mcap', '20261121T170000Z-sim_2-001.mcap']);
    expect(names.map((name) => cyclesOf(contentsOf(name)).length)).toEqual([30, 20]);
  });

  it('that another run is writing are not removed, nor what is no flight log', async () => {
    const old = new LoggedRun();
    const other = await openLog(old, { what: 'a' });
    old.drive(other, 10);
    await other.flush();
    const foreign = ['notes.txt', 'bag_0.mcap', '20200101T000000Z-mine.mcap'];
    for (const name of foreign) writeFileSync(join(folder, name), 'x');
    const run = new LoggedRun();
    const log = await openLog(run, { ...small, maxFiles: 1, what: 'b' });
    run.drive(log, 600);
    await log.close();
    const left = readdirSync(folder);
    expect(left).toEqual(expect.arrayContaining(['20261121T170000Z-a-001.mcap', ...foreign]));
    expect(partsIn(folder).filter((name) => name.includes('Z-b-'))).toHaveLength(1);
    old.drive(other, 10);
    await other.close();
    expect(cyclesOf(contentsOf('20261121T170000Z-a-001.mcap'))).toEqual(count(0, 20));
  });

  it('of a killed run go once nothing has been added for ten minutes', async () => {
    const name = '20250101T000000Z-sim-001.mcap';
    const path = join(folder, name);
    writeFileSync(path, Uint8Array.from([...MCAP_MAGIC, ...new Uint8Array(100)]));
    await (await openLog(new LoggedRun(), { maxFiles: 1, what: 'a' })).close();
    expect(existsSync(path)).toBe(true);
    const before = Date.now() / 1000 - 601;
    utimesSync(path, before, before);
    await (await openLog(new LoggedRun(), { maxFiles: 1, what: 'b' })).close();
    expect(existsSync(path)).toBe(false);
  });

  it('begin anew with a learned state that is larger than a part may be', async () => {
    const run = new LoggedRun();
    const log = await openLog(run, { ...small, learned: { data: new Uint8Array(300_000), file: 'm.rfsn' } });
    run.drive(log, 50);
    await log.close();
    const cycles = partsIn(folder).flatMap((name) => cyclesOf(contentsOf(name)));
    expect(cycles).toEqual(count(0, 50));
  });
});

describe('a flight log on a disk that fails', () => {
  const small = { chunkBytes: 20_000 };

  it('cannot begin where the folder cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(openLog(new LoggedRun(), {}, join(folder, 'file', 'runs'))).rejects.toThrow(/ENOTDIR|EEXIST/);
  });

  it('leaves nothing behind where the disk is full from the start', async () => {
    const disk = new FailingDisk();
    disk.broken = 'ENOSPC';
    disk.room = 100;
    await expect(openLog(new LoggedRun(), { fs: disk.fs })).rejects.toThrow('ENOSPC');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('says so where a folder takes no other and does not say why', async () => {
    await expect(openLog(new LoggedRun(), {}, '/proc/rfsn/log')).rejects.toThrow('ENOENT');
  });

  it('gives up on a first file that does not come in time, and takes it away when it comes', async () => {
    const slow = new SlowDisk();
    await expect(openLog(new LoggedRun(), { fs: slow.fs, openBoundMs: 20 })).rejects.toThrow(/0\.02 s.* too busy/);
    slow.answer();
    await vi.waitFor(() => expect(slow.opened).toBe(1));
    await vi.waitFor(() => expect(readdirSync(folder)).toEqual([]));
  });

  it('that may begin late has everything from its start when the first file is there', async () => {
    const run = new LoggedRun();
    const slow = new SlowDisk();
    const log = await openLog(run, { fs: slow.fs, openBoundMs: 20, mayBeginLate: true });
    run.drive(log, 50);
    expect(log.file).toBe('');
    expect(log.failure).toContain('too busy');
    slow.answer();
    await log.flush();
    await log.flush();
    expect(log.failure).toBe('');
    await log.close();
    expect(cyclesOf(contentsOf(partsIn(folder)[0]))).toEqual(count(0, 50));
    expect(readlinkSync(join(folder, 'latest.mcap'))).toBe(partsIn(folder)[0]);
    expect(log.lost).toBe(0);
    expect(told).toEqual([
      expect.stringContaining('messages wait for it in memory'),
      expect.stringContaining('has its file now; 0 messages are missing'),
    ]);
  });

  it('that began late is tried again where the disk then refuses', async () => {
    const run = new LoggedRun();
    const slow = new SlowDisk();
    const log = await openLog(run, { fs: slow.fs, openBoundMs: 20, mayBeginLate: true });
    run.drive(log, 50);
    slow.refuses = 1;
    slow.answer();
    await vi.waitFor(() => expect(log.file).not.toBe(''), { timeout: 10_000 });
    await log.close();
    expect(cyclesOf(contentsOf(partsIn(folder)[0]))).toEqual(count(0, 50));
  });

  it('leaves no empty file behind where the first comes after the end', async () => {
    const run = new LoggedRun();
    const slow = new SlowDisk();
    const log = await openLog(run, { fs: slow.fs, openBoundMs: 20, mayBeginLate: true });
    run.drive(log, 50);
    await log.close(20);
    expect(log.lost).toBe(log.counters.taken);
    slow.answer();
    await vi.waitFor(() => expect(slow.opened).toBe(1));
    await vi.waitFor(() => expect(readdirSync(folder)).toEqual([]));
  });

  it('tells once, keeps what it can, and goes on in a new part', async () => {
    const run = new LoggedRun();
    const disk = new FailingDisk();
    const log = await openLog(run, { ...small, fs: disk.fs, queueBytes: 200_000 });
    for (let i = 0; i < 4; i++) {
      run.drive(log, 25);
      await log.flush();
    }
    disk.broken = 'ENOSPC';
    // In the middle of a chunk.
    disk.room = 7000;
    for (let i = 0; i < 15; i++) {
      run.drive(log, 20);
      await log.flush();
    }
    expect(log.failure).toContain('ENOSPC');
    const { lostQueue } = log.counters;
    expect(lostQueue).toBeGreaterThan(0);
    expect(log.backlogBytes).toBeLessThanOrEqual(200_000);
    const tries = disk.refused;
    await vi.waitUntil(() => disk.refused > tries, { timeout: 10_000 });
    disk.broken = null;
    await vi.waitUntil(() => log.failure === '', { timeout: 10_000 });
    for (let i = 0; i < 4; i++) {
      await log.flush();
      run.drive(log, 25);
    }
    await log.close();

    const parts = partsIn(folder).map(contentsOf);
    expect(parts).toHaveLength(2);
    const cycles = parts.flatMap(cyclesOf);
    // In order, each once, without those that the queue had no room for.
    expect([...new Set(cycles)].sort((a, b) => a - b)).toEqual(cycles);
    expect(cycles.slice(0, 100)).toEqual(count(0, 100));
    expect(cycles.slice(-100)).toEqual(count(400, 500));
    expect(cycles.length).toBeLessThan(500);
    const { taken, written, lostDisk } = log.counters;
    expect(taken - written).toBe(lostQueue);
    expect(lostDisk).toBe(0);
    expect(told).toHaveLength(2);
    expect(told[0]).toContain('ENOSPC');
    expect(told[1]).toContain(`${lostQueue} messages are missing`);
    expect(parts[1].of('/rfsn/state').at(-1).log_messages_lost).toBe(BigInt(lostQueue));
  });

  it('leaves no empty parts behind while the disk has room for their starts alone', async () => {
    const run = new LoggedRun();
    const disk = new FailingDisk();
    const seen: FlightLogCounters[] = [];
    const look = () => seen.push(log.counters);
    const unlink = (async (path: string) => {
      look();
      return disk.fs.unlink(path);
    }) as LogFileSystem['unlink'];
    const log: FlightLog = await openLog(run, { ...small, fs: { ...disk.fs, unlink } });
    const startBytes = statSync(join(folder, partsIn(folder)[0])).size;
    disk.broken = 'ENOSPC';
    run.drive(log, 100);
    await log.flush();
    for (let i = 0; i < 2; i++) {
      disk.room = startBytes + 5000;
      const tries = disk.refused;
      await vi.waitUntil(() => disk.refused > tries, { timeout: 10_000 });
      await vi.waitUntil(() => partsIn(folder).length === 1, { timeout: 10_000 });
      look();
    }
    // Prometheus takes what falls for a restart.
    expect(seen.length).toBeGreaterThan(2);
    for (const { parts, bytes } of seen) expect([parts, bytes]).toEqual([1, seen[0].bytes]);
    expect(existsSync(realpathSync(join(folder, 'latest.mcap')))).toBe(true);
    disk.broken = null;
    await log.close();
    expect(partsIn(folder)).toEqual(['20261121T170000Z-sim-001.mcap', '20261121T170000Z-sim-002.mcap']);
    expect(partsIn(folder).flatMap((name) => cyclesOf(contentsOf(name)))).toEqual(count(0, 100));
    const sizes = partsIn(folder).map((name) => statSync(join(folder, name)).size);
    expect(log.counters).toMatchObject({ parts: 2, bytes: sizes[0] + sizes[1] });
  });

  it('counts what is lost when the run ends on a full disk, and never throws', async () => {
    const run = new LoggedRun();
    const disk = new FailingDisk();
    const log = await openLog(run, { ...small, fs: disk.fs });
    run.drive(log, 50);
    await log.flush();
    disk.broken = 'EIO';
    run.drive(log, 50);
    await expect(log.close()).resolves.toBeUndefined();
    const { taken, written, lostDisk } = log.counters;
    expect(lostDisk).toBeGreaterThan(0);
    expect(written + lostDisk).toBe(taken);
    expect(told).toHaveLength(1);
    const contents = contentsOf(partsIn(folder)[0]);
    expect(contents.whole).toBe(false);
    expect(cyclesOf(contents)).toEqual(count(0, 50));
  });

  it('does not hold up the end of a run for a disk that never answers', async () => {
    const run = new LoggedRun();
    let hangs = false;
    const fs: LogFileSystem = {
      ...DISK,
      stat: (async (path: string) => (hangs ? new Promise(() => {}) : DISK.stat(path))) as LogFileSystem['stat'],
    };
    const log = await openLog(run, { ...small, fs });
    run.drive(log, 50);
    await log.flush();
    const before = log.counters.written;
    hangs = true;
    run.drive(log, 50);
    await log.close(50);
    const { taken, written, lostDisk } = log.counters;
    expect(written).toBe(before);
    expect(written + lostDisk).toBe(taken);
    expect(told[0]).toContain('has not answered');
  });

  it('makes a folder that was removed anew, and counts what went with it', async () => {
    const run = new LoggedRun();
    const log = await openLog(run, small);
    run.drive(log, 100);
    await log.flush();
    const before = log.counters.written;
    rmSync(folder, { recursive: true });
    run.drive(log, 100);
    await log.close();
    expect(log.counters.lostRemoved).toBe(before);
    expect(log.counters.written).toBe(log.counters.taken - before);
    expect(partsIn(folder)).toEqual(['20261121T170000Z-sim-002.mcap']);
    expect(cyclesOf(contentsOf(partsIn(folder)[0]))).toEqual(count(100, 200));
    expect(told[0]).toContain('removed');
  });

  it('waits for a virtual run to be caught up with, and not for a disk that takes nothing', async () => {
    const run = new LoggedRun();
    const disk = new FailingDisk();
    const log = await openLog(run, { ...small, fs: disk.fs, queueBytes: 100_000 });
    for (let i = 0; i < 40; i++) {
      run.drive(log, 10);
      await log.caughtUp();
      expect(log.backlogBytes).toBeLessThanOrEqual(50_000);
    }
    expect(log.counters.lostQueue).toBe(0);
    disk.broken = 'ENOSPC';
    run.drive(log, 300);
    await log.caughtUp();
    expect(log.failure).not.toBe('');
    await log.caughtUp();
  });

  const mounted = join(tmpdir(), `rfsn-log-tmpfs-${process.pid}`);
  mkdirSync(mounted);
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', mounted], { encoding: 'utf8' });
  if (mount.status === 0) execFileSync('umount', [mounted]);
  rmSync(mounted, { recursive: true });
  const why = mount.status === 0 ? '' : ` (skipped: no tmpfs can be mounted: ${(mount.stderr ?? '').trim()})`;
  it.skipIf(mount.status !== 0)(`survives a real disk that is full${why}`, async () => {
    const where = join(folder, 'small');
    mkdirSync(where);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', where]);
    try {
      const run = new LoggedRun();
      const log = await openLog(run, small, where);
      run.drive(log, 1000);
      await log.flush();
      expect(log.failure).toContain('ENOSPC');
      await log.close();
      const { taken, written, lostDisk } = log.counters;
      expect(written).toBeGreaterThan(0);
      expect(written + lostDisk).toBe(taken);
      const contents = mcapContents(readFileSync(join(where, partsIn(where)[0])));
      expect(contents.messages).toHaveLength(written);
      expect(told).toHaveLength(1);
    } finally {
      execFileSync('umount', [where]);
    }
  });
});

describe('a flight log that was cut', () => {
  /** Where each chunk begins and ends, and how many messages are in all up to its end. */
  function chunksOf(bytes: Uint8Array): { start: number; end: number }[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const chunks: { start: number; end: number }[] = [];
    for (let at = MCAP_MAGIC.length; at + 9 <= bytes.length; ) {
      const end = at + 9 + Number(view.getBigUint64(at + 1, true));
      if (bytes[at] === 0x06) chunks.push({ start: at, end });
      at = end;
    }
    return chunks;
  }

  it('is read up to the cut, at every chunk’s bounds and in its middle', async () => {
    const run = new LoggedRun();
    const log = await openLog(run, { chunkBytes: 20_000 });
    for (let i = 0; i < 6; i++) {
      run.drive(log, 40);
      await log.flush();
    }
    await log.close();
    const bytes = new Uint8Array(readFileSync(join(folder, partsIn(folder)[0])));
    const chunks = chunksOf(bytes);
    expect(chunks.length).toBeGreaterThan(10);
    const whole = mcapContents(bytes).messages;
    let before = 0;
    for (const { start, end } of chunks) {
      for (const cut of [start, start + 5, start + 50, (start + end) >> 1, end - 1]) {
        expect(mcapContents(bytes.slice(0, cut)).messages).toHaveLength(before);
      }
      const { messages, whole: complete } = mcapContents(bytes.slice(0, end));
      expect(complete).toBe(false);
      expect(messages.length).toBeGreaterThan(before);
      expect(messages.map(({ sequence }) => sequence)).toEqual(
        whole.slice(0, messages.length).map(({ sequence }) => sequence),
      );
      before = messages.length;
    }
    expect(before).toBe(whole.length);
  });
});
