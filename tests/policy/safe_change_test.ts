/** Changes that are judged, wait to be confirmed, and return. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { ReloadAnswer } from "../../engine/control/client.ts";
import { parseSingle } from "../../engine/net/address.ts";
import type { Lifelines } from "../../engine/net/lifelines.ts";
import { editConfig, replaceConfig } from "../../engine/policy/config_edit.ts";
import { addAddresses } from "../../engine/policy/edit_lists.ts";
import { bootTime, PendingFile, secondsLeft } from "../../engine/policy/pending_change.ts";
import { PolicyHistory } from "../../engine/policy/policy_history.ts";
import { confirmChange, returnIfDue } from "../../engine/policy/return_change.ts";
import { SafeChange, type SafeChangeParts } from "../../engine/policy/safe_change.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";

const LIFELINES: Lifelines = {
  sessions: [{ peer: parseSingle("203.0.113.7")!, peerPort: 50_000, localPort: 22 }],
  gateways: [],
  resolvers: [],
  own: [parseSingle("192.0.2.9")!],
};
const TEXT = '{ "rules": [],\n "blacklist_ips": [] }';

/** A configuration, a data directory, and changes of the one remembered in the other. */
class Scene implements AsyncDisposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "pfw-test-" });
  readonly file = join(this.#directory, "rules.json");
  readonly dataDir = join(this.#directory, "data");
  readonly pending = new PendingFile(this.dataDir);
  readonly history = new PolicyHistory(this.dataDir);
  answer: () => Promise<ReloadAnswer> = () => Promise.resolve({ running: false });

  constructor(text = TEXT) {
    Deno.writeTextFileSync(this.file, text, { mode: 0o600 });
  }

  get text(): string {
    return Deno.readTextFileSync(this.file);
  }

  safe(parts: Partial<SafeChangeParts> = {}): SafeChange {
    const { dataDir } = this;
    return new SafeChange({
      command: "test",
      user: "me",
      force: false,
      dataDir,
      lifelines: () => LIFELINES,
      ...parts,
    });
  }

  block(address: string, parts: Partial<SafeChangeParts> = {}) {
    const add = (draft: ConfigDraft) => addAddresses(draft, "blacklist", [address]);
    return editConfig({ config: this.file }, add, () => this.answer(), this.safe(parts));
  }

  /** Lets the time of the change that waits run out. */
  async expire(): Promise<void> {
    const pending = await this.pending.read();
    await this.pending.write({ ...pending!, until: bootTime() });
  }

  async commands(): Promise<string[]> {
    return (await this.history.entries()).map(({ command }) => command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }
}

Deno.test("safe change: what cuts a session is refused, and nothing is written", async () => {
  await using scene = new Scene();
  await rejects(
    scene.block("203.0.113.0/24", { confirm: 60 }),
    /the blacklist would cut the SSH session from 203\.0\.113\.7; .*--force/,
  );
  equal(scene.text, TEXT);
  deepEqual([await scene.commands(), scene.pending.exists()], [[], false]);
  equal((await scene.block("203.0.113.0/24", { force: true })).changed, true);
});

Deno.test("safe change: what was cut before is no reason to refuse", async () => {
  await using scene = new Scene();
  await scene.block("203.0.113.7", { force: true });
  equal((await scene.block("192.0.2.1")).changed, true);
  // Edited by hand since: what is in force did not cut the session.
  await scene.history.add(TEXT, "start", "");
  await rejects(scene.block("192.0.2.2"), /would cut the SSH session/);
});

Deno.test("safe change: a change that waits returns to the byte, once, whoever notices", async () => {
  await using scene = new Scene();
  const safe = scene.safe({ confirm: 60, command: "first" });
  const add = (draft: ConfigDraft) => addAddresses(draft, "blacklist", ["192.0.2.1"]);
  await editConfig({ config: scene.file }, add, scene.answer, safe);
  equal(Deno.statSync(scene.pending.path).mode! & 0o777, 0o600);
  const left = secondsLeft(safe.pending!);
  ok(left > 50 && left <= 60, String(left));
  let applied = 0;
  const put = () => Promise.resolve(void applied++);
  equal(await returnIfDue(scene.dataDir, put), undefined);
  match(scene.text, /192\.0\.2\.1/);
  await scene.expire();
  const all = await Promise.all([1, 2, 3].map(() => returnIfDue(scene.dataDir, put)));
  deepEqual([all.filter(Boolean).length, applied, scene.text], [1, 1, TEXT]);
  ok(!scene.pending.exists());
  deepEqual(await scene.commands(), ["as it was found", "first", "return, not confirmed: first"]);
});

Deno.test("safe change: confirmed in time it stays, afterwards it is too late", async () => {
  await using scene = new Scene();
  equal(await confirmChange(scene.dataDir), undefined);
  await scene.block("192.0.2.1", { confirm: 60 });
  equal((await confirmChange(scene.dataDir))?.command, "test");
  equal(await confirmChange(scene.dataDir), undefined);
  await scene.block("192.0.2.2", { confirm: 60 });
  await scene.expire();
  equal(await confirmChange(scene.dataDir), undefined);
  ok(scene.pending.exists(), "it must still return");
});

Deno.test("safe change: while one waits there is no other", async () => {
  await using scene = new Scene();
  await scene.block("192.0.2.1", { confirm: 60, command: "first" });
  const before = scene.text;
  await rejects(scene.block("192.0.2.2"), /`first` still waits to be confirmed \(\d+ s left\)/);
  await rejects(
    replaceConfig(scene.file, TEXT, scene.answer, scene.safe({ force: true })),
    /`first` still waits/,
  );
  equal(scene.text, before);
});

Deno.test("safe change: what cannot be put in force is tried again", async () => {
  await using scene = new Scene();
  await scene.block("192.0.2.1", { confirm: 60 });
  await scene.expire();
  const fail = () => Promise.reject(new Error("no kernel"));
  await rejects(returnIfDue(scene.dataDir, fail), /no kernel/);
  ok(scene.pending.exists());
  equal(scene.text, TEXT);
  ok(await returnIfDue(scene.dataDir, () => Promise.resolve()));
});

Deno.test("safe change: what was written by hand meanwhile is in the history", async () => {
  await using scene = new Scene();
  await scene.block("192.0.2.1", { confirm: 60 });
  await scene.expire();
  const edited = '{"blacklist_ips": ["192.0.2.77"]}';
  Deno.writeTextFileSync(scene.file, edited);
  await returnIfDue(scene.dataDir, () => Promise.resolve());
  equal(scene.text, TEXT);
  const entries = await scene.history.entries();
  equal(await scene.history.text(entries.at(-2)!.number), edited);
});

Deno.test("safe change: one that pfw refuses waits for nothing and is not remembered", async () => {
  await using scene = new Scene();
  scene.answer = () => Promise.resolve({ running: true, ok: false, error: "no" });
  await rejects(scene.block("192.0.2.1", { confirm: 60 }), /taken back: no/);
  deepEqual([scene.pending.exists(), scene.text], [false, TEXT]);
  deepEqual(await scene.commands(), ["as it was found"]);
});

Deno.test("safe change: without a note of what must return nothing is changed", async () => {
  await using scene = new Scene();
  Deno.writeTextFileSync(scene.dataDir, "in the way");
  await rejects(scene.block("192.0.2.1", { confirm: 60 }), /cannot be noted .*nothing was changed/);
  equal(scene.text, TEXT);
  const safe = scene.safe();
  const add = (draft: ConfigDraft) => addAddresses(draft, "blacklist", ["192.0.2.1"]);
  equal((await editConfig({ config: scene.file }, add, scene.answer, safe)).changed, true);
  match(safe.notices[0], /cannot write the history/);
});

Deno.test("safe change: a restart of the machine lets the time run out, a set clock does not", async () => {
  await using scene = new Scene();
  await scene.block("192.0.2.1", { confirm: 60 });
  const pending = (await scene.pending.read())!;
  const now = bootTime();
  ok(secondsLeft(pending, now) > 50);
  equal(secondsLeft(pending, { ...now, seconds: now.seconds + 61 }), 0);
  equal(secondsLeft(pending, { boot: "another", seconds: 1 }), 0);
});

Deno.test("safe change: a damaged note is no change that waits", async () => {
  await using scene = new Scene();
  await scene.block("192.0.2.1", { confirm: 60 });
  const whole = Deno.readTextFileSync(scene.pending.path);
  for (const text of ["", "null", "{}", whole.replace(/"before":"..../, '"before":"AAAA')]) {
    Deno.writeTextFileSync(scene.pending.path, text);
    equal(await scene.pending.read(), undefined, text);
  }
  ok((await scene.block("192.0.2.2")).changed);
});
