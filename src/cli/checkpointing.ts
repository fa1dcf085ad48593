/**
 * Checkpoints of a run: what was learned, out of the folder at the start and back into it as the run goes on. Main thread
 * only. A save that fails is told, counted and tried again; it never ends a run.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { noFaults } from '../../sim/index.js';
import { CheckpointError } from '../checkpoint/checkpoint-error.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../checkpoint/format.js';
import { isJsonObject, policySchema } from '../checkpoint/policy-description.js';
import type { CheckpointSchema, JsonObject } from '../checkpoint/schema.js';
import { type CheckpointFile, CheckpointStore, newestFirst, readCheckpointBytes } from '../checkpoint/store.js';
import { mix32 } from '../core/hash.js';
import { PRNG_STATE_WORDS } from '../core/prng.js';
import { ContextBuilder } from '../features/context.js';
import { FEATURES } from '../features/extraction.js';
import { contextOptionsOf, robotPolicy } from '../loop/configuration.js';
import type { ParameterValues } from '../parameters/schema.js';
import type { Policy } from '../policy/policy.js';
import { STATE_HEADER_BYTES } from '../policy/state-format.js';
import type { Run } from './run-options.js';

const POLICY_SECTION = 'policy';
const SCALER_SECTION = 'scaler';

/** The two parts of a snapshot. */
export interface LearnedState {
  readonly policy: Uint8Array;
  readonly scaler: Uint8Array;
}

/** Training episodes that belong together: rates follow their schedules over them. */
export interface EpisodePlan {
  readonly firstEpisode: number;
  readonly episodes: number;
}

/** How far a run has come, in a checkpoint beside what was learned. */
export interface RunProgress {
  /** Cycles of all runs so far. */
  readonly cycles: number;
  /** Episodes ended, of all runs so far: the number of the next. */
  readonly episodes: number;
  /** Over the simulator's states of all episodes so far. */
  readonly worldHash: number;
  readonly plan: EpisodePlan | null;
}

export const NO_PROGRESS: RunProgress = { cycles: 0, episodes: 0, worldHash: 0, plan: null };

const NOTHING_SAVED = { cycles: 0, updates: 0, episodes: 0 };

export interface Resumed {
  readonly learned: LearnedState;
  readonly progress: RunProgress;
  readonly path: string;
  /** Updates that it was learned from. */
  readonly updates: number;
  /** `resumed from …`, for the user. */
  readonly message: string;
  /** What it was learned in; empty where the checkpoint does not say. */
  readonly scenario: string;
  /** Null where the checkpoint does not say. */
  readonly seed: number | null;
}

export interface CheckpointingOptions {
  parameters: ParameterValues;
  scenario: string;
  seed: number;
  faults: boolean;
  /** Tells the user something, one line. */
  tell: (text: string) => void;
}

export class Checkpointing {
  readonly folder: string;
  /** Saves that failed. */
  failures = 0;
  /** Why the newest save failed; empty where it did not. */
  failure = '';
  /** When the newest checkpoint was taken [ms since 1970]; NaN where there is none. */
  savedUnixMs = Number.NaN;
  savedPath = '';
  /** What that one had learned from. */
  savedProgress: { readonly cycles: number; readonly updates: number; readonly episodes: number } = NOTHING_SAVED;
  /** Saves under way: a disk that hangs keeps the process from ending by itself. */
  underWay = 0;
  readonly #options: CheckpointingOptions;
  readonly #store: CheckpointStore;
  readonly #schema: CheckpointSchema;
  readonly #policyConfig: JsonObject;
  /** Imports what is saved and loaded: nothing goes to disk or into a control thread that cannot be used. */
  readonly #policy: Policy;
  readonly #scaler: ContextBuilder;
  #foreignTold = false;

  /** For a run as the command line describes it. */
  static of(run: Run, tell: (text: string) => void): Checkpointing {
    const { parameters, scenarioName, seed, faults } = run;
    return new Checkpointing({ parameters, scenario: scenarioName, seed, faults: faults !== noFaults, tell });
  }

