import { createHash } from 'node:crypto';
import { afterEach } from 'vitest';
import { WebSocket } from 'ws';
import type { LiveFigures, LiveRobot, ReadingListener } from '../../src/dashboard/live-source.js';
import type { PageFiles } from '../../src/dashboard/page-files.js';
import { PageServer, type PageServerOptions } from '../../src/dashboard/server.js';
import {
  decodeFrame,
  type Frame,
  type Hello,
  type Order,
  type RobotWords,
  type ServerMessage,
  WIRE_PATH,
  WIRE_PROTOCOL,
} from '../../src/dashboard/wire.js';
import { DECISION_DOUBLES, DecisionField, RANGES_DOUBLES, RangesField } from '../../src/memory/layout.js';

const WORDS: RobotWords = {
  name: 'rex',
  drive: 'differential',
  footprint: [-0.2, -0.2, 0.2, -0.2, 0.2, 0.2, -0.2, 0.2],
  maxSpeed: 1,
  policy: 'lin_ts',
  periodS: 0.02,
  deadlineS: 0.01,
  timeoutS: { odometry: 0.25, ranges: 0.25, contacts: 0.5 },
  scene: 'clutter',
  kind: 'live',
  paced: true,
  saves: true,
};

const FIGURES: LiveFigures = {
  state: 'running',
  warning: '',
  armed: true,
  halted: false,
  frozen: false,
  paused: false,
  speed: 1,
  rateHz: 50,
  cycles: 0,
  updates: 0,
  lateness: null,
  compute: null,
  latenessHistogram: { uptoS: [], counts: [0] },
  misses: { late: 0, long: 0 },
  breakerOpen: false,
  breakerOpenings: 0,
  interventions: {},
  refused: {},
  driftAlarms: 0,
  lostDecisions: 0,
  checkpoint: null,
  log: '',
};

/** A record of a cycle that chose nothing, for a test to fill in. */
export function recordOf(
  cycle: number,
  fields: Partial<Record<keyof typeof DecisionField, number>> = {},
): Float64Array {
  const record = new Float64Array(DECISION_DOUBLES);
  record[DecisionField.cycle] = cycle;
  record[DecisionField.scheduledNs] = cycle * 2e7;
  record[DecisionField.startNs] = cycle * 2e7;
  record[DecisionField.action] = -1;
  record[DecisionField.reward] = Number.NaN;
  record[DecisionField.rewardedCycle] = Number.NaN;
  for (const [name, value] of Object.entries(fields)) record[DecisionField[name as keyof typeof DecisionField]] = value;
  return record;
}

/** A controller that a test plays. Its clock began in 1970. */
export class PlayedRobot implements LiveRobot {
  readonly name: string;
  readonly words: RobotWords;
  readonly firstEpisode: number = 0;
  clockNs = 0;
  /** Explanations that are asked for, as the controller counts them. */
  explained = 0;
  readonly orders: Order[] = [];
  /** What an order waits for, or fails of. */
  orderGate: Promise<unknown> | null = null;
  figured: Partial<LiveFigures> = {};
  readonly decisions = new Set<(record: Float64Array) => void>();
  readonly #readings = new Set<ReadingListener>();
  readonly #explanations = new Set<(record: Float64Array) => void>();

  constructor(words: Partial<RobotWords> = {}) {
    this.words = { ...WORDS, ...words };
    this.name = this.words.name;
  }

  onDecision(listener: (record: Float64Array) => void): () => void {
    this.decisions.add(listener);
    return () => this.decisions.delete(listener);
  }
  onReading(listener: ReadingListener): () => void {
    this.#readings.add(listener);
    return () => this.#readings.delete(listener);
  }
  onExplanation(listener: (record: Float64Array) => void): () => void {
    this.#explanations.add(listener);
    return () => this.#explanations.delete(listener);
  }
  explain(on: boolean): void {
    this.explained += on ? 1 : -1;
  }
  unixS(clockNs: number): number {
    return clockNs / 1e9;
  }
  nowNs(): number {
    return this.clockNs;
  }
  figures(): LiveFigures {
    return { ...FIGURES, ...this.figured };
  }
  async carryOut(order: Order): Promise<{ text: string; result?: unknown }> {
    this.orders.push(order);
    await this.orderGate;
    return { text: `did ${order.do}` };
  }

