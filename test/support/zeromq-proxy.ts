/**
 * A bad line between robots and a controller, in a process of its own: ROUTER to the robots, and a DEALER for each robot
 * to the controller, so that whole messages are lost, doubled, held up and overtaken, never halves of them. What happens
 * to which message follows from a seed.
 *
 *   node --import test/support/typescript-hooks.mjs test/support/zeromq-proxy.ts CONTROLLER SEED
 *
 * Told what to do over Node's own channel between processes: `ProxyOrder` in, `ProxyReport` out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { unpack } from 'msgpackr';
import { Context, Dealer, Router } from 'zeromq';

export type Way = 'up' | 'down';

export interface LineRules {
  /** Share of messages lost. */
  loss?: number;
  /** Share of messages that come twice. */
  duplicates?: number;
  /** Share of messages held up, so that those behind them overtake. */
  held?: number;
  /** The longest that one is held up [ms]. */
  holdMs?: number;
}

export interface ProxyOrder {
  rules?: LineRules;
  /** `silent`: connections stand and nothing passes. `closed`: connections are gone too. `open`: all passes again. */
  line?: 'open' | 'silent' | 'closed';
  /** Cuts the line right after the first message of that kind has passed that way. */
  cutAfter?: { way: Way; m: string; line: 'silent' | 'closed' };
  report?: boolean;
}

export interface ProxyReport {
  endpoint: string;
  /** Messages by what became of them, as `up sense passed`. */
  counts: Record<string, number>;
  line: 'open' | 'silent' | 'closed';
}

const MAX_ROBOTS = 64;
const [controllerEndpoint, seed] = process.argv.slice(2);

/** mulberry32 (Tommy Ettinger). */
let state = Number(seed) >>> 0;
function random(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const context = new Context();
const counts: Record<string, number> = {};
const dealers = new Map<string, Dealer>();
let front: Router | null = null;
let endpoint = 'tcp://127.0.0.1:*';
let rules: LineRules = {};
let line: 'open' | 'silent' | 'closed' = 'open';
let cutAfter: ProxyOrder['cutAfter'];

function count(way: Way, bytes: Buffer, what: string): void {
  let m = '?';
  try {
    m = String(unpack(bytes).m);
  } catch {
    // Counted as what it is.
  }
  const key = `${way} ${m} ${what}`;
  counts[key] = (counts[key] ?? 0) + 1;
  if (what !== 'passed' || cutAfter === undefined || cutAfter.way !== way || cutAfter.m !== m) return;
  const { line: cut } = cutAfter;
  cutAfter = undefined;
  // The message itself goes out before the line is gone.
  setTimeout(() => void setLine(cut), 5);
  line = 'silent';
}

/** Sends a message on as the rules have it: not at all, once or twice, now or later. */
function pass(way: Way, bytes: Buffer, send: () => Promise<void>): void {
  if (line !== 'open') {
    count(way, bytes, 'cut');
    return;
  }
  if (random() < (rules.loss ?? 0)) {
    count(way, bytes, 'lost');
    return;
  }
  const copies = random() < (rules.duplicates ?? 0) ? 2 : 1;
  for (let copy = 0; copy < copies; copy++) {
    const delayMs = random() < (rules.held ?? 0) ? (rules.holdMs ?? 0) * random() : 0;
    const go = () => {
      if (line !== 'open') {
        count(way, bytes, 'cut');
        return;
      }
      send().catch(() => undefined);
      count(way, bytes, copy > 0 ? 'doubled' : delayMs > 0 ? 'held' : 'passed');
    };
    if (delayMs === 0) go();
    else setTimeout(go, delayMs);
  }
}

function dealerOf(id: Buffer): Dealer {
  const key = id.toString('hex');
  const known = dealers.get(key);
  if (known !== undefined) return known;
  if (dealers.size >= MAX_ROBOTS) throw new Error('more robots than a test has');
  const dealer = new Dealer({ context, linger: 0 });
  dealer.connect(controllerEndpoint);
  dealers.set(key, dealer);
  void (async () => {
    for await (const frames of dealer) {
      const bytes = frames[0];
      pass('down', bytes, async () => front?.send([id, ...frames]));
    }
  })().catch(() => undefined);
  return dealer;
}

async function open(): Promise<void> {
  const router = new Router({ context, linger: 0 });
  for (let tries = 0; ; tries++) {
    try {
      await router.bind(endpoint);
      break;
    } catch (error) {
      // The address of the socket just closed is free a moment later.
      if (tries === 200) throw error;
      await sleep(20);
    }
  }
  endpoint = router.lastEndpoint as string;
  front = router;
  void (async () => {
    for await (const [id, ...frames] of router) {
      if (line !== 'open') {
        count('up', frames[0], 'cut');
        continue;
      }
      const dealer = dealerOf(id);
      pass('up', frames[0], () => dealer.send(frames));
    }
  })().catch(() => undefined);
}

async function setLine(next: typeof line): Promise<void> {
  line = next;
  if (next === 'closed') {
    front?.close();
    front = null;
    for (const dealer of dealers.values()) dealer.close();
    dealers.clear();
  }
  if (next === 'open' && front === null) await open();
}

function report(): void {
  process.send?.({ endpoint, counts, line } satisfies ProxyReport);
}

let orders = Promise.resolve();
process.on('message', (order: ProxyOrder) => {
  orders = orders.then(async () => {
    rules = order.rules ?? rules;
    cutAfter = order.cutAfter ?? cutAfter;
    if (order.line !== undefined) await setLine(order.line);
    if (order.report) report();
  });
});
process.on('disconnect', () => process.exit());
await open();
report();
