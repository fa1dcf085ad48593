import type { ClockKind, Mode } from '../protocol/protocol.js';

/** How a session is, for people and for telemetry. */
export interface SessionStatus {
  readonly robot: string;
  readonly session: number;
  /** Of the controller that drives it. */
  readonly index: number;
  readonly mode: Mode;
  readonly clock: ClockKind;
  /** Reason code of the last command; `Reason.disarmed` before the first. */
  readonly why: number;
  /** When it last sent something, on the controller's clock [ns]. */
  readonly lastSeenNs: number;
  readonly armed: boolean;
  /** It said `stop`. */
  readonly stopped: boolean;
  /** The robot's clock minus the controller's [s]; NaN while unknown. */
  readonly offsetS: number;
  readonly roundTripS: number;
  /** Senses that were used, commands sent, errors sent. */
  readonly senses: number;
  readonly commands: number;
  readonly errors: number;
  /** Senses that wait for their step. */
  readonly waiting: number;
}
