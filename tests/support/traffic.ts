/** Real packets between namespaces: a server that echoes, and clients that say whether it did. */
import type { BackgroundProcess, NetworkNamespace } from "./netns.ts";

/** Echoes TCP and UDP on these ports of every address; prints `ready`. */
const SERVER = `
import selectors, socket, sys
poll = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((any, port))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            poll.register(s, selectors.EVENT_READ, "tcp" if kind == socket.SOCK_STREAM else "udp")
print("ready", flush=True)
while True:
    for key, _ in poll.select():
        s = key.fileobj
        try:
            if key.data == "tcp":
                poll.register(s.accept()[0], selectors.EVENT_READ, "open")
            elif key.data == "udp":
                data, peer = s.recvfrom(2048)
                s.sendto(data, peer)
            else:
                data = s.recv(2048)
                if data:
                    s.sendall(data)
                else:
                    poll.unregister(s)
                    s.close()
        except OSError:
            pass
`;

/** Connects, and with `stay` sends for ever; prints `echo` for each answer and `silence` at last. */
const CLIENT = `
import socket, sys, time
kind, source, address, port, stay = sys.argv[1:6]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(0.7)
try:
    if source:
        s.bind((source, 0))
    s.connect((address, int(port)))
    while True:
        s.sendall(b"hello")
        if not s.recv(100):
            break
        print("echo", flush=True)
        if stay != "stay":
            sys.exit(0)
        time.sleep(0.02)
except OSError:
    pass
print("silence", flush=True)
`;

/** Starts the server in a namespace and waits until it listens. */
export async function startServer(
  namespace: NetworkNamespace,
  ports: readonly number[],
): Promise<BackgroundProcess> {
  const server = namespace.spawn(["python3", "-c", SERVER, ...ports.map(String)]);
  if (await server.line() !== "ready") throw new Error("the server did not start");
  return server;
}

/** What a client tries. */
export interface Attempt {
  readonly protocol: "tcp" | "udp" | "icmp";
  readonly to: string;
  readonly port?: number;
  /** Source address; default: the kernel chooses. */
  readonly from?: string;
}

/** Whether an answer came. */
export async function answers(namespace: NetworkNamespace, attempt: Attempt): Promise<boolean> {
  const { protocol, to, port = 0, from = "" } = attempt;
  if (protocol === "icmp") {
    const source = from ? ["-I", from] : [];
    const argv = ["ping", "-n", "-c", "1", "-W", "0.7", ...source, to];
    return (await namespace.commands.run(argv)).status === 0;
  }
  const argv = ["python3", "-c", CLIENT, protocol, from, to, `${port}`, "once"];
  return (await namespace.run(argv)).startsWith("echo");
}

/** A connection that goes on sending: lines `echo`, then `silence` once no answer comes. */
export function keepTalking(
  namespace: NetworkNamespace,
  { protocol, to, port = 0, from = "" }: Attempt,
): BackgroundProcess {
  return namespace.spawn(["python3", "-c", CLIENT, protocol, from, to, `${port}`, "stay"]);
}

const SENDER = `
import socket, sys, time
address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
end, sent = time.monotonic() + seconds, 0
while time.monotonic() < end:
    for _ in range(20):
        try:
            s.sendto(b"x", (address, port))
            sent += 1
        except OSError:
            pass
    time.sleep(0.0005)
print(sent, flush=True)
`;

/** Sends UDP packets all the time for so many seconds; then prints how many. */
export function startSender(
  namespace: NetworkNamespace,
  to: string,
  port: number,
  seconds: number,
): BackgroundProcess {
  return namespace.spawn(["python3", "-c", SENDER, to, `${port}`, `${seconds}`]);
}
