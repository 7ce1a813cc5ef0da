/** A scan whose packets are known: TCP SYN to one port after the other, from any own address. */
import type { NetworkNamespace } from "./netns.ts";

/** Raw TCP needs a checksum: connection tracking calls a packet without one invalid. */
const SCAN = `
import socket, struct, sys, time
source, to, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in to else socket.AF_INET
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 65535) + (total >> 16)
    return ~total & 65535
s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
s.bind((source, 0))
ends = socket.inet_pton(family, source) + socket.inet_pton(family, to)
for port in range(first, first + count):
    header = struct.pack("!HHIIBBHHH", 50000, port, 1, 0, 80, 2, 1024, 0, 0)
    check = checksum(ends + struct.pack("!HH", 6, len(header)) + header)
    s.sendto(header[:16] + struct.pack("!H", check) + header[18:], (to, 0))
    time.sleep(0.002)
`;

/** Scans `count` ports from 3001 on; whoever scans 60 is banned unless something spares them. */
export async function scan(
  namespace: NetworkNamespace,
  from: string,
  to: string,
  count = 60,
): Promise<void> {
  await namespace.run(["python3", "-c", SCAN, from, to, "3001", `${count}`]);
}
