/** `rfsn run` and `rfsn sim` over the ZeroMQ link, as the processes that people start. Nothing here depends on speed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Request, Subscriber } from 'zeromq';
import { decodeAnswer, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import type { Answer, Request as Asked } from '../../src/io/zeromq/protocol/protocol.js';
import { decodeDecision, decodeState } from '../../src/io/zeromq/protocol/telemetry-messages.js';
import { RobotLink, type RobotLinkOptions } from '../../src/io/zeromq/robot/robot-link.js';
import { packageRoot } from '../../src/parameters/presets.js';
import { CommandProcess } from '../sim/loop-process.js';
import { temporaryFolder } from '../support/command-line.js';
import { DealerRobot, dealerHello } from '../support/dealer-robot.js';
import { command, type Received, ScriptedController, welcome } from '../support/scripted-controller.js';
import type { RobotReport } from './zeromq-robot-process.js';

const at = temporaryFolder();
const left: (() => void)[] = [];
afterEach(() => {
  for (const leave of left.splice(0).reverse()) leave();
});

const endpoint = (role: string) => `ipc://${at(role)}`;

/** The same controller for every process of a test; no deadline is missed on a machine that is busy with other tests. */
const settings = (set: Record<string, string | number> = {}) =>
  Object.entries({
    'zeromq.drive_endpoint': endpoint('drive'),
    'zeromq.watch_endpoint': endpoint('watch'),
    'zeromq.administer_endpoint': endpoint('administer'),
    deadline_fraction: 1,
    breaker_open_misses: 1000,
    ...set,
  }).flatMap(([name, value]) => ['--set', `${name}=${value}`]);

function start(...args: string[]): CommandProcess {
  const process = new CommandProcess(...args);
  left.push(() => process.kill());
  return process;
}

async function controller(set: Record<string, string | number> = {}): Promise<CommandProcess> {
  const process = start('run', '--port', 'zeromq', '--model', at('model'), ...settings(set));
  await process.wrote(/no encryption: this machine only/);
  return process;
}

/** A robot that drives by itself, five metres ahead. */
function robot(hello: ConstructorParameters<typeof DealerRobot>[2] = {}): DealerRobot {
  const dealer = new DealerRobot(endpoint('drive'), {}, hello);
  left.push(() => dealer.close());
  return dealer;
}

/** The project's own robot's side, in this process: it senses for as long as the test lasts, whoever drives it. */
async function linkedRobot(events: Partial<RobotLinkOptions> = {}): Promise<RobotLink> {
  const { m: _m, v: _v, ...description } = dealerHello;
  const link = await RobotLink.open({ endpoint: endpoint('drive'), robot: description, ...events });
  const ranges = new Float32Array(description.scan.n).fill(Number.POSITIVE_INFINITY);
  link.goal([50, 0, 0.3]);
  const timer = setInterval(() => link.sense({ odom: [0, 0, 0, 0, 0, 0], ranges }), 20);
  left.push(() => {
    clearInterval(timer);
    link.close();
  });
  return link;
}

/** What `rfsn checkpoint show` makes of the model's folder. */
async function shownModel(): Promise<Record<string, unknown>> {
  const show = start('checkpoint', 'show', at('model'), '--json');
  expect(await show.ended, show.stderr).toBe(0);
  return show.json;
}

/** Looks until it is so; the test's own timeout is the bound. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

class Administrator {
  readonly #socket = new Request({ linger: 0 });

  constructor() {
    this.#socket.connect(endpoint('administer'));
    left.push(() => this.#socket.close());
  }

  async ask(request: Asked) {
    await this.#socket.send(encodeMessage(request));
    const [bytes] = await this.#socket.receive();
    return decodeAnswer(bytes);
  }

  /** @returns the result; throws the reason where it was not done */
  async done(request: Asked): Promise<Answer['result']> {
    const answer = await this.ask(request);
    if (answer.m === 'error') throw new Error(answer.reason);
    return answer.result;
  }
}

