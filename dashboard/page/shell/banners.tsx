/** What must not be missed: old figures, and a change that is on trial. */
import { decide, pending } from "../change/pending.ts";
import { tryNow } from "../live/connection.ts";
import { now } from "../live/clock.ts";
import { isOld, link } from "../live/state.ts";
import { useAction } from "../parts/fields.tsx";
import { moveOn } from "../parts/focus.ts";
import { Icon } from "../parts/icon.tsx";
import { Foreign } from "../parts/text.tsx";
import { countdown } from "../text/time.ts";
import { lossText } from "./header.tsx";

/** Says that what is shown is old, and since when. */
export function ConnectionBanner() {
  if (!isOld()) return null;
  return (
    <div class="banner banner-bad">
      <Icon name="warn" />
      <p role="alert">
        <strong>{lossText(link.value)}</strong> What you see is from before.
      </p>
      <button type="button" onClick={tryNow}>Try now</button>
    </div>
  );
}

/** Counts down to the return of a change, with the two ways out. */
export function PendingBanner() {
  const change = pending.value;
  if (!change) return null;
  return (
    <div class="banner banner-warn">
      <Icon name="refresh" />
      <div class="banner-text">
        <p role="alert">
          <strong>A change is on trial</strong>: <Foreign text={change.command} />, by{" "}
          <Foreign text={change.user} />.
        </p>
        <Countdown until={change.until} most={change.secondsLeft} />
      </div>
      <Decisions />
    </div>
  );
}

/** Apart from what is read out: every second of it would drown everything else. */
function Countdown({ until, most }: { readonly until: number; readonly most: number }) {
  const seconds = Math.min(most, (until - now.value) / 1_000);
  return (
    <p role="timer">
      {seconds > 0 ? `It is taken back in ${countdown(seconds)}.` : "It is being taken back."}
    </p>
  );
}

function Decisions() {
  const { isBusy, run } = useAction();
  const settle = (what: "confirm" | "revert") => async (event: Event) => {
    const button = event.currentTarget as HTMLElement;
    await run(() => decide(what));
    if (!button.isConnected) moveOn(button, null);
  };
  return (
    <span class="buttons">
      <button
        type="button"
        aria-disabled={isBusy}
        onClick={settle("revert")}
      >
        Take back
      </button>
      <button
        type="button"
        class="primary"
        aria-disabled={isBusy}
        onClick={settle("confirm")}
      >
        Keep
      </button>
    </span>
  );
}
