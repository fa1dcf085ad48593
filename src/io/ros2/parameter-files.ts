/**
 * The files that `--params-file` names, looked at for what ROS passes by without a word: a file whose sections are all
 * for others, because a name is misspelt or the node's namespace is left out, sets nothing, and the node drives with its
 * defaults.
 *
 * Main thread. @realtime unsafe
 */
import { readFileSync } from 'node:fs';
import { ParameterError } from '../../parameters/parameter-error.js';
import { sectionsOf } from '../../parameters/parameter-sections.js';
import { isSectionFor } from './node-parameters.js';

const FLAG = '--params-file';

/** One file, and the names of nodes, or patterns of them, that it has sections for. */
export interface ParameterFile {
  readonly path: string;
  /** `/robot1/rfsn_controller`; without its first slash where the file has none. */
  readonly sections: readonly string[];
}

/**
 * Reads the files that are among ROS's arguments.
 *
 * @param rosArguments as `splitRosArguments` gives them
 * @throws ParameterError with the path of a file that cannot be read
 */
export function readParameterFiles(rosArguments: readonly string[]): ParameterFile[] {
  const files: ParameterFile[] = [];
  for (let i = 0; i + 1 < rosArguments.length; i++) {
    if (rosArguments[i] !== FLAG) continue;
    const path = rosArguments[++i];
    const sections = sectionsOf(textOf(path));
    if (sections !== null) files.push({ path, sections });
  }
  return files;
}

/**
 * What is to be said of the files that hold nothing for a node.
 *
 * @param node fully qualified: `/robot1/rfsn_controller`
 */
export function filesForOthers(files: readonly ParameterFile[], node: string): string[] {
  return files
    .filter(({ sections }) => !sections.some((section) => isSectionFor(section, node)))
    .map(({ path, sections }) => {
      const has = sections.length === 0 ? 'it has no section' : `its sections are ${sections.join(', ')}`;
      return `${path} holds no parameters for this node: ${has}; the section must be called ${node}, or /** for all nodes`;
    });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ParameterError('', `cannot read the parameter file: ${(error as Error).message}`, path);
  }
}
