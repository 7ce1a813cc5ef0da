/** The route that explains a verdict. */
import type { Hono } from "hono";
import { ExitCode, PfwError } from "../errors.ts";
import type { ExplainAnswer, ExplainRequest } from "./explain.ts";
import { readJson, respond } from "./respond.ts";

/** Who explains. */
export interface Explaining {
  explain?(request: ExplainRequest): Promise<ExplainAnswer>;
}

/** Adds it. */
export function addExplainRoute(app: Hono, pfw: Explaining): void {
  app.post("/explain", (context) =>
    respond(context, async () => {
      const request = readRequest(await readJson(context));
      if (!pfw.explain) throw new PfwError("cannot explain", "this pfw has no policy in force");
      return await pfw.explain(request);
    }));
}

const DIRECTIONS = ["in", "out"] as const, PROTOCOLS = ["tcp", "udp", "icmp"] as const;

function readRequest(body: unknown): ExplainRequest {
  const { address, direction = "in", protocol, port } = (body ?? {}) as Record<string, unknown>;
  if (typeof address !== "string") throw bad("address is missing");
  const isPort = port === undefined ||
    (Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65535);
  if (!isPort) throw bad("port is not a number from 1 to 65535");
  return {
    address,
    direction: oneOf(DIRECTIONS, direction, "direction") ?? "in",
    protocol: oneOf(PROTOCOLS, protocol, "protocol"),
    port: port as number | undefined,
  };
}

function oneOf<T extends string>(choices: readonly T[], value: unknown, name: string) {
  if (value === undefined) return undefined;
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw bad(`${name} is none of ${choices.join(", ")}`);
  return found;
}

function bad(why: string): PfwError {
  return new PfwError("cannot explain", why, "", ExitCode.usage);
}
