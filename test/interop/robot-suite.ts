import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeFolder } from '../support/languages.js';
import { type ControllerProcess, Started } from './controller-process.js';

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

    it.each(['lockstep', 'free'])('reaches goal after goal, %s', async (mode) => {
      const client = robot('--mode', mode, '--goals', '2', '--name', mode);
      expect(await client.ended, client.stderr).toBe(0);
      expect(client.stdout).toMatch(/driven by squarecb\n/);
      expect(client.stdout).toMatch(/goal 1 \(.*\) after .* s, .* m driven, \d+ collisions\ngoal 2 /);
      await vi.waitFor(() => expect(`${controller.command.stdout}${controller.command.stderr}`).toContain(mode));
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

    it('is told why it is not the robot that the controller drives', async () => {
      const client = robot('--mode', 'lockstep', '--rate', '20');
      expect(await client.ended).toBe(1);
      expect(client.stderr).toMatch(/refused \(rate\): .*controller_frequency/);
    });
  });
}
