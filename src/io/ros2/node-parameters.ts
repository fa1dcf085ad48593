/**
 * The controller's parameters as those of a ROS node: declared from the one schema, overridden by ROS's parameter files
 * and `-p`, and set on the running node where they may change. A value is refused in the schema's own words: rclnodejs
 * says no more than that a parameter "does not readonly".
 *
 * Main thread. @realtime unsafe
 */
import { OF_ROS } from '../../parameters/loader.js';
import { ParameterError } from '../../parameters/parameter-error.js';
import {
  checkRelations,
  describeAllowed,
  findParameter,
  type ParameterDefinition,
  type ParameterValue,
  type ParameterValues,
  parameterTable,
  setParameter,
} from '../../parameters/schema.js';
import type {
  ParameterSection,
  Rcl,
  RclLifecycleNode,
  RclParameter,
  RclParameterDescriptor,
  SetParametersResult,
} from './rcl.js';

/** rcl_interfaces/msg/ParameterType. */
const RosType = { notSet: 0, boolean: 1, integer: 2, number: 3, string: 4, enum: 4 } as const;

/** One override, with the section that it stood in. */
export interface Override {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
  /** `/**` for `-p`, unless that names a node. */
  readonly section: string;
}

/**
 * Those of the sections that are meant for a node, by name; what comes later wins. rclnodejs itself knows `/**` and the
 * bare name alone, and would leave out `/robot1/rfsn_controller`.
 *
 * @param sections as rcl has parsed them, in its order
 * @param node fully qualified: `/robot1/rfsn_controller`
 */
export function overridesFor(sections: readonly ParameterSection[], node: string): Map<string, Override> {
  const overrides = new Map<string, Override>();
  for (const { name: section, parameters } of sections) {
    if (!isSectionFor(section, node)) continue;
    for (const { name, type, value } of parameters) overrides.set(name, { name, type, value, section });
  }
  return overrides;
}

/**
 * Whether a section of a parameter file is meant for a node. A `*` stands for one part of a node's name, `**` for any
 * number of them (rclcpp's parameter_map).
 *
 * @param node fully qualified
 */
export function isSectionFor(section: string, node: string): boolean {
  const pattern = section.startsWith('/') ? section : `/${section}`;
  const expression = pattern
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('/**', '(/\\w+)§')
    .replaceAll('/*', '(/\\w+)')
    .replaceAll('§', '*');
  return new RegExp(`^${expression}$`).test(node);
}

/**
 * Takes overrides over into values.
 *
 * @param values changed in place
 * @param notice told of a name that is none of ours, where the section may be meant for other nodes too
 * @throws ParameterError for a value that is not allowed, and for a name that is unknown and close to one of ours, or
 *   stands in a section that names this node alone: ROS itself would pass it by
 */
export function applyOverrides(
  values: ParameterValues,
  overrides: Iterable<Override>,
  notice: (text: string) => void,
): void {
  for (const { name, value, section } of overrides) {
    if (OF_ROS.test(name)) continue;
    const source = section === '/**' ? '' : section;
    if (findParameter(name) !== undefined || !section.includes('*')) {
      setParameter(values, name, plain(value), source);
      continue;
    }
    const complaint = complaintOf(() => setParameter(values, name, plain(value), source));
    if (complaint.message.includes('did you mean')) throw complaint;
    notice(complaint.message);
  }
  checkRelations(values);
}

function complaintOf(refused: () => void): ParameterError {
  try {
    refused();
  } catch (error) {
    if (error instanceof ParameterError) return error;
    throw error;
  }
  throw new Error('an unknown parameter was taken');
}

