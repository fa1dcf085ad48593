/** A text that is not Vowpal Wabbit's, or is more than the limits allow. The message begins with the line's number. */
export class VwTextError extends Error {
  override readonly name = 'VwTextError';

  /**
   * @param line counted from 1; 0 where there is none
   * @param reason what was wrong, with the text itself where it is short
   */
  constructor(
    readonly line: number,
    readonly reason: string,
  ) {
    super(line > 0 ? `line ${line}: ${reason}` : reason);
  }
}

/** Text for an error's message: quoted, control characters escaped, at most 60 characters. @realtime unsafe */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
