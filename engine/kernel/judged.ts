/**
 * Connections are judged once. The first packet of the opening direction that the rules let pass
 * once the connection was answered leaves the generation of the policy in the connection's mark
 * (`nf_conn.mark`), and packets of a connection that carries the present generation return at once,
 * in both directions. A policy that judges otherwise has another generation, so what runs is judged
 * again by its next packet.
 *
 * The mark is compared whole and is set only where it is 0 or an earlier generation: marks of other
 * programs are neither changed nor taken for ours, nor are those that they change in part. A packet
 * that is only related to a connection has its mark, too, and is judged all the same: an ICMP error
 * comes from anybody, and what a helper expects (the data of FTP) is a connection of its own.
 */
import { bootTime } from "../policy/pending_change.ts";
import type { MainChain } from "./compile_rules.ts";
import type { ChainPlan, Generation, Match, PlanRule, Target } from "./plan.ts";
import { rulesChain } from "./rule_chains.ts";

/** The upper four bits of our marks, for people who see them; the other 28 are the generation. */
const OURS = 0x70000000;
const GENERATIONS = 2 ** 28;

/** Generations before the present one whose connections are marked anew. */
const EARLIER = 8;

/** The mark of the connections that a generation judged; the number may be any. */
export function markOf(generation: number): number {
  return OURS + generation % GENERATIONS;
}

/**
 * Marks that no connection carries yet, whichever process gave it one: generations are hundredths of
 * a second since the boot, and connection tracking forgets all it knows at the end of that. They come
 * again after a month; that a connection has waited for just that hundredth is not to be expected.
 */
export class Generations {
  #last = 0;
  #kept: readonly number[] = [];

  /** @param now seconds since the boot */
  next(now: number = bootTime().seconds): Generation {
    this.#last = Math.max(this.#last + 1, Math.floor(now * 100));
    return { mark: markOf(this.#last), earlier: this.#kept };
  }

  /** The generation came into force: those to come mark its connections anew. */
  keep({ mark }: Generation): void {
    if (this.#kept[0] !== mark) this.#kept = [mark, ...this.#kept].slice(0, EARLIER);
  }
}

/** What a packet of a judged connection meets first. */
export function judgedRule({ mark }: Generation): PlanRule {
  return {
    matches: [{ kind: "state", states: ["ESTABLISHED"] }, carries(mark)],
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
 * @param generation `undefined`: nothing is remembered
 */
export function judgeTarget(main: MainChain, generation: Generation | undefined): Target {
  return { kind: "goto", chain: generation ? judgeChain(main) : rulesChain(main) };
}

/** The chains that `judgeTarget` leads to, without those of the rules. */
export function judgeChains(
  mains: readonly MainChain[],
  generation: Generation | undefined,
): ChainPlan[] {
  if (!generation) return [];
  const target: Target = { kind: "mark", mark: generation.mark };
  return [
    ...mains.map((main): ChainPlan => ({
      name: judgeChain(main),
      rules: [
        // Drops what is not allowed, and returns from all else.
        { matches: [], target: { kind: "jump", chain: rulesChain(main) } },
        { matches: [], target: { kind: "goto", chain: JUDGED_CHAIN } },
      ],
    })),
    {
      name: JUDGED_CHAIN,
      rules: [0, ...generation.earlier].map((mark) => ({ matches: [carries(mark)], target })),
    },
  ];
}

function carries(mark: number): Match {
  return { kind: "connection_mark", mark };
}
