/** From a command that changes the policy to its enforcement, with a long list in force. */
import { join } from "node:path";
import { dropChain } from "../engine/kernel/names.ts";
import { buildPolicy } from "../engine/policy/build_policy.ts";
import { configSchema, type RuleDraft } from "../engine/policy/schema.ts";
import { createPair, type NetworkNamespace } from "../tests/support/netns.ts";
import { type Benchmark, type Findings, median, percentile, type Settings } from "./harness.ts";
import { namespaceObstacle } from "./kernel_needs.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { MeasuredProcess, runToEnd, sleep } from "./process.ts";

/** Rules of the policy, and changes made in each situation. */
const RULES = 20, CHANGES = 100;
/** Milliseconds that nearly every change may take. */
const MOST = 150;
/** Milliseconds between two looks whether a feed is in force, and until it is given up. */
const POLL = 50, PATIENCE = 60_000;

/** The benchmark. */
export const changeBenchmark: Benchmark = {
  name: "change",
  title: "from a command that changes the policy to what the kernel enforces",
  obstacle: namespaceObstacle,
  run,
};

/** What was measured with the list in one place. */
interface Situation {
  /** Where the list is. */
  readonly place: string;
  /** Milliseconds of each change, and of a command beside it that does nothing. */
  readonly changes: readonly number[];
  readonly idle: readonly number[];
  /** Seconds of each start until `pfw: ready`. */
  readonly starts: readonly number[];
}

async function run(settings: Settings): Promise<Findings> {
  const situations = [await withFeed(settings), await withBlacklist(settings)];
  const idle = situations.flatMap((one) => one.idle);
  const size = settings.blacklist.addresses.length.toLocaleString("en-US");
  return {
    verdicts: [
      ...situations.flatMap(verdictsOf),
      { name: "of that `pfw --version`, which does nothing", value: median(idle), unit: "ms" },
    ],
    series: [
      ...situations.flatMap(({ place, changes, starts }) => [
        { name: `command to enforced, ${place}`, unit: "ms", values: changes },
        { name: `start to ready, ${place}`, unit: "s", values: starts },
      ]),
      { name: "a command that does nothing", unit: "ms", values: idle },
    ],
    notes: [
      `${RULES} rules and ${size} addresses (${settings.blacklist.source}) in force: once as a ` +
      "threat feed from its cache, once as the blacklist of the configuration. " +
      `${CHANGES} whole commands, from start to end of their process, take turns: \`rules add\`, ` +
      "`move`, `toggle` and `remove`, `blacklist add` and `remove`. After each one the kernel's " +
      "chains or sets are found to hold it.",
    ],
  };
}

function verdictsOf({ place, changes, starts }: Situation) {
  return [
    { name: `command to enforced, ${place}, p50`, value: percentile(changes, 0.5), unit: "ms" },
    {
      name: `command to enforced, ${place}, p99`,
      value: percentile(changes, 0.99),
      unit: "ms",
      target: { atMost: MOST },
    },
    { name: `start to \`pfw: ready\`, ${place}`, value: median(starts), unit: "s" },
  ];
}

async function withFeed(settings: Settings): Promise<Situation> {
  const file = join(settings.directory, "change-feed.txt");
  Deno.writeTextFileSync(file, `${settings.blacklist.addresses.join("\n")}\n`);
  using home = new PfwHome(settings.directory, [], {
    rules: RULE_DRAFTS,
    threat_feeds: [{ name: "feed", url: `file://${file}`, interval: "1d" }],
  });
  // Once to fetch it: what is measured has it from the cache.
  await using link = await createPair();
  await using pfw = startPfw(settings, home, link.local);
  await pfw.printed(/pfw: ready/);
  await untilLoaded(link.local, settings.blacklist.addresses.length);
  await pfw.end();
  return { place: "a feed", ...await measure(settings, home) };
}

async function withBlacklist(settings: Settings): Promise<Situation> {
  using home = new PfwHome(settings.directory, settings.blacklist.addresses, {
    rules: RULE_DRAFTS,
  });
  return { place: "the blacklist", ...await measure(settings, home) };
}

