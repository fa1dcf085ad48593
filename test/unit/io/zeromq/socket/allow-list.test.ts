import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AllowList } from '../../../../../src/io/zeromq/socket/allow-list.js';
import { decodeZ85, makeKeyPair, publicCertificate } from '../../../../../src/io/zeromq/socket/certificates.js';
import { temporaryFolder } from '../../../../support/command-line.js';

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
});
