/** Thrown when a condition that only a mistake in the program can break does not hold. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * States what must hold, in production too. The message is a literal, so that a holding assertion costs one branch and
 * allocates nothing. In the cycle a failed one zeroes the command and latches the stop.
 *
 * @realtime safe while the condition holds
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
