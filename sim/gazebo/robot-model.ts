import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** Where a laser's frame is in `base_link`, which is the model's frame: x, y, z [m], roll, pitch, yaw [rad]. */
export interface LaserMount {
  frame: string;
  pose: readonly [number, number, number, number, number, number];
}

/** What a launch must know of a model in SDF. */
export interface RobotModelFile {
  name: string;
  lasers: LaserMount[];
}

type Element = Record<string, unknown>;

const REPEATED = new Set(['model', 'link', 'sensor']);

/**
 * Name and lasers of the one model in an SDF text. A laser has a frame of its own where the file names one
 * (`gz_frame_id`); its transform to `base_link` is what a static transform is published from, so that the mount is
 * stated once.
 *
 * @throws an Error that says what is wrong with the text
 */
export function readRobotModel(text: string): RobotModelFile {
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(`line ${valid.err.line}: ${valid.err.msg}`);
  const root = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    isArray: (name) => REPEATED.has(name),
  }).parse(text) as Element;
  const models = children((root['sdf'] ?? {}) as Element, 'model');
  if (models.length !== 1)
    throw new Error(`holds ${models.length} models directly within <sdf>, where one is expected`);
  const model = models[0];
  const lasers: LaserMount[] = [];
  for (const link of children(model, 'link')) {
    for (const sensor of children(link, 'sensor')) {
      const frame = sensor['gz_frame_id'];
      if (!/lidar|^ray$/.test(String(sensor['@type'])) || typeof frame !== 'string') continue;
      lasers.push({ frame, pose: mounted(poseOf(link), poseOf(sensor), frame) });
    }
  }
  return { name: String(model['@name']), lasers };
}

type Pose = [number, number, number, number, number, number];

function poseOf(parent: Element): Pose {
  const pose = parent['pose'] ?? '0 0 0 0 0 0';
  const parts = typeof pose === 'string' ? pose.trim().split(/\s+/).map(Number) : [];
  if (parts.length !== 6 || !parts.every(Number.isFinite)) {
    throw new Error(`the pose of ${String(parent['@name'])} is not six numbers in its parent's frame`);
  }
  return parts as Pose;
}

/** Sensor in link in model; a tilted link with a laser on it is refused rather than half understood. */
function mounted(link: Pose, sensor: Pose, frame: string): Pose {
  if (link[3] !== 0 || link[4] !== 0) throw new Error(`the link of ${frame} is tilted`);
  const cos = Math.cos(link[5]);
  const sin = Math.sin(link[5]);
  return [
    link[0] + cos * sensor[0] - sin * sensor[1],
    link[1] + sin * sensor[0] + cos * sensor[1],
    link[2] + sensor[2],
    sensor[3],
    sensor[4],
    link[5] + sensor[5],
  ];
}

function children(parent: Element, name: string): Element[] {
  const value = parent[name];
  return Array.isArray(value)
    ? (value as unknown[]).map((child) => (typeof child === 'object' ? child : {}) as Element)
    : [];
}
