/** What a run's episodes amount to: the figures of `sim` and `train`. */
import { type EpisodeReport, Outcome } from '../../sim/index.js';
import type { ControlStatistics } from '../loop/statistics.js';
import { Counter } from '../loop/statistics.js';
import { DecisionField } from '../memory/layout.js';
import { isIntervention, REASON_LABELS } from '../memory/reason.js';
import { PendingCount } from '../policy/pending-rewards.js';

/** Episodes that the live line looks back on. */
export const RECENT_EPISODES = 50;

export const OUTCOME_NAMES = ['running', 'success', 'collision', 'timeout'] as const;

export class EpisodeTally {
  episodes = 0;
  successes = 0;
  collisions = 0;
  atFaultCollisions = 0;
  timeouts = 0;
  /** Episodes that an operator gave another goal. They are in none of the other figures: what they say is not the task's. */
  redirected = 0;
  /** A failed episode counts at its time limit [s]. */
  timeToGoalSumS = 0;
  rewardSum = 0;
  rewardCount = 0;
  /** Of the episode under way. */
  episodeRewardSum = 0;
  episodeRewardCount = 0;
  #scoreSum = 0;
  #scoresUnknown = 0;
  readonly #recent: { success: boolean; rewardSum: number; rewardCount: number }[] = [];

  /** Takes in one decision record. */
  decision(record: Float64Array): void {
    const sum = record[DecisionField.rewardSum];
    const count = record[DecisionField.rewardCount];
    this.rewardSum += sum;
    this.rewardCount += count;
    this.episodeRewardSum += sum;
    this.episodeRewardCount += count;
  }

