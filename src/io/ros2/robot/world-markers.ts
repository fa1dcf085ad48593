/** Obstacles as RViz shows them. */
import { CdrWriter } from '../cdr/write-cdr.js';
import { type Colour, type Marker, MarkerType, writeMarkers } from '../cdr/write-markers.js';
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

/** [m] */
const HEIGHT = 0.5;
const STANDING: Colour = [0.55, 0.55, 0.6, 1];
const MOVING: Colour = [0.85, 0.45, 0.2, 1];
const STAYS_NS = 0;
const NOWHERE: Obstacle = { x: 0, y: 0, yaw: 0, length: 1, width: 1, round: false, moving: false };

/**
 * All obstacles at once, in place of whatever was shown before: visualization_msgs/MarkerArray.
 *
 * @returns a message of its own. @realtime unsafe
 */
export function worldMarkers(stamp: Stamp, frame: string, obstacles: readonly Obstacle[]): Buffer {
  const markers = obstacles.map((obstacle, i) => marker(frame, i + 1, obstacle));
  markers.unshift({ ...marker(frame, 0, NOWHERE), deletesAll: true });
  return writeMarkers(new CdrWriter(), Int32Array.of(stamp.seconds, stamp.nanoseconds), STAYS_NS, markers);
}

function marker(frame: string, id: number, { x, y, yaw, length, width, round, moving }: Obstacle): Marker {
  return {
    ...{ frame, namespace: 'world', id, type: round ? MarkerType.cylinder : MarkerType.cube },
    ...{ x, y, z: HEIGHT / 2, yaw, scale: [length, width, HEIGHT], colour: moving ? MOVING : STANDING },
  };
}
