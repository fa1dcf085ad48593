/** The robot's outline: a rectangle centred on `base_link`. */
export interface Footprint {
  /** Along x [m]. */
  length: number;
  /** Along y [m]. */
  width: number;
}

/** Radius of the circle around the outline [m]. @realtime safe */
export function circumscribedRadius(footprint: Footprint): number {
  return 0.5 * Math.sqrt(footprint.length * footprint.length + footprint.width * footprint.width);
}

/**
 * Signed distance from a point in `base_link` to the outline [m]: negative inside.
 *
 * @param halfLength [m]; `halfWidth` likewise
 * @realtime safe
 */
export function distanceToOutline(x: number, y: number, halfLength: number, halfWidth: number): number {
  const dx = Math.abs(x) - halfLength;
  const dy = Math.abs(y) - halfWidth;
  if (dx > 0 && dy > 0) return Math.sqrt(dx * dx + dy * dy);
  return dx > dy ? dx : dy;
}
