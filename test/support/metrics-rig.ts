/** A robot of a test's as metrics see it, and what a scraper reads of them. */
import type { RunUnderWay } from '../../src/cli/beside-run.js';
import { followWithMetrics } from '../../src/cli/run-metrics.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { type ExposedFamily, parseExposition, sampleValue } from './exposition.js';

export type RunPart = Pick<RunUnderWay, 'taps' | 'clock' | 'control'> & Partial<RunUnderWay>;

/** What `Metrics` and its followers need of a run; the rest is absent. */
export function runOf(part: RunPart): RunUnderWay {
  return { robot: 'r1', continued: false, updates: 0, host: null, ...part } as RunUnderWay;
}

export class MetricsRig {
  readonly metrics = new Metrics({ version: '1.2.3' });

  follow(part: RunPart) {
    return followWithMetrics(this.metrics, runOf(part));
  }

  async scrape(): Promise<Scraped> {
    return new Scraped(parseExposition(await this.metrics.text()));
  }
}

export class Scraped {
  readonly families: Map<string, ExposedFamily>;

  constructor(families: Map<string, ExposedFamily>) {
    this.families = families;
  }

  /** Of robot `r1`. @throws Error where there is none */
  robot(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return sampleValue(this.families, name, { robot: 'r1', ...labels });
  }

  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return sampleValue(this.families, name, labels);
  }

  /** How many samples a family has. */
  samples(family: string): number {
    return this.families.get(family)?.samples.length ?? Number.NaN;
  }
}
