/** The tracer is held to firewalls small enough to know the answer, and to what it must refuse. */
import { deepEqual, equal, throws } from "node:assert/strict";
import { ParsedPacket, TcpFlag } from "../../engine/packet/packet.ts";
import { type PacketFields, packetOf } from "../policy/packets.ts";
import { Tracer } from "./tracer.ts";

const { ack: ACK, fin: FIN, rst: RST, syn: SYN } = TcpFlag;

const DROP = `-A PFW-D-x -j NFLOG --nflog-prefix "pfw:x:-" --nflog-group 1
-A PFW-D-x -j DROP
`;

/** A firewall for IPv4 whose `filter` holds these rules and `PFW-D-x`, jumped to by INPUT. */
function tracerOf(rules: string, sets = "", raw = ""): Tracer {
  const rawTable = `*raw\n:PFW-PRE - [0:0]\n:PFW-D-x - [0:0]\n${raw}${DROP}` +
    "-I PREROUTING 1 -j PFW-PRE\nCOMMIT\n";
  const declared = [...new Set([...rules.matchAll(/^-A (\S+)/gm)].map((match) => match[1]))];
  const filter = `*filter\n:PFW-D-x - [0:0]\n:PFW-IN - [0:0]\n` +
    declared.map((name) => `:${name} - [0:0]\n`).join("") + rules + DROP +
    "-I INPUT 1 -j PFW-IN\n-I OUTPUT 1 -j PFW-IN\n-I FORWARD 1 -j PFW-IN\nCOMMIT\n";
  return new Tracer([{ family: 4, rules: rawTable + filter, sets }]);
}

function fate(tracer: Tracer, fields: PacketFields = {}): string {
  const { packet, view } = packetOf(fields);
  return tracer.trace(packet, view).fate;
}

/** Whether a packet meets the condition. */
function meets(condition: string, fields: PacketFields = {}, sets = ""): boolean {
  return fate(tracerOf(`-A PFW-IN ${condition} -j PFW-D-x\n`, sets), fields) === "drop x:-";
}

Deno.test("tracer: each condition holds where it should and nowhere else", () => {
  const cases: [string, PacketFields, boolean][] = [
    ["-i lo", {}, false],
    ["-i eth0", {}, true],
    ["-i eth0", { direction: "outgoing" }, false],
    ["-o eth0", { direction: "outgoing" }, true],
    ["-s 192.0.2.0/24", {}, true],
    ["-s 192.0.3.0/24", {}, false],
    ["-s 192.0.2.1", {}, true],
    ["-d 198.51.100.0/31", {}, true],
    ["-d 198.51.100.2/31", {}, false],
    ["-p tcp", {}, true],
    ["-p udp", {}, false],
    ["-p icmp", { protocol: "icmp" }, true],
    ["-p tcp -m tcp --dport 80", {}, true],
    ["-p tcp -m tcp --dport 81", {}, false],
    ["-p tcp -m tcp --dport 79:81", {}, true],
    ["-p udp -m udp --dport 80", {}, false],
    ["-p tcp -m multiport --dports 1,5:9,80", {}, true],
    ["-p tcp -m multiport --dports 1,5:9,81", {}, false],
    ["-m conntrack --ctstate NEW", {}, true],
    ["-m conntrack --ctstate ESTABLISHED,RELATED", {}, false],
    ["-m conntrack --ctstate INVALID", { flags: SYN | FIN }, true],
    ["-m conntrack ! --ctstate ESTABLISHED", {}, true],
    ["-m conntrack ! --ctstate NEW", {}, false],
    ["-m conntrack --ctdir REPLY", {}, false],
    ["-m conntrack --ctdir ORIGINAL", {}, true],
    ["-p tcp -m conntrack --ctorigdstport 80", {}, true],
    ["-p tcp -m conntrack --ctorigdstport 81:90", {}, false],
  ];
  for (const [condition, fields, expected] of cases) {
    equal(meets(condition, fields), expected, `${condition} ${JSON.stringify(fields)}`);
  }
});

Deno.test("tracer: sets hold what is in them, and nothing beside it", () => {
  const sets = "create a hash:net family inet hashsize 64 maxelem 10\nadd a 192.0.2.0/25\n" +
    "add a 10.0.0.0/8\n";
  const condition = "-m set --match-set a src";
  equal(meets(condition, {}, sets), true);
  equal(meets(condition, { from: "192.0.2.128" }, sets), false);
  equal(meets(condition, { from: "10.255.255.255" }, sets), true);
  equal(meets(condition, { from: "11.0.0.0" }, sets), false);
  equal(meets("-m set --match-set a dst", {}, sets), false);
});

