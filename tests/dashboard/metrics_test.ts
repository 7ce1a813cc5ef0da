import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { Metrics } from "../../dashboard/metrics.ts";
import { METRICS } from "../../dashboard/metrics/catalogue.ts";
import { metricsDocument } from "../../dashboard/metrics/document.ts";
import { parseMaxFds, parseStat, readProcess } from "../../dashboard/metrics/process_figures.ts";
import { ROOT } from "../support/pfw.ts";
import { CELLS, FakeSource, HOSTILE } from "./fake_source.ts";
import { promtool, promtoolProblem } from "./promtool.ts";
import { parseText, type Told } from "./text_format.ts";

const LEFT_OUT = promtoolProblem ? ` (left out: ${promtoolProblem})` : "";

async function scrape(source: FakeSource): Promise<Map<string, Told>> {
  return parseText(await new Metrics(source).text());
}

function valueOf(told: Map<string, Told>, name: string, labels: Record<string, string> = {}) {
  return told.get(name)?.series.get(JSON.stringify(Object.entries(labels).sort()))?.value;
}

Deno.test("metrics: names, units and types are by Prometheus' convention", async () => {
  const told = await scrape(new FakeSource());
  assert.deepEqual([...told.keys()].sort(), METRICS.map(({ name }) => name).sort());
  for (const { name, type, help } of METRICS) {
    assert.match(name, /^(pfw|process)(_[a-z]+)+$/, name);
    assert.equal(told.get(name)!.type, type, name);
    assert.equal(told.get(name)!.help, help, name);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.doesNotMatch(name, /milli|micro|_(ms|kb|mb|percent|minutes|hours)(_|$)/, name);
    assert.match(help, /^[A-Z0-9p].+\.$/, name);
  }
});

Deno.test("metrics: every series has the labels that are listed, and each metric is told", async () => {
  const told = await scrape(new FakeSource());
  for (const { name, labels } of METRICS) {
    const { series } = told.get(name)!;
    assert.ok(series.size > 0, `${name} has a value`);
    for (const one of series.values()) {
      assert.deepEqual(Object.keys(one.labels).sort(), [...labels].sort(), name);
    }
  }
});

Deno.test("metrics: packets and bytes by verdict and reason, all of them from the start", async () => {
  const source = new FakeSource();
  const told = await scrape(source);
  assert.equal(told.get("pfw_packets_total")!.series.size, CELLS);
  source.count();
  const later = await scrape(source);
  assert.equal(valueOf(later, "pfw_packets_total", { verdict: "blocked", reason: "rule" }), 1);
  assert.equal(
    valueOf(later, "pfw_bytes_total", { verdict: "allowed", reason: "default_policy" }),
    100,
  );
  assert.equal(
    valueOf(later, "pfw_packets_total", { verdict: "would_block", reason: "threat" }),
    1,
  );
  assert.equal(valueOf(later, "pfw_seen_bytes_total"), 100);
});

Deno.test("metrics: the kernel's counters by reason and by rule", async () => {
  const told = await scrape(new FakeSource());
  const dropped = (reason: string) => valueOf(told, "pfw_kernel_dropped_packets_total", { reason });
  assert.equal(dropped("blacklist"), 5);
  assert.equal(dropped("rule"), 9, "rules that are gone count for their reason");
  const byRule = [...told.get("pfw_rule_packets_total")!.series.values()];
  assert.deepEqual(byRule, [
    { labels: { rule_id: "00000000", rule: "No SMTP", verdict: "blocked" }, value: 2 },
    { labels: { rule_id: "eeeeeeee", rule: "SSH", verdict: "allowed" }, value: 1 },
  ]);
});

