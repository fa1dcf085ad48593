/** `rfsn plot` on what real runs wrote. */
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/program.js';
import { captureOutput } from '../support/command-line.js';
import { CommandProcess } from './loop-process.js';

const written = captureOutput();
let folder = '';
let log = '';

/** Runs `rfsn plot` in this process. */
async function plot(...args: string[]) {
  written.out = '';
  written.err = '';
  const code = await run(['plot', ...args]);
  return { code, stdout: written.out, stderr: written.err };
}

async function svgOf(...args: string[]): Promise<string> {
  const path = join(folder, 'picture.svg');
  const result = await plot(...args, '-o', path);
  expect(result).toEqual({ code: 0, stdout: `wrote ${path}\n`, stderr: '' });
  return readFileSync(path, 'utf8');
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-plot-'));
  const model = ['--set', `model_dir=${join(folder, 'model')}`];
  const command = new CommandProcess('sim', '--headless', '--episodes', '3', '--log', folder, '--seed', '7', ...model);
  expect([await command.ended, command.stderr]).toEqual([0, '']);
  log = realpathSync(join(folder, 'latest.mcap'));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe('rfsn plot', () => {
  it('draws the last episode of a log in its world, from its start to its goal', async () => {
    const svg = await svgOf('map', log);
    expect(svg).toContain('clutter, seed 7, episode 2');
    const outcome = /class="way (success|collision|timeout)" d="M([\d.]+),([\d.]+)[^"]*L([\d.]+),([\d.]+)"/.exec(svg);
    const [, how, ...ends] = outcome ?? [];
    const [startX, startY, endX, endY] = ends.map(Number);
    const robot = [.../<polygon class="robot" points="([^"]+)"/.exec(svg)![1].matchAll(/([\d.]+),([\d.]+)/g)];
    const middle = (k: number) => (Number(robot[2][k]) + Number(robot[0][k])) / 2;
    // The outline lies around where the way begins.
    expect(Math.hypot(middle(1) - startX, middle(2) - startY)).toBeLessThan(20);
    const goal = /class="goal" cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"/.exec(svg)!.slice(1).map(Number);
    const distance = Math.hypot(endX - goal[0], endY - goal[1]);
    // As it was seen by the last cycle: a step more at the most.
    if (how === 'success') expect(distance).toBeLessThan(goal[2] + 2);
    else expect(distance).toBeGreaterThan(goal[2]);
  });

  it('draws another episode if asked, or says which there are', async () => {
    expect(await svgOf('map', log, '--episode', '0')).toContain('clutter, seed 7, episode 0');
    expect(await plot('map', log, '--episode', '9')).toMatchObject({
      code: 2,
      stderr: `rfsn: ${log} has no episode 9; it holds 0 to 2\n`,
    });
  });

  it('tells several logs apart', async () => {
    const svg = await svgOf('map', log, log, '--episode', '1');
    expect(svg.match(/<path class="way series[01]"/g)).toHaveLength(4);
    expect(svg).toMatch(/-sim-001: (arrived|collided|out of time)</);
  });

  it('draws what scans hit where the robot was in no world of ours', async () => {
    const svg = await svgOf('map', log, '--scenario', '', '--episode', '1');
    expect(svg.match(/<path class="point" d="([^"]*)"/)?.[1].match(/M/g)?.length).toBeGreaterThan(200);
    expect(svg).not.toContain('class="thing"');
    const refused = await plot('sheet', log, '--scenario', '', '-o', join(folder, 'a.svg'));
    expect(refused.stderr).toBe(`rfsn: ${log} is of a robot in no simulated world: plot map draws it\n`);
  });

  it('draws a sheet of all episodes, and of several logs', async () => {
    const svg = await svgOf('sheet', log);
    expect(svg).toContain('clutter: 3 episodes, squarecb');
    for (const episode of [0, 1, 2]) expect(svg).toContain(`>episode ${episode}</text>`);
    expect((await svgOf('sheet', log, log)).match(/>episode 1<\/text>/g)).toHaveLength(2);
  });

  it('draws lateness against the run’s own deadline', async () => {
    const svg = await svgOf('lateness', log);
    expect(svg).toContain('>clutter, 50 Hz</text>');
    expect(svg).toContain('deadline 10 ms');
    // A virtual clock is never late.
    expect(svg).toMatch(/\d+ cycles, none missed/);
  });

  it('draws a learning curve of a log, or of a training’s history', async () => {
    expect(await svgOf('learning', log)).toContain('Learning in clutter: mean of the last 25');
    const history = join(folder, 'history.jsonl');
    const lines = [0, 1, 2].map((episode) =>
      JSON.stringify({ episode, outcome: 'success', time_to_goal_s: 4 + episode }),
    );
    // Half a line, of a training that was killed.
    writeFileSync(history, `${lines.join('\n')}\n{"episode":3,"out`);
    const svg = await svgOf('learning', history, '--title', 'Mine');
    expect(svg).toContain('>Mine: mean of the last 25');
    expect(svg.match(/class="dot"/g)).toHaveLength(3);
    expect(await svgOf('learning', history)).toContain('>history: mean');
  });

  it('says in a sentence what is wrong', async () => {
    const broken = join(folder, 'broken.jsonl');
    writeFileSync(broken, 'no json\n');
    const cases: [string[], number, RegExp][] = [
      [['pie', log], 2, /^rfsn: plot pie is unknown; allowed: learning, lateness, map, sheet\n$/],
      [['map', log, '-o', 'a.gif'], 2, /^rfsn: -o a\.gif: a picture is written as \.svg or \.png\n$/],
      [['map', join(folder, 'none.mcap'), '-o', join(folder, 'x.svg')], 1, /^rfsn: .*none\.mcap.*\n$/],
      [['learning', broken, '-o', join(folder, 'x.svg')], 2, /broken\.jsonl: line 1 is no episode; it is neither/],
      [['learning', log, log, '-o', join(folder, 'x.svg')], 2, /draws one training, and 2 files are given/],
      [
        ['map', log, '--scenario', 'barn:/none.jsonl', '-o', join(folder, 'x.svg')],
        2,
        /was driven in barn:\/none\.jsonl, which is not here .*--scenario says where it is/,
      ],
    ];
    for (const [args, code, text] of cases) {
      const result = await plot(...args);
      expect(result.stderr).toMatch(text);
      expect(result.code).toBe(code);
    }
    expect(readdirSync(folder)).not.toContain('x.svg');
  });
});
