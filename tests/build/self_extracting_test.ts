import assert from "node:assert/strict";
import { join } from "node:path";
import { PackedProgram, type Seen } from "./packed_program.ts";

const isRoot = Deno.uid() === 0;

function seenIn(stdout: string): Seen {
  return JSON.parse(stdout.split("\n")[0]);
}

Deno.test("self-extracting: arguments, exit codes, standard input and the umask pass through", async () => {
  await using packed = await PackedProgram.make();
  const words = ["exit", "3", "two words", "", "*", "--json"];
  const first = await packed.run(words);
  assert.deepEqual([first.code, first.stderr], [3, ""]);
  const seen = seenIn(first.stdout);
  assert.deepEqual(seen.args, words);
  assert.equal(seen.marked, "1");
  assert.equal(seen.executable, packed.file);
  assert.equal(seen.umask, Deno.umask(), "the private umask of unpacking must not last");
  assert.equal(seen.path, Deno.env.get("PATH"));
  const child = packed.spawn(["echo"], { stdin: "piped" });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("through the pipe"));
  await writer.close();
  const { stdout } = await child.output();
  assert.match(new TextDecoder().decode(stdout), /\nthrough the pipe$/);
});

Deno.test("self-extracting: it is one process, and a signal reaches the program", async () => {
  await using packed = await PackedProgram.make();
  const child = packed.spawn(["wait"], { stderr: "null" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(seenIn(new TextDecoder().decode(value)).pid, child.pid);
  // The listener stands one turn after the line.
  await new Promise((resolve) => setTimeout(resolve, 300));
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 7);
  await reader.cancel();
});

Deno.test("self-extracting: it unpacks once, privately", async () => {
  await using packed = await PackedProgram.make();
  await packed.run();
  const home = packed.home();
  const before = await Deno.stat(home);
  assert.equal(before.mode! & 0o777, 0o700);
  for (const { name } of Deno.readDirSync(home)) {
    assert.equal(Deno.statSync(join(home, name)).mode! & 0o077, 0, `${name} is the user's alone`);
  }
  await packed.run();
  assert.equal((await Deno.stat(packed.home())).ino, before.ino);
});

Deno.test("self-extracting: eight first runs at once all work and leave one directory", async () => {
  await using packed = await PackedProgram.make();
  const runs = Array.from({ length: 8 }, (_, at) => packed.run(["exit", String(at)]));
  const outcomes = await Promise.all(runs);
  assert.deepEqual(outcomes.map(({ code }) => code), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(outcomes.map(({ stderr }) => stderr).join(""), "");
  packed.home();
});

const damages: Record<string, (home: string) => void> = {
  "a file cut short": (home) => Deno.truncateSync(join(home, "main.js"), 10),
  "a file missing": (home) => Deno.removeSync(join(home, "main.js")),
  "a file too many": (home) => Deno.writeTextFileSync(join(home, "more.js"), ""),
  "a link in a file's place": (home) => {
    Deno.renameSync(join(home, "main.js"), join(home, ".elsewhere"));
    Deno.symlinkSync(".elsewhere", join(home, "main.js"));
  },
  "a directory that others may enter": (home) => Deno.chmodSync(home, 0o755),
  "an empty directory": (home) => {
    Deno.removeSync(home, { recursive: true });
    Deno.mkdirSync(home, { mode: 0o700 });
  },
  "a link in the directory's place": (home) => {
    Deno.renameSync(home, `${home}.real`);
    Deno.symlinkSync(`${home}.real`, home);
  },
  "a file in the directory's place": (home) => {
    Deno.removeSync(home, { recursive: true });
    Deno.writeTextFileSync(home, "");
  },
};

for (const [name, damage] of Object.entries(damages)) {
  Deno.test(`self-extracting: ${name} is mended`, async () => {
    await using packed = await PackedProgram.make();
    await packed.run();
    const home = packed.home();
    damage(home);
    const { code, stderr } = await packed.run(["exit", "4"]);
    assert.deepEqual([code, stderr], [4, ""]);
    const stat = Deno.lstatSync(home);
    assert.ok(stat.isDirectory && (stat.mode! & 0o777) === 0o700);
    assert.ok(Deno.lstatSync(join(home, "main.js")).size > 100);
  });
}

/** Runs it and expects a refusal: one line, exit code 1, and nothing unpacked. */
async function refused(packed: PackedProgram, why: RegExp, options: Deno.CommandOptions = {}) {
  const { code, stdout, stderr } = await packed.run(["exit", "0"], options);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^pfw: cannot unpack [^\n]+; [^\n]+\n$/);
  assert.match(stderr, why);
}

Deno.test("self-extracting: a directory that others can write to is not trusted", async () => {
  await using packed = await PackedProgram.make();
  Deno.mkdirSync(packed.base);
  Deno.chmodSync(packed.base, 0o777);
  await refused(packed, /other users can write/);
  assert.deepEqual(packed.unpacked(), []);
  const inside = join(packed.base, "deeper");
  await refused(packed, /other users can write/, { env: { PFW_UNPACK_DIR: inside } });
});

Deno.test({
  name: "self-extracting: a directory of another user is not trusted (skipped unless root)",
  ignore: !isRoot,
  fn: async () => {
    await using packed = await PackedProgram.make();
    Deno.mkdirSync(packed.base, { mode: 0o755 });
    Deno.chownSync(packed.base, 65534, 65534);
    await refused(packed, /other users can write/);
    assert.deepEqual(packed.unpacked(), []);
    Deno.chownSync(packed.base, 0, 0);
    await packed.run();
    const home = packed.home();
    Deno.chownSync(join(home, "main.js"), 65534, 65534);
    assert.equal((await packed.run(["exit", "4"])).code, 4);
    assert.equal(Deno.statSync(join(home, "main.js")).uid, 0, "replaced by a file of this user");
  },
});

Deno.test("self-extracting: a damaged or cut file says so and leaves nothing behind", async () => {
  await using packed = await PackedProgram.make();
  const whole = await Deno.readFile(packed.file);
  const damaged = whole.slice();
  damaged[whole.length - 2000] ^= 0xff;
  for (const bytes of [damaged, whole.subarray(0, whole.length - 500)]) {
    await Deno.writeFile(packed.file, bytes);
    await refused(packed, /damaged/);
    assert.deepEqual(packed.unpacked(), []);
  }
});

Deno.test("self-extracting: without a home it asks for a directory", async () => {
  await using packed = await PackedProgram.make();
  const env = { PFW_UNPACK_DIR: "", PATH: Deno.env.get("PATH")! };
  if (isRoot) {
    const file = join(packed.directory, "not-a-directory");
    await Deno.writeTextFile(file, "");
    await refused(packed, /cannot make the directory/, { env: { PFW_UNPACK_DIR: `${file}/x` } });
  } else {
    await refused(packed, /HOME/, { env, clearEnv: true });
  }
});

Deno.test("self-extracting: directories of old builds go, new ones and strangers' stay", async () => {
  await using packed = await PackedProgram.make();
  Deno.mkdirSync(packed.base, { mode: 0o700 });
  const names = ["a", "b"].map((digit) => digit.repeat(64));
  const lastWeek = new Date(Date.now() - 7 * 24 * 3600 * 1000);
  for (const name of [...names, ".fresh-XYZ123", "mine"]) Deno.mkdirSync(join(packed.base, name));
  for (const name of [names[0], ".fresh-XYZ123", "mine"]) {
    Deno.utimeSync(join(packed.base, name), lastWeek, lastWeek);
  }
  await packed.run();
  const left = packed.unpacked();
  assert.equal(left.length, 3);
  assert.ok(left.includes(names[1]) && left.includes("mine"));
});

Deno.test("self-extracting: the same input gives the same file, another version another place", async () => {
  await using one = await PackedProgram.make("1");
  await using two = await PackedProgram.make("2");
  await one.run();
  await two.run([], { env: { PFW_UNPACK_DIR: one.base } });
  assert.equal(one.unpacked().length, 2);
  const bytes = await Deno.readFile(one.file);
  await using again = await PackedProgram.make("1");
  assert.deepEqual(await Deno.readFile(again.file), bytes);
});
