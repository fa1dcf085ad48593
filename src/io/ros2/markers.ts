/**
 * `~/markers` for RViz: the eight sectors as far as they are free, coloured by what the policy makes of them, the chosen
 * direction, the values, and the goal.
 *
 * Main thread. @realtime unsafe
 */
import { ACTION_COUNT, DecisionField } from '../../memory/layout.js';
import type { ParameterValues } from '../../parameters/schema.js';
import { CdrWriter } from './cdr/write-cdr.js';
import { type Colour, type Marker, MarkerType, writeMarkers } from './cdr/write-markers.js';
import type { EntityScope } from './entity-scope.js';
import { MessageType, OutputTopic } from './names.js';
import type { RclPublisher } from './rcl.js';
import type { StampSource } from './ros-time.js';
import { Subscribers } from './subscribers.js';

/** Told so often at most [ns]. */
const PERIOD_NS = 100e6;
/** What is not told anew goes after this [ns]. */
const LIFETIME_NS = 500e6;
/** Places among the 24 features. */
const DISTANCE = 4;
/** Half a sector [rad], and into how many triangles it is cut. */
const HALF_SECTOR = Math.PI / ACTION_COUNT;
const SLICES = 4;
/** A sector is drawn from here to what lies in it, and no further than that [m]. */
const NEAR_M = 0.3;
const FAR_M = 3;
const TEXT_HEIGHT_M = 0.15;
const ARROW: readonly [number, number, number] = [0.8, 0.08, 0.08];

/** Told apart also by those who see no red and green; blocked is the only one that is grey. */
const LOWEST: Colour = [0.27, 0.0, 0.33, 0.5];
const MIDDLE: Colour = [0.13, 0.57, 0.55, 0.5];
const HIGHEST: Colour = [0.99, 0.91, 0.14, 0.5];
const BLOCKED: Colour = [0.5, 0.5, 0.5, 0.25];
const CHOSEN: Colour = [1.0, 0.4, 0.0, 1.0];
const GOAL: Colour = [0.1, 0.5, 1.0, 0.8];
const WORDS: Colour = [1.0, 1.0, 1.0, 1.0];

export interface MarkersOptions {
  readonly scope: EntityScope;
  readonly parameters: Pick<ParameterValues, 'base_frame' | 'odom_frame' | 'goal_tolerance'>;
  readonly stamps: StampSource;
  /** Told, in a sentence, what a person must see. */
  readonly notice: (text: string) => void;
}

export class Markers {
  readonly #options: MarkersOptions;
  /** Null where there can be none. */
  readonly #output: { readonly publisher: RclPublisher; readonly watchers: Subscribers } | null;
  readonly #writer = new CdrWriter();
  readonly #stamp = new Int32Array(2);
  #toldNs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  /** Makes the publisher. A robot without visualization_msgs does without it, and is told so. */
  constructor(options: MarkersOptions) {
    this.#options = options;
    this.#output = outputOf(options);
  }

  /** Messages that could not be sent. */
  get failures(): number {
    return this.#failures;
  }

