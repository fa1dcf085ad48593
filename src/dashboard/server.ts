/**
 * The server beside the run, on the main thread: the page, its WebSocket, `/metrics`, `/livez` and `/readyz`. Nothing is
 * encoded for nobody, and one encoding serves all pages that want the same.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import websocket, { type WebSocket } from '@fastify/websocket';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { TokenBucket } from '../core/token-bucket.js';
import { DECISION_DOUBLES, DecisionField, Driver, EXPLAINED } from '../memory/layout.js';
import { REASON_LABELS } from '../memory/reason.js';
import type { Health } from '../telemetry/metrics.js';
import { Access, bearerToken, type ListenAddress, parseListen, protocolToken, speaksWire } from './access.js';
import { type FrameEncoder, PageClient, type PageCounts } from './page-client.js';
import { type PageFile, type PageFiles, readPageFiles } from './page-files.js';
import { MAX_REQUEST_BYTES } from './page-request.js';
import type { ViewSource } from './view-source.js';
import {
  encodeFrame,
  type FeatureWords,
  type Frame,
  type Hello,
  type Status,
  WIRE_PATH,
  WIRE_PROTOCOL,
  WIRE_VERSION,
  WireClose,
} from './wire.js';

/** How often pages are told how things stand [ms]. */
const STATUS_MS = 333;
/** Ports that are tried after one that is taken. */
const PORTS_TRIED = 20;
/** Connections that have not shown what they want, or have been answered; the oldest goes for a further one. */
const MAX_WAITING = 128;
/** A request must be there whole after this [ms]. */
const REQUEST_MS = 5000;
/** Requests over HTTP, of all clients a second: a page is a dozen. */
const HTTP_PER_S = 200;
const HTTP_BURST = 1000;
/** How long pages have to take their leave [ms]. */
const GOODBYE_MS = 300;
/** And the sockets to close after them [ms]. */
const CLOSE_MS = 500;
/** How long a connection that was refused has to close [ms]. */
const REFUSED_MS = 1500;
/** What was refused is told so often at most [ms]. */
const TELL_MS = 60_000;
/** Handshakes with a wrong token that are answered a second, of all clients. */
const REFUSALS_PER_S = 20;

/** What is served beside the page; `Metrics` is it. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
  live(): Health;
  ready(): Health;
}

export interface PageServerOptions {
  /** `host:port`. */
  readonly listen: string;
  /** Whoever asked named this very port: no other is taken in its place. */
  readonly portGiven: boolean;
  readonly tokenFile: string;
  readonly hosts: readonly string[];
  readonly maxClients: number;
  readonly version: string;
  readonly features: readonly FeatureWords[];
  /** Absent: `/metrics` is not there, and the server lives as long as it answers. */
  readonly metrics?: MetricsText;
  /** Tells the user something, one line. */
  tell(text: string): void;
  /** Another page than the compiled one, for tests. */
  readonly files?: PageFiles;
}

/** The page, `/metrics`, `/livez` and `/readyz`. */
export class PageServer implements FrameEncoder {
  /** See `PageCounts`; `crowded`: pages refused because as many were open as are allowed. */
  readonly counts: PageCounts & { crowded: number; evicted: number; encoded: number } = {
    tooMany: 0,
    garbage: 0,
    lost: 0,
    skippedFrames: 0,
    framesSent: 0,
    faults: 0,
    crowded: 0,
    evicted: 0,
    encoded: 0,
  };
  readonly access: Access;
  /** Changes with each start. */
  readonly run: string = randomUUID();
  readonly #options: PageServerOptions;
  readonly #address: ListenAddress;
  readonly #app: FastifyInstance;
  readonly #sources = new Map<string, ViewSource>();
  readonly #clients = new Set<PageClient>();
  /** Sockets that are no page's, the oldest first. */
  readonly #waiting = new Set<Socket>();
  readonly #requests = new TokenBucket(HTTP_PER_S, HTTP_BURST);
  readonly #refusals = new TokenBucket(REFUSALS_PER_S);
  #port = 0;
  #timer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;
  /** The newest encodings, of which frame they are, and what of it could have changed since. */
  #frame: Frame | null = null;
  #frameAtS = Number.NaN;
  #frameCycle = Number.NaN;
  #withScan: Uint8Array | null = null;
  #withoutScan: Uint8Array | null = null;
  #status: object | null = null;
  #statusText = '';
  #toldMs = Number.NEGATIVE_INFINITY;
  #toldRefusals = 0;

