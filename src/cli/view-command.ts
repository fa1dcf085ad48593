import { basename } from 'node:path';
import type { Command } from 'commander';
import { parseListen } from '../dashboard/access.js';
import { RecordedSource } from '../dashboard/recorded-source.js';
import { PageServer } from '../dashboard/server.js';
import { FEATURES } from '../features/extraction.js';
import { defaultParameters } from '../parameters/schema.js';
import { FlightLogError } from '../telemetry/flight-log/log-error.js';
import { FlightLogReader } from '../telemetry/flight-log/log-reader.js';
import { hostsOf, PAGE_ADDRESS, pageArgument } from './beside-options.js';
import { parametersOf } from './flight-repeat.js';
import { robotWordsOf } from './live-robot.js';
import { LogExplainer } from './log-explainer.js';
import { logFilesOf } from './log-folder.js';
import { packageVersion } from './package-version.js';
import { StopRequest } from './stop-request.js';
import { UsageError } from './usage.js';

interface ViewCommandOptions {
  page?: string;
  tokenFile?: string;
  hosts?: string;
}

/** `rfsn view LOG…`: the page on recordings. */
export function registerViewCommand(program: Command): void {
  program
    .command('view')
    .description('show flight logs on the page, with a time slider')
    .argument('<logs...>', 'flight logs, as --log writes them, of several parts any one; or folders, for their newest')
    .option('--page <host:port>', `where to serve it (default: ${PAGE_ADDRESS}, or the next free port)`, pageArgument)
    .option('--token-file <file>', 'ask for a token; needed where other machines reach the address')
    .option('--hosts <names>', 'names by which browsers may ask for it, with commas between them')
    .addHelpText('after', '\nUntil Ctrl-C. Several logs are chosen between on the page.')
    .action(view);
}

/** A log that is shown. */
interface Shown {
  readonly log: FlightLogReader;
  readonly source: RecordedSource;
  readonly explainer: LogExplainer;
}

async function view(paths: readonly string[], options: ViewCommandOptions): Promise<void> {
  const stop = new StopRequest();
  const shown: Shown[] = [];
  let server: PageServer | null = null;
  try {
    const listen = options.page ?? PAGE_ADDRESS;
    checkReach(listen, options);
    for (const path of paths) {
      const files = logFilesOf(path);
      if (files.length > 1) say(`${path}: ${files.length} robots were logged there at a time; all are shown`);
      for (const file of files) shown.push(await open(file, shown));
    }
    server = await PageServer.start({
      listen,
      portGiven: options.page !== undefined,
      tokenFile: options.tokenFile ?? '',
      hosts: hostsOf(options.hosts ?? ''),
      maxClients: defaultParameters()['dashboard.max_clients'],
      version: packageVersion(),
      features: FEATURES,
      tell: say,
    });
    for (const { source } of shown) server.add(source);
    process.stdout.write(`page at ${server.url}\n`);
    await stop.asked;
  } finally {
    await server?.close();
    for (const { log, source, explainer } of shown) {
      source.close();
      await explainer.close();
      log.close();
    }
    stop.dispose();
  }
}

/** @throws UsageError where other machines could look and nobody asks them for a token */
function checkReach(listen: string, { tokenFile = '' }: ViewCommandOptions): void {
  if (tokenFile !== '' || parseListen(listen, '--page').local) return;
  throw new UsageError(
    `--page ${listen} can be reached from other machines, and without tokens anyone there could look at the recording. ` +
      'Make one with `(umask 077; echo "watch $(openssl rand -hex 24)" > FILE)` and give --token-file FILE; ' +
      'or listen on 127.0.0.1 and come through `ssh -L`',
  );
}

/** @throws FlightLogError where it is none, or holds no decision */
async function open(path: string, shown: readonly Shown[]): Promise<Shown> {
  const log = new FlightLogReader(path);
  try {
    if (log.endNs === 0n) throw new FlightLogError(`${log.path} holds no message`);
    for (const note of log.notes) say(`note: ${basename(log.path)}: ${note}`);
    const explainer = new LogExplainer(log);
    const name = nameOf(log, shown);
    const source = new RecordedSource(log, {
      name,
      robot: robotWordsOf(parametersOf(log), {
        name,
        scene: log.metadata.get('scenario') ?? '',
        kind: 'recording',
        paced: true,
        saves: false,
      }),
      explain: (cycle) => explainer.explain(cycle),
    });
    return { log, source, explainer };
  } catch (error) {
    log.close();
    throw error;
  }
}

/** The robot's; of several recordings the file's too, and numbered where that is not enough. */
function nameOf(log: FlightLogReader, shown: readonly Shown[]): string {
  const taken = new Set(shown.map(({ source }) => source.name));
  const robot = log.metadata.get('robot') ?? '';
  const names = [robot, basename(log.parts[0].path, '.mcap')].filter((name) => name !== '');
  for (let number = 2; ; number++) {
    for (const name of names) if (!taken.has(name)) return name;
    names.push(`${names[0]} ${number}`);
  }
}

/** What a log says of itself must not reach the terminal as control sequences. */
function say(text: string): void {
  process.stderr.write(`${text.replace(/\p{Cc}/gu, '?')}\n`);
}
