/** Policies of hundreds of rules in the kernel. */
import { deepEqual, match } from "node:assert/strict";
import type { Policy } from "../../engine/policy/policy.ts";
import { enforcerIn } from "../support/enforcer.ts";
import { kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { policy, ports, rule } from "../support/policies.ts";

kernelTestOnce(
  "many rules are a tree of chains that the kernel takes, stood in for or not",
  async () => {
    await using namespace = await NetworkNamespace.create();
    const directory = await Deno.makeTempDir();
    try {
      const many = (first: number, parity = 0) =>
        policy({
          defaultAction: "block",
          rateLimit: { connections: first, seconds: 10 },
          rules: Array.from(
            { length: 600 },
            (_, at) =>
              rule({ action: at % 2 === parity ? "allow" : "block", ports: ports(7 * at + first) }),
          ),
        });
      const enforcer = enforcerIn(namespace, directory);
      const inHaste = async (wanted: Policy) => {
        await enforcer.applyFirst(wanted);
        await enforcer.settled();
      };
      await enforcer.apply(many(1));
      match(await namespace.run(["iptables-save"]), /-A PFW-FWD-UDP-\d+-\d+ .* -g PFW-FWD-UDP-/);
      await inHaste(many(2));
      await inHaste(many(2, 1));
      deepEqual((await enforcer.inspect()).differences, []);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
