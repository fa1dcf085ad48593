/**
 * What administrators may do to the controllers of a command, over whatever link they ask. Nothing here takes a path: a
 * checkpoint is named as its folder lists it.
 */
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Administration } from '../io/zeromq/session-controller.js';
import { learns } from '../loop/configuration.js';
import { describeAllowed, findParameter, parameterTable } from '../parameters/schema.js';
import type { Checkpointing } from './checkpointing.js';
import type { ControllerHost } from './controller-host.js';

/** An answer lists at most so many checkpoints, the newest first. */
const LISTED = 100;

type Result = Readonly<Record<string, unknown>>;

export interface HostAdministrationOptions {
  /** Names of the robots that can be asked about. */
  robots(): readonly string[];
  /** @throws Error where there is no robot of that name */
  host(robot: string): ControllerHost;
  status(robot: string): Result;
  /** An operator's order was carried out: told in a sentence. */
  tell(text: string): void;
  /** Something that telemetry shows has changed. */
  changed(robot: string): void;
}

export class HostAdministration implements Administration {
  readonly #options: HostAdministrationOptions;

  constructor(options: HostAdministrationOptions) {
    this.#options = options;
  }

  robots(): readonly string[] {
    return this.#options.robots();
  }

  status(robot: string): Result {
    return this.#options.status(robot);
  }

  async save(robot: string): Promise<Result> {
    const host = this.#options.host(robot);
    const checkpointing = kept(host);
    if (!(await host.save())) throw new Error(`not saved: ${checkpointing.failure}`);
    return { file: basename(checkpointing.savedPath), updates: host.updates };
  }

  async checkpoints(robot: string): Promise<Result> {
    const { folder, savedPath, ...rest } = await this.#listed(kept(this.#options.host(robot)));
    return { folder, newest: savedPath === '' ? null : basename(savedPath), ...rest };
  }

  async restore(robot: string, file: string | null): Promise<Result> {
    const host = this.#options.host(robot);
    const checkpointing = kept(host);
    const resumed = file === null ? await checkpointing.load() : await checkpointing.read(file);
    if (resumed === null) throw new Error(`there is no checkpoint in ${checkpointing.folder}`);
    await host.restore(resumed.learned, resumed.updates);
    this.#done(robot, `restored ${basename(resumed.path)}, after ${resumed.updates} updates`);
    return { file: basename(resumed.path), updates: resumed.updates, episodes: resumed.progress.episodes };
  }

  async reset(robot: string): Promise<Result> {
    const host = this.#options.host(robot);
    await host.restore(kept(host).untrained(), 0);
    this.#done(robot, 'reset: untrained from here on');
    return { updates: 0 };
  }

  freeze(robot: string, frozen: boolean): Result {
    const host = this.#options.host(robot);
    if (!frozen && host.keptFrozen) throw new Error('this run was started with --frozen');
    host.freeze(frozen);
    this.#done(robot, frozen ? 'frozen: nothing is learned or explored' : 'learns again');
    return { frozen };
  }

  stop(robot: string): Result {
    return this.#halt(robot, true);
  }

  go(robot: string): Result {
    return this.#halt(robot, false);
  }

  parameters(robot: string): Result {
    const host = this.#options.host(robot);
    const tunable: readonly string[] = host.controller.tunable;
    return Object.fromEntries(
      parameterTable.map((entry) => [
        entry.name,
        {
          value: host.parameter(entry.name),
          unit: entry.unit,
          allowed: describeAllowed(entry),
          default: entry.default,
          readOnly: !tunable.includes(entry.name),
        },
      ]),
    );
  }

  set(robot: string, name: string, value: number | boolean | string): Result {
    const host = this.#options.host(robot);
    host.tune(name, value);
    this.#done(robot, `${name} is ${value} from here on`);
    return { name, value: host.parameter(name), unit: findParameter(name)?.unit ?? '' };
  }

  #halt(robot: string, halted: boolean): Result {
    const host = this.#options.host(robot);
    host.halt(halted);
    this.#done(robot, halted ? 'told to stand' : 'told to go on');
    return { stopped: halted, armed: host.armed };
  }

  #done(robot: string, what: string): void {
    this.#options.tell(`${robot}: ${what} (administrator)`);
    this.#options.changed(robot);
  }

  async #listed(checkpointing: Checkpointing): Promise<{ folder: string; savedPath: string; files: Result[] }> {
    const { folder, savedPath } = checkpointing;
    const files: Result[] = [];
    for (const { name, generation } of (await checkpointing.list()).slice(0, LISTED)) {
      const stat = statSync(join(folder, name), { throwIfNoEntry: false });
      // Pruned between listing and looking.
      if (stat !== undefined) files.push({ file: name, generation, bytes: stat.size, written: stat.mtimeMs / 1e3 });
    }
    return { folder, savedPath, files };
  }
}

/** @throws Error that says why nothing is kept */
function kept(host: ControllerHost): Checkpointing {
  if (host.checkpointing !== null) return host.checkpointing;
  throw new Error(
    learns(host.parameters)
      ? 'nothing is saved in this run: it was started with --frozen'
      : `the policy ${host.parameters.policy} learns nothing: there is nothing to keep`,
  );
}
