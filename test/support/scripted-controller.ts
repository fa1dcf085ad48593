import { Packr, unpack } from 'msgpackr';
import { Context, Router } from 'zeromq';

export type Fields = Record<string, unknown> & { m: string };

export interface Received {
  peer: Buffer;
  bytes: Buffer;
  message: Fields;
}

// Not the codec of src: whole floats go out as integers here, as many encoders do it, and nothing is checked.
const packr = new Packr({ useRecords: false, variableMapSize: true });

/** The controller's end of the link as a test wants it: says nothing but what the test says. */
export class ScriptedController {
  readonly endpoint: string;
  readonly received: Received[] = [];
  /** Called for each message as it comes, before `next` hands it out. */
  onMessage: (received: Received) => void = () => undefined;
  readonly #context: Context;
  readonly #router: Router;
  readonly #waiting: { m: string; resolve: (received: Received) => void }[] = [];
  readonly #unread: Received[] = [];
  #sending: Promise<void> = Promise.resolve();
  #closing = false;

  static async listen(endpoint = 'tcp://127.0.0.1:*'): Promise<ScriptedController> {
    const context = new Context();
    const router = new Router({ context, linger: 0, mandatory: false });
    await router.bind(endpoint);
    return new ScriptedController(context, router);
  }

  private constructor(context: Context, router: Router) {
    this.#context = context;
    this.#router = router;
    this.endpoint = router.lastEndpoint as string;
    void this.#receive();
  }

  /** The next message called `m` that was not handed out yet; all before it are dropped. */
  next(m: string): Promise<Received> {
    const index = this.#unread.findIndex(({ message }) => message.m === m);
    if (index >= 0) return Promise.resolve(this.#unread.splice(0, index + 1).at(-1) as Received);
    this.#unread.length = 0;
    return new Promise((resolve) => this.#waiting.push({ m, resolve }));
  }

  /** Sends messages, or frames as they are, in the order of the calls. What is said once it is being closed goes nowhere. */
  send(peer: Buffer, ...frames: (Fields | Uint8Array)[]): Promise<void> {
    if (this.#closing) return this.#sending;
    const bytes = frames.map((frame) => (frame instanceof Uint8Array ? frame : packr.pack(frame)));
    this.#sending = this.#sending.then(() => this.#router.send([peer, ...bytes]));
    return this.#sending;
  }

  async close(): Promise<void> {
    // A robot may still be heard meanwhile, and answered by the test.
    this.#closing = true;
    await this.#sending;
    this.#router.close();
    this.#context.blocky = false;
  }

  async #receive(): Promise<void> {
    for await (const [peer, bytes] of this.#router) {
      const received: Received = { peer, bytes, message: unpack(bytes) };
      this.received.push(received);
      this.onMessage(received);
      const index = this.#waiting.findIndex(({ m }) => m === received.message.m);
      if (index >= 0) this.#waiting.splice(index, 1)[0].resolve(received);
      else if (this.#waiting.length === 0) this.#unread.push(received);
    }
  }
}

/** A welcome that lasts through a test. */
export function welcome(s: number, fields: Record<string, unknown> = {}): Fields {
  return {
    m: 'welcome',
    v: 1,
    s,
    resumed: false,
    t: 1000,
    period: 0.02,
    expiry: 0.25,
    timeout: 60,
    heartbeat: 20,
    max: [2, 4, 20, 25],
    policy: 'scripted',
    updates: 0,
    ...fields,
  };
}

/** The command that answers a sense: straight on at `vx`, until `expiry` after its stamp. */
export function command(sense: Fields, vx: number, fields: Record<string, unknown> = {}): Fields {
  const { s, q, t } = sense;
  return { m: 'command', s, q, t, n: 1, twist: [vx, 0, 0], until: (t as number) + 0.25, why: 0, ...fields };
}
