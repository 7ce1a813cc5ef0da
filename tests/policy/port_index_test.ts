/** The index by port gives the rules that going through all of them gives, in their order. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PortIndex } from "../../engine/policy/port_index.ts";

const port = fc.oneof(fc.constantFrom(0, 1, 22, 80, 65_534, 65_535), fc.nat(65_535));
const range = fc.oneof(
  port.map((first) => ({ first, last: first })),
  fc.tuple(port, port).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) })),
);
const rules = fc.array(fc.array(range, { maxLength: 4 }), { maxLength: 30 });

Deno.test("port index: any rules, any port", () => {
  fc.assert(
    fc.property(rules, fc.array(port, { minLength: 1 }), (lists, ports) => {
      const all = lists.map((ranges, order) => ({ order, ranges }));
      const index = new PortIndex(all);
      const borders = lists.flat().flatMap(({ first, last }) => [first, last, last + 1]);
      for (const one of [...ports, ...borders].filter((port) => port < 65_536)) {
        const found = [...index.everywhere, ...index.at(one)];
        assert.equal(new Set(found).size, found.length, "no rule twice");
        const wanted = all.filter(({ ranges }) =>
          ranges.length === 0 || ranges.some(({ first, last }) => first <= one && one <= last)
        );
        for (const rule of wanted) assert.ok(found.includes(rule), `port ${one}`);
        for (const list of [index.everywhere, index.at(one)]) {
          assert.deepEqual(list, [...list].sort((a, b) => a.order - b.order));
        }
        assert.deepEqual(index.at(one).filter((rule) => !wanted.includes(rule)), []);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("port index: a rule for each port costs a rule for each port", () => {
  const all = Array.from({ length: 65_536 }, (_, at) => ({ ranges: [{ first: at, last: at }] }));
  const index = new PortIndex(all);
  for (const port of [0, 1, 65_535]) assert.deepEqual(index.at(port), [all[port]]);
});
