/** Vowpal Wabbit's text, read as it comes: bytes to lines, and the lines of `cb_adf` to decisions. */
import { VwTextError } from './text-error.js';
import { parseCb, VW_TEXT_LIMITS, type VwCbExample, type VwDecision } from './text-format.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * Cuts a stream of bytes into lines. It holds no more than one unfinished line, which may not exceed a limit.
 *
 *     for await (const chunk of stream) splitter.push(chunk);
 *     splitter.end();
 */
export class LineSplitter {
  readonly #take: (text: string, line: number) => void;
  readonly #limit: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** The start of a line whose end has not come; the buffer doubles as it must. */
  #held = new Uint8Array(1024);
  #heldBytes = 0;
  #line = 0;

  /**
   * @param take called with each line, without its line end (`\n` or `\r\n`) and without a byte order mark, and with
   *   its number, counted from 1. What it throws goes through.
   * @param limit the longest line [bytes]
   */
  constructor(take: (text: string, line: number) => void, limit: number = VW_TEXT_LIMITS.lineBytes) {
    this.#take = take;
    this.#limit = limit;
  }

  /**
   * @param chunk any piece of the text; it is not kept
   * @throws VwTextError where a line is too long or is not UTF-8
   * @realtime unsafe
   */
  push(chunk: Uint8Array): void {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      const piece = chunk.subarray(from, at);
      from = at + 1;
      if (this.#heldBytes === 0) {
        this.#emit(piece);
        continue;
      }
      this.#hold(piece);
      this.#release();
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
  }

  /** Takes what stands after the last line end as a line. @throws VwTextError @realtime unsafe */
  end(): void {
    if (this.#heldBytes > 0) this.#release();
  }

  #hold(piece: Uint8Array): void {
    const bytes = this.#heldBytes + piece.length;
    if (bytes > this.#limit) throw this.#tooLong();
    if (bytes > this.#held.length) {
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(piece, this.#heldBytes);
    this.#heldBytes = bytes;
  }

  #release(): void {
    const line = this.#held.subarray(0, this.#heldBytes);
    this.#heldBytes = 0;
    this.#emit(line);
  }

  #emit(bytes: Uint8Array): void {
    if (bytes.length > this.#limit) throw this.#tooLong();
    this.#line++;
    const last = bytes.length - 1;
    const content = bytes[last] === CARRIAGE_RETURN ? bytes.subarray(0, last) : bytes;
    let text: string;
    try {
      text = this.#decoder.decode(content);
    } catch {
      throw new VwTextError(this.#line, 'not UTF-8');
    }
    this.#take(text, this.#line);
  }

  #tooLong(): VwTextError {
    return new VwTextError(this.#line + 1, `longer than ${this.#limit} bytes`);
  }
}

/** Nothing, or only spaces and tabs: the end of a decision, and no example. (To VW spaces alone are an example.) */
export function isBlank(text: string): boolean {
  return text === '' || /^[ \t]*$/.test(text);
}

/**
 * Gathers the lines of `cb_adf` into decisions: an optional `shared` line, a line for each action, a blank line.
 * It holds no more than one decision, whose actions may not exceed a limit.
 */
export class DecisionReader {
  readonly #take: (decision: VwDecision, line: number) => void;
  readonly #limit: number;
  #shared: VwCbExample | undefined;
  #actions: VwCbExample[] = [];
  #chosen = -1;
  #firstLine = 0;

  /**
   * @param take called with each decision and the number of its first line; the decision is the callee's
   * @param limit most actions in a decision
   */
  constructor(take: (decision: VwDecision, line: number) => void, limit: number = VW_TEXT_LIMITS.actionsPerDecision) {
    this.#take = take;
    this.#limit = limit;
  }

  /**
   * @param text one line, blank or not, without its line end
   * @param line its number, counted from 1
   * @throws VwTextError; what was gathered of the decision is then forgotten
   * @realtime unsafe
   */
  push(text: string, line: number): void {
    try {
      if (isBlank(text)) this.#finish();
      else this.#add(parseCb(text, line), line);
    } catch (error) {
      this.#clear();
      throw error;
    }
  }

  /** Takes what was gathered as a decision: the last blank line may be missing. @throws VwTextError @realtime unsafe */
  end(): void {
    this.push('', 0);
  }

  #add(example: VwCbExample, line: number): void {
    const { shared, costs } = example.label;
    if (this.#firstLine === 0) this.#firstLine = line;
    if (shared) {
      if (this.#shared !== undefined || this.#actions.length > 0) {
        throw new VwTextError(line, 'a shared line is the first of its decision');
      }
      this.#shared = example;
      return;
    }
    if (costs.length > 1) throw new VwTextError(line, "an action's line has at most one cost");
    if (costs[0]?.outcome !== undefined) {
      if (this.#chosen >= 0) throw new VwTextError(line, 'a second action of the decision has a cost');
      this.#chosen = this.#actions.length;
    }
    if (this.#actions.length === this.#limit) throw new VwTextError(line, `more than ${this.#limit} actions`);
    this.#actions.push(example);
  }

  #finish(): void {
    if (this.#firstLine === 0) return;
    const decision = { shared: this.#shared, actions: this.#actions, chosen: this.#chosen };
    const line = this.#firstLine;
    if (decision.actions.length === 0) throw new VwTextError(line, 'a shared line and no action');
    this.#clear();
    this.#take(decision, line);
  }

  #clear(): void {
    this.#shared = undefined;
    this.#actions = [];
    this.#chosen = -1;
    this.#firstLine = 0;
  }
}
