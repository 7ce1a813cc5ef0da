/** SSH sessions, gateways and name servers, read from a copy of what a machine says of itself. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { formatPrefix, parsePrefix, parseSingle, type Prefix } from "../../engine/net/address.ts";
import {
  findLifelines,
  findLifelinesSoon,
  findSessions,
  type LifelineSources,
  protectedAddresses,
} from "../../engine/net/lifelines.ts";
import { PrefixTable } from "../../engine/net/prefix_table.ts";
import { ProcFiles } from "../../engine/net/proc_files.ts";
import { parseNameservers } from "../../engine/net/resolv_conf.ts";
import { parseRoutes4, parseRoutes6 } from "../../engine/net/routes.ts";
import { sessionOfEnvironment, type SshSession } from "../../engine/net/ssh_sessions.ts";
import { parseEstablished } from "../../engine/net/tcp_sockets.ts";

const ROUTE4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
wlan0	00000000	FE01A8C0	0003	0	0	600	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth0	0A0A0A0A	010200C0	0207	0	0	0	FFFFFFFF	0	0	0
`;
const ZERO = "0".repeat(32);
const ROUTE6 = `20010db8000000000000000000000000 40 ${ZERO} 00 ${ZERO} 00000100 1 0 00000001 eth0
${ZERO} 00 ${ZERO} 00 fe800000000000000000000000000001 00000400 2 0 00000003 eth0
${ZERO} 00 ${ZERO} 00 ${ZERO} ffffffff 1 0 00200200       lo
`;
const TCP_TITLE = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid";
/** 192.0.2.9:22 with 203.0.113.7:50000, and a listener, and a connection that sshd did not take. */
const TCP4 = `${TCP_TITLE}
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1
   1: 090200C0:0016 077100CB:C350 01 00000000:00000000 02:0000 00000000     0        0 101 4
   2: 090200C0:01BB 087100CB:C351 01 00000000:00000000 02:0000 00000000     0        0 102 4
`;
/** ::ffff:192.0.2.9:2222 with ::ffff:203.0.113.9:50002, whose socket sshd holds. */
const TCP6 = `${TCP_TITLE}
   0: 0000000000000000FFFF0000090200C0:08AE 0000000000000000FFFF0000097100CB:C352 01 0:0 02:0 0 0 0 103
`;

/** A copy of `/proc`; values that begin with `->` are links. */
class FakeProc implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "pfw-test-" });

  constructor(files: Record<string, string>) {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.root, name);
      Deno.mkdirSync(dirname(path), { recursive: true });
      if (content.startsWith("->")) Deno.symlinkSync(content.slice(2), path);
      else Deno.writeTextFileSync(path, content);
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

const MACHINE = {
  "net/route": ROUTE4,
  "net/ipv6_route": ROUTE6,
  "net/tcp": TCP4,
  "net/tcp6": TCP6,
  "self/status": "Name:\tpfw\nPPid:\t40\n",
  "40/status": "Name:\tsudo\nPPid:\t30\n",
  "40/environ": "PATH=/bin\0",
  "40/comm": "sudo\n",
  "30/status": "Name:\tbash\nPPid:\t1\n",
  "30/comm": "bash\n",
  "77/comm": "sshd-session\n",
  "77/fd/3": "->socket:[103]",
  "77/fd/4": "->/dev/null",
};

const texts = (addresses: readonly Prefix[]) => addresses.map(formatPrefix);
const sessionText = ({ peer, peerPort, local, localPort }: SshSession) =>
  `${formatPrefix(peer)}:${peerPort} ${local ? formatPrefix(local) : "?"}:${localPort}`;

function sourcesOf(proc: FakeProc, variables: Record<string, string> = {}): LifelineSources {
  return {
    proc: new ProcFiles(proc.root),
    readFile: (path) => path === "/etc/resolv.conf" ? "nameserver 127.0.0.53\n" : RESOLVED,
    environment: (name) => variables[name],
    ownEnd: ({ family }) => family === 4 ? parseSingle("192.0.2.9") : undefined,
    interfaces: [{ address: "192.0.2.9" }, { address: "127.0.0.1" }, { address: "fe80::9%eth0" }],
  };
}

const RESOLVED = "# by systemd\nnameserver 9.9.9.9\nnameserver 2620:fe::fe%eth0\nsearch lan\n";

Deno.test("lifelines: gateways, name servers behind the stub, own addresses", () => {
  using proc = new FakeProc(MACHINE);
  const found = findLifelines(sourcesOf(proc));
  deepEqual(texts(found.gateways), ["192.0.2.1", "192.168.1.254", "fe80::1"]);
  deepEqual(texts(found.resolvers), ["9.9.9.9", "2620:fe::fe"]);
  deepEqual(texts(found.own), ["192.0.2.9", "fe80::9"]);
  const ends = found.ends!.map(({ peer, local }) => `${formatPrefix(peer)} ${formatPrefix(local)}`);
  deepEqual(ends, ["192.0.2.1", "192.168.1.254", "9.9.9.9"].map((peer) => `${peer} 192.0.2.9`));
});

