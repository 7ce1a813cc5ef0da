/** A database that cannot be written: at the start one line; while pfw runs, blocking goes on. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  createPair,
  firewallText,
  kernelTest,
  type Link,
  NetworkNamespace,
} from "../support/netns.ts";
import { blockedHits, dropCounters, flood } from "../support/flood.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const CONFIG = { blacklist_ips: ["10.9.0.2"], rate_limit: { enabled: false } };
const COUNT = 1_000;

/** Sends packets that are blocked, and makes sure that they were. */
async function sendBlocked({ local, remote }: Link): Promise<void> {
  const before = await dropCounters(local);
  const packets = { from: "10.9.0.2", to: "10.9.0.1", sourcePort: 40_001, port: 9, count: COUNT };
  await flood(remote, { protocol: "udp", ...packets });
  const sum = (counters: Record<string, number>) =>
    Object.values(counters).reduce((sum, packets) => sum + packets, 0);
  equal(sum(await dropCounters(local)) - sum(before), COUNT);
}

interface Running {
  readonly database: { readonly fault: string | null };
  readonly losses: Readonly<Record<string, number>>;
}

async function statusOf(sandbox: Sandbox): Promise<Running> {
  return await sandbox.status();
}

/** A small file system as data directory, until it is disposed. */
function smallDisk({ paths }: Sandbox, size: string): Disposable {
  const run = (program: string, ...args: string[]) => {
    const { success, stderr } = new Deno.Command(program, { args }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  Deno.mkdirSync(paths.dataDir, { recursive: true });
  run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", paths.dataDir);
  return { [Symbol.dispose]: () => run("umount", "--lazy", paths.dataDir) };
}

/** Uses up all room of the file system; returns what gives it back. */
function fill(directory: string): () => void {
  const path = join(directory, "fill");
  using file = Deno.openSync(path, { write: true, create: true });
  const block = new Uint8Array(4096);
  try {
    for (;;) file.writeSync(block);
  } catch (error) {
    if (!/No space/.test(`${error}`)) throw error;
  }
  return () => Deno.removeSync(path);
}

kernelTest("a start without a usable database changes nothing", async (test) => {
  await using namespace = await NetworkNamespace.create();
  await using template = new Sandbox();
  template.writeConfig(CONFIG);
  equal((await runPfw(namespace, template, ["start", "--duration", "1s"])).code, 0);
  const before = await firewallText(namespace);
  interface Scene {
    /** Spoils the database; may return words to run pfw through. */
    readonly prepare: (sandbox: Sandbox, undo: DisposableStack) => string[] | void;
    readonly line: RegExp;
  }
  const scenes: Record<string, Scene> = {
    "the disk is full": {
      prepare: (sandbox, undo) => {
        undo.use(smallDisk(sandbox, "64k"));
        fill(sandbox.paths.dataDir);
      },
      line: /: no space left on the disk; make room/,
    },
    "another program has locked it": {
      prepare: (sandbox, undo) => void undo.use(lock(sandbox)),
      line: /: [^\n]*lock[^\n]*; end the program that uses it/,
    },
    "its file system is read-only": {
      prepare: ({ paths }) => {
        const mount = `mount --bind "${paths.dataDir}" "${paths.dataDir}"`;
        const script = `${mount} && mount -o remount,ro,bind "${paths.dataDir}" && exec "$@"`;
        return ["unshare", "--mount", "sh", "-c", script, "sh"];
      },
      line: /: [^\n]*[Rr]ead-only[^\n]*; [^\n]*--data-dir/,
    },
    "it is a directory": {
      prepare: ({ paths }) => {
        Deno.removeSync(paths.database);
        Deno.mkdirSync(paths.database);
      },
      line: /: [^\n]*directory[^\n]*; [^\n]*--data-dir/,
    },
  };
  for (const [name, { prepare, line }] of Object.entries(scenes)) {
    await test.step(name, async () => {
      await using sandbox = new Sandbox();
      sandbox.writeConfig(CONFIG);
      Deno.mkdirSync(sandbox.paths.dataDir);
      Deno.copyFileSync(template.paths.database, sandbox.paths.database);
      using undo = new DisposableStack();
      const through = prepare(sandbox, undo) ?? [];
      const { code, out, err } = await runPfw(namespace, sandbox, ["start"], { through });
      deepEqual([code, out], [1, ""], err);
      match(err, /^pfw: cannot open database [^\n]+\n$/);
      match(err, line);
      equal(await firewallText(namespace), before);
    });
  }
}, ["unshare"]);

/** Holds the database as no other program should. */
function lock({ paths }: Sandbox): Disposable {
  const db = new DatabaseSync(paths.database);
  db.exec("PRAGMA locking_mode = EXCLUSIVE");
  db.exec("BEGIN EXCLUSIVE");
  return {
    [Symbol.dispose]() {
      db.exec("ROLLBACK");
      db.close();
    },
  };
}

kernelTest("on a disk that fills up blocking goes on, and room is used again", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  using _disk = smallDisk(sandbox, "2m");
  await using pfw = await startPfw(link.local, sandbox);
  await sendBlocked(link);
  equal(await eventually(() => blockedHits(sandbox), (hits) => hits >= COUNT), COUNT);
  const empty = fill(sandbox.paths.dataDir);
  let sent = COUNT;
  const fault = async () => {
    await sendBlocked(link);
    sent += COUNT;
    return (await statusOf(sandbox)).database.fault;
  };
  match(`${await eventually(fault, (text) => text !== null)}`, /no space/);
  ok((await statusOf(sandbox)).losses.failedWrites > 0);
  empty();
  const state = await eventually(() => statusOf(sandbox), ({ database }) => !database.fault);
  equal(state.database.fault, null);
  await sendBlocked(link);
  sent += COUNT;
  const remembered = async () => blockedHits(sandbox) + (await statusOf(sandbox)).losses.hitsLost;
  equal(await eventually(remembered, (hits) => hits >= sent), sent);
  equal((await pfw.end()).code, 0);
}, ["mount"]);

kernelTest(
  "while another program locks the database blocking goes on, no row is lost",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    await using pfw = await startPfw(link.local, sandbox);
    {
      const db = new DatabaseSync(sandbox.paths.database, { timeout: 10_000 });
      db.exec("BEGIN IMMEDIATE");
      await sendBlocked(link);
      const failed = async () => (await statusOf(sandbox)).losses.failedWrites;
      ok(await eventually(failed, (count) => count > 0) > 0);
      await sendBlocked(link);
      db.exec("ROLLBACK");
      db.close();
    }
    equal(await eventually(() => blockedHits(sandbox), (hits) => hits >= 2 * COUNT), 2 * COUNT);
    equal((await statusOf(sandbox)).losses.hitsLost, 0);
    equal((await pfw.end()).code, 0);
  },
);

