import { describe, expect, it } from 'vitest';
import type { MotionCommand } from '../../../../../src/io/port.js';
import { encodeMessage } from '../../../../../src/io/zeromq/protocol/codec.js';
import type { Command, Hello } from '../../../../../src/io/zeromq/protocol/protocol.js';
import { RobotDialogue, type RobotDialogueOptions } from '../../../../../src/io/zeromq/robot/robot-dialogue.js';
import { BEAMS, helloOf, SessionRig, settle } from '../../../../support/session-rig.js';

const RANGES = new Float32Array(BEAMS).fill(5);
const reading = () => ({ odom: [0, 0, 0, 0, 0, 0] as const, ranges: RANGES });

/** A robot of the project's own at a table of sessions, on one virtual clock; what either says arrives at each tick. */
class Talk {
  rig: SessionRig;
  readonly dialogue: RobotDialogue;
  readonly told: string[] = [];
  /** Whether messages get through. */
  connected = true;
  #peer = Buffer.from('peer-0');
  #connections = 0;

  constructor(options: { hello?: Partial<Hello>; rig?: SessionRig; on?: Partial<RobotDialogueOptions> } = {}) {
    this.rig = options.rig ?? new SessionRig();
    const { t: _t, m: _m, v: _v, ...robot } = helloOf('jackal', 0, { mode: 'free', clock: 'real', ...options.hello });
    this.dialogue = new RobotDialogue({
      robot,
      send: (bytes) => {
        if (this.connected) this.rig.table.receive(this.#peer, [bytes]);
        return this.connected;
      },
      nowS: () => this.rig.nowNs / 1e9 + 500,
      wallS: () => this.rig.nowNs / 1e9,
      onWelcome: ({ resumed }) => this.told.push(resumed ? 'resumed' : 'welcome'),
      onRefused: ({ code }) => this.told.push(`refused ${code}`),
      onLost: (reason) => this.told.push(`lost: ${reason}`),
      onError: ({ code }) => this.told.push(`error ${code}`),
      ...options.on,
    });
  }

  /** Another connection, as after a cable was pulled: another routing id. */
  reconnect(): void {
    this.#peer = Buffer.from(`peer-${++this.#connections}`);
    this.connected = true;
    this.dialogue.connected();
  }

  async pass(seconds: number, each?: () => void): Promise<void> {
    for (let i = 0; i < Math.round(seconds / 0.02); i++) {
      each?.();
      await this.rig.pass(0.02);
      this.deliver();
      this.dialogue.tick();
      await settle();
      this.deliver();
    }
  }

  deliver(): void {
    const inbox = this.rig.inbox(this.#peer).splice(0);
    if (this.connected) for (const bytes of inbox) this.dialogue.receive(bytes);
  }

  read(): MotionCommand & { fresh: boolean } {
    const out: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: 0 };
    const fresh = this.dialogue.commands.read(out);
    return { ...out, fresh };
  }
}

describe('the robot’s side of a session', () => {
  it('says hello until it is welcome, and then no more', async () => {
    const talk = new Talk();
    talk.connected = false;
    await talk.pass(1);
    expect(talk.dialogue.state).toBe('greeting');
    talk.connected = true;
    await talk.pass(2);
    expect(talk.dialogue.state).toBe('driving');
    expect(talk.told).toEqual(['welcome']);
    expect(talk.rig.table.counters.accepted.hello).toBe(1);
  });

  it('stays in its session by heartbeats, and learns how far the clocks are apart', async () => {
    const talk = new Talk();
    await talk.pass(10);
    expect(talk.told).toEqual(['welcome']);
    expect(talk.dialogue.offset.known).toBe(true);
    expect(talk.dialogue.offset.offsetS).toBeCloseTo(-500, 1);
    expect(talk.rig.table.sessions[0].offsetS).toBeCloseTo(500, 1);
  });

  it('reads commands while they hold, and zero velocity once they have expired', async () => {
    const talk = new Talk();
    await talk.pass(0.2);
    expect(talk.read()).toMatchObject({ vx: 0, fresh: false });
    await talk.pass(0.1, () => talk.dialogue.sense(reading()));
    talk.rig.controller.cycle(0.5);
    talk.deliver();
    expect(talk.read()).toMatchObject({ vx: 0.5, cycle: 1, fresh: true });
    expect(talk.read()).toMatchObject({ vx: 0.5, fresh: false });
    await talk.pass(0.3);
    expect(talk.read()).toMatchObject({ vx: 0, fresh: true });
    expect(talk.read()).toMatchObject({ vx: 0, fresh: false });
    expect(talk.dialogue.counters.expired).toBe(1);
  });

  it('tells the goal once, again to a controller that has not heard of it, and not to one that goes on', async () => {
    const talk = new Talk();
    talk.dialogue.goal([3, 0, 0.2]);
    const sense = () => talk.dialogue.sense(reading());
    await talk.pass(0.5, sense);
    expect(goals(talk)).toEqual([[3, 0, 0.2]]);
    talk.reconnect();
    await talk.pass(0.5, sense);
    expect(goals(talk)).toHaveLength(1);
    talk.rig = new SessionRig();
    talk.rig.nowNs = 10e9;
    await talk.pass(0.5, sense);
    expect(talk.told).toEqual(['welcome', expect.stringMatching(/^lost: /), 'welcome']);
    expect(goals(talk)).toEqual([[3, 0, 0.2]]);
  });

  it('goes on in its session when it comes back in time, and is told so', async () => {
    const talk = new Talk();
    await talk.pass(0.5);
    const { s } = talk.dialogue.welcome as { s: number };
    talk.connected = false;
    await talk.pass(1);
    talk.reconnect();
    await talk.pass(0.5, () => talk.dialogue.sense(reading()));
    expect(talk.dialogue.welcome?.s).toBe(s);
    expect(talk.rig.table.sessions).toHaveLength(1);
    expect(talk.told).toEqual(['welcome']);
  });

  it('stands and says hello again when nothing is heard any more', async () => {
    const talk = new Talk();
    await talk.pass(0.3, () => talk.dialogue.sense(reading()));
    talk.rig.controller.cycle(0.5);
    talk.deliver();
    talk.connected = false;
    await talk.pass(3, () => talk.dialogue.sense(reading()));
    expect(talk.told.slice(1)).toEqual([expect.stringContaining('nothing heard for 2 s')]);
    expect(talk.read().vx).toBe(0);
    expect(talk.dialogue.counters.unsent).toBeGreaterThan(100);
    talk.connected = true;
    await talk.pass(2);
    expect(talk.told.at(-1)).toBe('welcome');
  });

  it('waits its turn where all sessions are taken, and gives up where it would never fit', async () => {
    const rig = new SessionRig();
    await rig.robot('first', {}).hello();
    const talk = new Talk({ rig });
    await talk.pass(1.9);
    expect(new Set(talk.told)).toEqual(new Set(['refused busy']));
    await talk.pass(4);
    expect(talk.told.at(-1)).toBe('welcome');

    const wide = new Talk({ hello: { size: [9, 9] } });
    await wide.pass(5);
    expect(wide.told).toEqual(['refused footprint']);
    expect(wide.dialogue.state).toBe('refused');
    wide.reconnect();
    await wide.pass(1);
    expect(wide.told).toHaveLength(2);
  });

  it('keeps its stop over sessions, until it says go', async () => {
    const talk = new Talk();
    await talk.pass(0.3, () => talk.dialogue.sense(reading()));
    expect(talk.rig.table.sessions[0]).toMatchObject({ armed: true, stopped: false });
    talk.dialogue.stop('hands off');
    expect(talk.rig.table.sessions[0]).toMatchObject({ armed: false, stopped: true });
    talk.rig = new SessionRig();
    talk.rig.nowNs = 5e9;
    await talk.pass(1, () => talk.dialogue.sense(reading()));
    expect(talk.rig.table.sessions[0]).toMatchObject({ armed: false, stopped: true });
    talk.dialogue.go();
    expect(talk.rig.table.sessions[0]).toMatchObject({ armed: true, stopped: false });
  });

  it('says bye, and nothing afterwards', async () => {
    const talk = new Talk();
    await talk.pass(0.3);
    talk.dialogue.close('done');
    talk.dialogue.close('twice');
    expect(talk.rig.table.sessions).toEqual([]);
    const { frames } = talk.rig.table.counters;
    expect(talk.dialogue.sense(reading())).toBe(0);
    await talk.pass(3);
    expect(talk.rig.table.counters.frames).toBe(frames);
    await expect(talk.dialogue.exchange(reading())).rejects.toThrow('the link is closed');
  });

  it('counts what is no message, and goes on', async () => {
    const talk = new Talk();
    await talk.pass(0.3);
    talk.dialogue.receive(Buffer.from('garbage'));
    talk.dialogue.receive(Buffer.alloc(0));
    expect(talk.dialogue.counters.malformed).toBe(2);
    expect(talk.dialogue.state).toBe('driving');
  });

  it('ignores an error of a session before, and heeds one of its own', async () => {
    const talk = new Talk();
    await talk.pass(0.1);
    const [{ session }] = talk.rig.table.sessions;
    const error = { m: 'error', code: 'session', reason: 'no such session' } as const;
    talk.dialogue.receive(encodeMessage({ ...error, s: session === 1 ? 2 : session - 1 }));
    talk.dialogue.receive(encodeMessage({ ...error, code: 'reading', s: session === 1 ? 2 : session - 1 }));
    expect(talk.dialogue.state).toBe('driving');
    expect(talk.dialogue.counters.errors).toBe(0);
    talk.dialogue.receive(encodeMessage({ ...error, s: session }));
    expect(talk.told).toEqual(['welcome', 'lost: no such session']);
  });
});

describe('the robot’s side in lockstep', () => {
  const lockstep = { mode: 'lockstep', clock: 'simulated' } as const;

  /** What the exchange has come to so far. */
  function asked(talk: Talk): { command?: Command; error?: Error } {
    const outcome: { command?: Command; error?: Error } = {};
    talk.dialogue.exchange(reading()).then(
      (command) => {
        outcome.command = command;
      },
      (error: Error) => {
        outcome.error = error;
      },
    );
    return outcome;
  }

  it('waits for the command of each sense', async () => {
    const talk = new Talk({ hello: lockstep });
    await talk.pass(0.2);
    for (let q = 1; q <= 3; q++) {
      const outcome = asked(talk);
      await talk.pass(0.04);
      expect(outcome.command?.q).toBe(q);
    }
    expect(talk.dialogue.counters).toMatchObject({ senses: 3, resent: 0 });
    expect(talk.rig.controller.cycles).toBe(3);
  });

  it('asks again where the answer was lost, and has no second step made', async () => {
    const talk = new Talk({ hello: lockstep });
    await talk.pass(0.2);
    const outcome = asked(talk);
    talk.connected = false;
    await talk.pass(0.1);
    expect(outcome.command).toBeUndefined();
    talk.connected = true;
    await talk.pass(0.4);
    expect(outcome.command?.q).toBe(1);
    expect(talk.dialogue.counters.resent).toBe(1);
    expect(talk.rig.controller.cycles).toBe(1);
  });

  it('asks the next controller where the one that it asked is gone', async () => {
    const talk = new Talk({ hello: lockstep });
    talk.dialogue.goal([1, 1, 0.1]);
    await talk.pass(0.2);
    talk.connected = false;
    const outcome = asked(talk);
    await talk.pass(3);
    talk.rig = new SessionRig();
    talk.rig.nowNs = 20e9;
    talk.reconnect();
    await talk.pass(0.5);
    expect(outcome.command?.s).toBe(talk.dialogue.welcome?.s);
    expect(goals(talk)).toEqual([[1, 1, 0.1]]);
  });

  it('takes one question at a time, and fails those that the controller cannot use', async () => {
    const talk = new Talk({ hello: lockstep });
    await talk.pass(0.2);
    const outcome: { error?: Error } = {};
    talk.dialogue.exchange({ odom: [0, 0, 0, 0, 0, 0], ranges: RANGES.slice(1) }).catch((error: Error) => {
      outcome.error = error;
    });
    await expect(talk.dialogue.exchange(reading())).rejects.toThrow('one exchange at a time');
    await talk.pass(0.1);
    expect(outcome.error?.message).toMatch(/ranges/);
    const next = asked(talk);
    await talk.pass(0.1);
    expect(next.command).toBeDefined();
  });
});

function goals(talk: Talk): unknown[] {
  return talk.rig.controller.observations.calls.filter(({ name }) => name === 'goal').map(({ values }) => values);
}
