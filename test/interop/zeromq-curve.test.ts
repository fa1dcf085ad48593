import { execFile } from 'node:child_process';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { Request, type Socket, Subscriber, XSubscriber } from 'zeromq';
import { decodeAnswer, encodeMessage } from '../../src/io/zeromq/protocol/codec.js';
import { expectationOf } from '../../src/io/zeromq/session/expectation.js';
import type { Administration } from '../../src/io/zeromq/session/session-controller.js';
import { makeKeyPair } from '../../src/io/zeromq/socket/certificates.js';
import type { Role } from '../../src/io/zeromq/socket/endpoint.js';
import { ZeromqPort, ZeromqWatch } from '../../src/io/zeromq/zeromq-port.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { ContractCommands, ContractSink } from '../contract/port-contract.js';
import { temporaryFolder } from '../support/command-line.js';
import { DealerRobot, type PeerKeys } from '../support/dealer-robot.js';
import { LinkKeys, until } from '../support/link-keys.js';

const at = temporaryFolder();
const open: { stop?(): unknown; close?(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await (thing.stop ?? thing.close)?.call(thing);
});
const opened = <T extends { stop?(): unknown; close?(): unknown }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const administration = {
  robots: () => ['local'],
  status: () => ({ well: true }),
} as unknown as Administration;

type Overrides = Parameters<typeof loadParameters>[1];
interface Link {
  port: ZeromqPort;
  sink: ContractSink;
  commands: ContractCommands;
  notices: string[];
}

function makeLink(overrides: Overrides = {}): Link {
  const parameters = loadParameters([], {
    'zeromq.drive_endpoint': 'tcp://127.0.0.1:*',
    'zeromq.watch_endpoint': 'tcp://127.0.0.1:*',
    'zeromq.administer_endpoint': 'tcp://127.0.0.1:*',
    ...overrides,
  });
  const notices: string[] = [];
  const port = opened(
    new ZeromqPort({
      ...{ parameters, administration, expectation: expectationOf(parameters) },
      onNotice: (text) => notices.push(text),
    }),
  );
  return { port, sink: new ContractSink(), commands: new ContractCommands(), notices };
}

async function startLink(overrides: Overrides = {}): Promise<Link> {
  const link = makeLink(overrides);
  await link.port.start(link.sink, link.commands);
  return link;
}

const robotAt = (port: ZeromqPort, keys: Partial<PeerKeys> = {}, name = 'dealer') =>
  opened(new DealerRobot(port.endpoints.drive, keys, { name }));

/** A peer in one of the roles, and whether it has got through. */
interface Peer {
  through(): boolean;
  socket: { close(): void; events?: Socket['events'] };
}

function peerIn(role: Role, port: ZeromqPort, keys: Partial<PeerKeys>, endpoint = port.endpoints[role]): Peer {
  if (role === 'drive') {
    const robot = opened(new DealerRobot(endpoint, keys));
    return { socket: robot, through: () => robot.of('welcome').length > 0 };
  }
  let got = 0;
  if (role === 'watch') {
    const subscriber = opened(new Subscriber({ linger: 0, reconnectInterval: 20, ...keys }));
    subscriber.connect(endpoint);
    subscriber.subscribe('state/');
    void (async () => {
      for await (const [topic] of subscriber) if (topic.toString() === 'state/local') got++;
    })().catch(() => undefined);
    return { socket: subscriber, through: () => got > 0 };
  }
  const request = opened(
    new Request({ linger: 0, reconnectInterval: 20, relaxed: true, sendTimeout: 500, receiveTimeout: 300, ...keys }),
  );
  request.connect(endpoint);
  void (async () => {
    for (;;) {
      await request.send(encodeMessage({ m: 'status', id: 7 }));
      const answer = await request.receive().catch(() => null);
      if (answer !== null && decodeAnswer(answer[0]).m === 'ok') got++;
      await sleep(20);
    }
  })().catch(() => undefined);
  return { socket: request, through: () => got > 0 };
}

/** Something to tell whoever watches. */
function tellState(port: ZeromqPort | ZeromqWatch): void {
  port.telemetry.state('local', { t: 1, robot: 'local' } as never);
}

const roles: Role[] = ['drive', 'watch', 'administer'];

