/** Where times and counts of the lateness histogram lie. Pure. */
import type { HistogramWords } from '../wire.js';

/** The axis [s]. */
export const LEAST = 1e-7;
export const MOST = 1;

/** Where a time lies on the axis, 0 … 1. */
export function axisPlace(seconds: number): number {
  const place = Math.log(Math.max(LEAST, seconds) / LEAST) / Math.log(MOST / LEAST);
  return Math.min(1, Math.max(0, place));
}

/** Height of a bar, 0 … 1: one cycle is visible, and the fullest bucket is 1. */
export function barHeight(cycles: number, most: number): number {
  if (cycles <= 0 || most <= 0) return 0;
  return (Math.log10(cycles) + 0.35) / (Math.log10(most) + 0.35);
}

/** How many cycles began later than the deadline allows. Buckets are counted whole by their lower ends. */
export function beyond({ uptoS, counts }: HistogramWords, deadlineS: number): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) if (i > 0 && uptoS[i - 1] >= deadlineS) total += counts[i];
  return total;
}
