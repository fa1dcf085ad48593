// Writes CHANGELOG.rst, which ROS's release tools read (REP-132), from CHANGELOG.md, which people write.
// With --check it writes nothing and fails where the two do not belong together.
import { readFileSync, writeFileSync } from 'node:fs';

const TITLE = 'Changelog for package rfsn_controller';

const underlined = (text, mark) => [text, mark.repeat(text.length)];

/** Markdown's inline marks as reStructuredText has them. */
function inline(text) {
  return text
    .replace(/`([^`]+)`/g, '``$1``')
    .replace(/\[([^\]]+)\]\((https?:[^)]+)\)/g, '`$1 <$2>`__')
    .replace(/\*\*([^*]+)\*\*/g, '**$1**');
}

/** @param markdown in the form of Keep a Changelog. */
function changelogRst(markdown) {
  const lines = [...underlined(TITLE, '^'), ''];
  lines.splice(0, 0, '^'.repeat(TITLE.length));
  lines.push('.. Made from CHANGELOG.md by scripts/changelog-rst.mjs.', '');
  let within = false;
  for (const line of markdown.split('\n')) {
    const version = /^## \[(.+?)\](?: - (\S+))?$/.exec(line);
    if (version !== null) {
      within = true;
      const [, name, date] = version;
      lines.push(...underlined(date === undefined ? 'Forthcoming' : `${name} (${date})`, '-'));
    } else if (within && line.startsWith('### ')) {
      // A paragraph: REP-132 has no sections below a version.
      lines.push('', `${line.slice('### '.length)}:`, '');
    } else if (within && /^\[.+\]: /.test(line)) {
      // A link's address.
    } else if (within) {
      lines.push(inline(line.replace(/^- /, '* ')));
    }
  }
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

const root = new URL('../', import.meta.url);
const target = new URL('CHANGELOG.rst', root);
const wanted = changelogRst(readFileSync(new URL('CHANGELOG.md', root), 'utf8'));
if (!process.argv.includes('--check')) {
  writeFileSync(target, wanted);
} else if (readFileSync(target, 'utf8') !== wanted) {
  console.error('CHANGELOG.rst is not what CHANGELOG.md says: node scripts/changelog-rst.mjs');
  process.exitCode = 1;
}
