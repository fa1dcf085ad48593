import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LiveSource } from '../../../src/dashboard/live-source.js';
import { LONG_ANSWER_BURST, REQUESTS_PER_S } from '../../../src/dashboard/page-client.js';
import { readPageFiles } from '../../../src/dashboard/page-files.js';
import type { PageServer } from '../../../src/dashboard/server.js';
import { WIRE_PATH, WIRE_VERSION, WireClose } from '../../../src/dashboard/wire.js';
import { DecisionField } from '../../../src/memory/layout.js';
import { temporaryFolder } from '../../support/command-line.js';
import { PlayedRobot, pageRig, recordOf } from '../../support/page-rig.js';

const at = temporaryFolder();
const rig = pageRig();
/** On a machine that does other things too. */
const SOON = { timeout: 20_000 };
const WATCH = 'watching-watching-watching';
const CONTROL = 'controlling-controlling';

interface Got {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A request with the very headers and path that are given. */
function get(server: PageServer, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** Three thousand requests at once, one behind the other on one connection. @returns what they were answered with */
async function flood(server: PageServer, headers: Record<string, string>): Promise<Set<string>> {
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const asked = 3000;
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`GET /nothing HTTP/1.1\r\n${lines.join('')}\r\n`.repeat(asked));
  const statuses: string[] = [];
  let rest = '';
  for await (const chunk of socket) {
    rest += chunk;
    statuses.push(...[...rest.matchAll(/HTTP\/1\.1 (\d+) [^\n]*\n/g)].map(([, status]) => status));
    rest = rest.slice(rest.lastIndexOf('\n') + 1);
    if (statuses.length >= asked) break;
  }
  return new Set(statuses);
}

function tokenFile(): string {
  const path = at('tokens');
  writeFileSync(path, `watch ${WATCH}\ncontrol ${CONTROL}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
  return path;
}

/** A server that shows a robot. */
async function served(options: Parameters<typeof rig.serve>[0] = {}) {
  const server = await rig.serve(options);
  const robot = new PlayedRobot();
  const source = new LiveSource(robot);
  server.add(source);
  return { server, robot, source };
}

describe('what is served', () => {
  const metrics = {
    contentType: 'text/plain; version=0.0.4',
    text: async () => 'rfsn_up 1\n',
    live: () => ({ ok: true, detail: 'alive' }),
    ready: () => ({ ok: false, detail: 'rex: the breaker is open' }),
  };

  it('is the page’s files and nothing else, whatever is asked for', async () => {
    const folder = at('dist', 'page');
    mkdirSync(at('dist', 'page', 'vendor'), { recursive: true });
    const map = '{"imports":{"uplot":"./vendor/uPlot.esm.js"}}';
    writeFileSync(
      at('dist', 'page', 'index.html'),
      `<script type="importmap">${map}</script><script src="./main.js"></script>`,
    );
    writeFileSync(at('dist', 'page', 'main.js'), '1');
    writeFileSync(at('dist', 'page', 'main.js.map'), 'secret');
    writeFileSync(at('dist', 'page', 'main.d.ts'), 'secret');
    writeFileSync(at('dist', 'page', 'style.css'), '2');
    writeFileSync(at('dist', 'page', 'vendor', 'uPlot.esm.js'), '3');
    writeFileSync(at('dist', 'wire.js'), '4');
    writeFileSync(at('dist', 'server.js'), 'secret');
    const files = readPageFiles(folder);
    const server = await rig.serve({ files });
    const texts = async (path: string) => {
      const { status, body, headers } = await get(server, path);
      return [status, body, headers['content-type']];
    };
    expect(await texts('/main.js')).toEqual([200, '1', 'text/javascript; charset=utf-8']);
    expect(await texts('/style.css')).toEqual([200, '2', 'text/css; charset=utf-8']);
    expect(await texts('/vendor/uPlot.esm.js')).toEqual([200, '3', 'text/javascript; charset=utf-8']);
    expect(await texts('/wire.js')).toEqual([200, '4', 'text/javascript; charset=utf-8']);
    for (const path of [
      '/main.js.map',
      '/main.d.ts',
      '/server.js',
      '/index.html',
      '/../server.js',
      '/vendor/../../server.js',
      '/%2e%2e/server.js',
      '/..%2fserver.js',
      '//wire.js',
      '/vendor',
      '/vendor/',
      '/etc/passwd',
      '/main.js/',
      '/__proto__',
      '/%00',
    ]) {
      const { status, body } = await get(server, path);
      expect([path, status >= 400 && status < 500, body.includes('secret')]).toEqual([path, true, false]);
    }
    const { headers } = await get(server, '/');
    // echo -n '{"imports":…}' | openssl dgst -sha256 -binary | base64
    expect(headers['content-security-policy']).toContain(
      `script-src 'self' 'sha256-wo4DHVoYZLFkTf+lGS178bA1bCcF6OgOIJMNSppjjp4='; style-src 'self';`,
    );
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; .*frame-ancestors 'none'$/);
  });

  it('says of itself that it is framed by nobody, guessed at by nobody, and told to nobody', async () => {
    const { server } = await served();
    for (const path of ['/', '/nothing', '/livez', WIRE_PATH]) {
      expect((await get(server, path)).headers).toMatchObject({
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'permissions-policy': expect.stringContaining('geolocation=()'),
      });
    }
  });

  it('is not sent again to who has it', async () => {
    const { server } = await served();
    const first = await get(server, '/');
    const again = await get(server, '/', { 'if-none-match': String(first.headers['etag']) });
    expect([first.status, again.status, again.body]).toEqual([200, 304, '']);
    expect((await get(server, '/', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('takes nothing in', async () => {
    const { server } = await served();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect((await get(server, '/', { 'content-type': 'text/plain' }, method)).status).toBe(404);
    }
  });

  it('is no more than so much a second, but for who has a token, and other sites’ pages take none of it', async () => {
    const { server } = await served({ tokenFile: tokenFile() });
    const foreign = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' };
    expect(await flood(server, foreign)).toEqual(new Set(['403']));
    expect((await get(server, '/', { ...foreign, 'sec-fetch-mode': 'navigate' })).status).toBe(200);
    expect(await flood(server, {})).toEqual(new Set(['404', '429']));
    expect((await get(server, '/livez')).status).toBe(200);
    expect((await rig.open(server, { token: CONTROL })).hello?.role).toBe('control');
  });

  it('is refused by a name that is not served', async () => {
    const { server } = await served({ hosts: ['robot.example'] });
    for (const path of ['/', '/metrics', '/livez', WIRE_PATH]) {
      expect((await get(server, path, { host: 'evil.example' })).status).toBe(421);
    }
    expect((await get(server, '/', { host: 'robot.example' })).status).toBe(200);
  });

  it('is health and metrics where there are some', async () => {
    const { server } = await served({ metrics });
    expect(await get(server, '/livez')).toMatchObject({ status: 200, body: 'alive\n' });
    expect(await get(server, '/readyz')).toMatchObject({ status: 503, body: 'rex: the breaker is open\n' });
    expect(await get(server, '/metrics')).toMatchObject({
      status: 200,
      body: 'rfsn_up 1\n',
      headers: { 'content-type': 'text/plain; version=0.0.4' },
    });
    const bare = await rig.serve();
    expect((await get(bare, '/metrics')).status).toBe(404);
    expect((await get(bare, '/livez')).status).toBe(200);
  });

  it('is metrics to who has a token, where tokens are asked for, and health to everybody', async () => {
    const { server } = await served({ metrics, tokenFile: tokenFile() });
    const status = async (authorization?: string) =>
      (await get(server, '/metrics', authorization === undefined ? {} : { authorization })).status;
    expect(await status()).toBe(401);
    expect(await status('Bearer wrong')).toBe(401);
    expect(await status(`Bearer ${WATCH}`)).toBe(200);
    expect((await get(server, `/metrics?token=${WATCH}`)).status).toBe(401);
    expect((await get(server, '/livez')).status).toBe(200);
  });

  it('fails where figures fail, and says nothing of how', async () => {
    const failing = { ...metrics, text: () => Promise.reject(new Error('/home/secret')) };
    const { server } = await served({ metrics: failing });
    expect(await get(server, '/metrics')).toMatchObject({ status: 500, body: 'That failed.\n' });
  });
});

describe('an address that is taken', () => {
  it('gives way to the next one, unless it was asked for', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
    });
    const listen = `127.0.0.1:${port}`;
    await expect(rig.serve({ listen, portGiven: true })).rejects.toThrow(
      `dashboard.listen: nothing can be served at ${listen}: port ${port} is taken`,
    );
    const server = await rig.serve({ listen, portGiven: false });
    expect(server.port).toBeGreaterThan(port);
    expect((await get(server, '/')).status).toBe(200);
    await new Promise((resolve) => taken.close(resolve));
  });
});

describe('a page', () => {
  it('is greeted, then shown frames that equal the controller’s records bit for bit', async () => {
    const { server, robot } = await served();
    const page = await rig.open(server, { origin: `http://127.0.0.1:${server.port}` });
    expect(page.hello).toMatchObject({
      wire: WIRE_VERSION,
      version: '1.2.3',
      run: server.run,
      role: 'control',
      robots: ['rex'],
      robot: { name: 'rex', periodS: 0.02 },
      features: [{ name: 'position_x', unit: 'm' }],
      fields: DecisionField,
      drivers: ['none', 'policy', 'fallback', 'stop'],
    });
    for (let cycle = 0; cycle < 5; cycle++) {
      robot.scan(cycle + 1, Float32Array.from([cycle, Number.NaN]));
      const record = recordOf(cycle, { rangesSequence: cycle + 1, goalX: Number.POSITIVE_INFINITY, poseYaw: -0 });
      robot.decide(record);
      const frame = await page.until(() => page.frames.find((candidate) => candidate.record[0] === cycle));
      expect(frame.record).toEqual(record);
      expect(frame.scan?.ranges).toEqual(Float32Array.from([cycle, Number.NaN]));
    }
  });

