/** What a parameter file in ROS 2's form is for, without reading the parameters themselves. */
import { parseDocument } from 'yaml';

const VALUES = 'ros__parameters';

/**
 * The nodes, or patterns of nodes, that a parameter file has sections for, in the file's order: `/robot1/rfsn_controller`, without
 * its first slash where the file has none.
 *
 * @returns null where the text is no YAML
 * @realtime unsafe
 */
export function sectionsOf(text: string): string[] | null {
  const document = parseDocument(text);
  if (document.errors.length > 0) return null;
  const sections: string[] = [];
  const visit = (map: unknown, name: string): void => {
    if (typeof map !== 'object' || map === null) return;
    for (const [key, value] of Object.entries(map)) {
      if (key === VALUES) sections.push(name);
      else visit(value, name === '' ? key : `${name}/${key}`);
    }
  };
  visit(document.toJS(), '');
  return sections;
}
