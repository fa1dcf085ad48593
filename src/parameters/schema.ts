/**
 * Every parameter of the controller, once. The YAML loader, the command line's help, the reference in
 * docs/parameters.md and the ROS declarations are generated from the table below; a new parameter is one entry in it.
 */
import { z } from 'zod';
import { ParameterError } from './parameter-error.js';

export type ParameterType = 'number' | 'integer' | 'boolean' | 'string' | 'enum';
export type ParameterValue = number | boolean | string;

interface Entry {
  /** As in SI, with prefixes spelt out in the name (`_us`); empty where the value has no unit. */
  readonly unit: string;
  readonly description: string;
  /** Read once, at start-up. ROS refuses to set such a parameter on a running node. */
  readonly readOnly: boolean;
}
interface NumericEntry extends Entry {
  readonly type: 'number' | 'integer';
  readonly default: number;
  /** Both ends are allowed. */
  readonly min: number;
  readonly max: number;
}
interface BooleanEntry extends Entry {
  readonly type: 'boolean';
  readonly default: boolean;
}
interface StringEntry extends Entry {
  readonly type: 'string';
  readonly default: string;
  readonly minLength: number;
  readonly maxLength: number;
}
interface EnumEntry<Choice extends string = string> extends Entry {
  readonly type: 'enum';
  readonly default: Choice;
  readonly values: readonly Choice[];
}

/** One row of the table, with its dotted name. */
export type ParameterDefinition = { readonly name: ParameterName } & AnyEntry;
type AnyEntry = NumericEntry | BooleanEntry | StringEntry | EnumEntry;

function number(value: number, min: number, max: number, unit: string, description: string): NumericEntry {
  return { type: 'number', default: value, min, max, unit, description, readOnly: true };
}
function integer(value: number, min: number, max: number, unit: string, description: string): NumericEntry {
  return { type: 'integer', default: value, min, max, unit, description, readOnly: true };
}
/** May also be changed on a running controller: what `Controller.tune` takes. */
function tunable<E extends Entry>(entry: E): E {
  return { ...entry, readOnly: false };
}
function boolean(value: boolean, description: string): BooleanEntry {
  return { type: 'boolean', default: value, unit: '', description, readOnly: true };
}
function text(value: string, minLength: number, maxLength: number, description: string): StringEntry {
  return { type: 'string', default: value, minLength, maxLength, unit: '', description, readOnly: true };
}
function choice<const Choice extends string>(
  value: NoInfer<Choice>,
  values: readonly Choice[],
  description: string,
): EnumEntry<Choice> {
  return { type: 'enum', default: value, values, unit: '', description, readOnly: true };
}

