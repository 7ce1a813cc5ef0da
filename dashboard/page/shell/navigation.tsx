/** The way to every view. */
import { useEffect, useRef } from "preact/hooks";
import { overview } from "../live/resource.ts";
import { Icon } from "../parts/icon.tsx";
import { lostCount } from "../views/losses.ts";
import { formatCount } from "../text/number.ts";
import { hrefOf, route, type ViewName, VIEWS } from "./route.ts";

/** What people call the views. */
export const VIEW_NAMES: Readonly<Record<ViewName, string>> = {
  overview: "Overview",
  log: "Log",
  rules: "Rules",
  lists: "Lists",
  bans: "Bans",
  feeds: "Feeds",
  explain: "Explain",
  health: "Health",
};

/** Beside the content where there is room, above it where there is not. */
export function Navigation() {
  const { view } = route.value;
  const element = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a narrow page the row of views is longer than the page is wide.
    element.current?.querySelector("[aria-current]")?.scrollIntoView({
      block: "nearest",
      inline: "center",
    });
  }, [view]);
  return (
    <nav class="navigation" aria-label="Views" ref={element}>
      {VIEWS.map((one) => (
        <a key={one} href={hrefOf(one)} aria-current={one === view ? "page" : undefined}>
          <Icon name={one} />
          <span>{VIEW_NAMES[one]}</span>
          <Badge view={one} />
        </a>
      ))}
    </nav>
  );
}

/** How many there are of something, or that something wants to be looked at. */
function Badge({ view }: { readonly view: ViewName }) {
  const answer = overview.value.value;
  if (!answer) return null;
  const { status, config } = answer;
  if (view === "rules") return <Tally value={config.rules.length} />;
  if (view === "bans") return <Tally value={status.bans ?? status.policy.bans} />;
  const failed = (status.feeds ?? []).filter(({ enabled, error }) => enabled && error !== null);
  const isWorrying = view === "feeds" ? failed.length > 0 : view === "health" && troubles() > 0;
  if (!isWorrying) return null;
  return (
    <span class="badge badge-warn">
      !<span class="unseen">needs a look</span>
    </span>
  );
}

function Tally({ value }: { readonly value: number }) {
  return value > 0 ? <span class="badge">{formatCount(value)}</span> : null;
}

/** How many things are not as they should be, of those that the view Health tells more about. */
export function troubles(): number {
  const status = overview.value.value?.status;
  if (!status) return 0;
  const { losses, drift, database, kernel, devices } = status;
  return [
    lostCount(losses) > 0,
    (drift?.failed ?? 0) > 0,
    database.fault !== null,
    kernel !== undefined && !kernel.inPlace,
    devices.some(({ open }) => !open),
  ].filter(Boolean).length;
}
