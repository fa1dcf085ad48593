import { fork } from 'node:child_process';
import type { BenchmarkOptions, Report } from './benchmark.js';
import type { ChildAnswer } from './child.js';

/**
 * Runs one benchmark in a process of its own.
 *
 * @throws where it could not be measured, with what it said
 */
export function runApart(name: string, options: BenchmarkOptions): Promise<Report> {
  const child = fork(new URL('./child.js', import.meta.url), [name, JSON.stringify(options)], { execArgv: [] });
  return new Promise((resolve, reject) => {
    let answer: ChildAnswer | null = null;
    child.on('message', (message: ChildAnswer) => {
      answer = message;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (answer === null) reject(new Error(`benchmark ${name} ended with ${signal ?? code} and no figures`));
      else if ('error' in answer) reject(new Error(`benchmark ${name}: ${answer.error}`));
      else resolve(answer.report);
    });
  });
}
