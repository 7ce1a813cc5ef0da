/** What tests of the enforcer change from and to, and what the kernel is then compared by. */
import { firewallText, NetworkNamespace } from "./netns.ts";
import { policy, ports, rule } from "./policies.ts";

const telnet = rule({ protocol: "tcp", ports: ports(23), direction: "in" });
const dns = rule({ protocol: "udp", ports: ports(53, [5300, 5310]) });
const partners = rule({
  action: "allow",
  protocol: "tcp",
  ports: ports(8080),
  sources: ["10.9.0.2", "198.51.100.0/24", "fd09:0::2", "2001:db8::/32"],
});

/** Two policies that have some of everything, and little in common. */
export const OLD = policy({
  rules: [telnet, partners],
  whitelist: ["192.0.2.7"],
  blacklist: ["203.0.113.0/24", "2001:db8:bad::/48"],
  threats: ["198.51.100.66"],
  rateLimit: { connections: 100, seconds: 10 },
});
export const NEW = policy({
  rules: [dns, telnet],
  blacklist: ["203.0.113.0/25", "0.0.0.0/0"],
  bans: ["198.51.100.99", "fd09::99"],
  rateLimit: { connections: 7, seconds: 30 },
});

/** A namespace without tables, and a directory for the state file. */
export async function withNamespace(
  run: (namespace: NetworkNamespace, directory: string) => Promise<void>,
): Promise<void> {
  await using namespace = await NetworkNamespace.create();
  const directory = await Deno.makeTempDir();
  try {
    await run(namespace, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Rules without the generation of their policy, in marks of connections, and without earlier ones. */
export function withoutGeneration(rules: string): string {
  return rules.replaceAll(/^-A PFW-JUDGED -m connmark --mark 0x7.*\n/gm, "")
    .replaceAll(/\b0x7[0-9a-f]{7}\b/g, "(generation)");
}

/** Our part of the firewall as it acts: counters, times and the order of sets left out. */
export async function actingText(namespace: NetworkNamespace): Promise<string> {
  const text = await firewallText(namespace);
  const sets = (await namespace.run(["ipset", "save", "-sorted"]))
    .replace(/ (bucketsize|initval|hashsize) \S+/g, "").split(/^(?=create )/m).sort();
  return withoutGeneration(text.slice(0, text.lastIndexOf("---"))) + sets.join("");
}
