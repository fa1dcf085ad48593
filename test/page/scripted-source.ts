/**
 * A robot that is played: it drives round a room by the clock of whoever asks for its frames, decides by a rule, and
 * carries out orders. All that a page can show is in its records.
 */
import type { View, Viewer, ViewSource } from '../../src/dashboard/view-source.js';
import type {
  EpisodeWords,
  ExplanationWords,
  Frame,
  FrameScan,
  Order,
  RobotWords,
  Status,
  TrailWords,
} from '../../src/dashboard/wire.js';
import { DECISION_DOUBLES, DecisionField, EXPLAINED } from '../../src/memory/layout.js';
import { REASON_LABELS, Reason } from '../../src/memory/reason.js';

export const PERIOD_S = 0.02;
const BEAMS = 360;
const SECTOR = Math.PI / 4;
/** Walls and pillars: x, y, radius [m]. */
const PILLARS = [
  [2.2, 1.4, 0.35],
  [4.4, -1.1, 0.5],
  [1.2, -2.2, 0.3],
  [6.1, 1.6, 0.45],
  [-1.6, 1.9, 0.4],
] as const;
const ROOM = { left: -3, right: 8, bottom: -3.5, top: 3.5 };

export class ScriptedSource implements ViewSource {
  readonly name: string;
  readonly robot: RobotWords;
  readonly extent: { startS: number; endS: number } | null;
  readonly episodes: EpisodeWords[] = [];
  /** Orders that it was given, oldest first. */
  readonly orders: Order[] = [];
  /** What the next control order is refused with; empty: it is carried out. */
  refusal = '';
  cycle = 0;
  readonly startS: number;
  readonly #viewers = new Set<Viewer>();
  readonly #goal = { x: 5.5, y: -0.4, count: 1 };
  #armed = true;
  #halted = false;
  #frozen = false;
  #paused = false;
  #speed = 1;

  constructor(kind: 'live' | 'recording', name = 'jackal', startS = 1_700_000_000) {
    this.name = name;
    this.startS = startS;
    this.extent = kind === 'recording' ? { startS, endS: startS + 120 } : null;
    this.robot = {
      name,
      drive: 'differential',
      footprint: [0.25, 0.21, -0.25, 0.21, -0.25, -0.21, 0.25, -0.21],
      maxSpeed: 2,
      policy: 'epsilon_greedy',
      periodS: PERIOD_S,
      deadlineS: PERIOD_S / 2,
      timeoutS: { odometry: 0.2, ranges: 0.3, contacts: 0.5 },
      scene: 'played room',
      kind,
      paced: true,
      saves: true,
    };
    for (let i = 0; i < 60; i++) this.episodes.push(episodeAt(i, startS + i * 2));
    this.#paused = kind === 'recording';
  }

