import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { CommandProcess } from '../sim/loop-process.js';

export interface Endpoints {
  drive: string;
  watch: string;
  administer: string;
}

/** `rfsn run --port zeromq` in a process of its own, on ports that the system chose. */
export class ControllerProcess {
  readonly command: CommandProcess;
  readonly endpoints: Endpoints;

  /**
   * @param model folder of what is learned
   * @param drive where it listens for robots; chosen by the system where absent
   * @param settings further `NAME=VALUE`
   */
  static async start(model: string, drive = 'tcp://127.0.0.1:*', ...settings: string[]): Promise<ControllerProcess> {
    const all = [
      `zeromq.drive_endpoint=${drive}`,
      'zeromq.watch_endpoint=tcp://127.0.0.1:*',
      'zeromq.administer_endpoint=tcp://127.0.0.1:*',
      ...settings,
    ];
    const set = all.flatMap((setting) => ['--set', setting]);
    const preset = ['--preset', 'development', '--no-page'];
    const command = new CommandProcess('run', '--port', 'zeromq', ...preset, '--model', model, ...set);
    try {
      await command.wrote(/^administer +tcp.*\n/m);
    } catch (error) {
      command.kill();
      throw error;
    }
    return new ControllerProcess(command);
  }

  private constructor(command: CommandProcess) {
    this.command = command;
    const of = (role: string) => new RegExp(`^${role} +(\\S+)`, 'm').exec(this.#written)?.[1] as string;
    this.endpoints = { drive: of('drive'), watch: of('watch'), administer: of('administer') };
  }

  get #written(): string {
    return this.command.stdout + this.command.stderr;
  }

  /** Asks for an end and waits for it. */
  async end(): Promise<void> {
    this.command.signal('SIGINT');
    await this.command.ended;
  }
}

/** A client program with what it wrote. */
export class ClientProcess {
  stdout = '';
  stderr = '';
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly #child;

  constructor(program: string, ...args: string[]) {
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => this.#child.on('close', (code, signal) => resolve(code ?? signal)));
  }

  /** The object in the last line. */
  get json(): Record<string, unknown> {
    return JSON.parse(this.stdout.trimEnd().split('\n').at(-1) as string) as Record<string, unknown>;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** For a test's end, whatever became of it. */
  kill(): void {
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGKILL');
  }
}

/** Everything that a test started, ended in the reverse order. */
export class Started {
  readonly #all: { kill(): void }[] = [];

  async controller(folder: string, drive?: string, ...settings: string[]): Promise<ControllerProcess> {
    const controller = await ControllerProcess.start(join(folder, 'model'), drive, ...settings);
    this.#all.push(controller.command);
    return controller;
  }

  client(program: string, ...args: string[]): ClientProcess {
    const client = new ClientProcess(program, ...args);
    this.#all.push(client);
    return client;
  }

  add<T extends { kill(): void }>(started: T): T {
    this.#all.push(started);
    return started;
  }

  endAll(): void {
    for (const started of this.#all.splice(0).reverse()) started.kill();
  }
}
