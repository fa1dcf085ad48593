// Prints `N passed, N failed` from vitest's JSON report, alone on its line. Exits 1 where there is no report, which
// means that format, lint, types or the build stopped the run before any test.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * @param report vitest's JSON report, parsed
 * @returns counts of tests; a file that failed without a failed test in it (it did not load) counts as one more
 */
export function countTests(report) {
  let failed = report.numFailedTests;
  for (const file of report.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) failed++;
  }
  return { passed: report.numPassedTests, failed };
}

function main(path) {
  let counts = { passed: 0, failed: 0 };
  try {
    counts = countTests(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    process.stderr.write(`no test ran: ${error.message}\n`);
    process.exitCode = 1;
  }
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv[2]);
