/** Which rows of the log somebody wants to see. */
import type { LiveRow, ReasonCode } from "../../contract.ts";

/** Rows that the page never got, because the connection was gone for too long. */
export interface Gap {
  readonly seq: number;
  readonly at: number;
  readonly gap: number;
}

/** What the log lists. */
export type LogEntry = LiveRow | Gap;

/** Which rows are shown; what is empty does not matter. */
export interface RowFilter {
  readonly text: string;
  readonly action: "" | "allowed" | "blocked";
  readonly reason: "" | ReasonCode;
}

/** Lets everything through. */
export const NO_FILTER: RowFilter = { text: "", action: "", reason: "" };

/** Tells whether a row passes; every word of the text must be somewhere in it. */
export function rowTest({ text, action, reason }: RowFilter): (row: LogEntry) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => {
    if ("gap" in row) return words.length === 0;
    if (action && (row.action === "allowed") !== (action === "allowed")) return false;
    if (reason && row.reason_code !== reason) return false;
    if (words.length === 0) return true;
    const all = searched(row);
    return words.every((word) => all.includes(word));
  };
}

function searched(row: LiveRow): string {
  const { src_ip, dst_ip, src_port, dst_port, protocol, reason, direction } = row;
  const ends = `${src_ip}:${src_port} ${dst_ip}:${dst_port}`;
  return `${ends} ${protocol} ${reason} ${direction} ${row.interface}`.toLowerCase();
}
