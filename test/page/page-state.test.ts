import { describe, expect, it } from 'vitest';
import { RecentDecisions, RecordFields, worthARow } from '../../src/dashboard/page/decisions.js';
import { axisPlace, barHeight, beyond } from '../../src/dashboard/page/lateness-axis.js';
import { movingSuccess } from '../../src/dashboard/page/moving-success.js';
import { PageState } from '../../src/dashboard/page/page-state.js';
import { Trail } from '../../src/dashboard/page/trail.js';
import { featureName, forbiddenNames, listed, plain, reasonSentence } from '../../src/dashboard/page/words.js';
import { FEATURES } from '../../src/features/extraction.js';
import { DECISION_DOUBLES, DecisionField } from '../../src/memory/layout.js';
import { REASON_LABELS } from '../../src/memory/reason.js';

const fields = new RecordFields({ fields: DecisionField, features: FEATURES });

function decision(cycle: number, rewardedCycle = Number.NaN, reward = Number.NaN): Float64Array {
  const record = new Float64Array(DECISION_DOUBLES);
  record[DecisionField.cycle] = cycle;
  record[DecisionField.rewardedCycle] = rewardedCycle;
  record[DecisionField.reward] = reward;
  return record;
}

describe('the record of a decision', () => {
  it('is read by the names that the controller gives its fields', () => {
    for (const [name, at] of Object.entries(fields)) {
      if (['obstacle', 'goalDistance', 'contact'].includes(name)) continue;
      expect(at, name).toBe(DecisionField[name as keyof typeof DecisionField]);
    }
    expect([fields.obstacle, fields.goalDistance, fields.contact]).toEqual([4, 14, 20]);
  });

  it('knows whether there was anything to choose', () => {
    const record = decision(1);
    record[DecisionField.action] = -1;
    expect(fields.chose(record)).toBe(false);
    record[DecisionField.action] = 7;
    expect(fields.chose(record)).toBe(true);
  });
});

describe('the last decisions', () => {
  it('are kept up to a number, each with the reward that came later', () => {
    const recent = new RecentDecisions(4, DECISION_DOUBLES, fields);
    for (let cycle = 0; cycle < 10; cycle++) recent.add(decision(cycle, cycle - 2, cycle / 10));
    expect(recent.length).toBe(4);
    expect([0, 1, 2, 3].map((age) => recent.record(age)[DecisionField.cycle])).toEqual([9, 8, 7, 6]);
    expect([0, 1, 2, 3].map((age) => recent.reward(age))).toEqual([Number.NaN, Number.NaN, 0.9, 0.8]);
  });
});

describe('the decisions that are listed', () => {
  const out = new Int32Array(48);
  const listed = (recent: RecentDecisions, opened = -1) =>
    Array.from(out.subarray(0, worthARow(recent, fields, 10, opened, out)), (age) => [
      recent.record(age)[DecisionField.cycle],
      recent.reward(age),
    ]);

  it('are one of each stretch, the first whose reward has come, where nothing changes', () => {
    const recent = new RecentDecisions(500, DECISION_DOUBLES, fields);
    for (let cycle = 0; cycle < 60; cycle++) recent.add(decision(cycle, cycle - 15, 0.5));
    expect(listed(recent)).toEqual([
      [50, Number.NaN],
      [40, 0.5],
      [30, 0.5],
      [20, 0.5],
      [10, 0.5],
      [0, 0.5],
    ]);
  });

  it('have their rewards also where two frames of three were left out', () => {
    const recent = new RecentDecisions(500, DECISION_DOUBLES, fields);
    for (let cycle = 0; cycle < 90; cycle += 3) recent.add(decision(cycle, cycle - 16 + (cycle & 1), 0.5));
    expect(
      listed(recent)
        .slice(3)
        .every(([, reward]) => reward === 0.5),
    ).toBe(true);
  });

  it('are also all that changed, and the one that is open', () => {
    const recent = new RecentDecisions(500, DECISION_DOUBLES, fields);
    for (let cycle = 0; cycle < 30; cycle++) {
      const record = decision(cycle);
      record[DecisionField.action] = cycle === 17 ? 3 : 0;
      record[DecisionField.reason] = cycle > 13 ? 1 : 0;
      recent.add(record);
    }
    expect(listed(recent, 4).map(([cycle]) => cycle)).toEqual([20, 18, 17, 14, 4]);
    expect(listed(recent, 9999).map(([cycle]) => cycle)).toEqual([20, 18, 17, 14, 0]);
  });

  it('are no more than there is place for', () => {
    const recent = new RecentDecisions(500, DECISION_DOUBLES, fields);
    for (let cycle = 0; cycle < 400; cycle++) {
      const record = decision(cycle);
      record[DecisionField.action] = cycle % 8;
      recent.add(record);
    }
    expect(listed(recent)).toHaveLength(48);
    expect(listed(recent)[0][0]).toBe(399);
  });
});

