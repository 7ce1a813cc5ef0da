/** What traffic is sent through: pfw, its peers and the old way, each in namespaces of its own. */
import { createPair, type Link } from "../tests/support/netns.ts";
import { Bouncer } from "./crowdsec.ts";
import { Subscriber } from "./feeds.ts";
import type { Settings } from "./harness.ts";
import { PeerRoom, unpackPeer } from "./peers.ts";
import type { MeasuredProcess } from "./process.ts";
import { commandsForUfw, rulesForPfw } from "./twenty_rules.ts";

/** One contestant, ready for traffic; `await using` removes it. */
export interface Firewall extends AsyncDisposable {
  readonly link: Link;
  /** The program that works beside the kernel. */
  readonly process?: MeasuredProcess;
}

/** No firewall at all. */
export async function withoutFirewall(): Promise<Firewall> {
  await using parts = new AsyncDisposableStack();
  const link = parts.use(await createPair());
  return firewall(parts.move(), link);
}

/** The least that a firewall with connections needs: that they are followed, and one rule about it. */
export async function withTracking(): Promise<Firewall> {
  await using parts = new AsyncDisposableStack();
  const link = parts.use(await createPair());
  const rule = ["-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"];
  for (const program of ["iptables", "ip6tables"]) await link.local.run([program, ...rule]);
  return firewall(parts.move(), link);
}

/** pfw with the list as a feed and the rules, observing as always. */
export async function withPfw(settings: Settings): Promise<Firewall> {
  await using parts = new AsyncDisposableStack();
  const link = parts.use(await createPair());
  const changes = { default_policy: "block", rules: rulesForPfw() };
  const subscriber = parts.use(await Subscriber.create(settings, link.local, changes));
  const process = parts.use(subscriber.start());
  await subscriber.fetched();
  return firewall(parts.move(), link, process);
}

/**
 * ufw with the same rules, and the list by a set of its own making: ufw has none. Asked before
 * established connections are accepted, so that a block also cuts these, as with pfw.
 */
export async function withUfw(settings: Settings, root: string): Promise<Firewall> {
  await using parts = new AsyncDisposableStack();
  const link = parts.use(await createPair());
  const { addresses } = settings.blacklist;
  const lines = addresses.map((address) => `add listed ${address}`).join("\n");
  await link.local.run(["ipset", "create", "listed", "hash:net", "maxelem", "262144"]);
  await link.local.run(["ipset", "restore"], `${lines}\n`);
  await startUfw(parts.use(await PeerRoom.open(root, link.local)), [
    "-A ufw-before-input -m set --match-set listed src -j DROP",
    "-A ufw-before-output -m set --match-set listed dst -j DROP",
  ]);
  return firewall(parts.move(), link);
}

/** Installs ufw's own rules as Debian does, ours behind the line that ends its chains. */
async function startUfw(room: PeerRoom, before: readonly string[]): Promise<void> {
  const script =
    `cp /usr/share/ufw/ufw.conf /usr/share/ufw/*.init /usr/share/ufw/iptables/*.rules /etc/ufw
printf '%s\\n' "$1" > /run/before
sed -i '/^# End required lines/r /run/before' /etc/ufw/before.rules
${commandsForUfw().join("\n")}
ufw --force enable`;
  await room.run(script, before.join("\n"));
}

/** CrowdSec's bouncer blocks sources only; the rules come from ufw, as where both are used. */
export async function withCrowdsec(
  settings: Settings,
  roots: { readonly ufw: string; readonly crowdsec: string },
  decisions: number,
): Promise<Firewall> {
  await using parts = new AsyncDisposableStack();
  const link = parts.use(await createPair());
  const addresses = settings.blacklist.addresses.slice(0, decisions);
  const { crowdsec, ufw } = roots;
  const bouncer = parts.use(
    await Bouncer.start(crowdsec, settings.directory, link.local, addresses),
  );
  await bouncer.filled();
  await startUfw(parts.use(await PeerRoom.open(ufw, link.local)), []);
  return firewall(parts.move(), link);
}

/** A rule for each address, in and out. */
export async function withLinearRules(settings: Settings, count: number): Promise<Firewall> {
  await using parts = new AsyncDisposableStack();
  const link = parts.use(await createPair());
  const rules = settings.blacklist.addresses.slice(0, count).flatMap((address) => [
    `-A INPUT -s ${address} -j DROP`,
    `-A OUTPUT -d ${address} -j DROP`,
  ]);
  await link.local.run(["iptables-restore"], `*filter\n${rules.join("\n")}\nCOMMIT\n`);
  return firewall(parts.move(), link);
}

/** What cannot take part, and why. */
export async function unpackFirewalls() {
  const ufw = await unpackPeer("ufw");
  const crowdsec = await unpackPeer("crowdsec-firewall-bouncer");
  return { ufw, crowdsec };
}

function firewall(
  parts: AsyncDisposableStack,
  link: Link,
  process?: MeasuredProcess,
): Firewall {
  return { link, process, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
