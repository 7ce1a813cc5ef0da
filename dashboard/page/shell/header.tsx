/** The top of the page: what pfw does right now, and the switches for it. */
import { signal } from "@preact/signals";
import type { ChangeMode, Mode } from "../../contract.ts";
import { change } from "../change/change.ts";
import { now } from "../live/clock.ts";
import { facts, type Link, link, mode } from "../live/state.ts";
import { Dialog } from "../parts/dialog.tsx";
import { useAction } from "../parts/fields.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { clockTime, exactTime, formatSpan } from "../text/time.ts";
import { chooseTheme, type Theme, theme } from "./theme.ts";

/** The banner of the page. */
export function Header() {
  return (
    <header class="header">
      <p class="brand">
        <Icon name="shield" size={22} />
        <span>pfw</span>
      </p>
      <StatePill />
      <Uptime />
      <div class="header-buttons">
        <ModeButton />
        <ThemeButton />
      </div>
      {asksForMonitor.value && <MonitorDialog />}
    </header>
  );
}

interface Pill {
  readonly icon: IconName;
  readonly text: string;
  readonly kind: "good" | "warn" | "bad" | "quiet";
}

function pillOf(state: Link, current: Mode | null): Pill {
  if (state.kind === "stopped") {
    return state.kept
      ? { icon: "shield", text: "Stopped, the kernel goes on", kind: "warn" }
      : { icon: "off", text: "Stopped", kind: "bad" };
  }
  if (state.kind === "lost") return { icon: "off", text: "No connection", kind: "bad" };
  if (current === null) return { icon: "refresh", text: "Connecting", kind: "quiet" };
  return current === "enforce"
    ? { icon: "shield", text: "Enforcing", kind: "good" }
    : { icon: "eye", text: "Monitoring", kind: "warn" };
}

function StatePill() {
  const { icon, text, kind } = pillOf(link.value, mode.value);
  return (
    <p class={`pill pill-${kind}`} role="status">
      <Icon name={icon} size={16} />
      <span>{text}</span>
    </p>
  );
}

function Uptime() {
  const known = facts.value;
  if (!known || link.value.kind !== "live") return null;
  return (
    <p class="uptime" title={`Started ${exactTime(known.since)}`}>
      for {formatSpan((now.value - known.since) / 1_000)}
    </p>
  );
}

const asksForMonitor = signal(false);

function ModeButton() {
  const { isBusy, run } = useAction();
  const current = mode.value;
  if (current === null) return null;
  if (current === "enforce") {
    return (
      <button type="button" class="mode-button" onClick={() => asksForMonitor.value = true}>
        <Icon name="eye" size={16} />
        <span>Only monitor</span>
      </button>
    );
  }
  return (
    <button
      type="button"
      class="mode-button primary"
      aria-disabled={isBusy}
      onClick={() => run(() => setMode("enforce"))}
    >
      <Icon name="shield" size={16} />
      <span>Enforce</span>
    </button>
  );
}

function setMode(value: Mode) {
  return change<ChangeMode>("/mode", { mode: value }, { hasTrial: false });
}

function MonitorDialog() {
  const { isBusy, run } = useAction();
  const close = () => asksForMonitor.value = false;
  return (
    <Dialog title="Stop enforcing?" onClose={close}>
      <div class="form">
        <p>
          pfw takes its rules out of the kernel and only looks on. Nothing is blocked any more until
          you switch back; the log then says what would have been blocked.
        </p>
        <div class="buttons">
          <button type="button" onClick={close}>Cancel</button>
          <button
            type="button"
            class="danger"
            aria-disabled={isBusy}
            onClick={() => run(() => setMode("monitor")).then((outcome) => outcome && close())}
          >
            Only monitor
          </button>
        </div>
      </div>
    </Dialog>
  );
}

const THEMES: Readonly<Record<Theme, { icon: IconName; text: string; next: Theme }>> = {
  auto: { icon: "auto", text: "Colours as the system has them", next: "light" },
  light: { icon: "sun", text: "Light colours", next: "dark" },
  dark: { icon: "moon", text: "Dark colours", next: "auto" },
};

function ThemeButton() {
  const { icon, text, next } = THEMES[theme.value];
  const label = `${text}; press for: ${THEMES[next].text.toLowerCase()}`;
  return (
    <button
      type="button"
      class="plain theme-button"
      aria-label={label}
      title={label}
      onClick={() => chooseTheme(next)}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Since when there is no connection, for the banner. */
export function lossText(state: Link): string {
  if (state.kind === "lost") return `No connection since ${clockTime(state.since)}, trying again.`;
  if (state.kind !== "stopped") return "";
  const rest = state.kept
    ? "The kernel goes on enforcing the last rules."
    : "Nothing is enforced any more.";
  return `pfw stopped at ${clockTime(state.since)}. ${rest} Trying again.`;
}