  constructor(options: CheckpointingOptions) {
    const { parameters } = options;
    this.#options = options;
    this.folder = parameters.model_dir;
    this.#store = new CheckpointStore(this.folder, { generations: parameters.checkpoint_generations });
    this.#scaler = new ContextBuilder(contextOptionsOf(parameters));
    this.#policy = robotPolicy(parameters, this.#scaler);
    this.#policyConfig = { ...(this.#policy as Policy & { config?: JsonObject }).config };
    this.#schema = policySchema(
      { name: this.#policy.name, config: this.#policyConfig },
      {
        names: FEATURES.map(({ name }) => name),
        interactions: parameters.interactions,
        ...(parameters.interactions === 'none' ? {} : { hash_bits: parameters.hash_bits }),
      },
    );
  }

  /** Of features and policy, hex digits: what a checkpoint must have to be used here. */
  get schemaHash(): string {
    return this.#schema.hash;
  }

  /**
   * What the folder holds, newest good generation first; null where it holds no checkpoint at all.
   *
   * @throws CheckpointError where there are checkpoints and none can be used; PolicyStateError, ScalerStateError
   */
  async load(): Promise<Resumed | null> {
    const loaded = await this.#store.loadNewest(this.#schema);
    if (loaded === null) return null;
    for (const refused of loaded.refused) this.#options.tell(`refused ${refused.path}: ${refused.detail}`);
    const resumed = this.#resume(loaded.checkpoint, loaded.path);
    this.savedUnixMs = loaded.checkpoint.createdUnixMs;
    this.savedPath = loaded.path;
    return resumed;
  }

  /**
   * What one file of the folder holds.
   *
   * @param name as `list` gives it: nothing else is looked for, in the folder or out of it
   * @throws CheckpointError, PolicyStateError, ScalerStateError where it cannot be used
   */
  async read(name: string): Promise<Resumed> {
    const path = join(this.folder, name);
    if (!(await this.list()).some((file) => file.name === name)) {
      throw new CheckpointError('unreadable', `there is no checkpoint ${JSON.stringify(name)} in ${this.folder}`);
    }
    return this.decode(await readCheckpointBytes(path), path);
  }

  /**
   * What the bytes of a checkpoint hold that came some other way than as a file, under the same checks.
   *
   * @param path by which it is told of
   * @throws CheckpointError, PolicyStateError, ScalerStateError where it cannot be used
   */
  decode(bytes: Uint8Array, path: string): Resumed {
    return this.#resume(decodeCheckpoint(bytes, this.#schema), path);
  }

  /** The files in the folder that go by the name of a checkpoint, newest first. @throws CheckpointError */
  async list(): Promise<CheckpointFile[]> {
    return newestFirst(await this.#store.names());
  }

  /** Nothing learned yet: what a folder without checkpoints means. */
  untrained(): LearnedState {
    const { parameters } = this.#options;
    const scaler = new ContextBuilder(contextOptionsOf(parameters));
    return { policy: robotPolicy(parameters, scaler).exportState(), scaler: scaler.exportState() };
  }

  #resume(checkpoint: Checkpoint, path: string): Resumed {
    const policy = checkpoint.sections.get(POLICY_SECTION);
    const scaler = checkpoint.sections.get(SCALER_SECTION);
    if (policy === undefined || scaler === undefined) {
      throw new CheckpointError('malformed', `${path} lacks the section "${policy ? SCALER_SECTION : POLICY_SECTION}"`);
    }
    this.#policy.importState(policy);
    this.#scaler.importState(scaler);
    const { cycles, episodes, updates } = checkpoint.counters;
    const run = isJsonObject(checkpoint.metadata['run']) ? checkpoint.metadata['run'] : {};
    return {
      learned: { policy, scaler },
      progress: { cycles, episodes, worldHash: numberIn(run, 'world_hash') ?? 0, plan: planIn(run['plan']) },
      path,
      updates,
      message: `resumed from ${path}: episode ${episodes} is next, after ${updates} updates`,
      scenario: typeof run['scenario'] === 'string' ? run['scenario'] : '',
      seed: numberIn(run, 'seed'),
    };
  }

