/** Watchers and administrators over ZeroMQ beside a robot that another port drives: `--watch zeromq`. */
import { LOCAL_ROBOT } from '../io/zeromq/protocol/protocol.js';
import type { StateReport } from '../io/zeromq/protocol/telemetry-reports.js';
import { ZeromqWatch } from '../io/zeromq/zeromq-port.js';
import type { ParameterValues } from '../parameters/schema.js';
import type { ControllerHost } from './controller-host.js';
import { HostAdministration } from './host-administration.js';
import { HostTelemetry } from './host-telemetry.js';
import { endpointLines } from './link-line.js';
import { checkpointStatus } from './link-session.js';
import type { BesideRun } from './live-session.js';
import { stateReport } from './state-report.js';

export class LinkWatch implements BesideRun {
  readonly #parameters: ParameterValues;
  readonly #tell: (text: string) => void;
  #watch: ZeromqWatch | null = null;
  #telemetry: HostTelemetry | null = null;
  #ending = false;

  constructor(parameters: ParameterValues, tell: (text: string) => void) {
    this.#parameters = parameters;
    this.#tell = tell;
  }

  /** @throws ZeromqMissingError, EndpointError, CertificateError */
  async start(host: ControllerHost): Promise<void> {
    const watch = new ZeromqWatch({
      parameters: this.#parameters,
      administration: new HostAdministration({
        robots: () => [LOCAL_ROBOT],
        host: (robot) => {
          if (robot !== LOCAL_ROBOT) throw new Error(`no robot ${robot} is driven here; ${LOCAL_ROBOT} is`);
          return host;
        },
        status: (robot) => ({ ...this.#report(host, robot), ...checkpointStatus(host) }),
        order: (_, order) => host.obey(order),
        tell: this.#tell,
        changed: () => this.#telemetry?.changed(),
      }),
      onNotice: this.#tell,
    });
    this.#watch = watch;
    await watch.start();
    for (const line of endpointLines(watch.endpoints, this.#parameters)) this.#tell(line);
    this.#telemetry = new HostTelemetry({
      host,
      sink: watch.telemetry,
      robot: () => LOCAL_ROBOT,
      driven: () => true,
      report: (robot) => this.#report(host, robot),
      tell: this.#tell,
    });
  }

  saved(): void {
    void this.#telemetry?.saved();
  }

  async stop(): Promise<void> {
    this.#ending = true;
    this.#telemetry?.changed();
    this.#telemetry?.stop();
    await this.#watch?.stop();
  }

  #report(host: ControllerHost, robot: string): StateReport {
    const traffic = this.#watch!.traffic;
    return stateReport({ host, robot, present: true, ending: this.#ending, link: { traffic } });
  }
}
