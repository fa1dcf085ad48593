/**
 * Vowpal Wabbit's text format: one example a line, in memory and back. `parseSimple(writeSimple(x))` is `x`, and so
 * for `cb`.
 *
 *     [label [importance [base]]] [tag]|namespace[:scale] name[:value] name[:value] |namespace …
 *
 * Where VW warns and goes on with a guess (a number it cannot read becomes 0, a probability above 1 becomes 1), this
 * refuses the line. Three of VW's habits are kept, since files rely on them: what stands before a tab in the label
 * part is dropped; the last word of the label part is the tag if it touches the bar or starts with an apostrophe;
 * `name:text` is a feature whose value, 1, belongs to the pair.
 *
 * Format: https://github.com/VowpalWabbit/vowpal_wabbit/wiki/Input-format
 */
import { quoted, VwTextError } from './text-error.js';

/** One feature as it is written. */
export interface VwFeature {
  /** '' where the feature has only a value: it is then known by its place among the nameless of its namespace. */
  readonly name: string;
  /** As written, without the namespace's scale. 1 where it is left out. VW ignores a feature of value 0. */
  readonly value: number;
  /** A categorical value, `name:text`; `value` is then 1, which the namespace's scale leaves alone. */
  readonly text?: string;
}

export interface VwNamespace {
  /** '' for the namespace without a name. Interactions (`-q`) know a namespace by its first character alone. */
  readonly name: string;
  /** Every numeric value in the namespace is multiplied by it. 1 where it is left out. */
  readonly scale: number;
  readonly features: readonly VwFeature[];
}

export interface VwSimpleLabel {
  readonly value: number;
  /** Importance weight, at least 0. */
  readonly weight: number;
  /** A base that the prediction starts from. */
  readonly initial: number;
}

/** One `action[:cost:probability]`. */
export interface VwCost {
  /** Counted from 1 in `cb`; in `cb_adf` the line's place says which action it is and this says nothing. */
  readonly action: number;
  /** The outcome, where this action was taken. */
  readonly outcome?: { readonly cost: number /** In (0, 1]. */; readonly probability: number };
}

export interface VwCbLabel {
  /** The line carries the features that every action of the decision shares (`cb_adf`). */
  readonly shared: boolean;
  readonly costs: readonly VwCost[];
}

interface VwLine {
  readonly tag: string;
  readonly namespaces: readonly VwNamespace[];
}

export interface VwSimpleExample extends VwLine {
  /** undefined where there is none: predict only. */
  readonly label: VwSimpleLabel | undefined;
}

export interface VwCbExample extends VwLine {
  readonly label: VwCbLabel;
}

/** One decision with features per action (`cb_adf`). */
export interface VwDecision {
  readonly shared: VwCbExample | undefined;
  /** At least one. */
  readonly actions: readonly VwCbExample[];
  /** Which action's line carries the outcome; -1 where none does. */
  readonly chosen: number;
}

/** What a text may not exceed, so that a file of any size is read in bounded memory. */
export const VW_TEXT_LIMITS = {
  lineBytes: 16 * 2 ** 20,
  featuresPerLine: 2 ** 20,
  actionsPerDecision: 2 ** 16,
} as const;

/** VW keeps numbers as 32-bit floats, and takes the largest as "no label". */
const MAX_NUMBER = 3.4e38;
const MAX_ACTION = 0xffff_ffff;

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** What VW's number reader takes at least in part: as a categorical value it would mean something else to VW. */
const NUMBER_LIKE = /^(?:[+-]?(?:\d|\.\d|inf|nan)|-?\.?(?:[eE]-?\d*)?$)/i;
/** Characters that end a name in VW's text, or a line. */
const RESERVED = /[ \t\r\n|:]/;
const SURROGATE = /\p{Surrogate}/u;

const SPACE = 32;
const TAB = 9;
const BAR = 124;
const COLON = 58;

/**
 * One line with a plain label.
 *
 * @param text without its line end; a line that is blank is no example, and must not come here
 * @param line for error messages, counted from 1
 * @throws VwTextError
 * @realtime unsafe
 */
export function parseSimple(text: string, line = 1): VwSimpleExample {
  const bar = text.indexOf('|');
  const { words, tag } = labelPart(text, bar, line);
  let label: VwSimpleLabel | undefined;
  if (words.length > 3) {
    throw new VwTextError(
      line,
      `a label has at most label, importance and base, but here is ${quoted(words.join(' '))}`,
    );
  }
  if (words.length > 0) {
    const value = number(words[0], 'the label', line);
    const weight = words.length > 1 ? number(words[1], 'the importance', line) : 1;
    if (weight < 0) throw new VwTextError(line, `the importance is at least 0, not ${words[1]}`);
    label = { value, weight, initial: words.length > 2 ? number(words[2], 'the base', line) : 0 };
  }
  return { label, tag, namespaces: namespacesOf(text, bar, line) };
}

/**
 * One line of `cb` or `cb_adf`: `action`, `action:cost:probability`, several of them (`cb`), `shared`, or no label.
 *
 * @throws VwTextError
 * @realtime unsafe
 */
