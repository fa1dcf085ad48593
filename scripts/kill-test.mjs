#!/usr/bin/env node
/**
 * Kills a process that saves checkpoints continually, at a random moment, and looks whether the newest one loads: a
 * thousand times by default. No checkpoint may ever be unreadable, none that was reported as saved may be lost, and no
 * temporary file may outlive the next writer. Not part of `npm test`, which runs ten rounds of it.
 *
 *     npm run build && node scripts/kill-test.mjs [--rounds N] [--seed K] [--modules FOLDER] [--folder FOLDER]
 *
 * `--modules` is where the compiled `checkpoint/` and `core/` are. The last line is one JSON object; exit 1 if a round
 * failed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** From a header alone to more than one write of the operating system [bytes]. */
const BODY_BYTES = [64, 4096, 300_000, 2_000_000];
/** A writer is killed this long after it is ready, before its first save, at the latest [ms]. */
const LONGEST_LIFE_MS = 60;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    modules: { type: 'string', default: fileURLToPath(new URL('../dist/src', import.meta.url)) },
    folder: { type: 'string' },
    writer: { type: 'boolean', default: false },
  },
});
const module = (path) => import(pathToFileURL(join(resolve(values.modules), path)).href);
const { CheckpointStore } = await module('checkpoint/store.js');
const { encodeCheckpoint } = await module('checkpoint/format.js');
const { checkpointSchema } = await module('checkpoint/schema.js');
const { Prng } = await module('core/prng.js');

const schema = checkpointSchema({ features: ['a', 'b'], policy: { bits: 4 } });

if (values.writer) await write(values.folder);
else await test();

/** Says that it is ready with a 0, then saves for ever and prints the number of each save once it is on the disk. */
async function write(folder) {
  const store = new CheckpointStore(folder, { generations: 3 });
  const loaded = await store.loadNewest(schema);
  process.stdout.write('0\n');
  for (let updates = (loaded?.checkpoint.counters.updates ?? 0) + 1; ; updates++) {
    const body = new Uint8Array(BODY_BYTES[updates % BODY_BYTES.length]).fill(updates);
    const bytes = encodeCheckpoint({
      schema,
      counters: { cycles: 0, decisions: 0, updates, episodes: 0 },
      generatorState: new Uint32Array(4),
      createdUnixMs: Date.now(),
      metadata: { digest: createHash('sha256').update(body).digest('hex') },
      sections: new Map([['policy', body]]),
    });
    await store.save(bytes);
    process.stdout.write(`${updates}\n`);
  }
}

async function test() {
  const rounds = Number(values.rounds);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
    console.error('--rounds and --seed are integers, --rounds at least 1');
    process.exit(2);
  }
  const random = Prng.seeded(seed);
  const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'rfsn-kill-')));
  const failures = [];
  let saves = 0;
  let killedMidSave = 0;
  let leftOvers = 0;
  for (let round = 1; round <= rounds; round++) {
    const acknowledged = await killedWriter(folder, random.nextRange(0, LONGEST_LIFE_MS));
    const names = await readdir(folder);
    const temporary = names.filter((name) => name.endsWith('.tmp')).length;
    if (temporary > 0) killedMidSave++;
    if (temporary > 1) failures.push(`round ${round}: ${temporary} temporary files, so one outlived a writer`);
    leftOvers += temporary;
    try {
      const loaded = await new CheckpointStore(folder).loadNewest(schema);
      if (loaded === null) {
        if (saves > 0 || acknowledged > 0) failures.push(`round ${round}: no checkpoint`);
        continue;
      }
      const { checkpoint, refused } = loaded;
      const digest = createHash('sha256').update(checkpoint.sections.get('policy')).digest('hex');
      const newest = checkpoint.counters.updates;
      for (const { path, detail } of refused) failures.push(`round ${round}: ${path} was refused: ${detail}`);
      if (digest !== checkpoint.metadata.digest) failures.push(`round ${round}: the policy is not what was saved`);
      saves = Math.max(saves, acknowledged);
      if (newest < saves) failures.push(`round ${round}: save ${saves} was lost, ${newest} is the newest`);
      saves = newest;
    } catch (error) {
      failures.push(`round ${round}: ${error.message}`);
    }
    if (round % 100 === 0) console.error(`${round} rounds, ${saves} saves, ${failures.length} failures`);
  }
  for (const failure of failures) console.error(failure);
  if (values.folder === undefined) await rm(folder, { recursive: true });
  console.log(
    JSON.stringify({
      rounds,
      seed,
      saves,
      killed_mid_save: killedMidSave,
      left_overs: leftOvers,
      failures: failures.length,
    }),
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/** The number of the last save that the writer reported before it was killed. */
async function killedWriter(folder, lifeMs) {
  const writer = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), '--writer', '--folder', folder, '--modules', values.modules],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  let killing = false;
  const ended = new Promise((done) => writer.on('close', done));
  writer.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    if (!killing) {
      killing = true;
      setTimeout(() => writer.kill('SIGKILL'), lifeMs);
    }
  });
  await ended;
  // A line that the kill cut short may have lost digits.
  const lines = output
    .slice(0, output.lastIndexOf('\n') + 1)
    .trim()
    .split('\n');
  return Number(lines.at(-1) ?? 0);
}
