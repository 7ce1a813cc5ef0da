/** `pfw logs` and `pfw stats`. Actions load lazily. */
import { type Command, Option } from "commander";
import { contextOf } from "../context.ts";

const LOGS_EXAMPLES = `
Examples:
  pfw logs                                    the last 50 blocked packets
  pfw logs --since 1h --ip 203.0.113.0/24     an hour of one network
  pfw logs --port 22 --reason rate_limit      filters combine
  pfw logs --follow                           and new ones as they come
  pfw logs --type allowed --format csv > a.csv
  pfw logs --follow --json | jq .src_ip       one object a line`;

const STATS_EXAMPLES = `
Examples:
  pfw stats
  pfw stats --watch
  pfw stats --json | jq .topBlocked`;

/** Adds both commands. */
export function registerObserve(program: Command): void {
  program.command("logs")
    .description("blocked packets, or the sample of allowed ones, newest last")
    .addOption(
      new Option("--type <type>", "which packets").choices(["blocked", "allowed"])
        .default("blocked"),
    )
    .option("--limit <number>", "at most so many, those that were written last", "50")
    .option("--since <time>", "not older: 30s, 10m, 1h, 7d, or 2026-01-31T12:00:00Z")
    .option("--ip <cidr>", "source or destination is, or lies in, this address or range")
    .option("--port <number>", "source or destination port")
    .option("--reason <code>", "whitelist, blacklist, ban, threat, invalid, rate_limit, rule, …")
    .option("-f, --follow", "go on with new ones until Ctrl-C")
    .addOption(
      new Option("--format <format>", "table in local time; json and csv in UTC")
        .choices(["table", "json", "csv"]),
    )
    .addHelpText("after", LOGS_EXAMPLES)
    .action(async (options, command: Command) => {
      const { logs } = await import("./logs.ts");
      await logs(contextOf(command), options);
    });
  program.command("stats")
    .description("totals, most blocked addresses, reasons, the last 24 hours, losses")
    .option("-w, --watch", "show them again every second until Ctrl-C")
    .addHelpText("after", STATS_EXAMPLES)
    .action(async (options, command: Command) => {
      const { stats } = await import("./stats.ts");
      await stats(contextOf(command), options);
    });
}
