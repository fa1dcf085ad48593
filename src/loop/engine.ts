/**
 * What the cycle asks of V8, before its code first runs. Flags hold for the process, so either thread may set them.
 *
 * - No on-stack replacement. A loop over 720 beams that is entered hot gets code made for its middle, which keeps every
 *   range as a boxed number: 11.5 kB a scan. Without it the function is compiled whole at its next call.
 * - A larger inlining budget. A double that is passed to or returned from a call which is not inlined is boxed; the
 *   cycle's stages are small functions, and the default budget ends halfway through them. 500 → 180 bytes a cycle.
 *
 * Both were measured with the sampling heap profiler, see `rfsn bench allocation`.
 */
import { setFlagsFromString } from 'node:v8';

const FLAGS = ['--no-use-osr', '--max-inlined-bytecode-size-cumulative=4000'];

/** Call before the control loop is constructed. @realtime unsafe */
export function tuneEngine(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
