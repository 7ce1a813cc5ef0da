/**
 * Follows packets through a firewall that is written down as `iptables-save` and `ipset save` print
 * it, without a kernel. It knows what pfw writes and nothing else: any other option, match or target
 * is an error, so that no rule is ever passed over in silence.
 */
import { maskWord, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { Direction, type ParsedPacket } from "../../engine/packet/packet.ts";
import { type Connection, ConntrackModel, type Tracked } from "./conntrack_model.ts";
import { type Condition, parseRule, type Rule } from "./tracer_rules.ts";

/** One family's part of a firewall. */
export interface FirewallText {
  readonly family: 4 | 6;
  /** For `iptables-restore`. */
  readonly rules: string;
  /** For `ipset restore`. */
  readonly sets: string;
}

/** What became of a packet. */
export interface Trace {
  /** `pass`, or `drop ` with the text of the report without its `pfw:`. */
  readonly fate: string;
  /** The rules that matched, as `<table> <chain> <place from 1>`. */
  readonly path: readonly string[];
  /** Why it passes: `whitelist`, `rule:<id>` of an allow rule, or nothing of the kind. */
  readonly allowedBy: string;
  /** How connection tracking saw it; none where it was dropped before. */
  readonly tracked: Tracked | undefined;
}

type Tables = ReadonlyMap<string, ReadonlyMap<string, Rule[]>>;

interface Firewall {
  readonly tables: Tables;
  readonly sets: ReadonlyMap<string, AddressSet>;
}

/** What conditions are held against. */
interface Scene {
  readonly packet: ParsedPacket;
  readonly sets: ReadonlyMap<string, AddressSet>;
  readonly tracked: Tracked | undefined;
  readonly inInterface: string;
  readonly outInterface: string;
  readonly path: string[];
}

/** A firewall with its connections and buckets; packets are traced in the order they come. */
export class Tracer {
  readonly #firewalls = new Map<number, Firewall>();
  readonly #connections = new ConntrackModel();
  /** Packets left in each bucket of `hashlimit`; time stands still, so none fills again. */
  readonly #buckets = new Map<string, number>();
  /** Packets left to each `limit`. */
  readonly #limits = new Map<Condition, number>();
  /** Why connections were let through when they were judged. */
  readonly #causes = new Map<Connection, string>();
  /** Packets that matched, by family and rule as in `Trace.path`. */
  readonly counters: Map<string, number> = new Map();

  /** @throws Error for what it does not know */
  constructor(texts: readonly FirewallText[]) {
    for (const { family, rules, sets } of texts) {
      const firewall = { tables: parseRules(rules), sets: parseSets(sets) };
      checkReferences(firewall);
      this.#firewalls.set(family, firewall);
      for (const [table, chains] of firewall.tables) {
        for (const [chain, { length }] of chains) {
          for (let place = 1; place <= length; place++) {
            this.counters.set(`${family} ${table} ${chain} ${place}`, 0);
          }
        }
      }
    }
  }

  /** Follows a whole, unfragmented packet. */
  trace(packet: ParsedPacket, view: DataView): Trace {
    const firewall = this.#firewalls.get(packet.family);
    if (!firewall) throw new Error(`no firewall for family ${packet.family}`);
    const [rawHook, filterHook] = HOOKS[packet.direction] ?? [];
    if (!rawHook || !filterHook) throw new Error(`no hooks for direction ${packet.direction}`);
    const path: string[] = [];
    const scene: Scene = {
      packet,
      sets: firewall.sets,
      tracked: undefined,
      inInterface: packet.direction === Direction.outgoing ? "" : "eth0",
      outInterface: packet.direction === Direction.incoming ? "" : "eth0",
      path,
    };
    // A policy without lists has no rules there.
    const early = firewall.tables.has("raw")
      ? this.#run(firewall.tables, "raw", rawHook, scene)
      : undefined;
    if (early) {
      return this.#counted({ fate: early, path, allowedBy: "", tracked: undefined }, packet.family);
    }
    const tracked = this.#connections.track(packet, view);
    const late = this.#run(firewall.tables, "filter", filterHook, { ...scene, tracked });
    if (!late) this.#connections.confirm(tracked);
    const allowedBy = late ? "" : this.#causeOf(path, firewall.tables, tracked);
    return this.#counted({ fate: late ?? "pass", path, allowedBy, tracked }, packet.family);
  }

  /** A connection that was judged passes for the reason for which it was let through then. */
  #causeOf(path: readonly string[], tables: Tables, { connection, direction }: Tracked): string {
    const judging = path.filter((place) => !/^filter PFW-(?:JUDGED|\w+-JUDGE) /.test(place));
    const last = judging.at(-1);
    if (last !== undefined && isSpared(ruleAt(last, tables))) {
      return direction === "ORIGINAL" ? this.#causes.get(connection!)! : "";
    }
    const cause = last === undefined ? "" : causeOfRule(last, tables);
    if (judging.length < path.length) this.#causes.set(connection!, cause);
    return cause;
  }

  #counted(trace: Trace, family: number): Trace {
    for (const place of trace.path) {
      const key = `${family} ${place}`;
      this.counters.set(key, (this.counters.get(key) ?? 0) + 1);
    }
    return trace;
  }

  /** Walks a built-in chain; returns `drop …` or nothing when the packet comes out at its end. */
  #run(tables: Tables, table: string, hook: string, scene: Scene): string | undefined {
    const chains = tables.get(table);
    if (!chains) throw new Error(`no table ${table}`);
    let report = "-";
    /** Chains to return to; a `-g` leaves none behind. */
    const stack: { chain: string; at: number }[] = [{ chain: hook, at: 0 }];
    while (stack.length > 0) {
      const frame = stack[stack.length - 1];
      const rule = (chains.get(frame.chain) ?? [])[frame.at++];
      if (!rule) {
        stack.pop();
        continue;
      }
      if (!rule.conditions.every((condition) => this.#holds(condition, scene))) continue;
      scene.path.push(`${table} ${frame.chain} ${frame.at}`);
      const { target } = rule;
      if (target.kind === "DROP") return `drop ${report}`;
      if (target.kind === "RETURN") stack.pop();
      if (target.kind === "SET") {
        scene.sets.get(target.set)!.addAddress(wordsOf(scene.packet, "src"));
      }
      if (target.kind === "CONNMARK" && scene.tracked?.connection) {
        scene.tracked.connection.mark = target.mark;
      }
      if (target.kind === "NFLOG") report = target.prefix.replace(/^pfw:/, "");
      if (target.kind === "goto") stack.pop();
      if (target.kind === "goto" || target.kind === "jump") {
        stack.push({ chain: target.chain, at: 0 });
      }
    }
  }

  #holds(condition: Condition, scene: Scene): boolean {
    const { packet, tracked } = scene;
    switch (condition.kind) {
      case "in":
        return scene.inInterface === condition.name;
      case "out":
        return scene.outInterface === condition.name;
      case "address":
        return condition.isNegated !==
          addressIn(condition.prefix, wordsOf(packet, condition.side));
      case "set":
        return condition.isNegated !==
          scene.sets.get(condition.set)!.has(wordsOf(packet, condition.side));
      case "protocol":
        return packet.protocol === condition.protocol;
      case "mark":
        return tracked?.connection?.mark === condition.mark;
      case "ports":
        return condition.ranges.some(([first, last]) =>
          packet.destinationPort >= first && packet.destinationPort <= last
        );
      case "icmpv6":
        return packet.icmpType === condition.type;
      case "state":
        return condition.isNegated !==
          (tracked !== undefined && condition.states.includes(tracked.state));
      case "direction":
        return tracked?.direction === condition.direction;
      case "originalPort": {
        const port = tracked?.originalPort;
        return port !== undefined && port >= condition.first && port <= condition.last;
      }
      case "limit":
        return this.#takePacket(condition);
      case "above":
        return !this.#takeToken(condition, packet);
    }
  }

  #takePacket(limit: Extract<Condition, { kind: "limit" }>): boolean {
    const left = this.#limits.get(limit) ?? limit.burst;
    this.#limits.set(limit, Math.max(0, left - 1));
    return left > 0;
  }

  #takeToken(limit: Extract<Condition, { kind: "above" }>, packet: ParsedPacket): boolean {
    const source = wordsOf(packet, "src").map((word, at) => word & maskWord(limit.mask - 32 * at));
    const key = `${limit.table} ${source.join(" ")}`;
    const left = this.#buckets.get(key) ?? limit.burst;
    if (left === 0) return false;
    this.#buckets.set(key, left - 1);
    return true;
  }
}

