/** Watchers and administrators over ZeroMQ beside a robot that another port drives: `--watch zeromq`. */
import { assert } from '../core/assert.js';
import type { StateReport } from '../io/zeromq/protocol/telemetry-reports.js';
import { checkLink, ZeromqWatch } from '../io/zeromq/zeromq-port.js';
import type { ParameterValues } from '../parameters/schema.js';
import type { BesideRun, RobotFollower, RunUnderWay } from './beside-run.js';
import type { ControllerHost } from './controller-host.js';
import { HostAdministration } from './host-administration.js';
import { HostTelemetry } from './host-telemetry.js';
import { endpointLines } from './link-line.js';
import { checkpointStatus } from './link-session.js';
import type { LinkFigures } from './run-metrics.js';
import { stateReport } from './state-report.js';

export interface LinkWatchOptions {
  readonly parameters: ParameterValues;
  /** Tells the user something, one line. */
  readonly tell: (text: string) => void;
  /** Tells of what is amiss, likewise. */
  readonly warn: (text: string) => void;
  /** Told when it listens. */
  readonly listening: (link: LinkFigures) => void;
}

export class LinkWatch implements BesideRun {
  readonly name = '--watch zeromq';
  readonly required = true;
  readonly #parameters: ParameterValues;
  readonly #tell: (text: string) => void;
  readonly #warn: (text: string) => void;
  readonly #listening: (link: LinkFigures) => void;
  #watch: ZeromqWatch | null = null;
  #run: RunUnderWay | null = null;
  #telemetry: HostTelemetry | null = null;
  #ending = false;

  /** @throws ParameterError where the link cannot be opened so */
  constructor({ parameters, tell, warn, listening }: LinkWatchOptions) {
    checkLink(parameters);
    this.#parameters = parameters;
    this.#tell = tell;
    this.#warn = warn;
    this.#listening = listening;
  }

  /** @throws ZeromqMissingError, EndpointError, CertificateError */
  async open(): Promise<void> {
    const watch = new ZeromqWatch({
      parameters: this.#parameters,
      administration: new HostAdministration({
        robots: () => (this.#run === null ? [] : [this.#run.robot]),
        host: (robot) => this.#host(robot),
        status: (robot) => ({ ...this.#report(this.#host(robot), robot), ...checkpointStatus(this.#host(robot)) }),
        order: (_, order) => this.#run?.order(order),
        tell: this.#tell,
        changed: () => this.#telemetry?.changed(),
      }),
      onNotice: this.#warn,
    });
    this.#watch = watch;
    await watch.start();
    this.#listening(watch);
  }

  async follow(run: RunUnderWay): Promise<RobotFollower> {
    const { host } = run;
    assert(host !== null && this.#watch !== null, 'a robot on a virtual clock has no watchers');
    this.#run = run;
    this.#ending = false;
    const telemetry = new HostTelemetry({
      host,
      sink: this.#watch.telemetry,
      robot: () => run.robot,
      driven: () => true,
      report: (robot) => this.#report(host, robot),
      tell: this.#tell,
    });
    this.#telemetry = telemetry;
    for (const line of endpointLines(this.#watch.endpoints, this.#parameters)) this.#tell(line);
    return {
      saved: () => void telemetry.saved(),
      ending: () => {
        this.#ending = true;
        telemetry.changed();
      },
      end: async () => {
        telemetry.stop();
        this.#telemetry = null;
        this.#run = null;
      },
    };
  }

  async close(): Promise<void> {
    await this.#watch?.stop();
  }

  #host(robot: string): ControllerHost {
    const run = this.#run;
    if (run === null || run.host === null) throw new Error('no robot is driven here at this moment');
    if (robot !== run.robot) throw new Error(`no robot ${robot} is driven here; ${run.robot} is`);
    return run.host;
  }

  #report(host: ControllerHost, robot: string): StateReport {
    const traffic = this.#watch!.traffic;
    return stateReport({ host, robot, present: true, ending: this.#ending, link: { traffic } });
  }
}
