import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CdrWriter } from '../../../../src/io/ros2/cdr/write-cdr.js';
import { writeCheckpoint } from '../../../../src/io/ros2/cdr/write-telemetry.js';
import { type Operations, serveOperations } from '../../../../src/io/ros2/operations.js';
import { RecordingScope } from '../../../support/recording-scope.js';

const NODE = '/fleet/rfsn_controller';
const DATA = Uint8Array.of(1, 2, 3);
const SHA256 = createHash('sha256').update(DATA).digest('hex');

let scope: RecordingScope;
let told: string[];
let restored: [Buffer, string][];
let refuse: string;

function said(text: string): string {
  if (refuse !== '') throw new Error(refuse);
  return text;
}

beforeEach(() => {
  scope = new RecordingScope();
  told = [];
  restored = [];
  refuse = '';
  const operations: Operations = {
    stop: () => said('stands'),
    save: async () => said('saved'),
    reset: async () => said('reset'),
    freeze: (on) => said(`frozen ${on}`),
    restore: async (data, checksum) => {
      // The first is slower than the second.
      await new Promise((resolve) => setTimeout(resolve, restored.length === 0 ? 20 : 0));
      restored.push([Buffer.from(data), checksum]);
      return said(`restored ${data.length}`);
    },
  };
  serveOperations(scope.scope, operations, {
    done: (text) => told.push(text),
    refused: (text) => told.push(`! ${text}`),
  });
});

/** What `~/restore` brings. */
function send(data: Uint8Array, checksum: string): Buffer {
  const file = { policyId: 'p', formatVersion: 1, schemaHash: '', updates: 1, cycles: 2, episodes: 3, data };
  const bytes = Buffer.from(writeCheckpoint(new CdrWriter(), new Int32Array(2), 'base_link', file, checksum));
  scope.subscriptions.get(`${NODE}/restore`)?.(bytes);
  return bytes;
}

/** When so much has been told of. */
const settled = (count: number) => vi.waitFor(() => expect(told).toHaveLength(count), { timeout: 20_000, interval: 5 });

describe('services', () => {
  it.each([
    ['stop', {}, 'stands'],
    ['save_checkpoint', {}, 'saved'],
    ['reset_policy', {}, 'reset'],
    ['freeze_learning', { data: true }, 'frozen true'],
    ['freeze_learning', { data: false }, 'frozen false'],
  ])('%s answers with what was done, or why it was not', async (name, request, message) => {
    const service = scope.services.get(`${NODE}/${name}`);
    expect(await service?.(request)).toEqual({ success: true, message });
    refuse = 'the disk is full';
    expect(await service?.(request)).toEqual({ success: false, message: 'the disk is full' });
  });
});

describe('a state on ~/restore', () => {
  it('is taken over where its checksum matches, or where it has none', async () => {
    for (const [i, checksum] of [SHA256, SHA256.toUpperCase(), ''].entries()) {
      send(DATA, checksum);
      await settled(i + 1);
    }
    expect(restored).toEqual(Array.from({ length: 3 }, () => [Buffer.from(DATA), SHA256]));
    expect(told).toEqual(['restored 3', 'restored 3', 'restored 3']);
  });

  it('is taken over in the order of coming, however long one takes', async () => {
    send(Uint8Array.of(1), '');
    send(Uint8Array.of(2), '');
    await settled(2);
    expect(restored.map(([data]) => data[0])).toEqual([1, 2]);
  });

  it('gives way to a newer one while it waits, so that none pile up', async () => {
    for (let i = 1; i <= 50; i++) send(Uint8Array.of(i), '');
    await settled(50);
    expect(restored.map(([data]) => data[0])).toEqual([1, 50]);
    const leftOut = told.filter((text) => text === '! a state on ~/restore is left out: a newer one has come');
    expect(leftOut).toHaveLength(48);
  });

  it('keeps its place where what comes after it is damaged', async () => {
    send(Uint8Array.of(1), '');
    send(Uint8Array.of(2), '');
    scope.subscriptions.get(`${NODE}/restore`)?.(Buffer.from('garbage'));
    await settled(3);
    expect(restored.map(([data]) => data[0])).toEqual([1, 2]);
    expect(told[0]).toBe('! the state on ~/restore is refused: it is not plain CDR');
  });

  it('is not taken over once the node lets go of everything', async () => {
    send(Uint8Array.of(1), '');
    send(Uint8Array.of(2), '');
    scope.closed = true;
    await settled(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(restored.map(([data]) => data[0])).toEqual([1]);
  });

  it('is refused with its reason where it was damaged, is no message, or does not fit; the next is taken', async () => {
    send(DATA, createHash('sha256').update('other').digest('hex'));
    await settled(1);
    scope.subscriptions.get(`${NODE}/restore`)?.(Buffer.from('garbage'));
    await settled(2);
    send(new Uint8Array(0), '');
    await settled(3);
    expect(restored).toEqual([]);
    refuse = 'it belongs to another policy';
    send(DATA, SHA256);
    await settled(4);
    refuse = '';
    send(DATA, SHA256);
    await settled(5);
    const refusal = '! the state on ~/restore is refused:';
    expect(told).toEqual([
      `${refusal} its checksum does not match: it was damaged on the way`,
      `${refusal} it is not plain CDR`,
      `${refusal} it holds no data`,
      `${refusal} it belongs to another policy`,
      'restored 3',
    ]);
  });
});
