/**
 * Connections are judged once. The first packet of the opening direction that the rules let pass
 * once the connection was answered leaves the generation of the policy in the connection's mark
 * (`nf_conn.mark`), and packets of a connection that carries the present generation return at once,
 * in both directions. A policy that judges otherwise has another generation, so what runs is judged
 * again by its next packet.
 *
 * The mark is compared whole and is set only where it is 0 or ours: marks of other programs are
 * neither changed nor taken for ours. A packet that is only related to a connection has its mark,
 * too, and is judged all the same: an ICMP error comes from anybody, and what a helper expects (the
 * data of FTP) is a connection of its own.
 */
import { bootTime } from "../policy/pending_change.ts";
import type { MainChain } from "./compile_rules.ts";
import type { ChainPlan, Match, PlanRule, Target } from "./plan.ts";

/** The upper four bits of our marks; the other 28 are the generation. */
const OURS = 0x70000000, OURS_MASK = 0xf0000000;
const GENERATIONS = 2 ** 28;

const ALL_BITS = 0xffffffff;

/** The mark of connections that a generation of the policy judged; the number may be any. */
export function markOf(generation: number): number {
  return OURS + generation % GENERATIONS;
}

/**
 * Marks that no connection carries yet, whichever process gave it one: generations are hundredths of
 * a second since the boot, and connection tracking forgets all it knows at the end of that. They
 * come again after a month; a connection is judged anew or forgotten long before.
 */
export class Generations {
  #last = 0;

  /** @param now seconds since the boot */
  next(now: number = bootTime().seconds): number {
    this.#last = Math.max(this.#last + 1, Math.floor(now * 100));
    return markOf(this.#last);
  }
}

/** What a packet of a judged connection meets first. */
export function judgedRule(mark: number): PlanRule {
  return {
    matches: [{ kind: "state", states: ["ESTABLISHED"] }, connection(mark, ALL_BITS)],
    target: { kind: "return" },
  };
}

/** The chain that has a connection judged by the rules of a main chain. */
function judgeChain(main: MainChain): string {
  return `${main}-JUDGE`;
}

const JUDGED_CHAIN = "PFW-JUDGED";

/**
 * Where an established connection's packets go that are judged.
 *
 * @param rules the chain that drops what is not allowed, and returns from all else
 * @param mark `undefined`: nothing is remembered
 */
export function judgeTarget(main: MainChain, rules: string, mark: number | undefined): Target {
  return { kind: "goto", chain: mark === undefined ? rules : judgeChain(main) };
}

/** The chains that `judgeTarget` leads to, without those of the rules. */
export function judgeChains(
  mains: readonly { readonly main: MainChain; readonly rules: string }[],
  mark: number | undefined,
): ChainPlan[] {
  if (mark === undefined) return [];
  const target: Target = { kind: "mark", mark };
  return [
    ...mains.map(({ main, rules }): ChainPlan => ({
      name: judgeChain(main),
      rules: [
        { matches: [], target: { kind: "jump", chain: rules } },
        { matches: [], target: { kind: "goto", chain: JUDGED_CHAIN } },
      ],
    })),
    {
      name: JUDGED_CHAIN,
      rules: [
        { matches: [connection(0, ALL_BITS)], target },
        { matches: [connection(OURS, OURS_MASK)], target },
      ],
    },
  ];
}

function connection(mark: number, mask: number): Match {
  return { kind: "connection_mark", mark, mask };
}
