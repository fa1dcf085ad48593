// Puts the golden messages of test/golden/zeromq into docs/zeromq-protocol.md, between `<!-- example NAME -->` and
// `<!-- /example -->`, as JSON and as bytes: `node scripts/zeromq-protocol.mjs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const document = new URL('../docs/zeromq-protocol.md', import.meta.url);
const golden = new URL('../test/golden/zeromq/', import.meta.url);
const BYTES_PER_LINE = 32;

/** The example of a golden message: a line of JSON for each key, then its bytes in hexadecimal. */
export function example(name) {
  const message = JSON.parse(readFileSync(new URL(`${name}.json`, golden), 'utf8'));
  const bytes = readFileSync(new URL(`${name}.bin`, golden));
  const keys = Object.entries(message).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const lines = [];
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE) {
    lines.push(
      bytes
        .subarray(at, at + BYTES_PER_LINE)
        .toString('hex')
        .replaceAll(/(..)(?=.)/g, '$1 '),
    );
  }
  return `\`${name}\`, ${bytes.length} bytes:\n\n\`\`\`json\n{\n${keys.join(',\n')}\n}\n\`\`\`\n\n\`\`\`text\n${lines.join('\n')}\n\`\`\``;
}

/** The document with every example as the golden files have it. */
export function withExamples(text) {
  return text.replaceAll(
    /<!-- example (\S+) -->\n[\s\S]*?<!-- \/example -->/g,
    (_, name) => `<!-- example ${name} -->\n${example(name)}\n<!-- /example -->`,
  );
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(document, withExamples(readFileSync(document, 'utf8')));
}
