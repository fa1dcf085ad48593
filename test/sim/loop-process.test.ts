import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommandProcess } from './loop-process.js';

let folder = '';
const running: CommandProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-loop-'));
});
afterEach(() => {
  for (const command of running.splice(0)) command.kill();
  rmSync(folder, { recursive: true });
});

function start(...args: string[]): CommandProcess {
  const command = new CommandProcess(...args);
  running.push(command);
  return command;
}

const checkpoints = (model: string) => (existsSync(model) ? readdirSync(model).filter((n) => n.endsWith('.rfsn')) : []);
const PATIENCE = { timeout: 30_000, interval: 20 };

describe('rfsn sim in real time', () => {
  it('saves on a timer, stops the robot before it saves on Ctrl-C, and resumes, until SIGTERM', async () => {
    const model = join(folder, 'model');
    const live = ['sim', '--preset', 'development', '--no-page', '--model', model, '--set', 'checkpoint_period_s=0.2'];
    const first = start(...live);
    await first.wrote(/memory, fixed from here on: \d+ kB \(orders /);
    await vi.waitFor(() => expect(checkpoints(model).length).toBeGreaterThan(1), PATIENCE);
    first.signal('SIGINT');
    expect(await first.ended).toBe(0);
    expect(first.stderr).toBe('');
    expect(first.stdout).toMatch(/robot stopped\nsaved .*\.rfsn\nepisodes +0\n/);
    expect(first.stdout).not.toContain('resumed from');

    const second = start(...live, '--seed', '7', '--json');
    await second.wrote(/resumed from .*checkpoint-\d+\.rfsn: episode 0 is next, after \d+ updates\nmemory/);
    second.signal('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(second.stdout.split('\n')).toHaveLength(2);
    expect(second.json).toMatchObject({ episodes: 0, success_rate: null });
  });

  it('ends at once when it is told twice', async () => {
    const command = start('sim', '--model', join(folder, 'model'));
    await command.wrote(/memory/);
    command.signal('SIGINT');
    command.signal('SIGTERM');
    expect(await command.ended).toBe(1);
    expect(command.stdout).not.toContain('saved');
  });

  it('drives on while nothing can be saved, shows it, and saves as soon as it can', async () => {
    const model = join(folder, 'model');
    const command = start('sim', '--model', model, '--set', 'checkpoint_period_s=0.2');
    await command.wrote(/memory/);
    rmSync(model, { recursive: true, force: true });
    writeFileSync(model, 'a file where the folder should be');
    await command.wrote(/checkpoint failed, will try again: no checkpoint could be saved in .*model: there is a file/);
    rmSync(model);
    await command.wrote(/saving works again: .*checkpoint-\d+\.rfsn/);
    command.signal('SIGINT');
    expect(await command.ended).toBe(0);
    expect(command.stdout.match(/checkpoint failed/g)).toHaveLength(1);
    expect(checkpoints(model).length).toBeGreaterThan(0);
  });

  it('exits with 1 where the result is lost, and says why', async () => {
    const model = join(folder, 'model');
    const command = start('sim', '--model', model, '--json');
    await command.wrote(/memory/);
    rmSync(model, { recursive: true, force: true });
    writeFileSync(model, '');
    command.signal('SIGINT');
    expect(await command.ended).toBe(1);
    expect(command.stderr).toContain('not saved: no checkpoint could be saved');
    expect(command.json).toMatchObject({ episodes: 0 });
  });
});

describe('rfsn on the virtual clock', () => {
  it.each([
    ['the default', []],
    ['the bandit, its rate on a schedule too', ['--policy', 'bandit', '--learning-rate-schedule', 'exponential']],
  ])('gives a training of %s that was interrupted and resumed the bits of one that was not', async (_, policy) => {
    const train = (name: string) => [
      ...['train', '--episodes', '8', '--seed', '5', '--set', 'save_frequency=3'],
      ...['--epsilon-schedule', 'linear', ...policy],
      ...['--model', join(folder, name), '--history', join(folder, `${name}.jsonl`), '--json'],
    ];
    const whole = start(...train('whole'));
    const cut = start(...train('cut'));
    await vi.waitFor(() => expect(checkpoints(join(folder, 'cut')).length).toBeGreaterThan(0), PATIENCE);
    cut.signal('SIGTERM');
    expect(await cut.ended).toBe(0);
    expect(cut.stderr).toMatch(/SIGTERM: interrupted, episodes left: [1-5]; the same command goes on with them/);
    const rest = start(...train('cut'));
    expect(await rest.ended).toBe(0);
    expect(await whole.ended).toBe(0);
    expect(rest.stderr).toMatch(/goes on with a training of 8 episodes, of which [1-5] are left/);
    expect(rest.json['episodes_total']).toBe(8);
    expect(rest.json['state_hash']).toBe(whole.json['state_hash']);
    expect(Number(cut.json['episodes']) + Number(rest.json['episodes'])).toBe(8);
  });
});
