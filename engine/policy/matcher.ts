/**
 * The policy as the process itself applies it: the same order, and the same answers, as the chains
 * that `kernel/compile.ts` makes of it. Monitor and replay have no other judge; while the kernel
 * enforces, it decides which packets are worth a sample.
 */
import { decodeIp } from "../packet/decode.ts";
import { DecodeResult, Direction, ParsedPacket, Protocol } from "../packet/packet.ts";
import { FlowKey, PacketClass } from "./flow_key.ts";
import { FlowState, FlowTable } from "./flow_table.ts";
import { FragmentTable, NO_VERDICT } from "./fragment_table.ts";
import type { Prefix } from "../net/address.ts";
import { isSameList, type PrefixList } from "../net/prefix_list.ts";
import { PrefixTable } from "../net/prefix_table.ts";
import type { Policy } from "./policy.ts";
import { randomWord } from "./random_word.ts";
import { RateLimiter } from "./rate_limit.ts";
import { NO_RULE, RuleTable } from "./rule_table.ts";
import { isBlocked, makeVerdict, Reason, type Verdict } from "./verdict.ts";

const WHITELISTED = makeVerdict(Reason.whitelist, false);
const INVALID = makeVerdict(Reason.invalid, true);
const RATE_LIMITED = makeVerdict(Reason.rateLimit, true);
const ALLOWED = makeVerdict(Reason.defaultPolicy, false);
const DEFAULT_BLOCKED = makeVerdict(Reason.defaultPolicy, true);

const BANNED = makeVerdict(Reason.ban, true);
const BY_THREAT = makeVerdict(Reason.threat, true);

/** What the packet judged last was to its connection, for those who watch how sources behave. */
export const Moment = {
  none: 0,
  /** It asks for a connection that is not known yet. */
  opens: 1,
  /** It completes a TCP handshake that its sender began. */
  completes: 2,
} as const;

/** Sizes of the tables that traffic fills. */
export interface MatcherOptions {
  /** Connections remembered; a power of two. */
  readonly flows?: number;
  /** A word that the tables' places depend on; random, and so secret, unless given. */
  readonly seed?: number;
}

/** Judges packets one after another, in the order in which they were seen. */
export class Matcher {
  #lists!: PrefixTable;
  /** Bans that come and go without a new policy; `undefined`: none. */
  #bans: PrefixTable | undefined;
  #rules!: RuleTable;
  #limiter: RateLimiter | undefined;
  #blocksByDefault = false;
  #generation = 0;
  #policy!: Policy;
  /** One of `Moment`, of the packet judged last; none for one that a list decided. */
  moment: number = Moment.none;
  readonly #seed: number;
  readonly #flows: FlowTable;
  readonly #fragments = new FragmentTable();
  readonly #key = new FlowKey();
  readonly #quoted = new ParsedPacket();
  readonly #quotedKey = new FlowKey();

  constructor(policy: Policy, options: MatcherOptions = {}) {
    this.#seed = options.seed ?? randomWord();
    this.#flows = new FlowTable(options.flows, this.#seed);
    this.replacePolicy(policy);
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy;
  }

  /** Connections that were forgotten early because the table was full. */
  get evictions(): number {
    return this.#flows.evictions;
  }

  /** See `FlowTable.leadsTo`: whether this machine, or one behind it, speaks with that prefix. */
  isPeer(prefix: Prefix, now: number): boolean {
    return this.#flows.leadsTo(prefix, now);
  }

  /** Changes the policy; connections live on and are judged anew. */
  replacePolicy(policy: Policy): void {
    const lists = this.#policy && hasSameLists(this.#policy, policy)
      ? this.#lists
      : tableOf(policy);
    const before = this.#policy?.rateLimit, now = policy.rateLimit;
    if (before?.connections !== now?.connections || before?.seconds !== now?.seconds) {
      this.#limiter = now && new RateLimiter(now, undefined, this.#seed);
    }
    this.#lists = lists;
    this.#rules = new RuleTable(policy.rules);
    this.#blocksByDefault = policy.defaultAction === "block";
    this.#policy = policy;
    this.#fragments.clear();
    this.#generation = (this.#generation + 1) & 0x3fffffff;
  }

