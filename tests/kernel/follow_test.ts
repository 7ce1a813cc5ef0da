/** `logs --follow`: every packet that the kernel drops, once, in order, as the filter says. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { flood } from "../support/flood.ts";
import { createPair, kernelTest } from "../support/netns.ts";
import { eventually, RunningPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const COUNT = 3_000;

/** Packets from the remote end to a port. */
function packets(port: number, count: number) {
  const ends = { from: "10.9.0.2", to: "10.9.0.1", sourcePort: 40_000 + port };
  return { protocol: "udp", ...ends, port, count } as const;
}

interface Line {
  readonly id: number;
  readonly timestamp: string;
  readonly dst_port: number;
  readonly reason: string;
  readonly hits: number;
}

/** The whole lines that it printed so far. */
function linesOf(followed: RunningPfw): string[] {
  return followed.out.split("\n").slice(0, -1);
}

function rowsOf(followed: RunningPfw): Line[] {
  return linesOf(followed).map((line) => JSON.parse(line));
}

function hitsOf(rows: readonly Line[]): number {
  return rows.reduce((sum, { hits }) => sum + hits, 0);
}

kernelTest("logs --follow prints every drop once, in order, by filters", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  const block = (name: string, port: number) => ({
    name,
    action: "block",
    protocol: "udp",
    ports: [port],
    direction: "in",
  });
  sandbox.writeConfig({
    rules: [block("=first", 2001), block("second", 2002)],
    rate_limit: { enabled: false },
    threat_feeds: [],
  });
  await using pfw = await startPfw(link.local, sandbox);
  const follow = (...words: string[]) =>
    new RunningPfw(link.local, sandbox, ["logs", "--follow", ...words], {});
  await using everything = follow("--json");
  await using filtered = follow("--json", "--port", "2002", "--ip", "10.9.0.0/24");
  await using table = follow("--format", "csv", "--port", "2001", "--reason", "rule");
  await flood(link.remote, packets(2002, 10));
  // Whoever begins later than the flood is shown its last rows only.
  await Promise.all([everything, filtered, table].map((one) => one.waitFor(/\n/)));
  await flood(link.remote, packets(2001, COUNT));
  await flood(link.remote, packets(2002, 10));

  const all = await eventually(() => rowsOf(everything), (rows) => hitsOf(rows) >= COUNT + 20);
  equal(hitsOf(all), COUNT + 20);
  ok(all.every(({ id }, at) => at === 0 || id > all[at - 1].id), "ids rise");
  ok(
    all.every(({ timestamp }, at) => at === 0 || timestamp >= all[at - 1].timestamp),
    "times rise",
  );
  deepEqual(new Set(all.map(({ reason }) => reason)), new Set(["Rule: =first", "Rule: second"]));
  deepEqual(all.slice(0, 3).map(({ dst_port }) => dst_port), [2002, 2002, 2002]);
  equal(all.at(-1)?.dst_port, 2002);

  const some = await eventually(() => rowsOf(filtered), (rows) => hitsOf(rows) >= 20);
  deepEqual([hitsOf(some), ...new Set(some.map(({ dst_port }) => dst_port))], [20, 2002]);

  const ids = all.filter(({ dst_port }) => dst_port === 2001).map(({ id }) => `${id}`);
  const lines = await eventually(() => linesOf(table), (lines) => lines.length > ids.length);
  deepEqual(lines.slice(1).map((line) => line.split(",")[0]), ids);

  for (const followed of [everything, filtered, table]) {
    equal((await followed.end("SIGINT")).code, 0);
    // deno-lint-ignore no-control-regex
    ok(!/\x1b/.test(followed.out), "a pipe gets no codes");
    equal(followed.err, "");
  }
  equal((await pfw.end()).code, 0);
});