describe('keys on real sockets', () => {
  it.each(roles)('%s: the right key gets through, and no other', async (role) => {
    const keys = new LinkKeys(at('keys'));
    const right = keys.allow(role, 'right');
    const { port } = await startLink({ 'zeromq.keys_dir': at('keys') });
    tellState(port);
    const strangers = [
      peerIn(role, port, keys.peer()),
      peerIn(role, port, {}),
      // It takes another for the controller.
      peerIn(role, port, { ...right, curveServerKey: makeKeyPair().publicKey }),
      // Its secret is not that of the key it shows.
      peerIn(role, port, { ...right, curveSecretKey: makeKeyPair().secretKey }),
    ];
    await until('strangers refused', () => port.traffic.refused.key > 0 && port.traffic.failedHandshakes[role] > 3);
    expect(port.traffic.peers[role]).toBe(0);
    const friend = peerIn(role, port, right);
    await until('the right key is through', friend.through);
    expect(strangers.map((stranger) => stranger.through())).toEqual([false, false, false, false]);
  });

  it.each(roles)('%s: a key of another role is refused', async (role) => {
    const keys = new LinkKeys(at('keys'));
    const others = roles.filter((other) => other !== role).map((other) => keys.allow(other, 'other'));
    const { port, notices } = await startLink({ 'zeromq.keys_dir': at('keys') });
    tellState(port);
    const peers = others.map((other) => peerIn(role, port, other));
    await until('both refused', () => port.traffic.refused.key >= 2);
    expect(peers.map((peer) => peer.through())).toEqual([false, false]);
    expect(notices.join('\n')).toContain(`key not allowed to ${role}`);
  });

  it.each(roles)('%s: a key that is revoked is cut off, and the others go on', async (role) => {
    const keys = new LinkKeys(at('keys'));
    const leaver = keys.allow(role, 'leaver');
    const stayer = keys.allow(role, 'stayer');
    const { port, notices, sink } = await startLink({ 'zeromq.keys_dir': at('keys') });
    const endpoint = port.endpoints[role];
    tellState(port);
    // One robot is driven, the other refused: both are through the door.
    const gone = peerIn(role, port, leaver);
    await until('the leaver is through', gone.through);
    keys.revoke(role, 'leaver');
    await until('the leaver is refused', () => port.traffic.refused.key > 0);
    expect(notices.join('\n')).toContain(`${role}: leaver may connect no longer`);
    expect(port.endpoints[role]).toBe(endpoint);
    const handed = sink.calls.length;
    const still = peerIn(role, port, stayer);
    if (role === 'drive') {
      await until('the leaver’s session is over', () => port.sessions.every(({ robot }) => robot !== 'dealer'));
      expect(sink.calls.length).toBeGreaterThanOrEqual(handed);
    }
    tellState(port);
    await until('the stayer is through', still.through);
    expect(port.traffic.peers[role]).toBe(1);
  });

  it('a robot whose key stands goes on with its session after another’s is revoked', async () => {
    const keys = new LinkKeys(at('keys'));
    const stays = keys.allow('drive', 'stays');
    keys.allow('drive', 'goes');
    const { port, sink } = await startLink({ 'zeromq.keys_dir': at('keys') });
    const robot = robotAt(port, stays);
    await until('it is driven', () => sink.of('odometry').length > 5);
    const [{ session }] = port.sessions;
    keys.revoke('drive', 'goes');
    await until('everybody shook hands again', () => port.counters.moved > 0);
    const before = sink.of('odometry').length;
    await until('it is driven on', () => sink.of('odometry').length > before + 5);
    expect(port.sessions.map(({ session: key }) => key)).toEqual([session]);
    expect(robot.of('welcome')).toHaveLength(1);
  });

  it('a key that is added gets in without a restart', async () => {
    const keys = new LinkKeys(at('keys'));
    const { port } = await startLink({ 'zeromq.keys_dir': at('keys') });
    robotAt(port, keys.peer());
    await until('a stranger is refused', () => port.traffic.refused.key > 0);
    const robot = robotAt(port, keys.allow('drive', 'new'));
    await until('the new one is through', () => robot.of('welcome').length > 0);
  });
});

