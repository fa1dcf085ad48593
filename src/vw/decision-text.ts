/**
 * Decisions of a bandit as Vowpal Wabbit text, and back. A reward becomes a cost of the opposite sign.
 *
 *     shared |Context speed:0.5 clear          cb_adf: what all actions share,
 *     |Action action=0                         then a line for each action,
 *     1:-0.25:0.8 |Action action=1             the outcome on the one taken,
 *                                              then a blank line
 *     2:-0.25:0.8 |Context speed:0.5 clear     cb: actions counted from 1
 *
 * Names are carried whole: what VW's text cannot hold in a name (white space, control characters, `|`, `:`) and `%`
 * are written as in a URL, `%20`. VW keeps values as 32-bit floats; the text keeps all 64 bits.
 */
import { VwTextError } from './text-error.js';
import {
  parseCb,
  type VwCbExample,
  type VwDecision,
  type VwFeature,
  type VwNamespace,
  writeCb,
  writeDecision,
} from './text-format.js';
import { DecisionReader } from './text-reader.js';

/** The namespaces: `-q CA` multiplies them. */
export const CONTEXT_NAMESPACE = 'Context';
export const ACTION_NAMESPACE = 'Action';
/** The feature that tells one action from another where actions have none of their own. */
const ACTION_FEATURE = 'action=';

/** What was known, what was done, and what it earned. */
export interface LoggedDecision {
  /** One value for each context name; finite. */
  readonly context: ArrayLike<number>;
  /** From 0. */
  readonly action: number;
  readonly nActions: number;
  readonly reward: number;
  /** Of the action, when it was chosen: in (0, 1]. */
  readonly probability: number;
  /** Features of every action in turn, one value for each action name; only where there are action names. */
  readonly actionFeatures?: ArrayLike<number>;
}

/** What the values are called; no name twice, none empty. */
export interface DecisionNames {
  readonly context: readonly string[];
  /** Features that each action has of its own; none by default. Only cb_adf can carry them. */
  readonly action?: readonly string[];
}

export class DecisionText {
  readonly #context: readonly string[];
  readonly #action: readonly string[];
  readonly #contextIndex: ReadonlyMap<string, number>;
  readonly #actionIndex: ReadonlyMap<string, number>;

  /** @throws VwTextError where a name is empty or stands twice */
  constructor(names: DecisionNames) {
    this.#context = names.context.map(escapeName);
    this.#action = (names.action ?? []).map(escapeName);
    this.#contextIndex = indexOf(this.#context);
    this.#actionIndex = indexOf(this.#action);
  }

