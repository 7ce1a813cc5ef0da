/**
 * What is wrong with one value of the configuration, in words: `undefined` where nothing is. Free
 * of zod, so that the command line can judge its arguments with the same functions.
 */
import { isPrefix } from "../net/address.ts";

/** A value for a message: long ones are cut, and nothing in it can drive a terminal. */
export function quote(value: unknown): string {
  const whole = JSON.stringify(typeof value === "string" ? value.slice(0, 60) : value);
  const text = whole ?? String(value);
  const cut = text.length <= 60 ? text : `${text.slice(0, 57)}…`;
  return cut.replace(
    new RegExp(UNPRINTABLE.source, "gu"),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

// Beside control characters: line and paragraph separators and what reorders text on a screen
// (Unicode bidirectional formatting, "Trojan Source", CVE-2021-42574), and lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Wants an IPv4 or IPv6 address or CIDR range. */
export function addressProblem(value: unknown): string | undefined {
  if (typeof value !== "string") return `expected an address, not ${kindOf(value)}`;
  if (isPrefix(value)) return undefined;
  return `${quote(value)} is not an IP address or CIDR range${addressHint(value)}`;
}

function addressHint(text: string): string {
  if (text.trim() !== text) return " (remove the blanks around it)";
  if (text.includes("%")) return " (write it without the %zone)";
  if (/^[\d.]+\/\d+\.[\d.]+$/.test(text)) return " (write the netmask as /0 to /32)";
  if (/^[\d.]+-[\d.]+$/.test(text)) return " (write a range as CIDR, e.g. 203.0.113.0/24)";
  if (/(^|\.)0\d/.test(text) && /^[\d.]+$/.test(text)) return " (write it without leading zeros)";
  if (/^(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(text)) return " (names are not resolved)";
  return "";
}

/** Wants a port number or a range `a-b`. */
export function portProblem(value: unknown): string | undefined {
  if (typeof value === "number") return isPort(value) ? undefined : notPort(value);
  if (typeof value !== "string") return `expected a port, not ${kindOf(value)}`;
  const range = parsePortRange(value);
  if (!range || !/-/.test(value)) {
    const hint = /^\d+$/.test(value) && isPort(Number(value)) ? " (write it without quotes)" : "";
    return notPort(value) + hint;
  }
  return range.first <= range.last ? undefined : `${quote(value)} begins after it ends`;
}

function notPort(value: number | string): string {
  return `${quote(value)} is not a port from 1 to 65535 or a range like "8000-8100"`;
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

/** Reads `23` or `8000-8100`; the ends may stand in the wrong order. */
export function parsePortRange(text: string): { first: number; last: number } | undefined {
  const match = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text);
  if (!match) return undefined;
  const first = Number(match[1]), last = Number(match[2] ?? match[1]);
  return isPort(first) && isPort(last) ? { first, last } : undefined;
}

/** The longest name, in UTF-16 units. */
const MAX_NAME = 100;

/** Wants a name that can stand in one line of a table. */
export function nameProblem(name: string): string | undefined {
  if (name.trim() === "") return "must not be empty";
  if (name.length > MAX_NAME) return `is ${name.length} characters long, at most ${MAX_NAME}`;
  // Asked first: preparing the other pattern takes longer than checking a whole configuration.
  if (/^[\x20-\x7e]*$/.test(name)) return undefined;
  return UNPRINTABLE.test(name) ? `${quote(name)} contains a control character` : undefined;
}

/** Wants the address of a feed. */
export function urlProblem(text: string): string | undefined {
  const url = text.length <= 2000 && URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return `${quote(text)} is not a URL`;
  if (!["https:", "http:", "file:"].includes(url.protocol)) {
    return `${quote(text)} is not an https, http or file URL`;
  }
  return url.username || url.password ? "must not contain a user name or password" : undefined;
}

/** The kind of a JSON value in words, with its article. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "object":
      return "an object";
    case "string":
      return "text";
    case "boolean":
      return "true or false";
    case "undefined":
      return "nothing";
    default:
      return `a ${typeof value}`;
  }
}

/** Wants the name of an HTTP header (RFC 9110, section 5.6.2). */
export function headerNameProblem(text: string): string | undefined {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(text)
    ? undefined
    : `${quote(text)} is not the name of a header`;
}

/** Wants where a secret is kept: `env:NAME` or `file:/path`. The value itself is never repeated. */
export function secretProblem(text: string): string | undefined {
  return /^env:[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(text) || /^file:\/[^\0\n]{1,500}$/.test(text)
    ? undefined
    : "says not where the secret is kept: write env:NAME or file:/path";
}

/** Wants the name of a machine, as it stands in the address bar, without a port. */
export function hostProblem(text: string): string | undefined {
  const isName = text.length <= 253 && /^(?!-)[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(text);
  return isName ? undefined : `${quote(text)} is not the name of a machine`;
}
