/**
 * The messages of a flight log as CDR, little-endian, laid out as their definitions in `topics.ts` say.
 *
 * Written field by field with `CdrWriter` into one buffer that serves for every message. The general writer of
 * @foxglove/rosmsg2-serialization makes the same bytes from an object, and a test compares the two; it takes three to
 * five times as long (a decision 15 µs instead of 5, an odometry 5 instead of 1, with Node 20), and cuts strings short
 * that are not ASCII, as paths of files may be.
 */
import { CdrWriter } from '@foxglove/cdr';
import {
  ACTION_COUNT,
  CONTEXT_DIM,
  ContactsField,
  DecisionField as D,
  EXPLANATION_DOUBLES,
  ExplanationField,
  GoalField,
  OdometryField,
  RangesField,
  TuningField,
} from '../../memory/layout.js';
import {
  CHECKPOINT_EVENTS,
  type CheckpointEvent,
  EPISODE_OUTCOMES,
  type EpisodeOutcome,
  Frame,
  STATE_NAMES,
  type StateName,
} from './topics.js';

/** How the controller is; `ControllerState.msg` says what each means. */
export interface StateRecord {
  readonly state: StateName;
  /** Empty while it has not failed. */
  readonly fault: string;
  readonly armed: boolean;
  readonly halted: boolean;
  readonly frozen: boolean;
  readonly breakerOpen: boolean;
  readonly breakerOpenings: number;
  readonly cycles: number;
  readonly updates: number;
  readonly missesLate: number;
  readonly missesLong: number;
  readonly interventions: number;
  readonly driftAlarms: number;
  readonly decisionsLost: number;
}

export interface CheckpointRecord {
  readonly event: CheckpointEvent;
  readonly file: string;
  /** Hex digits; empty where unknown. */
  readonly schemaHash?: string;
  readonly checksum?: string;
  readonly formatVersion: number;
  readonly updates: number;
  readonly cycles: number;
  readonly episodes: number;
  /** Of the file [bytes]; 0 where unknown. */
  readonly sizeBytes?: number;
}

export interface EpisodeRecord {
  readonly episode: number;
  readonly outcome: EpisodeOutcome;
  readonly atFault: boolean;
  /** [s] */
  readonly timeS: number;
  /** NaN where there is none; likewise below. */
  readonly reward: number;
  readonly loss: number;
  readonly exploration: number;
  readonly driftAlarms: number;
  readonly interventions: number;
  readonly barnScore: number;
  /** An operator gave it another goal: its outcome is not the task's. */
  readonly redirected: boolean;
}

const NS_PER_S = 1_000_000_000n;
/** More than any message but a large scan and a learned state [bytes]. */
const BUFFER_BYTES = 16_384;
const COVARIANCE = new Float64Array(36);

/**
 * Each method returns a view of the encoder's own buffer, valid until the next call. `stampNs` is Unix time.
 *
 * Main thread. @realtime unsafe
 */
export class MessageEncoder {
  readonly #policyId: Uint8Array;
  readonly #base: Uint8Array;
  readonly #utf8 = new TextEncoder();
  #buffer = new ArrayBuffer(BUFFER_BYTES);

  /**
   * @param policyId that each decision names
   * @param baseFrame the robot's, of what is not of a sensor's or the odometry's frame
   */
  constructor(policyId: string, baseFrame: string = Frame.base) {
    this.#policyId = this.#utf8.encode(policyId);
    this.#base = this.#utf8.encode(baseFrame);
  }

  /** @param doubles indexed with `OdometryField`; likewise below */
  odometry(stampNs: bigint, doubles: Float64Array): Uint8Array {
    const w = this.#begin(stampNs, Frame.odometry);
    w.string(Frame.base);
    w.float64(doubles[OdometryField.x]).float64(doubles[OdometryField.y]).float64(0);
    turn(w, doubles[OdometryField.yaw]);
    w.float64Array(COVARIANCE);
    w.float64(doubles[OdometryField.vx]).float64(doubles[OdometryField.vy]).float64(0);
    w.float64(0).float64(0).float64(doubles[OdometryField.yawRate]);
    w.float64Array(COVARIANCE);
    return this.#end(w);
  }

  /** Where the odometry says that the robot is, as a transform. */
  transform(stampNs: bigint, doubles: Float64Array): Uint8Array {
    const { x, y, yaw } = OdometryField;
    return this.#transform(stampNs, Frame.odometry, Frame.base, doubles[x], doubles[y], doubles[yaw]);
  }

  /** Where the scanner sits on the robot. */
  mount(stampNs: bigint, doubles: Float64Array): Uint8Array {
    const { mountX, mountY, mountYaw } = RangesField;
    return this.#transform(stampNs, Frame.base, Frame.laser, doubles[mountX], doubles[mountY], doubles[mountYaw]);
  }

