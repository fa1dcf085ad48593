import { describe, expect, it } from 'vitest';
import {
  type CheckpointReport,
  decodeCheckpoint,
  decodeDecision,
  decodeState,
  type StateReport,
} from '../../../../../src/io/zeromq/protocol/telemetry-messages.js';
import { MAX_SUBSCRIPTIONS, TelemetryPublisher } from '../../../../../src/io/zeromq/socket/telemetry-publisher.js';
import { DECISION_DOUBLES, DecisionField } from '../../../../../src/memory/layout.js';

const stateAt = (t: number, robot = 'anna'): StateReport => ({
  ...{ t, robot, state: 'driving', armed: true, frozen: false, why: 0, rate: 50, cycles: 1 },
  ...{ misses: { late: 0, long: 0 }, lateness: [0, 0], compute: [0, 0] },
  ...{ age: { odom: 0, ranges: 0, contacts: null }, updates: 0, reward: null, interventions: {}, breaker: false },
  ...{ drift_alarms: 0, readings: {}, lost_decisions: 0, memory_bytes: 1, policy: 'random' },
});
const checkpointAt = (t: number, robot = 'anna'): CheckpointReport => ({
  ...{ t, robot, file: 'checkpoint-1.rfsn', cycles: 1, updates: 1, bytes: 2, sha256: 'ab'.repeat(32) },
  data: Uint8Array.of(1, 2),
});
const record = (cycle: number): Float64Array => {
  const values = new Float64Array(DECISION_DOUBLES);
  values[DecisionField.cycle] = cycle;
  return values;
};

function rig() {
  const sent: { topic: string; bytes: Uint8Array }[] = [];
  const socket = { open: true, floods: 0 };
  const publisher = new TelemetryPublisher({
    send: (topic, bytes) => {
      if (socket.open) sent.push({ topic, bytes });
      return socket.open;
    },
    onFlood: () => socket.floods++,
  });
  return {
    ...{ publisher, sent, socket },
    topics: () => sent.map(({ topic }) => topic),
    subscribe: (prefix: string) => publisher.receive([Buffer.from(`\x01${prefix}`, 'latin1')]),
    unsubscribe: (prefix: string) => publisher.receive([Buffer.from(`\0${prefix}`, 'latin1')]),
  };
}

describe('telemetry', () => {
  it('of a robot that has gone shows its last state to who comes later, and no checkpoint', () => {
    const { publisher, topics, subscribe } = rig();
    publisher.state('anna', stateAt(1));
    publisher.checkpoint('anna', checkpointAt(1));
    publisher.checkpoint('bert', checkpointAt(1, 'bert'));
    publisher.forget('anna');
    publisher.forget('nobody');
    subscribe('');
    publisher.tick(0);
    expect(topics()).toEqual(['state/anna', 'checkpoint/bert']);
    publisher.checkpoint('anna', checkpointAt(2));
    expect(topics()).toContain('checkpoint/anna');
  });

  it('that nobody subscribed to is not even encoded', () => {
    const { publisher, sent, subscribe } = rig();
    const unreadable = new Proxy(new Float64Array(1), {
      get: () => {
        throw new Error('read');
      },
    });
    publisher.decision('anna', unreadable);
    subscribe('state/');
    subscribe('decision/bert');
    publisher.decision('anna', unreadable);
    publisher.checkpoint('anna', checkpointAt(1));
    expect(sent).toEqual([]);
    expect(publisher.counts.published).toEqual({ decision: 0, state: 0, checkpoint: 0 });
    subscribe('decision/anna');
    expect(() => publisher.decision('anna', unreadable)).toThrow('read');
  });

  it.each([
    ['', true],
    ['d', true],
    ['decision', true],
    ['decision/', true],
    ['decision/an', true],
    ['decision/anna', true],
    ['decision/anna2', false],
    ['decision/bert', false],
    ['state/', false],
    ['ecision', false],
  ])('goes to whoever subscribed to the beginning of its topic: %j', (prefix, wanted) => {
    const { publisher, topics, subscribe, unsubscribe } = rig();
    subscribe(prefix);
    publisher.decision('anna', record(1));
    expect(topics()).toEqual(wanted ? ['decision/anna'] : []);
    expect(publisher.watched('decision', 'anna')).toBe(wanted);
    expect(publisher.watched('decision')).toBe(wanted || prefix.startsWith('decision/'));
    unsubscribe(prefix);
    publisher.decision('anna', record(2));
    expect(topics()).toHaveLength(wanted ? 1 : 0);
    expect(publisher.watched('decision')).toBe(false);
  });

  it('is numbered by topic and robot, one by one', () => {
    const { publisher, sent, subscribe } = rig();
    subscribe('');
    for (let i = 0; i < 3; i++) publisher.decision('anna', record(10 + i));
    publisher.decision('bert', record(99));
    publisher.state('anna', stateAt(1));
    publisher.decision('anna', record(13));
    const decisions = sent.filter(({ topic }) => topic === 'decision/anna').map(({ bytes }) => decodeDecision(bytes));
    expect(decisions.map(({ q, n }) => [q, n])).toEqual([
      [0, 10],
      [1, 11],
      [2, 12],
      [3, 13],
    ]);
    expect(decodeDecision(sent[3].bytes)).toMatchObject({ q: 0, robot: 'bert', n: 99 });
    expect(decodeState(sent[4].bytes)).toMatchObject({ q: 0, t: 1 });
    expect(publisher.counts).toMatchObject({
      published: { decision: 5, state: 1, checkpoint: 0 },
      bytes: sent.reduce((sum, { bytes }) => sum + bytes.length, 0),
    });
  });

  it('shows a gap where the socket took nothing', () => {
    const { publisher, sent, socket, subscribe } = rig();
    subscribe('');
    for (const open of [true, false, true]) {
      socket.open = open;
      publisher.decision('anna', record(1));
    }
    expect(sent.map(({ bytes }) => decodeDecision(bytes).q)).toEqual([0, 2]);
    expect(publisher.counts.unsent).toBe(1);
  });
});

