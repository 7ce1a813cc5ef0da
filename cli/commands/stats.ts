/** `pfw stats`: what the database remembers in sums, and what the running pfw lost. */
import { ask } from "../../engine/control/client.ts";
import type { RunningStats } from "../../engine/control/status.ts";
import { PfwError } from "../../engine/errors.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import type { Paths } from "../../engine/paths.ts";
import type { CommandContext } from "../context.ts";
import { untilInterrupted } from "../interrupt.ts";
import { writeOut } from "../output.ts";
import { canDraw } from "../terminal.ts";
import { type Stats, statsText } from "./stats_format.ts";

/** What commander makes of the command line. */
export interface StatsOptions {
  readonly watch?: boolean;
}

const WATCH_INTERVAL = 1_000;

/** Prints the figures once, or with `--watch` every second until Ctrl-C. */
export async function stats(context: CommandContext, options: StatsOptions): Promise<void> {
  if (!options.watch) {
    const now = await readBoth(context.paths);
    writeOut(context.json ? `${JSON.stringify(statsJson(now), null, 2)}\n` : statsText(now));
    return;
  }
  if (context.json) {
    await untilInterrupted(
      WATCH_INTERVAL,
      async () => writeOut(`${JSON.stringify(statsJson(await readBoth(context.paths)))}\n`),
    );
    return;
  }
  const read = () => readBoth(context.paths);
  if (canDraw()) {
    const { watchStats } = await import("./stats_watch.ts");
    return await watchStats(WATCH_INTERVAL, read);
  }
  await untilInterrupted(WATCH_INTERVAL, async () => writeOut(`${statsText(await read())}\n`));
}

async function readBoth(paths: Paths): Promise<Stats> {
  const answer = await ask<RunningStats>(paths, "GET", "/stats");
  if (answer && answer.status !== 200) {
    throw new PfwError("no figures from the running pfw", `it answered with ${answer.status}`);
  }
  using reader = StoreReader.open(paths.database);
  return { database: paths.database, stored: reader?.stats(), running: answer?.body };
}

/** The document of `--json`: figures since the database was begun, and of the running pfw. */
export function statsJson({ database, stored, running }: Stats) {
  const none = { packets: 0, bytes: 0 };
  const { allowed = none, blocked = none, wouldBlock = none, undecodable = none } = stored ?? {};
  const all = [allowed, blocked, wouldBlock, undecodable];
  return {
    database,
    since: stored?.since ?? null,
    totals: {
      packets: all.reduce((sum, volume) => sum + volume.packets, 0),
      bytes: all.reduce((sum, volume) => sum + volume.bytes, 0),
      allowed: allowed.packets,
      allowedBytes: allowed.bytes,
      blocked: blocked.packets,
      blockedBytes: blocked.bytes,
      wouldBlock: wouldBlock.packets,
      wouldBlockBytes: wouldBlock.bytes,
      undecodable: undecodable.packets,
    },
    byReason: stored?.byReason ?? {},
    topBlocked: stored?.topBlocked ?? [],
    otherBlocked: stored?.otherBlocked ?? 0,
    hours: stored?.hours ?? [],
    losses: running?.losses ?? null,
    running: running ?? null,
  };
}
