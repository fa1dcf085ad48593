import { describe, expect, it } from 'vitest';
import { decodeAnswer, encodeMessage } from '../../../../../src/io/zeromq/protocol/codec.js';
import type { Answer, LinkError, Request } from '../../../../../src/io/zeromq/protocol/protocol.js';
import type { Administration } from '../../../../../src/io/zeromq/session/session-controller.js';
import { BARE_NAME, RequestChannel } from '../../../../../src/io/zeromq/socket/request-channel.js';

interface Call {
  name: string;
  args: unknown[];
}

function rig(options: { robots?: string[]; ratePerS?: number } = {}) {
  const calls: Call[] = [];
  const sent: { peer: string; delimited: boolean; answer: Answer | LinkError }[] = [];
  const clock = { ns: 0 };
  const slow: { name: string; finish(): void; fail(error: Error): void }[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]) => {
      calls.push({ name, args });
      return { did: name };
    };
  const takesAWhile = (name: string) => (robot: string, file?: string | null) => {
    calls.push({ name, args: file === undefined ? [robot] : [robot, file] });
    return new Promise<Record<string, unknown>>((finish, fail) => {
      slow.push({ name: `${name} ${robot}`, finish: () => finish({ did: name }), fail });
    });
  };
  const administration: Administration = {
    robots: () => options.robots ?? ['anna'],
    status: note('status'),
    save: takesAWhile('save'),
    checkpoints: takesAWhile('checkpoints'),
    restore: takesAWhile('restore'),
    reset: takesAWhile('reset'),
    freeze: note('freeze'),
    stop: note('stop'),
    go: note('go'),
    parameters: note('parameters'),
    set: (robot, name, value) => {
      calls.push({ name: 'set', args: [robot, name, value] });
      throw new Error(`${name} can only be set at start-up`);
    },
  };
  const channel = new RequestChannel({
    administration,
    maxPeers: 16,
    ratePerS: options.ratePerS ?? 1000,
    maxMessageBytes: 4096,
    nowNs: () => clock.ns,
    send: (peer, frames) => {
      const delimited = frames[0] === '';
      expect(frames).toHaveLength(delimited ? 2 : 1);
      sent.push({ peer: peer.toString(), delimited, answer: decodeAnswer(frames.at(-1) as Uint8Array) });
    },
  });
  return {
    ...{ channel, calls, sent, clock, slow },
    ask: (request: Request, peer = 'peer') =>
      channel.receive(Buffer.from(peer), [Buffer.alloc(0), encodeMessage(request)]),
    raw: (...frames: Uint8Array[]) => channel.receive(Buffer.from('peer'), frames),
  };
}
/** Lets promises that have settled be acted on. */
const turn = () => new Promise<void>((done) => setImmediate(done));

describe('a request', () => {
  it.each([
    ['status', 'status', ['anna']],
    ['freeze', 'freeze', ['anna', true]],
    ['unfreeze', 'freeze', ['anna', false]],
    ['stop', 'stop', ['anna']],
    ['go', 'go', ['anna']],
    ['parameters', 'parameters', ['anna']],
  ] as const)('%s is done and answered at once, with its id', (m, name, args) => {
    const { ask, calls, sent, channel } = rig();
    ask({ m, id: 'abc' });
    expect(calls).toEqual([{ name, args }]);
    expect(sent).toEqual([
      { peer: 'peer', delimited: true, answer: { m: 'ok', re: m, id: 'abc', result: { did: name } } },
    ]);
    expect(channel.counters).toMatchObject({ requests: 1, done: 1 });
  });

  it.each([
    ['save', {}, ['anna']],
    ['checkpoints', {}, ['anna']],
    ['restore', {}, ['anna', null]],
    ['restore', { file: 'checkpoint-000012.rfsn' }, ['anna', 'checkpoint-000012.rfsn']],
    ['reset', {}, ['anna']],
  ] as const)('%s is answered when it is done: %j', async (m, more, args) => {
    const { ask, calls, sent, slow } = rig();
    ask({ m, id: 3, ...more });
    await turn();
    expect(calls).toEqual([{ name: m, args }]);
    expect(sent).toEqual([]);
    slow[0].finish();
    await turn();
    expect(sent.map(({ answer }) => answer)).toEqual([{ m: 'ok', re: m, id: 3, result: { did: m } }]);
  });

  it('that cannot be done is answered with the reason', async () => {
    const { ask, sent, slow, channel } = rig();
    ask({ m: 'set', id: 1, name: 'robot.width', value: 2 });
    ask({ m: 'save', id: 2 });
    await turn();
    slow[0].fail(new Error('the disk is full'));
    await turn();
    expect(sent.map(({ answer }) => answer)).toEqual([
      { m: 'error', code: 'failed', reason: 'robot.width can only be set at start-up', re: 'set', id: 1 },
      { m: 'error', code: 'failed', reason: 'the disk is full', re: 'save', id: 2 },
    ]);
    expect(channel.counters.rejected.failed).toBe(2);
  });

  it('to set something names it, and its value', () => {
    const { ask, sent, calls } = rig();
    ask({ m: 'set', value: 1 });
    ask({ m: 'set', name: 'epsilon' });
    expect(sent.map(({ answer }) => (answer as LinkError).reason)).toEqual([
      expect.stringMatching(/^name is missing/),
      expect.stringMatching(/^value is missing/),
    ]);
    expect(calls).toEqual([]);
  });

  it.each([
    '../secret',
    '..',
    '.',
    '.hidden',
    '/etc/passwd',
    'a/b',
    'a\\b',
    'a\0b',
    '',
    'C:file',
    '~root',
    'a b',
    '$HOME',
    'ä',
    'x'.repeat(256),
    '%2e%2e%2fsecret',
  ])('for the file %j is refused: names are bare', (file) => {
    const { ask, sent, calls, channel } = rig();
    ask({ m: 'restore', id: 9, file });
    expect(sent.map(({ answer }) => answer)).toEqual([
      { m: 'error', code: 'field', reason: expect.stringContaining('file must be'), re: 'restore', id: 9 },
    ]);
    expect(calls).toEqual([]);
    expect(channel.counters.rejected.field).toBe(1);
    expect(BARE_NAME.test(file)).toBe(false);
  });
});

