/**
 * Reads the text format of Prometheus, version 0.0.4, and nothing more lenient: names, HELP and
 * TYPE before the samples of a metric, escapes, each series once, each metric in one piece.
 */
import assert from "node:assert/strict";

/** One metric as a scrape told it. */
export interface Told {
  readonly help: string;
  readonly type: string;
  /** By their labels as JSON, names sorted. */
  readonly series: Map<string, { labels: Record<string, string>; value: number }>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|(?=\}))/;

/** @throws AssertionError that quotes the line */
export function parseText(text: string): Map<string, Told> {
  assert.ok(text.endsWith("\n"), "the last line ends");
  const metrics = new Map<string, Told>();
  let current = "", help: string | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, word, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word === "HELP") {
      assert.equal(metrics.has(name), false, `twice: ${line}`);
      [current, help] = [name, rest.replace(/\\([\\n])/g, (_, it) => it === "n" ? "\n" : it)];
    } else if (word === "TYPE") {
      assert.equal(name, current, `HELP first: ${line}`);
      metrics.set(name, { help: help!, type: rest, series: new Map() });
    } else readSample(line, current, metrics.get(current));
  }
  return metrics;
}

function readSample(line: string, current: string, metric: Told | undefined): void {
  const name = NAME.exec(line)?.[0];
  assert.equal(name, current, `of another metric: ${line}`);
  const { labels, rest } = readLabels(line.slice(name!.length));
  assert.match(rest, /^ (-?\d+(\.\d+)?(e[+-]?\d+)?|[+-]Inf)$/, `no value: ${line}`);
  const value = Number(rest.trim().replace("Inf", "Infinity"));
  const key = JSON.stringify(Object.entries(labels).sort());
  assert.equal(metric!.series.has(key), false, `series twice: ${line}`);
  metric!.series.set(key, { labels, value });
}

function readLabels(text: string): { labels: Record<string, string>; rest: string } {
  const labels: Record<string, string> = {};
  if (!text.startsWith("{")) return { labels, rest: text };
  let rest = text.slice(1);
  while (!rest.startsWith("}")) {
    const found = LABEL.exec(rest);
    assert.ok(found, `no label: ${rest}`);
    const [all, name, value] = found;
    assert.equal(Object.hasOwn(labels, name), false, `label twice: ${rest}`);
    labels[name] = value.replace(/\\(.)/g, (_, it) => it === "n" ? "\n" : it);
    rest = rest.slice(all.length);
  }
  return { labels, rest: rest.slice(1) };
}