const entries = {
  // The cycle.
  controller_frequency: number(
    50,
    1,
    2000,
    'Hz',
    'Cycles per second. Each cycle makes one decision and sends one command. With `trigger: observation` it is the highest rate.',
  ),
  trigger: choice(
    'time',
    ['time', 'observation'],
    'What starts a cycle: the schedule alone, or a new observation, and the schedule where none comes.',
  ),
  overrun_policy: choice(
    'skip',
    ['skip', 'catch_up'],
    'After a cycle that ran past the next start: leave the missed starts out, or run them at once, one after the other. The schedule itself never shifts.',
  ),
  spin_margin_us: integer(
    80,
    0,
    10_000,
    'µs',
    'How long before its start a cycle stops sleeping and spins. More costs processor time, less costs lateness; 0 never spins.',
  ),
  deadline_fraction: number(
    0.5,
    0.01,
    1,
    '',
    'Deadline of a cycle, counted from its scheduled start, as a fraction of the period. A cycle that misses it does not send the command its policy chose.',
  ),
  breaker_open_misses: integer(
    5,
    1,
    1000,
    'cycles',
    'So many deadlines missed in a row open the breaker: the rule-based fallback drives, and learning freezes.',
  ),
  breaker_close_cycles: integer(
    50,
    1,
    100_000,
    'cycles',
    'So many cycles in a row within their deadlines close the breaker again.',
  ),
  watchdog_timeout_s: number(
    0.25,
    0.01,
    10,
    's',
    'When the count of cycles stands still for so long, the main thread sends zero velocity itself. At least two periods.',
  ),
  heartbeat_timeout_s: number(
    0.5,
    0.01,
    10,
    's',
    'When the main thread has shown no sign of life for so long, the control thread commands a stop.',
  ),
  decision_ring_records: integer(
    4096,
    64,
    1_048_576,
    'records',
    'Decisions that wait for the flight log and the metrics. When it is full the oldest are dropped, and counted.',
  ),

  // What comes in.
  max_beams: integer(
    2048,
    1,
    16_384,
    'beams',
    'The largest scan that is accepted; its memory is set aside at start-up. A scan with more beams is refused.',
  ),
  odometry_timeout_s: number(0.25, 0.01, 60, 's', 'Odometry older than this is stale, and the robot stops.'),
  ranges_timeout_s: number(0.25, 0.01, 60, 's', 'A scan older than this is stale, and the robot stops.'),
  contacts_timeout_s: number(
    0.5,
    0.01,
    60,
    's',
    'A contact reading older than this is stale, and the robot stops, once its sensors have reported at all or if `contacts_required`.',
  ),
  contacts_required: boolean(
    false,
    'Whether the robot has contact sensors it must not drive without. When false, a robot that never reported a contact may drive.',
  ),

  // The robot. Defaults: Clearpath Jackal.
  'robot.drive': choice(
    'differential',
    ['differential', 'omnidirectional'],
    'How the robot moves: forward and turning (v, ω), or in every direction (vx, vy).',
  ),
  'robot.length': number(
    0.508,
    0.05,
    10,
    'm',
    'Footprint along x of `base_link`, which is its centre. With everything the robot carries.',
  ),
  'robot.width': number(0.43, 0.05, 10, 'm', 'Footprint along y of `base_link`, which is its centre.'),
  'robot.max_speed': tunable(
    number(
      2,
      0.01,
      20,
      'm/s',
      'Highest speed ever commanded, in any direction. On a running controller it can be lowered, and raised again up to what it started with.',
    ),
  ),
  'robot.max_yaw_rate': tunable(
    number(
      4,
      0.01,
      50,
      'rad/s',
      'Highest turning rate ever commanded. On a running controller it can be lowered, and raised again up to what it started with.',
    ),
  ),
  'robot.max_acceleration': number(
    20,
    0.01,
    200,
    'm/s²',
    'Highest change of speed. Stopping distances are computed with it: never state more than the brakes hold on the floor they drive on.',
  ),
  'robot.max_yaw_acceleration': number(25, 0.01, 500, 'rad/s²', 'Highest change of the turning rate.'),
  'robot.max_jerk': number(
    400,
    0.01,
    1e6,
    'm/s³',
    'Highest change of acceleration; the default reaches full acceleration in 50 ms.',
  ),
  'robot.max_yaw_jerk': number(
    800,
    0.01,
    1e6,
    'rad/s³',
    'Highest change of the yaw acceleration; the default reaches the full one in 31 ms.',
  ),

  // Safety.
  'safety.margin': number(
    0.03,
    0,
    2,
    'm',
    'Kept free around the footprint wherever the robot moves. Covers what the ranges and the pose are wrong by.',
  ),
  'safety.reaction_time_s': number(
    0.06,
    0.001,
    5,
    's',
    'From something appearing in front of the sensor to the brakes taking hold: age of the scan, the wait for the next cycle, the drive’s delay. At least one period. Enters every stopping distance.',
  ),
  'safety.planning_margin': number(
    0.03,
    0,
    2,
    'm',
    'Kept free beside a planned way, beyond `safety.margin`, so that following it does not wake the brakes.',
  ),
  'safety.lookahead': number(3, 0.1, 50, 'm', 'How far ahead the ways of the 72 headings are looked at.'),
  'safety.contact_threshold': number(2, 0, 10_000, 'N', 'A contact force above this stops the robot.'),

  // From a direction to a twist.
  'steering.passable_distance': number(
    0.7,
    0.05,
    50,
    'm',
    'A heading with this much free way is passable; of these, the one nearest the goal is steered along.',
  ),
  'steering.blocked_distance': number(
    0.3,
    0.01,
    50,
    'm',
    'A direction in which no heading has this much free way is not offered to the policy.',
  ),
  'steering.turn_gain': number(5, 0.1, 100, '1/s', 'Turning rate for each radian of heading error.'),
  'steering.turn_in_place_angle': number(
    1,
    0.05,
    3.15,
    'rad',
    'From this heading error on, a differential robot turns on the spot; below, it drives the slower the larger the error.',
  ),
  'steering.cruise_deceleration': number(
    3,
    0.01,
    200,
    'm/s²',
    'Sets the cruising speed: the robot could stop with this before the end of the free way ahead.',
  ),
  'steering.heading_inertia': number(0.2, 0, 10, '', 'What a change of heading costs beside the angle to the goal.'),
  'steering.creep_speed': number(0.2, 0.01, 2, 'm/s', 'Speed backwards, and out of tight places.'),

  // The policy.
  policy: choice(
    'squarecb',
    [
      'bandit',
      'linucb',
      'lints',
      'bootstrapped-ts',
      'squarecb',
      'regcb',
      'epsilon-greedy',
      'softmax',
      'ucb1',
      'beta-bernoulli',
      'random',
      'fallback',
    ],
    'Who decides: a policy that learns, a uniform draw (`random`), or the rule alone (`fallback`).',
  ),
  arms: choice(
    'tied',
    ['disjoint', 'tied', 'hybrid'],
    'How directions share what is learned: each has a model of its own over the same features (`disjoint`), one model sees every direction’s features in its own frame (`tied`), or the sum of both (`hybrid`).',
  ),
  n_actions: integer(8, 8, 8, 'actions', 'Movement directions, k · 45° in `base_link`. Fixed in the robot’s cycle.'),
  context_dim: integer(24, 24, 24, 'features', 'Features of one decision. Fixed in the robot’s cycle.'),
  regressor: choice(
    'ridge',
    ['ridge', 'gd'],
    'What learns the values of `epsilon-greedy`, `softmax` and `squarecb`: ridge regression, which keeps the inverse of all evidence, or the gradient descent of `bandit`.',
  ),
  learning_rate: number(0.1, 1e-6, 10, '', 'Step size η of an update by gradient descent.'),
  power_t: number(
    0.5,
    0,
    1,
    '',
    'Exponent of the gradient accumulator while `adaptive`; exponent of the learning rate’s decay when not.',
  ),
  initial_t: number(
    1,
    0,
    1e9,
    'examples',
    'Examples of unit gradient taken as already seen: where accumulators and time start. More means smaller first steps.',
  ),
  adaptive: boolean(true, 'A learning rate of its own for every weight (AdaGrad).'),
  normalized: boolean(true, 'Updates do not depend on the scale of a feature.'),
  invariant: boolean(true, 'Importance-aware updates, which never overshoot the reward they learn from.'),
  cb_type: choice(
    'dm',
    ['dm', 'mtr'],
    'How the probability of an action weighs its update: not at all (`dm`), or by its inverse (`mtr`), which is unbiased over all contexts and has more variance.',
  ),
  importance_cap: number(20, 1, 1e6, '', 'The most that `mtr` weighs an update.'),
  exploration_strategy: choice(
    'softmax',
    ['epsilon', 'softmax', 'boltzmann'],
    'How an action is drawn from its values: the best one, by softmax with τ = 1, or by softmax with `boltzmann_tau`. Each is mixed with `epsilon`.',
  ),
  epsilon: tunable(
    number(0.1, 0, 1, '', 'Share of decisions that are drawn uniformly from the allowed actions, whatever the policy.'),
  ),
  epsilon_final: number(0, 0, 1, '', 'Where `epsilon` ends after `epsilon_decay_steps`.'),
  epsilon_decay_steps: integer(
    0,
    0,
    1_000_000_000,
    'decisions',
    'Decisions over which `epsilon` goes to `epsilon_final`; with 0 it stays as it is.',
  ),
  epsilon_decay: choice(
    'linear',
    ['linear', 'exponential'],
    'How `epsilon` goes to its end: by the same step each time, or by the same share, which needs an `epsilon_final` above 0.',
  ),
  boltzmann_tau: number(
    1,
    1e-6,
    1e6,
    '',
    'Temperature τ of `boltzmann`, in units of reward: near 0 the best action, large all alike.',
  ),
  tau: number(
    0.1,
    1e-6,
    1e6,
    '',
    'Temperature τ of the policy `softmax`, in units of reward; the first where it decays.',
  ),
  tau_final: number(0.01, 1e-6, 1e6, '', 'Where `tau` ends after `tau_decay_steps`.'),
  tau_decay_steps: integer(
    0,
    0,
    1_000_000_000,
    'decisions',
    'Decisions over which `tau` goes to `tau_final`; with 0 it stays as it is.',
  ),
  tau_decay: choice(
    'exponential',
    ['linear', 'exponential'],
    'How `tau` goes to its end: by the same step each time, or by the same share.',
  ),
  alpha: number(
    1,
    0,
    1e6,
    '',
    'Exploration of `linucb`: standard deviations that an uncertain value is credited with.',
  ),
  sampling_scale: number(
    0.25,
    0,
    1e6,
    '',
    'Exploration of `lints`, v in the literature: standard deviation of a draw, in those of the value for rewards with noise of variance 1.',
  ),
  n_bootstraps: integer(
    10,
    1,
    1000,
    'replicates',
    'Regressions of `bootstrapped-ts`; an action is drawn by the share of them that favour it.',
  ),
  regcb_mode: choice(
    'optimistic',
    ['optimistic', 'elimination'],
    'What `regcb` does with its bounds: take the action whose upper bound is highest, or draw among all that may be the best.',
  ),
  mellowness: number(0.1, 0, 1e9, '', 'Width of the bounds of `regcb`, c₀: more explores more.'),
  gamma_scale: number(100, 0, 1e9, '', 'Sharpness γ of `squarecb` after its first update: more is greedier.'),
  gamma_exponent: number(0.5, 0, 2, '', 'With which power of the updates the sharpness of `squarecb` grows.'),
  confidence: number(1, 0, 1e6, '', 'Multiplies the confidence bound of `ucb1`; 1 is the literature’s.'),
  prior_success: number(1, 0.25, 1e6, '', 'Successes that `beta-bernoulli` takes every action to have had.'),
  prior_failure: number(1, 0.25, 1e6, '', 'Failures that `beta-bernoulli` takes every action to have had.'),
  ridge: number(1, 1e-9, 1e9, '', 'Evidence λ that every weight of a ridge regression is 0, before its first example.'),
  discount: number(
    1,
    1e-6,
    1,
    '',
    'What evidence is multiplied with at each later update, so that old experience fades; 1 forgets nothing.',
  ),
  trace_limit: number(
    1,
    1,
    1e6,
    '',
    'How often the uncertainty of a ridge regression may be its first one, where evidence fades or is forgotten.',
  ),
  drift: choice(
    'off',
    ['off', 'alarm', 'reset'],
    'What a lasting rise of the prediction error does (Page–Hinkley): nothing, is counted and told, or makes the policy forget as well.',
  ),
  drift_delta: number(0.2, 0, 1e6, 'σ', 'Rise of the prediction error that is let pass, in its standard deviations.'),
  // Rewards of consecutive decisions look at the same 0.3 s: fifteen errors in a row tell what one does, and the evidence
  // of the library's 40 has to be fifteen times as much. 200 episodes each of clutter, moving and caves: no alarm.
  drift_threshold: number(
    600,
    1e-3,
    1e9,
    'σ',
    'Evidence of a rise that is an alarm. Errors of decisions that follow one another within `reward.horizon_s` resemble each other and add up to false evidence: where that is longer, this should be larger.',
  ),
  drift_minimum: integer(200, 2, 1_000_000_000, 'updates', 'Updates before the first alarm, and after each.'),
  drift_floor: number(0.05, 1e-6, 1, '', 'Share of what was known that a reset keeps.'),
  drift_keeps: choice(
    'mean',
    ['mean', 'evidence'],
    'What `drift_floor` is a share of in a ridge regression: the estimates, without evidence for them, or the evidence.',
  ),
  reward_min: number(
    -10,
    -1e9,
    1e9,
    '',
    'A decision earns at least this: a smaller reward that the cycle measures counts as this one. `squarecb`, `regcb`, `ucb1` and `beta-bernoulli` measure in the range.',
  ),
  reward_max: number(10, -1e9, 1e9, '', 'A decision earns at most this: a larger reward counts as this one.'),
  l2_regularization: number(1e-5, 0, 1, '', 'Pull of the weights toward zero, in proportion to their size.'),
  l1_regularization: number(0, 0, 1, '', 'Pull of the weights toward zero, the same for each; makes the table sparse.'),
  bits: integer(
    18,
    6,
    24,
    'bits',
    'Features of `bandit` and the other policies of gradient descent are hashed into 2^bits places, as in Vowpal Wabbit; only places that a feature reaches take memory.',
  ),
  interactions: choice('none', ['none', 'quadratic'], 'Whether products of two features are features too.'),
  hash_bits: integer(12, 4, 24, 'bits', 'Products of features are hashed into 2^hash_bits places.'),
  random_seed: integer(
    42,
    0,
    4_294_967_295,
    '',
    'Seed of every random draw: the same seed and the same inputs give the same bits.',
  ),
  'scaling.freeze_after': integer(
    0,
    0,
    1_000_000_000,
    'observations',
    'Observations after which the running mean and variance of the features stand still; with 0 they never do.',
  ),

  // Checkpoints.
  model_dir: text('models', 1, 4096, 'Folder of the checkpoints. Empty or absent means an untrained policy.'),
  save_frequency: integer(100, 1, 1_000_000, 'episodes', 'A checkpoint is written every so many episodes.'),
  checkpoint_period_s: number(
    30,
    0.1,
    86_400,
    's',
    'A live run, which may know no episodes, also writes a checkpoint this often.',
  ),
  checkpoint_generations: integer(
    5,
    1,
    1000,
    'files',
    'Checkpoints kept. The newest good one is used, so that one damaged file loses one period.',
  ),

  // The reward.
  'reward.progress': number(2, 0, 1000, 's/m', 'Weight of the speed at which the distance to the goal shrinks.'),
  'reward.turn_progress': number(
    0.2,
    0,
    1000,
    's/rad',
    'Weight of the rate at which the bearing of the goal turns toward straight ahead.',
  ),
  'reward.clearance': number(
    0,
    0,
    1000,
    '',
    'Subtracted in proportion to nearness, which is 1 at an obstacle and 0 from `reward.clearance_scale` on.',
  ),
  'reward.clearance_scale': number(1, 0.001, 100, 'm', 'Distance from which on obstacles cost nothing.'),
  'reward.contact': number(0.7, 0, 1000, '1/N', 'Weight of the contact force, which is subtracted.'),
  'reward.contact_limit': number(
    10,
    0,
    10_000,
    'N',
    'Force from which on contact costs no more: one hard blow must not outweigh all that was learned.',
  ),
  'reward.smoothness': number(
    0.1,
    0,
    1000,
    '1/sector',
    'Weight of the change of direction since the previous decision, in sectors of 45°, which is subtracted.',
  ),
  'reward.arrival': number(5, 0, 1000, '', 'Earned once, when the goal is reached.'),
  'reward.time': number(0.02, 0, 1000, '', 'Subtracted with every decision.'),
  'reward.horizon_s': number(
    0.3,
    0.0005,
    10,
    's',
    'A decision is paid for what happened in this time after it; at least one period.',
  ),
  'reward.expression': text(
    '',
    0,
    4096,
    'A formula of your own that replaces the weighted sum, for instance `2.0*progress - 0.7*contact_force - 0.1*turn`. Empty: the weighted sum.',
  ),
  'reward.source': choice(
    'cycle',
    ['cycle', 'feedback'],
    'Where rewards come from: the cycle measures them itself after `reward.horizon_s`, or feedback from outside names a decision and what it earned.',
  ),

  // Rewards from outside.
  'feedback.timeout_s': number(
    10,
    0.001,
    86_400,
    's',
    'A decision waits so long for its reward, then it expires; a reward that comes later is counted and not learned from.',
  ),
  'feedback.capacity': integer(
    1024,
    1,
    1_048_576,
    'decisions',
    'Decisions remembered for feedback, waiting or paid; their memory is set aside at start-up. When it is full the oldest expires.',
  ),
  'feedback.expired': choice(
    'nothing',
    ['nothing', 'default'],
    'What is learned of a decision that expires: nothing, or that it earned `feedback.expired_reward`.',
  ),
  'feedback.expired_reward': number(
    0,
    -1e6,
    1e6,
    '',
    'What a decision earned whose reward never came, with `feedback.expired: default`. Within `feedback.reward_min` and `feedback.reward_max`.',
  ),
  'feedback.reward_min': number(
    -100,
    -1e6,
    1e6,
    '',
    'A smaller reward is refused and counted. With `reward.source: feedback` this range is the one that policies measure in, instead of `reward_min` and `reward_max`: a wider one makes `squarecb` explore more.',
  ),
  'feedback.reward_max': number(100, -1e6, 1e6, '', 'A larger reward is refused and counted.'),

  // The ZeroMQ link.
  'zeromq.drive_endpoint': text(
    'tcp://127.0.0.1:7471',
    1,
    256,
    'Where robots connect (ROUTER): `tcp://ADDRESS:PORT` or `ipc://PATH`. Any address but the loopback’s needs CURVE keys.',
  ),
  'zeromq.watch_endpoint': text(
    'tcp://127.0.0.1:7472',
    0,
    256,
    'Where watchers subscribe to telemetry (PUB). Empty: none.',
  ),
  'zeromq.administer_endpoint': text(
    'tcp://127.0.0.1:7473',
    0,
    256,
    'Where administrators send requests (REP). Empty: none.',
  ),
  'zeromq.keys_dir': text(
    '',
    0,
    4096,
    'Folder of CURVE keys, as `rfsn keys` makes it. Empty: no encryption, and loopback addresses only.',
  ),
  'zeromq.max_sessions': integer(
    1,
    1,
    64,
    'robots',
    'Robots driven at once, each by a controller of its own with all its memory set aside at start-up. With more than one, each robot’s checkpoints lie in a folder of its name within `model_dir`.',
  ),
  'zeromq.session_timeout_s': number(
    2,
    0.1,
    3600,
    's',
    'A robot that has been silent for so long is released, and another may take its place.',
  ),
  'zeromq.command_expiry_s': number(
    0.25,
    0.005,
    10,
    's',
    'A command is good for so long after the stamp of the reading it rests on; then the robot stops by itself. At least two periods.',
  ),
  'zeromq.heartbeat_period_s': number(
    0.5,
    0.05,
    60,
    's',
    'How often a heartbeat is sent, both ways; the offset between the clocks is estimated from them. At most half of `zeromq.session_timeout_s`.',
  ),
  'zeromq.clock_tolerance_s': number(
    0.1,
    0.001,
    60,
    's',
    'A stamp so far in the future, by the estimated offset of the robot’s clock, is refused.',
  ),
  'zeromq.max_peers': integer(
    128,
    1,
    10_000,
    'peers',
    'Connections to each of the three sockets; further ones are refused.',
  ),
  'zeromq.max_message_bytes': integer(
    131_072,
    1024,
    16_777_216,
    'bytes',
    'A longer message is not read, and its sender’s connection is cut.',
  ),
  'zeromq.peer_rate': number(
    2000,
    1,
    1_000_000,
    '1/s',
    'Messages a second of one peer; a peer that sends more for a second is cut off for ten.',
  ),
  'zeromq.high_water_mark': integer(
    200,
    1,
    100_000,
    'messages',
    'Telemetry that waits for one slow watcher; what comes on top of it is lost to that watcher, who sees the gap.',
  ),

  // A ROS 2 node.
  autostart: boolean(
    true,
    'ROS 2: the managed node configures and activates itself. Set it to false where a lifecycle manager does that.',
  ),
  enable_stamped_cmd_vel: boolean(
    true,
    'ROS 2: `cmd_vel` is a `geometry_msgs/TwistStamped`; with false it is a `geometry_msgs/Twist`.',
  ),
  contact_type: choice(
    'none',
    ['none', 'contacts', 'wrench', 'hazards'],
    'ROS 2: what contact sensors send: `ros_gz_interfaces/Contacts`, `geometry_msgs/WrenchStamped`, `irobot_create_msgs/HazardDetectionVector`, or nothing.',
  ),
  contact_force: number(
    20,
    0,
    10_000,
    'N',
    'ROS 2: what a contact counts for whose message holds no force, as those of Gazebo and of bumpers.',
  ),
  odom_frame: text('odom', 1, 255, 'ROS 2: frame of the odometry, in which goals are reckoned.'),
  base_frame: text('base_link', 1, 255, 'ROS 2: frame of the robot’s centre, to which sensors are transformed.'),
  goal_tolerance: number(0.25, 0.01, 10, 'm', 'ROS 2: distance at which a goal counts as reached.'),
  plan_lookahead: number(
    1,
    0.1,
    50,
    'm',
    'ROS 2: a plan is followed by making the point on it so far ahead the goal, until its end is.',
  ),
  transform_timeout_s: number(
    1,
    0.01,
    60,
    's',
    'ROS 2: a goal that is given in a frame of which nothing has been heard for so long stops the robot.',
  ),
  trust_stamps: boolean(
    true,
    'ROS 2: a reading is as old as its stamp says. With false its age counts from its arrival, for a robot whose clock is not this machine’s.',
  ),

  // The page and the metrics.
  'dashboard.listen': text(
    '',
    0,
    256,
    'Where the page, `/metrics`, `/livez` and `/readyz` are served: `host:port`. Empty: nowhere. Any address but the loopback’s needs `dashboard.token_file`. On a loopback address whose port is taken the next free one is used, unless `--page` asked for that one.',
  ),
  'dashboard.token_file': text(
    '',
    0,
    4096,
    'File of tokens, one a line as `role token`, with `watch` or `control` as the role; readable by its owner alone. Empty: no token is asked for, and loopback addresses only.',
  ),
  'dashboard.hosts': text(
    '',
    0,
    1024,
    'Names by which browsers may ask for the page, with commas between them, beside the address that it listens on and, on the loopback, `localhost`.',
  ),
  'dashboard.max_clients': integer(16, 1, 1024, 'pages', 'Pages open at once; further ones are refused.'),

  // The flight log.
  'log.dir': text(
    '',
    0,
    4096,
    'Folder of the flight log: every reading and every decision of a run, as MCAP, which ROS 2 and Foxglove read. Empty: none is written.',
  ),
  'log.max_file_bytes': integer(
    268_435_456,
    1_048_576,
    1_099_511_627_776,
    'bytes',
    'A file that has grown so large is closed, and the next part of the log begun.',
  ),
  'log.max_files': integer(
    20,
    1,
    100_000,
    'files',
    'Files of flight logs that the folder keeps; the oldest are removed, never the one that is written.',
  ),
  'log.queue_bytes': integer(
    33_554_432,
    65_536,
    1_073_741_824,
    'bytes',
    'What may wait for a slow disk. What comes on top of it is left out and counted, so that a run neither waits nor grows.',
  ),
  'log.explanations': boolean(
    false,
    'Whether each decision is explained in the log: what each feature added to each direction’s value. The control thread then takes a little longer after each command.',
  ),
};

