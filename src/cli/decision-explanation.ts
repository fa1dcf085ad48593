/** One decision with what each feature added to each direction's value, as figures and as a text for a terminal. Pure. */
import { FEATURES } from '../features/extraction.js';
import { ACTION_COUNT, CONTEXT_DIM, DecisionField, Driver, EXPLAINED } from '../memory/layout.js';
import type { ParameterValues } from '../parameters/schema.js';
import type { LoggedDecision } from '../telemetry/flight-log/log-decisions.js';
import {
  DIRECTION_WORDS,
  DRIVER_NAMES,
  driverWords,
  reasonName,
  reasonWords,
  whyNotAllowed,
} from './decision-words.js';

/** Narrower terminals get the features and their contributions in two tables. */
const WIDE_COLUMNS = 119;

/** Name of what of a value comes from no feature alone. */
const REST = 'rest';

export interface ExplainedDecision {
  readonly decision: LoggedDecision;
  /** Since the log's first message [s]. */
  readonly atS: number;
  readonly parameters: ParameterValues;
  /** Direction after direction, `EXPLAINED` numbers each; null where there are none. */
  readonly contributions: Float64Array | null;
  /** Where they come from, or why there are none. */
  readonly source: string;
}

/** One feature, or the rest. */
interface Row {
  readonly name: string;
  readonly unit: string;
  /** NaN for the rest. */
  readonly raw: number;
  readonly scaled: number;
  /** To each direction; empty where there are none. */
  readonly contributions: readonly number[];
  /** What it adds to the chosen direction's value less what it adds to the next best's; NaN where there is neither. */
  readonly effect: number;
}

/** The best direction that was allowed beside the chosen one, or of all where no other was; -1 where nothing was chosen. */
export function nextBestOf(record: Float64Array): number {
  const chosen = record[DecisionField.action];
  if (chosen < 0 || record[DecisionField.driver] !== Driver.policy) return -1;
  for (const onlyAllowed of [true, false]) {
    let best = -1;
    for (let action = 0; action < ACTION_COUNT; action++) {
      const allowed = (record[DecisionField.allowed] & (1 << action)) !== 0;
      if (action === chosen || (onlyAllowed && !allowed)) continue;
      if (best < 0 || record[DecisionField.values + action] > record[DecisionField.values + best]) best = action;
    }
    if (best >= 0) return best;
  }
  return -1;
}

/** Features by how much they speak for the chosen direction or against it; where nobody says, in their own order. */
function rowsOf({ decision, contributions }: ExplainedDecision): Row[] {
  const { record } = decision;
  const chosen = record[DecisionField.action];
  const other = nextBestOf(record);
  const of = (action: number, i: number) => (contributions as Float64Array)[action * EXPLAINED + i];
  const rows: Row[] = [];
  for (let i = 0; i < EXPLAINED; i++) {
    const feature = FEATURES[i];
    if (feature === undefined && contributions === null) continue;
    rows.push({
      name: feature?.name ?? REST,
      unit: feature?.unit ?? '',
      raw: i < CONTEXT_DIM ? record[DecisionField.raw + i] : Number.NaN,
      scaled: i < CONTEXT_DIM ? record[DecisionField.scaled + i] : Number.NaN,
      contributions: contributions === null ? [] : Array.from({ length: ACTION_COUNT }, (_, action) => of(action, i)),
      effect: contributions === null || other < 0 ? Number.NaN : of(chosen, i) - of(other, i),
    });
  }
  return rows.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect) || 0);
}

function reachOf(p: ParameterValues): { way: number; outline: number } {
  return {
    way: p['steering.passable_distance'],
    outline: Math.hypot(p['robot.length'], p['robot.width']) / 2,
  };
}

/** For `--json`. */
export function explanationFigures(explained: ExplainedDecision): Record<string, unknown> {
  const { decision, atS, parameters, contributions, source } = explained;
  const { record } = decision;
  const reach = reachOf(parameters);
  const chosen = record[DecisionField.action];
  return {
    cycle: record[DecisionField.cycle],
    time: new Date(Number(decision.beganNs / 1_000_000n)).toISOString(),
    at_s: atS,
    policy: decision.policy,
    updates: record[DecisionField.updates],
    action: chosen,
    next_best: nextBestOf(record),
    probability: record[DecisionField.probability],
    driver: DRIVER_NAMES[record[DecisionField.driver]] ?? '',
    reason: reasonName(record[DecisionField.reason]),
    reason_text: reasonWords(record[DecisionField.reason]),
    command: {
      vx: record[DecisionField.commandVx],
      vy: record[DecisionField.commandVy],
      yaw_rate: record[DecisionField.commandYawRate],
    },
    pose: {
      x: record[DecisionField.poseX],
      y: record[DecisionField.poseY],
      yaw: record[DecisionField.poseYaw],
    },
    goal: { x: record[DecisionField.goalX], y: record[DecisionField.goalY], count: record[DecisionField.goalCount] },
    reward: record[DecisionField.reward],
    rewarded_cycle: record[DecisionField.rewardedCycle],
    lateness_s: record[DecisionField.latenessNs] * 1e-9,
    compute_s: record[DecisionField.computeNs] * 1e-9,
    directions: Array.from({ length: ACTION_COUNT }, (_, action) => {
      const why = whyNotAllowed(record, action, reach);
      return {
        action,
        degrees: action * 45,
        value: record[DecisionField.values + action],
        probability: record[DecisionField.distribution + action],
        allowed: why === '',
        why_not: why,
      };
    }),
    contributions: contributions !== null,
    contributions_from: source,
    features: rowsOf(explained),
  };
}

