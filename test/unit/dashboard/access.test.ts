import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  Access,
  type AccessOptions,
  bearerToken,
  parseListen,
  protocolToken,
  speaksWire,
} from '../../../src/dashboard/access.js';
import { temporaryFolder } from '../../support/command-line.js';

const at = temporaryFolder();
const WATCH = 'w'.repeat(22);
const CONTROL = 'c'.repeat(40);

function tokenFile(text: string, mode = 0o600): string {
  const path = at('tokens');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function access(options: Partial<AccessOptions> = {}): Access {
  return new Access({ address: parseListen('127.0.0.1:8600'), tokenFile: '', hosts: [], ...options });
}

describe('an address to listen at', () => {
  it.each([
    ['127.0.0.1:8600', '127.0.0.1', 8600, true],
    ['localhost:0', '127.0.0.1', 0, true],
    ['[::1]:1', '::1', 1, true],
    ['0.0.0.0:65535', '0.0.0.0', 65535, false],
    ['*:80', '0.0.0.0', 80, false],
    ['192.168.1.4:80', '192.168.1.4', 80, false],
  ])('%s is read', (text, host, port, local) => {
    expect(parseListen(text)).toEqual({ host, port, local });
  });
  it.each([
    '',
    '8600',
    '127.0.0.1',
    '127.0.0.1:65536',
    ':80',
    'http://127.0.0.1:80',
    '127.0.0.1:80/x',
    'robot.example:80',
  ])('%j is refused, by the name of the parameter', (text) => {
    expect(() => parseListen(text)).toThrow(/^dashboard\.listen: .*Allowed: ADDRESS:PORT/s);
  });
});

describe('an address that other machines reach', () => {
  it('is refused without tokens, and the message says how to make one', () => {
    for (const listen of ['0.0.0.0:8600', '[::]:8600', '10.0.0.1:8600']) {
      expect(() => access({ address: parseListen(listen) })).toThrow(/umask 077.*dashboard\.token_file=FILE.*ssh -L/s);
    }
  });
  it('is served with them', () => {
    const guarded = access({ address: parseListen('0.0.0.0:8600'), tokenFile: tokenFile(`control ${CONTROL}\n`) });
    expect(guarded.guarded).toBe(true);
    expect(guarded.admit(null)).toEqual({ refused: 'missing' });
  });
});

describe('tokens', () => {
  const text = `# who may come\n\n  watch ${WATCH}  \r\ncontrol ${CONTROL}`;

  it('admit by role, and nothing else does', () => {
    const guarded = access({ tokenFile: tokenFile(text) });
    expect(guarded.admit(WATCH)).toEqual({ role: 'watch' });
    expect(guarded.admit(CONTROL)).toEqual({ role: 'control' });
    expect(guarded.admit(null)).toEqual({ refused: 'missing' });
    for (const wrong of ['', WATCH.slice(1), `${WATCH}w`, WATCH.toUpperCase(), `${CONTROL}\n`, '# who may come']) {
      expect(guarded.admit(wrong)).toEqual({ refused: 'unknown' });
    }
    expect(guarded.refused.token).toBe(7);
  });

  it('are not asked for on the loopback where there is no file of them', () => {
    expect(access().admit(null)).toEqual({ role: 'control' });
  });

  it.each([
    ['control short', 'tokens:1: a token has 22 to 512 characters'],
    [`# \nroot ${CONTROL}`, 'tokens:2 is not `watch TOKEN` or `control TOKEN`'],
    [CONTROL, 'tokens:1 is not'],
    ['# nobody\n', 'holds no token'],
    [`control ${CONTROL}\n`.repeat(257), 'holds 257 tokens'],
    ['x'.repeat(70_000), 'is too long'],
  ])('a file of %j is refused', (content, complaint) => {
    expect(() => access({ tokenFile: tokenFile(content) })).toThrow(complaint);
  });

  it('are in no message about a file that cannot be used', () => {
    for (const [content, mode] of [
      [`root ${CONTROL}`, 0o600],
      [CONTROL, 0o600],
      [`control ${CONTROL}`, 0o644],
      [`control ${CONTROL.slice(0, 20)}`, 0o600],
    ] as const) {
      const path = tokenFile(content, mode);
      expect(() => access({ tokenFile: path })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(CONTROL.slice(0, 20)) }),
      );
    }
  });

  it.each([0o604, 0o640, 0o620, 0o666])('that others can read or change (mode %o) are refused', (mode) => {
    const path = tokenFile(text, mode);
    expect(() => access({ tokenFile: path })).toThrow(/dashboard\.token_file: .*can be read or changed by others/);
  });

  it('in a folder into which others can put files are refused', () => {
    const path = tokenFile(text);
    chmodSync(at(), 0o777);
    expect(() => access({ tokenFile: path })).toThrow('whoever can may put other tokens there');
    chmodSync(at(), 0o700);
  });

  it('that are not there are missed by name', () => {
    expect(() => access({ tokenFile: at('none') })).toThrow(/dashboard\.token_file: .*none cannot be read: ENOENT/);
  });
});

