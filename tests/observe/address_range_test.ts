import assert from "node:assert/strict";
import fc from "fast-check";
import { formatV6, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { holds, storedRanges } from "../../engine/observe/address_range.ts";

/** Those in front of an address of IPv4 that is written as IPv6. */
const MAPPED = fc.constant([0, 0, 0, 0, 0, 0xffff]);

/** Groups that make every form of text: zeros, few digits, all digits. */
const GROUP = fc.constantFrom(0, 0, 0, 1, 0xf, 0x10, 0x7fff, 0x8000, 0xffff);
const GROUPS = fc.oneof(
  fc.array(GROUP, { minLength: 8, maxLength: 8 }),
  fc.tuple(MAPPED, GROUP, GROUP).map(([front, ...end]) => [...front, ...end]),
);

function textOf(groups: readonly number[]): string {
  const word = (at: number) => (groups[at] << 16) | groups[at + 1];
  return formatV6(word(0), word(2), word(4), word(6));
}

/** The prefix of that length which holds the address. */
function prefixOf(groups: readonly number[], length: number): Prefix {
  const masked = groups.map((group, at) => {
    const bits = Math.min(16, Math.max(0, length - 16 * at));
    return group & ~(0xffff >> bits);
  });
  return parsePrefix(`${textOf(masked)}/${length}`)!;
}

function isInside(prefix: Prefix, text: string): boolean {
  return storedRanges(prefix).some(([from, to]) => String(from) <= text && text <= String(to));
}

Deno.test("ranges: every IPv6 address of a prefix lies in one of them", () => {
  const property = fc.property(GROUPS, GROUPS, fc.nat(128), (network, host, length) => {
    const prefix = prefixOf(network, length);
    const address = network.map((group, at) => {
      const mask = 0xffff >> Math.min(16, Math.max(0, length - 16 * at));
      return (group & ~mask) | (host[at] & mask);
    });
    const text = textOf(address);
    assert.ok(holds(prefix, text), text);
    assert.ok(isInside(prefix, text), `${text} of ${JSON.stringify(storedRanges(prefix))}`);
  });
  fc.assert(property, { numRuns: 2_000 });
});

Deno.test("ranges: neighbours of a network with zeros in it lie outside", () => {
  const outside: [string, string[]][] = [
    ["2001:db8:0:77::/64", ["2001:db8:0:78::1", "2001:db8::1", "2001:db8:1::1"]],
    ["2001:db8:0:100::/56", ["2001:db8:0:200::1", "2001:db8:0:ff::1", "2001:db8::1"]],
    ["2001:db8::/64", ["2001:db8:0:77::1", "2001:db8:77::1"]],
    ["2001:0:0:5::/64", ["2001:0:0:6::1", "2001:0:1:5::1"]],
    ["2001:db8:8000::/33", ["2001:db8:7000::1", "2001:db7::1"]],
    ["fe80::/10", ["2001:db8::1", "ff02::1"]],
  ];
  for (const [prefix, addresses] of outside) {
    for (const address of addresses) {
      assert.ok(!isInside(parsePrefix(prefix)!, address), `${address} for ${prefix}`);
    }
  }
});

Deno.test("ranges: those of IPv4 are exact, and one more holds it as IPv6 writes it", () => {
  const numbers = (text: string) => storedRanges(parsePrefix(text)!)[0];
  assert.deepEqual(numbers("127.0.0.0/8"), [0x7f000000, 0x7fffffff]);
  assert.deepEqual(numbers("128.0.0.0/1"), [-(2 ** 31), -1]);
  assert.deepEqual(numbers("0.0.0.0/0"), [-(2 ** 31), 2 ** 31 - 1]);
  const text = "::ffff:a00:1";
  assert.deepEqual(storedRanges(parsePrefix("10.0.0.1")!), [[0x0a000001, 0x0a000001], [
    text,
    text,
  ]]);
  for (let length = 0; length < 32; length++) {
    const prefix = parsePrefix(`10.0.0.1/${length}`)!;
    assert.equal(storedRanges(prefix).length, 2);
    assert.ok(isInside(prefix, text) && holds(prefix, text), `${length}`);
    assert.equal(holds(prefix, "2001:db8::1"), false);
  }
  assert.equal(holds(parsePrefix("10.0.0.2")!, text), false);
  assert.equal(holds(parsePrefix("10.0.0.1")!, "::a00:1"), false);
});

Deno.test("ranges: what stands for many addresses, or for none, lies in no prefix", () => {
  for (const stored of ["*", null, undefined, 5n]) {
    assert.equal(holds(parsePrefix("::/0")!, stored), false);
    assert.equal(holds(parsePrefix("0.0.0.0/0")!, stored), false);
  }
});
