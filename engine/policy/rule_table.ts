/** The rules in order, compiled to numbers: one list for each way a packet can go. */
import { Direction, type ParsedPacket, Protocol } from "../packet/packet.ts";
import { PrefixTable } from "../net/prefix_table.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import type { PolicyRule, PortRange, RuleDirection, RuleProtocol } from "./policy.ts";
import { PortIndex } from "./port_index.ts";
import { makeVerdict, Reason } from "./verdict.ts";

/** What `match` gives when no rule matches. */
export const NO_RULE = 0x7fffffff;

/** One rule, ready to be asked. */
interface CompiledRule {
  /** Place among the policy's rules. */
  readonly order: number;
  readonly ranges: readonly PortRange[];
  readonly verdict: number;
  /** A `ProtocolClass`. */
  readonly protocol: number;
  /** Bit set of 65,536 ports, or none for every port. */
  readonly ports: Int32Array | undefined;
  readonly sources: PrefixTable | undefined;
  readonly destinations: PrefixTable | undefined;
  /** The families it can match at all, as bits 4 and 6. */
  readonly families: number;
}

const ProtocolClass = { any: 0, tcp: 1, udp: 2, icmp: 3 } as const;
const BOTH_FAMILIES = (1 << 4) | (1 << 6);

/** Immutable; built once for each policy. */
export class RuleTable {
  readonly #incoming: PortIndex<CompiledRule>;
  readonly #outgoing: PortIndex<CompiledRule>;
  readonly #forwarded: PortIndex<CompiledRule>;

  constructor(rules: readonly PolicyRule[]) {
    const compiled = rules.map((rule, index) => ({ rule, compiled: compileRule(rule, index) }));
    const only = (...directions: RuleDirection[]) =>
      new PortIndex(
        compiled.filter(({ rule }) => directions.includes(rule.direction))
          .map(({ compiled }) => compiled),
      );
    this.#incoming = only("in", "both");
    this.#outgoing = only("out", "both");
    // What passes through was opened by others, as far as this machine can tell.
    this.#forwarded = this.#incoming;
  }

  /**
   * The verdict of the first rule that matches, or `NO_RULE`.
   *
   * @param ports `source << 16 | destination`
   */
  match(packet: ParsedPacket, ports: number): number {
    const rules = packet.direction === Direction.outgoing
      ? this.#outgoing
      : packet.direction === Direction.incoming
      ? this.#incoming
      : this.#forwarded;
    const protocol = classOf(packet), port = ports & 0xffff;
    const some = rules.everywhere, others = rules.at(port);
    // Two lists in order, gone through as one.
    for (let at = 0, other = 0; at < some.length || other < others.length;) {
      const isSome = other === others.length ||
        (at < some.length && some[at].order < others[other].order);
      const rule = isSome ? some[at++] : others[other++];
      if (matches(rule, packet, protocol, port)) return rule.verdict;
    }
    return NO_RULE;
  }
}

function matches(
  rule: CompiledRule,
  packet: ParsedPacket,
  protocol: number,
  port: number,
): boolean {
  if (rule.protocol !== ProtocolClass.any && rule.protocol !== protocol) return false;
  if ((rule.families & (1 << packet.family)) === 0) return false;
  if (rule.ports !== undefined && !hasPort(rule.ports, protocol, port)) return false;
  if (rule.sources !== undefined && !holdsSource(rule.sources, packet)) return false;
  return rule.destinations === undefined || holdsDestination(rule.destinations, packet);
}

function classOf(packet: ParsedPacket): number {
  switch (packet.protocol) {
    case Protocol.tcp:
      return ProtocolClass.tcp;
    case Protocol.udp:
      return ProtocolClass.udp;
    case Protocol.icmp:
      return packet.family === 4 ? ProtocolClass.icmp : -1;
    case Protocol.icmpv6:
      return packet.family === 6 ? ProtocolClass.icmp : -1;
    default:
      return -1;
  }
}

function hasPort(ports: Int32Array, protocol: number, port: number): boolean {
  const isTransport = protocol === ProtocolClass.tcp || protocol === ProtocolClass.udp;
  return isTransport && (ports[port >>> 5] & (1 << (port & 31))) !== 0;
}

function holdsSource(table: PrefixTable, packet: ParsedPacket): boolean {
  const { source0, source1, source2, source3 } = packet;
  return table.lookup(packet.family, source0, source1, source2, source3) !== 0;
}

function holdsDestination(table: PrefixTable, packet: ParsedPacket): boolean {
  const { destination0, destination1, destination2, destination3 } = packet;
  return table.lookup(packet.family, destination0, destination1, destination2, destination3) !== 0;
}

function compileRule(rule: PolicyRule, index: number): CompiledRule {
  return {
    order: index,
    ranges: rule.ports,
    verdict: makeVerdict(Reason.rule, rule.action === "block", index),
    protocol: protocolClass(rule.protocol),
    ports: rule.ports.length > 0 ? portSet(rule.ports) : undefined,
    sources: tableOf(rule.sources),
    destinations: tableOf(rule.destinations),
    families: familiesOf(rule.sources) & familiesOf(rule.destinations),
  };
}

function protocolClass(protocol: RuleProtocol): number {
  return ProtocolClass[protocol];
}

function tableOf(list: PrefixList): PrefixTable | undefined {
  return list.size === 0 ? undefined : new PrefixTable([{ list, value: 1 }]);
}

/** A rule that names only IPv4 addresses says nothing about IPv6. */
function familiesOf(list: PrefixList): number {
  if (list.size === 0) return BOTH_FAMILIES;
  return (list.count(4) > 0 ? 1 << 4 : 0) | (list.count(6) > 0 ? 1 << 6 : 0);
}

function portSet(ranges: readonly PortRange[]): Int32Array {
  const bits = new Int32Array(2048);
  for (const { first, last } of ranges) {
    for (let port = first; port <= last; port++) bits[port >>> 5] |= 1 << (port & 31);
  }
  return bits;
}
