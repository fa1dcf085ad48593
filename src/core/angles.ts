/** One degree [rad]. */
export const DEGREE = Math.PI / 180;
const TWO_PI = 2 * Math.PI;

/**
 * The same angle in [-π, π).
 *
 * @param angle [rad], finite
 * @realtime safe
 */
export function wrapAngle(angle: number): number {
  if (angle >= -Math.PI && angle < Math.PI) return angle;
  const wrapped = angle - TWO_PI * Math.floor((angle + Math.PI) / TWO_PI);
  // Rounding can carry a value just below -π up to π itself.
  return wrapped >= Math.PI ? wrapped - TWO_PI : wrapped;
}
