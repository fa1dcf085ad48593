/** Whether anybody listens to a topic, so that nothing is made for nobody. Main thread. */
import type { EntityScope } from './entity-scope.js';
import type { RclPublisher } from './rcl.js';

/** The graph is looked at so often: who comes waits so long for the first message [ms]. */
const LOOK_MS = 1000;

export class Subscribers {
  readonly #scope: EntityScope;
  readonly #topic: string;
  #count = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(scope: EntityScope, publisher: RclPublisher) {
    this.#scope = scope;
    this.#topic = publisher.topic;
  }

  /** As of the last look, which is a second ago at most. */
  get any(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#lookedMs >= LOOK_MS) {
      this.#lookedMs = nowMs;
      this.#count = this.#scope.node.countSubscribers(this.#topic);
    }
    return this.#count > 0;
  }
}
