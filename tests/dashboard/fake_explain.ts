/** The fake firewall's answer to why a connection passes or does not. */
import type { ExplainAnswer, ExplainRequest } from "../../dashboard/contract.ts";
import { Refusal } from "./fake_changes.ts";
import type { FakeState } from "./fake_state.ts";

/** Banned addresses are blocked, all others pass. */
export function explain(state: FakeState, request: ExplainRequest): ExplainAnswer {
  if (!/^[0-9a-f.:]+$/i.test(request.address)) {
    throw new Refusal(422, {
      error: `cannot explain: "${request.address}" is not one IP address`,
      code: "invalid",
    });
  }
  const banned = state.bans.find(({ address }) => address === request.address) ?? null;
  const isBanned = banned !== null;
  const passes = (code: "whitelist" | "blacklist", text: string) =>
    ({ code, outcome: "passes", text, action: "allow" }) as const;
  return {
    ...request,
    enforced: state.mode === "enforce",
    action: isBanned ? "block" : "allow",
    reason_code: isBanned ? "ban" : "default_policy",
    reasonCode: isBanned ? "ban" : "default_policy",
    reason: isBanned ? `Banned: ${banned.reason}` : "Default policy",
    isLocal: false,
    steps: [
      passes("whitelist", "not on the whitelist (2 entries)"),
      passes("blacklist", `not on the blacklist (${state.lists.blacklist.length} entries)`),
      {
        code: "ban",
        outcome: isBanned ? "decides" : "passes",
        text: isBanned ? `banned until ${banned.until}` : "not banned",
        action: "block",
      },
      {
        code: "threat",
        outcome: isBanned ? "unreached" : "passes",
        text: "no feed lists it",
        action: "block",
      },
      {
        code: "rate_limit",
        outcome: isBanned ? "unreached" : "depends",
        text: "more than 100 new connections in 10 s would be blocked",
        action: "block",
      },
      ...state.rules.map(({ rule }, at) => ({
        code: "rule" as const,
        outcome: isBanned ? "unreached" as const : "passes" as const,
        text: `${rule.name}: another port`,
        action: rule.action,
        rule: { number: at + 1, id: state.idOf(at), name: rule.name },
      })),
      {
        code: "default_policy",
        outcome: isBanned ? "unreached" : "decides",
        text: "nothing else decides",
        action: "allow",
      },
    ],
    ban: banned,
    feeds: isBanned ? [{ feed: "Feodo Tracker", entry: request.address, level: 3 }] : [],
    kernel: state.mode === "enforce"
      ? {
        set: "pfw-ban4",
        isInSet: isBanned,
        chain: "PFW-D-ban",
        tables: ["raw"],
        packets: 4_121,
        bytes: 247_260,
      }
      : null,
    warnings: isBanned ? ["decides before pfw: -A INPUT -s 203.0.113.0/24 -j DROP"] : [],
  };
}