/** A value of ROS's as the schema has it: its integers are bigints. */
function plain(value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

/**
 * Declares every parameter of the schema, with its description, range and read-only flag.
 *
 * @param values what they are at start
 */
export function declareParameters(rcl: Rcl, node: RclLifecycleNode, values: ParameterValues): void {
  const Descriptor = descriptorClass(rcl);
  node.declareParameters(
    parameterTable.map((entry) => rosParameter(rcl, entry, values[entry.name])),
    parameterTable.map((entry) => new Descriptor(entry)),
    true,
  );
}

function rosParameter(rcl: Rcl, entry: ParameterDefinition, value: ParameterValue): RclParameter {
  return new rcl.Parameter(entry.name, RosType[entry.type], entry.type === 'integer' ? BigInt(value) : value);
}

type DescriptorClass = new (entry: ParameterDefinition) => RclParameterDescriptor;

/**
 * rclnodejs' own descriptor leaves its range out of what it answers (its `toMessage` reads a field that is never set), and
 * checks values in steps of 1.
 */
function descriptorClass(rcl: Rcl): DescriptorClass {
  return class extends rcl.ParameterDescriptor {
    readonly #entry: ParameterDefinition;

    constructor(entry: ParameterDefinition) {
      super(entry.name, RosType[entry.type], describe(entry), entry.readOnly);
      this.#entry = entry;
      this.additionalConstraints = constraintOf(entry);
    }

    /** The schema has checked the value; this is only called once it has. */
    override validateParameter(parameter: RclParameter): void {
      if (parameter.type !== RosType[this.#entry.type]) throw new Error('the type is another');
    }

    override toMessage(): Record<string, unknown> {
      return { ...super.toMessage(), ...rangeOf(this.#entry) };
    }
  };
}

function describe(entry: ParameterDefinition): string {
  return entry.unit === '' ? entry.description : `${entry.description} [${entry.unit}]`;
}

/** What a range does not say. */
function constraintOf(entry: ParameterDefinition): string {
  return entry.type === 'string' || entry.type === 'enum' ? `allowed: ${describeAllowed(entry)}` : '';
}

/** Of a descriptor's message; a step of 0 stands for any value between. */
function rangeOf(entry: ParameterDefinition): Record<string, unknown> {
  switch (entry.type) {
    case 'number':
      return { floating_point_range: [{ from_value: entry.min, to_value: entry.max, step: 0 }] };
    case 'integer':
      return { integer_range: [{ from_value: BigInt(entry.min), to_value: BigInt(entry.max), step: 1n }] };
    default:
      return {};
  }
}

/** What `ros2 param set` may change, and what becomes of it. */
export class ParameterGate {
  readonly #rcl: Rcl;
  readonly #values: ParameterValues;
  readonly #onSet: (name: string, value: ParameterValue) => void;

  /**
   * @param values kept up to date
   * @param onSet makes a value hold from the next cycle on. @throws ParameterError
   */
  constructor(rcl: Rcl, values: ParameterValues, onSet: (name: string, value: ParameterValue) => void) {
    this.#rcl = rcl;
    this.#values = values;
    this.#onSet = onSet;
  }

  /**
   * All of them, or none.
   *
   * @param keep stores the parameters in the node, as the types that they were declared with
   */
  set(
    parameters: readonly RclParameter[],
    keep: (parameters: RclParameter[]) => SetParametersResult,
  ): SetParametersResult {
    const changed = { ...this.#values };
    const names: string[] = [];
    const kept: RclParameter[] = [];
    try {
      for (const parameter of parameters) {
        if (OF_ROS.test(parameter.name)) {
          throw new ParameterError(parameter.name, 'is read once, at start; start the node anew to change it');
        }
        kept.push(this.#checked(parameter, changed));
        names.push(parameter.name);
      }
      checkRelations(changed);
      this.#takeEffect(names, changed);
    } catch (error) {
      if (error instanceof ParameterError) return { successful: false, reason: error.message };
      throw error;
    }
    Object.assign(this.#values, changed);
    return keep(kept);
  }

  #checked(parameter: RclParameter, changed: ParameterValues): RclParameter {
    const { name } = parameter;
    const entry = findParameter(name);
    if (entry !== undefined && parameter.type === RosType.notSet) {
      throw new ParameterError(name, 'cannot be removed');
    }
    setParameter(changed, name, plain(parameter.value));
    if (entry!.readOnly) {
      throw new ParameterError(name, 'is read once, at start; start the node anew to change it');
    }
    return rosParameter(this.#rcl, entry!, changed[entry!.name]);
  }

  #takeEffect(names: readonly string[], changed: ParameterValues): void {
    let done = 0;
    try {
      for (; done < names.length; done++) {
        const name = names[done] as keyof ParameterValues;
        this.#onSet(name, changed[name]);
      }
    } catch (error) {
      for (const name of names.slice(0, done)) this.#onSet(name, this.#values[name as keyof ParameterValues]);
      throw error;
    }
  }
}