export type ParameterName = keyof typeof entries;

type ValueOf<E> =
  E extends EnumEntry<infer Choice>
    ? Choice
    : E extends NumericEntry
      ? number
      : E extends BooleanEntry
        ? boolean
        : string;

/** A value for every parameter, keyed by its dotted name: a plain object that can be posted to a worker. */
export type ParameterValues = { [Name in ParameterName]: ValueOf<(typeof entries)[Name]> };

/** The table, in the order of the reference. */
export const parameterTable: readonly ParameterDefinition[] = Object.freeze(
  Object.entries(entries).map(([name, entry]) => Object.freeze({ name: name as ParameterName, ...entry })),
);

const definitions = new Map<string, ParameterDefinition>(parameterTable.map((entry) => [entry.name, entry]));
const validators = new Map<string, z.ZodType>(parameterTable.map((entry) => [entry.name, validatorOf(entry)]));

function validatorOf(entry: ParameterDefinition): z.ZodType {
  switch (entry.type) {
    case 'number':
      return z.number().min(entry.min).max(entry.max);
    case 'integer':
      return z.int().min(entry.min).max(entry.max);
    case 'boolean':
      return z.boolean();
    case 'string':
      return z.string().min(entry.minLength).max(entry.maxLength);
    case 'enum':
      return z.enum(entry.values);
  }
}

