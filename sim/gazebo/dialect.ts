/** Gazebo Fortress, the last release that goes by Ignition's name. */
const FORTRESS = 6;

/** Each name that Harmonic and later have, and how Fortress writes it. */
const FORTRESS_NAMES: readonly [RegExp, string][] = [
  [/\bgz-sim-([a-z0-9-]+)-system\b/g, 'ignition-gazebo-$1-system'],
  [/\bgz::sim::/g, 'ignition::gazebo::'],
  [/\bgz\.msgs\./g, 'ignition.msgs.'],
  [/(<\/?)gz_frame_id\b/g, '$1ignition_frame_id'],
];

/**
 * A world, a model or a bridge's configuration in the names of a Gazebo: its plugins' files and classes, message types
 * and the element for a sensor's frame. The sources have the names of Harmonic, which everything later understands;
 * what lies before Fortress understands neither.
 *
 * @param major major version of Gazebo Sim: 6 is Fortress, 8 Harmonic
 * @throws an Error for a version before Fortress
 */
export function inDialect(text: string, major: number): string {
  if (!Number.isInteger(major) || major < FORTRESS) {
    throw new Error(`Gazebo Sim ${major}: Fortress (6) and later are supported`);
  }
  if (major > FORTRESS) return text;
  let written = text;
  for (const [name, replacement] of FORTRESS_NAMES) written = written.replace(name, replacement);
  return written;
}
