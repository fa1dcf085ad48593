/**
 * A recorded drive: what a run tells those beside it, reading by reading and decision by decision, of some simulated
 * seconds in `clutter`. Played again and again, each time later and with numbers that go on, it lasts as long as one likes.
 */
import { type EpisodeReport, jackal, noFaults, Outcome, scenarioOf } from '../sim/index.js';
import type { RunTaps } from '../src/cli/beside-run.js';
import { VirtualSession } from '../src/cli/virtual-session.js';
import {
  ContactsField,
  DecisionField,
  ExplanationField,
  GoalField,
  OdometryField,
  RangesField,
} from '../src/memory/layout.js';
import { defaultParameters, type ParameterValues } from '../src/parameters/schema.js';
import { Input, type ReadingTap } from '../src/sense/validating-sink.js';

export interface DriveOptions {
  seed: number;
  /** Simulated [s]. */
  seconds: number;
  /** [Hz] */
  rate: number;
  scanRate: number;
}

export type DriveEvent = { readonly atNs: number } & (
  | {
      readonly kind: 'reading';
      readonly input: Parameters<ReadingTap>[0];
      readonly doubles: Float64Array;
      readonly beams: Float32Array | null;
    }
  | { readonly kind: 'decision'; readonly record: Float64Array }
  | { readonly kind: 'explanation'; readonly record: Float64Array }
  | { readonly kind: 'episode'; readonly report: EpisodeReport }
);

/** Where each input has its number. */
const SEQUENCE_AT: Readonly<Record<number, number>> = {
  [Input.odometry]: OdometryField.sequence,
  [Input.ranges]: RangesField.sequence,
  [Input.contacts]: ContactsField.sequence,
  [Input.goal]: GoalField.sequence,
};
/** Where a decision names the readings that it rests on. */
const RESTS_AT: Readonly<Record<number, number>> = {
  [Input.odometry]: DecisionField.odometrySequence,
  [Input.ranges]: DecisionField.rangesSequence,
  [Input.contacts]: DecisionField.contactsSequence,
  [Input.goal]: DecisionField.goalSequence,
};
const INPUTS = [Input.odometry, Input.ranges, Input.contacts, Input.goal] as const;
// Every reading begins with the stamp and the arrival.
const STAMP = 0;
const RECEIVED = 1;

export class RecordedDrive {
  readonly parameters: ParameterValues;
  readonly memory: RunTaps['memory'];
  readonly statistics: RunTaps['statistics'];
  /** One pass [ns]. */
  readonly lengthNs: number;
  /** Decisions and episodes in one. */
  readonly cycles: number;
  readonly episodes: number;
  /** The moment that is played [ns]. */
  nowNs = 0;
  readonly #events: readonly DriveEvent[];
  /** Readings in one pass, by input. */
  readonly #readings: Readonly<Record<number, number>>;

  static async record({ seed, seconds, rate, scanRate }: DriveOptions): Promise<RecordedDrive> {
    const parameters = { ...defaultParameters(), controller_frequency: rate, random_seed: seed };
    const session = await VirtualSession.create({
      parameters,
      scenario: scenarioOf('clutter'),
      robot: { ...jackal, laser: { ...jackal.laser, rateHz: scanRate } },
      seed,
      faults: noFaults,
      frozen: false,
      learned: null,
    });
    const { clock } = session;
    const events: DriveEvent[] = [];
    session.onReading((input, doubles, beams) => {
      const copies = { doubles: doubles.slice(), beams: beams === null ? null : beams.slice() };
      events.push({ atNs: clock.nowNs(), kind: 'reading', input, ...copies });
    });
    session.onDecision((record) => events.push({ atNs: clock.nowNs(), kind: 'decision', record: record.slice() }));
    session.onExplanation((record) =>
      events.push({ atNs: clock.nowNs(), kind: 'explanation', record: record.slice() }),
    );
    session.explain(true);
    for (let episode = 0; clock.nowNs() < seconds * 1e9; episode++) {
      session.startEpisode(episode);
      // One by one, so that readings and decisions are told in the order in which they were made.
      while (session.advance(1)) if (clock.nowNs() >= seconds * 1e9) break;
      const { simulator } = session;
      if (simulator.outcome !== Outcome.running) {
        events.push({ atNs: clock.nowNs(), kind: 'episode', report: simulator.report() });
      }
    }
    session.close();
    return new RecordedDrive(parameters, session, events, clock.nowNs() + 1e9 / rate);
  }

  private constructor(
    parameters: ParameterValues,
    { memory, statistics }: Pick<RunTaps, 'memory' | 'statistics'>,
    events: readonly DriveEvent[],
    lengthNs: number,
  ) {
    this.parameters = parameters;
    this.memory = memory;
    this.statistics = statistics;
    this.lengthNs = lengthNs;
    this.#events = events;
    const readings: Record<number, number> = {};
    for (const event of events) {
      if (event.kind === 'reading' && event.input in SEQUENCE_AT) {
        readings[event.input] = event.doubles[SEQUENCE_AT[event.input]];
      }
    }
    this.#readings = readings;
    this.cycles = events.filter(({ kind }) => kind === 'decision').length;
    this.episodes = events.filter(({ kind }) => kind === 'episode').length;
  }

  /** One pass, each event as `nowNs` comes to it. @param pass how many came before it */
  *events(pass: number): Generator<DriveEvent, void, void> {
    const shiftNs = pass * this.lengthNs;
    for (const event of this.#events) {
      const atNs = event.atNs + shiftNs;
      this.nowNs = atNs;
      if (event.kind === 'reading') {
        const doubles = event.doubles.slice();
        doubles[STAMP] += shiftNs;
        doubles[RECEIVED] += shiftNs;
        const at = SEQUENCE_AT[event.input];
        if (at !== undefined) doubles[at] += pass * this.#readings[event.input];
        yield { ...event, atNs, doubles };
      } else if (event.kind === 'decision') yield { ...event, atNs, record: this.#later(event.record, pass, shiftNs) };
      else if (event.kind === 'explanation') {
        const record = event.record.slice();
        record[ExplanationField.cycle] += pass * this.cycles;
        yield { ...event, atNs, record };
      } else
        yield { ...event, atNs, report: { ...event.report, episode: event.report.episode + pass * this.episodes } };
    }
  }

  #later(recorded: Float64Array, pass: number, shiftNs: number): Float64Array {
    const record = recorded.slice();
    record[DecisionField.cycle] += pass * this.cycles;
    record[DecisionField.rewardedCycle] += pass * this.cycles;
    record[DecisionField.scheduledNs] += shiftNs;
    record[DecisionField.startNs] += shiftNs;
    record[DecisionField.odometryStampNs] += shiftNs;
    record[DecisionField.rangesStampNs] += shiftNs;
    for (const input of INPUTS) record[RESTS_AT[input]] += pass * (this.#readings[input] ?? 0);
    return record;
  }
}
