/** What the fake firewall remembers: made up, and changed by the page like the real one's. */
import type {
  BansAnswer,
  BanView,
  ConfigRule,
  Mode,
  Overview,
  PendingView,
  RunningStatus,
  StoredStats,
  ThreatsAnswer,
} from "../../dashboard/contract.ts";

/** What a fake is to show; all off by default. */
export interface FakeOptions {
  readonly isMonitor?: boolean;
  /** Packets a second, and whether every tick has all the rows that it may have. */
  readonly packets?: number;
  readonly isBusy?: boolean;
  /** This text stands wherever somebody else chooses the words. */
  readonly hostileText?: string;
  /** Losses and changes by others. */
  readonly hasTrouble?: boolean;
  /** The first change of each kind would cut somebody off. */
  readonly wouldCut?: boolean;
  /** Nothing there yet: no rules, bans, feeds, top addresses. */
  readonly isEmpty?: boolean;
}

type FeedState = ThreatsAnswer["feeds"][number];
export type { FeedState };

/** A rule with what was counted for it. */
export interface FakeRule {
  readonly rule: ConfigRule;
  readonly packets: number;
  readonly bytes: number;
}

function rule(name: string, change: Partial<ConfigRule> = {}): ConfigRule {
  return {
    name,
    action: "block",
    protocol: "tcp",
    ports: [],
    source_ips: [],
    destination_ips: [],
    direction: "in",
    enabled: true,
    ...change,
  };
}

function fakeRules(hostile: string | undefined): FakeRule[] {
  return [
    rule(hostile ?? "Office may do everything", {
      action: "allow",
      protocol: "any",
      source_ips: ["192.0.2.0/24", "2001:db8:1::/48"],
      direction: "both",
    }),
    rule("Block Telnet and SMB", { ports: [23, 445, "8000-8100"] }),
    rule("Remote desktop", { ports: [3389], source_ips: ["203.0.113.0/24"] }),
    rule("No SMTP from here", { ports: [25, 465, 587], direction: "out" }),
    rule("Old printer", { protocol: "udp", ports: [161], enabled: false }),
  ].map((one, at) => ({
    rule: one,
    packets: [98_213, 4_812, 377, 12, 0][at],
    bytes: 60 * 10 ** (5 - at),
  }));
}

const iso = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

function fakeBan(address: string, seconds: number, change: Partial<BanView> = {}): BanView {
  return {
    address,
    cause: "port_scan",
    reason: "port scan: 24 ports in 1.2 s",
    evidence: { ports: 24, seconds: 1.2, score: 31.5, samples: [22, 23, 80, 443, 445, 3389] },
    since: iso(-seconds / 2),
    until: iso(seconds / 2),
    secondsLeft: seconds / 2,
    offences: 1,
    ...change,
  };
}

function fakeBans(hostile: string | undefined): BanView[] {
  return [
    fakeBan("203.0.113.77", 1_200),
    fakeBan("198.51.100.9", 7_200, {
      cause: "syn_flood",
      reason: hostile ?? "SYN flood: 412 half-open connections in 5 s",
      evidence: { halfOpen: 412, seconds: 5, note: hostile ?? "port 443" },
      offences: 3,
    }),
    fakeBan("2001:db8:bad::/64", 172_800, {
      cause: "manual",
      reason: "by hand",
      evidence: {},
    }),
  ];
}

function fakeFeeds(hostile: string | undefined): FeedState[] {
  const feed = (name: string, change: Partial<FeedState>): FeedState => ({
    name,
    url: "https://feeds.example/list.txt",
    format: "auto",
    foundFormat: "plain",
    enabled: true,
    interval: 3_600,
    status: "ok",
    receivedBytes: 0,
    entries: 812,
    refused: {},
    fetchedAt: iso(-1_800),
    checkedAt: iso(-900),
    nextAt: iso(2_700),
    error: null,
    ...change,
  });
  return [
    feed("Feodo Tracker", { refused: { private: 10, malformed: 2 } }),
    feed(hostile ?? "IPsum level 3", {
      entries: 24_318,
      status: "kept",
      error: hostile ?? "https://feeds.example answered with status 503",
    }),
    feed("Tor exits", { enabled: false, status: "disabled", entries: 0, nextAt: null }),
  ];
}

/** Everything that changes. */
export class FakeState {
  mode: Mode;
  rules: FakeRule[];
  bans: BanView[];
  feeds: FeedState[];
  lists: Record<"blacklist" | "whitelist", string[]>;
  defaultPolicy: "allow" | "block" = "allow";
  icmpBlocked = false;
  pending: (PendingView & { readonly until: number }) | null = null;
  updating = false;
  readonly options: FakeOptions;

  constructor(options: FakeOptions) {
    const { isEmpty, hostileText } = options;
    this.options = options;
    this.mode = options.isMonitor ? "monitor" : "enforce";
    this.rules = isEmpty ? [] : fakeRules(hostileText);
    this.bans = isEmpty ? [] : fakeBans(hostileText);
    this.feeds = isEmpty ? [] : fakeFeeds(hostileText);
    const many = Array.from({ length: 620 }, (_, at) => `198.51.${at >> 8}.${at & 255}`);
    this.lists = {
      whitelist: ["127.0.0.1", "::1"],
      blacklist: isEmpty ? [] : ["203.0.113.0/24", ...many],
    };
  }

  /** Number and what is written stand for the id. */
  idOf(index: number): string {
    const { name, action, ports } = this.rules[index].rule;
    return `${name}|${action}|${ports}`.length.toString(16) + `-${name.length}-${action}`;
  }

