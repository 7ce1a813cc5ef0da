import assert from "node:assert/strict";
import fc from "fast-check";
import { countText, grouped, portsText, spanText } from "../../engine/detect/evidence_text.ts";

Deno.test("evidence in words: counts, spans and ports", () => {
  assert.deepEqual([1, 24, 1200].map((count) => countText(count, "port", "ports")), [
    "1 port",
    "24 ports",
    "1,200 ports",
  ]);
  assert.deepEqual([0, 0.0404, 0.9994, 0.9999, 1.25, 59.9, 95.4].map(spanText), [
    "0 ms",
    "40 ms",
    "999 ms",
    "1.0 s",
    "1.3 s",
    "59.9 s",
    "95 s",
  ]);
  const ports = [22, 80, 443, 8080];
  assert.deepEqual([1, 2, 3, 4].map((count) => portsText(ports.slice(0, count))), [
    "port 22",
    "ports 22 and 80",
    "ports 22, 80 and 443",
    "ports 22, 80, 443 and others",
  ]);
});

Deno.test("evidence in words: numbers are grouped as the platform groups them", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (count) => {
    assert.equal(grouped(count), count.toLocaleString("en-US"));
  }));
});
