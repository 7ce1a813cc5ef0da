/**
 * Public feeds that pfw knows by name. None is on by itself but Feodo Tracker, which a fresh
 * configuration has: each reaches further than its user may want, and each has terms.
 */
import type { FeedFormat } from "./feed.ts";

/** A feed as it would stand in the configuration, and what to know before switching it on. */
export interface KnownFeed {
  readonly name: string;
  readonly url: string;
  readonly format: FeedFormat | "auto";
  /** As the configuration has it, e.g. `1h`: how often the publisher wants to be asked at most. */
  readonly interval: string;
  readonly minimum?: number;
  /** Headers with keys, and where pfw looks for these. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What it lists. */
  readonly description: string;
  /** Terms of use as their publisher states them, in short. */
  readonly terms: string;
}

/** Known feeds: those that fit most machines first. */
export const FEED_CATALOGUE: readonly KnownFeed[] = [
  {
    name: "Feodo Tracker",
    url: "https://feodotracker.abuse.ch/downloads/ipblocklist.txt",
    format: "auto",
    interval: "1h",
    description: "Control servers of botnets (abuse.ch); short, at times empty",
    terms: "CC0, no limit on use",
  },
  {
    name: "Spamhaus DROP",
    url: "https://www.spamhaus.org/drop/drop_v4.json",
    format: "spamhaus_json",
    interval: "12h",
    description: "IPv4 networks that criminals run or have taken over",
    terms: "free with its copyright notice; at most one fetch an hour",
  },
  {
    name: "Spamhaus DROP IPv6",
    url: "https://www.spamhaus.org/drop/drop_v6.json",
    format: "spamhaus_json",
    interval: "12h",
    description: "The same of IPv6",
    terms: "free with its copyright notice; at most one fetch an hour",
  },
  {
    name: "FireHOL level 1",
    url: "https://raw.githubusercontent.com/firehol/blocklist-ipsets/master/firehol_level1.netset",
    format: "plain",
    interval: "6h",
    description: "Networks that several careful lists agree on; few false alarms",
    terms: "each list in it has its own",
  },
  {
    name: "IPsum",
    url: "https://raw.githubusercontent.com/stamparm/ipsum/master/ipsum.txt",
    format: "ipsum",
    interval: "1d",
    minimum: 3,
    description: "Addresses on at least 3 of some 30 public lists",
    terms: "Unlicense (public domain)",
  },
  {
    name: "Emerging Threats compromised",
    url: "https://rules.emergingthreats.net/blockrules/compromised-ips.txt",
    format: "plain",
    interval: "12h",
    description: "Machines that were broken into (Proofpoint)",
    terms: "free, open rule set",
  },
  {
    name: "CINS Army",
    url: "https://cinsscore.com/list/ci-badguys.txt",
    format: "plain",
    interval: "6h",
    description: "15,000 addresses with the worst scores of Sentinel IPS",
    terms: "free for use on one's own network",
  },
  {
    name: "blocklist.de",
    url: "https://lists.blocklist.de/lists/all.txt",
    format: "plain",
    interval: "6h",
    description: "Addresses that attacked servers of its users in the last 48 hours",
    terms: "free",
  },
  {
    name: "GreenSnow",
    url: "https://blocklist.greensnow.co/greensnow.txt",
    format: "plain",
    interval: "6h",
    description: "Scanners and guessers of passwords",
    terms: "free",
  },
  {
    name: "Tor exits",
    url: "https://check.torproject.org/exit-addresses",
    format: "tor",
    interval: "6h",
    description: "Where traffic leaves the Tor network; most of those who use it mean no harm",
    terms: "CC0",
  },
  {
    name: "AlienVault reputation",
    url: "https://reputation.alienvault.com/reputation.data",
    format: "otx_reputation",
    interval: "6h",
    description: "Addresses with a bad name in the Open Threat Exchange",
    terms: "free; see the terms of AlienVault",
  },
  {
    name: "AbuseIPDB",
    url: "https://api.abuseipdb.com/api/v2/blacklist",
    format: "abuseipdb",
    // Free accounts may ask five times a day.
    interval: "6h",
    minimum: 90,
    headers: { Key: "env:ABUSEIPDB_KEY" },
    description: "The most reported addresses, 10,000 for free accounts",
    terms: "needs an account; not to be passed on",
  },
  {
    name: "CrowdSec",
    url: "http://127.0.0.1:8080/v1/decisions/stream?startup=true",
    format: "crowdsec",
    interval: "1m",
    headers: { "X-Api-Key": "env:CROWDSEC_KEY" },
    description: "Decisions of the CrowdSec on this machine (cscli bouncers add pfw)",
    terms: "the list of its community has terms of its own",
  },
];
