/** The configuration file: what is trusted, what is refused, how a missing one comes to be. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { PfwError } from "../../engine/errors.ts";
import { buildPolicy } from "../../engine/policy/build_policy.ts";
import {
  ConfigReader,
  ensureConfig,
  loadConfig,
  MAX_CONFIG_BYTES,
  readConfigFile,
} from "../../engine/policy/config_file.ts";
import { DEFAULT_CONFIG } from "../../engine/policy/default_config.ts";
import { formatConfig } from "../../engine/policy/format_config.ts";

const root = Deno.uid() === 0;

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pfw-test-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A file with this content; the error that reading it gives. */
async function refusal(
  directory: string,
  content: string | Uint8Array<ArrayBuffer>,
): Promise<PfwError> {
  const file = join(directory, "config.json");
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(file, bytes, { mode: 0o600 });
  return await refusalOf(file);
}

async function refusalOf(file: string): Promise<PfwError> {
  const error = await readConfigFile(file).then(() => undefined, (error) => error);
  ok(error instanceof PfwError, `expected a refusal, not ${error}`);
  return error;
}

Deno.test("config file: a missing one is created with the defaults, private, and its schema", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "a/b/firewall_rules.json");
    const { draft } = await loadConfig({ config: file });
    deepEqual(draft, DEFAULT_CONFIG);
    equal((await Deno.stat(file)).mode! & 0o7777, 0o600);
    equal((await Deno.stat(join(directory, "a/b"))).mode! & 0o7777, root ? 0o755 : 0o700);
    const schema = JSON.parse(
      await Deno.readTextFile(join(directory, "a/b/firewall_rules.schema.json")),
    );
    equal(schema.type, "object");
    deepEqual([...Deno.readDirSync(join(directory, "a/b"))].map(({ name }) => name).sort(), [
      "firewall_rules.json",
      "firewall_rules.json.lock",
      "firewall_rules.schema.json",
    ]);
  }));

Deno.test("config file: of many that create it at once, one does", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "x/firewall_rules.json");
    const created = await Promise.all(
      Array.from({ length: 8 }, () => ensureConfig({ config: file })),
    );
    equal(created.filter(Boolean).length, 1);
  }));

Deno.test("config file: an existing one is left alone, valid or not", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "c.json");
    await Deno.writeTextFile(file, "{ broken", { mode: 0o600 });
    equal(await ensureConfig({ config: file }), false);
    equal(await Deno.readTextFile(file), "{ broken");
  }));

Deno.test("config file: a link that leads nowhere is told, not filled", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "c.json");
    await Deno.symlink(join(directory, "gone.json"), file);
    await rejects(
      loadConfig({ config: file }),
      /: it is a link that leads nowhere; put back the file/,
    );
    await rejects(Deno.lstat(join(directory, "gone.json")), Deno.errors.NotFound);
  }));

Deno.test("config file: a byte order mark is skipped", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "c.json");
    await Deno.writeTextFile(file, '\ufeff{"default_policy":"block"}', { mode: 0o600 });
    equal((await readConfigFile(file)).config.default_policy, "block");
  }));

const NOT_TEXT: readonly (readonly [string, Uint8Array<ArrayBuffer>, RegExp])[] = [
  ["UTF-16", Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0), /1 problem: line 1: the file is UTF-16/],
  ["NUL bytes", new TextEncoder().encode("{\n\n\0}"), /line 3: the file holds a NUL byte/],
  ["Latin-1", Uint8Array.of(0x7b, 0x0a, 0x22, 0xe4, 0x22, 0x7d), /line 2: not UTF-8 text/],
  ["a cut character", Uint8Array.of(0x7b, 0x7d, 0x0a, 0xe2, 0x82), /line 2: not UTF-8 text/],
  ["nothing", Uint8Array.of(), /line 1: the file is empty/],
];
for (const [name, bytes, expected] of NOT_TEXT) {
  Deno.test(`config file: ${name} is refused`, () =>
    inDirectory(async (directory) => {
      const error = await refusal(directory, bytes);
      match(error.message, expected);
      equal(error.exitCode, 2);
    }));
}

Deno.test("config file: one that everybody may write to is refused", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "c.json");
    await Deno.writeTextFile(file, "{}");
    await Deno.chmod(file, 0o666);
    const error = await refusalOf(file);
    match(error.message, /everybody may write to it; .*chmod o-w/);
    equal(error.exitCode, 2);
  }));

