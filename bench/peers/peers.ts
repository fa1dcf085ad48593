/** The libraries that ours is set beside, and what is set beside what. */
import type { Task } from './side.js';

export interface Peer {
  /** Of its script, `bench/peers/NAME_peer.py`. */
  readonly name: string;
  readonly title: string;
  /** What makes it available. */
  readonly install: string;
}

export const PEERS = {
  numpy: { name: 'numpy', title: 'NumPy', install: 'pip install numpy' },
  vowpalwabbit: { name: 'vowpalwabbit', title: 'Vowpal Wabbit', install: 'pip install numpy vowpalwabbit' },
  contextualbandits: {
    name: 'contextualbandits',
    title: 'contextualbandits',
    install: 'pip install contextualbandits (it compiles: a C compiler and the headers of Python)',
  },
  mabwiser: { name: 'mabwiser', title: 'MABWiser', install: 'pip install mabwiser' },
} as const satisfies Readonly<Record<string, Peer>>;

export type PeerName = keyof typeof PEERS;

/** Features × actions. */
export interface Shape {
  readonly features: number;
  readonly actions: number;
}

export const ROBOT_SHAPE: Shape = { features: 24, actions: 8 };
/** That of the figures in the system's first description. */
export const DESCRIBED_SHAPE: Shape = { features: 64, actions: 10 };

/** What both sides do with the same examples. */
export interface Comparison {
  readonly peer: PeerName;
  /** Its algorithm, as its script calls it. */
  readonly theirs: string;
  readonly theirTask: Task;
  /** What that is, in the table. */
  readonly title: string;
  /** Our algorithm, as `ours.ts` calls it. */
  readonly ours: string;
  readonly ourTask: Task;
  readonly shape: Shape;
  /** Examples in one round, the same on both sides: some tenths of a second of the slower one. */
  readonly examples: number;
  /** The times by which ours is to be faster at least; absent where nothing was promised. */
  readonly target?: number;
}

function vw(theirs: string, title: string, examples: number, target?: number): Comparison {
  return {
    peer: 'vowpalwabbit',
    theirs,
    theirTask: 'step',
    title,
    ours: 'bandit',
    ourTask: 'step',
    shape: ROBOT_SHAPE,
    examples,
    ...(target !== undefined && { target }),
  };
}

function single(
  peer: PeerName,
  theirs: string,
  title: string,
  ours: string,
  shape: Shape,
  examples: number,
  target?: number,
): Comparison {
  const tasks = { theirTask: 'step', ourTask: 'step' } as const;
  return { peer, theirs, title, ours, shape, examples, ...tasks, ...(target !== undefined && { target }) };
}

/** Through Python: for both learners and each interface that takes a new context. */
const THROUGH_PYTHON = 20;
const NUMPY = 10;
const BATCH = 100_000;
const SHERMAN_MORRISON = 'LinUCB, Sherman–Morrison';

export const COMPARISONS: readonly Comparison[] = [
  vw('cb_explore-text', 'cb_explore dm, lines of text', 2000, THROUGH_PYTHON),
  vw('cb_explore-example', 'cb_explore dm, `Example` from a dict', 4000, THROUGH_PYTHON),
  vw('cb_explore-glue', 'cb_explore dm, classes beneath, one example refilled', 16_000, THROUGH_PYTHON),
  vw('cb_explore-ready', 'cb_explore dm, examples built beforehand', 16_000),
  vw('csoaa-text', 'csoaa, lines of text', 2000, THROUGH_PYTHON),
  vw('csoaa-example', 'csoaa, `Example` from a dict', 4000, THROUGH_PYTHON),
  vw('csoaa-glue', 'csoaa, classes beneath, one example refilled', 16_000, THROUGH_PYTHON),
  vw('csoaa-ready', 'csoaa, examples built beforehand', 16_000),
  vw('batch-cb_explore-dm', 'its driver from a cache file: cb_explore dm', BATCH, 1),
  vw('batch-cb_explore-ips', 'its driver from a cache file: cb_explore ips', BATCH),
  vw('batch-cb_explore_adf-dm', 'its driver from a cache file: cb_explore_adf dm', BATCH / 4),
  {
    ...vw('batch-csoaa', 'its driver from a cache file: csoaa, which learns and does not choose', BATCH, 1),
    ourTask: 'learn',
  },
  single('numpy', 'sherman-morrison', `${SHERMAN_MORRISON}, all arms at once`, 'linucb', ROBOT_SHAPE, 10_000, NUMPY),
  single('numpy', 'sherman-morrison-by-arm', `${SHERMAN_MORRISON}, arm by arm`, 'linucb', ROBOT_SHAPE, 5000, NUMPY),
  single('numpy', 'inverting', 'LinUCB, inverting every arm’s matrix', 'linucb', ROBOT_SHAPE, 1000),
  single('numpy', 'sherman-morrison', `${SHERMAN_MORRISON}, all arms at once`, 'linucb', DESCRIBED_SHAPE, 5000),
  single('numpy', 'sherman-morrison-by-arm', `${SHERMAN_MORRISON}, arm by arm`, 'linucb', DESCRIBED_SHAPE, 3000),
  single('numpy', 'inverting', 'LinUCB, inverting every arm’s matrix', 'linucb', DESCRIBED_SHAPE, 200),
  single('contextualbandits', 'linucb', 'LinUCB', 'linucb', ROBOT_SHAPE, 400),
  single('mabwiser', 'linucb', 'LinUCB', 'linucb', ROBOT_SHAPE, 200),
  single('mabwiser', 'lints', 'LinTS', 'lints', ROBOT_SHAPE, 60),
  single(
    'contextualbandits',
    'bootstrapped-ts',
    'BootstrappedTS, ten SGD classifiers',
    'bootstrapped-ts',
    ROBOT_SHAPE,
    30,
  ),
];

/** Two implementations of LinUCB, whose scores must be the same. */
export interface Agreement {
  readonly peer: PeerName;
  readonly theirs: string;
  readonly shape: Shape;
  readonly examples: number;
}

/** Largest difference of two scores that count as the same. */
export const AGREEMENT = 1e-6;

export const AGREEMENTS: readonly Agreement[] = [
  { peer: 'numpy', theirs: 'sherman-morrison', shape: ROBOT_SHAPE, examples: 2000 },
  { peer: 'numpy', theirs: 'sherman-morrison-by-arm', shape: ROBOT_SHAPE, examples: 2000 },
  { peer: 'numpy', theirs: 'inverting', shape: ROBOT_SHAPE, examples: 1000 },
  { peer: 'numpy', theirs: 'inverting', shape: DESCRIBED_SHAPE, examples: 200 },
  { peer: 'mabwiser', theirs: 'linucb', shape: ROBOT_SHAPE, examples: 400 },
  { peer: 'contextualbandits', theirs: 'linucb', shape: ROBOT_SHAPE, examples: 400 },
];