  /** Takes in the end of an episode; `episodeRewardSum` and `…Count` begin anew at the next `decision`. */
  episode(report: EpisodeReport): void {
    if (report.redirected) {
      this.redirected++;
      this.episodeRewardSum = 0;
      this.episodeRewardCount = 0;
      return;
    }
    const success = report.outcome === Outcome.success;
    this.episodes++;
    if (success) this.successes++;
    if (report.outcome === Outcome.timeout) this.timeouts++;
    if (report.outcome === Outcome.collision) {
      this.collisions++;
      if (report.atFault) this.atFaultCollisions++;
    }
    this.timeToGoalSumS += report.timeToGoalS;
    if (report.barnScore === null) this.#scoresUnknown++;
    else this.#scoreSum += report.barnScore;
    this.#recent.push({ success, rewardSum: this.episodeRewardSum, rewardCount: this.episodeRewardCount });
    if (this.#recent.length > RECENT_EPISODES) this.#recent.shift();
    this.episodeRewardSum = 0;
    this.episodeRewardCount = 0;
  }

  /** Of the last 50 episodes; NaN before the first has ended. */
  get recentSuccessRate(): number {
    let successes = 0;
    for (const { success } of this.#recent) if (success) successes++;
    return successes / this.#recent.length;
  }

  /** Mean reward of a decision over the last 50 episodes and the one under way; NaN where there is none. */
  get recentMeanReward(): number {
    let sum = this.episodeRewardSum;
    let count = this.episodeRewardCount;
    for (const { rewardSum, rewardCount } of this.#recent) {
      sum += rewardSum;
      count += rewardCount;
    }
    return sum / count;
  }

  /** BARN's score, the mean over all episodes; null where that of any is unknown, or there is none. */
  get barnScore(): number | null {
    return this.episodes === 0 || this.#scoresUnknown > 0 ? null : this.#scoreSum / this.episodes;
  }
}

export interface RunFigures {
  /** Null where nothing is to be divided by. */
  [name: string]: number | string | null | Record<string, number>;
}

/** The figures that `--json` ends with; other tools rely on their names. */
export function runFigures(
  tally: EpisodeTally,
  statistics: ControlStatistics,
  stateHash: string,
  isBarn: boolean,
): RunFigures {
  const driftAlarms = statistics.counters[Counter.driftAlarms];
  const feedback = feedbackFigures(statistics);
  return {
    ...episodeFigures(tally),
    mean_reward: tally.rewardCount === 0 ? null : tally.rewardSum / tally.rewardCount,
    cycles: statistics.counters[Counter.cycles],
    deadline_misses: statistics.misses,
    safety_interventions: statistics.interventionCount,
    interventions_by_reason: interventionsByReason(statistics.interventions),
    state_hash: stateHash,
    ...(driftAlarms > 0 ? { drift_alarms: driftAlarms } : {}),
    ...(Object.keys(feedback).length > 0 ? { feedback } : {}),
    ...(isBarn ? { barn_score: tally.barnScore } : {}),
  };
}

/** Those of them that the robot's world knows by itself. */
export function episodeFigures(tally: EpisodeTally): RunFigures {
  const share = (count: number) => (tally.episodes === 0 ? null : count / tally.episodes);
  return {
    episodes: tally.episodes,
    success_rate: share(tally.successes),
    collision_rate: share(tally.collisions),
    at_fault_collision_rate: share(tally.atFaultCollisions),
    timeout_rate: share(tally.timeouts),
    mean_time_to_goal_s: share(tally.timeToGoalSumS),
    ...(tally.redirected > 0 ? { redirected_episodes: tally.redirected } : {}),
  };
}

/** How one episode ended, in a line. */
export function episodeLine(report: EpisodeReport): string {
  return `episode ${report.episode}: ${OUTCOME_NAMES[report.outcome]} after ${report.episodeTimeS.toFixed(2)} s${report.redirected ? ', to another goal' : ''}`;
}

/** What became of rewards from outside, and of the decisions that waited for them; what is 0 is left out. */
export function feedbackFigures(statistics: ControlStatistics): Record<string, number> {
  const { counters } = statistics;
  const figures: Record<string, number> = {};
  for (const [name, index] of Object.entries(PendingCount)) {
    if (counters[Counter.feedback + index] > 0) figures[name] = counters[Counter.feedback + index];
  }
  if (counters[Counter.feedbackDropped] > 0) figures['dropped'] = counters[Counter.feedbackDropped];
  return figures;
}

/** Cycles by the reason for which safety acted, the most frequent first. */
export function interventionsByReason(interventions: Uint32Array): Record<string, number> {
  const found: [string, number][] = [];
  for (let reason = 1; reason < REASON_LABELS.length; reason++) {
    if (interventions[reason] > 0 && isIntervention(reason)) found.push([REASON_LABELS[reason], interventions[reason]]);
  }
  return Object.fromEntries(found.sort((a, b) => b[1] - a[1]));
}

/** The same figures for a person, several lines. */
export function runSummary(figures: RunFigures): string {
  const lines: string[] = [];
  const row = (name: string, value: string) => lines.push(`${name.padEnd(16)}${value}`);
  const percent = (name: string) => {
    const value = figures[name];
    return typeof value === 'number' ? `${(100 * value).toFixed(1)} %` : '-';
  };
  const number = (name: string, digits: number, unit = '') => {
    const value = figures[name];
    return typeof value === 'number' ? `${value.toFixed(digits)}${unit}` : '-';
  };
  const redirected = figures['redirected_episodes'];
  row('episodes', `${figures['episodes']}${redirected ? `, and ${redirected} to another goal` : ''}`);
  row('success', percent('success_rate'));
  row('collisions', `${percent('collision_rate')}, ${percent('at_fault_collision_rate')} at the robot's fault`);
  row('timeouts', percent('timeout_rate'));
  row(
    'time to goal',
    number(
      'mean_time_to_goal_s',
      2,
      figures['success_rate'] === 1 ? ' s' : ' s, a failed episode counted at its time limit',
    ),
  );
  if ('mean_reward' in figures) row('mean reward', number('mean_reward', 3));
  if ('barn_score' in figures) row('BARN score', number('barn_score', 4));
  if ('cycles' in figures) row('cycles', `${figures['cycles']}, ${figures['deadline_misses']} deadlines missed`);
  if ('commands' in figures) {
    row('commands', `${figures['commands']} for ${figures['senses']} senses, ${figures['commands_expired']} expired`);
    row('sessions', String(figures['sessions']));
  }
  const reasons = Object.entries(figures['interventions_by_reason'] as Record<string, number>);
  const list = reasons.map(([name, count]) => `${name} ${count}`).join(', ');
  const unit = 'cycles' in figures ? 'cycles' : 'commands';
  row('safety acted', `${figures['safety_interventions']} ${unit}${list === '' ? '' : `: ${list}`}`);
  if ('feedback' in figures) {
    const counts = Object.entries(figures['feedback'] as Record<string, number>);
    row('feedback', counts.map(([name, count]) => `${name} ${count}`).join(', '));
  }
  if ('drift_alarms' in figures) row('drift alarms', String(figures['drift_alarms']));
  if ('state_hash' in figures) row('state', String(figures['state_hash']));
  return `${lines.join('\n')}\n`;
}
