/** The answer to `explain` where nothing is enforced; tests/kernel asks about a kernel. */
import { deepEqual } from "node:assert/strict";
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
