import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/parameters/presets.js';

const stages = ['src/sense', 'src/features', 'src/policy', 'src/reward', 'src/safety'];
const base = ['src/core', 'src/memory'];

/** Folder → what its files may import besides their own folder. A folder or a single file; `''` is everything. */
const mayImport: Record<string, readonly string[]> = {
  'src/core': [],
  'src/memory': ['src/core'],
  // Stages meet through the slots in memory/layout.ts, never directly.
  ...Object.fromEntries(stages.map((stage) => [stage, base])),
  'src/loop': [...base, ...stages, 'src/parameters'],
  'src/parameters': ['src/core'],
  'src/io': [...base, 'src/parameters'],
  'src/telemetry': [...base, 'src/parameters', 'src/io/replay'],
  'src/checkpoint': [...base, 'src/parameters'],
  // What the browser runs shares the words of the wire with the server, and nothing else.
  'src/dashboard/page': ['src/dashboard/wire.ts'],
  'src/dashboard/wire.ts': [],
  'src/dashboard': [...base, 'src/parameters', 'src/telemetry'],
  'src/vw': ['src/core'],
  'src/bakeoff': ['src/core', 'src/features', 'src/policy'],
  'src/cli': [''],
  'src/index.ts': [''],
  sim: [...base, 'src/io/port.ts'],
};

/** Library → the only folders that may know it. A library that is not here is refused. */
const libraryHomes: Record<string, readonly string[]> = {
  '@dimforge/rapier2d-deterministic-compat': ['sim'],
  'fast-xml-parser': ['sim'],
  '@mcap/core': ['src/io/replay', 'src/telemetry'],
  '@foxglove/rosmsg': ['src/io/replay', 'src/telemetry'],
  '@foxglove/rosmsg2-serialization': ['src/io/replay', 'src/telemetry'],
  fzstd: ['src/io/replay'],
  rclnodejs: ['src/io/ros2'],
  zeromq: ['src/io/zeromq'],
  msgpackr: ['src/io/zeromq'],
  mathjs: ['src/reward', 'src/cli'],
  yaml: ['src/parameters'],
  zod: ['src/parameters', 'src/io', 'src/dashboard', 'src/telemetry'],
  commander: ['src/cli'],
  'cli-progress': ['src/cli'],
  'prom-client': ['src/telemetry'],
  fastify: ['src/dashboard'],
  '@fastify/websocket': ['src/dashboard'],
  uplot: ['src/dashboard/page'],
  '@foxglove/cdr': ['src/telemetry'],
  '@foxglove/rosmsg-msgs-common': ['src/telemetry'],
  sharp: ['src/cli'],
};

/** Folders whose code runs in the cycle: they touch no file, no socket and no process. */
const pure = ['src/core', 'src/memory', ...stages];

const within = (path: string, place: string) => place === '' || path === place || path.startsWith(`${place}/`);

/** Everything a source names in an import, an export-from, a dynamic import or a worker's URL. */
function importsOf(source: string): string[] {
  const code = source.replace(/^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const patterns = [
    /\b(?:import|export)\b[\w\s{},*$]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
    /\bnew URL\(\s*['"](\.[^'"]+\.js)['"]/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]));
}

/** What a file does that the rules forbid, in words; empty where it keeps to them. */
function violations(path: string, source: string): string[] {
  const home = Object.keys(mayImport).find((folder) => within(path, folder));
  if (home === undefined) return [`${path} lies in no folder that the rules know`];
  const found: string[] = [];
  for (const specifier of importsOf(source)) {
    if (specifier.startsWith('.')) {
      const target = normalize(join(dirname(path), specifier))
        .split(sep)
        .join('/')
        .replace(/\.js$/, '.ts');
      const allowed = [home, ...mayImport[home]];
      if (!allowed.some((place) => within(target, place))) found.push(`${path} imports ${target}`);
    } else if (specifier.startsWith('node:')) {
      if (pure.some((folder) => within(path, folder))) found.push(`${path} imports ${specifier}`);
    } else {
      const library = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      const homes = libraryHomes[library] ?? [];
      if (!homes.some((folder) => within(path, folder))) found.push(`${path} imports ${library}`);
    }
  }
  return found;
}

const root = packageRoot();
const files = ['src', 'sim'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')),
);

describe('who may import whom', () => {
  it('every file under src and sim keeps to it', () => {
    expect(files).toContain('src/core/prng.ts');
    expect(files).toContain('src/parameters/schema.ts');
    expect(files.flatMap((file) => violations(file, readFileSync(join(root, file), 'utf8')))).toEqual([]);
  });

  it.each([
    ['src/safety/limits.ts', "import { x } from '../policy/bandit.js';"],
    ['src/safety/limits.ts', "import type { X } from '../features/extract.js';"],
    ['src/safety/limits.ts', "import {\n  a,\n  b,\n} from '../reward/reward.js';"],
    ['src/core/clock.ts', "export * from '../memory/layout.js';"],
    ['src/memory/arena.ts', "const x = await import('../sense/validate.js');"],
    ['src/checkpoint/store.ts', "import '../policy/bandit.js';"],
    ['src/loop/worker.ts', "new Worker(new URL('../cli/main.js', import.meta.url));"],
    ['src/policy/bandit.ts', "import { readFileSync } from 'node:fs';"],
    ['src/policy/bandit.ts', "import { evaluate } from 'mathjs';"],
    ['src/loop/worker.ts', "import rclnodejs from 'rclnodejs';"],
    ['src/io/ros2/port.ts', "import { Socket } from 'zeromq/draft';"],
    ['src/cli/main.ts', "import leftPad from 'left-pad';"],
    ['sim/world.ts', "import { x } from '../src/io/replay/reader.js';"],
    ['sim/world.ts', "import { x } from '../src/policy/bandit.js';"],
    ['src/elsewhere/file.ts', ''],
  ])('refuses, in %s, %s', (path, source) => {
    expect(violations(path, source)).toHaveLength(1);
  });

  it.each([
    ['src/safety/limits.ts', "import { assert } from '../core/assert.js';\nimport { x } from './braking.js';"],
    ['src/loop/worker.ts', "import { x } from '../policy/bandit.js';\nimport { Worker } from 'node:worker_threads';"],
    ['src/index.ts', "export { x } from './policy/bandit.js';"],
    ['src/cli/sim-command.ts', "import { x } from '../../sim/world.js';\nimport { Command } from 'commander';"],
    ['src/core/clock.ts', "// import { x } from '../loop/worker.js';\n/* from '../loop/worker.js' */"],
    ['sim/world.ts', "import type { Port } from '../src/io/port.js';"],
  ])('allows, in %s, %s', (path, source) => {
    expect(violations(path, source)).toEqual([]);
  });
});

describe('what files are called', () => {
  it('every name is kebab-case and says what is inside', () => {
    for (const file of files) {
      expect(basename(file), file).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/);
      expect(basename(file), file).not.toMatch(/^(utils?|helpers?|manager|common|misc)\.ts$/);
    }
  });
});
