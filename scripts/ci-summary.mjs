// Prints what failed in vitest's JSON report, test by test, and last, alone on its line, `N passed, N failed`: whoever keeps
// only the end of a log still reads which test it was. Exits 1 where there is no report, which means that format, lint, types
// or the build stopped the run before any test.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** Lines of a failure's message that are shown: what was expected and where, without all of a long stack. */
const MESSAGE_LINES = 12;

/** @returns what failed in one file; a file without a failed test in it did not load, and fails as one itself */
function failuresOf(file) {
  if (file.status !== 'failed') return [];
  const failed = file.assertionResults.filter((test) => test.status === 'failed');
  if (failed.length === 0) return [{ file: file.name, name: '(the file itself)', message: file.message ?? '' }];
  return failed.map((test) => ({
    file: file.name,
    name: test.fullName,
    message: (test.failureMessages ?? []).join('\n'),
  }));
}

function shown({ file, name, message }) {
  const lines = stripVTControlCharacters(message).trim().split('\n').slice(0, MESSAGE_LINES);
  return [`FAILED ${relative(process.cwd(), file)}: ${name}`, ...lines.map((line) => `    ${line}`.trimEnd()), ''].join(
    '\n',
  );
}

function main(path) {
  let passed = 0;
  let failures = [];
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'));
    failures = report.testResults.flatMap(failuresOf);
    passed = report.numPassedTests;
  } catch (error) {
    process.stderr.write(`no test ran: ${error.message}\n`);
    process.exitCode = 1;
  }
  for (const failure of failures) process.stdout.write(shown(failure));
  process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
}

main(process.argv[2]);
