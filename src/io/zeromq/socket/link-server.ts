/**
 * The sockets of the link with what stands behind each: keys and who is let in, telemetry, requests. Main thread. Robots
 * are somebody else's: the drive socket is opened where there is a taker for what they send.
 */
import { join } from 'node:path';
import type { Context, Reply } from 'zeromq';
import { ParameterError } from '../../../parameters/parameter-error.js';
import type { ParameterValues } from '../../../parameters/schema.js';
import type { Administration } from '../session/session-controller.js';
import { AllowList } from './allow-list.js';
import { type KeyPair, readSecretCertificate, requireSafeFolder, SECRET_SUFFIX, SERVER_NAME } from './certificates.js';
import { type Endpoint, EndpointError, parseEndpoint, ROLES, type Role, requireKeys } from './endpoint.js';
import { loadZeromq, type Zeromq } from './library.js';
import { RequestChannel } from './request-channel.js';
import { RoleSocket } from './role-socket.js';
import { TelemetryPublisher } from './telemetry-publisher.js';
import { LATER, PeerCount, shareOfKey, ZapHandler } from './zap.js';

/** Sessions, telemetry and commands are looked after so often [ms]. */
export const TICK_MS = 10;
/** Keys that come and go are noticed so often [ms]. */
const KEYS_PERIOD_MS = 1000;
/** A key that is not known has its role's folder looked at again, but not more often than that [ms]. */
const KEYS_AGAIN_MS = 1000;
/** Commands that wait for one robot: older ones would be of no use to it. */
const DRIVE_HIGH_WATER_MARK = 64;
const ADMINISTER_HIGH_WATER_MARK = 64;
/** A subscription has some 80 bytes, and CURVE's longest handshake command, with its metadata, some 600. */
const WATCH_MESSAGE_BYTES = 1024;
/** What CURVE adds to a frame: command name, nonce, authenticator and flags, 33 bytes, rounded up. */
const CURVE_OVERHEAD_BYTES = 64;
/** No frame may be so short that CURVE's own handshake would not pass. */
const LEAST_MESSAGE_BYTES = 1024;

export interface LinkServerOptions {
  readonly parameters: ParameterValues;
  /** Answers requests; absent: no administer socket. */
  readonly administration?: Administration | undefined;
  /** A context of the caller's, in which nobody else answers ZAP; absent: one of its own. */
  readonly context?: Context | undefined;
  /** Told what a person should know: keys that are ignored, peers that are refused, sockets that fail. */
  readonly onNotice: (text: string) => void;
  /** Takes what robots send, routing id first; absent: no drive socket. */
  readonly onDrive?: (peer: Buffer, frames: Buffer[]) => void;
  /** Called every `TICK_MS`. */
  readonly onTick?: () => void;
  /** Called at the end of a turn of the event loop for which `askTurn` asked. */
  readonly onTurn?: () => void;
  /** Any monotonic clock, by which strangers' keys are looked up [ms]. */
  readonly nowMs?: () => number;
}

export type Endpoints = Readonly<Record<Role, string>>;

