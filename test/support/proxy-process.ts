import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProxyOrder, ProxyReport } from './zeromq-proxy.js';

/** The bad line of zeromq-proxy.ts, as a test holds it. */
export class ProxyProcess {
  /** Where robots connect. */
  readonly endpoint: string;
  readonly #child: ChildProcess;

  /** @param controller where the controller listens @param seed of what happens to which message */
  static async start(controller: string, seed: number): Promise<ProxyProcess> {
    const child = fork(fileURLToPath(new URL('./zeromq-proxy.ts', import.meta.url)), [controller, String(seed)], {
      execArgv: ['--import', new URL('./typescript-hooks.mjs', import.meta.url).href],
    });
    const [report] = (await once(child, 'message')) as [ProxyReport];
    return new ProxyProcess(child, report.endpoint);
  }

  private constructor(child: ChildProcess, endpoint: string) {
    this.#child = child;
    this.endpoint = endpoint;
  }

  /** Done, in the order of the calls, before a later `report` answers. */
  tell(order: ProxyOrder): void {
    this.#child.send(order);
  }

  async report(): Promise<ProxyReport> {
    const answer = once(this.#child, 'message');
    this.#child.send({ report: true } satisfies ProxyOrder);
    return ((await answer) as [ProxyReport])[0];
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
