import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Report } from '../../../bench/benchmark.js';
import { type ContestOptions, type ContestResults, contest } from '../../../bench/peers/contest.js';
import { INSTALL, peersPage, targetsOf } from '../../../bench/peers/page.js';
import { AGREEMENTS, COMPARISONS, PEERS, ROBOT_SHAPE } from '../../../bench/peers/peers.js';
import { makeStream, readStream, writeStream } from '../../../bench/peers/stream.js';
import { LinUcb } from '../../../src/policy/lin-ucb.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-peers-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const at = (name: string) => join(folder, name);
const ROOT = join(import.meta.dirname, '..', '..', '..');
/** Our side from its sources. */
const OURS = ['--import', join(ROOT, 'test/support/typescript-hooks.mjs'), join(ROOT, 'bench/peers/ours.ts')];

/** A program in Python's place: a peer that says `hello`, then answers every request with `answer`, JavaScript. */
function standIn(hello: unknown, answer: string): string {
  const path = at('python');
  writeFileSync(
    path,
    `#!${process.execPath}
const say = (fields) => process.stdout.write(JSON.stringify(fields) + '\\n');
say(${JSON.stringify(hello)});
const { createInterface } = require('node:readline');
const { writeFileSync } = require('node:fs');
createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  ${answer}
});
`,
  );
  chmodSync(path, 0o755);
  return path;
}

function options(python: string, tell: (text: string) => void = () => {}): ContestOptions {
  const comparisons = COMPARISONS.filter(({ peer, shape }) => peer === 'numpy' && shape === ROBOT_SHAPE).slice(0, 1);
  const agreements = AGREEMENTS.filter(({ peer }) => peer === 'numpy').slice(0, 1);
  return { python, ours: OURS, seed: 3, rounds: 3, divisor: 1000, comparisons, agreements, tell };
}

describe('the examples of a comparison', () => {
  it('are the same bits on the other side of the file, and the same for the same seed', () => {
    const stream = makeStream(7, 50, 5, 3);
    writeStream(at('s'), stream);
    expect(readStream(at('s'))).toEqual(stream);
    expect(makeStream(7, 50, 5, 3)).toEqual(stream);
    expect(makeStream(8, 50, 5, 3)).not.toEqual(stream);
  });

  it('reward what can be learned', () => {
    const { rows, features, actions, contexts, rewards } = makeStream(7, 1500, 6, 2);
    const policy = new LinUcb({ n_actions: actions, context_dim: features });
    let right = 0;
    for (let row = 0; row < rows; row++) {
      const context = contexts.slice(row * features, (row + 1) * features);
      const action = policy.select(context, null);
      if (row >= rows / 2 && rewards[row * 2 + action] >= rewards[row * 2 + 1 - action]) right++;
      policy.update(context, action, rewards[row * 2 + action], 1);
    }
    expect(right / (rows / 2)).toBeGreaterThan(0.7);
  });
});

describe('a contest', () => {
  it('sets both sides beside each other, by turns and on as many examples', async () => {
    const python = standIn(
      { versions: { Stand: '1.0' } },
      `if (request.do === 'scores') writeFileSync(request.out, new Uint8Array(request.examples * 8 * 8));
       say({ ns: request.examples * 1e6 });`,
    );
    const told: string[] = [];
    const { comparisons, agreements, skipped, versions } = await contest(options(python, (text) => told.push(text)));
    expect(skipped).toEqual([]);
    expect(versions).toMatchObject({ Stand: '1.0', Node: process.versions.node });
    const [{ oursNs, theirsNs, ratio, ratioMin, ratioMax, rounds, examples }] = comparisons;
    expect({ theirsNs, rounds, examples }).toEqual({ theirsNs: 1e6, rounds: 3, examples: 10 });
    expect(oursNs).toBeGreaterThan(0);
    expect(ratioMin).toBeGreaterThan(0);
    expect(ratio).toBeGreaterThanOrEqual(ratioMin);
    expect(ratioMax).toBeGreaterThanOrEqual(ratio);
    // Its scores are all 0, and ours begin with the length of the context.
    expect(agreements[0].difference).toBeGreaterThan(1);
    expect(told).toHaveLength(2);
  });

  it('skips a library that is not there, once, and says how to install it', async () => {
    const python = standIn({ missing: "numpy: No module named 'numpy'" }, '');
    const { comparisons, agreements, skipped } = await contest(options(python));
    expect(comparisons).toEqual([]);
    expect(agreements).toEqual([]);
    expect(skipped).toEqual([{ what: 'NumPy', reason: "numpy: No module named 'numpy'; pip install numpy" }]);
  });

  it('skips where there is no such interpreter', async () => {
    const { skipped } = await contest(options(at('none')));
    expect(skipped).toHaveLength(1);
    expect(skipped[0].reason).toContain('ENOENT');
  });

  it('goes on after a library failed, and reports what it said', async () => {
    const python = standIn({ versions: {} }, `say({ error: 'ValueError: ' + request.do });`);
    const { skipped } = await contest(options(python));
    expect(skipped.map(({ reason }) => reason)).toEqual(['ValueError: scores', 'ValueError: step']);
  });

  it('goes on after a library died', async () => {
    const python = standIn({ versions: {} }, `process.stderr.write('out of memory'); process.exit(3);`);
    const { skipped } = await contest(options(python));
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'it ended with 3: out of memory',
      'it ended with 3: out of memory',
    ]);
  });
});

