import { chmodSync, writeFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { SPEED_MAX, SPEED_MIN } from '../../sim/sim-port.js';
import type { PageServer, PageServerOptions } from '../../src/dashboard/server.js';
import { encodeFrame } from '../../src/dashboard/wire.js';
import { DECISION_DOUBLES, DecisionField } from '../../src/memory/layout.js';
import { temporaryFolder } from '../support/command-line.js';
import { describeWith } from '../support/languages.js';
import { launchBrowser, missingBrowser, Operator, PATIENCE, TEST_MS } from './browser.js';
import { serve } from './page-rig.js';
import { PERIOD_S, ScriptedSource } from './scripted-source.js';

vi.setConfig({ testTimeout: TEST_MS, hookTimeout: TEST_MS });

describeWith('the page, of a robot that is played', missingBrowser(), () => {
  const at = temporaryFolder();
  let browser: Browser;
  const servers: PageServer[] = [];
  const operators: Operator[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    for (const operator of operators.splice(0)) await operator.close();
    for (const server of servers.splice(0)) await server.close();
  });
  afterAll(() => browser?.close());

  async function started(
    source: ScriptedSource,
    options: Partial<PageServerOptions> = {},
    ...others: ScriptedSource[]
  ) {
    const server = await serve(source, options, ...others);
    servers.push(server);
    return server;
  }

  async function opened(server: PageServer, options = {}): Promise<Operator> {
    const operator = await Operator.open(browser, server.url, options);
    operators.push(operator);
    return operator;
  }

  /** A page with one frame on its screen. */
  async function shown(source = new ScriptedSource('live'), options = {}) {
    source.step();
    const server = await started(source);
    const operator = await opened(server, options);
    await operator.shown();
    await vi.waitFor(async () => expect(await operator.status()).not.toBeNull(), PATIENCE);
    return { source, server, operator, page: operator.page };
  }

  const done = (source: ScriptedSource, order: string) => source.orders.filter((given) => given.do === order);

  it('loads without an error, asks nobody else, and has a policy that lets nothing else in', async () => {
    const { source, server, operator, page } = await shown();
    for (let i = 0; i < 100; i++) source.step();
    source.endEpisode();
    source.notice('something happened');
    await page.keyboard.press('d');
    await vi.waitFor(async () => expect(await page.locator('#contributions tbody tr').count()).toBe(25), PATIENCE);
    await page.keyboard.press('?');
    await vi.waitFor(async () => expect(await page.locator('#help').isVisible()).toBe(true), PATIENCE);
    expect(operator.problems).toEqual([]);
    expect(operator.requests.length).toBeGreaterThan(20);
    expect(operator.requests.every((url) => new URL(url).host === new URL(server.url).host)).toBe(true);
    const policy = (await fetch(server.url)).headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
  });

  it('shows the same cycle in the scene, in the numbers and in what it was sent', async () => {
    const { source, operator, page } = await shown();
    for (let i = 0; i < 40; i++) source.step();
    await vi.waitFor(async () => expect((await operator.newest()).drawnCycle).toBe(41), PATIENCE);
    const { record, robotOnScreen, scanPoints } = await operator.newest();
    const sent = source.frameAt(41);
    expect(record).toEqual([...sent.record]);
    expect(scanPoints).toBe(360);
    expect(await operator.text('#now-cycle')).toBe('41');
    expect(await operator.text('#now-pose')).toBe(
      `${record[DecisionField.poseX].toFixed(2)}, ${record[DecisionField.poseY].toFixed(2)} m  ${((record[DecisionField.poseYaw] * 180) / Math.PI).toFixed(0)}°`,
    );
    // It follows the robot: in the middle, and drawn there.
    const size = await page.locator('#scene').boundingBox();
    expect(robotOnScreen[0]).toBeCloseTo(size!.width / 2, 0);
    expect(robotOnScreen[1]).toBeCloseTo(size!.height / 2, 0);
    await page.keyboard.press('-');
    await page.keyboard.press('-');
    // The goal's dot has the goal's colour where the record says it is.
    const [x, y] = [record[DecisionField.goalX], record[DecisionField.goalY]];
    await vi.waitFor(async () => {
      const pixel = await page.evaluate<number[]>(`(() => {
        const canvas = document.getElementById('scene');
        const [x, y] = window.rfsn.toScreen(${x}, ${y});
        const ratio = canvas.width / canvas.clientWidth;
        return [...canvas.getContext('2d').getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data];
      })()`);
      expect(pixel.slice(0, 3)).toEqual([0x00, 0x79, 0x5a]);
    }, PATIENCE);
  });

  it('takes a goal only after it was asked to, by a click or by keys', async () => {
    const { source, operator, page } = await shown();
    const place = await operator.placeOf(2, 1.5);
    await page.mouse.click(place.x, place.y);
    await page.keyboard.press('g');
    expect(await page.locator('#goal-mode').getAttribute('aria-pressed')).toBe('true');
    await page.mouse.click(place.x, place.y);
    await vi.waitFor(() => expect(done(source, 'goal')).toHaveLength(1), PATIENCE);
    const [{ x, y }] = done(source, 'goal') as { x: number; y: number }[];
    const size = 1 / 60;
    expect(Math.hypot(x - 2, y - 1.5)).toBeLessThan(2 * size);
    expect(await page.locator('#goal-mode').getAttribute('aria-pressed')).toBe('false');
    // One choice, one goal.
    await page.mouse.click(place.x + 30, place.y);
    await page.locator('#goal-mode').click();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await vi.waitFor(() => expect(done(source, 'goal')).toHaveLength(2), PATIENCE);
    const from = source.frameAt(1).record;
    const [, second] = done(source, 'goal') as { x: number; y: number }[];
    expect(second.x).toBeCloseTo(from[DecisionField.poseX] + 1, 6);
    expect(second.y).toBeCloseTo(from[DecisionField.poseY] + 0.1, 6);
    expect(operator.problems).toEqual([]);
  });

  it('stops by its first button, by Escape whatever has the focus, and by Space', async () => {
    const { source, operator, page } = await shown();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.id')).toBe('stop');
    await page.keyboard.press('Enter');
    await vi.waitFor(() => expect(done(source, 'stop')).toHaveLength(1), PATIENCE);
    await page.locator('#arm').click();
    await vi.waitFor(() => expect(done(source, 'arm')).toHaveLength(1), PATIENCE);
    // The button that was clicked last does not take the key.
    await page.keyboard.press(' ');
    await vi.waitFor(() => expect(done(source, 'stop')).toHaveLength(2), PATIENCE);
    expect(done(source, 'arm')).toHaveLength(1);
    await page.locator('#speed').focus();
    await page.keyboard.press('Escape');
    await vi.waitFor(() => expect(done(source, 'stop')).toHaveLength(3), PATIENCE);
    await page.keyboard.press('?');
    await page.keyboard.press('Escape');
    await vi.waitFor(() => expect(done(source, 'stop')).toHaveLength(4), PATIENCE);
    await page.locator('#scene').focus();
    await page.keyboard.press(' ');
    await vi.waitFor(() => expect(done(source, 'stop')).toHaveLength(5), PATIENCE);
    await vi.waitFor(async () => {
      source.step();
      expect(await operator.text('#state')).toContain('stopped');
    }, PATIENCE);
  });

  it('sends a stop that was pressed without a connection as soon as there is one', async () => {
    const { source, server, operator, page } = await shown();
    const { port } = server;
    await server.close();
    await vi.waitFor(async () => expect(await operator.link()).toBe('lost'), PATIENCE);
    await page.keyboard.press('Escape');
    await vi.waitFor(
      async () => expect(await operator.text('#banner')).toContain('STOP has not gone out yet'),
      PATIENCE,
    );
    expect(done(source, 'stop')).toHaveLength(0);
    await started(source, { listen: `127.0.0.1:${port}` });
    await vi.waitFor(() => expect(done(source, 'stop')).toHaveLength(1), PATIENCE);
  });

  it('sends it to the robot that was shown then, and looks at that one again', async () => {
    const source = new ScriptedSource('live');
    const other = new ScriptedSource('live', 'second');
    for (const each of [source, other]) each.step();
    const server = await started(source, {}, other);
    const operator = await opened(server);
    await operator.shown();
    await operator.page.locator('#robot').selectOption('second');
    await vi.waitFor(async () => expect((await operator.hello()).robot.name).toBe('second'), PATIENCE);
    const { port } = server;
    await server.close();
    await vi.waitFor(async () => expect(await operator.link()).toBe('lost'), PATIENCE);
    await operator.page.keyboard.press('Escape');
    await started(source, { listen: `127.0.0.1:${port}` }, other);
    await vi.waitFor(() => expect(done(other, 'stop')).toHaveLength(1), PATIENCE);
    await vi.waitFor(async () => expect((await operator.hello()).robot.name).toBe('second'), PATIENCE);
    expect(done(source, 'stop')).toEqual([]);
    await operator.page.locator('#arm').click();
    await vi.waitFor(() => expect(done(other, 'arm')).toHaveLength(1), PATIENCE);
    expect(done(source, 'arm')).toEqual([]);
  });

  it('says that the controller is gone, greys the scene, and comes back by itself to a new one', async () => {
    const { server, operator, page } = await shown();
    const { port } = server;
    await server.close();
    await vi.waitFor(async () => {
      expect(await operator.text('#banner')).toMatch(
        /^No connection to the controller: .* Last seen \d+ s ago\. Trying/,
      );
    }, PATIENCE);
    expect(await page.locator('#scene-pane').getAttribute('class')).toContain('stale');
    expect(await operator.text('#state')).toContain('connection lost');
    const fresh = new ScriptedSource('live');
    fresh.step();
    await started(fresh, { listen: `127.0.0.1:${port}` });
    await vi.waitFor(async () => expect((await operator.newest()).cycle).toBe(1), PATIENCE);
    for (let i = 0; i < 5; i++) fresh.step();
    await vi.waitFor(async () => {
      fresh.step();
      expect(await page.locator('#scene-pane').getAttribute('class')).not.toContain('stale');
    }, PATIENCE);
  });

  it('says that no decision comes where the connection is there and the controller is not', async () => {
    const { operator } = await shown();
    await vi.waitFor(
      async () => expect(await operator.text('#banner')).toMatch(/^No decision comes\. Last seen/),
      PATIENCE,
    );
    expect(await operator.link()).toBe('open');
  });

  it('lays a decision open: features with units, and contributions that add up to its values', async () => {
    const { source, operator, page } = await shown();
    for (let i = 0; i < 20; i++) source.step();
    await page.locator('#decisions tbody tr:not([hidden]) button').first().click();
    await vi.waitFor(async () => expect(await operator.explanation()).not.toBeNull(), PATIENCE);
    const { cycle, record, contributions } = (await operator.explanation())!;
    expect(await operator.text('#sheet-title')).toBe(`Decision ${cycle}`);
    expect(await page.locator('#contributions tbody tr').count()).toBe(25);
    expect(await operator.text('#contributions tbody tr:nth-child(3) th')).toBe('velocity x');
    expect(await operator.text('#contributions tbody tr:nth-child(3) td:nth-child(2)')).toContain(' m/s');
    const cells = await page.locator('#contributions tfoot td.heat').allInnerTexts();
    for (let k = 0; k < 8; k++) {
      const value = record[DecisionField.values + k] as number;
      const sum = contributions!.slice(k * 25, (k + 1) * 25).reduce((total, share) => total + share, 0);
      expect(sum).toBeCloseTo(value, 9);
      if (Math.abs(value) >= 0.005) expect(Number(cells[k].replace('−', '-'))).toBeCloseTo(value, 1);
    }
    expect(await operator.text('#sheet-note')).toBe('Each column adds up to the value that the policy chose by.');
    // One that was picked stays; let go, it follows.
    for (let i = 0; i < 30; i++) source.step();
    await page.keyboard.press('[');
    await vi.waitFor(async () => expect((await operator.explanation())!.cycle).toBe(cycle - 1), PATIENCE);
    await page.keyboard.press('x');
    await vi.waitFor(async () => {
      source.step();
      expect((await operator.explanation())!.cycle).toBeGreaterThan(cycle + 10);
    }, PATIENCE);
  });

  it('gives every other order, and shows why one is refused', async () => {
    const { source, operator, page } = await shown();
    for (const id of ['pause', 'step', 'freeze', 'save']) {
      await page.locator(`#${id}`).click();
      await vi.waitFor(() => expect(done(source, id)).toHaveLength(1), PATIENCE);
    }
    expect(done(source, 'pause')).toEqual([expect.objectContaining({ paused: true })]);
    await vi.waitFor(async () => expect(await operator.text('#pause')).toBe('Go on'), PATIENCE);
    await page.locator('#speed').selectOption('5');
    await vi.waitFor(() => expect(done(source, 'speed')).toEqual([expect.objectContaining({ speed: 5 })]), PATIENCE);
    const offered = await page.evaluate<number[]>(`[...document.getElementById('speed').options].map((o) => +o.value)`);
    expect([Math.min(...offered), Math.max(...offered)]).toEqual([SPEED_MIN, SPEED_MAX]);
    await page.locator('#restore').click();
    await page.getByRole('button', { name: 'Restore policy-000012.ckpt' }).click();
    await vi.waitFor(() => expect(done(source, 'restore')).toHaveLength(1), PATIENCE);
    source.refusal = 'the disk is full';
    await page.locator('#save').click();
    await vi.waitFor(async () => expect(await operator.text('#notices')).toContain('save: the disk is full'), PATIENCE);
    expect(operator.problems).toEqual([]);
  });

  it('asks for a token, says when one is wrong, and lets a watcher give no orders', async () => {
    const file = at('tokens');
    writeFileSync(file, 'watch looking-on-123456789012345\ncontrol at-the-wheel-123456789012345\n');
    chmodSync(file, 0o600);
    const source = new ScriptedSource('live');
    source.step();
    const server = await started(source, { tokenFile: file });
    const operator = await opened(server);
    const { page } = operator;
    const enter = async (token: string) => {
      await page.locator('#token').fill(token);
      await page.keyboard.press('Enter');
    };
    await vi.waitFor(async () => expect(await page.locator('#token-dialog').isVisible()).toBe(true), PATIENCE);
    expect(await operator.text('#token-words')).toMatch(/^Ask whoever/);
    await enter('not-one-of-them-123456789012345');
    await vi.waitFor(
      async () => expect(await operator.text('#token-words')).toMatch(/^That token opens nothing/),
      PATIENCE,
    );
    await enter('looking-on-123456789012345');
    await operator.shown();
    expect((await operator.hello()).role).toBe('watch');
    expect(await page.locator('#token-dialog').isVisible()).toBe(false);
    await vi.waitFor(async () => expect(await page.locator('#stop').isDisabled()).toBe(true), PATIENCE);
    await page.keyboard.press('g');
    expect(await page.locator('#goal-mode').getAttribute('aria-pressed')).toBe('false');
    // It is kept for the tab, and is in no address.
    await page.reload();
    await operator.shown();
    expect(operator.requests.filter((url) => /looking|not-one|bG9va2|bm90LW9u/.test(url))).toEqual([]);
  });

  it('shows another robot when it is told to', async () => {
    const source = new ScriptedSource('live');
    const other = new ScriptedSource('live', 'second');
    source.step();
    for (let i = 0; i < 7; i++) other.step();
    const server = await started(source, {}, other);
    const operator = await opened(server);
    await operator.shown();
    await operator.page.locator('#robot').selectOption('second');
    await vi.waitFor(async () => expect((await operator.newest())?.cycle).toBe(7), PATIENCE);
    expect((await operator.hello()).robot.name).toBe('second');
  });

  it('scrubs a recording by slider, keys and buttons', async () => {
    const source = new ScriptedSource('recording');
    const { operator, page } = await shown(source);
    await vi.waitFor(async () => expect(await page.locator('#timeline').isVisible()).toBe(true), PATIENCE);
    expect(await page.locator('#stop').isVisible()).toBe(false);
    expect(await page.locator('#marks i').count()).toBe(60);
    await page.locator('#slider').fill('60');
    const middle = Math.round(60 / PERIOD_S);
    await vi.waitFor(async () => expect((await operator.newest()).drawnCycle).toBe(middle), PATIENCE);
    await vi.waitFor(async () => expect((await operator.newest()).trailPoints).toBeGreaterThan(50), PATIENCE);
    expect(await operator.text('#moment')).toBe('1:00.0 / 2:00.0');
    await page.keyboard.press('.');
    await vi.waitFor(async () => expect((await operator.newest()).drawnCycle).toBe(middle + 1), PATIENCE);
    await page.keyboard.press(',');
    await vi.waitFor(async () => expect((await operator.newest()).drawnCycle).toBe(middle), PATIENCE);
    await page.keyboard.press('j');
    await vi.waitFor(async () => expect((await operator.newest()).drawnCycle).toBe(middle - 250), PATIENCE);
    await page.keyboard.press(' ');
    await vi.waitFor(
      () => expect(done(source, 'pause')).toEqual([expect.objectContaining({ paused: false })]),
      PATIENCE,
    );
    await vi.waitFor(async () => expect(await operator.text('#play')).toBe('Pause'), PATIENCE);
    await page.locator('#play-speed').selectOption('10');
    await vi.waitFor(() => expect(done(source, 'speed')).toHaveLength(1), PATIENCE);
    expect(operator.problems).toEqual([]);
  });

  it('loads itself anew for another version of the wire, once, and says so when that does not help', async () => {
    const source = new ScriptedSource('live');
    source.step();
    const server = await started(source);
    const operator = await Operator.open(browser, `${server.url}livez`);
    operators.push(operator);
    const { page } = operator;
    let loads = 0;
    await page.routeWebSocket(/live$/, (socket) => {
      const behind = socket.connectToServer();
      behind.onMessage((message) => {
        const text = String(message);
        socket.send(
          typeof message === 'string' && text.includes('"hello"') ? text.replace(/"wire":\d+/, '"wire":99') : message,
        );
      });
    });
    page.on('load', () => loads++);
    await page.goto(server.url);
    await vi.waitFor(async () => expect(await operator.text('#banner')).toContain('speaks version 99'), PATIENCE);
    // A page that stands there may not have loaded all of itself yet.
    await vi.waitFor(() => expect(loads).toBe(2), PATIENCE);
    expect(await operator.text('#banner')).toContain('speaks version 99');
  });

  it('holds no more after six thousand frames than after fifteen hundred', async () => {
    const source = new ScriptedSource('live');
    source.step();
    const server = await started(source);
    const operator = await Operator.open(browser, `${server.url}livez`);
    operators.push(operator);
    const { page } = operator;
    let give: (bytes: Buffer) => void = () => {};
    await page.routeWebSocket(/live$/, (socket) => {
      socket.connectToServer();
      give = (bytes) => socket.send(bytes);
    });
    await page.goto(server.url);
    await operator.shown();
    const devtools = await page.context().newCDPSession(page);
    /** Of objects that are still held, once it has taken so many frames more [bytes]. */
    const heldAfter = async (frames: number) => {
      for (let i = 0; i < frames; i++) {
        source.cycle++;
        // Each in another place, so that everything that keeps some keeps its most.
        const { atS, record } = source.frameAt(source.cycle);
        give(Buffer.from(encodeFrame({ atS, record, scan: null })));
      }
      await vi.waitFor(async () => expect((await operator.newest()).drawnCycle).toBe(source.cycle), PATIENCE);
      await devtools.send('HeapProfiler.collectGarbage');
      return (await devtools.send('Runtime.getHeapUsage')).usedSize;
    };
    const early = await heldAfter(1500);
    const late = await heldAfter(4500);
    // Half of what the records between the two take.
    expect(late - early).toBeLessThan((4500 * DECISION_DOUBLES * 8) / 2);
    expect((await operator.newest()).trailPoints).toBeLessThanOrEqual(6000);
  });

  it.each([360, 768, 1024, 1920, 2560])('fits %i pixels, in light and dark, with a decision open', async (width) => {
    const { source, operator, page } = await shown(undefined, {
      viewport: { width, height: 800 },
      colorScheme: 'dark',
    });
    for (let i = 0; i < 5; i++) source.step();
    const overflow = () => page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
    expect(await overflow()).toBeLessThanOrEqual(0);
    await page.keyboard.press('d');
    await vi.waitFor(async () => expect(await operator.explanation()).not.toBeNull(), PATIENCE);
    expect(await overflow()).toBeLessThanOrEqual(0);
    for (const id of ['stop', 'arm', 'goal-mode', 'pause', 'freeze', 'scene', 'sheet-close']) {
      expect(await page.locator(`#${id}`).isVisible(), id).toBe(true);
    }
    const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const dark = await ground();
    await page.keyboard.press('t');
    await vi.waitFor(async () => expect(await ground()).not.toBe(dark), PATIENCE);
    expect(operator.problems).toEqual([]);
  });
});
