import type { CheckpointContent } from '../../../src/checkpoint/format.js';
import { checkpointSchema } from '../../../src/checkpoint/schema.js';

/** What the tests of checkpoints save: small, every field different from its neighbours. */
export const SMALL_SCHEMA = checkpointSchema({
  features: ['position_x', 'position_y', 'goal_distance'],
  interactions: 'none',
  policy: { name: 'contextual-bandit', n_actions: 8, bits: 4 },
});

export function smallContent(changes: Partial<CheckpointContent> = {}): CheckpointContent {
  return {
    schema: SMALL_SCHEMA,
    counters: { cycles: 5_000_000_001, decisions: 4_000_000_002, updates: 3_000_000_003, episodes: 42 },
    generatorState: Uint32Array.of(0x01234567, 0x89abcdef, 0xffffffff, 0),
    createdUnixMs: 1_767_225_600_123,
    metadata: { learning_rate: 0.1, note: 'größer' },
    sections: new Map([
      ['policy', Uint8Array.of(1, 2, 3, 4, 5)],
      ['scaler', new Uint8Array(16).fill(0x5a)],
      ['empty', new Uint8Array(0)],
    ]),
    ...changes,
  };
}
