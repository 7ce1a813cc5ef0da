/** What the built file must do besides what pfw does: `$PFW_BIN` names it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pfwCommand } from "../support/pfw.ts";

/** A directory that is the only place the file may touch, with the file alone in it. */
interface Place {
  readonly file: string;
  readonly home: string;
  readonly temporary: string;
  readonly env: Record<string, string>;
}

function builtTest(name: string, run: (place: Place) => Promise<void>): void {
  const { argv: [file], kind } = pfwCommand();
  const ignore = kind !== "built";
  const title = `built file: ${name}${ignore ? " (left out: PFW_BIN names no built file)" : ""}`;
  Deno.test({ name: title, ignore, fn: () => withPlace(file, run) });
}

async function withPlace(built: string, run: (place: Place) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pfw-built-" });
  try {
    const home = join(directory, "home"), temporary = join(directory, "tmp");
    for (const path of [home, temporary]) await Deno.mkdir(path);
    const file = join(directory, "pfw");
    await Deno.copyFile(built, file);
    const env = { HOME: home, TMPDIR: temporary, PFW_UNPACK_DIR: join(directory, "unpacked") };
    await run({ file, home, temporary, env });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function output({ file, env }: Place, args: string[], options: Deno.CommandOptions = {}) {
  const command = new Deno.Command(file, { args, stdin: "null", clearEnv: true, env, ...options });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

builtTest("says which of the two kinds it is", async (place) => {
  const head = new Uint8Array(2);
  using opened = await Deno.open(place.file);
  await opened.read(head);
  // A self-extracting file begins with its shell stub.
  const kind = new TextDecoder().decode(head) === "#!" ? "self-extracting" : "compiled";
  const { code, stdout, stderr } = await output(place, ["--version"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, new RegExp(`^pfw \\d+\\.\\d+\\.\\d+ \\(${kind}, deno [\\d.]+\\)\n$`));
});

builtTest("trusts and leaves nothing in the temporary directory", async (place) => {
  for (let run = 0; run < 2; run++) {
    assert.equal((await output(place, ["--help"])).code, 0);
    assert.deepEqual([...Deno.readDirSync(place.temporary)], []);
    assert.deepEqual([...Deno.readDirSync(place.home)], []);
  }
});

builtTest("takes nothing from the directory where one stands", async (place) => {
  const cwd = place.temporary;
  await Deno.writeTextFile(join(cwd, "deno.json"), "{ broken");
  await Deno.writeTextFile(join(cwd, "package.json"), "{ broken");
  await Deno.writeTextFile(join(cwd, ".env"), "PFW_CONFIG=/nonexistent\n");
  const { code, stderr } = await output(place, ["--version"], { cwd });
  assert.deepEqual([code, stderr], [0, ""]);
});

builtTest("reads what Deno guards and finds its tools without a search path", async (place) => {
  const dirs = ["--data-dir", place.home, "--log-dir", place.home, "--run-dir", place.home];
  const config = ["--config", join(place.home, "firewall_rules.json")];
  const { code, stdout } = await output(place, ["doctor", "--json", ...dirs, ...config]);
  const { ready, checks } = JSON.parse(stdout) as {
    ready: boolean;
    checks: { name: string; state: string; detail: string }[];
  };
  assert.equal(code, ready ? 0 : 4);
  const find = (name: string) => checks.find((check) => check.name === name);
  // Read from /proc/self/status and through the C library.
  assert.match(find("privilege")?.detail ?? "", Deno.uid() === 0 ? /^root/ : /^not root$/);
  assert.match(find("libpcap")?.detail ?? "", /^1\.\d+/);
  assert.equal(find("iptables")?.state, "ok");
});

builtTest("ends with its program's exit code", async (place) => {
  const { code, stdout, stderr } = await output(place, ["no-such-command"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^pfw: [^\n]+\n$/);
});
