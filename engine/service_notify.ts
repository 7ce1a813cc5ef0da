/**
 * What pfw tells the service manager that started it, by the protocol of sd_notify(3): ready,
 * reloading, stopping, alive. Without a service manager every call does nothing.
 */
import { DatagramSender, monotonicMicroseconds } from "../ffi/notify_socket.ts";

/** The variables that a service manager sets. */
const SOCKET = "NOTIFY_SOCKET", WATCHDOG = "WATCHDOG_USEC", WATCHDOG_PID = "WATCHDOG_PID";

/** Characters of a status line; what the manager shows of it is one line of a terminal. */
const LONGEST_STATUS = 200;
/** Bytes of state that wait for the manager to read. */
const LONGEST_UNSENT = 4096;

/** Where the environment is read from, and what is taken out of it. */
export interface Environment {
  get(name: string): string | undefined;
  delete(name: string): void;
}

/** Speaks to the service manager. Nothing here throws: the firewall does not depend on it. */
export class ServiceNotifier implements Disposable {
  readonly #sender: DatagramSender | undefined;
  readonly #interval: number;
  #nextPing = 0;
  /** State that the manager had no room for; sent before the next one. */
  #unsent = "";

  private constructor(sender: DatagramSender | undefined, interval: number) {
    this.#sender = sender;
    this.#interval = interval;
  }

  /**
   * Takes over what the environment says, and takes it out: a program that pfw runs must not speak
   * for it.
   */
  static fromEnvironment(environment: Environment = Deno.env): ServiceNotifier {
    const path = environment.get(SOCKET);
    const interval = pingInterval(environment);
    for (const name of [SOCKET, WATCHDOG, WATCHDOG_PID]) environment.delete(name);
    return new ServiceNotifier(path ? open(path) : undefined, interval);
  }

  /** Whether a service manager listens. */
  get isListenedTo(): boolean {
    return this.#sender !== undefined;
  }

  /** The kernel enforces (or, while only observing, the taps are open). */
  ready(status: string): void {
    this.#send(`READY=1\n${statusLine(status)}`);
  }

  /** The configuration is read again; `ready` says when that is over. */
  reloading(): void {
    if (this.#sender) this.#send(`RELOADING=1\nMONOTONIC_USEC=${monotonicMicroseconds()}`);
  }

  /** The end has begun. */
  stopping(): void {
    this.#send("STOPPING=1");
  }

  /** One line that `systemctl status` shows. */
  status(text: string): void {
    this.#send(statusLine(text));
  }

  /**
   * To be called often, by the loop whose life is watched: says so at half of the time that the
   * manager waits, and sends what it had no room for before.
   *
   * @param now milliseconds of a clock that only goes forward
   */
  alive(now: number = performance.now()): void {
    if (now < this.#nextPing) return;
    this.#nextPing = now + this.#interval;
    if (this.#unsent) this.#send("");
    if (Number.isFinite(this.#interval)) this.#deliver("WATCHDOG=1");
  }

  #send(state: string): void {
    if (!this.#sender) return;
    const text = [this.#unsent, state].filter(Boolean).join("\n");
    this.#unsent = this.#deliver(text) ? "" : text.slice(-LONGEST_UNSENT);
    // What could not be sent is tried again soon, watchdog or not.
    if (this.#unsent) this.#nextPing = 0;
  }

  #deliver(text: string): boolean {
    return this.#sender?.send(new TextEncoder().encode(text)) ?? true;
  }

  [Symbol.dispose](): void {
    this.#sender?.[Symbol.dispose]();
  }
}

/** Milliseconds between two signs of life; `Infinity` where nobody waits for them. */
function pingInterval(environment: Environment): number {
  const pid = environment.get(WATCHDOG_PID);
  const microseconds = Number(environment.get(WATCHDOG));
  const isMeant = pid === undefined || pid === String(Deno.pid);
  return isMeant && microseconds > 0 ? microseconds / 2000 : Infinity;
}

/** A name that can be none, or no socket at all: as if nobody listened. */
function open(path: string): DatagramSender | undefined {
  try {
    return new DatagramSender(path);
  } catch {
    return undefined;
  }
}

function statusLine(text: string): string {
  return `STATUS=${text.replace(/\s+/g, " ").trim().slice(0, LONGEST_STATUS)}`;
}
