/** Changes of what is enforced: one after another, and none behind the back of the end. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import type { StagedFile } from "../engine/atomic_file.ts";
import { DaemonPolicy, type PolicyParts } from "../engine/daemon_policy.ts";
import { PrefixList } from "../engine/net/prefix_list.ts";
import { buildPolicy } from "../engine/policy/build_policy.ts";
import { Matcher } from "../engine/policy/matcher.ts";
import type { Policy } from "../engine/policy/policy.ts";
import { configSchema } from "../engine/policy/schema.ts";

Deno.test("daemon policy: what comes once the end has begun is refused, what is under way is waited for", async () => {
  const done: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const change = async (mode: string) => {
    await promise;
    done.push(mode);
    return true;
  };
  // Nothing else is asked by a change of the mode.
  const policy = new DaemonPolicy({
    enforcement: { change },
    intel: {},
    matcher: {},
    listeners: { changed: () => {} },
    log: { error: () => {} },
  } as unknown as PolicyParts);
  const underWay = policy.setMode("monitor");
  await Promise.resolve();
  const waits = rejects(policy.setMode("enforce"), /pfw is stopping/);
  const ending = policy.end().then(() => done.push("end"));
  const late = rejects(policy.setMode("enforce"), /pfw is stopping/);
  const reload = rejects(policy.reload(), /pfw is stopping/);
  resolve();
  await Promise.all([underWay, waits, ending, late, reload]);
  deepEqual(done, ["monitor", "end"]);
});

Deno.test("daemon policy: where the file cannot be written, the kernel gets the policy before back", async () => {
  const before = { threats: undefined, name: "before" }, inKernel: unknown[] = [];
  const policy = new DaemonPolicy({
    enforcement: { guard: { apply: (given: unknown) => Promise.resolve(inKernel.push(given)) } },
    matcher: { policy: before },
    prefixes: { ruleDetails: () => [] },
    log: { error: () => {} },
  } as unknown as PolicyParts);
  const file = {
    sync: () => Promise.reject(new Error("no space left")),
    place: () => {
      throw new Error("it must stay where it is");
    },
  } as unknown as StagedFile;
  const change = { config: configSchema.parse({}), after: "{}", file };
  await rejects(policy.reload({ isJudged: true }, change), /cannot write .*: no space left/);
  deepEqual(inKernel.slice(1), [before]);
});

Deno.test("daemon policy: what the kernel does not take of feeds does not make a change refused", async () => {
  const applied: Policy[] = [], refused: string[] = [], notes: string[] = [];
  const threats = {
    list: PrefixList.EMPTY,
    refused: (error: Error) => {
      refused.push(error.message);
      return error.message;
    },
  };
  const matcher = new Matcher(buildPolicy(configSchema.parse({})));
  const policy = new DaemonPolicy({
    enforcement: {
      guard: {
        apply: (given: Policy) =>
          given.threats.size > 0
            ? Promise.reject(new Error("no memory for the set"))
            : Promise.resolve(applied.push(given)),
      },
    },
    intel: {
      threats,
      configure: () => {
        threats.list = PrefixList.parse(["198.51.100.0/24"]);
        return Promise.resolve();
      },
    },
    matcher,
    prefixes: { ruleDetails: () => [] },
    watch: { pipeline: { setRuleDetails: () => {} } },
    safety: { note: (text: string) => Promise.resolve(notes.push(text)) },
    memory: { loaded: () => {} },
    listeners: { changed: () => {} },
    log: { info: () => {} },
    useConfig: () => {},
  } as unknown as PolicyParts);
  let isPlaced = false;
  const file = { sync: () => Promise.resolve(), place: () => isPlaced = true };
  const config = configSchema.parse({ default_policy: "block" });
  const change = { config, after: "the new text", file: file as unknown as StagedFile };
  const { notice } = await policy.reload({ isJudged: true }, change);
  equal(notice, "the feeds' threats are as before: no memory for the set");
  deepEqual([isPlaced, notes, refused], [true, ["the new text"], ["no memory for the set"]]);
  equal(matcher.policy.defaultAction, "block");
  equal(matcher.policy, applied[0], "kernel and matcher agree");
});
