/** Which plan a policy gets here and now: besides the policy it depends on what runs. */
import type { Family } from "../net/address.ts";
import { isSameList } from "../net/prefix_list.ts";
import type { Policy } from "../policy/policy.ts";
import type { AppliedPolicy } from "./applied.ts";
import type { Commands } from "./command.ts";
import { compilePlan } from "./compile.ts";
import { ConnectionMarks } from "./connection_marks.ts";
import { Generations } from "./judged.ts";
import type { KernelState } from "./kernel_state.ts";
import type { FamilyPlan, Generation, KernelPlan } from "./plan.ts";
import { isSameTable } from "./transition.ts";

/** What it works with. */
export interface PlannerParts {
  readonly commands: Commands;
  /** NFLOG group of the reports, 0 to 65,535. */
  readonly nflogGroup: number;
}

/** What a plan is made for. */
export interface Occasion {
  /** In which there are bans. */
  readonly banned: ReadonlySet<Family>;
  /** What the kernel holds. */
  readonly before: KernelState;
  /** What is in force, as far as this process knows. */
  readonly applied: AppliedPolicy | undefined;
  /** Somebody waits. */
  readonly isHurried: boolean;
}

/** Makes plans, each for what the kernel held when it was made. */
export class Planner {
  /** Threat lists are asked before connection tracking. */
  isFlooded = false;
  readonly #parts: PlannerParts;
  readonly #marks: ConnectionMarks;
  readonly #generations = new Generations();
  #isInDoubt = false;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
    this.#marks = new ConnectionMarks(parts.commands);
  }

  /** What is in force may have been another for a while: the next plan judges all connections again. */
  doubt(): void {
    this.#isInDoubt = true;
  }

  /** A plan is in force. */
  trust({ generation }: KernelPlan): void {
    this.#isInDoubt = false;
    if (generation) this.#generations.keep(generation);
  }

  /** Whether what is in force marks connections where it must not, or could and does not. */
  async isOutdated(plan: KernelPlan, before: KernelState): Promise<boolean> {
    return (plan.generation !== undefined) !== await this.#marks.areFree(before, false);
  }

  /** The plan for a policy; connections that it would judge as before keep their mark. */
  async plan(policy: Policy, occasion: Occasion): Promise<KernelPlan> {
    const { banned, before, applied, isHurried } = occasion;
    const families = [...before.tables.keys()];
    const { nflogGroup } = this.#parts;
    const planOf = (generation?: Generation) =>
      compilePlan(policy, { nflogGroup, families, banned, generation, isFlooded: this.isFlooded });
    if (!await this.#marks.areFree(before, isHurried)) return planOf();
    const known = applied?.plan;
    if (known?.generation && !this.#isInDoubt && applied?.stillJudges(before)) {
      const plan = planOf(known.generation);
      if (plan.families.every((one) => judgesTheSame(one, known))) return plan;
    }
    return planOf(this.#generations.next());
  }
}

/** Whether connections that were judged by the plan before are judged alike by this one. */
function judgesTheSame(plan: FamilyPlan, { families }: KernelPlan): boolean {
  const before = families.find(({ family }) => family === plan.family);
  return before !== undefined && isSameTable(before.filter, plan.filter) &&
    plan.askedOnce.every(({ name, prefixes }) =>
      before.askedOnce.some((set) => set.name === name && isSameList(set.prefixes, prefixes))
    );
}
