/** A Unix socket that receives datagrams, as a service manager does: what pfw tells is read here. */
import { unixAddress } from "../../ffi/notify_socket.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_UNIX = 1, SOCK_DGRAM = 2, MSG_DONTWAIT = 0x40;

/** Bound to a path, or with `@` before it to a name in the abstract namespace. */
export class NotifyListener implements Disposable {
  readonly #library = Deno.dlopen("libc.so.6", SYMBOLS);
  readonly #descriptor: number;

  constructor(readonly path: string) {
    this.#descriptor = this.#library.symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
    const address = unixAddress(path);
    if (this.#library.symbols.bind(this.#descriptor, address, address.length) !== 0) {
      throw new Error(`cannot bind ${path}`);
    }
  }

  /** The datagrams that came since the last call. */
  received(): string[] {
    const buffer = new Uint8Array(8192);
    const texts: string[] = [];
    for (;;) {
      const { recv } = this.#library.symbols;
      const length = Number(recv(this.#descriptor, buffer, BigInt(buffer.length), MSG_DONTWAIT));
      if (length < 0) return texts;
      texts.push(new TextDecoder().decode(buffer.subarray(0, length)));
    }
  }

  [Symbol.dispose](): void {
    this.#library.symbols.close(this.#descriptor);
    this.#library.close();
  }
}
