/**
 * Who may look, and who may give orders. Without a token file everybody who reaches the address may do both, so the
 * address must be the loopback's. Tokens come in a header or in the WebSocket's subprotocols, never in a URL, and appear
 * in no message.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { exposed, readGuarded, tamperable } from '../parameters/guarded-file.js';
import { hostAddress, isLoopback } from '../parameters/listen-address.js';
import { ParameterError } from '../parameters/parameter-error.js';
import { type Role, WIRE_PROTOCOL } from './wire.js';

const LISTEN = 'dashboard.listen';
const TOKEN_FILE = 'dashboard.token_file';
const HOSTS = 'dashboard.hosts';
const MAX_TOKEN_FILE_BYTES = 65_536;
/** Short enough to type, too long to guess: 22 characters of base64 are 128 bits. */
const MIN_TOKEN_CHARACTERS = 22;
const MAX_TOKEN_CHARACTERS = 512;
const MAX_TOKENS = 256;
/** Of the subprotocol that carries a token. */
const TOKEN_PREFIX = 'token.';

/** Where to listen. */
export interface ListenAddress {
  /** A number, without brackets. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** No other machine can reach it. */
  readonly local: boolean;
}

/**
 * Reads `host:port`.
 *
 * @param host as `hostAddress` takes it
 * @throws ParameterError
 * @realtime unsafe
 */
export function parseListen(text: string, parameter = LISTEN): ListenAddress {
  const refuse = (complaint: string): never => {
    throw new ParameterError(
      parameter,
      `${JSON.stringify(text)} ${complaint}. Allowed: ADDRESS:PORT, such as 127.0.0.1:8600`,
    );
  };
  const [, hostText, portText] = /^([^\s/@]+):(\d{1,5})$/.exec(text) ?? refuse('is no address with a port');
  const port = Number(portText);
  if (port > 65_535) refuse('has no port from 0 to 65535 at its end');
  const host = hostAddress(hostText, refuse);
  return { host, port, local: isLoopback(host) };
}

export interface AccessOptions {
  readonly address: ListenAddress;
  /** Empty: nobody is asked for a token. */
  readonly tokenFile: string;
  /** Names by which browsers may ask, with or without a port, beside the addresses. */
  readonly hosts: readonly string[];
}

/** What a handshake amounts to. */
export type Admission = { readonly role: Role } | { readonly refused: 'missing' | 'unknown' };

export class Access {
  /** Requests for a host that is not served, from an origin that is not the page's, and without a token that is known. */
  readonly refused = { host: 0, origin: 0, token: 0 };
  readonly #tokens: readonly { readonly role: Role; readonly digest: Buffer }[] | null;
  readonly #hosts: ReadonlySet<string>;

  /** Reads the tokens. @throws ParameterError, with what is wrong and never what the file holds */
  constructor(options: AccessOptions) {
    const { address, tokenFile, hosts } = options;
    if (tokenFile === '' && !address.local) {
      throw new ParameterError(
        LISTEN,
        `${address.host} can be reached from other machines, and without tokens anyone there could drive the robot. ` +
          `Make one with \`(umask 077; echo "control $(openssl rand -hex 24)" > FILE)\` and name the file in ${TOKEN_FILE} (--set ${TOKEN_FILE}=FILE; ROS 2: -p ${TOKEN_FILE}:=FILE; rfsn view: --token-file FILE); ` +
          'or listen on 127.0.0.1 and come through `ssh -L`',
      );
    }
    this.#tokens = tokenFile === '' ? null : readTokens(tokenFile);
    this.#hosts = new Set(hosts.map((name) => hostOf(name) ?? refuseHost(name)));
  }

  /** Whether a token is asked for. */
  get guarded(): boolean {
    return this.#tokens !== null;
  }

  /**
   * Whether a request names a host that is served here. A page of another site whose name was made to point here (DNS
   * rebinding) gives that name. An address is no name and cannot be made to point anywhere.
   *
   * @param host the header; its port may be that of a tunnel
   * @param localAddress of the socket that it came in by
   */
  servesHost(host: string | undefined, localAddress: string | undefined): boolean {
    const name = host === undefined ? null : hostOf(host);
    const served =
      name !== null &&
      host !== undefined &&
      (this.#hosts.has(name) ||
        this.#hosts.has(host.toLowerCase()) ||
        isIP(name) !== 0 ||
        (name === 'localhost' && localAddress !== undefined && isLoopback(localAddress)));
    if (!served) this.refused.host++;
    return served;
  }

