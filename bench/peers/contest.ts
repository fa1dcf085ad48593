/** Runs both sides of every comparison by turns, and checks that they do the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/parameters/presets.js';
import { median } from '../measure.js';
import { type Agreement, type Comparison, PEERS, type PeerName, type Shape } from './peers.js';
import { MissingPeerError, Side } from './side.js';
import { makeStream, readDoubles, writeStream } from './stream.js';

/** Different examples in a stream, which begins again after them: ours fits in the second-level cache, as theirs does. */
const ROWS = 2048;

export interface ComparisonResult {
  readonly comparison: Comparison;
  /** Time of one example, medians over the rounds [ns]. */
  readonly oursNs: number;
  readonly theirsNs: number;
  /** Theirs to ours: median, smallest and largest of the rounds. */
  readonly ratio: number;
  readonly ratioMin: number;
  readonly ratioMax: number;
  readonly rounds: number;
  /** Of each round. */
  readonly examples: number;
}

export interface AgreementResult {
  readonly agreement: Agreement;
  /** Updates that were compared. */
  readonly examples: number;
  /** The largest difference of two scores. */
  readonly difference: number;
}

/** What could not be run, and why. */
export interface Skipped {
  readonly what: string;
  readonly reason: string;
}

export interface ContestResults {
  readonly comparisons: readonly ComparisonResult[];
  readonly agreements: readonly AgreementResult[];
  readonly skipped: readonly Skipped[];
  /** Of everything that ran, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface ContestOptions {
  readonly python: string;
  /** Arguments for Node that run our side; those of the compiled `ours.ts` where absent. */
  readonly ours?: readonly string[];
  readonly seed: number;
  readonly rounds: number;
  /** Examples of a round are divided by it. */
  readonly divisor: number;
  readonly comparisons: readonly Comparison[];
  readonly agreements: readonly Agreement[];
  /** Told of every result as it comes. */
  readonly tell: (text: string) => void;
}

/** Processes and files of a contest. */
class Arena {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rfsn-peers-'));
  readonly #streams = new Map<string, string>();
  readonly #options: ContestOptions;
  readonly versions: Record<string, string> = {};
  readonly skipped: Skipped[] = [];
  readonly #missing = new Set<PeerName>();

  constructor(options: ContestOptions) {
    this.#options = options;
  }

