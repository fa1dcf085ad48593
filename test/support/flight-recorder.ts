/** Runs with a flight log: everything that a tap of a run gives, written as the command line would have it. */
import { type FaultSettings, jackal, scenarioOf } from '../../sim/index.js';
import type { RunClock, RunTaps } from '../../src/cli/beside-run.js';
import type { LearnedState } from '../../src/cli/checkpointing.js';
import { VirtualSession } from '../../src/cli/virtual-session.js';
import type { ParameterValues } from '../../src/parameters/schema.js';
import { FlightLog, type FlightLogOptions } from '../../src/telemetry/flight-log/flight-log.js';

export interface LoggedRunOptions extends Partial<Pick<FlightLogOptions, 'maxFileBytes' | 'chunkBytes' | 'maxFiles'>> {
  readonly parameters: ParameterValues;
  readonly clock: RunClock;
  readonly learned?: LearnedState | null;
  /** Changes a decision, or a reading, on its way into the log, or says `false` for one that is to be left out. */
  readonly onWay?: (record: Float64Array, input: number | 'decision') => boolean;
}

/** A log in `folder` that is told of all that happens, until it is closed. */
export async function logOf(folder: string, taps: RunTaps, options: LoggedRunOptions): Promise<FlightLog> {
  const { parameters, clock, learned = null, onWay = () => true, ...sizes } = options;
  const log = await FlightLog.open(folder, {
    what: 'test',
    clock,
    library: 'rfsn-controller test',
    policy: parameters.policy,
    metadata: { parameters: JSON.stringify(parameters) },
    learned: learned === null ? null : { data: Buffer.concat([learned.policy, learned.scaler]), file: 'a file' },
    tell: (text) => {
      throw new Error(text);
    },
    ...sizes,
  });
  taps.onReading((input, doubles, beams) => {
    const copy = doubles.slice();
    if (onWay(copy, input)) log.reading(input, copy, beams);
  });
  taps.onDecision((record) => {
    const copy = record.slice();
    if (onWay(copy, 'decision')) log.decision(copy);
  });
  taps.onExplanation((record) => log.explanation(record));
  taps.onRestore((number, parts) => log.restore(number, '', parts));
  return log;
}

export interface HeadlessRunOptions extends Omit<LoggedRunOptions, 'clock'> {
  readonly faults: FaultSettings;
  readonly episodes: number;
  readonly scenario?: string;
  readonly explain?: boolean;
}

/** Some episodes on the virtual clock. @returns the path of the log's last part */
export async function logHeadlessRun(folder: string, options: HeadlessRunOptions): Promise<string> {
  const { parameters, faults, episodes, learned = null, explain = false, scenario = 'clutter', ...sizes } = options;
  const session = await VirtualSession.create({
    parameters,
    scenario: scenarioOf(scenario),
    robot: jackal,
    seed: 5,
    faults,
    frozen: false,
    learned,
  });
  const log = await logOf(folder, session, { parameters, clock: session.clock, learned, ...sizes });
  if (explain) session.explain(true);
  for (let episode = 0; episode < episodes; episode++) {
    await session.renew();
    session.startEpisode(episode);
    while (session.advance(100)) await log.caughtUp();
    const report = session.simulator.report();
    log.episode({
      episode,
      outcome: report.outcome === 1 ? 'success' : report.outcome === 2 ? 'collision' : 'timeout',
      atFault: report.atFault,
      redirected: report.redirected,
      timeS: report.episodeTimeS,
      reward: Number.NaN,
      loss: Number.NaN,
      exploration: Number.NaN,
      driftAlarms: 0,
      interventions: 0,
      barnScore: Number.NaN,
    });
  }
  const { file } = log;
  await log.close();
  session.close();
  return file;
}
