/** The live line of controllers behind a link, and what is said of the link before it. */
import type { LinkCounters } from '../io/zeromq/session/link-counters.js';
import type { SessionStatus } from '../io/zeromq/session/session-status.js';
import type { LinkTraffic } from '../io/zeromq/zeromq-port.js';
import { REASON_LABELS } from '../memory/reason.js';
import type { ParameterValues } from '../parameters/schema.js';
import type { ControllerHost } from './controller-host.js';
import { age, compact, duration, rate, SHORT_REASONS } from './live-line.js';

export interface LinkRobot {
  host: ControllerHost;
  /** Null where the controller waits for one. */
  name: string | null;
  /** Undefined while it begins or ends. */
  session: SessionStatus | undefined;
  /** Why nobody drives though there is a robot: `begins`, `is saved`; else empty. */
  between?: string;
}

export interface LinkView {
  robots: readonly LinkRobot[];
  counters: LinkCounters;
  traffic: LinkTraffic;
  /** Where robots connect. */
  drive: string;
}

/**
 * The line for a terminal of `columns` columns. With one controller all there is to say of it, the less important left out
 * first where there is no room; with several, each robot in short.
 */
export function linkLine(view: LinkView, columns: number): string {
  const parts = view.robots.length === 1 ? ofOne(view, view.robots[0]) : ofSeveral(view, columns);
  const rejected = sum(view.counters.rejected);
  const { drive, watch, administer } = view.traffic.peers;
  parts.push({ weight: 2, text: `connected: ${drive} drive, ${watch} watch, ${administer} administer` });
  parts.push({ weight: rejected > 0 ? 5 : 1, text: `rejected ${compact(rejected)}` });
  const warnings = view.robots.map(({ host }) => host.warning).filter((text) => text !== '');
  if (warnings.length > 0) parts.unshift({ weight: 9, text: warnings.join(' ') });
  return fitted(parts, columns);
}

/** Where the sockets listen, a line each. */
export function endpointLines(
  endpoints: Readonly<{ drive: string; watch: string; administer: string }>,
  p: ParameterValues,
): string[] {
  const sessions = p['zeromq.max_sessions'];
  const keys = p['zeromq.keys_dir'];
  const row = (role: string, endpoint: string, what: string) =>
    endpoint === '' ? [] : [`${role.padEnd(12)}${endpoint.padEnd(30)} ${what}`];
  return [
    ...row('drive', endpoints.drive, sessions === 1 ? 'one robot at a time' : `up to ${sessions} robots`),
    ...row('watch', endpoints.watch, 'decision, state and checkpoint of each robot'),
    ...row('administer', endpoints.administer, 'status, save, restore, freeze, stop, parameters …'),
    keys === '' ? 'no encryption: this machine only' : `encrypted with CURVE; keys in ${keys}`,
  ];
}

/** A part of the line: those of the least weight are left out first. */
export interface Part {
  weight: number;
  text: string;
}

function ofOne({ drive }: LinkView, robot: LinkRobot): Part[] {
  const { host, name, session } = robot;
  if (name === null) {
    return [
      { weight: 9, text: `waiting for a robot at ${drive}` },
      { weight: 3, text: `${rate(host.cycleRate)} Hz` },
      { weight: 3, text: `late p99 ${duration(host.latenessP99Ns)}` },
      ...savedPart(host),
    ];
  }
  return [
    { weight: 9, text: session === undefined ? name : `${name} ${session.mode}` },
    { weight: 8, text: `${rate(host.cycleRate)} Hz` },
    { weight: 7, text: `late p99 ${duration(host.latenessP99Ns)}` },
    { weight: 5, text: `missed ${compact(host.controller.statistics.misses)}` },
    { weight: 8, text: stateWord(robot) },
    ...(session === undefined || Number.isNaN(session.offsetS)
      ? []
      : [{ weight: 3, text: `clock ${signedDuration(session.offsetS)} ± ${duration(session.roundTripS * 5e8)}` }]),
    ...(host.frozen ? [{ weight: 6, text: 'frozen' }] : []),
    { weight: 4, text: `${compact(host.updates)} updates` },
    ...savedPart(host),
  ];
}

function ofSeveral({ robots, drive }: LinkView, columns: number): Part[] {
  const driven = robots.filter(({ name }) => name !== null);
  const head = `${driven.length} of ${robots.length} robots`;
  if (driven.length === 0) return [{ weight: 9, text: `${head}, waiting at ${drive}` }];
  // All of them in less words rather than some of them in more.
  let parts: Part[] = [];
  for (const inForm of FORMS) {
    parts = [{ weight: 9, text: head }, ...driven.map((robot) => ({ weight: 6, text: inForm(robot) }))];
    if (parts.map(({ text }) => text).join(' | ').length <= columns) break;
  }
  return parts;
}

/** One robot of several, from all that is said of it to the least. */
const FORMS: readonly ((robot: LinkRobot) => string)[] = [
  (robot) =>
    `${robot.name} ${rate(robot.host.cycleRate)} Hz p99 ${duration(robot.host.latenessP99Ns)} ${stateWord(robot)}`,
  (robot) => `${robot.name} ${rate(robot.host.cycleRate)} Hz ${stateWord(robot)}`,
  (robot) => `${robot.name} ${stateWord(robot)}`,
];

/** What the robot is doing, or why it does not. */
function stateWord({ host, session, between = '' }: LinkRobot): string {
  if (between !== '') return between;
  if (host.halted) return 'told to stand';
  if (session?.stopped === true) return 'stopped itself';
  if (session === undefined || !host.armed) return 'no readings yet';
  const label = REASON_LABELS[session.why] ?? String(session.why);
  return session.why === 0 ? 'driving' : (SHORT_REASONS[label] ?? label);
}

function savedPart({ checkpointing }: ControllerHost): Part[] {
  if (checkpointing === null) return [];
  const { savedUnixMs, failure, failures } = checkpointing;
  const saved = Number.isNaN(savedUnixMs) ? 'not saved yet' : `saved ${age((Date.now() - savedUnixMs) / 1e3)} ago`;
  return failure === '' ? [{ weight: 4, text: saved }] : [{ weight: 8, text: `${saved}, SAVING FAILS (${failures})` }];
}

function signedDuration(seconds: number): string {
  const text = Math.abs(seconds) < 1 ? duration(Math.abs(seconds) * 1e9) : `${Math.abs(seconds).toFixed(1)} s`;
  return `${seconds < 0 ? '-' : '+'}${text}`;
}

/** The parts that fit in `columns` columns, the weightiest first kept, in their order. */
export function fitted(parts: readonly Part[], columns: number): string {
  const shown = [...parts];
  for (;;) {
    const line = shown.map(({ text }) => text).join(' | ');
    if (line.length <= columns || shown.length <= 1) return line.slice(0, Math.max(0, columns));
    let least = shown.length - 1;
    for (let i = least; i >= 0; i--) if (shown[i].weight < shown[least].weight) least = i;
    shown.splice(least, 1);
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
