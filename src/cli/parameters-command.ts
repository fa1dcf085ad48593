import type { Command } from 'commander';
import { parameterHelp } from '../parameters/reference.js';
import { addParameterOptions, type ParameterOptions, printJson, readParameters } from './usage.js';

/** `rfsn parameters`: every parameter with its value, what is allowed and what it means; checks files on the way. */
export function registerParametersCommand(program: Command): void {
  const command = program
    .command('parameters')
    .description('list the parameters, or show the values that files and --set amount to');
  addParameterOptions(command)
    .option('--json', 'print the values as one JSON object')
    .action((options: ParameterOptions & { json?: boolean }) => {
      const values = readParameters(options);
      if (options.json === true) printJson(values);
      else process.stdout.write(parameterHelp(values));
    });
}
