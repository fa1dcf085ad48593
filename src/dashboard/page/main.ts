/**
 * The operator's page: connects, keeps what it is told in `PageState`, and draws on animation frames whatever has changed.
 * `window.rfsn` is there to be read by people and tests; nothing on the page reads it.
 */
import type { Hello, TrailWords } from '../wire.js';
import { Connection, type Link } from './connection.js';
import { Controls } from './controls.js';
import { DecisionList } from './decision-list.js';
import { DecisionSheet } from './decision-sheet.js';
import { buttonOf, byId, setAttribute, setHidden, setPressed, setText } from './dom.js';
import { ago, fixed } from './format.js';
import { FrameTimer } from './frame-timer.js';
import { HealthPanel } from './health-panel.js';
import { Help } from './help.js';
import { LatenessHistogram } from './histogram.js';
import { LearningPanel } from './learning-panel.js';
import { NowStrip } from './now-strip.js';
import { Changed, PageState } from './page-state.js';
import { readPalette } from './palette.js';
import { Rose } from './rose.js';
import { PATH_S, Scene } from './scene.js';
import { SceneInput } from './scene-input.js';
import { listenForKeys } from './shortcuts.js';
import { Theme } from './theme.js';
import { Timeline } from './timeline.js';
import { TokenDialog } from './token-dialog.js';
import { forbiddenNames, listed, reasonSentence, robotName } from './words.js';

/** A live robot of which no decision came for so long is said to be silent [ms]. */
const SILENT_MS = 1500;
/** How often what only time changes is looked at: ages, countdowns [ms]. */
const TICK_MS = 250;
/** How often the scene is put in words, for those who hear it [ms]. */
const WORDS_MS = 3000;

/** Later than any moment, by whatever clock: of a robot at work all of the path is fetched that is kept [s]. */
const EVER_S = 1e12;
/** How much of a recording's path before the moment shown is fetched [s]. */
const TRAIL_S = 7200;

class Page {
  readonly state = new PageState();
  readonly timer = new FrameTimer();
  readonly connection: Connection;
  readonly scene: Scene;
  readonly sheet: DecisionSheet;
  readonly #input: SceneInput;
  readonly #rose: Rose;
  readonly #health: HealthPanel;
  readonly #learning: LearningPanel;
  readonly #list: DecisionList;
  readonly #now: NowStrip;
  readonly #controls: Controls;
  readonly #timeline: Timeline;
  readonly #token: TokenDialog;
  readonly #help: Help;
  #wordsMs = 0;
  /** The robot that was shown before the connection was lost, where the new one shows another. */
  #lookBackAt: string | null = null;