export function parseCb(text: string, line = 1): VwCbExample {
  const bar = text.indexOf('|');
  const { words, tag } = labelPart(text, bar, line);
  const shared = words.length === 1 && words[0] === 'shared';
  const costs = shared ? [] : words.map((word) => costOf(word, line));
  return { label: { shared, costs }, tag, namespaces: namespacesOf(text, bar, line) };
}

function costOf(word: string, line: number): VwCost {
  const parts = word.split(':');
  if (parts[0] === 'shared') throw new VwTextError(line, `"shared" stands alone, but here is ${quoted(word)}`);
  const action = /^\d+$/.test(parts[0]) ? Number(parts[0]) : Number.NaN;
  if (!(action <= MAX_ACTION)) throw new VwTextError(line, `an action is a whole number, not ${quoted(parts[0])}`);
  if (parts.length === 1) return { action };
  if (parts.length !== 3) {
    throw new VwTextError(line, `a cost is written action:cost:probability, not ${quoted(word)}`);
  }
  const cost = number(parts[1], 'the cost', line);
  const probability = number(parts[2], 'the probability', line);
  if (!(probability > 0 && probability <= 1)) {
    throw new VwTextError(line, `the probability is above 0 and at most 1, not ${parts[2]}`);
  }
  return { action, outcome: { cost, probability } };
}

/** The words before the first bar, without the tag. */
function labelPart(text: string, bar: number, line: number): { words: string[]; tag: string } {
  let part = bar < 0 ? text : text.slice(0, bar);
  if (part.includes('\r')) throw new VwTextError(line, 'a carriage return within the line');
  const tab = part.indexOf('\t');
  if (tab >= 0) {
    part = part.slice(tab + 1);
    if (part.includes('\t')) throw new VwTextError(line, 'two tabs in the label part');
  }
  const words = part.split(' ').filter((word) => word !== '');
  const last = words.at(-1);
  if (last === undefined || !(part.endsWith(last) || last.startsWith("'"))) return { words, tag: '' };
  words.pop();
  return { words, tag: last.startsWith("'") ? last.slice(1) : last };
}

/** A cursor over one line: the parts of a namespace are read in turn. */
class Cursor {
  at = 0;
  features = 0;

  constructor(
    readonly text: string,
    readonly line: number,
  ) {}

  /** Reads up to a space, tab, bar or, where asked, colon. */
  word(stopAtColon: boolean): string {
    const from = this.at;
    const { text } = this;
    let at = from;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === SPACE || code === TAB || code === BAR || (stopAtColon && code === COLON)) break;
    }
    this.at = at;
    return text.slice(from, at);
  }

  /** What is left of a text, in which VW takes a bar for a character like any other. */
  rest(): string {
    const from = this.at;
    while (this.at < this.text.length && !this.is(SPACE) && !this.is(TAB)) this.at++;
    return this.text.slice(from, this.at);
  }

  is(code: number): boolean {
    return this.at < this.text.length && this.text.charCodeAt(this.at) === code;
  }
}

function namespacesOf(text: string, bar: number, line: number): VwNamespace[] {
  const namespaces: VwNamespace[] = [];
  if (bar < 0) return namespaces;
  if (text.indexOf('\r', bar) >= 0) throw new VwTextError(line, 'a carriage return within the line');
  const cursor = new Cursor(text, line);
  cursor.at = bar;
  while (cursor.is(BAR)) {
    cursor.at++;
    const namespace = namespaceAt(cursor);
    // A bare bar says nothing.
    if (namespace.name !== '' || namespace.features.length > 0) namespaces.push(namespace);
  }
  return namespaces;
}

function namespaceAt(cursor: Cursor): VwNamespace {
  const name = cursor.word(true);
  let scale = 1;
  if (cursor.is(COLON)) {
    if (name === '') throw new VwTextError(cursor.line, 'a namespace has a name before its scale');
    cursor.at++;
    scale = number(cursor.word(false), `the scale of namespace ${quoted(name)}`, cursor.line);
  }
  const features: VwFeature[] = [];
  while (cursor.at < cursor.text.length && !cursor.is(BAR)) {
    // What is left here is a space or a tab.
    cursor.at++;
    const feature = featureAt(cursor);
    if (feature === undefined) continue;
    features.push(feature);
    if (++cursor.features > VW_TEXT_LIMITS.featuresPerLine) {
      throw new VwTextError(cursor.line, `more than ${VW_TEXT_LIMITS.featuresPerLine} features`);
    }
  }
  return { name, scale, features };
}

function featureAt(cursor: Cursor): VwFeature | undefined {
  const name = cursor.word(true);
  if (!cursor.is(COLON)) return name === '' ? undefined : { name, value: 1 };
  cursor.at++;
  const word = cursor.word(false);
  if (word === '') throw new VwTextError(cursor.line, `feature ${quoted(name)} has a colon and no value`);
  const value = numberIn(word);
  if (!Number.isNaN(value)) return { name, value };
  if (NUMBER_LIKE.test(word)) throw noNumber(`the value of feature ${quoted(name)}`, word, cursor.line);
  return { name, value: 1, text: word + cursor.rest() };
}

