import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeZ85, makeKeyPair } from '../../../../../src/io/zeromq/socket/certificates.js';
import { loadZeromq, type Zeromq } from '../../../../../src/io/zeromq/socket/library.js';
import { RoleSocket } from '../../../../../src/io/zeromq/socket/role-socket.js';
import {
  HANDSHAKE_LIMIT_MS,
  LATER,
  PeerCount,
  shareOfKey,
  ZapHandler,
} from '../../../../../src/io/zeromq/socket/zap.js';

const key = decodeZ85(makeKeyPair().publicKey) as Uint8Array;
const frames = (domain: string, mechanism: string, ...credentials: Uint8Array[]) => [
  ...['1.0', '1', domain, '127.0.0.1', '', mechanism].map((text) => Buffer.from(text)),
  ...credentials,
];

function handler(mechanism: 'NULL' | 'CURVE', allow: (key: Uint8Array) => string | null | typeof LATER = () => null) {
  const notices: string[] = [];
  const zap = new ZapHandler((text) => notices.push(text));
  const count = new PeerCount();
  zap.domain('drive', { mechanism, allow, count, maxPeers: 2, share: 4 });
  return { zap, notices, count };
}

describe('the ZAP handler', () => {
  it('lets in whoever comes where there are no keys, up to the limit, and then asks to come again', () => {
    const { zap } = handler('NULL');
    expect(zap.judge(frames('drive', 'NULL')).status).toBe('200');
    expect(zap.judge(frames('drive', 'NULL')).status).toBe('200');
    expect(zap.judge(frames('drive', 'NULL'))).toMatchObject({
      status: '300',
      text: 'drive has its 2 peers (zeromq.max_peers)',
    });
    expect([zap.admitted, zap.refused.peers]).toEqual([{ drive: 2 }, 1]);
  });

  it('lets in a key that is allowed, under its name, and no other', () => {
    const { zap, notices } = handler('CURVE', (shown) => (Buffer.from(shown).equals(key) ? 'anna' : null));
    expect(zap.judge(frames('drive', 'CURVE', key))).toEqual({ status: '200', text: 'OK', user: 'anna' });
    const stranger = makeKeyPair().publicKey;
    expect(zap.judge(frames('drive', 'CURVE', decodeZ85(stranger) as Uint8Array)).status).toBe('400');
    expect(zap.refused.key).toBe(1);
    expect(notices).toEqual([expect.stringContaining(`127.0.0.1 with the key ${stranger}`)]);
  });

  it('asks to come again where the list is about to be read, and counts nothing', () => {
    const { zap, count } = handler('CURVE', () => LATER);
    expect(zap.judge(frames('drive', 'CURVE', key)).status).toBe('300');
    expect([zap.refused.key, count.peers]).toEqual([0, 0]);
  });

  it('refuses another mechanism, another domain, and what is no request', () => {
    const { zap } = handler('CURVE', () => 'anybody');
    expect(zap.judge(frames('drive', 'NULL')).status).toBe('400');
    expect(zap.judge(frames('drive', 'PLAIN', Buffer.from('user'), Buffer.from('password'))).status).toBe('400');
    expect(zap.judge(frames('watch', 'CURVE', key)).status).toBe('400');
    expect(zap.judge(frames('__proto__', 'CURVE', key)).status).toBe('400');
    expect(zap.judge(frames('drive', 'CURVE')).status).toBe('500');
    expect(zap.judge(frames('drive', 'CURVE', key.subarray(1))).status).toBe('500');
    expect(zap.judge(frames('drive', 'CURVE', key).slice(0, 5)).status).toBe('500');
    expect(zap.judge([]).status).toBe('500');
    expect(zap.refused).toEqual({ key: 0, peers: 0, mechanism: 2, domain: 2, request: 4 });
    expect(zap.admitted).toEqual({ drive: 0 });
  });

  it('says once what a peer tries again and again', () => {
    const { zap, notices } = handler('CURVE');
    for (let i = 0; i < 5; i++) zap.judge(frames('drive', 'CURVE', key));
    expect(zap.refused.key).toBe(5);
    expect(notices).toHaveLength(1);
  });
});

