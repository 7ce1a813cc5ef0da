/** Everything in one glance. */
import {
  Bans as BansCard,
  Feeds as FeedsCard,
  RulesCard,
  TopAddresses,
} from "./overview_cards.tsx";
import { TrafficChart } from "../chart/traffic_chart.tsx";
import { isFiltered, setFilter, shownRows } from "../live/log_feed.ts";
import { NO_FILTER } from "../live/row_filter.ts";
import { hrefOf } from "../shell/route.ts";
import { Figures } from "./figures.tsx";
import { HoldRows, LogTable, PauseButton } from "./log_table.tsx";

/** Rows of the log that are shown here; the view Log has more. */
const ROWS = 14;

/** The first view. */
export function OverviewView() {
  return (
    <div class="overview">
      <Figures />
      <div class="overview-main">
        <TrafficChart />
        <RecentLog />
      </div>
      <div class="overview-side">
        <TopAddresses />
        <BansCard />
        <FeedsCard />
        <RulesCard />
      </div>
    </div>
  );
}

function RecentLog() {
  return (
    <section class="card" aria-labelledby="recent-title">
      <header class="card-head">
        <h2 id="recent-title">Recent packets</h2>
        {isFiltered() && (
          <button type="button" onClick={() => setFilter(NO_FILTER)}>
            Filtered: show everything
          </button>
        )}
        <PauseButton />
        <a href={hrefOf("log")}>Whole log</a>
      </header>
      <HoldRows>
        <LogTable rows={shownRows.value.slice(0, ROWS)} isLive />
      </HoldRows>
    </section>
  );
}
