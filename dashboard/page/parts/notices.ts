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
  /** Until it is closed, unless others that stay need its place. */
  readonly stays: boolean;
}

export const notices = signal<readonly Notice[]>([]);
/** Told to screen readers only. */
export const spoken = signal("");

/** Milliseconds that a message is there, and for each character of it. */
const STAY = 6_000;
const READING = 30;
/** More at once would cover the page. */
const MOST = 4;

let lastId = 0;

/** Shows a message. What went wrong stays, unless it is told elsewhere as well. */
export function notify({ tone, text }: Outcome, isToldElsewhere = false): void {
  const id = ++lastId, stays = tone === "bad" && !isToldElsewhere;
  const others = notices.value.filter((notice) => notice.tone !== tone || notice.text !== text);
  notices.value = withoutExcess([...others, { id, tone, text, stays }]);
  if (!stays) setTimeout(() => dismiss(id), STAY + text.length * READING);
}

/** Room for the newest: of the others, those go first that would go by themselves. */
function withoutExcess(list: readonly Notice[]): readonly Notice[] {
  if (list.length <= MOST) return list;
  const older = list.slice(0, -1);
  const gone = older.find(({ stays }) => !stays) ?? older[0];
  return list.filter((notice) => notice !== gone);
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