  constructor() {
    const { state } = this;
    const palette = readPalette();
    this.connection = new Connection({
      hello: (hello) => this.#onHello(hello),
      frame: (frame) => this.#receive(() => state.takeFrame(frame)),
      status: (status) => state.takeStatus(status),
      episode: (episode) => state.takeEpisode(episode),
      notice: (notice) => state.takeNotice(notice),
      link: (link) => this.#onLink(link),
    });
    this.scene = new Scene(byId('scene', HTMLCanvasElement), state, palette);
    this.#input = new SceneInput(this.scene, state, {
      goal: (x, y) => this.#controls.goal(x, y),
      viewChanged: () => this.#drawView(),
    });
    this.#rose = new Rose(byId('rose', HTMLCanvasElement), byId('rose-words', HTMLElement), state, palette);
    const histogram = new LatenessHistogram(byId('histogram', HTMLCanvasElement), state, palette);
    this.#health = new HealthPanel(state, histogram);
    this.#learning = new LearningPanel(state, palette);
    this.sheet = new DecisionSheet(state, this.connection, palette);
    this.#list = new DecisionList(state, (cycle) => this.sheet.open(cycle));
    this.#now = new NowStrip(state);
    this.#controls = new Controls(state, this.connection, this.#input);
    this.#timeline = new Timeline(state, this.connection, this.#controls);
    this.#token = new TokenDialog((token) => this.connection.useToken(token));
    this.#help = new Help(state, this.timer);
    new Theme(() => {
      const colours = readPalette();
      for (const part of [this.scene, this.#rose, histogram, this.#learning, this.sheet]) part.usePalette(colours);
      state.changed |= Changed.view | Changed.status;
    });
    buttonOf('follow').addEventListener('click', () => this.#input.follow(!this.scene.follow));
    buttonOf('up').addEventListener('click', () => this.#input.robotUp(!this.scene.robotUp));
    buttonOf('closer').addEventListener('click', () => this.#input.zoom(true));
    buttonOf('farther').addEventListener('click', () => this.#input.zoom(false));
    buttonOf('sheet-open').addEventListener('click', () => this.#toggleSheet());
    listenForKeys(this.#keys());
    setInterval(() => this.#tick(), TICK_MS);
  }

  start(): void {
    this.#drawView();
    this.connection.open();
    const draw = (nowMs: number) => {
      if (this.state.changed !== 0) this.#draw(nowMs);
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  #draw(nowMs: number): void {
    const started = performance.now();
    const { state } = this;
    const { changed } = state;
    state.changed = 0;
    const frame = (changed & Changed.frame) !== 0;
    if ((changed & (Changed.frame | Changed.view | Changed.hello)) !== 0) {
      this.scene.draw();
      this.#rose.draw();
    }
    if (frame) {
      this.#now.draw();
      this.#list.draw(nowMs, this.sheet.cycle);
      this.sheet.draw(nowMs);
      this.#say(nowMs);
    }
    if ((changed & (Changed.frame | Changed.status | Changed.hello | Changed.episodes)) !== 0) this.#timeline.draw();
    if ((changed & (Changed.status | Changed.hello)) !== 0) {
      this.#health.draw();
      this.#health.drawLearning();
    }
    if ((changed & Changed.episodes) !== 0) this.#learning.draw();
    if ((changed & Changed.notices) !== 0) this.#health.drawNotices();
    if ((changed & (Changed.status | Changed.hello | Changed.link | Changed.view)) !== 0) {
      this.#controls.draw();
      this.#drawState();
    }
    this.timer.drawn(nowMs, performance.now() - started);
  }

  #receive(take: () => void): void {
    const started = performance.now();
    take();
    this.timer.received(performance.now() - started);
  }

  /** A connection begins with the first robot: whoever looked at another goes on looking at that one. */
  #onHello(hello: Hello): void {
    const before = this.state.hello?.robot.name;
    const anew = this.connection.link.kind !== 'open';
    this.state.takeHello(hello);
    const elsewhere = before !== undefined && before !== hello.robot.name && hello.robots.includes(before);
    this.#lookBackAt = anew && elsewhere ? before : null;
  }

  #onLink(link: Link): void {
    this.state.changed |= Changed.link;
    if (link.kind === 'open' && this.#lookBackAt !== null) {
      void this.#controls.order({ do: 'show', robot: this.#lookBackAt });
      this.#lookBackAt = null;
    }
    if (link.kind === 'refused') this.#token.ask(link.hadToken);
    else if (link.kind === 'open') {
      this.#token.close();
      this.#controls.flush();
      void this.#fetchTrail();
    }
  }

  /** The path driven before this page was opened. */
  async #fetchTrail(): Promise<void> {
    if (this.state.trail.length > 1) return;
    try {
      // What a recording knows of later moments has not happened on the screen yet.
      const { live } = this.state;
      const atS = live ? EVER_S : this.state.atS;
      if (!Number.isFinite(atS)) return;
      const ask = async (upToS: number, seconds: number) => {
        const { result } = await this.connection.ask({ do: 'trail', atS: upToS, seconds });
        return (result as TrailWords).points;
      };
      const points = await ask(atS, live ? EVER_S : TRAIL_S);
      const now = this.state.atS;
      const recent = live && Number.isFinite(now) ? await ask(now, PATH_S) : points;
      this.state.takeTrail(points, atS, recent.length / 2);
    } catch {
      // The path begins where the page was opened.
    }
  }

  /** What changes by time alone. */
  #tick(): void {
    this.state.changed |= Changed.link;
    this.#controls.flush();
  }

  /** The pill, the warning and the grey over the scene: whether what is shown is so now. */
  #drawState(): void {
    const { state, connection } = this;
    const { hello, status } = state;
    const { link } = connection;
    const now = performance.now();
    const silentMs = now - state.frameMs;
    const expected = state.live && status?.paused !== true && status?.state !== 'stopped';
    const silent = hello !== null && expected && silentMs > SILENT_MS;
    const seen = Number.isFinite(state.frameMs) ? ` Last seen ${ago(silentMs / 1000)}.` : '';
    let words = '';
    if (link.kind === 'lost') {
      const wait = Math.max(0, Math.ceil((link.retryAtMs - now) / 1000));
      words = `No connection to the controller: ${link.why}.${seen} Trying again${wait > 0 ? ` in ${wait} s` : ''}.`;
    } else if (link.kind === 'connecting') words = hello === null ? 'Connecting…' : `Connecting again…${seen}`;
    else if (link.kind === 'outdated') {
      words = `The controller speaks version ${link.theirs} of the page's language, and loading the page anew did not help. Empty the browser's cache and load it again.`;
    } else if (status?.state === 'dead') words = `The control thread has ended.${seen}`;
    else if (status?.state === 'latched')
      words = `The control thread latched its stop after a fault: it needs a restart.${seen}`;
    else if (status?.state === 'stalled') words = `The control thread does not answer.${seen}`;
    else if (silent) words = `No decision comes.${seen}`;
    if (this.#controls.stopWaits && link.kind !== 'open') words = `STOP has not gone out yet. ${words}`;
    byId('scene-pane', HTMLElement).classList.toggle('stale', words !== '');
    const choosing = this.#input.choosing
      ? 'Click where the robot is to go. Arrow keys and Enter work too; Esc leaves, and stops.'
      : '';
    const banner = byId('banner', HTMLElement);
    setHidden(banner, words === '' && choosing === '');
    setText(banner, words !== '' ? words : choosing);
    banner.classList.toggle('goal', words === '' && choosing !== '');
    // A countdown read out every second helps nobody: the pill beside it says what is the matter, once.
    setAttribute(banner, 'aria-live', words === '' ? 'polite' : 'off');
    const warning = status?.warning ?? '';
    setHidden(byId('warning', HTMLElement), warning === '' || link.kind !== 'open');
    setText(byId('warning', HTMLElement), warning);
    const [text, level] = this.#pill(silent);
    setText(byId('state', HTMLElement), text);
    setHidden(byId('watching', HTMLElement), hello === null || hello.role !== 'watch' || !state.live);
    setAttribute(byId('state', HTMLElement), 'data-level', level);
    if (hello !== null) {
      const { scene } = hello.robot;
      const name = robotName(hello.robot.name);
      const title = scene === '' ? name : `${name} in ${scene}`;
      setText(byId('where', HTMLElement), title);
      setAttribute(byId('where', HTMLElement), 'title', title);
      const page = `${text} – ${title} – rfsn`;
      if (document.title !== page) document.title = page;
    }
  }

  #pill(silent: boolean): [string, 'good' | 'warn' | 'bad' | 'plain'] {
    const { link } = this.connection;
    const { status } = this.state;
    if (link.kind === 'lost' || link.kind === 'outdated') return ['✕ connection lost', 'bad'];
    if (link.kind === 'refused') return ['✕ token needed', 'bad'];
    if (link.kind === 'connecting' || status === null) return ['… connecting', 'plain'];
    if (status.state === 'recording') return [status.paused ? '❚❚ recording' : '▶ recording', 'plain'];
    if (status.state !== 'running') return [`✕ ${status.state}`, 'bad'];
    if (silent) return ['✕ silent', 'bad'];
    const stands = status.halted ? '■ stopped' : status.armed ? '' : '■ disarmed';
    if (status.paused) return [stands === '' ? '❚❚ paused' : `❚❚ paused, ${stands}`, 'warn'];
    if (stands !== '') return [stands, 'warn'];
    if (status.breakerOpen) return ['▲ rule drives', 'warn'];
    return [status.frozen ? '● driving, frozen' : '● driving', 'good'];
  }

  #drawView(): void {
    setPressed(buttonOf('follow'), this.scene.follow);
    setPressed(buttonOf('goal-mode'), this.#input.choosing);
    setText(buttonOf('up'), this.scene.robotUp ? 'Robot up' : 'North up');
    setPressed(buttonOf('up'), this.scene.robotUp);
    this.state.changed |= Changed.view;
  }

  /** The scene in words. */
  #say(nowMs: number): void {
    if (nowMs - this.#wordsMs < WORDS_MS) return;
    this.#wordsMs = nowMs;
    const { record, fields, hello } = this.state;
    if (record === null || hello === null) return;
    const forbidden = forbiddenNames(record[fields.allowed]);
    setText(
      byId('scene-words', HTMLElement),
      `Robot at ${fixed(record[fields.poseX], 1)}, ${fixed(record[fields.poseY], 1)} metres. ` +
        `Goal ${fixed(record[fields.raw + fields.goalDistance], 1)} metres away. ` +
        `Safety: ${reasonSentence(hello.reasons[record[fields.reason]])}.` +
        (forbidden.length === 0 ? '' : ` Forbidden: ${listed(forbidden)}.`),
    );
  }

  #toggleSheet(): void {
    if (this.sheet.isOpen) this.sheet.close();
    else this.sheet.open();
  }

  #keys() {
    const page = this;
    return {
      get recording() {
        return page.state.hello !== null && !page.state.live;
      },
      stop: () => this.#controls.stop(),
      closeOpen: () => {
        if (this.#input.choosing) this.#input.choose(false);
        else if (this.sheet.isOpen && document.querySelector('dialog[open]') === null) this.sheet.close();
      },
      press: (key: string) => this.#press(key),
    };
  }

  /** @returns whether the key means anything */
  #press(key: string): boolean {
    if (document.querySelector('dialog[open]') !== null && key !== '?') return false;
    const { state } = this;
    if (key === ' ') this.#timeline.togglePlay();
    else if (key === 'g') this.#controls.chooseGoal(!this.#input.choosing);
    else if (key === 'p') this.#controls.pause();
    else if (key === '.') this.#controls.step();
    else if (key === ',') this.#timeline.stepBack();
    else if (key === 'j') this.#timeline.jump(-5);
    else if (key === 'l') this.#timeline.jump(5);
    else if (key === 'f') this.#input.follow(!this.scene.follow);
    else if (key === 'n') this.#input.robotUp(!this.scene.robotUp);
    else if (key === '+' || key === '=') this.#input.zoom(true);
    else if (key === '-' || key === '−') this.#input.zoom(false);
    else if (key === 'd') this.#toggleSheet();
    else if (key === 'x') this.sheet.pin(!this.sheet.pinned);
    else if (key === '[') this.sheet.go(-1);
    else if (key === ']') this.sheet.go(1);
    else if (key === 't') buttonOf('theme').click();
    else if (key === '?') this.#help.toggle();
    else return false;
    state.changed |= Changed.view;
    return true;
  }
}

