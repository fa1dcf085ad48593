/** bench/PEERS.md: what a contest measured, as targets, tables and what to know beside them. */
import { atLeast, type Figures, type Report, type Target } from '../benchmark.js';
import { shown } from '../results.js';
import type { ComparisonResult, ContestResults } from './contest.js';
import { AGREEMENT, DESCRIBED_SHAPE, PEERS, type PeerName, type Shape } from './peers.js';

export interface PeersPage {
  readonly machine: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly seed: number;
  readonly quick: boolean;
  readonly results: ContestResults;
  /** Of the benchmark `policies`, of the same run. */
  readonly policies: Report;
}

/** What the system's first description claims for itself; for it, LinUCB is the one of 64 features and 10 actions. */
const CLAIMS = { predictNs: 50_000, updateNs: 100_000, perSecond: 300_000, memoryMib: 60, numpyTimes: 600 } as const;

/** How the libraries come to the machine. */
export const INSTALL = [
  'python3 -m venv ~/rfsn-peers',
  '~/rfsn-peers/bin/pip install numpy vowpalwabbit contextualbandits mabwiser',
  'npm run bench:peers -- --python ~/rfsn-peers/bin/python',
] as const;

/** The targets of a contest and of the policies. */
export function targetsOf(results: ContestResults, policies: Report): Target[] {
  const targets: Target[] = [];
  for (const { comparison, ratio } of results.comparisons) {
    const { target, peer, title, shape } = comparison;
    if (target === undefined) continue;
    targets.push(atLeast(`times as fast as ${PEERS[peer].title}, ${title}, ${shapeText(shape)}`, ratio, target, 1));
  }
  for (const { agreement, difference, examples } of results.agreements) {
    const { peer, theirs, shape } = agreement;
    const what = `${PEERS[peer].title} ${theirs}, ${shapeText(shape)}, over ${examples} updates`;
    targets.push({
      figure: `largest difference of a LinUCB score to ${what}`,
      target: `≤ ${AGREEMENT.toExponential()}`,
      value: difference.toExponential(1),
      met: difference <= AGREEMENT,
    });
  }
  return [...targets, ...policies.targets];
}

/** The page as Markdown. */
export function peersPage(page: PeersPage): string {
  const { results, policies } = page;
  const versions = Object.entries(results.versions).map(([name, version]) => `${name} ${version}`);
  const lines = [
    '# Beside other libraries',
    '',
    `Written by \`npm run bench:peers -- --write\`${page.quick ? ' with `--quick`' : ''}, not by hand. Measured ${page.date} with seed ${page.seed} on:`,
    '',
    `> ${page.machine}`,
    '',
    `> ${versions.join(' · ')}`,
    '',
    'To have the same libraries:',
    '',
    '```',
    ...INSTALL,
    '```',
    '',
    'Both sides run in processes of their own on the same examples, read from one file, by turns: ours, theirs, theirs, ours.',
    'Ratios are medians over the rounds, with the smallest and the largest. One thread each, linear algebra included.',
    'An example is one choice and one update, one at a time, unless the row says otherwise.',
    '',
    '## Targets',
    '',
    '| figure | target | measured | met |',
    '|---|---:|---:|:---:|',
  ];
  for (const { figure, target, value, met } of targetsOf(results, policies)) {
    lines.push(`| ${figure} | ${target} | ${value} | ${met === null ? '–' : met ? 'yes' : '**no**'} |`);
  }
  for (const { what, reason } of results.skipped) lines.push('', `Not run: ${what}. ${reason}`);
  for (const peer of Object.keys(PEERS) as PeerName[]) {
    const rows = results.comparisons.filter(({ comparison }) => comparison.peer === peer);
    if (rows.length > 0) lines.push('', ...peerSection(peer, rows));
  }
  lines.push('', ...claimsSection(results, policies.figures), '', ...policiesSection(policies));
  return `${lines.join('\n')}\n`;
}

const NOTES: Readonly<Record<PeerName, readonly string[]>> = {
  vowpalwabbit: [
    'Ours is `ContextualBandit` with VW’s defaults: a regression for every action over 24 features and a constant, the direct ' +
      'method, ε 0.1, learning rate 0.5. VW has two learners near to it. `cb_explore` is `--cb_explore 8 --cb_type dm --epsilon ' +
      '0.1`, which beside its eight regressions of the cost learns eight more that imitate their choice. `csoaa` is `--csoaa 8` ' +
      'with ε drawn in Python: the regressions alone, which is what ours has.',
    'Through Python there are four ways. Lines of text and an `Example` made from a dict are the documented ones. The classes ' +
      'beneath (`pylibvw`), on one example that is refilled with features hashed beforehand, are the fastest that take a new ' +
      'context; the documentation advises against them. Examples built beforehand are no way to use it, and bound what any ' +
      'interface could reach. The choice is drawn from VW’s distribution in Python, as it leaves to its caller.',
    'The driver is VW’s own, in C++, as `vw -d FILE --cache_file FILE` runs it, reading examples in its binary cache format, ' +
      'less what starting it costs. It learns ' +
      'from logged decisions: `cb_explore` predicts every action on the way, and is set beside a choice and an update of ours; ' +
      '`csoaa` predicts the labelled action alone, and is set beside our `updateBatch`, which does as well.',
  ],
  numpy: [
    'LinUCB with disjoint arms, α 1, ridge 1, doubles, without a constant on both sides. All arms at once: one matrix–vector ' +
      'product over the stacked inverses, the way to write it for speed. Arm by arm: a loop in Python, the way it is mostly ' +
      'written. Inverting: A and b are kept, and every arm’s A is inverted in every choice, as Algorithm 1 of Li et al. has it.',
  ],
  contextualbandits: [
    'LinUCB with Sherman–Morrison in its compiled code, in doubles. BootstrappedTS has ten logistic classifiers by stochastic ' +
      'gradient descent for every arm, and is told whether the reward was above 0; ours has ten regressions.',
  ],
  mabwiser: [
    'LinUCB with α 1 and LinTS with α 0.25, ridge 1. It inverts the matrix of the arm it learned in each update.',
  ],
};

