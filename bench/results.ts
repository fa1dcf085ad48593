/** The page of figures, bench/RESULTS.md, and the line that says where they were measured. */
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import type { Figures, Report } from './benchmark.js';

/** Machine, Node and kernel in one line, with how busy the machine was. */
export function machineLine(): string {
  const processors = cpus();
  const model = processors[0]?.model.replace(/\s+/g, ' ').trim() || 'unknown processor';
  const memory = Math.round(totalmem() / 2 ** 30);
  return (
    `${processors.length} × ${model}, ${memory} GiB · Node ${process.version} (V8 ${process.versions.v8}) · ` +
    `${type()} ${release()} ${process.arch} · load average ${loadavg()[0].toFixed(1)} at the start`
  );
}

/** What a run measured, benchmark by benchmark. */
export interface ResultsPage {
  machine: string;
  /** YYYY-MM-DD. */
  date: string;
  seed: number;
  quick: boolean;
  reports: readonly { name: string; summary: string; report: Report }[];
}

/**
 * The page as Markdown. Of a benchmark that was not measured in this run it keeps what the page before has, and says when and
 * on what that was measured.
 *
 * @param before the page that this one replaces; empty where there is none
 */
export function resultsPage(page: ResultsPage, before = ''): string {
  const lines = [
    '# Figures',
    '',
    `Written by \`rfsn bench --write\`${page.quick ? ' with `--quick`' : ''}, not by hand. Measured ${page.date} with seed ${page.seed} on:`,
    '',
    `> ${page.machine}`,
    '',
    'Targets are ratios wherever the machine matters: what is compared ran in one process, or side by side, by turns, and the',
    'ratio is the median over the rounds. Absolute times are of this machine, with whatever else ran on it.',
    '',
    '## Targets',
    '',
    '| benchmark | figure | target | measured | met |',
    '|---|---|---:|---:|:---:|',
  ];
  for (const { name, report } of page.reports) {
    const kept = report.skipped === undefined ? [] : targetRows(before, name);
    lines.push(...kept);
    if (kept.length > 0) continue;
    for (const { figure, target, value, met } of report.targets) {
      lines.push(`| ${name} | ${figure} | ${target} | ${value} | ${met === null ? '–' : met ? 'yes' : '**no**'} |`);
    }
  }
  for (const { name, summary, report } of page.reports) {
    const kept = report.skipped === undefined ? '' : sectionOf(before, name);
    if (kept === '' && report === NOT_ASKED) continue;
    lines.push('', `## ${name}: ${summary}`);
    if (kept !== '') {
      lines.push('', ...(KEPT.test(kept) ? [] : [keptFrom(before), '']), kept);
      continue;
    }
    for (const note of report.notes) lines.push('', note);
    for (const [title, figures] of Object.entries(report.figures)) lines.push('', ...figureTable(title, figures));
  }
  return `${lines.join('\n')}\n`;
}

/** By which a section says that it was kept. */
const KEPT = /^Not measured in this run/;

/** @param before the page that had it first */
function keptFrom(before: string): string {
  const date = /Measured (\S+) with seed/.exec(before)?.[1] ?? 'earlier';
  const machine = /^> (.*)$/m.exec(before)?.[1] ?? 'a machine that is not known';
  const quick = before.includes('with `--quick`') ? ', with `--quick`' : '';
  return `Not measured in this run, but ${date}${quick} on ${machine}.`;
}

/** Of one that nobody asked for in this run. */
export const NOT_ASKED: Report = { figures: {}, targets: [], notes: [], skipped: 'not asked for' };

/** A row of a table of figures, but for the one that says why there are none. */
const FIGURE = /^\| (?!skipped )\w+ \| [^|\s]/m;

function targetRows(page: string, name: string): string[] {
  return page.split('\n').filter((line) => line.startsWith(`| ${name} | `) && line.split('|').length > 5);
}

/** What stands below a benchmark's title; empty where it has none, or had nothing to say but why not. */
function sectionOf(page: string, name: string): string {
  const [, ...parts] = page.split(/^## /m);
  const section = parts.find((part) => part.startsWith(`${name}: `)) ?? '';
  const text = section.slice(section.indexOf('\n') + 1).trim();
  return FIGURE.test(text) ? text : '';
}

function figureTable(title: string, figures: Figures): string[] {
  const rows = Object.entries(figures).filter(([, value]) => value !== null);
  return [`| ${title} | |`, '|---|---:|', ...rows.map(([name, value]) => `| ${name} | ${shown(name, value)} |`)];
}

/** A figure for a person: grouped digits, and no more of them than mean anything. */
export function shown(name: string, value: number | string | null): string {
  if (typeof value !== 'number') return value ?? '–';
  if (!Number.isFinite(value)) return '–';
  const digits = name.startsWith('ratio_') || Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString('en', { maximumFractionDigits: Number.isInteger(value) ? 0 : digits });
}
