/**
 * The steps of all robots in lockstep whose commands are still to come. Main thread; no timer: ends of turns of the event
 * loop are asked for by a callback.
 *
 * To be told of a command costs both threads more than the command itself, and where many robots drive there is much to
 * do meanwhile: what came from the next of them is taken in. So commands are looked for after each frame, and once more at
 * the end of that turn of the event loop. Whose command has not come by then is told of it: a loop that turns only to look
 * sleeps no more, and takes the processor that the control threads need.
 */

/** A session, as far as its step goes. */
export interface StepOwner {
  /** Sends the command if it is out, and makes the next step if a sense waits. @returns whether a step still runs */
  look(nowNs: number): boolean;
  /** From here on the session is told of the command. */
  listen(nowNs: number): void;
}

export class OutstandingSteps<Owner extends StepOwner> {
  readonly #askTurn: () => void;
  readonly #onFailure: (error: unknown, owner: Owner) => void;
  readonly #owners = new Set<Owner>();

  /**
   * @param askTurn has `endTurn` called at the end of this turn of the event loop, or of the next where this one is ending
   * @param onFailure told what an owner threw; nobody looks for its command any more
   */
  constructor(askTurn: () => void, onFailure: (error: unknown, owner: Owner) => void) {
    this.#askTurn = askTurn;
    this.#onFailure = onFailure;
  }

  get size(): number {
    return this.#owners.size;
  }

  /** A step was asked for. */
  add(owner: Owner): void {
    this.#owners.add(owner);
    this.#askTurn();
  }

  /** Nobody looks for its command any more. */
  remove(owner: Owner): void {
    this.#owners.delete(owner);
  }

  /** Sends the commands that are out. Throws nothing. @realtime unsafe */
  look(nowNs: number): void {
    for (const owner of this.#owners) {
      try {
        if (!owner.look(nowNs)) this.#owners.delete(owner);
      } catch (error) {
        this.#owners.delete(owner);
        this.#onFailure(error, owner);
      }
    }
  }

  /** The turn has ended: sends the commands that are out, and has the others told. Throws nothing. @realtime unsafe */
  endTurn(nowNs: number): void {
    const owners = [...this.#owners];
    this.#owners.clear();
    for (const owner of owners) {
      try {
        // Whoever made its next step meanwhile has been added again: that one is looked for.
        if (owner.look(nowNs) && !this.#owners.has(owner)) owner.listen(nowNs);
      } catch (error) {
        this.#owners.delete(owner);
        this.#onFailure(error, owner);
      }
    }
  }
}
