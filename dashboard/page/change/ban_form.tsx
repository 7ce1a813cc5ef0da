/** The form for a ban. */
import { useState } from "preact/hooks";
import { Dialog } from "../parts/dialog.tsx";
import { Field, useAction } from "../parts/fields.tsx";
import { ToldAloud } from "../parts/text.tsx";
import { banTarget } from "./ban_target.ts";
import { changeBans, type ChangeOutcome } from "./change.ts";

const MINUTE = 60, HOUR = 3_600, DAY = 86_400;
const LENGTHS: readonly (readonly [number, string])[] = [
  [10 * MINUTE, "10 minutes"],
  [HOUR, "1 hour"],
  [6 * HOUR, "6 hours"],
  [DAY, "1 day"],
  [7 * DAY, "7 days"],
  [30 * DAY, "30 days"],
];

const LABELS = { addresses: "Addresses or ranges" } as const;

/** Open while there is a target. */
export function BanDialog() {
  const target = banTarget.value;
  return target !== null && <BanForm key={target} target={target} />;
}

function BanForm({ target }: { readonly target: string }) {
  const [address, setAddress] = useState(target);
  const [seconds, setSeconds] = useState(HOUR);
  const [reason, setReason] = useState("");
  const { isBusy, outcome, run } = useAction<ChangeOutcome>();
  const close = () => banTarget.value = null;
  const submit = async (event: Event) => {
    event.preventDefault();
    const addresses = address.split(/[\s,]+/).filter(Boolean);
    const body = { addresses, seconds, reason: reason.trim() || "by hand" };
    const told = { toldIn: "dialog", labels: LABELS } as const;
    if ((await run(() => changeBans("/bans", body, told)))?.done) close();
  };
  return (
    <Dialog title="Ban" onClose={close}>
      <form class="form" onSubmit={submit}>
        <Field
          label={LABELS.addresses}
          problem={outcome?.problems?.[LABELS.addresses]}
          hint="IPv4 or IPv6, such as 203.0.113.7 or 2001:db8::/64"
        >
          {(ids) => (
            <input
              {...ids}
              class="mono"
              required
              autofocus={target === ""}
              autocomplete="off"
              spellcheck={false}
              value={address}
              onInput={(event) => setAddress(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="For how long">
          {(ids) => (
            <select
              {...ids}
              value={seconds}
              onChange={(event) => setSeconds(Number(event.currentTarget.value))}
            >
              {LENGTHS.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            </select>
          )}
        </Field>
        <Field label="Reason" hint="Shown in the log after “Banned:”">
          {(ids) => (
            <input
              {...ids}
              maxLength={100}
              autofocus={target !== ""}
              placeholder="by hand"
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          )}
        </Field>
        <ToldAloud outcome={outcome} />
        <div class="buttons">
          <button type="button" onClick={close}>Cancel</button>
          <button type="submit" class="primary" aria-disabled={isBusy}>Ban</button>
        </div>
      </form>
    </Dialog>
  );
}
