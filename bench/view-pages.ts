/** Pages without a browser, in a process of their own: each takes every frame that it is sent; and a scraper of metrics. */
import { createRequire } from 'node:module';
import type { WebSocket as Socket } from 'ws';
import { WIRE_PATH, WIRE_PROTOCOL } from '../src/dashboard/wire.js';
import { answerCalls } from './zeromq-part.js';

const require = createRequire(import.meta.url);
/** The one that the server's is part of. */
const { WebSocket } = createRequire(require.resolve('@fastify/websocket'))('ws') as typeof import('ws');

export interface PagesOptions {
  url: string;
  count: number;
  scrapeMs: number;
}

export interface Paged {
  /** Over all pages. */
  frames: number;
  bytes: number;
  scrapes: number;
  /** Of the newest scrape. */
  scrapeBytes: number;
}

let sockets: Socket[] = [];
let scraping: NodeJS.Timeout | null = null;
let failure = '';
let counts: Paged = { frames: 0, bytes: 0, scrapes: 0, scrapeBytes: 0 };

/** Resolves when each page has had its first frame. */
async function attach({ url, count, scrapeMs }: PagesOptions): Promise<void> {
  counts = { frames: 0, bytes: 0, scrapes: 0, scrapeBytes: 0 };
  failure = '';
  const address = `${url.replace('http', 'ws').replace(/\/$/, '')}${WIRE_PATH}`;
  sockets = Array.from({ length: count }, () => new WebSocket(address, [WIRE_PROTOCOL]));
  await Promise.all(sockets.map(watch));
  scraping = setInterval(() => void scrape(url), scrapeMs);
  await scrape(url);
}

function watch(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', (code) => {
      failure ||= `a page was closed with ${code}`;
      reject(new Error(failure));
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) return;
      counts.frames++;
      counts.bytes += data.length;
      resolve();
    });
  });
}

async function scrape(url: string): Promise<void> {
  try {
    const text = await (await fetch(`${url}metrics`)).text();
    counts.scrapes++;
    counts.scrapeBytes = text.length;
  } catch (error) {
    failure ||= `metrics could not be scraped: ${(error as Error).message}`;
  }
}

/** Lets go of every connection. @returns what came over them. @throws what went wrong meanwhile */
function detach(): Paged {
  if (scraping !== null) clearInterval(scraping);
  scraping = null;
  for (const socket of sockets.splice(0)) {
    socket.removeAllListeners('close');
    socket.close();
  }
  if (failure !== '') throw new Error(failure);
  return counts;
}

answerCalls({ attach, detach }, () => {
  for (const socket of sockets) socket.terminate();
});