  /** Takes in a decision: to be called with each. Nothing is made of it while nobody looks. @param record not kept */
  decision(record: Float64Array): void {
    const startNs = record[DecisionField.startNs];
    if (startNs - this.#toldNs < PERIOD_NS || this.#output === null) return;
    try {
      if (!this.#output.watchers.any) return;
      this.#toldNs = startNs;
      this.#options.stamps.rosTimeInto(record[DecisionField.timeNs], this.#stamp);
      const { parameters } = this.#options;
      this.#output.publisher.publish(
        writeMarkers(this.#writer, this.#stamp, LIFETIME_NS, markersOf(record, parameters)),
      );
    } catch (error) {
      if (this.#failures++ > 0) return;
      this.#options.notice(`markers could not be sent: ${error instanceof Error ? error.message : error}`);
    }
  }
}

function outputOf({ scope, notice }: MarkersOptions): { publisher: RclPublisher; watchers: Subscribers } | null {
  try {
    const publisher = scope.publisher(MessageType.markers, OutputTopic.markers, 'stream');
    return { publisher, watchers: new Subscribers(scope, publisher) };
  } catch (error) {
    notice(`${OutputTopic.markers} is left out: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

/** One decision as RViz shows it. @param record index with `DecisionField` */
export function markersOf(record: Float64Array, parameters: MarkersOptions['parameters']): Marker[] {
  const { base_frame: base, odom_frame: odom, goal_tolerance: tolerance } = parameters;
  const action = record[DecisionField.action];
  const markers: Marker[] = [
    {
      ...{ frame: base, namespace: 'sectors', id: 0, type: MarkerType.triangles },
      ...{ x: 0, y: 0, z: 0, yaw: 0, scale: [1, 1, 1], colour: WORDS },
      ...sectorsOf(record),
    },
  ];
  for (let k = 0; k < ACTION_COUNT; k++) {
    const angle = 2 * HALF_SECTOR * k;
    markers.push({
      ...{ frame: base, namespace: 'values', id: k, type: MarkerType.text },
      ...{ x: NEAR_M * 2 * Math.cos(angle), y: NEAR_M * 2 * Math.sin(angle), z: TEXT_HEIGHT_M, yaw: 0 },
      ...{ scale: [0, 0, TEXT_HEIGHT_M], colour: WORDS },
      text: record[DecisionField.values + k].toFixed(2),
    });
  }
  if (action >= 0) {
    markers.push({
      ...{ frame: base, namespace: 'direction', id: 0, type: MarkerType.arrow },
      ...{ x: 0, y: 0, z: TEXT_HEIGHT_M, yaw: 2 * HALF_SECTOR * action, scale: ARROW, colour: CHOSEN },
    });
  }
  const x = record[DecisionField.goalX];
  const y = record[DecisionField.goalY];
  if (record[DecisionField.goalCount] > 0 && Number.isFinite(x) && Number.isFinite(y)) {
    const width = 2 * tolerance;
    markers.push({
      ...{ frame: odom, namespace: 'goal', id: 0, type: MarkerType.sphere },
      ...{ x, y, z: 0, yaw: 0, scale: [width, width, width], colour: GOAL },
    });
  }
  return markers;
}

/** The eight sectors as triangles, each as long as it is free, in the colour of its value among those that are allowed. */
function sectorsOf(record: Float64Array): { triangles: Float64Array; colours: Colour[] } {
  const allowed = record[DecisionField.allowed];
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < ACTION_COUNT; k++) {
    if (((allowed >> k) & 1) === 0) continue;
    const value = record[DecisionField.values + k];
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const triangles = new Float64Array(ACTION_COUNT * SLICES * 6);
  const colours: Colour[] = [];
  let at = 0;
  for (let k = 0; k < ACTION_COUNT; k++) {
    const free = record[DecisionField.raw + DISTANCE + k];
    const radius = Number.isFinite(free) ? Math.min(FAR_M, Math.max(NEAR_M, free)) : FAR_M;
    const value = record[DecisionField.values + k];
    const colour =
      ((allowed >> k) & 1) === 0 ? BLOCKED : colourOf(most > least ? (value - least) / (most - least) : 0.5);
    for (let slice = 0; slice < SLICES; slice++) {
      const from = 2 * HALF_SECTOR * (k - 0.5 + slice / SLICES);
      const to = 2 * HALF_SECTOR * (k - 0.5 + (slice + 1) / SLICES);
      triangles[at++] = 0;
      triangles[at++] = 0;
      triangles[at++] = radius * Math.cos(from);
      triangles[at++] = radius * Math.sin(from);
      triangles[at++] = radius * Math.cos(to);
      triangles[at++] = radius * Math.sin(to);
      colours.push(colour);
    }
  }
  return { triangles, colours };
}

/** @param share 0: the lowest of the values … 1: the highest */
function colourOf(share: number): Colour {
  const [from, to, part] = share < 0.5 ? [LOWEST, MIDDLE, 2 * share] : [MIDDLE, HIGHEST, 2 * share - 1];
  const mix = (i: number) => from[i] + (to[i] - from[i]) * part;
  return [mix(0), mix(1), mix(2), mix(3)];
}
