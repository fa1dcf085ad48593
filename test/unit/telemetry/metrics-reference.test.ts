import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../../src/parameters/presets.js';
import { Metrics } from '../../../src/telemetry/metrics.js';
import { METRIC_FAMILIES } from '../../../src/telemetry/metrics-families.js';
import { ALERTS, alertRules, metricsReference, QUERIES } from '../../../src/telemetry/metrics-reference.js';

/** Prometheus' own checker; tests that need it are left out where it is not installed. */
const promtool = process.env['RFSN_PROMTOOL'] ?? 'promtool';
const hasPromtool = spawnSync(promtool, ['--version']).status === 0;

const folder = mkdtempSync(join(tmpdir(), 'rfsn-metrics-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Series by the names that queries use, with the labels that they have. */
const series = new Map<string, readonly string[]>();
for (const { name, type, labels } of METRIC_FAMILIES) {
  const plain = labels.filter((label) => label !== 'le');
  if (type === 'counter' || type === 'gauge') series.set(name, labels);
  else {
    series.set(`${name}_sum`, plain);
    series.set(`${name}_count`, plain);
  }
  if (type === 'histogram') series.set(`${name}_bucket`, [...plain, 'le']);
}

/** What is wrong with the metrics and labels that a query names; empty where nothing is. */
function faults(expr: string): string[] {
  const found: string[] = [];
  const names = [...expr.matchAll(/\b(rfsn_[a-z0-9_]+)(\{[^}]*\})?/g)];
  if (names.length === 0 && !/^up\{/.test(expr)) found.push(`${expr} names no metric`);
  const known = new Set(names.flatMap(([, name]) => series.get(name) ?? []));
  for (const [, name, selector = ''] of names) {
    const labels = series.get(name);
    if (labels === undefined) found.push(`there is no ${name}`);
    for (const [, label] of selector.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)) {
      if (labels?.includes(label) === false) found.push(`${name} has no label ${label}`);
    }
  }
  for (const [, list] of expr.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)) {
    for (const label of list.split(',').map((each) => each.trim())) {
      if (!known.has(label)) found.push(`nothing in ${expr} has a label ${label}`);
    }
  }
  return found;
}

describe('docs/metrics.md', () => {
  const text = readFileSync(join(packageRoot(), 'docs', 'metrics.md'), 'utf8');

  it('is what the table of metrics makes of it: npm run docs:metrics', () => {
    expect(text).toBe(metricsReference());
  });

  it('explains every metric once', () => {
    for (const { name } of METRIC_FAMILIES) expect(text.split(`| \`${name}\` |`)).toHaveLength(2);
  });

  it('asks in its queries and alerts for metrics and labels that there are', () => {
    expect([...ALERTS.map(({ expr }) => expr), ...QUERIES.map(([, expr]) => expr)].flatMap(faults)).toEqual([]);
    for (const { summary, expr } of ALERTS) {
      const labels = [...summary.matchAll(/\$labels\.([a-z_]+)/g)].map(([, label]) => label);
      for (const label of labels) expect([...series.values()].flat()).toContain(label);
      expect(expr).not.toMatch(/\n/);
    }
  });

  it('has rules that are YAML as Prometheus reads it', () => {
    const [group] = parse(alertRules()).groups;
    expect(group.rules).toHaveLength(ALERTS.length);
    for (const [i, rule] of group.rules.entries()) {
      expect(rule).toEqual({
        alert: ALERTS[i].alert,
        expr: ALERTS[i].expr,
        for: ALERTS[i].holds,
        labels: { severity: ALERTS[i].severity },
        annotations: { summary: ALERTS[i].summary },
      });
    }
  });

  it.each([
    ['rfsn_no_such_total', 'there is no rfsn_no_such_total'],
    ['rate(rfsn_cycles_total{cause="x"}[1m])', 'rfsn_cycles_total has no label cause'],
    ['sum by (cause) (rfsn_cycles_total)', 'nothing in sum by (cause) (rfsn_cycles_total) has a label cause'],
    ['rfsn_cycle_lateness_seconds', 'there is no rfsn_cycle_lateness_seconds'],
  ])('would be refused with %s', (expr, fault) => {
    expect(faults(expr)).toContain(fault);
  });
});

