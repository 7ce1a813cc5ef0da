/** What somebody reads who starts pfw for the first time: what it did, what it does, what next. */
import { relative } from "node:path";
import type { Mode } from "../../engine/control/status.ts";
import type { Paths } from "../../engine/paths.ts";
import { readConfigFile } from "../../engine/policy/config_file.ts";
import type { Config, ConfigRule } from "../../engine/policy/schema.ts";
import { paint, printable } from "../output.ts";
import { ownCommand } from "../own_command.ts";

/** Whether there is no configuration yet: asked before the start makes one. */
export async function isFirstRun(paths: Paths): Promise<boolean> {
  return await Deno.lstat(paths.config).then(() => false, (error) => {
    return error instanceof Deno.errors.NotFound;
  });
}

/** The text for the configuration that the start made. */
export async function firstRunText(paths: Paths, mode: Mode): Promise<string> {
  const { config } = await readConfigFile(paths.config);
  return welcome({ file: paths.config, config, mode, command: commandName() });
}

/** What the text speaks of. */
export interface Welcome {
  readonly file: string;
  readonly config: Config;
  readonly mode: Mode;
  /** How pfw is called from here, e.g. `./pfw`. */
  readonly command: string;
}

/** A few lines for a terminal. */
export function welcome({ file, config, mode, command }: Welcome): string {
  const stay = config.on_exit === "keep" ? "From now on" : "Until you end it with Ctrl-C";
  const when = mode === "enforce" ? stay : "pfw only observes now. Where it enforces";
  const lines = protections(config).map((line) => `  - ${line}`);
  const commands = [
    [`sudo ${command} status`, "what is enforced, and whether all is well"],
    [`sudo ${command} logs --follow`, "what is blocked, and why, as it happens"],
    [`sudo ${command} install`, "run it as a service from every boot on"],
  ];
  const width = Math.max(...commands.map(([words]) => words.length));
  return [
    "",
    `This is the first start: the configuration was made, with defaults, at`,
    `  ${file}`,
    "",
    `${when}, these are kept out:`,
    ...lines,
    "Connections that this machine opens, and their answers, pass.",
    "",
    "Try next, in another terminal:",
    ...commands.map(([words, what]) => `  ${paint("bold", words.padEnd(width))}  ${what}`),
    "",
  ].join("\n");
}

/** One line for each thing that the configuration keeps out. */
export function protections(config: Config): string[] {
  const { connections, seconds, enabled } = config.rate_limit;
  const feeds = config.threat_feeds.filter((feed) => feed.enabled).map((feed) => feed.name);
  return [
    ...config.rules.flatMap(describeRule),
    enabled ? `sources that open more than ${connections} connections in ${seconds} s` : "",
    config.detection.enabled ? "sources that scan ports, flood or guess passwords (bans)" : "",
    feeds.length > 0
      ? `addresses that these threat feeds list: ${printable(feeds.join(", "))}`
      : "",
    "packets that belong to no connection and can begin none",
    config.default_policy === "block" ? "everything that no rule allows" : "",
  ].filter(Boolean);
}

/** A rule that blocks; the number is that of `rules list`. */
function describeRule(
  { name, action, enabled, protocol, ports, direction }: ConfigRule,
  at: number,
) {
  if (!enabled || action !== "block") return [];
  const from = direction === "in" ? "incoming " : direction === "out" ? "outgoing " : "";
  const rule = `rule ${at + 1}`;
  if (ports.length === 0) return [printable(`what ${rule} matches: ${name}`)];
  return [`${from}${protocol} to ports ${ports.join(", ")} (${rule})`];
}

/** How the person called pfw, as they would type it again. */
function commandName(): string {
  const [program, ...rest] = ownCommand();
  if (rest.length > 0) return "pfw";
  const onPath = (Deno.env.get("PATH") ?? "").split(":").some((one) => program === `${one}/pfw`);
  if (onPath) return "pfw";
  const near = relative(Deno.cwd(), program);
  return near.startsWith("..") ? program : `./${near}`;
}
