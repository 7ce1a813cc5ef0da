/** The blacklist and the whitelist. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChangeList, ListHead } from "../../contract.ts";
import { errorText, get } from "../api.ts";
import { change, type ChangeOutcome } from "../change/change.ts";
import { overview, reloads } from "../live/resource.ts";
import { Address } from "../parts/address.tsx";
import { Field, useAction } from "../parts/fields.tsx";
import { besideRow, moveOn } from "../parts/focus.ts";
import { Icon } from "../parts/icon.tsx";
import { Empty, Told } from "../parts/text.tsx";
import { formatCount, plural } from "../text/number.ts";
import { visible } from "../text/visible.ts";

type ListName = "blacklist" | "whitelist";

const TEXTS: Readonly<Record<ListName, { title: string; hint: string; empty: string }>> = {
  blacklist: {
    title: "Blacklist",
    hint: "Always blocked, both ways, unless whitelisted.",
    empty: "Nobody is on the blacklist.",
  },
  whitelist: {
    title: "Whitelist",
    hint: "Always allowed, before anything else is asked.",
    empty: "Nobody is on the whitelist.",
  },
};

/** Both lists, side by side where there is room. */
export function Lists() {
  return (
    <div class="columns">
      <List name="blacklist" />
      <List name="whitelist" />
    </div>
  );
}

/** Milliseconds without a key before a search is asked for. */
const TYPING = 250;

function List({ name }: { readonly name: ListName }) {
  const { title, hint, empty } = TEXTS[name];
  const [search, setSearch] = useState("");
  const { head, error, more } = usePages(name, search);
  const { isBusy, outcome, run, clear } = useAction<ChangeOutcome>();
  const label = `Add to the ${name}`;
  const problem = outcome?.problems?.[label];
  const told = { toldIn: "view", labels: { add: label } } as const;
  const send = (body: ChangeList) => run(() => change<ChangeList>(`/lists/${name}`, body, told));
  const remove = async (entry: string, button: HTMLElement) => {
    const beside = besideRow(button);
    if ((await send({ remove: [entry] }))?.done) moveOn(button, beside);
  };
  return (
    <section class="card" aria-labelledby={`${name}-title`}>
      <header class="card-head">
        <h2 id={`${name}-title`}>{title}</h2>
        <span class="quiet">
          {head && plural(head.total, search ? "match" : "entry", search ? "matches" : "entries")}
        </span>
      </header>
      <p class="hint">{hint}</p>
      <AddForm label={label} problem={problem} isBusy={isBusy} send={send} />
      {!problem && <Told outcome={outcome ?? (error ? { tone: "bad", text: error } : null)} />}
      <Field label={`Search the ${name}`}>
        {(ids) => (
          <input
            {...ids}
            type="search"
            class="mono"
            placeholder="part of an address"
            autocomplete="off"
            spellcheck={false}
            value={search}
            onInput={(event) => {
              setSearch(event.currentTarget.value);
              clear();
            }}
          />
        )}
      </Field>
      {head?.total === 0 && <Empty title={search ? "No entry has that in it." : empty} />}
      <ul class="entries" aria-label={`Entries of the ${name}`}>
        {head?.entries.map((entry) => (
          <li key={entry}>
            <Address address={entry} />
            <button
              type="button"
              class="plain"
              aria-disabled={isBusy}
              aria-label={`Remove ${visible(entry)} from the ${name}`}
              onClick={(event) => remove(entry, event.currentTarget)}
            >
              <Icon name="trash" size={16} />
            </button>
          </li>
        ))}
      </ul>
      {head && head.entries.length < head.total && (
        <button type="button" onClick={more}>
          Show more ({formatCount(head.total - head.entries.length)} left)
        </button>
      )}
    </section>
  );
}

function AddForm(
  { label, problem, isBusy, send }: {
    readonly label: string;
    readonly problem?: string;
    readonly isBusy: boolean;
    send(body: ChangeList): Promise<ChangeOutcome | undefined>;
  },
) {
  const [text, setText] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const add = text.split(/[\s,;]+/).filter(Boolean);
    if (add.length > 0 && (await send({ add }))?.done) setText("");
  };
  return (
    <form class="add" onSubmit={submit}>
      <Field label={label} problem={problem} hint="One or many addresses or ranges.">
        {(ids) => (
          <input
            {...ids}
            class="mono"
            required
            placeholder="203.0.113.7 2001:db8::/32"
            autocomplete="off"
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <button type="submit" class="primary" aria-disabled={isBusy}>Add</button>
    </form>
  );
}

/**
 * The entries that match, a page at a time; begun anew when the search changes, and asked for again,
 * as many as were shown, when the list may be another.
 */
function usePages(name: ListName, search: string) {
  const [head, setHead] = useState<ListHead & { readonly search: string } | null>(null);
  const [error, setError] = useState("");
  const asked = useRef(0);
  const config = overview.value.value?.config[name];
  const shown = head?.search === search ? head.entries : [];
  const load = async (before: readonly string[], wanted: number) => {
    const question = ++asked.current;
    const entries = [...before];
    try {
      let page: ListHead;
      do {
        const offset = String(entries.length);
        const query = new URLSearchParams({ search: search.trim(), offset });
        page = await get<ListHead>(`/lists/${name}?${query}`);
        if (question !== asked.current) return;
        entries.push(...page.entries);
      } while (page.entries.length > 0 && entries.length < Math.min(wanted, page.total));
      setHead({ ...page, entries, search });
      setError("");
    } catch (problem) {
      if (question === asked.current) setError(errorText(problem));
    }
  };
  useEffect(() => {
    const timer = setTimeout(() => load([], shown.length), search ? TYPING : 0);
    return () => clearTimeout(timer);
  }, [search, config?.total, config?.entries.join(), reloads.value]);
  return { head, error, more: () => load(shown, shown.length + 1) };
}
