/** What the page knows: who is shown, the newest frame, status, path, last decisions, episodes. All of bounded size. */
import type { EpisodeWords, Frame, FrameScan, Hello, Notice, Status } from '../wire.js';
import { RecentDecisions, RecordFields } from './decisions.js';
import { scanPoints } from './geometry.js';
import { Trail } from './trail.js';

const TRAIL_POINTS = 6000;
const RECENT = 500;
const EPISODES = 2000;
const NOTICES = 60;
/** A frame this near to where a path ends belongs to it [s]. */
const SAME_MOMENT_S = 1;

/** What has changed since the panels were drawn. */
export const Changed = { frame: 1, status: 2, episodes: 4, notices: 8, hello: 16, view: 32, link: 64 } as const;

export class PageState {
  hello: Hello | null = null;
  status: Status | null = null;
  fields: RecordFields = new RecordFields({ fields: {}, features: [] });
  /** Null before the first. */
  record: Float64Array | null = null;
  atS = Number.NaN;
  /** When the newest frame came, on `performance.now()` [ms]. */
  frameMs = Number.NEGATIVE_INFINITY;
  /** Of the newest scan: what hit something, in `base_link`, and where the robot was then. */
  points: Float64Array = new Float64Array(0);
  pointCount = 0;
  scanPose: Float64Array = new Float64Array(3);
  readonly trail = new Trail(TRAIL_POINTS);
  recent: RecentDecisions = new RecentDecisions(1, 0, this.fields);
  episodes: EpisodeWords[] = [];
  notices: Notice[] = [];
  changed = 0;
  /** Up to which moment the path is that was asked for last. */
  #trailAtS = Number.NaN;

  takeHello(hello: Hello): void {
    const same = this.hello !== null && this.hello.run === hello.run && this.hello.robot.name === hello.robot.name;
    this.hello = hello;
    this.fields = new RecordFields(hello);
    this.recent = new RecentDecisions(RECENT, hello.recordDoubles, this.fields);
    this.episodes = hello.episodes.slice(-EPISODES);
    if (!same) {
      this.status = null;
      this.record = null;
      this.frameMs = Number.NEGATIVE_INFINITY;
      this.pointCount = 0;
      this.trail.clear();
    }
    this.changed |= Changed.hello | Changed.frame | Changed.status | Changed.episodes;
  }

  takeFrame({ atS, record, scan }: Frame): void {
    const { fields } = this;
    // Backwards in time: the recording was scrubbed, and what lies ahead has not happened yet.
    if (this.record !== null && record[fields.cycle] < this.record[fields.cycle]) {
      this.recent.clear();
      // The path up to there may have come before the frame.
      if (!(Math.abs(atS - this.#trailAtS) < SAME_MOMENT_S)) this.trail.clear();
    }
    this.record = record;
    this.atS = atS;
    this.frameMs = performance.now();
    if (scan !== null) this.#takeScan(scan, record);
    this.trail.add(record[fields.poseX], record[fields.poseY]);
    if (record.length === this.hello?.recordDoubles) this.recent.add(record);
    this.changed |= Changed.frame;
  }

  /** @param points x, y …, oldest first: the path up to a moment */
  takeTrail(points: readonly number[], atS: number): void {
    this.#trailAtS = atS;
    this.trail.clear();
    for (let i = 0; i + 1 < points.length; i += 2) this.trail.add(points[i], points[i + 1]);
    this.changed |= Changed.frame;
  }

  takeEpisode(episode: EpisodeWords): void {
    this.episodes.push(episode);
    if (this.episodes.length > EPISODES) this.episodes.shift();
    this.changed |= Changed.episodes;
  }

  takeNotice(notice: Notice): void {
    this.notices.unshift(notice);
    if (this.notices.length > NOTICES) this.notices.pop();
    this.changed |= Changed.notices;
  }

  get live(): boolean {
    return this.hello?.robot.kind === 'live';
  }

  /** Whether this page may give orders to a robot. */
  get commands(): boolean {
    return this.live && this.hello?.role === 'control';
  }

  #takeScan(scan: FrameScan, record: Float64Array): void {
    if (this.points.length < 2 * scan.ranges.length) this.points = new Float64Array(2 * scan.ranges.length);
    this.pointCount = scanPoints(scan.ranges, scan, this.points);
    this.scanPose[0] = record[this.fields.poseX];
    this.scanPose[1] = record[this.fields.poseY];
    this.scanPose[2] = record[this.fields.poseYaw];
  }
}
