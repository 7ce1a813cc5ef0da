/**
 * Reads a configuration that is plainly right, without zod: loading and warming up zod takes
 * longer than all the rest of a command such as `pfw rules list`.
 *
 * It only ever says yes. What it does not take is judged, and explained, by the schema
 * (`checkConfig`), which stays the one that says what is right; tests hold that whatever is taken
 * here is what the schema makes of it, and that no key of the schema is missing here.
 */
import { FEED_FORMATS } from "../../intel/feed.ts";
import {
  addressProblem,
  headerNameProblem,
  hostProblem,
  nameProblem,
  portProblem,
  secretProblem,
  urlProblem,
} from "./field_problems.ts";
import { countProperties, scanJson } from "./json_scan.ts";
import { LIMITS, LOGIN_PORTS, MAX_DEPTH, MIN_DATABASE_SIZE } from "./limits.ts";
import { DEFAULT_LISTEN, listenProblem, parseListenAddress } from "./listen_address.ts";
import { isKnownGood, LONG_LIST, longListText, noteChecked } from "./long_list.ts";
import type { Config, ConfigDraft } from "./schema.ts";
import { parseDuration, parseSize } from "./units.ts";

/** What `quickConfig` made of a text. */
export interface QuickConfig {
  readonly config: Config;
  /** The same as the file has it, without the defaults. */
  readonly draft: ConfigDraft;
}

/** The configuration in this text; `undefined` where only the schema can tell. Never throws. */
export function quickConfig(text: string): QuickConfig | undefined {
  const { depth, properties } = scanJson(text);
  if (depth > MAX_DEPTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // A key that is repeated.
  if (countProperties(value) !== properties) return undefined;
  const config = readConfig(value);
  return config === REFUSED ? undefined : { config, draft: value as ConfigDraft };
}

const REFUSED = Symbol("refused");

/** Takes a value with its defaults filled in, or not; a key that is missing is `undefined`. */
type Read<Value> = (value: unknown) => Value | typeof REFUSED;

/** An object with these keys and no others; where it is missing itself, all are their defaults. */
function object<Value extends object>(
  fields: { readonly [Key in keyof Value]-?: Read<Value[Key]> },
): Read<Value> {
  const keys = Object.keys(fields) as (keyof Value & string)[];
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return REFUSED;
    if (Object.keys(value).some((key) => !Object.hasOwn(fields, key))) return REFUSED;
    const result = {} as Value;
    for (const key of keys) {
      const read = fields[key](Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined);
      if (read === REFUSED) return REFUSED;
      if (read !== undefined) result[key] = read;
    }
    return result;
  };
}

/** A section that may be missing. */
function section<Value extends object>(
  fields: { readonly [Key in keyof Value]-?: Read<Value[Key]> },
): Read<Value> {
  const read = object<Value>(fields);
  return (value) => read(value === undefined ? {} : value);
}

function list<Entry>(read: Read<Entry>, limit: number): Read<Entry[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > limit) return REFUSED;
    const entries: Entry[] = [];
    for (const each of value) {
      const entry = read(each);
      if (entry === REFUSED) return REFUSED;
      entries.push(entry);
    }
    return entries;
  };
}

/** @param fallback makes the default anew: nobody may change another's */
function otherwise<Value>(read: Read<Value>, fallback: () => Value): Read<Value> {
  return (value) => value === undefined ? fallback() : read(value);
}

function oneOf<Value extends string>(values: readonly Value[], fallback?: Value): Read<Value> {
  return (value) =>
    values.find((one) => one === (value === undefined ? fallback : value)) ?? REFUSED;
}

const flag = (fallback: boolean): Read<boolean> => (value = fallback) =>
  typeof value === "boolean" ? value : REFUSED;

const whole =
  (least: number, most: number, fallback?: number): Read<number> => (value = fallback) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most
      ? Number(value)
      : REFUSED;

const share = (fallback: number): Read<number> => (value = fallback) =>
  typeof value === "number" && value >= 0 && value <= 1 ? value : REFUSED;