  /**
   * Saves a snapshot as the newest generation. Does not throw: a failure is told once per cause and counted.
   *
   * @param learned not to be changed before the call settles
   * @returns whether it is on the disk
   */
  async save(learned: LearnedState, progress: RunProgress): Promise<boolean> {
    const createdUnixMs = Date.now();
    this.underWay++;
    try {
      const bytes = this.#encode(learned, progress, createdUnixMs);
      // What was encoded is what the policy holds until the next is.
      const { updates } = this.#policy.stats();
      const saved = await this.#store.save(bytes);
      if (this.failure !== '') this.#options.tell(`saving works again: ${saved.path}`);
      this.failure = '';
      this.savedUnixMs = createdUnixMs;
      this.savedPath = saved.path;
      this.savedProgress = { cycles: progress.cycles, updates, episodes: progress.episodes };
      if (saved.foreign > 0 && !this.#foreignTold) {
        this.#foreignTold = true;
        this.#options.tell(`another program writes checkpoints to ${this.folder}; give each its own --model`);
      }
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    } finally {
      this.underWay--;
    }
  }

  /** Counts and tells that a checkpoint could not be had. */
  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.failures++;
    if (message !== this.failure) this.#options.tell(`checkpoint failed, will try again: ${message}`);
    this.failure = message;
  }

  #encode(learned: LearnedState, progress: RunProgress, createdUnixMs: number): Uint8Array {
    const { parameters, scenario, seed, faults } = this.#options;
    this.#policy.importState(learned.policy);
    this.#scaler.importState(learned.scaler);
    const { decisions, updates } = this.#policy.stats();
    const { cycles, episodes, worldHash, plan } = progress;
    // The policy's generator follows its header.
    const generator = learned.policy.slice(STATE_HEADER_BYTES, STATE_HEADER_BYTES + 4 * PRNG_STATE_WORDS);
    return encodeCheckpoint({
      schema: this.#schema,
      counters: { cycles, decisions, updates, episodes },
      generatorState: new Uint32Array(generator.buffer),
      createdUnixMs,
      metadata: {
        policy: { name: this.#policy.name, config: this.#policyConfig },
        parameters: { ...parameters },
        run: {
          scenario,
          seed,
          faults,
          world_hash: worldHash,
          ...(plan === null ? {} : { plan: { first_episode: plan.firstEpisode, episodes: plan.episodes } }),
        },
      },
      sections: new Map([
        [POLICY_SECTION, learned.policy],
        [SCALER_SECTION, learned.scaler],
      ]),
    });
  }
}

/** Splits a snapshot of the control thread. @param policyBytes `SnapshotShape.policyBytes` */
export function splitSnapshot(snapshot: Uint8Array, policyBytes: number): LearnedState {
  return { policy: snapshot.slice(0, policyBytes), scaler: snapshot.slice(policyBytes) };
}

/** The hash over the simulators' states of a run so far, with those of one more simulator. */
export function chainWorldHash(worldHash: number, simulator: { stateHash(): number }): number {
  return mix32(worldHash ^ simulator.stateHash());
}

/** The figure `state_hash`: over the simulator's states and what was learned. 64 bits in hexadecimal. */
export function stateHash(worldHash: number, learned: LearnedState): string {
  return createHash('sha256')
    .update(Uint32Array.of(worldHash))
    .update(learned.policy)
    .update(learned.scaler)
    .digest('hex')
    .slice(0, 16);
}

function numberIn(object: JsonObject, name: string): number | null {
  const value = object[name];
  return typeof value === 'number' ? value : null;
}

function planIn(value: unknown): EpisodePlan | null {
  if (!isJsonObject(value)) return null;
  const firstEpisode = numberIn(value, 'first_episode');
  const episodes = numberIn(value, 'episodes');
  return firstEpisode === null || episodes === null ? null : { firstEpisode, episodes };
}
