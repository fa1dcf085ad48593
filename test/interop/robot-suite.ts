import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CommandProcess } from '../sim/loop-process.js';
import { makeFolder } from '../support/languages.js';
import { type ClientProcess, type ControllerProcess, Started } from './controller-process.js';

// Robots drive in real time, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 150_000 });
const GIVEN_UP_MS = 120_000;

/** The example robot of a language, as a user starts it, against `rfsn run --port zeromq`. */
export function describeRobot(language: string, program: () => [program: string, ...args: string[]]): void {
  describe(`the example robot in ${language}`, () => {
    const started = new Started();
    const clients = new Started();
    let controller: ControllerProcess;
    let remove = () => {};

    beforeAll(async () => {
      let folder = '';
      [folder, remove] = makeFolder();
      controller = await started.controller(folder);
    });
    afterEach(() => clients.endAll());
    afterAll(async () => {
      await controller.end();
      started.endAll();
      remove();
    });
    const robot = (...args: string[]) => clients.client(...program(), '--connect', controller.endpoints.drive, ...args);
    /** What is known of a robot that did not end as it should: what it said, and what the controller says of it. */
    const account = (client: ClientProcess) =>
      [client.stdout, client.stderr, controller.command.stdout, controller.command.stderr].join('\n');
    const endOf = (client: ClientProcess) => Promise.race([client.ended, pause(GIVEN_UP_MS, 'still driving')]);

    it.each(['lockstep', 'free'])('reaches goal after goal, %s', async (mode) => {
      const client = robot('--mode', mode, '--goals', '2', '--name', mode);
      expect(await endOf(client), account(client)).toBe(0);
      expect(client.stdout).toMatch(/driven by squarecb\n/);
      expect(client.stdout).toMatch(/goal 1 \(.*\) after .* s, .* m driven, \d+ collisions\ngoal 2 /);
      await vi.waitFor(() => expect(`${controller.command.stdout}${controller.command.stderr}`).toContain(mode));
    });

    it.each([
      ['a mode that there is not', ['--mode', 'sideways'], 'sideways'],
      ['a number that is none', ['--goals', 'many'], 'many'],
      ['a value that is missing', ['--name'], '--name'],
      ['an option that there is not', ['--sped', '1'], '--sped'],
    ])('says what is wrong with %s, and how it is used', async (_, args, named) => {
      const client = robot(...args);
      expect(await client.ended).toBe(2);
      expect(client.stderr).toContain(named);
      expect(client.stderr).toContain('usage: ');
    });

    it('goes on by itself after its process was stopped for longer than a session lasts', async () => {
      const client = robot('--mode', 'free', '--goals', '2', '--name', 'stopped');
      await vi.waitFor(() => expect(client.stdout).toContain('driven by'), { timeout: 20_000 });
      client.signal('SIGSTOP');
      await controller.command.wrote(/stopped has ended: silent for 2 s/);
      client.signal('SIGCONT');
      expect(await client.ended, client.stderr).toBe(0);
      expect(client.stdout).toContain('goal 2');
    });

    it('drives with keys, and is kept out without and with those of a watcher', async () => {
      const [folder, removeKeys] = makeFolder();
      try {
        const keys = `${folder}/keys`;
        for (const args of [
          ['init', keys],
          ['add', keys, 'drive', 'bot', '--out', folder],
          ['add', keys, 'watch', 'eye', '--out', folder],
        ]) {
          const command = clients.add(new CommandProcess('keys', ...args));
          expect(await command.ended, command.stderr).toBe(0);
        }
        const locked = await clients.controller(folder, undefined, `zeromq.keys_dir=${keys}`);
        const { drive } = locked.endpoints;
        const start = (...args: string[]) =>
          clients.client(...program(), '--connect', drive, '--goals', '1', '--mode', 'free', ...args);
        const server = `${keys}/server.key`;
        const without = start('--name', 'without');
        const watcher = start('--name', 'watcher', '--keys', `${folder}/eye.key_secret`, server);
        const invited = start('--name', 'invited', '--keys', `${folder}/bot.key_secret`, server);
        expect(await invited.ended, invited.stderr).toBe(0);
        expect(invited.stdout).toContain('goal 1');
        expect([without.stdout, watcher.stdout]).toEqual([
          'waiting for the controller\n',
          'waiting for the controller\n',
        ]);
        expect(locked.command.stdout + locked.command.stderr).not.toMatch(/without|watcher/);
        await locked.end();
      } finally {
        removeKeys();
      }
    });

    it('is told why it is not the robot that the controller drives', async () => {
      const client = robot('--mode', 'lockstep', '--rate', '20');
      expect(await client.ended).toBe(1);
      expect(client.stderr).toMatch(/refused \(rate\): .*controller_frequency/);
    });
  });
}