/**
 * What must hold between parameters, checked once all of them are known. `parameter` is the one that the message
 * blames.
 */
const relations: readonly {
  readonly parameter: ParameterName;
  readonly least: (values: ParameterValues) => number;
  readonly why: string;
}[] = [
  {
    parameter: 'watchdog_timeout_s',
    least: (values) => 2 / values.controller_frequency,
    why: 'two periods of controller_frequency, or the watchdog would stop a healthy robot',
  },
  {
    parameter: 'safety.reaction_time_s',
    least: (values) => 1 / values.controller_frequency,
    why: 'one period of controller_frequency, the time for which a command stays in force',
  },
  {
    parameter: 'reward.horizon_s',
    least: (values) => 1 / values.controller_frequency,
    why: 'one period of controller_frequency, or nothing would have happened yet',
  },
  {
    parameter: 'reward_max',
    least: (values) => values.reward_min + 1e-6,
    why: 'more than reward_min',
  },
  {
    parameter: 'feedback.expired_reward',
    least: (values) => values['feedback.reward_min'],
    why: 'feedback.reward_min',
  },
  {
    parameter: 'feedback.reward_max',
    least: (values) => Math.max(values['feedback.reward_min'] + 1e-6, values['feedback.expired_reward']),
    why: 'more than feedback.reward_min, and feedback.expired_reward',
  },
  {
    parameter: 'zeromq.command_expiry_s',
    least: (values) => 2 / values.controller_frequency,
    why: 'two periods of controller_frequency, or a command would expire before the next comes',
  },
  {
    parameter: 'zeromq.session_timeout_s',
    least: (values) => 2 * values['zeromq.heartbeat_period_s'],
    why: 'two periods of zeromq.heartbeat_period_s, or a robot that stands would be released',
  },
];

