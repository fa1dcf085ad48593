/**
 * What administrators may do to the controllers of a command, over whatever link they ask. Nothing here takes a path: a
 * checkpoint is named as its folder lists it.
 */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Administration } from '../io/zeromq/session/session-controller.js';
import { learns } from '../loop/configuration.js';
import { describeAllowed, findParameter, parameterTable } from '../parameters/schema.js';
import type { Checkpointing } from './checkpointing.js';
import type { ControllerHost, OperatorOrder } from './controller-host.js';

/** An answer lists at most so many checkpoints, the newest first. */
const LISTED = 100;

type Result = Readonly<Record<string, unknown>>;

export interface HostAdministrationOptions {
  /** Names of the robots that can be asked about. */
  robots(): readonly string[];
  /** @throws Error where there is no robot of that name */
  host(robot: string): ControllerHost;
  status(robot: string): Result;
  /** Carries out an order for that robot. @throws Error that says why not */
  order(robot: string, order: OperatorOrder): void;
  /** Why what that robot has learned can be neither saved nor changed at this moment; empty where it can. */
  busy?(robot: string): string;
  /** Who gives the orders, in what is told of them; absent, an administrator. */
  who?: string;
  /** An operator's order was carried out: told in a sentence. */
  tell(text: string): void;
  /** Something that telemetry shows has changed. */
  changed(robot: string): void;
}

export class HostAdministration implements Administration {
  readonly #options: HostAdministrationOptions;
  /** The newest answers to `parameters`, and of which version of the values. */
  readonly #parameters = new WeakMap<ControllerHost, { version: number; result: Result }>();

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
    const { host, checkpointing } = this.#kept(robot);
    if (!(await host.save())) throw new Error(`not saved: ${checkpointing.failure}`);
    return { file: basename(checkpointing.savedPath), updates: checkpointing.savedProgress.updates };
  }

  async checkpoints(robot: string): Promise<Result> {
    const { checkpointing } = this.#kept(robot);
    const { folder, savedPath } = checkpointing;
    const files = await listed(checkpointing);
    return { folder, newest: savedPath === '' ? null : basename(savedPath), files };
  }

  async restore(robot: string, file: string | null): Promise<Result> {
    const { host, checkpointing } = this.#kept(robot);
    const { tenancy } = host;
    const resumed = file === null ? await checkpointing.load() : await checkpointing.read(file);
    if (resumed === null) throw new Error(`there is no checkpoint in ${checkpointing.folder}`);
    this.#mustStill(robot, host, tenancy);
    await host.restore(resumed.learned, resumed.updates, tenancy, basename(resumed.path));
    this.#done(robot, `restored ${basename(resumed.path)}, after ${resumed.updates} updates`);
    return { file: basename(resumed.path), updates: resumed.updates, episodes: resumed.progress.episodes };
  }

  async reset(robot: string): Promise<Result> {
    const { host, checkpointing } = this.#kept(robot);
    await host.restore(checkpointing.untrained(), 0, host.tenancy);
    this.#done(robot, 'reset: untrained from here on');
    return { updates: 0 };
  }

  freeze(robot: string, frozen: boolean): Result {
    if (!frozen && this.#options.host(robot).keptFrozen) throw new Error('this run was started with --frozen');
    this.#options.order(robot, { frozen });
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
    const version = host.tuningVersion;
    const known = this.#parameters.get(host);
    if (known?.version === version) return known.result;
    const result = parametersOf(host);
    this.#parameters.set(host, { version, result });
    return result;
  }

  set(robot: string, name: string, value: number | boolean | string): Result {
    const host = this.#options.host(robot);
    this.#options.order(robot, { tune: name, value });
    this.#done(robot, `${name} is ${value} from here on`);
    return { name, value: host.parameter(name), unit: findParameter(name)?.unit ?? '' };
  }

  #halt(robot: string, halted: boolean): Result {
    this.#options.order(robot, { halted });
    this.#done(robot, halted ? 'told to stand' : 'told to go on');
    return { stopped: halted, armed: this.#options.host(robot).armed };
  }

  #done(robot: string, what: string): void {
    this.#options.tell(`${robot}: ${what} (${this.#options.who ?? 'administrator'})`);
    this.#options.changed(robot);
  }

  /** @throws Error that says why nothing is kept, or can be had now */
  #kept(robot: string): { host: ControllerHost; checkpointing: Checkpointing } {
    const host = this.#options.host(robot);
    const busy = this.#options.busy?.(robot) ?? '';
    if (busy !== '') throw new Error(`${busy}; try again`);
    const { checkpointing } = host;
    if (checkpointing !== null) return { host, checkpointing };
    throw new Error(
      learns(host.parameters)
        ? 'nothing is saved in this run: it was started with --frozen'
        : `the policy ${host.parameters.policy} learns nothing: there is nothing to keep`,
    );
  }

  /** @throws Error where the robot has ended its session, or is about to, while something was looked up for it */
  #mustStill(robot: string, host: ControllerHost, tenancy: number): void {
    if (host.tenancy !== tenancy) throw new Error(`${robot} has gone, and nothing was changed`);
    const busy = this.#options.busy?.(robot) ?? '';
    if (busy !== '') throw new Error(`${busy}; nothing was changed`);
  }
}

function parametersOf(host: ControllerHost): Result {
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

/** One file after another, so that a folder on a slow disk holds up nobody. */
async function listed(checkpointing: Checkpointing): Promise<Result[]> {
  const files: Result[] = [];
  for (const { name, generation } of (await checkpointing.list()).slice(0, LISTED)) {
    // Pruned between listing and looking.
    const found = await stat(join(checkpointing.folder, name)).catch(() => null);
    if (found !== null) files.push({ file: name, generation, bytes: found.size, written: found.mtimeMs / 1e3 });
  }
  return files;
}
