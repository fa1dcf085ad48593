import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AllowList } from '../../../../../src/io/zeromq/socket/allow-list.js';
import { decodeZ85, makeKeyPair, publicCertificate } from '../../../../../src/io/zeromq/socket/certificates.js';
import { temporaryFolder } from '../../../../support/command-line.js';

/** Calls of the file system that fail, by name, with the error's code. */
const failing = vi.hoisted(() => ({ calls: new Map<string, string>() }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const orFail = <T extends (...args: never[]) => unknown>(name: string, call: T) =>
    ((...args: Parameters<T>) => {
      const code = failing.calls.get(name);
      if (code !== undefined) throw Object.assign(new Error(`${code}: no luck, ${name}`), { code });
      return call(...args);
    }) as T;
  return {
    ...fs,
    readdirSync: orFail('readdirSync', fs.readdirSync as never),
    openSync: orFail('openSync', fs.openSync as never),
  };
});
afterEach(() => failing.calls.clear());

const at = temporaryFolder();

function folder() {
  mkdirSync(at('drive'), { mode: 0o700 });
  const told: string[] = [];
  const put = (name: string, publicKey = makeKeyPair().publicKey): Uint8Array => {
    writeFileSync(at('drive', `${name}.key`), publicCertificate(publicKey, name), { mode: 0o644 });
    return decodeZ85(publicKey) as Uint8Array;
  };
  return { told, put, list: () => new AllowList(at('drive'), (text) => told.push(text)) };
}