  /** A decision, from an array that is overwritten at once, as the controller's is. */
  decide(record: Float64Array): void {
    const reused = record.slice();
    for (const listener of this.decisions) listener(reused);
    reused.fill(0xff);
  }
  scan(sequence: number, beams: Float32Array): void {
    const doubles = new Float64Array(RANGES_DOUBLES);
    doubles[RangesField.sequence] = sequence;
    doubles[RangesField.count] = beams.length;
    doubles[RangesField.angleMin] = -sequence;
    doubles[RangesField.mountX] = 0.5;
    const reused = beams.slice();
    for (const listener of this.#readings) listener(1, doubles, reused);
    for (const listener of this.#readings) listener(0, new Float64Array(10).fill(7), null);
    doubles.fill(0xff);
    reused.fill(0xff);
  }
  explanation(record: Float64Array): void {
    for (const listener of this.#explanations) listener(record);
  }
}

const TEST_PAGE: PageFiles = {
  files: new Map([['/', fileOf('text/html; charset=utf-8', '<!doctype html>')]]),
  policy: "default-src 'none'",
};

function fileOf(contentType: string, text: string) {
  const bytes = Buffer.from(text);
  return { contentType, bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url')}"` };
}

/** Servers and pages of a test, ended with it. */
export function pageRig(): {
  serve(options?: Partial<PageServerOptions>): Promise<PageServer>;
  told: string[];
  open(server: PageServer, options?: OpenOptions): Promise<PageSocket>;
} {
  const servers: PageServer[] = [];
  const pages: PageSocket[] = [];
  const told: string[] = [];
  afterEach(async () => {
    for (const page of pages.splice(0)) page.socket.terminate();
    for (const server of servers.splice(0)) await server.close();
    told.splice(0);
  });
  return {
    told,
    serve: async (options = {}) => {
      const server = await PageServer.start({
        listen: '127.0.0.1:0',
        portGiven: true,
        tokenFile: '',
        hosts: [],
        maxClients: 16,
        version: '1.2.3',
        features: [{ name: 'position_x', unit: 'm' }],
        files: TEST_PAGE,
        tell: (text) => told.push(text),
        ...options,
      });
      servers.push(server);
      return server;
    },
    open: async (server, options = {}) => {
      const page = new PageSocket(server.port, options);
      pages.push(page);
      await page.settled;
      return page;
    },
  };
}

export interface OpenOptions {
  token?: string;
  headers?: Record<string, string>;
  origin?: string;
  protocols?: string[];
}

/** A page without a browser: keeps what it is told. */
export class PageSocket {
  readonly socket: WebSocket;
  /** When it has been greeted, refused or closed. */
  readonly settled: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly messages: ServerMessage[] = [];
  readonly frames: Frame[] = [];
  /** Status of a refused upgrade; 0 where it was not refused. */
  refusal = 0;
  #nextId = 1;
  readonly #waiting: { wanted: () => unknown; resolve: (value: never) => void }[] = [];

  constructor(port: number, { token, headers = {}, origin, protocols }: OpenOptions) {
    const asked = [
      WIRE_PROTOCOL,
      ...(token === undefined ? [] : [`token.${Buffer.from(token).toString('base64url')}`]),
    ];
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${WIRE_PATH}`, protocols ?? asked, {
      headers,
      ...(origin === undefined ? {} : { origin }),
    });
    this.socket.on('error', () => undefined);
    this.socket.on('unexpected-response', (_request, response) => {
      this.refusal = response.statusCode ?? 0;
      this.socket.terminate();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.settled = Promise.race([
      this.closed.then(() => undefined),
      this.until(() => this.hello).then(() => undefined),
    ]);
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.length) as ArrayBuffer;
        this.frames.push(decodeFrame(bytes));
      } else this.messages.push(JSON.parse(data.toString()));
      this.#look();
    });
  }

  /** The newest. */
  get hello(): Hello | undefined {
    return this.of('hello').at(-1);
  }

  of<K extends ServerMessage['kind']>(kind: K): Extract<ServerMessage, { kind: K }>[] {
    return this.messages.filter((message) => message.kind === kind) as Extract<ServerMessage, { kind: K }>[];
  }

  /** Waits until it has been told what is wanted. */
  until<T>(wanted: () => T | undefined | false): Promise<T> {
    return new Promise((resolve) => {
      this.#waiting.push({ wanted, resolve });
      this.#look();
    });
  }

  /** @param to whom it is for; absent, who is shown */
  async ask(order: Order, to?: string): Promise<Extract<ServerMessage, { kind: 'answer' }>> {
    const id = this.#nextId++;
    this.socket.send(JSON.stringify({ ...order, id, to }));
    return this.until(() => this.of('answer').find(({ re }) => re === id));
  }

  #look(): void {
    for (const waiting of [...this.#waiting]) {
      const value = waiting.wanted();
      if (value === undefined || value === false) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve(value as never);
    }
  }
}
