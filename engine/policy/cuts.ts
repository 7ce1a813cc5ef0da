/**
 * Which of the lifelines a policy would cut: asked of the matcher itself, with the packets that
 * such a connection begins with.
 */
import { formatPrefix, type Prefix } from "../net/address.ts";
import { isLoopback, type Lifelines } from "../net/lifelines.ts";
import { PrefixList } from "../net/prefix_list.ts";
import type { SshSession } from "../net/ssh_sessions.ts";
import { Direction, ParsedPacket, Protocol, TcpFlag } from "../packet/packet.ts";
import { synthesize, type SyntheticFields } from "../packet/synthetic.ts";
import { Matcher } from "./matcher.ts";
import type { Policy } from "./policy.ts";
import { isBlocked, reasonOf, REASONS, ruleOf, type Verdict } from "./verdict.ts";

/** A lifeline that would be cut, and what cuts it. */
export interface Cut {
  /** `the SSH session from 192.0.2.7`; the same lifeline has always the same text. */
  readonly lifeline: string;
  /** `rule 3 "No SSH"`, `the blacklist`. */
  readonly by: string;
}

/** One packet of a conversation; `isOut` when this machine sends it. */
interface Step {
  readonly isOut: boolean;
  readonly protocol: number;
  readonly ourPort: number;
  readonly peerPort: number;
  readonly flags?: number;
  readonly icmpType?: number;
}

/** Flows of a handful of packets. */
const FLOWS = 1024;
const DNS_PORT = 53;
/** Any port that nobody listens on will do for the side that asks. */
const OUR_PORT = 50_123;

/** What the policy would cut; empty when all lifelines hold. */
export function findCuts(policy: Policy, lifelines: Lifelines): Cut[] {
  const { sessions, viewers = [], gateways, resolvers } = lifelines;
  if ([sessions, viewers, gateways, resolvers].every(({ length }) => length === 0)) return [];
  const judge = new Judge(narrowed(policy, lifelines), lifelines);
  const cuts: Cut[] = [];
  const note = (lifeline: string, verdict: Verdict | undefined) => {
    if (verdict !== undefined) cuts.push({ lifeline, by: describeVerdict(verdict, policy) });
  };
  for (const session of sessions) {
    if (isLoopback(session.peer)) continue;
    note(`the SSH session from ${formatPrefix(session.peer)}`, judge.session(session));
  }
  for (const viewer of viewers) {
    if (isLoopback(viewer.peer)) continue;
    note(`the dashboard as seen from ${formatPrefix(viewer.peer)}`, judge.session(viewer));
  }
  for (const gateway of gateways) {
    note(`the default gateway ${formatPrefix(gateway)}`, judge.gateway(gateway));
  }
  for (const resolver of resolvers) {
    note(`the DNS server ${formatPrefix(resolver)}`, judge.resolver(resolver));
  }
  return cuts;
}

/** The policy with what its lists say of these addresses alone: others may be very long. */
function narrowed(policy: Policy, lifelines: Lifelines): Policy {
  const { sessions, viewers = [], gateways, resolvers, own, ends = [] } = lifelines;
  const known = [...sessions, ...viewers, ...ends].flatMap(({ peer, local }) =>
    local ? [peer, local] : [peer]
  );
  const addresses = [...known, ...gateways, ...resolvers, ...own];
  const narrow = (list: PrefixList) =>
    PrefixList.from(
      addresses.map((address) => list.covering(address)).filter((prefix) => prefix !== undefined),
    );
  return {
    ...policy,
    whitelist: narrow(policy.whitelist),
    blacklist: narrow(policy.blacklist),
    bans: narrow(policy.bans),
    threats: narrow(policy.threats),
  };
}

/** The cuts of one policy that another one did not make already. */
export function newCuts(cuts: readonly Cut[], before: readonly Cut[]): Cut[] {
  const known = new Set(before.map(({ lifeline }) => lifeline));
  return cuts.filter(({ lifeline }) => !known.has(lifeline));
}

const { syn: SYN, ack: ACK } = TcpFlag;

class Judge {
  readonly #matcher: Matcher;
  readonly #packet = new ParsedPacket();

