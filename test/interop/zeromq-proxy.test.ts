import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Context, Dealer } from 'zeromq';
import { decodeControllerMessage, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import type { Hello, Refused } from '../../src/io/zeromq/protocol/protocol.js';
import { ROBOT_MESSAGES } from '../golden/zeromq/messages.js';
import { describeWith, makeFolder, missingPython, PYTHON, ROOT } from '../support/languages.js';
import { ProxyProcess } from '../support/proxy-process.js';
import type { Way } from '../support/zeromq-proxy.js';
import { type ClientProcess, type ControllerProcess, Started } from './controller-process.js';

/** `SEED=<number>` repeats a line's mischief; a failure prints it. */
const SEED = Number(process.env['SEED'] || Math.floor(1e9 * Math.random()));
const BAD_LINE = { loss: 0.05, duplicates: 0.1, held: 0.25, holdMs: 60 };
/** A room whose first goal is 2 m straight ahead. */
const SHORT_WAY = ['--seed', '374'];
const PATIENCE = { timeout: 60_000, interval: 10 };

/** What checked_robot.py prints at its end. */
interface Driven {
  goals: number;
  moving: number;
  faults: string[];
  sessions: number;
  /** Sessions that are not one another. */
  different: number;
  resent: number;
  ignored: Record<string, number>;
  error: [code: string, reason: string] | null;
}

// Robots drive in real time, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 150_000 });

describeWith('robots on a bad line', missingPython(), () => {
  const started = new Started();
  const lasting = new Started();
  /** Serves one robot after the other; tests that end a controller start one of their own. */
  let controller: ControllerProcess;
  let removeLasting = () => {};
  let folder = '';
  let remove = () => {};

  beforeAll(async () => {
    let model = '';
    [model, removeLasting] = makeFolder();
    controller = await lasting.controller(model);
  });
  afterAll(async () => {
    await controller.end();
    lasting.endAll();
    removeLasting();
  });
  beforeEach(() => {
    [folder, remove] = makeFolder();
  });
  afterEach(() => {
    started.endAll();
    remove();
  });

  const proxied = async () => started.add(await ProxyProcess.start(controller.endpoints.drive, SEED));
  const robot = (connect: string, mode: string, goals: number, ...args: string[]) =>
    started.client(
      PYTHON,
      `${ROOT}/test/interop/checked_robot.py`,
      connect,
      mode,
      String(goals),
      ...SHORT_WAY,
      ...args,
    );
  /** How it went, once it has reached its goals, where they count: never moved by anything that was not commanded, or had expired. */
  async function driven(client: ClientProcess, goals: number | null): Promise<Driven> {
    expect(await client.ended, client.stderr).toBe(0);
    const end = client.json as unknown as Driven;
    expect(end, `SEED=${SEED}`).toMatchObject({ goals: goals ?? end.goals, faults: [] });
    expect(end.moving).toBeGreaterThan(0);
    return end;
  }
  /** Senses that the controller has rejected for their sequence. */
  async function rejectedSequences(): Promise<number> {
    const args = ['--connect', controller.endpoints.administer, 'status'];
    const client = started.client(PYTHON, `${ROOT}/examples/zeromq/administer.py`, ...args);
    expect(await client.ended, client.stderr).toBe(0);
    return JSON.parse(client.stdout).rejected?.sequence ?? 0;
  }

  it.each(['lockstep', 'free'])(
    'drive on where messages are lost, doubled, late and out of order, %s',
    async (mode) => {
      const before = await rejectedSequences();
      const proxy = await proxied();
      proxy.tell({ rules: BAD_LINE });
      const end = await driven(robot(proxy.endpoint, mode, 1000, '--name', `bad-${mode}`, '--steps', '300'), null);
      const { counts } = await proxy.report();
      for (const what of ['lost', 'doubled', 'held', 'passed']) {
        expect(counts[`up sense ${what}`], `senses ${what}`).toBeGreaterThan(0);
        expect(counts[`down command ${what}`], `commands ${what}`).toBeGreaterThan(0);
      }
      expect(end, 'one session, whatever was lost of it').toMatchObject({ different: 1 });
      expect(end.ignored['older command']).toBeGreaterThan(0);
      if (mode === 'lockstep') {
        expect(end.resent).toBeGreaterThan(0);
        expect(await rejectedSequences()).toBeGreaterThan(before);
      }
    },
  );

  const cuts: [way: Way, m: string, mode: string, line: 'silent' | 'closed'][] = [
    ['up', 'hello', 'lockstep', 'closed'],
    ['down', 'welcome', 'lockstep', 'closed'],
    ['up', 'sense', 'lockstep', 'closed'],
    ['up', 'sense', 'free', 'silent'],
    ['down', 'command', 'lockstep', 'silent'],
    ['down', 'command', 'free', 'closed'],
    ['up', 'heartbeat', 'free', 'closed'],
    ['down', 'heartbeat', 'lockstep', 'closed'],
  ];
  it.each(cuts)('go on by themselves where the line is cut just after %s %s, %s, %s', async (way, m, mode, line) => {
    const proxy = await proxied();
    proxy.tell({ cutAfter: { way, m, line } });
    const client = robot(proxy.endpoint, mode, 1, '--name', `cut-${way}-${m}-${mode}`);
    await vi.waitFor(async () => expect((await proxy.report()).line).not.toBe('open'), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 600));
    proxy.tell({ line: 'open' });
    const end = await driven(client, 1);
    expect(end.different, 'sessions, of which none was lost in so short a time').toBeLessThanOrEqual(1);
  });

  it('stand while the line is cut for longer than a session lasts, and get a new one', async () => {
    const proxy = await proxied();
    const client = robot(proxy.endpoint, 'free', 2, '--name', 'long-cut');
    await vi.waitFor(() => expect(client.stdout).toContain('goal 1'), PATIENCE);
    proxy.tell({ line: 'silent' });
    await controller.command.wrote(/long-cut has ended: silent for 2 s/);
    proxy.tell({ line: 'open' });
    expect(await driven(client, 2)).toMatchObject({ different: 2 });
  });

  it.each(['lockstep', 'free'])('go on with a controller that was killed and started again, %s', async (mode) => {
    const first = await started.controller(folder);
    const { drive } = first.endpoints;
    const client = robot(drive, mode, 2);
    await vi.waitFor(() => expect(client.stdout).toContain('goal 1'), PATIENCE);
    first.command.signal('SIGKILL');
    await first.command.ended;
    const second = await started.controller(folder, drive);
    expect(await driven(client, 2)).toMatchObject({ different: 2 });
    await second.end();
  });

  it('take their place again after they were killed, as soon as it is free', async () => {
    const first = robot(controller.endpoints.drive, 'free', 100, '--name', 'killed');
    await controller.command.wrote(/killed drives/);
    first.signal('SIGKILL');
    await first.ended;
    const end = await driven(robot(controller.endpoints.drive, 'lockstep', 1, '--name', 'killed'), 1);
    expect(end.error?.[0]).toBe('busy');
  });

  it('wait for one another where one may drive, and the one that drives does not notice', async () => {
    const first = robot(controller.endpoints.drive, 'free', 2, '--name', 'first');
    await controller.command.wrote(/first drives/);
    const second = robot(controller.endpoints.drive, 'free', 1, '--name', 'second', '--seed', '2');
    await controller.command.wrote(/second was refused/);
    expect(await driven(first, 2)).toMatchObject({ sessions: 1, error: null });
    const end = await driven(second, 1);
    expect(end).toMatchObject({ sessions: 1, different: 1 });
    expect(end.error?.[0]).toBe('busy');
  });

  it('drive at once where two may', async () => {
    const controller = await started.controller(folder, undefined, 'zeromq.max_sessions=2');
    const { drive } = controller.endpoints;
    const first = robot(drive, 'free', 1, '--name', 'first');
    const second = robot(drive, 'lockstep', 1, '--name', 'second', '--seed', '2');
    expect(await driven(first, 1)).toMatchObject({ sessions: 1, error: null });
    expect(await driven(second, 1)).toMatchObject({ sessions: 1, error: null });
    await controller.end();
  });
});

describe('a robot of another version', () => {
  it('is refused with the versions that the controller speaks, and let in where it knows one of them', async () => {
    const started = new Started();
    const [folder, remove] = makeFolder();
    const context = new Context();
    const dealer = new Dealer({ context, linger: 0, receiveTimeout: 20_000 });
    try {
      const controller = await started.controller(folder);
      dealer.connect(controller.endpoints.drive);
      const scan = { n: 4, a0: -1.5, da: 1, rmin: 0.1, rmax: 10 };
      const hello = { ...(ROBOT_MESSAGES['hello'] as Hello), max: [2, 4, 20, 25], rate: 50, scan } as Hello;
      const ask = async (v: number[]) => {
        await dealer.send(encodeMessage({ ...hello, v }));
        return decodeControllerMessage((await dealer.receive())[0]);
      };
      const refused = (await ask([99])) as Refused;
      expect(refused).toMatchObject({ m: 'refused', code: 'version', v: [1], retry: 0 });
      expect(refused.reason).toContain('99');
      expect(await ask([99, 1])).toMatchObject({ m: 'welcome', v: 1 });
    } finally {
      dealer.close();
      started.endAll();
      remove();
    }
  });
});
