/**
 * Many robots in a process of their own, each with a connection and a session of its own, that send at a steady rate
 * whatever the controller does: a sense that could not be sent in time counts from when it was due.
 */

import type { Mode } from '../src/io/zeromq/protocol/protocol.js';
import { sleep } from './controlled.js';
import { timer } from './measure.js';
import { Situation } from './situation.js';
import { answerCalls } from './zeromq-part.js';
import { MeasuringRobot } from './zeromq-robot.js';
import { Senses } from './zeromq-senses.js';

/** Senses of one robot that may wait for their commands in lockstep: half of what the controller lets wait. */
const OUTSTANDING_MAX = 4;
/** How long the last commands may take after the last sense [ms]. */
const DRAIN_MS = 2000;
/** How long the last senses may take to be counted where nothing answers them [ms]. */
const FREE_DRAIN_MS = 200;
/** How long a warm-up may take, and a drive beyond its time [s]. */
const WARM_UP_BOUND_S = 60;
const GRACE_S = 5;
/** Senses whose times are remembered; a power of two, more than can be under way. */
const REMEMBERED = 4096;

export interface RobotsOptions {
  endpoint: string;
  count: number;
  mode: Mode;
  /** Senses a second of each [Hz]. */
  rate: number;
  /** Cycles of the recorded drive that they send. */
  cycles: number;
  seed: number;
}

/** Times are sorted, in nanoseconds. */
export interface Sent {
  sent: number;
  /** Commands that rest on one of these senses. */
  commands: number;
  /** Senses that commands name; all of them in lockstep, unless one was lost. */
  answered: number;
  /** From the first sense to the last one sent [s]. */
  seconds: number;
  /** From when the sense that a command rests on was handed to the socket until the command was read. */
  fromSent: Float64Array;
  /** The same from when it was due. */
  fromDue: Float64Array;
  /** Sense by sense: how late it was sent. */
  late: Float64Array;
}

/** A robot and what it remembers of what it sent. */
class Sender {
  readonly robot: MeasuringRobot;
  sent = 0;
  commands = 0;
  /** Senses that commands name. */
  named = 0;
  /** Newest sense that a command answered. */
  answered: number;
  /** Newest sense of before. */
  #before = 0;
  /** A controller that commands by itself goes on when nothing is sent any more. */
  counting = false;
  readonly #sentNs = new Float64Array(REMEMBERED);
  readonly #dueNs = new Float64Array(REMEMBERED);
  fromSent = new Float64Array(0);
  fromDue = new Float64Array(0);
  fault: Error | null = null;

  constructor(robot: MeasuringRobot) {
    this.robot = robot;
    this.answered = robot.sequence;
  }

  /** Counts anew. */
  begin(commandsMax: number): void {
    this.sent = 0;
    this.commands = 0;
    this.named = 0;
    this.#before = this.robot.sequence;
    this.counting = true;
    this.fromSent = new Float64Array(commandsMax);
    this.fromDue = new Float64Array(commandsMax);
  }

  get outstanding(): number {
    return this.robot.sequence - this.answered;
  }

  send(dueNs: number): void {
    const bytes = this.robot.sense();
    const i = this.robot.sequence & (REMEMBERED - 1);
    this.#dueNs[i] = dueNs;
    this.#sentNs[i] = timer.nowNs();
    this.sent++;
    this.robot.socket.send(bytes).catch((error: Error) => {
      this.fault = error;
    });
  }

  async listen(): Promise<void> {
    try {
      for await (const [bytes] of this.robot.socket) {
        const nowNs = timer.nowNs();
        const command = this.robot.command(bytes);
        if (command === null) continue;
        const { q } = command;
        if (
          this.counting &&
          q > this.#before &&
          q > this.robot.sequence - REMEMBERED &&
          this.commands < this.fromSent.length
        ) {
          const i = q & (REMEMBERED - 1);
          this.fromSent[this.commands] = nowNs - this.#sentNs[i];
          this.fromDue[this.commands] = nowNs - this.#dueNs[i];
          this.commands++;
          if (q > this.answered) this.named++;
        }
        this.answered = Math.max(this.answered, command.q);
      }
    } catch (error) {
      this.fault = error as Error;
    }
  }
}

