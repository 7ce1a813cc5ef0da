/** Our end towards another address, as the kernel of this machine chooses it. */
import { deepEqual } from "node:assert/strict";
import { formatPrefix, parseSingle } from "../../engine/net/address.ts";
import { ownEndTowards } from "../../engine/net/own_end.ts";

function ownEnd(address: string): string | undefined {
  const found = ownEndTowards(parseSingle(address)!);
  return found && formatPrefix(found);
}

Deno.test({
  name: "own end: loopback speaks to itself, and what needs a device's name is not known",
  // libc stays open for the life of the process.
  sanitizeResources: false,
  fn: () => {
    deepEqual(["127.0.0.1", "127.3.2.1"].map(ownEnd), ["127.0.0.1", "127.0.0.1"]);
    deepEqual(ownEnd("fe80::1"), undefined);
    const hasIpv6 = Deno.networkInterfaces().some(({ address }) => address === "::1");
    deepEqual(ownEnd("::1"), hasIpv6 ? "::1" : undefined);
  },
});
