/** The words that start, look at and end the running firewall. */
import { type Command, Option } from "commander";
import { changesPolicy } from "../change_options.ts";
import { changingContextOf, contextOf, contextOfNoPfw } from "../context.ts";
import { pathOf } from "../root_command.ts";
import { registerDoctor } from "./doctor.ts";

const START_EXAMPLES = `
Examples:
  sudo pfw start                          enforce, watch every interface
  sudo pfw start eth0 wlan0               enforce, watch two interfaces
  sudo pfw start --monitor --duration 1h  only look on, for an hour
  sudo pfw start --dashboard              with the web page, only for this machine
  pfw start --read capture.pcap --json    judge a capture, no root needed
  tcpdump -w - | pfw start --read -       judge what another program captures`;

/** Adds start, status, dashboard, stop, reload, cleanup and doctor. */
export function registerService(program: Command): void {
  program.command("start")
    .description("enforce and observe until Ctrl-C; --monitor only observes, --read replays")
    .argument("[interface...]", "interfaces to watch; enforcement covers all of them anyway")
    .option("--monitor", "only observe: no change to the kernel")
    .option(
      "--read <file>",
      "replay a capture; - is standard input",
      pathOf("--read", "name a file"),
    )
    .option("--record", "with --read: also store the rows")
    .option("--local <address...>", "with --read: addresses of the machine that captured")
    .option("--duration <time>", "stop by itself, e.g. 30s, 10m, 1h")
    .option("--force", "even if the policy cuts the SSH session that this command comes from")
    .option("--dashboard [address]", "open the web page, on 127.0.0.1:8787 unless told otherwise")
    .option("--filter <expression>", "watch only these packets, pcap-filter(7)")
    .addOption(
      new Option(
        "--ring-size <size>",
        "kernel buffer of each interface, or one for any; enforcing may take the power of two below",
      ).default("24MB"),
    )
    .addHelpText("after", START_EXAMPLES)
    .action(async (interfaces: string[], options, command: Command) => {
      const { start } = await import("./start.ts");
      // Who replays needs no root; who starts without it is told so by what fails.
      const context = options.read === undefined ? contextOfNoPfw(command) : contextOf(command);
      await start(context, interfaces, options);
    });
  program.command("status")
    .description("running or not, what the kernel holds, drift, losses")
    .addHelpText("after", "\nExamples:\n  sudo pfw status\n  sudo pfw status --json | jq .kernel")
    .action(async (_options, command: Command) => {
      const { status } = await import("./status.ts");
      await status(contextOf(command));
    });
  program.command("dashboard")
    .description("where the web page of the running pfw is, with the token that opens it")
    .addHelpText(
      "after",
      "\nExamples:\n  sudo pfw dashboard\n  sudo pfw dashboard --json | jq -r .signIn",
    )
    .action(async (_options, command: Command) => {
      const { dashboard } = await import("./dashboard.ts");
      await dashboard(contextOf(command));
    });
  program.command("stop")
    .description('end the running pfw; the kernel is left as before unless on_exit is "keep"')
    .addHelpText("after", "\nExamples:\n  sudo pfw stop")
    .action(async (_options, command: Command) => {
      const { stop } = await import("./stop.ts");
      await stop(contextOf(command));
    });
  changesPolicy(program.command("reload"))
    .description("have the running pfw read its configuration again")
    .addHelpText("after", "\nExamples:\n  sudo pfw rules check && sudo pfw reload")
    .action(async (_options, command: Command) => {
      const { reloadRunning } = await import("./reload.ts");
      await reloadRunning(changingContextOf(command));
    });
  program.command("cleanup")
    .description("remove what a crash left in the kernel")
    .addHelpText("after", "\nExamples:\n  sudo pfw cleanup")
    .action(async (_options, command: Command) => {
      const { cleanup } = await import("./cleanup.ts");
      await cleanup(contextOf(command));
    });
  registerDoctor(program);
}
