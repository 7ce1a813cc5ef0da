/** Who is banned, why, and for how long. */
import { useState } from "preact/hooks";
import type { BanView } from "../../contract.ts";
import { banTarget } from "../change/ban_target.ts";
import { changeBans, type ChangeOutcome } from "../change/change.ts";
import { now } from "../live/clock.ts";
import { bans, useResource } from "../live/resource.ts";
import { Address } from "../parts/address.tsx";
import { Evidence } from "../parts/evidence.tsx";
import { useAction } from "../parts/fields.tsx";
import { besideRow, moveOn } from "../parts/focus.ts";
import { Icon } from "../parts/icon.tsx";
import { Problem } from "../parts/problem.tsx";
import { Empty, Foreign, Time, Told } from "../parts/text.tsx";
import { formatCount, plural } from "../text/number.ts";
import { exactTime, formatSpan } from "../text/time.ts";

const CAUSES: Readonly<Record<string, string>> = {
  manual: "By hand",
  port_scan: "Port scan",
  syn_flood: "SYN flood",
  blocked_hits: "Blocked again and again",
  connection_burst: "Burst of logins",
};

/** More rows would only be slow: whoever looks for one of thousands searches. */
const MOST = 500;

/** The view. */
export function Bans() {
  const answer = useResource(bans, 15);
  const [search, setSearch] = useState("");
  const { isBusy, outcome, run, clear } = useAction<ChangeOutcome>();
  const list = (answer?.bans ?? []).filter(({ address, reason }) =>
    `${address} ${reason}`.toLowerCase().includes(search.trim().toLowerCase())
  );
  const remove = async (address: string, button: HTMLElement) => {
    const beside = besideRow(button);
    const result = await run(() =>
      changeBans("/bans/remove", { addresses: [address] }, { toldIn: "view" })
    );
    if (result?.done) moveOn(button, beside);
  };
  return (
    <section class="card" aria-labelledby="bans-title">
      <header class="card-head">
        <h2 id="bans-title">Bans</h2>
        {answer && <span class="quiet">{plural(answer.bans.length, "ban")}</span>}
        <input
          type="search"
          aria-label="Search the bans"
          placeholder="search"
          value={search}
          onInput={(event) => {
            setSearch(event.currentTarget.value);
            clear();
          }}
        />
        <button type="button" class="primary" onClick={() => banTarget.value = ""}>
          <Icon name="plus" size={16} /> Ban
        </button>
      </header>
      <p class="hint">
        Timed blocks: detectors make them by themselves, and so can you. The kernel ends each on
        time.
      </p>
      <Told outcome={outcome} />
      <Problem of={bans} />
      {answer && list.length === 0 && (
        <Empty title={search ? "No ban has that in it." : "Nobody is banned."}>
          Scans, floods and guessed logins lead to bans by themselves.
        </Empty>
      )}
      <ul class="bans">
        {list.slice(0, MOST).map((ban) => (
          <Ban
            key={ban.address}
            ban={ban}
            isBusy={isBusy}
            onRemove={(button) => remove(ban.address, button)}
          />
        ))}
      </ul>
      {list.length > MOST && (
        <p class="hint">{formatCount(list.length - MOST)} more; search for those.</p>
      )}
    </section>
  );
}

function Ban(
  { ban, isBusy, onRemove }: {
    readonly ban: BanView;
    readonly isBusy: boolean;
    onRemove(button: HTMLElement): void;
  },
) {
  const { address, cause, reason, evidence, since, until, offences } = ban;
  const begin = Date.parse(since), end = Date.parse(until);
  const left = (end - now.value) / 1_000;
  return (
    <li class="ban">
      <div class="ban-head">
        <Address address={address} />
        <span class="tag">{CAUSES[cause] ?? cause}</span>
        {offences > 1 && <span class="tag">time no. {offences}</span>}
        <span class="ban-left" title={`Until ${exactTime(end)}`}>
          {left > 0 ? `${formatSpan(left)} left` : "ending"}
        </span>
        <button
          type="button"
          aria-disabled={isBusy}
          aria-label={`Lift the ban of ${address}`}
          onClick={(event) => onRemove(event.currentTarget)}
        >
          Lift
        </button>
      </div>
      <progress
        aria-hidden="true"
        max={1}
        value={Math.max(0, Math.min(1, left * 1_000 / Math.max(1, end - begin)))}
      />
      <p class="ban-reason">
        <Foreign text={reason} />{" "}
        <span class="quiet">
          since <Time at={since} />
        </span>
      </p>
      <details>
        <summary>Evidence</summary>
        <Evidence evidence={evidence} />
      </details>
    </li>
  );
}
