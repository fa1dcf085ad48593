import { PolicyStateError } from './policy.js';

/**
 * How every policy's exported state begins: eight little-endian 32-bit words, so that a state says what it is before
 * anyone tries to use it. What follows belongs to the policy. A checkpoint adds its own checksum around it.
 *
 * | word | meaning |
 * |---|---|
 * | 0 | magic, the characters RFPS |
 * | 1 | version of the format |
 * | 2 | which policy (`PolicyKind`) |
 * | 3 | bytes of the whole state, this header included |
 * | 4 | number of actions |
 * | 5 | length of a context |
 * | 6 | hash of the features' names, in order |
 * | 7 | bits of the weight table, or a hash of the settings that give the numbers their meaning |
 */
export const STATE_HEADER_BYTES = 32;
export const STATE_HEADER_WORDS = STATE_HEADER_BYTES / 4;
export const STATE_MAGIC = 0x53504652;
export const STATE_VERSION = 1;

/** Numbers are never reused. */
export const PolicyKind = {
  contextualBandit: 1,
  random: 2,
  linUcb: 3,
  linTs: 4,
  squareCb: 5,
  regCb: 6,
  bootstrappedTs: 7,
  epsilonGreedy: 8,
  softmax: 9,
  ucb1: 10,
  betaBernoulli: 11,
} as const;
export type PolicyKindCode = (typeof PolicyKind)[keyof typeof PolicyKind];

export interface StateHeader {
  version: number;
  kind: number;
  bytes: number;
  nActions: number;
  contextDim: number;
  nameHash: number;
  bits: number;
}

/** Writes a header into the first eight words. @realtime safe */
export function writeStateHeader(
  words: Uint32Array,
  kind: number,
  bytes: number,
  nActions: number,
  contextDim: number,
  nameHash: number,
  bits: number,
): void {
  words[0] = STATE_MAGIC;
  words[1] = STATE_VERSION;
  words[2] = kind;
  words[3] = bytes;
  words[4] = nActions;
  words[5] = contextDim;
  words[6] = nameHash;
  words[7] = bits;
}

/**
 * Reads what a state says of itself.
 *
 * @throws PolicyStateError: truncated, foreign or of another version
 * @realtime unsafe
 */
export function readStateHeader(state: Uint8Array): StateHeader {
  if (state.byteLength < STATE_HEADER_BYTES) {
    throw new PolicyStateError(
      'truncated',
      `policy state has ${state.byteLength} bytes, its header alone needs ${STATE_HEADER_BYTES}`,
    );
  }
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  const word = (index: number): number => view.getUint32(index * 4, true);
  if (word(0) !== STATE_MAGIC) throw new PolicyStateError('foreign', 'these bytes are not a policy state');
  if (word(1) !== STATE_VERSION) {
    throw new PolicyStateError('version', `policy state has version ${word(1)}, this program reads ${STATE_VERSION}`);
  }
  const bytes = word(3);
  if (bytes !== state.byteLength) {
    throw new PolicyStateError(
      'truncated',
      `policy state says it has ${bytes} bytes, but ${state.byteLength} are here`,
    );
  }
  return {
    version: word(1),
    kind: word(2),
    bytes,
    nActions: word(4),
    contextDim: word(5),
    nameHash: word(6),
    bits: word(7),
  };
}

/**
 * Refuses a state that belongs to another kind of policy or to other shapes.
 *
 * @throws PolicyStateError naming both sides
 * @realtime unsafe
 */
export function checkStateHeader(
  header: StateHeader,
  kind: number,
  nActions: number,
  contextDim: number,
  nameHash: number,
): void {
  if (header.kind !== kind)
    throw new PolicyStateError('policy', `policy state is of kind ${header.kind}, this policy is ${kind}`);
  if (header.nActions !== nActions) {
    throw new PolicyStateError('n_actions', `policy state has ${header.nActions} actions, this policy has ${nActions}`);
  }
  if (header.contextDim !== contextDim) {
    throw new PolicyStateError(
      'context_dim',
      `policy state has contexts of ${header.contextDim}, this policy of ${contextDim}`,
    );
  }
  if (header.nameHash !== nameHash) {
    throw new PolicyStateError(
      'feature_names',
      'policy state was learned with other feature names than this policy has',
    );
  }
}