describe('the page of a contest', () => {
  const policies: Report = {
    figures: {
      bandit: {
        select_p50_ns: 500,
        update_p50_ns: 450,
        batch_update_ns: 400,
        bytes: 7312,
        process_mib: 50,
        updates: 9,
      },
    },
    targets: [{ figure: 'LinTS', target: '≤ 6', value: '5.00', met: true }],
    notes: ['How.'],
  };
  const [first] = COMPARISONS;
  const results: ContestResults = {
    comparisons: COMPARISONS.map((comparison) => ({
      comparison,
      oursNs: 100,
      theirsNs: 1500,
      ratio: 15,
      ratioMin: 14,
      ratioMax: 16,
      rounds: 7,
      examples: comparison.examples,
    })),
    agreements: AGREEMENTS.map((agreement, i) => ({ agreement, examples: 9, difference: i === 0 ? 2e-6 : 1e-13 })),
    skipped: [{ what: 'A library', reason: 'not there; pip install it' }],
    versions: { NumPy: '2.0' },
  };

  it('judges what was promised, and nothing else', () => {
    const targets = targetsOf(results, policies);
    const promised = COMPARISONS.filter(({ target }) => target !== undefined);
    expect(targets).toHaveLength(promised.length + AGREEMENTS.length + 1);
    promised.forEach(({ target }, i) => {
      expect(targets[i].met).toBe(15 >= (target ?? Number.NaN));
    });
    expect(targets.slice(promised.length).map(({ met }) => met)).toEqual([
      false,
      ...AGREEMENTS.slice(1).map(() => true),
      true,
    ]);
  });

  it('says on which machine, with what, how to have it, what was measured and what was not', () => {
    const page = peersPage({ machine: 'a machine', date: '2026-01-02', seed: 42, quick: false, results, policies });
    for (const text of ['> a machine', '> NumPy 2.0', 'Measured 2026-01-02 with seed 42', ...INSTALL]) {
      expect(page).toContain(text);
    }
    for (const { title } of Object.values(PEERS)) expect(page).toContain(`\n## ${title}\n`);
    for (const { title } of COMPARISONS) expect(page).toContain(`| ${title} |`);
    expect(page).toContain(`| ${first.title} | 24 × 8 | 2,000 | 1,500 | 100 | 15 (14 – 16) | 7 |`);
    expect(page).toContain('Not run: A library. not there; pip install it');
    expect(page).toContain('| predict | 0.05000 ms | 0.00050 ms |');
    expect(page).toContain('| examples a second in batches | 300,000 | 2,500,000 |');
    expect(page).toMatch(/\| times NumPy’s LinUCB, inverting its matrices, 64 × 10 \| 600 \| 15 \|/);
  });

  it('says what was not measured where a library was missing', () => {
    const nothing = { ...results, comparisons: [] };
    const page = peersPage({ machine: '', date: '', seed: 1, quick: true, results: nothing, policies });
    expect(page).toContain('with `--quick`');
    expect(page).toMatch(/64 × 10 \| 600 \| not measured \|/);
  });
});
