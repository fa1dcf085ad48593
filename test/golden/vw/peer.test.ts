import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerVwCommand, runOptionsOf, type VwCommandOptions } from '../../../src/cli/vw-command.js';
import { VwRun } from '../../../src/vw/run.js';
import { LineSplitter } from '../../../src/vw/text-reader.js';

interface Golden {
  readonly version: string;
  readonly runs: readonly { readonly file: string; readonly options: string; readonly predictions: string }[];
}

const read = (file: string) => readFileSync(join(import.meta.dirname, file));
/** regenerate.py writes it, from Vowpal Wabbit itself. */
const golden = JSON.parse(read('vowpal-wabbit.json').toString()) as Golden;

/** The options as `rfsn vw` reads them. */
function optionsOf(text: string): VwCommandOptions {
  const program = new Command();
  registerVwCommand(program);
  const command = program.commands[0];
  command.parseOptions(text.split(' ').filter((word) => word !== ''));
  return command.opts();
}

function run(file: string, options: string): { predictions: string; rows: string } {
  let predictions = '';
  let rows = '';
  const learner = new VwRun(runOptionsOf(optionsOf(options)), {
    prediction: (text) => {
      predictions += text;
    },
    row: (text) => {
      rows += text;
    },
  });
  const splitter = new LineSplitter((text, line) => learner.push(text, line));
  splitter.push(read(file));
  splitter.end();
  learner.end();
  return { predictions, rows };
}

/** Every number of a text, and the text without them. */
function parted(text: string): { numbers: number[]; rest: string } {
  const pattern = /-?\d+(?:\.\d+)?(?:e-?\d+)?/g;
  return { numbers: (text.match(pattern) ?? []).map(Number), rest: text.replace(pattern, '#') };
}

describe(`Vowpal Wabbit ${golden.version} and rfsn vw predict the same`, () => {
  it.each(golden.runs)('on $file with "$options"', ({ file, options, predictions }) => {
    const theirs = parted(predictions);
    const ours = parted(run(file, options).predictions);
    expect(ours.rest).toBe(theirs.rest);
    const farthest = theirs.numbers.map(
      (number, i) => Math.abs(number - ours.numbers[i]) / Math.max(1, Math.abs(number)),
    );
    // Single precision, and VW's approximate square root.
    expect(Math.max(...farthest)).toBeLessThan(1e-4);
  });
});

describe("the table is Vowpal Wabbit's", () => {
  it.each([
    {
      ...{ file: 'decisions.vw', options: '--cb_explore_adf -q UA' },
      rows: [
        '-0.41713 -0.41713            1            1.0   3:-0.63:0.25         0:0.17       78',
        '-0.20733 0.002473            2            2.0   0:0.037:0.25         2:0.97       39',
        '-0.21118 -0.21503            4            4.0       1:0.51:1         3:0.96       52',
        '-0.24643 -0.31694            8            8.0        unknown         2:0.96       30',
        '-0.05355 0.091100           16           16.0  1:-0.059:0.25         0:0.96       48',
        '0.004367 0.062292           32           32.0    2:0.044:0.1         4:0.96       65',
      ],
    },
    {
      ...{ file: 'cb.vw', options: '--cb_explore 4 -q UO -P 25' },
      rows: [
        '-0.42143 -0.42143           25           25.0    0:-0.79:0.1         0:0.96       24',
        '-0.58537 -0.74931           50           50.0    2:0.34:0.25         1:0.96       24',
        '-0.36601 0.112573           75           75.0     1:0.3:0.25         0:0.96       24',
        '-0.41443 -0.55001          100          100.0    1:-0.11:0.1         3:0.96       24',
      ],
    },
    {
      ...{ file: 'cb.vw', options: '--cb 4 -P 25' },
      rows: [
        '-0.34455 -0.34455           25           25.0    0:-0.79:0.1         0:-0.4       16',
        '-0.52446 -0.70437           50           50.0    2:0.34:0.25         1:-0.1       16',
        '-0.43368 -0.23561           75           75.0     1:0.3:0.25        2:-0.16       16',
        '-0.50287 -0.69660          100          100.0    1:-0.11:0.1        3:-0.19       16',
      ],
    },
    {
      ...{ file: 'cb.vw', options: '--cb_explore 4 --cb_force_legacy -P 25' },
      rows: [
        '-0.01280 -0.01280           25           25.0  1:-0.7858:0.1     4:0.962500        4',
        '-0.50736 -1.00193           50           50.0  3:0.3427:0.25     2:0.962500        4',
        '-0.47188 -0.39445           75           75.0  2:0.2953:0.25     3:0.962500        4',
        '-0.47720 -0.49212          100          100.0  2:-0.1142:0.1     2:0.962500        4',
      ],
    },
    {
      ...{ file: 'cb.vw', options: '--cb 4 --cb_force_legacy -P 25' },
      rows: [
        '-0.05876 -0.05876           25           25.0    1:-0.79:0.1              4        4',
        '-0.39375 -0.72874           50           50.0    3:0.34:0.25              2        4',
        '-0.39334 -0.39244           75           75.0     2:0.3:0.25              3        4',
        '-0.37982 -0.34196          100          100.0    2:-0.11:0.1              2        4',
      ],
    },
    {
      ...{ file: 'plain.vw', options: '-P 7' },
      rows: [
        '3416.757 3416.757            9            7.4       -50.5470        25.9370       10',
        '4399.298 5046.153           23           14.6       -61.3200         0.5908       12',
        '2499.608 647.0902           30           23.5        24.2120        -0.7055       10',
        '1985.724 584.9493           40           30.9       -13.0530        -1.1729        8',
        '1499.186 20.40626           55           38.8         0.9480        -1.3990       11',
      ],
    },
  ])('on $file with "$options"', ({ file, options, rows }) => {
    const theirs = parted(rows.map((row) => `${row}\n`).join(''));
    const ours = parted(run(file, options).rows);
    expect(ours.rest).toBe(theirs.rest);
    // The last of six digits differs here and there.
    for (const [i, number] of theirs.numbers.entries()) {
      expect(Math.abs(ours.numbers[i] - number)).toBeLessThan(2e-6 + 1e-6 * Math.abs(number));
    }
  });
});
