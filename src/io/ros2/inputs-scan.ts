/** Scans: from their bytes straight to the sink, with the laser's place on the robot. Main thread, at every message. */
import { wrapAngle } from '../../core/angles.js';
import { type ObservationSink, type RangeScan, Rejection } from '../../memory/observation-sink.js';
import type { ParameterValues } from '../../parameters/schema.js';
import type { CdrReader } from './cdr/cdr-reader.js';
import { LaserScanMessage } from './cdr/laser-scan.js';
import { type InputFigures, Refusal, type RefusalCode, refusalOf } from './input-figures.js';
import { lateWords } from './inputs-odometry.js';
import { backWords, StampWatch, stillWords } from './inputs-stamps.js';
import { InputTopic } from './names.js';
import type { ReadingTime } from './ros-time.js';
import { type TransformTree, Way } from './transforms.js';

/** A laser may be tilted by so much: at 3 m its beam is 0.3 m higher or lower [rad]. */
const TILT_MAX = 0.1;
const UPRIGHT_MIN = Math.cos(TILT_MAX);

export interface ScanInputOptions {
  readonly parameters: ParameterValues;
  readonly sink: ObservationSink;
  readonly time: ReadingTime;
  readonly reader: CdrReader;
  readonly tree: TransformTree;
  readonly figures: InputFigures;
}

export class ScanInput {
  readonly #options: ScanInputOptions;
  readonly #message = new LaserScanMessage();
  readonly #scan: RangeScan;
  readonly #watch = new StampWatch();
  readonly #limitNs: number;
  readonly #beamsMax: number;
  readonly #baseFrame: number;
  readonly #way = new Way();
  /** The frame that the mount is of, and the tree's state at that time. */
  #frame = -1;
  #change = -1;
  /** Why scans of that frame cannot be used; 0: they can. */
  #obstacle: RefusalCode | 0 = Refusal.noTransform;
  #flipped = false;

  constructor(options: ScanInputOptions) {
    this.#options = options;
    const { parameters: p, tree } = options;
    this.#beamsMax = p.max_beams;
    this.#limitNs = p.ranges_timeout_s * 1e9;
    this.#baseFrame = tree.frames.internName(p.base_frame);
    this.#scan = {
      ...{ angleMin: 0, angleIncrement: 0, rangeMin: 0, rangeMax: 0, count: 0, ranges: this.#message.ranges },
      ...{ mountX: 0, mountY: 0, mountYaw: 0 },
    };
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
    if (m.count > this.#beamsMax) {
      this.#refuse(Refusal.tooManyBeams, nowNs);
      return;
    }
    if (m.header.frame !== this.#frame || tree.fixedChanges !== this.#change) this.#mount();
    if (this.#obstacle !== 0) {
      this.#refuse(this.#obstacle, nowNs);
      return;
    }
    const scan = this.#scan;
    // Seen from above, an upside-down laser turns the other way.
    scan.angleMin = this.#flipped ? -m.angleMin : m.angleMin;
    scan.angleIncrement = this.#flipped ? -m.angleIncrement : m.angleIncrement;
    scan.rangeMin = m.rangeMin;
    scan.rangeMax = m.rangeMax;
    scan.count = m.count;
    scan.ranges = m.ranges;
    const stampNs = time.stampNs(m.header.seconds, m.header.nanoseconds);
    const receivedNs = time.receivedNs(stampNs);
    let code = sink.ranges(stampNs, receivedNs, scan);
    if (code === Rejection.stampBack && this.#watch.restarted(stampNs)) {
      sink.newFrame();
      figures.complain('its stamps began anew: the source was restarted, and is believed as a new one', nowNs);
      code = sink.ranges(stampNs, receivedNs, scan);
    }
    if (code !== Rejection.accepted) {
      this.#refuse(refusalOf(code), nowNs);
      return;
    }
    this.#watch.accepted(stampNs);
    figures.accept(nowNs);
    if (figures.late(nowNs - receivedNs, this.#limitNs, nowNs)) figures.complain(lateWords(figures), nowNs);
  }

  /** Where the laser is on the robot, as far as the fixed transforms tell. */
  #mount(): void {
    const { tree } = this.#options;
    const { frame } = this.#message.header;
    this.#frame = frame;
    this.#change = tree.fixedChanges;
    const way = this.#way;
    if (!tree.find(frame, this.#baseFrame, true, way)) {
      this.#obstacle = Refusal.noTransform;
      return;
    }
    if (Math.abs(way.upright) < UPRIGHT_MIN) {
      this.#obstacle = Refusal.notPlanar;
      return;
    }
    this.#obstacle = 0;
    this.#flipped = way.upright < 0;
    this.#scan.mountX = way.x;
    this.#scan.mountY = way.y;
    // Where its x axis points, which holds for both ways up.
    this.#scan.mountYaw = wrapAngle(Math.atan2(way.turnedY(1, 0, 0), way.turnedX(1, 0, 0)));
  }

  #refuse(code: RefusalCode, nowNs: number): void {
    const { figures } = this.#options;
    if (figures.refuse(code, nowNs)) figures.complain(this.#why(code), nowNs);
  }

  #why(code: RefusalCode): string {
    const { tree, parameters: p } = this.#options;
    const m = this.#message;
    switch (code) {
      case Refusal.tooManyBeams:
        return `it has ${m.count} beams, and max_beams is ${p.max_beams}`;
      case Refusal.noTransform:
        return `no way from its frame '${tree.frames.name(m.header.frame)}' to '${p.base_frame}' is known from ${InputTopic.staticTransforms}`;
      case Refusal.notPlanar: {
        const tilt = (Math.acos(Math.min(1, Math.abs(this.#way.upright))) * 180) / Math.PI;
        return `its frame '${tree.frames.name(m.header.frame)}' is tilted by ${tilt.toFixed(0)}° against '${p.base_frame}'`;
      }
      case Refusal.stampStill:
        return stillWords(m.header);
      case Refusal.stampBack:
        return backWords(m.header);
      case Refusal.wrongLength:
        return 'it has no beams';
      case Refusal.notFinite:
        return 'all its beams have failed, or its geometry is not finite';
      default:
        return `its geometry is impossible: ${m.count} beams ${m.angleIncrement} rad apart, from ${m.rangeMin} m to ${m.rangeMax} m`;
    }
  }
}
