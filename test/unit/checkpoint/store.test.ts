import { spawn, spawnSync } from 'node:child_process';
import * as nodeFs from 'node:fs';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError, type CheckpointErrorReason } from '../../../src/checkpoint/checkpoint-error.js';
import { encodeCheckpoint } from '../../../src/checkpoint/format.js';
import { checkpointSchema } from '../../../src/checkpoint/schema.js';
import { type CheckpointFileSystem, CheckpointStore } from '../../../src/checkpoint/store.js';
import { SMALL_SCHEMA, smallContent } from './content.js';

const ROOT = new URL('../../..', import.meta.url).pathname;

let parent: string;
let folder: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'rfsn-store-'));
  folder = join(parent, 'models', 'jackal');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** A checkpoint that is told from others by its number of episodes. */
function numbered(episodes: number, schema = SMALL_SCHEMA): Uint8Array {
  return encodeCheckpoint(smallContent({ schema, counters: { cycles: 0, decisions: 0, updates: 0, episodes } }));
}

const name = (generation: number) => `checkpoint-${String(generation).padStart(9, '0')}.rfsn`;
const files = () => readdirSync(folder).sort();

async function newestEpisodes(): Promise<number | undefined> {
  return (await new CheckpointStore(folder).loadNewest(SMALL_SCHEMA))?.checkpoint.counters.episodes;
}

async function refusal(promise: Promise<unknown>): Promise<CheckpointError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  return error as CheckpointError;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

describe('saving checkpoints', () => {
  it('makes the folder, numbers the generations and keeps the newest', async () => {
    const store = new CheckpointStore(folder, { generations: 3 });
    for (let i = 1; i <= 5; i++) {
      const saved = await store.save(numbered(i));
      expect(saved).toEqual({ path: join(folder, name(i)), generation: i, foreign: 0 });
    }
    expect(files()).toEqual([name(3), name(4), name(5)]);
    expect(readFileSync(join(folder, name(5)))).toEqual(Buffer.from(numbered(5)));
  });

  it('goes on after the last number of an earlier process and prunes what that one left', async () => {
    const earlier = new CheckpointStore(folder, { generations: 4 });
    for (let i = 1; i <= 4; i++) await earlier.save(numbered(i));
    const later = new CheckpointStore(folder, { generations: 2 });
    expect((await later.loadNewest(SMALL_SCHEMA))?.generation).toBe(4);
    expect((await later.save(numbered(5))).generation).toBe(5);
    expect(files()).toEqual([name(4), name(5)]);
  });

  it('writes only the last of the saves asked for while one is under way, and settles all of them', async () => {
    const store = new CheckpointStore(folder);
    const results = await Promise.all([1, 2, 3, 4].map((i) => store.save(numbered(i))));
    expect(results.map((saved) => saved.generation)).toEqual([1, 2, 2, 2]);
    expect(files()).toEqual([name(1), name(2)]);
    expect(await newestEpisodes()).toBe(4);
  });

  it('says when nothing is under way any more, also after a failure', async () => {
    writeFileSync(join(parent, 'models'), '');
    const store = new CheckpointStore(folder);
    const saves = [1, 2].map((i) => refusal(store.save(numbered(i))));
    await store.settled();
    const outcome = await Promise.race([Promise.all(saves), new Promise((late) => setImmediate(late, null))]);
    expect(outcome).toHaveLength(2);
  });

  it('saves synchronously for a process that is about to end', async () => {
    const store = new CheckpointStore(folder);
    await store.save(numbered(1));
    expect(store.saveSync(numbered(2))).toEqual({ path: join(folder, name(2)), generation: 2, foreign: 0 });
    expect(files()).toEqual([name(1), name(2)]);
    expect(await newestEpisodes()).toBe(2);
  });

  it('never publishes an older save after a synchronous one', async () => {
    const store = new CheckpointStore(folder);
    const running = store.save(numbered(1));
    const waiting = store.save(numbered(2));
    const last = store.saveSync(numbered(3));
    expect(await running).toEqual(last);
    expect(await waiting).toEqual(last);
    expect(files()).toEqual([name(1)]);
    expect(await newestEpisodes()).toBe(3);
    await store.save(numbered(4));
    expect(await newestEpisodes()).toBe(4);
  });

  it('refuses to keep no generation', () => {
    expect(() => new CheckpointStore(folder, { generations: 0 })).toThrow(/at least 1, not 0/);
  });

  it('has no number after the last one, and says so', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'checkpoint-999999999999999.rfsn'), numbered(1));
    const store = new CheckpointStore(folder);
    expect((await refusal(store.save(numbered(2)))).message).toContain('the last number there is');
    expect(files()).toEqual(['checkpoint-999999999999999.rfsn']);
  });
});

