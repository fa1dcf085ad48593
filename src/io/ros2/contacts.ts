/**
 * Contacts, by side of the robot: what touches it in front is within 45° of straight ahead, and so around it.
 *
 * Each topic is a source: one for each side, and one whose readings are sorted by where they are. What is handed on joins
 * the newest of each, and is as old as the oldest of them: a sensor that falls silent is not covered by another that
 * does not.
 *
 * - wrench: on a side's topic the size of the force. On the one topic the force's horizontal part, turned into the robot's
 *   frame; a force acts on the robot away from what it touches, so the contact is on the side that it points away from.
 * - hazards: a bump or a cliff is on the side of its sensor's frame, which /tf_static places or whose name tells; where
 *   neither does, and for stalled wheels and dropped ones, on every side. What is only near is the laser's to see.
 * - contacts: stock Gazebo tells positions and no forces, and nothing at all where nothing touches: a contact ends when
 *   none was told for a moment, and while somebody publishes the topic, silence means that there is none. On the one topic
 *   positions are in the message's frame where /tf_static knows it, and else in `odom`, as Gazebo's are where its world
 *   and the odometry begin at one place.
 *
 * Main thread, at every message.
 */
import { wrapAngle } from '../../core/angles.js';
import { type ObservationSink, Rejection } from '../../memory/observation-sink.js';
import type { ParameterValues } from '../../parameters/schema.js';
import type { CdrReader } from './cdr/cdr-reader.js';
import { GazeboContactsMessage } from './cdr/gazebo-contacts.js';
import { Hazard, HazardsMessage } from './cdr/hazards.js';
import { WrenchStampedMessage } from './cdr/wrench-stamped.js';
import { type InputFigures, Refusal, type RefusalCode, refusalOf } from './input-figures.js';
import type { RobotPose } from './inputs-odometry.js';
import { InputTopic, MessageType } from './names.js';
import type { ReadingTime } from './ros-time.js';
import { type TransformTree, Way } from './transforms.js';

/** Sides as the sink has them. */
export const Side = { front: 0, left: 1, back: 2, right: 3 } as const;
export type SideIndex = (typeof Side)[keyof typeof Side];
const SIDES = 4;
/** The source whose readings are sorted: those before it are the sides' own. */
export const SORTED = SIDES;
/** Topics by source. */
export const CONTACT_TOPICS = [
  InputTopic.contactFront,
  InputTopic.contactLeft,
  InputTopic.contactBack,
  InputTopic.contactRight,
  InputTopic.contacts,
] as const;
const SOURCES = CONTACT_TOPICS.length;

/** A contact of Gazebo's ends when none was told for so long [ns]. */
const HOLD_NS = 0.1e9;
/** How often it is said that there is none [ns]. */
const QUIET_NS = 0.05e9;
/** A contact farther from the robot's centre than this is not on the robot: it is in another frame [m]. */
const REACH_MAX = 3;
/** No contact presses harder [N]: such a message is refused as a whole, and what the source said before grows old. */
const FORCE_MAX = 1e6;
/** Nearer than this a place says nothing of a side [m]. */
const REACH_MIN = 0.02;

/** Message types by `contact_type`; none where there are no contacts. */
export const CONTACT_TYPES: Readonly<Record<ParameterValues['contact_type'], string | null>> = {
  none: null,
  contacts: MessageType.gazeboContacts,
  wrench: MessageType.wrench,
  hazards: MessageType.hazards,
};

/** The side of the robot at an azimuth in its frame [rad]. @realtime safe */
export function sideAt(azimuth: number): SideIndex {
  const quarter = Math.round(wrapAngle(azimuth) / (Math.PI / 2));
  return ((quarter + SIDES) % SIDES) as SideIndex;
}

/** The side that a sensor's frame is called after; null where its name tells none. */
export function sideCalled(name: string): SideIndex | null {
  const words = name.toLowerCase();
  // Before left and right: what is front_left bumps in front.
  if (words.includes('front')) return Side.front;
  if (words.includes('back') || words.includes('rear')) return Side.back;
  if (words.includes('left')) return Side.left;
  return words.includes('right') ? Side.right : null;
}

export interface ContactInputOptions {
  readonly parameters: ParameterValues;
  readonly sink: ObservationSink;
  readonly time: ReadingTime;
  readonly reader: CdrReader;
  readonly tree: TransformTree;
  readonly figures: InputFigures;
  readonly pose: RobotPose;
}

