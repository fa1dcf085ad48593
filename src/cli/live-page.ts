/** The page beside a run, with `/metrics`, `/livez` and `/readyz`: `--page`, `dashboard.listen`. */
import { parseListen } from '../dashboard/access.js';
import type { LiveSource } from '../dashboard/live-source.js';
import type { PageServer } from '../dashboard/server.js';
import { FEATURES } from '../features/extraction.js';
import type { ParameterValues } from '../parameters/schema.js';
import type { Metrics } from '../telemetry/metrics.js';
import { hostsOf } from './beside-options.js';
import type { BesideRun, RobotFollower, RunUnderWay } from './beside-run.js';
import { OUTCOME_NAMES } from './episode-tally.js';
import { packageVersion } from './package-version.js';
import { followWithMetrics, pageSourceOf } from './run-metrics.js';

export interface LivePageOptions {
  readonly parameters: ParameterValues;
  /** It was asked for by name: a run that cannot have it does not begin. */
  readonly required: boolean;
  /** Whoever asked named the port: no other is taken in its place. */
  readonly portGiven: boolean;
  /** Where the flight log goes; empty where there is none. */
  log?(): string;
  /** Tells the user something, one line. */
  tell(text: string): void;
  /** Tells of what is amiss, likewise; absent: `tell` does. */
  warn?(text: string): void;
}

export class LivePage implements BesideRun {
  readonly name = 'the page';
  readonly required: boolean;
  readonly #options: LivePageOptions;
  #server: PageServer | null = null;
  #metrics: Metrics | null = null;

  constructor(options: LivePageOptions) {
    this.required = options.required;
    this.#options = options;
  }

  /** The server while it is open, for tests. */
  get server(): PageServer | null {
    return this.#server;
  }

  /** The same figures for a link and a flight log to be shown in; null while it is not open. */
  get metrics(): Metrics | null {
    return this.#metrics;
  }

  /** @throws as `PageServer.start` */
  async open(): Promise<void> {
    const { parameters: p, portGiven, tell, warn = tell } = this.#options;
    // What is not asked for is not loaded: a web server takes a tenth of a second.
    const [{ PageServer }, { Metrics }] = await Promise.all([
      import('../dashboard/server.js'),
      import('../telemetry/metrics.js'),
    ]);
    const version = packageVersion();
    const metrics = new Metrics({ version });
    this.#metrics = metrics;
    this.#server = await PageServer.start({
      listen: p['dashboard.listen'],
      portGiven,
      tokenFile: p['dashboard.token_file'],
      hosts: hostsOf(p['dashboard.hosts']),
      maxClients: p['dashboard.max_clients'],
      version,
      features: FEATURES,
      metrics,
      tell: warn,
    });
    metrics.page = pageSourceOf(this.#server);
    const { port } = parseListen(p['dashboard.listen']);
    if (port === 0 || port === this.#server.port) tell(`page at ${this.#server.url}`);
    else warn(`page at ${this.#server.url}: port ${port} is taken`);
  }

  async follow(run: RunUnderWay): Promise<RobotFollower> {
    const metrics = this.#metrics === null ? null : followWithMetrics(this.#metrics, run);
    const source = await this.#show(run);
    return {
      saved: (checkpoint) => metrics?.saved?.(checkpoint),
      episode: (report) => {
        metrics?.episode?.(report);
        const outcome = OUTCOME_NAMES[report.outcome];
        if (outcome !== 'success' && outcome !== 'collision' && outcome !== 'timeout') return;
        source?.endEpisode({ episode: report.episode, outcome, timeS: report.episodeTimeS }, !report.redirected);
      },
      fault: (detail) => source?.notice('warning', detail),
      ending: () => source?.notice('info', 'the run ends'),
      end: async () => {
        await metrics?.end();
        if (source === null) return;
        this.#server?.remove(source);
        source.close();
      },
    };
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.#metrics?.close();
  }

  /** Null on a virtual clock, whose decisions nobody could follow. */
  async #show(run: RunUnderWay): Promise<LiveSource | null> {
    const { host } = run;
    if (host === null || this.#server === null) return null;
    const [{ LiveSource }, { liveRobot }] = await Promise.all([
      import('../dashboard/live-source.js'),
      import('./live-robot.js'),
    ]);
    const source = new LiveSource(liveRobot({ run, host, log: () => this.#options.log?.() ?? '' }));
    this.#server.add(source);
    return source;
  }
}