function ruleAt(place: string, tables: Tables): Rule {
  const [table, chain, at] = place.split(" ");
  return tables.get(table)!.get(chain)![Number(at) - 1];
}

/** Whether a rule lets through what was judged before. */
function isSpared({ conditions, target }: Rule): boolean {
  return target.kind === "RETURN" && conditions.some(({ kind }) => kind === "mark");
}

/** What a rule of `filter` says of a packet that passed because of it. */
function causeOfRule(place: string, tables: Tables): string {
  const [table, chain] = place.split(" ");
  if (table !== "filter") return "";
  if (chain.startsWith("PFW-A-")) return `rule:${chain.slice("PFW-A-".length)}`;
  const { conditions, target } = ruleAt(place, tables);
  if (target.kind !== "RETURN") return "";
  // A rule of the policy never returns from a main chain: an address alone is the whitelist's.
  const isListed = conditions.some((one) =>
    one.kind === "address" || (one.kind === "set" && /^pfw-white[46]$/.test(one.set))
  );
  return isListed ? "whitelist" : "";
}

/** The built-in chains that packets pass, by direction, before and after connection tracking. */
const HOOKS: Record<number, readonly [raw: string, filter: string]> = {
  [Direction.incoming]: ["PREROUTING", "INPUT"],
  [Direction.outgoing]: ["OUTPUT", "OUTPUT"],
  [Direction.forwarded]: ["PREROUTING", "FORWARD"],
};

