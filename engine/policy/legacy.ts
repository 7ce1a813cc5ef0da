/**
 * The older form of a configuration:
 * `{"block_ips": [], "block_ports": [], "block_protocols": ["ICMP"], "allow_protocols": []}`.
 */
import { addressProblem, kindOf, portProblem, quote } from "./field_problems.ts";
import type { Unplaced } from "./locate.ts";
import type { RuleDraft } from "./schema.ts";
import { didYouMean } from "./suggest.ts";

const KEYS = ["block_ips", "block_ports", "block_protocols", "allow_protocols"] as const;
type Key = typeof KEYS[number];

/** What the older form says, in today's words. */
export interface LegacyRules {
  readonly rules: readonly RuleDraft[];
  readonly addresses: readonly string[];
}

/** Whether a parsed value is of the older form. */
export function isLegacy(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    KEYS.some((key) => key in value);
}

/** Reads the older form; all that is wrong with it at once. */
export function readLegacy(value: Record<string, unknown>): LegacyRules | Unplaced[] {
  const problems = [...unknownKeys(value), ...KEYS.flatMap((key) => listProblems(value, key))];
  if (problems.length > 0) return problems;
  const list = (key: Key) => (value[key] ?? []) as (string | number)[];
  return {
    // It asked what to block before what to allow.
    rules: [
      ...blockedPorts(list("block_ports").map(asPort)),
      ...list("block_protocols").map((name) => protocolRule("block", String(name))),
      ...list("allow_protocols").map((name) => protocolRule("allow", String(name))),
    ],
    addresses: list("block_ips").map(String),
  };
}

function unknownKeys(value: Record<string, unknown>): Unplaced[] {
  return Object.keys(value).filter((key) => !KEYS.includes(key as Key))
    .map((key) => ({ path: [key], message: `unknown key${didYouMean(key, KEYS)}` }));
}

function listProblems(value: Record<string, unknown>, key: Key): Unplaced[] {
  const list = value[key] ?? [];
  if (!Array.isArray(list)) {
    return [{ path: [key], message: `expected a list, not ${kindOf(list)}` }];
  }
  return list.flatMap((entry, at) => {
    const message = PROBLEM_OF[key](entry);
    return message === undefined ? [] : [{ path: [key, at], message }];
  });
}

const PROBLEM_OF: Record<Key, (entry: unknown) => string | undefined> = {
  block_ips: addressProblem,
  block_ports: (entry) => portProblem(asPort(entry)),
  block_protocols: protocolProblem,
  allow_protocols: protocolProblem,
};

/** The older form also had ports as text. */
function asPort<Entry>(entry: Entry): Entry | number {
  return typeof entry === "string" && /^\d{1,5}$/.test(entry) ? Number(entry) : entry;
}

const PROTOCOLS = ["tcp", "udp", "icmp"] as const;

function protocolProblem(entry: unknown): string | undefined {
  if (typeof entry !== "string") return `expected a protocol, not ${kindOf(entry)}`;
  const name = entry.toLowerCase();
  if (PROTOCOLS.some((protocol) => protocol === name)) return undefined;
  return `${quote(entry)} is not TCP, UDP or ICMP${didYouMean(name, PROTOCOLS)}`;
}

function blockedPorts(ports: (number | string)[]): RuleDraft[] {
  if (ports.length === 0) return [];
  return [{ name: "Imported: blocked ports", action: "block", protocol: "any", ports }];
}

function protocolRule(action: "allow" | "block", name: string): RuleDraft {
  const protocol = name.toLowerCase() as typeof PROTOCOLS[number];
  return { name: `Imported: ${action} ${protocol.toUpperCase()}`, action, protocol };
}
