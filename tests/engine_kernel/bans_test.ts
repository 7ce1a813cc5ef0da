/** Bans in an ipset that is only imagined, with a clock that jumps. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { LONGEST_TIMEOUT } from "../../engine/kernel/ban_times.ts";
import { banChanges, banDifferences, KernelBans } from "../../engine/kernel/bans.ts";
import type { CommandOutput, Commands } from "../../engine/kernel/command.ts";
import type { SetPlan } from "../../engine/kernel/plan.ts";
import { renderEntries } from "../../engine/kernel/render_ipset.ts";
import type { SavedSet } from "../../engine/kernel/saved_state.ts";
import { parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";

const HOUR = 3_600_000;

/** What `ipset restore` and `ipset save` do, with ends by a clock of its own. */
class ImaginedIpset implements Commands {
  readonly runs: string[] = [];
  /** Entries with their ends in milliseconds of `clock`; 0: none. */
  readonly sets = new Map([
    ["pfw-ban4", new Map<string, number>()],
    ["pfw-ban6", new Map<string, number>()],
  ]);
  /** Milliseconds that the machine ran. */
  clock = 0;
  failures = 0;

  run(argv: readonly string[], stdin: string | Iterable<string> = ""): Promise<CommandOutput> {
    this.runs.push(argv[1]);
    const stdout = argv[1] === "save" ? this.#save(argv[2]) : "";
    const text = typeof stdin === "string" ? stdin : [...stdin].join("");
    for (const line of text.split("\n").filter(Boolean)) this.#restore(line);
    const status = argv[1] === "restore" && this.failures-- > 0 ? 1 : 0;
    return Promise.resolve({ status, stdout, stderr: status ? "made to fail\n" : "" });
  }

  #save(name: string): string {
    return [...this.#living(name)].map(([entry, end]) =>
      `add ${name} ${entry} timeout ${end && Math.floor((end - this.clock) / 1000)}\n`
    ).join("");
  }

  #restore(line: string): void {
    const [, verb, name, entry, seconds] =
      /^(add|del) (\S+) (\S+)(?: timeout (\d+))?$/.exec(line) ?? [];
    const set = this.sets.get(name);
    ok(set, line);
    if (verb === "del") set.delete(entry);
    else set.set(entry, Number(seconds) && this.clock + Number(seconds) * 1000);
  }

  #living(name: string): Map<string, number> {
    const set = this.sets.get(name)!;
    for (const [entry, end] of set) if (end > 0 && end <= this.clock) set.delete(entry);
    return set;
  }

  headers(): Map<string, SavedSet> {
    return new Map([...this.sets.keys()].map((name) => [name, {
      name,
      type: "hash:net",
      family: name.endsWith("4") ? 4 : 6,
      timeout: true,
      maxEntries: 1 << 22,
      entries: this.#living(name).size,
      memory: 0,
    }]));
  }

  entries(): string[] {
    return [...this.sets.keys()].flatMap((name) => [...this.#living(name).keys()]).sort();
  }
}

const SETS = ([4, 6] as const).map((family): SetPlan => ({
  name: `pfw-ban${family}`,
  family,
  prefixes: PrefixList.EMPTY,
  timeout: true,
}));
const KNOWN = new Map(SETS.map((set) => [set.name, set]));

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  ok(parsed, text);
  return parsed;
}

function ban(text: string, milliseconds = HOUR) {
  return { prefix: prefix(text), until: Date.now() + milliseconds };
}

/** A clock that only moves when it is told to. */
async function withClock(
  run: (pass: (milliseconds: number) => void) => Promise<void>,
): Promise<void> {
  const real = Date.now;
  let now = 1_800_000_000_000;
  Date.now = () => now;
  try {
    await run((milliseconds) => now += milliseconds);
  } finally {
    Date.now = real;
  }
}

/** One look as the enforcer takes it: what differs is told, and put right. */
async function look(bans: KernelBans, ipset: ImaginedIpset): Promise<string[]> {
  await bans.forgetPast(SETS);
  const differences = await bans.compare(SETS, ipset.headers(), KNOWN);
  const { add, remove } = banChanges(differences);
  const text = [...renderEntries("add", add), ...renderEntries("del", remove)];
  if (text.length > 0) await ipset.run(["ipset", "restore"], text);
  bans.settle();
  return banDifferences(differences);
}

