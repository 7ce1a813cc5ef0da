/** The routes of threat feeds and bans: what comes in is judged here, before anything acts on it. */
import type { Context, Hono } from "hono";
import { ExitCode, PfwError } from "../errors.ts";
import { addressProblem, nameProblem, quote } from "../policy/field_problems.ts";
import { LIMITS } from "../policy/limits.ts";
import { MAX_DURATION } from "../policy/units.ts";
import {
  type BanControl,
  type BanRequest,
  MOST_ADDRESSES,
  type ThreatControl,
  type UnbanRequest,
  type UpdateRequest,
} from "./intel_control.ts";
import { AbsentPart, readJson, RequestError, respond } from "./respond.ts";
import type { Mode } from "./status.ts";

/** What these routes ask of the running firewall. */
export interface IntelControlled {
  readonly threats?: ThreatControl;
  readonly bans?: BanControl;
  stats(): { readonly mode: Mode };
}

/** Adds them. */
export function addIntelRoutes(app: Hono, pfw: IntelControlled): void {
  const withMode = <T extends object>(answer: T) => ({ ...answer, mode: pfw.stats().mode });
  const threats = () => requirePart(pfw.threats, "threat feeds");
  const bans = () => requirePart(pfw.bans, "bans");
  app.get("/threats", (context) => respond(context, () => withMode(threats().answer())));
  app.post("/threats/update", (context) =>
    respond(context, async () => {
      const control = threats();
      control.beginUpdate(readUpdate(await readBody(context)));
      return withMode(control.answer());
    }));
  app.get("/bans", (context) => respond(context, () => withMode({ bans: bans().list() })));
  app.post("/bans", (context) =>
    respond(context, async () => {
      const control = bans();
      return withMode(await control.add(readBan(await readBody(context))));
    }));
  app.post("/bans/remove", (context) =>
    respond(context, async () => {
      const control = bans();
      return withMode(await control.remove(readUnban(await readBody(context))));
    }));
}

function requirePart<T>(part: T | undefined, what: string): T {
  if (part !== undefined) return part;
  throw new AbsentPart(`the running pfw has no ${what}`, "it was started without them");
}

type Body = Readonly<Record<string, unknown>>;

async function readBody(context: Context): Promise<Body> {
  const body = await readJson(context);
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Body;
  throw wrong("expected a JSON object");
}

function readUpdate({ names, force }: Body): UpdateRequest {
  if (names === undefined) return { force: readFlag("force", force) };
  const problemOf = (name: unknown) =>
    typeof name === "string" ? nameProblem(name) : "expected the name of a feed";
  return {
    names: readList<string>("names", names, LIMITS.threatFeeds, problemOf),
    force: readFlag("force", force),
  };
}

function readBan({ addresses, seconds, reason, force, session }: Body): BanRequest {
  if (typeof seconds !== "number" || !Number.isInteger(seconds)) {
    throw wrong("`seconds` is not a whole number");
  }
  if (seconds < 1 || seconds > MAX_DURATION) {
    throw wrong(`\`seconds\` is not from 1 to ${MAX_DURATION}`);
  }
  const problem = typeof reason === "string" ? nameProblem(reason) : "is not text";
  if (problem !== undefined) throw wrong(`\`reason\` ${problem}`);
  const unknown = session === undefined ? undefined : addressProblem(session);
  if (unknown !== undefined) throw wrong(`\`session\`: ${unknown}`);
  return {
    addresses: readAddresses(addresses),
    seconds,
    reason: reason as string,
    force: readFlag("force", force),
    ...session === undefined ? {} : { session: session as string },
  };
}

function readUnban({ addresses }: Body): UnbanRequest {
  return { addresses: readAddresses(addresses) };
}

function readAddresses(value: unknown): string[] {
  return readList<string>("addresses", value, MOST_ADDRESSES, addressProblem);
}

function readList<T>(
  key: string,
  value: unknown,
  most: number,
  problemOf: (entry: unknown) => string | undefined,
): T[] {
  if (!Array.isArray(value)) throw wrong(`\`${key}\` is not a list`);
  if (value.length === 0) throw wrong(`\`${key}\` is empty`);
  if (value.length > most) throw wrong(`\`${key}\` has more than ${most} entries`);
  for (const [at, entry] of value.entries()) {
    const message = problemOf(entry);
    if (message !== undefined) throw new RequestError([{ path: `${key}[${at}]`, message }]);
  }
  return value;
}

function readFlag(key: string, value: unknown): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw wrong(`\`${key}\` is ${quote(value)}, not true or false`);
}

function wrong(why: string): PfwError {
  return new PfwError("wrong request", why, "", ExitCode.usage);
}
