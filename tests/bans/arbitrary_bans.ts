/** Random prefixes that meet often, and random histories of a ban book. */
import fc from "fast-check";
import { formatPrefix, type Prefix } from "../../engine/net/address.ts";
import { widened } from "../../engine/bans/networks.ts";
import { maskWord, parsePrefix } from "../../engine/net/address.ts";
import { type BookBench, DAY, HOUR, MINUTE, prefix, SECOND } from "./book_bench.ts";

/** Few addresses, so that prefixes hold each other and sources come back. */
export const arbitraryAddress: fc.Arbitrary<Prefix> = fc.oneof(
  fc.tuple(fc.nat(3), fc.nat(5)).map(([a, b]) => parsePrefix(`203.0.${a * 85}.${b}`)!),
  fc.tuple(fc.nat(1), fc.nat(3), fc.nat(3), fc.nat(1)).map(([a, b, c, d]) =>
    parsePrefix(`2001:db8:${a}:${((b << 8) | c).toString(16)}::${d}`)!
  ),
);

/** Any prefix that holds one of those addresses. */
export const arbitraryPrefix: fc.Arbitrary<Prefix> = arbitraryAddress.chain((address) =>
  fc.oneof(
    fc.constantFrom(...(address.family === 4 ? [24, 31, 32] : [48, 56, 64, 127, 128])),
    fc.nat(address.family === 4 ? 32 : 128),
  ).map((length) =>
    address.family === 4
      ? { ...address, words: [address.words[0] & maskWord(length), 0, 0, 0] as const, length }
      : widened(address, length)
  )
);

/** One thing that happens to a book. */
export type Happening =
  | { readonly kind: "offend" | "remove"; readonly source: Prefix }
  | { readonly kind: "add"; readonly source: Prefix; readonly seconds: number }
  | { readonly kind: "wait"; readonly milliseconds: number }
  | { readonly kind: "expire" | "restart" };

const source = arbitraryAddress.map((address) =>
  address.family === 6 ? widened(address, 64) : address
);

export const arbitraryHappening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("offend" as const), source }) },
  fc.record({
    kind: fc.constant("add" as const),
    source: fc.oneof(source, arbitraryPrefix),
    seconds: fc.constantFrom(1, 60, 3_600, 100_000),
  }),
  fc.record({
    kind: fc.constant("remove" as const),
    source: fc.oneof(source, arbitraryAddress, arbitraryPrefix),
  }),
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      milliseconds: fc.constantFrom(1, SECOND, 11 * SECOND, 10 * MINUTE, HOUR, DAY, 31 * DAY),
    }),
  },
  fc.record({ kind: fc.constantFrom("expire" as const, "restart" as const) }),
);

/** Has it happen; what the book answers, as text. */
export function happen(bench: BookBench, happening: Happening): string {
  switch (happening.kind) {
    case "offend": {
      const answer = bench.offend(formatPrefix(happening.source));
      return answer.kind === "banned"
        ? JSON.stringify([answer.added, answer.removed.map(formatPrefix).sort()])
        : answer.cause;
    }
    case "add": {
      const { added } = bench.book.add([happening.source], happening.seconds, "because", true);
      return JSON.stringify(added);
    }
    case "remove": {
      const { removed } = bench.book.remove([prefix(formatPrefix(happening.source))]);
      // One whose time is over may or may not be out already.
      return JSON.stringify(removed.filter(({ until }) => until > bench.now));
    }
    case "wait":
      bench.now += happening.milliseconds;
      return "";
    case "expire":
      bench.book.expire();
      return "";
    case "restart":
      bench.restart();
      return "";
  }
}