/** The row of a parameter, or undefined where there is none of that name. @realtime unsafe */
export function findParameter(name: string): ParameterDefinition | undefined {
  return definitions.get(name);
}

/** A fresh object with every default; the caller owns it. @realtime unsafe */
export function defaultParameters(): ParameterValues {
  return Object.fromEntries(parameterTable.map((entry) => [entry.name, entry.default])) as ParameterValues;
}

/** What a parameter may be, for people: `a number from 0 to 1`. @realtime unsafe */
export function describeAllowed(entry: ParameterDefinition): string {
  switch (entry.type) {
    case 'number':
    case 'integer': {
      if (entry.min === entry.max) return `${entry.min}`;
      const kind = entry.type === 'number' ? 'a number' : 'an integer';
      return `${kind} from ${entry.min} to ${entry.max}${entry.unit === '' ? '' : ` ${entry.unit}`}`;
    }
    case 'boolean':
      return 'true or false';
    case 'string':
      return entry.minLength === 0
        ? `text of at most ${entry.maxLength} characters`
        : `text of ${entry.minLength} to ${entry.maxLength} characters`;
    case 'enum':
      return entry.values.join(', ');
  }
}

/**
 * Sets one parameter after checking it.
 *
 * @param values changed in place
 * @param name dotted
 * @param source where the value stands, for the message
 * @throws ParameterError for an unknown name, with the nearest known one, or a value that is not allowed
 * @realtime unsafe
 */
