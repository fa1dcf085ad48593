/**
 * Decodes a flight log's messages by the definitions that the log carries.
 *
 * A definition may come from anywhere, so only those are used that can make nothing out of proportion to the message's own
 * bytes: short arrays of a fixed length, sequences of numbers or texts (which are read as views of the message, so that a
 * forged length allocates nothing), and no sequences of messages.
 */
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { FlightLogError } from './log-error.js';
import type { LogChannel } from './log-part.js';
import { MESSAGE_ENCODING, SCHEMA_ENCODING } from './topics.js';

/** More than any definition of a flight log has. */
const FIELDS_MAX = 512;
const ARRAY_LENGTH_MAX = 1024;
const NESTING_MAX = 8;
/** Of what the parser says is wrong [characters]. */
const REASON_MAX = 160;
/** Representation identifier and options: the data is aligned from behind them. */
const CDR_HEADER_BYTES = 4;
/** Little-endian plain CDR, which is what ROS 2 writes on every machine it supports. */
const CDR_LITTLE_ENDIAN = 1;

/** A message as its definition names its fields: numbers, bigints, booleans, texts, typed arrays, and messages in it. */
export type DecodedMessage = Readonly<Record<string, unknown>>;
/** @throws Error where bytes are missing */
export type MessageDecoder = (data: Uint8Array) => DecodedMessage;

/** @throws FlightLogError where the channel's definition is none that is read */
export function messageDecoderOf(channel: LogChannel): MessageDecoder {
  const { topic, type, definition, schemaEncoding, messageEncoding } = channel;
  if (schemaEncoding !== SCHEMA_ENCODING || messageEncoding !== MESSAGE_ENCODING) {
    throw new FlightLogError(
      `${topic} is in ${messageEncoding || 'no encoding'} as ${schemaEncoding || 'nobody'} defines`,
    );
  }
  let definitions: ReturnType<typeof parse>;
  try {
    definitions = parse(definition, { ros2: true });
  } catch (error) {
    // The parser quotes the line it stumbled over, however long.
    const reason = (error as Error).message.slice(0, REASON_MAX);
    throw new FlightLogError(`the definition of ${type} cannot be parsed: ${reason}`);
  }
  checkDefinitions(definitions, type);
  const reader = new MessageReader(definitions);
  return (data) => reader.readMessage<DecodedMessage>(aligned(data));
}

function checkDefinitions(definitions: ReturnType<typeof parse>, type: string): void {
  let fields = 0;
  const check = (name: string | undefined, nesting: number): void => {
    const found = definitions.find((candidate) => candidate.name === name);
    if (found === undefined || nesting > NESTING_MAX) {
      throw new FlightLogError(`the definition of ${type} is not whole`);
    }
    for (const field of found.definitions) {
      if (field.isConstant === true) continue;
      if (++fields > FIELDS_MAX) throw new FlightLogError(`the definition of ${type} has too many fields`);
      if (field.isArray === true && (field.isComplex === true || (field.arrayLength ?? 0) > ARRAY_LENGTH_MAX)) {
        throw new FlightLogError(`the definition of ${type} has the array ${field.name}, which is not read`);
      }
      if (field.isComplex === true) check(field.type, nesting + 1);
    }
  };
  // The outermost comes first among those that are not constants alone, as `MessageReader` takes it.
  const root = definitions.find(({ definitions: own }) => own.some((field) => field.isConstant !== true));
  check(root?.name, 0);
}

/** A copy in which every number lies aligned, so that arrays are views of it. */
function aligned(data: Uint8Array): Uint8Array {
  if (data.length < CDR_HEADER_BYTES || data[0] !== 0 || data[1] !== CDR_LITTLE_ENDIAN) {
    throw new Error('the message is not plain little-endian CDR');
  }
  const copy = new Uint8Array(CDR_HEADER_BYTES + data.length).subarray(CDR_HEADER_BYTES);
  copy.set(data);
  return copy;
}