describe('the ZeroMQ link, process to process', () => {
  it('drives the simulator from a controller that is started and ended with it', async () => {
    const sim = start(
      'sim',
      '--port',
      'zeromq',
      '--scenario',
      'open',
      '--episodes',
      '2',
      '--json',
      '--model',
      at('model'),
      ...settings(),
    );
    expect(await sim.ended).toBe(0);
    expect(sim.stderr).toMatch(/nobody answers at ipc:.*a controller of its own is started/);
    expect(sim.stderr).toMatch(/controller: jackal drives \(free\), after 0 updates/);
    expect(sim.json).toMatchObject({ episodes: 2, success_rate: 1, sessions: 1 });
    expect(sim.json['commands']).toBeGreaterThan(50);
    // It said bye, so the controller has saved and ended by itself.
    expect(sim.stderr).toMatch(/controller: saved .*checkpoint-/);
    expect(readdirSync(at('model')).length).toBeGreaterThan(0);
  });

  it('ends the controller that it started, which saves, also when it is killed', async () => {
    const sim = start('sim', '--port', 'zeromq', '--model', at('model'), ...settings());
    await sim.wrote(/controller: jackal drives/);
    const administrator = new Administrator();
    // What is not learned yet is not saved either.
    await until(async () => ((await administrator.done({ m: 'status' }))['updates'] as number) > 0);
    sim.signal('SIGKILL');
    await until(() => existsSync(at('model')) && readdirSync(at('model')).some((name) => name.endsWith('.rfsn')));
    // The socket's file goes with the controller.
    await until(() => !existsSync(at('drive')));
  });

  it('drives it in lockstep from a controller that is there, and leaves that one as it was', async () => {
    const run = await controller();
    const sim = start(
      'sim',
      '--port',
      'zeromq',
      '--mode',
      'lockstep',
      '--scenario',
      'open',
      '--episodes',
      '1',
      '--json',
      ...settings(),
    );
    expect(await sim.ended).toBe(0);
    expect(sim.stderr).toContain(`the controller at ${endpoint('drive')} drives`);
    expect(sim.json).toMatchObject({ episodes: 1, success_rate: 1, sessions: 1 });
    expect(sim.json['commands']).toBeGreaterThanOrEqual(sim.json['senses'] as number);
    await run.wrote(/jackal has ended: .*the simulation has ended/);
    run.signal('SIGINT');
    expect(await run.ended).toBe(0);
  });

  it('ends in order: the robot stands, what was learned is saved, and the figures come last', async () => {
    const run = await controller();
    const dealer = robot();
    const administrator = new Administrator();
    // What is not learned yet is not saved either.
    await until(async () => ((await administrator.done({ m: 'status' }))['updates'] as number) > 0);
    await until(() => dealer.x > 0.3);
    run.signal('SIGINT');
    expect(await run.ended).toBe(0);
    const lines = run.stdout.split('\n');
    const place = (pattern: RegExp) => lines.findIndex((line) => pattern.test(line));
    const order = [/dealer drives/, /dealer has ended/, /robot stopped/, /^saved /, /^sessions +1/].map(place);
    expect(order.every((line) => line >= 0)).toBe(true);
    expect([...order].sort((a, b) => a - b)).toEqual(order);
    await until(() => dealer.of('bye').length > 0);
    const last = dealer.of('command').at(-1);
    expect(last?.twist).toEqual([0, 0, 0]);
  });

  it('picks a robot up again when the controller was killed and is back, with what it had learned', async () => {
    const first = await controller({ checkpoint_period_s: 1 });
    const sim = start('sim', '--port', 'zeromq', '--scenario', 'clutter', '--model', at('none'), ...settings());
    await sim.wrote(/session begun: .* after 0 updates/);
    const administrator = new Administrator();
    await until(async () => ((await administrator.done({ m: 'status' }))['updates'] as number) > 20);
    await administrator.done({ m: 'save' });
    first.signal('SIGKILL');
    await first.ended;
    await sim.wrote(/session lost, the robot stands/);
    const second = await controller();
    expect(second.stdout).toMatch(/resumed from .* after \d+ updates/);
    await sim.wrote(/session lost[\s\S]*session begun: policy \S+ after [1-9]\d* updates/);
    await second.wrote(/jackal drives \(free\), after [1-9]/);
    sim.signal('SIGINT');
    expect(await sim.ended).toBe(0);
    expect(sim.stdout).toMatch(/^sessions +2$/m);
  });

  it('releases a robot that was killed, and takes the next one', async () => {
    const run = await controller({ 'zeromq.session_timeout_s': 1 });
    const sim = start('sim', '--port', 'zeromq', '--model', at('none'), ...settings());
    await run.wrote(/jackal drives/);
    const other = robot({ name: 'other' });
    await until(() => other.of('refused').length > 0);
    expect(other.of('refused')[0]).toMatchObject({ code: 'busy' });
    sim.signal('SIGKILL');
    await run.wrote(/jackal has ended: .*(silent|heard|sent)/);
    await run.wrote(/other drives/);
    await until(() => other.x > 0.1);
    run.signal('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(run.stdout).toMatch(/^sessions +2, 0 resumed, 1 released$/m);
  });

  it('goes on with a robot that comes back in time', async () => {
    const run = await controller({ 'zeromq.session_timeout_s': 30 });
    const before = robot();
    await until(() => before.x > 0.1);
    before.close();
    const after = robot({ s: before.session });
    await until(() => after.of('welcome').length > 0);
    expect(after.of('welcome')[0]).toMatchObject({ resumed: true, s: before.session });
    await run.wrote(/dealer is back/);
  });

  it('carries out what administrators ask for, while it drives', async () => {
    await controller();
    const dealer = robot();
    await until(() => dealer.x > 0.2);
    const { done, ask } = bound(new Administrator());

    expect(await done({ m: 'status', robot: 'dealer' })).toMatchObject({ robot: 'dealer', armed: true, mode: 'free' });
    const saved = await done({ m: 'save' });
    expect(saved['file']).toMatch(/^checkpoint-\d+\.rfsn$/);
    expect(await done({ m: 'checkpoints' })).toMatchObject({ newest: saved['file'], files: [{ file: saved['file'] }] });
    expect(await done({ m: 'restore', file: saved['file'] as string })).toMatchObject({ file: saved['file'] });

    expect(await done({ m: 'freeze' })).toEqual({ frozen: true });
    expect(await done({ m: 'status' })).toMatchObject({ frozen: true });
    expect(await done({ m: 'unfreeze' })).toEqual({ frozen: false });

    expect(await done({ m: 'stop' })).toEqual({ stopped: true, armed: false });
    await until(() => dealer.speed === 0);
    expect(await done({ m: 'status' })).toMatchObject({ state: 'stopped', armed: false });
    expect(await done({ m: 'go' })).toMatchObject({ stopped: false, armed: true });

    const parameters = await done({ m: 'parameters' });
    expect(parameters['robot.max_speed']).toMatchObject({ unit: 'm/s', readOnly: false, value: 2 });
    expect(parameters['model_dir']).toMatchObject({ readOnly: true });
    expect(await done({ m: 'set', name: 'robot.max_speed', value: 0.5 })).toMatchObject({ value: 0.5 });
    expect((await done({ m: 'parameters' }))['robot.max_speed']).toMatchObject({ value: 0.5 });
    expect(await ask({ m: 'set', name: 'robot.max_speed', value: 9 })).toMatchObject({ m: 'error', code: 'failed' });
    expect(await ask({ m: 'set', name: 'model_dir', value: '/tmp/elsewhere' })).toMatchObject({
      m: 'error',
      code: 'failed',
      reason: expect.stringContaining('model_dir'),
    });

    expect(await done({ m: 'reset' })).toEqual({ updates: 0 });
  });

  it('refuses a checkpoint that is damaged, foreign, missing or elsewhere, and goes on with what it has', async () => {
    const run = await controller();
    const { done, ask } = bound(new Administrator());
    const dealer = robot();
    await until(async () => ((await done({ m: 'status' }))['updates'] as number) > 5);
    await done({ m: 'save' });
    writeFileSync(at('model', 'damaged.rfsn'), 'not a checkpoint');
    writeFileSync(at('outside.rfsn'), 'not a checkpoint');
    const updates = (await done({ m: 'status' }))['updates'] as number;
    for (const file of ['damaged.rfsn', 'missing.rfsn', '../outside.rfsn', '/etc/passwd', '.', '']) {
      expect(await ask({ m: 'restore', file }), file).toMatchObject({ m: 'error', reason: expect.stringMatching(/./) });
    }
    expect((await done({ m: 'status' }))['updates']).toBeGreaterThanOrEqual(updates);
    expect(run.stdout).not.toMatch(/restored/);
    expect(dealer.session).not.toBe(0);
  });

  it('shows watchers every decision, and the state with each change of it', async () => {
    await controller();
    const watcher = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
    left.push(() => watcher.close());
    watcher.connect(endpoint('watch'));
    watcher.subscribe('');
    const decisions: number[] = [];
    const cycles: number[] = [];
    const states: string[] = [];
    void (async () => {
      for await (const [topic, bytes] of watcher) {
        if (topic.toString() === 'decision/dealer') {
          const { q, n } = decodeDecision(bytes);
          decisions.push(q);
          cycles.push(n);
        } else if (topic.toString().startsWith('state/')) {
          states.push(`${topic} ${decodeState(bytes).state}`);
        }
      }
    })().catch(() => undefined);
    await until(() => states.includes('state/local idle'));
    const dealer = robot();
    await until(() => decisions.length >= 100 && states.includes('state/dealer driving'));
    expect(decisions).toEqual(decisions.map((_, i) => decisions[0] + i));
    expect(cycles).toEqual(cycles.map((_, i) => cycles[0] + i));
    dealer.send({ m: 'stop', s: dealer.session });
    await until(() => states.includes('state/dealer stopped'));
  });

  it('drives several robots, each with what it has learned itself', async () => {
    const run = await controller({ 'zeromq.max_sessions': 2, 'zeromq.session_timeout_s': 1 });
    expect(run.stdout).toMatch(/2 controllers, each: memory, fixed from here on/);
    const { done, ask } = bound(new Administrator());
    const [one, two] = [robot({ name: 'one' }), robot({ name: 'two', mode: 'lockstep' })];
    await until(() => one.x > 0.2 && two.x > 0.2);
    const third = robot({ name: 'three' });
    await until(() => third.of('refused').some(({ code }) => code === 'busy'));
    expect(await ask({ m: 'status' })).toMatchObject({ m: 'error' });
    await done({ m: 'save', robot: 'one' });
    expect(readdirSync(at('model'))).toEqual(['one']);
    await done({ m: 'stop', robot: 'one' });
    expect(await done({ m: 'status', robot: 'two' })).toMatchObject({ mode: 'lockstep', state: 'driving' });
    one.close();
    await run.wrote(/one has ended/);
    await until(() => third.session !== 0);
    // What was ordered for one is not ordered for three, whoever drives.
    await until(async () => (await done({ m: 'status', robot: 'three' }))['state'] === 'driving');
    // Who has learned nothing leaves no folder.
    for (const name of ['two', 'three']) {
      await until(async () => ((await done({ m: 'status', robot: name }))['updates'] as number) > 0);
    }
    run.signal('SIGINT');
    expect(await run.ended).toBe(0);
    expect(readdirSync(at('model')).sort()).toEqual(['one', 'three', 'two']);
  });
});

describe('a controller that is killed', () => {
  /** The next one drives the robot, and leaves what it has learned in a folder that can be read. */
  async function goesOn(link: RobotLink): Promise<CommandProcess> {
    const { welcomes, commands } = link.counters;
    const next = await controller();
    await until(() => link.counters.welcomes > welcomes && link.counters.commands > commands + 20);
    expect(link.counters.resumed).toBe(0);
    await next.wrote(/dealer drives/);
    return next;
  }

  async function endsSaved(run: CommandProcess): Promise<void> {
    const administrator = new Administrator();
    await until(async () => ((await administrator.done({ m: 'status' }))['updates'] as number) > 5);
    run.signal('SIGINT');
    expect(await run.ended).toBe(0);
    await shownModel();
  }

  it('before it answered a hello is replaced by the next', async () => {
    const first = await controller({ 'zeromq.session_timeout_s': 1, 'zeromq.heartbeat_period_s': 0.1 });
    const link = await linkedRobot();
    await until(() => link.counters.commands > 0);
    // It hears nothing, and says hello again over a connection that stands.
    first.signal('SIGSTOP');
    await until(() => link.state === 'greeting');
    await sleep(50);
    first.signal('SIGKILL');
    await first.ended;
    expect(link.state).toBe('greeting');
    expect(link.counters.welcomes).toBe(1);
    await endsSaved(await goesOn(link));
  });

  it('as it says welcome is replaced by the next', async () => {
    const first = await controller();
    let killed = false;
    const link = await linkedRobot({
      onWelcome: () => {
        if (!killed) first.signal('SIGKILL');
        killed = true;
      },
    });
    expect(await first.ended).toBe('SIGKILL');
    await endsSaved(await goesOn(link));
  });

  it('in the middle of a save costs that one only', async () => {
    const first = await controller();
    const link = await linkedRobot();
    const administrator = new Administrator();
    await until(async () => ((await administrator.done({ m: 'status' }))['updates'] as number) > 5);
    await administrator.done({ m: 'save' });
    const files = (suffix: string) => readdirSync(at('model')).filter((name) => name.endsWith(suffix));
    // A file that has been published has a second name.
    const unpublished = () => files('.tmp').filter((name) => statSync(at('model', name)).nlink === 1);
    // Stopped at the sight of the file that is being written, and killed where it has not been published meanwhile.
    for (;;) {
      let settled = false;
      const settle = () => {
        settled = true;
      };
      const saved = administrator.done({ m: 'save' }).then(settle, settle);
      while (files('.tmp').length === 0 && !settled) await new Promise((resolve) => setImmediate(resolve));
      first.signal('SIGSTOP');
      await sleep(20);
      if (unpublished().length > 0) break;
      first.signal('SIGCONT');
      await saved;
    }
    first.signal('SIGKILL');
    await first.ended;
    expect(unpublished()).toHaveLength(1);
    const newest = files('.rfsn').sort().at(-1) as string;
    expect(await shownModel()).toMatchObject({ path: at('model', newest), refused: [] });
    const second = await goesOn(link);
    expect(second.stdout).toContain(`resumed from ${at('model', newest)}: `);
    await endsSaved(second);
    expect(files('.tmp')).toEqual([]);
  });
});

describe('a robot whose process is stopped', () => {
  it('for longer than a command holds obeys none of before, though more of them wait to be read', async () => {
    const scripted = await ScriptedController.listen();
    left.push(() => void scripted.close());
    let newest: Received | null = null;
    let n = 0;
    scripted.onMessage = (received) => {
      const { peer, message } = received;
      if (message.m === 'hello') void scripted.send(peer, welcome(77));
      if (message.m !== 'sense') return;
      newest = received;
      void scripted.send(peer, command(message, 1, { n: ++n }));
    };
    const robot = new RobotProcess(scripted.endpoint);
    await robot.next();
    await until(async () => (await robot.report()).moved > 20);
    robot.signal('SIGSTOP');
    await sleep(50);
    const { peer, message } = newest as unknown as Received;
    const WAITING = 60;
    for (let i = 0; i < WAITING; i++) await scripted.send(peer, command(message, 1, { n: ++n }));
    await sleep(600);
    const before = n;
    robot.signal('SIGCONT');
    await until(async () => (await robot.report()).commanded >= before);
    const { afterStops, moved } = await robot.report();
    expect(new Set(afterStops)).toEqual(new Set([0]));
    // What is new again is obeyed again.
    await until(async () => (await robot.report()).moved > moved + 20);
    expect((await robot.report()).movedByStale).toBe(0);
  });
});

class RobotProcess {
  readonly #child: ChildProcess;

  constructor(controller: string) {
    const root = packageRoot();
    const hooks = pathToFileURL(join(root, 'test/support/typescript-hooks.mjs')).href;
    this.#child = fork(join(root, 'test/interop/zeromq-robot-process.ts'), [controller], {
      execArgv: ['--import', hooks],
    });
    left.push(() => this.#child.kill('SIGKILL'));
  }

  async next(): Promise<RobotReport> {
    const [report] = await once(this.#child, 'message');
    return report as RobotReport;
  }

  report(): Promise<RobotReport> {
    const report = this.next();
    this.#child.send('');
    return report;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

function bound(administrator: Administrator) {
  return {
    done: (request: Asked) => administrator.done(request),
    ask: (request: Asked) => administrator.ask(request),
  };
}