  it('is sent a scan once', async () => {
    const { server, robot } = await served();
    const page = await rig.open(server);
    robot.scan(1, new Float32Array(3));
    for (let cycle = 0; cycle < 3; cycle++) {
      robot.decide(recordOf(cycle, { rangesSequence: 1 }));
      await page.until(() => page.frames.length > cycle);
    }
    expect(page.frames.map(({ scan }) => scan?.ranges.length ?? null)).toEqual([3, null, null]);
  });

  it('is told how things stand, by itself', async () => {
    const { server, robot } = await served();
    robot.figured = { cycles: 42, warning: 'STALLED', rateHz: Number.NaN };
    const page = await rig.open(server);
    const status = await page.until(() => page.of('status')[0]);
    expect(status).toMatchObject({ cycles: 42, warning: 'STALLED', rateHz: null, skippedFrames: 0, success: null });
  });

  it('is told of episodes and notices as they come, and of those before when it opens', async () => {
    const { server, source } = await served();
    const first = await rig.open(server);
    source.endEpisode({ episode: 0, outcome: 'collision', timeS: 3 });
    source.notice('warning', 'look out');
    await first.until(() => first.of('notice').length > 0);
    expect(first.of('episode')[0].episode).toMatchObject({ episode: 0, outcome: 'collision' });
    const second = await rig.open(server);
    expect(second.hello?.episodes).toEqual(source.episodes);
  });