function wordsOf(packet: ParsedPacket, side: "src" | "dst"): readonly number[] {
  return side === "src"
    ? [packet.source0, packet.source1, packet.source2, packet.source3]
    : [packet.destination0, packet.destination1, packet.destination2, packet.destination3];
}

function addressIn({ words, length }: Prefix, address: readonly number[]): boolean {
  return words.every((word, at) => ((word ^ address[at]) & maskWord(length - 32 * at)) === 0);
}

/** A `hash:net` or `hash:ip`: the entries of each length, as texts. Time stands still. */
class AddressSet {
  readonly #byLength = new Map<number, Set<string>>();

  /** @param netmask bits that count of an address that a packet adds */
  constructor(private readonly netmask = 128) {}

  addAddress(address: readonly number[]): void {
    const words = address.map((word, at) => word & maskWord(this.netmask - 32 * at));
    this.add({ words, length: this.netmask });
  }

  add({ words, length }: { words: readonly number[]; length: number }): void {
    const entries = this.#byLength.get(length) ?? new Set();
    this.#byLength.set(length, entries.add(words.join(" ")));
  }

  has(address: readonly number[]): boolean {
    for (const [length, entries] of this.#byLength) {
      const masked = address.map((word, at) => word & maskWord(length - 32 * at));
      if (entries.has(masked.join(" "))) return true;
    }
    return false;
  }
}

function parseSets(text: string): Map<string, AddressSet> {
  const sets = new Map<string, AddressSet>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const create = /^create (\S+) hash:net family inet6? hashsize \d+ maxelem \d+( timeout 0)?$/
      .exec(line);
    const filled =
      /^create (\S+) hash:ip family inet6? hashsize \d+ maxelem \d+ timeout 0(?: netmask (\d+))?$/
        .exec(line);
    const add = /^add (\S+) (\S+)$/.exec(line);
    const prefix = add && parsePrefix(add[2]);
    if (create) sets.set(create[1], new AddressSet());
    else if (filled) sets.set(filled[1], new AddressSet(Number(filled[2] ?? 128)));
    else if (add && prefix && prefix.length > 0 && sets.has(add[1])) sets.get(add[1])!.add(prefix);
    else throw new Error(`the tracer does not know the line ${JSON.stringify(line)}`);
  }
  return sets;
}

function parseRules(text: string): Map<string, Map<string, Rule[]>> {
  const tables = new Map<string, Map<string, Rule[]>>();
  let chains: Map<string, Rule[]> | undefined;
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const table = /^\*(raw|filter)$/.exec(line);
    const declared = /^:(\S+) (?:-|ACCEPT) \[0:0\]$/.exec(line);
    const rule = /^-A (\S+) (.*)$/.exec(line) ?? /^-I (PREROUTING|INPUT|FORWARD|OUTPUT) 1 (.*)$/
      .exec(line);
    if (table) tables.set(table[1], chains = new Map());
    else if (declared && chains) chains.set(declared[1], []);
    else if (rule && chains) {
      const inChain = chains.get(rule[1]) ?? [];
      chains.set(rule[1], inChain);
      if (line.startsWith("-I")) inChain.unshift(parseRule(rule[2]));
      else inChain.push(parseRule(rule[2]));
    } else if (line === "COMMIT") chains = undefined;
    else throw new Error(`the tracer does not know the line ${JSON.stringify(line)}`);
  }
  return tables;
}

/** Every chain and set that a rule names must be there. */
function checkReferences({ tables, sets }: Firewall): void {
  for (const [table, chains] of tables) {
    for (const { conditions, target } of [...chains.values()].flat()) {
      if ((target.kind === "jump" || target.kind === "goto") && !chains.has(target.chain)) {
        throw new Error(`no chain ${target.chain} in ${table}`);
      }
      for (const condition of conditions) {
        if (condition.kind === "set" && !sets.has(condition.set)) {
          throw new Error(`no set ${condition.set}`);
        }
      }
      if (target.kind === "SET" && !sets.has(target.set)) throw new Error(`no set ${target.set}`);
    }
  }
}
