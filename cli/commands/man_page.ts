/** pfw(8), made from the definitions of the commands: what `--help` says, and what lies around it. */
import type { Command } from "commander";
import { ExitCode } from "../../engine/errors.ts";
import { rootPaths } from "../../engine/paths.ts";
import { VERSION } from "../version.ts";
import { entry, heading, literal, paragraph, roffText, subheading } from "./roff.ts";

/** The page as roff. */
export function manPage(program: Command): string {
  const lines = [
    '.\\" Made from the definitions of the commands by `pfw man`.',
    `.TH PFW 8 "" "pfw ${roffText(VERSION)}" "System Administration"`,
    ...introduction(program),
    heading("COMMANDS"),
    ...[...visible(program)].flatMap(commandLines),
    heading("OPTIONS OF EVERY COMMAND"),
    ...optionLines(program),
    ...surroundings(),
  ];
  return `${lines.join("\n")}\n`;
}

function introduction(program: Command): string[] {
  const summary = program.description().replace(/\.$/, "");
  return [
    heading("NAME"),
    `pfw \\- ${roffText(summary[0].toLowerCase() + summary.slice(1))}`,
    heading("SYNOPSIS"),
    ".B pfw",
    "[\\fIoptions\\fR] \\fIcommand\\fR [\\fIargument\\fR ...]",
    heading("DESCRIPTION"),
    ...DESCRIPTION.flatMap((text, at) => [...(at > 0 ? [".PP"] : []), ...paragraph(text)]),
  ];
}

const DESCRIPTION = [
  "pfw protects one machine. The kernel enforces (iptables, ip6tables and ipset), its packet " +
  "rings and libpcap observe, and one process decides, explains and remembers. It owns the chains " +
  "PFW-* and the sets pfw-* and touches nothing else, so it lives beside other firewalls and never " +
  "widens what they closed.",
  "A packet is judged in this order: whitelist, blacklist, bans, threat feeds, invalid state, " +
  "rate limit, rules (the first that matches), default policy. A packet is logged as blocked only " +
  "when the kernel reported that it dropped it.",
  "A change takes effect in one step, without a moment in which nothing is enforced. An orderly " +
  "end leaves the kernel as it was; a crash leaves the protection standing until the next start.",
];

/** Every command that help shows, parents before their children. */
function* visible(command: Command): Generator<Command> {
  for (const child of command.createHelp().visibleCommands(command)) {
    if (child.name() === "help") continue;
    yield child;
    yield* visible(child);
  }
}

function commandLines(command: Command): string[] {
  const help = command.createHelp();
  const title = subheading(help.commandUsage(command));
  const words = help.visibleArguments(command).flatMap((argument) =>
    entry(help.argumentTerm(argument), help.argumentDescription(argument))
  );
  const text = command.description();
  return [
    title,
    ...paragraph(text === "" ? "" : `${text[0].toUpperCase()}${text.slice(1)}.`),
    ...words,
    ...optionLines(command),
    ...literal(examplesOf(command)),
  ];
}

function optionLines(command: Command): string[] {
  const help = command.createHelp();
  return help.visibleOptions(command)
    .filter((option) => option.long !== "--help" || command.parent === null)
    .flatMap((option) => entry(help.optionTerm(option), help.optionDescription(option)));
}

/** The examples stand in the text after the help, which only printing the help gives away. */
function examplesOf(command: Command): string[] {
  const before = command.configureOutput();
  let text = "";
  command.configureOutput({ ...before, writeOut: (part) => text += part });
  try {
    command.outputHelp();
  } finally {
    command.configureOutput(before);
  }
  const at = text.lastIndexOf("\nExamples:\n");
  if (at < 0) return [];
  return text.slice(at).trim().split("\n").slice(1).map((line) => line.replace(/^ {2}/, ""));
}

function surroundings(): string[] {
  return [
    heading("FILES"),
    ...files().flatMap(([path, meaning]) => entry(path, meaning)),
    ...paragraphAfter("Not root: the same names under the XDG directories."),
    heading("ENVIRONMENT"),
    ...ENVIRONMENT.flatMap(([name, meaning]) => entry(name, meaning)),
    heading("EXIT STATUS"),
    ...EXIT_STATUS.flatMap(([code, meaning]) => entry(String(code), meaning)),
    heading("SIGNALS"),
    ...SIGNALS.flatMap(([name, meaning]) => entry(name, meaning)),
    heading("SEE ALSO"),
    SEE_ALSO.map(([name, section]) => `\\fB${roffText(name)}\\fR(${section})`).join(",\n"),
  ];
}

function paragraphAfter(text: string): string[] {
  return [".PP", ...paragraph(text)];
}

function files(): [path: string, meaning: string][] {
  const { config, dataDir, logDir, runDir } = rootPaths();
  return [
    [config, "The configuration; a missing one is made with the defaults by the first start."],
    [`${dataDir}/firewall.db`, "The database: blocked packets, a sample of allowed ones, totals."],
    [`${logDir}/firewall.log`, "What pfw did."],
    [`${runDir}/pfw.sock`, "The socket on which the other commands speak to the running pfw."],
    [
      "/var/cache/personal-firewall",
      "A self-extracting pfw unpacks itself here when root runs it.",
    ],
  ];
}

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ["PFW_CONFIG", "The configuration file, as --config."],
  ["PFW_DATA_DIR", "Database, feed cache and state, as --data-dir."],
  ["PFW_LOG_DIR", "The application log, as --log-dir."],
  ["PFW_RUN_DIR", "Socket and lock, as --run-dir."],
  ["PFW_UNPACK_DIR", "Where a self-extracting pfw unpacks itself."],
  ["NO_COLOR", "No colours, whatever its value; an empty one counts as unset."],
  ["TERM", "With `dumb`, no colours, and nothing is redrawn."],
  ["NOTIFY_SOCKET, WATCHDOG_USEC", "Set by a service manager, see sd_notify(3)."],
  ["SSH_CONNECTION", "The session that a change must not cut without --force."],
];

const EXIT_STATUS: readonly (readonly [code: number, meaning: string])[] = [
  [ExitCode.done, "Done."],
  [ExitCode.failed, "Failed."],
  [ExitCode.usage, "Wrong usage or a wrong configuration."],
  [ExitCode.missing, "A privilege, a tool or a kernel feature is missing."],
];

const SIGNALS: readonly (readonly [name: string, meaning: string])[] = [
  ["SIGHUP", "Read the configuration again; a bad one is refused and the running policy stays."],
  ["SIGINT, SIGTERM", "End in good order. While systemd restarts the service the rules stay."],
];

const SEE_ALSO: readonly (readonly [name: string, section: number])[] = [
  ["ipset", 8],
  ["iptables", 8],
  ["ip6tables", 8],
  ["pcap-filter", 7],
  ["systemctl", 1],
  ["tcpdump", 8],
];