describe('which robot is meant', () => {
  it('is said where there are several', () => {
    const { ask, sent, calls } = rig({ robots: ['anna', 'bert'] });
    ask({ m: 'status', robot: 'bert' });
    ask({ m: 'status' });
    ask({ m: 'status', robot: 'carl' });
    expect(calls).toEqual([{ name: 'status', args: ['bert'] }]);
    expect(sent.slice(1).map(({ answer }) => answer)).toEqual([
      { m: 'error', code: 'field', reason: 'robot is missing: which of anna, bert is meant', re: 'status' },
      {
        ...{ m: 'error', code: 'failed', re: 'status' },
        reason: 'no robot "carl" has a session; those that have: anna, bert',
      },
    ]);
  });

  it('is nobody where there is none', () => {
    const { ask, sent, calls } = rig({ robots: [] });
    ask({ m: 'status' });
    ask({ m: 'save' });
    expect(sent.map(({ answer }) => answer)).toEqual([
      { m: 'ok', re: 'status', result: { robots: [] } },
      { m: 'error', code: 'failed', reason: 'no robot has a session', re: 'save' },
    ]);
    expect(calls).toEqual([]);
  });
});

describe('what takes a while', () => {
  it('has its turn robot by robot, and holds up neither another robot nor what is done at once', async () => {
    const { ask, sent, slow, calls } = rig({ robots: ['anna', 'bert'] });
    ask({ m: 'save', id: 1, robot: 'anna' });
    ask({ m: 'reset', id: 2, robot: 'anna' });
    ask({ m: 'save', id: 3, robot: 'bert' });
    ask({ m: 'status', id: 4, robot: 'anna' });
    await turn();
    expect(sent.map(({ answer }) => answer.id)).toEqual([4]);
    expect(slow.map(({ name }) => name)).toEqual(['save anna', 'save bert']);
    slow[1].finish();
    await turn();
    expect(sent.map(({ answer }) => answer.id)).toEqual([4, 3]);
    slow[0].fail(new Error('no'));
    await turn();
    expect(calls.at(-1)).toEqual({ name: 'reset', args: ['anna'] });
    slow[2].finish();
    await turn();
    expect(sent.map(({ answer }) => answer.id)).toEqual([4, 3, 1, 2]);
  });

  it('waits in a queue that has an end', async () => {
    const { ask, sent, slow } = rig();
    for (let id = 0; id < 40; id++) ask({ m: 'save', id });
    expect(sent).toHaveLength(8);
    expect(sent[0].answer).toMatchObject({
      code: 'failed',
      id: 32,
      reason: expect.stringContaining('32 requests wait'),
    });
    for (let i = 0; i < 32; i++) {
      await turn();
      slow[i].finish();
    }
    await turn();
    expect(sent).toHaveLength(40);
    ask({ m: 'save', id: 99 });
    await turn();
    expect(slow).toHaveLength(33);
  });

  it('is waited for at the end; what has not begun is answered, and nothing is taken on any more', async () => {
    const { ask, sent, slow, channel } = rig();
    ask({ m: 'save', id: 1 });
    ask({ m: 'reset', id: 2 });
    await turn();
    let closed = false;
    const closing = channel.close().then(() => {
      closed = true;
    });
    ask({ m: 'status', id: 3 });
    await turn();
    expect(closed).toBe(false);
    slow[0].finish();
    await closing;
    expect(sent.map(({ answer }) => [answer.id, answer.m])).toEqual([
      [1, 'ok'],
      [2, 'error'],
    ]);
    expect(slow).toHaveLength(1);
  });
});

