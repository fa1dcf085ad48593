/**
 * Where the robot is sent: a goal or a plan, whichever came last, in whatever frame; handed on in `odom`.
 *
 * A goal stays in the frame in which it was given: where that frame moves in `odom`, as a map's does when the robot is
 * localised anew, the goal moves along. One in a frame of the robot itself is a place that was seen from where the robot
 * was then, and stays where it was. A frame that falls silent stops the robot until it is heard again.
 *
 * Main thread.
 */
import { type ObservationSink, Rejection } from '../../memory/observation-sink.js';
import type { ParameterValues } from '../../parameters/schema.js';
import type { CdrReader } from './cdr/cdr-reader.js';
import { PathMessage } from './cdr/path.js';
import { PoseStampedMessage } from './cdr/pose-stamped.js';
import type { Header } from './cdr/stamped.js';
import { type InputFigures, Refusal, refusalOf } from './input-figures.js';
import type { RobotPose } from './inputs-odometry.js';
import { Plan } from './plan.js';
import type { ReadingTime } from './ros-time.js';
import { type TransformTree, Way } from './transforms.js';

/** A goal that has moved by less is left where it is [m]. */
const MOVE_MIN = 0.1;
/** What is sought on a plan moves on in steps of so much [m]: each is a new goal. */
const STEP = 0.25;
/** A step is at most so much of the look-ahead: what is sought stays ahead of the robot. */
const STEP_SHARE = 0.5;

/** Where the robot is sent. The object is the inputs' own: valid until the next message, and not to be written. */
export interface CurrentGoal {
  /** `plan`: what is sought is a point on it. */
  readonly source: 'none' | 'goal' | 'plan';
  /** Of what is sought, in `odom` [m]. */
  readonly x: number;
  readonly y: number;
  /** Distance at which it counts as reached [m]. */
  readonly tolerance: number;
  /** Whether reaching it is arriving: false while a plan goes on behind it. */
  readonly final: boolean;
  /** The frame in which it was given. */
  readonly frame: string;
  /** Its frame is not heard of: the robot waits. */
  readonly waiting: boolean;
}

export interface GoalInputOptions {
  readonly parameters: ParameterValues;
  readonly sink: ObservationSink;
  readonly time: ReadingTime;
  readonly reader: CdrReader;
  readonly tree: TransformTree;
  readonly goalFigures: InputFigures;
  readonly planFigures: InputFigures;
  readonly pose: RobotPose;
}

export class GoalInput implements CurrentGoal {
  source: 'none' | 'goal' | 'plan' = 'none';
  x = 0;
  y = 0;
  tolerance = 0;
  final = true;
  frame = '';
  waiting = false;
  readonly #options: GoalInputOptions;
  readonly #message = new PoseStampedMessage();
  readonly #path = new PathMessage();
  #plan = new Plan();
  /** Where the next is read, so that one that is spoilt leaves this one as it is. */
  #nextPlan = new Plan();
  readonly #way = new Way();
  readonly #back = new Way();
  readonly #odomFrame: number;
  readonly #baseFrame: number;
  readonly #timeoutNs: number;
  readonly #lookahead: number;
  /** Of the current goal or plan. */
  #frameNumber = -1;
  /** It is in `odom` for good: `#way` is not looked up again. */
  #held = false;
  /** Of the goal, in its frame [m]. */
  #goalX = 0;
  #goalY = 0;
  #goalZ = 0;
  #stampNs = 0;
  /** Something is sought: it was handed to the sink. */
  #sought = false;
  /** The robot was there; it is not sent after a goal whose frame moves from under it. */
  #reached = false;

  constructor(options: GoalInputOptions) {
    this.#options = options;
    const { parameters: p, tree } = options;
    this.#odomFrame = tree.frames.internName(p.odom_frame);
    this.#baseFrame = tree.frames.internName(p.base_frame);
    this.#timeoutNs = p.transform_timeout_s * 1e9;
    this.#lookahead = p.plan_lookahead;
  }

