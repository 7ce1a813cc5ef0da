/** Two namespaces between which only a test's own packets travel. */
import { createPair, type Link, silence } from "./netns.ts";

/** A pair on which nothing is sent but what a test sends. */
export async function quietPair(): Promise<Link & AsyncDisposable> {
  const link = await createPair();
  const ends = [[link.local, "10.9.0.1"], [link.remote, "10.9.0.2"]] as const;
  const macs = await Promise.all(
    ends.map(([end]) => end.run(["cat", "/sys/class/net/veth-0/address"])),
  );
  for (const [at, [end]] of ends.entries()) {
    await silence(end);
    const peer = ["lladdr", macs[1 - at].trim(), "dev", "veth-0", "nud", "permanent"];
    await end.run(["ip", "neigh", "replace", ends[1 - at][1], ...peer]);
    // How many ports are said to be closed is a question of the kernel's limits.
    await end.run(["iptables", "-t", "raw", "-A", "OUTPUT", "-p", "icmp", "-j", "DROP"]);
  }
  return link;
}
