/**
 * This machine's own addresses, which tell incoming from outgoing where the link layer does not.
 * Interfaces come and go, so they are read again every few seconds.
 */
import { parsePrefix } from "./address.ts";

/** An entry of `Deno.networkInterfaces()`, as far as it is used. */
export interface InterfaceAddress {
  readonly address: string;
}

/** A set of addresses that is asked for every packet. */
export class LocalAddresses {
  #v4: Int32Array = new Int32Array(0);
  /** Four words each. */
  #v6: Int32Array = new Int32Array(0);
  /** Bit sets over the lowest byte: most addresses are not ours, and one look tells. */
  readonly #v4Filter = new Int32Array(8);
  readonly #v6Filter = new Int32Array(8);

  /** Number of addresses known. */
  get size(): number {
    return this.#v4.length + this.#v6.length / 4;
  }

  /** Replaces the addresses. Texts that are no addresses (zones, other families) are left out. */
  update(addresses: Iterable<InterfaceAddress>): void {
    const v4: number[] = [], v6: number[] = [];
    for (const { address } of addresses) {
      const prefix = parsePrefix(address.replace(/%.*$/, ""));
      if (prefix?.family === 4) v4.push(prefix.words[0]);
      else if (prefix) v6.push(...prefix.words);
    }
    this.#v4 = Int32Array.from(v4);
    this.#v6 = Int32Array.from(v6);
    this.#v4Filter.fill(0);
    this.#v6Filter.fill(0);
    for (const word of v4) this.#v4Filter[(word & 255) >> 5] |= 1 << (word & 31);
    for (let at = 3; at < v6.length; at += 4) {
      this.#v6Filter[(v6[at] & 255) >> 5] |= 1 << (v6[at] & 31);
    }
  }

  /** Whether the IPv4 address is one of this machine's; 127.0.0.0/8 always is. */
  hasV4(word: number): boolean {
    if (word >>> 24 === 127) return true;
    if ((this.#v4Filter[(word & 255) >> 5] & (1 << (word & 31))) === 0) return false;
    // `includes` would leave the compiled code for a call.
    const words = this.#v4;
    for (let at = 0; at < words.length; at++) {
      if (words[at] === word) return true;
    }
    return false;
  }

  /** Whether the IPv6 address is one of this machine's; ::1 always is. */
  hasV6(w0: number, w1: number, w2: number, w3: number): boolean {
    if (w0 === 0 && w1 === 0 && w2 === 0 && w3 === 1) return true;
    if ((this.#v6Filter[(w3 & 255) >> 5] & (1 << (w3 & 31))) === 0) return false;
    const words = this.#v6;
    for (let at = 0; at < words.length; at += 4) {
      if (
        words[at + 3] === w3 && words[at] === w0 && words[at + 1] === w1 && words[at + 2] === w2
      ) return true;
    }
    return false;
  }
}