  /** @param beams as many as the scan has; failed ones are NaN */
  scan(stampNs: bigint, doubles: Float64Array, beams: Float32Array): Uint8Array {
    const w = this.#begin(stampNs, Frame.laser);
    const angleMin = doubles[RangesField.angleMin];
    const increment = doubles[RangesField.angleIncrement];
    w.float32(angleMin).float32(angleMin + (beams.length - 1) * increment);
    w.float32(increment);
    // When each beam and each scan was taken is not known.
    w.float32(0).float32(0);
    w.float32(doubles[RangesField.rangeMin]).float32(doubles[RangesField.rangeMax]);
    w.float32Array(beams, true);
    w.sequenceLength(0);
    return this.#end(w);
  }

  contacts(stampNs: bigint, doubles: Float64Array): Uint8Array {
    const w = this.#begin(stampNs);
    w.float64(doubles[ContactsField.front]).float64(doubles[ContactsField.left]);
    w.float64(doubles[ContactsField.back]).float64(doubles[ContactsField.right]);
    return this.#end(w);
  }

  /** A goal that is active; it has no heading of its own. */
  goal(stampNs: bigint, doubles: Float64Array): Uint8Array {
    const w = this.#begin(stampNs, Frame.odometry);
    w.float64(doubles[GoalField.x]).float64(doubles[GoalField.y]).float64(0);
    turn(w, 0);
    return this.#end(w);
  }

  /** The reading as it is. */
  reading(stampNs: bigint, input: number, sequence: number, doubles: Float64Array): Uint8Array {
    const w = this.#begin(stampNs);
    w.uint8(input).uint32(sequence).float64Array(doubles, true);
    return this.#end(w);
  }

  /** The velocity that a decision sent out. @param record of `DECISION_DOUBLES` */
  command(stampNs: bigint, record: Float64Array): Uint8Array {
    const w = this.#begin(stampNs);
    w.float64(record[D.commandVx]).float64(record[D.commandVy]).float64(0);
    w.float64(0).float64(0).float64(record[D.commandYawRate]);
    return this.#end(w);
  }

  /** @param record of `DECISION_DOUBLES` */
  decision(stampNs: bigint, r: Float64Array): Uint8Array {
    const w = this.#begin(stampNs);
    this.#text(w, this.#policyId);
    w.uint64(wide(r[D.cycle]));

    w.int8(r[D.action]).uint8(r[D.allowed]).uint8(r[D.driver]).uint8(r[D.reason]).uint8(r[D.miss]);
    w.uint8(r[D.arrived]).uint8(r[D.orders]);
    w.float64(r[D.probability]);
    doublesOf(w, r, D.values, ACTION_COUNT);
    doublesOf(w, r, D.distribution, ACTION_COUNT);
    doublesOf(w, r, D.raw, CONTEXT_DIM);
    doublesOf(w, r, D.scaled, CONTEXT_DIM);

    w.float64(r[D.poseX]).float64(r[D.poseY]).float64(r[D.poseYaw]);
    w.float64(r[D.goalX]).float64(r[D.goalY]).uint32(r[D.goalCount]);
    w.uint32(r[D.odometrySequence]).uint32(r[D.rangesSequence]);
    w.uint32(r[D.contactsSequence]).uint32(r[D.goalSequence]);
    w.float64(r[D.odometryAgeNs]).float64(r[D.rangesAgeNs]).float64(r[D.contactsAgeNs]);
    w.float64(r[D.odometryStampNs]).float64(r[D.rangesStampNs]);

    w.float64(r[D.commandVx]).float64(r[D.commandVy]).float64(r[D.commandYawRate]);

    w.float64(r[D.reward]).float64(r[D.rewardedCycle]).float64(r[D.rewardSum]).uint32(r[D.rewardCount]);
    w.uint64(wide(r[D.updates])).uint32(r[D.driftAlarms]);

    w.float64(r[D.scheduledNs]).float64(r[D.startNs]).float64(r[D.latenessNs]);
    w.float64(r[D.computeNs]).float64(r[D.periodNs]);
    w.float64(r[D.timeNs]).float64(r[D.silenceNs]).uint32(r[D.stretch]);

    w.uint64(wide(r[D.feedbackTaken])).uint64(wide(r[D.feedbackDropped]));
    w.int32(r[D.heartbeat]).uint32(r[D.tunings]).uint32(r[D.restores]);
    w.float64(r[D.maxSpeed]).float64(r[D.maxYawRate]).float64(r[D.epsilon]);
    return this.#end(w);
  }

  /** @param record of `EXPLANATION_DOUBLES` */
  explanation(stampNs: bigint, record: Float64Array): Uint8Array {
    const w = this.#begin(stampNs);
    w.uint64(wide(record[ExplanationField.cycle]));
    for (let i = ExplanationField.contributions; i < EXPLANATION_DOUBLES; i++) w.float32(record[i]);
    return this.#end(w);
  }