Deno.test("metrics: sets, feeds, bans, queues", async () => {
  const told = await scrape(new FakeSource());
  assert.equal(valueOf(told, "pfw_set_entries", { set: "pfw-black4", family: "ipv4" }), 3);
  assert.equal(valueOf(told, "pfw_set_memory_bytes", { set: "pfw-black6", family: "ipv6" }), 200);
  const age = valueOf(told, "pfw_feed_age_seconds", { feed: "Feodo Tracker" })!;
  const expected = Date.now() / 1000 - Date.parse("2026-11-29T05:00:00.000Z") / 1000;
  assert.ok(age >= 0 && age <= Math.max(0, expected), `${age}`);
  assert.equal(valueOf(told, "pfw_feed_age_seconds", { feed: "never" }), undefined);
  assert.equal(valueOf(told, "pfw_feed_failing", { feed: "never" }), 1);
  assert.equal(valueOf(told, "pfw_feed_entries", { feed: "off" }), undefined);
  assert.equal(valueOf(told, "pfw_bans", { cause: "port_scan" }), 1);
  assert.equal(valueOf(told, "pfw_bans", { cause: "syn_flood" }), 0);
  assert.equal(valueOf(told, "pfw_queue_length", { queue: "blocked_rows" }), 3);
});

Deno.test("metrics: in monitor mode what the kernel does not hold is absent, not 0", async () => {
  const told = await scrape(new FakeSource({ isMonitor: true }));
  assert.equal(valueOf(told, "pfw_enforcing"), 0);
  for (const { name } of METRICS.filter(({ name }) => /_(kernel|set|drift|rule)_/.test(name))) {
    if (name === "pfw_kernel_report_queue_bytes") continue;
    assert.equal(told.get(name)!.series.size, 0, name);
  }
});

Deno.test("metrics: counters never fall between two scrapes", async () => {
  const source = new FakeSource();
  const metrics = new Metrics(source);
  let before = parseText(await metrics.text());
  for (let round = 0; round < 3; round++) {
    source.count();
    const after = parseText(await metrics.text());
    for (const [name, { type, series }] of before) {
      if (type !== "counter") continue;
      for (const [key, { value }] of series) {
        assert.ok(after.get(name)!.series.get(key)!.value >= value, `${name}${key}`);
      }
    }
    before = after;
  }
  assert.equal(valueOf(before, "pfw_unreported_drops_total"), 3);
});

Deno.test("metrics: names that people gave arrive as they were given", async () => {
  const told = await scrape(new FakeSource({ names: HOSTILE }));
  const labels = (metric: string, label: string) =>
    [...told.get(metric)!.series.values()].map((one) => one.labels[label]);
  assert.deepEqual(labels("pfw_rule_packets_total", "rule").slice(0, HOSTILE.length), HOSTILE);
  assert.deepEqual(labels("pfw_feed_entries", "feed").slice(0, HOSTILE.length), HOSTILE);
  assert.equal(valueOf(told, "pfw_packets_total", { verdict: "allowed", reason: "rule" }), 0);
});

Deno.test("metrics: and so does any other name", async () => {
  const name = fc.string({ unit: "binary", minLength: 1 });
  const names = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
  await fc.assert(fc.asyncProperty(names, async (names) => {
    const told = await scrape(new FakeSource({ names }));
    const rules = [...told.get("pfw_rule_packets_total")!.series.values()];
    assert.deepEqual(rules.map(({ labels }) => labels.rule), [...names, "SSH"]);
  }));
});

Deno.test("metrics: no more than 1000 rules have series of their own", async () => {
  const names = Array.from({ length: 1_200 }, (_, at) => `rule ${at}`);
  const told = await scrape(new FakeSource({ names }));
  assert.equal(told.get("pfw_rule_packets_total")!.series.size, 1_000);
  assert.equal(valueOf(told, "pfw_kernel_dropped_packets_total", { reason: "rule" }), 2_407);
});

Deno.test("metrics: scrapes at the same time read the kernel once", async () => {
  const source = new FakeSource();
  const metrics = new Metrics(source);
  const texts = await Promise.all([metrics.text(), metrics.text(), metrics.text()]);
  assert.equal(new Set(texts).size, 1);
  assert.equal(source.readings, 1);
  await metrics.text();
  assert.equal(source.readings, 2);
});

