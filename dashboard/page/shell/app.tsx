/** The frame around every view. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { signedIn } from "../api.ts";
import { BanDialog } from "../change/ban_form.tsx";
import { CutDialog } from "../change/cut_dialog.tsx";
import { overview, useResource } from "../live/resource.ts";
import { isOld, link, mode } from "../live/state.ts";
import { AddressMenu } from "../parts/address_menu.tsx";
import { Toaster } from "../parts/toaster.tsx";
import { Bans } from "../views/bans.tsx";
import { Explain } from "../views/explain.tsx";
import { Feeds } from "../views/feeds.tsx";
import { Health } from "../views/health.tsx";
import { Lists } from "../views/lists.tsx";
import { Log } from "../views/log.tsx";
import { OverviewView } from "../views/overview.tsx";
import { Rules } from "../views/rules.tsx";
import { ConnectionBanner, PendingBanner } from "./banners.tsx";
import { Header } from "./header.tsx";
import { Login } from "./login.tsx";
import { Navigation, VIEW_NAMES } from "./navigation.tsx";
import { route, type ViewName } from "./route.ts";

const VIEW_PARTS: Readonly<Record<ViewName, () => JSX.Element>> = {
  overview: OverviewView,
  log: Log,
  rules: Rules,
  lists: Lists,
  bans: Bans,
  feeds: Feeds,
  explain: Explain,
  health: Health,
};

/** The whole page. */
export function App() {
  return (
    <>
      {signedIn.value === false ? <Login /> : <Main />}
      <Toaster />
    </>
  );
}

function Main() {
  useResource(overview, 5);
  const { view } = route.value;
  const View = VIEW_PARTS[view];
  const content = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${VIEW_NAMES[view]} · ${titleState()} · pfw`;
  }, [view, mode.value, link.value.kind]);
  useEffect(() => {
    // Who followed a link by keyboard or ear is taken to what it opened.
    if (!isFirst.current) content.current?.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [view]);
  return (
    <div class={`page${isOld() ? " old" : ""}`}>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          content.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <Header />
      <Navigation />
      <main id="content" ref={content} tabIndex={-1} aria-label={VIEW_NAMES[view]}>
        <ConnectionBanner />
        <PendingBanner />
        <h1 class="unseen">{VIEW_NAMES[view]}</h1>
        <View />
      </main>
      <AddressMenu />
      <BanDialog />
      <CutDialog />
    </div>
  );
}

function titleState(): string {
  if (link.value.kind === "stopped") return "stopped";
  if (link.value.kind === "lost") return "no connection";
  if (mode.value === null) return "connecting";
  return mode.value === "enforce" ? "enforcing" : "monitoring";
}