  /** Changes the bans, beside those of the policy; they come after the blacklist. */
  replaceBans(bans: PrefixList): void {
    this.#bans = bans.size === 0 ? undefined : new PrefixTable([{ list: bans, value: BANNED + 1 }]);
  }

  /** Makes ready for packets that are decided next. Changes nothing but the time that they take. */
  fetch(packets: readonly ParsedPacket[], count: number): void {
    this.#flows.fetch(packets, count);
  }

  /**
   * The verdict on a packet.
   *
   * @param view the buffer that the packet was decoded from: an ICMP error quotes another packet
   */
  decide(packet: ParsedPacket, view: DataView): Verdict {
    this.moment = Moment.none;
    // The tables of iptables judge IP alone; loopback is always free.
    if (packet.result !== DecodeResult.ok) return ALLOWED;
    if (packet.direction === Direction.local) return WHITELISTED;
    return packet.moreFragments || packet.fragmentOffset > 0
      ? this.#decideFragment(packet, view)
      : this.#decideWhole(packet, view);
  }

  #decideFragment(packet: ParsedPacket, view: DataView): Verdict {
    const isFirst = packet.fragmentOffset === 0;
    const known = isFirst ? NO_VERDICT : this.#fragments.verdict(packet);
    if (known !== NO_VERDICT) return known;
    const verdict = this.#decideWhole(packet, view);
    if (isFirst) this.#fragments.remember(packet, verdict);
    return verdict;
  }

  #decideWhole(packet: ParsedPacket, view: DataView): Verdict {
    const listed = this.#decideByLists(packet);
    if (listed === WHITELISTED) this.#follow(packet);
    if (listed !== NONE) return listed;
    if (packet.family === 6 && isAlwaysPassed(packet)) return ALLOWED;
    return this.#decideByConnection(packet, view);
  }

  /**
   * The peer's address decides: the source of what comes in, the destination of what goes out. Of
   * forwarded packets both count, the source first, for it is asked in `raw` already.
   */
  #decideByLists(packet: ParsedPacket): Verdict {
    if (packet.direction !== Direction.outgoing) {
      const bySource = this.#listOf(
        packet.family,
        packet.source0,
        packet.source1,
        packet.source2,
        packet.source3,
      );
      if (bySource !== NONE || packet.direction === Direction.incoming) return bySource;
    }
    return this.#listOf(
      packet.family,
      packet.destination0,
      packet.destination1,
      packet.destination2,
      packet.destination3,
    );
  }

  #listOf(family: number, w0: number, w1: number, w2: number, w3: number): Verdict {
    const listed = this.#lists.lookup(family, w0, w1, w2, w3) - 1;
    const bans = this.#bans;
    if (bans === undefined || (listed !== NONE && listed !== BY_THREAT)) return listed;
    return bans.lookup(family, w0, w1, w2, w3) === 0 ? listed : BANNED;
  }

  /** Remembers a connection that no rule judges: ICMP errors about it come from others. */
  #follow(packet: ParsedPacket): void {
    const key = this.#key, flows = this.#flows;
    if (key.fill(packet, portsOf(packet)) !== PacketClass.tracked) return;
    const state = flows.track(packet, key);
    if (state === FlowState.new && key.mayBegin) {
      flows.commit(packet, key, NO_RULE, this.#generation);
    }
  }

  #decideByConnection(packet: ParsedPacket, view: DataView): Verdict {
    const key = this.#key, ports = portsOf(packet);
    switch (key.fill(packet, ports)) {
      case PacketClass.tracked: {
        const state = this.#flows.track(packet, key);
        if (state === FlowState.invalid) return this.#decideInvalid(packet, ports);
        if (state === FlowState.new && this.#flows.isUnknown) {
          if (!key.mayBegin) return this.#decideInvalid(packet, ports);
          this.moment = Moment.opens;
        } else if (this.#flows.isHandshakeEnd) {
          this.moment = Moment.completes;
        }
        return this.#decideTracked(packet, ports, state);
      }
      case PacketClass.error:
        return this.#decideError(packet, view);
      case PacketClass.untracked:
        return this.#decideUntracked(packet, ports);
      default:
        return this.#decideInvalid(packet, ports);
    }
  }

  #decideTracked(packet: ParsedPacket, ports: number, state: number): Verdict {
    const flows = this.#flows;
    let byRule = flows.verdict(this.#generation);
    if (state === FlowState.reply) {
      return byRule === NO_RULE || byRule < 0 || isBlocked(byRule) ? ALLOWED : byRule;
    }
    if (state === FlowState.new && this.#limiter && packet.direction !== Direction.outgoing) {
      if (!this.#limiter.take(packet)) return RATE_LIMITED;
    }
    if (byRule < 0) {
      byRule = this.#rules.match(packet, ports);
      flows.setVerdict(byRule, this.#generation);
    }
    const verdict = byRule !== NO_RULE
      ? byRule
      : this.#blocksByDefault && state === FlowState.new
      ? DEFAULT_BLOCKED
      : ALLOWED;
    if (!isBlocked(verdict)) flows.commit(packet, this.#key, byRule, this.#generation);
    return verdict;
  }

  /** An error about a connection shares its fate; one about nothing known is invalid. */
  #decideError(packet: ParsedPacket, view: DataView): Verdict {
    const quoted = this.#quoted;
    quoted.seconds = packet.seconds;
    decodeIp(quoted, view, packet.transportOffset + 8, packet.endOffset);
    const isAboutTarget = quoted.result === DecodeResult.ok && quoted.family === packet.family &&
      quoted.source0 === packet.destination0 && quoted.source1 === packet.destination1 &&
      quoted.source2 === packet.destination2 && quoted.source3 === packet.destination3;
    if (!isAboutTarget || !this.#quotedKey.fillQuoted(quoted)) {
      return this.#decideInvalid(packet, 0);
    }
    const state = this.#flows.trackQuoted(quoted, this.#quotedKey);
    if (state < 0) return this.#decideInvalid(packet, 0);
    if (state === FlowState.reply) return ALLOWED;
    const byRule = this.#rules.match(packet, 0);
    return byRule === NO_RULE ? ALLOWED : byRule;
  }

  /** Only what comes in or passes through is dropped as invalid; our own still meets the rules. */
  #decideInvalid(packet: ParsedPacket, ports: number): Verdict {
    if (packet.direction !== Direction.outgoing) return INVALID;
    return this.#decideUntracked(packet, ports);
  }

  #decideUntracked(packet: ParsedPacket, ports: number): Verdict {
    const byRule = this.#rules.match(packet, ports);
    if (byRule !== NO_RULE) return byRule;
    return this.#blocksByDefault ? DEFAULT_BLOCKED : ALLOWED;
  }
}

