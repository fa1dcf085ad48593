import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/program.js';
import {
  parseCertificate,
  readPublicCertificate,
  readSecretCertificate,
} from '../../../src/io/zeromq/socket/certificates.js';
import { captureOutput, temporaryFolder } from '../../support/command-line.js';

const written = captureOutput();
const at = temporaryFolder();

const keys = (...args: string[]) => run(['keys', ...args]);
const mode = (path: string) => statSync(path).mode & 0o777;

describe('rfsn keys', () => {
  it('init makes a folder that nobody else can enter, and says what to copy', async () => {
    expect(await keys('init', at('keys'))).toBe(0);
    expect(readdirSync(at('keys')).sort()).toEqual(['administer', 'drive', 'server.key', 'server.key_secret', 'watch']);
    expect([mode(at('keys')), mode(at('keys', 'drive')), mode(at('keys', 'server.key_secret'))]).toEqual([
      0o700, 0o700, 0o600,
    ]);
    expect(written.out).toContain('server.key_secret  secret: stays here');
    expect(written.out).toContain('zeromq.keys_dir=');
    const { publicKey } = readSecretCertificate(at('keys', 'server.key_secret'));
    expect(readPublicCertificate(at('keys', 'server.key'))).toBe(publicKey);
  });

  it('init leaves keys that are there alone', async () => {
    await keys('init', at('keys'));
    const before = readFileSync(at('keys', 'server.key_secret'), 'utf8');
    expect(await keys('init', at('keys'))).toBe(1);
    expect(written.err).toContain('never overwritten');
    expect(readFileSync(at('keys', 'server.key_secret'), 'utf8')).toBe(before);
  });

  it('init refuses a folder that others can write to', async () => {
    mkdirSync(at('keys'));
    chmodSync(at('keys'), 0o777);
    expect(await keys('init', at('keys'))).toBe(1);
    expect(written.err).toMatch(/can be changed by others \(mode 0777\): chmod 700/);
    expect(readdirSync(at('keys'))).toEqual([]);
  });

  it('add lets a name in for one role, and writes its secret where it is told', async () => {
    await keys('init', at('keys'));
    expect(await keys('add', at('keys'), 'drive', 'anna', '--out', at('out'))).toBe(0);
    expect(readdirSync(at('out'))).toEqual(['anna.key_secret']);
    expect(mode(at('out', 'anna.key_secret'))).toBe(0o600);
    const { publicKey } = readSecretCertificate(at('out', 'anna.key_secret'));
    expect(readPublicCertificate(at('keys', 'drive', 'anna.key'))).toBe(publicKey);
    expect(readdirSync(at('keys', 'watch'))).toEqual([]);
    expect(written.out).toContain('anna may be driven by the controller');
    expect(written.out).toContain('anna.key_secret  secret: move it to anna, with mode 0600');
  });

  it('add overwrites neither a secret nor an allowed key', async () => {
    await keys('init', at('keys'));
    await keys('add', at('keys'), 'drive', 'anna', '--out', at('out'));
    const secret = readFileSync(at('out', 'anna.key_secret'), 'utf8');
    const allowed = readFileSync(at('keys', 'drive', 'anna.key'), 'utf8');
    expect(await keys('add', at('keys'), 'watch', 'anna', '--out', at('out'))).toBe(1);
    expect(written.err).toContain('choose another folder with --out');
    expect(existsSync(at('keys', 'watch', 'anna.key'))).toBe(false);
    expect(await keys('add', at('keys'), 'drive', 'anna', '--out', at('other'))).toBe(1);
    expect(written.err).toContain('anna has a key for drive already');
    expect(existsSync(at('other', 'anna.key_secret'))).toBe(false);
    expect(readFileSync(at('out', 'anna.key_secret'), 'utf8')).toBe(secret);
    expect(readFileSync(at('keys', 'drive', 'anna.key'), 'utf8')).toBe(allowed);
  });

  it('add --public lets the same key in for another role', async () => {
    await keys('init', at('keys'));
    await keys('add', at('keys'), 'drive', 'anna', '--out', at('out'));
    expect(await keys('add', at('keys'), 'watch', 'anna', '--public', at('keys', 'drive', 'anna.key'))).toBe(0);
    expect(readPublicCertificate(at('keys', 'watch', 'anna.key'))).toBe(
      readPublicCertificate(at('keys', 'drive', 'anna.key')),
    );
    expect(parseCertificate(readFileSync(at('keys', 'watch', 'anna.key'), 'utf8'), '').secretKey).toBeNull();
  });

  it('revoke takes one role away, and names those there are where there is none of that name', async () => {
    await keys('init', at('keys'));
    await keys('add', at('keys'), 'drive', 'anna', '--out', at('out'));
    expect(await keys('revoke', at('keys'), 'watch', 'anna')).toBe(1);
    expect(written.err).toContain('nobody has one');
    expect(await keys('revoke', at('keys'), 'drive', 'bert')).toBe(1);
    expect(written.err).toContain('those that have one: anna');
    expect(await keys('revoke', at('keys'), 'drive', 'anna')).toBe(0);
    expect(readdirSync(at('keys', 'drive'))).toEqual([]);
    expect(written.out).toContain('anna may no longer be driven');
  });

  it('list shows who may connect, and what is ignored', async () => {
    await keys('init', at('keys'));
    written.out = '';
    await keys('list', at('keys'));
    expect(written.out).toContain('nobody may connect');
    await keys('add', at('keys'), 'administer', 'anna', '--out', at('out'));
    writeFileSync(at('keys', 'watch', 'bert.key'), 'nothing\n');
    written.out = '';
    expect(await keys('list', at('keys'), '--json')).toBe(0);
    const publicKey = readPublicCertificate(at('keys', 'administer', 'anna.key'));
    expect(written.lastJson()).toMatchObject({
      server: readPublicCertificate(at('keys', 'server.key')),
      keys: [{ role: 'administer', name: 'anna', public_key: publicKey }],
      ignored: [expect.stringMatching(/^watch: .*bert\.key is no CURVE certificate/)],
    });
    written.out = '';
    await keys('list', at('keys'));
    expect(written.out).toMatch(/^administer\s+anna\s+\S{40}$/m);
    expect(written.out).toContain('it is ignored');
  });

  it.each([
    [['add', 'DIR', 'steer', 'anna'], 'Allowed choices are drive, watch, administer'],
    [['add', 'DIR', 'drive', '../anna'], 'Allowed: up to 64 letters'],
    [['add', 'DIR', 'drive', '.anna'], 'Allowed: up to 64 letters'],
    [['revoke', 'DIR', 'drive', 'a/b'], 'Allowed: up to 64 letters'],
    [['add', 'DIR', 'drive'], "missing required argument 'name'"],
  ])('%j is refused as bad usage', async (args, message) => {
    await keys('init', at('keys'));
    expect(await keys(...args.map((arg) => (arg === 'DIR' ? at('keys') : arg)))).toBe(2);
    expect(written.err).toContain(message);
  });

  it.each(['add', 'revoke', 'list'])('%s says how to make a folder of keys where there is none', async (command) => {
    mkdirSync(at('empty'), { mode: 0o700 });
    const rest = command === 'list' ? [] : ['drive', 'anna'];
    expect(await keys(command, at('empty'), ...rest)).toBe(1);
    expect(written.err).toContain(`rfsn keys init ${at('empty')}`);
    expect(await keys(command, at('absent'), ...rest)).toBe(1);
    expect(written.err).toContain('rfsn keys init DIR');
    expect(readdirSync(at('empty'))).toEqual([]);
  });
});
