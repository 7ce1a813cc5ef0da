/** The choice of a reason. */
import type { ReasonCode } from "../../contract.ts";
import { REASON_NAMES } from "../text/reason.ts";
import { Field } from "./fields.tsx";

/** Any reason, or one. */
export function ReasonField(
  { value, onChoose }: {
    readonly value: "" | ReasonCode;
    onChoose(value: "" | ReasonCode): void;
  },
) {
  return (
    <Field label="Why">
      {(ids) => (
        <select
          {...ids}
          value={value}
          onChange={(event) => onChoose(event.currentTarget.value as "" | ReasonCode)}
        >
          <option value="">any reason</option>
          {Object.entries(REASON_NAMES).map(([code, name]) => (
            <option key={code} value={code}>{name}</option>
          ))}
        </select>
      )}
    </Field>
  );
}
