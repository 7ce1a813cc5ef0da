/** The log: live, or what the database remembers. */
import { useState } from "preact/hooks";
import { filter, isFiltered, setFilter, shownRows } from "../live/log_feed.ts";
import { NO_FILTER } from "../live/row_filter.ts";
import { rates } from "../live/state.ts";
import { Choice, Field } from "../parts/fields.tsx";
import { ReasonField } from "../parts/reason_field.tsx";
import { type Route, route } from "../shell/route.ts";
import { formatRate } from "../text/number.ts";
import { HoldRows, LogTable, PauseButton } from "./log_table.tsx";
import { Search } from "./log_search.tsx";

type Kind = "live" | "search";

/** Both logs: what somebody chose holds until a link, or the way back, asks for one of them. */
export function Log() {
  const at = route.value;
  const { ip } = at.params;
  const [chosen, setChosen] = useState<{ readonly at: Route; readonly kind: Kind } | null>(null);
  const kind = chosen?.at === at ? chosen.kind : ip ? "search" : "live";
  return (
    <section class="card log" aria-label="Log">
      <header class="card-head">
        <Choice
          label="Which log"
          options={[["live", "Live"], ["search", "Search the database"]]}
          value={kind}
          onChoose={(value: Kind) => setChosen({ at, kind: value })}
        />
        {kind === "live" && <PauseButton />}
      </header>
      {kind === "live" ? <Live /> : <Search key={at} ip={ip ?? ""} />}
    </section>
  );
}

function Live() {
  const { text, action, reason } = filter.value;
  const { unshown } = rates.value;
  return (
    <>
      <div class="filters" role="search" aria-label="Filter the live log">
        <Field label="Filter">
          {(ids) => (
            <input
              {...ids}
              type="search"
              placeholder="address, port, protocol, reason…"
              autocomplete="off"
              spellcheck={false}
              value={text}
              onInput={(event) => setFilter({ text: event.currentTarget.value })}
            />
          )}
        </Field>
        <Field label="What">
          {(ids) => (
            <select
              {...ids}
              value={action}
              onChange={(event) =>
                setFilter({ action: event.currentTarget.value as typeof action })}
            >
              <option value="">everything</option>
              <option value="blocked">blocked</option>
              <option value="allowed">allowed</option>
            </select>
          )}
        </Field>
        <ReasonField value={reason} onChoose={(value) => setFilter({ reason: value })} />
        {isFiltered() && (
          <button type="button" onClick={() => setFilter(NO_FILTER)}>Show everything</button>
        )}
      </div>
      {unshown >= 0.5 && (
        <p class="hint">
          {formatRate(unshown)}{" "}
          packets a second are counted but not listed: the live log shows a part of heavy traffic.
        </p>
      )}
      <HoldRows>
        <LogTable rows={shownRows.value} isLive />
      </HoldRows>
    </>
  );
}
