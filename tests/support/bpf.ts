/** What a process may do with bpf(2), and which programs are at an interface. */
import { deepEqual } from "node:assert/strict";
import { kernelTest, kernelTestsAvailable, type NetworkNamespace } from "./netns.ts";
import { eventually } from "./running_pfw.ts";

const LIBC = `
import ctypes, os, platform, struct, sys
bpf = {"x86_64": 321, "aarch64": 280}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)
`;

/** Has the kernel refuse bpf(2), or one command of it, to a program (seccomp(2)), and becomes it. */
const REFUSE = `${LIBC}
command, refused, allowed = int(sys.argv[1]), 0x00050001, 0x7fff0000
program = [(0x20, 0, 0, 0), (0x15, 0, 3, bpf), (0x20, 0, 0, 16), (0x15, 0, 1, command)]
if command < 0: program = [(0x20, 0, 0, 0), (0x15, 0, 1, bpf)]
program += [(0x06, 0, 0, refused), (0x06, 0, 0, allowed)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
filter = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, filter, 0, 0) != 0:
    sys.exit("no seccomp: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])
`;

const LINK_CREATE = 28;

/** What a program is started by that cannot use bpf(2), or not attach programs to interfaces. */
export const WITHOUT_BPF: readonly string[] = ["python3", "-c", REFUSE, "-1"];
export const WITHOUT_PROGRAMS: readonly string[] = ["python3", "-c", REFUSE, `${LINK_CREATE}`];

/** Asks by BPF_PROG_QUERY for tcx, incoming and outgoing. */
const QUERY = `${LIBC}
import socket
for direction in (46, 47):
    words = struct.pack("IIII", socket.if_nametoindex(sys.argv[1]), direction, 0, 0)
    attributes = ctypes.create_string_buffer(words, 64)
    if libc.syscall(bpf, 16, attributes, 64) != 0: sys.exit(os.strerror(ctypes.get_errno()))
    print(struct.unpack_from("I", attributes, 24)[0])
`;

/** Why no program can be at an interface here; empty where one can. */
const OBSTACLE = findObstacle();

function findObstacle(): string {
  if (!kernelTestsAvailable().ok) return "";
  const query = new Deno.Command("python3", {
    args: ["-c", QUERY, "lo"],
    stdout: "null",
    stderr: "null",
  });
  return query.outputSync().success ? "" : "needs tcx (Linux 6.6)";
}

/** A test of the kernel that needs programs at interfaces. */
export function programTest(...[name, run, programs]: Parameters<typeof kernelTest>): void {
  kernelTest(name, run, programs, OBSTACLE);
}

/** How many programs see what an interface receives, and what it sends. */
export async function attachedPrograms(
  namespace: NetworkNamespace,
  device: string,
): Promise<number[]> {
  const counts = await namespace.run(["python3", "-c", QUERY, device]);
  return counts.trim().split("\n").map(Number);
}

/** Waits until so many do: it takes pfw a moment. */
export async function waitForPrograms(
  namespace: NetworkNamespace,
  device: string,
  wanted: readonly number[],
): Promise<void> {
  const counts = await eventually(
    () => attachedPrograms(namespace, device),
    (counts) => `${counts}` === `${wanted}`,
  );
  deepEqual(counts, wanted);
}
