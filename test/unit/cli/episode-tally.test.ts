import { describe, expect, it } from 'vitest';
import { type EpisodeReport, Outcome } from '../../../sim/index.js';
import {
  EpisodeTally,
  episodeLine,
  interventionsByReason,
  runFigures,
  runSummary,
} from '../../../src/cli/episode-tally.js';
import { ControlStatistics, Counter, STATISTICS_BYTES } from '../../../src/loop/statistics.js';
import { DECISION_DOUBLES, DecisionField } from '../../../src/memory/layout.js';
import { Reason } from '../../../src/memory/reason.js';
import { PendingCount } from '../../../src/policy/pending-rewards.js';

function report(changes: Partial<EpisodeReport>): EpisodeReport {
  return {
    episode: 0,
    outcome: Outcome.success,
    touched: false,
    atFault: false,
    episodeTimeS: 5,
    timeToGoalS: 5,
    minimumClearance: 0.3,
    barnWorld: null,
    barnScore: null,
    redirected: false,
    ...changes,
  };
}

function rewarded(reward: number): Float64Array {
  const record = new Float64Array(DECISION_DOUBLES);
  record[DecisionField.reward] = reward;
  record[DecisionField.rewardSum] = Number.isNaN(reward) ? 0 : reward;
  record[DecisionField.rewardCount] = Number.isNaN(reward) ? 0 : 1;
  return record;
}

const statistics = () => new ControlStatistics(new SharedArrayBuffer(STATISTICS_BYTES), 0);

describe('the tally of a run', () => {
  it('counts outcomes as shares, a failed episode at its time limit', () => {
    const tally = new EpisodeTally();
    tally.episode(report({}));
    tally.episode(report({ outcome: Outcome.collision, atFault: true, timeToGoalS: 60 }));
    tally.episode(report({ outcome: Outcome.collision, timeToGoalS: 60 }));
    tally.episode(report({ outcome: Outcome.timeout, timeToGoalS: 60 }));
    const figures = runFigures(tally, statistics(), 'abc', false);
    expect(figures).toMatchObject({
      ...{ episodes: 4, success_rate: 0.25, collision_rate: 0.5, at_fault_collision_rate: 0.25, timeout_rate: 0.25 },
      ...{ mean_time_to_goal_s: 46.25, mean_reward: null, state_hash: 'abc' },
    });
  });

  it('leaves episodes that were given another goal out of all but their own count', () => {
    const tally = new EpisodeTally();
    tally.episode(report({ timeToGoalS: 8 }));
    tally.decision(rewarded(0.25));
    tally.episode(report({ outcome: Outcome.timeout, timeToGoalS: 60, redirected: true }));
    tally.episode(report({ redirected: true }));
    const figures = runFigures(tally, statistics(), '', false);
    expect(figures).toMatchObject({ episodes: 1, success_rate: 1, mean_time_to_goal_s: 8, redirected_episodes: 2 });
    expect(tally.recentSuccessRate).toBe(1);
    expect(tally.episodeRewardCount).toBe(0);
    expect(runSummary(figures)).toMatch(/^episodes +1, and 2 to another goal\nsuccess +100.0 %\n/);
    expect(episodeLine(report({ redirected: true }))).toBe('episode 0: success after 5.00 s, to another goal');
  });

  it('divides by nothing where there was no episode', () => {
    const figures = runFigures(new EpisodeTally(), statistics(), '', true);
    expect(figures).toMatchObject({ episodes: 0, success_rate: null, mean_time_to_goal_s: null, barn_score: null });
    expect(runSummary(figures)).toMatch(/^episodes +0\nsuccess +-\n/);
  });

  it('means rewards over the decisions that earned one', () => {
    const tally = new EpisodeTally();
    tally.decision(rewarded(1));
    tally.decision(rewarded(Number.NaN));
    tally.decision(rewarded(0));
    expect(tally.recentMeanReward).toBe(0.5);
    tally.episode(report({}));
    tally.decision(rewarded(5));
    expect(tally.episodeRewardSum / tally.episodeRewardCount).toBe(5);
    expect(tally.recentMeanReward).toBe(2);
    expect(runFigures(tally, statistics(), '', false)['mean_reward']).toBe(2);
  });

  it('looks back on the last 50 episodes', () => {
    const tally = new EpisodeTally();
    expect(tally.recentSuccessRate).toBeNaN();
    for (let i = 0; i < 30; i++) tally.episode(report({ outcome: Outcome.timeout }));
    for (let i = 0; i < 40; i++) tally.episode(report({}));
    expect(tally.recentSuccessRate).toBe(0.8);
  });

  it('means BARN scores only where all are known', () => {
    const tally = new EpisodeTally();
    tally.episode(report({ barnScore: 0.5 }));
    tally.episode(report({ barnScore: 0.1 }));
    expect(tally.barnScore).toBeCloseTo(0.3, 12);
    expect(runSummary(runFigures(tally, statistics(), '', true))).toMatch(/^BARN score +0\.3000$/m);
    tally.episode(report({ barnScore: null }));
    expect(tally.barnScore).toBeNull();
  });

  it('tells of feedback and of drift only where there was any', () => {
    const none = runFigures(new EpisodeTally(), statistics(), '', false);
    expect(Object.keys(none)).not.toContain('feedback');
    expect(Object.keys(none)).not.toContain('drift_alarms');
    const some = statistics();
    some.counters[Counter.feedback + PendingCount.joined] = 12;
    some.counters[Counter.feedback + PendingCount.late] = 3;
    some.counters[Counter.feedbackDropped] = 1;
    some.counters[Counter.driftAlarms] = 2;
    const figures = runFigures(new EpisodeTally(), some, '', false);
    expect(figures).toMatchObject({ feedback: { joined: 12, late: 3, dropped: 1 }, drift_alarms: 2 });
    expect(runSummary(figures)).toMatch(/^feedback +joined 12, late 3, dropped 1\ndrift alarms +2$/m);
  });

  it('lists interventions by reason, the most frequent first, and leaves states out', () => {
    const counts = new Uint32Array(64);
    counts[Reason.slowed] = 3;
    counts[Reason.obstacle] = 7;
    counts[Reason.noGoal] = 100;
    expect(Object.entries(interventionsByReason(counts))).toEqual([
      ['obstacle', 7],
      ['slowed', 3],
    ]);
  });
});
