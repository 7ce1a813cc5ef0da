/** Server-sent events (WHATWG HTML, 9.2) to all open pages: made once, sent to each. */

/** Pages at once. */
export const MOST_PAGES = 64;
/** Messages that wait for a page that does not read; then it gets a fresh start instead. */
const MOST_WAITING = 8;

/** One message. */
export interface StreamEvent {
  readonly event: "hello" | "tick" | "changed" | "bye";
  readonly data: unknown;
  /** What the browser says on its next connection in `Last-Event-ID`. */
  readonly id?: number;
}

/** A page that listens. */
interface Listener {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** It missed messages because it did not read. */
  isBehind: boolean;
}

const ENCODER = new TextEncoder();

/** Sends messages to everybody who listens. */
export class EventStream {
  readonly #listeners = new Set<Listener>();
  readonly #hello: (after: number) => StreamEvent;

  /** @param hello makes the first message for a page that has all rows up to a number */
  constructor(hello: (after: number) => StreamEvent) {
    this.#hello = hello;
  }

  /** Pages that listen now. */
  get size(): number {
    return this.#listeners.size;
  }

  /** A body that begins with `hello` and goes on until the page goes away; `undefined`: no room. */
  open(after: number): ReadableStream<Uint8Array> | undefined {
    if (this.#listeners.size >= MOST_PAGES) return undefined;
    let listener: Listener | undefined;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        listener = { controller, isBehind: false };
        this.#listeners.add(listener);
        controller.enqueue(encode(this.#hello(after)));
      },
      cancel: () => {
        if (listener) this.#listeners.delete(listener);
      },
    }, { highWaterMark: MOST_WAITING });
  }

  /** Sends one message to all. */
  send(event: StreamEvent): void {
    if (this.#listeners.size === 0) return;
    const bytes = encode(event);
    for (const listener of this.#listeners) this.#sendTo(listener, bytes);
  }

  /** Sends a last message and ends all streams. */
  end(event: StreamEvent): void {
    this.send(event);
    for (const { controller } of this.#listeners) close(controller);
    this.#listeners.clear();
  }

  #sendTo(listener: Listener, bytes: Uint8Array): void {
    const room = listener.controller.desiredSize ?? 0;
    if (room <= 0) {
      listener.isBehind = true;
      return;
    }
    if (listener.isBehind) {
      // Room again: what it missed is in the message that begins everything anew.
      listener.isBehind = false;
      listener.controller.enqueue(encode(this.#hello(0)));
      return;
    }
    listener.controller.enqueue(bytes);
  }
}

function encode({ event, data, id }: StreamEvent): Uint8Array {
  const number = id === undefined ? "" : `id: ${id}\n`;
  // JSON has no line breaks of its own.
  return ENCODER.encode(`${number}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function close(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close();
  } catch {
    // The page went away at the same moment.
  }
}
