/** A controller in a process of its own, which ends with this one however that ends: its standard input is our end of a pipe. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { resolve as absolute } from 'node:path';
import { createInterface } from 'node:readline';

/** It may take so long until it listens [ms]: a control thread each, and their memory. */
const START_BOUND_MS = 30_000;
/** To stop, save and end; afterwards it is ended by force [ms]. */
const END_BOUND_MS = 10_000;
/** Whoever takes longer to accept a connection is taken for nobody [ms]. */
const ACCEPT_BOUND_MS = 1000;

/**
 * Whether something accepts connections at an endpoint, whatever it speaks: a controller with keys answers nobody without.
 *
 * @param endpoint `tcp://HOST:PORT` or `ipc://PATH`; at anything else there is nobody
 * @realtime unsafe
 */
export function somethingListens(endpoint: string): Promise<boolean> {
  const path = /^ipc:\/\/(.+)$/s.exec(endpoint)?.[1];
  const [, host, port] = /^tcp:\/\/\[?(.+?)\]?:(\d{1,5})$/.exec(endpoint) ?? [];
  if (path === undefined && (host === undefined || Number(port) > 65_535)) return Promise.resolve(false);
  return new Promise((answer) => {
    const socket =
      path === undefined
        ? connect({ host: host === '*' ? '127.0.0.1' : host, port: Number(port) })
        : connect({ path: absolute(path) });
    const end = (listens: boolean) => {
      clearTimeout(bound);
      socket.destroy();
      answer(listens);
    };
    const bound = setTimeout(end, ACCEPT_BOUND_MS, false);
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

export class ControllerProcess {
  /** Where robots connect. */
  readonly drive: string;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;

  /**
   * Starts `rfsn run --port zeromq`.
   *
   * @param args what the controller is to be; see `controlArguments`
   * @param tell is given each line that it writes
   * @returns when it listens
   * @throws where it ends instead; the reason is among its lines
   */
  static async start(args: readonly string[], tell: (line: string) => void): Promise<ControllerProcess> {
    const command = [...process.execArgv, process.argv[1], 'run', '--port', 'zeromq', '--end-with-input', ...args];
    // A process group of its own, so that Ctrl-C reaches the robot first, and the controller through it.
    const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    // A pipe that broke says no more than that the process has ended.
    child.stdin?.on('error', () => undefined);
    const ended = new Promise<number | string>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    const listening = new Promise<string>((resolve, reject) => {
      const bound = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`the controller did not listen within ${START_BOUND_MS / 1e3} s`));
      }, START_BOUND_MS);
      void ended.then((how) => {
        clearTimeout(bound);
        reject(new Error(`the controller's process ended before it listened (${how})`));
      });
      const take = (line: string) => {
        tell(line);
        const drive = /^drive +(\S+)/.exec(line)?.[1];
        if (drive === undefined) return;
        clearTimeout(bound);
        resolve(drive);
      };
      createInterface({ input: child.stdout! }).on('line', take);
      createInterface({ input: child.stderr! }).on('line', tell);
    });
    return new ControllerProcess(child, await listening, ended);
  }

  private constructor(child: ChildProcess, drive: string, ended: Promise<number | string>) {
    this.#child = child;
    this.drive = drive;
    this.ended = ended;
  }

  /** Asks it to stop its robots, save and end. @returns how it ended */
  async end(): Promise<number | string> {
    this.#child.stdin?.end();
    const bound = setTimeout(() => this.#child.kill('SIGKILL'), END_BOUND_MS);
    const how = await this.ended;
    clearTimeout(bound);
    return how;
  }
}
