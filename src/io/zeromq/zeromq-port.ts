/**
 * The ZeroMQ link as a port: robots that know nothing of ROS drive through it, watchers see what is decided, and
 * administrators ask for this and that (docs/zeromq-protocol.md). Main thread.
 *
 * `ZeromqWatch` is the link without the robots, beside a robot that is driven through another port.
 */
import { join } from 'node:path';
import type { Context } from 'zeromq';
import { ParameterError } from '../../parameters/parameter-error.js';
import type { ParameterValues } from '../../parameters/schema.js';
import type { CommandSource, ObservationSink, Port, PortHealth } from '../port.js';
import { LocalController } from './local-controller.js';
import { LinkCounters } from './session/link-counters.js';
import { RobotSessions, type SessionChange } from './session/robot-sessions.js';
import type { Administration, RobotExpectation, SessionController } from './session/session-controller.js';
import type { SessionStatus } from './session/session-status.js';
import { CertificateError, readSecretCertificate, SECRET_SUFFIX, SERVER_NAME } from './socket/certificates.js';
import { parseEndpoint, ROLES, type Role, requireKeys } from './socket/endpoint.js';
import { type Endpoints, LinkServer } from './socket/link-server.js';
import type { RequestCounters } from './socket/request-channel.js';
import type { TelemetryPublisher } from './socket/telemetry-publisher.js';
import type { ZapHandler } from './socket/zap.js';

/** What robots are told when the port is stopped. */
const ENDING = 'the controller is ending';

export interface ZeromqWatchOptions {
  readonly parameters: ParameterValues;
  /** Answers requests; absent: the administer socket is not opened. */
  readonly administration?: Administration;
  /** A ZeroMQ context of the caller's, in which nobody else answers ZAP; absent: one of its own. */
  readonly context?: Context;
  /** Told, in a sentence, what a person should know. */
  readonly onNotice?: (text: string) => void;
}

export interface ZeromqPortOptions extends ZeromqWatchOptions {
  /** One for each robot that can be driven at once; absent: one is made of what `start` is given. */
  readonly controllers?: readonly SessionController[];
  readonly expectation: RobotExpectation;
}

/** Figures of the sockets themselves. */
export interface LinkTraffic {
  /** Peers that have shaken hands. */
  readonly peers: Readonly<Record<Role, number>>;
  /** Handshakes refused, by reason. */
  readonly refused: ZapHandler['refused'];
  /** Handshakes that failed, whatever the reason, by socket. */
  readonly failedHandshakes: Readonly<Record<Role, number>>;
  /** Messages that libzmq would not take. */
  readonly unsent: number;
  /** Times that a folder of keys could not be read, and its list stayed as it was. */
  readonly failedKeyReadings: number;
  /** Times that something of the link's own threw that runs by a timer. */
  readonly faults: number;
  /** Sockets that were opened and listen no more. */
  readonly deaf: readonly Role[];
}

function trafficOf(server: LinkServer): LinkTraffic {
  const { peers, failedHandshakes, unsent, failedKeyReadings, faults, deaf } = server;
  return { peers, refused: server.zap.refused, failedHandshakes, unsent, failedKeyReadings, faults, deaf };
}

/**
 * Looks whether the link could be opened with these parameters, as far as that shows without opening it: what is refused
 * here has cost neither a load nor a thread. Whether an endpoint is free shows only when it is bound.
 *
 * @throws ParameterError where an endpoint is none, keys are missing, or the server's cannot be read
 * @realtime unsafe
 */
export function checkLink(parameters: ParameterValues): void {
  const keysDir = parameters['zeromq.keys_dir'];
  for (const role of ROLES) {
    const parameter = `zeromq.${role}_endpoint` as const;
    if (parameters[parameter] !== '') requireKeys(parseEndpoint(parameters[parameter], parameter), parameter, keysDir);
  }
  if (keysDir === '') return;
  try {
    readSecretCertificate(join(keysDir, SERVER_NAME + SECRET_SUFFIX));
  } catch (error) {
    throw error instanceof CertificateError ? new ParameterError('zeromq.keys_dir', error.message) : error;
  }
}

/** Telemetry and requests beside any port. `start` and `stop` are called once each. */
export class ZeromqWatch {
  readonly #server: LinkServer;
  #starting: Promise<void> = Promise.resolve();
  #started = false;
  #stopping: Promise<void> | null = null;

  constructor({ parameters, administration, context, onNotice = () => {} }: ZeromqWatchOptions) {
    this.#server = new LinkServer({ parameters, administration, context, onNotice });
  }

  /** May be told things at any time; they are published from `start` to `stop`. */
  get telemetry(): TelemetryPublisher {
    return this.#server.telemetry;
  }

  /** As really bound; `drive` is empty. */
  get endpoints(): Endpoints {
    return this.#server.endpoints;
  }