describe('docs/grafana/rfsn-controller.json', () => {
  const dashboard = JSON.parse(
    readFileSync(join(packageRoot(), 'docs', 'grafana', 'rfsn-controller.json'), 'utf8'),
  ) as {
    uid: string;
    id: null;
    schemaVersion: number;
    panels: {
      id: number;
      type: string;
      title: string;
      gridPos: { x: number; y: number; w: number; h: number };
      datasource?: { type: string; uid: string };
      targets?: { refId: string; expr: string; datasource: { uid: string } }[];
    }[];
    templating: { list: { name: string; type: string; definition?: string }[] };
    annotations: { list: { expr?: string }[] };
  };
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const exprs = [
    ...panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr)),
    ...dashboard.annotations.list.flatMap(({ expr }) => (expr === undefined ? [] : [expr])),
  ];

  it('asks for metrics and labels that there are, of the robots that were chosen', () => {
    expect(exprs.length).toBeGreaterThan(50);
    expect(exprs.flatMap(faults)).toEqual([]);
    for (const expr of exprs) {
      for (const [, name, selector] of expr.matchAll(/\b(rfsn_[a-z0-9_]+)(\{[^}]*\})?/g)) {
        if (series.get(name)?.includes('robot')) expect([expr, selector]).toEqual([expr, '{robot=~"$robot"}']);
      }
    }
    const { list } = dashboard.templating;
    expect(list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['robot', 'query'],
    ]);
    expect(list[1].definition).toBe('label_values(rfsn_cycles_total, robot)');
  });

  it('shows what the alerts are about', () => {
    const shown = new Set(exprs.flatMap((expr) => expr.match(/rfsn_[a-z_]+/g) ?? []));
    for (const { expr } of ALERTS) {
      for (const name of expr.match(/rfsn_[a-z_]+/g) ?? []) {
        if (name !== 'rfsn_link_deaf_sockets') expect([...shown]).toContain(name);
      }
    }
  });

  it('can be imported as it is: no ids of somebody else’s, one data source to choose, panels that do not overlap', () => {
    expect(dashboard.id).toBeNull();
    expect(dashboard.uid).toBe('rfsn-controller');
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(38);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title, type } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, type, taken.has(`${x} ${y}`)]).toEqual([title, type, false]);
          taken.add(`${x} ${y}`);
        }
      }
    }
    for (const { datasource, targets } of panels) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own way to name a variable.
      expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
      expect(new Set(targets?.map(({ refId }) => refId)).size).toBe(targets?.length);
      for (const target of targets ?? []) expect(target.datasource).toEqual(datasource);
    }
  });

  it.skipIf(!hasPromtool)('has queries that Prometheus understands (needs promtool)', () => {
    const record = (expr: string, i: number) => ({ record: `query_${i}`, expr });
    const rules = exprs.map((expr) =>
      expr.replaceAll('$__rate_interval', '1m').replaceAll('$robot', '.*').replaceAll("'", "''"),
    );
    const path = join(folder, 'queries.json');
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'dashboard', rules: rules.map(record) }] }));
    const { status, stderr } = spawnSync(promtool, ['check', 'rules', path], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, expect.not.stringMatching(/error/i)]);
  });
});

describe('the text of the metrics', () => {
  it.skipIf(!hasPromtool)('passes Prometheus’ own checks (needs promtool)', async () => {
    const metrics = new Metrics({ version: '1' });
    const input = await metrics.text();
    metrics.close();
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it.skipIf(!hasPromtool)('comes with rules that Prometheus takes (needs promtool)', () => {
    const path = join(folder, 'rules.yaml');
    writeFileSync(path, alertRules());
    const { status, stderr } = spawnSync(promtool, ['check', 'rules', path], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
});
