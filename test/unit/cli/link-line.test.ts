import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControllerHost } from '../../../src/cli/controller-host.js';
import { endpointLines, fitted, type LinkView, linkLine } from '../../../src/cli/link-line.js';
import { LinkCounters } from '../../../src/io/zeromq/session/link-counters.js';
import type { SessionStatus } from '../../../src/io/zeromq/session/session-status.js';
import { loadParameters } from '../../../src/parameters/loader.js';

const host = {
  cycleRate: 50,
  latenessP99Ns: 62_000,
  armed: true,
  halted: false,
  frozen: false,
  updates: 1234,
  warning: '',
  controller: { statistics: { misses: 2 } },
  checkpointing: { savedUnixMs: Number.NaN, failure: '', failures: 0 },
} as unknown as ControllerHost;
const session = { mode: 'free', why: 0, stopped: false, offsetS: -0.0012, roundTripS: 0.0004 } as SessionStatus;

function view(changes: Partial<LinkView> = {}): LinkView {
  return {
    robots: [{ host, name: 'jackal', session }],
    counters: new LinkCounters(),
    traffic: { peers: { drive: 1, watch: 2, administer: 0 } } as LinkView['traffic'],
    drive: 'tcp://127.0.0.1:7471',
    ...changes,
  };
}
const robot = (changes: object, sessionChanges: object = {}) => ({
  robots: [
    { host: { ...host, ...changes } as ControllerHost, name: 'jackal', session: { ...session, ...sessionChanges } },
  ],
});

describe('the live line of a link', () => {
  it('says everything of one robot where there is room', () => {
    expect(linkLine(view(), 300)).toBe(
      'jackal free | 50.0 Hz | late p99 62 µs | missed 2 | driving | clock -1.2 ms ± 200 µs | 1234 updates | ' +
        'not saved yet | connected: 1 drive, 2 watch, 0 administer | rejected 0',
    );
  });

  it('says of a robot that comes or goes that it does', () => {
    const between = (word: string) => ({ robots: [{ host, name: 'jackal', session: undefined, between: word }] });
    expect(linkLine(view(between('begins')), 300)).toContain('jackal | 50.0 Hz | late p99 62 µs | missed 2 | begins |');
    expect(linkLine(view(between('is saved')), 300)).toContain('| is saved |');
  });

  it('keeps who drives, how fast, and why not, where there is little', () => {
    expect(linkLine(view(robot({}, { why: 2 })), 40)).toBe('jackal free | 50.0 Hz | obst');
  });

  it.each([
    [robot({ halted: true }), 'told to stand'],
    [robot({}, { stopped: true }), 'stopped itself'],
    [robot({ armed: false }), 'no readings yet'],
    [robot({}, { why: 7 }), 'odom'],
    [robot({ frozen: true }), 'frozen'],
    [robot({ warning: 'STALLED' }), 'STALLED | jackal'],
    [robot({ checkpointing: { savedUnixMs: Number.NaN, failure: 'full', failures: 3 } }), 'SAVING FAILS (3)'],
  ])('says what the robot does, or why it does not: %#', (changes, said) => {
    expect(linkLine(view(changes), 300)).toContain(said);
  });

  it('says where it waits for a robot', () => {
    const waiting = { robots: [{ host, name: null, session: undefined }] };
    expect(linkLine(view(waiting), 300)).toMatch(/^waiting for a robot at tcp:\/\/127.0.0.1:7471 \| 50.0 Hz/);
  });

  it('says of several who they are, each in short', () => {
    const two = [
      { host, name: 'one', session },
      { host, name: 'two', session: { ...session, why: 10 } },
      { host, name: null, session: undefined },
    ];
    expect(linkLine(view({ robots: two }), 300)).toMatch(
      /^2 of 3 robots \| one 50.0 Hz p99 62 µs driving \| two 50.0 Hz p99 62 µs no_goal \| connected/,
    );
    expect(linkLine(view({ robots: [two[2], two[2]] }), 300)).toMatch(/^0 of 2 robots, waiting at tcp/);
  });

  it('says of two robots on a terminal of 80 columns what both do', () => {
    const two = [
      { host, name: 'warehouse-robot-1', session },
      { host, name: 'warehouse-robot-2', session: { ...session, why: 7 } },
    ];
    expect(linkLine(view({ robots: two }), 90)).toBe(
      '2 of 2 robots | warehouse-robot-1 50.0 Hz driving | warehouse-robot-2 50.0 Hz odom',
    );
    expect(linkLine(view({ robots: two }), 79)).toBe(
      '2 of 2 robots | warehouse-robot-1 driving | warehouse-robot-2 odom',
    );
  });

  it('puts forward that frames are rejected, once any are', () => {
    const counters = new LinkCounters();
    expect(linkLine(view({ counters }), 60)).not.toContain('rejected');
    counters.rejected.malformed = 12_345;
    expect(linkLine(view({ counters }), 80)).toContain('rejected 12k');
  });

  it('is never longer than the terminal is wide, and keeps the order and the weightiest', () => {
    const part = fc.record({ weight: fc.integer({ min: 1, max: 9 }), text: fc.stringMatching(/^[a-z]{1,12}$/) });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 80 }), (parts, columns) => {
        const line = fitted(parts, columns);
        expect(line.length).toBeLessThanOrEqual(columns);
        const whole = parts.map(({ text }) => text).join(' | ');
        if (whole.length <= columns) expect(line).toBe(whole);
        const least = Math.min(...parts.map(({ weight }) => weight));
        const most = Math.max(...parts.map(({ weight }) => weight));
        const heaviest = parts.filter(({ weight }) => weight === most);
        // Of a line that had to lose something, what weighs most is what is left.
        if (most > least && line.includes(' | ')) {
          for (const { text } of heaviest.slice(0, 1)) expect(line).toContain(text);
        }
      }),
    );
  });
});

describe('what is said of the link at the start', () => {
  const endpoints = { drive: 'ipc:///run/d', watch: '', administer: 'tcp://127.0.0.1:5' };

  it('is a line for each socket that listens, and who can reach them', () => {
    expect(endpointLines(endpoints, loadParameters([], {}))).toEqual([
      expect.stringMatching(/^drive +ipc:\/\/\/run\/d +one robot at a time$/),
      expect.stringMatching(/^administer +tcp:\/\/127.0.0.1:5 +status/),
      'no encryption: this machine only',
    ]);
    const several = loadParameters([], { 'zeromq.max_sessions': 4, 'zeromq.keys_dir': '/etc/keys' });
    const lines = endpointLines(endpoints, several);
    expect(lines[0]).toMatch(/up to 4 robots$/);
    expect(lines.at(-1)).toBe('encrypted with CURVE; keys in /etc/keys');
  });
});