describe('the host that is asked for', () => {
  const open = access({ hosts: ['robot.example.org', 'Desk:8443'] });
  it.each([
    '127.0.0.1:8600',
    '127.0.0.1',
    '[::1]:8600',
    'localhost:9000',
    'LOCALHOST',
    '10.1.2.3:1',
    'robot.example.org',
    'ROBOT.example.org:443',
    'desk:8443',
    'desk',
  ])('%s is served', (host) => {
    expect(open.servesHost(host, '127.0.0.1')).toBe(true);
  });
  it.each([
    'evil.example',
    'evil.example:8600',
    'localhost.evil.example',
    'xrobot.example.org',
    '127.0.0.1.evil.example',
    '',
    'a b',
    '[evil]',
    'user@127.0.0.1',
    '127.0.0.1:8600/x',
    undefined,
  ])('%j is not, so that a name made to point here gets nothing', (host) => {
    const before = open.refused.host;
    expect(open.servesHost(host, '127.0.0.1')).toBe(false);
    expect(open.refused.host).toBe(before + 1);
  });
  it('is not localhost to another machine', () => {
    expect(open.servesHost('localhost', '10.0.0.1')).toBe(false);
  });
  it('is named as one in the parameters', () => {
    expect(() => access({ hosts: ['https://robot'] })).toThrow(/^dashboard\.hosts: "https:\/\/robot" is no host name/);
  });
});

describe('the origin of a page', () => {
  it.each([
    ['http://127.0.0.1:8600', '127.0.0.1:8600', true],
    ['https://robot.example.org', 'robot.example.org', true],
    ['http://LOCALHOST:8600', 'localhost:8600', true],
    [undefined, '127.0.0.1:8600', true],
    ['http://localhost:3000', 'localhost:8600', false],
    ['http://127.0.0.1', '127.0.0.1:8600', false],
    ['http://127.0.0.1:8600.evil.example', '127.0.0.1:8600', false],
    ['https://evil.example', '127.0.0.1:8600', false],
    ['null', '127.0.0.1:8600', false],
    ['file://127.0.0.1:8600', '127.0.0.1:8600', false],
    ['', '127.0.0.1:8600', false],
    ['http://127.0.0.1:8600', undefined, false],
  ])('%j is served for host %j: %j', (origin, host, served) => {
    expect(access().servesOrigin(origin, host)).toBe(served);
  });
});

describe('a token in a header', () => {
  it('is that of Bearer, or the one among the subprotocols', () => {
    expect(bearerToken('Bearer abc.def')).toBe('abc.def');
    expect(bearerToken('bearer   abc ')).toBe('abc');
    expect([bearerToken('Basic abc'), bearerToken('Bearer'), bearerToken(undefined)]).toEqual([null, null, null]);
    const token = 'grüße/+=';
    const protocols = `rfsn.v1, token.${Buffer.from(token).toString('base64url')}`;
    expect(protocolToken(protocols)).toBe(token);
    expect([protocolToken('rfsn.v1'), protocolToken(undefined), protocolToken('token')]).toEqual([null, null, null]);
    expect([speaksWire(protocols), speaksWire('rfsn.v2'), speaksWire(undefined)]).toEqual([true, false, false]);
  });
});