describe('the path driven', () => {
  it('holds so many points, drops the oldest, and leaves out what is no movement', () => {
    const trail = new Trail(100);
    for (let i = 0; i < 1000; i++) trail.add(i * 0.05, 0);
    expect(trail.length).toBe(100);
    expect(trail.x(0)).toBeCloseTo(900 * 0.05, 4);
    expect(trail.x(99)).toBeCloseTo(999 * 0.05, 4);
    trail.add(999 * 0.05 + 0.001, 0);
    trail.add(Number.NaN, 0);
    expect(trail.length).toBe(100);
    expect(trail.x(99)).toBeCloseTo(999 * 0.05, 4);
  });

  it('tells what of the stretch under way is recent', () => {
    const trail = new Trail(100);
    for (const x of [0, 0.1, 0.2]) trail.add(x, 0);
    for (let i = 0; i < 10; i++) trail.add(9 + 0.1 * i, 0, 100 + i);
    expect([0, 100, 104, 104.5, 109, 110].map((atS) => trail.since(atS))).toEqual([3, 3, 7, 8, 12, 13]);
  });

  it('starts anew where the robot was put down elsewhere', () => {
    const trail = new Trail(100);
    for (const x of [0, 0.1, 0.2, 9, 9.1]) trail.add(x, 0);
    expect([0, 1, 2, 3, 4].map((i) => trail.starts(i))).toEqual([true, false, false, true, false]);
    expect(trail.current).toBe(3);
  });
});

describe('events', () => {
  const helloOf = (kind: 'live' | 'recording') =>
    ({ run: '1', episodes: [], features: FEATURES, fields: DecisionField, robot: { name: 'rex', kind } }) as never;
  const standing = { atS: 10, cycles: 500, speed: 1, halted: false, armed: true, frozen: false, driftAlarms: 0 };
  const notice = (atS: number, text: string) => ({ kind: 'notice', level: 'info', atS, text }) as const;

  it('are told once, newest first, also where they come again', () => {
    const state = new PageState();
    state.takeHello(helloOf('live'));
    for (const [atS, text] of [
      [3, 'b'],
      [1, 'a'],
      [3, 'b'],
      [1, 'a'],
      [4, 'a'],
    ] as const) {
      state.takeNotice(notice(atS, text));
    }
    expect(state.notices.map(({ atS, text }) => `${atS}${text}`)).toEqual(['4a', '3b', '1a']);
  });

  it('name how episodes of a robot at work end, and let what an operator did stay in sight', () => {
    const state = new PageState();
    state.takeHello(helloOf('live'));
    state.takeNotice(notice(0, 'STOP: told to stand'));
    for (let episode = 1; episode <= 300; episode++) {
      state.takeEpisode({ atS: episode, episode, outcome: 'collision', timeS: 2.25 } as never);
    }
    expect(state.notices).toHaveLength(21);
    expect(state.notices[0].text).toBe('episode 300 ended: collision, after 2.3 s');
    expect(state.notices[20].text).toBe('STOP: told to stand');
  });

  it('of a recording are what changed while it played, and are gone before they happened', () => {
    const state = new PageState();
    state.takeHello(helloOf('recording'));
    const take = (change: object) => state.takeStatus({ ...standing, ...change } as never);
    take({});
    take({ atS: 10.3, cycles: 515, halted: true });
    take({ atS: 10.6, cycles: 530, halted: true, breakerOpen: true });
    expect(state.notices.map(({ text }) => text)).toEqual(['breaker opened: the rule drives', 'STOP: told to stand']);
    take({ atS: 10.4, cycles: 520, halted: true });
    expect(state.notices.map(({ text }) => text)).toEqual(['STOP: told to stand']);
    take({ atS: 99, cycles: 4950, frozen: true, halted: true });
    expect(state.notices).toHaveLength(1);
  });
});

describe('the lateness histogram', () => {
  it('lays times out by their logarithm and shows a single cycle', () => {
    expect([1e-9, 1e-7, 10 ** -3.5, 1, 9].map(axisPlace)).toEqual([0, 0, expect.closeTo(0.5, 9), 1, 1]);
    expect(barHeight(0, 1e6)).toBe(0);
    expect(barHeight(1, 1e6)).toBeGreaterThan(0.04);
    expect(barHeight(1e6, 1e6)).toBe(1);
  });

  it('counts what began after the deadline', () => {
    expect(beyond({ uptoS: [0.005, 0.01, 0.02], counts: [90, 6, 3, 1] }, 0.01)).toBe(4);
    expect(beyond({ uptoS: [0.005, 0.01, 0.02], counts: [90, 6, 3, 1] }, 1)).toBe(0);
  });
});

it('success is a share of the last episodes only', () => {
  const outcomes = ['success', 'collision', 'success', 'success', 'timeout'] as const;
  expect(
    movingSuccess(
      outcomes.map((outcome) => ({ outcome })),
      2,
    ),
  ).toEqual([1, 0.5, 0.5, 1, 0.5]);
});

describe('words', () => {
  it('has a sentence for every reason of the controller, and shows the label of one that it does not know', () => {
    for (const label of REASON_LABELS) expect(reasonSentence(label)).not.toBe(plain(label));
    expect(reasonSentence('quite_new')).toBe('quite new');
    expect(reasonSentence(undefined)).toBe('unknown');
  });

  it('names directions and features as a person would', () => {
    expect(forbiddenNames(0b1111_1111)).toEqual([]);
    expect(listed(forbiddenNames(0b1111_0110))).toBe('ahead and back left');
    expect(listed(forbiddenNames(0b1111_0010))).toBe('ahead, left and back left');
    expect(FEATURES.map(({ name }) => featureName(name)).slice(0, 6)).toEqual([
      'position x',
      'position y',
      'velocity x',
      'velocity y',
      'obstacle ahead',
      'obstacle ahead left',
    ]);
  });
});
