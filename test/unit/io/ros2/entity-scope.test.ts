import { expect, it } from 'vitest';
import { EntityScope } from '../../../../src/io/ros2/entity-scope.js';
import { MessageType } from '../../../../src/io/ros2/names.js';
import type { Rcl, RclNode } from '../../../../src/io/ros2/rcl.js';

it('a scope of which some cannot be ended ends all the others, and then tells why', () => {
  const left = new Set<string>();
  const made = (_type: string, topic: string) => {
    left.add(topic);
    return { topic };
  };
  const ended = ({ topic }: { topic: string }) => {
    if (topic.startsWith('stuck')) throw new Error(topic);
    left.delete(topic);
  };
  const node = { createPublisher: made, createSubscription: made, createService: made };
  const ends = { destroyPublisher: ended, destroySubscription: ended, destroyService: ended };
  const rcl = { QoS: class {} };
  const scope = new EntityScope(rcl as unknown as Rcl, { ...node, ...ends } as unknown as RclNode, () => undefined);
  for (const topic of ['stuck scan', 'heard']) scope.raw(MessageType.bool, topic, 'stream', () => undefined);
  for (const topic of ['stuck order', 'order']) scope.service('std_srvs/srv/Trigger', topic, Object, Object);
  scope.publisher(MessageType.bool, 'told', 'stream');
  expect(left.size).toBe(5);
  expect(() => scope.close()).toThrow('stuck scan');
  expect([...left]).toEqual(['stuck scan', 'stuck order']);
  expect(scope.closed).toBe(true);
});
