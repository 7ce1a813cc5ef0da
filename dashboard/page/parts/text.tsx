/** Small pieces of text: what comes from elsewhere, times, reasons, what a change came to. */
import type { ComponentChildren } from "preact";
import type { LiveRow, ReasonCode } from "../../contract.ts";
import { now } from "../live/clock.ts";
import { ACTION_NAMES, REASON_NAMES } from "../text/reason.ts";
import { exactTime, shortTime } from "../text/time.ts";
import { visible } from "../text/visible.ts";
import { Icon, type IconName } from "./icon.tsx";
import type { Outcome, Tone } from "./notices.ts";

/** Text that pfw did not write: isolated, and with nothing hidden in it. */
export function Foreign({ text, class: name = "" }: { text: string; class?: string }) {
  return <bdi class={`foreign ${name}`}>{visible(text)}</bdi>;
}

/** A time, with the exact one for whoever points at it. */
export function Time({ at }: { readonly at: number | string }) {
  const time = typeof at === "string" ? Date.parse(at) : at;
  if (!Number.isFinite(time)) return <span class="quiet">never</span>;
  return (
    <time dateTime={new Date(time).toISOString()} title={exactTime(time)}>
      {shortTime(time, now.peek())}
    </time>
  );
}

const ACTION_ICONS: Record<LiveRow["action"], IconName> = {
  allowed: "check",
  blocked: "bans",
  would_block: "eye",
};

/** What became of a packet, by a sign and a word. */
export function Action({ action }: { readonly action: LiveRow["action"] }) {
  return (
    <span class={`action action-${action}`}>
      <Icon name={ACTION_ICONS[action]} size={14} />
      {ACTION_NAMES[action]}
    </span>
  );
}

/** A reason by its colour and its name; `detail` is the text that the firewall gave. */
export function Reason({ code, detail }: { code: ReasonCode; detail?: string }) {
  return (
    <span class="reason">
      <span class={`swatch reason-${code}`} aria-hidden="true" />
      {detail === undefined ? REASON_NAMES[code] : <Foreign text={detail} />}
    </span>
  );
}

const TONE_ICONS: Record<Tone, IconName> = {
  good: "check",
  info: "info",
  warn: "warn",
  bad: "warn",
};
const TONE_WORDS: Record<Tone, string> = {
  good: "Done",
  info: "Note",
  warn: "Mind",
  bad: "Failed",
};

/** What something came to, where it was asked for. Not spoken: the message at the edge is. */
export function Told({ outcome }: { readonly outcome: Outcome | null }) {
  if (!outcome) return null;
  return (
    <p class={`told told-${outcome.tone}`}>
      <Icon name={TONE_ICONS[outcome.tone]} size={16} />
      <span>
        <span class="unseen">{TONE_WORDS[outcome.tone]}:</span>
        <Foreign text={outcome.text} />
      </span>
    </p>
  );
}

/** The same, spoken: where no message at the edge is, or can be heard, as beside a dialog. */
export function ToldAloud({ outcome }: { readonly outcome: Outcome | null }) {
  return (
    <div role="alert" class="told-aloud">
      <Told outcome={outcome} />
    </div>
  );
}

/** What is said where there is nothing: what that means, and what can be done. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}
