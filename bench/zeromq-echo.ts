/** What the link is held against: a ROUTER that answers whatever comes with the same few bytes. A process of its own. */
import { Router } from 'zeromq';
import { answerCalls } from './zeromq-part.js';

export interface EchoOptions {
  endpoints: readonly string[];
  /** What it answers. */
  reply: Uint8Array;
}

const routers: Router[] = [];

/** @returns where it can be reached, in the order of `endpoints` */
async function listen({ endpoints, reply }: EchoOptions): Promise<string[]> {
  const bound: string[] = [];
  for (const endpoint of endpoints) {
    const router = new Router({ linger: 0 });
    await router.bind(endpoint);
    routers.push(router);
    bound.push(router.lastEndpoint ?? endpoint);
    void echo(router, Buffer.from(reply));
  }
  return bound;
}

async function echo(router: Router, reply: Buffer): Promise<void> {
  for await (const [peer] of router) await router.send([peer, reply]);
}

answerCalls({ listen }, () => {
  for (const router of routers) router.close();
});