  get traffic(): LinkTraffic {
    return trafficOf(this.#server);
  }

  /** Null where there is no administration. */
  get requests(): RequestCounters | null {
    return this.#server.requests?.counters ?? null;
  }

  /** @throws ParameterError, ZeromqMissingError, EndpointError, CertificateError */
  async start(): Promise<void> {
    this.#starting = this.#server.open();
    await this.#starting;
    this.#started = true;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    // What could not be opened is closed already.
    await this.#starting.catch(() => undefined);
    await this.#server.close();
  }

  health(): PortHealth {
    return healthOf(this.#server, this.#started, this.#stopping !== null, '');
  }
}

/** The whole link. */
export class ZeromqPort implements Port {
  readonly name = 'zeromq';
  readonly #options: ZeromqPortOptions;
  readonly #server: LinkServer;
  readonly #listeners: ((change: SessionChange) => void)[] = [];
  readonly #noCounters = new LinkCounters();
  #robots: RobotSessions | null = null;
  #local: LocalController | null = null;
  #starting: Promise<void> = Promise.resolve();
  #started = false;
  #stopping: Promise<void> | null = null;

  constructor(options: ZeromqPortOptions) {
    this.#options = options;
    const { parameters, administration, context, onNotice = () => {} } = options;
    this.#server = new LinkServer({
      ...{ parameters, administration, context, onNotice },
      onDrive: (peer, frames) => this.#robots?.receive(peer, frames),
      onTick: () => {
        this.#local?.poll();
        this.#robots?.tick();
      },
      onTurn: () => this.#robots?.endTurn(),
    });
  }

  /** May be told things at any time; they are published from `start` to `stop`. */
  get telemetry(): TelemetryPublisher {
    return this.#server.telemetry;
  }

  /** As really bound: with the port that was free, where it was left open. */
  get endpoints(): Endpoints {
    return this.#server.endpoints;
  }

  /** The robots that are driven, as they are now. */
  get sessions(): readonly SessionStatus[] {
    return this.#robots?.sessions ?? [];
  }

  get counters(): LinkCounters {
    return this.#robots?.counters ?? this.#noCounters;
  }

  get traffic(): LinkTraffic {
    return trafficOf(this.#server);
  }

  /** Null where there is no administration. */
  get requests(): RequestCounters | null {
    return this.#server.requests?.counters ?? null;
  }

  /** The robot that the controller drives, or saves, or begins with; null where there is none. */
  robotOf(index: number): string | null {
    return this.#robots?.robotOf(index) ?? null;
  }

  /** Calls `listener` when a session begins, goes on or ends, and when a robot is refused. Before `start`. */
  onChange(listener: (change: SessionChange) => void): void {
    this.#listeners.push(listener);
  }

  /** From here on every robot that comes is refused, with this reason; those that are here stay. */
  refuse(reason: string): void {
    this.#robots?.refuse(reason);
  }

  /**
   * Listens. Robots come and go from here on.
   *
   * @param sink and `commands` are used where no controllers were given
   * @throws ParameterError, ZeromqMissingError, EndpointError, CertificateError
   */
  async start(sink: ObservationSink, commands: CommandSource): Promise<void> {
    const { parameters, expectation, onNotice = () => {} } = this.#options;
    let { controllers } = this.#options;
    if (controllers === undefined) {
      this.#local = new LocalController(sink, commands);
      controllers = [this.#local];
    }
    const clock = controllers[0];
    const robots = new RobotSessions({
      ...{ controllers, expectation, parameters },
      send: (peer, bytes) => this.#server.sendToRobot(peer, bytes),
      nowNs: () => clock.nowNs(),
      askTurn: () => this.#server.askTurn(),
      onFault: (error) => onNotice(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
    for (const listener of this.#listeners) robots.onChange(listener);
    this.#robots = robots;
    this.#starting = this.#server.open();
    await this.#starting;
    this.#started = true;
  }

  /** Tells every robot to stand and that the session is over, then lets go of everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  health(): PortHealth {
    const robots = `${this.sessions.length} of ${counted(this.#options.controllers?.length ?? 1, 'robot')}, `;
    return healthOf(this.#server, this.#started, this.#stopping !== null, robots);
  }

  async #end(): Promise<void> {
    // What could not be opened is closed already.
    await this.#starting.catch(() => undefined);
    await this.#robots?.close(ENDING);
    this.#local = null;
    await this.#server.close();
  }
}

function healthOf(server: LinkServer, started: boolean, stopped: boolean, robots: string): PortHealth {
  if (stopped) return { ok: false, detail: 'the ZeroMQ link is stopped' };
  if (!started) return { ok: false, detail: 'the ZeroMQ link has not been started' };
  const { deaf, peers } = server;
  if (deaf.length > 0) return { ok: false, detail: `the ZeroMQ link listens no more for ${deaf.join(', ')}` };
  const { watch, administer } = peers;
  return { ok: true, detail: `${robots}${counted(watch, 'watcher')}, ${counted(administer, 'administrator')}` };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
