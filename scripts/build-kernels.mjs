// Compiles src/policy/packed-kernels.wat into src/policy/packed-kernels-code.ts. With --check it writes nothing and fails
// where the two do not belong together.
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const SOURCE = new URL('../src/policy/packed-kernels.wat', import.meta.url);
const TARGET = new URL('../src/policy/packed-kernels-code.ts', import.meta.url);
const WIDTH = 112;

async function compile() {
  const { parseWat } = await wabt();
  const module = parseWat('packed-kernels.wat', readFileSync(SOURCE, 'utf8'), { simd: true });
  module.resolveNames();
  module.validate();
  // Without the names of locals.
  const { buffer } = module.toBinary({});
  module.destroy();
  return Buffer.from(buffer);
}

function code(text) {
  const lines = [];
  for (let at = 0; at < text.length; at += WIDTH) lines.push(`  '${text.slice(at, at + WIDTH)}'`);
  return [
    '/** Generated from packed-kernels.wat by scripts/build-kernels.mjs: a WebAssembly module, in base64. */',
    'export const PACKED_KERNELS_CODE =',
    `${lines.join(' +\n')};`,
    '',
  ].join('\n');
}

const wanted = code((await compile()).toString('base64'));
if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, wanted);
} else if (readFileSync(TARGET, 'utf8') !== wanted) {
  console.error('packed-kernels-code.ts is not what packed-kernels.wat compiles to: node scripts/build-kernels.mjs');
  process.exitCode = 1;
}
