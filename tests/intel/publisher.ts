/** Publishers of feeds on loopback: well-behaved ones, and ones that do as they like. */
import { setTimeout as sleep } from "node:timers/promises";
import type { FeedSource } from "../../intel/feed.ts";

/** A publisher that answers requests. */
export class Publisher implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #scheme: string;
  /** Headers of each request so far, by path. */
  readonly asked: { path: string; headers: Headers }[] = [];

  constructor(
    answer: (request: Request, path: string) => Response | Promise<Response>,
    tls?: { cert: string; key: string },
  ) {
    this.#scheme = tls ? "https" : "http";
    const options = { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls };
    this.#server = Deno.serve(options, (request) => {
      const path = new URL(request.url).pathname;
      this.asked.push({ path, headers: request.headers });
      return answer(request, path);
    });
  }

  get port(): number {
    return this.#server.addr.port;
  }

  url(path = "/feed.txt", host = "127.0.0.1"): string {
    return `${this.#scheme}://${host}:${this.port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** What a `RawPublisher` does with a connection. `signal` ends it when the test does. */
type Speak = (
  say: (text: string | Uint8Array) => Promise<void>,
  signal: AbortSignal,
) => Promise<void>;

/** A publisher that writes what it likes, once a request was read, and then hangs up. */
export class RawPublisher implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #end = new AbortController();
  readonly #serving: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  constructor(speak: Speak) {
    this.#accepting = this.#accept(speak);
  }

  url(scheme = "http"): string {
    return `${scheme}://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}/feed.txt`;
  }

  async #accept(speak: Speak): Promise<void> {
    for await (const connection of this.#listener) {
      this.#serving.push(this.#serve(connection, speak));
    }
  }

  async #serve(connection: Deno.Conn, speak: Speak): Promise<void> {
    using _ = connection;
    try {
      await connection.read(new Uint8Array(4096));
      await speak(async (text) => {
        const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
        for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      }, this.#end.signal);
    } catch {
      // The other side has hung up first, or the test is over.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#end.abort();
    await this.#accepting;
    await Promise.all(this.#serving);
  }
}

/** Says nothing for ever. */
export async function silence(signal: AbortSignal): Promise<void> {
  await sleep(3_600_000, undefined, { signal });
}

/** A feed at this address. */
export function sourceAt(url: string, more: Partial<FeedSource> = {}): FeedSource {
  return {
    name: "Test feed",
    url,
    format: "auto",
    interval: 3600,
    headers: {},
    minimum: 0,
    allowInsecure: false,
    ...more,
  };
}

/** The text of a feed of `count` addresses that may be applied, from 11.0.0.0 on. */
export function feedText(count: number, from = 0): string {
  let text = "# a feed\n";
  for (let at = from; at < from + count; at++) {
    text += `11.${at >> 16}.${(at >> 8) & 255}.${at & 255}\n`;
  }
  return text;
}
