/** A feed manager with a clock, a network and a disk that a test commands. */
import type { FeedContent } from "../../intel/feed.ts";
import { FeedError } from "../../intel/feed.ts";
import type { FetchOptions } from "../../intel/feed_fetch.ts";
import type { FetchResult, Validators } from "../../intel/fetch_result.ts";
import { FeedManager } from "../../intel/feed_manager.ts";
import type { ConfiguredFeed } from "../../intel/feed_record.ts";
import type { Clock } from "../../intel/feed_schedule.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { sourceAt } from "./publisher.ts";

/** Time that passes when the test says so. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 7, 22);
  readonly #calls = new Map<() => void, number>();
  /** Whether something was begun that a while of real time may end. */
  isBusy = () => true;

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const once = () => call();
    this.#calls.set(once, this.#now + ms);
    return () => this.#calls.delete(once);
  }

  /** Sets it. Who waits goes on waiting as long: a timer does not look at the clock. */
  set(now: number): void {
    for (const [call, at] of this.#calls) this.#calls.set(call, at + now - this.#now);
    this.#now = now;
  }

  /** Lets time pass, and what is due happen. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      if (this.isBusy()) await settled(this.isBusy);
      const next = [...this.#calls].filter(([, at]) => at <= end).sort((a, b) => a[1] - b[1])[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next[1]);
      this.#calls.delete(next[0]);
      next[0]();
    }
    this.#now = end;
  }
}

/** Lets what is under way on the disk come to an end. */
export async function settled(isBusy = () => true): Promise<void> {
  for (let turn = 0; turn < 20 && isBusy(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A feed of the configuration. */
export function feed(name: string, more: Partial<ConfiguredFeed> = {}): ConfiguredFeed {
  return { ...sourceAt(`https://example.com/${name}`), name, enabled: true, ...more };
}

/** What a feed says, as an answer. */
export function listing(addresses: readonly string[] | number, more: Partial<FeedContent> = {}) {
  const texts = typeof addresses === "number"
    ? Array.from({ length: addresses }, (_, at) => `11.${at >> 16}.${at >> 8 & 255}.${at & 255}`)
    : addresses;
  const list = PrefixList.parse(texts);
  const content: FeedContent = {
    format: "plain",
    list,
    levels: new Uint8Array(list.size),
    refused: {},
    ...more,
  };
  const etag = `"${list.size}"`;
  return { kind: "content", content, etag, lastModified: null, bytes: 0, finalUrl: "" } as const;
}

/** What a publisher answers: a result, a failure's reason, or what a function makes of it. */
export type Answer =
  | FetchResult
  | string
  | ((signal: AbortSignal, onProgress: (bytes: number) => void) => Promise<FetchResult>);

/** The manager and what it was told and has done. */
export class Scene {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  /** Fetches so far: which feed, when in seconds, and what was known. */
  readonly fetches: { name: string; at: number; known: Validators }[] = [];
  /** What the publishers answer next, by feed. */
  readonly answers = new Map<string, Answer>();
  changes = 0;
  onChange: () => Promise<void> = () => Promise.resolve();
  readonly manager: FeedManager;
  readonly #managers: FeedManager[] = [];
  readonly #start = this.clock.now();

  constructor(readonly cacheDir: string) {
    this.manager = this.open();
    this.clock.isBusy = () => this.#managers.some(({ updating }) => updating);
  }

  /** Another manager of the same disk, as after a restart. */
  open(): FeedManager {
    const manager = new FeedManager({
      cacheDir: this.cacheDir,
      log: (level, text) => this.log.push(`${level}: ${text}`),
      onChange: () => {
        this.changes++;
        return this.onChange();
      },
      fetch: (source, known, options) => this.#fetch(source.name, known, options ?? {}),
      clock: this.clock,
      random: () => 0.5,
    });
    this.#managers.push(manager);
    return manager;
  }

  /** Ends every manager. */
  async stop(): Promise<void> {
    await Promise.all(this.#managers.map((manager) => manager.stop()));
  }

  async #fetch(name: string, known: Validators, options: FetchOptions): Promise<FetchResult> {
    const { etag, lastModified } = known;
    this.fetches.push({
      name,
      at: (this.clock.now() - this.#start) / 1000,
      known: { etag, lastModified },
    });
    const answer = this.answers.get(name) ?? "answered 404";
    if (typeof answer === "string") throw new FeedError(answer);
    if (typeof answer !== "function") return answer;
    return await answer(options.signal!, options.onProgress!);
  }

  /** Seconds from the start at which a feed was fetched. */
  timesOf(name: string): number[] {
    return this.fetches.filter((fetch) => fetch.name === name).map(({ at }) => at);
  }

  /** How a feed is. */
  state(name: string) {
    return this.manager.states().find((state) => state.name === name)!;
  }

  /** The IPv4 entries of the feeds, in one line. */
  entries(manager = this.manager): string {
    return manager.contents().map(({ name, content }) =>
      `${name}: ${[...content.list.texts(4)].join(" ")}`
    ).join("; ");
  }
}

/** Runs a test with a scene, and ends what it began. */
export async function withScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pfw-feeds-" });
  const scene = new Scene(`${directory}/feeds`);
  try {
    await work(scene);
  } finally {
    await scene.stop();
    await Deno.remove(directory, { recursive: true });
  }
}
