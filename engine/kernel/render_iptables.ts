/** Chains of a plan in the language of `iptables-restore`, as `iptables-save` would print them. */
import { formatPrefix } from "../net/address.ts";
import type { PortRange } from "../policy/policy.ts";
import { allowChain, dropChain } from "./names.ts";
import type {
  ChainPlan,
  FamilyPlan,
  Match,
  PlanRule,
  RatePlan,
  TablePlan,
  Target,
} from "./plan.ts";

/** Bytes of a dropped packet that are reported: IPv6, an extension header or two and TCP. */
export const NFLOG_SIZE = 128;
/** Reports that the kernel gathers before it wakes us, unless its time is over first (`capture`). */
const NFLOG_THRESHOLD = 64;
/** The kernel's own choice is at most 8,192: a flood of sources would make it walk long chains. */
const RATE_TABLE_BUCKETS = 65_536;

/** Everything for one family, as it would be written onto an empty kernel. For people and tests. */
export function renderFamily(plan: FamilyPlan): string {
  return [plan.raw, plan.filter].map(renderTable).join("");
}

function renderTable(table: TablePlan): string {
  if (table.hooks.length === 0) return "";
  return [
    `*${table.name}`,
    ...[...table.mains, ...table.targets].map(renderDeclaration),
    ...[...table.mains, ...table.targets].flatMap(renderChainRules),
    ...table.hooks.map(({ hook, chain }) => `-I ${hook} 1 -j ${chain}`),
    "COMMIT\n",
  ].join("\n");
}

/** Creates the chain, or empties an existing one in the same transaction. */
export function renderDeclaration(chain: { readonly name: string }): string {
  return `:${chain.name} - [0:0]`;
}

/** The rules of a chain, one line each. */
export function renderChainRules(chain: ChainPlan): string[] {
  return chain.rules.map((rule) => `-A ${chain.name} ${renderRule(rule)}`);
}

/** One rule without its chain. */
export function renderRule(rule: PlanRule): string {
  return [...rule.matches.map(renderMatch), renderTarget(rule.target)].join(" ");
}

function renderMatch(match: Match): string {
  switch (match.kind) {
    case "interface":
      return `${match.direction === "in" ? "-i" : "-o"} ${match.name}`;
    case "set":
      return `-m set ${match.isNegated ? "! " : ""}--match-set ${match.set} ${match.side}`;
    case "address":
      return `${match.isNegated ? "! " : ""}${match.side === "src" ? "-s" : "-d"} ` +
        formatPrefix(match.prefix);
    case "protocol":
      return `-p ${match.protocol}`;
    case "connection_mark":
      return `-m connmark --mark 0x${match.mark.toString(16)}`;
    case "ports":
      return renderPorts(match.protocol, match.ranges);
    case "original_port":
      return `-p ${match.protocol} -m conntrack --ctorigdstport ${renderRange(match.range)}`;
    case "icmpv6_type":
      return `-p ipv6-icmp -m icmp6 --icmpv6-type ${match.type}`;
    case "state":
      return `-m conntrack ${match.isNegated ? "! " : ""}--ctstate ${match.states.join(",")}`;
    case "established_original":
      return "-m conntrack --ctstate ESTABLISHED --ctdir ORIGINAL";
    case "reply":
      return "-m conntrack --ctdir REPLY";
    case "rate_above":
      return renderRate(match.rate);
    case "packets_below_together":
      return `-m hashlimit --hashlimit-upto ${match.perSecond}/sec ` +
        `--hashlimit-burst ${match.burst} --hashlimit-name ${match.table}`;
    case "packets_below":
      return `-m limit --limit ${match.perSecond}/sec --limit-burst ${match.burst}`;
  }
}

function renderPorts(protocol: string, ranges: readonly PortRange[]): string {
  const text = ranges.map(renderRange).join(",");
  return ranges.length === 1
    ? `-p ${protocol} -m ${protocol} --dport ${text}`
    : `-p ${protocol} -m multiport --dports ${text}`;
}

function renderRange({ first, last }: PortRange): string {
  return first === last ? `${first}` : `${first}:${last}`;
}

function renderRate(rate: RatePlan): string {
  return [
    `-m hashlimit --hashlimit-above ${rate.amount}/${rate.unit}`,
    `--hashlimit-burst ${rate.burst}`,
    "--hashlimit-mode srcip",
    ...(rate.sourceMask === undefined ? [] : [`--hashlimit-srcmask ${rate.sourceMask}`]),
    `--hashlimit-name ${rate.table}`,
    `--hashlimit-htable-size ${RATE_TABLE_BUCKETS}`,
    `--hashlimit-htable-max ${rate.entries}`,
    `--hashlimit-htable-expire ${rate.expire}`,
  ].join(" ");
}

function renderTarget(target: Target): string {
  switch (target.kind) {
    case "return":
      return "-j RETURN";
    case "drop":
      return "-j DROP";
    case "mark":
      return `-j CONNMARK --set-xmark 0x${target.mark.toString(16)}/0xffffffff`;
    case "jump":
      return `-j ${target.chain}`;
    case "goto":
      return `-g ${target.chain}`;
    case "block":
      return `-j ${dropChain(target.reason, target.ruleId)}`;
    case "allow":
      return `-g ${allowChain(target.ruleId)}`;
    case "follow":
      return `-j SET --add-set ${target.set} src --timeout ${target.seconds}`;
    case "nflog":
      return `-j NFLOG --nflog-prefix "${target.prefix}" --nflog-group ${target.group} ` +
        `--nflog-size ${NFLOG_SIZE} --nflog-threshold ${NFLOG_THRESHOLD}`;
  }
}
