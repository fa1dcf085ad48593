/** How often episodes ended well. Pure. */
import type { EpisodeWords } from '../wire.js';

/** Episodes whose mean the success curve shows. */
export const SUCCESS_OVER = 20;

/** Share of successes among an episode and up to 19 before it. */
export function movingSuccess(episodes: readonly Pick<EpisodeWords, 'outcome'>[], over = SUCCESS_OVER): number[] {
  const shares: number[] = [];
  let successes = 0;
  for (let i = 0; i < episodes.length; i++) {
    if (episodes[i].outcome === 'success') successes++;
    if (i >= over && episodes[i - over].outcome === 'success') successes--;
    shares.push(successes / Math.min(i + 1, over));
  }
  return shares;
}
