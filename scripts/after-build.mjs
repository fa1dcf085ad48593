// Runs after tsc: takes from dist/ what has no source any more, puts the page's own files and its chart library beside
// its code, and makes the command executable.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
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
    const copied = join(root, relative(dist, path));
    const source = copied.replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!existsSync(source) && !existsSync(copied)) rmSync(path);
  }
}

removeStale(dist);

const page = join('src', 'dashboard', 'page');
/** What a browser is given beside code of our own. */
const assets = [
  ...readdirSync(join(root, page))
    .filter((name) => /\.(html|css|svg|webmanifest)$/.test(name))
    .map((name) => ({ from: join(root, page, name), to: join(dist, page, name) })),
  ...['uPlot.esm.js', 'uPlot.min.css'].map((name) => ({
    from: join(root, 'node_modules', 'uplot', 'dist', name),
    to: join(dist, page, 'vendor', name),
  })),
];
for (const { from, to } of assets) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

const main = join(dist, 'src', 'cli', 'main.js');
if (existsSync(main)) {
  if (!readFileSync(main, 'utf8').startsWith('#!/usr/bin/env node\n')) throw new Error(`${main} has no shebang`);
  chmodSync(main, 0o755);
}
