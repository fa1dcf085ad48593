/** Controllers behind the link and robots in front of it in one process: the same sessions as of `rfsn run` and `rfsn sim`. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Request } from 'zeromq';
import { jackal, noFaults } from '../../sim/index.js';
import type { BesideRun } from '../../src/cli/beside-run.js';
import { besidesOf } from '../../src/cli/besides.js';
import { Checkpointing, NO_PROGRESS } from '../../src/cli/checkpointing.js';
import { EpisodeTally, runSummary } from '../../src/cli/episode-tally.js';
import { FlightRepeat } from '../../src/cli/flight-repeat.js';
import { LinkSession } from '../../src/cli/link-session.js';
import { linkFigures, linkSummary } from '../../src/cli/link-summary.js';
import { LinkWatch } from '../../src/cli/link-watch.js';
import { LiveDisplay } from '../../src/cli/live-line.js';
import { LiveSession } from '../../src/cli/live-session.js';
import { RemoteSession, type RemoteSessionOptions } from '../../src/cli/remote-session.js';
import type { Run } from '../../src/cli/run-options.js';
import { StopRequest } from '../../src/cli/stop-request.js';
import { decodeAnswer, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import type { Answer, Request as Asked } from '../../src/io/zeromq/protocol/protocol.js';
import { Reason } from '../../src/memory/reason.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { FlightLogReader } from '../../src/telemetry/flight-log/log-reader.js';
import { TOPICS, Topic } from '../../src/telemetry/flight-log/topics.js';
import { temporaryFolder } from '../support/command-line.js';
import { DealerRobot } from '../support/dealer-robot.js';
import { handmade } from './recording-sink.js';

const at = temporaryFolder();
const left: (() => unknown)[] = [];
afterEach(async () => {
  for (const leave of left.splice(0).reverse()) await leave();
});

/** Something to look at on the way to a goal that is near. */
const nearby = handmade((draft) => draft.circle(1, 1.5, 0.2), { goalX: 0.6, goalTolerance: 0.3, timeLimitS: 20 });

/** A stream that is no terminal and keeps what it is given. */
class Page {
  text = '';
  write(chunk: string): boolean {
    this.text += chunk;
    return true;
  }
  get display(): LiveDisplay {
    return new LiveDisplay(this as unknown as NodeJS.WriteStream);
  }
}

function control(set: Record<string, string | number> = {}): Run {
  const parameters = loadParameters([], {
    'zeromq.drive_endpoint': `ipc://${at('drive')}`,
    'zeromq.watch_endpoint': `ipc://${at('watch')}`,
    'zeromq.administer_endpoint': `ipc://${at('administer')}`,
    model_dir: at('model'),
    deadline_fraction: 1,
    breaker_open_misses: 1000,
    ...set,
  });
  return {
    ...{ parameters, scenario: nearby, scenarioName: 'handmade', isBarn: false, robot: jackal, faults: noFaults },
    ...{ seed: 1, rewardProgram: null, notes: [] },
  };
}

/** Controllers that run until `end`, which gives what they came to. */
async function controllers(
  set: Record<string, string | number> = {},
  { frozen = false, beside = [] as BesideRun[] } = {},
) {
  const page = new Page();
  const stop = new StopRequest();
  const session = await LinkSession.create({ control: control(set), frozen, display: page.display, stop, beside });
  const result = session.drive();
  const end = () => {
    stop.ask('test');
    return result;
  };
  left.push(async () => {
    await end();
    stop.dispose();
  });
  await until(() => page.text.includes('no encryption'));
  return { page, end };
}