describe('what is no request', () => {
  it('is answered with the reason, wrapped as it came, and counted', () => {
    const { raw, sent, channel } = rig();
    const empty = Buffer.alloc(0);
    raw(encodeMessage({ m: 'status' }));
    raw(empty, empty, encodeMessage({ m: 'status' }));
    raw(empty, Buffer.alloc(5000));
    raw(empty, Buffer.from([0xc1]));
    raw(empty, Buffer.from([0xd4, 1, 2]));
    raw(empty, Buffer.from([0x93, 1, 2, 3]));
    raw(empty, Buffer.from('\x81\xa1m\xa8shutdown', 'latin1'));
    raw();
    expect(sent.map(({ delimited, answer }) => [delimited, (answer as LinkError).code])).toEqual([
      [false, 'frames'],
      [true, 'frames'],
      [true, 'size'],
      [true, 'malformed'],
      [true, 'structure'],
      [true, 'message'],
      [true, 'message'],
      [false, 'frames'],
    ]);
    expect(sent.every(({ answer }) => (answer as LinkError).reason.length > 10)).toBe(true);
    expect(channel.counters).toMatchObject({
      requests: 8,
      done: 0,
      rejected: { frames: 3, size: 1, malformed: 1, structure: 1, message: 2 },
    });
  });

  it('is answered ten times a second at most', () => {
    const { raw, sent, clock, channel } = rig();
    for (let i = 0; i < 50; i++) raw(Buffer.from([0xc1]));
    expect(sent).toHaveLength(10);
    clock.ns += 1e9;
    raw(Buffer.from([0xc1]));
    expect(sent).toHaveLength(11);
    expect(channel.counters.rejected.frames).toBe(51);
  });
});

describe('a peer that asks too often', () => {
  it('is told once, not listened to for a while, and the others are', () => {
    const { ask, sent, clock, channel, calls } = rig({ ratePerS: 30 });
    for (let id = 0; id < 100; id++) ask({ m: 'status', id }, 'greedy');
    expect(calls).toHaveLength(30);
    expect(sent).toHaveLength(31);
    expect(sent.at(-1)?.answer).toMatchObject({ m: 'error', code: 'rate' });
    expect(channel.counters).toMatchObject({ requests: 100, done: 30, cutOff: 1, muted: 69, rejected: { rate: 1 } });
    ask({ m: 'status', id: 1 }, 'modest');
    expect(sent.at(-1)).toMatchObject({ peer: 'modest', answer: { m: 'ok' } });
    clock.ns += 11e9;
    ask({ m: 'status', id: 2 }, 'greedy');
    expect(sent.at(-1)).toMatchObject({ peer: 'greedy', answer: { m: 'ok', id: 2 } });
  });
});

describe('administrators who ask too often between them', () => {
  it('get every request answered, fifty a second of them with what was asked for', () => {
    const { ask, sent, clock, channel, calls } = rig();
    for (let id = 0; id < 120; id++) ask({ m: 'status', id }, `peer ${id % 12}`);
    expect(calls).toHaveLength(50);
    expect(sent.map(({ answer }) => answer.id)).toEqual(Array.from({ length: 120 }, (_, id) => id));
    expect(sent.slice(50).map(({ answer }) => (answer as LinkError).code)).toEqual(Array(70).fill('rate'));
    expect(sent[119]).toEqual({
      ...{ peer: 'peer 11', delimited: true },
      answer: { m: 'error', code: 'rate', re: 'status', id: 119, reason: expect.stringContaining('50 times a second') },
    });
    expect(channel.counters).toMatchObject({ requests: 120, done: 50, cutOff: 0, muted: 0, rejected: { rate: 70 } });
    clock.ns += 0.1e9;
    for (let id = 0; id < 10; id++) ask({ m: 'status', id });
    expect(calls).toHaveLength(55);
  });

  it('can stop a robot all the same', () => {
    const { ask, sent, calls } = rig();
    for (let id = 0; id < 60; id++) ask({ m: 'parameters', id }, 'greedy');
    for (let id = 0; id < 60; id++) ask({ m: 'stop', id }, 'worried');
    expect(calls.filter(({ name }) => name === 'stop')).toHaveLength(60);
    expect(sent.at(-1)).toMatchObject({ peer: 'worried', answer: { m: 'ok', re: 'stop', id: 59 } });
    ask({ m: 'go' }, 'worried');
    expect(sent.at(-1)?.answer).toMatchObject({ m: 'error', code: 'rate', re: 'go' });
  });
});
