import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** Obstacles of a Gazebo world, as seen from above. */
export interface GazeboObstacles {
  /** Cylinders: x, y, radius [m] each. */
  circles: number[];
  /** Boxes: x, y, half length, half width [m], yaw [rad] each. */
  boxes: number[];
}

/** A parsed element: attributes start with '@', repeated children are lists, text is a string. */
type Element = Record<string, unknown>;

interface Pose {
  x: number;
  y: number;
  yaw: number;
}

const ORIGIN: Pose = { x: 0, y: 0, yaw: 0 };
const REPEATED = new Set(['world', 'model', 'link', 'collision', 'state']);

/**
 * The cylinders and boxes of an SDF world (SDF 1.6, sdformat.org): model pose × link pose × collision pose, where a
 * model's pose in `<state>` goes before its own, as Gazebo has it. Planes are ground. Only what stands upright on the
 * ground can be seen from above, so a tilted pose, any other shape and an `<include>` are refused.
 *
 * @throws an Error that names what is wrong
 */
export function parseGazeboWorld(text: string): GazeboObstacles {
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(`line ${valid.err.line}: ${valid.err.msg}`);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    isArray: (name) => REPEATED.has(name),
  });
  const root = parser.parse(text) as Element;
  const worlds = list(element(root['sdf']), 'world');
  if (worlds.length === 0) throw new Error('holds no <sdf> with a <world>');
  const world = worlds[0];
  if (world['include'] !== undefined) throw new Error('an <include> cannot be followed');

  const moved = new Map<string, Pose>();
  for (const state of list(world, 'state')) {
    for (const model of list(state, 'model')) moved.set(String(model['@name']), poseOf(model, 'state of model'));
  }
  const obstacles: GazeboObstacles = { circles: [], boxes: [] };
  for (const model of list(world, 'model')) {
    const name = String(model['@name']);
    const base = moved.get(name) ?? poseOf(model, `model ${name}`);
    for (const link of list(model, 'link')) {
      const linkPose = compose(base, poseOf(link, `model ${name}`));
      for (const collision of list(link, 'collision')) {
        addShape(
          obstacles,
          element(collision['geometry']),
          compose(linkPose, poseOf(collision, `model ${name}`)),
          name,
        );
      }
    }
  }
  return obstacles;
}

function addShape(obstacles: GazeboObstacles, geometry: Element, pose: Pose, name: string): void {
  if (geometry['cylinder'] !== undefined) {
    const [radius] = numbers(element(geometry['cylinder'])['radius'], 1, `radius of model ${name}`);
    if (radius <= 0) throw new Error(`radius of model ${name}: ${radius} is not positive`);
    obstacles.circles.push(pose.x, pose.y, radius);
  } else if (geometry['box'] !== undefined) {
    const [length, width] = numbers(element(geometry['box'])['size'], 3, `size of model ${name}`);
    if (length <= 0 || width <= 0) throw new Error(`size of model ${name} is not positive`);
    obstacles.boxes.push(pose.x, pose.y, length / 2, width / 2, pose.yaw);
  } else if (geometry['plane'] === undefined) {
    const shape = Object.keys(geometry)[0] ?? 'nothing';
    throw new Error(`model ${name}: its shape is ${shape}, where cylinder, box and plane are understood`);
  }
}

function poseOf(parent: Element, where: string): Pose {
  const pose = parent['pose'];
  if (pose === undefined || pose === '') return ORIGIN;
  const detailed = typeof pose === 'object' && pose !== null;
  const text = detailed ? (pose as Element)['#text'] : pose;
  if (detailed) {
    const frame = (pose as Element)['@frame'] ?? (pose as Element)['@relative_to'] ?? '';
    if (frame !== '') throw new Error(`${where}: a pose relative to "${String(frame)}" is not understood`);
    if (text === undefined) return ORIGIN;
  }
  const [x, y, , roll, pitch, yaw] = numbers(text, 6, `pose of ${where}`);
  if (Math.abs(roll) > 1e-3 || Math.abs(pitch) > 1e-3) throw new Error(`${where} is tilted`);
  return { x, y, yaw };
}

function compose(parent: Pose, child: Pose): Pose {
  if (child === ORIGIN) return parent;
  const cos = Math.cos(parent.yaw);
  const sin = Math.sin(parent.yaw);
  return {
    x: parent.x + cos * child.x - sin * child.y,
    y: parent.y + sin * child.x + cos * child.y,
    yaw: parent.yaw + child.yaw,
  };
}

function numbers(value: unknown, count: number, what: string): number[] {
  const parts = typeof value === 'string' ? value.trim().split(/\s+/).map(Number) : [];
  if (parts.length !== count || parts.some((part) => !Number.isFinite(part))) {
    throw new Error(`${what}: "${String(value)}" is not ${count} number${count === 1 ? '' : 's'}`);
  }
  return parts;
}

function element(value: unknown): Element {
  return typeof value === 'object' && value !== null ? (value as Element) : {};
}

function list(parent: Element, name: string): Element[] {
  const value = parent[name];
  return Array.isArray(value) ? value.map(element) : [];
}