/** For a terminal of so many columns, 80 at the least. */
export function explanationText(explained: ExplainedDecision, columns: number): string {
  const { decision, atS, contributions, source } = explained;
  const { record } = decision;
  const chosen = record[DecisionField.action];
  const lines: string[] = [];
  const row = (name: string, value: string) => lines.push(`${name.padEnd(10)}${value}`);
  const time = new Date(Number(decision.beganNs / 1_000_000n)).toISOString();
  row('decision', `#${record[DecisionField.cycle]}, ${atS.toFixed(3)} s into the log, ${time}`);
  row('by', driverWords(record[DecisionField.driver], decision.policy));
  if (chosen >= 0) {
    const certain = record[DecisionField.driver] === Driver.policy;
    const probability = certain ? `, with probability ${record[DecisionField.probability].toPrecision(3)}` : '';
    row('chose', `${chosen} (${chosen * 45}°, ${DIRECTION_WORDS[chosen]})${probability}`);
  }
  row('safety', `${reasonWords(record[DecisionField.reason])} (${reasonName(record[DecisionField.reason])})`);
  const velocity = [DecisionField.commandVx, DecisionField.commandVy].map((field) => record[field].toFixed(3));
  row('command', `${velocity.join(', ')} m/s, ${record[DecisionField.commandYawRate].toFixed(3)} rad/s`);
  const late = (record[DecisionField.latenessNs] * 1e-6).toFixed(3);
  const compute = (record[DecisionField.computeNs] * 1e-6).toFixed(3);
  const missed = record[DecisionField.miss] === 0 ? '' : ', and missed its deadline';
  row(
    'time',
    `${late} ms late, ${compute} ms to the command${missed}; ${record[DecisionField.updates]} updates so far`,
  );
  lines.push('', ...directionLines(explained), '');
  const rows = rowsOf(explained);
  const wide = columns >= WIDE_COLUMNS;
  if (contributions === null) {
    lines.push(`There are no contributions: ${source}.`, '', ...featureLines(rows, false, []));
  } else {
    const other = nextBestOf(record);
    lines.push(`What each feature added to each value, ${source}.`);
    lines.push(`Effect: on ${chosen}, which was chosen (*), less that on ${other}, the next best (+).`, '');
    const marks = Array.from({ length: ACTION_COUNT }, (_, action) =>
      action === chosen ? `${action}*` : action === other ? `${action}+` : String(action),
    );
    lines.push(...featureLines(rows, true, wide ? marks : []));
    if (!wide) lines.push('', ...contributionLines(rows, marks));
  }
  return `${lines.map((line) => line.replace(/\p{Cc}/gu, '?').trimEnd()).join('\n')}\n`;
}

function directionLines({ decision, parameters }: ExplainedDecision): string[] {
  const { record } = decision;
  const chosen = record[DecisionField.action];
  const other = nextBestOf(record);
  const lines = ['  direction              value probability  not allowed because'];
  for (let action = 0; action < ACTION_COUNT; action++) {
    const mark = action === chosen ? '*' : action === other ? '+' : ' ';
    const name = `${mark} ${action} ${`${action * 45}°`.padStart(4)} ${DIRECTION_WORDS[action]}`.padEnd(21);
    const value = record[DecisionField.values + action];
    const probability = record[DecisionField.distribution + action];
    const why = whyNotAllowed(record, action, reachOf(parameters));
    lines.push(`${name}${cell(value, 9)}${cell(probability, 12)}  ${why}`);
  }
  return lines;
}

/** @param marks heads of the columns of contributions; none where they have a table of their own */
function featureLines(rows: readonly Row[], effects: boolean, marks: readonly string[]): string[] {
  const heads = `${'feature'.padEnd(15)}${'unit'.padEnd(5)}${'raw'.padStart(9)}${'scaled'.padStart(8)}`;
  const lines = [`${heads}${effects ? 'effect'.padStart(9) : ''}${marks.map((mark) => mark.padStart(9)).join('')}`];
  for (const { name, unit, raw, scaled, effect, contributions } of rows) {
    const first = `${name.padEnd(15)}${unit.padEnd(5)}${cell(raw, 9)}${cell(scaled, 8)}`;
    const added = marks.length === 0 ? '' : contributions.map((value) => cell(value, 9)).join('');
    lines.push(`${first}${effects ? cell(effect, 9) : ''}${added}`);
  }
  if (marks.length > 0) lines.push(`${'sum'.padEnd(46)}${sums(rows, 9)}`);
  return lines;
}

function contributionLines(rows: readonly Row[], marks: readonly string[]): string[] {
  const lines = [`${'feature'.padEnd(15)}${marks.map((mark) => mark.padStart(8)).join('')}`];
  for (const { name, contributions } of rows) {
    lines.push(`${name.padEnd(15)}${contributions.map((value) => cell(value, 8)).join('')}`);
  }
  lines.push(`${'sum'.padEnd(15)}${sums(rows, 8)}`);
  return lines;
}

function sums(rows: readonly Row[], width: number): string {
  return Array.from({ length: ACTION_COUNT }, (_, action) =>
    cell(
      rows.reduce((sum, { contributions }) => sum + contributions[action], 0),
      width,
    ),
  ).join('');
}

/** A number in so many characters with a space before it: as many decimals as there is room for, at most four. */
function cell(value: number, width: number): string {
  if (Number.isNaN(value)) return '-'.padStart(width);
  if (!Number.isFinite(value)) return (value > 0 ? 'inf' : '-inf').padStart(width);
  for (let decimals = 4; decimals >= 0; decimals--) {
    const text = value.toFixed(decimals).replace(/^-(0(?:\.0*)?)$/, '$1');
    if (text.length < width) return text.padStart(width);
  }
  return value.toExponential(1).padStart(width);
}
