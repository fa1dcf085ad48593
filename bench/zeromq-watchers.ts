/** Watchers of the telemetry in a process of their own, each with a connection of its own. */
import { Unpackr } from 'msgpackr';
import { Subscriber } from 'zeromq';
import { answerCalls } from './zeromq-part.js';

export interface WatchersOptions {
  endpoint: string;
  count: number;
  /** What every one of them subscribes to. */
  topic: string;
}

export interface Watched {
  /** Messages, over all watchers. */
  received: number;
  /** Gaps in the first watcher's numbering, in messages. */
  lost: number;
}

const unpackr = new Unpackr({ useRecords: false });
const sockets: Subscriber[] = [];
let received = 0;
let lost = 0;

function attach({ endpoint, count, topic }: WatchersOptions): void {
  for (let i = 0; i < count; i++) {
    const socket = new Subscriber({ linger: 0 });
    socket.connect(endpoint);
    socket.subscribe(topic);
    sockets.push(socket);
    void watch(socket, i === 0);
  }
}

async function watch(socket: Subscriber, first: boolean): Promise<void> {
  let before = -1;
  for await (const [, body] of socket) {
    received++;
    if (!first) continue;
    const { q } = unpackr.unpack(body) as { q: number };
    if (before >= 0) lost += q - before - 1;
    before = q;
  }
}

/** Lets go of every connection. @returns what came over them */
function detach(): Watched {
  for (const socket of sockets.splice(0)) socket.close();
  const watched = { received, lost };
  received = 0;
  lost = 0;
  return watched;
}

answerCalls({ attach, detach }, detach);