function number(word: string, what: string, line: number): number {
  const value = numberIn(word);
  if (Number.isNaN(value)) throw noNumber(what, word, line);
  return value;
}

/** NaN where the word is no number that a 32-bit float can hold. */
function numberIn(word: string): number {
  const value = NUMBER.test(word) ? Number(word) : Number.NaN;
  return Math.abs(value) <= MAX_NUMBER ? value : Number.NaN;
}

function noNumber(what: string, word: string, line: number): VwTextError {
  return new VwTextError(line, `${what} is a number, not ${quoted(word)}`);
}

/**
 * One example as a line, without a line end.
 *
 * @throws VwTextError where a name, a tag or a number cannot be carried by the format
 * @realtime unsafe
 */
export function writeSimple(example: VwSimpleExample): string {
  const { label } = example;
  const words: string[] = [];
  if (label !== undefined) {
    words.push(numberText(label.value, 'the label'));
    const hasBase = !Object.is(label.initial, 0);
    if (label.weight !== 1 || hasBase) {
      if (label.weight < 0) throw new VwTextError(0, `the importance is at least 0, not ${label.weight}`);
      words.push(numberText(label.weight, 'the importance'));
    }
    if (hasBase) words.push(numberText(label.initial, 'the base'));
  }
  return writeLine(words, example);
}

/**
 * One line of `cb` or `cb_adf`, without a line end.
 *
 * @throws VwTextError
 * @realtime unsafe
 */
export function writeCb(example: VwCbExample): string {
  const { shared, costs } = example.label;
  if (shared && costs.length > 0) throw new VwTextError(0, 'a shared line has no cost');
  const words = shared ? ['shared'] : costs.map(costText);
  return writeLine(words, example);
}

/**
 * One decision as lines, the blank line that ends it included.
 *
 * @throws VwTextError
 * @realtime unsafe
 */
export function writeDecision(decision: VwDecision): string {
  const lines = decision.actions.map(writeCb);
  if (decision.shared !== undefined) lines.unshift(writeCb(decision.shared));
  return `${lines.join('\n')}\n\n`;
}

function costText({ action, outcome }: VwCost): string {
  if (!(Number.isInteger(action) && action >= 0 && action <= MAX_ACTION)) {
    throw new VwTextError(0, `an action is a whole number, not ${action}`);
  }
  if (outcome === undefined) return String(action);
  if (!(outcome.probability > 0 && outcome.probability <= 1)) {
    throw new VwTextError(0, `the probability is above 0 and at most 1, not ${outcome.probability}`);
  }
  return `${action}:${numberText(outcome.cost, 'the cost')}:${numberText(outcome.probability, 'the probability')}`;
}

function writeLine(words: readonly string[], { tag, namespaces }: VwLine): string {
  let text = words.length === 0 ? '' : `${words.join(' ')} `;
  if (tag !== '') {
    if (/[ \t\r\n|]/.test(tag) || SURROGATE.test(tag)) throw new VwTextError(0, `no tag can be ${quoted(tag)}`);
    text += `'${tag}`;
  }
  if (namespaces.length === 0) return `${text}|`;
  for (const [index, namespace] of namespaces.entries()) text += `${index === 0 ? '' : ' '}${namespaceText(namespace)}`;
  return text;
}

function namespaceText({ name, scale, features }: VwNamespace): string {
  let text = `|${nameText(name, 'namespace')}`;
  if (scale !== 1) {
    if (name === '') throw new VwTextError(0, 'the namespace without a name has no scale');
    text += `:${numberText(scale, 'a scale')}`;
  }
  for (const feature of features) {
    text += ` ${nameText(feature.name, 'feature')}`;
    if (feature.text !== undefined) text += `:${categoryText(feature)}`;
    else if (feature.value !== 1 || feature.name === '') text += `:${numberText(feature.value, 'a value')}`;
  }
  return text;
}

function nameText(name: string, what: string): string {
  if (RESERVED.test(name) || SURROGATE.test(name)) throw new VwTextError(0, `no ${what} can be called ${quoted(name)}`);
  return name;
}

function categoryText({ text = '', value }: VwFeature): string {
  if (value !== 1) throw new VwTextError(0, `the value of a feature with a text is 1, not ${value}`);
  // The reader looks for a number before a bar.
  if (/[ \t\r\n]/.test(text) || SURROGATE.test(text) || NUMBER_LIKE.test(text.split('|', 1)[0])) {
    throw new VwTextError(0, `no feature's text can be ${quoted(text)}`);
  }
  return text;
}

function numberText(value: number, what: string): string {
  if (!(Math.abs(value) <= MAX_NUMBER)) throw new VwTextError(0, `${what} is a finite number, not ${value}`);
  return Object.is(value, -0) ? '-0' : String(value);
}
