/** What the kernel's rules say of connections that were judged. */
import type { NetworkNamespace } from "./netns.ts";

/** A rule of `iptables-save -c` that let something through because it was judged before. */
export const SPARED =
  /^\[[1-9]\d*:\d+\] -A PFW-\w+ -m conntrack --ctstate ESTABLISHED -m connmark --mark 0x7\w{7} -j RETURN$/m;

/** The rules of both families with what they counted. */
export async function rulesAndCounts(namespace: NetworkNamespace): Promise<string> {
  return await namespace.run(["sh", "-c", "iptables-save -c; ip6tables-save -c"]);
}
