/**
 * Frames and the ways between them, as /tf and /tf_static tell: of each frame its parent and its pose in it, the newest
 * only. A name is a number everywhere but in words for a person.
 *
 * Main thread. Of fixed size: what finds no room is left out and counted. Allocates only for names that are new.
 */
import type { FrameNames } from './cdr/stamped.js';

/** Names that are kept at most: a large robot has 100 frames. */
const FRAMES_MAX = 1024;
/** Twice as many places, so that searches are short. */
const PLACES = 2 * FRAMES_MAX;
/** No name is longer in `odom_frame`; a longer one has no number. */
const NAME_BYTES_MAX = 255;
const SLASH = 0x2f;
/** A chain of frames is never so long: more is a ring. */
const DEPTH_MAX = 128;
/** Doubles of a pose: translation and quaternion. */
const POSE = 7;
const NONE = -1;

export class FrameTable implements FrameNames {
  /** Names for which there was no room, each time they came. */
  overflows = 0;
  readonly #names: string[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #places = new Int32Array(PLACES).fill(NONE);

  get count(): number {
    return this.#names.length;
  }

  intern(bytes: Uint8Array, start: number, end: number): number {
    const first = start < end && bytes[start] === SLASH ? start + 1 : start;
    const length = end - first;
    if (length > NAME_BYTES_MAX) return this.#overflow();
    // FNV-1a.
    let hash = 0x811c9dc5;
    for (let i = first; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    for (let place = hash & (PLACES - 1); ; place = (place + 1) & (PLACES - 1)) {
      const frame = this.#places[place];
      if (frame === NONE) return this.#add(place, bytes, first, end);
      if (this.#spells(frame, bytes, first, length)) return frame;
    }
  }

  /** @returns its number; -1 where there is no room. @realtime unsafe */
  internName(name: string): number {
    const bytes = Buffer.from(name, 'utf8');
    return this.intern(bytes, 0, bytes.length);
  }

  /** For a person. */
  name(frame: number): string {
    return frame === NONE ? '(a frame without room for its name)' : this.#names[frame];
  }

  #spells(frame: number, bytes: Uint8Array, start: number, length: number): boolean {
    const name = this.#bytes[frame];
    if (name.length !== length) return false;
    for (let i = 0; i < length; i++) if (name[i] !== bytes[start + i]) return false;
    return true;
  }

  #add(place: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#names.length === FRAMES_MAX) return this.#overflow();
    this.#places[place] = this.#names.length;
    this.#bytes.push(Uint8Array.prototype.slice.call(bytes, start, end));
    return this.#names.push(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')) - 1;
  }

  #overflow(): number {
    this.overflows++;
    return NONE;
  }
}

/** Where a frame is in its parent: translation [m], and rotation as a quaternion of any length but 0. */
export interface FramePose {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly qx: number;
  readonly qy: number;
  readonly qz: number;
  readonly qw: number;
}

/** A frame's pose in another, which takes coordinates of the first to the second; whoever asks for it owns it. */
export class Way {
  /** Translation [m]. */
  x = 0;
  y = 0;
  z = 0;
  /** Rotation, a unit quaternion. */
  qx = 0;
  qy = 0;
  qz = 0;
  qw = 1;
  /** When the part of it was heard that was heard longest ago [ns]; Infinity: it never moves. */
  heardNs = Number.POSITIVE_INFINITY;

  clear(): void {
    this.x = 0;
    this.y = 0;
    this.z = 0;
    this.qx = 0;
    this.qy = 0;
    this.qz = 0;
    this.qw = 1;
    this.heardNs = Number.POSITIVE_INFINITY;
  }

  /** The same way in the other direction, in its place. */
  invert(): void {
    this.qx = -this.qx;
    this.qy = -this.qy;
    this.qz = -this.qz;
    const { x, y, z } = this;
    this.x = 0;
    this.y = 0;
    this.z = 0;
    this.#advance(-x, -y, -z);
  }

