import { DISK, type LogFileSystem } from '../../src/telemetry/flight-log/part-folder.js';

/** The disk's file system, where some calls fail as long as `broken` says why. */
export class FailingDisk {
  broken: string | null = null;
  /** Bytes that it still takes while it is broken. */
  room = 0;
  refused = 0;
  readonly fs: LogFileSystem;

  constructor() {
    const refuse = () => {
      this.refused++;
      throw Object.assign(new Error(`${this.broken}: no space left on device`), { code: this.broken });
    };
    this.fs = {
      ...DISK,
      open: async (path, flags, mode) => {
        const handle = await DISK.open(path, flags, mode);
        const write = handle.write.bind(handle);
        // biome-ignore lint/suspicious/noExplicitAny: one of FileHandle.write's overloads is used
        (handle as any).write = async (bytes: Uint8Array, at: number, length: number, position: number) => {
          if (this.broken === null) return write(bytes, at, length, position);
          const taken = Math.min(length, this.room);
          this.room -= taken;
          if (taken === 0) refuse();
          return write(bytes, at, taken, position);
        };
        return handle;
      },
    };
  }
}
