/**
 * What `pfw start` shows while it runs: blocked packets as they come and, on a terminal, one line
 * that is kept up to date. In a pipe, or on a terminal that cannot redraw, plain lines only.
 */
import type { DaemonView } from "../engine/daemon_view.ts";
import { formatAddress } from "../engine/net/address.ts";
import { Mixed } from "../engine/observe/event_buffer.ts";
import { PacketAction } from "../engine/observe/hourly_counts.ts";
import { protocolName } from "../engine/observe/protocol_names.ts";
import { MANY } from "../engine/observe/schema.ts";
import { REASONS, reasonText } from "../engine/policy/verdict.ts";
import { formatCount, paint, printable, tryWriteOut, useColor } from "./output.ts";
import { canDraw, terminalWidth } from "./terminal.ts";

/** The directions in few columns, by number. */
const DIRECTIONS = ["?", "in", "out", "fwd", "local"] as const;

/** Blocked packets shown in full each second; of the rest only the number. */
const LINES_PER_SECOND = 20;
const LINE_INTERVAL = 500;

/** Columns from which on a line need not save any. */
const ROOMY = 100;

/** Prints to standard output. */
export class LiveView {
  readonly #view: DaemonView;
  readonly #canDraw = canDraw();
  #timer: ReturnType<typeof setInterval> | undefined;
  #second = 0;
  #linesLeft = LINES_PER_SECOND;
  #unshown = 0;
  #last = { time: performance.now(), packets: 0 };
  #line = "";

  constructor(view: DaemonView) {
    this.#view = view;
  }

  /** Begins to keep the line up to date. */
  begin(): void {
    if (this.#canDraw) this.#timer = setInterval(() => this.#refresh(), LINE_INTERVAL);
  }

  /** Takes the line away. */
  end(): void {
    clearInterval(this.#timer);
    this.#line = "";
    if (this.#canDraw) tryWriteOut("\r\x1b[K");
  }

  /**
   * Shows the rows that are about to be written. One that was shown before and could not be written
   * is no news; what it stands for since then is, but not when that was.
   */
  showEvents(): void {
    const { blocked } = this.#view;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#nextSecond(second);
    let text = "";
    for (let row = 0; row < blocked.count; row++) {
      const packets = blocked.unshown(row);
      if (packets === blocked.rowHits[row] && this.#linesLeft > 0) {
        this.#linesLeft--;
        text += this.#eventLine(row) + "\n";
      } else {
        this.#unshown += packets;
      }
    }
    if (text) this.#print(text);
  }

  /** Shows what is more than a packet: who was banned, what became of a feed. */
  notice(text: string): void {
    const time = paint("gray", new Date().toTimeString().slice(0, 8));
    this.#print(`${time} ${paint("bold", printable(text))}\n`);
  }

  /** One line for the end. */
  summary(): string {
    const { packets, allowed, blocked, wouldBlock } = this.#view.totals.toJSON();
    const verb = this.#view.enforcement.mode === "enforce" ? "blocked" : "would be blocked";
    const count = this.#view.enforcement.mode === "enforce" ? blocked : wouldBlock;
    return `pfw: stopped: ${formatCount(packets)} packets, ${formatCount(allowed)} allowed, ` +
      `${formatCount(count)} ${verb}`;
  }

  #nextSecond(second: number): void {
    this.#second = second;
    this.#linesLeft = LINES_PER_SECOND;
    if (this.#unshown > 0) {
      const what = this.#view.enforcement.mode === "enforce" ? "blocked" : "to block";
      this.#print(paint("gray", `… and ${formatCount(this.#unshown)} more ${what}`) + "\n");
    }
    this.#unshown = 0;
  }

  #eventLine(row: number): string {
    const { blocked: events, details, enforcement: { mode } } = this.#view;
    const seconds = events.seconds[row] * 1000 + Math.floor(events.microseconds[row] / 1000);
    const code = REASONS[events.reason[row]];
    const reason = reasonText(code, details.at(events.detail[row]).text);
    const before = [
      new Date(seconds).toTimeString().slice(0, 8),
      mode === "enforce" ? "blocked" : "would block",
      this.#aligned(DIRECTIONS[events.direction[row]], 5),
      this.#aligned(protocolName(events.protocol[row]), 6),
      `${this.#endpoint(row, 0)} → ${this.#endpoint(row, 4)}`,
    ];
    const hits = events.rowHits[row] > 1 ? ` ×${formatCount(events.rowHits[row])}` : "";
    const room = terminalWidth() - before.join(" ").length - hits.length - 1;
    return [
      paint("gray", before[0]),
      paint(mode === "enforce" ? "red" : "yellow", before[1]),
      ...before.slice(2),
      paint("cyan", cut(printable(reason), room)) + paint("gray", hits),
    ].join(" ");
  }

  /** Aligned with the lines before, where there is room for the reason all the same. */
  #aligned(text: string, width: number): string {
    return terminalWidth() < ROOMY ? text : text.padEnd(width);
  }

  #endpoint(row: number, offset: number): string {
    const { addresses, family, mixed, sourcePort, destinationPort } = this.#view.blocked;
    if (family[row] === 0) return "?";
    if (mixed[row] & (offset === 0 ? Mixed.source : Mixed.destination)) return MANY;
    const at = 8 * row + offset;
    const [w0, w1, w2, w3] = addresses.subarray(at, at + 4);
    const address = formatAddress(family[row] === 4 ? 4 : 6, w0, w1, w2, w3);
    const [port, isMixed] = offset === 0
      ? [sourcePort[row], mixed[row] & Mixed.sourcePort]
      : [destinationPort[row], mixed[row] & Mixed.destinationPort];
    if (port < 0 || isMixed) return address;
    return family[row] === 4 ? `${address}:${port}` : `[${address}]:${port}`;
  }

  #refresh(): void {
    const { totals, losses, enforcement: { mode } } = this.#view;
    const now = performance.now();
    const rate = (totals.packets - this.#last.packets) / ((now - this.#last.time) / 1000);
    this.#last = { time: now, packets: totals.packets };
    const allowed = totals.volume(PacketAction.allowed).packets;
    const action = mode === "enforce" ? PacketAction.blocked : PacketAction.wouldBlock;
    const blocked = totals.volume(action).packets;
    const lost = losses.ringDrops + losses.interfaceDrops + losses.rowsLost;
    const color = useColor();
    this.#line = [
      paint("bold", `${formatCount(rate)} packets/s`, color),
      paint("green", `${formatCount(allowed)} allowed`, color),
      paint(
        mode === "enforce" ? "red" : "yellow",
        `${formatCount(blocked)} ${mode === "enforce" ? "blocked" : "would block"}`,
        color,
      ),
      lost > 0 ? paint("red", `${formatCount(lost)} lost`, color) : "nothing lost",
    ].join("  ");
    tryWriteOut(`\r${this.#line}\x1b[K`);
  }

  /** Prints above the line. */
  #print(text: string): void {
    tryWriteOut(this.#canDraw ? `\r\x1b[K${text}${this.#line}` : text);
  }
}

/** A text that would wrap ends in an ellipsis; an end that names the reason is worth a few columns. */
function cut(text: string, width: number): string {
  const room = Math.max(width, 12);
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}