  /** Whether a page of that origin may connect: this server's own, or what is no browser and so has none. */
  servesOrigin(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined) return true;
    const [, asked] = /^https?:\/\/([^/?#]+)$/i.exec(origin) ?? [];
    const served = asked !== undefined && asked.toLowerCase() === host?.toLowerCase();
    if (!served) this.refused.origin++;
    return served;
  }

  /**
   * Whether a browser says that a page of another site asks, and not somebody who followed a link: it gets nothing here, and
   * is not counted among those who may ask. Browsers say so to loopback addresses and over TLS.
   * https://www.w3.org/TR/fetch-metadata/
   */
  foreign(headers: { readonly [name: string]: string | string[] | undefined }): boolean {
    const foreign = headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate';
    if (foreign) this.refused.origin++;
    return foreign;
  }

  /** Whether a token is asked for, and this is one. @param token null where none was given */
  knows(token: string | null): boolean {
    return this.#tokens !== null && token !== null && this.#roleOf(this.#tokens, token) !== null;
  }

  /** Who presents a token. @param token null where none was given */
  admit(token: string | null): Admission {
    if (this.#tokens === null) return { role: 'control' };
    const role = token === null ? null : this.#roleOf(this.#tokens, token);
    if (role !== null) return { role };
    this.refused.token++;
    return { refused: token === null ? 'missing' : 'unknown' };
  }

  /** Every token is compared, and all of it: how long it takes says nothing. */
  #roleOf(tokens: readonly { readonly role: Role; readonly digest: Buffer }[], token: string): Role | null {
    const digest = digestOf(token);
    let role: Role | null = null;
    for (const known of tokens) if (timingSafeEqual(known.digest, digest)) role = known.role;
    return role;
  }
}

/** The token of an `Authorization: Bearer` header; null where there is none. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null;
}

/** The token among the subprotocols that a page asks for; null where there is none. */
export function protocolToken(protocols: string | undefined): string | null {
  for (const protocol of protocolsOf(protocols)) {
    if (protocol.startsWith(TOKEN_PREFIX))
      return Buffer.from(protocol.slice(TOKEN_PREFIX.length), 'base64url').toString();
  }
  return null;
}

/** Whether the page speaks this server's language. */
export function speaksWire(protocols: string | undefined): boolean {
  return protocolsOf(protocols).includes(WIRE_PROTOCOL);
}

function protocolsOf(header: string | undefined): string[] {
  return (header ?? '').split(',').map((protocol) => protocol.trim());
}

/** The name or address of a Host header, in lower case and without port and brackets; null where it is none. */
function hostOf(host: string): string | null {
  const [, address, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  if (address !== undefined) return isIP(address) === 6 ? address.toLowerCase() : null;
  return name?.toLowerCase() ?? null;
}

function refuseHost(name: string): never {
  throw new ParameterError(
    HOSTS,
    `${JSON.stringify(name)} is no host name. Allowed: names such as robot.example.org, with commas between them`,
  );
}

/** Digests of equal length, so that comparing them takes as long whatever they are of. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function readTokens(path: string): { role: Role; digest: Buffer }[] {
  const refuse = (complaint: string): never => {
    throw new ParameterError(TOKEN_FILE, complaint);
  };
  const tokens: { role: Role; digest: Buffer }[] = [];
  for (const [i, line] of textOf(path, refuse).split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, role, token] = /^\s*(watch|control)\s+(\S+)\s*$/.exec(line) ?? [];
    // The line itself may be a token.
    if (token === undefined) refuse(`${path}:${i + 1} is not \`watch TOKEN\` or \`control TOKEN\``);
    if (token.length < MIN_TOKEN_CHARACTERS || token.length > MAX_TOKEN_CHARACTERS) {
      refuse(
        `${path}:${i + 1}: a token has ${MIN_TOKEN_CHARACTERS} to ${MAX_TOKEN_CHARACTERS} characters, so that nobody guesses it`,
      );
    }
    tokens.push({ role: role as Role, digest: digestOf(token) });
  }
  if (tokens.length === 0) refuse(`${path} holds no token`);
  if (tokens.length > MAX_TOKENS) refuse(`${path} holds ${tokens.length} tokens; at most ${MAX_TOKENS} are read`);
  return tokens;
}

function textOf(path: string, refuse: (complaint: string) => never): string {
  const folder = statSync(dirname(path), { throwIfNoEntry: false });
  const complaint = folder === undefined ? null : tamperable(folder);
  if (complaint !== null) refuse(`${dirname(path)} ${complaint}: whoever can may put other tokens there`);
  try {
    return readGuarded(path, MAX_TOKEN_FILE_BYTES, exposed);
  } catch (error) {
    return refuse((error as Error).message);
  }
}