  it('gives orders, and is answered by the number of its request', async () => {
    const { server, robot } = await served();
    const page = await rig.open(server);
    expect(await page.ask({ do: 'goal', x: 1, y: -2 })).toEqual({
      kind: 'answer',
      re: 1,
      ok: true,
      text: 'did goal',
      result: null,
    });
    expect(robot.orders).toEqual([{ do: 'goal', x: 1, y: -2 }]);
    expect(await page.ask({ do: 'explain', cycle: 5 })).toMatchObject({
      re: 2,
      ok: false,
      text: /cycle 5 is not kept/,
    });
  });

  it('is shown another robot when it asks, and all when one comes or goes', async () => {
    const { server, robot, source } = await served();
    const page = await rig.open(server);
    const other = new PlayedRobot({ name: 'tim' });
    const otherSource = new LiveSource(other);
    server.add(otherSource);
    await page.until(() => page.hello?.robots.length === 2);
    expect(page.hello?.robot.name).toBe('rex');
    expect(await page.ask({ do: 'show', robot: 'tim' })).toMatchObject({ ok: true });
    expect(page.hello?.robot.name).toBe('tim');
    expect([robot.explained, other.explained]).toEqual([0, 1]);
    expect(await page.ask({ do: 'show', robot: 'bob' })).toMatchObject({ ok: false, text: 'there is no robot bob' });
    server.remove(otherSource);
    await page.until(() => page.hello?.robots.length === 1);
    expect(page.hello?.robot.name).toBe('rex');
    server.remove(source);
    expect(await page.closed).toEqual({ code: WireClose.nothing, reason: 'the robot has gone' });
  });

