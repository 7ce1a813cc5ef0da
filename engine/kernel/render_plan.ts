/** A policy's whole plan as text for people: what `rules check --plan` shows. */
import { formatPrefix } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { compilePlan } from "./compile.ts";
import { markOf } from "./judged.ts";
import { entryCount, type FamilyPlan, setEntries, type SetPlan } from "./plan.ts";
import { renderCreate, renderEntries } from "./render_ipset.ts";
import { renderFamily } from "./render_iptables.ts";

/** Entries of a set that are shown; the rest is counted. */
const SHOWN_ENTRIES = 10;

/**
 * The text that `ipset restore` and `iptables-restore` would get for this policy on an empty
 * kernel. No command is run.
 *
 * @param nflogGroup the group that reports would go to
 * @throws PfwError where the kernel cannot do what the policy asks
 */
export function renderPlanText(policy: Policy, nflogGroup: number): string {
  const generation = { mark: markOf(0), earlier: [] };
  const { families } = compilePlan(policy, { nflogGroup, generation });
  return families.map(renderFamilyText).join("\n");
}

function renderFamilyText(plan: FamilyPlan): string {
  const tool = plan.family === 4 ? "iptables-restore" : "ip6tables-restore";
  return [
    `# IPv${plan.family}: ipset restore`,
    ...plan.sets.map(renderSetText),
    `# IPv${plan.family}: ${tool} --noflush`,
    renderFamily(plan),
  ].join("\n");
}

function renderSetText(set: SetPlan): string {
  const entries: string[] = [];
  for (const prefix of setEntries(set)) {
    if (entries.length === SHOWN_ENTRIES) break;
    entries.push(formatPrefix(prefix));
  }
  const rest = entryCount(set) - entries.length;
  const more = rest > 0 ? `# and ${rest.toLocaleString("en-US")} more entries\n` : "";
  const text = `${renderCreate(set)}\n${
    [...renderEntries("add", [{ name: set.name, entries }])].join("")
  }${more}`;
  return text.trimEnd();
}
