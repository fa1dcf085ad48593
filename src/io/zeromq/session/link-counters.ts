/**
 * What became of every frame that reached the drive socket, and what the link did of itself. Main thread. A frame is
 * counted once in `frames` and once in exactly one of the outcomes, so that their sum shows whether any was lost from
 * sight; a test holds it to that. Readings that the sink refuses are counted by input and reason in the shared memory.
 */
import { ERROR_CODES, REFUSAL_CODES, type RobotMessage } from '../protocol/protocol.js';

export const ROBOT_MESSAGES: readonly RobotMessage['m'][] = [
  'hello',
  'sense',
  'feedback',
  'goal',
  'stop',
  'go',
  'heartbeat',
  'bye',
];
const SENT_MESSAGES = ['welcome', 'refused', 'command', 'error', 'heartbeat', 'bye'] as const;

/** Owned by the table of sessions, read by anyone; numbers only rise. */
export class LinkCounters {
  /** Frames, or what else a peer sent at once. */
  frames = 0;

  // Outcomes: each frame is one of these, or waits still.

  /** Messages that were acted on, by type. */
  readonly accepted = zeros(ROBOT_MESSAGES);
  /** Frames and messages that were not, by code of the error, whether or not it was told to the sender. */
  readonly rejected = zeros(ERROR_CODES);
  /** Hellos that were answered with `refused`, by its code. */
  readonly refused = zeros(REFUSAL_CODES);
  /** Not looked at: their sender is cut off, or those without a session had sent too many between them. */
  muted = 0;
  /** Senses and hellos that came before already; answered as before, and acted on no second time. */
  duplicates = 0;
  /** Senses that a newer one had overtaken, in free mode. */
  late = 0;
  /** Senses that waited for their turn when their session ended or began anew. */
  dropped = 0;

  // What the link did.

  /** By type. */
  readonly sent = zeros(SENT_MESSAGES);
  /** Answers in lockstep that were sent once more. */
  repeated = 0;
  begun = 0;
  resumed = 0;
  /** Sessions that went on under another routing id. */
  moved = 0;
  /** Sessions that ended because the robot was silent. */
  released = 0;
  /** Peers that sent more than allowed. */
  cutOff = 0;
  /** Peers that were forgotten to make room. */
  forgotten = 0;
  /** Of those muted, the ones that came while peers without a session had sent too many between them. */
  crowdedOut = 0;
  /** Senses in lockstep that came while too many waited; rejected with `failed`. */
  overflows = 0;
  /** Robots' clocks that were set, and were followed. */
  clockSteps = 0;
  /** Steps whose command never came. */
  unanswered = 0;
  /** Commands that rested on odometry of no known sense, and were not sent. */
  unnamed = 0;
  /** Errors and refusals that were not sent because their receiver had had too many. */
  withheld = 0;
  /** Exceptions that nobody expected. */
  faults = 0;

  /** The sum over the outcomes. @realtime unsafe */
  get settled(): number {
    return (
      sum(this.accepted) +
      sum(this.rejected) +
      sum(this.refused) +
      this.muted +
      this.duplicates +
      this.late +
      this.dropped
    );
  }
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

function sum(counts: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const name in counts) total += counts[name];
  return total;
}
