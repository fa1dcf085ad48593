/** What the page knows: who is shown, the newest frame, status, path, last decisions, episodes. All of bounded size. */
import type { EpisodeWords, Frame, FrameScan, Hello, Notice, Status } from '../wire.js';
import { RecentDecisions, RecordFields } from './decisions.js';
import { fixed } from './format.js';
import { scanPoints } from './geometry.js';
import { Trail } from './trail.js';

const TRAIL_POINTS = 6000;
const RECENT = 500;
const EPISODES = 2000;
const NOTICES = 60;
/** Of those, about episodes: there may be many, and what an operator did is to stay in sight. */
const EPISODE_NOTICES = 20;
/** Two statuses of a recording that are no farther apart were played, not jumped between [s, at its own pace]. */
const PLAYED_S = 1;
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
  #ofEpisodes: Notice[] = [];

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
      this.notices = [];
      this.#ofEpisodes = [];
    }
    this.changed |= Changed.notices | Changed.hello | Changed.frame | Changed.status | Changed.episodes;
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
    this.trail.add(record[fields.poseX], record[fields.poseY], atS);
    if (record.length === this.hello?.recordDoubles) this.recent.add(record);
    this.changed |= Changed.frame;
  }

  /**
   * @param points x, y …, oldest first: the path up to a moment
   * @param recent so many of its last points count as of now, the rest as of long ago
   */
  takeTrail(points: readonly number[], atS: number, recent = points.length / 2): void {
    this.#trailAtS = atS;
    this.trail.clear();
    const old = points.length - 2 * recent;
    for (let i = 0; i + 1 < points.length; i += 2) {
      this.trail.add(points[i], points[i + 1], i < old ? Number.NEGATIVE_INFINITY : this.atS);
    }
    this.changed |= Changed.frame;
  }

  /** Of a robot at work it is an event too; those of a recording are found all at once, and are on its timeline. */
  takeEpisode(episode: EpisodeWords): void {
    this.episodes.push(episode);
    if (this.episodes.length > EPISODES) this.episodes.shift();
    this.changed |= Changed.episodes;
    if (!this.live) return;
    const { atS, outcome, timeS } = episode;
    const notice: Notice = {
      kind: 'notice',
      atS,
      level: 'info',
      text: `episode ${episode.episode} ended: ${outcome}, after ${fixed(timeS, 1)} s`,
    };
    this.#ofEpisodes.push(notice);
    if (this.#ofEpisodes.length > EPISODE_NOTICES) {
      const oldest = this.#ofEpisodes.shift();
      this.notices = this.notices.filter((kept) => kept !== oldest);
    }
    this.takeNotice(notice);
  }

  /** What a source tells to a page that connects again, it may have had. */
  takeNotice(notice: Notice): void {
    const { atS, text } = notice;
    if (this.notices.some((known) => known.atS === atS && known.text === text)) return;
    const place = this.notices.findIndex((known) => known.atS <= atS);
    this.notices.splice(place < 0 ? this.notices.length : place, 0, notice);
    if (this.notices.length > NOTICES) this.notices.pop();
    this.changed |= Changed.notices;
  }

  /** What of a recording happened between two moments of it, told as it was told then. */
  takeStatus(status: Status): void {
    const before = this.status;
    this.status = status;
    this.changed |= Changed.status;
    if (this.live || before === null) return;
    if (status.cycles < before.cycles) {
      this.notices = this.notices.filter(({ atS }) => atS <= status.atS);
      this.changed |= Changed.notices;
    }
    // What lies between two moments that are far apart has no time.
    const passedS = status.atS - before.atS;
    if (!(passedS > 0 && passedS < PLAYED_S * Math.max(1, status.speed))) return;
    const tell = (happened: boolean, text: string, level: Notice['level'] = 'info') => {
      if (happened) this.takeNotice({ kind: 'notice', atS: status.atS, level, text });
    };
    tell(status.halted && !before.halted, 'STOP: told to stand');
    tell(!status.halted && before.halted, 'may go on');
    tell(status.armed && !before.armed, 'armed: the robot may move');
    tell(!status.armed && before.armed, 'disarmed');
    tell(status.frozen && !before.frozen, 'frozen: nothing is learned or explored');
    tell(!status.frozen && before.frozen, 'learns again');
    tell(status.breakerOpen && !before.breakerOpen, 'breaker opened: the rule drives', 'warning');
    tell(!status.breakerOpen && before.breakerOpen, 'breaker closed: the policy drives again');
    tell(status.driftAlarms > before.driftAlarms, 'drift alarm', 'warning');
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
