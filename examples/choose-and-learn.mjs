import { createPolicy, DEFAULT_POLICY } from 'rfsn-controller';

const settings = { ...DEFAULT_POLICY.settings, n_actions: 3, context_dim: 2, random_seed: 1 };
const policy = createPolicy(DEFAULT_POLICY.name, settings);
const context = new Float64Array(2);
for (let i = 0; i < 5000; i++) {
  context[0] = Math.sin(i);
  context[1] = Math.cos(i);
  const action = policy.select(context, null); // or a mask: Uint8Array.of(1, 0, 1)
  const reward = action === 0 ? context[0] : action === 1 ? context[1] : 0.2;
  policy.update(context, action, reward, policy.lastProbability);
}
const values = new Float64Array(3);
context.set([1, 0]);
policy.values(context, values);
console.log(values); // the first action is worth most here
