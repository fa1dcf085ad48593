/** The real control thread for the benchmarks that need one. */
import { layoutSizesOf, scheduleOptionsOf } from '../src/loop/configuration.js';
import { Controller } from '../src/loop/controller.js';
import type { ParameterValues } from '../src/parameters/schema.js';
import type { Situation } from './situation.js';

export interface ControlledOptions {
  parameters: ParameterValues;
  /** Another period than the parameters' [ns]. */
  periodNs?: number;
  loopModule?: URL;
  extras?: unknown;
}

/** The controller as the live session starts it. A fault ends the benchmark. */
export function controllerOf(options: ControlledOptions): Controller {
  const p = options.parameters;
  return new Controller({
    sizes: layoutSizesOf(p),
    schedule: { ...scheduleOptionsOf(p), ...(options.periodNs === undefined ? {} : { periodNs: options.periodNs }) },
    parameters: p,
    ...(options.loopModule === undefined ? {} : { loopModule: options.loopModule }),
    extras: options.extras ?? {},
    // A main thread that is kept busy on purpose must not be taken for a dead one.
    watchdogTimeoutNs: 30e9,
    heartbeatTimeoutNs: 30e9,
    onStall: (cause, detail) => process.stderr.write(`bench: ${cause}: ${detail}\n`),
    onLatch: (_message, stack) => process.stderr.write(`bench: ${stack}\n`),
  });
}

/** Hands a situation's readings to a running controller, stamped with the time at which they are handed over. */
export class Feed {
  readonly #controller: Controller;
  readonly #situation: Situation;
  #next = 0;
  #pass = 0;
  #lastNs = 0;

  constructor(controller: Controller, situation: Situation) {
    this.#controller = controller;
    this.#situation = situation;
  }

  /** Hands over what has come due by now: one cycle's readings at most. */
  feed(): void {
    const nowNs = this.#controller.clock.nowNs();
    if (nowNs - this.#lastNs < this.#situation.periodNs) return;
    this.#lastNs = nowNs;
    this.#situation.playNow(this.#controller.memory, this.#next, this.#pass, nowNs);
    this.#next++;
    if (this.#next === this.#situation.cycles) {
      this.#next = 0;
      this.#pass++;
    }
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