describe('two processes on one folder', () => {
  it('take different numbers and never remove what the other has written meanwhile', async () => {
    const a = new CheckpointStore(folder, { generations: 2 });
    const b = new CheckpointStore(folder, { generations: 2 });
    await a.save(numbered(1));
    await b.loadNewest(SMALL_SCHEMA);
    for (let i = 0; i < 4; i++) await Promise.all([a.save(numbered(100 + i)), b.save(numbered(200 + i))]);
    const episodes = files().map((file) => readFileSync(join(folder, file)).readUInt32LE(64));
    expect(episodes.sort()).toEqual([102, 103, 202, 203]);
    expect((await a.save(numbered(104))).foreign).toBe(2);
  });

  it('do not replace a file whose number was taken after the folder was looked at', async () => {
    const store = new CheckpointStore(folder, {
      fs: failingOnce('link', () => writeFileSync(join(folder, name(1)), numbered(7))),
    });
    expect((await store.save(numbered(1))).generation).toBe(2);
    expect(readFileSync(join(folder, name(1)))).toEqual(Buffer.from(numbered(7)));
  });

  it('remove the temporary files of dead writers and leave those of living ones', async () => {
    mkdirSync(folder, { recursive: true });
    const own = ownTemporaryName();
    const [, host] = own.split('.');
    const living = spawn('sleep', ['60']);
    const started = readFileSync(`/proc/${living.pid}/stat`, 'latin1').split(') ')[1].split(' ')[19];
    const dead = spawnSync('true');
    const keep = [
      own,
      `checkpoint.${host}.${living.pid}.${started}.aaaaaaaaaaaa.tmp`,
      `checkpoint.00000000.1.1.bbbbbbbbbbbb.tmp`,
      'notes.tmp',
    ];
    const remove = [
      `checkpoint.${host}.${dead.pid}.5.cccccccccccc.tmp`,
      // The number of a living process that started at another time: its writer died and the number was used again.
      `checkpoint.${host}.${living.pid}.${Number(started) - 1}.dddddddddddd.tmp`,
      `checkpoint.00000000.1.1.eeeeeeeeeeee.tmp`,
    ];
    try {
      for (const file of [...keep, ...remove]) writeFileSync(join(folder, file), 'half a checkpoint');
      const twoHoursAgo = new Date(Date.now() - 7_200_000);
      utimesSync(join(folder, remove[2]), twoHoursAgo, twoHoursAgo);
      await new CheckpointStore(folder).save(numbered(1));
      expect(files()).toEqual([...keep, name(1)].sort());
    } finally {
      living.kill();
    }
  });

  /** What this process would call a temporary file, read off a save that is stopped in the middle. */
  function ownTemporaryName(): string {
    let seen = '';
    const probe = join(parent, 'probe');
    const fs: CheckpointFileSystem = {
      ...nodeFs,
      linkSync: () => {
        seen = readdirSync(probe)[0];
        throw systemError('EIO');
      },
    };
    expect(() => new CheckpointStore(probe, { fs }).saveSync(numbered(0))).toThrow(CheckpointError);
    expect(seen).toMatch(/\.tmp$/);
    return seen;
  }
});

