import { decodeControllerMessage, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import type {
  Bye,
  Command,
  ControllerMessage,
  Hello,
  LinkError,
  Refused,
  RobotMessage,
  Sense,
  Welcome,
} from '../../src/io/zeromq/protocol/protocol.js';
import { expectationOf } from '../../src/io/zeromq/session/expectation.js';
import { RobotSessions, type SessionChange } from '../../src/io/zeromq/session/robot-sessions.js';
import type { SessionController } from '../../src/io/zeromq/session/session-controller.js';
import { defaultParameters, type ParameterValues } from '../../src/parameters/schema.js';
import { PlayedController } from './played-controller.js';

/** How often the table is ticked while time passes [ns]. */
const TICK_NS = 20e6;
export const BEAMS = 8;

export function rangesOf(metres: number): Uint8Array {
  return new Uint8Array(new Float32Array(BEAMS).fill(metres).buffer);
}

/** A robot that the default parameters describe. */
export function helloOf(name: string, t: number, changes: Partial<Hello> = {}): Hello {
  const p = defaultParameters();
  return {
    m: 'hello',
    v: [1],
    name,
    mode: 'lockstep',
    clock: 'simulated',
    drive: p['robot.drive'],
    size: [p['robot.length'], p['robot.width']],
    max: [p['robot.max_speed'], p['robot.max_yaw_rate'], p['robot.max_acceleration'], p['robot.max_yaw_acceleration']],
    rate: p.controller_frequency,
    scan: { n: BEAMS, a0: -3, da: 0.75, rmin: 0.1, rmax: 30 },
    contacts: false,
    t,
    ...changes,
  };
}

/** A table of sessions on a virtual clock, and who talks to it. */
export class SessionRig<C extends SessionController = PlayedController> {
  /** [ns] */
  nowNs = 1e9;
  readonly controllers: C[];
  readonly table: RobotSessions;
  readonly changes: SessionChange[] = [];
  readonly faults: unknown[] = [];
  readonly parameters: ParameterValues;
  /** Whether turns of the event loop end by themselves, after every frame; else by `endTurn`. */
  turnsEnd = true;
  /** Whether the table asks for the end of this turn. */
  turnAsked = false;
  readonly #inboxes = new Map<string, Uint8Array[]>();

  constructor(
    options: {
      seats?: number;
      parameters?: Partial<ParameterValues>;
      make?: (nowNs: () => number) => C;
      send?: (peer: Buffer, bytes: Uint8Array) => void;
      random?: () => number;
    } = {},
  ) {
    const now = () => this.nowNs;
    const make = options.make ?? ((nowNs: () => number) => new PlayedController(nowNs) as unknown as C);
    this.parameters = { ...defaultParameters(), ...options.parameters };
    this.controllers = Array.from({ length: options.seats ?? 1 }, () => make(now));
    this.table = new RobotSessions({
      controllers: this.controllers,
      expectation: expectationOf(this.parameters),
      parameters: this.parameters,
      send: options.send ?? ((peer, bytes) => this.inbox(peer).push(bytes)),
      nowNs: now,
      askTurn: () => {
        this.turnAsked = true;
      },
      onFault: (error) => this.faults.push(error),
      ...(options.random === undefined ? {} : { random: options.random }),
    });
    this.table.onChange((change) => this.changes.push(change));
  }

  get controller(): C {
    return this.controllers[0];
  }

  /** One frame of a peer, and then the turns of the event loop that the table asks for. */
  receive(peer: Buffer, frames: readonly Uint8Array[]): void {
    this.table.receive(peer, frames);
    if (this.turnsEnd) this.endTurns();
  }

  /** Those that the table asks for, until it asks for no more. */
  endTurns(): void {
    while (this.turnAsked) this.endTurn();
  }

  endTurn(): void {
    this.turnAsked = false;
    this.table.endTurn();
  }

  /** What was sent to a peer and not taken yet. */
  inbox(peer: Buffer): Uint8Array[] {
    const key = peer.toString('latin1');
    const inbox = this.#inboxes.get(key) ?? [];
    this.#inboxes.set(key, inbox);
    return inbox;
  }

  /** Lets time pass, ticking. */
  async pass(seconds: number): Promise<void> {
    const endNs = this.nowNs + seconds * 1e9;
    while (this.nowNs < endNs) {
      this.nowNs = Math.min(endNs, this.nowNs + TICK_NS);
      this.table.tick();
    }
    await settle();
  }

  robot(name: string, changes: Partial<Hello> = {}): RigRobot {
    return new RigRobot(this as unknown as SessionRig, name, changes);
  }
}

/** Lets promises that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

let connections = 0;

/** A robot's side of the link, without a clock of its own unless it is given one. */
export class RigRobot {
  readonly name: string;
  /** Its routing id; another after `reconnect`. */
  peer: Buffer;
  session = 0;
  q = 0;
  /** Its clock minus the controller's [s]. */
  offsetS = 100;
  readonly #rig: SessionRig;
  readonly #changes: Partial<Hello>;

  constructor(rig: SessionRig, name: string, changes: Partial<Hello>) {
    this.#rig = rig;
    this.name = name;
    this.#changes = changes;
    this.peer = routingId();
  }

  get t(): number {
    return this.#rig.nowNs / 1e9 + this.offsetS;
  }

  reconnect(): void {
    this.peer = routingId();
  }

  send(message: RobotMessage): void {
    this.raw(encodeMessage(message));
  }
  raw(...frames: Uint8Array[]): void {
    this.#rig.receive(this.peer, frames);
  }

  /** Everything sent to it since it last looked. */
  take(): ControllerMessage[] {
    return this.#rig.inbox(this.peer).splice(0).map(decodeControllerMessage);
  }
  taken<M extends ControllerMessage['m']>(m: M): Extract<ControllerMessage, { m: M }>[] {
    return this.take().filter((message) => message.m === m) as Extract<ControllerMessage, { m: M }>[];
  }
  commands(): Command[] {
    return this.taken('command');
  }
  errors(): LinkError[] {
    return this.taken('error');
  }
  refusals(): Refused[] {
    return this.taken('refused');
  }
  byes(): Bye[] {
    return this.taken('bye');
  }

  /** Says hello, and takes the welcome. */
  async hello(changes: Partial<Hello> = {}): Promise<Welcome | undefined> {
    this.send(helloOf(this.name, this.t, { ...this.#changes, ...changes }));
    await settle();
    const inbox = this.#rig.inbox(this.peer);
    const i = inbox.findIndex((bytes) => decodeControllerMessage(bytes).m === 'welcome');
    if (i < 0) return undefined;
    const welcome = decodeControllerMessage(inbox.splice(i, 1)[0]) as Welcome;
    this.session = welcome.s;
    return welcome;
  }

  /** A sense with odometry and ranges, a millisecond later. */
  sense(changes: { readonly [K in keyof Sense]?: Sense[K] | undefined } = {}): void {
    this.#rig.nowNs += 1e6;
    const sense = {
      m: 'sense',
      s: this.session,
      q: ++this.q,
      t: this.t,
      odom: [0, 0, 0, 0, 0, 0],
      ranges: rangesOf(5),
      ...changes,
    };
    this.send(sense as Sense);
  }
}

function routingId(): Buffer {
  const id = Buffer.alloc(5);
  id.writeUInt32BE(++connections, 1);
  return id;
}
