/**
 * The listener before the HTTP server. It alone decides how many connections there are and how long
 * one may keep silent; each costs file descriptors, and a firewall that has none left cannot run
 * iptables. What passes goes on to the server over a Unix socket.
 */

import { HungUp } from "./hung_up.ts";

/** What a gate lets through; times in milliseconds. */
export interface GateLimits {
  /** At once; each takes three descriptors. */
  readonly connections: number;
  /** Until the first request is there. */
  readonly headTime: number;
  /** Without a byte in either direction. */
  readonly idleTime: number;
  /** That a connection lasts on which nobody has signed in. */
  readonly strangerTime: number;
}

const LIMITS: GateLimits = {
  connections: 100,
  headTime: 10_000,
  idleTime: 90_000,
  strangerTime: 60_000,
};

/** Bytes of a request before its body. */
const LARGEST_HEAD = 16 * 1024;
const LOOK_INTERVAL = 1_000;

/** Ends of a connection. */
export interface Ends {
  readonly peer: Deno.NetAddr;
  readonly local: Deno.NetAddr;
}

/** What the gate works with. */
export interface GateParts {
  readonly listener: Deno.Listener<Deno.TcpConn | Deno.TlsConn>;
  /** Unix socket of the HTTP server. */
  readonly backend: string;
  /** Whether this part of a request shows that its sender has signed in. */
  readonly isKnown: (head: string) => boolean;
  readonly limits?: Partial<GateLimits>;
}

/** One connection. */
interface Passage extends Ends {
  readonly conn: Deno.Conn;
  readonly since: number;
  server: Deno.Conn | undefined;
  lastByte: number;
  hasAsked: boolean;
  isKnown: boolean;
}

/** Lets connections through. */
export class Gate {
  readonly #parts: GateParts;
  readonly #limits: GateLimits;
  readonly #passages = new Set<Passage>();
  readonly #hungUp = new HungUp();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #ended: Promise<void>;
  /** Connections that were turned away or ended for want of room since the start. */
  refused = 0;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#limits = { ...LIMITS, ...parts.limits };
    this.#timer = setInterval(() => this.#endLate(), LOOK_INTERVAL);
    this.#ended = this.#accept();
  }

  /** Connections now. */
  get size(): number {
    return this.#passages.size;
  }

  /** Where those are who have signed in. */
  known(): Ends[] {
    return [...this.#passages].filter((passage) => passage.isKnown);
  }

  /** Takes no more connections, and ends those that there are. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#parts.listener.close();
    for (const passage of [...this.#passages]) this.#end(passage);
    this.#hungUp[Symbol.dispose]();
    await this.#ended;
  }

  async #accept(): Promise<void> {
    for (;;) {
      let conn: Deno.Conn;
      try {
        conn = await this.#parts.listener.accept();
      } catch (error) {
        if (isOver(error)) return;
        // Too many files are open, or a handshake failed: neither is a reason to close the door.
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      this.#begin(conn);
    }
  }

  #begin(conn: Deno.Conn): void {
    if (this.#passages.size >= this.#limits.connections && !this.#makeRoom()) {
      this.refused++;
      return this.#close(conn, false);
    }
    const now = performance.now();
    const passage: Passage = {
      conn,
      peer: conn.remoteAddr as Deno.NetAddr,
      local: conn.localAddr as Deno.NetAddr,
      since: now,
      server: undefined,
      lastByte: now,
      hasAsked: false,
      isKnown: false,
    };
    this.#passages.add(passage);
    void this.#pass(passage);
  }

  /** The oldest stranger goes; whoever has signed in stays. */
  #makeRoom(): boolean {
    for (const passage of this.#passages) {
      if (passage.isKnown) continue;
      this.refused++;
      this.#end(passage);
      return true;
    }
    return false;
  }

  async #pass(passage: Passage): Promise<void> {
    try {
      const head = await readHead(passage.conn);
      if (head === undefined) return;
      passage.hasAsked = true;
      const server = await Deno.connect({ transport: "unix", path: this.#parts.backend });
      if (!this.#passages.has(passage)) return quietly(() => server.close());
      passage.server = server;
      this.#look(passage, head);
      await writeAll(server, head);
      await Promise.race([
        this.#copy(passage, passage.conn, server, true),
        this.#copy(passage, server, passage.conn, false),
      ]);
    } catch {
      // Either side may go away at any time.
    } finally {
      this.#end(passage);
    }
  }

  async #copy(passage: Passage, from: Deno.Conn, to: Deno.Conn, isRequest: boolean) {
    const buffer = new Uint8Array(16 * 1024);
    for (;;) {
      const length = await from.read(buffer);
      if (length === null) return;
      const bytes = buffer.subarray(0, length);
      if (isRequest) this.#look(passage, bytes);
      passage.lastByte = performance.now();
      await writeAll(to, bytes);
      passage.lastByte = performance.now();
    }
  }

  #look(passage: Passage, bytes: Uint8Array): void {
    if (!passage.isKnown) passage.isKnown = this.#parts.isKnown(DECODER.decode(bytes));
  }

  #endLate(): void {
    const now = performance.now();
    const { headTime, idleTime, strangerTime } = this.#limits;
    for (const passage of this.#passages) {
      const isLate = !passage.hasAsked && now - passage.since > headTime;
      const isOld = !passage.isKnown && now - passage.since > strangerTime;
      if (isLate || isOld || now - passage.lastByte > idleTime) this.#end(passage);
    }
  }

  #end(passage: Passage): void {
    if (!this.#passages.delete(passage)) return;
    this.#close(passage.conn, passage.hasAsked);
    quietly(() => passage.server?.close());
  }

  /** @param hasAsked whether its handshake is over, where there is one */
  #close(conn: Deno.Conn, hasAsked: boolean): void {
    if ("handshake" in conn && !hasAsked) this.#hungUp.add(conn.remoteAddr as Deno.NetAddr);
    quietly(() => conn.close());
  }
}

const DECODER = new TextDecoder("latin1");

/** `PRI`: HTTP/2 without TLS, which would hide many requests in one connection. */
const HTTP2 = "PRI ";

/** What came up to the end of the first request's head; `undefined` where that never comes. */
async function readHead(conn: Deno.Conn): Promise<Uint8Array | undefined> {
  const head = new Uint8Array(LARGEST_HEAD);
  let length = 0;
  while (length < LARGEST_HEAD) {
    const count = await conn.read(head.subarray(length));
    if (count === null) return undefined;
    length += count;
    const text = DECODER.decode(head.subarray(0, length));
    if (text.startsWith(HTTP2)) return undefined;
    if (text.includes("\r\n\r\n")) return head.subarray(0, length);
  }
  return undefined;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

function isOver(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Closed already.
  }
}
