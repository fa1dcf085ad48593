/**
 * visualization_msgs/MarkerArray as CDR, marker after marker. rclnodejs would take milliseconds over one as an object.
 * The layout is that of Humble to Jazzy. Main thread.
 */
import type { CdrWriter } from './write-cdr.js';

export const MarkerType = { arrow: 0, cube: 1, sphere: 2, cylinder: 3, text: 9, triangles: 11 } as const;
const Action = { add: 0, deleteAll: 3 } as const;

/** Red, green, blue, opacity, each 0 … 1. */
export type Colour = readonly [r: number, g: number, b: number, a: number];

export interface Marker {
  readonly frame: string;
  readonly namespace: string;
  readonly id: number;
  /** `MarkerType` */
  readonly type: number;
  /** [m, m, m, rad] */
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
  /** [m, m, m]; of a text the last is the height of its capitals, of triangles all are factors. */
  readonly scale: readonly [x: number, y: number, z: number];
  readonly colour: Colour;
  readonly text?: string;
  /** Triples of points in the plane of the frame, x and y one after the other [m]. */
  readonly triangles?: Float64Array;
  /** Of each triangle. */
  readonly colours?: readonly Colour[];
  /** No marker, but the order to delete all that were told before. */
  readonly deletesAll?: boolean;
}

const NS_PER_S = 1e9;

/**
 * @param stamp seconds, nanoseconds
 * @param lifetimeNs after which what is not told anew goes; 0: it stays
 * @returns a view of the writer's buffer, valid until its next use
 */
export function writeMarkers(w: CdrWriter, stamp: Int32Array, lifetimeNs: number, markers: readonly Marker[]): Buffer {
  w.begin().uint32(markers.length);
  for (const marker of markers) writeMarker(w, stamp, lifetimeNs, marker);
  return w.end();
}

function writeMarker(w: CdrWriter, stamp: Int32Array, lifetimeNs: number, m: Marker): void {
  w.header(stamp, m.frame).text(m.namespace).int32(m.id).int32(m.type);
  w.int32(m.deletesAll === true ? Action.deleteAll : Action.add);
  w.float64(m.x).float64(m.y).float64(m.z);
  w.float64(0)
    .float64(0)
    .float64(Math.sin(m.yaw / 2))
    .float64(Math.cos(m.yaw / 2));
  w.float64(m.scale[0]).float64(m.scale[1]).float64(m.scale[2]);
  writeColour(w, m.colour);
  w.int32(Math.floor(lifetimeNs / NS_PER_S)).uint32(lifetimeNs % NS_PER_S);
  // Locked to its frame: what is fixed to the robot moves with it until it is told anew.
  w.bool(true);
  const points = m.triangles ?? new Float64Array(0);
  w.uint32(points.length / 2);
  for (let i = 0; i < points.length; i += 2)
    w.float64(points[i])
      .float64(points[i + 1])
      .float64(0);
  const colours = m.colours ?? [];
  w.uint32(colours.length * 3);
  for (const colour of colours) for (let i = 0; i < 3; i++) writeColour(w, colour);
  // Texture: name, image (stamp, frame, format, data), coordinates.
  w.text('').int32(0).uint32(0).text('').text('').uint32(0).uint32(0);
  w.text(m.text ?? '');
  // Mesh: name, file (name, data), its own materials.
  w.text('').text('').uint32(0).bool(false);
}

function writeColour(w: CdrWriter, [r, g, b, a]: Colour): void {
  w.float32(r).float32(g).float32(b).float32(a);
}
