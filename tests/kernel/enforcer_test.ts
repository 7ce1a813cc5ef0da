import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { PfwError } from "../../engine/errors.ts";
import type { Enforcer } from "../../engine/kernel/enforcer.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { enforcerIn, FaultyCommands, inHaste } from "../support/enforcer.ts";
import { firewallText, kernelTestOnce } from "../support/netns.ts";
import { actingText, NEW, OLD, withNamespace } from "../support/two_policies.ts";

kernelTestOnce("apply puts all of a policy in place, first in every hook", async () => {
  await withNamespace(async (namespace, directory) => {
    await namespace.run(["iptables", "-A", "INPUT", "-s", "192.0.2.1", "-j", "ACCEPT"]);
    const enforcer = enforcerIn(namespace, directory);
    const result = await enforcer.apply(OLD);
    equal(result.rules, 2);
    equal(result.setEntries, 4 + 2 + 2, "lists, and two sets of the rule with several sources");
    const inspection = await enforcer.inspect();
    deepEqual(inspection.differences, []);
    ok(inspection.inPlace);
    equal(inspection.rules, result.kernelRules);
    equal(inspection.chains, result.chains);
    for (const program of ["iptables-save", "ip6tables-save"]) {
      const saved = await namespace.run([program]);
      for (
        const [hook, chain] of [
          ["PREROUTING", "PFW-PRE"],
          ["INPUT", "PFW-IN"],
          ["FORWARD", "PFW-FWD"],
          ["OUTPUT", "PFW-OUT"],
        ]
      ) {
        equal(new RegExp(`-A ${hook} (.*)`).exec(saved)?.[1], `-j ${chain}`, `${program} ${hook}`);
      }
    }
  });
});

kernelTestOnce("remove leaves an untouched firewall as it was, tables included", async () => {
  await withNamespace(async (namespace, directory) => {
    const before = await firewallText(namespace);
    const enforcer = enforcerIn(namespace, directory);
    await enforcer.apply(OLD);
    await enforcer.apply(NEW);
    ok(await firewallText(namespace) !== before);
    await enforcer.remove();
    equal(await firewallText(namespace), before);
    deepEqual([...Deno.readDirSync(directory)], []);
  });
});

kernelTestOnce("remove leaves what others put there, whichever process applied", async () => {
  await withNamespace(async (namespace, directory) => {
    await namespace.run(["ipset", "create", "others", "hash:ip"]);
    await namespace.run(["iptables", "-N", "OTHERS"]);
    await namespace.run(["iptables", "-A", "INPUT", "-s", "192.0.2.1", "-j", "OTHERS"]);
    await namespace.run(["ip6tables", "-P", "FORWARD", "DROP"]);
    const before = await firewallText(namespace);
    await enforcerIn(namespace, directory).apply(OLD);
    // Somebody's own jump to a chain of ours must not keep us from leaving.
    await namespace.run(["iptables", "-A", "OTHERS", "-s", "192.0.2.2", "-j", "PFW-D-blacklist"]);
    await enforcerIn(namespace, directory).remove();
    equal(await firewallText(namespace), before);
  });
});

kernelTestOnce("tables that somebody else uses by now stay", async () => {
  await withNamespace(async (namespace, directory) => {
    const enforcer = enforcerIn(namespace, directory);
    await enforcer.apply(OLD);
    await namespace.run(["iptables", "-t", "raw", "-A", "OUTPUT", "-d", "192.0.2.5", "-j", "DROP"]);
    await enforcer.remove();
    const saved = await namespace.run(["iptables-save"]);
    match(saved, /-A OUTPUT -d 192\.0\.2\.5\/32 -j DROP/);
    equal(saved.includes("*filter"), false);
    equal(saved.includes("PFW-"), false);
  });
});

kernelTestOnce("another process takes over what a crash left, whatever it was", async () => {
  await withNamespace(async (namespace, directory) => {
    const before = await firewallText(namespace);
    await enforcerIn(namespace, directory).apply(OLD);
    await namespace.run(["ipset", "add", "pfw-black4", "192.0.2.200"]);
    await namespace.run(["ipset", "add", "pfw-ban4", "198.51.100.99", "timeout", "5"]);
    const successor = enforcerIn(namespace, directory);
    await successor.apply(NEW);
    const taken = await actingText(namespace);
    match(taken, /add pfw-ban4 198\.51\.100\.99 timeout 0/, "a ban that was to expire stays now");
    await successor.remove();
    equal(await firewallText(namespace), before);
    await enforcerIn(namespace, directory).apply(NEW);
    equal(await actingText(namespace), taken, "the same as on an empty kernel");
  });
});

kernelTestOnce("a step that fails leaves what was there before, whichever step", async (test) => {
  await withNamespace(async (namespace, directory) => {
    for (
      const [name, from, to, put] of [
        ["first", undefined, OLD, inOneGo],
        ["change", OLD, NEW, inOneGo],
        ["hurried change", OLD, NEW, inHaste],
      ] as const
    ) {
      const faulty = new FaultyCommands(namespace.commands);
      const enforcer = enforcerIn(namespace, directory, faulty);
      const prepare = () => from ? enforcer.apply(from) : enforcer.remove();
      await prepare();
      faulty.changes.length = 0;
      await put(enforcer, to);
      // The last steps only tidy up: failing there is logged, and the new policy stands.
      const steps = faulty.changes.length;
      const wanted = await actingText(namespace);
      await prepare();
      const before = await actingText(namespace);
      for (let at = 0; at < steps; at++) {
        for (const afterRunning of [false, true]) {
          const step = `${name}: step ${at + 1} of ${steps}${afterRunning ? ", halfway" : ""}`;
          await test.step(step, async () => {
            await failAt(faulty, at, afterRunning, () => put(enforcer, to), async (failed) => {
              if (failed) equal(await actingText(namespace), before);
              else ok((await enforcer.inspect()).inPlace);
            });
            await put(enforcer, to);
            equal(await actingText(namespace), wanted);
            await prepare();
          });
        }
      }
      await enforcer.remove();
    }
  });
});