Deno.test("tracer: buckets empty, and only the sources in a set have one", () => {
  const sets = "create s hash:ip family inet hashsize 64 maxelem 10 timeout 0\n";
  const limit =
    "-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 2 --hashlimit-mode srcip " +
    "--hashlimit-name s --hashlimit-htable-size 8 --hashlimit-htable-max 8 " +
    "--hashlimit-htable-expire 1000";
  const follow = "-A PFW-IN -m set ! --match-set s src -m limit --limit 1/sec --limit-burst 1 " +
    "-j SET --add-set s src --timeout 10\n";
  const tracer = tracerOf(
    follow + `-A PFW-IN -m set --match-set s src ${limit} -j PFW-D-x\n`,
    sets,
  );
  const fates = (from: string) => [1, 2, 3, 4].map(() => fate(tracer, { from }));
  deepEqual(fates("192.0.2.1"), ["pass", "pass", "drop x:-", "drop x:-"]);
  deepEqual(fates("192.0.2.2"), ["pass", "pass", "pass", "pass"], "no room to be followed");
});

Deno.test("tracer: jump comes back, goto comes back to where the chain was called from", () => {
  const rules = `-A PFW-IN -j PFW-1
-A PFW-IN -p tcp -m tcp --dport 80 -j PFW-D-x
-A PFW-1 -p udp -g PFW-2
-A PFW-1 -p tcp -j PFW-2
-A PFW-1 -p udp -j PFW-D-x
-A PFW-1 -p tcp -m tcp --dport 81 -j PFW-D-x
-A PFW-2 -j RETURN
-A PFW-2 -j PFW-D-x
`;
  const tracer = tracerOf(rules);
  equal(fate(tracer, { protocol: "udp" }), "pass");
  equal(fate(tracer, { port: 80 }), "drop x:-");
  equal(fate(tracer, { port: 81 }), "drop x:-");
  equal(fate(tracer, { port: 82 }), "pass");
  const { packet, view } = packetOf({ protocol: "udp" });
  deepEqual(tracer.trace(packet, view).path, [
    "raw PREROUTING 1",
    "filter INPUT 1",
    "filter PFW-IN 1",
    "filter PFW-1 1",
    "filter PFW-2 1",
  ]);
  equal(tracer.counters.get("4 filter PFW-2 1"), 5);
  equal(tracer.counters.get("4 filter PFW-2 2"), 0);
});

Deno.test("tracer: what raw drops begins no connection", () => {
  const tracer = tracerOf(
    "-A PFW-IN -m conntrack --ctdir REPLY -j RETURN\n-A PFW-IN -j PFW-D-x\n",
    "",
    "-A PFW-PRE -p tcp -j PFW-D-x\n",
  );
  const answer = { from: "198.51.100.1", to: "192.0.2.1", sourcePort: 80, port: 40_000 };
  equal(fate(tracer), "drop x:-");
  equal(fate(tracer, { ...answer, flags: SYN | ACK, direction: "outgoing" }), "drop x:-");
});

/** `NEW ORIGINAL` and so on, for each packet in turn, with nothing dropped. */
function states(...packets: PacketFields[]): string[] {
  const tracer = tracerOf("-A PFW-IN -j RETURN\n");
  return packets.map((fields) => {
    const { packet, view } = packetOf(fields);
    const { state, direction } = tracer.trace(packet, view).tracked!;
    return direction ? `${state} ${direction}` : state;
  });
}

Deno.test("connections: a handshake, a good end, and what has no place in it", () => {
  const there: PacketFields = {},
    back = {
      from: "198.51.100.1",
      to: "192.0.2.1",
      sourcePort: 80,
      port: 40_000,
    };
  const known = states(
    { ...there, flags: ACK | FIN },
    { ...there, flags: SYN },
    { ...there, flags: ACK },
    { ...back, flags: SYN | ACK },
    { ...there, flags: ACK },
    { ...back, flags: SYN },
    { ...there, flags: SYN },
    { ...there, flags: FIN | ACK },
    { ...back, flags: FIN | ACK },
    { ...there, flags: ACK },
    { ...back, flags: SYN },
    { ...there, flags: SYN | ACK },
  );
  deepEqual(known, [
    "INVALID",
    "NEW ORIGINAL",
    "INVALID",
    "ESTABLISHED REPLY",
    "ESTABLISHED ORIGINAL",
    "INVALID",
    "ESTABLISHED ORIGINAL",
    "ESTABLISHED ORIGINAL",
    "ESTABLISHED REPLY",
    "ESTABLISHED ORIGINAL",
    "NEW ORIGINAL",
    "ESTABLISHED REPLY",
  ]);
});

