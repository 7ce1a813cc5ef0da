/**
 * The whole firewall of a few policies as text, held in `golden/`. After a wanted change write the
 * files anew with `PFW_UPDATE_GOLDEN=1` and read the difference.
 */
import { equal } from "node:assert/strict";
import { renderPlanText } from "../../engine/kernel/render_plan.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { policy, ports, rule } from "../support/policies.ts";

const POLICIES: Record<string, Policy> = {
  "empty": policy(),
  "everyday": policy({
    rules: [
      rule({ id: "00000001", protocol: "tcp", ports: ports(23, 445), direction: "in" }),
      rule({ id: "00000002", action: "allow", ports: ports(53), direction: "out" }),
      rule({ id: "00000003", protocol: "icmp", sources: ["198.51.100.0/24"] }),
    ],
    whitelist: ["192.0.2.7"],
    blacklist: ["203.0.113.0/24", "2001:db8:bad::/48"],
    threats: ["198.51.100.66"],
    rateLimit: { connections: 100, seconds: 10 },
  }),
  "closed": policy({
    defaultAction: "block",
    rules: [
      rule({
        id: "0000000a",
        action: "allow",
        protocol: "tcp",
        ports: ports(22, [8000, 8100]),
        sources: ["192.0.2.0/24", "198.51.100.1", "2001:db8::/32"],
        direction: "in",
      }),
      rule({ id: "0000000b", destinations: ["2001:db8:1::1", "2001:db8:2::/48"] }),
    ],
    bans: ["0.0.0.0/0"],
    rateLimit: { connections: 5, seconds: 60 },
  }),
};

for (const [name, wanted] of Object.entries(POLICIES)) {
  Deno.test(`the plan of the policy "${name}" is the golden one`, async () => {
    const file = new URL(`./golden/${name}.txt`, import.meta.url);
    const text = renderPlanText(wanted, 77);
    if (Deno.env.get("PFW_UPDATE_GOLDEN")) await Deno.writeTextFile(file, text);
    equal(text, await Deno.readTextFile(file));
  });
}
