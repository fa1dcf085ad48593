/** What may be changed on a running controller, and how far. Main thread's side; the cycle takes it over as it is. */
import { TUNING_DOUBLES, TuningField } from '../memory/layout.js';
import { ParameterError } from '../parameters/parameter-error.js';
import {
  findParameter,
  type ParameterName,
  type ParameterValue,
  type ParameterValues,
  setParameter,
} from '../parameters/schema.js';
import { settingsOf } from '../policy/create-policy.js';
import { policyNameOf } from './configuration.js';

/** The parameters that the table does not call read-only, and where the cycle finds them. */
const FIELDS = {
  'robot.max_speed': TuningField.maxSpeed,
  'robot.max_yaw_rate': TuningField.maxYawRate,
  epsilon: TuningField.epsilon,
} as const satisfies Partial<Record<ParameterName, number>>;
export type TunableName = keyof typeof FIELDS;
export const TUNABLE_NAMES = Object.keys(FIELDS) as readonly TunableName[];

/** Limits that safety's sight was sized for at the start: they may be lowered, and raised again to where they were. */
const BOUNDED_BY_START: readonly TunableName[] = ['robot.max_speed', 'robot.max_yaw_rate'];

export class Tuning {
  /** The parameters that may be changed here. */
  readonly names: readonly TunableName[];
  readonly #start: ParameterValues;
  readonly #values: ParameterValues;

  /** @param start what the controller is started with; where it holds no parameters nothing may be changed */
  constructor(start: unknown) {
    const values = (typeof start === 'object' && start !== null ? start : {}) as ParameterValues;
    this.#start = values;
    this.#values = { ...values };
    this.names = TUNABLE_NAMES.filter((name) => {
      if (typeof values[name] !== 'number') return false;
      return name !== 'epsilon' || settingsOf(policyNameOf(values)).includes('epsilon');
    });
  }

  /** The values in force, or about to be; a fresh object. */
  get values(): Partial<Record<TunableName, number>> {
    return Object.fromEntries(this.names.map((name) => [name, this.#values[name]]));
  }

  /**
   * Changes one value.
   *
   * @throws ParameterError that says why the value is not allowed, in the words of the loader, or that the parameter
   *   cannot be changed here; nothing has changed then
   */
  set(name: string, value: ParameterValue): void {
    const changed = { ...this.#values };
    setParameter(changed, name, value);
    if (!this.names.includes(name as TunableName)) throw new ParameterError(name, this.#refusal(name));
    const tunable = name as TunableName;
    const entry = findParameter(name);
    if (BOUNDED_BY_START.includes(tunable) && entry?.type === 'number' && changed[tunable] > this.#start[tunable]) {
      throw new ParameterError(
        name,
        `${value} is not allowed; allowed while running: from ${entry.min} to the ${this.#start[tunable]} ${entry.unit} it started with, which safety was built for`,
      );
    }
    this.#values[tunable] = changed[tunable];
  }

  /** @param out `TUNING_DOUBLES`, indexed with `TuningField`; what cannot be changed is not read by the cycle */
  writeInto(out: Float64Array): void {
    out.fill(0, 0, TUNING_DOUBLES);
    for (const name of TUNABLE_NAMES) out[FIELDS[name]] = this.#values[name] ?? 0;
  }

  #refusal(name: string): string {
    if (name === 'epsilon' && this.#values.epsilon !== undefined) {
      return `the policy ${policyNameOf(this.#values)} has no such setting`;
    }
    const others = this.names.length === 0 ? 'nothing' : this.names.join(', ');
    return `cannot be changed while running; what can be: ${others}`;
  }
}
