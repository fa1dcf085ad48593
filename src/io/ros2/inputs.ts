/**
 * Everything that a robot and its operator tell the node: odometry, scans, contacts, goals, plans, transforms, enabling.
 *
 * Main thread.
 */
import type { ObservationSink } from '../../memory/observation-sink.js';
import type { ParameterValues } from '../../parameters/schema.js';
import type { EntityScope } from './entity-scope.js';
import type { InputFigures } from './input-figures.js';
import type { ReadingTime } from './ros-time.js';

export interface RobotInputsOptions {
  /** All subscriptions are made in it; whoever made it closes it. */
  readonly scope: EntityScope;
  readonly parameters: ParameterValues;
  readonly sink: ObservationSink;
  readonly time: ReadingTime;
  /** Told, in a sentence, what a person should know. */
  readonly notice: (text: string) => void;
}

/** Where the robot is sent. The object is the inputs' own: valid until the next message, and not to be written. */
export interface CurrentGoal {
  /** `plan`: what is sought is a point on it. */
  readonly source: 'none' | 'goal' | 'plan';
  /** Of what is sought, in `odom` [m]. */
  readonly x: number;
  readonly y: number;
  /** Distance at which it counts as reached [m]. */
  readonly tolerance: number;
  /** Whether reaching it is arriving: false while a plan goes on behind it. */
  readonly final: boolean;
  /** The frame in which it was given. */
  readonly frame: string;
}

/** Figures of each input; those that are not subscribed have no topics. */
export interface InputFigureTable {
  readonly odometry: InputFigures;
  readonly scan: InputFigures;
  readonly contacts: InputFigures;
  readonly goal: InputFigures;
  readonly plan: InputFigures;
  readonly transforms: InputFigures;
  readonly enable: InputFigures;
}

/** What diagnostics, markers and the session see of the inputs. */
export interface RobotInputsView {
  readonly figures: InputFigureTable;
  readonly goal: CurrentGoal;
  /** As the operator's `~/enable` has it: true where nothing was said. */
  readonly enabled: boolean;
}
