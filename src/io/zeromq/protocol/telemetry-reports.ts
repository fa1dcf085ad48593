/** What watchers are told. Keys are those of the wire; seconds, SI units, angles and axes as in REP-103. */
import type { Mode } from './protocol.js';

/** One cycle, as `DecisionField` in src/memory/layout.ts records it. nil (`null`) is "there is none". */
export interface DecisionReport {
  robot: string;
  /** The decision's id: the cycle. Commands and feedback name it so. */
  n: number;
  /** When the cycle was due, on the controller's clock [s]. */
  t: number;
  /** How much later it began [s]. */
  late: number | null;
  /** From the start to the command [s]. */
  compute: number | null;
  /** Since the start of the cycle before [s]. */
  period: number | null;
  /** Deadline: 0 met, 1 woken late, 2 computed long. */
  miss: number;
  /** The direction chosen, 0 … 7; null where there was nothing to choose. */
  action: number | null;
  /** The policy's probability of that action; null where none was chosen. */
  p: number | null;
  /** Bit k: direction k was allowed. */
  allowed: number;
  /** Safety's reason code. */
  why: number;
  /** 0 nobody, 1 the policy, 2 the fallback rule, 3 stop. */
  driver: number;
  /** The command [m/s, m/s, rad/s]. */
  twist: readonly (number | null)[];
  /** In `odom` [m, m, rad]. */
  pose: readonly (number | null)[];
  /** The newest goal in `odom` [m, m]; null before the first. */
  goal: readonly (number | null)[] | null;
  /** Goals so far. */
  goals: number;
  /** Whether the robot stands at its goal. */
  arrived: boolean;
  /** The last reward that was paid in this cycle; null where none was. */
  reward: number | null;
  /** The decision that it was for. */
  rewarded: number | null;
  /** All that was paid in this cycle, and for how many decisions. */
  reward_sum: number | null;
  reward_count: number;
  /** Updates that the policy has learned from in this run. */
  updates: number;
  /** Alarms of the watch for drift in this run. */
  drift_alarms: number;
  /** Ages of the readings used [s]; null before the first. */
  odom_age: number | null;
  ranges_age: number | null;
  /** Their stamps [s]. */
  odom_t: number | null;
  ranges_t: number | null;
  /** The policy's value of each direction; null where nothing was chosen. */
  values: readonly (number | null)[] | null;
  /** The policy's probability of each direction; null where nothing was chosen. */
  dist: readonly (number | null)[] | null;
  /** The 24 features, and the same scaled. */
  raw: readonly (number | null)[];
  scaled: readonly (number | null)[];
}

/** How a controller does. What concerns the link is absent where no robot drives through it. */
export interface StateReport {
  /** On the controller's clock [s]. */
  t: number;
  robot: string;
  session?: number;
  mode?: Mode;
  /** `idle`: no robot. `waiting`: its readings have not come. `driving`. `stopped`: by `stop`. `ending`. */
  state: string;
  armed: boolean;
  frozen: boolean;
  /** Reason code of the newest command. */
  why: number;
  /** Cycles a second, over the last period of the report [Hz]. */
  rate: number | null;
  cycles: number;
  /** Deadlines missed: woken late, computed long. */
  misses: { late: number; long: number };
  /** Median and 99th percentile [s]. */
  lateness: readonly (number | null)[];
  compute: readonly (number | null)[];
  /** Of the newest readings [s]; null before the first. */
  age: { odom: number | null; ranges: number | null; contacts: number | null };
  /** Updates that the policy has learned from. */
  updates: number;
  /** Mean of the rewards learned from in this run; null before the first. */
  reward: number | null;
  /** Cycles in which safety intervened, by the label of its reason. */
  interventions: Readonly<Record<string, number>>;
  /** Whether the breaker is open: the rule drives. */
  breaker: boolean;
  drift_alarms: number;
  /** Readings refused, by input and reason. */
  readings: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Frames of the link rejected, by error code. */
  rejected?: Readonly<Record<string, number>>;
  /** Hellos refused, by refusal code. */
  refused?: Readonly<Record<string, number>>;
  /** Robots released for their silence. */
  released?: number;
  /** Peers cut off for their rate. */
  cut_off?: number;
  /** Connections to each socket. */
  peers?: { drive: number; watch: number; administer: number };
  /** Decision records that the main thread was too late to read. */
  lost_decisions: number;
  /** The process's resident memory [bytes]. */
  memory_bytes: number;
  policy: string;
}

/** A checkpoint that was written, file and all. */
export interface CheckpointReport {
  /** On the controller's clock [s]. */
  t: number;
  robot: string;
  /** The file's bare name. */
  file: string;
  /** What the checkpoint had learned from: cycles, updates and, of training, episodes. */
  cycles: number;
  updates: number;
  episodes?: number;
  /** Length of `data`. */
  bytes: number;
  /** SHA-256 of `data`, hexadecimal. */
  sha256: string;
  /** The file: docs/ARCHITECTURE.md says how it is laid out. */
  data: Uint8Array;
}
