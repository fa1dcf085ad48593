/** A flight log that cannot be read, or not what was asked of it. The message is one sentence for a person. */
export class FlightLogError extends Error {
  override readonly name = 'FlightLogError';
}
