import { barnScenario } from '../barn.js';
import { generated, type Scenario, type ScenarioBuilder } from '../scenario.js';
import { caves } from './caves.js';
import { clutter } from './clutter.js';
import { open } from './open.js';

/** Name → builder. A new scenario is a file beside this one and a line here. */
export const builders: ReadonlyMap<string, ScenarioBuilder> = new Map([
  ['open', open],
  ['clutter', clutter],
  ['caves', caves],
]);

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
  return generated(spec, builder);
}