  /**
   * Listens from here on.
   *
   * @throws ParameterError where the address, the tokens or the hosts cannot be used; Error where the port is taken or the
   *   page is not built
   */
  static async start(options: PageServerOptions): Promise<PageServer> {
    const server = new PageServer(options, options.files ?? readPageFiles());
    await server.#listen();
    return server;
  }

  private constructor(options: PageServerOptions, page: PageFiles) {
    this.#options = options;
    this.#address = parseListen(options.listen);
    this.access = new Access({ address: this.#address, tokenFile: options.tokenFile, hosts: options.hosts });
    this.#app = fastify({
      logger: false,
      forceCloseConnections: true,
      bodyLimit: 1024,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: REQUEST_MS,
      http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1000 },
    });
    this.#route(page);
  }

  /** To be opened in a browser of this machine, or of another where this one can be reached. */
  get url(): string {
    const { host } = this.#address;
    const shown = host === '0.0.0.0' || host === '::' ? (ownAddress() ?? host) : host;
    return `http://${shown.includes(':') ? `[${shown}]` : shown}:${this.#port}/`;
  }

  get port(): number {
    return this.#port;
  }

  /** Pages that are open. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Shows one more robot; all pages are told of it. One that has come back is shown where it was before. */
  add(source: ViewSource): void {
    const before = this.#sources.get(source.name);
    this.#sources.set(source.name, source);
    for (const client of this.#clients) {
      this.#show(client, client.source === null || client.source === before ? source : client.source);
    }
  }

  /** Shows a robot no longer. Its pages are shown another, or told that there is none. */
  remove(source: ViewSource): void {
    if (this.#sources.get(source.name) !== source) return;
    this.#sources.delete(source.name);
    const [other] = this.#sources.values();
    for (const client of this.#clients) {
      const left = client.source === source;
      const shown = left ? other : client.source;
      if (shown === undefined || shown === null) client.close(WireClose.nothing, 'the robot has gone');
      else {
        this.#show(client, shown);
        const text = `${source.name} has gone; ${shown.name} is shown`;
        if (left) client.notice({ kind: 'notice', atS: Date.now() / 1e3, level: 'warning', text });
      }
    }
  }

  /** Bytes of a frame, shared: the caller does not change them. */
  encode(frame: Frame, withScan: boolean): Uint8Array {
    const cycle = frame.record[DecisionField.cycle];
    if (frame !== this.#frame || frame.atS !== this.#frameAtS || cycle !== this.#frameCycle) {
      this.#frame = frame;
      this.#frameAtS = frame.atS;
      this.#frameCycle = cycle;
      this.#withScan = null;
      this.#withoutScan = null;
    }
    if (withScan) {
      this.#withScan ??= this.#encoded(frame);
      return this.#withScan;
    }
    this.#withoutScan ??= this.#encoded({ ...frame, scan: null });
    return this.#withoutScan;
  }

  /** Tells every page that the server ends, and lets go of the port; within a second, whoever is slow. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #encoded(frame: Frame): Uint8Array {
    this.counts.encoded++;
    return encodeFrame(frame);
  }

  async #close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const client of this.#clients) client.close(WireClose.goingAway, 'the controller ends');
    for (let waitedMs = 0; this.#clients.size > 0 && waitedMs < GOODBYE_MS; waitedMs += 10) await pause(10);
    for (const client of [...this.#clients]) client.terminate();
    await Promise.race([this.#app.close(), pause(CLOSE_MS)]);
    for (const socket of this.#waiting) socket.destroy();
  }

  #route(page: PageFiles): void {
    const app = this.#app;
    const { server } = app;
    server.on('connection', (socket) => this.#onConnection(socket));
    void app.register(websocket, {
      options: {
        maxPayload: MAX_REQUEST_BYTES,
        perMessageDeflate: false,
        // Never the token, which is a subprotocol too.
        handleProtocols: () => WIRE_PROTOCOL,
      },
      // Too long a message, or none of the protocol's: `ws` says so in its close frame.
      errorHandler: (_error, socket) => {
        this.counts.garbage++;
        bound(socket);
      },
      preClose: (done) => done(),
    });
    app.addHook('onRequest', async (request, reply) => this.#onRequest(request, reply, page.policy));
    app.setNotFoundHandler((_request, reply) => text(reply, 404, 'There is nothing here.'));
    app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
      const { statusCode = 500 } = error;
      return text(reply, statusCode, statusCode < 500 ? 'That is no request.' : 'That failed.');
    });
    void app.register(async (routes) => {
      for (const [path, file] of page.files) routes.get(path, async (request, reply) => sendFile(request, reply, file));
      routes.get('/livez', async (_request, reply) => health(reply, this.#options.metrics?.live()));
      routes.get('/readyz', async (_request, reply) => health(reply, this.#options.metrics?.ready()));
      routes.get('/metrics', async (request, reply) => this.#onMetrics(request, reply));
      routes.get(
        WIRE_PATH,
        { websocket: true, preValidation: async (request, reply) => this.#onHandshake(request, reply) },
        (socket, request) => this.#onPage(socket, request),
      );
    });
  }

  async #listen(): Promise<void> {
    const { host, port, local } = this.#address;
    const last = this.#options.portGiven || !local || port === 0 ? port : Math.min(65_535, port + PORTS_TRIED);
    for (let tried = port; ; tried++) {
      try {
        await this.#app.listen({ host, port: tried });
        break;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === 'EADDRINUSE' && tried < last) continue;
        await this.#app.close();
        const cause = code === 'EADDRINUSE' ? `port ${tried} is taken` : message;
        // No mistake in the parameters: at another time it may be had.
        throw new Error(`dashboard.listen: nothing can be served at ${host}:${port}: ${cause}`);
      }
    }
    const bound = this.#app.server.address();
    this.#port = bound !== null && typeof bound === 'object' ? bound.port : port;
    this.#timer = setInterval(() => this.#tick(), STATUS_MS);
  }

  #onConnection(socket: Socket): void {
    this.#waiting.add(socket);
    socket.on('close', () => this.#waiting.delete(socket));
    if (this.#waiting.size <= MAX_WAITING) return;
    const [oldest] = this.#waiting;
    this.counts.evicted++;
    oldest.destroy();
    this.#waiting.delete(oldest);
  }

  #onRequest(request: FastifyRequest, reply: FastifyReply, policy: string): FastifyReply | undefined {
    reply.headers({ ...HEADERS, 'content-security-policy': policy });
    // Whoever supervises the process ends it where this is not answered.
    const probe = request.url === '/livez' || request.url === '/readyz';
    const { headers } = request;
    if (!this.access.servesHost(headers.host, request.socket.localAddress)) {
      return text(reply, 421, 'Nothing is served under this name; dashboard.hosts adds one.');
    }
    if (this.access.foreign(headers)) return text(reply, 403, 'That is another site’s page.');
    if (probe || this.#requests.take(performance.now() * 1e6)) return undefined;
    // Others who ask too much keep nobody out who has a token: it may be to stop the robot.
    return this.access.knows(tokenOf(headers)) ? undefined : text(reply, 429, 'Too many requests.');
  }

  #onHandshake(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const { headers } = request;
    if (!this.access.servesOrigin(headers.origin, headers.host))
      return text(reply, 403, 'That is another site’s page.');
    if (!speaksWire(headers['sec-websocket-protocol']))
      return text(reply, 400, `Only ${WIRE_PROTOCOL} is spoken here.`);
    return undefined;
  }

  async #onMetrics(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { metrics } = this.#options;
    if (metrics === undefined) return text(reply, 404, 'There are no metrics.');
    if ('refused' in this.access.admit(bearerToken(request.headers.authorization))) {
      return text(reply.header('www-authenticate', 'Bearer'), 401, 'A token is needed: Authorization: Bearer TOKEN.');
    }
    return reply.type(metrics.contentType).send(await metrics.text());
  }

  #onPage(socket: WebSocket, request: FastifyRequest): void {
    this.#waiting.delete(request.raw.socket);
    const admitted = this.access.admit(tokenOf(request.headers));
    const [source] = this.#sources.values();
    if ('refused' in admitted) {
      // Whoever tries tokens one after the other is soon not answered any more.
      if (!this.#refusals.take(performance.now() * 1e6)) socket.terminate();
      else
        refuse(
          socket,
          WireClose.refused,
          admitted.refused === 'missing' ? 'a token is needed' : 'this token is unknown',
        );
    } else if (this.#closing !== null) refuse(socket, WireClose.goingAway, 'the controller ends');
    else if (this.#clients.size >= this.#options.maxClients) {
      this.counts.crowded++;
      refuse(socket, WireClose.full, `${this.#clients.size} pages are open, as many as are allowed`);
    } else if (source === undefined) refuse(socket, WireClose.nothing, 'there is no robot to show yet');
    else {
      const client = new PageClient({
        socket,
        role: admitted.role,
        encoder: this,
        counts: this.counts,
        show: (page, robot) => this.#show(page, this.#sourceOf(robot)),
        sourceOf: (robot) => this.#sourceOf(robot),
        closed: (page) => this.#clients.delete(page),
        failed: (error) => this.#tellOnce(error),
      });
      this.#clients.add(client);
      this.#show(client, source);
    }
  }

  #sourceOf(robot: string): ViewSource {
    const source = this.#sources.get(robot);
    if (source === undefined) throw new Error(`there is no robot ${robot}`);
    return source;
  }

  #show(client: PageClient, source: ViewSource): void {
    const hello: Hello = {
      kind: 'hello',
      wire: WIRE_VERSION,
      version: this.#options.version,
      run: this.run,
      role: client.role,
      robots: [...this.#sources.keys()],
      robot: source.robot,
      features: this.#options.features,
      reasons: REASON_LABELS,
      drivers: DRIVERS,
      fields: DecisionField,
      recordDoubles: DECISION_DOUBLES,
      explained: EXPLAINED,
      extent: source.extent,
      episodes: source.episodes,
    };
    client.show(source, JSON.stringify(hello));
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const client of this.#clients) client.tick(nowMs, (status) => this.#words(status));
    const { host, origin, token } = this.access.refused;
    const refusals = host + origin + token;
    if (refusals === this.#toldRefusals || nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    this.#toldRefusals = refusals;
    this.#options.tell(
      `page: refused so far: ${token} without a known token, ${origin} of other sites, ${host} by other names`,
    );
  }

  /** What fails for one page may fail for each, many times a second. */
  #tellOnce(error: unknown): void {
    if (this.counts.faults > 1) return;
    this.#options.tell(`page: ${error instanceof Error ? error.message : String(error)}; told once, and counted`);
  }

  #words(status: Omit<Status, 'kind' | 'skippedFrames'>): string {
    if (status !== this.#status) {
      this.#status = status;
      this.#statusText = JSON.stringify({ kind: 'status', ...status });
    }
    return this.#statusText;
  }
}

