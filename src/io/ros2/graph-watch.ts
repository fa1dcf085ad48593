/**
 * Looks at who else is there: publishers of an input that speak another type, which no middleware hands on and none tells
 * of; others that publish on `cmd_vel`; another node of this one's name. Each is told once while it is there.
 *
 * Main thread. Measured: 33 µs for each topic at a look. @realtime unsafe
 */
import type { ParameterValues } from '../../parameters/schema.js';
import { CONTACT_TYPES } from './contacts.js';
import type { EntityScope } from './entity-scope.js';
import type { InputFigures } from './input-figures.js';
import type { InputFigureTable } from './inputs.js';
import { MessageType } from './names.js';
import type { RclEndpoint } from './rcl.js';
import type { ReadingTime } from './ros-time.js';

/** How often it is looked [ms]. */
const LOOK_MS = 2000;
/** Looks in a row that find the same: a node's endpoints are known a moment before its name is. */
const LOOKS = 2;
/**
 * Looks in a row that find another node of the same name: one that was killed stays in the graph until its lease is over,
 * which is 20 s with Fast DDS, and is no twin of the one that takes its place.
 */
const TWIN_LOOKS = 15;

export interface GraphWatchOptions {
  readonly scope: EntityScope;
  readonly parameters: Pick<ParameterValues, 'contact_type'>;
  readonly figures: InputFigureTable;
  /** Resolved name of `cmd_vel`. */
  readonly command: string;
  readonly time: Pick<ReadingTime, 'nowNs'>;
  /** Told, in a sentence, what a person must see. */
  readonly notice: (text: string) => void;
}

/** An input whose topics are looked at, and what is read of them. */
interface Watched {
  readonly figures: InputFigures;
  readonly type: string;
}

export class GraphWatch {
  readonly #options: GraphWatchOptions;
  readonly #inputs: readonly Watched[];
  /** Fully qualified, of this node. */
  readonly #self: string;
  /** By what was found, the looks in a row that found it. */
  #found = new Map<string, number>();
  #looked = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  /** Looks from here on. */
  constructor(options: GraphWatchOptions) {
    const { figures, parameters, scope } = options;
    this.#options = options;
    this.#self = scope.node.getFullyQualifiedName();
    const contacts = CONTACT_TYPES[parameters.contact_type];
    this.#inputs = [
      { figures: figures.odometry, type: MessageType.odometry },
      { figures: figures.scan, type: MessageType.scan },
      ...(contacts === null ? [] : [{ figures: figures.contacts, type: contacts }]),
      { figures: figures.goal, type: MessageType.poseStamped },
      { figures: figures.plan, type: MessageType.path },
      { figures: figures.enable, type: MessageType.bool },
      { figures: figures.feedback, type: MessageType.feedback },
    ];
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    // What it looks for does not keep a process alive.
    this.#timer.unref();
  }

  /** Called by a timer; a test calls it at times of its own. */
  look(): void {
    this.#looked = new Map();
    for (const { figures, type } of this.#inputs) {
      for (const topic of figures.topics) this.#lookAtInput(topic, type, figures);
    }
    this.#lookAtCommand();
    this.#lookForTwin();
    this.#found = this.#looked;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #lookAtInput(topic: string, type: string, figures: InputFigures): void {
    for (const { topic_type: other, ...node } of this.#publishers(topic)) {
      if (other === type || !this.#lasts(`${topic} ${nameOf(node)} ${other}`, LOOKS)) continue;
      const text = `${nameOf(node)} publishes ${topic} as ${other}, and ${type} is read: nothing of it is heard`;
      figures.complain(`${text}${contactAdvice(figures.name, other)}`, this.#options.time.nowNs());
    }
  }

  #lookAtCommand(): void {
    const { command, notice } = this.#options;
    for (const node of this.#publishers(command)) {
      const name = nameOf(node);
      if (name === this.#self || !this.#lasts(`${command} ${name}`, LOOKS)) continue;
      notice(
        `${name} publishes ${command} too: the robot obeys whoever spoke last. Put a multiplexer between, or end one of them`,
      );
    }
  }

  #lookForTwin(): void {
    let same = 0;
    for (const { name, namespace } of this.#graph((node) => node.getNodeNamesAndNamespaces())) {
      if (qualified(namespace, name) === this.#self) same++;
    }
    if (same < 2 || !this.#lasts(this.#self, TWIN_LOOKS)) return;
    this.#options.notice(
      `another node is called ${this.#self} too: topics, services and parameters of both are the same. Give one of them ` +
        'another name or namespace, or end it',
    );
  }

  /** Once for each that is found. @returns whether it is to be told now */
  #lasts(found: string, looks: number): boolean {
    // Two publishers of one node are one finding.
    if (this.#looked.has(found)) return false;
    const count = (this.#found.get(found) ?? 0) + 1;
    this.#looked.set(found, count);
    return count === looks;
  }

  #publishers(topic: string): readonly RclEndpoint[] {
    return this.#graph((node) => node.getPublishersInfoByTopic(topic));
  }

  /** What cannot be looked at now is looked at again. */
  #graph<Entry>(read: (node: EntityScope['node']) => readonly Entry[]): readonly Entry[] {
    try {
      return read(this.#options.scope.node);
    } catch {
      return [];
    }
  }
}

/** Fully qualified. */
function nameOf({ node_name: name, node_namespace: namespace }: Omit<RclEndpoint, 'topic_type'>): string {
  return qualified(namespace, name);
}

function qualified(namespace: string, name: string): string {
  return `${namespace === '/' ? '' : namespace}/${name}`;
}

/** Which value of `contact_type` reads that type; empty where none does, or another input is meant. */
function contactAdvice(input: string, type: string): string {
  if (input !== 'contacts') return '';
  const [value] = Object.entries(CONTACT_TYPES).find(([, each]) => each === type) ?? [];
  return value === undefined ? '' : `. Set contact_type to ${value}`;
}