let robots: MeasuringRobot[] = [];
let options: RobotsOptions | null = null;
let listening: Sender[] = [];

/** Connects the robots and waits for their welcomes. */
async function greet(given: RobotsOptions): Promise<void> {
  options = given;
  const senses = new Senses(await Situation.record({ cycles: given.cycles, seed: given.seed }));
  for (let i = 0; i < given.count; i++) {
    const { endpoint, mode, rate } = given;
    robots.push(new MeasuringRobot({ endpoint, name: `robot-${i}`, mode, rate, senses: senses.copy() }));
  }
  for (const robot of robots) await robot.greet();
}

/**
 * Sends for so long. May be called again: the robots stay.
 *
 * @throws where it would take more than three times as long
 */
async function drive({ seconds }: { seconds: number }): Promise<Sent> {
  const sent = await send(seconds, 3 * seconds + GRACE_S);
  const expected = sent.late.length;
  if (sent.sent < expected) throw new Error(`only ${sent.sent} of ${expected} senses could be sent`);
  return sent;
}

/** Sends what would be due in so long, as fast as it is taken: each control thread has a compiler to warm of its own. */
async function warmUp({ seconds }: { seconds: number }): Promise<void> {
  await send(seconds, WARM_UP_BOUND_S);
}

async function send(seconds: number, boundS: number): Promise<Sent> {
  if (options === null) throw new Error('no robot was greeted');
  const { rate, mode } = options;
  const each = Math.round(seconds * rate);
  const periodNs = 1e9 / rate;
  const senders = listenOnce();
  for (const sender of senders) sender.begin(2 * each);
  const late = new Float64Array(each * senders.length);
  let sent = 0;
  const startNs = timer.nowNs();
  let lastNs = startNs;
  while (sent < late.length) {
    for (let k = 0; k < senders.length; k++) {
      const sender = senders[k];
      if (sender.fault !== null) throw sender.fault;
      // They are due one after another, not all at once.
      const offsetNs = (k / senders.length) * periodNs;
      for (;;) {
        const dueNs = startNs + offsetNs + sender.sent * periodNs;
        lastNs = timer.nowNs();
        if (sender.sent >= each || dueNs > lastNs) break;
        if (mode === 'lockstep' && sender.outstanding >= OUTSTANDING_MAX) break;
        sender.send(dueNs);
        late[sent++] = lastNs - dueNs;
      }
    }
    if (lastNs - startNs > boundS * 1e9) break;
    await sleep(1);
  }
  const endNs = lastNs + DRAIN_MS * 1e6;
  while (mode === 'lockstep' && senders.some((one) => one.outstanding > 0) && timer.nowNs() < endNs) await sleep(5);
  for (const sender of senders) sender.counting = false;
  if (mode === 'free') await sleep(FREE_DRAIN_MS);
  return {
    sent,
    commands: senders.reduce((sum, one) => sum + one.commands, 0),
    answered: senders.reduce((sum, one) => sum + one.named, 0),
    seconds: (lastNs - startNs) / 1e9,
    fromSent: sortedTogether(senders.map((one) => one.fromSent.subarray(0, one.commands))),
    fromDue: sortedTogether(senders.map((one) => one.fromDue.subarray(0, one.commands))),
    late: late.sort(),
  };
}

/** A socket has one reader; it stays from drive to drive. */
function listenOnce(): Sender[] {
  if (listening.length === 0) {
    listening = robots.map((robot) => new Sender(robot));
    for (const sender of listening) void sender.listen();
  }
  return listening;
}

function sortedTogether(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.sort();
}

async function leave(): Promise<void> {
  for (const robot of robots) await robot.leave().catch(() => undefined);
  for (const robot of robots) robot.close();
  robots = [];
  listening = [];
}

answerCalls({ greet, warmUp, drive, leave }, leave);
