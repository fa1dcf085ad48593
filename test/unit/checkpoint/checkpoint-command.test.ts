import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../../src/checkpoint/checkpoint-error.js';
import { decodeCheckpoint, encodeCheckpoint } from '../../../src/checkpoint/format.js';
import { policySchema } from '../../../src/checkpoint/policy-description.js';
import type { JsonObject } from '../../../src/checkpoint/schema.js';
import { CheckpointStore } from '../../../src/checkpoint/store.js';
import {
  type ActionSummary,
  convertCheckpoint,
  registerCheckpointCommand,
} from '../../../src/cli/checkpoint-command.js';
import { Prng } from '../../../src/core/prng.js';
import { ContextualBandit } from '../../../src/policy/contextual-bandit.js';
import { captureOutput, temporaryFolder } from '../../support/command-line.js';
import { smallContent } from './content.js';

const FEATURES = ['x', 'y', 'goal distance'];
const SETTINGS = {
  n_actions: 3,
  context_dim: 3,
  bits: 12,
  feature_names: FEATURES,
  learning_rate: 1,
  l2_regularization: 0,
};

const written = captureOutput();
const at = temporaryFolder();

async function command(...args: string[]): Promise<void> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  registerCheckpointCommand(program);
  await program.parseAsync(['checkpoint', ...args], { from: 'user' });
}

function trained(settings = SETTINGS): ContextualBandit {
  const policy = new ContextualBandit(settings);
  const random = Prng.seeded(9);
  const context = new Float64Array(3);
  for (let i = 0; i < 3000; i++) {
    for (let k = 0; k < 3; k++) context[k] = random.nextNormal();
    policy.update(context, 0, context[2], 1);
    policy.update(context, 1, 2 * context[0] - 1, 1);
  }
  return policy;
}

function checkpointOf(policy: ContextualBandit): Uint8Array {
  const description = { name: policy.name, config: { ...policy.config } as unknown as JsonObject };
  return encodeCheckpoint(
    smallContent({
      schema: policySchema(description, { names: FEATURES, interactions: 'none' }),
      metadata: { policy: description, parameters: { bits: policy.config.bits, epsilon: 0.1 } },
      sections: new Map([
        ['policy', policy.exportState()],
        ['scaler', Uint8Array.of(1, 2, 3)],
      ]),
    }),
  );
}

