/** The answer to `explain` where nothing is enforced; tests/kernel asks about a kernel. */
import { deepEqual, equal, match } from "node:assert/strict";
import { renderExplanation } from "../../cli/commands/explain_format.ts";
import { explain, type ExplainFacts } from "../../engine/control/explain.ts";
import { parseSingle } from "../../engine/net/address.ts";
import { policy } from "../support/policies.ts";

const facts = (change: Parameters<typeof policy>[0]): ExplainFacts => ({
  policy: policy(change),
  own: ["192.0.2.1", "2001:db8::1"].map((text) => parseSingle(text)!),
  banOf: () => undefined,
  listingsOf: () => [],
  commands: undefined,
});

Deno.test("explain: the reason's code has the name that it has everywhere", async () => {
  const request = { address: "203.0.113.7", direction: "in" } as const;
  const answer = await explain(request, facts({ blacklist: ["203.0.113.7"] }));
  deepEqual(
    [answer.reason_code, answer.reasonCode, answer.reason],
    ["blacklist", "blacklist", "Blacklisted IP"],
  );
});

Deno.test("explain: what stays within this machine is never judged, whatever the lists say", async () => {
  const here = ["127.0.0.5", "::1", "192.0.2.1", "2001:db8::1"];
  for (const address of here) {
    for (const direction of ["in", "out"] as const) {
      const request = { address, direction, protocol: "tcp", port: 23 } as const;
      const answer = await explain(request, facts({ defaultAction: "block", blacklist: here }));
      deepEqual([answer.action, answer.reason_code, answer.isLocal], ["allow", "whitelist", true]);
      equal(answer.reason, "packets within this machine are never judged");
      match(answer.steps[0].text, /is this machine itself: packets within it are never judged$/);
      match(renderExplanation(answer), /would be allowed: packets within this machine are never/);
    }
  }
  const other = await explain(
    { address: "192.0.2.2", direction: "in" },
    facts({ blacklist: here }),
  );
  equal(other.isLocal, false);
});
