/** docs/metrics.md, made of the table of metrics: `npm run docs:metrics`. A test holds the file to it. */
import { METRIC_FAMILIES, METRIC_GROUPS } from './metrics-families.js';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  /** How long it must hold. */
  readonly holds: string;
  readonly severity: 'page' | 'ticket';
  readonly summary: string;
}

/** Examples: thresholds are for a robot at 50 Hz, and to be chosen by whoever is woken by them. */
export const ALERTS: readonly Alert[] = [
  {
    alert: 'RfsnControllerGone',
    expr: 'up{job="rfsn"} == 0',
    holds: '30s',
    severity: 'page',
    summary: 'The controller answers no scrape.',
  },
  {
    alert: 'RfsnControllerNotRunning',
    expr: 'rfsn_controller_state{state=~"stalled|latched|dead"} == 1',
    holds: '5s',
    severity: 'page',
    summary: 'The control thread of {{ $labels.robot }} is {{ $labels.state }}; the robot stands.',
  },
  {
    alert: 'RfsnInputStale',
    expr: 'rfsn_input_age_seconds > rfsn_input_timeout_seconds',
    holds: '10s',
    severity: 'page',
    summary: '{{ $labels.robot }} has no fresh {{ $labels.input }}.',
  },
  {
    alert: 'RfsnBreakerOpened',
    expr: 'increase(rfsn_breaker_openings_total[10m]) > 0',
    holds: '0s',
    severity: 'ticket',
    summary: '{{ $labels.robot }} missed several deadlines in a row, and was driven by the rule.',
  },
  {
    alert: 'RfsnDeadlinesMissed',
    expr: 'sum without (cause) (rate(rfsn_deadline_misses_total[5m])) / rate(rfsn_cycles_total[5m]) > 0.001',
    holds: '5m',
    severity: 'ticket',
    summary: '{{ $labels.robot }} misses more than one deadline in a thousand.',
  },
  {
    alert: 'RfsnReadingsRefused',
    expr: 'sum without (reason) (rate(rfsn_readings_refused_total[5m])) > 0.01 * rate(rfsn_readings_accepted_total[5m])',
    holds: '5m',
    severity: 'ticket',
    summary: 'More than one reading of {{ $labels.input }} in a hundred is refused.',
  },
  {
    alert: 'RfsnCheckpointOld',
    expr: 'rfsn_checkpoint_age_seconds > 600 and rate(rfsn_updates_total[10m]) > 0',
    holds: '1m',
    severity: 'ticket',
    summary: '{{ $labels.robot }} learns, and nothing has been saved for ten minutes.',
  },
  {
    alert: 'RfsnDrift',
    expr: 'increase(rfsn_drift_alarms_total[1h]) > 2',
    holds: '0s',
    severity: 'ticket',
    summary: 'What {{ $labels.robot }} has learned keeps failing: floor, load or sensor may have changed.',
  },
  {
    alert: 'RfsnRecordsLost',
    expr: 'increase(rfsn_decisions_dropped_total[10m]) > 0 or increase(rfsn_log_lost_messages_total[10m]) > 0',
    holds: '0s',
    severity: 'ticket',
    summary: 'The flight log of {{ $labels.robot }} has gaps.',
  },
  {
    alert: 'RfsnControlThreadLeaks',
    expr: 'deriv(rfsn_control_heap_used_bytes[6h]) > 100',
    holds: '6h',
    severity: 'ticket',
    summary: 'The heap of the control thread of {{ $labels.robot }} grows.',
  },
  {
    alert: 'RfsnLinkDeaf',
    expr: 'rfsn_link_deaf_sockets > 0 or increase(rfsn_link_failed_key_readings_total[10m]) > 0',
    holds: '1m',
    severity: 'ticket',
    summary: 'The link listens no more on a socket, or cannot read its keys.',
  },
];

