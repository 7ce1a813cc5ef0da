/**
 * Which rules a port may concern: so that a packet is not held against rules for other ports, however
 * many there are. Ports that no rule tells apart share a list.
 */
import type { PortRange } from "./policy.ts";

/** A rule as far as the index knows it. */
interface PortRule {
  readonly ranges: readonly PortRange[];
}

const PORTS = 1 << 16;
/** A rule for more ports than this would stand in too many lists. */
const MANY = PORTS >> 2;

/** Immutable; built once for each policy. */
export class PortIndex<T extends PortRule> {
  /** Rules for every port, or for very many, in order. */
  readonly everywhere: readonly T[];
  /** By port, the number of its list. */
  readonly #lists: Uint16Array | undefined;
  readonly #rules: readonly (readonly T[])[];

  /** @param rules in order */
  constructor(rules: readonly T[]) {
    const some = rules.filter((rule) => !isWide(rule));
    this.everywhere = rules.filter(isWide);
    this.#lists = some.length > 0 ? listNumbers(some) : undefined;
    this.#rules = this.#lists ? rulesByList(some, this.#lists) : [];
  }

  /** The other rules that name this port, in order. */
  at(port: number): readonly T[] {
    const lists = this.#lists;
    return lists === undefined ? NO_RULES : this.#rules[lists[port]];
  }
}

const NO_RULES: readonly never[] = [];

function isWide({ ranges }: PortRule): boolean {
  const ports = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return ports === 0 || ports > MANY;
}

/** Numbers the stretches between the ports at which any rule begins or ends. */
function listNumbers(rules: readonly PortRule[]): Uint16Array {
  const numbers = new Uint16Array(PORTS);
  for (const { first, last } of rules.flatMap(({ ranges }) => ranges)) {
    numbers[first] = 1;
    if (last + 1 < PORTS) numbers[last + 1] = 1;
  }
  // The first stretch has number 0, so that the last of as many as there are ports fits 16 bits.
  let number = 0;
  numbers[0] = 0;
  for (let port = 1; port < PORTS; port++) numbers[port] = number += numbers[port];
  return numbers;
}

function rulesByList<T extends PortRule>(rules: readonly T[], numbers: Uint16Array): T[][] {
  const lists = Array.from({ length: numbers[PORTS - 1] + 1 }, (): T[] => []);
  for (const rule of rules) {
    for (const { first, last } of rule.ranges) {
      for (let number = numbers[first]; number <= numbers[last]; number++) {
        // Ranges of one rule may overlap.
        if (lists[number].at(-1) !== rule) lists[number].push(rule);
      }
    }
  }
  return lists;
}
