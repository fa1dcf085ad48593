/**
 * Decisions of a bandit as comma-separated values with a header, and back.
 *
 *     speed,clear,action,actions,reward,probability
 *     0.5,1,1,8,0.25,0.8
 *
 * Columns, in this order: every feature that all actions share, by its name; where actions have features of their own,
 * `NAME@K` for each of action K, action after action; the action taken, from 0; how many there were; what it earned; the
 * probability with which it was chosen. Numbers are written so that reading them gives the same 64 bits. Names that hold a
 * comma or a quotation mark stand in quotation marks, doubled inside, as in RFC 4180.
 */
import type { DecisionNames, LoggedDecision } from '../vw/decision-text.js';
import { VW_TEXT_LIMITS } from '../vw/text-format.js';

/** Actions that a decision may have: as many as in the other format, or a line could ask for any length of text. */
const MAX_ACTIONS = VW_TEXT_LIMITS.actionsPerDecision;
/** What stands behind the features. */
const OUTCOME = ['action', 'actions', 'reward', 'probability'] as const;
const ARM_COLUMN = /^(.+)@(\d+)$/s;

/** A line that is no decision, or names that no header can hold. */
export class DecisionCsvError extends Error {
  override readonly name = 'DecisionCsvError';

  /** @param line from 1; 0 where there is none */
  constructor(line: number, message: string) {
    super(line > 0 ? `line ${line}: ${message}` : message);
  }
}

/**
 * The header's line, its line end included.
 *
 * @throws DecisionCsvError where a name cannot be a column's
 * @realtime unsafe
 */
export function csvHeader(names: DecisionNames, nActions: number): string {
  const arms = names.action ?? [];
  for (const name of [...names.context, ...arms]) {
    const taken = (OUTCOME as readonly string[]).includes(name) || ARM_COLUMN.test(name) || /[\r\n]/.test(name);
    if (taken) throw new DecisionCsvError(0, `no column can be called ${JSON.stringify(name)}`);
  }
  const columns = [...names.context];
  for (let action = 0; action < nActions; action++) for (const name of arms) columns.push(`${name}@${action}`);
  return `${[...columns, ...OUTCOME].map(quote).join(',')}\n`;
}

/** One decision's line, its line end included. @realtime unsafe */
export function csvRow({ context, actionFeatures, action, nActions, reward, probability }: LoggedDecision): string {
  const features = [...Array.from(context), ...Array.from(actionFeatures ?? [])];
  return `${[...features, action, nActions, reward, probability].map(numberText).join(',')}\n`;
}

/** Reads what `csvHeader` and `csvRow` wrote. */
export class DecisionCsvReader {
  readonly names: DecisionNames;
  readonly #shared: number;
  readonly #columns: number;
  /** Actions of which there are features; 0 where they have none of their own. */
  readonly #armActions: number;

  /** @param header the first line @throws DecisionCsvError */
  constructor(header: string) {
    const columns = split(header, 1);
    const outcome = columns.slice(-OUTCOME.length);
    if (outcome.join() !== OUTCOME.join()) {
      throw new DecisionCsvError(
        1,
        `a header that ends with ${OUTCOME.join(',')} is expected, not ${outcome.join(',')}`,
      );
    }
    const features = columns.slice(0, -OUTCOME.length);
    const firstArm = features.findIndex((name) => ARM_COLUMN.test(name));
    this.#shared = firstArm < 0 ? features.length : firstArm;
    const arms = features.slice(this.#shared).map((name) => ARM_COLUMN.exec(name));
    const own = arms.filter((match) => match?.[2] === '0').map((match) => match?.[1] ?? '');
    this.#armActions = own.length === 0 ? 0 : arms.length / own.length;
    const inOrder = arms.every(
      (match, i) => match?.[1] === own[i % own.length] && Number(match?.[2]) === Math.floor(i / own.length),
    );
    if (!inOrder || !Number.isInteger(this.#armActions)) {
      throw new DecisionCsvError(1, 'features of actions are NAME@0 …, then NAME@1 …, the same for every action');
    }
    this.names = { context: features.slice(0, this.#shared), action: own };
    this.#columns = columns.length;
  }

  /**
   * @param text of one line
   * @param line its number, for errors
   * @throws DecisionCsvError where a value is no finite number, or the outcome none that a bandit can have had
   * @realtime unsafe
   */
  read(text: string, line: number): LoggedDecision {
    const fields = split(text, line);
    if (fields.length !== this.#columns) {
      throw new DecisionCsvError(line, `${fields.length} values where the header has ${this.#columns}`);
    }
    const numbers = fields.map((field, i) => {
      const value = field.trim() === '' ? Number.NaN : Number(field);
      if (!Number.isFinite(value)) throw new DecisionCsvError(line, `value ${i + 1} is ${JSON.stringify(field)}`);
      return value;
    });
    const [action, nActions, reward, probability] = numbers.slice(-OUTCOME.length);
    if (!(Number.isInteger(nActions) && nActions >= 1 && nActions <= MAX_ACTIONS)) {
      throw new DecisionCsvError(line, `the number of actions is from 1 to ${MAX_ACTIONS}, not ${nActions}`);
    }
    if (!(Number.isInteger(action) && action >= 0 && action < nActions)) {
      throw new DecisionCsvError(line, `the action is from 0 to ${nActions - 1}, not ${action}`);
    }
    if (!(probability > 0 && probability <= 1)) {
      throw new DecisionCsvError(line, `the probability is above 0 and at most 1, not ${probability}`);
    }
    if (this.#armActions > 0 && nActions !== this.#armActions) {
      throw new DecisionCsvError(line, `${nActions} actions where the header has features of ${this.#armActions}`);
    }
    const context = Float64Array.from(numbers.slice(0, this.#shared));
    const decision = { context, action, nActions, reward, probability };
    if (this.#armActions === 0) return decision;
    return { ...decision, actionFeatures: Float64Array.from(numbers.slice(this.#shared, -OUTCOME.length)) };
  }
}

/** Its 64 bits in text, -0 too. @realtime unsafe */
export function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function quote(name: string): string {
  return /[",]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

/** The values of a line, without their quotation marks. */
function split(text: string, line: number): string[] {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/gy;
  for (let more = true; more; ) {
    const match = field.exec(text);
    if (match === null) throw new DecisionCsvError(line, 'a quotation mark stands where none can');
    fields.push(match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'));
    more = match[3] === ',';
  }
  return fields;
}
