/** Allowed and blocked over time, with a legend that is a table of the same figures. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Span } from "../../contract.ts";
import { loadChart, spanData } from "../live/chart_data.ts";
import { serverNow } from "../live/clock.ts";
import { chartVersion, link, mode, span } from "../live/state.ts";
import { Choice } from "../parts/fields.tsx";
import { formatCount, formatRate } from "../text/number.ts";
import { BLOCKING, REASON_NAMES } from "../text/reason.ts";
import { exactTime } from "../text/time.ts";
import { Canvas } from "./canvas.tsx";
import { type Columns, toColumns } from "./columns.ts";
import { allowedPanel, blockedPanel } from "./panel.ts";

const SPAN_NAMES: Readonly<Record<Span, string>> = {
  "5m": "5 minutes",
  "1h": "1 hour",
  "24h": "24 hours",
};
const SPANS = Object.entries(SPAN_NAMES) as [Span, string][];

/** The chart with its choice of spans. */
export function TrafficChart() {
  const which = span.value;
  const version = chartVersion.value;
  const [point, setPoint] = useState<number | undefined>(undefined);
  useEffect(() => {
    if (!spanData(which) && link.peek().kind === "live") loadChart();
  }, [which]);
  const data = spanData(which);
  const columns = useMemo(
    () => data && toColumns(data, serverNow()),
    [which, version, data],
  );
  return (
    <section class="card chart" aria-labelledby="chart-title">
      <header class="card-head">
        <h2 id="chart-title">Traffic</h2>
        <Choice
          label="Span of the chart"
          options={SPANS}
          value={which}
          onChoose={(value) => span.value = value}
        />
      </header>
      {columns && columns.at.length > 0
        ? <Panels columns={columns} point={point} onPoint={setPoint} />
        : <p class="quiet chart-wait">Asking for the figures…</p>}
    </section>
  );
}

function Panels(
  { columns, point, onPoint }: {
    readonly columns: Columns;
    readonly point: number | undefined;
    onPoint(point: number | undefined): void;
  },
) {
  const { at, allowed, stacked } = columns;
  const allowedData = useMemo(() => [at, allowed] as [number[], number[]], [columns]);
  const blockedData = useMemo(() => [at, ...stacked] as [number[], ...number[][]], [columns]);
  const blockedWord = mode.value === "monitor" ? "Would block" : "Blocked";
  const spanName = SPAN_NAMES[span.value];
  return (
    <>
      <h3 class="panel-title">
        <span class="swatch reason-allowed" aria-hidden="true" />
        Allowed <span class="quiet">packets/s</span>
      </h3>
      <Canvas
        label={`Allowed packets a second, last ${spanName}: at most ${formatRate(most(allowed))}`}
        data={allowedData}
        panel={allowedPanel}
        onPoint={onPoint}
      />
      <h3 class="panel-title">
        {blockedWord} by reason <span class="quiet">packets/s</span>
      </h3>
      <Canvas
        label={`${blockedWord} packets a second by reason, last ${spanName}: at most ${
          formatRate(most(stacked[0]))
        }. The table below has the sums.`}
        data={blockedData}
        panel={blockedPanel}
        onPoint={onPoint}
      />
      <Legend columns={columns} point={point} />
    </>
  );
}

/** Sums over the span; or, where somebody points at the chart, that moment's figures. */
function Legend(
  { columns, point }: { readonly columns: Columns; readonly point: number | undefined },
) {
  const { at, allowed, blocked, sums } = columns;
  const index = point !== undefined && point < at.length ? point : undefined;
  const show = (sum: number, rates: readonly number[]) =>
    index === undefined ? formatCount(sum) : `${formatRate(rates[index])}/s`;
  return (
    <table class="legend">
      <caption>
        {index === undefined
          ? `Packets in the last ${SPAN_NAMES[span.value]}`
          : `At ${exactTime(at[index] * 1_000)}`}
      </caption>
      <tbody>
        <LegendRow name="Allowed" code="allowed" value={show(sums.allowed, allowed)} />
        {BLOCKING.map((reason, row) => (
          <LegendRow
            key={reason}
            name={REASON_NAMES[reason]}
            code={reason}
            value={show(sums.blocked[row], blocked[row])}
          />
        ))}
      </tbody>
    </table>
  );
}

function LegendRow(
  { name, code, value }: { readonly name: string; readonly code: string; readonly value: string },
) {
  return (
    <tr>
      <th scope="row">
        <span class={`swatch reason-${code}`} aria-hidden="true" />
        {name}
      </th>
      <td>{value}</td>
    </tr>
  );
}

function most(values: readonly number[]): number {
  return values.reduce((highest, value) => Math.max(highest, value), 0);
}
