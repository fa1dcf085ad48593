import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeWith, makeFolder, missingPython, PYTHON, ROOT } from '../support/languages.js';
import { describeClient } from './client-suite.js';
import { type ControllerProcess, Started } from './controller-process.js';
import { Probe } from './probe-process.js';
import { describeRobot } from './robot-suite.js';

const example = (name: string) => `${ROOT}/examples/zeromq/${name}.py`;

describeWith('the ZeroMQ link in Python', missingPython(), () => {
  describeClient({
    language: 'Python',
    keepsForms: true,
    start: () => new Probe(PYTHON, `${ROOT}/test/interop/probe.py`),
  });
  describeRobot('Python', () => [PYTHON, example('robot')]);

  describe('the watcher and the administrator in Python', () => {
    const started = new Started();
    let controller: ControllerProcess;
    let folder = '';
    let remove = () => {};

    beforeAll(async () => {
      [folder, remove] = makeFolder();
      controller = await started.controller(folder);
      started.client(PYTHON, example('robot'), '--connect', controller.endpoints.drive, '--name', 'bot');
      await controller.command.wrote(/bot drives \(lockstep\)/);
    });
    afterAll(async () => {
      await controller.end();
      started.endAll();
      remove();
    });
    const clients = new Started();
    afterEach(() => clients.endAll());

    async function administer(...args: string[]) {
      const { administer: endpoint } = controller.endpoints;
      const client = clients.client(PYTHON, example('administer'), '--connect', endpoint, ...args);
      const status = await client.ended;
      return { status, result: status === 0 ? JSON.parse(client.stdout) : null, stderr: client.stderr };
    }

    it('prints what is decided, and loses nothing of it', async () => {
      const { watch } = controller.endpoints;
      const client = clients.client(PYTHON, example('watch'), 'decision', '--count', '20', '--connect', watch);
      expect(await client.ended, client.stderr).toBe(0);
      const rows = client.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(rows).toHaveLength(20);
      rows.forEach((row, i) => {
        expect(row).toMatchObject({ topic: 'decision', robot: 'bot', q: rows[0].q + i });
        expect(row.raw).toHaveLength(24);
      });
    });

    it('watches one robot alone, and is shown its state as soon as it subscribes', async () => {
      const { watch } = controller.endpoints;
      const args = ['state', '--count', '1', '--connect', watch, '--robot', 'bot'];
      const client = clients.client(PYTHON, example('watch'), ...args);
      expect(await client.ended, client.stderr).toBe(0);
      expect(client.json).toMatchObject({ topic: 'state', robot: 'bot', mode: 'lockstep' });
    });

    it('asks for the state, freezes and saves', async () => {
      expect((await administer('status')).result).toMatchObject({ robot: 'bot', frozen: false });
      expect((await administer('freeze')).status).toBe(0);
      expect((await administer('status')).result).toMatchObject({ frozen: true });
      expect((await administer('unfreeze')).status).toBe(0);
      expect((await administer('save', 'robot=bot')).result.file).toMatch(/^checkpoint-\d+\.rfsn$/);
    });

    it('sets what may be set, and is told why not otherwise', async () => {
      const read = async () => (await administer('parameters')).result;
      const set = await administer('set', 'name=robot.max_speed', 'value=0.5');
      expect(set, set.stderr).toMatchObject({ status: 0 });
      expect(JSON.stringify(await read())).toMatch(/"robot\.max_speed":(0\.5|\{[^}]*"value":0\.5)/);
      const refused = await administer('set', 'name=robot.drive', 'value=omnidirectional');
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(/^failed: .*robot\.drive/);
      expect((await administer('status', 'robot=nobody')).stderr).toContain('nobody');
    });

    it('gives up where nobody answers', async () => {
      const client = clients.client(
        PYTHON,
        '-c',
        [
          `import sys; sys.path.insert(0, '${ROOT}/examples/zeromq')`,
          'from rfsn_link import request',
          `request('ipc://${folder}/nobody', {'m': 'status'}, timeout=0.1)`,
        ].join('\n'),
      );
      expect(await client.ended).toBe(1);
      expect(client.stderr).toContain('TimeoutError: ipc://');
    });
  });
});
