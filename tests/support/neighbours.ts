/** Neighbours with public addresses, as feeds list them and as scanners have them. */
import type { Link, NetworkNamespace } from "./netns.ts";
import type { Sandbox } from "./sandbox.ts";
import { type RunningPfw, runPfw, startPfw } from "./running_pfw.ts";

/** Gives the remote end addresses such as 11.0.0.1 and 2a00:1450::1, and the local one a way there. */
export async function addNeighbours(
  { local, remote }: Link,
  addresses: readonly string[],
): Promise<void> {
  await local.run(["ip", "route", "add", "11.0.0.0/8", "dev", "veth-0"]);
  await local.run(["ip", "-6", "route", "add", "2a00::/16", "dev", "veth-0"]);
  // Known from the start: what a listed address asks its neighbours is dropped like all it sends.
  const path = "/sys/class/net/veth-0/address";
  const mac = (await local.run(["cat", path])).trim();
  for (const to of ["10.9.0.1", "fd09::1"]) {
    const words = ["neighbour", "replace", to, "lladdr", mac, "dev", "veth-0", "nud", "permanent"];
    await remote.run(["ip", ...words]);
  }
  for (const address of addresses) {
    const options = address.includes(":") ? ["nodad"] : [];
    await remote.run(["ip", "address", "add", address, "dev", "veth-0", ...options]);
  }
}

/** Whether a set of the kernel holds an address. */
export async function isInSet(
  namespace: NetworkNamespace,
  set: string,
  address: string,
): Promise<boolean> {
  const { status } = await namespace.commands.run(["ipset", "test", set, address]);
  return status === 0;
}

/** The entries of a set of the kernel, sorted; `timeout` and what else follows them left out. */
export async function entriesOf(namespace: NetworkNamespace, set: string): Promise<string[]> {
  const saved = await namespace.run(["ipset", "save", set]);
  return [...saved.matchAll(/^add \S+ (\S+)/gm)].map(([, entry]) => entry).sort();
}

/** What pfw answers with `--json`; throws unless it exits with `code`. */
export async function askJson<T>(
  namespace: NetworkNamespace,
  sandbox: Sandbox,
  words: readonly string[],
  code = 0,
): Promise<T> {
  const run = await runPfw(namespace, sandbox, [...words, "--json"]);
  if (run.code !== code) throw new Error(`${words.join(" ")}: ${run.code}: ${run.err}${run.out}`);
  return JSON.parse(run.out);
}

/** The text of a feed of `count` addresses from 11.0.0.0 on. */
export function listFrom11(count: number): string {
  let text = "# made by a test\n";
  for (let at = 0; at < count; at++) text += `11.${at >> 16}.${(at >> 8) & 255}.${at & 255}\n`;
  return text;
}

/** Starts pfw on a machine whose `/etc/resolv.conf` names a server. */
export async function startWithNameServer(
  namespace: NetworkNamespace,
  sandbox: Sandbox,
  server: string,
): Promise<RunningPfw> {
  const resolv = sandbox.path("resolv.conf");
  await Deno.writeTextFile(resolv, `nameserver ${server}\n`);
  const mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  return startPfw(namespace, sandbox, [], {
    through: ["unshare", "--mount", "sh", "-c", mount, resolv],
  });
}
