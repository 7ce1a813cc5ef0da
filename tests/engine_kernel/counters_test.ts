import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { CounterLedger } from "../../engine/kernel/counters.ts";
import { parseIptablesSave } from "../../engine/kernel/saved_state.ts";

/** What the kernel holds of one chain: packets of 100 bytes; `undefined`: no such chain. */
function reading(four: number | undefined, six?: number) {
  const text = (count: number | undefined) =>
    count === undefined ? "*filter\nCOMMIT\n" : [
      "*filter",
      ":PFW-D-ban - [0:0]",
      `[${count}:${count * 100}] -A PFW-D-ban -j NFLOG`,
      `[${count}:${count * 100}] -A PFW-D-ban -j DROP`,
      "COMMIT",
    ].join("\n");
  return new Map([
    [4 as const, parseIptablesSave(text(four))],
    [6 as const, parseIptablesSave(text(six))],
  ]);
}

function total(ledger: CounterLedger): number {
  return ledger.totals().drops.reduce((sum, { packets }) => sum + packets, 0);
}

Deno.test("families and chains of the same name are one count", () => {
  const ledger = new CounterLedger();
  ledger.observe(reading(undefined));
  ledger.observe(reading(5, 7));
  deepEqual(ledger.totals(), {
    drops: [{ reason: "ban", ruleId: undefined, packets: 12, bytes: 1200 }],
    allows: [],
  });
});

Deno.test("what a crashed run counted is not ours", () => {
  const ledger = new CounterLedger();
  ledger.observe(reading(1000));
  equal(total(ledger), 0);
  ledger.observe(reading(1010));
  equal(total(ledger), 10);
  ledger.observe(reading(3));
  equal(total(ledger), 13, "another program set the counter to zero");
});

Deno.test("totals are exact and never fall, whatever becomes of the chain", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("packets" as const), count: fc.nat(50) }),
    fc.record({ kind: fc.constantFrom("observe" as const, "delete" as const) }),
  );
  fc.assert(
    fc.property(fc.option(fc.nat(9), { nil: undefined }), fc.array(step), (start, steps) => {
      const ledger = new CounterLedger();
      let kernel = start, truth = 0, before = 0;
      ledger.observe(reading(kernel));
      for (const step of steps) {
        if (step.kind === "packets") {
          kernel = (kernel ?? 0) + step.count;
          truth += step.count;
          continue;
        }
        ledger.observe(reading(kernel));
        equal(total(ledger), truth);
        before = total(ledger);
        if (step.kind === "delete") {
          // Read right before, as the enforcer does; and it reads again before it adds chains.
          kernel = undefined;
          ledger.observe(reading(kernel));
          equal(total(ledger), before);
        }
      }
    }),
  );
});
