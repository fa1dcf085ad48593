/** Odometry: from its bytes straight to the sink. Main thread, at every message. */
import { type ObservationSink, Rejection } from '../../memory/observation-sink.js';
import type { ParameterValues } from '../../parameters/schema.js';
import type { CdrReader } from './cdr/cdr-reader.js';
import { OdometryMessage } from './cdr/odometry.js';
import { type InputFigures, refusalOf } from './input-figures.js';
import { backWords, StampWatch, stillWords } from './inputs-stamps.js';
import type { ReadingTime } from './ros-time.js';
import { type TransformTree, Way } from './transforms.js';

/** Where the robot was last: what else is reckoned in `odom` or in the robot's frame goes by it. */
export interface RobotPose {
  readonly known: boolean;
  /** [m, m, rad] */
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
}

/** Fixed transforms may be told after the first odometry [ns]. */
const FRAMES_GRACE_NS = 3e9;
/** Two frames that are closer than this are one [m, rad]. */
const SAME = 1e-3;

export interface OdometryInputOptions {
  readonly parameters: ParameterValues;
  readonly sink: ObservationSink;
  readonly time: ReadingTime;
  readonly reader: CdrReader;
  readonly tree: TransformTree;
  readonly figures: InputFigures;
  /** Called after each that was accepted. */
  readonly onPose: () => void;
  /** Called when the source began anew: what is known in its frame is void. */
  readonly onRestart: () => void;
}

export class OdometryInput implements RobotPose {
  known = false;
  x = 0;
  y = 0;
  yaw = 0;
  readonly #options: OdometryInputOptions;
  readonly #message = new OdometryMessage();
  readonly #watch = new StampWatch();
  readonly #limitNs: number;
  readonly #odomFrame: number;
  readonly #baseFrame: number;
  readonly #way = new Way();
  /** Frames that were judged already. */
  #judgedFrame: number;
  #judgedChild: number;
  #firstNs = Number.NaN;

  constructor(options: OdometryInputOptions) {
    this.#options = options;
    const { frames } = options.tree;
    this.#limitNs = options.parameters.odometry_timeout_s * 1e9;
    this.#odomFrame = frames.internName(options.parameters.odom_frame);
    this.#baseFrame = frames.internName(options.parameters.base_frame);
    this.#judgedFrame = this.#odomFrame;
    this.#judgedChild = this.#baseFrame;
  }

  receive(bytes: Uint8Array): void {
    const { figures, time, sink, reader, tree } = this.#options;
    const nowNs = time.nowNs();
    figures.take(nowNs);
    if (!time.known) {
      figures.undated(nowNs);
      return;
    }
    const m = this.#message;
    if (!m.read(reader, bytes, tree.frames)) {
      figures.malformed(bytes.length, nowNs);
      return;
    }
    const stampNs = time.stampNs(m.header.seconds, m.header.nanoseconds);
    const receivedNs = time.receivedNs(stampNs);
    let code = sink.odometry(stampNs, receivedNs, m.x, m.y, m.yaw, m.vx, m.vy, m.yawRate);
    if (code === Rejection.stampBack && this.#watch.restarted(stampNs)) {
      sink.newFrame();
      figures.complain(
        'its stamps began anew: the source was restarted, is believed as a new one, and goals in its frame are void',
        nowNs,
      );
      code = sink.odometry(stampNs, receivedNs, m.x, m.y, m.yaw, m.vx, m.vy, m.yawRate);
    }
    if (code !== Rejection.accepted) {
      if (figures.refuse(refusalOf(code), nowNs)) figures.complain(this.#why(code), nowNs);
      return;
    }
    if (this.#watch.accepted(stampNs)) this.#options.onRestart();
    figures.accept(nowNs);
    if (figures.late(nowNs - receivedNs, this.#limitNs, nowNs)) figures.complain(lateWords(figures), nowNs);
    this.known = true;
    this.x = m.x;
    this.y = m.y;
    this.yaw = m.yaw;
    if (m.header.frame !== this.#judgedFrame || m.childFrame !== this.#judgedChild) this.#judgeFrames(nowNs);
    this.#options.onPose();
  }

  #why(code: number): string {
    const m = this.#message;
    if (code === Rejection.stampStill) return stillWords(m.header);
    if (code === Rejection.stampBack) return backWords(m.header);
    if (code === Rejection.notFinite) {
      return Number.isNaN(m.yaw) ? 'its orientation is no rotation' : 'it holds numbers that are not finite';
    }
    return 'it is out of any range that a robot could be in';
  }

  #judgeFrames(nowNs: number): void {
    const { figures, tree, parameters } = this.#options;
    const { frame } = this.#message.header;
    const child = this.#message.childFrame;
    if (frame !== this.#judgedFrame) {
      this.#judgedFrame = frame;
      if (frame !== this.#odomFrame) {
        const name = tree.frames.name(frame);
        figures.complain(
          `it is in the frame '${name}', and odom_frame is '${parameters.odom_frame}': goals are reckoned as if these were one`,
          nowNs,
        );
      }
    }
    if (child === this.#judgedChild) return;
    if (Number.isNaN(this.#firstNs)) this.#firstNs = nowNs;
    const way = this.#way;
    const found = tree.find(child, this.#baseFrame, true, way);
    // A frame below the robot, as base_footprint is, moves as the robot does.
    const same = Math.abs(way.x) < SAME && Math.abs(way.y) < SAME && Math.abs(way.yaw) < SAME && way.upright > 1 - SAME;
    if (child === this.#baseFrame || (found && same)) {
      this.#judgedChild = child;
    } else if (Math.abs(nowNs - this.#firstNs) > FRAMES_GRACE_NS) {
      this.#judgedChild = child;
      figures.complain(
        `its child frame is '${tree.frames.name(child)}', and base_frame is '${parameters.base_frame}'` +
          `${found ? ', which is elsewhere' : ''}: pose and velocity are taken as if these were one`,
        nowNs,
      );
    }
  }
}

/** Of readings that are stale as they come. */
export function lateWords(figures: InputFigures): string {
  return (
    `it comes ${(figures.lagNs * 1e-9).toFixed(2)} s after its stamp, too old to drive by: ` +
    'set the clocks by one another, or trust_stamps to false'
  );
}
