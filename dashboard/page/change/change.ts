/** Sends a change, asks where it would cut somebody off, and tells what the kernel answered. */
import type { BansAnswer, ChangeAnswer, ChangeManner, PendingView } from "../../contract.ts";
import { ApiError, errorText, post } from "../api.ts";
import { notify, type Outcome } from "../parts/notices.ts";
import { bans, overview } from "../live/resource.ts";
import { mode } from "../live/state.ts";
import { formatRate } from "../text/number.ts";
import { askAboutCut } from "./cut_question.ts";
import { byLabel, type Labels, problemsText } from "./field_problems.ts";
import { takePending } from "./pending.ts";

/** Seconds until a change on trial returns. */
export const TRIAL = 60;

/** What a change came to; `done` tells whether it was made. */
export type ChangeOutcome = Outcome & {
  readonly done: boolean;
  /** What is wrong with which field, by its label. */
  readonly problems?: Readonly<Record<string, string>>;
};

/** How a change is asked for. */
export interface ChangeOptions {
  /** Changes without a trial are asked about without offering one. */
  readonly hasTrial?: boolean;
  /** What tells the outcome too. */
  readonly toldIn?: "dialog" | "view";
  readonly labels?: Labels;
}

/** Makes a change of the configuration. Never throws: what went wrong is the outcome. */
export async function change<Body extends ChangeManner>(
  path: string,
  body: Body,
  options: ChangeOptions = {},
): Promise<ChangeOutcome> {
  const outcome = await attempt(options, async (manner) => {
    const answer = await post<ChangeAnswer>(path, { ...body, ...manner });
    takePending(answer.pending);
    await overview.load();
    return describeChange(answer);
  });
  tell(outcome, options);
  return outcome;
}

/** Bans or unbans; a ban has its own end and so no trial. */
export async function changeBans(
  path: "/bans" | "/bans/remove",
  body: { readonly addresses: readonly string[]; readonly seconds?: number; reason?: string },
  options: Pick<ChangeOptions, "toldIn" | "labels"> = {},
): Promise<ChangeOutcome> {
  const outcome = await attempt({ hasTrial: false, labels: options.labels }, async ({ force }) => {
    const begin = performance.now();
    const answer = await post<BansAnswer>(path, { ...body, ...(force && { force }) });
    await bans.load();
    return describeBans(answer, path === "/bans", Math.round(performance.now() - begin));
  });
  tell(outcome, options);
  return outcome;
}

/** Beside an open dialog no message can be closed or heard: it tells by itself what it waits with. */
function tell(outcome: ChangeOutcome, { toldIn }: ChangeOptions): void {
  if (toldIn === "dialog" && !outcome.done && document.querySelector("dialog:modal")) return;
  notify(outcome, toldIn === "view");
}

async function attempt(
  { hasTrial = true, labels = {} }: ChangeOptions,
  send: (manner: ChangeManner) => Promise<Outcome>,
  manner: ChangeManner = {},
): Promise<ChangeOutcome> {
  try {
    return { ...await send(manner), done: true };
  } catch (error) {
    if (!(error instanceof ApiError)) return { tone: "bad", text: errorText(error), done: false };
    if (error.code === "would_cut" && !manner.force) {
      const choice = await askAboutCut({ text: error.message, cuts: error.cuts, hasTrial });
      if (choice === "cancel") return { tone: "info", text: "Nothing was changed.", done: false };
      const confirm = choice === "trial" ? { confirm: TRIAL } : {};
      return await attempt({ hasTrial, labels }, send, { force: true, ...confirm });
    }
    if (error.code === "stale") {
      await overview.load();
      const text = "Somebody else changed the rules meanwhile. They are loaded again: " +
        "look at them and try once more.";
      return { tone: "warn", text, done: false };
    }
    if (error.problems.length > 0) {
      const { problems } = error;
      const text = problemsText(problems, labels);
      return { tone: "bad", text, done: false, problems: byLabel(problems, labels) };
    }
    return { tone: "bad", text: error.message, done: false };
  }
}

function describeChange(answer: ChangeAnswer): Outcome {
  const { done, changed, inKernel, milliseconds, pending, notices } = answer;
  const parts = [sentence(done)];
  if (!changed) parts.push("Everything was so already.");
  else if (inKernel) parts.push(`In force after ${formatRate(milliseconds)} ms.`);
  else parts.push(notEnforced());
  if (pending) parts.push(trialText(pending));
  parts.push(...notices.map(sentence));
  const tone = !changed ? "info" : inKernel && notices.length === 0 ? "good" : "warn";
  return { tone, text: parts.join(" ") };
}

function notEnforced(): string {
  return mode.peek() === "enforce"
    ? "The kernel does not have it."
    : "pfw only monitors: nothing is enforced.";
}

function trialText({ secondsLeft }: PendingView): string {
  return `It is taken back in ${secondsLeft} s unless you keep it.`;
}

function describeBans(answer: BansAnswer, isBan: boolean, milliseconds: number): Outcome {
  const names = answer.bans.map(({ address }) => address).join(", ");
  const unknown = answer.unknown ?? [];
  const parts: string[] = [];
  if (names) parts.push(`${isBan ? "Banned" : "No longer banned:"} ${names}.`);
  if (unknown.length > 0) parts.push(`Not banned before: ${unknown.join(", ")}.`);
  if (names && answer.mode === "monitor") parts.push("pfw only monitors: nothing is enforced.");
  else if (names) parts.push(`In force after ${milliseconds} ms.`);
  const isGood = names !== "" && answer.mode !== "monitor" && unknown.length === 0;
  return { tone: isGood ? "good" : "warn", text: parts.join(" ") || "Nothing was changed." };
}

function sentence(text: string): string {
  const trimmed = text.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
