/** Lets a thread run the sources; loaded by `--import` (src/loop/worker-location.ts). */
import { register } from 'node:module';

register('./typescript-loader.mjs', import.meta.url);