const inOneGo = (enforcer: Enforcer, wanted: Policy) => enforcer.apply(wanted);

/** Makes one change fail; an apply may then throw a `PfwError`, or have done its work. */
async function failAt(
  faulty: FaultyCommands,
  at: number,
  afterRunning: boolean,
  apply: () => Promise<unknown>,
  check: (failed: boolean) => Promise<void>,
): Promise<void> {
  faulty.changes.length = 0;
  Object.assign(faulty, { failAt: at, afterRunning });
  let failure: unknown;
  await apply().catch((error) => failure = error);
  faulty.failAt = -1;
  if (failure) {
    ok(failure instanceof PfwError);
    match(failure.message, /made to fail by a test/);
    equal(failure.message.includes("undoing"), false, failure.message);
  }
  await check(failure !== undefined);
}

kernelTestOnce("whenever a process is killed, the next one ends what it began", async (test) => {
  await withNamespace(async (namespace, directory) => {
    const clean = await firewallText(namespace);
    for (const [name, put] of [["", inOneGo], ["in haste, ", inHaste]] as const) {
      const counting = new FaultyCommands(namespace.commands);
      const enforcer = enforcerIn(namespace, directory, counting);
      await enforcer.apply(OLD);
      const first = counting.changes.length;
      await put(enforcer, NEW);
      const steps = counting.changes.length;
      const wanted = await actingText(namespace);
      await enforcer.remove();
      for (let at = first; at < steps; at++) {
        await test.step(`${name}killed at step ${at - first + 1} of ${steps - first}`, async () => {
          const dying = new FaultyCommands(namespace.commands);
          const victim = enforcerIn(namespace, directory, dying);
          await victim.apply(OLD);
          Object.assign(dying, { failAt: at, fatal: true, afterRunning: at % 2 === 0 });
          await put(victim, NEW).catch(() => {});
          const successor = enforcerIn(namespace, directory);
          await successor.apply(NEW);
          equal(await actingText(namespace), wanted);
          await successor.remove();
          equal(await firewallText(namespace), clean);
        });
      }
    }
  });
});

kernelTestOnce("what other programs change is found and put back", async (test) => {
  await withNamespace(async (namespace, directory) => {
    const enforcer = enforcerIn(namespace, directory);
    await enforcer.apply(OLD);
    const applied = await actingText(namespace);
    deepEqual(await enforcer.restoreIfDrifted(), []);
    const meddling: [argv: string[], found: RegExp][] = [
      [["iptables", "-F", "INPUT"], /INPUT does not jump to PFW-IN first.*filter, IPv4/],
      [["ip6tables", "-t", "raw", "-F"], /PREROUTING does not jump.*raw, IPv6/],
      [["iptables", "-F", "PFW-FWD"], /chain PFW-FWD holds other rules/],
      [["iptables", "-R", "PFW-D-blacklist", "2", "-j", "ACCEPT"], /chain PFW-D-blacklist/],
      [["iptables", "-A", "PFW-IN", "-j", "ACCEPT"], /chain PFW-IN holds other rules/],
      [["ip6tables", "-R", "PFW-IN", "2", "-j", "RETURN"], /PFW-IN holds other|rules of ours/],
      [["iptables", "-A", "INPUT", "-j", "PFW-IN"], /first and once/],
      [["ipset", "flush", "pfw-black4"], /pfw-black4 holds 0 entries instead of 1/],
      [["ipset", "add", "pfw-white6", "2001:db8::7"], /pfw-white6 holds 1 entries instead of 0/],
    ];
    for (const [argv, found] of meddling) {
      await test.step(argv.join(" "), async () => {
        await namespace.run(argv);
        const { inPlace, differences } = await enforcer.inspect();
        equal(inPlace, false);
        match(differences.join("\n"), found);
        deepEqual(await enforcer.restoreIfDrifted(), differences);
        equal(await actingText(namespace), applied);
        deepEqual(await enforcer.restoreIfDrifted(), []);
      });
    }
    await test.step("a rule before our jump", async () => {
      await namespace.run(["iptables", "-I", "INPUT", "-s", "192.0.2.9", "-j", "ACCEPT"]);
      equal((await enforcer.restoreIfDrifted()).length, 1);
      match(await namespace.run(["iptables-save"]), /-A INPUT -j PFW-IN\n-A INPUT -s 192\.0\.2\.9/);
    });
  });
});

kernelTestOnce("a set of ours with other properties is refused, and nothing changes", async () => {
  await withNamespace(async (namespace, directory) => {
    await namespace.run(["ipset", "create", "pfw-black4", "hash:ip"]);
    const before = await firewallText(namespace);
    const enforcer = enforcerIn(namespace, directory);
    await rejects(enforcer.apply(OLD), /set pfw-black4: one of that name exists with other/);
    equal(await firewallText(namespace), before);
    await enforcer.remove();
    equal((await firewallText(namespace)).includes("pfw-"), false);
  });
});
