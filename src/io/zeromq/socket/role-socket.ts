/** One of the link's sockets, as it is bound, opened anew after a revocation, and closed. */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Router, XPublisher } from 'zeromq';
import type { KeyPair } from './certificates.js';
import { claimSocketFile, type Endpoint, EndpointError, type Role } from './endpoint.js';
import type { Zeromq } from './library.js';
import { HANDSHAKE_LIMIT_MS, type PeerCount } from './zap.js';

/** What was sent last still goes out for so long after a socket is closed: the last zero command, and bye [ms]. */
const LINGER_MS = 250;
/**
 * A peer whose machine or cable is gone is let go after some four seconds, by TCP itself. Not by heartbeats of ZMTP: where
 * one falls due on a connection that was reset while its input was stopped, for its reader being behind, libzmq 4.3.5 aborts
 * the process (`out_event` of stream_engine_base.cpp asserts that there was no error).
 */
const KEEPALIVE = { tcpKeepalive: 1, tcpKeepaliveIdle: 1, tcpKeepaliveInterval: 1, tcpKeepaliveCount: 3 };
/** What was sent and is not acknowledged for so long ends the connection [ms]. */
const UNACKNOWLEDGED_MS = 4000;
/** Connections that wait to be accepted; whoever finds no room tries again by itself. */
const BACKLOG = 32;
/** The listener before is closed by libzmq's own thread: its port is free a moment later [ms]. */
const REBIND_LIMIT_MS = 5000;
const REBIND_PAUSE_MS = 10;

export interface RoleSocketOptions {
  readonly zeromq: Zeromq;
  readonly context: Context;
  readonly role: Role;
  readonly endpoint: Endpoint;
  /** The parameter that gave the endpoint, for messages. */
  readonly parameter: string;
  /** The server's keys; null: no encryption. */
  readonly keys: KeyPair | null;
  readonly count: PeerCount;
  /** A longer frame is not read, and its sender is cut off. */
  readonly maxMessageBytes: number;
  /** Messages that wait for one slow peer; what comes on top is lost to it. */
  readonly sendHighWaterMark: number;
  /** @param frames the caller's to keep */
  readonly onFrames: (frames: Buffer[]) => void;
  /** All peers were cut off: what they had asked for is void. */
  readonly onCutOff?: () => void;
  readonly onNotice: (text: string) => void;
}

