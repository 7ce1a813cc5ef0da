/** The small cards beside the chart. */
import type { ComponentChildren } from "preact";
import type { BanView, RuleView, ThreatsAnswer } from "../../contract.ts";
import { now } from "../live/clock.ts";
import { bans, overview, summary, useResource } from "../live/resource.ts";
import { Address } from "../parts/address.tsx";
import { Problem } from "../parts/problem.tsx";
import { Empty, Foreign, Reason, Time } from "../parts/text.tsx";
import { hrefOf, type ViewName } from "../shell/route.ts";
import { formatCount, plural } from "../text/number.ts";
import { formatSpan } from "../text/time.ts";

type FeedState = ThreatsAnswer["feeds"][number];

/** Rows of each card; the view that it leads to has all. */
const MOST = 6;

function Card(
  { title, view, link, children }: {
    readonly title: string;
    readonly view: ViewName;
    readonly link: string;
    readonly children: ComponentChildren;
  },
) {
  const id = `card-${view}`;
  return (
    <section class="card" aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        <a href={hrefOf(view)}>{link}</a>
      </header>
      {children}
    </section>
  );
}

/** Who was blocked most. */
export function TopAddresses() {
  const answer = useResource(summary, 5);
  const top = answer?.topBlocked ?? [];
  const most = Math.max(1, ...top.map((one) => one.blocked + one.wouldBlock));
  return (
    <Card title="Top blocked addresses" view="log" link="Log">
      <Problem of={summary} />
      {answer && top.length === 0 && <Empty title="Nobody was blocked yet." />}
      <ol class="top">
        {top.map(({ address, blocked, wouldBlock, reasonCode, lastSeen }) => (
          <li key={address}>
            <meter
              min={0}
              max={most}
              value={blocked + wouldBlock}
              aria-hidden="true"
              class={`reason-${reasonCode}`}
            />
            <Address address={address} />
            <span class="top-count">{formatCount(blocked + wouldBlock)}</span>
            <span class="top-more">
              <Reason code={reasonCode} /> <Time at={lastSeen} />
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** Bans that run out last are not the point: the newest are. */
export function Bans() {
  const answer = useResource(bans, 30);
  const list = [...answer?.bans ?? []].sort((a, b) => b.since.localeCompare(a.since));
  return (
    <Card title="Bans" view="bans" link={list.length > MOST ? `All ${list.length}` : "All bans"}>
      <Problem of={bans} />
      {answer && list.length === 0 && <Empty title="Nobody is banned." />}
      <ul class="brief">
        {list.slice(0, MOST).map((ban) => <BanLine key={ban.address} ban={ban} />)}
      </ul>
    </Card>
  );
}

function BanLine({ ban }: { readonly ban: BanView }) {
  const left = (Date.parse(ban.until) - now.value) / 1_000;
  return (
    <li>
      <Address address={ban.address} />
      <span class="brief-end">{left > 0 ? `${formatSpan(left)} left` : "ending"}</span>
      <span class="brief-more">
        <Foreign text={ban.reason} />
      </span>
    </li>
  );
}

/** Whether the feeds are well. */
export function Feeds() {
  const feeds = overview.value.value?.status.feeds ?? [];
  const inUse = feeds.filter(({ enabled }) => enabled);
  return (
    <Card title="Threat feeds" view="feeds" link="All feeds">
      {inUse.length === 0 && <Empty title="No feed is switched on." />}
      <ul class="brief">
        {inUse.slice(0, MOST).map((feed) => <FeedLine key={feed.name} feed={feed} />)}
      </ul>
    </Card>
  );
}

function FeedLine({ feed }: { readonly feed: FeedState }) {
  return (
    <li>
      <Foreign text={feed.name} class="brief-name" />
      <span class="brief-end">{formatCount(feed.entries)}</span>
      <span class={`brief-more${feed.error ? " brief-bad" : ""}`}>
        {feed.error ? <Foreign text={`Failed: ${feed.error}`} /> : (
          <>
            entries, checked <Time at={feed.checkedAt ?? ""} />
          </>
        )}
      </span>
    </li>
  );
}

/** The rules that matched most. */
export function RulesCard() {
  const rules = overview.value.value?.config.rules ?? [];
  const busy = [...rules].sort((a, b) => b.packets - a.packets).slice(0, MOST);
  return (
    <Card title="Busiest rules" view="rules" link={plural(rules.length, "rule")}>
      {rules.length === 0 && <Empty title="There are no rules." />}
      <ul class="brief">{busy.map((rule) => <RuleLine key={rule.number} rule={rule} />)}</ul>
    </Card>
  );
}

function RuleLine({ rule: { number, rule, packets } }: { readonly rule: RuleView }) {
  return (
    <li>
      <span class="brief-name">
        <span class="quiet">{number}</span> <Foreign text={rule.name} />
      </span>
      <span class="brief-end">{formatCount(packets)}</span>
      <span class="brief-more">
        {rule.action === "block" ? "blocks" : "allows"}
        {rule.enabled ? "" : ", switched off"}
      </span>
    </li>
  );
}
