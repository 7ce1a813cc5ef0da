/** What the running firewall says where it refuses to cut the session of who starts it. */
import { match, throws } from "node:assert/strict";
import { DaemonSafety } from "../engine/daemon_safety.ts";
import { PfwError } from "../engine/errors.ts";
import { Viewers } from "../engine/net/viewers.ts";
import { openLog } from "../engine/observe/application_log.ts";
import { policy } from "./support/policies.ts";
import { Sandbox } from "./support/sandbox.ts";

Deno.test({
  name: "a refused start names what start has, and no other command's options",
  // libc stays open for the life of the process.
  sanitizeResources: false,
  fn: async () => {
    await using box = new Sandbox();
    const log = openLog(box.paths);
    const safety = new DaemonSafety(
      { paths: box.paths, log, viewers: new Viewers(), reload: () => Promise.resolve() },
      "enforce",
    );
    const help = (await box.pfw("start", "--help")).out;
    const before = Deno.env.get("SSH_CONNECTION");
    Deno.env.set("SSH_CONNECTION", "203.0.113.7 50000 192.0.2.1 22");
    try {
      const start = () =>
        safety.checkStart(policy({ blacklist: ["203.0.113.7"] }), { isAttended: true });
      throws(start, ({ message }: PfwError) => {
        match(
          message,
          /^cannot start: the blacklist would cut the SSH session from 203\.0\.113\.7; /,
        );
        match(message, /--force/);
        for (const [option] of message.matchAll(/--[a-z]+/g)) {
          match(help, new RegExp(`${option}\\b`));
        }
        return true;
      });
    } finally {
      log.close();
      if (before === undefined) Deno.env.delete("SSH_CONNECTION");
      else Deno.env.set("SSH_CONNECTION", before);
    }
  },
});
