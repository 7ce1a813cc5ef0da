/** Changes for who cannot wait: by chains that stand in for others, from what was read before. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { parsePrefix } from "../../engine/net/address.ts";
import {
  dropped,
  enforcerIn,
  FaultyCommands,
  inHaste,
  Interrupted,
  Unsettled,
} from "../support/enforcer.ts";
import { firewallText, kernelTestOnce } from "../support/netns.ts";
import { policy } from "../support/policies.ts";
import { actingText, NEW, OLD, withNamespace } from "../support/two_policies.ts";

kernelTestOnce("chains that stand in for others are the policy until all is settled", async () => {
  await withNamespace(async (namespace, directory) => {
    const unsettled = new Unsettled(namespace.commands);
    const log: string[] = [];
    const enforcer = enforcerIn(namespace, directory, unsettled, log);
    await enforcer.apply(OLD);
    unsettled.isOn = true;
    await inHaste(enforcer, NEW);
    match(log.join(), /what the policy before left in the kernel stays for now/);
    match(await namespace.run(["iptables-save"]), /-A PFW-IN-RULES -g PFW-NEXT-IN-RULES/);
    deepEqual((await enforcer.inspect()).differences, [], "it is in force all the same");
    deepEqual(await enforcer.restoreIfDrifted(), []);
    unsettled.isOn = false;
    await inHaste(enforcer, OLD);
    equal((await firewallText(namespace)).includes("PFW-NEXT-"), false);
    const settled = await actingText(namespace);
    await enforcer.remove();
    await enforcer.apply(OLD);
    equal(settled, await actingText(namespace), "the same as on an empty kernel");
  });
});

kernelTestOnce(
  "a reading of before is used once, and never one that is no longer true",
  async () => {
    await withNamespace(async (namespace, directory) => {
      const enforcer = enforcerIn(namespace, directory);
      await enforcer.apply(OLD);
      // Another program moves our jump after the kernel was read.
      enforcer.readAhead();
      await enforcer.settled();
      await namespace.run(["iptables", "-D", "INPUT", "-j", "PFW-IN"]);
      await enforcer.applyFirst(NEW);
      deepEqual((await enforcer.inspect()).differences, []);
      // A ban that came after it is there after the policy.
      enforcer.readAhead();
      const prefix = parsePrefix("192.0.2.66")!;
      await enforcer.changeBans([{ prefix, until: Date.now() + 600_000 }], []);
      await enforcer.applyFirst(OLD);
      deepEqual((await enforcer.inspect()).differences, []);
      match(await namespace.run(["ipset", "save", "pfw-ban4"]), /192\.0\.2\.66/);
    });
  },
);

kernelTestOnce(
  "what another program changed since the reading is never taken for ours",
  async (test) => {
    const allowed = { ...OLD, blacklist: policy({ blacklist: ["203.0.113.0/24"] }).blacklist };
    const other = { ...OLD, blacklist: policy({ blacklist: ["203.0.113.7"] }).blacklist };
    // Words that are not compared with the plan, for each iptables tells them in its own way.
    for (
      const [chain, change] of [
        ["PFW-NEW", ["-R", "PFW-NEW", "1", "-j", "PFW-D-invalid", "-p", "udp"]],
        ["PFW-D-blacklist", ["-R", "PFW-D-blacklist", "2", "-p", "udp", "-j", "DROP"]],
      ] as const
    ) {
      await test.step(chain, async () => {
        await withNamespace(async (namespace, directory) => {
          const enforcer = enforcerIn(namespace, directory);
          await enforcer.apply(allowed);
          await inHaste(enforcer, other);
          const wanted = await actingText(namespace);
          await inHaste(enforcer, allowed);
          await namespace.run(["iptables", ...change]);
          await inHaste(enforcer, other);
          equal(await actingText(namespace), wanted);
          deepEqual(await enforcer.restoreIfDrifted(), []);
        });
      });
    }
  },
);

kernelTestOnce(
  "what another program does while a change is tidied up is put right",
  async (test) => {
    const damages = {
      "our chains are emptied": "iptables -F && iptables -t raw -F",
      "all is replaced": "printf '*filter\nCOMMIT\n*raw\nCOMMIT\n' | iptables-restore",
      "a chain that stays is another": "iptables -t raw -R PFW-D-blacklist 2 -p udp -j DROP",
    };
    for (const [name, damage] of Object.entries(damages)) {
      await test.step(name, async () => {
        await withNamespace(async (namespace, directory) => {
          const interrupted = new Interrupted(
            namespace.commands,
            "-X PFW-NEXT-",
            () => namespace.run(["sh", "-c", damage]),
          );
          const enforcer = enforcerIn(namespace, directory, interrupted);
          await enforcer.apply(OLD);
          await inHaste(enforcer, NEW);
          ok(interrupted.isOver);
          ok((await enforcer.restoreIfDrifted()).length > 0);
          deepEqual((await enforcer.inspect()).differences, []);
          const mended = await actingText(namespace);
          await enforcer.remove();
          await enforcer.apply(NEW);
          equal(mended, await actingText(namespace));
        });
      });
    }
  },
);

kernelTestOnce("drops count until the last entry of a list is gone", async () => {
  await withNamespace(async (namespace, directory) => {
    const device =
      "ip link add d0 type veth peer name d1 && ip addr add 198.18.0.1/24 dev d0 && ip link set d0 up";
    await namespace.run(["sh", "-c", device]);
    const send = async (count: number) => {
      const one = "echo > /dev/udp/198.18.0.9/9";
      await namespace.commands.run(["bash", "-c", `for i in $(seq ${count}); do ${one}; done`]);
    };
    const interrupted = new Interrupted(namespace.commands, "del pfw-black4 ", () => send(5));
    const enforcer = enforcerIn(namespace, directory, interrupted);
    await enforcer.apply(policy({ blacklist: ["198.18.0.9"] }));
    await send(3);
    await inHaste(enforcer, policy({}));
    ok(interrupted.isOver);
    equal(dropped(await enforcer.counters(), "blacklist"), 8);
  });
});

kernelTestOnce(
  "what stands in for a chain is looked after, and settled by the next look",
  async () => {
    await withNamespace(async (namespace, directory) => {
      const unsettled = new Unsettled(namespace.commands);
      const enforcer = enforcerIn(namespace, directory, unsettled);
      await enforcer.apply(OLD);
      unsettled.isOn = true;
      await inHaste(enforcer, NEW);
      await namespace.run(["iptables", "-F", "PFW-NEXT-IN-RULES"]);
      match((await enforcer.restoreIfDrifted()).join(), /chain PFW-IN-RULES holds other rules/);
      deepEqual((await enforcer.inspect()).differences, []);
      unsettled.isOn = false;
      await inHaste(enforcer, OLD);
      unsettled.isOn = true;
      await inHaste(enforcer, NEW);
      unsettled.isOn = false;
      deepEqual(await enforcer.restoreIfDrifted(), []);
      equal((await firewallText(namespace)).includes("PFW-NEXT-"), false);
    });
  },
);

kernelTestOnce("who goes on without a policy gets it with the next look", async () => {
  await withNamespace(async (namespace, directory) => {
    const faulty = new FaultyCommands(namespace.commands);
    const enforcer = enforcerIn(namespace, directory, faulty);
    faulty.failAt = 0;
    await rejects(enforcer.applyFirst(OLD), /made to fail by a test/);
    faulty.failAt = -1;
    deepEqual(await enforcer.restoreIfDrifted(), ["no policy was in force"]);
    ok((await enforcer.inspect()).inPlace);
    await enforcer.remove();
    deepEqual(await enforcer.restoreIfDrifted(), []);
  });
});
