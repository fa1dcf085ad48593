/**
 * What does not come and keeps the robot standing, said once on the console and once more when it comes: simulated time
 * that nobody tells, and the readings without which safety lets no robot move. What comes and is refused is said by its
 * own input; `/diagnostics` shows all of it at any time.
 *
 * Main thread.
 */
import type { ParameterValues } from '../../parameters/schema.js';
import { type InputFigures, Refusal } from './input-figures.js';
import type { InputFigureTable } from './inputs.js';
import { InputTopic } from './names.js';

/** A clock that is not there has so long to come: a simulation starts beside its controller [ms]. */
const CLOCK_GRACE_MS = 2000;
/** Past its timeout an input has so long to come: a process that was held up is no silence to tell of [ms]. */
const GRACE_MS = 1000;
/** What comes and goes is not told of each time: so soon after the last time [ms] a silence must be so long [ms]. */
const OFTEN_MS = 60_000;
const LONG_MS = 10_000;

export interface SilenceWatchOptions {
  readonly node: { countPublishers(topic: string): number };
  readonly figures: InputFigureTable;
  readonly parameters: Pick<
    ParameterValues,
    'odometry_timeout_s' | 'ranges_timeout_s' | 'contacts_timeout_s' | 'contacts_required'
  >;
  /** `RosTime`. */
  readonly time: { readonly known: boolean; nowNs(): number };
  /** Whether the robot would move: the node is active, and nobody has disabled it. */
  readonly driving: () => boolean;
  /** Told, in a sentence, what is missing. */
  readonly notice: (text: string) => void;
  /** Told, in a sentence, that it has come. */
  readonly tell: (text: string) => void;
}

export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  readonly #inputs: readonly WatchedInput[];
  /** Since when the clock is missed [ms]; NaN: it is not. */
  #missedMs = Number.NaN;
  #clockSaid = false;
  #driving = false;

  constructor(options: SilenceWatchOptions) {
    const { figures, parameters: p } = options;
    this.#options = options;
    this.#inputs = [
      new WatchedInput(options, figures.odometry, p.odometry_timeout_s, true),
      new WatchedInput(options, figures.scan, p.ranges_timeout_s, true),
      // Who has none need not tell of them.
      new WatchedInput(options, figures.contacts, p.contacts_timeout_s, p.contacts_required),
    ];
  }

  /** Looks for what is missing. To be called a few times a second. @param nowMs of any clock that goes on by itself */
  look(nowMs: number): void {
    const driving = this.#options.driving();
    const began = driving && !this.#driving;
    this.#driving = driving;
    this.#lookAtClock(nowMs);
    const watched = driving && this.#options.time.known;
    for (const input of this.#inputs) {
      // Whoever lets the robot drive is told anew what is missing.
      if (began) input.forget();
      if (watched) input.look(nowMs);
      else input.rest();
    }
  }

  #lookAtClock(nowMs: number): void {
    const { time, figures, node, notice, tell } = this.#options;
    if (time.known) {
      this.#missedMs = Number.NaN;
      if (!this.#clockSaid) return;
      this.#clockSaid = false;
      tell(`${InputTopic.clock} has come: cycles go by simulated time`);
      return;
    }
    if (this.#clockSaid) return;
    const refused =
      figures.odometry.refusedBy(Refusal.noClock) +
      figures.scan.refusedBy(Refusal.noClock) +
      figures.contacts.refusedBy(Refusal.noClock);
    if (!this.#driving && refused === 0) {
      this.#missedMs = Number.NaN;
      return;
    }
    if (Number.isNaN(this.#missedMs)) this.#missedMs = nowMs;
    if (nowMs - this.#missedMs < CLOCK_GRACE_MS) return;
    this.#clockSaid = true;
    notice(
      `use_sim_time is true, and nothing has come on ${published(node, [InputTopic.clock])}: ` +
        'readings are refused and the robot stands until it does',
    );
  }
}

/** An input that the robot stands without. */
class WatchedInput {
  readonly #options: SilenceWatchOptions;
  readonly #figures: InputFigures;
  readonly #timeoutS: number;
  readonly #required: boolean;
  /** Messages, and readings made of their absence, when it was last looked. */
  #count = 0;
  /** When that was last another, on the clock that dates readings [ns], and by the wall's [ms]; NaN: not looked yet. */
  #heardNs = Number.NaN;
  #heardMs = Number.NaN;
  #said = false;
  #saidMs = Number.NEGATIVE_INFINITY;

  /** @param required also where nothing ever came */
  constructor(options: SilenceWatchOptions, figures: InputFigures, timeoutS: number, required: boolean) {
    this.#options = options;
    this.#figures = figures;
    this.#timeoutS = timeoutS;
    this.#required = required;
  }

  /** Silence of before says nothing. */
  rest(): void {
    this.#heardNs = Number.NaN;
  }

  /** What was said is to be said again. */
  forget(): void {
    this.rest();
    this.#said = false;
    this.#saidMs = Number.NEGATIVE_INFINITY;
  }

  look(nowMs: number): void {
    const { time, node, notice, tell } = this.#options;
    const { name, topics, received, accepted } = this.#figures;
    if (topics.length === 0 || !(this.#required || accepted > 0)) return;
    const nowNs = time.nowNs();
    const count = received + accepted;
    const comes = count !== this.#count;
    // Not later than it was: simulated time may begin anew.
    if (comes || !(nowNs >= this.#heardNs)) {
      this.#count = count;
      this.#heardNs = nowNs;
      this.#heardMs = nowMs;
      if (!comes || !this.#said) return;
      this.#said = false;
      tell(`${name}: it comes on ${topics.join(', ')}`);
      return;
    }
    if (this.#said) return;
    const silentMs = nowMs - this.#heardMs;
    const boundMs = nowMs - this.#saidMs < OFTEN_MS ? LONG_MS : this.#timeoutS * 1e3 + GRACE_MS;
    if (silentMs < boundMs || nowNs - this.#heardNs <= this.#timeoutS * 1e9) return;
    this.#said = true;
    this.#saidMs = nowMs;
    const since = received === 0 ? 'nothing has come yet' : `nothing has come for ${(silentMs * 1e-3).toFixed(1)} s`;
    notice(`${name}: ${since} on ${published(node, topics)}: the robot stands until it does`);
  }
}

/** Topics with whether anybody publishes them, where that can be asked: the silence is told of in any case. */
function published(node: { countPublishers(topic: string): number }, topics: readonly string[]): string {
  let which: readonly string[];
  try {
    which = topics.filter((topic) => node.countPublishers(topic) > 0);
  } catch {
    return topics.join(', ');
  }
  if (which.length === 0) return `${topics.join(', ')}, which nobody publishes`;
  return `${topics.join(', ')}, although somebody publishes ${which.length < topics.length ? which.join(', ') : 'there'}`;
}
