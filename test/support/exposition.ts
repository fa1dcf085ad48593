/**
 * A strict reader of Prometheus' text format 0.0.4, by its specification: what a scraper could take amiss is refused. Any
 * fault throws with the line.
 */

export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ExposedFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly help: string;
  readonly samples: ExposedSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary'];
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

function refuse(why: string, line: string): never {
  throw new Error(`${why}: ${line}`);
}

function numberOf(text: string, line: string): number {
  if (!NUMBER.test(text)) refuse('not a number', line);
  if (text.endsWith('Inf')) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

/** Reads `{a="b",…}` from `start` on. @returns the labels and where they end */
function labelsOf(line: string, start: number): [Record<string, string>, number] {
  const labels: Record<string, string> = {};
  let at = start + 1;
  while (line[at] !== '}') {
    const equals = line.indexOf('=', at);
    const name = line.slice(at, equals);
    if (!LABEL.test(name) || name.startsWith('__')) refuse('not the name of a label', line);
    if (name in labels) refuse('a label twice', line);
    if (line[equals + 1] !== '"') refuse('a label’s value without quotes', line);
    let value = '';
    at = equals + 2;
    for (; line[at] !== '"'; at++) {
      if (at >= line.length) refuse('a label’s value without an end', line);
      if (line[at] !== '\\') value += line[at];
      else {
        at++;
        const escaped = { '\\': '\\', '"': '"', n: '\n' }[line[at]];
        if (escaped === undefined) refuse('an escape that there is not', line);
        value += escaped;
      }
    }
    labels[name] = value;
    at++;
    if (line[at] === ',') at++;
    else if (line[at] !== '}') refuse('no comma between labels', line);
  }
  return [labels, at + 1];
}

function sampleOf(line: string): ExposedSample {
  const brace = line.indexOf('{');
  const space = line.indexOf(' ');
  const named = brace >= 0 && brace < space ? brace : space;
  const name = line.slice(0, named);
  if (!NAME.test(name)) refuse('not the name of a metric', line);
  const [labels, end] = named === brace ? labelsOf(line, brace) : [{}, named];
  if (line[end] !== ' ') refuse('no single space before the value', line);
  return { name, labels, value: numberOf(line.slice(end + 1), line) };
}

const SUFFIXES = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

/** Labels but for one, as a key. */
function keyOf(labels: Readonly<Record<string, string>>, without = ''): string {
  return JSON.stringify(
    Object.entries(labels)
      .filter(([name]) => name !== without)
      .sort(),
  );
}

/** @throws Error at anything that the format does not allow, or that no metric of its type may show */
export function parseExposition(text: string): Map<string, ExposedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, ExposedFamily>();
  let help: { name: string; text: string } | null = null;
  let family: ExposedFamily | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    if (line.startsWith('# HELP ')) {
      const [, name, words] = /^# HELP (\S+) (.+)$/.exec(line) ?? refuse('no help', line);
      if (/\\(?![\\n])/.test(words)) refuse('an escape that there is not', line);
      help = { name, text: words };
    } else if (line.startsWith('# TYPE ')) {
      const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? refuse('no type', line);
      if (!NAME.test(name) || !TYPES.includes(type)) refuse('no type', line);
      if (help?.name !== name) refuse('no help before the type', line);
      if (families.has(name)) refuse('a family twice', line);
      family = { name, type: type as ExposedFamily['type'], help: help.text, samples: [] };
      families.set(name, family);
    } else {
      const sample = sampleOf(line);
      if (family === null) refuse('a sample before any type', line);
      const { name, type, samples } = family;
      if (!SUFFIXES[type].some((suffix) => sample.name === name + suffix)) refuse(`no sample of ${name}`, line);
      const key = sample.name + keyOf(sample.labels);
      if (samples.some((other) => other.name + keyOf(other.labels) === key)) refuse('a sample twice', line);
      if (type === 'counter' && !(sample.value >= 0)) refuse('a counter below 0', line);
      samples.push(sample);
    }
  }
  for (const each of families.values()) if (each.type === 'histogram') checkHistogram(each);
  return families;
}

function checkHistogram({ name, samples }: ExposedFamily): void {
  const series = new Set(samples.map(({ labels }) => keyOf(labels, 'le')));
  for (const key of series) {
    const own = samples.filter(({ labels }) => keyOf(labels, 'le') === key);
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const edges = buckets.map(({ labels }) =>
      labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']),
    );
    for (let i = 0; i < buckets.length; i++) {
      if (!(i === 0 || edges[i] > edges[i - 1])) refuse('edges that do not rise', `${name} ${key} ${edges}`);
      if (!(i === 0 || buckets[i].value >= buckets[i - 1].value)) refuse('counts that fall', `${name} ${key}`);
    }
    if (edges[edges.length - 1] !== Number.POSITIVE_INFINITY) refuse('no open bucket', `${name} ${key}`);
    const count = own.find((sample) => sample.name === `${name}_count`)?.value;
    if (count !== buckets[buckets.length - 1].value) refuse('a count that is not that of all', `${name} ${key}`);
    if (!own.some((sample) => sample.name === `${name}_sum`)) refuse('no sum', `${name} ${key}`);
  }
}

/** The value of one sample. @throws Error where there is none */
export function sampleValue(
  families: Map<string, ExposedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const key = keyOf(labels);
  for (const { samples } of families.values()) {
    for (const sample of samples) if (sample.name === name && keyOf(sample.labels) === key) return sample.value;
  }
  throw new Error(`no ${name} ${key}`);
}
