/** Rows of the log as a table; on a narrow page each row becomes a card. */
import { Component, type ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { LiveRow } from "../../contract.ts";
import { filter, pause, setPause, waitingRows } from "../live/log_feed.ts";
import type { LogEntry } from "../live/row_filter.ts";
import { Address } from "../parts/address.tsx";
import { Icon } from "../parts/icon.tsx";
import { Action, Empty, Foreign, Reason } from "../parts/text.tsx";
import { formatCount } from "../text/number.ts";
import { clockTime, exactTime, shortTime } from "../text/time.ts";
import { visible } from "../text/visible.ts";

/** What a row of the live log and one of the database have in common. */
export type ShownRow = Omit<LiveRow, "seq"> & { readonly seq: number };

/** The table. Newest first. */
export function LogTable(
  { rows, isLive }: { readonly rows: readonly LogEntry[]; readonly isLive?: boolean },
) {
  if (rows.length === 0) {
    return (
      <Empty title={isLive ? "No packets yet." : "No such rows."}>
        {isLive
          ? "They appear here as soon as there is traffic that the filter lets through."
          : "Search a longer time, or with fewer conditions."}
      </Empty>
    );
  }
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Rows of the log">
      <table class="table log-table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">What</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Protocol</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>{rows.map((row) => <Row key={row.seq} row={row} isLive={isLive} />)}</tbody>
      </table>
    </div>
  );
}

/** A row never changes, so it is drawn once. */
class Row extends Component<{ readonly row: LogEntry; readonly isLive?: boolean }> {
  override shouldComponentUpdate({ row }: { readonly row: LogEntry }): boolean {
    return row !== this.props.row;
  }

  override render() {
    const { row, isLive } = this.props;
    if ("gap" in row) return <GapRow count={row.gap} />;
    return (
      <tr class={`log-${row.action}`}>
        <td class="log-time" title={exactTime(row.at)}>
          {isLive ? clockTime(row.at) : shortTime(row.at, Date.now())}
        </td>
        <td class="log-action">
          <Action action={row.action} />
          {row.hits > 1 && (
            <span class="hits" title={`${formatCount(row.hits)} packets share this row`}>
              ×{formatCount(row.hits)}
            </span>
          )}
        </td>
        <td class="log-from">
          <Address address={row.src_ip} port={row.src_port} />
        </td>
        <td class="log-to">
          <span class="log-arrow" aria-hidden="true">→</span>
          <Address address={row.dst_ip} port={row.dst_port} />
        </td>
        <td class="log-protocol">
          <Foreign text={row.protocol ?? "?"} />
          <Way row={row} />
        </td>
        <td class="log-why" title={visible(row.reason)}>
          <Reason code={row.reason_code} detail={row.reason} />
        </td>
      </tr>
    );
  }
}

function Way({ row: { direction, interface: device } }: { readonly row: LiveRow }) {
  const isIn = direction === "incoming", hasIcon = isIn || direction === "outgoing";
  return (
    <span class="way" title={visible(device ? `${direction}, ${device}` : direction)}>
      {hasIcon && <Icon name={isIn ? "into" : "out"} size={13} />}
      <span class={hasIcon ? "way-name" : ""}>{direction}</span>
      {device && (
        <span class="way-name">
          {" "}
          <Foreign text={device} />
        </span>
      )}
    </span>
  );
}

function GapRow({ count }: { readonly count: number }) {
  return (
    <tr class="log-gap">
      <td colSpan={6}>
        {formatCount(count)} rows are missing here: the connection was gone. The search has them.
      </td>
    </tr>
  );
}

/** Stops the log, or lets it go on. */
export function PauseButton() {
  const isStopped = pause.value === "paused" || pause.value === "deep";
  const waiting = formatCount(waitingRows.value);
  return (
    <span class="pause">
      {pause.value === "hold" && waitingRows.value > 0 && (
        <span class="quiet">held, {waiting} new</span>
      )}
      <button
        type="button"
        aria-pressed={isStopped ? "true" : "false"}
        onClick={isStopped ? goOn : () => setPause("paused")}
      >
        <Icon name={isStopped ? "play" : "pause"} size={16} />
        {isStopped ? `Go on (${waiting} new)` : "Pause"}
      </button>
    </span>
  );
}

function goOn(): void {
  toNewest();
  setPause("no");
}

function toNewest(): void {
  for (const table of document.querySelectorAll(".log-table")) table.parentElement!.scrollTop = 0;
}

/** How long rows stand still after the last move, in milliseconds. */
const HOLD = 4_000;

/**
 * Holds the rows while somebody points at them, or goes through them with the keyboard: nobody can
 * hit what moves away. Not for ever: a mouse that was left there must not stop the log. While older
 * rows are scrolled to, they stay.
 */
export function HoldRows({ children }: { readonly children: ComponentChildren }) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const release = () => {
    clearTimeout(timer.current);
    if (pause.peek() === "hold") setPause("no");
  };
  const hold = () => {
    const now = pause.peek();
    if (now !== "no" && now !== "hold") return;
    setPause("hold");
    clearTimeout(timer.current);
    timer.current = setTimeout(release, HOLD);
  };
  const followScroll = ({ target }: Event) => {
    if (pause.peek() === "paused") return;
    if ((target as Element).scrollTop > 0) return setPause("deep");
    // Where the log goes on already, the page itself scrolled to the newest rows.
    if (pause.peek() !== "deep") return;
    setPause("no");
    hold();
  };
  useEffect(toNewest, [filter.value]);
  useEffect(() => () => {
    clearTimeout(timer.current);
    if (pause.peek() !== "paused") setPause("no");
  }, []);
  return (
    <div
      onPointerMove={(event) => event.pointerType === "mouse" && hold()}
      onPointerLeave={release}
      onKeyDown={hold}
      onScrollCapture={followScroll}
    >
      {children}
    </div>
  );
}