export function setParameter(values: ParameterValues, name: string, value: unknown, source = ''): void {
  const entry = definitions.get(name);
  if (entry === undefined) {
    const nearest = nearestName(name);
    const hint = nearest === '' ? 'docs/parameters.md lists them all' : `did you mean ${nearest}?`;
    throw new ParameterError(name, `no such parameter; ${hint}`, source);
  }
  const checked = validators.get(name)!.safeParse(value);
  if (!checked.success) {
    throw new ParameterError(name, `${show(value)} is not allowed; allowed: ${describeAllowed(entry)}`, source);
  }
  (values as Record<string, ParameterValue>)[name] = checked.data as ParameterValue;
}

/**
 * Checks what must hold between parameters.
 *
 * @throws ParameterError that names the parameter, its value and the least that is allowed
 * @realtime unsafe
 */
export function checkRelations(values: ParameterValues): void {
  for (const { parameter, least, why } of relations) {
    const bound = least(values);
    if ((values[parameter] as number) >= bound) continue;
    const allowed = `at least ${`${Number(bound.toPrecision(4))} ${findParameter(parameter)!.unit}`.trim()} (${why})`;
    throw new ParameterError(parameter, `${values[parameter]} is not allowed; allowed: ${allowed}`);
  }
}

/** A value as it would be written, cut where it is long. */
function show(value: unknown): string {
  const written = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return written.length > 80 ? `${written.slice(0, 77)}…` : written;
}

/** The known name that the fewest edits turn into this one, or empty where every one is far off. */
function nearestName(name: string): string {
  let best = '';
  let fewest = Math.max(3, Math.ceil(name.length / 3)) + 1;
  for (const entry of parameterTable) {
    // The last part alone is a common slip: `margin` for `safety.margin`.
    const tail = entry.name.slice(entry.name.lastIndexOf('.') + 1);
    const edits = tail === name ? 1 : editDistance(name, entry.name);
    if (edits < fewest) {
      fewest = edits;
      best = entry.name;
    }
  }
  return best;
}

/** Insertions, deletions and substitutions between two words (Wagner & Fischer 1974). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j] + 1, row[j - 1] + 1));
    }
    previous = row;
  }
  return previous[b.length];
}
