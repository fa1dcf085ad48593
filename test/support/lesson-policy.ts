import { PolicyInputError } from '../../src/policy/policy.js';
import { RandomPolicy } from '../../src/policy/random-policy.js';

export interface Lesson {
  context: number[];
  action: number;
  reward: number;
  probability: number;
}

/** Draws at random, writes down what it is taught, and refuses rewards out of its range. */
export class LessonPolicy extends RandomPolicy {
  readonly lessons: Lesson[] = [];
  rewardMax = Number.POSITIVE_INFINITY;

  override updateBatch(
    contexts: Float64Array,
    actions: Int32Array | Uint8Array | Float64Array,
    rewards: Float64Array,
    probabilities: Float64Array | null = null,
  ): void {
    super.updateBatch(contexts, actions, rewards, probabilities);
    if (rewards[0] > this.rewardMax) throw new PolicyInputError('reward_range', `reward is ${rewards[0]}`);
    this.lessons.push({
      context: [...contexts],
      action: actions[0],
      reward: rewards[0],
      probability: probabilities?.[0] ?? 1,
    });
  }
}