kernelTest(
  "a damaged database is moved aside, and damage while pfw runs opens nothing",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    const aside = () =>
      Array.from(Deno.readDirSync(sandbox.paths.dataDir), ({ name }) => name)
        .filter((name) => /^firewall\.db\.corrupt-\w+(-\d+)?$/.test(name)).length;
    const damage = () => {
      using file = Deno.openSync(sandbox.paths.database, { write: true, create: true });
      file.writeSync(crypto.getRandomValues(new Uint8Array(40_000)));
    };
    Deno.mkdirSync(sandbox.paths.dataDir);
    for (let round = 1; round <= 2; round++) {
      damage();
      await using pfw = await startPfw(link.local, sandbox);
      equal(aside(), round);
      match(Deno.readTextFileSync(sandbox.paths.log), /was damaged: moved to/);
      await sendBlocked(link);
      equal(await eventually(() => blockedHits(sandbox), (hits) => hits >= COUNT), COUNT);
      damage();
      await sendBlocked(link);
      const { code, out } = await pfw.end();
      equal(code, 0);
      match(out, /^pfw: stopped: .* 2,000 blocked$/m);
      equal((await link.local.run(["iptables-save"])).includes("PFW-"), false);
    }
  },
);

kernelTest(
  "without its directories pfw goes on blocking, and leaves no trace at the end",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    const before = await firewallText(link.local);
    await using pfw = await startPfw(link.local, sandbox);
    const { dataDir, logDir, runDir } = sandbox.paths;
    for (const directory of [dataDir, logDir, runDir]) {
      await Deno.remove(directory, { recursive: true });
      await sendBlocked(link);
      pfw.err = "";
      pfw.signal("SIGHUP");
      await pfw.waitFor(/^pfw: reloaded: [^\n]*\n/m);
      await sendBlocked(link);
    }
    const { code, out } = await pfw.end();
    equal(code, 0);
    match(out, /^pfw: stopped: .* 6,000 blocked$/m);
    equal(await firewallText(link.local), before);
  },
);
