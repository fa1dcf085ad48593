/**
 * What Prometheus is told: the figures of all robots of this process, in a registry of their own. Main thread.
 *
 * Everything is read when somebody scrapes: nothing is added to a cycle, and the main thread does a few additions for each
 * decision. The one thing that a scrape costs the control thread is its own heap and collections, which it looks up between
 * two cycles, at most once a second however many scrape.
 */
import { type Metric, Registry } from 'prom-client';
import { METRIC_FAMILIES, type MetricFamily, type Sample, type Scrape } from './metrics-families.js';
import { ProcessFigures } from './metrics-process.js';
import { RobotMetrics } from './metrics-robot.js';
import type { FlightLogSource, LinkSource, PageSource, RobotSource } from './metrics-source.js';

/**
 * Everything is looked at so often even if nobody scrapes [ms]: 32-bit words must not wrap unseen, and the control thread's
 * record of its collections must not grow until reading it would cost a cycle its deadline.
 */
const LOOK_MS = 10_000;

/** An answer of `/livez` or `/readyz`. */
export interface Health {
  readonly ok: boolean;
  /** For a person: what is wrong, a line for each robot; or that nothing is. */
  readonly detail: string;
}

export interface MetricsOptions {
  /** Of rfsn-controller. */
  readonly version: string;
}

export class Metrics {
  /** Of `text`, for the HTTP header. */
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  /** Set where a ZeroMQ link runs, and where a page is served. */
  link: LinkSource | null = null;
  page: PageSource | null = null;
  /** Of flight logs that are written, by robot. */
  readonly logs = new Map<string, FlightLogSource>();
  readonly #version: string;
  readonly #registry = new Registry();
  readonly #process = new ProcessFigures();
  readonly #robots = new Set<RobotMetrics>();
  readonly #timer: NodeJS.Timeout;
  #failures = 0;

  constructor({ version }: MetricsOptions) {
    this.#version = version;
    for (const family of METRIC_FAMILIES) this.#register(family);
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /**
   * Shows a robot from now on, until `leave`. Tell what is returned of its decisions, episodes and saves.
   *
   * @throws Error where a robot of that name is shown already
   */
  follow(source: RobotSource): RobotMetrics {
    for (const robot of this.#robots) {
      if (robot.source.robot === source.robot) throw new Error(`metrics of ${source.robot} are shown already`);
    }
    const robot = new RobotMetrics(source);
    this.#robots.add(robot);
    return robot;
  }

  /** The robot has gone, and its samples with it. */
  leave(robot: RobotMetrics): void {
    this.#robots.delete(robot);
  }

  /** All metrics in Prometheus' text format, as of now. Waits for the control thread for a quarter of a second at most. */
  async text(): Promise<string> {
    await this.#look();
    return this.#registry.metrics();
  }

  /** Whether all control threads live; that the main thread does, it shows by answering. */
  live(): Health {
    return this.#health('alive', ({ state }) => {
      if (state === 'stalled') return ['the control thread’s cycle counter stands still'];
      return state === 'dead' || state === 'stopped' ? [`the control thread is ${state}`] : [];
    });
  }

  /** Whether there is a robot, and all there are would drive if they had a goal. */
  ready(): Health {
    if (this.#robots.size === 0) return { ok: false, detail: 'no robot is driven' };
    return this.#health('ready', (robot) => robot.obstacles);
  }

  /** Lets go of timers and observers. */
  close(): void {
    clearInterval(this.#timer);
    this.#process.close();
    this.#robots.clear();
  }

  #health(fine: string, whyOf: (robot: RobotMetrics) => readonly string[]): Health {
    const lines: string[] = [];
    for (const robot of this.#robots) {
      const why = whyOf(robot);
      if (why.length > 0) lines.push(`${robot.source.robot}: ${why.join(', ')}`);
    }
    return { ok: lines.length === 0, detail: lines.length === 0 ? fine : lines.join('\n') };
  }

  async #look(): Promise<void> {
    const robots = [...this.#robots];
    await Promise.all(robots.map((robot) => robot.refreshVitals()));
    for (const robot of robots) robot.advance();
    this.#process.advance();
  }

  #register(family: MetricFamily): void {
    const { name, help, type } = family;
    const metric = {
      name,
      get: async () => ({
        ...{ name, help, type, aggregator: 'sum' as const },
        values: this.#samples(family),
      }),
      reset: () => undefined,
    };
    // The registry asks a metric for its name and its values alone; prom-client's own kinds hold their values themselves.
    this.#registry.registerMetric(metric as unknown as Metric);
  }

  /** One that cannot be had must not hide the others. */
  #samples(family: MetricFamily): Sample[] {
    try {
      return family.samples(this.#scrape());
    } catch {
      this.#failures++;
      return [];
    }
  }

  #scrape(): Scrape {
    const { link, page, logs } = this;
    return {
      ...{ robots: [...this.#robots], process: this.#process, version: this.#version, link, page, logs },
      ready: (robot) => robot.obstacles.length === 0,
      failures: this.#failures,
    };
  }
}
