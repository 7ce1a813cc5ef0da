/** The form for a new rule, or for other words of one. */
import { useState } from "preact/hooks";
import type { AddRule, ReplaceRule, RuleView } from "../../contract.ts";
import { change, type ChangeOutcome } from "../change/change.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Choice, Field, useAction } from "../parts/fields.tsx";
import { Foreign, ToldAloud } from "../parts/text.tsx";
import { useEdited } from "./edited_rule.ts";
import {
  DIRECTION_TEXTS,
  matchText,
  NEW_RULE,
  type RuleWords,
  toDraft,
  toWords,
} from "./rule_text.ts";

/** Which field fills in what. */
const LABELS = {
  "rule.name": "Name",
  "rule.ports": "Ports",
  "rule.source_ips": "From",
  "rule.destination_ips": "To",
  "position": "Place",
} as const;

/** The form tells what its change came to. */
const TOLD = { toldIn: "dialog", labels: LABELS } as const;

type Set = (change: Partial<RuleWords>) => void;

/** What the form needs. */
export interface RuleFormProps {
  /** As it was when the form was opened; none for a new one. */
  readonly rule?: RuleView;
  /** All rules as they are. */
  readonly rules: readonly RuleView[];
  onClose(): void;
  /** The row of that rule is another one now. */
  onChanged(number: number): void;
}

/** Edits a rule, or adds one. */
export function RuleForm({ rule: opened, rules, onClose, onChanged }: RuleFormProps) {
  const [words, setWords] = useState<RuleWords>(opened ? toWords(opened.rule) : NEW_RULE);
  const [position, setPosition] = useState<number | null>(null);
  const { rule, news, lookAgain } = useEdited(opened, rules);
  const { isBusy, outcome, run } = useAction<ChangeOutcome>();
  const problems = outcome?.problems ?? {};
  const last = rules.length + 1;
  const set: Set = (change) => setWords({ ...words, ...change });
  const send = () => {
    const draft = toDraft(words);
    if (!rule) {
      return change<AddRule>("/rules/add", {
        rule: draft,
        ...(position !== null && { position }),
      }, TOLD);
    }
    const { number, id } = rule;
    return change<ReplaceRule>("/rules/replace", { number, id, rule: draft }, TOLD);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const result = await run(send);
    if (!result) return;
    if (!result.done) return lookAgain();
    onClose();
    if (rule) onChanged(rule.number);
  };
  return (
    <Dialog title={rule ? `Rule ${rule.number}` : "New rule"} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <WhatFields words={words} set={set} problems={problems} />
        <WhomFields words={words} set={set} problems={problems} />
        {!rule && <PositionField last={last} position={position} setPosition={setPosition} />}
        <Preview words={words} />
        <ToldAloud outcome={news ?? outcome} />
        <div class="buttons">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" aria-disabled={isBusy}>
            {rule ? "Change the rule" : "Add the rule"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldsProps {
  readonly words: RuleWords;
  readonly set: Set;
  /** By label. */
  readonly problems: Readonly<Record<string, string>>;
}

function WhatFields({ words, set, problems }: FieldsProps) {
  const { name, action, direction, protocol, ports } = words;
  return (
    <>
      <Field label="Name" problem={problems.Name}>
        {(ids) => (
          <input
            {...ids}
            required
            maxLength={100}
            autofocus
            value={name}
            onInput={(event) => set({ name: event.currentTarget.value })}
          />
        )}
      </Field>
      <div class="form-row">
        <Choice
          label="What it does"
          options={[["block", "Block"], ["allow", "Allow"]]}
          value={action}
          onChoose={(value) => set({ action: value })}
        />
        <Choice
          label="Who opens the connection"
          options={[["in", "Incoming"], ["out", "Outgoing"], ["both", "Both"]]}
          value={direction}
          onChoose={(value) => set({ direction: value })}
        />
        <Choice
          label="Protocol"
          options={[["tcp", "TCP"], ["udp", "UDP"], ["icmp", "ICMP"], ["any", "Any"]]}
          value={protocol}
          onChoose={(value) => set({ protocol: value })}
        />
      </div>
      {protocol !== "icmp" && (
        <Field
          label="Ports"
          problem={problems.Ports}
          hint="Destination ports such as 23, 445, 8000-8100. Empty: every port."
        >
          {(ids) => (
            <input
              {...ids}
              class="mono"
              autocomplete="off"
              value={ports}
              onInput={(event) => set({ ports: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
    </>
  );
}

function WhomFields({ words: { sources, destinations }, set, problems }: FieldsProps) {
  const common = { class: "mono", autocomplete: "off", spellcheck: false } as const;
  return (
    <>
      <Field label="From" problem={problems.From} hint="Addresses or ranges. Empty: everybody.">
        {(ids) => (
          <input
            {...ids}
            {...common}
            value={sources}
            onInput={(event) => set({ sources: event.currentTarget.value })}
          />
        )}
      </Field>
      <Field label="To" problem={problems.To} hint="Addresses or ranges. Empty: everywhere.">
        {(ids) => (
          <input
            {...ids}
            {...common}
            value={destinations}
            onInput={(event) => set({ destinations: event.currentTarget.value })}
          />
        )}
      </Field>
    </>
  );
}

function PositionField(
  { last, position, setPosition }: {
    readonly last: number;
    /** Null: the last one, however many there are by then. */
    readonly position: number | null;
    setPosition(position: number | null): void;
  },
) {
  return (
    <Field label="Place" hint="The first rule that matches decides.">
      {(ids) => (
        <input
          {...ids}
          class="short"
          type="number"
          min={1}
          max={last}
          value={position ?? last}
          onInput={(event) => {
            const number = Number(event.currentTarget.value);
            setPosition(number === 0 || number === last ? null : number);
          }}
        />
      )}
    </Field>
  );
}

/** What the rule says, so that nobody has to think in fields. */
function Preview({ words }: { readonly words: RuleWords }) {
  const draft = toDraft(words);
  return (
    <p class="preview">
      {draft.action === "block" ? "Blocks" : "Allows"} <Foreign text={matchText(draft)} />,{" "}
      {DIRECTION_TEXTS[words.direction]}.
    </p>
  );
}
