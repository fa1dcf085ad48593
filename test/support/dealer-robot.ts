import { Dealer } from 'zeromq';
import { decodeControllerMessage, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import type { ControllerMessage, Hello, RobotMessage } from '../../src/io/zeromq/protocol/protocol.js';

/** Keys of a peer, as its socket takes them. */
export interface PeerKeys {
  curveServerKey: string;
  curvePublicKey: string;
  curveSecretKey: string;
}

const BEAMS = 90;

export const dealerHello: Omit<Hello, 't' | 's'> = {
  m: 'hello',
  v: [1],
  name: 'dealer',
  mode: 'free',
  clock: 'real',
  drive: 'differential',
  size: [0.4, 0.4],
  max: [10, 10, 100, 100],
  rate: 50,
  scan: { n: BEAMS, a0: -Math.PI / 2, da: Math.PI / BEAMS, rmin: 0.1, rmax: 10 },
  contacts: false,
};

/**
 * A robot at the other end of a real socket, on a wide plain: it goes as its newest command says, and stops when that has
 * expired. Written against the protocol alone, apart from the project's own robot's side.
 */
export class DealerRobot {
  readonly received: ControllerMessage[] = [];
  /** Velocity along x [m/s]. */
  speed = 0;
  x = 0;
  session = 0;
  readonly #socket: Dealer;
  readonly #hello: Hello;
  readonly #timer: NodeJS.Timeout;
  #until = 0;
  #q = 0;
  #heard = { t: Number.NaN, at: 0 };
  #ticks = 0;

  constructor(endpoint: string, keys: Partial<PeerKeys> = {}, hello: Partial<Hello> = {}, context?: Dealer['context']) {
    this.#socket = new Dealer({
      linger: 0,
      sendTimeout: 0,
      reconnectInterval: 20,
      ...keys,
      ...(context && { context }),
    });
    this.#socket.connect(endpoint);
    this.#hello = { ...dealerHello, ...hello, t: now() };
    void this.#receive();
    this.#timer = setInterval(() => this.#tick(), 20);
  }

  of<M extends ControllerMessage['m']>(m: M): Extract<ControllerMessage, { m: M }>[] {
    return this.received.filter((message): message is Extract<ControllerMessage, { m: M }> => message.m === m);
  }

  send(message: RobotMessage | Uint8Array): void {
    const bytes = message instanceof Uint8Array ? message : encodeMessage(message);
    this.#socket.send(bytes).catch(() => undefined);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #tick(): void {
    const t = now();
    if (t >= this.#until) this.speed = 0;
    this.x += this.speed * 0.02;
    if (this.#ticks++ % 10 === 0) {
      if (this.session === 0) this.send({ ...this.#hello, t });
      else this.send({ m: 'heartbeat', s: this.session, t, ...this.#echo(t) });
    }
    if (this.session === 0) return;
    const ranges = new Uint8Array(new Float32Array(BEAMS).fill(Number.POSITIVE_INFINITY).buffer);
    this.send({
      m: 'sense',
      s: this.session,
      q: ++this.#q,
      t,
      odom: [this.x, 0, 0, this.speed, 0, 0],
      ranges,
      goal: [5, 0, 0.3],
    });
  }

  #echo(t: number): { e?: number; d?: number } {
    return Number.isNaN(this.#heard.t) ? {} : { e: this.#heard.t, d: t - this.#heard.at };
  }

  async #receive(): Promise<void> {
    try {
      for await (const [bytes] of this.#socket) {
        const message = decodeControllerMessage(bytes);
        this.received.push(message);
        if (message.m === 'welcome') this.session = message.s;
        if (message.m === 'heartbeat') this.#heard = { t: message.t, at: now() };
        if (message.m === 'bye' || (message.m === 'error' && message.code === 'session')) this.session = 0;
        if (message.m === 'command') {
          this.speed = message.twist[0];
          this.#until = message.until;
        }
      }
    } catch {
      // The socket was closed.
    }
  }
}

function now(): number {
  return performance.now() / 1e3;
}
