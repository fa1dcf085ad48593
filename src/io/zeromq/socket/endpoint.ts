/**
 * Where the sockets of the link listen: `tcp://ADDRESS:PORT` or `ipc://PATH`, and nothing else that libzmq knows.
 *
 * Whether an address is the loopback's is judged on the very text that is bound: names of interfaces become their
 * addresses here, so that libzmq resolves nothing that was not looked at.
 */
import { lstatSync } from 'node:fs';
import { connect, isIPv6 } from 'node:net';
import { dirname, resolve } from 'node:path';
import { hostAddress, isLoopback } from '../../../parameters/listen-address.js';
import { ParameterError } from '../../../parameters/parameter-error.js';

/** The sockets of the link, each a role of its own: a peer that may connect to one may not to another. */
export const ROLES = ['drive', 'watch', 'administer'] as const;
export type Role = (typeof ROLES)[number];

/** sun_path of sockaddr_un holds so many bytes on Linux, the final zero included; libzmq says only "file name too long". */
const SOCKET_PATH_BYTES = 108;

export interface Endpoint {
  readonly transport: 'tcp' | 'ipc';
  /** As it is given to libzmq. */
  readonly address: string;
  /** tcp: no other machine can reach it. ipc: always. */
  readonly local: boolean;
  /** tcp: the address is one of IPv6, which a socket must be told before it is bound. */
  readonly ipv6: boolean;
  /** ipc: the file, absolute; otherwise empty. */
  readonly path: string;
}

/** An endpoint that is one and cannot be used now. The message names the parameter. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
}

const ALLOWED = 'Allowed: tcp://ADDRESS:PORT, such as tcp://127.0.0.1:7471, or ipc://PATH';

/**
 * Reads an endpoint to bind to. ADDRESS is an IPv4 or (in brackets) IPv6 address, `*` for all of IPv4, `localhost`, or the
 * name of an interface; PORT a number, or `*` for one that is free.
 *
 * @param parameter whose value it is, for the message
 * @throws ParameterError
 * @realtime unsafe
 */
export function parseEndpoint(text: string, parameter: string): Endpoint {
  const refuse = (complaint: string): never => {
    throw new ParameterError(parameter, `${JSON.stringify(text)} ${complaint}. ${ALLOWED}`);
  };
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/s.exec(text) ?? refuse('is no endpoint');
  // Whatever it is quoted in, no endpoint has these; libzmq would cut it at the first zero.
  if (/[\p{Cc}\s]/u.test(rest)) refuse('holds white space or control characters');
  if (scheme === 'ipc') {
    if (rest === '' || rest.startsWith('@') || rest === '*') refuse('names no file');
    const path = resolve(rest);
    const bytes = Buffer.byteLength(path) + 1;
    if (bytes > SOCKET_PATH_BYTES) {
      refuse(`is too long: the path of a socket may have ${SOCKET_PATH_BYTES - 1} bytes, this one has ${bytes - 1}`);
    }
    return { transport: 'ipc', address: `ipc://${path}`, local: true, ipv6: false, path };
  }
  if (scheme !== 'tcp') refuse(`asks for "${scheme}"`);
  const colon = rest.lastIndexOf(':');
  if (colon < 1) refuse('names no port');
  const portText = rest.slice(colon + 1);
  const port = portText === '*' ? 0 : /^\d{1,5}$/.test(portText) ? Number(portText) : -1;
  if (port < 0 || port > 65_535) refuse(`has no port from 0 to 65535 at its end`);
  const host = hostAddress(rest.slice(0, colon), refuse);
  const ipv6 = isIPv6(host);
  return {
    transport: 'tcp',
    address: `tcp://${ipv6 ? `[${host}]` : host}:${port === 0 ? '*' : port}`,
    local: isLoopback(host),
    ipv6,
    path: '',
  };
}

/**
 * Refuses an endpoint that other machines can reach where there are no keys: whoever reaches it could drive the robot.
 *
 * @throws ParameterError with the command that makes keys
 * @realtime unsafe
 */
export function requireKeys(endpoint: Endpoint, parameter: string, keysDir: string): void {
  if (endpoint.local || keysDir !== '') return;
  throw new ParameterError(
    parameter,
    `${endpoint.address} can be reached from other machines, and without keys anyone there could use it. ` +
      'Make keys with `rfsn keys init DIR` and `rfsn keys add DIR drive NAME`, and give them with ' +
      '--set zeromq.keys_dir=DIR; or listen on 127.0.0.1',
  );
}

/**
 * Clears the way for an ipc socket: a file that a process which has ended left behind may be bound over, one at which
 * somebody answers may not. libzmq itself would take the place of a living one without a word.
 *
 * @throws EndpointError
 * @realtime unsafe
 */
export async function claimSocketFile(endpoint: Endpoint, parameter: string): Promise<void> {
  if (endpoint.transport !== 'ipc') return;
  const { path } = endpoint;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    if (lstatSync(dirname(path), { throwIfNoEntry: false }) === undefined) {
      throw new EndpointError(`${parameter}: there is no folder ${dirname(path)} for the socket ${path}`);
    }
    return;
  }
  if (!stat.isSocket()) {
    throw new EndpointError(`${parameter}: ${path} exists and is no socket; it is left as it is`);
  }
  if (await somebodyListens(path)) {
    throw new EndpointError(`${parameter}: another process listens at ${endpoint.address}`);
  }
}

function somebodyListens(path: string): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(path);
    const end = (listens: boolean) => {
      socket.destroy();
      answer(listens);
    };
    socket.once('connect', () => end(true));
    // Refused: nobody is there. Not allowed, or no room to wait: somebody may well be.
    socket.once('error', (error) => end((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'));
  });
}