describe('what keeps the link from starting', () => {
  const start = (overrides: Overrides) => {
    const link = makeLink(overrides);
    return link.port.start(link.sink, link.commands);
  };

  it.each([0o644, 0o640, 0o602])('a secret that others can read or change, mode %i in decimal', async (mode) => {
    new LinkKeys(at('keys'));
    chmodSync(at('keys', 'server.key_secret'), mode);
    await expect(start({ 'zeromq.keys_dir': at('keys') })).rejects.toThrow(
      `can be read or changed by others (mode 0${mode.toString(8)})`,
    );
  });

  it('a folder of keys that others can write to', async () => {
    new LinkKeys(at('keys'));
    chmodSync(at('keys'), 0o770);
    await expect(start({ 'zeromq.keys_dir': at('keys') })).rejects.toThrow('can be changed by others (mode 0770)');
  });

  it.each(['drive', 'watch', 'administer'])('%s on all addresses, without keys', async (role) => {
    await expect(start({ [`zeromq.${role}_endpoint`]: 'tcp://0.0.0.0:*' })).rejects.toThrow(
      new RegExp(`zeromq\\.${role}_endpoint: .*rfsn keys init DIR`),
    );
  });

  it('a port that is taken', async () => {
    const { port } = await startLink();
    await expect(start({ 'zeromq.drive_endpoint': port.endpoints.drive })).rejects.toThrow(
      `zeromq.drive_endpoint: another process listens at ${port.endpoints.drive}`,
    );
  });

  it('one endpoint for two sockets', async () => {
    const endpoint = 'tcp://127.0.0.1:7499';
    await expect(start({ 'zeromq.drive_endpoint': endpoint, 'zeromq.watch_endpoint': endpoint })).rejects.toThrow(
      'zeromq.watch_endpoint: tcp://127.0.0.1:7499 is zeromq.drive_endpoint too',
    );
  });
});

describe('ipc', () => {
  const ipc = () => ({ 'zeromq.drive_endpoint': `ipc://${at('drive.sock')}` });

  it('makes a socket that only its owner can use, and takes it away again', async () => {
    const mask = process.umask(0);
    try {
      const { port, sink } = await startLink(ipc());
      expect(statSync(at('drive.sock')).mode & 0o777).toBe(0o600);
      expect(process.umask()).toBe(0);
      robotAt(port);
      await until('it is driven', () => sink.of('odometry').length > 0);
      await port.stop();
      expect(existsSync(at('drive.sock'))).toBe(false);
    } finally {
      process.umask(mask);
    }
  });

  it('refuses to take the place of one at which somebody listens, and leaves it alone', async () => {
    const first = await startLink(ipc());
    const second = makeLink(ipc());
    await expect(second.port.start(second.sink, second.commands)).rejects.toThrow('another process listens at ipc://');
    robotAt(first.port);
    await until('the first goes on', () => first.sink.of('odometry').length > 0);
  });
});

