/** Marks of connections are left to other programs that use them, and pfw does without then. */
import { equal, match } from "node:assert/strict";
import { SystemCommands } from "../../engine/kernel/command.ts";
import { enforcerIn } from "../support/enforcer.ts";
import { createPair, firewallText, kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { policy } from "../support/policies.ts";
import { rulesAndCounts, SPARED } from "../support/judged.ts";
import { eventually } from "../support/running_pfw.ts";
import { keepTalking, startServer } from "../support/traffic.ts";

const OTHER = ["192.0.2.1"];
const PORT = 2001;

kernelTestOnce(
  "marks of others stay as they are, and while others use marks pfw uses none",
  async () => {
    await using link = await createPair();
    await using _server = await startServer(link.local, [PORT]);
    const directory = await Deno.makeTempDir();
    const log: string[] = [];
    const enforcer = enforcerIn(link.local, directory, undefined, log);
    const mark = ["INPUT", "-p", "tcp", "-j", "CONNMARK", "--set-mark", "5"];
    await link.local.run(["iptables", "-t", "mangle", "-A", ...mark]);
    await using client = keepTalking(link.remote, { protocol: "tcp", to: "10.9.0.1", port: PORT });
    equal(await client.line(), "echo");
    await enforcer.apply(policy({ threats: OTHER }));
    const without = await rulesAndCounts(link.local);
    equal(/connmark --mark 0x7/.test(without), false);
    match(without, /^:PFW-PRE /m, "each packet is asked, before connection tracking");
    match(log.join("\n"), /^every packet is judged, not each connection once: .*$/);

    await link.local.run(["iptables", "-t", "mangle", "-D", ...mark]);
    equal((await enforcer.restoreIfDrifted()).length, 0);
    match(await rulesAndCounts(link.local), /connmark --mark 0x7/);
    const marked = /^\[([1-9]\d*):\d+\] -A PFW-IN-JUDGE -g PFW-JUDGED$/m;
    match(await eventually(() => rulesAndCounts(link.local), (text) => marked.test(text)), marked);
    equal(SPARED.test(await rulesAndCounts(link.local)), false);

    const ask = ["INPUT", "-m", "connmark", "--mark", "5"];
    await link.local.run(["iptables", "-t", "mangle", "-A", ...ask]);
    const met = /^\[[1-9]\d*:\d+\] -A INPUT -m connmark --mark 0x5$/m;
    match(await eventually(() => rulesAndCounts(link.local), (text) => met.test(text)), met);
    await enforcer.restoreIfDrifted();
    equal(/connmark --mark 0x7/.test(await rulesAndCounts(link.local)), false);
    equal(await client.line(), "echo");
    await enforcer.remove();
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce(
  "marks are left alone, too, where rules that iptables does not show use them",
  async () => {
    await using namespace = await NetworkNamespace.create();
    const directory = await Deno.makeTempDir();
    const rules = "add table ip mangle; " +
      "add chain ip mangle vpn { type filter hook prerouting priority -150; }; " +
      "add rule ip mangle vpn ct state new ct mark set 0x71000005";
    await namespace.run(["nft", rules]);
    const enforcer = enforcerIn(namespace, directory);
    await enforcer.apply(policy({ threats: OTHER }));
    equal((await rulesAndCounts(namespace)).includes("PFW-JUDGED"), false);
    await enforcer.remove();
    match(await namespace.run(["nft", "list", "table", "ip", "mangle"]), /ct mark set 0x71000005/);
    await namespace.run(["nft", "delete", "table", "ip", "mangle"]);
    const another = enforcerIn(namespace, directory);
    await another.apply(policy({ threats: OTHER }));
    match(await rulesAndCounts(namespace), /^:PFW-JUDGED /m);
    await another.remove();
    await Deno.remove(directory, { recursive: true });
  },
  ["nft"],
);

kernelTestOnce(
  "connections are marked, too, where no namespace can be made to try it, as in the service",
  async () => {
    await using namespace = await NetworkNamespace.create();
    const directory = await Deno.makeTempDir();
    const rights = ["--bounding-set=-all,+net_admin,+net_raw", "--no-new-privs"];
    const commands = new SystemCommands(
      ["ip", "netns", "exec", namespace.name, "setpriv", ...rights],
    );
    equal((await commands.run(["unshare", "--net", "true"])).status === 0, false);
    const before = await firewallText(namespace);
    const enforcer = enforcerIn(namespace, directory, commands);
    await enforcer.apply(policy({ threats: OTHER }));
    match(await rulesAndCounts(namespace), /^:PFW-JUDGED /m);
    equal((await rulesAndCounts(namespace)).includes("PFW-PROBE"), false);
    await enforcer.remove();
    equal(await firewallText(namespace), before);
    await Deno.remove(directory, { recursive: true });
  },
);
