import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noFaults } from '../../../sim/index.js';
import {
  type ExplainedDecision,
  explanationFigures,
  explanationText,
  nextBestOf,
} from '../../../src/cli/decision-explanation.js';
import { reasonName, reasonWords } from '../../../src/cli/decision-words.js';
import { contributionsOf, placeArgument } from '../../../src/cli/explain-command.js';
import { FlightRepeat } from '../../../src/cli/flight-repeat.js';
import { ACTION_COUNT, DecisionField, Driver, EXPLAINED } from '../../../src/memory/layout.js';
import { REASON_COUNT } from '../../../src/memory/reason.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import { decisionIn, type LoggedDecision } from '../../../src/telemetry/flight-log/log-decisions.js';
import { FlightLogReader } from '../../../src/telemetry/flight-log/log-reader.js';
import { logHeadlessRun } from '../../support/flight-recorder.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-explain-'));
const parameters = loadParameters([], { policy: 'linucb', random_seed: 7, controller_frequency: 20 });
let explainedLog: FlightLogReader;
let plainLog: FlightLogReader;
let chosen: LoggedDecision;
let idle: LoggedDecision;

beforeAll(async () => {
  const run = { parameters, faults: noFaults, episodes: 1 };
  explainedLog = new FlightLogReader(await logHeadlessRun(join(folder, 'a'), { ...run, explain: true }));
  plainLog = new FlightLogReader(await logHeadlessRun(join(folder, 'b'), run));
  const decisions = [...plainLog.messages({ topics: ['/rfsn/decision'] })].map(decisionIn);
  const driven = decisions.filter(({ record }) => record[DecisionField.driver] === Driver.policy);
  chosen = driven[driven.length - 1];
  idle = decisions.find(({ record }) => record[DecisionField.driver] !== Driver.policy) as LoggedDecision;
});
afterAll(() => {
  explainedLog.close();
  plainLog.close();
  rmSync(folder, { recursive: true, force: true });
});

const explainedOf = (decision: LoggedDecision, log: FlightLogReader): ExplainedDecision => ({
  decision,
  atS: 1.5,
  parameters,
  ...contributionsOf(log, decision.record[DecisionField.cycle], decision),
});

describe('the contributions of a decision', () => {
  it('are the log’s, or what repeating it gives, and these are the same to the precision of the log', () => {
    const logged = explainedOf(chosen, explainedLog);
    const repeated = explainedOf(chosen, plainLog);
    expect(logged.source).toBe('as the log has it');
    expect(repeated.source).toBe('as repeating the log gives it');
    expect(Float32Array.from(repeated.contributions ?? [])).toEqual(Float32Array.from(logged.contributions ?? []));
    for (let action = 0; action < ACTION_COUNT; action++) {
      let sum = 0;
      for (let i = 0; i < EXPLAINED; i++) sum += repeated.contributions?.[action * EXPLAINED + i] ?? Number.NaN;
      expect(sum).toBeCloseTo(chosen.record[DecisionField.values + action], 9);
    }
  });

  it('are of the decision that was asked for, also where it is the first of the log', () => {
    const repeat = new FlightRepeat(plainLog);
    expect(repeat.run(-1).state).toBe('asked');
    expect(repeat.repeated).toBe(0);
    expect(repeat.run(0).state).toBe('asked');
    expect(repeat.repeated).toBe(1);
    expect(repeat.recorded[DecisionField.cycle]).toBe(0);
  });

  it('are none where the policy did not choose, and that is said', () => {
    const explained = explainedOf(idle, plainLog);
    expect(explained.contributions).toBeNull();
    expect(explanationText(explained, 80)).toContain(
      'There are no contributions: the policy did not choose in this cycle.',
    );
    expect(explanationFigures(explained)).toMatchObject({ contributions: false, next_best: -1 });
  });
});

describe('an explanation as text', () => {
  it.each([80, 120])('fits %i columns, has every feature, and the largest effect first', (columns) => {
    const text = explanationText(explainedOf(chosen, plainLog), columns);
    const lines = text.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    for (const name of ['position_x', 'obstacle_7', 'goal_bearing', 'contact_right', 'rest', 'sum'])
      expect(text).toContain(name);
    const [first, second] = explanationFigures(explainedOf(chosen, plainLog))['features'] as {
      name: string;
      effect: number;
    }[];
    expect(Math.abs(first.effect)).toBeGreaterThanOrEqual(Math.abs(second.effect));
    const table = lines.slice(lines.findIndex((line) => line.startsWith('feature')) + 1);
    expect(table[0].startsWith(first.name)).toBe(true);
    expect(table[1].startsWith(second.name)).toBe(true);
  });

  it('names the chosen direction, who chose, and safety’s reason in words', () => {
    const { record } = chosen;
    const text = explanationText(explainedOf(chosen, plainLog), 80);
    expect(text).toContain(`decision  #${record[DecisionField.cycle]}, 1.500 s into the log`);
    expect(text).toContain('by        the policy linucb');
    expect(text).toContain(`chose     ${record[DecisionField.action]} (`);
    expect(text).toContain(reasonWords(record[DecisionField.reason]));
    expect(text).toContain(`* ${record[DecisionField.action]} `);
    expect(text).toContain(`+ ${nextBestOf(record)} `);
  });

  it('has words for every reason', () => {
    const words = new Set(Array.from({ length: REASON_COUNT }, (_, reason) => reasonWords(reason)));
    expect(words.size).toBe(REASON_COUNT);
    expect([...words].filter((text) => text.includes('does not know'))).toEqual([]);
    expect(reasonWords(REASON_COUNT)).toContain('does not know');
    expect(reasonName(REASON_COUNT)).toBe('');
  });
});

describe('--at', () => {
  it('takes seconds, a cycle or a time, and nothing else', () => {
    expect(placeArgument('2.5')).toEqual({ seconds: 2.5 });
    expect(placeArgument('#17')).toEqual({ cycle: 17 });
    expect(() => placeArgument('9'.repeat(400))).toThrow('Allowed: seconds');
    expect(placeArgument('2026-11-21T17:00:00Z')).toEqual({ unixMs: 1_795_280_400_000 });
    for (const text of ['', '-1', '#', '#-1', 'noon', '2026-13-41', '1e999'])
      expect(() => placeArgument(text)).toThrow('Allowed');
  });
});
