import type { Observation } from '../memory/observation.js';

const TWO_PI = 2 * Math.PI;

/**
 * Whether a point lies in the arc that the range sensor watches, by more than `border`.
 *
 * @param x in `base_link` [m]; `y` [m]
 * @param border [rad], may be negative
 * @realtime safe
 */
export function inWatchedArc(o: Observation, x: number, y: number, border: number): boolean {
  if (o.arcLength >= TWO_PI - 0.1) return true;
  let into = Math.atan2(y - o.mountY, x - o.mountX) - o.arcStart;
  into -= TWO_PI * Math.floor(into / TWO_PI);
  return into > border && into < o.arcLength - border;
}
