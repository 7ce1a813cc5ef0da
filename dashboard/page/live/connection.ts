/** The stream of events: opened again by itself, and never trusted to be alive without a word. */
import { effect } from "@preact/signals";
import { get, signedIn } from "../api.ts";
import { newestSeq } from "./log_feed.ts";
import { takeBye, takeChanged, takeHello, takeLoss, takeTick } from "./intake.ts";

/** Milliseconds without any event after which a connection counts as dead. */
const SILENCE = 10_000;

/** Milliseconds until the next attempt: doubled each time, give or take a quarter. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

let source: EventSource | undefined;
let heardAt = 0;
let wait = FIRST_WAIT;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Opens the stream as soon as somebody is signed in, and keeps it open. */
export function keepConnected(): void {
  effect(() => signedIn.value ? open() : close());
  again();
  setInterval(() => {
    if (source && performance.now() - heardAt > SILENCE) retry();
  }, 1_000);
  // Timers sleep with a machine, and a connection that slept may be dead without knowing.
  addEventListener("online", tryNow);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer !== undefined) tryNow();
  });
}

/** Tries at once, as a person asked. */
export function tryNow(): void {
  if (signedIn.peek() === false) return;
  wait = FIRST_WAIT;
  close();
  open();
}

function open(fromNewest = false): void {
  if (source) return;
  const seq = fromNewest ? 0 : newestSeq();
  const stream = new EventSource(`/api/events${seq > 0 ? `?after=${seq}` : ""}`);
  source = stream;
  heardAt = performance.now();
  const on = <Data>(name: string, take: (data: Data) => void) =>
    stream.addEventListener(name, (event: MessageEvent<string>) => {
      if (source !== stream) return;
      heardAt = performance.now();
      take(JSON.parse(event.data));
    });
  on("hello", (hello: Parameters<typeof takeHello>[0]) => {
    wait = FIRST_WAIT;
    if (takeHello(hello)) return;
    close();
    open(true);
  });
  on("tick", takeTick);
  on("changed", takeChanged);
  on("bye", takeBye);
  stream.onerror = () => {
    if (source === stream) retry();
  };
}

function close(): void {
  clearTimeout(timer);
  timer = undefined;
  source?.close();
  source = undefined;
}

function retry(): void {
  close();
  takeLoss();
  timer = setTimeout(again, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LONGEST_WAIT);
}

/** A stream does not say why it failed: a question does, and finds out if the sign-in is over. */
async function again(): Promise<void> {
  timer = undefined;
  await get("/overview").then(() => open(), () => {
    if (signedIn.peek() !== false) retry();
  });
}
