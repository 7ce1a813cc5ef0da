/**
 * What the text before each kernel report means: `pfw:<reason>:<rule id or ->` to a reason and a
 * detail. The hot path looks it up by its bytes; a text is made only when a new one appears.
 */
import type { EventDetails } from "./observe/event_details.ts";
import type { Policy } from "./policy/policy.ts";
import { type ReasonCode, REASONS } from "./policy/verdict.ts";

/** A kind of drop, and how many of its reports arrived. */
export interface Drop {
  /** Index into `REASONS`. */
  readonly reason: number;
  /** Number in `EventDetails`. */
  readonly detail: number;
  readonly ruleId: string;
  packets: number;
}

/** Different prefixes remembered; our own are few, so beyond this somebody else writes them. */
const MAX_PREFIXES = 65_536;

const PATTERN = /^pfw:([a-z_]+):([0-9a-f]{8}|-)$/;

/** A prefix, and what it means where it is one of ours. */
interface KnownPrefix {
  readonly bytes: Uint8Array;
  readonly drop?: Drop;
}

/** Prefixes by their bytes. */
export class DropPrefixes {
  readonly #byHash = new Map<number, KnownPrefix[]>();
  /** The one found last: a flood brings the same one again and again. */
  #last: KnownPrefix = { bytes: new Uint8Array(0) };
  readonly #names = new Map<string, string>();
  /** By no rule, by index of the reason. */
  readonly #byReason: (Drop | undefined)[] = [];
  #known = 0;
  /** Reports in our group that are not ours. */
  foreign = 0;

  constructor(readonly details: EventDetails) {}

  /** Remembers the rules' names, and gives the detail number of each rule in order. */
  ruleDetails(policy: Policy): number[] {
    return policy.rules.map((rule) => {
      this.#names.set(rule.id, rule.name);
      return this.details.intern(rule.id, rule.name);
    });
  }

  /** What the prefix in `bytes[start..end)` means; `undefined` where it is not one of ours. */
  find(bytes: Uint8Array, start: number, end: number): Drop | undefined {
    if (!isEqual(this.#last.bytes, bytes, start, end)) this.#last = this.#search(bytes, start, end);
    if (this.#last.drop === undefined) this.foreign++;
    return this.#last.drop;
  }

  /** Number in `EventDetails` of what a rule's drops are told by; 0 without a rule. */
  detailOf(ruleId: string): number {
    return ruleId ? this.details.intern(ruleId, this.#names.get(ruleId) ?? ruleId) : 0;
  }

  /** All drops reported so far. */
  drops(): Drop[] {
    return [...this.#byHash.values()].flat().flatMap(({ drop }) => drop ? [drop] : []);
  }

  /** Reports so far of drops for a reason that is no rule. */
  reportsOf(reason: ReasonCode): number {
    return this.#byReason[REASONS.indexOf(reason)]?.packets ?? 0;
  }

  #search(bytes: Uint8Array, start: number, end: number): KnownPrefix {
    let hash = 0x811c9dc5;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
    const candidates = this.#byHash.get(hash);
    if (candidates !== undefined) {
      for (let at = 0; at < candidates.length; at++) {
        if (isEqual(candidates[at].bytes, bytes, start, end)) return candidates[at];
      }
    }
    return this.#learn(hash, bytes.slice(start, end));
  }

  #learn(hash: number, bytes: Uint8Array): KnownPrefix {
    if (this.#known >= MAX_PREFIXES) return { bytes };
    this.#known++;
    const entry: KnownPrefix = { bytes, drop: this.#read(new TextDecoder().decode(bytes)) };
    const others = this.#byHash.get(hash);
    if (others) others.push(entry);
    else this.#byHash.set(hash, [entry]);
    return entry;
  }

  #read(text: string): Drop | undefined {
    const match = PATTERN.exec(text);
    if (!match) return undefined;
    const reason = REASONS.findIndex((code) => code === match[1]);
    if (reason < 0) return undefined;
    const ruleId = match[2] === "-" ? "" : match[2];
    const drop = { reason, detail: this.detailOf(ruleId), ruleId, packets: 0 };
    if (!ruleId) this.#byReason[reason] = drop;
    return drop;
  }
}

function isEqual(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
