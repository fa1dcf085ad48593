// Writes docs/metrics.md from the table in src/telemetry/metrics-families.ts. Needs a build: `npm run docs:metrics`.
import { writeFileSync } from 'node:fs';
import { metricsReference } from '../dist/src/telemetry/metrics-reference.js';

writeFileSync(new URL('../docs/metrics.md', import.meta.url), metricsReference());
