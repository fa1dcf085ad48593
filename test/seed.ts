import fc from 'fast-check';

// `SEED=<number> npx vitest run <file>` replays properties with the seed that fast-check printed with the failure.
const seed = process.env['SEED'];
if (seed !== undefined && seed !== '') {
  if (!/^-?\d+$/.test(seed)) throw new Error(`SEED must be an integer, got ${JSON.stringify(seed)}`);
  fc.configureGlobal({ seed: Number(seed) });
}