  /** @param values indexed with `TuningField` */
  tuning(stampNs: bigint, number: number, values: Float64Array): Uint8Array {
    const w = this.#begin(stampNs);
    w.uint32(number);
    w.float64(values[TuningField.maxSpeed]).float64(values[TuningField.maxYawRate]);
    w.float64(values[TuningField.epsilon]);
    return this.#end(w);
  }

  restore(stampNs: bigint, number: number, file: string, policy: Uint8Array, scales: Uint8Array): Uint8Array {
    const w = this.#begin(stampNs);
    w.uint32(number);
    this.#text(w, this.#utf8.encode(file));
    w.uint8Array(policy, true).uint8Array(scales, true);
    return this.#end(w);
  }

  /** @param logMessagesLost by the log so far */
  state(stampNs: bigint, state: StateRecord, logMessagesLost: number): Uint8Array {
    const w = this.#begin(stampNs);
    w.uint8(STATE_NAMES.indexOf(state.state));
    this.#text(w, this.#utf8.encode(state.fault));
    w.uint8(+state.armed).uint8(+state.halted).uint8(+state.frozen).uint8(+state.breakerOpen);
    w.uint32(state.breakerOpenings);
    w.uint64(wide(state.cycles)).uint64(wide(state.updates));
    w.uint64(wide(state.missesLate)).uint64(wide(state.missesLong));
    w.uint64(wide(state.interventions)).uint32(state.driftAlarms);
    w.uint64(wide(state.decisionsLost)).uint64(wide(logMessagesLost));
    return this.#end(w);
  }

  checkpoint(stampNs: bigint, checkpoint: CheckpointRecord): Uint8Array {
    const w = this.#begin(stampNs);
    w.uint8(CHECKPOINT_EVENTS.indexOf(checkpoint.event));
    this.#text(w, this.#utf8.encode(checkpoint.file));
    this.#text(w, this.#policyId);
    w.uint32(checkpoint.formatVersion);
    this.#text(w, this.#utf8.encode(checkpoint.schemaHash ?? ''));
    this.#text(w, this.#utf8.encode(checkpoint.checksum ?? ''));
    w.uint64(wide(checkpoint.updates)).uint64(wide(checkpoint.cycles)).uint32(checkpoint.episodes);
    w.uint64(wide(checkpoint.sizeBytes ?? 0));
    return this.#end(w);
  }

  episode(stampNs: bigint, episode: EpisodeRecord): Uint8Array {
    const w = this.#begin(stampNs);
    w.uint32(episode.episode).uint8(EPISODE_OUTCOMES.indexOf(episode.outcome));
    w.uint8(+episode.atFault).float64(episode.timeS);
    w.float64(episode.reward).float64(episode.loss).float64(episode.exploration);
    w.uint32(episode.driftAlarms).uint32(episode.interventions).float64(episode.barnScore);
    w.uint8(+episode.redirected);
    return this.#end(w);
  }

  /** @param frame ASCII; the robot's where absent */
  #begin(stampNs: bigint, frame?: string): CdrWriter {
    const w = new CdrWriter({ buffer: this.#buffer });
    w.int32(Number(stampNs / NS_PER_S)).uint32(Number(stampNs % NS_PER_S));
    if (frame === undefined) this.#text(w, this.#base);
    else w.string(frame);
    return w;
  }

  #end(w: CdrWriter): Uint8Array {
    const { data } = w;
    // The writer took a larger one: for a scan of many beams it would do so again each time.
    if (data.buffer.byteLength > this.#buffer.byteLength && data.buffer.byteLength <= KEPT_BUFFER_BYTES) {
      this.#buffer = data.buffer as ArrayBuffer;
    }
    return data;
  }

  /** A string; `CdrWriter.string` counts UTF-16 units and not bytes. */
  #text(w: CdrWriter, utf8: Uint8Array): void {
    w.uint32(utf8.length + 1)
      .uint8Array(utf8)
      .uint8(0);
  }

  #transform(stampNs: bigint, parent: string, child: string, x: number, y: number, yaw: number): Uint8Array {
    // A TFMessage is a sequence, here of one.
    const w = new CdrWriter({ buffer: this.#buffer });
    w.sequenceLength(1);
    w.int32(Number(stampNs / NS_PER_S)).uint32(Number(stampNs % NS_PER_S));
    w.string(parent).string(child);
    w.float64(x).float64(y).float64(0);
    turn(w, yaw);
    return this.#end(w);
  }
}

/** A learned state does not stay in memory for having been written once [bytes]. */
const KEPT_BUFFER_BYTES = 1 << 20;

/** A count as 64 bits; 0 for what is none. */
function wide(value: number): bigint {
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? BigInt(Math.trunc(value)) : 0n;
}

function doublesOf(w: CdrWriter, record: Float64Array, from: number, count: number): void {
  for (let i = from; i < from + count; i++) w.float64(record[i]);
}

/** A turn about z as a quaternion. */
function turn(w: CdrWriter, yaw: number): void {
  w.float64(0)
    .float64(0)
    .float64(Math.sin(yaw / 2))
    .float64(Math.cos(yaw / 2));
}
