import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../../src/checkpoint/format.js';
import {
  Checkpointing,
  type LearnedState,
  NO_PROGRESS,
  splitSnapshot,
  stateHash,
} from '../../../src/cli/checkpointing.js';
import { ContextBuilder } from '../../../src/features/context.js';
import { contextOptionsOf, robotPolicy, snapshotShapeOf } from '../../../src/loop/configuration.js';
import { loadParameters } from '../../../src/parameters/loader.js';

let folder = '';
let told: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-checkpointing-'));
  told = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const parameters = () => loadParameters([], { model_dir: folder });

function checkpointing(): Checkpointing {
  return new Checkpointing({
    ...{ parameters: parameters(), scenario: 'clutter', seed: 1, faults: false },
    tell: (text) => told.push(text),
  });
}

/** What a policy and its scales know after a few examples. */
function learned(): LearnedState {
  const features = new ContextBuilder(contextOptionsOf(parameters()));
  const policy = robotPolicy(parameters(), features);
  for (let i = 0; i < 5; i++) {
    for (let k = 0; k < features.raw.length; k++) features.raw[k] = Math.sin(k + i);
    features.build();
    policy.update(features.context, i, i, 1);
    features.update();
  }
  return { policy: policy.exportState(), scaler: features.exportState() };
}

/** Rewrites the newest checkpoint. */
function forge(change: (checkpoint: Checkpoint) => Partial<Checkpoint>): void {
  const path = join(folder, readdirSync(folder).sort().at(-1) as string);
  const checkpoint = decodeCheckpoint(readFileSync(path));
  writeFileSync(path, encodeCheckpoint({ ...checkpoint, ...change(checkpoint) }));
}

describe('checkpoints of a run', () => {
  it('come back as they were saved, with how far the run had come', async () => {
    const progress = { cycles: 123, episodes: 7, worldHash: 99, plan: { firstEpisode: 2, episodes: 10 } };
    expect(await checkpointing().load()).toBeNull();
    expect(await checkpointing().save(learned(), progress)).toBe(true);
    const resumed = await checkpointing().load();
    expect(resumed).toMatchObject({ learned: learned(), progress, scenario: 'clutter', seed: 1 });
    expect(resumed?.message).toMatch(/^resumed from .*: episode 7 is next, after 5 updates$/);
    expect(told).toEqual([]);
  });

  it('are taken from a message under the checks of a file', async () => {
    const saver = checkpointing();
    const state = learned();
    await saver.save(state, NO_PROGRESS);
    const bytes = readFileSync(saver.savedPath);
    const { learned: read, updates, path } = checkpointing().decode(bytes, 'message 0123');
    expect(Buffer.from(read.policy).equals(state.policy)).toBe(true);
    expect(Buffer.from(read.scaler).equals(state.scaler)).toBe(true);
    expect({ updates, path }).toEqual({ updates: 5, path: 'message 0123' });
    expect(saver.schemaHash).toBe(decodeCheckpoint(bytes).schema.hash);
    const damaged = Buffer.from(bytes);
    damaged[damaged.length >> 1] ^= 1;
    expect(() => checkpointing().decode(damaged, 'message 0123')).toThrow(/checksum|damaged/);
    const other = new Checkpointing({
      parameters: loadParameters([], { model_dir: folder, policy: 'ucb1' }),
      ...{ scenario: '', seed: 1, faults: false, tell: () => undefined },
    });
    expect(() => other.decode(bytes, 'message 0123')).toThrow(/policy/);
  });

  it('are not needed to have come from a run', async () => {
    await checkpointing().save(learned(), NO_PROGRESS);
    forge(({ metadata: { run: _, ...metadata } }) => ({ metadata }));
    expect(await checkpointing().load()).toMatchObject({ progress: NO_PROGRESS, scenario: '', seed: null });
  });

  it('are refused where a part is missing or makes no sense', async () => {
    await checkpointing().save(learned(), NO_PROGRESS);
    forge(({ sections }) => ({ sections: new Map([...sections].filter(([name]) => name !== 'scaler')) }));
    await expect(checkpointing().load()).rejects.toThrow('lacks the section "scaler"');
    forge(({ sections }) => ({ sections: new Map([...sections, ['scaler', new Uint8Array(8)]]) }));
    await expect(checkpointing().load()).rejects.toThrow('scaler state has 8 bytes, expected 544');
    forge(({ sections }) => ({ sections: new Map([...sections, ['scaler', new Uint8Array(544)]]) }));
    await expect(checkpointing().load()).rejects.toThrow(/these bytes are not a .*scaler state/);
  });

  it('are not written from a state that could not be read again', async () => {
    const run = checkpointing();
    expect(await run.save({ ...learned(), policy: new Uint8Array(40) }, NO_PROGRESS)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    expect(run).toMatchObject({ failures: 1, savedPath: '' });
    expect(run.savedUnixMs).toBeNaN();
    expect(await run.save(learned(), NO_PROGRESS)).toBe(true);
    expect(run).toMatchObject({ failures: 1, failure: '' });
    expect(told.map((text) => text.split(':')[0])).toEqual(['checkpoint failed, will try again', 'saving works again']);
  });

  it('say once that another program writes to the same folder', async () => {
    const one = checkpointing();
    await one.save(learned(), NO_PROGRESS);
    await checkpointing().save(learned(), NO_PROGRESS);
    await one.save(learned(), NO_PROGRESS);
    await one.save(learned(), NO_PROGRESS);
    expect(told).toEqual([`another program writes checkpoints to ${folder}; give each its own --model`]);
  });
});

describe('what was learned', () => {
  it('is the two parts of a snapshot', () => {
    const { policy, scaler } = learned();
    const snapshot = Uint8Array.of(...policy, ...scaler);
    expect(splitSnapshot(snapshot, snapshotShapeOf(parameters()).policyBytes)).toEqual({ policy, scaler });
  });

  it('and the worlds it was learned in make the state hash', () => {
    const state = learned();
    expect(stateHash(1, state)).toBe(stateHash(1, learned()));
    expect(stateHash(2, state)).not.toBe(stateHash(1, state));
    expect(stateHash(1, { ...state, scaler: state.policy })).not.toBe(stateHash(1, state));
  });
});