/** A bound ROUTER (drive, administer) or XPUB (watch). `open` comes first. */
export class RoleSocket {
  /** Messages that libzmq would not take. */
  unsent = 0;
  readonly #options: RoleSocketOptions;
  #socket: Router | XPublisher | null = null;
  /** The endpoint as it is bound, with the port that was free. */
  #address = '';
  #listening = false;
  #closing = false;
  #handshakeTold = false;
  /** Under way: opening anew, after which `close` has its turn. */
  #reopening: Promise<void> = Promise.resolve();
  #reading: Promise<void> = Promise.resolve();
  readonly #count = (error: unknown) => {
    this.unsent++;
    if (this.unsent === 1) this.#options.onNotice(`${this.#options.role}: not sent: ${String(error)}`);
  };

  constructor(options: RoleSocketOptions) {
    this.#options = options;
  }

  get address(): string {
    return this.#address;
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** @throws EndpointError where it cannot be bound, and says why */
  async open(): Promise<void> {
    const { endpoint, parameter } = this.#options;
    await claimSocketFile(endpoint, parameter);
    const socket = this.#make();
    try {
      await this.#bind(socket, endpoint.address);
    } catch (error) {
      socket.close();
      throw new EndpointError(`${parameter}: ${bindComplaint(error as NodeJS.ErrnoException, endpoint)}`);
    }
    this.#begin(socket);
  }

  /**
   * Cuts every peer off and listens at the same place again, so that each must shake hands anew. Peers of libzmq do so by
   * themselves. Tried for some seconds; whoever gives up says so by `onNotice`, and `listening` is false.
   */
  reopen(): Promise<void> {
    const { role, onNotice } = this.#options;
    this.#reopening = this.#reopening
      .then(() => this.#reopen())
      .catch((error: unknown) => onNotice(`${role}: cannot listen any more: ${String(error)}`));
    return this.#reopening;
  }

  /**
   * Sends one message. It leaves by libzmq's own thread, or is dropped where its peer is gone or takes nothing.
   *
   * @param frames not to be written to afterwards
   * @returns whether libzmq took it
   * @realtime unsafe
   */
  send(frames: (Uint8Array | string)[]): boolean {
    const socket = this.#socket;
    if (socket === null) return false;
    try {
      // Settled at once, since the socket waits for nothing (sendTimeout 0).
      socket.send(frames).catch(this.#count);
      return true;
    } catch (error) {
      this.#count(error);
      return false;
    }
  }

  /** Stops listening and lets go; what was sent still goes out for a quarter of a second. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#reopening;
    await this.#end();
    const { path } = this.#options.endpoint;
    // libzmq leaves the file of a socket behind.
    if (path !== '' && lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path, { force: true });
  }

  async #reopen(): Promise<void> {
    if (this.#closing || this.#address === '') return;
    const { role, onNotice } = this.#options;
    // What was sent last is void with the connection, and what waits goes at once.
    await this.#end(0);
    this.#options.onCutOff?.();
    const limit = performance.now() + REBIND_LIMIT_MS;
    for (;;) {
      if (this.#closing) return;
      const socket = this.#make();
      try {
        await this.#bind(socket, this.#address);
        this.#begin(socket);
        return;
      } catch (error) {
        socket.close();
        if (performance.now() > limit) {
          onNotice(`${role}: cannot listen at ${this.#address} any more: ${(error as Error).message}`);
          return;
        }
        await sleep(REBIND_PAUSE_MS);
      }
    }
  }

  #make(): Router | XPublisher {
    const { zeromq, context, role, endpoint, keys, count, maxMessageBytes, sendHighWaterMark } = this.#options;
    const options = {
      context,
      zapDomain: role,
      ipv6: endpoint.ipv6,
      linger: LINGER_MS,
      maxMessageSize: maxMessageBytes,
      sendHighWaterMark,
      sendTimeout: 0,
      handshakeInterval: HANDSHAKE_LIMIT_MS,
      backlog: BACKLOG,
      ...KEEPALIVE,
      tcpMaxRetransmitTimeout: UNACKNOWLEDGED_MS,
      ...(keys === null ? {} : { curveServer: true, curveSecretKey: keys.secretKey }),
    };
    // Without `handover`: whoever connects under the routing id of another would silence it for good.
    const socket = role === 'watch' ? new zeromq.XPublisher(options) : new zeromq.Router(options);
    // Told of every subscription and not only of the first to a topic: who comes later gets the newest state too.
    if (socket instanceof zeromq.XPublisher) socket.verbosity = 'allSubs';
    count.reset();
    count.follow(socket, () => this.#handshakeFailed());
    return socket;
  }

  /**
   * A handshake failed before any key was shown. Told once, since whoever has no keys tries again many times a second, and
   * not without keys: what fails there is no client of the link.
   */
  #handshakeFailed(): void {
    const { role, keys, onNotice } = this.#options;
    if (keys === null || this.#handshakeTold) return;
    this.#handshakeTold = true;
    onNotice(`${role}: a connection failed its handshake: a client that has no keys, or another server's`);
  }

  async #bind(socket: Router | XPublisher, address: string): Promise<void> {
    const { path } = this.#options.endpoint;
    if (path === '') return await socket.bind(address);
    // From its first moment on nobody else may connect. Files written meanwhile are the more private for it.
    const mask = process.umask(0o077);
    try {
      await socket.bind(address);
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
  }

  #begin(socket: Router | XPublisher): void {
    this.#socket = socket;
    this.#address = socket.lastEndpoint ?? this.#options.endpoint.address;
    this.#listening = true;
    this.#reading = this.#read(socket);
  }

  async #read(socket: Router | XPublisher): Promise<void> {
    const { role, onFrames, onNotice } = this.#options;
    let told = false;
    try {
      for await (const frames of socket as AsyncIterable<Buffer[]>) {
        try {
          onFrames(frames);
        } catch (error) {
          // A mistake in the program. One message is lost, and neither the link nor another peer with it.
          if (!told) onNotice(`${role}: ${(error as Error).stack ?? String(error)}`);
          told = true;
        }
      }
    } catch (error) {
      if (this.#socket === socket) onNotice(`${role}: no more is read: ${(error as Error).message}`);
    }
    if (this.#socket === socket) this.#listening = false;
  }

  async #end(lingerMs = LINGER_MS): Promise<void> {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    this.#listening = false;
    // The port is let go of first, so that it can be bound again without waiting for what lingers. Here and not by a
    // thread of the library's, since this thread may be reading.
    try {
      socket.unbindSync(this.#address);
    } catch {
      // Closing it lets go of it too.
    }
    socket.linger = lingerMs;
    socket.close();
    await this.#reading;
    this.#options.count.reset();
  }
}

function bindComplaint(error: NodeJS.ErrnoException, endpoint: Endpoint): string {
  const { address } = endpoint;
  switch (error.code) {
    case 'EADDRINUSE':
      return `another process listens at ${address}, or did a moment ago`;
    case 'EACCES':
    case 'EPERM':
      return `this user may not listen at ${address}`;
    case 'EADDRNOTAVAIL':
    case 'ENODEV':
      return `${address} is no address of this machine`;
    default:
      return `cannot listen at ${address}: ${error.message}`;
  }
}