  /** One cycle: moves on, and shows every page the new frame. */
  step(): Frame {
    this.cycle++;
    const frame = this.frameAt(this.cycle);
    for (const viewer of this.#viewers) viewer.frame(frame);
    return frame;
  }

  notice(text: string): void {
    for (const viewer of this.#viewers) viewer.notice({ kind: 'notice', atS: this.atS, level: 'warning', text });
  }

  endEpisode(): void {
    const episode = episodeAt(this.episodes.length, this.atS);
    this.episodes.push(episode);
    for (const viewer of this.#viewers) viewer.episode(episode);
  }

  get atS(): number {
    return this.startS + this.cycle * PERIOD_S;
  }

  view(viewer: Viewer): View {
    this.#viewers.add(viewer);
    if (this.cycle > 0) viewer.frame(this.frameAt(this.cycle));
    return {
      status: () => this.#status(),
      ask: async (order) => this.#ask(order),
      end: () => this.#viewers.delete(viewer),
    };
  }

  async control(order: Order): Promise<{ text: string; result?: unknown }> {
    this.orders.push(order);
    if (this.refusal !== '') throw new Error(this.refusal);
    if (order.do === 'goal') {
      this.#goal.x = order.x;
      this.#goal.y = order.y;
      this.#goal.count++;
    } else if (order.do === 'stop') this.#halted = true;
    else if (order.do === 'arm') {
      this.#armed = true;
      this.#halted = false;
    } else if (order.do === 'freeze') this.#frozen = order.frozen;
    else if (order.do === 'pause') this.#paused = order.paused;
    else if (order.do === 'speed') this.#speed = order.speed;
    else if (order.do === 'step') this.step();
    else if (order.do === 'checkpoints') {
      return { text: '', result: { files: [{ file: 'policy-000012.ckpt', bytes: 81920, written: this.startS }] } };
    }
    return { text: `done: ${order.do}` };
  }

  /** What it senses and decides at a cycle; the same whenever it is asked. */
  frameAt(cycle: number): Frame {
    const t = cycle * PERIOD_S;
    const turn = 0.32 * t;
    const x = 2.5 + 3.4 * Math.sin(turn);
    const y = 2.1 * Math.sin(2 * turn);
    const dx = 3.4 * 0.32 * Math.cos(turn);
    const dy = 2.1 * 0.64 * Math.cos(2 * turn);
    const yaw = Math.atan2(dy, dx);
    const scan = scanFrom(x, y, yaw);
    const record = new Float64Array(DECISION_DOUBLES);
    const stands = this.#halted || !this.#armed;
    record[DecisionField.cycle] = cycle;
    record[DecisionField.latenessNs] = 40_000 + 9000 * Math.sin(cycle);
    record[DecisionField.computeNs] = 61_000;
    record[DecisionField.poseX] = x;
    record[DecisionField.poseY] = y;
    record[DecisionField.poseYaw] = yaw;
    record[DecisionField.goalX] = this.#goal.x;
    record[DecisionField.goalY] = this.#goal.y;
    record[DecisionField.goalCount] = this.#goal.count;
    record[DecisionField.driver] = stands ? 3 : 1;
    record[DecisionField.rangesSequence] = cycle;
    const bearing = Math.atan2(this.#goal.y - y, this.#goal.x - x) - yaw;
    const { raw, scaled, values, distribution } = DecisionField;
    record[raw] = x;
    record[raw + 1] = y;
    record[raw + 2] = Math.hypot(dx, dy);
    let allowed = 0;
    for (let k = 0; k < 8; k++) {
      let nearest = scan.rangeMax;
      for (let i = 0; i < BEAMS; i++) {
        const angle = scan.angleMin + i * scan.angleIncrement;
        const sector = (Math.round(angle / SECTOR) + 8) % 8;
        if (sector === k) nearest = Math.min(nearest, scan.ranges[i]);
      }
      record[raw + 4 + k] = nearest;
      if (nearest > 0.85) allowed |= 1 << k;
    }
    record[raw + 12] = Math.hypot(this.#goal.x - x, this.#goal.y - y) * Math.cos(bearing);
    record[raw + 13] = Math.hypot(this.#goal.x - x, this.#goal.y - y) * Math.sin(bearing);
    record[raw + 14] = Math.hypot(this.#goal.x - x, this.#goal.y - y);
    record[raw + 15] = Math.atan2(Math.sin(bearing), Math.cos(bearing));
    for (let i = 0; i < 24; i++) record[scaled + i] = Math.tanh(record[raw + i] / 3);
    record[DecisionField.allowed] = allowed;
    const shares = contributionsOf(record);
    let best = -1;
    for (let k = 0; k < 8; k++) {
      record[values + k] = shares.slice(k * EXPLAINED, (k + 1) * EXPLAINED).reduce((sum, share) => sum + share, 0);
      if ((allowed & (1 << k)) !== 0 && (best < 0 || record[values + k] > record[values + best])) best = k;
    }
    const free = [0, 1, 2, 3, 4, 5, 6, 7].filter((k) => (allowed & (1 << k)) !== 0);
    for (const k of free) record[distribution + k] = 0.2 / free.length + (k === best ? 0.8 : 0);
    record[DecisionField.action] = stands ? -1 : best;
    record[DecisionField.probability] = best < 0 || stands ? Number.NaN : record[distribution + best];
    record[DecisionField.commandVx] = stands ? 0 : Math.hypot(dx, dy);
    record[DecisionField.commandYawRate] = stands ? 0 : 0.5 * Math.sin(turn * 2);
    record[DecisionField.reason] = stands ? Reason.disarmed : free.length < 6 ? Reason.slowed : Reason.none;
    record[DecisionField.rewardedCycle] = cycle >= 10 ? cycle - 10 : Number.NaN;
    record[DecisionField.reward] = cycle >= 10 ? Math.sin(cycle / 40) : Number.NaN;
    return { atS: this.startS + t, record, scan };
  }

  #ask(order: Order): ExplanationWords | TrailWords | null {
    if (order.do === 'explain') {
      if (order.cycle > this.cycle) throw new Error(`cycle ${order.cycle} has not been yet`);
      const { atS, record } = this.frameAt(order.cycle);
      const words = [...record].map((value) => (Number.isFinite(value) ? value : null));
      return { cycle: order.cycle, atS, record: words, contributions: [...contributionsOf(record)] };
    }
    if (order.do === 'trail') {
      const points: number[] = [];
      const last = Math.round((Math.min(order.atS, this.atS) - this.startS) / PERIOD_S);
      for (let cycle = Math.max(1, last - order.seconds / PERIOD_S); cycle <= last; cycle += 10) {
        const { record } = this.frameAt(cycle);
        points.push(record[DecisionField.poseX], record[DecisionField.poseY]);
      }
      return { points };
    }
    this.orders.push(order);
    if (order.do === 'seek') {
      this.cycle = Math.max(1, Math.round((order.atS - this.startS) / PERIOD_S) - 1);
      this.step();
    } else if (order.do === 'pause') this.#paused = order.paused;
    else if (order.do === 'step') this.step();
    else if (order.do === 'speed') this.#speed = order.speed;
    return null;
  }

  #status(): Omit<Status, 'kind' | 'skippedFrames'> {
    const age = (seconds: number) => seconds + 0.004 * Math.sin(this.cycle / 7);
    return {
      atS: this.atS,
      state: this.extent === null ? 'running' : 'recording',
      warning: '',
      armed: this.#armed,
      halted: this.#halted,
      frozen: this.#frozen,
      paused: this.#paused,
      speed: this.#speed,
      rateHz: 49.98,
      cycles: this.cycle,
      updates: 12_345 + this.cycle,
      lateness: [4.1e-5, 9.8e-5, 1.4e-3],
      compute: [6.1e-5, 1.2e-4, 4.6e-4],
      latenessHistogram: {
        uptoS: [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1],
        counts: [0, 3, 40, 300, 4100, 22_000, 9000, 1500, 240, 60, 18, 9, 5, 2, 1, 0, 0],
      },
      misses: { late: 3, long: 0 },
      breakerOpen: false,
      breakerOpenings: 1,
      ageS: { odometry: age(0.013), ranges: age(0.021), contacts: age(0.32) },
      interventions: { slowed: 812, obstacle: 34, contact_escape: 5, stalled: 2 },
      refused: { 'ranges stale': 2 },
      driftAlarms: 2,
      lostDecisions: 0,
      checkpoint: { file: 'policy-000012.ckpt', ageS: 42 },
      log: '',
      success: 0.86,
      episode: this.episodes.length,
    };
  }
}

export const REASONS = REASON_LABELS;

/** What each feature adds to each direction: the goal draws, obstacles push, the rest is a small constant. */
function contributionsOf(record: Float64Array): Float64Array {
  const shares = new Float64Array(8 * EXPLAINED);
  for (let k = 0; k < 8; k++) {
    const at = k * EXPLAINED;
    const { raw, scaled } = DecisionField;
    shares[at + 4 + k] = 0.35 * record[scaled + 4 + k];
    shares[at + 4 + ((k + 1) % 8)] = 0.08 * record[scaled + 4 + ((k + 1) % 8)];
    shares[at + 15] = 0.5 * Math.cos(record[raw + 15] - k * SECTOR);
    shares[at + 14] = -0.06 * record[scaled + 14];
    shares[at + 2] = 0.12 * Math.cos(k * SECTOR);
    shares[at + EXPLAINED - 1] = 0.03 - 0.01 * k;
  }
  return shares;
}

function scanFrom(x: number, y: number, yaw: number): FrameScan {
  const ranges = new Float32Array(BEAMS);
  const angleMin = -Math.PI;
  const angleIncrement = (2 * Math.PI) / BEAMS;
  for (let i = 0; i < BEAMS; i++) {
    const angle = yaw + angleMin + i * angleIncrement;
    const c = Math.cos(angle);
    const s = Math.sin(angle);
    let range = Math.min(
      c > 0 ? (ROOM.right - x) / c : (ROOM.left - x) / c,
      s > 0 ? (ROOM.top - y) / s : (ROOM.bottom - y) / s,
    );
    for (const [px, py, radius] of PILLARS) {
      const along = (px - x) * c + (py - y) * s;
      const across = Math.abs((px - x) * s - (py - y) * c);
      if (along > 0 && across < radius) range = Math.min(range, along - Math.sqrt(radius ** 2 - across ** 2));
    }
    ranges[i] = Math.max(0.11, range);
  }
  return { angleMin, angleIncrement, rangeMax: 30, mountX: 0, mountY: 0, mountYaw: 0, ranges };
}

function episodeAt(i: number, atS: number): EpisodeWords {
  const learned = 1 - Math.exp(-i / 18);
  const wave = Math.sin(i * 2.3) * 0.5 + 0.5;
  return {
    atS,
    episode: i,
    outcome: wave < 0.25 + 0.7 * learned ? 'success' : i % 3 === 0 ? 'timeout' : 'collision',
    timeS: 30 - 12 * learned,
    reward: 0.9 * learned + 0.2 * (wave - 0.5),
    loss: 0.6 * Math.exp(-i / 15) + 0.05 * wave,
    exploration: 0.2 * Math.exp(-i / 40) + 0.05,
    driftAlarms: i === 31 || i === 47 ? 1 : 0,
    interventions: Math.round(9 * (1 - learned)),
  };
}
