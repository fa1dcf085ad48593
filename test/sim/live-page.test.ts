import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/program.js';
import type { Answer, ExplanationWords, Order, Status, TrailWords } from '../../src/dashboard/wire.js';
import { ACTION_COUNT, DecisionField, Driver, EXPLAINED } from '../../src/memory/layout.js';
import { decisionOf } from '../../src/telemetry/flight-log/log-decisions.js';
import { FlightLogReader } from '../../src/telemetry/flight-log/log-reader.js';
import { captureOutput, temporaryFolder } from '../support/command-line.js';
import { PageSocket } from '../support/page-rig.js';

const at = temporaryFolder();
const written = captureOutput();

/** `rfsn sim --page` with a page on it, until the body is done. */
async function driving(
  args: readonly string[],
  body: (page: PageSocket, port: number) => Promise<void>,
): Promise<void> {
  const ended = run(['sim', '--seed', '5', '--model', at('models'), '--page', '127.0.0.1:0', ...args]);
  await expect
    .poll(() => written.out + written.err, { timeout: 30_000 })
    .toMatch(/page at http:\/\/127\.0\.0\.1:\d+\//);
  const port = Number(/page at \S+:(\d+)\//.exec(written.out + written.err)?.[1]);
  // The page is there before the robot is: until then it says that there is none to show.
  let page = new PageSocket(port, {});
  for (await page.settled; page.hello === undefined; await page.settled) page = new PageSocket(port, {});
  try {
    await page.until(() => page.frames.length > 20);
    await body(page, port);
  } finally {
    process.emit('SIGINT');
  }
  await page.closed;
  expect(await ended).toBe(0);
}

const newest = (page: PageSocket): Status => page.of('status').at(-1) as Status;
/** Waits for a status that says so. */
const stands = (page: PageSocket, is: (status: Status) => boolean) =>
  page.until(() => page.of('status').length > 0 && is(newest(page)));
async function done(page: PageSocket, order: Order): Promise<Answer> {
  const answer = await page.ask(order);
  expect([order.do, answer.ok, answer.text]).toEqual([order.do, true, expect.any(String)]);
  return answer;
}

describe('the page of a simulated robot', () => {
  it('is shown records that equal the flight log’s of the same cycles bit for bit', async () => {
    let frames: PageSocket['frames'] = [];
    await driving(['--log', at('log')], async (page) => {
      await page.until(() => page.frames.length > 100);
      frames = page.frames;
      const path = (await done(page, { do: 'trail', atS: Date.now() / 1e3 + 9, seconds: 1e6 })).result as TrailWords;
      expect(path.points.length).toBeGreaterThan(4);
    });
    const log = new FlightLogReader(at('log', 'latest.mcap'));
    for (const { record, atS } of frames) {
      const logged = decisionOf(log, record[DecisionField.cycle]);
      expect(logged?.record).toEqual(record);
      expect(Number(logged?.beganNs) / 1e9).toBe(atS);
    }
    log.close();
  });

  it('explains what it chose to the last bit of each value, while it is open', async () => {
    await driving([], async (page) => {
      const chose = (record: Float64Array) => record[DecisionField.driver] === Driver.policy;
      const { record } = await page.until(() => page.frames.slice(20).find((frame) => chose(frame.record)));
      const opened = (await done(page, { do: 'explain', cycle: record[0] })).result as ExplanationWords;
      expect(opened.record[DecisionField.poseX]).toBe(record[DecisionField.poseX]);
      for (let action = 0; action < ACTION_COUNT; action++) {
        const parts = opened.contributions?.slice(action * EXPLAINED, (action + 1) * EXPLAINED) ?? [];
        expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(record[DecisionField.values + action], 9);
      }
    });
  });

  it('holds time, steps by cycles, goes on at another speed, and back', async () => {
    await driving([], async (page) => {
      await done(page, { do: 'pause', paused: true });
      await stands(page, ({ paused }) => paused);
      const cycleOf = () => page.frames.at(-1)?.record[DecisionField.cycle] ?? Number.NaN;
      await done(page, { do: 'step' });
      await page.until(() => page.of('notice').some(({ text }) => text.startsWith('one cycle on')));
      const cycle = newest(page).cycles;
      for (let i = 0; i < 3; i++) await done(page, { do: 'step' });
      await stands(page, ({ cycles }) => cycles >= cycle + 3);
      const standing = cycleOf();
      await done(page, { do: 'speed', speed: 4 });
      await done(page, { do: 'pause', paused: false });
      await page.until(() => cycleOf() > standing + 50);
      await stands(page, ({ paused, speed }) => !paused && speed === 4);
      await done(page, { do: 'speed', speed: 1 });
      await stands(page, ({ speed }) => speed === 1);
      expect((await page.ask({ do: 'speed', speed: 999 })).ok).toBe(false);
    });
  });

  it('gives the orders that an operator gives', async () => {
    await driving([], async (page, port) => {
      const before = page.frames.at(-1)?.record[DecisionField.goalCount] ?? Number.NaN;
      await done(page, { do: 'goal', x: 1, y: 0.5 });
      const { record } = await page.until(() =>
        page.frames.find((frame) => frame.record[DecisionField.goalCount] > before),
      );
      expect([record[DecisionField.goalX], record[DecisionField.goalY]]).toEqual([1, 0.5]);
      await done(page, { do: 'stop' });
      await stands(page, ({ armed, halted }) => halted && !armed);
      await done(page, { do: 'arm' });
      await stands(page, ({ armed, halted }) => armed && !halted);
      await done(page, { do: 'freeze', frozen: true });
      await stands(page, ({ frozen }) => frozen);
      await done(page, { do: 'freeze', frozen: false });
      const { result } = await done(page, { do: 'save' });
      const { file } = result as { file: string };
      const { files } = (await done(page, { do: 'checkpoints' })).result as { files: { file: string }[] };
      expect(files.map((entry) => entry.file)).toContain(file);
      await stands(page, ({ checkpoint }) => checkpoint?.file === file);
      await done(page, { do: 'restore', file });
      expect(await page.ask({ do: 'restore', file: '../../etc/passwd' })).toMatchObject({ ok: false });
      expect(await page.ask({ do: 'seek', atS: 0 })).toMatchObject({ ok: false });
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics).toMatch(/^rfsn_page_clients 1$/m);
      for (const what of ['goal at 1.00, 0.50 m', 'told to stand', 'told to go on', 'frozen', 'restored']) {
        expect(written.out + written.err).toContain(what);
      }
    });
  });
});
