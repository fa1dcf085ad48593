import { createPolicy, PendingCount, PendingRewards } from 'rfsn-controller';

const policy = createPolicy('lints', { n_actions: 2, context_dim: 1, random_seed: 1 });
const pending = new PendingRewards(policy, { capacity: 100, timeoutNs: 60e9 });
const context = new Float64Array(1);
const chosen = [];
for (let second = 0; second < 3000; second++) {
  context[0] = Math.sin(second);
  chosen[second] = policy.select(context, null);
  pending.enter(second, context, chosen[second], policy.lastProbability, second * 1e9);
  // What the choice of 20 s ago earned is known now, and of every tenth it never is.
  const id = second - 20;
  if (id >= 0 && id % 10 !== 0) pending.join(id, chosen[id] === 0 ? Math.sin(id) : -Math.sin(id));
  pending.expire(second * 1e9);
}
console.log(`joined ${pending.counts[PendingCount.joined]}, expired ${pending.counts[PendingCount.expired]}`);
console.log(`mean reward ${policy.stats().meanReward.toFixed(2)}; the best possible is 0.64`);