  it('orders a robot by its name, whoever is shown by then', async () => {
    const { server, robot, source } = await served();
    const page = await rig.open(server);
    const other = new PlayedRobot({ name: 'tim' });
    server.add(new LiveSource(other));
    expect(await page.ask({ do: 'stop' }, 'tim')).toMatchObject({ ok: true });
    expect([robot.orders, other.orders]).toEqual([[], [{ do: 'stop' }]]);
    server.remove(source);
    expect(await page.ask({ do: 'arm' }, 'rex')).toMatchObject({ ok: false, text: 'there is no robot rex' });
    expect(other.orders).toEqual([{ do: 'stop' }]);
    expect(page.of('notice').at(-1)).toMatchObject({ level: 'warning', text: 'rex has gone; tim is shown' });
  });

  it('of a robot that comes back before it has gone is shown the one that is there', async () => {
    const { server, source, robot } = await served();
    const page = await rig.open(server);
    const back = new PlayedRobot();
    server.add(new LiveSource(back));
    server.remove(source);
    source.close();
    await page.ask({ do: 'stop' });
    expect([robot.orders, back.orders]).toEqual([[], [{ do: 'stop' }]]);
    expect([robot.explained, back.explained]).toEqual([0, 1]);
    back.decide(recordOf(7));
    await page.until(() => page.frames.at(-1)?.record[0] === 7);
  });

  it('stops the robot whatever else waits for its answer', async () => {
    const { server, robot } = await served();
    const page = await rig.open(server);
    robot.orderGate = new Promise(() => undefined);
    for (let id = 1000; id < 1040; id++) page.socket.send(JSON.stringify({ id, do: 'step' }));
    await page.until(() => page.of('answer').find(({ text }) => text.startsWith('too many requests')));
    robot.orderGate = null;
    expect(await page.ask({ do: 'stop' })).toMatchObject({ ok: true });
    expect(robot.orders.at(-1)).toEqual({ do: 'stop' });
  });

  it('that leaves ends its view', async () => {
    const { server, robot } = await served();
    const page = await rig.open(server);
    expect([server.clients, robot.explained]).toEqual([1, 1]);
    const gone = page.closed;
    page.socket.close();
    await gone;
    await expect.poll(() => [server.clients, robot.explained], SOON).toEqual([0, 0]);
  });
});

describe('who may open a page', () => {
  const refusedFor = async (server: PageServer, token?: string) => {
    const page = await rig.open(server, token === undefined ? {} : { token });
    return page.hello === undefined ? (await page.closed).code : page.hello.role;
  };

  it('has a token, where tokens are asked for, and its role', async () => {
    const { server, robot } = await served({ tokenFile: tokenFile() });
    expect(await refusedFor(server)).toBe(WireClose.refused);
    expect(await refusedFor(server, 'wrong')).toBe(WireClose.refused);
    expect(await refusedFor(server, CONTROL)).toBe('control');
    expect(await refusedFor(server, WATCH)).toBe('watch');
    const watching = await rig.open(server, { token: WATCH });
    // It must not come back to the page, which others may read.
    expect(watching.socket.protocol).toBe('rfsn.v1');
    for (const order of [
      { do: 'goal', x: 0, y: 0 },
      { do: 'arm' },
      { do: 'stop' },
      { do: 'freeze', frozen: true },
      { do: 'save' },
      { do: 'checkpoints' },
      { do: 'restore', file: null },
      { do: 'pause', paused: true },
      { do: 'step' },
      { do: 'speed', speed: 2 },
    ] as const) {
      expect(await watching.ask(order)).toMatchObject({ ok: false, text: 'this page may watch, and give no orders' });
    }
    expect(robot.orders).toEqual([]);
    expect(await watching.ask({ do: 'trail', atS: 0, seconds: 1 })).toMatchObject({ ok: true });
  });

  it('is never told of with a token', async () => {
    const { server } = await served({ tokenFile: tokenFile() });
    await refusedFor(server, 'wrong-wrong-wrong');
    await get(server, `/live?token=${CONTROL}`);
    await expect.poll(() => rig.told.length, SOON).toBeGreaterThan(0);
    expect(rig.told.join('\n')).toMatch(/refused so far: 1 without a known token/);
    expect(rig.told.join('\n')).not.toMatch(/wrong-|controlling|watching/);
  });

  it('is no other site’s page, by whatever name it asks', async () => {
    const { server } = await served({ hosts: ['robot.example'] });
    const refusal = async (options: Parameters<typeof rig.open>[1]) => (await rig.open(server, options)).refusal;
    expect(await refusal({ origin: 'https://evil.example' })).toBe(403);
    expect(await refusal({ origin: 'http://localhost:3000' })).toBe(403);
    expect(await refusal({ origin: 'null' })).toBe(403);
    expect(await refusal({ origin: 'http://evil.example', headers: { host: 'evil.example' } })).toBe(421);
    expect(await refusal({ origin: 'https://robot.example', headers: { host: 'robot.example' } })).toBe(0);
    expect(await refusal({ protocols: ['rfsn.v0'] })).toBe(400);
    expect(server.access.refused).toMatchObject({ origin: 3, host: 1 });
  });

  it('is as many as are allowed, and a further one is told so until one leaves', async () => {
    const { server } = await served({ maxClients: 2 });
    const pages = [await rig.open(server), await rig.open(server)];
    const third = await rig.open(server);
    expect((await third.closed).code).toBe(WireClose.full);
    pages[0].socket.close();
    await expect.poll(() => server.clients, SOON).toBe(1);
    expect((await rig.open(server)).hello?.kind).toBe('hello');
    expect(server.counts.crowded).toBe(1);
  });

  it('is told to come back where there is nothing to show yet', async () => {
    const server = await rig.serve();
    const page = await rig.open(server);
    expect((await page.closed).code).toBe(WireClose.nothing);
  });

  it('who only connects and says nothing takes nobody’s place', async () => {
    const { server } = await served();
    const idle = Array.from({ length: 140 }, () => connect(server.port, '127.0.0.1'));
    for (const socket of idle) socket.on('error', () => undefined);
    await expect.poll(() => server.counts.evicted, SOON).toBe(12);
    expect((await rig.open(server)).hello?.kind).toBe('hello');
    for (const socket of idle) socket.destroy();
  });
});

