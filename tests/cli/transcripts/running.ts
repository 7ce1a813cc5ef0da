/** Answers of a pfw that runs, for a stand-in on its socket. */
import type { BanView } from "../../../engine/bans/ban.ts";
import type { ExplainAnswer } from "../../../engine/control/explain.ts";
import type { Mode, RunningStats, RunningStatus } from "../../../engine/control/status.ts";
import { Losses } from "../../../engine/observe/losses.ts";
import type { Sandbox } from "../../support/sandbox.ts";
import { stateOf } from "../threats_support.ts";
import { configured } from "./found.ts";

/** It started an hour and a half ago. */
const began = () => new Date(Date.now() - 5_400_500).toISOString();

function stats(mode: Mode): RunningStats {
  const enforces = mode === "enforce";
  return {
    since: began(),
    mode,
    totals: {
      packets: 120_430,
      bytes: 98_765_432,
      allowed: 119_000,
      allowedBytes: 98_000_000,
      blocked: enforces ? 1_400 : 0,
      blockedBytes: enforces ? 84_000 : 0,
      wouldBlock: enforces ? 0 : 1_400,
      wouldBlockBytes: enforces ? 0 : 84_000,
      undecodable: 30,
      byReason: {
        blacklist: { allowed: 0, blocked: enforces ? 1_400 : 0, wouldBlock: enforces ? 0 : 1_400 },
        default_policy: { allowed: 119_000, blocked: 0, wouldBlock: 0 },
      },
      byDecodeResult: { not_ip: 30, truncated: 0, malformed: 0, unknown_link: 0 },
      byDirection: { unknown: 0, incoming: 70_000, outgoing: 50_400, forwarded: 0, local: 30 },
    },
    losses: { ...new Losses().toJSON(), rowsCoalesced: 12 },
  };
}

const NOTHING_LOST = {
  droppedByRing: 0,
  droppedByInterface: 0,
  recordsLost: 0,
  countedOnly: 0,
  countedOnlyBytes: 0,
};

function status(mode: Mode): RunningStatus {
  const kernel = {
    inPlace: true,
    differences: [],
    sets: [{ name: "pfw-black-4", entries: 1, memory: 520 }],
    chains: 12,
    rules: 40,
  };
  const enforced = mode === "enforce"
    ? { kernel, drift: { repaired: 0, failed: 0, last: undefined } }
    : {};
  return {
    ...stats(mode),
    running: true,
    version: "0.1.0",
    pid: 4711,
    config: "/etc/personal-firewall/firewall_rules.json",
    policy: {
      defaultAction: "allow",
      rules: 2,
      whitelist: 2,
      blacklist: 2,
      bans: 1,
      threats: 1_234,
      rateLimit: "100 per 10 s",
    },
    feeds: [FEED],
    bans: 1,
    devices: [
      { name: "eth0", open: true, received: 120_000, ...NOTHING_LOST },
      { name: "wlan0", open: false, received: 0, ...NOTHING_LOST },
    ],
    ...enforced,
    database: { path: "/var/lib/personal-firewall/firewall.db", fault: null },
    dashboard: enforced.kernel ? "http://127.0.0.1:8787/" : null,
    memory: 98_000_000,
  };
}

const FEED = stateOf("Feodo Tracker", { fetchedAt: "2026-01-01T00:00:00.000Z" });

/** A ban that a detector made. */
export const BAN: BanView = {
  address: "203.0.113.9",
  cause: "port_scan",
  reason: "port scan: 24 ports in 1.2 s",
  evidence: { ports: [21, 22, 23], packets: 24, seconds: 1.2 },
  since: "2026-01-31T12:00:00.000Z",
  until: "2026-01-31T12:10:00.000Z",
  secondsLeft: 540,
  offences: 1,
};

const EXPLANATION: ExplainAnswer = {
  address: "198.51.100.7",
  direction: "in",
  enforced: true,
  action: "block",
  reason_code: "blacklist",
  reasonCode: "blacklist",
  reason: "Blacklisted IP",
  isLocal: false,
  steps: [
    { code: "whitelist", outcome: "passes", text: "not listed", action: "allow" },
    {
      code: "blacklist",
      outcome: "decides",
      text: "listed as 198.51.100.7",
      action: "block",
      entry: "198.51.100.7",
    },
    { code: "default_policy", outcome: "unreached", text: "allow", action: "allow" },
  ],
  ban: null,
  feeds: [],
  kernel: {
    set: "pfw-black-4",
    isInSet: true,
    chain: "PFW-D-blacklist",
    tables: ["raw"],
    packets: 12,
    bytes: 720,
  },
  warnings: [],
};

/** What it says to each request; a change of the configuration is taken over. */
function answers(mode: Mode): Readonly<Record<string, unknown>> {
  const threats = { feeds: [FEED], entries: 1_234, updating: false, fault: null, mode };
  return {
    "GET /status": status(mode),
    "GET /stats": stats(mode),
    "GET /rules": [],
    "GET /bans": { bans: [BAN], mode },
    "POST /bans": { bans: [{ ...BAN, cause: "manual", reason: "by hand", evidence: {} }], mode },
    "POST /bans/remove": { bans: [BAN], unknown: [], mode },
    "GET /threats": threats,
    "POST /threats/update": threats,
    "POST /explain": { ...EXPLANATION, enforced: mode === "enforce" },
    "POST /reload": { summary: "default allow, 2 rules, black 2, white 2", mode },
    "POST /stop": { onExit: "remove" },
  };
}

/** With a configuration and a pfw that runs. */
export function running(mode: Mode = "enforce", more: Readonly<Record<string, unknown>> = {}) {
  return (box: Sandbox): void => {
    configured(box);
    const all = { ...answers(mode), ...more };
    const lifelines = { sessions: [], gateways: [], resolvers: [], own: [], mode };
    const { config, dataDir } = box.paths;
    box.standIn((request) => {
      if (request === "GET /lifelines") return [200, { ...lifelines, config, dataDir }];
      return request in all ? [200, all[request]] : [404, { error: "unknown" }];
    });
  };
}

/** With one that refuses every change. */
export function refusing(error: string, exitCode: number) {
  return (box: Sandbox): void => {
    configured(box);
    box.standIn((request) => {
      if (request === "GET /rules") return [200, []];
      return request.startsWith("POST") ? [422, { error, exitCode }] : [404, null];
    });
  };
}
