/**
 * The link in a process of its own, and peers that do to it what no library does: libzmq ends a process that it finds
 * itself at odds with, so that a peer must not be able to bring that about.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/parameters/presets.js';
import { DealerRobot } from '../support/dealer-robot.js';
import { ZmtpPeer, zmtpFrame } from '../support/zmtp-peer.js';
import type { LinkOrder, LinkReport } from './zeromq-link-process.js';

const left: (() => void)[] = [];
afterEach(() => {
  for (const leave of left.splice(0).reverse()) leave();
});

class LinkProcess {
  readonly #child: ChildProcess;
  ended: string | null = null;
  readonly #over: Promise<null>;
  stderr = '';

  constructor() {
    const root = packageRoot();
    const hooks = pathToFileURL(join(root, 'test/support/typescript-hooks.mjs')).href;
    this.#child = fork(join(root, 'test/interop/zeromq-link-process.ts'), {
      execArgv: ['--import', hooks],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.#over = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.ended = `${signal ?? code}: ${this.stderr}`;
        resolve(null);
      });
    });
    left.push(() => this.#child.kill('SIGKILL'));
  }

  /** @throws where the process has ended */
  async report(order?: LinkOrder): Promise<LinkReport> {
    if (order !== undefined && this.ended === null) this.#child.send(order);
    const answer = once(this.#child, 'message').then(([report]) => report as LinkReport);
    const report = await Promise.race([answer, this.#over]);
    if (report === null) throw new Error(`the link's process has ended: ${this.ended}`);
    return report;
  }

  get pid(): number {
    return this.#child.pid as number;
  }
}

async function startLink(): Promise<{ link: LinkProcess; endpoints: LinkReport['endpoints'] }> {
  const link = new LinkProcess();
  const { endpoints } = await link.report();
  return { link, endpoints };
}

function robotAt(endpoint: string): DealerRobot {
  const robot = new DealerRobot(endpoint);
  left.push(() => robot.close());
  return robot;
}

/** Asks until it is so. The test's own timeout is the bound. */
async function reported(link: LinkProcess, condition: (report: LinkReport) => boolean): Promise<LinkReport> {
  for (;;) {
    const report = await link.report({});
    if (condition(report)) return report;
    await sleep(20);
  }
}

/**
 * libzmq stops reading a connection whose messages nobody takes. What it then has due on that connection after the reset is
 * what may end the process, so that the link is held for longer than heartbeats of libzmq's own would be apart [ms].
 */
const HELD_MS = 1500;
const RESET_AFTER_MS = 300;

async function resetWhileHeld(link: LinkProcess, peers: readonly ZmtpPeer[], block: Buffer): Promise<void> {
  const over = sleep(RESET_AFTER_MS);
  const held = link.report({ holdMs: HELD_MS });
  await Promise.all(peers.map((peer) => peer.flood(block, over)));
  for (const peer of peers) peer.reset();
  await held;
}

/** The robot's session is the only one, and its senses are taken. */
async function goesOn(link: LinkProcess): Promise<void> {
  const { senses } = await link.report({});
  const after = await reported(link, (report) => report.senses > senses + 20);
  expect(after.robots).toEqual(['dealer']);
}

describe('a connection that is reset', () => {
  it('while another has its routing id leaves the link as it was', async () => {
    const { link, endpoints } = await startLink();
    robotAt(endpoints.drive);
    await reported(link, ({ robots }) => robots.length === 1);
    const frame = zmtpFrame(Buffer.alloc(100, 'x'));
    const block = Buffer.concat(Array.from({ length: 400 }, () => frame));
    for (let round = 0; round < 3; round++) {
      const peers = [
        await ZmtpPeer.connect(endpoints.drive, 'DEALER', 'robot'),
        await ZmtpPeer.connect(endpoints.drive, 'DEALER', 'robot'),
      ];
      // Both are heard of before the link stands still.
      for (const peer of peers) peer.socket.write(frame);
      await link.report({});
      await resetWhileHeld(link, peers, block);
      await goesOn(link);
    }
  });

  it('in the middle of a flood, with a hundred others, leaves the link and a robot’s session as they were', async () => {
    const { link, endpoints } = await startLink();
    const robot = robotAt(endpoints.drive);
    await reported(link, ({ robots }) => robots.length === 1);
    const block = Buffer.concat(Array.from({ length: 400 }, () => zmtpFrame(Buffer.alloc(60, 'x'))));
    for (let round = 0; round < 2; round++) {
      const peers = await Promise.all(Array.from({ length: 100 }, () => ZmtpPeer.connect(endpoints.drive)));
      // With the link reading, and then with it held.
      const over = sleep(500);
      await Promise.all(peers.map((peer) => peer.flood(block, over)));
      for (const peer of peers.splice(0, 50)) peer.reset();
      await resetWhileHeld(link, peers, block);
      await goesOn(link);
    }
    expect(robot.of('error').filter(({ code }) => code === 'rate')).toEqual([]);
  });
});