  readonly #own: readonly Prefix[];
  /** Our end by the text of the other one. */
  readonly #ends: ReadonlyMap<string, Prefix>;

  constructor(policy: Policy, { own, ends = [] }: Lifelines) {
    this.#own = own;
    this.#ends = new Map(ends.map(({ peer, local }) => [formatPrefix(peer), local]));
    this.#matcher = new Matcher(policy, { flows: FLOWS });
  }

  /** As a new connection: a session that cannot be begun again is as good as cut. */
  session({ peer, peerPort, local, localPort }: SshSession): Verdict | undefined {
    const ports = { protocol: Protocol.tcp, ourPort: localPort, peerPort };
    return this.#blocked(peer, local, [
      { ...ports, isOut: false, flags: SYN },
      { ...ports, isOut: true, flags: SYN | ACK },
      { ...ports, isOut: false, flags: ACK },
    ]);
  }

  resolver(server: Prefix): Verdict | undefined {
    const ports = { protocol: Protocol.udp, ourPort: OUR_PORT, peerPort: DNS_PORT };
    return this.#blocked(server, this.#endTo(server), [{ ...ports, isOut: true }, {
      ...ports,
      isOut: false,
    }]);
  }

  /** Cut off only when nothing gets there: a rule against pings alone harms no gateway. */
  gateway(gateway: Prefix): Verdict | undefined {
    const icmp = gateway.family === 4
      ? { protocol: Protocol.icmp, icmpType: 8 }
      : { protocol: Protocol.icmpv6, icmpType: 128 };
    const ports = { ourPort: OUR_PORT, peerPort: OUR_PORT };
    const ways: Step[] = [
      { isOut: true, ourPort: 0, peerPort: 0, ...icmp },
      { isOut: true, protocol: Protocol.tcp, ...ports, flags: SYN },
      { isOut: true, protocol: Protocol.udp, ...ports },
    ];
    const verdicts = ways.map((way) => this.#blocked(gateway, this.#endTo(gateway), [way]));
    return verdicts.includes(undefined) ? undefined : verdicts[0];
  }

  #endTo(peer: Prefix): Prefix | undefined {
    return this.#ends.get(formatPrefix(peer));
  }

  /** Where our end is not known, any of our addresses that is let through will do. */
  #blocked(peer: Prefix, us: Prefix | undefined, steps: readonly Step[]): Verdict | undefined {
    const ours = us ? [us] : this.#own.filter(({ family }) => family === peer.family);
    const verdicts = (ours.length > 0 ? ours : [peer]).map((end) =>
      this.#blockedBetween(peer, end, steps)
    );
    return verdicts.includes(undefined) ? undefined : verdicts[0];
  }

  #blockedBetween(peer: Prefix, us: Prefix, steps: readonly Step[]): Verdict | undefined {
    for (const step of steps) {
      const packet = this.#packet;
      const view = synthesize(packet, fieldsOf(peer, us, step));
      packet.seconds = Math.floor(Date.now() / 1000);
      packet.direction = step.isOut ? Direction.outgoing : Direction.incoming;
      const verdict = this.#matcher.decide(packet, view);
      if (isBlocked(verdict)) return verdict;
    }
  }
}

function fieldsOf(peer: Prefix, us: Prefix, step: Step): SyntheticFields {
  const { isOut, protocol, ourPort, peerPort, flags, icmpType } = step;
  return {
    from: isOut ? us : peer,
    to: isOut ? peer : us,
    protocol,
    sourcePort: isOut ? ourPort : peerPort,
    destinationPort: isOut ? peerPort : ourPort,
    tcpFlags: flags,
    icmpType,
  };
}

function describeVerdict(verdict: Verdict, policy: Policy): string {
  const reason = REASONS[reasonOf(verdict)];
  switch (reason) {
    case "rule": {
      const { number, name } = policy.rules[ruleOf(verdict)];
      return `rule ${number} ${JSON.stringify(name)}`;
    }
    case "default_policy":
      return 'the default policy "block"';
    case "blacklist":
      return "the blacklist";
    case "ban":
      return "a ban";
    case "threat":
      return "a threat feed";
    case "rate_limit":
      return "the rate limit";
    default:
      return reason;
  }
}
