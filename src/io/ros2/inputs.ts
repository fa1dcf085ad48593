/**
 * Everything that a robot and its operator tell the node: odometry, scans, contacts, goals, plans, transforms, enabling.
 * All of it is taken as bytes: an object for each message costs a hundred times as much.
 *
 * Main thread.
 */
import type { ObservationSink } from '../../memory/observation-sink.js';
import { ParameterError } from '../../parameters/parameter-error.js';
import type { ParameterValues } from '../../parameters/schema.js';
import { CdrReader } from './cdr/cdr-reader.js';
import { TransformsMessage } from './cdr/transforms-message.js';
import { CONTACT_TOPICS, CONTACT_TYPES, ContactInput } from './contacts.js';
import { EnableInput, EnableReader } from './enable.js';
import type { EntityScope, Quality } from './entity-scope.js';
import { FeedbackInput } from './feedback.js';
import { type CurrentGoal, GoalInput } from './goal.js';
import { InputFigures, Refusal } from './input-figures.js';
import { OdometryInput } from './inputs-odometry.js';
import { ScanInput } from './inputs-scan.js';
import { InputTopic, MessageType } from './names.js';
import { notInstalled, prefixOfInterfaces, RosMissingError } from './rcl-installation.js';
import type { ReadingTime } from './ros-time.js';
import { FrameTable, TransformTree } from './transforms.js';

export type { CurrentGoal } from './goal.js';

export interface RobotInputsOptions {
  /** All subscriptions are made in it; whoever made it closes it. */
  readonly scope: EntityScope;
  readonly parameters: ParameterValues;
  readonly sink: ObservationSink;
  readonly time: ReadingTime;
  /** Told, in a sentence, what a person should know. */
  readonly notice: (text: string) => void;
  /** Called with each message on `~/enable`, also when it says the same again. */
  readonly onEnable?: (enabled: boolean) => void;
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
  readonly feedback: InputFigures;
}

/** What diagnostics, markers and the session see of the inputs. */
export interface RobotInputsView {
  readonly figures: InputFigureTable;
  readonly goal: CurrentGoal;
  /** As the operator's `~/enable` has it: true where nothing was said. */
  readonly enabled: boolean;
}

/** How often what falls silent is looked for [ms]. */
const TICK_MS = 50;
/** Publishers of contacts are counted every so many ticks. */
const COUNT_TICKS = 10;

export class RobotInputs implements RobotInputsView {
  readonly figures: InputFigureTable;
  readonly #options: RobotInputsOptions;
  readonly #reader = new CdrReader();
  readonly #tree = new TransformTree(new FrameTable());
  readonly #transforms = new TransformsMessage();
  readonly #odometry: OdometryInput;
  readonly #scan: ScanInput;
  readonly #contacts: ContactInput;
  readonly #goal: GoalInput;
  readonly #enable: EnableInput;
  readonly #feedback: FeedbackInput;
  /** By source of contacts, its topic's resolved name. */
  readonly #contactTopics: string[] = [];
  /** By source of contacts, whether anybody publishes it. */
  readonly #published: boolean[] = CONTACT_TOPICS.map(() => false);
  #ticks = 0;
  #timer: NodeJS.Timeout | null = null;

