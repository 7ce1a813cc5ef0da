/** The threat feeds: how each one is, and fetching it now. */
import { useEffect } from "preact/hooks";
import type { ChangeFeed, ThreatsAnswer } from "../../contract.ts";
import { ApiError, errorText, post } from "../api.ts";
import { change, type ChangeOutcome } from "../change/change.ts";
import { threats, useResource } from "../live/resource.ts";
import { mode } from "../live/state.ts";
import { Fact } from "../parts/fact.tsx";
import { Switch, useAction } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { notify, type Outcome } from "../parts/notices.ts";
import { Problem } from "../parts/problem.tsx";
import { Empty, Foreign, Time, Told } from "../parts/text.tsx";
import { formatBytes, formatCount, plural } from "../text/number.ts";
import { formatSpan } from "../text/time.ts";
import { visible } from "../text/visible.ts";

type FeedState = ThreatsAnswer["feeds"][number];

/** Milliseconds between two looks at an update that is under way. */
const LOOK = 1_000;

/** The view. */
export function Feeds() {
  const answer = useResource(threats, 15);
  const update = useAction<Outcome>();
  const isUpdating = answer?.updating ?? false;
  useEffect(() => {
    if (!isUpdating) return;
    const timer = setInterval(() => threats.load(), LOOK);
    return () => clearInterval(timer);
  }, [isUpdating]);
  const begin = async (names?: readonly string[]) => {
    if (!isUpdating) await update.run(() => beginUpdate(names));
  };
  return (
    <section class="card" aria-labelledby="feeds-title">
      <header class="card-head">
        <h2 id="feeds-title">Threat feeds</h2>
        {answer && <span class="quiet">{entriesText(answer.entries)}</span>}
        <button
          type="button"
          class="primary"
          aria-disabled={isUpdating || update.isBusy}
          onClick={() => begin()}
        >
          <Icon name="refresh" size={16} /> {isUpdating ? "Updating…" : "Update all"}
        </button>
      </header>
      <p class="hint">
        Addresses that others know as hostile; they are blocked both ways.
        {mode.value === "monitor" && " pfw only monitors: nothing is enforced."}
      </p>
      <Told outcome={update.outcome} />
      <Problem of={threats} />
      {answer?.fault && (
        <Told
          outcome={{
            tone: "bad",
            text: `The kernel does not have the newest lists: ${answer.fault}`,
          }}
        />
      )}
      {answer?.feeds.length === 0 && (
        <Empty title="No feeds are configured.">
          Name some under threat_feeds in the configuration file.
        </Empty>
      )}
      <ul class="feeds">
        {answer?.feeds.map((feed) => (
          <Feed key={feed.name} feed={feed} isUpdating={isUpdating} begin={begin} />
        ))}
      </ul>
    </section>
  );
}

function entriesText(entries: number): string {
  const state = mode.value === "monitor" ? "loaded" : "in force";
  return `${plural(entries, "entry", "entries")} ${state}`;
}

async function beginUpdate(names?: readonly string[]): Promise<Outcome> {
  const outcome = await post<ThreatsAnswer>("/threats/update", names ? { names } : {}).then(
    (answer): Outcome => {
      threats.value.value = answer;
      return { tone: "info", text: "The update began; the lists take effect as they arrive." };
    },
    (error: ApiError): Outcome => ({ tone: "bad", text: errorText(error) }),
  );
  notify(outcome, true);
  await threats.load();
  return outcome;
}

const STATUS: Readonly<Record<FeedState["status"], readonly [string, string]>> = {
  never: ["No copy yet", "warn"],
  fetching: ["Fetching", "info"],
  ok: ["Up to date", "good"],
  kept: ["Failed, the old copy stays", "bad"],
  disabled: ["Switched off", "quiet"],
};

function Feed(
  { feed, isUpdating, begin }: {
    readonly feed: FeedState;
    readonly isUpdating: boolean;
    begin(names: readonly string[]): Promise<unknown>;
  },
) {
  const { name, url, enabled, interval, status, error, entries, receivedBytes } = feed;
  const { isBusy, outcome, run } = useAction<ChangeOutcome>();
  const [word, kind] = STATUS[status];
  return (
    <li class="feed">
      <div class="feed-head">
        <h3>
          <Foreign text={name} />
        </h3>
        <span class={`tag tag-${kind}`}>
          {word}
          {status === "fetching" && receivedBytes > 0 && ` ${formatBytes(receivedBytes)}`}
        </span>
        <button
          type="button"
          disabled={!enabled}
          aria-disabled={isUpdating}
          aria-label={`Update ${visible(name)}`}
          onClick={() => begin([name])}
        >
          Update
        </button>
        <Switch
          label={`Feed ${visible(name)}`}
          isOn={enabled}
          isBusy={isBusy}
          onSwitch={(isOn) =>
            run(() => change<ChangeFeed>("/feeds", { name, enabled: isOn }, { toldIn: "view" }))
              .then(() => {
                threats.load();
              })}
        />
      </div>
      <p class="feed-url quiet">
        <Foreign text={url} />
      </p>
      {error && <Told outcome={{ tone: "bad", text: error }} />}
      <dl class="facts">
        <Fact name="entries">{formatCount(entries)}</Fact>
        <Fact name="refused">{refusedText(feed)}</Fact>
        <Fact name="fetched">
          <Time at={feed.fetchedAt ?? ""} />
        </Fact>
        <Fact name="checked">
          <Time at={feed.checkedAt ?? ""} />
        </Fact>
        <Fact name="next">
          {enabled ? <Time at={feed.nextAt ?? ""} /> : "not while it is off"}
        </Fact>
        <Fact name="every">{formatSpan(interval)}</Fact>
        <Fact name="form">{feed.foundFormat ?? feed.format}</Fact>
      </dl>
      <Told outcome={outcome} />
    </li>
  );
}

/** `12 (10 private, 2 malformed)` */
function refusedText({ refused }: FeedState): string {
  const causes = Object.entries(refused).filter(([, count]) => count > 0);
  const sum = causes.reduce((all, [, count]) => all + count, 0);
  if (sum === 0) return "none";
  const named = causes.map(([cause, count]) => `${formatCount(count)} ${cause.replace(/_/g, " ")}`);
  return `${formatCount(sum)} (${named.join(", ")})`;
}
