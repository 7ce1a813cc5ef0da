/** A power cut for pfw: killed at any moment under load, it has lost next to nothing. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { createPair, kernelTest } from "../support/netns.ts";
import { blockedHits, dropCounters, query } from "../support/flood.ts";
import { ENDURANCE, InjectedTraffic } from "../support/injected.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const ROUNDS = ENDURANCE ? 50 : 3;
const RATE = 50_000;
/** Milliseconds before the end of which rows may be missing. */
const LOSS = 250;
/** Milliseconds between two lines of the sender, by which its clock is told. */
const CLOCK = 20;

const CONFIG = {
  // Else the sender is banned soon, and the reason is another one.
  detection: { enabled: false },
  rules: [{ name: "No 9", action: "block", ports: [9], direction: "in" }],
  rate_limit: { enabled: false },
};

kernelTest(
  `killed ${ROUNDS} times under load: a whole database, ${LOSS} ms missing`,
  async (test) => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    let rows = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      await test.step(`round ${round}`, async () => {
        await using pfw = await startPfw(link.local, sandbox, ["veth-0"]);
        await using flood = await InjectedTraffic.start(link, {
          port: 9,
          protocol: "both",
          rate: RATE,
        });
        await eventually(() => flood.sent, (sent) => sent > 0);
        await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1500));
        const killed = Date.now();
        equal((await pfw.end("SIGKILL")).code, 128 + 9);
        const early = flood.sentAt(killed - LOSS - CLOCK);
        const sent = await flood.end();
        ok(early > 0 && sent > early);
        deepEqual(query(sandbox, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
        const now = blockedHits(sandbox), written = now - rows;
        rows = now;
        ok(written >= early, `${written} in rows, ${early} were sent ${LOSS} ms before the end`);
        ok(written <= sent, `${written} in rows, only ${sent} were sent`);
        const dropped = Object.values(await dropCounters(link.local));
        ok(dropped.reduce((sum, packets) => sum + packets, 0) >= sent, "dropped until the end");
      });
    }
  },
);
