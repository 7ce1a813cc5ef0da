/** fail2ban with addresses banned by hand, into an ipset: the fastest of its ways. */
import type { NetworkNamespace } from "../tests/support/netns.ts";
import { PeerRoom } from "./peers.ts";
import { sleep } from "./process.ts";

const POLL = 50, PATIENCE = 5 * 60_000;

/** A jail that watches an empty log, so that only what is banned by hand counts. */
const CONFIGURE = `mkdir -p /run/fail2ban /var/lib/fail2ban
rm -f /etc/fail2ban/jail.d/*
: > /var/log/bench.log
printf '[Definition]\\nfailregex = ^never <HOST>$\\n' > /etc/fail2ban/filter.d/bench.conf
printf '[Definition]\\nlogtarget = STDOUT\\n' > /etc/fail2ban/fail2ban.local
printf '[bench]\\nenabled = true\\nbackend = polling\\nfilter = bench\\nlogpath = /var/log/bench.log\\n' \
> /etc/fail2ban/jail.local
printf 'banaction = iptables-ipset-proto6-allports\\nbantime = 1w\\n' >> /etc/fail2ban/jail.local`;

/** Seconds from the command that bans addresses until the kernel's set holds all of them. */
export async function banByFail2ban(
  root: string,
  namespace: NetworkNamespace,
  addresses: readonly string[],
): Promise<number> {
  await using room = await PeerRoom.open(root, namespace);
  await room.run(CONFIGURE);
  await using _server = room.start(["fail2ban-server", "-f", "start"]);
  await until(() => Promise.resolve(room.succeeds(["fail2ban-client", "status", "bench"])));
  const started = performance.now();
  await room.run('fail2ban-client set bench banip "$@" >/dev/null', ...addresses);
  await until(async () => await entries(namespace) >= addresses.length);
  return (performance.now() - started) / 1000;
}

async function entries(namespace: NetworkNamespace): Promise<number> {
  const { stdout } = await namespace.commands.run(["ipset", "list", "-t", "f2b-bench"]);
  return Number(/^Number of entries: (\d+)$/m.exec(stdout)?.[1] ?? 0);
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!await isDone()) {
    if (Date.now() > end) throw new Error(`fail2ban did not get ready in ${PATIENCE} ms`);
    await sleep(POLL);
  }
}
