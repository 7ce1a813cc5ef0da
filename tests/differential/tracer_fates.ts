/** What the rendered firewall does with a batch of packets, followed without a kernel. */
import { compilePlan } from "../../engine/kernel/compile.ts";
import { markOf } from "../../engine/kernel/judged.ts";
import { entryTexts, type FamilyPlan, type Generation } from "../../engine/kernel/plan.ts";
import { renderCreate, renderEntries } from "../../engine/kernel/render_ipset.ts";
import { renderFamily } from "../../engine/kernel/render_iptables.ts";
import { ParsedPacket } from "../../engine/packet/packet.ts";
import { NFLOG_GROUP } from "../support/enforcer.ts";
import { type FirewallText, type Trace, Tracer } from "../support/tracer.ts";
import { decodeShot } from "./matcher_fates.ts";
import { policyOf, type PolicyText, type Shot } from "./scenario.ts";

/** A trace of each packet, and what the rules counted together, as `Tracer.counters`. */
export interface TracerFates {
  readonly traces: readonly Trace[];
  readonly counters: ReadonlyMap<string, number>;
}

/** Without earlier ones: the lab forgets all connections before it sends packets. */
const GENERATION: Generation = { mark: markOf(1), earlier: [] };

/** What a plan depends on besides the policy; the kernel is asked in the first of these ways. */
export const LAYOUTS = {
  "connections are judged once": { generation: GENERATION },
  "while threat lists are flooded": { generation: GENERATION, isFlooded: true },
  "each packet is judged": {},
} as const;

/** One of them. */
export type Layout = keyof typeof LAYOUTS;

/** Traces the packets, each as the kernel's defragmentation leaves it. */
export function tracerFates(
  text: PolicyText,
  shots: readonly Shot[],
  layout: Layout = "connections are judged once",
): TracerFates {
  const options = { nflogGroup: NFLOG_GROUP, ...LAYOUTS[layout] };
  const { families } = compilePlan(policyOf(text), options);
  const tracer = new Tracer(families.map(firewallText));
  const packet = new ParsedPacket();
  const traces = shots.map(({ way, whole }) => {
    const view = decodeShot(packet, whole, way);
    return tracer.trace(packet, view);
  });
  return { traces, counters: tracer.counters };
}

/** The plan of one family as text, every entry of its sets included. */
function firewallText(plan: FamilyPlan): FirewallText {
  const created = plan.sets.map((set) => `${renderCreate(set)}\n`);
  const entries = plan.sets.map((set) => ({ name: set.name, entries: entryTexts(set) }));
  return {
    family: plan.family,
    rules: renderFamily(plan),
    sets: [...created, ...renderEntries("add", entries)].join(""),
  };
}
