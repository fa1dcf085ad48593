/**
 * extract: the observation as the 24 features of a context, in SI units, unscaled, in the order of the table in
 * docs/ARCHITECTURE.md.
 *
 * Control thread, every cycle; allocates nothing after construction.
 */

import { ACTION_COUNT } from '../memory/layout.js';
import { type Observation, SECTOR_COUNT, SIDE_COUNT } from '../memory/observation.js';

/** First index of each group. */
export const Feature = {
  positionX: 0,
  positionY: 1,
  velocityX: 2,
  velocityY: 3,
  obstacle: 4,
  goalForward: 12,
  goalLeft: 13,
  goalDistance: 14,
  goalBearing: 15,
  previousAction: 16,
  contact: 20,
} as const;

/** Previous actions that a context holds. */
export const ACTION_MEMORY = 4;

/** Name and unit of each feature, in order. */
export const FEATURES: readonly { readonly name: string; readonly unit: string }[] = [
  { name: 'position_x', unit: 'm' },
  { name: 'position_y', unit: 'm' },
  { name: 'velocity_x', unit: 'm/s' },
  { name: 'velocity_y', unit: 'm/s' },
  ...Array.from({ length: SECTOR_COUNT }, (_, k) => ({ name: `obstacle_${k}`, unit: 'm' })),
  { name: 'goal_dx', unit: 'm' },
  { name: 'goal_dy', unit: 'm' },
  { name: 'goal_distance', unit: 'm' },
  { name: 'goal_bearing', unit: 'rad' },
  ...Array.from({ length: ACTION_MEMORY }, (_, k) => ({ name: `action_${k + 1}_ago`, unit: '' })),
  ...['front', 'left', 'back', 'right'].map((side) => ({ name: `contact_${side}`, unit: 'N' })),
];

export class FeatureExtractor {
  /** (action + 1) / 8, newest first; 0 where there is none. */
  readonly #previous = new Float64Array(ACTION_MEMORY);

  /** Notes the action taken; -1 for none. @realtime safe */
  remember(action: number): void {
    const p = this.#previous;
    for (let i = ACTION_MEMORY - 1; i > 0; i--) p[i] = p[i - 1];
    p[0] = (action + 1) / ACTION_COUNT;
  }

  /** Forgets all actions. @realtime safe */
  clear(): void {
    this.#previous.fill(0);
  }

  /** @param out `CONTEXT_DIM` doubles, owned by the caller. @realtime safe */
  extract(o: Observation, out: Float64Array): void {
    const dx = o.x - o.goalOriginX;
    const dy = o.y - o.goalOriginY;
    out[Feature.positionX] = dx;
    out[Feature.positionY] = dy;
    out[Feature.velocityX] = o.vx;
    out[Feature.velocityY] = o.vy;
    for (let k = 0; k < SECTOR_COUNT; k++) out[Feature.obstacle + k] = o.sectorRange[k];
    out[Feature.goalForward] = o.goalForward;
    out[Feature.goalLeft] = o.goalLeft;
    out[Feature.goalDistance] = o.goalDistance;
    out[Feature.goalBearing] = o.goalBearing;
    for (let k = 0; k < ACTION_MEMORY; k++) out[Feature.previousAction + k] = this.#previous[k];
    for (let side = 0; side < SIDE_COUNT; side++) out[Feature.contact + side] = o.contact[side];
  }
}
