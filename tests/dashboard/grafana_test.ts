/** docs/grafana.json: what it asks for is there, and its panels stand side by side. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { METRICS } from "../../dashboard/metrics/catalogue.ts";
import { ROOT } from "../support/pfw.ts";
import { promtool, promtoolProblem } from "./promtool.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly fieldConfig?: {
    readonly defaults: { readonly unit: string; readonly thresholds: Steps };
  };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
}

interface Steps {
  readonly steps: readonly { readonly value: number | null }[];
}

interface Variable {
  readonly name: string;
  readonly type: string;
  /** PromQL, where it is asked of Prometheus. */
  readonly definition?: string;
}

interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const dashboard: Dashboard = JSON.parse(Deno.readTextFileSync(join(ROOT, "docs/grafana.json")));
const shown = dashboard.panels.filter(({ type }) => type !== "row");
const targets = shown.flatMap((panel) => panel.targets!);
const LEFT_OUT = promtoolProblem ? ` (left out: ${promtoolProblem})` : "";

/** Metrics in a PromQL expression; labels stand in braces and parentheses after `by`. */
function metricsIn(expr: string): string[] {
  const bare = expr.replace(/\{[^}]*\}/g, "").replace(/\bby \([^)]*\)/g, "");
  return [...bare.matchAll(/\b[a-z]+(?:_[a-z]+)+\b/g)].map(([name]) => name)
    .filter((name) => !["label_values"].includes(name));
}

Deno.test("grafana: every metric that it asks for exists", () => {
  const known = new Set(METRICS.map(({ name }) => name));
  const asked = [
    ...targets.map(({ expr }) => expr),
    ...dashboard.annotations.list.map(({ expr }) => expr),
    ...dashboard.templating.list.flatMap(({ definition }) => definition ?? []),
  ];
  for (const expr of asked) {
    const names = metricsIn(expr);
    assert.ok(names.length > 0, expr);
    for (const name of names) assert.ok(known.has(name), `${name} in ${expr}`);
  }
});

Deno.test("grafana: labels that it groups, filters and names by exist", () => {
  // Prometheus adds these two itself.
  const added = ["instance", "job"];
  for (const { expr, legendFormat } of targets) {
    const labels = METRICS.filter(({ name }) => metricsIn(expr).includes(name))
      .flatMap((metric) => metric.labels).concat(added);
    const used = [
      ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label),
      ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list.split(/,\s*/)),
      ...[...expr.matchAll(/(\w+)=~?"/g)].map(([, label]) => label),
    ];
    for (const label of used) assert.ok(labels.includes(label), `${label} in ${expr}`);
  }
});

Deno.test("grafana: counters are only shown as rates and increases", () => {
  for (const { expr } of targets) {
    for (const [, before] of expr.matchAll(/(\w*)\(?(?:pfw|process)_[a-z_]+_total\b/g)) {
      assert.match(before, /^(rate|increase)$/, expr);
    }
  }
});

Deno.test("grafana: panels have ids of their own and lie side by side", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert.ok(x >= 0 && w > 0 && h > 0 && x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const place = `${column},${line}`;
        assert.equal(taken.get(place), undefined, `${title} at ${place}`);
        taken.set(place, title);
      }
    }
  }
});

Deno.test("grafana: the data source is a variable, and every panel says what it shows", () => {
  const { name, type } = dashboard.templating.list[0];
  assert.deepEqual([name, type], ["DS_PROMETHEUS", "datasource"]);
  assert.ok(dashboard.schemaVersion >= 36, "Grafana 10");
  for (const { title, description, datasource, fieldConfig, targets } of shown) {
    assert.equal(datasource!.uid, "${DS_PROMETHEUS}", title);
    assert.match(description!, /\.$/, title);
    assert.ok(fieldConfig!.defaults.unit, title);
    assert.equal(fieldConfig!.defaults.thresholds.steps[0].value, null, title);
    const names = targets!.map(({ refId }) => refId);
    assert.equal(new Set(names).size, names.length, title);
    for (const target of targets!) assert.equal(target.datasource.uid, "${DS_PROMETHEUS}", title);
  }
});

Deno.test({
  name: `grafana: Prometheus takes every expression${LEFT_OUT}`,
  ignore: promtoolProblem !== undefined,
  fn: async () => {
    const rules = targets.map(({ expr }, at) => ({
      record: `test:rule_${at}`,
      expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$__range", "1h"),
    }));
    const file = await Deno.makeTempFile({ suffix: ".json" });
    try {
      await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "test", rules }] }));
      const { code, said } = await promtool(["check", "rules", file]);
      assert.equal(code, 0, said);
      assert.match(said, new RegExp(`${rules.length} rules found`));
    } finally {
      await Deno.remove(file);
    }
  },
});