type Operation = 'mkdir' | 'readdir' | 'open' | 'link';

/** A file system that does something before the first call of one operation, such as throwing. */
function failingOnce(operation: Operation, before: () => void): CheckpointFileSystem {
  let isFirst = true;
  const genuine = nodeFs.promises[operation] as (...args: unknown[]) => Promise<unknown>;
  const intercepted = async (...args: unknown[]) => {
    if (isFirst) {
      isFirst = false;
      before();
    }
    return genuine(...args);
  };
  return { ...nodeFs, promises: { ...nodeFs.promises, [operation]: intercepted } };
}

/** A file system whose files fail `operation` while `isFailing` says so, after half of the bytes were written. */
function failingFiles(operation: 'writeFile' | 'sync', code: string, isFailing: () => boolean): CheckpointFileSystem {
  const open: typeof nodeFs.promises.open = async (path, flags) => {
    const handle = await nodeFs.promises.open(path, flags);
    if (flags === 'wx' && isFailing()) {
      handle[operation] = async (...args: unknown[]) => {
        if (args[0] instanceof Uint8Array) await handle.write(args[0].subarray(0, args[0].length >> 1));
        throw systemError(code);
      };
    }
    return handle;
  };
  return { ...nodeFs, promises: { ...nodeFs.promises, open } };
}

