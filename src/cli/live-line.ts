/** The live line: how a running robot does, in one line that is never longer than the terminal is wide. */
import { memoryReport } from '../loop/statistics.js';
import type { ControlLayout } from '../memory/layout.js';
import type { EpisodeTally } from './episode-tally.js';

export interface LiveFigures {
  /** [Hz] */
  cycleRate: number;
  /** Of the recent window [ns]. */
  latenessP99Ns: number;
  deadlineMisses: number;
  episode: number;
  /** Of the last 50 episodes, 0 … 1. */
  successRate: number;
  /** Of a decision, over the last 50 episodes. */
  meanReward: number;
  /** Cycles by reason, the most frequent first. */
  interventions: Readonly<Record<string, number>>;
  driftAlarms: number;
  /** What became of rewards from outside, by `PendingCount`'s names and `dropped`; empty where none was awaited. */
  feedback: Readonly<Record<string, number>>;
  /** Null where this run saves none; NaN where there is none yet [s]. */
  checkpointAgeS: number | null;
  checkpointFailures: number;
  /** What an operator has done to the run: `paused`, `stopped`, `frozen`; usually empty. */
  state: readonly string[];
  /** Something that must be seen, such as a fault; usually empty. */
  warning: string;
}

/** `LiveFigures.state` of a run. @param paused the simulator's time stands */
export function stateWords(paused: boolean, { halted, frozen }: { halted: boolean; frozen: boolean }): string[] {
  return [paused ? 'paused' : '', halted ? 'stopped' : '', frozen ? 'frozen' : ''].filter((word) => word !== '');
}

/** Shorter names of intervention reasons for narrow terminals. */
export const SHORT_REASONS: Readonly<Record<string, string>> = {
  obstacle: 'obst',
  unseen_ground: 'unseen',
  enclosed: 'encl',
  contact_escape: 'escape',
  stale_odometry: 'odom',
  stale_ranges: 'ranges',
  stale_contacts: 'contacts',
  deadline_missed: 'missed',
  breaker_open: 'breaker',
  heartbeat_lost: 'heartbeat',
};

/**
 * The line for a terminal of `columns` columns: in words where there is room, abbreviated where there is not, with the
 * rarer reasons of intervention left out before anything else is cut.
 */
export function liveLine(figures: LiveFigures, columns: number): string {
  const reasons = Object.entries(figures.interventions);
  for (let shown = reasons.length; shown >= 0; shown--) {
    const line = inWords(figures, reasons.slice(0, shown), reasons.length - shown);
    // One reason at least: a line in words that names none says less than a short one that does.
    if (line.length <= columns && (shown > 0 || reasons.length === 0)) return line;
  }
  for (const separator of [' | ', '|']) {
    for (let shown = reasons.length; shown >= Math.min(1, reasons.length); shown--) {
      const line = inShort(figures, reasons.slice(0, shown), separator);
      if (line.length <= columns) return line;
    }
  }
  return inShort(figures, [], '|').slice(0, Math.max(0, columns));
}

function inWords(f: LiveFigures, reasons: [string, number][], left: number): string {
  const parts = [
    `${rate(f.cycleRate)} Hz`,
    `late p99 ${duration(f.latenessP99Ns)}`,
    `missed ${f.deadlineMisses}`,
    `episode ${f.episode}`,
    `success ${percent(f.successRate)}`,
    `reward ${signed(f.meanReward)}`,
  ];
  const list = reasons.map(([name, count]) => `${name} ${compact(count)}`);
  if (left > 0) list.push('…');
  parts.push(list.length === 0 ? 'safety quiet' : list.join(' '));
  const feedback = Object.entries(f.feedback).map(([name, count]) => `${name} ${compact(count)}`);
  if (feedback.length > 0) parts.push(`feedback ${feedback.join(' ')}`);
  if (f.driftAlarms > 0) parts.push(`drift alarms ${f.driftAlarms}`);
  if (f.checkpointAgeS !== null) {
    const saved = Number.isNaN(f.checkpointAgeS) ? 'not saved yet' : `saved ${age(f.checkpointAgeS)} ago`;
    parts.push(f.checkpointFailures > 0 ? `${saved}, SAVING FAILS (${f.checkpointFailures})` : saved);
  }
  if (f.state.length > 0) parts.unshift(f.state.join(', '));
  if (f.warning !== '') parts.unshift(f.warning);
  return parts.join(' | ');
}

