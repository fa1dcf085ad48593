#!/usr/bin/env node
import { run } from './program.js';
import { ExitCode } from './usage.js';

// `rfsn … | head` closes the pipe early; that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(ExitCode.done);
  throw error;
});
process.exitCode = await run(process.argv.slice(2));