/** Names by code. */
const DRIVERS = Object.entries(Driver)
  .sort((a, b) => a[1] - b[1])
  .map(([name]) => name);

const HEADERS = {
  'cache-control': 'no-cache',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': ['camera', 'geolocation', 'microphone', 'payment', 'usb']
    .map((name) => `${name}=()`)
    .join(', '),
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

function tokenOf(headers: FastifyRequest['headers']): string | null {
  return protocolToken(headers['sec-websocket-protocol']) ?? bearerToken(headers.authorization);
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  reply.header('etag', file.etag);
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  return reply.type(file.contentType).send(file.bytes);
}

function health(reply: FastifyReply, { ok, detail }: Health = { ok: true, detail: 'alive' }): FastifyReply {
  return text(reply, ok ? 200 : 503, detail);
}

function text(reply: FastifyReply, code: number, words: string): FastifyReply {
  return reply.code(code).type('text/plain; charset=utf-8').send(`${words}\n`);
}

function refuse(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason);
  bound(socket);
}

/** The protocol waits for an answer to its close frame, which such a client may never give. */
function bound(socket: WebSocket): void {
  const timer = setTimeout(() => socket.terminate(), REFUSED_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

function ownAddress(): string | null {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) if (family === 'IPv4' && !internal) return address;
  }
  return null;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
