/** Obstacles as RViz shows them: visualization_msgs/MarkerArray, written as CDR. */
import { CdrWriter } from '@foxglove/cdr';
import type { Stamp } from './robot-messages.js';

/** An upright body. */
export interface Obstacle {
  /** Of its middle [m, m, rad]. */
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
  /** Along its own x and y [m]; the diameter twice where it is round. */
  readonly length: number;
  readonly width: number;
  readonly round: boolean;
  readonly moving: boolean;
}

/** As Marker.msg names them. */
const CUBE = 1;
const CYLINDER = 3;
const ADD = 0;
const DELETE_ALL = 3;

/** [m] */
const HEIGHT = 0.5;
/** Red, green, blue, of 1. */
const STANDING = [0.55, 0.55, 0.6] as const;
const MOVING = [0.85, 0.45, 0.2] as const;

/**
 * All obstacles at once, in place of whatever was shown before.
 *
 * @returns a message of its own. @realtime unsafe
 */
export function worldMarkers(stamp: Stamp, frame: string, obstacles: readonly Obstacle[]): Buffer {
  const writer = new CdrWriter();
  writer.sequenceLength(obstacles.length + 1);
  marker(writer, stamp, frame, 0, null);
  obstacles.forEach((obstacle, i) => {
    marker(writer, stamp, frame, i + 1, obstacle);
  });
  return Buffer.from(writer.data);
}

/** @param obstacle null: the order to delete what there is */
function marker(w: CdrWriter, stamp: Stamp, frame: string, id: number, obstacle: Obstacle | null): void {
  w.int32(stamp.seconds).uint32(stamp.nanoseconds).string(frame).string('world');
  w.int32(id).int32(obstacle?.round === true ? CYLINDER : CUBE);
  w.int32(obstacle === null ? DELETE_ALL : ADD);
  const { x, y, yaw, length, width, moving } = obstacle ?? NOWHERE;
  w.float64(x)
    .float64(y)
    .float64(HEIGHT / 2);
  w.float64(0)
    .float64(0)
    .float64(Math.sin(yaw / 2))
    .float64(Math.cos(yaw / 2));
  w.float64(length).float64(width).float64(HEIGHT);
  const [red, green, blue] = moving ? MOVING : STANDING;
  w.float32(red).float32(green).float32(blue).float32(1);
  // Lifetime: for ever; not locked to the frame; no points and colors.
  w.int32(0).uint32(0).uint8(0).sequenceLength(0).sequenceLength(0);
  // No texture: resource, image (header, format, data), coordinates.
  w.string('').int32(0).uint32(0).string('').string('').sequenceLength(0).sequenceLength(0);
  // No text and no mesh: resource, file (name, data), materials.
  w.string('').string('').string('').sequenceLength(0).uint8(0);
}

const NOWHERE: Obstacle = { x: 0, y: 0, yaw: 0, length: 1, width: 1, round: false, moving: false };
