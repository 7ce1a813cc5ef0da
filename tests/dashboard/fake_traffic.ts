/** Traffic for a page to show: plausible, endless, and the same for the same seed. */
import type { Counts, LiveRow, ReasonCode, Series, Span } from "../../dashboard/contract.ts";

/** What blocks, and how often of a hundred blocked packets. */
const BLOCKS: readonly (readonly [ReasonCode, number, string])[] = [
  ["rule", 34, "Rule: Block Telnet and SMB"],
  ["default_policy", 22, "Default policy"],
  ["threat", 16, "Threat intelligence: Feodo Tracker"],
  ["ban", 12, "Banned: port scan: 24 ports in 1.2 s"],
  ["blacklist", 7, "Blacklisted IP"],
  ["rate_limit", 6, "Rate limit exceeded"],
  ["invalid", 3, "Invalid state"],
];

const PORTS = [22, 23, 80, 443, 445, 3389, 5060, 8080, 8443, 25];

/** A small generator of numbers from 0 to 1 (mulberry32). */
export function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Makes rows and counts. */
export class FakeTraffic {
  readonly #random = randomFrom(7);
  readonly #isMonitor: () => boolean;
  /** Takes the place of every reason's text. */
  readonly hostileText: string | undefined;
  #seq = 0;

  constructor(isMonitor: () => boolean, hostileText?: string) {
    this.#isMonitor = isMonitor;
    this.hostileText = hostileText;
  }

  /** The number of the newest row. */
  get seq(): number {
    return this.#seq;
  }

  /** About so many packets, three of four allowed. */
  counts(packets: number): Counts {
    const blocked: Partial<Record<ReasonCode, number>> = {};
    const total = packets * (0.2 + this.#random() * 0.1);
    for (const [reason, share] of BLOCKS) {
      const count = Math.round(total * share / 100 * (0.5 + this.#random()));
      if (count > 0) blocked[reason] = count;
    }
    return { allowed: Math.round(packets * (0.6 + this.#random() * 0.3)), blocked };
  }

  /** So many rows, each with the next number. */
  rows(count: number, at: number): LiveRow[] {
    return Array.from({ length: count }, () => this.#row(at));
  }

  #row(at: number): LiveRow {
    const random = this.#random;
    const isBlocked = random() < 0.6;
    const [reason_code, , text] = isBlocked
      ? pick(BLOCKS, random())
      : ["default_policy", 0, "Default policy"] as const;
    const isV6 = random() < 0.15;
    return {
      seq: ++this.#seq,
      at,
      src_ip: random() < 0.02 ? "*" : isV6 ? someV6(random) : someV4(random),
      dst_ip: isV6 ? "2001:db8:1::20" : "192.0.2.20",
      src_port: 1_024 + Math.floor(random() * 60_000),
      dst_port: PORTS[Math.floor(random() * PORTS.length)],
      protocol: random() < 0.85 ? "tcp" : "udp",
      reason: this.hostileText ?? text,
      reason_code,
      rule_id: reason_code === "rule" ? "4f1c9a2b" : null,
      direction: someDirection(random()),
      interface: "eth0",
      hits: random() < 0.1 ? 2 + Math.floor(random() * 400) : 1,
      action: !isBlocked ? "allowed" : this.#isMonitor() ? "would_block" : "blocked",
    };
  }
}

/** An entry by its share of a hundred. */
function pick(
  entries: typeof BLOCKS,
  at: number,
): readonly [ReasonCode, number, string] {
  let rest = at * 100;
  return entries.find(([, share]) => (rest -= share) < 0) ?? entries[0];
}

function someDirection(at: number): LiveRow["direction"] {
  return at < 0.7 ? "incoming" : at < 0.85 ? "outgoing" : "forwarded";
}

function someV4(random: () => number): string {
  const net = ["203.0.113", "198.51.100"][Math.floor(random() * 2)];
  return `${net}.${Math.floor(random() ** 2 * 254) + 1}`;
}

function someV6(random: () => number): string {
  return `2001:db8:${Math.floor(random() * 0xffff).toString(16)}::${
    Math.floor(random() * 0xffff).toString(16)
  }`;
}

const SHAPES: Readonly<Record<Span, readonly [step: number, points: number]>> = {
  "5m": [1, 300],
  "1h": [10, 360],
  "24h": [300, 288],
};

/** The past, in waves. */
export function fakeSeries(span: Span, now: number, packets: number): Series {
  const [step, points] = SHAPES[span];
  const random = randomFrom(points);
  const last = Math.floor(now / (step * 1_000)) * step * 1_000;
  const at = Array.from({ length: points }, (_, back) => last - (points - 1 - back) * step * 1_000);
  const wave = (index: number) => 1 + 0.5 * Math.sin(index / 23) + 0.25 * Math.sin(index / 7);
  const column = (share: number, burst: number) =>
    at.map((_, index) => {
      const isBurst = Math.sin(index / 31 + share) > burst;
      const level = packets * step * share * wave(index) * (0.7 + random() * 0.6);
      return Math.round(level * (isBurst ? 2.4 : 1));
    });
  const blocked: Partial<Record<ReasonCode, number[]>> = {};
  for (const [reason, share] of BLOCKS) blocked[reason] = column(share / 400, 0.9);
  return { span, step, at, allowed: column(0.75, 2), blocked };
}