/** Text that one of the functions which explain problems finds none in. */
const text = (problemOf: (text: string) => unknown): Read<string> => (value) =>
  typeof value === "string" && problemOf(value) === undefined ? value : REFUSED;

const duration = (fallback: string) =>
  otherwise(
    text((text) => parseDuration(text) === undefined ? "bad" : undefined),
    () => fallback,
  );

/**
 * The same for a text in which long lists may stand that are known to be good: what stands there as
 * pfw writes them is not read again. `undefined` also where the rest only makes sense to the schema.
 */
export function quickConfigWith(
  text: string,
  known: readonly KnownList[],
): QuickConfig | undefined {
  const found: KnownList[] = [];
  for (const list of known) {
    const key = `"${list.key}": `, written = longListText(list.entries);
    // No string can hold this key unescaped, and a key elsewhere than at the top is refused below.
    const start = text.indexOf(key) + key.length;
    if (start < key.length || !text.startsWith(written, start)) continue;
    text = `${text.slice(0, start)}[]${text.slice(start + written.length)}`;
    found.push(list);
  }
  const read = quickConfig(text);
  if (!read) return undefined;
  for (const { key, entries } of found) {
    if (read.draft[key]?.length !== 0) return undefined;
    // Nobody changes a list of addresses in place.
    read.config[key] = read.draft[key] = entries as string[];
  }
  return read;
}

/** The configuration that a draft means; `undefined` where only the schema can tell. */
export function quickConfigOf(draft: ConfigDraft): Config | undefined {
  const known = knownListsOf(draft);
  if (known.some(({ entries }) => entries.length > LIMITS.addresses)) return undefined;
  const rest = { ...draft };
  for (const { key } of known) rest[key] = [];
  // As text: a draft may hold what no text can, and this is as fast.
  const config = quickConfig(JSON.stringify(rest))?.config;
  for (const { key, entries } of known) if (config) config[key] = entries as string[];
  return config;
}

/** The long lists of a configuration that are known to be good. */
export function knownListsOf(draft: ConfigDraft): KnownList[] {
  return (["blacklist_ips", "whitelist_ips"] as const).flatMap((key) => {
    const entries = draft[key];
    return entries && isKnownGood(entries) ? [{ key, entries }] : [];
  });
}

/** A long list that is known to be good. */
export interface KnownList {
  readonly key: "blacklist_ips" | "whitelist_ips";
  readonly entries: readonly string[];
}

/** What every configuration has: IPv4 addresses, loopback. Warming up the parser takes 2 ms. */
const USUAL_ADDRESS = /^(?:::1|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?=.)|$)){4})$/;

const address: Read<string> = (value) => {
  if (typeof value !== "string") return REFUSED;
  return USUAL_ADDRESS.test(value) || addressProblem(value) === undefined ? value : REFUSED;
};

const addressList = list(address, LIMITS.addresses);

/** A long list is the same array in draft and configuration, so that what is known of it counts. */
const addresses = (fallback: readonly string[] = []): Read<string[]> => (value) => {
  if (value === undefined) return [...fallback];
  if (!Array.isArray(value) || value.length < LONG_LIST) return addressList(value);
  const isGood = value.length <= LIMITS.addresses &&
    (isKnownGood(value) || value.every((entry) => address(entry) !== REFUSED));
  if (isGood) noteChecked(value);
  return isGood ? value : REFUSED;
};

const port: Read<number | string> = (value) =>
  portProblem(value) === undefined ? value as number | string : REFUSED;

const rawRule = object<Config["rules"][number]>({
  name: text(nameProblem),
  action: oneOf(["allow", "block"]),
  protocol: oneOf(["tcp", "udp", "icmp", "any"], "any"),
  ports: otherwise(list(port, LIMITS.portsInRule), () => []),
  source_ips: addresses(),
  destination_ips: addresses(),
  direction: oneOf(["in", "out", "both"], "both"),
  enabled: flag(true),
});

