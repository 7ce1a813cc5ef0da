/** One rule of `iptables-save` for the tracer: its conditions and its target, or an error. */
import { parsePrefix, type Prefix } from "../../engine/net/address.ts";
import type { CtState } from "./conntrack_model.ts";

/** An inclusive range of ports. */
export type Range = readonly [first: number, last: number];

/** One condition; all of a rule's must hold. */
export type Condition =
  | { readonly kind: "in" | "out"; readonly name: string }
  | {
    readonly kind: "address";
    readonly side: "src" | "dst";
    readonly prefix: Prefix;
    readonly isNegated: boolean;
  }
  | {
    readonly kind: "set";
    readonly set: string;
    readonly side: "src" | "dst";
    readonly isNegated: boolean;
  }
  | { readonly kind: "protocol"; readonly protocol: number }
  /** The connection's mark, all 32 bits. */
  | { readonly kind: "mark"; readonly mark: number }
  | { readonly kind: "ports"; readonly ranges: readonly Range[] }
  | { readonly kind: "icmpv6"; readonly type: number }
  | { readonly kind: "state"; readonly states: readonly CtState[]; readonly isNegated: boolean }
  | { readonly kind: "direction"; readonly direction: "ORIGINAL" | "REPLY" }
  | { readonly kind: "originalPort"; readonly first: number; readonly last: number }
  | {
    readonly kind: "above";
    readonly table: string;
    readonly burst: number;
    readonly mask: number;
  }
  /** Holds for so many packets. */
  | { readonly kind: "limit"; readonly burst: number };

/** Where a packet goes that meets the conditions. */
export type RuleTarget =
  | { readonly kind: "DROP" | "RETURN" }
  | { readonly kind: "NFLOG"; readonly prefix: string }
  /** Adds the source to a set. */
  | { readonly kind: "SET"; readonly set: string }
  /** Gives the connection this mark. */
  | { readonly kind: "CONNMARK"; readonly mark: number }
  | { readonly kind: "jump" | "goto"; readonly chain: string };

/** One rule. */
export interface Rule {
  readonly conditions: readonly Condition[];
  readonly target: RuleTarget;
}

const PROTOCOLS: Record<string, number> = { tcp: 6, udp: 17, icmp: 1, "ipv6-icmp": 58 };

/** Matches whose options are known, and the protocol that one of them needs. */
const MODULES: Record<string, number | undefined> = {
  set: undefined,
  conntrack: undefined,
  connmark: undefined,
  multiport: undefined,
  hashlimit: undefined,
  limit: undefined,
  tcp: 6,
  udp: 17,
  icmp6: 58,
};

/** Options by the match that must stand before them. */
const OPTION_MODULES: Record<string, readonly string[]> = {
  "--match-set": ["set"],
  "--dport": ["tcp", "udp"],
  "--dports": ["multiport"],
  "--ctstate": ["conntrack"],
  "--mark": ["connmark"],
  "--ctdir": ["conntrack"],
  "--ctorigdstport": ["conntrack"],
  "--icmpv6-type": ["icmp6"],
  "--hashlimit-above": ["hashlimit"],
  "--hashlimit-upto": ["hashlimit"],
  "--limit": ["limit"],
};

/** Reads a rule without its chain; throws for anything it does not know. */
export function parseRule(text: string): Rule {
  return new RuleReader(text).read();
}

class RuleReader {
  readonly #words: string[];
  readonly #modules = new Set<string>();
  readonly #conditions: Condition[] = [];
  #target: RuleTarget | undefined;

  constructor(readonly text: string) {
    this.#words = [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]);
  }