describe('rfsn checkpoint show', () => {
  it('shows a file’s version, counters, schema, sections, parameters and weights to a person', async () => {
    writeFileSync(at('a.rfsn'), checkpointOf(trained()));
    await command('show', at('a.rfsn'));
    expect(written.out).toMatch(/^format version +1$/m);
    expect(written.out).toMatch(/^created +2026-01-01T00:00:00\.123Z$/m);
    expect(written.out).toMatch(/^updates +3000000003$/m);
    expect(written.out).toMatch(/^generator state +01234567 89abcdef ffffffff 00000000$/m);
    expect(written.out).toMatch(/^ {4}names +x y goal distance$/m);
    expect(written.out).toMatch(/^ {2}scaler +3 bytes$/m);
    expect(written.out).toMatch(/^ {4}epsilon +0\.1$/m);
    expect(written.out.match(/^ {7}[012] {8}4 /gm)).toHaveLength(3);
  });

  it('gives the same as JSON, with the weights the policy has', async () => {
    const policy = trained();
    writeFileSync(at('a.rfsn'), checkpointOf(policy));
    await command('show', '--json', at('a.rfsn'));
    const shown = written.lastJson<{ schema: JsonObject; policy: JsonObject & { actions: ActionSummary[] } }>();
    expect(shown).toMatchObject({ format_version: 1, episodes: 42, sections: { scaler: 3 }, refused: [] });
    expect(shown.schema.policy).toMatchObject({ name: 'bandit', bits: 12, n_actions: 3 });
    // What it was taught: x2 by action 0, 2 x0 - 1 by action 1, nothing by action 2.
    const actions = shown.policy.actions;
    expect(actions.map(({ action, weights }) => [action, weights])).toEqual([0, 1, 2].map((action) => [action, 4]));
    const [zero, one, two] = actions;
    expect([zero.min, zero.max, zero.norm].map((figure) => Math.abs(figure).toFixed(1))).toEqual(['0.0', '1.0', '1.0']);
    expect([one.min, one.max, one.norm].map((figure) => figure.toFixed(1))).toEqual(['-1.0', '2.0', '2.2']);
    expect(one.non_zero).toBe(4);
    expect(two).toEqual({ action: 2, weights: 4, non_zero: 0, min: 0, max: 0, norm: 0 });
  });

  it('shows an untrained policy as all zeros', async () => {
    writeFileSync(at('a.rfsn'), checkpointOf(new ContextualBandit(SETTINGS)));
    await command('show', '--json', at('a.rfsn'));
    for (const action of written.lastJson<{ policy: { actions: ActionSummary[] } }>().policy.actions) {
      expect(action).toMatchObject({ weights: 4, non_zero: 0, min: 0, max: 0, norm: 0 });
    }
  });

  it('shows the newest good one of a folder and says what is wrong with newer ones', async () => {
    const store = new CheckpointStore(at());
    await store.save(checkpointOf(trained()));
    writeFileSync(at('checkpoint-000000002.rfsn'), 'rubbish');
    await command('show', at());
    expect(written.out).toMatch(/^refused .*checkpoint-000000002\.rfsn: this is not a checkpoint/);
    expect(written.out).toMatch(/^checkpoint +.*checkpoint-000000001\.rfsn$/m);
    await command('show', '--json', at());
    expect(written.lastJson()).toMatchObject({
      refused: [expect.anything()],
      files: ['checkpoint-000000002.rfsn', 'checkpoint-000000001.rfsn'],
    });
  });

  it('shows a checkpoint of another program’s policy, and one whose policy cannot be read', async () => {
    writeFileSync(at('foreign.rfsn'), encodeCheckpoint(smallContent({ metadata: { title: '\u001b[2Jboo' } })));
    await command('show', at('foreign.rfsn'));
    expect(written.out).toMatch(/^ {2}title +\?\[2Jboo$/m);
    const metadata = { policy: { name: 'bandit', config: { n_actions: 4 } } };
    writeFileSync(at('damaged.rfsn'), encodeCheckpoint(smallContent({ metadata })));
    await command('show', at('damaged.rfsn'));
    expect(written.out).toMatch(/^policy cannot be read: policy state has 5 bytes/m);
  });

  it('fails with the reason where there is nothing to show', async () => {
    writeFileSync(at('cut.rfsn'), checkpointOf(trained()).subarray(0, 200));
    await expect(command('show', at('cut.rfsn'))).rejects.toThrow(/cut\.rfsn: the file ends after 200 of its/);
    await expect(command('show', at('absent.rfsn'))).rejects.toThrow(/absent\.rfsn cannot be read: ENOENT/);
    await expect(command('show', at())).rejects.toThrow(/no checkpoint in .* can be used/);
    mkdirSync(at('empty'));
    await expect(command('show', at('empty'))).rejects.toThrow(/no checkpoint in .*untrained/);
    await expect(command('show')).rejects.toBeInstanceOf(CommanderError);
  });
});

describe('rfsn checkpoint convert', () => {
  it('carries what the policy knows over to a larger table', async () => {
    const policy = trained();
    const input = at('in.rfsn');
    writeFileSync(input, checkpointOf(policy));
    await command('convert', '--bits', '16', '--json', input, at('out.rfsn'));
    expect(written.lastJson()).toEqual({ in: input, out: at('out.rfsn'), bits: { from: 12, to: 16 } });

    const larger = new ContextualBandit({ ...SETTINGS, bits: 16 });
    const expected = checkpointOf(larger);
    const converted = decodeCheckpoint(readFileSync(at('out.rfsn')), decodeCheckpoint(expected).schema);
    expect(converted.metadata).toEqual(decodeCheckpoint(expected).metadata);
    expect(converted.counters.updates).toBe(3_000_000_003);
    expect([...converted.sections.get('scaler')!]).toEqual([1, 2, 3]);
    larger.importState(converted.sections.get('policy')!);
    const context = Float64Array.of(0.3, -0.2, 0.9);
    const before = new Float64Array(3);
    const after = new Float64Array(3);
    policy.values(context, before);
    larger.values(context, after);
    expect(after).toEqual(before);
  });

  it('adds a generation to a folder and prunes nothing there', async () => {
    const store = new CheckpointStore(at(), { generations: 20 });
    for (let i = 0; i < 8; i++) await store.save(checkpointOf(trained()));
    await command('convert', '--bits', '10', at(), at());
    expect(written.out).toMatch(
      /checkpoint-000000008\.rfsn \(12 bits\) converted to .*checkpoint-000000009\.rfsn \(10 bits\)/,
    );
    expect(readdirSync(at())).toHaveLength(9);
    const schema = decodeCheckpoint(checkpointOf(new ContextualBandit({ ...SETTINGS, bits: 10 }))).schema;
    expect((await store.loadNewest(schema))?.generation).toBe(9);
  });

  it('does not write over a file that is there', async () => {
    const input = at('in.rfsn');
    writeFileSync(input, checkpointOf(trained()));
    writeFileSync(at('kept.rfsn'), 'kept');
    await expect(command('convert', '--bits', '16', input, at('kept.rfsn'))).rejects.toThrow(/exists already/);
    expect(readFileSync(at('kept.rfsn'), 'utf8')).toBe('kept');
    await expect(command('convert', '--bits', '16', input, join(input, 'out.rfsn'))).rejects.toThrow(
      /there is a file where the folder should be/,
    );
    expect(readdirSync(at()).sort()).toEqual(['in.rfsn', 'kept.rfsn']);
  });

  it('refuses a checkpoint without a table, and bits that no table has', async () => {
    const foreign = at('foreign.rfsn');
    writeFileSync(foreign, encodeCheckpoint(smallContent()));
    await expect(command('convert', '--bits', '16', foreign, at('out.rfsn'))).rejects.toBeInstanceOf(CheckpointError);
    for (const bits of ['0', '27', '1.5', 'many']) {
      await expect(command('convert', '--bits', bits, foreign, at('out.rfsn'))).rejects.toThrow(/from 6 to 24/);
    }
    await expect(command('convert', foreign, at('out.rfsn'))).rejects.toThrow(/--bits/);
    expect(existsSync(at('out.rfsn'))).toBe(false);
    const random = smallContent({ metadata: { policy: { name: 'random', config: {} } } });
    expect(() => convertCheckpoint(decodeCheckpoint(encodeCheckpoint(random)), 16, 0)).toThrow(
      /holds the policy "random"/,
    );
  });
});