Deno.test("connections: a refusal leaves nothing, pings answer by number, errors by what they quote", () => {
  const back = { from: "198.51.100.1", to: "192.0.2.1", sourcePort: 80, port: 40_000 };
  const query = { protocol: "udp", port: 53 } as const;
  const ping = { protocol: "icmp", icmpType: 8, icmpId: 7 } as const;
  const pong = { ...ping, ...back, icmpType: 0 };
  const error = { from: "203.0.113.1", to: "192.0.2.1", protocol: "icmp", icmpType: 3 } as const;
  const known = states(
    {},
    { ...back, flags: RST | ACK },
    { ...back, flags: RST | ACK },
    pong,
    ping,
    { ...pong, icmpId: 8 },
    pong,
    ping,
    query,
    { ...error, quotes: query },
    { ...error, to: "192.0.2.2", quotes: query },
    { ...error, quotes: { ...query, port: 54 } },
    { ...error, icmpType: 9 },
  );
  deepEqual(known, [
    "NEW ORIGINAL",
    "ESTABLISHED REPLY",
    "INVALID",
    "INVALID",
    "NEW ORIGINAL",
    "INVALID",
    "ESTABLISHED REPLY",
    "ESTABLISHED ORIGINAL",
    "NEW ORIGINAL",
    "RELATED REPLY",
    "INVALID",
    "INVALID",
    "INVALID",
  ]);
});

Deno.test("tracer: whatever it does not know is an error", () => {
  const unknown = [
    "-A PFW-IN -m mark --mark 1 -j RETURN",
    "-A PFW-IN -p tcp --dport 80 -j RETURN",
    "-A PFW-IN -p sctp -j RETURN",
    "-A PFW-IN -p 6 -j RETURN",
    "-A PFW-IN ! -p tcp -j RETURN",
    "-A PFW-IN --mark 0x1 -j RETURN",
    "-A PFW-IN -m connmark ! --mark 0x1 -j RETURN",
    "-A PFW-IN -m connmark --mark 1 -j RETURN",
    "-A PFW-IN -m connmark --mark 0x1/0xff -j RETURN",
    "-A PFW-IN -j CONNMARK --save-mark",
    "-A PFW-IN -j CONNMARK --set-xmark 0x1/0x1",
    "-A PFW-IN ! -i lo -j RETURN",
    "-A PFW-IN -s nonsense -j RETURN",
    "-A PFW-IN -j REJECT",
    "-A PFW-IN -j ACCEPT",
    "-A PFW-IN -j PFW-NOWHERE",
    "-A PFW-IN -g PFW-NOWHERE",
    "-A PFW-IN -m set --match-set nowhere src -j RETURN",
    "-A PFW-IN -m conntrack --ctstate SNAT -j RETURN",
    "-A PFW-IN -m conntrack ! --ctdir REPLY -j RETURN",
    "-A PFW-IN -m set ! --ctstate NEW -j RETURN",
    "-A PFW-IN -m conntrack --ctstatus ASSURED -j RETURN",
    "-A PFW-IN -m conntrack --ctdir SIDEWAYS -j RETURN",
    "-A PFW-IN --ctdir REPLY -j RETURN",
    "-A PFW-IN -m tcp --dport 80 -j RETURN",
    "-A PFW-IN -j RETURN -j RETURN",
    "-A PFW-IN -p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15:16 -j RETURN",
    "-A PFW-IN -p tcp -m tcp --dport 9:8 -j RETURN",
    "-A PFW-IN -p tcp -m tcp --dport 65536 -j RETURN",
    "-A PFW-IN -p tcp -m tcp --dport http -j RETURN",
    "-A PFW-IN -p tcp -m tcp --dport",
    "-A PFW-IN -p tcp",
    "-A PFW-IN -j NFLOG --nflog-group 1",
    '-A PFW-IN -j NFLOG --nflog-prefix "x" --nflog-group 1 --nflog-range 3',
    "-A PFW-IN -m hashlimit --hashlimit-above 10/sec --hashlimit-burst 5 --hashlimit-mode dstip" +
    " --hashlimit-name a -j RETURN",
    "-R PFW-IN 1 -j RETURN",
    "-A PFW-IN -m elephant -j RETURN",
  ];
  for (const line of unknown) throws(() => tracerOf(`${line}\n`), Error, line);
  throws(() => tracerOf("", "create a list:set size 8\n"), /does not know the line/);
  throws(() => tracerOf("", "add a 192.0.2.1\n"), /does not know the line/);
  const tracer = tracerOf("");
  const packet = new ParsedPacket();
  packet.family = 6;
  throws(() => tracer.trace(packet, new DataView(new ArrayBuffer(0))), /no firewall for family 6/);
  const { packet: strange, view } = packetOf({ direction: "unknown" });
  throws(() => tracer.trace(strange, view), /no hooks/);
});
