/** What goes on beside a run, from the outside: commands in processes of their own. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlightRepeat } from '../../src/cli/flight-repeat.js';
import { FlightLogReader } from '../../src/telemetry/flight-log/log-reader.js';
import { TOPICS, Topic } from '../../src/telemetry/flight-log/topics.js';
import { CommandProcess } from './loop-process.js';

let folder = '';
const running: CommandProcess[] = [];
const servers: Server[] = [];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rfsn-beside-')));
});
afterEach(() => {
  for (const command of running.splice(0)) command.kill();
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true });
});

const at = (...names: string[]) => join(folder, ...names);

/** A machine that is busy with other tests makes nobody unready. */
const PATIENT = [
  'odometry_timeout_s',
  'ranges_timeout_s',
  'contacts_timeout_s',
  'heartbeat_timeout_s',
  'watchdog_timeout_s',
]
  .map((name) => `${name}=2`)
  .concat('deadline_fraction=1', 'breaker_open_misses=1000')
  .flatMap((setting) => ['--set', setting]);

function start(...args: string[]): CommandProcess {
  const command = new CommandProcess(...args, '--model', at('model'));
  running.push(command);
  return command;
}

async function pageOf(command: CommandProcess): Promise<string> {
  await command.wrote(/page at http:\/\/\S+/);
  return /page at (http:\/\/\S+)/.exec(command.stdout + command.stderr)?.[1] as string;
}

const count = (log: FlightLogReader, topic: number) => log.counts.get(TOPICS[topic].name) ?? 0;

/** Reads the newest log of the folder, and has every decision in it repeated. */
function repeated<T>(look: (log: FlightLogReader) => T): T {
  const log = new FlightLogReader(at('log', 'latest.mcap'));
  try {
    expect(log.notes).toEqual([]);
    const repeat = new FlightRepeat(log);
    expect(repeat.run()).toEqual({ state: 'same', difference: null, detail: '' });
    expect(repeat.repeated).toBe(count(log, Topic.decision));
    return look(log);
  } finally {
    log.close();
  }
}

async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

