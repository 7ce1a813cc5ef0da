/** `pfw explain`: what becomes of a connection, and why. */
import { type Command, Option } from "commander";
import { ask } from "../../engine/control/client.ts";
import type { ExplainAnswer, ExplainRequest } from "../../engine/control/explain.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { parseSingle } from "../../engine/net/address.ts";
import { quote } from "../../engine/policy/field_problems.ts";
import { type CommandContext, contextOf, usageError } from "../context.ts";
import { print, printJson } from "../output.ts";

const EXAMPLES = `
Examples:
  sudo pfw explain 203.0.113.7                        may it connect to this machine, and why
  sudo pfw explain 203.0.113.7 --port 22              to port 22 by TCP
  sudo pfw explain 2001:db8::7 --protocol udp --port 53 --direction out
  sudo pfw explain 203.0.113.7 --json | jq .reason`;

/** Adds the command. */
export function registerExplain(program: Command): void {
  program.command("explain")
    .description("the verdict on an address, step by step, and what in the kernel enforces it")
    .argument("<address>", "the other end of the connection")
    .option("--port <number>", "destination port", readPort)
    .addOption(
      new Option("--protocol <protocol>", "tcp unless given, where there is a port")
        .choices(["tcp", "udp", "icmp"]),
    )
    .addOption(
      new Option("--direction <direction>", "who opens the connection: the address, this machine")
        .choices(["in", "out"]).default("in"),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (address: string, options, command: Command) => {
      await explainCommand(contextOf(command), { ...options, address });
    });
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw usageError(
    "wrong usage",
    `${quote(text)} is not a port from 1 to 65535`,
  );
}

async function explainCommand(context: CommandContext, given: ExplainRequest): Promise<void> {
  const request = checked(given);
  const running = await askRunning(context, request);
  const answer = running ?? await explainHere(context, request);
  // Loaded only here: a pfw that enforces says itself what the kernel holds.
  const standing = answer.enforced
    ? undefined
    : await import("./standing_rules.ts").then(({ standing }) =>
      standing(context.paths, Boolean(running))
    );
  if (context.json) return printJson({ ...answer, standingRules: standing?.rules });
  const { renderExplanation } = await import("./explain_format.ts");
  print(renderExplanation(answer, standing?.text));
}

function checked({ address, direction, protocol, port }: ExplainRequest): ExplainRequest {
  if (!parseSingle(address)) {
    const why = `${quote(address)} is not one IP address`;
    throw usageError("cannot explain", why, "give an IPv4 or IPv6 address");
  }
  if (protocol === "icmp" && port !== undefined) {
    throw usageError("cannot explain", "icmp has no ports", "leave out --port");
  }
  return { address, direction, protocol: protocol ?? (port ? "tcp" : undefined), port };
}

async function askRunning(context: CommandContext, request: ExplainRequest) {
  const answer = await ask<ExplainAnswer & { error?: string; exitCode?: ExitCode }>(
    context.paths,
    "POST",
    "/explain",
    request,
  );
  if (!answer) return undefined;
  if (answer.status === 200) return answer.body;
  const { error = `status ${answer.status}`, exitCode = ExitCode.failed } = answer.body;
  throw new PfwError("the running pfw cannot explain", error, "", exitCode);
}

/** Without a running pfw: by the configuration, the cached feeds and the bans in the database. */
async function explainHere(
  { paths }: CommandContext,
  request: ExplainRequest,
): Promise<ExplainAnswer> {
  const [{ explain }, { standingFacts }] = await Promise.all([
    import("../../engine/control/explain.ts"),
    import("../../engine/control/standing_lists.ts"),
  ]);
  return await explain(request, await standingFacts(paths));
}
