/** What a run behind a link amounts to: its figures for programs, and for people. */
import type { LinkCounters } from '../io/zeromq/session/link-counters.js';
import type { LinkTraffic } from '../io/zeromq/zeromq-port.js';
import { Counter } from '../loop/statistics.js';
import type { ControllerHost } from './controller-host.js';
import { interventionsByReason, type RunFigures } from './episode-tally.js';

export interface LinkTotals {
  counters: LinkCounters;
  traffic: LinkTraffic;
  hosts: readonly ControllerHost[];
}

/** The figures that `--json` ends with; other tools rely on their names. */
export function linkFigures({ counters, traffic, hosts }: LinkTotals): RunFigures {
  const interventions = new Uint32Array(hosts[0].controller.statistics.interventions.length);
  let cycles = 0;
  let misses = 0;
  let learned = 0;
  let lost = 0;
  for (const { controller } of hosts) {
    const { statistics, memory } = controller;
    cycles += statistics.counters[Counter.cycles];
    misses += statistics.misses;
    learned += statistics.counters[Counter.learned];
    lost += memory.decisions.droppedCount;
    for (let i = 0; i < interventions.length; i++) interventions[i] += statistics.interventions[i];
  }
  const byReason = interventionsByReason(interventions);
  return {
    sessions: counters.begun,
    resumed: counters.resumed,
    released: counters.released,
    senses: counters.accepted.sense,
    commands: counters.sent.command,
    frames: counters.frames,
    frames_rejected: total(counters.rejected),
    rejected_by_code: nonZero(counters.rejected),
    hellos_refused: total(counters.refused),
    refused_by_code: nonZero(counters.refused),
    peers_cut_off: counters.cutOff,
    messages_unsent: traffic.unsent,
    cycles,
    deadline_misses: misses,
    safety_interventions: total(byReason),
    interventions_by_reason: byReason,
    updates: learned,
    lost_decisions: lost,
  };
}

/** The same for a person, several lines. */
export function linkSummary(figures: RunFigures): string {
  const lines: string[] = [];
  const row = (name: string, value: string) => lines.push(`${name.padEnd(16)}${value}`);
  row('sessions', `${figures['sessions']}, ${figures['resumed']} resumed, ${figures['released']} released`);
  row('messages', `${figures['senses']} senses, ${figures['commands']} commands`);
  row('rejected', `${figures['frames_rejected']}${listed(figures['rejected_by_code'])}`);
  row('refused', `${figures['hellos_refused']}${listed(figures['refused_by_code'])}`);
  row('cycles', `${figures['cycles']}, ${figures['deadline_misses']} deadlines missed`);
  row('safety acted', `${figures['safety_interventions']} cycles${listed(figures['interventions_by_reason'])}`);
  row('updates', String(figures['updates']));
  return `${lines.join('\n')}\n`;
}

function listed(counts: RunFigures[string]): string {
  const list = Object.entries(counts as Record<string, number>);
  return list.length === 0 ? '' : `: ${list.map(([name, count]) => `${name} ${count}`).join(', ')}`;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function nonZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