describe('a save that fails', () => {
  it.each<[Operation, string, CheckpointErrorReason, RegExp]>([
    ['mkdir', 'EROFS', 'notWritable', /file system is read-only/],
    ['readdir', 'EIO', 'saveFailed', /EIO/],
    ['open', 'EACCES', 'notWritable', /permission denied/],
    ['open', 'EDQUOT', 'noSpace', /quota is used up/],
    ['open', 'ENOSPC', 'noSpace', /disk is full/],
    ['link', 'ENOSPC', 'noSpace', /disk is full/],
  ])(
    'because %s gives %s leaves the older ones and lets the next one try',
    async (operation, code, reason, sentence) => {
      await new CheckpointStore(folder).save(numbered(1));
      const fs = failingOnce(operation, () => {
        throw systemError(code);
      });
      const store = new CheckpointStore(folder, { generations: 1, fs });
      const error = await refusal(store.save(numbered(2)));
      expect(error.reason).toBe(reason);
      expect(error.code).toBe(code);
      expect(error.message).toMatch(sentence);
      expect(error.message).toContain(folder);
      expect(files()).toEqual([name(1)]);
      expect(await newestEpisodes()).toBe(1);
      await store.save(numbered(3));
      expect(await newestEpisodes()).toBe(3);
    },
  );

  it.each<['writeFile' | 'sync', string, CheckpointErrorReason]>([
    ['writeFile', 'ENOSPC', 'noSpace'],
    ['sync', 'EIO', 'saveFailed'],
  ])('in the middle of %s leaves no half file', async (operation, code, reason) => {
    let isFull = false;
    const store = new CheckpointStore(folder, { generations: 2, fs: failingFiles(operation, code, () => isFull) });
    await store.save(numbered(1));
    isFull = true;
    for (let i = 2; i <= 4; i++) expect((await refusal(store.save(numbered(i)))).reason).toBe(reason);
    expect(files()).toEqual([name(1)]);
    isFull = false;
    await store.save(numbered(5));
    expect(await newestEpisodes()).toBe(5);
  });

  it('does not take the one that waits down with it', async () => {
    let isFull = true;
    const store = new CheckpointStore(folder, { fs: failingFiles('writeFile', 'ENOSPC', () => isFull) });
    const first = refusal(store.save(numbered(1))).then((error) => {
      isFull = false;
      return error;
    });
    const second = store.save(numbered(2));
    // The second begins right after the first has failed, maybe before anybody has made room.
    const outcome = await Promise.allSettled([first, second]);
    expect(outcome[0]).toMatchObject({ status: 'fulfilled', value: { reason: 'noSpace' } });
    await store.save(numbered(3));
    expect(await newestEpisodes()).toBe(3);
  });

  it('synchronously leaves no half file either', async () => {
    await new CheckpointStore(folder).save(numbered(1));
    let bytesLeft = 100;
    const fs: CheckpointFileSystem = {
      ...nodeFs,
      writeSync: ((file: number, bytes: Uint8Array, offset: number) => {
        if (bytesLeft === 0) throw systemError('ENOSPC');
        const written = nodeFs.writeSync(file, bytes, offset, Math.min(60, bytesLeft, bytes.length - offset));
        bytesLeft -= written;
        return written;
      }) as typeof nodeFs.writeSync,
    };
    const store = new CheckpointStore(folder, { fs });
    expect(() => store.saveSync(numbered(2))).toThrow(/disk is full/);
    expect(files()).toEqual([name(1)]);
    bytesLeft = 1e6;
    store.saveSync(numbered(3));
    expect(await newestEpisodes()).toBe(3);
  });

  it('because a file stands where the folder should be names it', async () => {
    writeFileSync(join(parent, 'models'), 'a file');
    const inPlace = await refusal(new CheckpointStore(join(parent, 'models')).save(numbered(1)));
    expect(inPlace.message).toContain('there is a file where the folder should be');
    const store = new CheckpointStore(folder);
    const error = await refusal(store.save(numbered(1)));
    expect(error.reason).toBe('notWritable');
    expect(error.message).toContain('there is a file where the folder should be');
    expect(() => store.saveSync(numbered(1))).toThrow(/there is a file where the folder should be/);
    rmSync(join(parent, 'models'));
    await store.save(numbered(2));
    expect(await newestEpisodes()).toBe(2);
  });

  it.runIf(existsSync('/proc/self'))('in a file system that allows nobody to write says why', async () => {
    const error = await refusal(new CheckpointStore('/proc/rfsn-model').save(numbered(1)));
    // Whatever the kernel answers there: ENOENT for root, EACCES or ENOENT for others.
    expect(['notWritable', 'saveFailed']).toContain(error.reason);
    expect(error.code).toMatch(/^E/);
    expect(error.message).toContain('/proc/rfsn-model');
  });

  const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0;
  it.runIf(canMount)(
    'on a disk that is really full (needs the right to mount) keeps what is there and goes on later',
    () => {
      const modules = compiledModules(join(parent, 'compiled'));
      mkdirSync(folder, { recursive: true });
      const script = `
      import { CheckpointStore } from '${modules}/checkpoint/store.js';
      import { encodeCheckpoint } from '${modules}/checkpoint/format.js';
      import { checkpointSchema } from '${modules}/checkpoint/schema.js';
      import { readdirSync, unlinkSync, writeFileSync } from 'node:fs';
      const schema = checkpointSchema({});
      const bytes = encodeCheckpoint({ schema, counters: { cycles: 0, decisions: 0, updates: 0, episodes: 0 },
        generatorState: new Uint32Array(4), createdUnixMs: 0, metadata: {}, sections: new Map([['policy', new Uint8Array(150_000)]]) });
      const store = new CheckpointStore('${folder}');
      await store.save(bytes);
      writeFileSync('${folder}/rubbish', new Uint8Array(180_000));
      const log = [];
      try { await store.save(bytes); } catch (error) { log.push(error.reason); }
      try { store.saveSync(bytes); } catch (error) { log.push(error.reason); }
      log.push(readdirSync('${folder}').filter((name) => name !== 'rubbish').length);
      unlinkSync('${folder}/rubbish');
      await store.save(bytes);
      log.push((await store.loadNewest(schema)).generation > 1);
      console.log(JSON.stringify(log));`;
      const command = `mount -t tmpfs -o size=400k tmpfs '${folder}' && exec '${process.execPath}' --input-type=module`;
      const run = spawnSync('unshare', ['-rm', 'sh', '-c', command], { input: script, encoding: 'utf8' });
      expect(run.stderr).toBe('');
      expect(JSON.parse(run.stdout)).toEqual(['noSpace', 'noSpace', 1, true]);
    },
  );

  it('on a file system without links takes a rename, and still replaces nothing', async () => {
    const noLinks = () => Promise.reject(systemError('EPERM'));
    const fs: CheckpointFileSystem = {
      ...nodeFs,
      promises: { ...nodeFs.promises, link: noLinks },
      linkSync: () => {
        throw systemError('EPERM');
      },
    };
    const store = new CheckpointStore(folder, { fs });
    await store.loadNewest();
    mkdirSync(folder, { recursive: true });
    await store.save(numbered(1));
    writeFileSync(join(folder, name(2)), numbered(70));
    expect((await store.save(numbered(3))).generation).toBe(3);
    writeFileSync(join(folder, name(4)), numbered(71));
    expect(store.saveSync(numbered(5)).generation).toBe(5);
    expect(files()).toEqual([1, 2, 3, 4, 5].map(name));
    expect(readFileSync(join(folder, name(2)))).toEqual(Buffer.from(numbered(70)));
  });

  it('a file system that cannot sync folders still gets its checkpoints', async () => {
    const open: typeof nodeFs.promises.open = async (path, flags) => {
      if (flags === 'r') throw systemError('EINVAL');
      return nodeFs.promises.open(path, flags);
    };
    await new CheckpointStore(folder, { fs: { ...nodeFs, promises: { ...nodeFs.promises, open } } }).save(numbered(1));
    expect(await newestEpisodes()).toBe(1);
  });
});