function remote(options: Partial<RemoteSessionOptions> = {}) {
  const page = new Page();
  const stop = new StopRequest();
  left.push(() => stop.dispose());
  const session = new RemoteSession({
    ...{ run: control(), mode: 'free', headless: false, episodes: 2, controllerArguments: [], curve: null },
    ...{ display: page.display, stop },
    ...options,
  });
  return { page, stop, session };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function ask(request: Asked) {
  const socket = new Request({ linger: 0 });
  try {
    socket.connect(`ipc://${at('administer')}`);
    await socket.send(encodeMessage(request));
    return decodeAnswer((await socket.receive())[0]);
  } finally {
    socket.close();
  }
}
async function done(request: Asked): Promise<Answer['result']> {
  const answer = await ask(request);
  if (answer.m === 'error') throw new Error(answer.reason);
  return answer.result;
}
const reasonOf = async (request: Asked): Promise<string> => {
  const answer = await ask(request);
  return answer.m === 'error' ? answer.reason : 'it was done';
};

describe('controllers behind the link', () => {
  it('drive the simulator to its goals in real time, learn, and save', async () => {
    const { page, end } = await controllers();
    const { session, page: robotPage } = remote();
    const { figures, fault } = await session.drive();
    expect(fault).toBe('');
    expect(figures).toMatchObject({ episodes: 2, success_rate: 1, sessions: 1 });
    expect(robotPage.text).toMatch(/session begun: policy squarecb after 0 updates/);
    expect(robotPage.text).toMatch(/episode 1: success after/);
    expect(runSummary(figures)).toMatch(/^commands +\d+ for \d+ senses, \d+ expired$/m);
    await until(() => page.text.includes('the simulation has ended'));
    const { totals, fault: none, saved } = await end();
    expect([none, saved]).toEqual(['', true]);
    const link = linkFigures(totals);
    expect(link).toMatchObject({ sessions: 1, frames_rejected: 0, hellos_refused: 0, lost_decisions: 0 });
    expect(link['updates']).toBeGreaterThan(0);
    expect(linkSummary(link)).toMatch(/^sessions +1, 0 resumed, 0 released$/m);
    const generations = readdirSync(at('model'));
    expect(generations.length).toBeGreaterThan(0);
    // What nobody has added to is on the disk already.
    const idle = await controllers();
    expect(await idle.end()).toMatchObject({ saved: true, fault: '' });
    expect(idle.page.text).not.toMatch(/^saved/m);
    expect(readdirSync(at('model'))).toEqual(generations);
  });

  it('save nothing where nobody came', async () => {
    const { page, end } = await controllers();
    expect(await end()).toMatchObject({ saved: true, fault: '' });
    expect(page.text).not.toMatch(/^saved/m);
    expect(existsSync(at('model'))).toBe(false);
  });

  it('drive it step by step, in real time and on its own clock', async () => {
    await controllers();
    for (const headless of [false, true]) {
      const { session } = remote({ mode: 'lockstep', headless, episodes: 1 });
      const { figures, fault } = await session.drive();
      expect(fault).toBe('');
      expect(figures).toMatchObject({ episodes: 1, sessions: 1, senses_unsent: 0 });
      expect(figures['commands']).toBeGreaterThanOrEqual(figures['senses'] as number);
    }
  });

  it('refuse a simulated robot that is larger than safety reckons, which ends its run with the reason', async () => {
    await controllers();
    const run = { ...control(), robot: { ...jackal, length: 3 } };
    const { figures, fault } = await remote({ run }).session.drive();
    expect(fault).toMatch(/the controller refused the robot: the footprint is 3 × 0.43 m.*--set robot.length=3/);
    expect(figures).toMatchObject({ episodes: 0, sessions: 0 });
  });

  it('let a robot stop while they are gone, and its run be ended', async () => {
    const { end } = await controllers();
    const { session, page, stop } = remote({ mode: 'lockstep', episodes: null });
    const result = session.drive();
    await until(() => page.text.includes('session begun'));
    await end();
    await until(() => page.text.includes('session lost, the robot stands: the controller is ending'));
    stop.ask('test');
    expect((await result).fault).toBe('');
  });

  it('brake a robot to its stand at the end, whatever it says meanwhile, and welcome nobody any more', async () => {
    const { end } = await controllers({ 'zeromq.max_sessions': 2 });
    const dealer = new DealerRobot(`ipc://${at('drive')}`);
    left.push(() => dealer.close());
    await until(() => dealer.speed > 0.5);
    const talk = setInterval(() => {
      dealer.send({ m: 'stop', s: dealer.session });
      dealer.send({ m: 'go', s: dealer.session });
    }, 5);
    left.push(() => clearInterval(talk));
    const driven = dealer.of('command').length;
    const ended = end();
    const late = new DealerRobot(`ipc://${at('drive')}`, {}, { name: 'late' });
    left.push(() => late.close());
    await ended;
    await until(() => dealer.of('bye').length > 0);
    const commands = dealer.of('command').slice(driven);
    const told = commands.findIndex(({ why }) => why === Reason.disarmed);
    expect(told).toBeGreaterThanOrEqual(0);
    expect(commands.slice(told).map(({ why }) => why)).not.toContain(Reason.none);
    expect(commands.at(-1)?.twist).toEqual([0, 0, 0]);
    expect(late.of('welcome')).toEqual([]);
  });

  it('do what administrators ask, and say why not where they do not', async () => {
    const { page } = await controllers({ policy: 'epsilon-greedy' });
    expect(await done({ m: 'status' })).toMatchObject({ robot: 'local', state: 'idle', checkpoint: { newest: null } });
    expect(await reasonOf({ m: 'restore' })).toMatch(/there is no checkpoint in/);
    const dealer = new DealerRobot(`ipc://${at('drive')}`);
    left.push(() => dealer.close());
    await until(async () => ((await done({ m: 'status' }))['updates'] as number) > 0);

    const { file } = await done({ m: 'save' });
    expect(await done({ m: 'checkpoints' })).toMatchObject({ newest: file, files: [{ file, generation: 1 }] });
    writeFileSync(at('model', 'copied.rfsn'), 'nonsense');
    expect(await reasonOf({ m: 'restore', file: 'copied.rfsn' })).toMatch(/copied.rfsn|checkpoint/);
    expect(await reasonOf({ m: 'restore', file: 'nowhere.rfsn' })).toMatch(/there is no checkpoint "nowhere.rfsn"/);
    expect(await done({ m: 'restore', file: file as string })).toMatchObject({ file });

    expect(await done({ m: 'set', name: 'epsilon', value: 0.5 })).toEqual({ name: 'epsilon', value: 0.5, unit: '' });
    expect(await reasonOf({ m: 'set', name: 'epsilon', value: 5 })).toMatch(/epsilon: 5 is not allowed/);
    expect(await reasonOf({ m: 'set', name: 'controller_frequency', value: 60 })).toMatch(
      /cannot be changed while running/,
    );
    expect(await reasonOf({ m: 'set', name: 'no_such', value: 1 })).toMatch(/no_such/);
    expect((await done({ m: 'parameters' }))['epsilon']).toMatchObject({ value: 0.5, readOnly: false });

    await done({ m: 'stop' });
    await until(async () => (await done({ m: 'status' }))['state'] === 'stopped');
    expect(await done({ m: 'go' })).toEqual({ stopped: false, armed: true });
    expect(await done({ m: 'freeze' })).toEqual({ frozen: true });
    expect(await done({ m: 'unfreeze' })).toEqual({ frozen: false });
    expect(await done({ m: 'reset' })).toEqual({ updates: 0 });
    expect(await reasonOf({ m: 'status', robot: 'nobody' })).toMatch(/nobody/);
    expect(page.text).toMatch(/dealer: epsilon is 0.5 from here on \(administrator\)/);
    expect(page.text).toMatch(/dealer: told to stand \(administrator\)/);
  });

  it('neither save nor learn when they were asked to stay frozen', async () => {
    await controllers({}, { frozen: true });
    expect(await done({ m: 'status' })).toMatchObject({ frozen: true, checkpoint: null });
    expect(await reasonOf({ m: 'unfreeze' })).toMatch(/--frozen/);
    expect(await reasonOf({ m: 'save' })).toMatch(/--frozen/);
  });

  it('say of a policy that learns nothing that there is nothing to keep', async () => {
    await controllers({ policy: 'random' });
    expect(await reasonOf({ m: 'save' })).toMatch(/the policy random learns nothing/);
  });

  it('are one to each robot, with what it has learned and what was ordered for it', async () => {
    const { page, end } = await controllers({ 'zeromq.max_sessions': 2 });
    const drive = (name: string) => {
      const dealer = new DealerRobot(`ipc://${at('drive')}`, {}, { name });
      left.push(() => dealer.close());
      return dealer;
    };
    const one = drive('one');
    const two = drive('two');
    await until(() => one.x > 0.1 && two.x > 0.1);
    const hasLearned = async (robot: string) => ((await done({ m: 'status', robot }))['updates'] as number) > 0;
    await until(() => hasLearned('one'));
    await until(() => hasLearned('two'));
    await done({ m: 'set', robot: 'one', name: 'robot.max_speed', value: 0.25 });
    await done({ m: 'stop', robot: 'one' });
    one.send({ m: 'bye', s: one.session });
    one.close();
    await until(() => page.text.includes('one has ended'));
    await until(() => existsSync(at('model', 'one')));
    const three = drive('three');
    await until(
      async () => three.session !== 0 && (await done({ m: 'status', robot: 'three' }))['state'] === 'driving',
    );
    expect((await done({ m: 'parameters', robot: 'three' }))['robot.max_speed']).toMatchObject({ value: 2 });
    await until(() => hasLearned('three'));
    three.send({ m: 'bye', s: three.session });
    three.close();
    await until(() => page.text.includes('three has ended'));
    const again = drive('one');
    await until(async () => again.session !== 0 && (await done({ m: 'status', robot: 'one' }))['state'] === 'stopped');
    expect((await done({ m: 'parameters', robot: 'one' }))['robot.max_speed']).toMatchObject({ value: 0.25 });
    expect(page.text).toMatch(/resumed from .*\/one\/checkpoint-/);
    const { totals } = await end();
    expect(linkFigures(totals)['sessions']).toBe(4);
    expect(readdirSync(at('model')).sort()).toEqual(['one', 'three', 'two']);
  });
});

describe('robots that come and go', () => {
  it('have a log each, and metrics while they are there', async () => {
    const set = { 'zeromq.max_sessions': 2, 'log.dir': at('log'), 'dashboard.listen': '127.0.0.1:0' };
    const told: string[] = [];
    const { parameters } = control(set);
    const { list } = await besidesOf({
      control: { parameters, rewardProgram: null, notes: [] },
      asked: {},
      tell: (text) => told.push(text),
    });
    const { page, end } = await controllers(set, { beside: list });
    const url = /page at (\S+)/.exec(told.join('\n'))?.[1];
    const scraped = async () => (await fetch(`${url}metrics`)).text();
    expect((await fetch(`${url}readyz`)).status).toBe(503);
    const drive = (name: string) => {
      const dealer = new DealerRobot(`ipc://${at('drive')}`, {}, { name });
      left.push(() => dealer.close());
      return dealer;
    };
    const one = drive('one');
    const two = drive('two');
    // Far enough for more than ten decisions of each.
    await until(() => one.x > 0.6 && two.x > 0.6);
    const both = await scraped();
    for (const name of ['one', 'two']) expect(both).toContain(`rfsn_log_messages_total{robot="${name}"}`);
    one.send({ m: 'bye', s: one.session });
    one.close();
    await until(() => /flight log .*-run-one-001\.mcap: \d+ messages/.test(page.text));
    const rest = await scraped();
    expect(rest).not.toContain('robot="one"');
    expect(rest).toContain('rfsn_cycles_total{robot="two"}');
    const ready = async () => {
      const response = await fetch(`${url}readyz`);
      return `${response.status} ${await response.text()}`;
    };
    await until(async () => (await ready()).startsWith('200'));
    await done({ m: 'stop', robot: 'two' });
    expect(await ready()).toMatch(/^503 two: .*not armed/);
    expect((await fetch(`${url}livez`)).status).toBe(200);
    await done({ m: 'go', robot: 'two' });
    await until(async () => (await ready()).startsWith('200'));
    await end();
    const logs = readdirSync(at('log')).filter((name) => name !== 'latest.mcap');
    expect(logs.map((name) => name.replace(/^\w+Z-/, '')).sort()).toEqual(['run-one-001.mcap', 'run-two-001.mcap']);
    for (const name of logs) {
      const log = new FlightLogReader(at('log', name));
      expect(log.notes).toEqual([]);
      expect(log.counts.get(TOPICS[Topic.decision].name)).toBeGreaterThan(10);
      expect(log.counts.get(TOPICS[Topic.scan].name)).toBeGreaterThan(5);
      expect(log.metadata.get('robot')).toBe(/run-(\w+)-/.exec(name)?.[1]);
      // Each was its controller's first robot: what came before is known without a record.
      const repeat = new FlightRepeat(log);
      expect(repeat.run()).toEqual({ state: 'same', difference: null, detail: '' });
      expect(repeat.repeated).toBe(log.counts.get(TOPICS[Topic.decision].name));
      log.close();
    }
    await expect(fetch(`${url}livez`)).rejects.toThrow('fetch failed');
  });
});

describe('watchers and administrators beside the simulator', () => {
  it('see the robot as local, and may stop it', async () => {
    const run = control();
    const page = new Page();
    const stop = new StopRequest();
    left.push(() => stop.dispose());
    const display = page.display;
    const tell = (text: string) => display.message(text);
    const live = new LiveSession({
      ...{ run, frozen: false, learned: null, progress: NO_PROGRESS, firstEpisode: 0, episodes: null },
      ...{ tally: new EpisodeTally(), display, stop },
      checkpointing: Checkpointing.of(run, tell),
      beside: [new LinkWatch({ parameters: run.parameters, tell, warn: tell, listening: () => undefined })],
    });
    const result = live.drive();
    await until(() => page.text.includes('no encryption'));
    await until(async () => (await done({ m: 'status' }))['state'] === 'driving');
    expect(await done({ m: 'status' })).toMatchObject({ robot: 'local', armed: true });
    expect(await reasonOf({ m: 'status', robot: 'jackal' })).toMatch(/local/);
    await done({ m: 'stop' });
    await until(async () => (await done({ m: 'status' }))['why'] === 12);
    await done({ m: 'go' });
    expect(await done({ m: 'save' })).toMatchObject({ file: expect.stringMatching(/^checkpoint-/) });
    stop.ask('test');
    expect(await result).toMatchObject({ fault: '', saved: true });
    expect(page.text).not.toContain('drive       ');
  });
});
