/** `docs/metrics.md`, from the metrics themselves. */
import { METRIC_GROUPS } from "./catalogue.ts";
import type { Metric } from "./metric.ts";

const HEAD = `# Metrics

\`GET /metrics\` of the dashboard gives these in the text format of Prometheus, version 0.0.4; it
wants the dashboard's token as a bearer token. [grafana.json](grafana.json) shows them in Grafana.

- Units are in the names: seconds, bytes, and packets, rows, entries one by one. Times are seconds
  since 1970.
- Counters begin at 0 when pfw starts, which \`pfw_start_time_seconds\` tells. Figures of the kernel
  are its own, also for the time in which pfw was too slow to look.
- What is not known, or is none in monitor mode, is absent and not 0.
- Names that people gave (\`rule\`, \`feed\`) are labels as they were written. \`rule_id\` stays when a rule
  is renamed or moved.

\`\`\`yaml
scrape_configs:
  - job_name: pfw
    static_configs: [{ targets: ["127.0.0.1:8787"] }]
    authorization: { credentials_file: /etc/prometheus/pfw.token }
\`\`\`
`;

const row = ({ name, type, labels, help }: Metric) =>
  `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`;

/** The text of the file. */
export function metricsDocument(): string {
  const groups = Object.entries(METRIC_GROUPS).map(([title, metrics]) =>
    [`\n## ${title}\n`, "| metric | type | labels | what it tells |", "|---|---|---|---|"]
      .concat(metrics.map(row)).join("\n")
  );
  return `${HEAD}${groups.join("\n")}\n`;
}
