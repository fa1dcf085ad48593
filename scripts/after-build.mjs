// Runs after tsc: takes from dist/ what has no source any more, and makes the command executable.
import { chmodSync, existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/** Deletes compiled files whose `.ts` is gone, which would otherwise still be imported and tested. */
function removeStale(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      removeStale(path);
      if (readdirSync(path).length === 0) rmdirSync(path);
      continue;
    }
    const source = join(root, relative(dist, path)).replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!existsSync(source)) rmSync(path);
  }
}

removeStale(dist);

const main = join(dist, 'src', 'cli', 'main.js');
if (existsSync(main)) {
  if (!readFileSync(main, 'utf8').startsWith('#!/usr/bin/env node\n')) throw new Error(`${main} has no shebang`);
  chmodSync(main, 0o755);
}