  overview(): Overview {
    const head = (name: "blacklist" | "whitelist") => ({
      total: this.lists[name].length,
      offset: 0,
      entries: this.lists[name].slice(0, 200),
    });
    return {
      status: fakeStatus(this),
      config: {
        default_policy: this.defaultPolicy,
        rules: this.rules.map((one, index) => ({
          number: index + 1,
          id: this.idOf(index),
          ...one,
          ...(this.mode === "monitor" && { packets: 0, bytes: 0 }),
        })),
        whitelist: head("whitelist"),
        blacklist: head("blacklist"),
        rate_limit: { enabled: true, connections: 100, seconds: 10 },
        icmpBlocked: this.icmpBlocked,
      },
      pending: this.pendingView(),
    };
  }

  pendingView(): PendingView | null {
    if (!this.pending) return null;
    const { command, user, until } = this.pending;
    return { command, user, secondsLeft: Math.max(0, Math.ceil((until - Date.now()) / 1_000)) };
  }

  threats(): ThreatsAnswer {
    const entries = this.feeds.reduce((sum, feed) => sum + feed.entries, 0);
    return { feeds: this.feeds, entries, updating: this.updating, fault: null, mode: this.mode };
  }

  bansAnswer(bans: readonly BanView[], unknown?: readonly string[]): BansAnswer {
    return { bans, mode: this.mode, ...(unknown && { unknown }) };
  }
}

function fakeStatus(state: FakeState): RunningStatus {
  const { hasTrouble, isEmpty } = state.options;
  const few = hasTrouble ? 1 : 0;
  const isMonitor = state.mode === "monitor";
  return {
    running: true,
    since: iso(-86_400 * 2),
    mode: state.mode,
    totals: {
      packets: 12_345_678,
      bytes: 9_876_543_210,
      allowed: 11_000_000,
      allowedBytes: 9e9,
      blocked: isMonitor ? 0 : 1_345_678,
      blockedBytes: 8e7,
      wouldBlock: isMonitor ? 1_345_678 : 0,
      wouldBlockBytes: 0,
      undecodable: 31,
      byReason: {},
      byDecodeResult: {},
      byDirection: {},
    },
    losses: {
      ringDrops: 1_204 * few,
      interfaceDrops: 0,
      countedOnly: 0,
      nflogLost: 77 * few,
      captureRecordsLost: 0,
      rowsCoalesced: 45_210,
      rowsBlurred: 12,
      rowsLost: 0,
      hitsLost: 0,
      failedWrites: 2 * few,
      logLinesLost: 0,
    },
    version: "0.1.0 (fake)",
    pid: 4_242,
    config: "/etc/personal-firewall/firewall_rules.json",
    policy: {
      defaultAction: state.defaultPolicy,
      rules: state.rules.length,
      whitelist: state.lists.whitelist.length,
      blacklist: state.lists.blacklist.length,
      bans: state.bans.length,
      threats: 25_130,
      rateLimit: "100 per 10 s",
    },
    feeds: state.feeds,
    bans: state.bans.length,
    devices: [
      {
        name: "eth0",
        open: true,
        received: 12_000_000,
        droppedByRing: 1_204 * few,
        droppedByInterface: 0,
      },
      {
        name: "nflog:871",
        open: true,
        received: 1_345_678,
        droppedByRing: 0,
        droppedByInterface: 0,
      },
    ],
    ...(!isMonitor && {
      kernel: {
        inPlace: !hasTrouble,
        differences: hasTrouble ? ["chain PFW-IN is not called from INPUT"] : [],
        sets: [
          { name: "pfw-white4", entries: 1, memory: 536 },
          { name: "pfw-black4", entries: state.lists.blacklist.length, memory: 41_000 },
          { name: "pfw-threat4", entries: 25_130, memory: 1_720_000 },
          { name: "pfw-ban4", entries: 2, memory: 1_200 },
        ],
        chains: 41,
        rules: 97,
      },
      drift: {
        repaired: hasTrouble ? 3 : 0,
        failed: few,
        last: hasTrouble
          ? {
            at: iso(-400),
            differences: [
              state.options.hostileText ?? "iptables: chain PFW-IN was emptied",
              "set pfw-ban4 is gone",
            ],
          }
          : undefined,
      },
    }),
    database: {
      path: "/var/lib/personal-firewall/firewall.db",
      fault: hasTrouble && !isEmpty ? "disk is full" : null,
    },
    dashboard: "http://127.0.0.1:8787/",
    memory: 142_000_000,
  };
}

/** Sums of the database. */
export function fakeSummary({ options, mode }: FakeState): StoredStats {
  const volume = (packets: number) => ({ packets, bytes: packets * 80 });
  const reasons = ["threat", "rule", "ban", "default_policy", "blacklist", "rate_limit"] as const;
  const isMonitor = mode === "monitor";
  return {
    since: iso(-86_400 * 9),
    allowed: volume(90_000_000),
    blocked: volume(isMonitor ? 0 : 2_000_000),
    wouldBlock: volume(isMonitor ? 2_000_000 : 0),
    undecodable: volume(12),
    byReason: {},
    topBlocked: options.isEmpty ? [] : Array.from({ length: 10 }, (_, at) => {
      const count = Math.round(48_120 / (at + 1) ** 1.4);
      return {
        address: at === 3 ? "2001:db8:4f2a:10::beef" : `203.0.113.${7 + at * 13}`,
        blocked: isMonitor ? 0 : count,
        wouldBlock: isMonitor ? count : 0,
        reason_code: reasons[at % reasons.length],
        reasonCode: reasons[at % reasons.length],
        lastSeen: iso(-at * 7),
      };
    }),
    otherBlocked: 9_000,
    hours: [],
  };
}
