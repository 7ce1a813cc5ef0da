/** Short messages that come and go, and what a screen reader is told. */
import { signal } from "@preact/signals";

/** How a message is meant. */
export type Tone = "good" | "info" | "warn" | "bad";

/** What a change came to. */
export interface Outcome {
  readonly tone: Tone;
  readonly text: string;
}

/** A message on the page. */
export interface Notice extends Outcome {
  readonly id: number;
}

export const notices = signal<readonly Notice[]>([]);
/** Told to screen readers only. */
export const spoken = signal("");

/** How long a message stays: what went wrong stays until it is closed. */
const STAY = 6_000;
/** More at once would cover the page. */
const MOST = 4;

let lastId = 0;

/** Shows a message. */
export function notify({ tone, text }: Outcome): void {
  const id = ++lastId;
  notices.value = [...notices.value, { id, tone, text }].slice(-MOST);
  if (tone !== "bad") setTimeout(() => dismiss(id), STAY + text.length * 30);
}

/** Takes a message away. */
export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Has a screen reader say it. */
export function say(text: string): void {
  // The same words again are not news to a live region unless they differ.
  spoken.value = text === spoken.peek() ? `${text}\u00a0` : text;
}