describe('loading the newest checkpoint', () => {
  it('finds nothing in a folder that is absent, empty or holds other files only', async () => {
    const store = new CheckpointStore(folder);
    expect(await store.loadNewest(SMALL_SCHEMA)).toBeNull();
    mkdirSync(folder, { recursive: true });
    expect(await store.loadNewest(SMALL_SCHEMA)).toBeNull();
    writeFileSync(join(folder, 'README.md'), 'models of the jackal');
    writeFileSync(join(folder, 'checkpoint.00000000.1.1.aaaaaaaaaaaa.tmp'), 'half');
    expect(await store.loadNewest(SMALL_SCHEMA)).toBeNull();
    expect(files()).toHaveLength(2);
  });

  it('takes the newest good one, tells what was wrong with newer ones and keeps them for ever', async () => {
    const writer = new CheckpointStore(folder, { generations: 10 });
    for (let i = 1; i <= 6; i++) await writer.save(numbered(i));
    const good = numbered(9);
    writeFileSync(join(folder, name(6)), good.subarray(0, 99));
    writeFileSync(join(folder, name(5)), good.with(200, good[200] ^ 1));
    writeFileSync(join(folder, name(4)), 'weights: [1, 2, 3]');
    writeFileSync(join(folder, name(3)), good.with(8, 9));
    mkdirSync(join(folder, name(7)));
    const store = new CheckpointStore(folder, { generations: 1 });
    const loaded = await store.loadNewest(SMALL_SCHEMA);
    expect(loaded?.checkpoint.counters.episodes).toBe(2);
    expect(loaded?.path).toBe(join(folder, name(2)));
    expect(loaded?.refused.map(({ reason }) => reason)).toEqual([
      'unreadable',
      'truncated',
      'checksum',
      'notACheckpoint',
      'futureVersion',
    ]);
    expect((await store.save(numbered(10))).generation).toBe(8);
    expect(files()).toEqual([3, 4, 5, 6, 7, 8].map(name));
    expect(await newestEpisodes()).toBe(10);
  });

  it('is an error where none is good, naming every file, and not a fresh start', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name(1)), '');
    writeFileSync(join(folder, name(2)), 'not one');
    writeFileSync(join(folder, name(3)), numbered(3, checkpointSchema({ policy: { bits: 20 } })));
    const error = await refusal(new CheckpointStore(folder).loadNewest(SMALL_SCHEMA));
    expect(error.reason).toBe('noneGood');
    expect(error.message).toMatch(/checkpoint-000000001\.rfsn: the file ends after 0 bytes/);
    expect(error.message).toMatch(/checkpoint-000000002\.rfsn: this is not a checkpoint/);
    expect(error.message).toMatch(/checkpoint-000000003\.rfsn: .*policy\.bits is 20 in the file and 4 here/);
    expect(files()).toHaveLength(3);
  });

  it('takes a file without a number, as one copied in by hand, after those with one', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'best.rfsn'), numbered(77));
    const store = new CheckpointStore(folder, { generations: 1 });
    expect(await store.loadNewest(SMALL_SCHEMA)).toMatchObject({ generation: 0, path: join(folder, 'best.rfsn') });
    await store.save(numbered(78));
    expect(await newestEpisodes()).toBe(78);
    expect(files()).toEqual(['best.rfsn', name(1)]);
  });

  it('looks again when another process prunes what was listed', async () => {
    const other = new CheckpointStore(folder, { generations: 1 });
    await other.save(numbered(1));
    let isFirst = true;
    const stat = (async (path: string) => {
      if (isFirst) {
        isFirst = false;
        await other.save(numbered(2));
      }
      return nodeFs.promises.stat(path);
    }) as unknown as typeof nodeFs.promises.stat;
    const fs: CheckpointFileSystem = { ...nodeFs, promises: { ...nodeFs.promises, stat } };
    const loaded = await new CheckpointStore(folder, { fs }).loadNewest(SMALL_SCHEMA);
    expect(loaded?.checkpoint.counters.episodes).toBe(2);
    expect(loaded?.refused).toEqual([]);
  });

  it('does not wait for a pipe that goes by the name of a checkpoint', async () => {
    mkdirSync(folder, { recursive: true });
    expect(spawnSync('mkfifo', [join(folder, name(1))]).status).toBe(0);
    const error = await refusal(new CheckpointStore(folder).loadNewest());
    expect(error.message).toContain('is not a file');
  });

  it('does not read a file larger than any checkpoint', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name(1)), '');
    nodeFs.truncateSync(join(folder, name(1)), 2 ** 31);
    const error = await refusal(new CheckpointStore(folder).loadNewest());
    expect(error.message).toContain('2147483648 bytes');
  });

  it('is an error where the folder is a file', async () => {
    mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, 'models'), '');
    const error = await refusal(new CheckpointStore(join(parent, 'models')).loadNewest());
    expect(error.reason).toBe('unreadable');
  });
});

describe('a writer killed at any moment', () => {
  it('leaves a newest checkpoint that loads (ten rounds of scripts/kill-test.mjs)', () => {
    const modules = compiledModules(join(parent, 'compiled'));
    const run = spawnSync(process.execPath, ['scripts/kill-test.mjs', '--rounds', '10', '--modules', modules], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(run.stderr).toBe('');
    expect(JSON.parse(run.stdout.trim().split('\n').at(-1)!)).toMatchObject({ rounds: 10, failures: 0 });
    expect(run.status).toBe(0);
  });
});

/** This source, compiled for a process of its own: what lies in dist/ may be older. @returns the folder */
function compiledModules(target: string): string {
  const options = '--target es2023 --module nodenext --moduleResolution nodenext --types node --skipLibCheck';
  const run = spawnSync(
    join(ROOT, 'node_modules/.bin/tsc'),
    [
      '--ignoreConfig',
      ...options.split(' '),
      '--rootDir',
      'src',
      '--outDir',
      join(target, 'src'),
      'src/checkpoint/store.ts',
    ],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect(run.stdout).toBe('');
  writeFileSync(join(target, 'package.json'), '{ "type": "module" }');
  return join(target, 'src');
}
