import { linkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { claimSocketFile, parseEndpoint, requireKeys } from '../../../../../src/io/zeromq/socket/endpoint.js';
import { isLoopback } from '../../../../../src/parameters/listen-address.js';
import { temporaryFolder } from '../../../../support/command-line.js';

const at = temporaryFolder();
const parse = (text: string) => parseEndpoint(text, 'zeromq.drive_endpoint');

describe('an endpoint', () => {
  it.each([
    ['tcp://127.0.0.1:7471', 'tcp://127.0.0.1:7471', true],
    ['tcp://127.1.2.3:1', 'tcp://127.1.2.3:1', true],
    ['tcp://localhost:7471', 'tcp://127.0.0.1:7471', true],
    ['tcp://[::1]:7471', 'tcp://[::1]:7471', true],
    ['tcp://127.0.0.1:*', 'tcp://127.0.0.1:*', true],
    ['tcp://127.0.0.1:0', 'tcp://127.0.0.1:*', true],
    ['tcp://*:7471', 'tcp://0.0.0.0:7471', false],
    ['tcp://0.0.0.0:65535', 'tcp://0.0.0.0:65535', false],
    ['tcp://[::]:7471', 'tcp://[::]:7471', false],
    ['tcp://192.168.1.5:7471', 'tcp://192.168.1.5:7471', false],
    ['tcp://[fe80::1]:7471', 'tcp://[fe80::1]:7471', false],
  ])('%s is read', (text, address, local) => {
    expect(parse(text)).toMatchObject({ transport: 'tcp', address, local, ipv6: address.includes('[') });
  });

  it('may name an interface, which becomes its address', () => {
    const [name, addresses] = Object.entries(networkInterfaces()).find(([, own]) => own?.[0].internal) ?? [];
    expect(name).toBeDefined();
    const own = addresses?.find(({ family }) => family === 'IPv4') ?? addresses?.[0];
    const endpoint = parse(`tcp://${name}:7471`);
    expect(endpoint.address).toContain(own?.address);
    expect(endpoint.local).toBe(isLoopback(own?.address as string));
  });

  it('may be a file, by its absolute path', () => {
    expect(parse('ipc:///run/rfsn.sock')).toMatchObject({ transport: 'ipc', local: true, path: '/run/rfsn.sock' });
    expect(parse('ipc://here.sock').path).toBe(`${process.cwd()}/here.sock`);
  });

  it.each([
    ['127.0.0.1:7471', 'is no endpoint'],
    ['', 'is no endpoint'],
    ['inproc://rfsn', 'asks for "inproc"'],
    ['udp://127.0.0.1:7471', 'asks for "udp"'],
    ['pgm://eth0;239.0.0.1:7471', 'asks for "pgm"'],
    ['tcp://127.0.0.1', 'names no port'],
    ['tcp://:7471', 'names no port'],
    ['tcp://127.0.0.1:65536', 'has no port from 0 to 65535'],
    ['tcp://127.0.0.1:-1', 'has no port from 0 to 65535'],
    ['tcp://127.0.0.1:port', 'has no port from 0 to 65535'],
    ['tcp://::1:7471', 'without brackets'],
    ['tcp://[127.0.0.1]:7471', 'no IPv6 address in its brackets'],
    ['tcp://127.0.0.1;10.0.0.1:7471', 'names neither an address nor an interface'],
    ['tcp://0177.0.0.1:7471', 'names neither an address nor an interface'],
    ['tcp://example.com:7471', 'names neither an address nor an interface'],
    ['tcp://__proto__:7471', 'names neither an address nor an interface'],
    ['tcp://127.0.0.1:7471\n', 'white space or control characters'],
    ['tcp://127.0.0.1 :7471', 'white space or control characters'],
    ['ipc://', 'names no file'],
    ['ipc://*', 'names no file'],
    ['ipc://@abstract', 'names no file'],
    ['ipc:///tmp/a\0b', 'white space or control characters'],
    [`ipc:///tmp/${'x'.repeat(200)}`, 'the path of a socket may have 107 bytes, this one has 205'],
  ])('%j is refused', (text, complaint) => {
    expect(() => parse(text)).toThrow(complaint);
    expect(() => parse(text)).toThrow(/^zeromq\.drive_endpoint: .*Allowed: tcp:\/\/ADDRESS:PORT/s);
  });
});

describe('without keys', () => {
  it('only what no other machine can reach is allowed, and the message says how to make some', () => {
    for (const text of ['tcp://127.0.0.1:1', 'tcp://[::1]:1', 'ipc:///run/x']) {
      expect(() => requireKeys(parse(text), 'zeromq.drive_endpoint', '')).not.toThrow();
    }
    for (const text of ['tcp://*:1', 'tcp://10.0.0.1:1', 'tcp://[::]:1']) {
      expect(() => requireKeys(parse(text), 'zeromq.drive_endpoint', '')).toThrow(
        /^zeromq\.drive_endpoint: .* without keys anyone there could use it\. .*rfsn keys init DIR/,
      );
      expect(() => requireKeys(parse(text), 'zeromq.drive_endpoint', '/keys')).not.toThrow();
    }
  });
});

describe('the file of a socket', () => {
  const claim = () => claimSocketFile(parse(`ipc://${at('x.sock')}`), 'zeromq.drive_endpoint');

  it('may be absent, or left behind by a process that has ended', async () => {
    await expect(claim()).resolves.toBeUndefined();
    const server = createServer();
    await new Promise<void>((done) => server.listen(at('other.sock'), done));
    // Its own name goes with the server, a second one stays behind.
    linkSync(at('other.sock'), at('x.sock'));
    await new Promise((done) => server.close(done));
    await expect(claim()).resolves.toBeUndefined();
  });

  it('may not be one at which somebody listens', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(at('x.sock'), done));
    await expect(claim()).rejects.toThrow(/^zeromq\.drive_endpoint: another process listens at ipc:/);
    await new Promise((done) => server.close(done));
  });

  it('may not be something else, nor lie in no folder', async () => {
    writeFileSync(at('x.sock'), 'precious');
    await expect(claim()).rejects.toThrow('exists and is no socket; it is left as it is');
    await expect(claimSocketFile(parse(`ipc://${at('none', 'x.sock')}`), 'zeromq.drive_endpoint')).rejects.toThrow(
      'there is no folder',
    );
  });
});