function inShort(f: LiveFigures, reasons: [string, number][], separator: string): string {
  const parts = [
    `${rate(f.cycleRate)}Hz p99 ${duration(f.latenessP99Ns).replace(' ', '')}`,
    `miss ${compact(f.deadlineMisses)}`,
    `ep ${f.episode} ok ${percent(f.successRate).replace(' ', '')}`,
    `r ${signed(f.meanReward)}`,
  ];
  if (reasons.length > 0) {
    parts.push(reasons.map(([name, count]) => `${SHORT_REASONS[name] ?? name} ${compact(count)}`).join(' '));
  }
  if (Object.keys(f.feedback).length > 0) parts.push(`fb ${feedbackInShort(f.feedback)}`);
  if (f.driftAlarms > 0) parts.push(`drift ${compact(f.driftAlarms)}`);
  if (f.checkpointAgeS !== null) {
    const saved = Number.isNaN(f.checkpointAgeS) ? '-' : age(f.checkpointAgeS).replace(' ', '');
    parts.push(f.checkpointFailures > 0 ? `saved ${saved} FAILS` : `saved ${saved}`);
  }
  if (f.state.length > 0) parts.unshift(f.state.join(', '));
  if (f.warning !== '') parts.unshift(f.warning);
  return parts.join(separator);
}

/** Rewards joined, and after a slash whatever else there was; decisions that were overwritten have expired as well. */
function feedbackInShort(feedback: Readonly<Record<string, number>>): string {
  let other = 0;
  for (const [name, count] of Object.entries(feedback)) {
    if (name !== 'joined' && name !== 'overwritten') other += count;
  }
  return `${compact(feedback['joined'] ?? 0)}${other > 0 ? `/${compact(other)}` : ''}`;
}

export function rate(hz: number): string {
  return Number.isFinite(hz) ? hz.toFixed(hz < 1000 ? 1 : 0) : '-';
}

export function duration(ns: number): string {
  if (!Number.isFinite(ns)) return '-';
  if (ns < 1e6) return `${Math.round(ns / 1e3)} µs`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(1)} s`;
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(100 * share)} %` : '-';
}

function signed(value: number): string {
  return Number.isFinite(value) ? `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(2)}` : '-';
}

export function age(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
}

export function compact(count: number): string {
  if (count < 10_000) return String(count);
  return count < 1e7 ? `${Math.round(count / 1e3)}k` : `${Math.round(count / 1e6)}M`;
}

/** How far a run on the virtual clock is. @param speed simulated seconds a second */
export function progressLine(tally: EpisodeTally, episode: number, episodes: number | null, speed: number): string {
  const done = episodes === null ? String(tally.episodes) : `${tally.episodes} of ${episodes}`;
  return `${done} episodes, last ${episode} | ${recentText(tally)} | ${Math.round(speed)} × real time`;
}

/** How the last 50 episodes went. */
export function recentText(tally: EpisodeTally): string {
  return `success ${percent(tally.recentSuccessRate)} | reward ${signed(tally.recentMeanReward)}`;
}

/** How many regions a terminal is shown. */
const REGIONS_SHOWN = 2;

/**
 * What the memory is that is fixed before the first cycle.
 *
 * @param brief in one line of a terminal, with the largest regions; else with all of them
 */
export function memoryLine(layout: ControlLayout, brief: boolean): string {
  const { regions, totalBytes } = memoryReport(layout);
  const shown = brief ? [...regions].sort((a, b) => b.bytes - a.bytes).slice(0, REGIONS_SHOWN) : regions;
  const list = shown.map(({ name, bytes }) => `${name} ${byteSize(bytes)}`).join(', ');
  return `memory, fixed from here on: ${byteSize(totalBytes)} (${list}${shown.length < regions.length ? ', …' : ''})`;
}

function byteSize(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
}

/**
 * Where a run's words go. On a terminal the last row holds the live line and messages scroll above it; elsewhere the
 * line is one of many, now and then.
 */
export class LiveDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #terminal: boolean;
  #painted = '';

  /** The display of a command: with `--json`, standard output is for programs. */
  static beside(json: boolean): LiveDisplay {
    return new LiveDisplay(json ? process.stderr : process.stdout);
  }

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#terminal = stream.isTTY === true;
  }

  /** Whether `paint` overwrites. */
  get isTerminal(): boolean {
    return this.#terminal;
  }

  /** Columns that a line may take; the last stays free, where some terminals wrap. */
  get columns(): number {
    if (!this.#terminal) return Number.POSITIVE_INFINITY;
    return Math.max(1, (this.#stream.columns || 80) - 1);
  }

  /** Shows the live line: in place of the last one on a terminal, as a line of its own elsewhere. */
  paint(line: string): void {
    const shown = line.slice(0, this.columns);
    this.#stream.write(this.#terminal ? `${this.#erase()}${shown}` : `${shown}\n`);
    this.#painted = shown;
  }

  /** A line that stays. */
  message(text: string): void {
    if (!this.#terminal) {
      this.#stream.write(`${text}\n`);
      return;
    }
    this.#stream.write(`${this.#erase()}${text}\n${this.#painted}`);
  }

  /** Leaves the last live line where it is. */
  close(): void {
    if (this.#terminal && this.#painted !== '') this.#stream.write('\n');
    this.#painted = '';
  }

  /** Clears the live line. A terminal that has become narrower has wrapped it into several rows. */
  #erase(): string {
    const rows = Math.max(1, Math.ceil(this.#painted.length / (this.columns + 1)));
    return `${rows > 1 ? `\x1b[${rows - 1}A` : ''}\r\x1b[J`;
  }
}
