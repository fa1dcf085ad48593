/** Debian's Chromium with the page in it, and an eye on what it must not do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect, vi } from 'vitest';
import { pageFolder } from '../../src/dashboard/page-files.js';
import type { ExplanationWords, Hello, Status } from '../../src/dashboard/wire.js';

const CHROMIUM = process.env['RFSN_CHROMIUM'] ?? '/usr/bin/chromium';

/** How long anything may take that must come at all; the machine may be busy. */
export const PATIENCE = { timeout: 60_000, interval: 40 };
/** And a whole test [ms]. */
export const TEST_MS = 240_000;

/** What is lacking to open the page; null where nothing is. */
export function missingBrowser(): string | null {
  if (!existsSync(CHROMIUM)) return `there is no ${CHROMIUM}: apt install chromium, or RFSN_CHROMIUM names another`;
  if (!existsSync(join(pageFolder(), 'main.js'))) return 'the page is not built: npm run build';
  return null;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** `window.rfsn`, as far as the tests read it. */
export interface Newest {
  cycle: number;
  drawnCycle: number;
  atS: number;
  record: number[];
  robotOnScreen: [number, number];
  trailPoints: number;
  scanPoints: number;
}

/** One page that somebody looks at. Requests to other hosts are refused, and remembered like every complaint. */
export class Operator {
  /** Errors and warnings of the console, exceptions, foreign requests. */
  readonly problems: string[] = [];
  /** Addresses that were asked for. */
  readonly requests: string[] = [];
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Operator> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const operator = new Operator(await context.newPage());
    const { page, problems, requests } = operator;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('websocket', (socket) => requests.push(socket.url()));
    const { host } = new URL(url);
    await page.route('**/*', (route) => {
      const asked = route.request().url();
      requests.push(asked);
      if (new URL(asked).host === host) return route.continue();
      problems.push(`asked for ${asked}`);
      return route.abort();
    });
    await page.goto(url);
    return operator;
  }

  /** Waits for the first frame on the screen. */
  async shown(): Promise<Newest> {
    // Asked again and again from here: the page's policy lets nobody put a waiting function into it.
    return vi.waitFor(async () => {
      const newest = await this.page.evaluate<Newest | null>('window.rfsn?.newest ?? null');
      expect(newest?.drawnCycle).toBeGreaterThanOrEqual(0);
      return newest!;
    }, PATIENCE);
  }

  newest(): Promise<Newest> {
    return this.page.evaluate<Newest>('window.rfsn.newest');
  }

  status(): Promise<Status> {
    return this.page.evaluate<Status>('window.rfsn.status');
  }

  hello(): Promise<Hello> {
    return this.page.evaluate<Hello>('window.rfsn.hello');
  }

  explanation(): Promise<ExplanationWords | null> {
    return this.page.evaluate<ExplanationWords | null>('window.rfsn.explanation');
  }

  link(): Promise<string> {
    return this.page.evaluate<string>('window.rfsn.link');
  }

  /** Where a place of `odom` [m] lies in the window [px]. */
  async placeOf(x: number, y: number): Promise<{ x: number; y: number }> {
    const [sx, sy] = await this.page.evaluate<[number, number]>(`window.rfsn.toScreen(${x}, ${y})`);
    const box = await this.page.locator('#scene').boundingBox();
    expect(box).not.toBeNull();
    return { x: box!.x + sx, y: box!.y + sy };
  }

  text(selector: string): Promise<string> {
    // biome-ignore lint/performance/useDomNodeTextContent: as it is seen, without what is hidden
    return this.page.locator(selector).innerText();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
