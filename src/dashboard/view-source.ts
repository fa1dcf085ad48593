/**
 * What the page shows, wherever it comes from: a controller at work, or a recording. The server asks and passes on; it
 * knows of neither.
 */
import type { EpisodeWords, ExplanationWords, Frame, Notice, Order, RobotWords, Status, TrailWords } from './wire.js';

/** What one page is told; called on the main thread. */
export interface Viewer {
  /**
   * The frame's arrays are reused: encode or copy them at once. `frame.scan` is the scan that the decision rests on, given
   * with every frame: the server leaves it out for a page that has it, which it tells by `DecisionField.rangesSequence`.
   * Whoever gives one frame to several viewers gives them the same object, so that it is encoded once.
   */
  frame(frame: Frame): void;
  episode(episode: EpisodeWords): void;
  notice(notice: Notice): void;
}

/** What one page sees of a source; ended when the page goes or looks at another. */
export interface View {
  status(): Omit<Status, 'kind' | 'skippedFrames'>;
  /**
   * Carries out what does not change the robot: explain, trail, and of a recording seek, pause, step and speed.
   *
   * @throws Error with a sentence that says why not
   */
  ask(order: Order): Promise<ExplanationWords | TrailWords | null>;
  end(): void;
}

export interface ViewSource {
  readonly name: string;
  readonly robot: RobotWords;
  readonly extent: { readonly startS: number; readonly endS: number } | null;
  readonly episodes: readonly EpisodeWords[];
  /** Begins at once: the newest frame may be given within the call. */
  view(viewer: Viewer): View;
  /**
   * Carries out an order that changes the robot or its simulated world.
   *
   * @returns what was done, one sentence, and a result to show
   * @throws Error with a sentence that says why not
   */
  control(order: Order): Promise<{ text: string; result?: unknown }>;
}
