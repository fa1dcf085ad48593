/** `npm run bench:peers`: ours beside the libraries that people use for the same. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { printJson, seedArgument } from '../../src/cli/usage.js';
import { packageRoot } from '../../src/parameters/presets.js';
import { runApart } from '../apart.js';
import { machineLine } from '../results.js';
import { contest } from './contest.js';
import { INSTALL, peersPage, targetsOf } from './page.js';
import { AGREEMENTS, COMPARISONS } from './peers.js';

interface PeersOptions {
  python: string;
  seed: number;
  quick?: boolean;
  write?: boolean;
  json?: boolean;
}

const ROUNDS = 7;
const QUICK_ROUNDS = 3;
const QUICK_DIVISOR = 4;

async function main(options: PeersOptions): Promise<void> {
  const quick = options.quick === true;
  const { seed, python } = options;
  const machine = machineLine();
  const tell = (text: string): void => void process.stdout.write(`${text}\n`);
  tell(machine);
  tell(`libraries come with:\n  ${INSTALL.join('\n  ')}\nwhat is missing is skipped\n`);
  const results = await contest({
    python,
    seed,
    rounds: quick ? QUICK_ROUNDS : ROUNDS,
    divisor: quick ? QUICK_DIVISOR : 1,
    comparisons: COMPARISONS,
    agreements: AGREEMENTS,
    tell,
  });
  tell('\npolicies …');
  const policies = await runApart('policies', { seed, quick, tiny: false });
  for (const { figure, target, value, met } of targetsOf(results, policies)) {
    tell(`${met === null ? 'skipped' : met ? 'met    ' : 'MISSED '} ${figure}: ${value} (target ${target})`);
  }
  if (options.write === true) {
    const path = join(packageRoot(), 'bench', 'PEERS.md');
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(path, peersPage({ machine, date, seed, quick, results, policies }));
    tell(`\nwrote ${path}`);
  }
  if (options.json === true) printJson({ ...results, policies: policies.figures });
}

await new Command('bench:peers')
  .description('measure ours beside the libraries that people use for the same, on the same examples')
  .option('--python <path>', 'interpreter that has them', process.env['RFSN_PEERS_PYTHON'] ?? 'python3')
  .option('--seed <number>', 'of every random choice', seedArgument, 42)
  .option('--quick', 'shorter, for a first look')
  .option('--write', 'write bench/PEERS.md')
  .option('--json', 'end with the figures as one JSON object')
  .addHelpText(
    'after',
    `\nThe interpreter is also taken from RFSN_PEERS_PYTHON. To have one:\n  ${INSTALL.join('\n  ')}`,
  )
  .action(main)
  .parseAsync();
