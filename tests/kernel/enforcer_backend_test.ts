import { equal, match, ok, rejects } from "node:assert/strict";
import type { Commands } from "../../engine/kernel/command.ts";
import { requireEnforcement } from "../../engine/kernel/requirements.ts";
import { NftTables } from "../../engine/kernel/nft_table.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import type { Prefix } from "../../engine/net/address.ts";
import { enforcerIn } from "../support/enforcer.ts";
import { kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";

const BUSY = policy({
  defaultAction: "block",
  rules: [
    rule({ action: "allow", protocol: "tcp", ports: ports(22, [8000, 8100]), direction: "in" }),
    rule({ sources: ["192.0.2.0/24", "2001:db8::/32", "198.51.100.1"] }),
  ],
  blacklist: ["203.0.113.1", "2001:db8:bad::1"],
  rateLimit: { connections: 100, seconds: 10 },
});

/** The other backend of iptables, where the machine has it. */
class LegacyCommands implements Commands {
  constructor(private readonly inner: Commands) {}

  run([program, ...args]: readonly string[], stdin?: string | Iterable<string>) {
    const legacy = program.replace(/^(ip6?tables)/, "$1-legacy");
    return this.inner.run([legacy, ...args], stdin);
  }
}

kernelTestOnce("the legacy backend of iptables works the same", async (test) => {
  await using namespace = await NetworkNamespace.create();
  const commands = new LegacyCommands(namespace.commands);
  const tables = ["raw", "filter"].flatMap((table) => [["iptables", table], ["ip6tables", table]]);
  const loaded = await Promise.all(tables.map(async ([program, table]) => {
    try {
      return (await commands.run([program, "-t", table, "-S"])).status === 0;
    } catch {
      return false;
    }
  }));
  if (!loaded.every(Boolean)) {
    await test.step({ name: "left out: no iptables-legacy here", ignore: true, fn: () => {} });
    return;
  }
  const saved = async () =>
    (await commands.run(["iptables-save"])).stdout.replace(/^#.*|\[\d+:\d+\]/gm, "");
  const before = await saved();
  const directory = await Deno.makeTempDir();
  const enforcer = enforcerIn(namespace, directory, commands);
  await enforcer.apply(policy({ blacklist: ["192.0.2.1"] }));
  await enforcer.apply(BUSY);
  ok((await enforcer.inspect()).inPlace);
  match(await saved(), /PFW-D-default_policy/);
  await enforcer.remove();
  equal(await saved(), before);
  await Deno.remove(directory, { recursive: true });
});

kernelTestOnce("lists of many addresses load, change and go", async () => {
  await using namespace = await NetworkNamespace.create();
  const directory = await Deno.makeTempDir();
  const enforcer = enforcerIn(namespace, directory);
  const entries = async () =>
    (await enforcer.inspect()).sets.find(({ name }) => name === "pfw-black4")?.entries;
  const listOf = (count: number, step: number) => ({
    ...policy(),
    blacklist: PrefixList.from(Array.from({ length: count }, (_, at): Prefix => ({
      family: 4,
      words: [(0x0b000000 + at * step) | 0, 0, 0, 0],
      length: 32,
    }))),
  });
  await enforcer.apply(listOf(120_430, 2));
  equal(await entries(), 120_430);
  await enforcer.apply(listOf(100_000, 3));
  equal(await entries(), 100_000);
  await enforcer.apply(policy());
  equal(await entries(), 0);
  await enforcer.remove();
  await Deno.remove(directory, { recursive: true });
});

kernelTestOnce("what enforcing needs is here; what is not is named", async () => {
  await using namespace = await NetworkNamespace.create();
  const before = await namespace.run(["iptables-save"]);
  await requireEnforcement(namespace.commands);
  equal(await namespace.run(["iptables-save"]), before);
  const lacking = (word: RegExp): Commands => ({
    run: (argv, stdin) =>
      word.test(typeof stdin === "string" ? stdin : argv.join(" "))
        ? Promise.resolve({ status: 2, stdout: "", stderr: "iptables: no such thing\n" })
        : namespace.commands.run(argv, stdin),
  });
  for (
    const [word, message] of [
      [/hashlimit/, /the kernel lacks the rate limit for IPv4: .*no such thing.*xt_hashlimit/],
      [/NFLOG/, /the kernel lacks NFLOG .*nfnetlink_log/],
      [/^ipset list/, /ipset does not work: .*no such thing.*ip_set/],
    ] as const
  ) {
    await rejects(requireEnforcement(lacking(word)), (error) => {
      ok(error instanceof PfwError);
      equal(error.exitCode, ExitCode.missing);
      match(error.message, message);
      return true;
    });
  }
});

kernelTestOnce("nf_tables answers what pfw asks it", () => {
  using nft = new NftTables();
  const generation = nft.generation();
  ok(Number.isInteger(generation) && generation > 0);
  equal(nft.useCount(4, "no-such-table"), undefined);
  equal(nft.delete(4, "no-such-table", generation + 1), false, "another generation is refused");
  return Promise.resolve();
});