/** Starts pfw some times; the last one is changed. */
async function measure(settings: Settings, home: PfwHome): Promise<Omit<Situation, "place">> {
  const starts: number[] = [];
  for (let round = 1; round < settings.rounds; round++) {
    await using link = await createPair();
    await using pfw = startPfw(settings, home, link.local);
    starts.push(await pfw.printed(/pfw: ready/) / 1000);
    await pfw.end();
  }
  await using link = await createPair();
  // So that every change is judged by whether it cuts the gateway, as on any machine.
  await link.local.run(["ip", "route", "add", "default", "via", "10.9.0.2"]);
  await using pfw = startPfw(settings, home, link.local);
  starts.push(await pfw.printed(/pfw: ready/) / 1000);
  const changes: number[] = [], idle: number[] = [];
  for (let at = 0; at < (settings.quick ? STEPS.length : CHANGES); at++) {
    const { words, isHeld } = STEPS[at % STEPS.length];
    const command = [...settings.pfw.argv, ...words, ...home.options];
    changes.push(1000 * (await runToEnd(command)).seconds);
    if (!await isHeld(link.local)) throw new Error(`the kernel does not hold ${words.join(" ")}`);
    idle.push(1000 * (await runToEnd([...settings.pfw.argv, "--version"])).seconds);
  }
  await pfw.end();
  return { starts, changes, idle };
}

function startPfw({ pfw }: Settings, home: PfwHome, namespace: NetworkNamespace): MeasuredProcess {
  const inside = ["ip", "netns", "exec", namespace.name];
  return new MeasuredProcess([...inside, ...pfw.argv, "start", ...home.options]);
}

async function untilLoaded(namespace: NetworkNamespace, size: number): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(POLL)) {
    const header = await namespace.run(["ipset", "list", "-t", "pfw-threat4"]);
    const entries = Number(/^Number of entries: (\d+)$/m.exec(header)?.[1] ?? 0);
    // A feed may hold addresses that are never applied, such as private ones: few of them.
    if (entries >= 0.99 * size) return;
  }
  throw new Error("the feed is not in force after a minute");
}

/** The rules of somebody who runs a few services. */
const RULE_DRAFTS: readonly RuleDraft[] = Array.from({ length: RULES }, (_, at): RuleDraft => ({
  name: `service ${at + 1}`,
  action: at % 3 === 0 ? "allow" : "block",
  protocol: at % 4 === 0 ? "udp" : "tcp",
  ports: at % 5 === 0 ? [8000 + at, `${9000 + 10 * at}-${9005 + 10 * at}`] : [8000 + at],
  source_ips: at % 3 === 0 ? [`198.51.100.${16 * (at % 16)}/28`] : [],
  direction: "in",
}));

/** The rule that comes, moves, is switched and goes; the address that comes and goes. */
const RULE: RuleDraft = {
  name: "no telnet",
  action: "block",
  protocol: "tcp",
  ports: [23],
  direction: "in",
};
const ADDRESS = "198.18.0.7";

/** One command, and whether the kernel holds what it did. */
interface Step {
  readonly words: readonly string[];
  readonly isHeld: (namespace: NetworkNamespace) => Promise<boolean>;
}

const LAST = `${RULES + 1}`;
const ADD = ["--protocol", "tcp", "--ports", "23", "--direction", "in"];

/** They end where they began. */
const STEPS: readonly Step[] = [
  { words: ["rules", "add", "no telnet", "block", ...ADD], isHeld: isRuleAt("end") },
  { words: ["blacklist", "add", ADDRESS], isHeld: isAddressBlocked(true) },
  { words: ["rules", "move", LAST, "1"], isHeld: isRuleAt("start") },
  { words: ["blacklist", "remove", ADDRESS], isHeld: isAddressBlocked(false) },
  { words: ["rules", "toggle", "1"], isHeld: isRuleAt("nowhere") },
  { words: ["rules", "toggle", "1"], isHeld: isRuleAt("start") },
  { words: ["rules", "remove", "1"], isHeld: isRuleAt("nowhere") },
];

/** Looks at the jumps to the chains of rules, in their order. */
function isRuleAt(place: "start" | "end" | "nowhere"): Step["isHeld"] {
  const [{ id }] = buildPolicy(configSchema.parse({ rules: [RULE] })).rules;
  const chain = dropChain("rule", id);
  return async (namespace) => {
    const text = await namespace.run(["iptables", "-S"]);
    // Of so many rules those for TCP stand in a chain of their own; another one may stand in for it.
    const isSuperseded = text.includes("-A PFW-IN-TCP -g PFW-NEXT-IN-TCP\n");
    const where = isSuperseded ? "PFW-NEXT-IN-TCP" : "PFW-IN-TCP";
    const lines = text.split("\n").filter((line) => line.startsWith(`-A ${where} `));
    const jumps = lines.flatMap((line) => / -[jg] (PFW-[AD]-[0-9a-f]{8})$/.exec(line)?.[1] ?? []);
    if (place === "nowhere") return jumps.length > 0 && !jumps.includes(chain);
    return jumps.at(place === "start" ? 0 : -1) === chain;
  };
}

function isAddressBlocked(wanted: boolean): Step["isHeld"] {
  return async (namespace) => {
    const { status } = await namespace.commands.run(["ipset", "test", "pfw-black4", ADDRESS]);
    return (status === 0) === wanted;
  };
}