/** Questions that are asked often. */
export const QUERIES: readonly (readonly [question: string, expr: string])[] = [
  [
    'Lateness that 99 of 100 cycles keep to',
    'histogram_quantile(0.99, sum by (robot, le) (rate(rfsn_cycle_lateness_seconds_bucket[5m])))',
  ],
  [
    'Share of cycles that missed their deadline',
    'sum without (cause) (rate(rfsn_deadline_misses_total[5m])) / rate(rfsn_cycles_total[5m])',
  ],
  [
    'Mean reward of a decision',
    '(rate(rfsn_reward_gained_total[5m]) - rate(rfsn_reward_lost_total[5m])) / rate(rfsn_rewards_total[5m])',
  ],
  [
    'Exploration rate: probability not to take the best direction',
    'rate(rfsn_exploration_probability_sum[5m]) / rate(rfsn_exploration_probability_count[5m])',
  ],
  [
    'Mean squared error of the values (loss)',
    'rate(rfsn_value_squared_error_sum[5m]) / rate(rfsn_value_squared_error_count[5m])',
  ],
  [
    'Share of episodes that end at the goal',
    'rate(rfsn_episodes_total{outcome="success"}[30m]) / ignoring (outcome) sum without (outcome) (rate(rfsn_episodes_total[30m]))',
  ],
  [
    'Share of time that the control thread stands still for its collector',
    'sum without (kind) (rate(rfsn_control_gc_pause_seconds_total[10m]))',
  ],
];

/** The whole file. */
export function metricsReference(): string {
  const sections = Object.entries(METRIC_GROUPS).map(([group, words]) => {
    const rows = METRIC_FAMILIES.filter((family) => family.group === group).map(
      ({ name, type, labels, help }) =>
        `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${cell(help)} |`,
    );
    return `### ${group}\n\n${words}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  const queries = QUERIES.map(([question, expr]) => `${question}:\n\n\`\`\`promql\n${expr}\n\`\`\`\n`);
  return `${INTRODUCTION}\n${sections.join('\n')}\n## Queries\n\n${queries.join('\n')}\n${ALERTING}\n\`\`\`yaml\n${alertRules()}\`\`\`\n`;
}

/** A file of rules for Prometheus. */
export function alertRules(): string {
  const rules = ALERTS.map(
    ({ alert, expr, holds, severity, summary }) => `      - alert: ${alert}
        expr: '${expr.replaceAll("'", "''")}'
        for: ${holds}
        labels: { severity: ${severity} }
        annotations: { summary: '${summary.replaceAll("'", "''")}' }
`,
  );
  return `groups:\n  - name: rfsn-controller\n    rules:\n${rules.join('')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

const INTRODUCTION = `# Metrics

Written by \`npm run docs:metrics\` from the table in \`src/telemetry/metrics-families.ts\`, not by hand.

Where the page is served (\`dashboard.listen\`, \`--page\`), so are three addresses for machines:

| address | answers |
|---|---|
| \`/metrics\` | all of this page, in Prometheus' text format |
| \`/livez\` | 200 while the main thread answers and the cycle counters of all control threads move; 503 and why, where one stands still or has ended |
| \`/readyz\` | 200 while every robot would drive if it had a goal: its controller runs, its inputs are fresh, its breaker is closed, it is armed; 503 and why not, a line for each robot, and where there is no robot |

A controller that has latched lives, and is not ready: a cycle failed, and the robot stands until somebody restarts it who
has looked why. Off the local host \`/metrics\` needs a token, as the page does.

\`\`\`yaml
scrape_configs:
  - job_name: rfsn
    scrape_interval: 5s
    static_configs:
      - targets: ['127.0.0.1:8600']
    # Off the local host:
    # authorization: { credentials_file: /etc/prometheus/rfsn-token }
\`\`\`

[grafana/rfsn-controller.json](grafana/rfsn-controller.json) is a dashboard for Grafana 10 and later: import it and choose
the data source.

## What they cost

Everything is read when somebody scrapes. A cycle does nothing for it but look at one word of shared memory; the main
thread does a few additions for each decision. A scrape asks the control thread for its heap and its collections, at most
once a second however many scrape, and every ten seconds if nobody does: it looks them up between two cycles, which takes
microseconds, and some 40 µs more for each collection since it was last asked.

## How to read them

- **Robots.** The label \`robot\` is the robot's name. A robot that goes takes its samples with it; when it comes again its
  counters begin at 0, which \`rate\` and \`increase\` understand.
- **Histograms** are those of the control thread, which has 32 buckets for each doubling. Every edge here is the end of one
  of them, which is why edges look odd: \`le="0.004194303"\` is 2²² − 1 ns, and how many cycles lie up to there is exact.
- **Counters** come from 32-bit words that wrap and are added up here, so that they only rise.
- **Rewards** have either sign, and a counter may not fall: what was gained and what was lost are two counters.
- **Time.** Ages go on while a controller stands still. On a virtual clock (\`sim --headless\`, \`train\`) they, and cycles, are in
  simulated time.

## All metrics
`;

const ALERTING = `## Alerts

Examples. Thresholds suit a robot at 50 Hz; whoever is woken by them should choose them.
`;
