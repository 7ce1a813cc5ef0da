/** A field for a port, or none. */
import { Field } from "./fields.tsx";

/** Digits alone; empty means any. */
export function PortField(
  { value, isDisabled, onInput }: {
    readonly value: string;
    readonly isDisabled?: boolean;
    onInput(value: string): void;
  },
) {
  return (
    <Field label="Port">
      {(ids) => (
        <input
          {...ids}
          class="short"
          inputMode="numeric"
          pattern="[0-9]*"
          placeholder="any"
          autocomplete="off"
          disabled={isDisabled}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