describe('a list of allowed keys', () => {
  it('knows those whose certificates lie in its folder, by the names of their files', () => {
    const { told, put, list } = folder();
    const anna = put('anna');
    const bert = put('bert');
    const allowed = list();
    expect([allowed.nameOf(anna), allowed.nameOf(bert)]).toEqual(['anna', 'bert']);
    expect(allowed.nameOf(decodeZ85(makeKeyPair().publicKey) as Uint8Array)).toBeNull();
    expect(allowed.allowed.map(({ name }) => name)).toEqual(['anna', 'bert']);
    expect(told).toEqual([]);
  });

  it('notices keys that come, and names those that go', () => {
    const { put, list } = folder();
    const anna = put('anna');
    const allowed = list();
    expect(allowed.reload()).toEqual([]);
    const bert = put('bert');
    expect(allowed.nameOf(bert)).toBeNull();
    expect(allowed.reload()).toEqual([]);
    expect(allowed.nameOf(bert)).toBe('bert');
    rmSync(at('drive', 'anna.key'));
    expect(allowed.reload()).toEqual(['anna']);
    expect([allowed.nameOf(anna), allowed.nameOf(bert)]).toEqual([null, 'bert']);
    expect(allowed.reload()).toEqual([]);
  });

  it('takes another key under the same name for a revocation, and another name of the same key for none', () => {
    const { put, list } = folder();
    const pair = makeKeyPair();
    const anna = put('anna', pair.publicKey);
    const allowed = list();
    renameSync(at('drive', 'anna.key'), at('drive', 'annika.key'));
    expect(allowed.reload()).toEqual([]);
    expect(allowed.nameOf(anna)).toBe('annika');
    const other = put('annika');
    expect(allowed.reload()).toEqual(['annika']);
    expect([allowed.nameOf(anna), allowed.nameOf(other)]).toEqual([null, 'annika']);
  });

  it('ignores a bad file, says so once, and takes it in when it is mended', () => {
    const { told, put, list } = folder();
    const anna = put('anna');
    writeFileSync(at('drive', 'bad.key'), 'nothing of use\n');
    writeFileSync(at('drive', 'README'), 'not a key');
    writeFileSync(at('drive', '.hidden.key'), 'not a key');
    const allowed = list();
    expect(allowed.nameOf(anna)).toBe('anna');
    put('bert');
    allowed.reload();
    allowed.reload();
    expect(told).toEqual([expect.stringMatching(/bad\.key is no CURVE certificate.*; it is ignored$/)]);
    const mended = put('bad');
    allowed.reload();
    expect(allowed.nameOf(mended)).toBe('bad');
  });

  it('ignores a file that others can change, and lets nobody in where they can add some', () => {
    const { told, put, list } = folder();
    const anna = put('anna');
    const bert = put('bert');
    const allowed = list();
    chmodSync(at('drive', 'bert.key'), 0o666);
    expect(allowed.reload()).toEqual(['bert']);
    expect(allowed.nameOf(bert)).toBeNull();
    expect(told.at(-1)).toContain('can be changed by others (mode 0666); it is ignored');
    chmodSync(at('drive'), 0o777);
    expect(allowed.reload()).toEqual(['anna']);
    expect(allowed.nameOf(anna)).toBeNull();
    expect(told.at(-1)).toMatch(/^nobody is allowed: .*can be changed by others/);
    chmodSync(at('drive'), 0o700);
    allowed.reload();
    expect(allowed.nameOf(anna)).toBe('anna');
  });

  it('allows nobody where there is no folder, until there is one', () => {
    const told: string[] = [];
    const allowed = new AllowList(at('absent'), (text) => told.push(text));
    expect(allowed.allowed).toEqual([]);
    allowed.reload();
    expect(told).toEqual([expect.stringMatching(/^nobody is allowed: there is no folder/)]);
    mkdirSync(at('absent'), { mode: 0o700 });
    const { publicKey } = makeKeyPair();
    writeFileSync(at('absent', 'anna.key'), publicCertificate(publicKey, 'anna'), { mode: 0o644 });
    allowed.reload();
    expect(allowed.allowed).toEqual([{ name: 'anna', publicKey }]);
  });

  it('counts a key that lies there twice once, and says so', () => {
    const { told, put, list } = folder();
    const pair = makeKeyPair();
    put('anna', pair.publicKey);
    put('bert', pair.publicKey);
    const allowed = list();
    expect(allowed.allowed).toEqual([{ name: 'anna', publicKey: pair.publicKey }]);
    expect(told).toEqual([expect.stringContaining('bert.key is the key of anna once more')]);
    rmSync(at('drive', 'anna.key'));
    expect(allowed.reload()).toEqual([]);
    expect(allowed.allowed).toEqual([{ name: 'bert', publicKey: pair.publicKey }]);
  });

  it.each([
    ['readdirSync', 'EMFILE'],
    ['readdirSync', 'ENFILE'],
    ['readdirSync', 'EACCES'],
    ['openSync', 'EMFILE'],
    ['openSync', 'ENFILE'],
  ])('stays as it was while %s fails with %s, says so once, and follows again afterwards', (call, code) => {
    const { told, put, list } = folder();
    const anna = put('anna');
    const bert = put('bert');
    const allowed = list();
    rmSync(at('drive', 'bert.key'));
    const carl = put('carl');
    failing.calls.set(call, code);
    expect([allowed.reload(), allowed.reload(), allowed.reload()]).toEqual([[], [], []]);
    expect([anna, bert, carl].map((key) => allowed.nameOf(key))).toEqual(['anna', 'bert', null]);
    expect(told).toEqual([expect.stringMatching(new RegExp(`cannot be read now; the 2 keys known stay.*${code}`))]);
    expect([allowed.failedReadings, allowed.stale, allowed.folderChanged]).toEqual([3, true, true]);
    failing.calls.clear();
    expect(allowed.reload()).toEqual(['bert']);
    expect([anna, bert, carl].map((key) => allowed.nameOf(key))).toEqual(['anna', null, 'carl']);
    expect([allowed.failedReadings, allowed.stale]).toEqual([3, false]);
  });

  it('revokes everybody where its folder was removed, before a reading or in the middle of one', () => {
    const { put, list } = folder();
    put('anna');
    const allowed = list();
    failing.calls.set('readdirSync', 'ENOENT');
    expect(allowed.reload()).toEqual(['anna']);
    failing.calls.clear();
    allowed.reload();
    expect(allowed.allowed).toHaveLength(1);
    rmSync(at('drive'), { recursive: true });
    expect(allowed.reload()).toEqual(['anna']);
    expect([allowed.allowed, allowed.failedReadings]).toEqual([[], 0]);
  });

  it('is not kept from a revocation by a link that leads nowhere', () => {
    const { put, list } = folder();
    put('anna');
    const allowed = list();
    symlinkSync('loop.key', at('drive', 'loop.key'));
    rmSync(at('drive', 'anna.key'));
    expect(allowed.reload()).toEqual(['anna']);
  });

  it('sees that its folder changed, without reading it', () => {
    const { put, list } = folder();
    put('anna');
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(at('drive'), longAgo, longAgo);
    const allowed = list();
    expect(allowed.folderChanged).toBe(false);
    put('bert');
    expect(allowed.folderChanged).toBe(true);
    utimesSync(at('drive'), longAgo, longAgo);
    allowed.reload();
    expect(allowed.folderChanged).toBe(false);
    rmSync(at('drive'), { recursive: true });
    expect(allowed.folderChanged).toBe(true);
  });
});