describe('peers that misbehave', () => {
  it('above zeromq.max_peers are refused, and come in as soon as there is room', async () => {
    const { port, sink, notices } = await startLink({ 'zeromq.max_peers': 2 });
    robotAt(port);
    await until('the first is driven', () => sink.of('odometry').length > 0);
    const second = robotAt(port, {}, 'second');
    await until('the second is heard', () => second.of('refused').length > 0);
    const third = robotAt(port, {}, 'third');
    await until('the third is refused', () => port.traffic.refused.peers > 0);
    expect(port.traffic.peers.drive).toBe(2);
    expect(third.received).toEqual([]);
    expect(notices.join('\n')).toContain('drive has its 2 peers (zeromq.max_peers)');
    second.close();
    await until('the third is heard', () => third.of('refused').length > 0);
  });

  it('bytes that are no ZMTP disturb nobody, and are counted', async () => {
    const { port, sink } = await startLink();
    robotAt(port);
    await until('it is driven', () => sink.of('odometry').length > 0);
    const tcpPort = Number(port.endpoints.drive.split(':').at(-1));
    let ended = 0;
    const greeting = Buffer.from('ff00000000000000017f03014e554c4c', 'hex');
    const garbage = [Buffer.alloc(64, 7), Buffer.from('GET / HTTP/1.1\r\n\r\n'), greeting, Buffer.alloc(4096, 0xff)];
    for (let i = 0; i < 40; i++) {
      const socket = connect(tcpPort, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.on('close', () => ended++);
      socket.on('connect', () => {
        socket.write(garbage[i % garbage.length]);
        setTimeout(() => socket.destroy(), 200);
      });
    }
    await until('all have come and gone', () => ended === 40);
    const before = sink.of('odometry').length;
    await until('it is driven on', () => sink.of('odometry').length > before + 5);
    expect(port.traffic.failedHandshakes.drive).toBeGreaterThan(0);
    expect(port.sessions).toHaveLength(1);
    expect(port.counters.frames).toBe(port.counters.settled);
  });

  it('a message over the limit cuts its sender off, and the robot beside it goes on', async () => {
    const { port, sink } = await startLink({ 'zeromq.max_message_bytes': 2048 });
    robotAt(port);
    await until('it is driven', () => sink.of('odometry').length > 0);
    const talker = robotAt(port, {}, 'talker');
    await until('the talker is heard', () => talker.of('refused').length > 0);
    const { frames } = port.counters;
    talker.send(new Uint8Array(1_000_000));
    await until('the talker has come again', () => port.traffic.peers.drive === 2 && talker.of('refused').length > 2);
    const before = sink.of('odometry').length;
    await until('it is driven on', () => sink.of('odometry').length > before + 5);
    expect(port.counters.rejected.size).toBe(0);
    expect(port.counters.frames).toBeGreaterThan(frames);
  });

  it('a flood of subscriptions cuts the watchers off, who come again', async () => {
    const { port, notices } = await startLink();
    tellState(port);
    const friend = peerIn('watch', port, {});
    await until('the friend is told', friend.through);
    const flood = opened(new XSubscriber({ linger: 0, sendHighWaterMark: 0 }));
    flood.connect(port.endpoints.watch);
    for (let i = 0; i < 10_050; i++) await flood.send(`\x01decision/${i}`);
    await until('the flood is noticed', () => port.telemetry.counts.cutOff > 0);
    flood.close();
    expect(notices.join('\n')).toContain('too many subscriptions');
    await until('only the friend is left', () => port.telemetry.subscriptions === 1);
    const { published } = port.telemetry.counts;
    const before = published.state;
    tellState(port);
    await until('the friend is told again', () => published.state > before);
  });
});

describe('the end', () => {
  it('tells the robot to stand, then bye', async () => {
    const { port, sink, commands } = await startLink();
    const robot = robotAt(port);
    await until('it is driven', () => sink.of('ranges').length > 0);
    commands.send(0.5);
    await until('it moves', () => robot.speed > 0);
    await port.stop();
    await until('bye has come', () => robot.of('bye').length > 0);
    const { twist } = robot.of('command').at(-1) as { twist: readonly number[] };
    expect(twist).toEqual([0, 0, 0]);
    expect(robot.of('bye')).toMatchObject([{ reason: 'the controller is ending' }]);
  });

  it('may come while the sockets are still being opened, and before', async () => {
    const path = at('drive.sock');
    const { port, sink, commands } = makeLink({ 'zeromq.drive_endpoint': `ipc://${path}` });
    const starting = port.start(sink, commands);
    await port.stop();
    await starting;
    expect(existsSync(path)).toBe(false);
    expect(port.health().ok).toBe(false);
    await makeLink().port.stop();
  });

  it.each(['without keys', 'with keys'])('leaves nothing in the event loop, %s', async (how) => {
    new LinkKeys(at('keys'));
    const script = fileURLToPath(new URL('zeromq-port-process.ts', import.meta.url));
    const hooks = new URL('../support/typescript-hooks.mjs', import.meta.url).href;
    const args = ['--import', hooks, script, ...(how === 'with keys' ? [at('keys')] : [])];
    // Whatever held it would hold it for ever; it is given up after twenty seconds.
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(stdout).toBe('stopped\n');
  });

  it('a watch alone has no drive socket, answers requests, and stops', async () => {
    const parameters = loadParameters([], {
      'zeromq.watch_endpoint': 'tcp://127.0.0.1:*',
      'zeromq.administer_endpoint': 'tcp://127.0.0.1:*',
    });
    const watch = opened(new ZeromqWatch({ parameters, administration }));
    expect(watch.health().ok).toBe(false);
    await watch.start();
    expect(watch.endpoints.drive).toBe('');
    expect(watch.health()).toEqual({ ok: true, detail: '0 watchers, 0 administrators' });
    tellState(watch);
    const port = watch as unknown as ZeromqPort;
    const peers = [peerIn('watch', port, {}), peerIn('administer', port, {})];
    await until('both are through', () => peers.every((peer) => peer.through()));
    expect(watch.health().detail).toBe('1 watcher, 1 administrator');
    expect(watch.requests?.done).toBeGreaterThan(0);
    await watch.stop();
    await watch.stop();
    expect(watch.health().ok).toBe(false);
  });
});
