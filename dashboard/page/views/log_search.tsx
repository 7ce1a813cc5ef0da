/** Asks the database for rows. */
import { useEffect, useState } from "preact/hooks";
import type { LogRow, LogsAnswer, ReasonCode } from "../../contract.ts";
import { errorText, get } from "../api.ts";
import type { LogEntry } from "../live/row_filter.ts";
import { Field } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import type { Outcome } from "../parts/notices.ts";
import { say } from "../parts/notices.ts";
import { ReasonField } from "../parts/reason_field.tsx";
import { PortField } from "../parts/port_field.tsx";
import { Told } from "../parts/text.tsx";
import { plural } from "../text/number.ts";
import { LogTable } from "./log_table.tsx";

/** What is asked for; what is empty does not matter. */
interface Question {
  readonly type: "blocked" | "allowed";
  readonly ip: string;
  readonly port: string;
  readonly reason: "" | ReasonCode;
  readonly since: string;
}

/** Rows that come back at most. */
const LIMIT = 300;

const SPANS = [
  ["10m", "10 minutes"],
  ["1h", "hour"],
  ["24h", "24 hours"],
  ["7d", "7 days"],
  ["", "everything kept"],
] as const;

/** The form and what it finds; with an address it searches at once. */
export function Search({ ip }: { readonly ip: string }) {
  const [question, setQuestion] = useState<Question>({
    type: "blocked",
    ip,
    port: "",
    reason: "",
    since: ip ? "7d" : "24h",
  });
  const [rows, setRows] = useState<readonly LogEntry[] | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const search = async () => {
    setOutcome({ tone: "info", text: "Searching…" });
    try {
      const answer = await get<LogsAnswer>(`/logs?${queryOf(question)}`);
      const found = answer.rows.map(toEntry).reverse();
      setRows(found);
      setOutcome(
        found.length === LIMIT
          ? { tone: "info", text: `The ${LIMIT} rows that were written last.` }
          : null,
      );
      say(`${plural(found.length, "row")} found`);
    } catch (error) {
      setOutcome({ tone: "bad", text: errorText(error) });
      say(errorText(error));
    }
  };
  useEffect(() => {
    if (ip) search();
  }, []);
  const set = (change: Partial<Question>) => setQuestion({ ...question, ...change });
  return (
    <>
      <SearchForm question={question} set={set} search={search} />
      <Told outcome={outcome} />
      {rows && <LogTable rows={rows} />}
    </>
  );
}

function queryOf({ type, ip, port, reason, since }: Question): string {
  const given = { ip: ip.trim(), port: port.trim(), reason, since };
  const filled = Object.entries(given).filter(([, value]) => value !== "");
  return new URLSearchParams([["type", type], ["limit", String(LIMIT)], ...filled]).toString();
}

function toEntry(row: LogRow): LogEntry {
  return { ...row, seq: row.id, at: Date.parse(row.timestamp) };
}

function SearchForm(
  { question, set, search }: {
    readonly question: Question;
    set(change: Partial<Question>): void;
    search(): Promise<void>;
  },
) {
  const { type, ip, port, reason, since } = question;
  return (
    <form
      class="filters"
      role="search"
      aria-label="Search the database"
      onSubmit={(event) => {
        event.preventDefault();
        search();
      }}
    >
      <Field label="Rows of">
        {(ids) => (
          <select
            {...ids}
            value={type}
            onChange={(event) => set({ type: event.currentTarget.value as Question["type"] })}
          >
            <option value="blocked">blocked packets</option>
            <option value="allowed">allowed packets (a sample)</option>
          </select>
        )}
      </Field>
      <Field label="Address or range">
        {(ids) => (
          <input
            {...ids}
            class="mono"
            placeholder="any"
            autocomplete="off"
            spellcheck={false}
            value={ip}
            onInput={(event) => set({ ip: event.currentTarget.value })}
          />
        )}
      </Field>
      <PortField value={port} onInput={(value) => set({ port: value })} />
      <ReasonField value={reason} onChoose={(value) => set({ reason: value })} />
      <Field label="In the last">
        {(ids) => (
          <select
            {...ids}
            value={since}
            onChange={(event) => set({ since: event.currentTarget.value })}
          >
            {SPANS.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
          </select>
        )}
      </Field>
      <button type="submit" class="primary">
        <Icon name="search" size={16} /> Search
      </button>
    </form>
  );
}
