import { barnScenario } from '../barn.js';
import { generated, type Scenario, type ScenarioBuilder } from '../scenario.js';
import { caves } from './caves.js';
import { clutter } from './clutter.js';
import { corridor } from './corridor.js';
import { moving } from './moving.js';
import { open } from './open.js';

/** Name → builder. A new scenario is a file beside this one and a line here. */
export const builders: ReadonlyMap<string, ScenarioBuilder> = new Map([
  ['open', open],
  ['clutter', clutter],
  ['corridor', corridor],
  ['moving', moving],
  ['caves', caves],
]);

/** A passage leaves this much beside the robot's circumscribed circle [m]. */
const PASSAGE_MARGIN = 0.05;
/** The tightest passages of BARN's worlds are 0.34 m to either side of their middle, the Jackal's radius and this. */
const CAVE_MARGIN = 0.01;

/**
 * The scenario that a `--scenario` value names: one of `builders`, `barn:FILE` or `barn:FILE#INDEX`.
 *
 * @throws an Error that says what is allowed, or what is wrong with the file
 */
export function scenarioOf(spec: string): Scenario {
  if (spec.startsWith('barn:')) return barnScenario(spec.slice('barn:'.length));
  const builder = builders.get(spec);
  if (builder === undefined) {
    throw new Error(`scenario ${spec}: not one of ${[...builders.keys()].join(', ')}, barn:FILE, barn:FILE#INDEX`);
  }
  return generated(spec, builder, spec === 'caves' ? CAVE_MARGIN : PASSAGE_MARGIN);
}
