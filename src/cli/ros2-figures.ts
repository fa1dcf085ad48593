/** What a ROS run amounts to: for telemetry while it goes on, and its figures at the end for programs and for people. */
import type { DiagnosticFigures } from '../io/ros2/diagnostics.js';
import type { InputFigures } from '../io/ros2/input-figures.js';
import type { StateReport } from '../io/ros2/telemetry-output.js';
import { Counter } from '../loop/statistics.js';
import { VitalsField } from '../memory/layout.js';
import { REASON_LABELS } from '../memory/reason.js';
import type { ControllerHost } from './controller-host.js';
import { feedbackFigures, interventionsByReason, type RunFigures } from './episode-tally.js';

/** A fresh report; the caller owns it. */
export function rosState(host: ControllerHost): StateReport {
  const { controller } = host;
  const { statistics, memory, state, fault } = controller;
  const { counters } = statistics;
  return {
    state,
    fault,
    armed: host.armed,
    halted: host.halted,
    frozen: host.frozen,
    breakerOpen: counters[Counter.breakerOpen] === 1,
    breakerOpenings: counters[Counter.breakerOpenings],
    cycles: counters[Counter.cycles],
    updates: host.updates,
    missesLate: counters[Counter.missesWokenLate],
    missesLong: counters[Counter.missesComputedLong],
    interventions: statistics.interventionCount,
    driftAlarms: counters[Counter.driftAlarms],
    decisionsLost: memory.decisions.droppedCount,
  };
}

/** What only the session knows. */
export interface SessionFigures {
  readonly lifecycle: string;
  /** Cycles go by simulated time. */
  readonly simulated: boolean;
  /** As `Controller.vitals` gave it last; null before. */
  readonly vitals: Float64Array | null;
  readonly logMessagesLost: number;
}

/** A fresh object; the caller owns it. @realtime unsafe */
export function diagnosticFigures(host: ControllerHost, own: SessionFigures): DiagnosticFigures {
  const { controller, checkpointing, window } = host;
  const { statistics, memory } = controller;
  const recent = Number.isNaN(host.cycleRate) ? statistics : window;
  const vital = (field: number): number => own.vitals?.[field] ?? Number.NaN;
  return {
    lifecycle: own.lifecycle,
    state: rosState(host),
    // A simulation may run at any pace.
    rateHz: own.simulated ? Number.NaN : host.cycleRate,
    lateness: recent.lateness,
    compute: recent.compute,
    reason: REASON_LABELS[host.why],
    interventions: interventionsByReason(statistics.interventions),
    feedback: feedbackFigures(statistics),
    policy: host.parameters.policy,
    checkpoint: checkpointing,
    arenaBytes: memory.buffer.byteLength,
    controlHeapBytes: vital(VitalsField.heapUsedBytes),
    controlHeapLimitBytes: vital(VitalsField.heapLimitBytes),
    gcLongestNs: vital(VitalsField.gcLongestNs),
    logMessagesLost: own.logMessagesLost,
  };
}

/** Sums over all that was configured in one process. */
export class RosTotals {
  #configured = 0;
  #activated = 0;
  #goals = 0;
  #cycles = 0;
  #misses = 0;
  #updates = 0;
  #lost = 0;
  #commands = 0;
  readonly #received: Record<string, number> = {};
  readonly #refused: Record<string, number> = {};
  readonly #interventions: Record<string, number> = {};
  readonly #feedback: Record<string, number> = {};

  activated(): void {
    this.#activated++;
  }

  goalReached(): void {
    this.#goals++;
  }

  /** A configured node has been let go of. */
  add(host: ControllerHost, commands: number, inputs: readonly InputFigures[]): void {
    const { statistics, memory } = host.controller;
    this.#configured++;
    this.#cycles += statistics.counters[Counter.cycles];
    this.#misses += statistics.misses;
    this.#updates += statistics.counters[Counter.learned];
    this.#lost += memory.decisions.droppedCount;
    this.#commands += commands;
    for (const { name, received, refused } of inputs) {
      addTo(this.#received, name, received);
      addTo(this.#refused, name, refused);
    }
    for (const [name, count] of Object.entries(interventionsByReason(statistics.interventions))) {
      addTo(this.#interventions, name, count);
    }
    for (const [name, count] of Object.entries(feedbackFigures(statistics))) addTo(this.#feedback, name, count);
  }

  /** The figures that `--json` ends with; other tools rely on their names. */
  figures(): RunFigures {
    return {
      configured: this.#configured,
      activated: this.#activated,
      goals_reached: this.#goals,
      messages: this.#received,
      messages_refused: this.#refused,
      commands: this.#commands,
      cycles: this.#cycles,
      deadline_misses: this.#misses,
      safety_interventions: Object.values(this.#interventions).reduce((sum, count) => sum + count, 0),
      interventions_by_reason: this.#interventions,
      // As the other runs have it: only where there was any.
      ...(Object.keys(this.#feedback).length > 0 ? { feedback: this.#feedback } : {}),
      updates: this.#updates,
      lost_decisions: this.#lost,
    };
  }
}

/** The same for a person, several lines. */
export function rosSummary(figures: RunFigures): string {
  const row = (name: string, value: string): string => `${name.padEnd(16)}${value}\n`;
  const feedback = listed(figures['feedback'] ?? {});
  return [
    row('goals reached', String(figures['goals_reached'])),
    row('messages', `${listed(figures['messages']) || 'none'}; ${figures['commands']} commands`),
    row('refused', listed(figures['messages_refused']) || 'none'),
    row('cycles', `${figures['cycles']}, ${figures['deadline_misses']} deadlines missed`),
    row(
      'safety acted',
      `${figures['safety_interventions']} cycles${after(listed(figures['interventions_by_reason']))}`,
    ),
    feedback === '' ? '' : row('feedback', feedback),
    row('updates', String(figures['updates'])),
  ].join('');
}

function after(list: string): string {
  return list === '' ? '' : `: ${list}`;
}

function listed(counts: RunFigures[string]): string {
  return Object.entries(counts as Record<string, number>)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function addTo(counts: Record<string, number>, name: string, count: number): void {
  if (count > 0) counts[name] = (counts[name] ?? 0) + count;
}
