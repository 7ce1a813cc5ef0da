/** What a threat feed is, and what is known of one: the words that all of `intel/` shares. */
import type { PrefixList } from "../engine/net/prefix_list.ts";

/** The forms that feeds come in. `plain`: an address or CIDR range first on each line. */
export const FEED_FORMATS = [
  "plain",
  "ipsum",
  "feodo_csv",
  "feodo_json",
  "spamhaus_json",
  "abuseipdb",
  "otx_export",
  "otx_reputation",
  "tor",
  "crowdsec",
] as const;

/** One of `FEED_FORMATS`. */
export type FeedFormat = typeof FEED_FORMATS[number];

/** A feed as the configuration names it. */
export interface FeedSource {
  readonly name: string;
  /** https, http (with `allowInsecure`) or file. */
  readonly url: string;
  /** `auto` recognises the form by its content. */
  readonly format: FeedFormat | "auto";
  /** Seconds between two fetches. */
  readonly interval: number;
  /**
   * Headers of the request, by name. A value is `env:NAME` or `file:/path`, never the secret
   * itself: configurations are shown, copied and kept in a history.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** With `ipsum`: an address must stand on at least so many lists. With `abuseipdb`: the score. */
  readonly minimum: number;
  /** Plain http is taken, also after a redirect. */
  readonly allowInsecure: boolean;
}

/** Why an entry of a feed is not applied. */
export const REFUSAL_CAUSES = [
  /** Not an address or CIDR range. */
  "malformed",
  /** Below the feed's minimum. */
  "below_minimum",
  /** Another kind of indicator: a domain, a URL, a decision that is no ban, an expired one. */
  "other_kind",
  /** Shorter than /8, or /19 on IPv6. */
  "too_wide",
  "private",
  "loopback",
  "link_local",
  "multicast",
  "documentation",
  /** Other special-purpose addresses (RFC 6890): this network, benchmarking, reserved. */
  "reserved",
  /** Holds one of this machine's own addresses, a gateway, a name server or an SSH peer. */
  "protected",
] as const;

/** One of `REFUSAL_CAUSES`. */
export type RefusalCause = typeof REFUSAL_CAUSES[number];

/** Refused entries by cause; a cause without any is absent. */
export type Refusals = Partial<Record<RefusalCause, number>>;

/** What a feed's text says. */
export interface FeedContent {
  readonly format: FeedFormat;
  readonly list: PrefixList;
  /**
   * One a prefix, the IPv4 ones first, in the list's order: how bad, as the feed counts it (IPsum:
   * on how many lists, AbuseIPDB: score of 100, OTX: reliability); 0 where it does not say.
   */
  readonly levels: Uint8Array;
  readonly refused: Refusals;
}

/** Why a feed's text was not taken; the message is for people and names no secret. */
export class FeedError extends Error {
  override readonly name = "FeedError";
}

/** What became of a feed, for `threats feeds` and its JSON. Times are ISO 8601, UTC. */
export interface FeedState {
  readonly name: string;
  /** Without user, query and fragment, which may hold a key: states are shown and passed on. */
  readonly url: string;
  /** As configured. */
  readonly format: FeedFormat | "auto";
  /** As found in the last good copy. */
  readonly foundFormat: FeedFormat | null;
  readonly enabled: boolean;
  /** Seconds. */
  readonly interval: number;
  /** `never`: no good copy yet; `ok`: the last attempt succeeded; `kept`: it failed, the old stays. */
  readonly status: "never" | "fetching" | "ok" | "kept" | "disabled";
  /** Bytes of the present fetch so far, 0 while none is under way. */
  readonly receivedBytes: number;
  /** Entries of the last good copy that may be applied. */
  readonly entries: number;
  readonly refused: Refusals;
  /** When the last good copy was fetched, and when it was last asked for or found unchanged. */
  readonly fetchedAt: string | null;
  readonly checkedAt: string | null;
  readonly nextAt: string | null;
  /** Why the last attempt failed; null when it did not. */
  readonly error: string | null;
}
