/**
 * What an operator does to a running node: services, and `~/restore` for what another controller has learned.
 *
 * Main thread. @realtime unsafe
 */
import { createHash } from 'node:crypto';
import { readCheckpoint } from './cdr/read-checkpoint.js';
import type { EntityScope } from './entity-scope.js';
import { InputTopic, MessageType, ServiceName, ServiceType } from './names.js';

/**
 * The effects. Each gives a sentence for the answer; what it throws or rejects with is the reason why nothing was done.
 */
export interface Operations {
  /** The robot stands until `~/enable` goes from false to true, or the node is activated anew. */
  stop(): string;
  /** Saves what is learned now. */
  save(): Promise<string>;
  /** Untrained from here on. */
  reset(): Promise<string>;
  /** @param on nothing is learned or explored */
  freeze(on: boolean): string;
  /**
   * Goes on with another learned state, from one cycle to the next.
   *
   * @param data a checkpoint's file; the callee's own
   * @param checksum SHA-256 of it, hex digits, which it has
   */
  restore(data: Uint8Array, checksum: string): Promise<string>;
}

/** How somebody is told who asked by a topic, which has no answer. */
export interface OperationNotices {
  done(text: string): void;
  refused(text: string): void;
}

interface Answer {
  success: boolean;
  message: string;
}

const refused = (message: string): Answer => ({ success: false, message });

/** Offers all of it until the scope is closed. */
export function serveOperations(scope: EntityScope, operations: Operations, notices: OperationNotices): void {
  const trigger = (name: string, effect: () => string | Promise<string>): void => {
    scope.service<object, Answer>(
      ServiceType.trigger,
      name,
      async () => ({ success: true, message: await effect() }),
      refused,
    );
  };
  trigger(ServiceName.stop, () => operations.stop());
  trigger(ServiceName.saveCheckpoint, () => operations.save());
  trigger(ServiceName.resetPolicy, () => operations.reset());
  scope.service<{ data: boolean }, Answer>(
    ServiceType.setBool,
    ServiceName.freezeLearning,
    ({ data }) => ({ success: true, message: operations.freeze(data) }),
    refused,
  );
  // One after the other, and the newest of those that come meanwhile: the last to come is the last in force, and no flood
  // of them piles up.
  let waiting: ReceivedState | null = null;
  let busy = false;
  const refuse = (error: unknown) =>
    notices.refused(`the state on ${InputTopic.restore} is refused: ${error instanceof Error ? error.message : error}`);
  const restoreAll = async (): Promise<void> => {
    busy = true;
    while (waiting !== null && !scope.closed) {
      const { data, checksum }: ReceivedState = waiting;
      waiting = null;
      try {
        notices.done(await operations.restore(data, checksum));
      } catch (error) {
        refuse(error);
      }
    }
    busy = false;
  };
  scope.raw(MessageType.checkpoint, InputTopic.restore, 'reliable', (bytes) => {
    let state: ReceivedState;
    try {
      state = received(bytes);
    } catch (error) {
      // What is damaged takes no place.
      refuse(error);
      return;
    }
    if (waiting !== null) notices.refused(`a state on ${InputTopic.restore} is left out: a newer one has come`);
    waiting = state;
    if (!busy) void restoreAll();
  });
}

interface ReceivedState {
  readonly data: Uint8Array;
  /** SHA-256, hex digits. */
  readonly checksum: string;
}

/** @throws Error where it is no message, or was damaged */
function received(bytes: Buffer): ReceivedState {
  const { checksum, data } = readCheckpoint(bytes);
  const actual = createHash('sha256').update(data).digest('hex');
  // A file has a checksum of its own as well: who sends one by hand need not reckon another.
  if (checksum !== '' && checksum.toLowerCase() !== actual) {
    throw new Error('its checksum does not match: it was damaged on the way');
  }
  return { data, checksum: actual };
}