function hasSameLists(a: Policy, b: Policy): boolean {
  return isSameList(a.whitelist, b.whitelist) && isSameList(a.blacklist, b.blacklist) &&
    isSameList(a.bans, b.bans) && isSameList(a.threats, b.threats);
}

function tableOf({ whitelist, blacklist, bans, threats }: Policy): PrefixTable {
  const blocked = (reason: number) => makeVerdict(reason, true);
  return new PrefixTable([
    { list: whitelist, value: WHITELISTED + 1 },
    { list: blacklist, value: blocked(Reason.blacklist) + 1 },
    { list: bans, value: blocked(Reason.ban) + 1 },
    { list: threats, value: blocked(Reason.threat) + 1 },
  ]);
}

const NONE = -1;

/** `source << 16 | destination`, 0 where there are none. */
function portsOf({ hasPorts, sourcePort, destinationPort }: ParsedPacket): number {
  return hasPorts ? (sourcePort << 16) | destinationPort : 0;
}

/** Without these a machine loses its IPv6 neighbours and its path MTU (RFC 4890). */
function isAlwaysPassed(packet: ParsedPacket): boolean {
  const { protocol, icmpType } = packet;
  return protocol === Protocol.icmpv6 && ((icmpType >= 133 && icmpType <= 137) || icmpType === 2);
}
