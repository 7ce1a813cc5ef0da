/** What zod found, in words for people: which value, why not, what was probably meant. */
import type * as z from "zod";
import { kindOf, quote } from "./field_problems.ts";
import type { Unplaced } from "./locate.ts";
import type { JsonPath } from "./problem.ts";
import { configSchema, LIMITS, ruleSchema, tooMany } from "./schema.ts";
import { didYouMean } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/**
 * One problem for each thing that is wrong, at most `limit`.
 *
 * @param base where `root` would stand in a configuration, for "did you mean"
 */
export function explainIssues(
  issues: readonly Issue[],
  root: unknown,
  limit: number,
  base: JsonPath = [],
): Unplaced[] {
  const problems: Unplaced[] = [];
  for (const issue of issues) {
    const path = issue.path as JsonPath;
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys.slice(0, limit)) {
        problems.push({ path: [...path, key], message: unknownKey(key, [...base, ...path]) });
      }
    } else problems.push({ path, message: messageOf(issue, valueAt(root, path)) });
    if (problems.length >= limit) break;
  }
  return problems.slice(0, limit);
}

function unknownKey(key: string, path: JsonPath): string {
  return `unknown key${didYouMean(key, knownKeys(path))}`;
}

/** The keys that the object at this path may have. */
function knownKeys(path: JsonPath): string[] {
  const shape = configSchema.shape;
  switch (path[0]) {
    case undefined:
      return Object.keys(shape);
    case "rules":
      return Object.keys(ruleSchema.shape);
    case "threat_feeds":
      return Object.keys(shape.threat_feeds.unwrap().element.shape);
    case "rate_limit":
      return Object.keys(shape.rate_limit.unwrap().shape);
    case "logging":
      return Object.keys(shape.logging.unwrap().shape);
    case "dashboard":
      return Object.keys(shape.dashboard.unwrap().shape);
    case "bans":
      return Object.keys(shape.bans.unwrap().shape);
    case "detection": {
      const detection = shape.detection.unwrap().shape;
      const inner = detection[path[1] as "port_scan"];
      return Object.keys(inner ? inner.unwrap().shape : detection);
    }
    default:
      return [];
  }
}

function valueAt(root: unknown, path: JsonPath): unknown {
  let value = root;
  for (const step of path) value = (value as Record<string | number, unknown> | undefined)?.[step];
  return value;
}

function messageOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return value === undefined
        ? `is missing: ${expected(issue.expected)} is needed`
        : `expected ${expected(issue.expected)}, not ${kindOrValue(value)}`;
    case "invalid_value": {
      const allowed = issue.values.map(String);
      const choice = `one of ${allowed.join(", ")}`;
      if (value === undefined) return `is missing: ${choice} is needed`;
      const hint = typeof value === "string" ? didYouMean(value, allowed) : "";
      return `must be ${choice}, not ${quote(value)}${hint}`;
    }
    case "too_small":
      return `must be at least ${issue.minimum}, not ${quote(value)}`;
    case "too_big":
      return Array.isArray(value)
        ? tooMany(value.length, Number(issue.maximum))
        : `must be at most ${issue.maximum}, not ${quote(value)}`;
    case "invalid_format":
      return `${quote(value)} has not the right form`;
    default:
      return issue.message;
  }
}

function expected(type: string): string {
  const words: Record<string, string> = {
    string: "text",
    array: "a list",
    object: "an object",
    boolean: "true or false",
    int: "a whole number",
  };
  return words[type] ?? `a ${type}`;
}

function kindOrValue(value: unknown): string {
  return typeof value === "number" || typeof value === "boolean" || typeof value === "string"
    ? quote(value)
    : kindOf(value);
}

/** Lists that are far too long, told before zod makes an issue of each entry. */
export function explainTooLong(root: unknown): Unplaced[] {
  const { rules, threat_feeds: feeds } = (root ?? {}) as Record<string, unknown>;
  const long = (name: string, list: unknown, limit: number): Unplaced[] =>
    Array.isArray(list) && list.length > limit
      ? [{ path: [name], message: tooMany(list.length, limit) }]
      : [];
  return [
    ...long("rules", rules, LIMITS.rules),
    ...long("threat_feeds", feeds, LIMITS.threatFeeds),
  ];
}
