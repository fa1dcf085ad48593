/** What is wrong with a message, in a form that `error` and `refused` are made of. */
import type { ErrorCode, RefusalCode } from './protocol.js';

/** As much of a bad message as could be read. */
export interface FaultOrigin {
  /** `m` of the message. */
  re?: string;
  /** The session that the message names. */
  s?: number;
  /** `q` of a sense. */
  q?: number;
  /** `id` of a request. */
  id?: number | string;
  /** A hello is not answered with `error` but with `refused`, and with this code. */
  refusal?: RefusalCode;
}

/**
 * A message that cannot be used. `message` is a sentence for the sender: which key, what came, what is allowed. It holds
 * nothing of the controller's and at most 40 characters of what came.
 */
export class ProtocolFault extends Error {
  override readonly name = 'ProtocolFault';
  readonly code: ErrorCode;
  readonly re?: string;
  readonly s?: number;
  readonly q?: number;
  readonly id?: number | string;
  readonly refusal?: RefusalCode;

  constructor(code: ErrorCode, reason: string, origin: FaultOrigin = {}) {
    super(reason);
    this.code = code;
    if (origin.re !== undefined) this.re = origin.re;
    if (origin.s !== undefined) this.s = origin.s;
    if (origin.q !== undefined) this.q = origin.q;
    if (origin.id !== undefined) this.id = origin.id;
    if (origin.refusal !== undefined) this.refusal = origin.refusal;
  }
}