  /**
   * Subscribes; readings come from here on.
   *
   * @throws ParameterError that names the package, where the messages of `contact_type` are not installed
   */
  constructor(options: RobotInputsOptions) {
    this.#options = options;
    const { parameters, sink, time, notice, onEnable = () => {} } = options;
    const figures = {
      odometry: new InputFigures('odometry', notice),
      scan: new InputFigures('scan', notice),
      contacts: new InputFigures('contacts', notice),
      goal: new InputFigures('goal', notice),
      plan: new InputFigures('plan', notice),
      transforms: new InputFigures('transforms', notice),
      enable: new InputFigures('enable', notice),
      feedback: new InputFigures('feedback', notice),
    };
    this.figures = figures;
    const shared = { parameters, sink, time, reader: this.#reader, tree: this.#tree };
    this.#odometry = new OdometryInput({
      ...{ ...shared, figures: figures.odometry },
      onPose: () => this.#goal.moved(),
      onRestart: () => this.#forgetPlace(),
    });
    const pose = this.#odometry;
    this.#scan = new ScanInput({ ...shared, figures: figures.scan });
    this.#contacts = new ContactInput({ ...shared, figures: figures.contacts, pose });
    this.#goal = new GoalInput({ ...shared, goalFigures: figures.goal, planFigures: figures.plan, pose });
    this.#enable = new EnableInput({ time, reader: this.#reader, figures: figures.enable, onEnable });
    this.#feedback = new FeedbackInput({ sink, time, reader: this.#reader, figures: figures.feedback });
    this.#subscribe();
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    // What it looks for does not keep a process alive.
    this.#timer.unref();
  }

  get goal(): CurrentGoal {
    return this.#goal;
  }

  get enabled(): boolean {
    return this.#enable.enabled;
  }

  /** The robot is sent nowhere until a new goal or plan comes. */
  cancelGoal(): void {
    this.#goal.cancel();
  }

  /** Looks for what has fallen silent. Called by a timer; a test calls it at times of its own. */
  tick(): void {
    if (this.#options.parameters.contact_type === 'contacts') {
      if (this.#ticks++ % COUNT_TICKS === 0) this.#countPublishers();
      this.#contacts.tick(this.#published);
    }
    this.#goal.refresh();
    this.#enable.tick();
  }

  /** Hands over nothing more; the subscriptions end with their scope. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #subscribe(): void {
    const { figures } = this;
    // First, so that what is in another frame is understood at once.
    this.#listen(
      MessageType.transforms,
      InputTopic.staticTransforms,
      'static-transforms',
      figures.transforms,
      (bytes) => this.#receiveTransforms(bytes, true),
    );
    this.#listen(MessageType.transforms, InputTopic.transforms, 'transforms', figures.transforms, (bytes) =>
      this.#receiveTransforms(bytes, false),
    );
    this.#listen(MessageType.odometry, InputTopic.odometry, 'sensor', figures.odometry, (bytes) =>
      this.#odometry.receive(bytes),
    );
    this.#listen(MessageType.scan, InputTopic.scan, 'sensor', figures.scan, (bytes) => this.#scan.receive(bytes));
    this.#subscribeContacts();
    this.#listen(MessageType.poseStamped, InputTopic.goal, 'reliable', figures.goal, (bytes) =>
      this.#goal.receiveGoal(bytes),
    );
    this.#listen(MessageType.path, InputTopic.plan, 'reliable', figures.plan, (bytes) => this.#goal.receivePlan(bytes));
    // A reader of what is latched hears no publisher that latches nothing, and an operator's switch must be heard: two
    // readers, and what is latched comes twice: `EnableInput` makes one of them.
    for (const [by, quality] of [
      [EnableReader.latched, 'latched-orders'],
      [EnableReader.live, 'stream'],
    ] as const) {
      this.#listen(MessageType.bool, InputTopic.enable, quality, figures.enable, (bytes) =>
        this.#enable.receive(by, bytes),
      );
    }
    if (this.#options.parameters['reward.source'] === 'feedback') {
      // A rewarder may tell of many decisions at once.
      this.#listen(MessageType.feedback, InputTopic.feedback, 'burst', figures.feedback, (bytes) =>
        this.#feedback.receive(bytes),
      );
    }
  }

  #subscribeContacts(): void {
    const type = CONTACT_TYPES[this.#options.parameters.contact_type];
    if (type === null) return;
    try {
      for (let source = 0; source < CONTACT_TOPICS.length; source++) {
        const topic = this.#listen(type, CONTACT_TOPICS[source], 'sensor', this.figures.contacts, (bytes) =>
          this.#contacts.receive(source, bytes),
        );
        this.#contactTopics.push(topic);
      }
    } catch (error) {
      // Its JavaScript may be there still, from when it was.
      const missing = prefixOfInterfaces(type.slice(0, type.indexOf('/')), process.env) === '';
      if (!missing && !(error instanceof RosMissingError)) throw error;
      const { message } = missing ? notInstalled(type, process.env) : (error as Error);
      throw new ParameterError('contact_type', `'${this.#options.parameters.contact_type}': ${message}`);
    }
  }

  /** The odometry began anew: time, or the place that everything else was told of, is another. */
  #forgetPlace(): void {
    this.#tree.forgetMoving();
    this.#contacts.forget();
    this.#goal.forgetOdom();
    this.#goal.refresh();
  }

  /** @returns the topic's resolved name */
  #listen(type: string, topic: string, quality: Quality, figures: InputFigures, take: (bytes: Buffer) => void): string {
    const subscription = this.#options.scope.raw(type, topic, quality, (bytes) => {
      if (this.#timer !== null) take(bytes);
    });
    if (!figures.topics.includes(subscription.topic)) figures.addTopic(subscription.topic);
    return subscription.topic;
  }

  #receiveTransforms(bytes: Uint8Array, fixed: boolean): void {
    const figures = this.figures.transforms;
    const nowNs = this.#options.time.nowNs();
    figures.take(nowNs);
    const m = this.#transforms;
    const tree = this.#tree;
    let whole = m.begin(this.#reader, bytes);
    let usable = true;
    for (let i = 0; i < m.count && whole; i++) {
      whole = m.next(this.#reader, tree.frames);
      if (whole && !tree.set(m.header.frame, m.childFrame, m, fixed, nowNs)) usable = false;
    }
    if (!whole) {
      figures.malformed(bytes.length, nowNs);
    } else if (!usable) {
      if (figures.refuse(Refusal.notFinite, nowNs)) {
        const { frames } = tree;
        figures.complain(
          frames.overflows > 0
            ? `there are more than ${frames.count} frames, and no room for more`
            : 'one of them is no transform: its numbers are not finite, or its rotation is none',
          nowNs,
        );
      }
    } else figures.accept(nowNs);
    if (!fixed) this.#goal.refresh();
  }

  #countPublishers(): void {
    const { node } = this.#options.scope;
    const topics = this.#contactTopics;
    for (let source = 0; source < topics.length; source++) {
      try {
        this.#published[source] = node.countPublishers(topics[source]) > 0;
      } catch {
        // Counted again later. Until then nobody vouches for what is silent.
        this.#published[source] = false;
      }
    }
  }
}
