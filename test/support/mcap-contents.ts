/** What an MCAP file holds, by @mcap/core's stream reader, which reads from the start and needs no index. */
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { McapStreamReader, type McapTypes } from '@mcap/core';

export interface ReadMessage {
  readonly topic: string;
  readonly type: string;
  readonly sequence: number;
  readonly logNs: bigint;
  readonly publishNs: bigint;
  readonly data: Uint8Array;
}

export interface McapContents {
  readonly messages: readonly ReadMessage[];
  readonly metadata: readonly ReadonlyMap<string, string>[];
  readonly attachments: readonly McapTypes.Attachment[];
  readonly statistics: McapTypes.Statistics | null;
  /** The file has its end. */
  readonly whole: boolean;
  readonly countOf: (topic: string) => number;
  /** Decoded by the definition that the file carries. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever fields a message has
  readonly of: (topic: string) => any[];
}

/** @param bytes of a file, or its beginning: what is cut off is left out */
export function mcapContents(bytes: Uint8Array): McapContents {
  const reader = new McapStreamReader({ validateCrcs: true });
  reader.append(bytes);
  const schemas = new Map<number, McapTypes.Schema>();
  const channels = new Map<number, McapTypes.Channel>();
  const messages: ReadMessage[] = [];
  const metadata: Map<string, string>[] = [];
  const attachments: McapTypes.Attachment[] = [];
  let statistics: McapTypes.Statistics | null = null;
  for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) {
    if (record.type === 'Schema') schemas.set(record.id, record);
    else if (record.type === 'Channel') channels.set(record.id, record);
    else if (record.type === 'Metadata') metadata.push(record.metadata);
    else if (record.type === 'Attachment') attachments.push(record);
    else if (record.type === 'Statistics') statistics = record;
    else if (record.type === 'Message') {
      const channel = channels.get(record.channelId);
      const schema = schemas.get(channel?.schemaId ?? 0);
      if (channel === undefined || schema === undefined) throw new Error(`no channel ${record.channelId}`);
      messages.push({
        topic: channel.topic,
        type: schema.name,
        sequence: record.sequence,
        logNs: record.logTime,
        publishNs: record.publishTime,
        data: record.data,
      });
    }
  }
  const decoders = new Map<string, MessageReader>();
  for (const schema of schemas.values()) {
    decoders.set(schema.name, new MessageReader(parse(new TextDecoder().decode(schema.data), { ros2: true })));
  }
  return {
    messages,
    metadata,
    attachments,
    statistics,
    whole: reader.done(),
    countOf: (topic) => messages.filter((message) => message.topic === topic).length,
    of: (topic) =>
      messages
        .filter((message) => message.topic === topic)
        // Views of floats need their bytes aligned.
        .map(({ type, data }) => decoders.get(type)?.readMessage(new Uint8Array(data))),
  };
}
