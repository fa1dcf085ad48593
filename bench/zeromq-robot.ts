/** The robot that measures: says hello, sends recorded senses and reads commands, and does as little else as it can. */
import { Unpackr } from 'msgpackr';
import { Dealer } from 'zeromq';
import { jackal } from '../sim/index.js';
import { encodeMessage } from '../src/io/zeromq/protocol/codec.js';
import type { Command, ControllerMessage, Hello, Mode, Welcome } from '../src/io/zeromq/protocol/protocol.js';
import { sleep } from './controlled.js';
import { timer } from './measure.js';
import type { SenseWriter } from './zeromq-senses.js';

/** How long a controller may take to welcome it [ms]. */
const WELCOME_BOUND_MS = 20_000;
const NS_PER_S = 1e9;

const unpackr = new Unpackr({ useRecords: false });

/** What came, as it stands there: the measuring side trusts the other. */
export function read(bytes: Uint8Array): ControllerMessage {
  return unpackr.unpack(bytes) as ControllerMessage;
}

export interface MeasuringRobotOptions {
  endpoint: string;
  name: string;
  mode: Mode;
  /** Senses a second [Hz]. */
  rate: number;
  senses: SenseWriter;
}

export class MeasuringRobot {
  readonly socket = new Dealer({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
  readonly #options: MeasuringRobotOptions;
  #session = 0;
  /** Of the newest sense. */
  sequence = 0;
  #stampS = 0;

  constructor(options: MeasuringRobotOptions) {
    this.#options = options;
    this.socket.connect(options.endpoint);
  }

  /** @throws where it is refused, with the controller's reason */
  async greet(): Promise<Welcome> {
    const { name, mode, rate } = this.#options;
    const { laser } = jackal;
    const hello: Hello = {
      m: 'hello',
      v: [1],
      name,
      mode,
      // Readings are dated by their arrival; stamps advance by a period each, however fast they are sent.
      clock: 'simulated',
      drive: jackal.drive,
      size: [jackal.length, jackal.width],
      max: [jackal.maxSpeed, jackal.maxYawRate, jackal.maxAcceleration, jackal.maxYawAcceleration],
      rate,
      scan: {
        n: laser.beams,
        a0: -laser.fieldOfView / 2,
        da: laser.fieldOfView / (laser.beams - 1),
        rmin: laser.rangeMin,
        rmax: laser.rangeMax,
      },
      contacts: true,
      t: timer.nowNs() / NS_PER_S,
    };
    await this.socket.send(encodeMessage(hello));
    this.socket.receiveTimeout = WELCOME_BOUND_MS;
    try {
      for (;;) {
        const [bytes] = await this.socket.receive();
        const message = read(bytes);
        if (message.m === 'refused') {
          if (message.retry === 0) throw new Error(`${name} was refused: ${message.code}: ${message.reason}`);
          // What it learned in its session before is still being saved.
          await sleep(message.retry * 1e3);
          await this.socket.send(encodeMessage({ ...hello, t: timer.nowNs() / NS_PER_S }));
        }
        if (message.m !== 'welcome') continue;
        this.#session = message.s;
        return message;
      }
    } finally {
      this.socket.receiveTimeout = -1;
    }
  }

  /** The next sense, for the socket. */
  sense(): Buffer {
    this.#stampS += 1 / this.#options.rate;
    return this.#options.senses.next(this.#session, ++this.sequence, this.#stampS);
  }

  /** Whether these bytes are the command that answers the newest sense. @throws where the controller found fault */
  answers(bytes: Uint8Array): boolean {
    const command = this.command(bytes);
    return command !== null && command.q === this.sequence;
  }

  /** Null where the bytes are another message. @throws where the controller found fault with one of the robot's */
  command(bytes: Uint8Array): Command | null {
    const message = read(bytes);
    if (message.m === 'error') throw new Error(`${this.#options.name}: ${message.code}: ${message.reason}`);
    if (message.m === 'bye')
      throw new Error(`${this.#options.name}: the controller ended the session: ${message.reason}`);
    return message.m === 'command' ? message : null;
  }

  /** Ends the session; the connection stays. */
  async leave(): Promise<void> {
    await this.socket.send(encodeMessage({ m: 'bye', s: this.#session, reason: 'measured' }));
  }

  close(): void {
    this.socket.close();
  }
}
