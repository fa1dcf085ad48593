/**
 * A bandit that is no robot: which repair strategy to try on a failing build. Sixteen features describe the failure, six
 * strategies compete, and the reward is what one attempt was worth: 1 for a repair, less the minutes it took.
 *
 *   npm install && node examples/code-repair.mjs [failures] [seed]
 *
 * The world is simulated: each kind of failure hides behind noisy features, and each strategy mends some kinds well.
 */
import { ContextualBandit, RandomPolicy } from 'rfsn-controller';

const FEATURES = [
  'error_is_type',
  'error_is_import',
  'error_is_assertion',
  'error_is_timeout',
  'lines_changed',
  'files_changed',
  'tests_failed',
  'stack_depth',
  'touches_config',
  'touches_dependencies',
  'author_is_new',
  'hours_since_green',
  'flaky_before',
  'coverage',
  'file_age',
  'build_minutes',
];
const STRATEGIES = ['revert commit', 'patch types', 'fix import', 'pin dependency', 'rerun test', 'regenerate mock'];

/** Chance that each strategy repairs each kind of failure: type, import, assertion, timeout. */
const REPAIRS = [
  [0.5, 0.5, 0.55, 0.45],
  [0.9, 0.2, 0.1, 0.05],
  [0.2, 0.92, 0.05, 0.05],
  [0.1, 0.6, 0.15, 0.3],
  [0.02, 0.02, 0.25, 0.8],
  [0.15, 0.1, 0.75, 0.2],
];
const MINUTES = [4, 2, 1, 3, 6, 2];

/** mulberry32 (Tommy Ettinger): a few lines that give the same failures on every machine. */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws a failure into `context`. @returns its kind */
function nextFailure(random, context) {
  const kind = Math.floor(random() * 4);
  for (let i = 0; i < context.length; i++) context[i] = random();
  // The log tells the kind, with some noise.
  for (let i = 0; i < 4; i++) context[i] = (i === kind ? 1 : 0) + 0.6 * (random() - 0.5);
  if (kind === 1) context[9] += 1;
  if (kind === 3) context[12] += 1;
  return kind;
}

/** Lets a policy repair `failures` builds. @returns its mean reward over the last half */
function repair(policy, failures, seed) {
  const random = randomNumbers(seed);
  const context = new Float64Array(FEATURES.length);
  let earned = 0;
  for (let n = 0; n < failures; n++) {
    const kind = nextFailure(random, context);
    const strategy = policy.select(context, null);
    const repaired = random() < REPAIRS[strategy][kind];
    const reward = (repaired ? 1 : 0) - 0.05 * MINUTES[strategy];
    policy.update(context, strategy, reward, policy.lastProbability);
    if (n >= failures / 2) earned += reward;
  }
  return earned / (failures - Math.ceil(failures / 2));
}

const failures = Number(process.argv[2] ?? 20_000);
const seed = Number(process.argv[3] ?? 1);
if (!(Number.isInteger(failures) && failures >= 2 && Number.isInteger(seed) && seed >= 0)) {
  console.error('usage: node examples/code-repair.mjs [failures, at least 2] [seed, at least 0]');
  process.exit(2);
}

const shape = { n_actions: STRATEGIES.length, context_dim: FEATURES.length, random_seed: seed };
// Values differ by tenths of a repair, so the temperature is lower than the default of 1.
const bandit = new ContextualBandit({
  ...shape,
  feature_names: FEATURES,
  exploration_strategy: 'boltzmann',
  boltzmann_tau: 0.05,
  epsilon: 0.05,
});
const learned = repair(bandit, failures, seed);
const uniform = repair(new RandomPolicy(shape), failures, seed);

console.log(`${failures} failing builds, ${STRATEGIES.length} strategies, ${FEATURES.length} features, seed ${seed}`);
console.log(`uniform  mean reward ${uniform.toFixed(3)}`);
console.log(`bandit   mean reward ${learned.toFixed(3)}  (second half, exploration included)`);

bandit.frozen = true;
const context = new Float64Array(FEATURES.length);
for (const [kind, name] of ['type error', 'import error', 'failed assertion', 'timeout'].entries()) {
  context.fill(0.5);
  for (let i = 0; i < 4; i++) context[i] = i === kind ? 1 : 0;
  if (kind === 1) context[9] = 1.5;
  if (kind === 3) context[12] = 1.5;
  console.log(`${name.padEnd(17)}→ ${STRATEGIES[bandit.select(context, null)]}`);
}
console.log(learned > uniform ? 'the bandit beats uniform choice' : 'the bandit does not beat uniform choice');
process.exitCode = learned > uniform ? 0 : 1;
