/**
 * The thread that writes what a replay found; `ReplayStore` starts it. A program of its own to the
 * build: nothing imports it.
 */
import { giveWay } from "../ffi/libc.ts";
import { errorText, ExitCode, PfwError } from "./errors.ts";
import { EventColumns } from "./observe/event_columns.ts";
import { EventDetails } from "./observe/event_details.ts";
import { HourlyCounts } from "./observe/hourly_counts.ts";
import { LARGEST_LOG } from "./observe/pruning.ts";
import { Store, type StoreBatch } from "./observe/store.ts";
import type { Refusal, StoreAnswer, StoreOrder } from "./replay_store.ts";

/** How long rows wait for a database that cannot be written, such as one that is locked. */
const PATIENCE = 5_000;

/** Milliseconds between two attempts; the store makes fewer of them when there is no hope. */
const PAUSE = 50;

/** What the thread has. */
class StoreThread {
  #store: Store | undefined;
  readonly #counts = new HourlyCounts();
  readonly #details = new EventDetails();
  #isPatient = true;

  /** Does what it is told. */
  async heed(order: StoreOrder): Promise<StoreAnswer> {
    if (order.kind === "open") return this.#open(order.path);
    const store = this.#store;
    if (!store) throw new Error("the database was not opened");
    const batch = { counts: this.#counts, names: { details: this.#details, interfaceName } };
    if (order.kind === "close") return store.close(batch);
    for (const { ruleId, text } of order.details) this.#details.intern(ruleId, text);
    this.#counts.addAll(order.counts);
    return await this.#write(store, {
      ...batch,
      wouldBlock: EventColumns.unpack(order.wouldBlock),
      allowed: EventColumns.unpack(order.allowed),
    });
  }

  #open(path: string): StoreAnswer {
    try {
      // As long as a running pfw, which may write to the same file, lets the log become.
      this.#store = Store.open(path, { logPages: LARGEST_LOG });
      return { notices: this.#store.notices };
    } catch (error) {
      return { notices: [], refusal: refusalOf(error, path) };
    }
  }

  async #write(store: Store, batch: StoreBatch): Promise<StoreAnswer> {
    const until = performance.now() + PATIENCE;
    const notices: string[] = [];
    for (;;) {
      const { ok, notices: said } = store.flush(batch);
      notices.push(...said);
      if (ok) return { notices };
      // Who waited in vain once does not wait again for each batch.
      if (!this.#isPatient || performance.now() >= until) break;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    this.#isPatient = false;
    const buffers = [batch.wouldBlock, batch.allowed];
    const sum = (of: "count" | "hits") => buffers.reduce((all, one) => all + (one?.[of] ?? 0), 0);
    return { notices, lost: { rows: sum("count"), hits: sum("hits"), why: store.fault ?? "" } };
  }
}

/** A file does not tell where its packets came from. */
function interfaceName(): string {
  return "";
}

function refusalOf(error: unknown, path: string): Refusal {
  if (error instanceof PfwError) {
    const { what, why, next, exitCode } = error;
    return { what, why, next, exitCode };
  }
  const what = `cannot open database ${path}`;
  return { what, why: errorText(error), next: "", exitCode: ExitCode.failed };
}

/** What a thread's global object has; the types that all is checked with are those of a program. */
interface ThreadScope {
  onmessage: (event: MessageEvent<StoreOrder>) => void;
  postMessage(answer: StoreAnswer): void;
}

/**
 * Judging is what a replay waits for, and V8 compiles for it in another thread yet: where processors
 * are few, rows wait.
 */
const NICE = 10;
giveWay(NICE);

const scope = globalThis as unknown as ThreadScope;
const thread = new StoreThread();
/** Orders are done one after another, also where one takes a while. */
let done: Promise<void> = Promise.resolve();
scope.onmessage = ({ data }) => {
  done = done.then(async () => scope.postMessage(await thread.heed(data)));
};
