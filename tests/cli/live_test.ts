/** What a terminal shows of blocked packets: each once, whatever becomes of the database. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { LiveRows } from "../../dashboard/live/live_rows.ts";
import { LiveView } from "../../cli/live.ts";
import type { DaemonView } from "../../engine/daemon_view.ts";
import { AppLog } from "../../engine/observe/application_log.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { Losses } from "../../engine/observe/losses.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { Recorder } from "../../engine/recorder.ts";
import { Output } from "../support/output.ts";
import { addTo, type Sample } from "../observe/samples.ts";

/** A recorder in a directory of its own, and what shows its rows. */
class LiveBench implements Disposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "pfw-live-" });
  readonly path = `${this.directory}/firewall.db`;
  readonly #log = new AppLog(`${this.directory}/pfw.log`);
  readonly recorder: Recorder;
  readonly view: LiveView;
  readonly rows: LiveRows;

  constructor() {
    const shared = { details: new EventDetails(), totals: new Totals(), losses: new Losses() };
    this.recorder = new Recorder({
      ...shared,
      database: this.path,
      retention: { seconds: 3_600_000_000, bytes: 100_000_000 },
      isEnforced: true,
      log: this.#log,
    });
    const { blocked, allowed } = this.recorder;
    const view: DaemonView = { ...shared, blocked, allowed, enforcement: { mode: "enforce" } };
    this.view = new LiveView(view);
    this.rows = new LiveRows({ view, interfaceName: () => "" });
  }

  /** A blocked packet. */
  block(sample: Sample = {}): void {
    addTo(this.recorder.blocked, { interfaceIndex: 0, ...sample });
  }

  /** What is shown of the rows that wait, the page's as the ports that it has and the rest. */
  show(): { lines: string[]; ports: unknown[]; unshown: number } {
    using output = new Output();
    this.recorder.show(() => {
      this.view.showEvents();
      this.rows.collect(this.recorder.blocked, this.recorder.allowed);
    });
    const { rows, unshown } = this.rows.take();
    const lines = output.text.split("\n").filter((line) => line !== "");
    return { lines, ports: rows.map(({ src_port }) => src_port), unshown };
  }

  [Symbol.dispose](): void {
    this.recorder[Symbol.dispose]();
    this.#log.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

Deno.test("live: rows that cannot be written are shown once", () => {
  using bench = new LiveBench();
  const { recorder } = bench;
  recorder.flush();
  using other = new DatabaseSync(bench.path);
  other.exec("BEGIN IMMEDIATE");
  bench.block({ sourcePort: 1 });
  addTo(recorder.allowed, { sourcePort: 2, interfaceIndex: 0 });
  const first = bench.show();
  assert.equal(recorder.flush().ok, false);
  assert.match(first.lines[0], /blocked .*198\.51\.100\.7:1 → 192\.0\.2\.1:23 /);
  assert.deepEqual([first.lines.length, first.ports], [1, [1, 2]]);
  assert.deepEqual(bench.show(), { lines: [], ports: [], unshown: 0 });
  bench.block({ sourcePort: 3 });
  const second = bench.show();
  assert.match(second.lines[0], /198\.51\.100\.7:3 /);
  assert.deepEqual([second.lines.length, second.ports], [1, [3]]);
});

Deno.test("live: what a row stands for since it was shown is counted", async () => {
  using bench = new LiveBench();
  const own = bench.recorder.blocked.writeBudget;
  for (let packet = 0; packet < own + 1; packet++) bench.block();
  const first = bench.show();
  assert.deepEqual([first.lines.length, first.ports.length, first.unshown], [20, 25, own - 24]);
  for (let packet = 0; packet < 7; packet++) bench.block();
  const second = bench.show();
  assert.deepEqual([second.ports, second.unshown], [[], 7]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  // A line at the end of each second.
  const lines = [...second.lines, ...bench.show().lines].map((line) => line.replaceAll(",", ""));
  assert.ok(lines.every((line) => /^… and \d+ more blocked$/.test(line)), lines.join("\n"));
  const counted = lines.reduce((sum, line) => sum + Number(line.match(/\d+/)), 0);
  assert.equal(20 + counted, own + 8, "each packet once");
});

Deno.test("live: rows that were written leave the next ones new", () => {
  using bench = new LiveBench();
  for (const sourcePort of [1, 2, 3]) {
    bench.block({ sourcePort });
    assert.deepEqual(bench.show().ports, [sourcePort]);
    assert.equal(bench.recorder.flush().ok, true);
  }
});
