/** Connections that are over for us and are to be over beneath as well. */
import { hangUp } from "../ffi/hang_up.ts";
import { parseSingle } from "../engine/net/address.ts";

/** Milliseconds in which they are collected: one look at all descriptors serves many of them. */
const COLLECTED = 100;

/** Ends connections by their other ends. */
export class HungUp implements Disposable {
  readonly #peers = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Ends the connection from there soon. */
  add({ hostname, port }: Deno.NetAddr): void {
    const address = parseSingle(hostname);
    if (!address) return;
    const words = address.family === 4 ? address.words.slice(0, 1) : address.words;
    this.#peers.add(keyOf(words, port));
    this.#timer ??= setTimeout(() => this.#act(), COLLECTED);
  }

  #act(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#peers.size === 0) return;
    hangUp((address, port) => this.#peers.has(keyOf(wordsOf(address), port)));
    this.#peers.clear();
  }

  /** Ends those that wait for it. */
  [Symbol.dispose](): void {
    this.#act();
  }
}

function keyOf(words: Iterable<number>, port: number): string {
  return `${[...words].join(" ")} ${port}`;
}

/** Words of an address, as `parseSingle` has them: IPv4 in IPv6 is IPv4. */
function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = Array.from({ length: bytes.length / 4 }, (_, at) => view.getInt32(4 * at));
  const isMapped = words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? words.slice(3) : words;
}
