/**
 * The page's files, and frames over a WebSocket as fast as they are given: what `PageServer` does, without its limit of what
 * a display can show.
 */
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { WebSocketServer as Sockets, WebSocket } from 'ws';
import type { EpisodeReport } from '../sim/index.js';
import { OUTCOME_NAMES } from '../src/cli/episode-tally.js';
import { readPageFiles } from '../src/dashboard/page-files.js';
import {
  encodeFrame,
  type Frame,
  type FrameScan,
  type Hello,
  type Request,
  type ServerMessage,
  type Status,
  WIRE_PATH,
  WIRE_PROTOCOL,
} from '../src/dashboard/wire.js';
import { DecisionField, RangesField } from '../src/memory/layout.js';
import { Input } from '../src/sense/validating-sink.js';
import type { DriveEvent, RecordedDrive } from './view-drive.js';

const require = createRequire(import.meta.url);
/** The one that the real server's is part of. */
const { WebSocketServer } = createRequire(require.resolve('@fastify/websocket'))('ws') as typeof import('ws');

export class FastPageServer {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Sockets;
  readonly #hello: string;
  #page: WebSocket | null = null;

  /** @param hello as a page was greeted by the real server, which every page is greeted with here */
  static async start(hello: Hello): Promise<FastPageServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FastPageServer(server, { ...hello, episodes: [] });
  }

  private constructor(server: Server, hello: Hello) {
    const { files } = readPageFiles();
    this.#server = server;
    this.#hello = JSON.stringify(hello);
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    server.on('request', ({ url = '' }, response) => {
      const file = files.get(url);
      if (file === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': file.contentType }).end(file.bytes);
    });
    this.#sockets = new WebSocketServer({ server, path: WIRE_PATH, handleProtocols: () => WIRE_PROTOCOL });
    this.#sockets.on('connection', (socket) => this.#onPage(socket));
  }

  say(message: ServerMessage): void {
    this.#page?.send(JSON.stringify(message));
  }

  frame(frame: Frame): void {
    this.#page?.send(encodeFrame(frame));
  }

  async close(): Promise<void> {
    this.#page?.terminate();
    this.#sockets.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #onPage(socket: WebSocket): void {
    this.#page = socket;
    socket.send(this.#hello);
    socket.on('message', (data: Buffer) => {
      const { id, do: order } = JSON.parse(data.toString()) as Request;
      const ok = order === 'trail';
      const result = ok ? { points: [] } : null;
      this.say({ kind: 'answer', re: id, ok, text: ok ? '' : 'nothing is to be had here', result });
    });
  }
}

/** How often a page is told how things stand, and something worth a line [s of the robot's time]. */
const STATUS_S = 1 / 3;
const NOTICE_S = 30;

/** A drive over and over, as a page is shown it. */
export class DriveForPage {
  /** Of the robot's time [s]. */
  seconds = 0;
  frames = 0;
  episodes = 0;
  /** Of the newest frame. */
  cycle = -1;
  readonly #drive: RecordedDrive;
  readonly #server: FastPageServer;
  readonly #status: Status;
  readonly #startS: number;
  #events: Generator<DriveEvent, void, void>;
  #pass = 0;
  #statusS = 0;
  #noticeS = 0;
  #scan: { sequence: number; words: FrameScan; sent: boolean } | null = null;

  /** @param status as a page was told by the real server */
  constructor(drive: RecordedDrive, server: FastPageServer, status: Status) {
    this.#drive = drive;
    this.#server = server;
    this.#status = status;
    this.#startS = Date.now() / 1000;
    this.#events = drive.events(0);
  }

  /** Shows so many frames more, and all that happens meanwhile. */
  show(frames: number): void {
    for (const end = this.frames + frames; this.frames < end; ) {
      const { value: event } = this.#events.next();
      if (!event) this.#events = this.#drive.events(++this.#pass);
      else if (event.kind === 'reading') this.#reading(event.input, event.doubles, event.beams);
      else if (event.kind === 'decision') this.#decision(event.atNs, event.record);
      else if (event.kind === 'episode') this.#episode(event.report);
    }
  }

  #reading(input: number, d: Float64Array, beams: Float32Array | null): void {
    if (input !== Input.ranges || beams === null) return;
    const { angleMin, angleIncrement, rangeMax, mountX, mountY, mountYaw, sequence } = RangesField;
    const words = {
      angleMin: d[angleMin],
      angleIncrement: d[angleIncrement],
      rangeMax: d[rangeMax],
      mountX: d[mountX],
      mountY: d[mountY],
      mountYaw: d[mountYaw],
      ranges: beams,
    };
    this.#scan = { sequence: d[sequence], words, sent: false };
  }

  #decision(atNs: number, record: Float64Array): void {
    this.seconds = atNs / 1e9;
    const atS = this.#startS + this.seconds;
    this.cycle = record[DecisionField.cycle];
    const scan = this.#scan;
    const fresh = scan !== null && !scan.sent;
    this.#server.frame({ atS, record, scan: fresh ? scan.words : null });
    if (scan !== null) scan.sent = true;
    this.frames++;
    if (this.seconds >= this.#statusS) {
      this.#statusS = this.seconds + STATUS_S;
      this.#server.say({ ...this.#status, atS, cycles: this.cycle + 1, episode: this.episodes });
    }
    if (this.seconds >= this.#noticeS) {
      this.#noticeS = this.seconds + NOTICE_S;
      const text = `after ${Math.round(this.seconds)} s`;
      this.#server.say({ kind: 'notice', atS, level: 'info', text });
    }
  }

  #episode({ outcome, episodeTimeS, episode }: EpisodeReport): void {
    const name = OUTCOME_NAMES[outcome];
    if (name !== 'success' && name !== 'collision' && name !== 'timeout') return;
    this.episodes++;
    this.#server.say({
      kind: 'episode',
      episode: {
        atS: this.#startS + this.seconds,
        episode,
        outcome: name,
        timeS: episodeTimeS,
        reward: Math.sin(episode),
        loss: 1 / (1 + episode),
        exploration: 0.1,
        driftAlarms: 0,
        interventions: 0,
      },
    });
  }
}