  /** Goes one frame up: this way's end, which was in the child, is in its parent. */
  climb(poses: Float64Array, at: number): void {
    const { x, y, z, qx: bx, qy: by, qz: bz, qw: bw } = this;
    const ax = poses[at + 3];
    const ay = poses[at + 4];
    const az = poses[at + 5];
    const aw = poses[at + 6];
    this.x = poses[at];
    this.y = poses[at + 1];
    this.z = poses[at + 2];
    this.qx = ax;
    this.qy = ay;
    this.qz = az;
    this.qw = aw;
    this.#advance(x, y, z);
    this.#turn(ax, ay, az, aw, bx, by, bz, bw);
  }

  /** That way and then this one, in this one's place: this begins in the frame where that ends. */
  after(first: Way): void {
    const { qx, qy, qz, qw } = this;
    this.#advance(first.x, first.y, first.z);
    this.#turn(qx, qy, qz, qw, first.qx, first.qy, first.qz, first.qw);
    this.heardNs = Math.min(this.heardNs, first.heardNs);
  }

  copy(from: Way): void {
    this.x = from.x;
    this.y = from.y;
    this.z = from.z;
    this.qx = from.qx;
    this.qy = from.qy;
    this.qz = from.qz;
    this.qw = from.qw;
    this.heardNs = from.heardNs;
  }

  /** A point of the first frame in the second [m]. */
  pointX(x: number, y: number, z: number): number {
    return this.x + this.turnedX(x, y, z);
  }

  pointY(x: number, y: number, z: number): number {
    return this.y + this.turnedY(x, y, z);
  }

  /** The rotation about z [rad]. */
  get yaw(): number {
    const { qx, qy, qz, qw } = this;
    return Math.atan2(2 * (qw * qz + qx * qy), 1 - 2 * (qy * qy + qz * qz));
  }

  /** Cosine of the angle between the two z axes: 1 upright, -1 upside down. */
  get upright(): number {
    return 1 - 2 * (this.qx * this.qx + this.qy * this.qy);
  }

  /** Components of a vector that is turned by this way's rotation. */
  turnedX(x: number, y: number, z: number): number {
    const { qx, qy, qz, qw } = this;
    return x * (1 - 2 * (qy * qy + qz * qz)) + y * 2 * (qx * qy - qw * qz) + z * 2 * (qx * qz + qw * qy);
  }

  turnedY(x: number, y: number, z: number): number {
    const { qx, qy, qz, qw } = this;
    return x * 2 * (qx * qy + qw * qz) + y * (1 - 2 * (qx * qx + qz * qz)) + z * 2 * (qy * qz - qw * qx);
  }

  turnedZ(x: number, y: number, z: number): number {
    const { qx, qy, qz, qw } = this;
    return x * 2 * (qx * qz - qw * qy) + y * 2 * (qy * qz + qw * qx) + z * (1 - 2 * (qx * qx + qy * qy));
  }

  #advance(x: number, y: number, z: number): void {
    const dx = this.turnedX(x, y, z);
    const dy = this.turnedY(x, y, z);
    const dz = this.turnedZ(x, y, z);
    this.x += dx;
    this.y += dy;
    this.z += dz;
  }

  /** Hamilton's product a·b. */
  #turn(ax: number, ay: number, az: number, aw: number, bx: number, by: number, bz: number, bw: number): void {
    this.qx = aw * bx + ax * bw + ay * bz - az * by;
    this.qy = aw * by - ax * bz + ay * bw + az * bx;
    this.qz = aw * bz + ax * by - ay * bx + az * bw;
    this.qw = aw * bw - ax * bx - ay * by - az * bz;
  }
}

