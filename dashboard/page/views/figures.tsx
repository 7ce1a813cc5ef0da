/** The large figures, with the last minutes as a line behind them. */
import { useMemo } from "preact/hooks";
import { spanData } from "../live/chart_data.ts";
import { chartVersion, mode, rates, totals } from "../live/state.ts";
import { overview } from "../live/resource.ts";
import { hrefOf } from "../shell/route.ts";
import { formatCount, formatRate, plural } from "../text/number.ts";
import { lostCount } from "./losses.ts";

/** Packets and blocks a second, and the sums. */
export function Figures() {
  const { packets, blocked } = rates.value;
  const sums = totals.value;
  const isMonitor = mode.value === "monitor";
  const blockedSum = sums && (isMonitor ? sums.wouldBlock : sums.blocked);
  return (
    <section class="figures" aria-label="Figures">
      <Figure name="Packets/s" value={formatRate(packets)} line="all" />
      <Figure
        name={isMonitor ? "Would block/s" : "Blocked/s"}
        value={formatRate(blocked)}
        line="blocked"
      />
      <Figure
        name="Packets since start"
        value={sums ? formatCount(sums.packets) : "–"}
        note={sums && `${formatCount(sums.allowed)} allowed`}
      />
      <Figure
        name={isMonitor ? "Would have blocked" : "Blocked since start"}
        value={blockedSum === null ? "–" : formatCount(blockedSum)}
        note={sums && share(blockedSum ?? 0, sums.packets)}
      />
      <Lost />
    </section>
  );
}

function share(part: number, whole: number): string {
  if (whole === 0 || part === 0) return "none of all packets";
  const percent = part / whole * 100;
  return `${percent < 0.1 ? "< 0.1" : percent.toFixed(1)} % of all packets`;
}

function Figure(
  { name, value, note, line }: {
    readonly name: string;
    readonly value: string;
    readonly note?: string | null;
    readonly line?: "all" | "blocked";
  },
) {
  return (
    <div class="card figure">
      <p class="figure-name">{name}</p>
      <p class="figure-value">{value}</p>
      {line ? <Sparkline kind={line} /> : <p class="figure-note">{note ?? "\u00a0"}</p>}
    </div>
  );
}

function Lost() {
  const status = overview.value.value?.status;
  const lost = totals.value?.lost ?? (status ? lostCount(status.losses) : 0);
  const repaired = status?.drift?.repaired ?? 0, failed = status?.drift?.failed ?? 0;
  const drift = failed > 0
    ? `${plural(failed, "change")} by others not repaired`
    : repaired > 0
    ? `${plural(repaired, "change")} by others repaired`
    : "no change by others";
  return (
    <div class={`card figure${lost > 0 || failed > 0 ? " figure-warn" : ""}`}>
      <p class="figure-name">
        <a href={hrefOf("health")}>Lost</a>
      </p>
      <p class="figure-value">{formatCount(lost)}</p>
      <p class="figure-note">{drift}</p>
    </div>
  );
}

const WIDTH = 120, HEIGHT = 28;
/** Points of the line: two minutes, a second each. */
const POINTS = 120;

/** Only to be seen: what it shows stands in the chart and in the figure above. */
function Sparkline({ kind }: { readonly kind: "all" | "blocked" }) {
  const version = chartVersion.value;
  const path = useMemo(() => sparkPath(kind), [version, kind]);
  return (
    <svg
      class={`spark spark-${kind}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={path} />
    </svg>
  );
}

function sparkPath(kind: "all" | "blocked"): string {
  const data = spanData("5m");
  if (!data) return "";
  const end = data.at.length - 1, begin = Math.max(0, end - POINTS);
  const values: number[] = [];
  for (let at = begin; at < end; at++) {
    let sum = kind === "all" ? data.allowed[at] : 0;
    for (const column of data.blocked.values()) sum += column[at];
    values.push(sum);
  }
  const most = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, values.length - 1);
  return values.map((value, at) =>
    `${at === 0 ? "M" : "L"}${(at * step).toFixed(1)} ${
      (HEIGHT - 2 - value / most * (HEIGHT - 4)).toFixed(1)
    }`
  ).join("");
}
