import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EpisodeTally } from '../../../src/cli/episode-tally.js';
import {
  LiveDisplay,
  type LiveFigures,
  liveLine,
  memoryLine,
  progressLine,
  stateWords,
} from '../../../src/cli/live-line.js';
import { planControlLayout } from '../../../src/memory/layout.js';
import { REASON_LABELS } from '../../../src/memory/reason.js';

const figures: LiveFigures = {
  cycleRate: 50,
  latenessP99Ns: 62_000,
  deadlineMisses: 2,
  episode: 137,
  successRate: 0.94,
  meanReward: 1.234,
  interventions: { slowed: 1200, obstacle: 31, unseen_ground: 4, deadline_missed: 2 },
  driftAlarms: 0,
  feedback: {},
  checkpointAgeS: 8.4,
  checkpointFailures: 0,
  state: [],
  warning: '',
};
const nothing: LiveFigures = {
  ...figures,
  cycleRate: Number.NaN,
  latenessP99Ns: Number.NaN,
  successRate: Number.NaN,
  meanReward: Number.NaN,
  interventions: {},
  checkpointAgeS: Number.NaN,
};

describe('the live line', () => {
  it('says everything in words where there is room', () => {
    expect(liveLine(figures, 200)).toBe(
      '50.0 Hz | late p99 62 µs | missed 2 | episode 137 | success 94 % | reward +1.23 | ' +
        'slowed 1200 obstacle 31 unseen_ground 4 deadline_missed 2 | saved 8 s ago',
    );
  });

  it('leaves out the rarer reasons before it abbreviates, and abbreviates before it is cut', () => {
    expect(liveLine(figures, 119)).toBe(
      '50.0 Hz | late p99 62 µs | missed 2 | episode 137 | success 94 % | reward +1.23 | slowed 1200 … | saved 8 s ago',
    );
    expect(liveLine(figures, 79)).toBe('50.0Hz p99 62µs | miss 2 | ep 137 ok 94% | r +1.23 | slowed 1200 | saved 8s');
    expect(liveLine(figures, 40)).toBe('50.0Hz p99 62µs|miss 2|ep 137 ok 94%|r +');
  });

  it('says what an operator has done to the run, before all but a warning', () => {
    const state = stateWords(true, { halted: true, frozen: true });
    expect(state).toEqual(['paused', 'stopped', 'frozen']);
    expect(stateWords(false, { halted: false, frozen: false })).toEqual([]);
    expect(liveLine({ ...figures, state }, 200)).toMatch(/^paused, stopped, frozen \| 50\.0 Hz \| /);
    expect(liveLine({ ...figures, state: ['paused'] }, 100)).toMatch(/^paused \| 50\.0Hz p99/);
    expect(liveLine({ ...figures, state, warning: 'STALLED' }, 200)).toMatch(/^STALLED \| paused, stopped, frozen \| /);
  });

  it('shows alarms of drift and what became of feedback where there was any', () => {
    const some = { ...figures, driftAlarms: 2, feedback: { joined: 20_400, expired: 31, overwritten: 30, dropped: 1 } };
    expect(liveLine(some, 300)).toMatch(
      / \| feedback joined 20k expired 31 overwritten 30 dropped 1 \| drift alarms 2 \| saved/,
    );
    expect(liveLine(some, 100)).toMatch(/ \| fb 20k\/32 \| drift 2 \| saved/);
    expect(liveLine({ ...some, feedback: { joined: 7 } }, 100)).toMatch(/\| fb 7 \| drift 2 \|/);
  });

  it('shows what is not known yet as such, and what must be seen first', () => {
    expect(liveLine(nothing, 119)).toBe(
      '- Hz | late p99 - | missed 2 | episode 137 | success - | reward - | safety quiet | not saved yet',
    );
    expect(liveLine({ ...nothing, checkpointAgeS: null }, 119)).toMatch(/safety quiet$/);
    const failing = { ...figures, checkpointFailures: 3, warning: 'STALLED', latenessP99Ns: 2.5e9 };
    expect(liveLine(failing, 200)).toMatch(
      /^STALLED \| 50\.0 Hz \| late p99 2\.5 s .* saved 8 s ago, SAVING FAILS \(3\)$/,
    );
    expect(liveLine(failing, 90)).toMatch(/^STALLED.*FAILS$/);
  });

  it('is never longer than the terminal is wide', () => {
    const number = fc.oneof(fc.double(), fc.constantFrom(0, 1e9, 123456789));
    const any = fc.record({
      cycleRate: number,
      latenessP99Ns: number,
      deadlineMisses: fc.nat(),
      episode: fc.nat(),
      successRate: fc.double({ min: 0, max: 1 }),
      meanReward: fc.double({ min: -1e9, max: 1e9 }),
      interventions: fc.dictionary(fc.constantFrom(...REASON_LABELS), fc.nat()),
      driftAlarms: fc.nat(),
      feedback: fc.dictionary(fc.constantFrom('joined', 'expired', 'dropped'), fc.nat()),
      checkpointAgeS: fc.option(fc.double({ min: -1, max: 1e9 })),
      checkpointFailures: fc.nat(),
      state: fc.constantFrom<string[]>([], ['paused'], ['stopped', 'frozen']),
      warning: fc.constantFrom('', 'STALLED'),
    });
    fc.assert(
      fc.property(any, fc.integer({ min: 0, max: 300 }), (some, columns) => {
        expect(liveLine(some, columns).length).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

/** A terminal of so many columns, without the reflow. */
class Terminal {
  isTTY = true;
  text = '';
  constructor(public columns: number) {}
  write(chunk: string): boolean {
    this.text += chunk;
    return true;
  }
  get display(): LiveDisplay {
    return new LiveDisplay(this as unknown as NodeJS.WriteStream);
  }
}

describe('the live display', () => {
  it('paints over the last line, keeps messages above it, and leaves it at the end', () => {
    const terminal = new Terminal(20);
    const display = terminal.display;
    display.paint('a line that is longer than this');
    display.message('message');
    display.paint('b');
    display.close();
    display.close();
    expect(terminal.text).toBe('\r\x1b[Ja line that is long\r\x1b[Jmessage\na line that is long\r\x1b[Jb\n');
  });

  it('goes up the rows into which a narrower terminal has wrapped the line', () => {
    const terminal = new Terminal(40);
    const display = terminal.display;
    display.paint('x'.repeat(39));
    terminal.columns = 15;
    terminal.text = '';
    display.paint('y');
    expect(terminal.text).toBe('\x1b[2A\r\x1b[Jy');
    terminal.columns = 0;
    expect(display.columns).toBe(79);
  });

  it('writes plain lines where there is no terminal', () => {
    const terminal = new Terminal(10);
    terminal.isTTY = false;
    const display = terminal.display;
    display.paint('a line that is longer than this');
    display.message('message');
    display.close();
    expect(terminal.text).toBe('a line that is longer than this\nmessage\n');
    expect(display.isTerminal).toBe(false);
  });
});

describe('what a run says of itself', () => {
  it('is how far it is', () => {
    const tally = new EpisodeTally();
    tally.episodes = 12;
    expect(progressLine(tally, 41, 100, 211.6)).toBe(
      '12 of 100 episodes, last 41 | success - | reward - | 212 × real time',
    );
    expect(progressLine(tally, 41, null, 3)).toMatch(/^12 episodes, last 41 /);
  });

  it('is how large each arena is', () => {
    const sizes = { policyBytes: 7000, scalerBytes: 600, snapshotBytes: 6000, statisticsBytes: 15_000 };
    const layout = planControlLayout({ maxBeams: 720, decisionRecords: 64, ...sizes });
    expect(memoryLine(layout, true)).toMatch(
      /^memory, fixed from here on: \d+ kB \(\w+ [\d.]+ kB, \w+ [\d.]+ kB, …\)$/,
    );
    expect(memoryLine(layout, true).length).toBeLessThan(80);
    expect(memoryLine(layout, false)).toMatch(
      /^memory, fixed from here on: \d+ kB \(orders 64 B, .*, policy 7\.0 kB, scaler 600 B, /,
    );
  });
});
