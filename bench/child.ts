/**
 * One benchmark in a process of its own, so that no benchmark inherits another's compiled code, heap or flags. Started by
 * `runApart` with a name and options; answers with one message.
 */
import type { BenchmarkOptions, Report } from './benchmark.js';
import { benchmarks } from './index.js';

/** What the process answers. */
export type ChildAnswer = { report: Report } | { error: string };

async function main(name: string, options: BenchmarkOptions): Promise<ChildAnswer> {
  const benchmark = benchmarks.find((one) => one.name === name);
  if (benchmark === undefined) return { error: `there is no benchmark ${name}` };
  try {
    return { report: await benchmark.run(options) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

const [name, options] = process.argv.slice(2);
const answer = await main(name, JSON.parse(options) as BenchmarkOptions);
process.send?.(answer, () => process.disconnect());