Deno.test("metrics: a scrape that fails does not spoil the next", async () => {
  const source = new FakeSource();
  const metrics = new Metrics(source);
  const counters = source.counters;
  source.counters = () => Promise.reject(new Error("no iptables"));
  await assert.rejects(metrics.text(), /no iptables/);
  source.counters = counters;
  parseText(await metrics.text());
});

Deno.test("metrics: the content type is prom-client's", async () => {
  const { Exposition } = await import("../../dashboard/metrics/exposition.ts");
  assert.equal(new Metrics(new FakeSource()).contentType, new Exposition().contentType);
});

Deno.test("metrics: prom-client is not loaded before the first scrape", async () => {
  const module = join(ROOT, "dashboard/metrics.ts");
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", module],
    cwd: ROOT,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string; dependencies?: Dependency[] }[];
  };
  const own = modules.filter(({ specifier }) => specifier.startsWith("file:"));
  const loading = own.filter(({ dependencies }) =>
    dependencies?.some(({ specifier, code }) => specifier === "prom-client" && code)
  ).map(({ specifier }) => specifier.split("/").at(-1));
  assert.deepEqual(loading, ["exposition.ts"]);
  const direct = own.flatMap(({ dependencies = [] }) => dependencies)
    .filter(({ specifier, code }) => specifier.endsWith("/exposition.ts") && code);
  assert.deepEqual(direct.map(({ isDynamic }) => isDynamic), [true]);
});

interface Dependency {
  readonly specifier: string;
  readonly code?: unknown;
  readonly isDynamic?: boolean;
}

Deno.test("metrics: what Linux says of this process", () => {
  const { cpuSeconds, residentBytes, openFds, maxFds, startTime, virtualBytes } = readProcess();
  assert.ok(cpuSeconds! > 0 && residentBytes! > 1e6 && virtualBytes! >= residentBytes!);
  assert.ok(openFds! >= 3 && openFds! <= maxFds!);
  const age = Date.now() / 1000 - startTime!;
  assert.ok(age > -2 && age < 3600, `started ${age} s ago`);
});

Deno.test("metrics: a program's name does not shift the fields of its stat line", () => {
  const rest = Array.from({ length: 50 }, (_, at) => String(at + 3)).join(" ");
  const expected = { cpuSeconds: 0.29, virtualBytes: 23, startTime: 1000.22 };
  assert.deepEqual(parseStat(`1 (pfw) ${rest}`, 1000), expected);
  assert.deepEqual(parseStat(`1 (a) b) c) ${rest}`, 1000), expected);
  assert.deepEqual(parseStat("", undefined), {
    cpuSeconds: undefined,
    virtualBytes: undefined,
    startTime: undefined,
  });
  const limits =
    "Max cpu time  unlimited unlimited seconds\nMax open files            unlimited  8\n";
  assert.equal(parseMaxFds(limits), Infinity);
  assert.equal(parseMaxFds(""), undefined);
});

Deno.test("metrics: nothing known of the process is absent", () => {
  const { cpuSeconds, openFds, maxFds, startTime } = readProcess("/nowhere");
  assert.deepEqual([cpuSeconds, openFds, maxFds, startTime], Array(4).fill(undefined));
});

Deno.test("metrics: docs/metrics.md is what `deno task schemas` makes", () => {
  const text = Deno.readTextFileSync(join(ROOT, "docs/metrics.md"));
  assert.equal(text, metricsDocument(), "run deno task schemas");
  for (const { name } of METRICS) assert.ok(text.includes(`\`${name}\``), name);
});

Deno.test({
  name: `metrics: promtool finds nothing to say${LEFT_OUT}`,
  ignore: promtoolProblem !== undefined,
  fn: async () => {
    for (const scene of [{}, { isMonitor: true }, { names: HOSTILE }]) {
      const text = await new Metrics(new FakeSource(scene)).text();
      assert.deepEqual(await promtool(["check", "metrics"], text), { code: 0, said: "" });
    }
    const { code } = await promtool(["check", "metrics"], "# TYPE pfw_x counter\npfw_x 1\n");
    assert.equal(code, 3, "it would say so");
  },
});