function peerSection(peer: PeerName, rows: readonly ComparisonResult[]): string[] {
  const lines = [`## ${PEERS[peer].title}`];
  for (const note of NOTES[peer]) lines.push('', note);
  lines.push(
    '',
    '| theirs | shape | examples a round | theirs, ns | ours, ns | times as fast | rounds |',
    '|---|---|---:|---:|---:|---:|---:|',
  );
  for (const { comparison, theirsNs, oursNs, ratio, ratioMin, ratioMax, examples, rounds } of rows) {
    const spread = `${times(ratio)} (${times(ratioMin)} – ${times(ratioMax)})`;
    lines.push(
      `| ${comparison.title} | ${shapeText(comparison.shape)} | ${count(examples)} | ${count(theirsNs)} | ${count(oursNs)} | ${spread} | ${rounds} |`,
    );
  }
  return lines;
}

function claimsSection(results: ContestResults, figures: Readonly<Record<string, Figures>>): string[] {
  const { bandit } = figures;
  const of = (theirs: string) =>
    results.comparisons.find(({ comparison }) => comparison.theirs === theirs && comparison.shape === DESCRIBED_SHAPE);
  const numpy = [
    ['inverting its matrices', of('inverting')],
    ['Sherman–Morrison, arm by arm', of('sherman-morrison-by-arm')],
    ['Sherman–Morrison, all arms at once', of('sherman-morrison')],
  ] as const;
  const milliseconds = (ns: number) => `${(ns / 1e6).toFixed(5)} ms`;
  return [
    '## What the first description claims for the system',
    '',
    'Beside it, the VW-style bandit as it stands in this run.',
    '',
    '| claim | claimed | measured |',
    '|---|---:|---:|',
    `| predict | ${milliseconds(CLAIMS.predictNs)} | ${milliseconds(Number(bandit.select_p50_ns))} |`,
    `| update | ${milliseconds(CLAIMS.updateNs)} | ${milliseconds(Number(bandit.update_p50_ns))} |`,
    `| examples a second in batches | ${count(CLAIMS.perSecond)} | ${count(1e9 / Number(bandit.batch_update_ns))} |`,
    `| memory | ${CLAIMS.memoryMib} MB | ${count(Number(bandit.bytes))} bytes of the policy; ${shown('', Number(bandit.process_mib))} MiB of a process that holds it and Node |`,
    ...numpy.map(
      ([how, result]) =>
        `| times NumPy’s LinUCB, ${how}, ${shapeText(DESCRIBED_SHAPE)} | ${CLAIMS.numpyTimes} | ${result === undefined ? 'not measured' : times(result.ratio)} |`,
    ),
  ];
}

const COLUMNS = [
  ['select_p50_ns', 'select p50, ns'],
  ['select_p99_ns', 'p99'],
  ['probability_p50_ns', 'probability'],
  ['probabilities_p50_ns', 'all probabilities'],
  ['update_p50_ns', 'update p50'],
  ['update_p99_ns', 'p99'],
  ['ratio_select', 'select to bandit’s'],
  ['ratio_update', 'update to bandit’s'],
  ['updates', 'updates'],
  ['bytes', 'bytes'],
  ['growth_bytes', 'growth'],
] as const;

function policiesSection({ notes, figures }: Report): string[] {
  const lines = ['## Our policies'];
  for (const note of notes) lines.push('', note);
  lines.push(
    '',
    `| policy | ${COLUMNS.map(([, title]) => title).join(' | ')} |`,
    `|---|${COLUMNS.map(() => '---:').join('|')}|`,
  );
  for (const [policy, row] of Object.entries(figures)) {
    lines.push(`| ${policy} | ${COLUMNS.map(([name]) => shown(name, row[name])).join(' | ')} |`);
  }
  return lines;
}

function shapeText({ features, actions }: Shape): string {
  return `${features} × ${actions}`;
}

/** Three digits at least. */
function times(ratio: number): string {
  return ratio.toLocaleString('en', { maximumFractionDigits: ratio < 10 ? 2 : ratio < 100 ? 1 : 0 });
}

function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 0 });
}
