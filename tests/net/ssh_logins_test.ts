/** Who has logged in by SSH, and who only tries to. */
import { deepEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { formatPrefix } from "../../engine/net/address.ts";
import { ProcFiles } from "../../engine/net/proc_files.ts";
import { SshLogins } from "../../engine/net/ssh_logins.ts";
import { establishedSessions, type SshConnection } from "../../engine/net/ssh_sessions.ts";

/** Processes with what they call themselves and the socket that they hold. */
type Processes = readonly (readonly [name: string, title: string, inode: number])[];

/** What is said of connections to port 22 from 203.0.113.1, .2 and so on, whose inodes are 1, 2, … */
function connectionsOf(count: number, processes: Processes): SshConnection[] {
  const root = Deno.makeTempDirSync({ prefix: "pfw-test-" });
  const write = (path: string, text: string) => {
    Deno.mkdirSync(dirname(join(root, path)), { recursive: true });
    Deno.writeTextFileSync(join(root, path), text);
  };
  const lines = Array.from({ length: count }, (_, at) => {
    const peer = `0${at + 1}7100CB`.slice(-8);
    return `   1: 090200C0:0016 ${peer}:C350 01 0:0 02:0 0 0 0 ${at + 1} 4`;
  });
  write("net/tcp", ["title", ...lines, ""].join("\n"));
  for (const [at, [name, title, inode]] of processes.entries()) {
    const pid = `${100 + at}`;
    write(`${pid}/comm`, `${name}\n`);
    write(`${pid}/cmdline`, `${title}\0\0\0`);
    Deno.mkdirSync(join(root, `${pid}/fd`));
    Deno.symlinkSync(`socket:[${inode}]`, join(root, `${pid}/fd/4`));
  }
  try {
    return establishedSessions(new ProcFiles(root));
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("SSH logins: OpenSSH's processes say by their titles whether somebody is in", () => {
  const told = (...processes: Processes) => connectionsOf(1, processes)[0].isLoggedIn;
  deepEqual(told(["sshd", "sshd: root@pts/0", 1]), true);
  deepEqual(told(["sshd", "sshd: ann@pts/0,pts/1", 1], ["sshd", "sshd: ann [priv]", 1]), true);
  deepEqual(told(["sshd", "sshd: ann [priv]", 1], ["sshd", "sshd: ann@notty", 1]), true);
  deepEqual(told(["sshd", "sshd: ann", 1], ["sshd", "sshd: ann [priv]", 1]), true);
  deepEqual(told(["sshd-session", "sshd-session: ann@pts/3", 1]), true);
  deepEqual(told(["sshd", "sshd: root [priv]", 1], ["sshd", "sshd: root [net]", 1]), false);
  deepEqual(told(["sshd", "sshd: unknown [net]", 1]), false);
  deepEqual(told(["sshd", "sshd: ann@example.org [net]", 1]), false);
  deepEqual(told(["sshd", "sshd: [accepted]", 1], ["sshd", "sshd: [net]", 1]), false);
  deepEqual(
    told(["sshd-session", "sshd-session: root [priv]", 1], [
      "sshd-auth",
      "sshd-auth: root [net]",
      1,
    ]),
    false,
  );
  deepEqual(told(["dropbear", "/usr/sbin/dropbear", 1]), undefined);
  deepEqual(told(), undefined);
});

Deno.test("SSH logins: where the server tells nothing, what lasts longer than any login is one", () => {
  let now = 0;
  const logins = new SshLogins(() => now);
  const peers = (connections: readonly SshConnection[]) =>
    logins.of(connections).map(({ peer }) => formatPrefix(peer));
  const first = connectionsOf(1, []), both = connectionsOf(2, []);
  deepEqual(peers(first), ["203.0.113.1"], "it was there before");
  deepEqual(peers(both), ["203.0.113.1"]);
  now += 329_000;
  deepEqual(peers(both), ["203.0.113.1"]);
  now += 1_000;
  deepEqual(peers(both), ["203.0.113.1", "203.0.113.2"]);
  deepEqual(peers([]), []);
  deepEqual(peers(both), [], "another connection from the same port begins anew");
});

Deno.test("SSH logins: a server that tells is believed at once", () => {
  const logins = new SshLogins(() => 0);
  const connections = connectionsOf(2, [
    ["sshd", "sshd: root [net]", 1],
    ["sshd", "sshd: ann@pts/0", 2],
  ]);
  deepEqual(logins.of(connections).map(({ peer }) => formatPrefix(peer)), ["203.0.113.2"]);
});
