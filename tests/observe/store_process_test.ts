/** Faults of disks and permissions, in processes and mounts of their own. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { StoreBench } from "./samples.ts";

const CHILD = join(import.meta.dirname!, "store_child.ts");
const DENO = [Deno.execPath(), "run", "--quiet", "--allow-all"];

// Root may read everything; without this capability it may not.
const BARE = Deno.uid() === 0
  ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]
  : [];
const canBeBare = BARE.length === 0 || await works(...BARE, "true");
const canMount = await works(...inMount("size=1m", "/tmp", "true"));

/** Runs a command with a file system of its own over `directory`. */
function inMount(options: string, directory: string, ...command: string[]): string[] {
  const script = 'mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"';
  return ["unshare", "-rm", "sh", "-c", script, options, directory, ...command];
}

async function works(...argv: string[]): Promise<boolean> {
  try {
    const [program, ...args] = argv;
    return (await new Deno.Command(program, { args }).output()).success;
  } catch {
    return false;
  }
}

// deno-lint-ignore no-explicit-any
async function run(...argv: string[]): Promise<any> {
  const [program, ...args] = argv;
  const { stdout, stderr } = await new Deno.Command(program, { args }).output();
  const text = new TextDecoder().decode(stdout);
  if (!text) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

Deno.test({
  name: `no permission for the directory: exit 4${canBeBare ? "" : " (setpriv cannot be used)"}`,
  ignore: !canBeBare,
  fn: async () => {
    using bench = new StoreBench();
    Deno.chmodSync(bench.directory, 0o500);
    const answer = await run(...BARE, ...DENO, CHILD, "open", bench.directory);
    Deno.chmodSync(bench.directory, 0o700);
    assert.match(answer.error, /cannot open database .*: permission denied; run it with sudo/);
    assert.equal(answer.exitCode, 4);
  },
});

Deno.test({
  name: `no permission to read: exit 4${canBeBare ? "" : " (setpriv cannot be used)"}`,
  ignore: !canBeBare,
  fn: async () => {
    using bench = new StoreBench();
    bench.flush();
    bench.close();
    Deno.chmodSync(bench.path, 0o000);
    const answer = await run(...BARE, ...DENO, CHILD, "read", bench.directory);
    assert.match(answer.error, /cannot read database .*: permission denied; run it as the user/);
    assert.equal(answer.exitCode, 4);
  },
});

Deno.test({
  name: `a readable database in a directory that is not writable can be read${
    canBeBare ? "" : " (setpriv cannot be used)"
  }`,
  ignore: !canBeBare,
  fn: async () => {
    using bench = new StoreBench();
    bench.flush();
    bench.close();
    Deno.chmodSync(bench.path, 0o400);
    Deno.chmodSync(bench.directory, 0o500);
    const answer = await run(...BARE, ...DENO, CHILD, "read", bench.directory);
    Deno.chmodSync(bench.directory, 0o700);
    assert.deepEqual(answer, { opened: true });
  },
});

Deno.test({
  name: `a read-only file system is one clear error${canMount ? "" : " (cannot mount)"}`,
  ignore: !canMount,
  fn: async () => {
    using bench = new StoreBench();
    const command = inMount("ro", bench.directory, ...DENO, CHILD, "open", bench.directory);
    const answer = await run(...command);
    assert.match(answer.error, /cannot open database .*: Read-only file system; choose another/);
    assert.equal(answer.exitCode, 1);
  },
});

Deno.test({
  name: `a full disk: rows wait and are written once there is room${
    canMount ? "" : " (cannot mount)"
  }`,
  ignore: !canMount,
  fn: async () => {
    using bench = new StoreBench();
    const command = inMount("size=3m", bench.directory, ...DENO, CHILD, "full", bench.directory);
    const { notices, sent, losses } = await run(...command);
    assert.equal(notices.length, 2);
    assert.match(notices[0], /cannot write .*: no space left on the disk; rows wait in memory/);
    assert.match(notices[1], /can be written again/);
    assert.ok(sent > 1_000);
    assert.ok(losses.failedWrites >= 1);
    assert.deepEqual([losses.rowsLost, losses.hitsLost], [0, 0]);
  },
});

Deno.test("killed while writing, the database is whole and has all that was reported", async () => {
  for (let round = 0; round < 3; round++) {
    using bench = new StoreBench();
    const [program, ...args] = [...DENO, CHILD, "write", bench.directory];
    const child = new Deno.Command(program, { args, stdout: "piped" }).spawn();
    let text = "";
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.length > 200 + 300 * round) break;
    }
    child.kill("SIGKILL");
    await child.status;
    const reported = Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1));
    const db = new DatabaseSync(bench.path);
    assert.equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    const written = Number(db.prepare("SELECT sum(hits) AS n FROM blocked_packets").get()?.n);
    db.close();
    assert.ok(reported > 0 && written >= reported, `${written} of ${reported}`);
    assert.equal(written % 400, 0, "a flush is written whole or not at all");
    assert.equal(bench.flush().ok, true);
  }
});
