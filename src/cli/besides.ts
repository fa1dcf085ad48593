/** What goes on beside a run, as parameters and flags have it: the flight log, the page, watchers over a link. */

import type { BesideOptions } from './beside-options.js';
import type { BesideRun } from './beside-run.js';
import { LinkWatch } from './link-watch.js';
import { LivePage } from './live-page.js';
import type { RunLog } from './run-log.js';
import { type LinkFigures, linkSourceOf } from './run-metrics.js';
import type { Control } from './run-options.js';

export interface BesidesOptions {
  readonly control: Control;
  readonly asked: BesideOptions;
  /** Peers of the ZeroMQ link may watch and administer. */
  readonly watch?: boolean;
  /** Nobody can look at a run on a virtual clock: it has no page, whatever the parameters say. */
  readonly virtual?: boolean;
  /** Tells the user something, one line. */
  tell(text: string): void;
  /** Tells of what is amiss, likewise; absent: `tell` does. */
  warn?(text: string): void;
}

export interface Besides {
  /** In the order in which they are opened. */
  readonly list: BesideRun[];
  /** A ZeroMQ link listens: its figures are among the metrics from now on. */
  listening(link: LinkFigures): void;
  /** Messages that the flight logs lost; 0 where there are none. */
  logMessagesLost(): number;
}

/** @throws ParameterError where the link cannot be opened so. @realtime unsafe */
export async function besidesOf(options: BesidesOptions): Promise<Besides> {
  const { control, asked, watch, virtual, tell } = options;
  const warn = (text: string) => (options.warn === undefined ? tell(text) : options.warn(text));
  const { parameters } = control;
  const list: BesideRun[] = [];
  let log: RunLog | null = null;
  const page: LivePage | null =
    virtual === true || parameters['dashboard.listen'] === ''
      ? null
      : new LivePage({
          parameters,
          // What a preset has for everybody, such as a page on a desk, is not worth a run; nor is less than was asked for.
          required: asked.page !== undefined || parameters['dashboard.token_file'] !== '',
          portGiven: typeof asked.page === 'string',
          log: () => log?.path ?? '',
          tell,
          warn,
        });
  const listening = (link: LinkFigures) => {
    const metrics = page?.metrics ?? null;
    if (metrics !== null) metrics.link = linkSourceOf(link);
  };
  if (parameters['log.dir'] !== '') {
    log = await logOf(parameters, page, options.warn);
    list.push(log);
  }
  if (page !== null) list.push(page);
  if (watch === true) list.push(new LinkWatch({ parameters, tell, warn, listening }));
  return { list, listening, logMessagesLost: () => log?.lost ?? 0 };
}

/** What is not asked for is not loaded. */
async function logOf(
  parameters: Control['parameters'],
  page: LivePage | null,
  warn: BesidesOptions['warn'],
): Promise<RunLog> {
  const { RunLog } = await import('./run-log.js');
  return new RunLog({
    parameters,
    shown: (robot, log) => {
      if (log === null) page?.metrics?.logs.delete(robot);
      else page?.metrics?.logs.set(robot, log);
    },
    ...(warn === undefined ? {} : { warn }),
  });
}
