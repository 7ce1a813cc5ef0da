/**
 * Faults that need a process of their own: `ban_child.ts CASE DIRECTORY`. Prints what happened, one
 * JSON value a line, for the test to judge.
 */
import { join } from "node:path";
import { formatV4 } from "../../engine/net/address.ts";
import { BookBench, texts } from "./book_bench.ts";

const [name, directory] = Deno.args;
const say = (value: unknown) => console.log(JSON.stringify(value));

/** The `number`th source. */
const sourceOf = (number: number) => formatV4(0x0a000000 + number);

/** Bans for ever, says whom: what is said the kernel may have. Ends by SIGKILL. */
function banForEver(): void {
  const bench = new BookBench({}, directory);
  for (let number = 0;; number++) {
    const answer = bench.offend(sourceOf(number));
    if (number % 3 === 2) bench.book.remove([bench.detection(sourceOf(number - 1)).source]);
    if (answer.kind === "banned") say(number);
  }
}

/** Bans until the disk is full and on, makes room, has the rest written. */
async function fullDisk(): Promise<void> {
  const bench = new BookBench({}, directory);
  const ballast = join(directory, "ballast");
  Deno.writeFileSync(ballast, new Uint8Array(1_000_000));
  const evidence = { text: "x".repeat(400) };
  let number = 0;
  while (bench.book.unsaved === 0 && number < 10_000) {
    bench.offend(sourceOf(number++), { evidence });
  }
  const unsaved = bench.book.unsaved, fault = bench.store.fault;
  for (let more = 0; more < 100; more++) bench.offend(sourceOf(number++), { evidence });
  Deno.removeSync(ballast);
  for (let attempt = 0; attempt < 100 && bench.book.unsaved > 0; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    bench.book.expire();
  }
  const stored = bench.stored().map((row) => row.prefix), bans = texts(bench.book.bans()).sort();
  bench.store.close();
  say({ number, unsaved, fault, stored: stored.length, same: `${stored}` === `${bans}` });
}

switch (name) {
  case "ban":
    banForEver();
    break;
  case "full":
    await fullDisk();
}