Deno.test("lifelines: a name server that no route leads to is none", () => {
  using proc = new FakeProc({ "net/route": ROUTE4.split("\n").slice(0, 1).join("\n") });
  deepEqual(findLifelines(sourcesOf(proc)).resolvers, []);
});

Deno.test("lifelines: the session of the environment, of a parent, or all that sshd has", () => {
  const given = { SSH_CONNECTION: "198.51.100.7 40000 192.0.2.9 22" };
  const sshd = ["203.0.113.7:50000 192.0.2.9:22", "203.0.113.9:50002 192.0.2.9:2222"];
  const seen = (files: Record<string, string>, variables: Record<string, string> = {}) => {
    using proc = new FakeProc(files);
    return findSessions(sourcesOf(proc, variables)).map(sessionText);
  };
  deepEqual(seen(MACHINE), sshd);
  deepEqual(seen({ ...MACHINE, "net/tcp": "", "net/tcp6": "" }, given), [
    "198.51.100.7:40000 192.0.2.9:22",
  ]);
  // A terminal multiplexer that outlived its first session: what it says is stale.
  deepEqual(seen(MACHINE, given), ["198.51.100.7:40000 192.0.2.9:22", ...sshd]);
  const live = "SSH_CONNECTION=203.0.113.7 50000 192.0.2.9 22\0";
  deepEqual(seen({ ...MACHINE, "30/environ": `HOME=/root\0${live}` }), [sshd[0]]);
  deepEqual(seen({}), []);
});

Deno.test("lifelines: who reads long tables meanwhile finds the same", async () => {
  for (const files of [MACHINE, { ...MACHINE, "net/tcp": TCP4.repeat(2_000) }, {}]) {
    using proc = new FakeProc(files);
    const { proc: _, ...sources } = sourcesOf(proc);
    deepEqual(
      await findLifelinesSoon({ ...sources, root: proc.root }),
      findLifelines(sourcesOf(proc)),
    );
  }
  const ahead = await ProcFiles.ahead(["net/route"]);
  equal(ahead.read("net/route"), new ProcFiles().read("net/route"), "files of /proc have size 0");
});

Deno.test("lifelines: what SSH_CONNECTION and SSH_CLIENT say", () => {
  const read = (variables: Record<string, string>) => {
    const session = sessionOfEnvironment((name) => variables[name]);
    return session && sessionText(session);
  };
  equal(read({ SSH_CONNECTION: "fe80::7%eth0 4000 fe80::9%eth0 22" }), "fe80::7:4000 fe80::9:22");
  equal(
    read({ SSH_CONNECTION: "::ffff:192.0.2.7 4000 ::ffff:192.0.2.9 22" }),
    "192.0.2.7:4000 192.0.2.9:22",
  );
  equal(read({ SSH_CLIENT: "192.0.2.7 4000 2222" }), "192.0.2.7:4000 ?:2222");
  equal(read({ SSH_CONNECTION: "", SSH_CLIENT: "" }), undefined);
  equal(read({ SSH_CONNECTION: "192.0.2.7 4000 192.0.2.9 70000" }), undefined);
  equal(read({ SSH_CONNECTION: "UNKNOWN 4000 UNKNOWN 22" }), undefined);
});

Deno.test("lifelines: what no automatic ban and no feed may touch", () => {
  using proc = new FakeProc(MACHINE);
  const list = protectedAddresses(findLifelines(sourcesOf(proc)));
  const table = new PrefixTable([{ list, value: 1 }]);
  const holds = (text: string) => {
    const { family, words } = parsePrefix(text)!;
    return table.lookup(family, ...words) !== 0;
  };
  for (const kept of ["127.8.8.8", "::1", "192.0.2.9", "192.0.2.1", "9.9.9.9", "203.0.113.9"]) {
    ok(holds(kept), kept);
  }
  ok(!holds("192.0.2.10"));
});

Deno.test("lifelines: readers of other people's files never throw", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.nat(ROUTE6.length), (noise, at) => {
    for (const text of [ROUTE4, ROUTE6, TCP4, TCP6, RESOLVED]) {
      const broken = text.slice(0, at) + noise + text.slice(at);
      parseRoutes4(broken);
      parseRoutes6(broken);
      parseEstablished(broken, 4);
      parseEstablished(broken, 6);
      parseNameservers(broken);
    }
  }));
});
