/** Steady traffic of exactly known size, sent by a process of its own; see `injector.ts`. */
import type { Injection } from "./injector.ts";
import type { BackgroundProcess, Link } from "./netns.ts";

const INJECTOR = new URL("./injector.ts", import.meta.url).pathname;

/** What is sent to the local end of a link; default: from 10.9.0.2, one source. */
export type Traffic =
  & Pick<Injection, "port" | "protocol" | "rate" | "count">
  & Partial<Pick<Injection, "from" | "sources">>;

/** Whether the long forms of tests run: `deno task endurance`. */
export const ENDURANCE: boolean = Deno.env.get("PFW_ENDURANCE") === "1";

/** Packets on their way; `await using` ends them. */
export class InjectedTraffic implements AsyncDisposable {
  /** How many had been sent when, in milliseconds since 1970, ascending. */
  readonly log: [time: number, sent: number][] = [];
  readonly #process: BackgroundProcess;
  readonly #read: Promise<number>;

  private constructor(process: BackgroundProcess) {
    this.#process = process;
    this.#read = this.#follow();
    // Told to whoever asks for it, even if that is later or never.
    this.#read.catch(() => {});
  }

  /** Begins to send; the first packet is on its way soon after. */
  static async start(link: Link, traffic: Traffic): Promise<InjectedTraffic> {
    const device = "veth-0";
    const address = await link.local.run(["cat", `/sys/class/net/${device}/address`]);
    const injection: Injection = {
      device,
      mac: address.trim(),
      to: [10, 9, 0, 1],
      from: [10, 9, 0, 2],
      sources: 1,
      ...traffic,
    };
    const argv = [Deno.execPath(), "run", "--quiet", "--allow-all", INJECTOR];
    const process = link.remote.spawn([...argv, JSON.stringify(injection)]);
    if (await process.line() !== "ready") throw new Error("the injector did not start");
    return new InjectedTraffic(process);
  }

  /** Packets sent until now, as far as was said. */
  get sent(): number {
    return this.log.at(-1)?.[1] ?? 0;
  }

  /** Packets that had surely been sent at that time. */
  sentAt(time: number): number {
    return this.log.findLast(([at]) => at <= time)?.[1] ?? 0;
  }

  /** Waits until it ends by itself; returns how many packets it sent. */
  done(): Promise<number> {
    return this.#read;
  }

  /** Ends it; returns how many packets it sent. */
  async end(): Promise<number> {
    this.#process.signal("SIGTERM");
    return await this.#read;
  }

  async #follow(): Promise<number> {
    for (;;) {
      const line = await this.#process.line();
      if (line === undefined) throw new Error("the injector ended early");
      const [first, second] = line.split(" ");
      if (first === "sent") return Number(second);
      this.log.push([Number(first), Number(second)]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    await this.#read.catch(() => {});
  }
}