  /**
   * @returns the decision's lines, the blank one that ends it included
   * @throws VwTextError where the decision is not one: wrong lengths, a number that is not finite, …
   * @realtime unsafe
   */
  writeCbAdf(decision: LoggedDecision): string {
    this.#check(decision);
    const { action: chosen, nActions, probability } = decision;
    const shared = { label: { shared: true, costs: [] }, tag: '', namespaces: [this.#contextOf(decision)] };
    const actions: VwCbExample[] = [];
    for (let action = 0; action < nActions; action++) {
      const outcome = { cost: costOf(decision), probability };
      const costs = action === chosen ? [{ action, outcome }] : [];
      actions.push({ label: { shared: false, costs }, tag: '', namespaces: [this.#featuresOf(decision, action)] });
    }
    return writeDecision({ shared, actions, chosen });
  }

  /**
   * @returns one line, its line end included
   * @throws VwTextError, also where actions have features of their own
   * @realtime unsafe
   */
  writeCb(decision: LoggedDecision): string {
    this.#check(decision);
    if (this.#action.length > 0) throw new VwTextError(0, 'cb cannot carry features of actions; cb_adf can');
    const outcome = { cost: costOf(decision), probability: decision.probability };
    const label = { shared: false, costs: [{ action: decision.action + 1, outcome }] };
    return `${writeCb({ label, tag: '', namespaces: [this.#contextOf(decision)] })}\n`;
  }

  /**
   * A decision as `writeCbAdf` wrote it.
   *
   * @param decision from a `DecisionReader`
   * @param line for error messages
   * @returns the caller's; features that are left out are 0
   * @throws VwTextError where it has no outcome, or a namespace or a feature that is not among the names
   * @realtime unsafe
   */
  readCbAdf(decision: VwDecision, line = 1): LoggedDecision {
    const { shared, actions, chosen } = decision;
    const outcome = chosen < 0 ? undefined : actions[chosen].label.costs[0].outcome;
    if (outcome === undefined) throw new VwTextError(line, 'no action of the decision has a cost');
    const width = this.#action.length;
    const actionFeatures = new Float64Array(width * actions.length);
    for (const [action, { namespaces }] of actions.entries()) {
      const row = actionFeatures.subarray(action * width, (action + 1) * width);
      if (width > 0) readInto(row, namespaces, ACTION_NAMESPACE, this.#actionIndex, line);
      else expectAction(namespaces, action, line);
    }
    return {
      context: this.#contextIn(shared?.namespaces ?? [], line),
      action: chosen,
      nActions: actions.length,
      reward: 0 - outcome.cost,
      probability: outcome.probability,
      ...(width > 0 && { actionFeatures }),
    };
  }

  /**
   * A line as `writeCb` wrote it.
   *
   * @param nActions which the line does not say
   * @throws VwTextError where it has not exactly one outcome, of an action from 1 to `nActions`, or an unknown feature
   * @realtime unsafe
   */
  readCb(example: VwCbExample, nActions: number, line = 1): LoggedDecision {
    const [cost, second] = example.label.costs;
    if (cost?.outcome === undefined || second !== undefined) throw new VwTextError(line, 'not one cost');
    if (!(cost.action >= 1 && cost.action <= nActions)) {
      throw new VwTextError(line, `the action is from 1 to ${nActions}, not ${cost.action}`);
    }
    const context = this.#contextIn(example.namespaces, line);
    const { cost: amount, probability } = cost.outcome;
    return { context, action: cost.action - 1, nActions, reward: 0 - amount, probability };
  }

  /** Every decision of a cb_adf text. @throws VwTextError @realtime unsafe */
  parseCbAdf(text: string): LoggedDecision[] {
    const decisions: LoggedDecision[] = [];
    const reader = new DecisionReader((decision, line) => decisions.push(this.readCbAdf(decision, line)));
    for (const [index, line] of text.split('\n').entries()) reader.push(line, index + 1);
    reader.end();
    return decisions;
  }

  /** Every decision of a cb text. @throws VwTextError @realtime unsafe */
  parseCb(text: string, nActions: number): LoggedDecision[] {
    const decisions: LoggedDecision[] = [];
    for (const [index, line] of text.split('\n').entries()) {
      if (line !== '') decisions.push(this.readCb(parseCb(line, index + 1), nActions, index + 1));
    }
    return decisions;
  }

  #check({ context, action, nActions, reward, probability, actionFeatures }: LoggedDecision): void {
    if (!(Number.isInteger(nActions) && nActions >= 1)) throw new VwTextError(0, `no number of actions: ${nActions}`);
    if (!(Number.isInteger(action) && action >= 0 && action < nActions)) {
      throw new VwTextError(0, `the action is from 0 to ${nActions - 1}, not ${action}`);
    }
    if (!(probability > 0 && probability <= 1)) {
      throw new VwTextError(0, `the probability is above 0 and at most 1, not ${probability}`);
    }
    if (!Number.isFinite(reward)) throw new VwTextError(0, `the reward is a finite number, not ${reward}`);
    expectLength('context', context.length, this.#context.length);
    expectLength('actionFeatures', actionFeatures?.length ?? 0, this.#action.length * nActions);
  }

  #contextOf({ context }: LoggedDecision): VwNamespace {
    const features = this.#context.map((name, i) => ({ name, value: context[i] }));
    return { name: CONTEXT_NAMESPACE, scale: 1, features };
  }

  #featuresOf({ actionFeatures }: LoggedDecision, action: number): VwNamespace {
    const width = this.#action.length;
    const features: VwFeature[] =
      actionFeatures === undefined || width === 0
        ? [{ name: ACTION_FEATURE + action, value: 1 }]
        : this.#action.map((name, i) => ({ name, value: actionFeatures[action * width + i] }));
    return { name: ACTION_NAMESPACE, scale: 1, features };
  }

  #contextIn(namespaces: readonly VwNamespace[], line: number): Float64Array {
    const context = new Float64Array(this.#context.length);
    readInto(context, namespaces, CONTEXT_NAMESPACE, this.#contextIndex, line);
    return context;
  }
}

function costOf({ reward }: LoggedDecision): number {
  return 0 - reward;
}

function indexOf(names: readonly string[]): Map<string, number> {
  const index = new Map(names.map((name, i) => [name, i]));
  const twice = names.find((name, i) => index.get(name) !== i);
  if (twice !== undefined) throw new VwTextError(0, `two features are called ${JSON.stringify(unescapeName(twice))}`);
  return index;
}

function readInto(
  out: Float64Array,
  namespaces: readonly VwNamespace[],
  name: string,
  index: ReadonlyMap<string, number>,
  line: number,
): void {
  for (const namespace of namespaces) {
    if (namespace.name !== name) {
      throw new VwTextError(line, `namespace ${JSON.stringify(namespace.name)} instead of ${name}`);
    }
    for (const feature of namespace.features) {
      const at = index.get(feature.name);
      if (at === undefined || feature.text !== undefined) {
        throw new VwTextError(line, `no value is called ${JSON.stringify(feature.name)}`);
      }
      out[at] = namespace.scale * feature.value;
    }
  }
}

function expectAction(namespaces: readonly VwNamespace[], action: number, line: number): void {
  const [namespace, more] = namespaces;
  const [feature, another] = namespace?.features ?? [];
  const expected = ACTION_FEATURE + action;
  if (namespace?.name === ACTION_NAMESPACE && feature?.name === expected && !more && !another) return;
  throw new VwTextError(line, `action ${action} is written |${ACTION_NAMESPACE} ${expected}`);
}

function expectLength(what: string, length: number, expected: number): void {
  if (length !== expected) throw new VwTextError(0, `${what} has ${length} values where ${expected} have names`);
}

/**
 * A name that VW's text can hold, from any that is not empty.
 *
 * @throws VwTextError
 * @realtime unsafe
 */
export function escapeName(name: string): string {
  if (name === '' || /\p{Surrogate}/u.test(name)) {
    throw new VwTextError(0, `no feature can be called ${JSON.stringify(name)}`);
  }
  return name.replace(/[\p{White_Space}\p{Cc}|:%]/gu, (character) =>
    Array.from(
      new TextEncoder().encode(character),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join(''),
  );
}

/** What `escapeName` was given. @throws VwTextError where it was given nothing of the kind @realtime unsafe */
export function unescapeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new VwTextError(0, `${JSON.stringify(name)} is not an escaped name`);
  }
}
