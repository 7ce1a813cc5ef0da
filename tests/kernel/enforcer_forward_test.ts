import { deepEqual, equal } from "node:assert/strict";
import { enforcerIn } from "../support/enforcer.ts";
import { createPair, join, kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { answers, startServer } from "../support/traffic.ts";

/** `remote` reaches a server behind `local`, by its own address and as a published port. */
kernelTestOnce(
  "forwarded packets obey by original port and by the address they go to",
  async (test) => {
    await using link = await createPair();
    await using server = await NetworkNamespace.create();
    const { local, remote } = link;
    await join(local, server, 1);
    for (const name of ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]) {
      await local.run(["sysctl", "-qw", `${name}=1`]);
    }
    await server.run(["ip", "route", "add", "default", "via", "10.9.1.1"]);
    await server.run(["ip", "route", "add", "default", "via", "fd09:1::1"]);
    await remote.run(["ip", "route", "add", "10.9.1.0/24", "via", "10.9.0.1"]);
    await remote.run(["ip", "route", "add", "fd09:1::/64", "via", "fd09:0::1"]);
    await local.run(
      [
        "iptables",
        "-t",
        "nat",
        "-A",
        "PREROUTING",
        "-d",
        "10.9.0.1",
        "-p",
        "tcp",
        "--dport",
        "8080",
      ]
        .concat(["-j", "DNAT", "--to-destination", "10.9.1.2:2001"]),
    );
    await using _server = await startServer(server, [2001]);
    const directory = await Deno.makeTempDir();
    const enforcer = enforcerIn(local, directory);
    const attempts = {
      published: () => answers(remote, { protocol: "tcp", to: "10.9.0.1", port: 8080 }),
      direct: () => answers(remote, { protocol: "tcp", to: "10.9.1.2", port: 2001 }),
      direct6: () => answers(remote, { protocol: "udp", to: "fd09:1::2", port: 2001 }),
    };
    const scenes = {
      "nothing is blocked": [policy(), ["published", "direct", "direct6"]],
      "the published port": [
        policy({ rules: [rule({ ports: ports([8000, 8100]), direction: "in" })] }),
        ["direct", "direct6"],
      ],
      "the port behind it": [
        policy({ rules: [rule({ ports: ports(1999, 2001), direction: "in" })] }),
        ["published"],
      ],
      "a destination": [
        policy({ rules: [rule({ destinations: ["10.9.1.2"], protocol: "tcp" })] }),
        ["direct6"],
      ],
      "a rule for what starts here": [
        policy({ rules: [rule({ direction: "out" })] }),
        ["published", "direct", "direct6"],
      ],
      "a blacklisted destination": [policy({ blacklist: ["10.9.1.0/24"] }), ["direct6"]],
      "a blacklisted source": [policy({ blacklist: ["fd09::/64"] }), ["published", "direct"]],
      "a destination of the whitelist": [
        policy({ whitelist: ["10.9.1.2"], rules: [rule()] }),
        ["published", "direct"],
      ],
    } as const;
    for (const [name, [wanted, passing]] of Object.entries(scenes)) {
      await test.step(name, async () => {
        await enforcer.apply(wanted);
        const results = await Promise.all(
          Object.entries(attempts).map(async ([name, attempt]) => await attempt() ? [name] : []),
        );
        deepEqual(results.flat(), passing);
      });
    }
    await enforcer.remove();
    equal((await local.run(["iptables-save"])).includes("PFW-"), false);
    await Deno.remove(directory, { recursive: true });
  },
);
