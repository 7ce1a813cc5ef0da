/**
 * Other people's firewalls, as Debian packages them. They are unpacked, not installed: nothing is
 * started or enabled, and no file of the machine changes. Each runs in a room of its own, where
 * its files lie over the machine's and whatever it writes is gone with the room.
 */
import { join } from "node:path";
import { findProgram } from "../engine/packages.ts";
import type { NetworkNamespace } from "../tests/support/netns.ts";
import { canRun, type Ended, MeasuredProcess, runToEnd } from "./process.ts";

/** A peer: the name of its package, and of the packages that it needs besides. */
export type Peer = keyof typeof PACKAGES;

const PACKAGES = {
  "ufw": [],
  "fail2ban": [],
  // `nft` shows what the bouncer put into the kernel.
  "crowdsec-firewall-bouncer": ["nftables", "libnftables1"],
} as const satisfies Record<string, readonly string[]>;

/** Directories of the package that Debian 12 keeps in `/usr`. */
const MOVED = ["bin", "sbin", "lib"];

/**
 * The directory that holds a peer's files, fetched if it is not there yet.
 *
 * @returns why it cannot be had, as an `Error`, where it cannot
 */
export async function unpackPeer(peer: Peer): Promise<string | Error> {
  const root = join(cacheDirectory(), "peers", peer);
  if (isDirectory(root)) return root;
  for (const program of ["apt-get", "dpkg-deb", "nsenter", "unshare"]) {
    if (!findProgram(program)) return new Error(`${peer} is left out: needs ${program}`);
  }
  const fresh = `${root}.new`;
  try {
    Deno.mkdirSync(fresh, { recursive: true });
    for (const name of [peer, ...PACKAGES[peer]]) await unpack(name, fresh);
    for (const name of MOVED) await moveIntoUsr(fresh, name);
    Deno.renameSync(fresh, root);
    return root;
  } catch (error) {
    return new Error(`${peer} is left out: ${lastLine((error as Error).message)}`);
  } finally {
    if (isDirectory(fresh)) Deno.removeSync(fresh, { recursive: true });
  }
}

/** Where `build.sh` also keeps what it fetched: whole trees of files have no place in the sources. */
function cacheDirectory(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? "/root", ".cache");
  return join(cache, "personal-firewall-build");
}

async function unpack(name: string, root: string): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    // Without a list of packages, as in a fresh image, there is nothing to download from.
    const script = 'cd "$0" && { apt-get -qq download "$1" || ' +
      '{ apt-get -qq update && apt-get -qq download "$1"; }; } && dpkg-deb -x ./*.deb "$2"';
    await runToEnd(["sh", "-c", script, directory, name, root]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

async function moveIntoUsr(root: string, name: string): Promise<void> {
  if (!isDirectory(join(root, name))) return;
  Deno.mkdirSync(join(root, "usr", name), { recursive: true });
  await runToEnd(["cp", "-a", `${join(root, name)}/.`, join(root, "usr", name)]);
  Deno.removeSync(join(root, name), { recursive: true });
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/**
 * What the room sees: the peer's files over the machine's, and what is written kept in memory.
 * `$$` is also the id of the process that holds the room open.
 */
const FURNISH = `set -e
top=$(mktemp -d)
mount -t tmpfs pfw-bench "$top"
for name in etc usr var; do
  mkdir -p "$top/$name/written" "$top/$name/work"
  lower=/$name
  [ ! -d "$0/$name" ] || lower="$0/$name:/$name"
  mount -t overlay pfw-bench -o \
"lowerdir=$lower,upperdir=$top/$name/written,workdir=$top/$name/work" "/$name"
done
mount -t tmpfs pfw-bench /run
echo "room $$ $top"
exec sleep infinity`;

/** A place to run a peer in; `await using` ends what runs there and removes it. */
export class PeerRoom implements AsyncDisposable {
  private constructor(
    private readonly holder: MeasuredProcess,
    private readonly enter: readonly string[],
    /** Where the holder mounted what is written; empty outside the room. */
    private readonly mountPoint: string,
  ) {}

  /** @param root where the peer was unpacked */
  static async open(root: string, namespace: NetworkNamespace): Promise<PeerRoom> {
    const unshare = ["unshare", "--mount", "--propagation", "private"];
    const inside = ["ip", "netns", "exec", namespace.name, ...unshare];
    const holder = new MeasuredProcess([...inside, "sh", "-c", FURNISH, root]);
    await holder.printed(/room \d+ \S+\n/);
    const [, id, mountPoint] = /room (\d+) (\S+)/.exec(holder.seen)!;
    const mounts = `--mount=/proc/${id}/ns/mnt`, network = `--net=/proc/${id}/ns/net`;
    return new PeerRoom(holder, ["nsenter", mounts, network], mountPoint);
  }

  /** Runs a shell script in the room to its end. */
  run(script: string, ...words: string[]): Promise<Ended> {
    return runToEnd([...this.enter, "sh", "-ec", script, "sh", ...words]);
  }

  /** Whether a command succeeds in the room. */
  succeeds(argv: readonly string[]): boolean {
    return canRun([...this.enter, ...argv]);
  }

  /** Starts a program in the room. */
  start(argv: readonly string[]): MeasuredProcess {
    return new MeasuredProcess([...this.enter, ...argv]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.holder.end("SIGKILL");
    Deno.removeSync(this.mountPoint);
  }
}
