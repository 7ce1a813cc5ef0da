/** Policies of hundreds of rules in the kernel. */
import { deepEqual, match } from "node:assert/strict";
import { enforcerIn, inHaste } from "../support/enforcer.ts";
import { kernelTestOnce } from "../support/netns.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { withNamespace } from "../support/two_policies.ts";

/** @param parity which half of the rules allows */
function manyRules(first: number, parity = 0) {
  const rules = Array.from(
    { length: 600 },
    (_, at) =>
      rule({ action: at % 2 === parity ? "allow" : "block", ports: ports(7 * at + first) }),
  );
  return policy({ defaultAction: "block", rateLimit: { connections: first, seconds: 10 }, rules });
}

kernelTestOnce(
  "many rules are a tree of chains that the kernel takes, stood in for or not",
  async () => {
    await withNamespace(async (namespace, directory) => {
      const enforcer = enforcerIn(namespace, directory);
      await enforcer.apply(manyRules(1));
      match(await namespace.run(["iptables-save"]), /-A PFW-FWD-UDP-\d+-\d+ .* -g PFW-FWD-UDP-/);
      await inHaste(enforcer, manyRules(2));
      await inHaste(enforcer, manyRules(2, 1));
      deepEqual((await enforcer.inspect()).differences, []);
    });
  },
);
