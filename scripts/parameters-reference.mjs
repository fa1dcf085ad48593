// Writes docs/parameters.md from the table in src/parameters/schema.ts. Needs a build: `npm run docs:parameters`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { parameterReference } from '../dist/src/parameters/reference.js';

const folder = new URL('../docs/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('parameters.md', folder), parameterReference());