describe('a run with a flight log and a page', () => {
  it('serves both while it drives, and leaves a log that repeats to the bit', async () => {
    const flags = ['--log', at('log'), '--page', '127.0.0.1:0', '--episodes', '1', '--json'];
    const command = start('sim', ...flags, ...PATIENT);
    const page = await pageOf(command);
    const answer = async (path: string) => {
      const response = await fetch(new URL(path, page));
      return { status: response.status, text: await response.text() };
    };
    expect(await answer('livez')).toMatchObject({ status: 200 });
    await vi.waitFor(async () => expect(await answer('readyz')).toMatchObject({ status: 200 }), { timeout: 30_000 });
    const { text } = await answer('metrics');
    expect(text).toMatch(/^rfsn_cycles_total\{robot="local"\} \d+$/m);
    expect(text).toMatch(/^rfsn_armed\{robot="local"\} 1$/m);
    expect(text).toMatch(/^rfsn_log_messages_total\{robot="local"\} \d+$/m);
    expect(await answer('')).toMatchObject({ status: 200 });
    expect(await command.ended).toBe(0);
    expect(command.stderr.match(/page at /g)).toHaveLength(1);
    expect(command.stdout.split('\n')).toHaveLength(2);
    await expect(answer('livez')).rejects.toThrow('fetch failed');
    repeated((log) => {
      expect(command.stderr).toMatch(
        new RegExp(`robot stopped\\nsaved .*\\nflight log +${at('log')}/\\S+-sim-001.mcap: \\d+`),
      );
      expect(count(log, Topic.episode)).toBe(1);
      expect(count(log, Topic.checkpoint)).toBe(1);
      expect(count(log, Topic.state)).toBeGreaterThan(1);
      expect(count(log, Topic.decision)).toBe(command.json['cycles']);
      expect(log.metadata.get('command')).toBe('sim');
    });
  });

  it('ends its log where it is told to stop on the way, and attaches what it began with', async () => {
    const first = start('sim', '--set', 'checkpoint_period_s=0.2');
    await vi.waitFor(() => expect(existsSync(at('model')) && readdirSync(at('model')).length).toBeGreaterThan(1), {
      timeout: 30_000,
    });
    first.signal('SIGINT');
    expect(await first.ended).toBe(0);
    const command = start(
      'sim',
      '--log',
      at('log'),
      '--set',
      'log.explanations=true',
      '--set',
      'checkpoint_period_s=0.2',
    );
    await command.wrote(/ Hz \| late p99 /);
    command.signal('SIGINT');
    expect(await command.ended).toBe(0);
    repeated((log) => {
      expect(log.metadata.get('learned_from')).toMatch(/checkpoint-\d+\.rfsn$/);
      expect(count(log, Topic.explanation)).toBeGreaterThan(0);
      expect(count(log, Topic.checkpoint)).toBeGreaterThan(1);
    });
  });

  it('is not begun where what was asked for by name cannot be had, and says why', async () => {
    const port = await takenPort();
    writeFileSync(at('file'), '');
    const refused: [string[], RegExp][] = [
      [
        ['--page', `127.0.0.1:${port}`],
        new RegExp(`nothing can be served at 127\\.0\\.0\\.1:${port}: port ${port} is taken`),
      ],
      [['--page', '0.0.0.0:0'], /dashboard\.listen: 0\.0\.0\.0 can be reached from other machines/],
      [['--log', at('file', 'log')], /no flight log can be written to .*file\/log: ENOTDIR/],
    ];
    for (const [flags, reason] of refused) {
      const command = start('sim', ...flags);
      expect(await command.ended).toBe(flags[1] === '0.0.0.0:0' ? 2 : 1);
      expect(command.stderr).toMatch(reason);
      expect(command.stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(existsSync(at('model'))).toBe(false);
    }
  });

  it('takes the next free port where nobody insisted on that one', async () => {
    const port = await takenPort();
    const command = start('sim', '--set', `dashboard.listen=127.0.0.1:${port}`);
    const page = new URL(await pageOf(command));
    expect(Number(page.port)).toBeGreaterThan(port);
    expect((await fetch(new URL('livez', page))).status).toBe(200);
    command.signal('SIGINT');
    expect(await command.ended).toBe(0);
  });

  it('goes on where its log cannot be written any more, says so once, and writes again when it can', async () => {
    const command = start('sim', '--log', at('log'));
    await command.wrote(/flight log +\S+\.mcap\n/);
    rmSync(at('log'), { recursive: true });
    writeFileSync(at('log'), 'a file where the folder should be');
    await command.wrote(/the flight log in .* cannot be written/);
    rmSync(at('log'));
    await command.wrote(/the flight log in .* is written again; \d+ messages are missing/);
    command.signal('SIGINT');
    expect(await command.ended).toBe(0);
    expect(command.stdout.match(/cannot be written/g)).toHaveLength(1);
    expect(command.stdout).toMatch(/flight log .*-\d{3}\.mcap, the last of \d+ files: \d+ messages/);
  });
});

describe('a run on the virtual clock with a flight log', () => {
  it('ends with the same bits as one without, and repeats from it', async () => {
    const args = ['sim', '--headless', '--episodes', '2', '--seed', '3', '--json'];
    const plain = start(...args);
    expect(await plain.ended).toBe(0);
    rmSync(at('model'), { recursive: true });
    const logged = start(...args, '--log', at('log'), '--set', 'log.explanations=true');
    expect(await logged.ended).toBe(0);
    expect(logged.json).toEqual(plain.json);
    repeated((log) => {
      expect(count(log, Topic.decision)).toBe(logged.json['cycles']);
      expect(count(log, Topic.explanation)).toBeGreaterThan(0);
      expect(count(log, Topic.episode)).toBe(2);
    });
    expect(readFileSync(at('log', 'latest.mcap')).length).toBeGreaterThan(0);
  });

  it('has no page, and says so where one is asked for', async () => {
    const command = start('sim', '--headless', '--page');
    expect(await command.ended).toBe(2);
    expect(command.stderr).toContain('--page needs real time');
    mkdirSync(at('empty'));
    const quiet = start('sim', '--headless', '--episodes', '1', '--set', 'dashboard.listen=127.0.0.1:0');
    expect(await quiet.ended).toBe(0);
    expect(quiet.stdout).not.toContain('page at');
  });

  it('is trained as well', async () => {
    const command = start('train', '--episodes', '1', '--log', at('log'), '--json');
    expect(await command.ended).toBe(0);
    repeated((log) => expect(log.metadata.get('command')).toBe('train'));
  });
});
