/** From a long list in the configuration to its enforcement, and from a change to its. */
import { createPair, type NetworkNamespace } from "../tests/support/netns.ts";
import { type Benchmark, type Findings, median, percentile, type Settings } from "./harness.ts";
import { namespaceObstacle } from "./kernel_needs.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { MeasuredProcess, runToEnd } from "./process.ts";

const CHANGES = 20;

/** The benchmark. */
export const loadBenchmark: Benchmark = {
  name: "load",
  title: "from the configuration, and from a command, to what the kernel enforces",
  obstacle: namespaceObstacle,
  run,
};

async function run(settings: Settings): Promise<Findings> {
  const starts: number[] = [], changes: number[] = [], commands: number[] = [];
  for (let round = 0; round < settings.rounds; round++) {
    await using link = await createPair();
    using home = new PfwHome(settings.directory, settings.blacklist.addresses);
    await using pfw = startPfw(settings, home, link.local);
    starts.push(await pfw.printed(/pfw: ready/) / 1000);
    const each = settings.quick ? 2 : Math.ceil(CHANGES / settings.rounds);
    for (let change = 0; change < each; change++) {
      const address = `198.18.${round}.${change + 1}`;
      changes.push(await changeOnce(settings, home, link.local, address));
      commands.push(await versionOnce(settings));
    }
    await pfw.end();
  }
  return {
    verdicts: [
      { name: "start to `pfw: ready`", value: median(starts), unit: "s" },
      { name: "`pfw blacklist add`, p50", value: percentile(changes, 0.5), unit: "ms" },
      { name: "`pfw blacklist add`, p99", value: percentile(changes, 0.99), unit: "ms" },
      { name: "of that `pfw --version`, which does nothing", value: median(commands), unit: "ms" },
    ],
    series: [
      { name: "start to ready", unit: "s", values: starts },
      { name: "command to enforced", unit: "ms", values: changes },
      { name: "a command that does nothing", unit: "ms", values: commands },
    ],
    notes: [
      `${settings.blacklist.addresses.length.toLocaleString("en-US")} addresses in the ` +
      "configuration. Each change is one whole command, from its start to its end; after it " +
      "`ipset test` finds the address in the kernel.",
    ],
  };
}

function startPfw({ pfw }: Settings, home: PfwHome, namespace: NetworkNamespace): MeasuredProcess {
  const inside = ["ip", "netns", "exec", namespace.name];
  return new MeasuredProcess([...inside, ...pfw.argv, "start", ...home.options]);
}

/** Milliseconds of one change. */
async function changeOnce(
  { pfw }: Settings,
  home: PfwHome,
  namespace: NetworkNamespace,
  address: string,
): Promise<number> {
  const words = ["blacklist", "add", address];
  const { seconds } = await runToEnd([...pfw.argv, ...words, ...home.options]);
  await requireBlocked(namespace, address);
  return 1000 * seconds;
}

async function versionOnce({ pfw }: Settings): Promise<number> {
  return 1000 * (await runToEnd([...pfw.argv, "--version"])).seconds;
}

async function requireBlocked(namespace: NetworkNamespace, address: string): Promise<void> {
  const names = (await namespace.run(["ipset", "list", "-n"])).trim().split("\n");
  for (const name of names) {
    if (!/black/.test(name)) continue;
    const { status } = await namespace.commands.run(["ipset", "test", name, address]);
    if (status === 0) return;
  }
  throw new Error(`${address} is in none of the kernel's sets ${names.join(", ")}`);
}
