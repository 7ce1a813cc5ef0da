/** The lock that programs of the legacy backend hold while they change a table. */
import { equal, match, rejects } from "node:assert/strict";
import type { Commands } from "../../engine/kernel/command.ts";
import { PfwError } from "../../engine/errors.ts";
import { enforcerIn } from "../support/enforcer.ts";
import { kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { policy } from "../support/policies.ts";

/** The legacy backend with a lock of its own, not the machine's. */
function legacyCommands(inner: Commands, lock: string): Commands {
  return {
    run: ([program, ...args], stdin) => {
      const legacy = program.replace(/^(ip6?tables)/, "$1-legacy");
      return inner.run(["env", `XTABLES_LOCKFILE=${lock}`, legacy, ...args], stdin);
    },
  };
}

const HOLDER = `
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
`;

kernelTestOnce(
  "a lock of iptables that another program holds is waited for, or said",
  async (test) => {
    await using namespace = await NetworkNamespace.create();
    const directory = await Deno.makeTempDir();
    const lock = `${directory}/xtables.lock`;
    const commands = legacyCommands(namespace.commands, lock);
    /** Holds the lock for so long, from before this returns. */
    const hold = async (seconds: number) => {
      const holder = namespace.spawn(["python3", "-c", HOLDER, lock, `${seconds}`]);
      equal(await holder.line(), "held");
      return holder;
    };
    const saved = async () =>
      (await commands.run(["iptables-save"])).stdout.replace(/^#.*|\[\d+:\d+\]/gm, "");
    if ((await commands.run(["iptables", "-t", "raw", "-S"])).status !== 0) {
      await test.step({
        name: "left out: the kernel lacks this backend",
        ignore: true,
        fn: () => {},
      });
      return;
    }
    const enforcer = enforcerIn(namespace, directory, commands);
    await enforcer.apply(policy({ blacklist: ["192.0.2.1"] }));
    await test.step("released soon: the change waits and is made", async () => {
      await using _holder = await hold(1);
      const started = performance.now();
      await enforcer.apply(policy({ blacklist: ["192.0.2.1"], defaultAction: "block" }));
      equal(performance.now() - started > 500, true);
      match(await saved(), /PFW-D-default_policy/);
    });
    const before = await saved();
    await test.step("not released: refused, and the policy before stays", async () => {
      await using _holder = await hold(60);
      await rejects(enforcer.apply(policy({ threats: ["192.0.2.7"] })), (error) => {
        equal(error instanceof PfwError, true);
        match(String(error), /lock/);
        return true;
      });
      equal(await saved(), before);
    });
    await test.step("afterwards it works again", async () => {
      await enforcer.apply(policy({ threats: ["192.0.2.7"] }));
      match(await saved(), /pfw-threat4/);
      await enforcer.remove();
      equal(/PFW-/.test(await saved()), false);
    });
    await Deno.remove(directory, { recursive: true });
  },
  ["iptables-legacy"],
);