describe('what a page may send', () => {
  const sent = async (data: string | Buffer) => {
    const { server } = await served();
    const page = await rig.open(server);
    page.socket.send(data);
    return { ...(await page.closed), garbage: server.counts.garbage };
  };

  it.each([
    '',
    'x',
    '{',
    'null',
    '7',
    '[]',
    '{}',
    '{"do":"stop"}',
    '{"id":-1,"do":"stop"}',
    '{"id":1.5,"do":"stop"}',
    '{"id":1}',
  ])('%j is no request, and ends the connection', async (text) => {
    expect(await sent(text)).toEqual({ code: WireClose.misused, reason: 'what was sent is no request', garbage: 1 });
  });

  it('is no bytes, nor more of them than a request has', async () => {
    expect(await sent(Buffer.from('{"id":1,"do":"stop"}'))).toMatchObject({ code: WireClose.misused, garbage: 1 });
    expect(await sent(JSON.stringify({ id: 1, do: 'show', robot: 'x'.repeat(5000) }))).toMatchObject({
      code: 1009,
      garbage: 1,
    });
  });

  it.each([
    [{ do: 'bogus' }, 'there is no such order'],
    [{ do: '__proto__' }, 'there is no such order'],
    [{ do: 'goal', x: 'a', y: 0 }, /^x: /],
    [{ do: 'goal', x: 1e7, y: 0 }, /^x: /],
    [{ do: 'goal', x: null, y: 0 }, /^x: /],
    [{ do: 'goal', x: 1 }, /^y: /],
    [{ do: 'speed', speed: 0 }, /^speed: /],
    [{ do: 'restore', file: 7 }, /^file: /],
    [{ do: 'stop', now: true }, /now/],
  ])('%j is answered with what is wrong, and not carried out', async (order, complaint) => {
    const { server, robot } = await served();
    const page = await rig.open(server);
    const { ok, text } = await page.ask(order as never);
    expect(ok).toBe(false);
    expect(text).toMatch(complaint);
    expect(robot.orders).toEqual([]);
  });

  it('is so much a second, and whoever sends more is let go and counted, while the others stay', async () => {
    const { server } = await served();
    const [flooder, other] = [await rig.open(server), await rig.open(server)];
    for (let id = 1; id <= 20 * REQUESTS_PER_S; id++) flooder.socket.send(JSON.stringify({ id, do: 'step' }));
    expect(await flooder.closed).toEqual({
      code: WireClose.misused,
      reason: `more than ${REQUESTS_PER_S} messages a second`,
    });
    expect(server.counts.tooMany).toBe(1);
    expect(await other.ask({ do: 'arm' })).toMatchObject({ ok: true });
  });

  it.each([
    { do: 'show', robot: 'rex' },
    { do: 'trail', atS: 0, seconds: 1 },
  ] as const)('is $do a few times a second; further ones are refused, while orders are carried out', async (order) => {
    const { server, robot } = await served();
    const [page, other] = [await rig.open(server), await rig.open(server)];
    // Those that a slow machine takes in later fill the bucket up again, by four a second.
    const answers = await Promise.all(Array.from({ length: 30 }, () => page.ask(order)));
    expect(answers.slice(0, LONG_ANSWER_BURST).every(({ ok }) => ok)).toBe(true);
    const refused = answers.filter(({ ok }) => !ok);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ text }) => text))).toEqual(
      new Set(['another robot or its path may be asked for 4 times a second: again in a moment']),
    );
    expect(await page.ask({ do: 'stop' })).toMatchObject({ ok: true });
    expect(robot.orders).toEqual([{ do: 'stop' }]);
    expect(await other.ask(order)).toMatchObject({ ok: true });
  });
});

