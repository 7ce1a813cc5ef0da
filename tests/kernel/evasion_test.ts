/** Shapes of packets that slip past careless filters: none of them reaches a blocked port. */
import { deepEqual, equal } from "node:assert/strict";
import { createPair, kernelTest } from "../support/netns.ts";
import { blockedHits } from "../support/flood.ts";
import { Recorder } from "../support/probes.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const OPEN = 2001;
const CLOSED = 2002;

/** Sends `shape:port` in each shape to each port. Raw sockets fill in addresses and checksums. */
const SENDER = `
import socket, struct, sys
V4, V6 = "10.9.0.1", "fd09::1"
ENDS6 = socket.inet_pton(socket.AF_INET6, "fd09::2") + socket.inet_pton(socket.AF_INET6, V6)
def udp(port, data):
    return struct.pack("!HHHH", 4000, port, 8 + len(data), 0) + data
def checked(port, data):
    packet = udp(port, data)
    pseudo = ENDS6 + struct.pack("!II", len(packet), 17) + packet
    pseudo += bytes(len(pseudo) % 2)
    total = sum(struct.unpack("!%dH" % (len(pseudo) // 2), pseudo))
    while total >> 16:
        total = (total & 65535) + (total >> 16)
    return packet[:6] + struct.pack("!H", ~total & 65535) + packet[8:]
def plain(family, to, port, data, *options):
    s = socket.socket(family, socket.SOCK_DGRAM)
    for option in options:
        s.setsockopt(*option)
    s.sendto(data, (to, port))
def header4(identification, offset, more, length):
    return struct.pack("!BBHHHBBH4s4s", 69, 0, 20 + length, identification,
        offset // 8 | (8192 if more else 0), 64, 17, 0,
        socket.inet_aton("10.9.0.2"), socket.inet_aton(V4))
def pieces4(identification, *pieces):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for offset, more, data in pieces:
        s.sendto(header4(identification, offset, more, len(data)) + data, (V4, 0))
def extended6(first, headers, packet):
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    body = headers + packet
    s.sendto(struct.pack("!IHBB", 6 << 28, len(body), first, 64) + ENDS6 + body, (V6, 0))
padded = struct.pack("!BB", 1, 4) + bytes(4)
for port in map(int, sys.argv[1:]):
    def token(shape):
        return ("%s:%d" % (shape, port)).encode().ljust(32)
    long = lambda shape: token(shape) + b"." * 3000
    plain(socket.AF_INET, V4, port, token("plain4"))
    plain(socket.AF_INET6, V6, port, token("plain6"))
    plain(socket.AF_INET, V4, port, long("fragments4"))
    plain(socket.AF_INET6, V6, port, long("fragments6"))
    route = bytes([7, 7, 4, 0, 0, 0, 0, 1])
    plain(socket.AF_INET, V4, port, token("options4"), (socket.IPPROTO_IP, socket.IP_OPTIONS, route))
    tiny = udp(port, token("tiny4"))
    pieces4(port, (0, True, tiny[:8]), (8, False, tiny[8:]))
    late = udp(port, token("reordered4"))
    pieces4(port + 100, (16, False, late[16:]), (0, True, late[:16]))
    extended6(60, bytes([17, 0]) + padded, checked(port, token("destination options")))
    extended6(0, bytes([17, 0]) + padded, checked(port, token("hop by hop")))
    both = bytes([60, 0]) + padded + bytes([17, 0]) + padded
    extended6(0, both, checked(port, token("both headers")))
    whole = struct.pack("!BBHI", 17, 0, 0, 77)
    extended6(44, whole, checked(port, token("atomic fragment")))
`;

const SHAPES = [
  "plain4",
  "plain6",
  "fragments4",
  "fragments6",
  "options4",
  "tiny4",
  "reordered4",
  "destination options",
  "hop by hop",
  "both headers",
  "atomic fragment",
];

kernelTest("fragments, options and extension headers hide nothing", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({
    rules: [{ name: "Closed", action: "block", protocol: "udp", ports: [CLOSED] }],
    rate_limit: { enabled: false },
  });
  await using recorder = await Recorder.start(link.local, ["10.9.0.1", "fd09::1"]);
  await using pfw = await startPfw(link.local, sandbox);
  await link.remote.run(["python3", "-c", SENDER, `${OPEN}`, `${CLOSED}`]);
  const lines = Array.from(await recorder.arrived(), (line) => line.slice(0, 32).trim());
  const arrived = (port: number) => SHAPES.filter((shape) => lines.includes(`${shape}:${port}`));
  deepEqual(arrived(OPEN), SHAPES, "all of them are packets that an open port receives");
  deepEqual(arrived(CLOSED), []);
  const where = `dst_port = ${CLOSED} AND reason = 'Rule: Closed'`;
  const hits = await eventually(
    () => blockedHits(sandbox, where),
    (count) => count >= SHAPES.length,
  );
  equal(hits, SHAPES.length);
  equal((await pfw.end()).code, 0);
});