describe('who subscribes later', () => {
  it('is told the newest state and checkpoint, and no decision of before', () => {
    const { publisher, sent, topics, subscribe } = rig();
    publisher.state('anna', stateAt(1));
    publisher.state('anna', stateAt(2));
    publisher.checkpoint('anna', checkpointAt(3));
    publisher.decision('anna', record(4));
    subscribe('');
    publisher.tick(0);
    expect(topics()).toEqual(['state/anna', 'checkpoint/anna']);
    expect(decodeState(sent[0].bytes)).toMatchObject({ t: 2, q: 0 });
    expect(decodeCheckpoint(sent[1].bytes)).toMatchObject({ t: 3, q: 0, file: 'checkpoint-1.rfsn' });
    publisher.tick(5000);
    expect(sent).toHaveLength(2);
  });

  it('is told by one message with all who come at once, and those who come and go flood nobody', () => {
    const { publisher, sent, subscribe, unsubscribe } = rig();
    publisher.state('anna', stateAt(1));
    publisher.checkpoint('anna', checkpointAt(1));
    for (let ms = 0; ms < 1000; ms += 10) {
      subscribe('state/anna');
      subscribe('checkpoint/anna');
      publisher.tick(ms);
      unsubscribe('state/anna');
      unsubscribe('checkpoint/anna');
    }
    const of = (topic: string) => sent.filter((message) => message.topic === topic).length;
    expect([of('state/anna'), of('checkpoint/anna')]).toEqual([10, 1]);
  });

  it('is told of the robots asked for, and of nothing already told', () => {
    const { publisher, topics, subscribe } = rig();
    publisher.state('anna', stateAt(1));
    publisher.state('bert', stateAt(1, 'bert'));
    subscribe('state/bert');
    publisher.state('bert', stateAt(2, 'bert'));
    publisher.tick(0);
    expect(topics()).toEqual(['state/bert']);
  });
});

describe('what peers send to the watch socket', () => {
  it('is ignored where it is no subscription', () => {
    const { publisher } = rig();
    for (const frames of [[], [Buffer.alloc(0)], [Buffer.from('hello')], [Buffer.from('\x01a'), Buffer.from('b')]]) {
      publisher.receive(frames);
    }
    publisher.receive([Buffer.from('\0never')]);
    expect(publisher.subscriptions).toBe(0);
  });

  it('is kept up to a limit; beyond it all are cut off, and may come again', () => {
    const { publisher, socket, subscribe } = rig();
    for (let i = 0; i < MAX_SUBSCRIPTIONS; i++) subscribe(`state/${i}`);
    subscribe('state/0');
    expect([publisher.subscriptions, socket.floods]).toEqual([MAX_SUBSCRIPTIONS, 0]);
    subscribe('one more');
    expect([publisher.subscriptions, socket.floods, publisher.counts.cutOff]).toEqual([0, 1, 1]);
    subscribe('state/');
    expect(publisher.watched('state', 'anna')).toBe(true);
  });
});

describe('robots', () => {
  it('that were quiet longest are forgotten, so that names cost no memory for ever', () => {
    const { publisher, sent, subscribe } = rig();
    publisher.state('first', stateAt(1, 'first'));
    publisher.state('second', stateAt(1, 'second'));
    for (let i = 0; i < 255; i++) {
      publisher.state(`robot${i}`, stateAt(1, `robot${i}`));
      if (i === 100) publisher.state('first', stateAt(2, 'first'));
    }
    subscribe('state/');
    publisher.tick(0);
    const robots = sent.map(({ bytes }) => decodeState(bytes).robot);
    expect(robots).toHaveLength(256);
    expect(robots).toContain('first');
    expect(robots).not.toContain('second');
  });
});
