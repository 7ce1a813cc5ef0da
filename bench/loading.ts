/** From the text of a feed to its enforcement: pfw beside what others do with as many addresses. */
import { createPair } from "../tests/support/netns.ts";
import { Bouncer } from "./crowdsec.ts";
import { banByFail2ban } from "./fail2ban.ts";
import { fetchOnce } from "./feeds.ts";
import { type Benchmark, type Contestant, type Findings, interleave, median } from "./harness.ts";
import type { Settings, Verdict } from "./harness.ts";
import { namespaceObstacle } from "./kernel_needs.ts";
import { ruleForEachAddress } from "./one_rule_each.ts";
import { unpackPeer } from "./peers.ts";

/** Addresses that the slow ones load in each round; the rest is in proportion. */
const DECISIONS = 20_000, BANS = 500;

const PFW = "pfw", CROWDSEC = "CrowdSec's bouncer", FAIL2BAN = "fail2ban";

/** The benchmark. */
export const loadingBenchmark: Benchmark = {
  name: "loading",
  title: "the text of a feed to its enforcement, beside CrowdSec, fail2ban and iptables",
  obstacle: namespaceObstacle,
  run,
};

async function run(settings: Settings): Promise<Findings> {
  const size = settings.blacklist.addresses.length;
  const crowdsec = await unpackPeer("crowdsec-firewall-bouncer");
  const fail2ban = await unpackPeer("fail2ban");
  const contestants: Contestant[] = [
    async () => ({ [PFW]: await fetchOnce(settings) }),
    ...(crowdsec instanceof Error ? [] : [() => bouncerOnce(settings, crowdsec)]),
    ...(fail2ban instanceof Error ? [] : [() => fail2banOnce(settings, fail2ban)]),
  ];
  const values = await interleave(settings.rounds, contestants);
  const calls = await ruleForEachAddress(settings.blacklist.addresses, settings.quick);
  const pfw = values[PFW];
  const others = [CROWDSEC, FAIL2BAN].filter((name) => values[name]);
  const faster = (name: string): Verdict => ({
    name: `${name}, against that`,
    value: median(values[name].map((seconds, round) => seconds / pfw[round])),
    unit: "×",
  });
  const verdicts = [
    ...others.map(faster),
    { name: "one `iptables` call each", value: calls.seconds / median(pfw), unit: "×" },
  ];
  const best = Math.min(...verdicts.map(({ value }) => value));
  return {
    verdicts: [
      { name: "feed text to enforced", value: median(pfw), unit: "s" },
      { name: "the best of the others, against that", value: best, unit: "×", target: TEN_TIMES },
      ...verdicts,
    ],
    series: Object.entries(values).map(([name, values]) => ({ name, unit: "s", values })),
    notes: [
      `${
        size.toLocaleString("en-US")
      } addresses (${settings.blacklist.source}). For pfw the time ` +
      "runs from the publisher's sight of the request to the kernel's set holding all of them.",
      `CrowdSec's bouncer (nftables, its fastest way, which holds more than 65,536) is given ` +
      `${counted(settings, DECISIONS)} decisions by a local API of ours, fail2ban (an ipset, its ` +
      `fastest way) ${counted(settings, BANS)} addresses in one command; their times are ` +
      "multiplied by the ratio of the numbers, as if each address cost the same. That favours the " +
      "bouncer: it takes longer for each the more there are.",
      "One `iptables` call is a `-C` and an `-A` for each address and chain. " + calls.note,
      ...[crowdsec, fail2ban].flatMap((one) => one instanceof Error ? [`${one.message}.`] : []),
    ],
  };
}

const TEN_TIMES = { atLeast: 10 };

/** So many addresses, fewer where it shall be quick. */
function some({ quick, blacklist }: Settings, count: number): readonly string[] {
  return blacklist.addresses.slice(0, quick ? count / 10 : count);
}

function counted(settings: Settings, count: number): string {
  return some(settings, count).length.toLocaleString("en-US");
}

/** Seconds that all addresses would take, if each takes what each of some took. */
function scaled({ blacklist }: Settings, seconds: number, count: number): number {
  return seconds * blacklist.addresses.length / count;
}

async function bouncerOnce(settings: Settings, root: string) {
  await using link = await createPair();
  const addresses = some(settings, DECISIONS);
  await using bouncer = await Bouncer.start(root, settings.directory, link.local, addresses);
  return { [CROWDSEC]: scaled(settings, await bouncer.filled(), addresses.length) };
}

async function fail2banOnce(settings: Settings, root: string) {
  await using link = await createPair();
  const addresses = some(settings, BANS);
  const seconds = await banByFail2ban(root, link.local, addresses);
  return { [FAIL2BAN]: scaled(settings, seconds, addresses.length) };
}
