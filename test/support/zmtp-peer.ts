import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const FLAG_MORE = 1;
const FLAG_LONG = 2;
const FLAG_COMMAND = 4;

/** ZMTP 3.1 (RFC 37) with NULL, by hand: does what no library would. Connects to `tcp://HOST:PORT`. */
export class ZmtpPeer {
  readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    // Resets are what it is for.
    socket.on('error', () => undefined);
    socket.resume();
  }

  /** @param id the routing id; empty: the other side chooses one */
  static async connect(endpoint: string, type: 'DEALER' | 'REQ' | 'SUB' = 'DEALER', id = ''): Promise<ZmtpPeer> {
    const { hostname, port } = new URL(endpoint.replace('tcp:', 'http:'));
    const socket = connect({ host: hostname, port: Number(port) });
    const peer = new ZmtpPeer(socket);
    await once(socket, 'connect');
    const greeting = Buffer.alloc(64);
    greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1]);
    greeting.write('NULL', 12, 'latin1');
    socket.write(greeting);
    socket.write(zmtpCommand('READY', Buffer.concat([property('Socket-Type', type), property('Identity', id)])));
    return peer;
  }

  /** Writes as fast as it is taken, until `end` settles or the connection is gone. @param bytes whole frames */
  async flood(bytes: Buffer, end: Promise<unknown>): Promise<void> {
    let over = false;
    const stop = () => {
      over = true;
    };
    const ended = Promise.race([end, new Promise((gone) => this.socket.once('close', gone))]).then(stop);
    while (!over && this.socket.writable) {
      if (this.socket.write(bytes)) continue;
      await Promise.race([new Promise((drained) => this.socket.once('drain', drained)), ended]);
    }
  }

  /** RST, as of a process that was killed with input unread. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** @param more whether another frame of the same message follows */
export function zmtpFrame(body: Uint8Array, more = false): Buffer {
  return framed(more ? FLAG_MORE : 0, body);
}

export function zmtpCommand(name: string, body: Uint8Array): Buffer {
  return framed(FLAG_COMMAND, Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'latin1'), body]));
}

function framed(flags: number, body: Uint8Array): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const header = Buffer.alloc(9);
  header[0] = flags | FLAG_LONG;
  header.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([header, body]);
}

function property(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'latin1'), length, Buffer.from(value, 'latin1')]);
}