describe('one key of several', () => {
  const keyOf = (name: string) => Buffer.alloc(32, name);
  function crowd() {
    const notices: string[] = [];
    const zap = new ZapHandler((text) => notices.push(text));
    const clock = { ms: 0 };
    const count = new PeerCount(() => clock.ms);
    const allow = (shown: Uint8Array) => Buffer.from(shown.subarray(0, 4)).toString();
    zap.domain('drive', { mechanism: 'CURVE', allow, count, maxPeers: 20, share: 4 });
    /** One handshake, as ZAP and the monitor tell of it. */
    const come = (name: string): string => {
      const { status } = zap.judge(frames('drive', 'CURVE', keyOf(name)));
      count.accepted();
      if (status !== '200') {
        count.handshakeFailed(true);
        count.disconnected();
      }
      return status;
    };
    const comeOften = (name: string, times: number) => Array.from({ length: times }, () => come(name));
    return { zap, count, clock, notices, come, comeOften };
  }

  it('takes no more than its share once more than half is taken, and leaves the rest to the others', () => {
    const { comeOften, come, notices, zap } = crowd();
    expect(comeOften('hogg', 30).filter((status) => status === '200')).toHaveLength(11);
    expect(zap.refused.peers).toBe(19);
    expect(notices).toEqual([expect.stringContaining('hogg has its 4 connections to drive')]);
    expect(comeOften('anna', 5)).toEqual(['200', '200', '200', '200', '300']);
    expect(comeOften('bert', 5)).toEqual(['200', '200', '200', '200', '300']);
    expect([come('carl'), come('dora')]).toEqual(['200', '300']);
  });

  it('that is refused gains nothing by its own refusals, and one connection by the end of one', () => {
    const { comeOften, come, count } = crowd();
    comeOften('hogg', 11);
    comeOften('anna', 4);
    expect(come('anna')).toBe('300');
    count.disconnected();
    expect([come('anna'), come('anna')]).toEqual(['200', '300']);
  });

  it('has what it may have again after its connections ended, whoever comes and goes', () => {
    const step = fc.record({ who: fc.integer({ min: 0, max: 5 }), leaves: fc.integer({ min: 0, max: 3 }) });
    let refusals = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 120 }), (steps) => {
        const { come, count } = crowd();
        const really = [0, 0, 0, 0, 0, 0];
        for (const { who, leaves } of steps) {
          if (leaves === 0 && really[who] > 0) {
            really[who]--;
            count.disconnected();
          } else {
            const taken = count.peers;
            const status = come(`key${who}`);
            if (really[who] < 4 && taken < 20) expect(status).toBe('200');
            if (status === '200') really[who]++;
            else if (taken < 20) refusals++;
          }
          for (let k = 0; k < 6; k++) {
            expect(count.heldBy(keyOf(`key${k}`).toString('hex'))).toBeLessThanOrEqual(really[k]);
          }
        }
      }),
    );
    expect(refusals).toBeGreaterThan(0);
  });

  it('begins anew where the socket does', () => {
    const { comeOften, count } = crowd();
    comeOften('hogg', 11);
    count.reset();
    expect(comeOften('hogg', 12).filter((status) => status === '200')).toHaveLength(11);
  });

  it('may have four connections, and a quarter of those to the watch socket', () => {
    expect([shareOfKey('drive', 128), shareOfKey('administer', 128), shareOfKey('watch', 128)]).toEqual([4, 4, 32]);
    expect([shareOfKey('watch', 1), shareOfKey('drive', 1)]).toEqual([4, 4]);
  });
});

