/** The firewall's time, which may differ from the browser's. */
import { signal } from "@preact/signals";

let ahead = 0;

/** Moves on once a second while somebody looks. */
export const now = signal(Date.now());

/** Tells how late it is where pfw runs. */
export function setClock(at: number): void {
  ahead = at - Date.now();
  // The way takes time too: a difference that small is none.
  if (Math.abs(ahead) < 1_000) ahead = 0;
  now.value = serverNow();
}

/** Milliseconds since 1970, by the firewall's clock. */
export function serverNow(): number {
  return Date.now() + ahead;
}

/** Starts the clock. */
export function startClock(): void {
  const tick = () => {
    if (!document.hidden) now.value = serverNow();
  };
  setInterval(tick, 1_000);
  document.addEventListener("visibilitychange", tick);
}
