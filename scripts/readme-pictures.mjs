// Makes the README's pictures by `rfsn plot`, from runs that it drives itself: `npm run build`, then
// `node scripts/readme-pictures.mjs [--barn FILE] [--to FOLDER]`. Takes some minutes, one of them in real time, on a
// machine that does nothing else: lateness is a figure of it. The learning curve is `rfsn evaluate --write`’s.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, execPath, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const SEED = '42';
/** Beyond those that were trained on: worlds that the policy has not seen. */
const WORLDS_SEED = '7';

/** Of the worlds on the sheet, one that is not passed straight through. */
const MAP_EPISODE = 6;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  args: argv.slice(2),
  options: { barn: { type: 'string' }, to: { type: 'string', default: join(root, 'docs') } },
});
const main = env.RFSN_MAIN ?? join(root, 'dist', 'src', 'cli', 'main.js');
const folder = mkdtempSync(join(tmpdir(), 'rfsn-pictures-'));
const place = (name) => join(folder, name);

function rfsn(...args) {
  stdout.write(`rfsn ${args.join(' ')}\n`);
  execFileSync(execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Drives episodes with what was learned, and leaves a flight log behind. */
function drive(scenario, episodes, log, ...more) {
  rfsn(
    ...['sim', '--scenario', scenario, '--episodes', String(episodes), '--frozen', '--model', place('model')],
    ...['--log', place(log), ...more],
  );
  return join(place(log), 'latest.mcap');
}

try {
  rfsn('train', '--scenario', 'clutter', '--episodes', '300', '--seed', SEED, '--model', place('model'));
  const headless = ['--headless', '--seed', WORLDS_SEED];
  const worlds = values.barn === undefined ? 'caves' : `barn:${values.barn}`;
  const title = values.barn === undefined ? [] : ['--title', 'BARN, trained in clutter'];
  const learned = drive(worlds, 28, 'worlds', ...headless);
  rfsn('plot', 'sheet', learned, '-o', join(values.to, 'worlds.svg'), ...title);
  // The first worlds once more, by chance and by the rule.
  const others = ['random', 'fallback'].map((policy) =>
    drive(worlds, MAP_EPISODE + 1, policy, '--policy', policy, ...headless),
  );
  rfsn('plot', 'map', learned, ...others, '--episode', String(MAP_EPISODE), '-o', join(values.to, 'map.svg'));
  const live = drive('clutter', 12, 'live', '--no-page', '--seed', WORLDS_SEED);
  rfsn('plot', 'lateness', live, '-o', join(values.to, 'lateness.svg'), '--title', 'clutter in real time, 50 Hz');
} finally {
  rmSync(folder, { recursive: true });
}
