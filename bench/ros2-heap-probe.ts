/**
 * Loaded before the controller into its process (`node --expose-gc --import …`): on each message of the parent's it
 * collects all garbage and answers with what is left.
 */
declare const gc: () => void;

/** What the process holds [bytes]. */
export interface HeapAnswer {
  /** Of the main thread. */
  heapUsed: number;
  /** Of buffers outside it, this thread's and the arenas that all threads share. */
  arrayBuffers: number;
  /** Of the whole process. */
  rss: number;
}

process.on('message', () => {
  gc();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  process.send?.({ heapUsed, arrayBuffers, rss } satisfies HeapAnswer);
});
// It must not keep alive what wants to end.
process.channel?.unref();