describe('a page that is slow', () => {
  it('gets fewer frames and the newest at the end; the others get all of them; each is encoded once', async () => {
    const { server, robot } = await served();
    const [slow, quick, third] = [await rig.open(server), await rig.open(server), await rig.open(server)];
    const { socket } = slow;
    socket.pause();
    const frames = 100;
    for (let cycle = 0; cycle < frames; cycle++) {
      robot.decide(recordOf(cycle));
      for (const page of [quick, third]) await page.until(() => page.frames.at(-1)?.record[0] === cycle);
    }
    expect([quick.frames.length, third.frames.length]).toEqual([frames, frames]);
    expect(server.counts.encoded).toBe(frames);
    socket.resume();
    await slow.until(() => slow.frames.at(-1)?.record[0] === frames - 1);
    expect(slow.frames.length).toBeLessThan(frames / 2);
    const skipped = server.counts.skippedFrames;
    expect(skipped).toBe(frames - slow.frames.length);
    await slow.until(() => slow.of('status').at(-1)?.skippedFrames === skipped);
    expect(quick.of('status').at(-1)?.skippedFrames).toBe(0);
  });
});

describe('what fails for one page', () => {
  it('costs that page alone, is told once and counted', async () => {
    const { server, robot, source } = await served();
    const [page, other] = [await rig.open(server), await rig.open(server)];
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    robot.carryOut = async () => ({ text: '', result: cyclic });
    page.socket.send('{"id":1,"do":"save"}');
    expect((await page.closed).code).toBe(1006);
    expect(server.counts.faults).toBe(1);
    expect(rig.told.filter((text) => text.includes('told once'))).toHaveLength(1);
    source.notice('info', 'still here');
    await other.until(() => other.of('notice').some(({ text }) => text === 'still here'));
  });
});

describe('the server’s end', () => {
  it('is told to every page, and bounded by none that does not answer', async () => {
    const { server, robot } = await served();
    const [page, deaf] = [await rig.open(server), await rig.open(server)];
    deaf.socket.pause();
    let release: (value: unknown) => void = () => undefined;
    robot.orderGate = new Promise((resolve) => {
      release = resolve;
    });
    // In the midst of it all: an order under way, frames on their way, a connection that says nothing.
    page.socket.send('{"id":1,"do":"save"}');
    await expect.poll(() => robot.orders.length, SOON).toBe(1);
    const idle = connect(server.port, '127.0.0.1');
    idle.on('error', () => undefined);
    robot.decide(recordOf(1));
    const ends = [server.close(), server.close()];
    expect(await page.closed).toMatchObject({ code: WireClose.goingAway });
    await Promise.all(ends);
    release(undefined);
    await expect.poll(() => [server.clients, robot.explained], SOON).toEqual([0, 0]);
    await expect(get(server, '/')).rejects.toThrow('ECONNREFUSED');
    idle.destroy();
  });

  it('and another’s beginning are a new run', async () => {
    const first = await served();
    const page = await rig.open(first.server);
    const listen = `127.0.0.1:${first.server.port}`;
    await first.server.close();
    expect((await page.closed).code).toBe(WireClose.goingAway);
    const { server } = await served({ listen });
    const again = await rig.open(server);
    expect(again.hello?.run).not.toBe(page.hello?.run);
  });
});
