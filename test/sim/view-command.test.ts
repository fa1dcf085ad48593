import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/program.js';
import type { ExplanationWords } from '../../src/dashboard/wire.js';
import { ACTION_COUNT, DecisionField, EXPLAINED } from '../../src/memory/layout.js';
import { captureOutput, temporaryFolder } from '../support/command-line.js';
import { PageSocket } from '../support/page-rig.js';

const at = temporaryFolder();
const written = captureOutput();

/** Drives a simulated robot for an episode and writes a log of it. */
async function logged(folder: string, ...more: string[]): Promise<void> {
  const drive = ['sim', '--headless', '--episodes', '1', '--seed', '5', '--model', at('models'), '--json'];
  expect(await run([...drive, '--log', at(folder), ...more])).toBe(0);
}

/** `rfsn view` with a page on it, until the body is done. */
async function viewing(args: readonly string[], body: (page: PageSocket) => Promise<void>): Promise<number> {
  const ended = run(['view', ...args, '--page', '127.0.0.1:0']);
  await expect.poll(() => written.out, { timeout: 20_000 }).toMatch(/page at http:\/\/127\.0\.0\.1:\d+\/\n/);
  const page = new PageSocket(Number(/:(\d+)\/\n/.exec(written.out)?.[1]), {});
  await page.settled;
  try {
    await body(page);
  } finally {
    process.emit('SIGINT');
  }
  expect((await page.closed).code).toBe(1001);
  return ended;
}

describe('rfsn view', () => {
  it('shows the newest log of a folder, goes where it is told, and explains any decision, until Ctrl-C', async () => {
    await logged('runs');
    const code = await viewing([at('runs')], async (page) => {
      const { hello } = page;
      expect(hello).toMatchObject({ role: 'control', robot: { kind: 'recording', scene: 'clutter', paced: true } });
      await page.until(() => (hello?.episodes.length ?? 0) + page.of('episode').length === 1);
      const startS = hello?.extent?.startS ?? Number.NaN;
      await page.ask({ do: 'pause', paused: true });
      await page.ask({ do: 'seek', atS: startS + 2 });
      const { record, scan } = await page.until(() => page.frames.find(({ atS }) => Math.abs(atS - startS - 2) < 0.05));
      expect(scan).not.toBeNull();
      const cycle = record[DecisionField.cycle];
      for (const asked of [cycle, cycle + 20, cycle - 20]) {
        const { ok, text, result } = await page.ask({ do: 'explain', cycle: asked });
        expect([ok, text]).toEqual([true, '']);
        const { record: opened, contributions } = result as ExplanationWords;
        for (let action = 0; action < ACTION_COUNT; action++) {
          const parts = contributions?.slice(action * EXPLAINED, (action + 1) * EXPLAINED) ?? [];
          const sum = parts.reduce((total, part) => total + part, 0);
          expect(sum).toBeCloseTo(opened[DecisionField.values + action] as number, 4);
        }
      }
      expect(await page.ask({ do: 'stop' })).toMatchObject({ ok: false, text: /recording/ });
    });
    expect(code).toBe(0);
  });

  it('shows several, each by a name of its own', async () => {
    await logged('first');
    await logged('second');
    await viewing([at('first'), at('second'), at('first')], async (page) => {
      const [first, second, third] = page.hello?.robots ?? [];
      expect(new Set([first, second, third]).size).toBe(3);
      await page.ask({ do: 'show', robot: third });
      expect(page.hello?.robot.name).toBe(third);
    });
  });

  it.each([
    [['none.mcap'], /none\.mcap/, 1],
    [[], /missing required argument/, 2],
  ])('of %j says what is wrong', async (args, complaint, code) => {
    expect(await run(['view', ...args])).toBe(code);
    expect(written.err).toMatch(complaint);
  });

  it('is refused where others reach it and no token is asked for', async () => {
    await logged('runs');
    expect(await run(['view', at('runs'), '--page', '0.0.0.0:0'])).toBe(2);
    expect(written.err).toMatch(/--page 0\.0\.0\.0:0 can be reached from other machines.* look at the recording/);
  });
});
