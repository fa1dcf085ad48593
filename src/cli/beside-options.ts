/** What is asked for on the command line of what goes on beside a run: `--log`, `--page`, `--no-page`. */
import type { Command } from 'commander';
import { parseListen } from '../dashboard/access.js';

export interface BesideOptions {
  /** Folder. */
  log?: string;
  /** `host:port`; true: where the parameters say, or else where the development preset has it; false: nowhere. */
  page?: string | boolean;
}

/** Where the page is served that is asked for without saying where. */
export const PAGE_ADDRESS = '127.0.0.1:8600';

/** For commander's option parsers: a port alone is this machine's. @throws ParameterError that names the flag */
export function pageArgument(text: string): string {
  const [, port] = /^:?(\d+)$/.exec(text) ?? [];
  const listen = port === undefined ? text : `127.0.0.1:${port}`;
  parseListen(listen, '--page');
  return listen;
}

/** Gives a command `--log DIR`. @returns the same command */
export function addLogOption(command: Command): Command {
  return command.option('--log <dir>', 'write a flight log there, which ROS 2 and Foxglove read (default: log.dir)');
}

/** Gives a command `--page` and `--no-page`. @returns the same command */
export function addPageOptions(command: Command): Command {
  return command
    .option(
      '--page [host:port]',
      `serve the live page and /metrics (default: dashboard.listen, or ${PAGE_ADDRESS})`,
      pageArgument,
    )
    .option('--no-page', 'do not, whatever the parameters say');
}

/** The parameters that the flags stand for; undefined ones were not asked for. @param listen what the parameters say */
export function besideParameters({ log, page }: BesideOptions, listen: string): Record<string, string | undefined> {
  return {
    'log.dir': log,
    'dashboard.listen': page === false ? '' : page === true ? listen || PAGE_ADDRESS : page,
  };
}

/** The same as arguments of another `rfsn`. */
export function besideArguments({ log, page }: BesideOptions): string[] {
  return [
    ...(log === undefined ? [] : ['--log', log]),
    ...(page === undefined ? [] : page === false ? ['--no-page'] : page === true ? ['--page'] : ['--page', page]),
  ];
}

/** Names by which browsers may ask for the page. @param text names with commas between them */
export function hostsOf(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
