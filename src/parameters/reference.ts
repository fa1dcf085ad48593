/** The parameters written out for people, from the one table. */
import { describeAllowed, type ParameterDefinition, type ParameterValues, parameterTable } from './schema.js';

const introduction = `# Parameters

<!-- Generated from src/parameters/schema.ts by \`npm run docs:parameters\`; a test refuses a stale copy. -->

Defaults, then the files in their order, then single values: what comes later wins.

\`\`\`
rfsn sim --params config/jackal.yaml --params config/production.yaml --set epsilon=0.02
\`\`\`

A file has the form of a ROS 2 parameter file, so that the same one serves every port:

\`\`\`yaml
/**:                          # or the node's name, rfsn_controller:
  ros__parameters:
    controller_frequency: 50.0
    robot:
      max_speed: 1.5          # robot.max_speed
\`\`\`

As a ROS node the controller reads a section by its whole name: \`rfsn_controller:\` in no namespace, \`/robot1/rfsn_controller:\`
in that one, \`/**:\` in any.

ROS tells \`1\` from \`1.0\`: write a parameter of type number with its point. An unknown name, a name given twice and a
value that is not allowed are refused with the place in the file, and the command exits with 2.

`;

/** docs/parameters.md as it must be. @realtime unsafe */
export function parameterReference(): string {
  const rows = parameterTable.map(
    (entry) =>
      `| \`${entry.name}\` | ${entry.type} | ${defaultCell(entry)} | ${entry.unit} | ${allowedCell(entry)} | ${entry.readOnly ? 'yes' : 'no'} | ${entry.description} |`,
  );
  const head =
    '| name | type | default | unit | allowed | fixed after start | meaning |\n|---|---|---|---|---|---|---|';
  return `${introduction}${head}\n${rows.join('\n')}\n`;
}

function defaultCell(entry: ParameterDefinition): string {
  return entry.default === '' ? 'empty' : `\`${entry.default}\``;
}

function allowedCell(entry: ParameterDefinition): string {
  switch (entry.type) {
    case 'number':
    case 'integer':
      return entry.min === entry.max ? `${entry.min}` : `${entry.min} to ${entry.max}`;
    case 'enum':
      return entry.values.map((value) => `\`${value}\``).join(', ');
    default:
      return describeAllowed(entry);
  }
}

/**
 * One line a parameter for a terminal: name, value, what is allowed, meaning.
 *
 * @param values shown in place of the defaults
 * @realtime unsafe
 */
export function parameterHelp(values: ParameterValues): string {
  const lines: string[] = [];
  for (const entry of parameterTable) {
    const value = values[entry.name];
    lines.push(`${entry.name}: ${value === '' ? "''" : value}${entry.unit === '' ? '' : ` ${entry.unit}`}`);
    lines.push(`    ${entry.description}`);
    lines.push(`    ${describeAllowed(entry)}; default ${entry.default === '' ? "''" : entry.default}`);
  }
  return `${lines.join('\n')}\n`;
}
