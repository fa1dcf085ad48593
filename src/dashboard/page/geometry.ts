/** Places and angles of the scene. Pure; results go into the caller's arrays. Metres and radians, REP-103. */

const TWO_PI = 2 * Math.PI;

/** −π … π. */
export function wrapAngle(angle: number): number {
  const turned = angle % TWO_PI;
  if (turned > Math.PI) return turned - TWO_PI;
  return turned < -Math.PI ? turned + TWO_PI : turned;
}

/**
 * Where a robot would be driven by a twist held for some time, from the origin of its own frame.
 *
 * @param out x, y of each point, the first at the origin; at least 2 × (steps + 1)
 * @returns points written
 */
export function twistArc(
  vx: number,
  vy: number,
  yawRate: number,
  seconds: number,
  steps: number,
  out: Float64Array,
): number {
  for (let i = 0; i <= steps; i++) {
    const t = (seconds * i) / steps;
    const turn = yawRate * t;
    // ∫ R(ω τ) v dτ: sin x / x and (1 − cos x) / x, by their series where x is small.
    const along = Math.abs(turn) < 1e-4 ? t : Math.sin(turn) / yawRate;
    const across = Math.abs(turn) < 1e-4 ? (turn * t) / 2 : (1 - Math.cos(turn)) / yawRate;
    out[2 * i] = vx * along - vy * across;
    out[2 * i + 1] = vx * across + vy * along;
  }
  return steps + 1;
}

/**
 * Beams as points in `base_link`.
 *
 * @param out x, y of each beam that hit something; at least 2 × beams
 * @returns points written
 */
export function scanPoints(
  ranges: Float32Array,
  scan: {
    angleMin: number;
    angleIncrement: number;
    rangeMax: number;
    mountX: number;
    mountY: number;
    mountYaw: number;
  },
  out: Float64Array,
): number {
  let n = 0;
  for (let i = 0; i < ranges.length; i++) {
    const range = ranges[i];
    if (!(range > 0) || range >= scan.rangeMax) continue;
    const angle = scan.mountYaw + scan.angleMin + i * scan.angleIncrement;
    out[2 * n] = scan.mountX + range * Math.cos(angle);
    out[2 * n + 1] = scan.mountY + range * Math.sin(angle);
    n++;
  }
  return n;
}

/** The longest round length (1, 2 or 5 times a power of ten) that takes up at most so many pixels. */
export function roundLength(pixelsPerMetre: number, pixels: number): number {
  const most = pixels / pixelsPerMetre;
  const power = 10 ** Math.floor(Math.log10(most));
  const ratio = most / power;
  return power * (ratio >= 5 ? 5 : ratio >= 2 ? 2 : 1);
}

/** Radius of the circle about `base_link` that holds a footprint [m]. */
export function reach(footprint: readonly number[]): number {
  let most = 0;
  for (let i = 0; i + 1 < footprint.length; i += 2) most = Math.max(most, Math.hypot(footprint[i], footprint[i + 1]));
  return most;
}

/** Which part of the plane is shown, and how: `odom` with its x axis to the right, or turned so that the robot looks up. */
export class Camera {
  /** Middle of the view [m]. */
  x = 0;
  y = 0;
  /** [px/m] */
  scale = 60;
  /** What is up, from the x axis of `odom`: π/2 is north up [rad]. */
  up = Math.PI / 2;
  width = 1;
  height = 1;

  static readonly closest = 800;
  static readonly farthest = 4;

  screenX(x: number, y: number): number {
    return this.width / 2 + this.scale * ((x - this.x) * Math.sin(this.up) - (y - this.y) * Math.cos(this.up));
  }

  screenY(x: number, y: number): number {
    return this.height / 2 - this.scale * ((x - this.x) * Math.cos(this.up) + (y - this.y) * Math.sin(this.up));
  }

  worldX(sx: number, sy: number): number {
    const right = (sx - this.width / 2) / this.scale;
    const upward = (this.height / 2 - sy) / this.scale;
    return this.x + right * Math.sin(this.up) + upward * Math.cos(this.up);
  }

  worldY(sx: number, sy: number): number {
    const right = (sx - this.width / 2) / this.scale;
    const upward = (this.height / 2 - sy) / this.scale;
    return this.y - right * Math.cos(this.up) + upward * Math.sin(this.up);
  }

  /** Moves the picture by so many pixels. */
  pan(dx: number, dy: number): void {
    const x = this.worldX(this.width / 2 - dx, this.height / 2 - dy);
    const y = this.worldY(this.width / 2 - dx, this.height / 2 - dy);
    this.x = x;
    this.y = y;
  }

  /** Changes the scale so that what is under a point of the screen stays there. */
  zoom(factor: number, sx: number, sy: number): void {
    const x = this.worldX(sx, sy);
    const y = this.worldY(sx, sy);
    this.scale = Math.min(Camera.closest, Math.max(Camera.farthest, this.scale * factor));
    this.pan(sx - this.screenX(x, y), sy - this.screenY(x, y));
  }
}