Deno.test({
  name: `config file: one of another user is refused${root ? "" : " (needs root to make one)"}`,
  ignore: !root,
  fn: () =>
    inDirectory(async (directory) => {
      const file = join(directory, "c.json");
      await Deno.writeTextFile(file, "{}", { mode: 0o600 });
      await Deno.chown(file, 65534, 65534);
      const error = await refusalOf(file);
      match(error.message, /belongs to user 65534, not to root; run: chown root/);
      equal(error.exitCode, 2);
    }),
});

Deno.test({
  name: `config file: one that may not be read needs a privilege${root ? " (root may)" : ""}`,
  ignore: root,
  fn: () =>
    inDirectory(async (directory) => {
      const file = join(directory, "c.json");
      await Deno.writeTextFile(file, "{}", { mode: 0o000 });
      equal((await refusalOf(file)).exitCode, 4);
    }),
});

Deno.test("config file: a directory, a device, a pipe and a huge file are refused at once", () =>
  inDirectory(async (directory) => {
    match((await refusalOf(directory)).message, /it is a directory/);
    match((await refusalOf("/dev/zero")).message, /not a regular file/);
    const pipe = join(directory, "pipe");
    equal((await new Deno.Command("mkfifo", { args: [pipe] }).output()).code, 0);
    match((await refusalOf(pipe)).message, /not a regular file/);
    const huge = join(directory, "huge.json");
    await Deno.writeTextFile(huge, "{}", { mode: 0o600 });
    await Deno.truncate(huge, MAX_CONFIG_BYTES + 1);
    match((await refusalOf(huge)).message, /larger than 64 MB/);
  }));

Deno.test("config file: one that is missing says what to do", () =>
  inDirectory(async (directory) => {
    const error = await refusalOf(join(directory, "no.json"));
    match(error.message, /there is no such file; pfw creates it/);
    equal(error.exitCode, 2);
  }));

Deno.test("config file: 200,000 addresses make a policy, and one bad one among them is found", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "c.json");
    const blacklist_ips = Array.from(
      { length: 200_000 },
      (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
    );
    await Deno.writeTextFile(file, JSON.stringify({ blacklist_ips }, null, 1), { mode: 0o600 });
    equal(buildPolicy((await readConfigFile(file)).config).blacklist.size, 200_000);
    blacklist_ips[150_000] = "10.0.0.256";
    const error = await refusal(directory, JSON.stringify({ blacklist_ips }, null, 1));
    match(error.message, /1 problem: line 150003, blacklist_ips\[150000\]: "10.0.0.256" is not/);
  }));

Deno.test("config reader: it reads what the file says, whoever wrote it and however often", async () => {
  const directory = await Deno.makeTempDir({ prefix: "pfw-test-" });
  const file = join(directory, "firewall_rules.json");
  try {
    const entries = Array.from({ length: 3_000 }, (_, at) => `10.${at >> 8}.${at & 255}.1`);
    const textOf = (count: number) =>
      formatConfig({ blacklist_ips: entries.slice(0, count), rules: [] });
    const reader = new ConfigReader(file);
    const first = await reader.load();
    equal(first.config.blacklist_ips.length, 0);
    for (const count of [3_000, 3_000, 2_000, 2_999, 3, 3_000]) {
      await Deno.writeTextFile(file, textOf(count));
      const reads = await Promise.all([reader.read(), reader.read(), reader.read()]);
      for (const { text, config, draft } of reads) {
        equal(text, textOf(count));
        equal(config.blacklist_ips.length, count);
        deepEqual(draft.blacklist_ips, entries.slice(0, count));
        // Whoever changes what they got changes nobody else's.
        draft.rules!.push({ name: "x", action: "block" });
      }
    }
    await Deno.writeTextFile(file, textOf(3_000).replace("10.0.7.1", "10.0.7.256"));
    await rejects(reader.read(), /"10\.0\.7\.256" is not an IP address/);
    await Deno.writeTextFile(file, textOf(3_000));
    equal((await reader.read()).config.blacklist_ips.length, 3_000);
    const bytes = new TextEncoder().encode(textOf(1_500));
    reader.expect({ ...await reader.read(), text: textOf(1_500) }, bytes);
    await Deno.writeTextFile(file, textOf(1_501));
    equal((await reader.read()).config.blacklist_ips.length, 1_501, "the file is asked");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