  read(): Rule {
    while (this.#words.length > 0) this.#readOption(this.#word());
    if (!this.#target) throw this.#unknown("a rule without target");
    return { conditions: this.#conditions, target: this.#target };
  }

  #readOption(name: string): void {
    const modules = OPTION_MODULES[name];
    if (modules && !modules.some((module) => this.#modules.has(module))) throw this.#unknown(name);
    const condition = this.#readCondition(name);
    if (condition) this.#conditions.push(condition);
    else if (name === "-m") this.#readModule();
    else if ((name === "-j" || name === "-g") && !this.#target) {
      this.#target = this.#readTarget(name);
    } else throw this.#unknown(name);
  }

  #readCondition(name: string): Condition | undefined {
    switch (name) {
      case "-i":
      case "-o":
        return { kind: name === "-i" ? "in" : "out", name: this.#word() };
      case "-s":
      case "-d":
        return this.#readAddress(name, false);
      case "-p":
        return { kind: "protocol", protocol: this.#oneOf(PROTOCOLS) };
      case "!":
        return this.#readNegated();
      case "--match-set":
        return this.#readSet(false);
      case "--dport":
        return { kind: "ports", ranges: [this.#range()] };
      case "--dports":
        return { kind: "ports", ranges: this.#ranges() };
      case "--ctstate":
        return { kind: "state", states: this.#states(), isNegated: false };
      case "--ctdir":
        return {
          kind: "direction",
          direction: this.#oneOf({ REPLY: "REPLY", ORIGINAL: "ORIGINAL" }),
        };
      case "--ctorigdstport": {
        const [first, last] = this.#range();
        return { kind: "originalPort", first, last };
      }
      case "--mark":
        return { kind: "mark", mark: this.#hex(this.#word()) };
      case "--icmpv6-type":
        return { kind: "icmpv6", type: this.#number() };
      case "--hashlimit-above":
        return this.#readRate();
      case "--hashlimit-upto":
        return this.#readUpTo();
      case "--limit":
        return this.#readLimit();
    }
  }

  #readNegated(): Condition {
    const name = this.#word();
    if (name === "-s" || name === "-d") return this.#readAddress(name, true);
    const isKnown = OPTION_MODULES[name]?.some((module) => this.#modules.has(module));
    if (isKnown && name === "--match-set") return this.#readSet(true);
    if (isKnown && name === "--ctstate") {
      return { kind: "state", states: this.#states(), isNegated: true };
    }
    throw this.#unknown("!");
  }

  #hex(text: string): number {
    if (!/^0x[0-9a-f]{1,8}$/.test(text)) throw this.#unknown(text);
    return Number(text);
  }

  #readAddress(name: "-s" | "-d", isNegated: boolean): Condition {
    const side = name === "-s" ? "src" : "dst";
    return { kind: "address", side, prefix: this.#prefix(), isNegated };
  }

  #readSet(isNegated: boolean): Condition {
    const set = this.#word();
    return { kind: "set", set, side: this.#oneOf({ src: "src", dst: "dst" }), isNegated };
  }

  #readModule(): void {
    const name = this.#word();
    if (!(name in MODULES)) throw this.#unknown(name);
    const protocol = MODULES[name];
    const has = (wanted: number) =>
      this.#conditions.some((one) => one.kind === "protocol" && one.protocol === wanted);
    if (protocol !== undefined && !has(protocol)) throw this.#unknown(`${name} without -p`);
    if (name === "multiport" && !has(6) && !has(17)) throw this.#unknown(`${name} without -p`);
    this.#modules.add(name);
  }

  #readTarget(option: "-j" | "-g"): RuleTarget {
    const name = this.#word();
    if (option === "-g") return { kind: "goto", chain: name };
    if (name === "DROP" || name === "RETURN") return { kind: name };
    if (name.startsWith("PFW-")) return { kind: "jump", chain: name };
    if (name === "SET") return this.#readSetTarget();
    if (name === "CONNMARK") return this.#readMarkTarget();
    if (name !== "NFLOG") throw this.#unknown(name);
    const options = this.#options(["prefix", "group", "size", "threshold"], "--nflog-");
    if (options.prefix === undefined || options.group === undefined) throw this.#unknown(name);
    return { kind: "NFLOG", prefix: options.prefix };
  }

  #readSetTarget(): RuleTarget {
    if (this.#word() !== "--add-set") throw this.#unknown("SET");
    const set = this.#word();
    if (this.#word() !== "src" || this.#word() !== "--timeout") throw this.#unknown("SET");
    if (this.#number() < 1) throw this.#unknown("--timeout");
    return { kind: "SET", set };
  }

  #readMarkTarget(): RuleTarget {
    if (this.#word() !== "--set-xmark") throw this.#unknown("CONNMARK");
    const [mark, mask] = this.#word().split("/").map((text) => this.#hex(text));
    if (mask !== 0xffffffff) throw this.#unknown("--set-xmark");
    return { kind: "CONNMARK", mark };
  }

  #readLimit(): Condition {
    if (!/^\d+\/sec$/.test(this.#word())) throw this.#unknown("--limit");
    if (this.#word() !== "--limit-burst") throw this.#unknown("--limit");
    return { kind: "limit", burst: this.#number() };
  }

  /** Of all packets together: `limit` by another name. */
  #readUpTo(): Condition {
    if (!/^\d+\/sec$/.test(this.#word())) throw this.#unknown("--hashlimit-upto");
    const { burst, name } = this.#options(["burst", "name"], "--hashlimit-");
    if (!name || !burst) throw this.#unknown("hashlimit");
    return { kind: "limit", burst: Number(burst) };
  }

  #readRate(): Condition {
    if (!/^\d+\/(sec|min|hour|day)$/.test(this.#word())) throw this.#unknown("--hashlimit-above");
    const names = [
      "burst",
      "mode",
      "srcmask",
      "name",
      "htable-size",
      "htable-max",
      "htable-expire",
    ];
    const { burst, mode, srcmask = "128", name } = this.#options(names, "--hashlimit-");
    if (mode !== "srcip" || !name || !burst) throw this.#unknown("hashlimit");
    return { kind: "above", table: name, burst: Number(burst), mask: Number(srcmask) };
  }

  /** The options that follow, as long as they are among those named. */
  #options(names: readonly string[], prefix: string): Record<string, string | undefined> {
    const options: Record<string, string> = {};
    while (this.#words[0]?.startsWith(prefix)) {
      const name = this.#word().slice(prefix.length);
      if (!names.includes(name)) throw this.#unknown(prefix + name);
      options[name] = this.#word();
    }
    return options;
  }

  #states(): CtState[] {
    const known: CtState[] = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];
    return this.#word().split(",").map((text) => {
      const state = known.find((one) => one === text);
      if (!state) throw this.#unknown(text);
      return state;
    });
  }

  #ranges(): Range[] {
    const texts = this.#word().split(",");
    // What the kernel's `xt_multiport` can hold: XT_MULTI_PORTS.
    const slots = texts.reduce((sum, text) => sum + (text.includes(":") ? 2 : 1), 0);
    if (slots > 15) throw this.#unknown(`${slots} ports`);
    return texts.map((text) => this.#rangeOf(text));
  }

  #range(): Range {
    return this.#rangeOf(this.#word());
  }

  #rangeOf(text: string): Range {
    const match = /^(\d+)(?::(\d+))?$/.exec(text);
    if (!match) throw this.#unknown(text);
    const range = [Number(match[1]), Number(match[2] ?? match[1])] as const;
    if (range[0] > range[1] || range[1] > 65535) throw this.#unknown(text);
    return range;
  }

  #prefix(): Prefix {
    const text = this.#word();
    const prefix = parsePrefix(text);
    if (!prefix) throw this.#unknown(text);
    return prefix;
  }

  #number(): number {
    const text = this.#word();
    if (!/^\d+$/.test(text)) throw this.#unknown(text);
    return Number(text);
  }

  #oneOf<T>(values: Record<string, T>): T {
    const text = this.#word();
    if (!Object.hasOwn(values, text)) throw this.#unknown(text);
    return values[text];
  }

  #word(): string {
    const word = this.#words.shift();
    if (word === undefined) throw this.#unknown("the end");
    return word;
  }

  #unknown(what: string): Error {
    return new Error(`the tracer does not know ${JSON.stringify(what)} in ${this.text}`);
  }
}