  /** A file of its own. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  #streamOf({ features, actions }: Shape): string {
    const name = `${features}x${actions}`;
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const path = this.path(name);
    writeStream(path, makeStream(this.#options.seed, ROWS, features, actions));
    this.#streams.set(name, path);
    return path;
  }

  /** Starts both sides, lets them meet, and ends them. @returns null where the peer is missing or failed, which is noted */
  async meet<Result>(
    peer: PeerName,
    what: string,
    shape: Shape,
    encounter: (ours: Side, theirs: Side) => Promise<Result>,
  ): Promise<Result | null> {
    if (this.#missing.has(peer)) return null;
    const stream = this.#streamOf(shape);
    const script = join(packageRoot(), 'bench', 'peers', `${peer}_peer.py`);
    const sides: Side[] = [];
    try {
      // Without byte code beside the scripts.
      const theirs = await Side.start(this.#options.python, ['-B', script, stream]);
      sides.push(theirs);
      const program = this.#options.ours ?? [fileURLToPath(new URL('./ours.js', import.meta.url))];
      const ours = await Side.start(process.execPath, [...program, stream]);
      sides.push(ours);
      Object.assign(this.versions, ours.versions, theirs.versions);
      return await encounter(ours, theirs);
    } catch (error) {
      const missing = error instanceof MissingPeerError;
      if (missing) this.#missing.add(peer);
      const { title, install } = PEERS[peer];
      const message = (error as Error).message;
      this.skipped.push({
        what: missing ? title : what,
        reason: missing ? `${message}; ${install}` : message,
      });
      this.#options.tell(`skipped ${missing ? title : what}: ${message}`);
      return null;
    } finally {
      await Promise.all(sides.map((side) => side.close()));
    }
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export async function contest(options: ContestOptions): Promise<ContestResults> {
  const arena = new Arena(options);
  const comparisons: ComparisonResult[] = [];
  const agreements: AgreementResult[] = [];
  try {
    for (const agreement of options.agreements) {
      const { peer, theirs, shape } = agreement;
      const what = `${PEERS[peer].title} ${theirs}, scores`;
      const difference = await arena.meet(peer, what, shape, (ours, other) =>
        differenceOf(agreement, options, ours, other, arena),
      );
      if (difference === null) continue;
      agreements.push({ agreement, examples: examplesOf(agreement.examples, options), difference });
      options.tell(`${what} at ${shape.features} × ${shape.actions}: at most ${difference.toExponential(1)} apart`);
    }
    for (const comparison of options.comparisons) {
      const { peer, title, shape } = comparison;
      const what = `${PEERS[peer].title}, ${title}`;
      const result = await arena.meet(peer, what, shape, (ours, theirs) => compare(comparison, options, ours, theirs));
      if (result === null) continue;
      comparisons.push(result);
      const { oursNs, theirsNs, ratio } = result;
      options.tell(
        `${what}, ${shape.features} × ${shape.actions}: ${theirsNs.toFixed(0)} ns to ${oursNs.toFixed(0)} ns, ${ratio.toFixed(1)} times`,
      );
    }
  } finally {
    arena.close();
  }
  return { comparisons, agreements, skipped: arena.skipped, versions: arena.versions };
}

function examplesOf(whole: number, { divisor }: ContestOptions): number {
  return Math.max(2, Math.round(whole / divisor));
}

async function differenceOf(
  agreement: Agreement,
  options: ContestOptions,
  ours: Side,
  other: Side,
  arena: Arena,
): Promise<number> {
  const examples = examplesOf(agreement.examples, options);
  const paths = [arena.path('ours.scores'), arena.path('theirs.scores')];
  await ours.run({ do: 'scores', algorithm: 'linucb', examples, out: paths[0] });
  await other.run({ do: 'scores', algorithm: agreement.theirs, examples, out: paths[1] });
  const [first, second] = paths.map(readDoubles);
  if (first.length !== second.length) throw new Error(`${first.length} scores of ours, ${second.length} of theirs`);
  let difference = 0;
  for (let i = 0; i < first.length; i++) {
    const apart = Math.abs(first[i] - second[i]);
    // Also where one is not a number.
    if (!(apart <= difference)) difference = apart;
  }
  return difference;
}

async function compare(
  comparison: Comparison,
  options: ContestOptions,
  ours: Side,
  theirs: Side,
): Promise<ComparisonResult> {
  const examples = examplesOf(comparison.examples, options);
  const ourRequest = { do: comparison.ourTask, algorithm: comparison.ours, examples } as const;
  const theirRequest = { do: comparison.theirTask, algorithm: comparison.theirs, examples } as const;
  // Once for the caches and, on our side, the compiler.
  await ours.run(ourRequest);
  await theirs.run(theirRequest);
  const oursNs = new Float64Array(options.rounds);
  const theirsNs = new Float64Array(options.rounds);
  for (let round = 0; round < options.rounds; round++) {
    // Whoever is first in one round is second in the next.
    if (round % 2 === 0) oursNs[round] = (await ours.run(ourRequest)) / examples;
    theirsNs[round] = (await theirs.run(theirRequest)) / examples;
    if (round % 2 === 1) oursNs[round] = (await ours.run(ourRequest)) / examples;
  }
  const ratios = theirsNs.map((time, round) => time / oursNs[round]);
  return {
    comparison,
    oursNs: median(oursNs),
    theirsNs: median(theirsNs),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
    rounds: options.rounds,
    examples,
  };
}
