// Pictures of the page at three widths, in light and dark, with and without a decision open, to be looked at:
//   node scripts/page-screenshots.mjs http://127.0.0.1:8600/ FOLDER [WIDTH …]
// RFSN_CHROMIUM names another browser than Debian's.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [url, folder, ...widths] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('usage: node scripts/page-screenshots.mjs URL FOLDER [WIDTH …]\n');
  process.exit(2);
}
const HEIGHTS = { 360: 780, 1024: 768, 1920: 1080 };
/** How long the page is looked at before the picture is taken, so that there is something to see [ms]. */
const SETTLE_MS = 2500;

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.RFSN_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
for (const width of widths.length > 0 ? widths.map(Number) : Object.keys(HEIGHTS).map(Number)) {
  for (const colorScheme of ['light', 'dark']) {
    const viewport = { width, height: HEIGHTS[width] ?? Math.round(width * 0.5625) };
    const page = await browser.newPage({ viewport, colorScheme, deviceScaleFactor: width < 720 ? 2 : 1 });
    page.on('console', (message) => process.stderr.write(`${message.type()}: ${message.text()}\n`));
    page.on('pageerror', (error) => process.stderr.write(`${error.stack}\n`));
    await page.goto(url);
    await page.waitForTimeout(SETTLE_MS);
    const take = async (name) => {
      const path = join(folder, `${width}-${colorScheme}${name}.png`);
      await page.screenshot({ path, fullPage: width < 720 && name === '' });
      process.stdout.write(`${path}\n`);
    };
    await take('');
    await page.keyboard.press('d');
    await page.waitForTimeout(SETTLE_MS / 2);
    await page.locator('#sheet').scrollIntoViewIfNeeded();
    await take('-decision');
    const { frames } = await page.evaluate(() => ({ frames: window.rfsn.frames }));
    process.stdout.write(
      `  ${frames.perSecond.toFixed(0)} pictures a second, script ${frames.medianMs.toFixed(1)} ms (95 %: ${frames.p95Ms.toFixed(1)} ms)\n`,
    );
    await page.close();
  }
}
await browser.close();
