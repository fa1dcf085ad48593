import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { DecisionField } from '../../src/memory/layout.js';
import { CommandProcess } from '../sim/loop-process.js';
import { temporaryFolder } from '../support/command-line.js';
import { describeWith } from '../support/languages.js';
import { launchBrowser, missingBrowser, Operator, PATIENCE, TEST_MS } from './browser.js';

/** Cycles from a stop's answer to rest: 2 m/s at 3 m/s² is 35 cycles of 20 ms; jerk and the way there double it. */
const STOP_CYCLES = 100;

vi.setConfig({ testTimeout: TEST_MS, hookTimeout: TEST_MS });

describeWith('the page, of rfsn at work', missingBrowser(), () => {
  const at = temporaryFolder();
  const running: CommandProcess[] = [];
  const operators: Operator[] = [];
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    for (const operator of operators.splice(0)) await operator.close();
    for (const command of running.splice(0)) command.kill();
  });
  afterAll(() => browser?.close());

  async function started(...args: string[]): Promise<{ command: CommandProcess; url: string }> {
    const command = new CommandProcess(...args);
    running.push(command);
    await command.wrote(/page at http:\S+/);
    return { command, url: /page at (http:\S+)/.exec(command.stdout + command.stderr)![1] };
  }

  const sim = (page = '127.0.0.1:0', ...more: string[]) =>
    started('sim', '--preset', 'development', '--scenario', 'open', '--model', at('model'), '--page', page, ...more);

  async function opened(url: string): Promise<Operator> {
    const operator = await Operator.open(browser, url);
    operators.push(operator);
    await operator.shown();
    await vi.waitFor(async () => expect(await operator.status()).not.toBeNull(), PATIENCE);
    return operator;
  }

  const read = async (operator: Operator, field: number) => (await operator.newest()).record[field];

  it('drives to where somebody clicked, and stops when it is told to', async () => {
    const { url } = await sim();
    const operator = await opened(url);
    const { page } = operator;
    // Time stands still, so that no episode ends between the look and the click.
    await page.keyboard.press('p');
    await vi.waitFor(async () => expect((await operator.status()).paused).toBe(true), PATIENCE);
    const goals = await read(operator, DecisionField.goalCount);
    const x = (await read(operator, DecisionField.poseX)) + 1.2;
    const y = await read(operator, DecisionField.poseY);
    await page.keyboard.press('f');
    const place = await operator.placeOf(x, y);
    const [gx, gy] = [x, y];
    await page.keyboard.press('g');
    await page.mouse.click(place.x, place.y);
    await page.keyboard.press('p');
    await vi.waitFor(
      async () => expect(await read(operator, DecisionField.goalCount)).toBeGreaterThan(goals),
      PATIENCE,
    );
    const near = 2 / 40;
    expect(Math.abs((await read(operator, DecisionField.goalX)) - gx)).toBeLessThan(near);
    expect(Math.abs((await read(operator, DecisionField.goalY)) - gy)).toBeLessThan(near);
    let nearest = Number.POSITIVE_INFINITY;
    await vi.waitFor(
      async () => {
        const { record } = await operator.newest();
        nearest = Math.min(nearest, Math.hypot(record[DecisionField.poseX] - gx, record[DecisionField.poseY] - gy));
        expect(nearest).toBeLessThan(0.6);
      },
      { timeout: 120_000, interval: 20 },
    );
    await page.keyboard.press('Escape');
    await vi.waitFor(async () => expect((await operator.status()).halted).toBe(true), PATIENCE);
    const halted = (await operator.newest()).cycle;
    const rest = await vi.waitFor(async () => {
      const { record, cycle } = await operator.newest();
      expect(Math.hypot(record[DecisionField.commandVx], record[DecisionField.commandVy])).toBe(0);
      expect(record[DecisionField.commandYawRate]).toBe(0);
      return cycle;
    }, PATIENCE);
    expect(rest - halted).toBeLessThan(STOP_CYCLES);
    await page.locator('#arm').click();
    await vi.waitFor(async () => expect((await operator.status()).halted).toBe(false), PATIENCE);
    expect(operator.problems).toEqual([]);
  });

  it('shows what the controller decided, cycle for cycle, and why', async () => {
    const { url } = await sim();
    const operator = await opened(url);
    const { page } = operator;
    await page.keyboard.press('d');
    const { record, contributions, cycle } = await vi.waitFor(async () => {
      const explanation = await operator.explanation();
      expect(explanation?.contributions).toBeTruthy();
      return explanation!;
    }, PATIENCE);
    for (let k = 0; k < 8; k++) {
      const sum = contributions!.slice(k * 25, (k + 1) * 25).reduce((total, share) => total + share, 0);
      expect(sum).toBeCloseTo(record[DecisionField.values + k] as number, 6);
    }
    expect(record[DecisionField.cycle]).toBe(cycle);
    // Paused, nothing moves on: the picture, the numbers and the record are of one cycle.
    await page.locator('#pause').click();
    await vi.waitFor(async () => expect((await operator.status()).paused).toBe(true), PATIENCE);
    await vi.waitFor(async () => {
      const newest = await operator.newest();
      expect(newest.drawnCycle).toBe(newest.cycle);
      expect((await operator.text('#now-cycle')).replace(/\D/g, '')).toBe(String(newest.cycle));
      expect((await operator.newest()).cycle).toBe(newest.cycle);
    }, PATIENCE);
    const before = (await operator.newest()).cycle;
    await page.locator('#step').click();
    await vi.waitFor(async () => expect((await operator.newest()).cycle).toBeGreaterThan(before), PATIENCE);
    expect(operator.problems).toEqual([]);
  });

  it('says that the controller is gone, and shows the next one that starts', async () => {
    const { command, url } = await sim();
    const operator = await opened(url);
    const first = (await operator.hello()).run;
    command.signal('SIGTERM');
    await command.ended;
    await vi.waitFor(async () => expect(await operator.text('#banner')).toMatch(/Last seen/), PATIENCE);
    expect(await operator.page.locator('#scene-pane').getAttribute('class')).toContain('stale');
    await sim(new URL(url).host);
    await vi.waitFor(async () => expect((await operator.hello()).run).not.toBe(first), PATIENCE);
    await vi.waitFor(async () => {
      expect(await operator.page.locator('#scene-pane').getAttribute('class')).not.toContain('stale');
    }, PATIENCE);
  });

  it('plays back what a run recorded', async () => {
    const log = at('log');
    const first = new CommandProcess(
      'sim',
      '--headless',
      '--scenario',
      'open',
      '--episodes',
      '3',
      '--model',
      at('m'),
      '--log',
      log,
      '--no-page',
    );
    running.push(first);
    expect(await first.ended).toBe(0);
    const { url } = await started('view', at('log', 'latest.mcap'), '--page', '127.0.0.1:0');
    const operator = await opened(url);
    const { page } = operator;
    const { extent } = await operator.hello();
    const length = extent!.endS - extent!.startS;
    expect(await page.locator('#marks i').count()).toBeGreaterThan(0);
    // It plays when it is opened.
    await page.keyboard.press(' ');
    await vi.waitFor(async () => expect((await operator.status()).paused).toBe(true), PATIENCE);
    await page.locator('#slider').fill(String(length / 2));
    await vi.waitFor(async () => {
      expect(Math.abs((await operator.newest()).atS - extent!.startS - length / 2)).toBeLessThan(0.5);
    }, PATIENCE);
    await vi.waitFor(async () => expect((await operator.newest()).trailPoints).toBeGreaterThan(2), PATIENCE);
    const middle = (await operator.newest()).cycle;
    await page.keyboard.press('.');
    await vi.waitFor(async () => expect((await operator.newest()).cycle).toBe(middle + 1), PATIENCE);
    await page.keyboard.press(',');
    await vi.waitFor(async () => expect((await operator.newest()).cycle).toBe(middle), PATIENCE);
    await page.keyboard.press(' ');
    await vi.waitFor(async () => expect((await operator.newest()).cycle).toBeGreaterThan(middle + 5), PATIENCE);
    expect(operator.problems).toEqual([]);
  });
});
