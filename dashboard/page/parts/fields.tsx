/** Parts of forms: each with its label, and with what is wrong beside it. */
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { visible } from "../text/visible.ts";
import type { Outcome } from "./notices.ts";

/** What ties an input to its label, its hint and what is wrong with it. */
export interface FieldIds {
  readonly id: string;
  readonly "aria-describedby"?: string;
  readonly "aria-invalid"?: boolean;
}

/** A field with a label above, and below it a hint or what is wrong. */
export function Field(
  { label, hint, problem, children }: {
    readonly label: string;
    readonly hint?: string;
    readonly problem?: string;
    children(ids: FieldIds): ComponentChildren;
  },
) {
  const id = useId();
  const hintId = `${id}-hint`, problemId = `${id}-problem`;
  const described = [problem && problemId, hint && hintId].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": problem ? true : undefined,
      })}
      {problem && (
        <p class="field-problem" id={problemId}>
          <bdi class="foreign">{visible(problem)}</bdi>
        </p>
      )}
      {hint && <p class="hint" id={hintId}>{hint}</p>}
    </div>
  );
}

/** One of a few words, side by side. */
export function Choice<Value extends string>(
  { label, options, value, onChoose }: {
    readonly label: string;
    readonly options: readonly (readonly [Value, string])[];
    readonly value: Value;
    onChoose(value: Value): void;
  },
) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class="unseen">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option} class={option === value ? "chosen" : ""}>
          <input
            type="radio"
            name={name}
            checked={option === value}
            onChange={() => onChoose(option)}
          />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

/** On or off; it moves only when the firewall has done it. */
export function Switch(
  { label, isOn, isBusy, onSwitch }: {
    readonly label: string;
    readonly isOn: boolean;
    readonly isBusy?: boolean;
    onSwitch(isOn: boolean): void;
  },
) {
  return (
    <button
      type="button"
      class="switch"
      role="switch"
      aria-checked={isOn ? "true" : "false"}
      aria-label={label}
      aria-busy={isBusy ? "true" : undefined}
      aria-disabled={isBusy}
      onClick={() => onSwitch(!isOn)}
    >
      <span class="switch-knob" />
      <span class="switch-word">{isOn ? "On" : "Off"}</span>
    </button>
  );
}

/**
 * Runs one action at a time and remembers what it came to. What a button asks for meanwhile is not
 * done; it says so by `aria-disabled`, for a button that is `disabled` loses the focus.
 */
export function useAction<Result extends Outcome | void>(): {
  readonly isBusy: boolean;
  readonly outcome: Result | null;
  run(action: () => Promise<Result>): Promise<Result | undefined>;
  /** Forgets the outcome: beside something else that was asked for it would be taken for its answer. */
  clear(): void;
} {
  const [isBusy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Result | null>(null);
  // Handlers of an earlier rendering run too.
  const busy = useRef(false);
  const run = async (action: () => Promise<Result>) => {
    if (busy.current) return undefined;
    busy.current = true;
    setBusy(true);
    try {
      const result = await action();
      setOutcome(() => result);
      return result;
    } finally {
      busy.current = false;
      setBusy(false);
    }
  };
  return { isBusy, outcome, run, clear: () => setOutcome(null) };
}