export class LinkServer {
  readonly telemetry: TelemetryPublisher;
  /** Requests by outcome; null where there is no administration. */
  readonly requests: RequestChannel | null;
  readonly zap: ZapHandler;
  /** Times that something of the link's own threw that runs by a timer. */
  faults = 0;
  readonly #options: LinkServerOptions;
  readonly #counts: Readonly<Record<Role, PeerCount>> = {
    drive: new PeerCount(),
    watch: new PeerCount(),
    administer: new PeerCount(),
  };
  readonly #sockets: Partial<Record<Role, RoleSocket>> = {};
  readonly #lists: Partial<Record<Role, AllowList>> = {};
  #zapSocket: Reply | null = null;
  #zapServing: Promise<void> = Promise.resolve();
  #ticks: NodeJS.Timeout | undefined;
  #keyChecks: NodeJS.Timeout | undefined;
  /** The end of this turn of the event loop, where somebody asked for it. */
  #turn: NodeJS.Immediate | null = null;
  #closed = false;
  /** Faults that have been told. */
  readonly #toldFaults = new Set<string>();
  /** When a key that is not known last had a folder looked at. */
  #strangerMs = Number.NEGATIVE_INFINITY;
  readonly #nowMs: () => number;
  readonly #endTurn = () => {
    this.#turn = null;
    this.#guarded('turn', () => this.#options.onTurn?.());
  };

  constructor(options: LinkServerOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    const { parameters, administration, onNotice } = options;
    this.zap = new ZapHandler(onNotice);
    this.telemetry = new TelemetryPublisher({
      send: (topic, bytes) => this.#sockets.watch?.send([topic, bytes]) ?? false,
      onFlood: () => {
        onNotice('watch: too many subscriptions; every watcher is cut off and may come again');
        void this.#sockets.watch?.reopen();
      },
    });
    this.requests =
      administration === undefined
        ? null
        : new RequestChannel({
            administration,
            maxPeers: parameters['zeromq.max_peers'],
            ratePerS: parameters['zeromq.peer_rate'],
            maxMessageBytes: parameters['zeromq.max_message_bytes'],
            nowNs: () => performance.now() * 1e6,
            send: (peer, frames) => this.#sockets.administer?.send([peer, ...frames]),
          });
  }

  /** Where it listens, as really bound; empty where it does not. */
  get endpoints(): Endpoints {
    return {
      drive: this.#sockets.drive?.address ?? '',
      watch: this.#sockets.watch?.address ?? '',
      administer: this.#sockets.administer?.address ?? '',
    };
  }

  /** Peers that have shaken hands, by socket. */
  get peers(): Readonly<Record<Role, number>> {
    const { drive, watch, administer } = this.#counts;
    return { drive: drive.peers, watch: watch.peers, administer: administer.peers };
  }

  /** Handshakes that failed, those that ZAP refused among them, by socket. */
  get failedHandshakes(): Readonly<Record<Role, number>> {
    const { drive, watch, administer } = this.#counts;
    return { drive: drive.failed, watch: watch.failed, administer: administer.failed };
  }

  /** Messages that libzmq would not take. */
  get unsent(): number {
    let unsent = 0;
    for (const role of ROLES) unsent += this.#sockets[role]?.unsent ?? 0;
    return unsent;
  }

  /** Times that a folder of keys could not be read, and its list stayed as it was. */
  get failedKeyReadings(): number {
    let failed = 0;
    for (const role of ROLES) failed += this.#lists[role]?.failedReadings ?? 0;
    return failed;
  }

  /** Sockets that were opened and listen no more. */
  get deaf(): Role[] {
    return ROLES.filter((role) => this.#sockets[role]?.listening === false);
  }

  /**
   * Loads the library, reads the keys and listens.
   *
   * @throws ParameterError, ZeromqMissingError, EndpointError, CertificateError; nothing is left open then
   */
  async open(): Promise<void> {
    const { parameters, onTick } = this.#options;
    const endpoints = this.#readEndpoints();
    const keysDir = parameters['zeromq.keys_dir'];
    const keys = keysDir === '' ? null : this.#readKeys(keysDir, [...endpoints.keys()]);
    const zeromq = await loadZeromq();
    const context = this.#options.context ?? new zeromq.Context();
    try {
      await this.#openZap(zeromq, context);
      for (const [role, endpoint] of endpoints) await this.#openRole(zeromq, context, role, endpoint, keys);
    } catch (error) {
      await this.close();
      throw error;
    }
    const tick = () => {
      onTick?.();
      this.telemetry.tick(performance.now());
    };
    this.#ticks = setInterval(() => this.#guarded('tick', tick), TICK_MS);
    const read = () => this.#readListsAgain();
    if (keys !== null) this.#keyChecks = setInterval(() => this.#guarded('keys', read), KEYS_PERIOD_MS);
  }

  /** @param bytes not to be written to afterwards. @realtime unsafe */
  sendToRobot(peer: Buffer, bytes: Uint8Array): void {
    this.#sockets.drive?.send([peer, bytes]);
  }

  /** Has `onTurn` called when this turn of the event loop is over, before it sleeps. @realtime unsafe */
  askTurn(): void {
    if (this.#closed) return;
    this.#turn ??= setImmediate(this.#endTurn);
  }

  /** Waits for requests that have begun, then lets go of everything; what was sent still goes out for a moment. */
  async close(): Promise<void> {
    clearInterval(this.#ticks);
    clearInterval(this.#keyChecks);
    await this.requests?.close();
    this.#closed = true;
    if (this.#turn !== null) clearImmediate(this.#turn);
    for (const role of ROLES) await this.#sockets[role]?.close();
    const zap = this.#zapSocket;
    this.#zapSocket = null;
    zap?.close();
    await this.#zapServing;
  }

  /** Runs what a timer calls: a fault there must not end the process. Counted, and told once for each of them. */
  #guarded(name: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.faults++;
      if (this.#toldFaults.has(name)) return;
      this.#toldFaults.add(name);
      try {
        this.#options.onNotice(`the link's ${name} failed, and is tried again: ${(error as Error).message}`);
      } catch {
        // Whoever listens has a fault of its own; this one is counted.
      }
    }
  }

  #readEndpoints(): Map<Role, Endpoint> {
    const { parameters, onDrive, administration } = this.#options;
    const keysDir = parameters['zeromq.keys_dir'];
    const endpoints = new Map<Role, Endpoint>();
    for (const role of ROLES) {
      if (role === 'drive' && onDrive === undefined) continue;
      if (role === 'administer' && administration === undefined) continue;
      const parameter = endpointParameter(role);
      const text = parameters[parameter];
      if (text === '') continue;
      const endpoint = parseEndpoint(text, parameter);
      requireKeys(endpoint, parameter, keysDir);
      for (const [other, { address }] of endpoints) {
        if (address !== endpoint.address || address.endsWith(':*')) continue;
        throw new ParameterError(parameter, `${text} is ${endpointParameter(other)} too: each needs its own`);
      }
      endpoints.set(role, endpoint);
    }
    return endpoints;
  }

  #readKeys(folder: string, roles: readonly Role[]): KeyPair {
    requireSafeFolder(folder);
    const keys = readSecretCertificate(join(folder, SERVER_NAME + SECRET_SUFFIX));
    for (const role of roles) {
      this.#lists[role] = new AllowList(join(folder, role), (text) => this.#options.onNotice(`${role}: ${text}`));
    }
    return keys;
  }

  async #openZap(zeromq: Zeromq, context: Context): Promise<void> {
    const socket = new zeromq.Reply({ context, linger: 0 });
    this.#zapSocket = socket;
    try {
      await socket.bind('inproc://zeromq.zap.01');
    } catch (error) {
      throw new EndpointError('another part of this program answers ZAP in the context that was given', {
        cause: error,
      });
    }
    this.#zapServing = this.zap.serve(socket).catch((error: unknown) => {
      // Without it nobody new is let in; whoever is connected stays.
      if (this.#zapSocket !== null) this.#options.onNotice(`nobody new can connect: ${String(error)}`);
    });
  }

  async #openRole(zeromq: Zeromq, context: Context, role: Role, endpoint: Endpoint, keys: KeyPair | null) {
    const { parameters, onNotice } = this.#options;
    const count = this.#counts[role];
    this.zap.domain(role, {
      mechanism: keys === null ? 'NULL' : 'CURVE',
      allow: (key) => this.#nameOf(role, key),
      count,
      maxPeers: parameters['zeromq.max_peers'],
      share: shareOfKey(role, parameters['zeromq.max_peers']),
    });
    const longest = Math.max(parameters['zeromq.max_message_bytes'], LEAST_MESSAGE_BYTES);
    const socket = new RoleSocket({
      ...{ zeromq, context, role, endpoint, keys, count, onNotice },
      parameter: endpointParameter(role),
      maxMessageBytes: role === 'watch' ? WATCH_MESSAGE_BYTES : longest + (keys === null ? 0 : CURVE_OVERHEAD_BYTES),
      sendHighWaterMark:
        role === 'watch'
          ? parameters['zeromq.high_water_mark']
          : role === 'drive'
            ? DRIVE_HIGH_WATER_MARK
            : ADMINISTER_HIGH_WATER_MARK,
      onFrames: this.#takerOf(role),
      onCutOff: () => {
        if (role === 'watch') this.telemetry.forgetSubscriptions();
      },
    });
    await socket.open();
    this.#sockets[role] = socket;
  }

  #takerOf(role: Role): (frames: Buffer[]) => void {
    if (role === 'watch') return (frames) => this.telemetry.receive(frames);
    if (role === 'administer') return (frames) => this.requests?.receive(frames.shift() as Buffer, frames);
    const take = this.#options.onDrive;
    return (frames) => take?.(frames.shift() as Buffer, frames);
  }

  #nameOf(role: Role, key: Uint8Array): string | null | typeof LATER {
    const list = this.#lists[role];
    if (list === undefined) return null;
    const name = list.nameOf(key);
    if (name !== null) return name;
    // Perhaps it has just been added: a peer that is told no does not try again. But a stranger may ask a thousand times a
    // second, and a reading opens each key's file on the thread that robots wait for.
    const now = this.#nowMs();
    if (now - this.#strangerMs < KEYS_AGAIN_MS) return LATER;
    this.#strangerMs = now;
    if (!list.folderChanged) return null;
    this.#readListsAgain([role]);
    return list.nameOf(key) ?? (list.stale ? LATER : null);
  }

  #readListsAgain(roles: readonly Role[] = ROLES): void {
    for (const role of roles) {
      const revoked = this.#lists[role]?.reload() ?? [];
      if (revoked.length === 0) continue;
      this.#options.onNotice(
        `${role}: ${revoked.join(', ')} may connect no longer; every peer of this socket has to shake hands again`,
      );
      void this.#sockets[role]?.reopen();
    }
  }
}

function endpointParameter(role: Role) {
  return `zeromq.${role}_endpoint` as const;
}
