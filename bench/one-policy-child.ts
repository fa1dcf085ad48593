/**
 * `measurePolicy` in a process of its own, so that V8 compiles for one policy, as on a robot. Started with a task; answers
 * with one message.
 */
import type { Figures } from './benchmark.js';
import { measurePolicy, type PolicyTask } from './one-policy.js';

/** What the process answers. */
export type OnePolicyAnswer = { figures: Figures } | { error: string };

function answerTo(text: string): OnePolicyAnswer {
  try {
    return { figures: measurePolicy(JSON.parse(text) as PolicyTask) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

process.send?.(answerTo(process.argv[2]), () => process.disconnect());
