import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Context, Subscriber } from 'zeromq';
import {
  decodeZ85,
  makeKeyPair,
  publicCertificate,
  secretCertificate,
} from '../../../../../src/io/zeromq/socket/certificates.js';
import { LinkServer } from '../../../../../src/io/zeromq/socket/link-server.js';
import { defaultParameters } from '../../../../../src/parameters/schema.js';
import { temporaryFolder } from '../../../../support/command-line.js';
import type { PeerKeys } from '../../../../support/dealer-robot.js';
import { LinkKeys, until } from '../../../../support/link-keys.js';

const at = temporaryFolder();
const role = 'watch';

function put(name: string): Uint8Array {
  const { publicKey } = makeKeyPair();
  writeFileSync(at('keys', role, `${name}.key`), publicCertificate(publicKey, name), { mode: 0o644 });
  return decodeZ85(publicKey) as Uint8Array;
}
/** As if nothing had come or gone in the folder for long. */
const longAgo = new Date(Date.UTC(2020, 0));
function settle() {
  utimesSync(at('keys', role), longAgo, longAgo);
}

/** A server with CURVE whose ZAP is asked directly, on a clock that stands still. */
async function rig() {
  mkdirSync(at('keys', role), { recursive: true, mode: 0o700 });
  writeFileSync(at('keys', 'server.key_secret'), secretCertificate(makeKeyPair(), 'server'), { mode: 0o600 });
  const clock = { ms: 1e6 };
  const server = new LinkServer({
    parameters: {
      ...defaultParameters(),
      'zeromq.watch_endpoint': 'tcp://127.0.0.1:*',
      'zeromq.keys_dir': at('keys'),
    },
    onNotice: () => {},
    nowMs: () => clock.ms,
  });
  const open = async () => {
    await server.open();
    onTestFinished(() => server.close());
  };
  const ask = (key: Uint8Array) =>
    server.zap.judge([...['1.0', '1', role, '127.0.0.1', '', 'CURVE'].map((text) => Buffer.from(text)), key]).status;
  return { open, ask, clock };
}

describe("a stranger's key", () => {
  it('is looked up again once a second at most, and is asked to come again in between', async () => {
    const { open, ask, clock } = await rig();
    const anna = put('anna');
    settle();
    await open();
    const stranger = decodeZ85(makeKeyPair().publicKey) as Uint8Array;
    expect([ask(anna), ask(stranger)]).toEqual(['200', '400']);
    const statuses = new Set<string>();
    for (; clock.ms < 1e6 + 999; clock.ms += 37) if (clock.ms > 1e6) statuses.add(ask(stranger));
    expect([...statuses]).toEqual(['300']);
    expect(ask(anna)).toBe('200');
    clock.ms = 1e6 + 1000;
    expect([ask(stranger), ask(stranger)]).toEqual(['400', '300']);
  });

  it('is let in at once where its file has just been added', async () => {
    const { open, ask } = await rig();
    await open();
    expect(ask(put('bert'))).toBe('200');
  });

  it('has no folder read that did not change', async () => {
    const { open, ask, clock } = await rig();
    put('anna');
    settle();
    await open();
    const bert = put('bert');
    settle();
    expect(ask(bert)).toBe('400');
    clock.ms += 1000;
    const carl = put('carl');
    expect(ask(carl)).toBe('200');
  });
});

describe('the end of a turn of the event loop', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  function turned(onTurn: () => void) {
    const notices: string[] = [];
    const server = new LinkServer({
      parameters: { ...defaultParameters(), 'zeromq.watch_endpoint': '', 'zeromq.administer_endpoint': '' },
      onNotice: (text) => notices.push(text),
      onTurn,
    });
    return { server, notices };
  }

  it('is told once to who asked for it, and never else', async () => {
    let turns = 0;
    const { server } = turned(() => turns++);
    await turn();
    expect(turns).toBe(0);
    for (const asked of [1, 2]) {
      server.askTurn();
      server.askTurn();
      for (let i = 0; i < 5; i++) await turn();
      expect(turns).toBe(asked);
    }
    await server.close();
  });

  it('may be asked for while one ends, and is told no more once the server is closed', async () => {
    let turns = 0;
    const { server } = turned(() => {
      turns++;
      server.askTurn();
    });
    server.askTurn();
    while (turns < 3) await turn();
    await server.close();
    const before = turns;
    server.askTurn();
    for (let i = 0; i < 5; i++) await turn();
    expect(turns).toBe(before);
  });

  it('that throws is counted, told once, and asked for by nobody until somebody does', async () => {
    const { server, notices } = turned(() => {
      throw new Error('broken');
    });
    for (let i = 1; i <= 2; i++) {
      server.askTurn();
      for (let j = 0; j < 5; j++) await turn();
      expect(server.faults).toBe(i);
    }
    expect(notices).toEqual(["the link's turn failed, and is tried again: broken"]);
    await server.close();
  });
});

describe('one key', () => {
  it('cannot have a socket to itself, and may have its share again when its connections have ended', async () => {
    const keys = new LinkKeys(at('keys'));
    const [hogg, anna] = [keys.allow(role, 'hogg'), keys.allow(role, 'anna')];
    const context = new Context();
    const server = new LinkServer({
      parameters: {
        ...defaultParameters(),
        'zeromq.watch_endpoint': 'tcp://127.0.0.1:*',
        'zeromq.keys_dir': at('keys'),
        'zeromq.max_peers': 7,
      },
      context,
      onNotice: () => {},
    });
    await server.open();
    onTestFinished(() => server.close());
    const watch = (peer: PeerKeys) => {
      const socket = new Subscriber({ context, linger: 0, reconnectInterval: 20, ...peer });
      onTestFinished(() => socket.close());
      socket.connect(server.endpoints.watch);
      return socket;
    };
    const hoard = Array.from({ length: 7 }, () => watch(hogg));
    await until('some are refused', () => server.zap.refused.peers >= 10);
    expect([server.zap.admitted[role], server.peers[role]]).toEqual([4, 4]);
    watch(anna);
    await until('another key is in', () => server.zap.admitted[role] === 5);
    for (const socket of hoard) socket.close();
    await until('only the other key is left', () => server.peers[role] === 1);
    for (let i = 0; i < 4; i++) watch(hogg);
    await until('all that it may have are in', () => server.peers[role] === 5);
  });
});