const page = new Page();

/** For people at the console and for tests: to be read, never written. */
const handle = {
  get hello() {
    return page.state.hello;
  },
  get status() {
    return page.state.status;
  },
  get link() {
    return page.connection.link.kind;
  },
  /** The newest frame's record by name, and what the scene made of it; null before the first. */
  get newest() {
    const { record, fields, atS, trail, pointCount } = page.state;
    if (record === null) return null;
    const { scene } = page;
    return {
      atS,
      cycle: record[fields.cycle],
      drawnCycle: scene.drawnCycle,
      record: [...record],
      robotOnScreen: [
        scene.camera.screenX(record[fields.poseX], record[fields.poseY]),
        scene.camera.screenY(record[fields.poseX], record[fields.poseY]),
      ],
      trailPoints: trail.length,
      scanPoints: pointCount,
    };
  },
  get explanation() {
    return page.sheet.explanation;
  },
  /** Where a place of `odom` [m] lies on the scene's canvas [CSS px]. */
  toScreen: (x: number, y: number) => [page.scene.camera.screenX(x, y), page.scene.camera.screenY(x, y)],
  get frames() {
    return page.timer.figures();
  },
};
export type PageHandle = typeof handle;
Object.defineProperty(window, 'rfsn', { value: Object.freeze(handle) });
page.start();