  /** geometry_msgs/PoseStamped */
  receiveGoal(bytes: Uint8Array): void {
    const { goalFigures: figures, time, reader, tree } = this.#options;
    const nowNs = time.nowNs();
    figures.take(nowNs);
    const m = this.#message;
    if (!m.read(reader, bytes, tree.frames)) {
      figures.malformed(bytes.length, nowNs);
      return;
    }
    if (m.nowhere) {
      figures.accept(nowNs);
      this.cancel();
      return;
    }
    if (!Number.isFinite(m.x + m.y + m.z)) {
      this.cancel();
      if (figures.refuse(Refusal.notFinite, nowNs)) {
        figures.complain('a pose that is not finite cancels what was sought', nowNs);
      }
      return;
    }
    if (this.#comesAgain(m)) {
      figures.accept(nowNs);
      return;
    }
    if (!this.#begin(m.header, figures, nowNs)) return;
    this.source = 'goal';
    this.#goalX = m.x;
    this.#goalY = m.y;
    this.#goalZ = m.z;
    if (this.#seekGoal(nowNs)) figures.accept(nowNs);
  }

  /** nav_msgs/Path */
  receivePlan(bytes: Uint8Array): void {
    const { planFigures: figures, time, reader, tree } = this.#options;
    const nowNs = time.nowNs();
    figures.take(nowNs);
    const m = this.#path;
    if (!m.begin(reader, bytes, tree.frames)) {
      figures.malformed(bytes.length, nowNs);
      return;
    }
    if (m.count === 0) {
      figures.accept(nowNs);
      this.cancel();
      return;
    }
    const next = this.#nextPlan;
    next.clear();
    let finite = true;
    for (let i = 0; i < m.count; i++) {
      if (!m.next(reader)) {
        figures.malformed(bytes.length, nowNs);
        return;
      }
      finite = finite && Number.isFinite(m.x + m.y + m.z);
      if (finite) next.add(m.x, m.y);
    }
    // What is sought stays where the new plan goes on with it.
    const before = this.source === 'plan' && this.#sought && !this.waiting;
    const { x, y, final } = this;
    if (!finite || m.nowhere) {
      this.cancel();
      const code = m.nowhere ? Refusal.noTransform : Refusal.notFinite;
      if (figures.refuse(code, nowNs)) {
        figures.complain(m.nowhere ? 'a plan in a frame without a name' : 'a plan whose poses are not finite', nowNs);
      }
      return;
    }
    next.finish();
    this.#nextPlan = this.#plan;
    this.#plan = next;
    const reached = this.#reached;
    if (!this.#begin(m.header, figures, nowNs)) return;
    this.source = 'plan';
    if (before) {
      this.#sought = true;
      this.#reached = reached;
      this.x = x;
      this.y = y;
      this.final = final;
    }
    figures.accept(nowNs);
    this.#followPlan(nowNs);
  }

  /** The robot is sent nowhere. */
  cancel(): void {
    const { sink, time } = this.#options;
    this.source = 'none';
    this.frame = '';
    this.waiting = false;
    this.#sought = false;
    this.#reached = false;
    const nowNs = time.nowNs();
    sink.cancelGoal(nowNs, nowNs);
  }

  /** What is known in `odom` is void: what was given in it is cancelled. */
  forgetOdom(): void {
    if (this.source !== 'none' && (this.#held || this.#frameNumber === this.#odomFrame)) this.cancel();
  }

  /** After each odometry. */
  moved(): void {
    const { pose, time } = this.#options;
    if (this.source === 'none' || this.waiting) return;
    if (this.source === 'plan') this.#followPlan(time.nowNs());
    if (!this.#sought || !this.final || this.#reached) return;
    if (Math.hypot(this.x - pose.x, this.y - pose.y) <= this.tolerance) this.#reached = true;
  }

  /** After transforms that move, and at 20 Hz: its frame may have moved, or fallen silent, or been heard again. */
  refresh(): void {
    if (this.source === 'none' || this.#held || this.#frameNumber === this.#odomFrame || this.#reached) return;
    const { sink, time, tree, parameters } = this.#options;
    const nowNs = time.nowNs();
    const found = tree.find(this.#frameNumber, this.#odomFrame, false, this.#way);
    if (!found || nowNs - this.#way.heardNs > this.#timeoutNs) {
      if (this.waiting) return;
      this.waiting = true;
      this.#sought = false;
      sink.cancelGoal(nowNs, nowNs);
      this.#figures.complain(
        `nothing has been heard of its frame '${this.frame}' for ${parameters.transform_timeout_s} s: the robot waits`,
        nowNs,
      );
      return;
    }
    if (this.waiting) {
      this.waiting = false;
      this.#figures.complain(`its frame '${this.frame}' is heard again: the robot goes on`, nowNs);
    }
    if (this.source === 'goal') this.#seekGoal(nowNs);
    else this.#followPlan(nowNs);
  }

  get #figures(): InputFigures {
    return this.source === 'plan' ? this.#options.planFigures : this.#options.goalFigures;
  }

  /**
   * Whether it is the goal that the robot is on its way to, as from `ros2 topic pub` without `--once`: the way is not begun anew.
   * One in the robot's own frame means another place each time.
   */
  #comesAgain(m: PoseStampedMessage): boolean {
    if (this.source !== 'goal' || !this.#sought || this.#reached || this.#held) return false;
    return m.header.frame === this.#frameNumber && m.x === this.#goalX && m.y === this.#goalY && m.z === this.#goalZ;
  }

  /** Something new is sought, in that frame. @returns whether there is a way to it; if not, nothing is sought */
  #begin(header: Header, figures: InputFigures, nowNs: number): boolean {
    const { tree, pose, time } = this.#options;
    const { frame } = header;
    const way = this.#way;
    const name = tree.frames.name(frame);
    let why = '';
    this.#held = false;
    if (frame === this.#odomFrame) {
      way.clear();
    } else if (this.#onRobot(frame)) {
      if (pose.known) placeInOdom(way, pose);
      else why = `it is in the robot's own frame '${name}', and there is no odometry yet`;
      this.#held = true;
    } else if (!tree.find(frame, this.#odomFrame, false, way)) {
      why = `no way from its frame '${name}' to '${this.#options.parameters.odom_frame}' is known`;
    } else if (nowNs - way.heardNs > this.#timeoutNs) {
      why = `nothing has been heard of its frame '${name}' for ${((nowNs - way.heardNs) * 1e-9).toFixed(1)} s`;
    }
    if (why !== '') {
      // Whoever sent it does not want the old one any more.
      this.cancel();
      figures.refuse(Refusal.noTransform, nowNs);
      // An operator's order is answered each time.
      figures.complain(why, nowNs);
      return false;
    }
    this.#frameNumber = frame;
    this.frame = name;
    this.waiting = false;
    this.#sought = false;
    this.#reached = false;
    this.tolerance = this.#options.parameters.goal_tolerance;
    this.#stampNs = header.unstamped ? nowNs : time.stampNs(header.seconds, header.nanoseconds);
    return true;
  }

  /** Whether a frame is the robot's: fixed to it, as its footprint's is, or part of it, as a turning camera's. */
  #onRobot(frame: number): boolean {
    const { tree } = this.#options;
    if (tree.find(frame, this.#baseFrame, true, this.#way)) return true;
    return tree.below(frame, this.#baseFrame) && tree.find(frame, this.#baseFrame, false, this.#way);
  }

  #seekGoal(nowNs: number): boolean {
    const x = this.#way.pointX(this.#goalX, this.#goalY, this.#goalZ);
    const y = this.#way.pointY(this.#goalX, this.#goalY, this.#goalZ);
    if (this.#sought && Math.hypot(x - this.x, y - this.y) <= MOVE_MIN) return true;
    return this.#hand(x, y, true, nowNs);
  }

  #followPlan(nowNs: number): void {
    const { pose } = this.#options;
    // Where the robot is on it is told by the next odometry.
    if (!pose.known || this.#reached) {
      if (!this.#reached || !this.#endMoved()) return;
      this.#reached = false;
    }
    const way = this.#way;
    const back = this.#back;
    back.copy(way);
    back.invert();
    const plan = this.#plan;
    plan.seek(back.pointX(pose.x, pose.y, 0), back.pointY(pose.x, pose.y, 0), this.#lookahead);
    const x = way.pointX(plan.x, plan.y, 0);
    const y = way.pointY(plan.x, plan.y, 0);
    if (this.#sought && plan.final === this.final) {
      const step = plan.final ? MOVE_MIN : Math.min(STEP, STEP_SHARE * this.#lookahead);
      if (Math.hypot(x - this.x, y - this.y) <= step) return;
    }
    this.#hand(x, y, plan.final, nowNs);
  }

  /** Whether the plan's end is elsewhere than what was reached. */
  #endMoved(): boolean {
    const x = this.#way.pointX(this.#plan.endX, this.#plan.endY, 0);
    const y = this.#way.pointY(this.#plan.endX, this.#plan.endY, 0);
    return Math.hypot(x - this.x, y - this.y) > MOVE_MIN;
  }

  /** @returns whether the sink took it; if not, nothing is sought */
  #hand(x: number, y: number, final: boolean, nowNs: number): boolean {
    const { sink, parameters: p } = this.#options;
    // What is sought on the way is not there to be reached: with a short look-ahead the robot would stop at it.
    this.tolerance = final ? p.goal_tolerance : Math.min(p.goal_tolerance, this.#lookahead * STEP_SHARE * STEP_SHARE);
    const code = sink.goal(this.#stampNs, nowNs, x, y, this.tolerance);
    if (code !== Rejection.accepted) {
      const figures = this.#figures;
      this.cancel();
      figures.refuse(refusalOf(code), nowNs);
      figures.complain(`${x.toFixed(1)}, ${y.toFixed(1)} in '${p.odom_frame}' is no place to drive to`, nowNs);
      return false;
    }
    this.x = x;
    this.y = y;
    this.final = final;
    this.#sought = true;
    return true;
  }
}

/** A way to the robot's frame goes on to `odom`, by the robot's pose. */
function placeInOdom(way: Way, pose: RobotPose): void {
  const robot = new Way();
  robot.x = pose.x;
  robot.y = pose.y;
  robot.qz = Math.sin(pose.yaw / 2);
  robot.qw = Math.cos(pose.yaw / 2);
  robot.after(way);
  way.copy(robot);
}