export class TransformTree {
  readonly frames: FrameTable;
  /** Rises with every transform that never moves: who keeps a way of them asks again when it has risen. */
  fixedChanges = 0;
  readonly #parent = new Int16Array(FRAMES_MAX).fill(NONE);
  readonly #fixed = new Uint8Array(FRAMES_MAX);
  readonly #heardNs = new Float64Array(FRAMES_MAX);
  readonly #poses = new Float64Array(FRAMES_MAX * POSE);
  readonly #down = new Way();

  constructor(frames: FrameTable) {
    this.frames = frames;
  }

  /**
   * The child's pose in its parent, from here on.
   *
   * @param fixed of /tf_static: it never moves, and what /tf says of it later is passed over, as simulators tell there of
   *   all links
   * @param pose copied
   * @returns whether it could be one: of two frames, finite, with a rotation
   */
  set(parent: number, child: number, pose: FramePose, fixed: boolean, nowNs: number): boolean {
    if (parent === NONE || child === NONE || parent === child) return false;
    const { x, y, z, qx, qy, qz, qw } = pose;
    const length = Math.sqrt(qx * qx + qy * qy + qz * qz + qw * qw);
    if (!Number.isFinite(x + y + z + length) || !(length > 1e-3)) return false;
    if (!fixed && this.#fixed[child] === 1) return true;
    const at = child * POSE;
    const p = this.#poses;
    p[at] = x;
    p[at + 1] = y;
    p[at + 2] = z;
    p[at + 3] = qx / length;
    p[at + 4] = qy / length;
    p[at + 5] = qz / length;
    p[at + 6] = qw / length;
    this.#parent[child] = parent;
    this.#heardNs[child] = nowNs;
    if (fixed) this.fixedChanges++;
    this.#fixed[child] = fixed ? 1 : 0;
    return true;
  }

  /** What moves is nowhere until it is told anew: time or the place is another. */
  forgetMoving(): void {
    for (let frame = 0; frame < FRAMES_MAX; frame++) if (this.#fixed[frame] === 0) this.#parent[frame] = NONE;
  }

  /**
   * The pose of `from` in `to`.
   *
   * @param fixedOnly not over what moves
   * @param out written; worth nothing where there is no way
   * @returns whether there is one
   */
  find(from: number, to: number, fixedOnly: boolean, out: Way): boolean {
    out.clear();
    if (from === NONE || to === NONE) return false;
    const down = this.#down;
    // Up from `from` step by step, and at each step down to `to` if that is below: trees are a few frames deep.
    let at = from;
    for (let climbed = 0; climbed < DEPTH_MAX; climbed++) {
      if (this.#climb(to, at, fixedOnly, down)) {
        down.invert();
        down.after(out);
        out.copy(down);
        return true;
      }
      const parent = this.#parent[at];
      if (parent === NONE || (fixedOnly && this.#fixed[at] === 0)) return false;
      out.climb(this.#poses, at * POSE);
      if (this.#fixed[at] === 0) out.heardNs = Math.min(out.heardNs, this.#heardNs[at]);
      at = parent;
    }
    return false;
  }

  /** Whether `frame` hangs below `ancestor`, or is it. */
  below(frame: number, ancestor: number): boolean {
    let at = frame;
    for (let climbed = 0; climbed < DEPTH_MAX && at !== NONE; climbed++) {
      if (at === ancestor) return true;
      at = this.#parent[at];
    }
    return false;
  }

  /** The pose of `from` in its ancestor `to`. */
  #climb(from: number, to: number, fixedOnly: boolean, out: Way): boolean {
    out.clear();
    let at = from;
    for (let climbed = 0; climbed < DEPTH_MAX; climbed++) {
      if (at === to) return true;
      const parent = this.#parent[at];
      if (parent === NONE || (fixedOnly && this.#fixed[at] === 0)) return false;
      out.climb(this.#poses, at * POSE);
      if (this.#fixed[at] === 0) out.heardNs = Math.min(out.heardNs, this.#heardNs[at]);
      at = parent;
    }
    return false;
  }
}
