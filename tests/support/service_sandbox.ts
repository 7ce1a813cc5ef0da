/**
 * What the unit's sandbox comes to, without systemd: the same capabilities, system calls and
 * address families, and a file system that is read-only but for the same kinds of directories.
 * Everything is read from the unit, so that what is tried is what is installed.
 */
import { unitText } from "../../cli/install/unit.ts";

/** Numbers of the system calls of this architecture, from the kernel's headers. */
const HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";

/** Why the sandbox cannot be made here; empty where it can. */
export function missingForSandbox(): string {
  if (Deno.build.arch !== "x86_64") return "needs x86_64";
  if (Deno.uid() !== 0) return "needs root";
  try {
    Deno.statSync(HEADER);
  } catch {
    return "needs linux-libc-dev";
  }
  return ["setpriv", "python3", "systemd-analyze"].find((program) => !isThere(program)) ?? "";
}

function isThere(program: string): string | boolean {
  try {
    new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}

/** The values of a setting of the unit, all its lines together. */
function setting(name: string): string[] {
  const pattern = new RegExp(`^${name}=(.*)$`, "gm");
  return [...unitText("/bin/true").matchAll(pattern)].map(([, value]) => value);
}

/** The words before a command that run it in the sandbox. */
export function sandboxWords(writable: readonly string[]): string[] {
  const binds = writable.map((path) => `mount --bind '${path}' '${path}'`);
  const script = [
    "set -e",
    "mount --make-rprivate /",
    ...binds,
    "mount -o remount,bind,ro /",
    'exec "$@"',
  ].join("\n");
  return ["unshare", "--mount", "sh", "-c", script, "sh", ...setprivWords(), ...seccompWords()];
}

function setprivWords(): string[] {
  const names = setting("CapabilityBoundingSet").flatMap((value) => value.split(" "));
  const kept = names.map((name) => `+${name.replace(/^CAP_/, "").toLowerCase()}`);
  const bounding = ["-all", ...kept].join(",");
  return ["setpriv", `--bounding-set=${bounding}`, "--inh-caps=-all", "--no-new-privs"];
}

/** Installs the filter, then becomes the command: (system calls, families, command…). */
const LAUNCHER = `
import ctypes, json, os, struct, sys
calls, families, socket_call = json.loads(sys.argv[1])
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO, KILL = 0x7fff0000, 0x00050000, 0x80000000
ARCH_X86_64, EPERM, EAFNOSUPPORT = 0xc000003e, 1, 97
program = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, ARCH_X86_64), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
program.append((EQUAL, 0, 2 + 2 * len(families), socket_call))
program.append((LOAD, 0, 0, 16))
for family in families:
    program += [(EQUAL, 0, 1, family), (RETURN, 0, 0, ALLOW)]
program.append((RETURN, 0, 0, ERRNO | EAFNOSUPPORT))
for call in calls:
    program += [(EQUAL, 0, 1, call), (RETURN, 0, 0, ALLOW)]
program.append((RETURN, 0, 0, ERRNO | EPERM))
code = b"".join(struct.pack("HBBI", *one) for one in program)
buffer = ctypes.create_string_buffer(code)
fprog = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog, 0, 0) != 0:
    sys.exit("no seccomp: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])
`;

const FAMILIES: Readonly<Record<string, number>> = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  AF_PACKET: 17,
};

function seccompWords(): string[] {
  const numbers = callNumbers();
  const calls = [...allowedCalls()].flatMap((name) => numbers.get(name) ?? []);
  const families = setting("RestrictAddressFamilies").flatMap((value) => value.split(" "))
    .map((name) => FAMILIES[name]);
  const socket = numbers.get("socket")!;
  const others = calls.filter((call) => call !== socket);
  return ["python3", "-c", LAUNCHER, JSON.stringify([others, families, socket])];
}

/** The lines of SystemCallFilter, each adding to or (`~`) taking away from those before. */
function allowedCalls(): Set<string> {
  const groups = callGroups();
  const members = (name: string): string[] =>
    name.startsWith("@") ? (groups.get(name) ?? []).flatMap(members) : [name];
  // systemd allows these to every service that has a filter.
  const allowed = new Set(members("@default"));
  for (const line of setting("SystemCallFilter")) {
    const takesAway = line.startsWith("~");
    for (const name of line.replace("~", "").split(" ").flatMap(members)) {
      if (takesAway) allowed.delete(name);
      else allowed.add(name);
    }
  }
  return allowed;
}

function callGroups(): Map<string, string[]> {
  const { stdout } = new Deno.Command("systemd-analyze", {
    args: ["--no-pager", "syscall-filter"],
    stderr: "null",
  }).outputSync();
  const groups = new Map<string, string[]>();
  let group: string[] = [];
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    if (/^@/.test(line)) groups.set(line.trim(), group = []);
    else if (/^\s+[@a-z_]/.test(line)) group.push(line.trim());
  }
  return groups;
}

function callNumbers(): Map<string, number> {
  const text = Deno.readTextFileSync(HEADER);
  const found = text.matchAll(/^#define __NR_(\w+) (\d+)$/gm);
  return new Map(Array.from(found, ([, name, number]) => [name, Number(number)]));
}