const rule: Read<Config["rules"][number]> = (value) => {
  const read = rawRule(value);
  return read !== REFUSED && read.protocol === "icmp" && read.ports.length > 0 ? REFUSED : read;
};

const headers: Read<Record<string, string>> = (value = {}) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return REFUSED;
  const entries = Object.entries(value);
  const isPlain = ([name, secret]: [string, unknown]) =>
    name !== "__proto__" && headerNameProblem(name) === undefined && typeof secret === "string" &&
    secretProblem(secret) === undefined;
  return entries.every(isPlain) ? Object.fromEntries(entries) : REFUSED;
};

const feed = object<Config["threat_feeds"][number]>({
  name: text(nameProblem),
  url: text(urlProblem),
  format: oneOf(["auto", ...FEED_FORMATS], "auto"),
  interval: duration("1h"),
  enabled: flag(true),
  headers,
  minimum: whole(0, 255, 0),
  allow_insecure: flag(false),
});

const feeds: Read<Config["threat_feeds"]> = (value) => {
  const read = otherwise(list(feed, LIMITS.threatFeeds), () => [])(value);
  const hasTwins = read !== REFUSED && new Set(read.map(({ name }) => name)).size < read.length;
  return hasTwins ? REFUSED : read;
};

/** What every detector has. */
const detector = { enabled: flag(true), dry_run: flag(false) };
const threshold = (fallback: number) => whole(2, 1_000_000, fallback);
const seconds = (fallback: number) => whole(1, 3_600, fallback);

type Detection = Config["detection"];

const detection = section<Detection>({
  ...detector,
  port_scan: section<Detection["port_scan"]>({
    ...detector,
    ports: threshold(20),
    seconds: seconds(10),
  }),
  syn_flood: section<Detection["syn_flood"]>({
    ...detector,
    half_open: threshold(150),
    seconds: seconds(5),
  }),
  blocked_hits: section<Detection["blocked_hits"]>({
    ...detector,
    hits: threshold(30),
    seconds: seconds(60),
  }),
  connection_burst: section<Detection["connection_burst"]>({
    ...detector,
    connections: threshold(20),
    seconds: seconds(60),
    ports: otherwise(list(whole(1, 65535), LIMITS.portsInRule), () => [...LOGIN_PORTS]),
  }),
});

const size = otherwise(
  text((text) => (parseSize(text) ?? 0) < MIN_DATABASE_SIZE ? "bad" : undefined),
  () => "1GB",
);

const anyText = (fallback: string): Read<string> => (value = fallback) =>
  typeof value === "string" ? value : REFUSED;

const rawDashboard = section<Config["dashboard"]>({
  enabled: flag(false),
  listen: otherwise(text(listenProblem), () => DEFAULT_LISTEN),
  certificate: anyText(""),
  key: anyText(""),
  hosts: otherwise(list(text(hostProblem), 20), () => []),
});

/** What others can reach is the schema's to judge. */
const dashboard: Read<Config["dashboard"]> = (value) => {
  const read = rawDashboard(value);
  return read === REFUSED || parseListenAddress(read.listen)?.isLocal ? read : REFUSED;
};

const readConfig = object<Config>({
  $schema: (value) => value === undefined || typeof value === "string" ? value : REFUSED,
  default_policy: oneOf(["allow", "block"], "allow"),
  rules: otherwise(list(rule, LIMITS.rules), () => []),
  whitelist_ips: addresses(["127.0.0.1", "::1"]),
  blacklist_ips: addresses(),
  rate_limit: section<Config["rate_limit"]>({
    enabled: flag(true),
    connections: whole(1, 1_000_000, 100),
    seconds: whole(1, 86_400, 10),
  }),
  threat_feeds: feeds,
  detection,
  bans: section<Config["bans"]>({ first: duration("10m"), longest: duration("7d") }),
  dashboard,
  on_exit: oneOf(["remove", "keep"], "remove"),
  logging: section<Config["logging"]>({
    allowed_sample: share(0.01),
    retention: duration("30d"),
    max_size: size,
  }),
});
