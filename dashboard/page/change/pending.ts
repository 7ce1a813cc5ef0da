/** The change that is on trial, and how long it still has. */
import { signal } from "@preact/signals";
import type { ChangeAnswer, PendingView } from "../../contract.ts";
import { errorText, post } from "../api.ts";
import { serverNow } from "../live/clock.ts";
import { overview } from "../live/resource.ts";
import { notify } from "../parts/notices.ts";
import { formatRate } from "../text/number.ts";

/** `until`: milliseconds since 1970, by the firewall's clock. */
export const pending = signal<PendingView & { readonly until: number } | null>(null);

/** Takes what an answer says of it. */
export function takePending(view: PendingView | null): void {
  pending.value = view && { ...view, until: serverNow() + view.secondsLeft * 1_000 };
}

/** Keeps the change, or takes it back. */
export async function decide(what: "confirm" | "revert"): Promise<void> {
  try {
    const answer = await post<ChangeAnswer | undefined>(`/change/${what}`);
    pending.value = null;
    const text = what === "confirm" ? "The change stays." : "The change is taken back.";
    const time = what === "revert" && answer?.inKernel
      ? ` In force after ${formatRate(answer.milliseconds)} ms.`
      : "";
    notify({ tone: "good", text: text + time });
  } catch (error) {
    notify({ tone: "bad", text: errorText(error) });
  }
  await overview.load();
}