export class ContactInput {
  readonly #options: ContactInputOptions;
  readonly #wrench = new WrenchStampedMessage();
  readonly #hazards = new HazardsMessage();
  readonly #contacts = new GazeboContactsMessage();
  readonly #way = new Way();
  readonly #baseFrame: number;
  /** What a contact counts for that has no force [N]. */
  readonly #force: number;
  readonly #limitNs: number;
  /** By source, the force on each side [N]. */
  readonly #forces = new Float64Array(SOURCES * SIDES);
  /** Of the message being read. */
  readonly #read = new Float64Array(SIDES);
  /** By source, when its newest counts as received [ns]; -Infinity: it never reported. */
  readonly #receivedNs = new Float64Array(SOURCES).fill(Number.NEGATIVE_INFINITY);
  #stampNs = Number.NEGATIVE_INFINITY;
  #reportedNs = Number.NEGATIVE_INFINITY;

  constructor(options: ContactInputOptions) {
    this.#options = options;
    this.#baseFrame = options.tree.frames.internName(options.parameters.base_frame);
    this.#force = options.parameters.contact_force;
    this.#limitNs = options.parameters.contacts_timeout_s * 1e9;
  }

  /** @param source 0 to 3: that side's topic; `SORTED`: the one topic */
  receive(source: number, bytes: Uint8Array): void {
    const { figures, time, parameters } = this.#options;
    const nowNs = time.nowNs();
    figures.take(nowNs);
    if (!time.known) {
      figures.undated(nowNs);
      return;
    }
    this.#read.fill(0);
    let refusal: RefusalCode | 0;
    let header = this.#wrench.header;
    switch (parameters.contact_type) {
      case 'wrench':
        refusal = this.#readWrench(source, bytes);
        break;
      case 'hazards':
        refusal = this.#readHazards(source, bytes);
        header = this.#hazards.header;
        break;
      default:
        refusal = this.#readContacts(source, bytes);
        header = this.#contacts.header;
    }
    for (let side = 0; side < SIDES && refusal === 0; side++) {
      // A sum of doubles that a message holds may be infinite.
      if (this.#read[side] > FORCE_MAX) refusal = Refusal.outOfRange;
    }
    if (refusal !== 0) {
      if (figures.refuse(refusal, nowNs))
        figures.complain(this.#why(refusal, source, bytes.length, header.frame), nowNs);
      return;
    }
    for (let side = 0; side < SIDES; side++) this.#forces[source * SIDES + side] = this.#read[side];
    // Bumpers' drivers often set no stamp.
    this.#receivedNs[source] = header.unstamped
      ? nowNs
      : time.receivedNs(time.stampNs(header.seconds, header.nanoseconds));
    this.#report(nowNs);
  }

  /** What was told so far was of another place or time: whether there are any sensors is told by what comes. */
  forget(): void {
    this.#forces.fill(0);
    this.#receivedNs.fill(Number.NEGATIVE_INFINITY);
    this.#reportedNs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Of Gazebo's contacts: ends those that are told no more, and says that there are none. To be called at 20 Hz.
   *
   * @param published by source, whether anybody publishes it
   */
  tick(published: readonly boolean[]): void {
    if (this.#options.parameters.contact_type !== 'contacts' || !this.#options.time.known) return;
    const nowNs = this.#options.time.nowNs();
    let any = false;
    for (let source = 0; source < SOURCES; source++) {
      if (!published[source]) continue;
      any = true;
      if (nowNs - this.#receivedNs[source] < HOLD_NS) continue;
      for (let side = 0; side < SIDES; side++) this.#forces[source * SIDES + side] = 0;
      this.#receivedNs[source] = nowNs;
    }
    if (any && nowNs - this.#reportedNs >= QUIET_NS) this.#report(nowNs);
  }

  #report(nowNs: number): void {
    const { sink, figures } = this.#options;
    const f = this.#forces;
    let receivedNs = nowNs;
    let oldest = 0;
    for (let source = 0; source < SOURCES; source++) {
      const heardNs = this.#receivedNs[source];
      if (heardNs === Number.NEGATIVE_INFINITY || heardNs > receivedNs) continue;
      receivedNs = heardNs;
      oldest = source;
    }
    for (let side = 0; side < SIDES; side++) {
      let force = 0;
      for (let source = 0; source < SOURCES; source++) force = Math.max(force, f[source * SIDES + side]);
      this.#read[side] = force;
    }
    // Of several sources with clocks of their own: the stamp is when they were joined, and rises although time stands.
    this.#stampNs = Math.max(nowNs, this.#stampNs + 1);
    const [front, left, back, right] = this.#read;
    const code = sink.contacts(this.#stampNs, receivedNs, front, left, back, right);
    if (code === Rejection.accepted) {
      this.#reportedNs = nowNs;
      figures.accept(nowNs);
      if (figures.late(nowNs - receivedNs, this.#limitNs, nowNs)) {
        const age = ((nowNs - receivedNs) * 1e-9).toFixed(2);
        figures.complain(`what ${CONTACT_TOPICS[oldest]} told last is ${age} s old, and so are all of them`, nowNs);
      }
    } else if (figures.refuse(refusalOf(code), nowNs)) {
      figures.complain('the readings of its sensors cannot be joined', nowNs);
    }
  }

  #readWrench(source: number, bytes: Uint8Array): RefusalCode | 0 {
    const { reader, tree } = this.#options;
    const m = this.#wrench;
    if (!m.read(reader, bytes, tree.frames)) return Refusal.malformed;
    const { forceX: x, forceY: y, forceZ: z } = m;
    if (!Number.isFinite(x + y + z)) return Refusal.notFinite;
    if (source !== SORTED) {
      this.#read[source] = Math.sqrt(x * x + y * y + z * z);
      return 0;
    }
    const way = this.#way;
    if (m.nowhere) way.clear();
    else if (!tree.find(m.header.frame, this.#baseFrame, true, way)) return Refusal.noTransform;
    const forward = way.turnedX(x, y, z);
    const leftward = way.turnedY(x, y, z);
    this.#read[sideAt(Math.atan2(-leftward, -forward))] = Math.sqrt(forward * forward + leftward * leftward);
    return 0;
  }

  #readHazards(source: number, bytes: Uint8Array): RefusalCode | 0 {
    const { reader, tree } = this.#options;
    const m = this.#hazards;
    if (!m.begin(reader, bytes, tree.frames)) return Refusal.malformed;
    for (let i = 0; i < m.count; i++) {
      if (!m.next(reader, tree.frames)) return Refusal.malformed;
      const everywhere = m.type === Hazard.stall || m.type === Hazard.wheelDrop;
      if (!everywhere && m.type !== Hazard.bump && m.type !== Hazard.cliff) continue;
      if (source !== SORTED) this.#read[source] = this.#force;
      else this.#touch(everywhere ? null : this.#sideOf(m.detectionHeader.frame), this.#force);
    }
    return 0;
  }

  #readContacts(source: number, bytes: Uint8Array): RefusalCode | 0 {
    const { reader, tree } = this.#options;
    const m = this.#contacts;
    if (!m.begin(reader, bytes, tree.frames)) return Refusal.malformed;
    for (let i = 0; i < m.count; i++) {
      if (!m.next(reader)) return Refusal.malformed;
      if (Number.isNaN(m.force)) return Refusal.notFinite;
      const force = m.force > 0 ? m.force : this.#force;
      if (source !== SORTED) this.#read[source] = Math.max(this.#read[source], force);
      else this.#touch(this.#sideOfContact(), force);
    }
    return 0;
  }

  /** @param side null: wherever it may be */
  #touch(side: SideIndex | null, force: number): void {
    for (let i = 0; i < SIDES; i++) if (side === null || side === i) this.#read[i] = Math.max(this.#read[i], force);
  }

  /** Of a sensor by its frame. */
  #sideOf(frame: number): SideIndex | null {
    const { tree } = this.#options;
    const way = this.#way;
    if (tree.find(frame, this.#baseFrame, true, way) && Math.hypot(way.x, way.y) > REACH_MIN) {
      return sideAt(Math.atan2(way.y, way.x));
    }
    return sideCalled(tree.frames.name(frame));
  }

  /** Of the contact read last by its position; null where that says nothing. */
  #sideOfContact(): SideIndex | null {
    const { tree, pose } = this.#options;
    const m = this.#contacts;
    const way = this.#way;
    let forward: number;
    let leftward: number;
    if (!m.nowhere && tree.find(m.header.frame, this.#baseFrame, true, way)) {
      forward = way.pointX(m.x, m.y, 0);
      leftward = way.pointY(m.x, m.y, 0);
    } else {
      if (!pose.known) return null;
      const dx = m.x - pose.x;
      const dy = m.y - pose.y;
      const cos = Math.cos(pose.yaw);
      const sin = Math.sin(pose.yaw);
      forward = dx * cos + dy * sin;
      leftward = dy * cos - dx * sin;
    }
    const reach = Math.sqrt(forward * forward + leftward * leftward);
    if (reach > REACH_MIN && reach <= REACH_MAX) return sideAt(Math.atan2(leftward, forward));
    // Also where it has no position, and the reach is NaN.
    return null;
  }

  #why(code: RefusalCode, source: number, bytes: number, frame: number): string {
    const { tree, parameters } = this.#options;
    if (code === Refusal.malformed) return `${bytes} bytes on ${CONTACT_TOPICS[source]} that are no message`;
    if (code === Refusal.outOfRange) return `a force on ${CONTACT_TOPICS[source]} that no contact has`;
    if (code === Refusal.notFinite) return `a force on ${CONTACT_TOPICS[source]} is not finite`;
    return `no way from its frame '${tree.frames.name(frame)}' to '${parameters.base_frame}' is known from ${InputTopic.staticTransforms}`;
  }
}