describe('the count of peers', () => {
  function counting() {
    const clock = { ms: 0 };
    return { clock, count: new PeerCount(() => clock.ms) };
  }

  it('follows those that shake hands, fail, and go', () => {
    const { count } = counting();
    count.accepted();
    count.admitted();
    count.accepted();
    expect([count.open, count.peers]).toEqual([2, 1]);
    count.handshakeFailed();
    count.disconnected();
    expect([count.open, count.peers, count.failed]).toEqual([1, 1, 1]);
    count.disconnected();
    expect([count.open, count.peers]).toEqual([0, 0]);
  });

  it('does not mind that ZAP is asked before the monitor tells of the connection', () => {
    const { count } = counting();
    count.admitted();
    count.accepted();
    expect([count.open, count.peers]).toEqual([1, 1]);
  });

  it('is right again, after a moment, where a connection went without a word', () => {
    const { clock, count } = counting();
    for (let i = 0; i < 3; i++) {
      count.accepted();
      count.admitted();
    }
    for (let i = 0; i < 2; i++) {
      count.accepted();
      count.disconnected();
    }
    expect(count.peers).toBe(1);
    clock.ms += HANDSHAKE_LIMIT_MS + 2000;
    expect([count.open, count.peers]).toEqual([3, 3]);
  });

  it('hears of a socket no more once it was closed', () => {
    const { count } = counting();
    const events = new EventEmitter();
    count.follow({ events } as never);
    events.emit('accept');
    count.reset();
    events.emit('disconnect');
    events.emit('accept');
    expect(count.open).toBe(0);
    const next = new EventEmitter();
    count.follow({ events: next } as never);
    next.emit('accept');
    expect(count.open).toBe(1);
    next.emit('handshake:error:protocol');
    next.emit('disconnect');
    expect([count.open, count.failed]).toEqual([0, 1]);
  });
});

describe('a handshake that fails before ZAP has a say', () => {
  /** A socket with a monitor alone, opened as the drive socket. */
  async function opened(keys: ReturnType<typeof makeKeyPair> | null) {
    const notices: string[] = [];
    const events = new EventEmitter();
    class Router {
      events = events;
      lastEndpoint = 'tcp://127.0.0.1:1';
      async bind(): Promise<void> {}
      unbindSync(): void {}
      close(): void {}
      async *[Symbol.asyncIterator]() {}
    }
    const count = new PeerCount();
    const socket = new RoleSocket({
      zeromq: { Router, XPublisher: class {} } as never,
      context: {} as never,
      role: 'drive',
      endpoint: { address: 'tcp://127.0.0.1:1', path: '', ipv6: false } as never,
      parameter: 'zeromq.drive_endpoint',
      keys,
      count,
      maxMessageBytes: 1024,
      sendHighWaterMark: 8,
      onFrames: () => {},
      onNotice: (text) => notices.push(text),
    });
    await socket.open();
    return { notices, events, count, socket };
  }

  it('is told of once where there are keys, however often the client tries again, also after the socket was opened anew', async () => {
    const { notices, events, count, socket } = await opened(makeKeyPair());
    events.emit('handshake:error:auth');
    expect(notices).toEqual([]);
    for (let retry = 0; retry < 3; retry++) events.emit('handshake:error:protocol');
    events.emit('handshake:error:other');
    expect(count.failed).toBe(5);
    await socket.reopen();
    events.emit('handshake:error:protocol');
    expect(notices).toEqual([
      "drive: a connection failed its handshake: a client that has no keys, or another server's",
    ]);
  });

  it('is not told of where there are no keys', async () => {
    const { notices, events, count } = await opened(null);
    events.emit('handshake:error:protocol');
    expect([notices, count.failed]).toEqual([[], 1]);
  });
});

describe('the library', () => {
  const failing = (code: string, message: string) => () => Promise.reject(Object.assign(new Error(message), { code }));

  it('is named, with how to get it, where it is missing', async () => {
    await expect(
      loadZeromq(failing('ERR_MODULE_NOT_FOUND', "Cannot find package 'zeromq' imported from here")),
    ).rejects.toThrow('the ZeroMQ link needs the package zeromq, which is not installed: npm install zeromq');
  });

  it('is named, with what failed, where it does not load', async () => {
    await expect(loadZeromq(failing('ERR_DLOPEN_FAILED', 'GLIBC_2.38 not found\nmore'))).rejects.toThrow(
      'the package zeromq is installed and does not load (GLIBC_2.38 not found): npm rebuild zeromq',
    );
  });

  it('is not used without CURVE', async () => {
    await expect(loadZeromq(async () => ({ capability: {} }) as Zeromq)).rejects.toThrow('has no CURVE');
    expect((await loadZeromq()).capability.curve).toBe(true);
  });
});