Deno.test("a change is one run for both families; without a change nothing runs", async () => {
  const ipset = new ImaginedIpset(), bans = new KernelBans(ipset);
  await bans.change(SETS, [ban("192.0.2.1"), ban("2001:db8::/64"), ban("0.0.0.0/0")], []);
  deepEqual(ipset.runs, ["restore"]);
  deepEqual(ipset.entries(), ["0.0.0.0/1", "128.0.0.0/1", "192.0.2.1", "2001:db8::/64"]);
  await bans.change(SETS, [], [prefix("0.0.0.0/0"), prefix("2001:db8::/64")]);
  deepEqual(ipset.entries(), ["192.0.2.1"]);
  ipset.runs.length = 0;
  await bans.change(SETS, [], []);
  await bans.change([SETS[0]], [ban("2001:db8::1")], []);
  deepEqual(ipset.runs, [], "no IPv6 here");
});

Deno.test("what a failed change did is undone, and told where it cannot be", async () => {
  const ipset = new ImaginedIpset(), bans = new KernelBans(ipset);
  await bans.change(SETS, [ban("192.0.2.1"), ban("192.0.2.2")], []);
  deepEqual(await look(bans, ipset), []);
  const change = () => bans.change(SETS, [ban("192.0.2.3")], [prefix("192.0.2.1")]);
  ipset.failures = 1;
  await rejects(change(), /made to fail.*; nothing was changed$/);
  deepEqual(ipset.entries(), ["192.0.2.1", "192.0.2.2"]);
  ipset.failures = 2;
  await rejects(change(), (error: Error) => {
    match(error.message, /made to fail.*undoing it failed too.*tried again within seconds/);
    return true;
  });
  ipset.sets.get("pfw-ban4")?.set("192.0.2.9", 0);
  deepEqual(await look(bans, ipset), ["set pfw-ban4 holds entries that are no bans: 1"]);
  deepEqual(ipset.entries(), ["192.0.2.1", "192.0.2.2"]);
});

Deno.test("bans end on time, whatever the clocks do", async () => {
  await withClock(async (pass) => {
    const ipset = new ImaginedIpset(), bans = new KernelBans(ipset);
    const run = (milliseconds: number) => {
      pass(milliseconds);
      ipset.clock += milliseconds;
    };
    await bans.change(SETS, [ban("192.0.2.1"), ban("192.0.2.2", 5 * HOUR)], []);
    run(HOUR + 10_000);
    deepEqual(await look(bans, ipset), []);
    deepEqual(ipset.entries(), ["192.0.2.2"], "ended by the kernel, which is no drift");
    await bans.change(SETS, [ban("192.0.2.3")], []);
    pass(2 * HOUR);
    deepEqual(await look(bans, ipset), [], "the machine slept, which is no drift either");
    deepEqual(ipset.entries(), ["192.0.2.2"]);
    pass(-2 * HOUR);
    deepEqual(await look(bans, ipset), [], "the clock was set back");
    run(3 * HOUR + 30 * 60_000);
    deepEqual(await look(bans, ipset), []);
    deepEqual(ipset.entries(), ["192.0.2.2"], "it ends by the clock that people see");
    run(HOUR);
    deepEqual(await look(bans, ipset), []);
    deepEqual(ipset.entries(), []);
  });
});

Deno.test("a ban that outlasts what the kernel can count is armed again", async () => {
  await withClock(async (pass) => {
    const ipset = new ImaginedIpset(), bans = new KernelBans(ipset);
    const longest = LONGEST_TIMEOUT * 1000;
    const sources = Array.from({ length: 600 }, (_, at) => `192.0.${at >> 8}.${at & 255}`);
    await bans.change(SETS, sources.map((source) => ban(source, 3 * longest)), []);
    for (let passed = 0; passed < 3 * longest - HOUR; passed += HOUR) {
      pass(HOUR);
      ipset.clock += HOUR;
      deepEqual(await look(bans, ipset), []);
      equal(ipset.headers().get("pfw-ban4")?.entries, 600);
    }
    ok(ipset.runs.filter((run) => run === "save").length < 20, "rarely read: it is a large set");
    pass(2 * HOUR);
    ipset.clock += 2 * HOUR;
    deepEqual(await look(bans, ipset), []);
    deepEqual(ipset.entries(), []);
  });
});
